"""Messages of kaiko, built by its own library; a frame is the method's byte, then the message."""

from typing import Any

from kaikosdk.stream.aggregated_quote_v2 import response_pb2 as aggregated_quotes
from kaikosdk.stream.aggregates_ohlcv_v1 import response_pb2 as ohlcvs
from kaikosdk.stream.aggregates_spot_exchange_rate_v2 import response_pb2 as rates
from kaikosdk.stream.aggregates_vwap_v1 import response_pb2 as vwaps
from kaikosdk.stream.derivatives_instrument_metrics_v1 import response_pb2 as metrics
from kaikosdk.stream.index_v1 import response_pb2 as indices
from kaikosdk.stream.market_update_v1 import response_pb2 as market_updates
from kaikosdk.stream.trades_v1 import response_pb2 as trades

from samples.sample import Record, Samples

SECONDS, EXCHANGE_NANOS, KAIKO_NANOS = 1786562940, 921195000, 935102734
TIME = SECONDS * 10**9 + EXCHANGE_NANOS
COMMON: dict[str, Any] = {
    "amount": 0.0042, "code": "btc-usd", "exchange": "cbse", "sequence_id": "0001afkq2b0000", "id": "871203344",
    "price": 64012.37, "ts_exchange": {"value": {"seconds": SECONDS, "nanos": EXCHANGE_NANOS}},
    "ts_collection": {"value": {"seconds": SECONDS, "nanos": 934410112}},
    "ts_event": {"seconds": SECONDS, "nanos": KAIKO_NANOS},
    "additional_properties": {"any": "thing"},
}


def trade_frame(**values: Any) -> bytes:
    return message(b"T", trades.StreamTradesResponseV1, "side", {"side": "SELL", **values})


def update_frame(update: str, **values: Any) -> bytes:
    return message(b"M", market_updates.StreamMarketUpdateResponseV1, "update_type", {"update_type": update, **values})


def message(method: bytes, kind: Any, enum: str, values: dict[str, Any]) -> bytes:
    merged = {"class": "spot", **COMMON, **values}
    number = merged.pop(enum)
    built = kind(**{key: value for key, value in merged.items() if value is not None})
    field = kind.DESCRIPTOR.fields_by_name[enum]
    setattr(built, enum, field.enum_type.values_by_name[number].number if isinstance(number, str) else number)
    return method + bytes(built.SerializeToString())


kaiko = Samples("kaiko", "")
trade = kaiko.trade("btc-usd", "871203344", "sell", "64012.37", "0.0042", TIME, venue="cbse")
bid = kaiko.quote("btc-usd", "64012.37", "0.0042", None, None, TIME, venue="cbse")
ask = kaiko.quote("btc-usd", None, None, "64012.37", "0.0042", TIME, venue="cbse")

kaiko.yields("trade", trade_frame(), trade)
kaiko.yields("trade BUY", trade_frame(side="BUY"), {**trade, "side": "buy"})
kaiko.yields("trade UNKNOWN", trade_frame(side="UNKNOWN"), {**trade, "side": "unknown"})
kaiko.yields("trade of a side to come", trade_frame(side=7), {**trade, "side": "unknown"})
kaiko.yields("trade without an id", trade_frame(id=""), {**trade, "id": None})
kaiko.yields("trade without the venue's time", trade_frame(ts_exchange=None), {**trade, "ts_event_ns": None})
kaiko.yields("trade of 1970", trade_frame(ts_exchange={"value": {}}), {**trade, "ts_event_ns": None})
kaiko.yields("trade before 1970", trade_frame(ts_exchange={"value": {"seconds": -1, "nanos": 999_999_999}}),
             {**trade, "ts_event_ns": None})
kaiko.yields("trade of no amount", trade_frame(amount=0.0), {**trade, "size": "0"})
kaiko.yields("trade of a price with an exponent", trade_frame(price=1.96e-06), {**trade, "price": "0.00000196"})
kaiko.yields("trade with seventeen digits", trade_frame(amount=0.1 + 0.2), {**trade, "size": "0.30000000000000004"})
kaiko.yields("trade of no venue and class", trade_frame(exchange="", **{"class": ""}), {**trade, "venue": ""})
kaiko.yields("update TRADE_BUY", update_frame("TRADE_BUY"), {**trade, "side": "buy"})
kaiko.yields("update TRADE_SELL", update_frame("TRADE_SELL"), trade)
kaiko.yields("update TRADE_UNKNOWN", update_frame("TRADE_UNKNOWN"), {**trade, "side": "unknown"})
kaiko.yields("update BEST_BID", update_frame("BEST_BID", id=""), bid)
kaiko.yields("update BEST_ASK", update_frame("BEST_ASK", id=""), ask)

for update in ("UNKNOWN", "UPDATED_ASK", "UPDATED_BID", "SNAPSHOT", "FORCE_SNAPSHOT"):
    kaiko.nothing(f"update {update}", update_frame(update))
kaiko.nothing("update to come", update_frame("UNKNOWN", update_type=99))

