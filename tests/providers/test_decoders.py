"""Small frames written from the format reference, with the records they must yield, digit for digit."""

import json

import pytest

from ingestor.decode import Decoder

TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1786562940922,"s":"BTCUSDT","t":5154882831,'
    b'"p":"64012.37000000","q":"0.00420000","T":1786562940921,"m":true,"M":true}}'
)
MATCH = (
    b'{"type":"match","trade_id":871203344,"maker_order_id":"x","taker_order_id":"y","side":"buy","size":"0.0042",'
    b'"price":"64012.37","product_id":"BTC-USD","sequence":80139250412,"time":"2026-08-12T19:29:00.921195Z"}'
)
KRAKEN = (
    b'{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD","side":"sell","price":63297.7,"qty":5.1e-05,'
    b'"ord_type":"market","trade_id":98765432,"timestamp":"2026-08-12T19:29:02.066592Z"}]}'
)
FRAMES = {"binance-spot": TRADE, "coinbase-exchange": MATCH, "kraken-v2": KRAKEN}


def test_a_binance_trade_keeps_its_digits_and_names_the_taker() -> None:
    status, [record] = Decoder("binance-spot").decode(TRADE, 7)
    assert status == "decoded"
    assert record == {
        "kind": "trade", "provider": "binance-spot", "venue": "binance", "symbol": "BTCUSDT", "instrument": None,
        "ts_event_ns": 1786562940921000000, "ts_recv_ns": 7, "seq": 5154882831, "snapshot": False,
        "id": "5154882831", "side": "sell", "price": "64012.37", "size": "0.0042",
    }


def test_a_coinbase_match_names_the_maker_so_the_taker_took_the_other_side() -> None:
    _, [record] = Decoder("coinbase-exchange").decode(MATCH)
    assert (record["side"], record["ts_event_ns"]) == ("sell", 1786562940921195000)


def test_a_kraken_exponent_is_written_in_plain_notation_and_a_snapshot_is_flagged() -> None:
    _, [record] = Decoder("kraken-v2").decode(KRAKEN)
    assert (record["size"], record["snapshot"], record["side"]) == ("0.000051", True, "sell")


@pytest.mark.parametrize("dialect", FRAMES)
def test_a_frame_cut_anywhere_yields_nothing_and_says_truncated(dialect: str) -> None:
    decoder = Decoder(dialect)
    for size in range(len(FRAMES[dialect])):
        assert decoder.decode(FRAMES[dialect][:size]) == ("truncated", [])


@pytest.mark.parametrize("dialect", FRAMES)
def test_key_order_white_space_and_escapes_mean_nothing(dialect: str) -> None:
    decoder = Decoder(dialect)
    expected = decoder.decode(FRAMES[dialect])

    def turned(value: object) -> object:
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else (
            [turned(item) for item in value] if isinstance(value, list) else value)

    text = json.dumps(turned(json.loads(FRAMES[dialect])), indent=2)
    assert decoder.decode(text.encode()) == expected
    escaped = FRAMES[dialect].replace(b'"data"', b'"\\u0064ata"').replace(b'"type"', b'"\\u0074ype"')
    assert decoder.decode(escaped) == expected


@pytest.mark.parametrize(("text", "status"), [
    (b'"NaN"', "bad_number"), (b"true", "bad_type"), (b'"+1"', "bad_number"), (b'" 1"', "bad_number"),
    (b"01", "syntax"), (b"NaN", "syntax"), (b".5", "syntax"), (b"1.", "syntax"), (b"-", "syntax"), (b"1e", "syntax"),
    (b'""', "missing_field"), (b"null", "missing_field"), (b'"1e200"', "number_range"), (b"[1,]", "syntax"),
    (b'"\\x"', "bad_escape"), (b'"\n"', "syntax"), (b"{}", "bad_type"), (b"1 2", "syntax"),
])
def test_a_bad_price_refuses_the_frame_and_names_the_reason(text: bytes, status: str) -> None:
    assert Decoder("binance-spot").decode(TRADE.replace(b'"64012.37000000"', text)) == (status, [])


@pytest.mark.parametrize(("text", "price"), [
    (b"6E-8", "0.00000006"), (b"-8.477e-05", "-0.00008477"), (b'"007.50"', "7.5"), (b"-0", "0"), (b"1e3", "1000"),
    (b'"123456789012345678"', "123456789012345678"), (b'"1234567890123456785"', "1234567890123456780"),
    (b'"1234567890123456775"', "1234567890123456780"), (b'"0.10000000000000000000000"', "0.1"),
    (b'"999999999999999999.9"', "1000000000000000000"), (b"1e127", "1" + "0" * 127), (b"1e144", "1" + "0" * 144),
])
def test_a_decimal_is_exact_up_to_eighteen_digits_and_rounded_half_even_beyond(text: bytes, price: str) -> None:
    _, [record] = Decoder("binance-spot").decode(TRADE.replace(b'"64012.37000000"', text))
    assert record["price"] == price


def test_nesting_is_refused_beyond_its_limit_only() -> None:
    decoder = Decoder("binance-spot")
    for depth, status in ((511, "ignored"), (512, "too_deep"), (100_000, "too_deep")):
        assert decoder.decode(b'{"x":' + b"[" * depth + b"]" * depth + b"}")[0] == status
