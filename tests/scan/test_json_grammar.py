"""RFC 8259, accepted and refused: whole texts, and values of a key that nobody uses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference.rules import Malformed, read_json

from ingestor.decode import Decoder

ACCEPTED = (
    b"{}", b"[]", b'""', b"0", b"-0", b"-1", b"10", b"0.0", b"1.50", b"0e0", b"1E+2", b"1e-0000001", b"-0.1e+5",
    b"1E400", b"true", b"false", b"null", b" 1 ", b"\t\r\n {}\t\r\n ", b"[[]]", b"[{},[],[1]]",
    b'{"a":{"b":[{"c":null}]}}', b'{"":0}', b'{"a":1,"a":2}', b'"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    b'"\\u0000\\uFFFF\\uabCD"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00x"', b'{"\\ud800":1}', b'"\x7f"',
    '"é漢😀"'.encode(), b'"\xff\xfe not UTF-8"', b'{"\xff":1}', b"[1 , 2]", b'{ "a" : 1 , "b" : 2 }',
    b"123456789012345678901234567890.123456789012345678901234567890e-999", b"[" + b"1," * 1000 + b"1]",
    b'["' + b"x" * 100_000 + b'"]',
)
TRUNCATED = (
    b"", b" ", b"{", b"[", b'"', b'"\\', b'"\\u', b'"\\u00', b'"abc', b"-", b"1.", b"1e", b"1e+", b"t", b"tru",
    b"fals", b"nul", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b"[1", b"[1,", b"[[", b'{"a":[{', b"0.", b"[1.5e-",
)
REFUSED = (
    b"{]", b"[}", b"[1,]", b"[,1]", b"[,]", b"[1,,2]", b"[1 2]", b'{"a":1,}', b'{,"a":1}', b'{"a":1 "b":2}',
    b'{"a" 1}', b'{"a",1}', b"{1:1}", b"{null:1}", b"{a:1}", b"{'a':1}", b"[1}", b"{}}", b"[]]", b"1 2", b"{} {}",
    b"'a'", b"a", b"\\", b"01", b"00", b"-01", b"+1", b".5", b"1.x", b"1.e5", b"1ex", b"1e+x", b"--1", b"-x",
    b"1_0", b"0x10", b"1.5.5", b"1e5e5", b"NaN", b"Infinity", b"-Infinity", b"True", b"None", b"nulL", b"truex",
    b"tRue", b"nan", b"undefined", b'"\\x41"', b'"\\u00G0"', b'"\\u 123"', b'"\\U0041"', b'"\\0"', b'"\\\n"',
    b'"\t"', b'"\n"', b'"\x00"', b'"\x1f"', b"\xef\xbb\xbf{}", b"\x0b1", b"\x0c1", b"1\x00", b"\xa0 1", b"/**/1",
    b"1//", b"[1;2]", b"{\xff:1}", b"\xff",
)


def verdict(text: bytes) -> str:
    return Decoder("coinbase-exchange").decode(text)[0]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_the_grammar_allows_is_passed(text: bytes) -> None:
    assert verdict(text) == "ignored"
    assert verdict(b'{"x":' + text + b',"type":"?"}') == "ignored"
    assert verdict(b'[0,{"x":[' + text + b"]}]") == "ignored"


@pytest.mark.parametrize("text", TRUNCATED)
def test_what_ends_too_early_is_truncated(text: bytes) -> None:
    assert verdict(text) == "truncated"
    assert verdict(b'{"x":' + text) == "truncated"
    assert verdict(b'{"x":[{"y":' + text) == "truncated"


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_grammar_forbids_is_refused_at_once(text: bytes) -> None:
    for frame in (text, b'{"x":' + text + b',"type":"?"}', b'{"x":[{"y":[' + text + b"]}]}"):
        assert verdict(frame) in ("syntax", "bad_escape")


TOKENS = st.sampled_from([
    b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"a":', b"1", b"-", b"0", b".5", b"e1", b"true", b"null",
    b" ", b"\\", b"\\u12", b"34", b"\xc3\xa9", b"\xff", b"\n", b"\x00", b'"b":{', b"[[", b"]]", b"}}", b'{"a":1}',
    b"[1,2]",
])


@given(st.lists(TOKENS, max_size=20).map(b"".join))
@example(b'"\\u12" 34')
def test_any_text_gets_the_verdict_of_the_slow_reader(text: bytes) -> None:
    try:
        read_json(text)
    except Malformed:
        assert verdict(text) in ("syntax", "truncated", "bad_escape")
    else:
        assert verdict(text) == "ignored"