kaiko.nothing("nothing at all", b"", "truncated")
kaiko.nothing("an unknown method", b"X" + trade_frame()[1:], "syntax")
kaiko.nothing("an empty message", b"T", "missing_field")
kaiko.nothing("trade without a price", trade_frame(price=None), "missing_field")
kaiko.nothing("trade without a code", trade_frame(code=""), "missing_field")
kaiko.nothing("trade of no number", trade_frame(price=float("nan")), "bad_number")
kaiko.nothing("trade of an infinite amount", trade_frame(amount=float("-inf")), "bad_number")
kaiko.nothing("nanoseconds beyond a second", trade_frame(ts_event={"seconds": 1, "nanos": 1_000_000_000}), "bad_time")
kaiko.nothing("negative nanoseconds", trade_frame(ts_event={"seconds": 1, "nanos": -1}), "bad_time")
kaiko.nothing("a time beyond 64 bits", trade_frame(ts_exchange={"value": {"seconds": 9223372037}}), "bad_time")
kaiko.nothing("a price too small", trade_frame(price=5e-324), "number_range")
kaiko.nothing("a price too large", trade_frame(price=1e300), "number_range")
kaiko.nothing("text that is not UTF-8", trade_frame().replace(b"btc-usd", b"btc-us\xff"), "bad_utf8")
kaiko.nothing("a group", trade_frame() + b"\x9b\x06\x9c\x06", "syntax")
kaiko.nothing("field number zero", trade_frame() + b"\x00\x00", "syntax")
kaiko.nothing("a price of another type", trade_frame() + b"\x40\x01", "syntax")
kaiko.nothing("a varint of eleven bytes", trade_frame() + b"\x48" + b"\x80" * 10 + b"\x01", "syntax")


def built(method: bytes, kind: Any, **values: Any) -> bytes:
    message = kind(**{key: value for key, value in values.items() if value is not None})
    return method + bytes(message.SerializeToString())


MINUTE, WHEN = {"seconds": SECONDS}, {"seconds": SECONDS, "nanos": EXCHANGE_NANOS}
HEAD: dict[str, Any] = {"class": "spot", "code": "btc-usd", "exchange": "cbse", "uid": "1f", "aggregate": "1m"}


def vwap_frame(**values: Any) -> bytes:
    return built(b"V", vwaps.StreamAggregatesVWAPResponseV1, **{
        **HEAD, "price": 64005.125, "ts_event": MINUTE, **values})


def ohlcv_frame(**values: Any) -> bytes:
    prices = {"open": "64000.10", "high": "64013", "low": "63999.90", "close": "64012.4", "volume": "9.25"}
    return built(b"O", ohlcvs.StreamAggregatesOHLCVResponseV1, **{**HEAD, **prices, "timestamp": MINUTE, **values})


def rate_frame(method: bytes = b"X", **values: Any) -> bytes:
    return built(method, rates.StreamAggregatesSpotExchangeRateV2ResponseV1, **{
        "assets": {"base": "btc", "quote": "usd"}, "price": 64012.37, "timestamp": WHEN,
        "window": {"start_time": MINUTE, "duration": {"seconds": 15}}, **values})


def quote_frame(**values: Any) -> bytes:
    return built(b"Q", aggregated_quotes.StreamAggregatedQuoteResponseV2, **{
        "aggregate": "1s", "instrument_class": "spot", "code": "btc-usd", "event_type": "BEST_BID", "ts_event": WHEN,
        "vetted": {"price": "64012.370", "volume": "1.5"}, "unvetted": {"price": "1", "volume": "2"}, **values})


def metric_frame(**values: Any) -> bytes:
    return built(b"R", metrics.StreamDerivativesInstrumentMetricsResponseV1, **{
        "value": "-0.0000756735759807", "legacy_symbol": "BTCUSDT", "exchange": "binc", "commodity": "funding_rate",
        "commodity_kind": "SDICK_RISK", "ts_collection": WHEN, "ts_event": WHEN, **values})


def index_frame(*levels: Any, **values: Any) -> bytes:
    return built(b"I", indices.StreamIndexServiceResponseV1, **{
        "index_code": "KK_BRR_BTCUSD", "commodity": "SIC_REAL_TIME", "quote": "usd", "sequence_id": "s",
        "percentages": levels or [{"percentage": 1.0, "price": 64012.37, "pairs": [{"pair": "btc-usd"}]}],
        "ts_event": WHEN, "last_micro_price": {"price": 5.0}, **values})


def reference(symbol: str, ts: int | None, venue: str, **values: str) -> Record:
    return {**kaiko.reference(symbol, ts, **values), "venue": venue}


BEGIN, END = SECONDS * 10**9, (SECONDS + 60) * 10**9
vwap = kaiko.bar("btc-usd", "- - - - -", BEGIN, END, None, vwap="64005.125", venue="cbse")
ohlcv = kaiko.bar("btc-usd", "64000.1 64013 63999.9 64012.4 9.25", BEGIN, END, None, venue="cbse")
rate = reference("btc-usd", TIME, "kaiko", index="64012.37")
vetted = kaiko.quote("btc-usd", "64012.37", "1.5", None, None, TIME, venue="kaiko")

