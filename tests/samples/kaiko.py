"""Messages of kaiko, built by its own library; a frame is the method's byte, then the message."""

from typing import Any

from kaikosdk.stream.market_update_v1 import response_pb2 as market_updates
from kaikosdk.stream.trades_v1 import response_pb2 as trades

from samples.sample import Samples

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
