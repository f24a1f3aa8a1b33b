"""The vector bodies of the byte scans against their scalar twins; texts that are used, and their UTF-8."""

import random

import pytest
from guarded import Guarded
from hypothesis import given
from hypothesis import strategies as st

from ingestor.decode import Decoder
from ingestor.scan import leaves

TEXT = st.lists(st.sampled_from([b"a", b"0", b"7", b".", b'"', b"\\", b"\x00", b"\x1f", b" ", b"\x7f", b"\x80", b"\xff",
                                 b"0123456789", b"x" * 15, b"x" * 16, b"x" * 31, b"x" * 33]), max_size=12).map(b"".join)


def test_the_scalar_body_and_the_inline_one_are_always_listed() -> None:
    assert {"scalar", "inline"} <= set(leaves.IMPLEMENTATIONS)
    assert leaves.picked() in leaves.IMPLEMENTATIONS


@pytest.mark.parametrize("implementation", leaves.IMPLEMENTATIONS)
@given(TEXT, st.integers(0, 40))
def test_every_body_finds_the_same_end_of_a_string(implementation: str, text: bytes, start: int) -> None:
    start = min(start, len(text))
    assert leaves.string_end(implementation, text, start) == leaves.string_end("scalar", text, start)


@pytest.mark.parametrize("implementation", leaves.IMPLEMENTATIONS)
@pytest.mark.parametrize("stop", [b'"', b"\\", b"\x00", b"\x1f", b"\n"])
def test_a_stop_is_found_at_every_place_of_strings_of_every_size(implementation: str, stop: bytes) -> None:
    for size in range(1, 100):
        for place in range(size):
            text = b"x" * place + stop + b'\\"\x01'[:size - place - 1].ljust(size - place - 1, b"y")
            assert leaves.string_end(implementation, text) == (place, False)


@pytest.mark.parametrize("implementation", leaves.IMPLEMENTATIONS)
def test_no_byte_but_quote_backslash_and_control_stops_a_string(implementation: str) -> None:
    for byte in range(256):
        for size in (1, 15, 16, 17, 32, 33, 70):
            place = size // 2
            text = b"x" * place + bytes([byte]) + b"x" * (size - place - 1)
            stops = byte < 0x20 or byte in b'"\\'
            assert leaves.string_end(implementation, text) == (place if stops else size, byte >= 0x80)


def test_bytes_beyond_ascii_after_the_end_of_a_string_are_not_its() -> None:
    for implementation in leaves.IMPLEMENTATIONS:
        for place in range(40):
            assert leaves.string_end(implementation, b"x" * place + b'"' + b"\xff" * 40) == (place, False)


@given(TEXT, st.integers(0, 40))
def test_both_bodies_find_the_same_end_of_digits(text: bytes, start: int) -> None:
    start = min(start, len(text))
    assert leaves.digits_end(text, start) == leaves.digits_end(text, start, scalar=True)


def test_digits_end_at_every_place_and_at_no_other_byte() -> None:
    for byte in set(range(256)) - set(b"0123456789"):
        for size in (1, 7, 15, 16, 17, 40):
            assert leaves.digits_end(b"9" * size + bytes([byte]) + b"0" * 20) == size
    for size in range(50):
        assert leaves.digits_end(b"0" * size) == size


@given(st.binary(min_size=16, max_size=16) | TEXT.map(lambda text: text.rjust(16, b"1")[-16:]), st.integers(1, 16))
def test_both_bodies_read_the_same_plain_number(window: bytes, size: int) -> None:
    assert leaves.plain(window, size) == leaves.plain(window, size, scalar=True)


def test_plain_numbers_are_digits_with_one_point_among_them() -> None:
    chance = random.Random(5)
    for size in range(1, 17):
        for place in range(size + 1):
            digits = "".join(chance.choice("0123456789") for _ in range(size))
            text = digits[:place] + "." + digits[place + 1:] if place < size else digits
            window = bytes(chance.choice(b"0.9x\xff\"") for _ in range(16 - size)) + text.encode()
            whole = None if place in (0, size - 1) else (int(text.replace(".", "")), size - 1 - place)
            assert leaves.plain(window, size) == ((int(text), 0) if place == size else whole)


@given(st.binary(min_size=16, max_size=16) | TEXT.map(lambda text: text.ljust(16, b"7")[:16]))
def test_what_is_taken_for_short_is_short(window: bytes) -> None:
    size = leaves.short_string(window)
    if size >= 0:
        assert leaves.string_end("scalar", window) == (size, False)
        assert window[size] == ord('"')
    number = leaves.short_number(window)
    if number >= 0:
        assert number == leaves.digits_end(window, scalar=True)
        assert 0 < number < 16
        assert window[number:number + 1] not in (b".", b"e", b"E")
        assert number == 1 or window[:1] != b"0"


@given(st.binary(max_size=12) | st.text(max_size=6).map(lambda text: text.encode()))
def test_utf8_is_what_python_decodes(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        assert not leaves.utf8_valid(text)
    else:
        assert leaves.utf8_valid(text)


def test_utf8_at_its_edges() -> None:
    for bad in (b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
                b"\xef\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff", b"a\xc3",
                b"\xe2\x82\x28"):
        assert not leaves.utf8_valid(bad)
    for point in (0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF):
        assert leaves.utf8_valid(chr(point).encode())


MATCH = b'{"type":"match","trade_id":"%s","side":"buy","size":"1","price":"2","product_id":"BTC-USD"}'


@given(st.text(min_size=1, max_size=40))
def test_an_escaped_text_is_printed_as_it_reads(text: str) -> None:
    escaped = b"".join(b"\\u%04x" % unit for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"))
    status, records = Decoder("coinbase-exchange").decode(MATCH % escaped)
    assert (status, records[0]["id"]) == ("decoded", text)


@pytest.mark.parametrize("id", [b"\\ud800", b"\\udc00", b"\\ud800\\u0041", b"\\ud83dx\\ude00", b"x\\ud83d", b"\xff",
                                b"\xc3", b"\\u0041\xff", b"\xed\xa0\x80"])
def test_a_used_text_that_is_not_utf8_refuses_the_frame(id: bytes) -> None:
    assert Decoder("coinbase-exchange").decode(MATCH % id) == ("bad_utf8", [])


def test_an_unused_text_and_an_unused_key_may_hold_what_they_like() -> None:
    frame = (MATCH % b"7").replace(b'"type"', b'"\\ud800":"\\udc00","\xff":"\xff","type"')
    assert Decoder("coinbase-exchange").decode(frame)[0] == "decoded"


def test_short_frames_are_read_to_their_last_byte_and_no_further() -> None:
    decoder = Decoder("coinbase-exchange")
    with Guarded(64) as memory:
        for size in range(40):
            for text in (b'"' + b"x" * size + b'"', b"1" * size, b'["' + b"x" * size, b"[" + b"1" * size + b"]"):
                expected = decoder.decode(text)
                assert decoder.decode_at(memory.at_the_end(text), len(text)) == expected
                assert decoder.decode_at(memory.at_the_beginning(text), len(text)) == expected