kaiko.yields("vwap", vwap_frame(), vwap)
for length, seconds in (("1s", 1), ("90m", 5400), ("1h", 3600), ("9999d", 9999 * 86400)):
    kaiko.yields(f"vwap of {length}", vwap_frame(aggregate=length), {**vwap, "end_ns": BEGIN + seconds * 10**9})
for length in ("", "m", "0m", "1M", "12345s", "1y"):
    kaiko.yields(f"vwap of no known length {length!r}", vwap_frame(aggregate=length), {**vwap, "end_ns": None})
kaiko.yields("vwap of no time", vwap_frame(ts_event=None), {**vwap, "start_ns": None, "end_ns": None})
kaiko.nothing("vwap of nothing", vwap_frame(price=None))
kaiko.nothing("vwap of no code", vwap_frame(code=""), "missing_field")
kaiko.nothing("vwap that is no number", vwap_frame(price=float("inf")), "bad_number")

kaiko.yields("ohlcv", ohlcv_frame(), ohlcv)
kaiko.yields("ohlcv without trades", ohlcv_frame(open="", high="", low="", close="", volume="0"),
             {**ohlcv, "open": None, "high": None, "low": None, "close": None, "volume": "0"})
kaiko.yields("ohlcv with many digits", ohlcv_frame(volume="1.2345678901234567895"),
             {**ohlcv, "volume": "1.23456789012345679"})
kaiko.nothing("ohlcv of no code", ohlcv_frame(code=""), "missing_field")
kaiko.nothing("ohlcv of no number", ohlcv_frame(low="low"), "bad_number")
kaiko.nothing("ohlcv that ends beyond 64 bits", ohlcv_frame(timestamp={"seconds": 9223372000}, aggregate="1d"),
              "bad_time")

kaiko.yields("spot exchange rate", rate_frame(), rate)
kaiko.yields("direct exchange rate", rate_frame(b"D"), rate)
kaiko.yields("rate, its pair in two pieces", rate_frame(assets={"quote": "usd"}) + b"\x0a\x05\x0a\x03btc", rate)
kaiko.nothing("rate without trades", rate_frame(no_trade=True))
kaiko.nothing("rate of no price", rate_frame(price=None))
kaiko.nothing("rate of half a pair", rate_frame(assets={"base": "btc"}), "missing_field")
kaiko.nothing("rate of no pair", rate_frame(assets=None), "missing_field")
kaiko.nothing("rate of a pair of another type", rate_frame() + b"\x08\x01", "syntax")

kaiko.yields("aggregated BEST_BID", quote_frame(), vetted)
kaiko.yields("aggregated BEST_ASK", quote_frame(event_type="BEST_ASK"), kaiko.quote(
    "btc-usd", None, None, "64012.37", "1.5", TIME, venue="kaiko"))
kaiko.yields("aggregated quote of no volume", quote_frame(vetted={"price": "64012.37"}), {**vetted, "bid_size": None})
kaiko.nothing("aggregated quote that is not vetted", quote_frame(vetted=None))
kaiko.nothing("aggregated quote of no side", quote_frame(event_type="UNKNOWN"))
kaiko.nothing("aggregated quote of no code", quote_frame(code=""), "missing_field")
kaiko.nothing("aggregated quote of no number", quote_frame(vetted={"price": "+1"}), "bad_number")

funding = reference("BTCUSDT", None, "binc", funding="-0.0000756735759807")
kaiko.yields("metric funding_rate", metric_frame(), funding)
kaiko.yields("metric funding rate", metric_frame(commodity="funding rate"), funding)
for name, key in (("mark_price", "mark"), ("index_price", "index"), ("open_interest", "open_interest")):
    kaiko.yields(f"metric {name}", metric_frame(commodity=name, value="39745.90"),
                 reference("BTCUSDT", None, "binc", **{key: "39745.9"}))
for name in ("price", "predicted_funding_rate", "24h_volume", "nearby", "", "mark_pric"):
    kaiko.nothing(f"metric {name!r}", metric_frame(commodity=name, value="true"))
kaiko.nothing("metric of no value", metric_frame(value=""))
kaiko.nothing("metric of no symbol", metric_frame(legacy_symbol=""), "missing_field")
kaiko.nothing("metric of no number", metric_frame(value="NaN"), "bad_number")

kaiko.yields("index", index_frame(), reference("KK_BRR_BTCUSD", TIME, "kaiko", index="64012.37"))
kaiko.nothing("index of two levels", index_frame({"percentage": 0.5, "price": 1.0}, {"percentage": 1.0, "price": 2.0}))
kaiko.nothing("index of no price", index_frame({"percentage": 0.5}))
kaiko.nothing("index of a daily fixing", index_frame(commodity="SIC_DAILY_FIXING"))
kaiko.nothing("index of no code", index_frame(index_code=""), "missing_field")
kaiko.nothing("index of a price of another type", index_frame() + b"\x3a\x02\x10\x01", "syntax")
