"""The limits of a frame: what is at the limit is decoded, what is one beyond is refused by name."""

import pytest
from samples import SAMPLES

from ingestor.decode import Decoder

FRAME_BYTES_MAX = 16 << 20
DEPTH_MAX = 512
TICKS_MAX = 1 << 18
TRADE = b'{"stream":"x","data":{"e":"trade","s":"BTCUSDT","t":1,"p":"2","q":"3","pad":"%s"}}'


def test_a_frame_of_sixteen_megabytes_is_decoded_and_one_byte_more_is_too_large() -> None:
    decoder = Decoder("binance-spot")
    pad = FRAME_BYTES_MAX - len(TRADE % b"")
    status, records = decoder.decode(TRADE % (b"x" * pad))
    assert (status, len(records)) == ("decoded", 1)
    assert decoder.decode(TRADE % (b"x" * (pad + 1))) == ("too_large", [])
    assert decoder.decode(TRADE % b"")[0] == "decoded"


def test_a_text_of_sixteen_megabytes_of_escapes_is_read() -> None:
    decoder = Decoder("binance-spot")
    frame = TRADE.replace(b"BTCUSDT", b"%s") % (b"\\u0041" * ((FRAME_BYTES_MAX - len(TRADE)) // 6), b"")
    status, records = decoder.decode(frame)
    assert status == "decoded"
    assert set(records[0]["symbol"]) == {"A"}


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_nesting_of_512_levels_is_passed_and_513_are_refused(opening: bytes, closing: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    for dialect in SAMPLES:
        if dialect == "kaiko":      # protobuf
            continue
        decoder = Decoder(dialect)
        for count, status in ((DEPTH_MAX // levels, "ignored"), (DEPTH_MAX // levels + 1, "too_deep"),
                              (200_000, "too_deep")):
            assert decoder.decode(opening * count + b"1" + closing * count) == (status, [])


def test_nesting_counts_from_the_frame_however_deep_the_reader_stands() -> None:
    for depth, status in ((DEPTH_MAX - 2, "decoded"), (DEPTH_MAX - 1, "too_deep")):
        frame = (TRADE % b"").replace(b'"pad":""', b'"pad":' + b"[" * depth + b"]" * depth)
        assert Decoder("binance-spot").decode(frame)[0] == status
        data_first = b'{"data":' + frame[len(b'{"stream":"x","data":'):-1] + b',"stream":"x"}'
        assert Decoder("binance-spot").decode(data_first)[0] == status


def test_as_many_records_as_a_batch_holds_are_yielded_and_one_more_is_too_many() -> None:
    row = b'{"symbol":"X","price":1,"qty":2}'
    for count, status in ((TICKS_MAX, "decoded"), (TICKS_MAX + 1, "too_many")):
        decoder = Decoder("kraken-v2")
        frame = b'{"channel":"trade","data":[' + b",".join([row] * count) + b"]}"
        assert len(frame) <= FRAME_BYTES_MAX
        assert decoder.count_all([frame]) == ((count, 0) if status == "decoded" else (0, 1))
    assert decoder.decode(b'{"channel":"trade","data":[' + row + b"]}")[0] == "decoded"


def test_a_batch_that_grew_is_used_again() -> None:
    decoder = Decoder("kraken-v2")
    row = b'{"symbol":"\\u0058","price":1,"qty":2}'
    for count in (1, 1000, 3, 300):
        status, records = decoder.decode(b'{"channel":"trade","data":[' + b",".join([row] * count) + b"]}")
        assert (status, len(records)) == ("decoded", count)
        assert {record["symbol"] for record in records} == {"X"}


def test_the_state_of_all_instruments_and_a_book_with_its_trades_are_read_in_megabytes() -> None:
    instrument, count = '{"symbol":"S%d","lotSize":1,"bidPrice":1.5,"askPrice":2,"markPrice":1.75,"pad":"%s"}', 5000
    rows = ",".join(instrument % (number, "x" * 900) for number in range(count))
    status, records = Decoder("bitmex").decode(f'{{"table":"instrument","action":"partial","data":[{rows}]}}'.encode())
    assert (status, len(records)) == ("decoded", 2 * count)     # a quote and a reference each
    assert {record["symbol"] for record in records} == {f"S{number}" for number in range(count)}
    changes = ",".join(f'["buy","{number}.5","1"]' for number in range(200_000))
    trade = '{"type":"trade","symbol":"BTCUSD","event_id":1,"price":"1","quantity":"2","side":"buy"}'
    status, records = Decoder("gemini").decode(
        f'{{"trades":[{trade}],"changes":[{changes}],"symbol":"BTCUSD","type":"l2_updates"}}'.encode())
    assert (status, len(records)) == ("decoded", 1)
