"""kraken-v1: the twin."""

import re
from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Malformed,
    Record,
    an_array,
    an_object,
    bounded,
    is_absent,
    is_any,
    read_json,
    taker,
    word,
)

SECONDS = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
CANDLE = re.compile(r"ohlc-([0-9]{1,5})")


def seconds_time(value: Any) -> int | None:
    """Seconds with a fraction, cut at nanoseconds."""
    if is_absent(value):
        return None
    if not isinstance(value, str) or not (parts := SECONDS.fullmatch(value)):
        raise Malformed("no time in seconds")
    if value.startswith("-"):
        return None
    if len(parts[1].lstrip("0")) > 19:
        raise Malformed("time beyond 64 bits")
    return bounded(int(parts[1]) * SECOND + int((parts[2] or "0")[:9].ljust(9, "0")))


def padded(row: Any, size: int) -> list[Any]:
    """The first elements of an array; absent ones are None."""
    return (an_array(row) + [None] * size)[:size]


class KrakenV1(Dialect):
    dialect = "kraken-v1"
    venue = "kraken"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if isinstance(m, dict):
            return CONTROL if word(m.get("event")) in ("subscriptionStatus", "error", "pong") else []
        if not isinstance(m, list) or len(m) < 4:
            return []
        payload, channel, pair = m[1], word(m[-2]), m[-1]
        if channel == "trade":
            return [self.row(pair, *padded(row, 4)) for row in an_array(payload)]
        if channel == "spread":
            bid, ask, time, bid_size, ask_size = padded(payload, 5)
            return [self.quote(pair, (bid, bid_size), (ask, ask_size), seconds_time(time))]
        if channel == "ticker":
            return self.ticker(pair, an_object(payload))
        length = CANDLE.fullmatch(channel)
        return self.candle(pair, int(length[1]), *padded(payload, 9)) if length and int(length[1]) else []

    def row(self, pair: Any, price: Any, size: Any, time: Any, side: Any) -> Record:
        return self.trade(pair, None, taker(side, ("b",), ("s",)), price, size, seconds_time(time))

    def ticker(self, pair: Any, payload: dict[str, Any]) -> list[Record]:
        if not is_any(payload, "a b"):
            return []
        bid, ask = (padded([] if payload.get(key) is None else payload[key], 3) for key in "ba")
        return [self.quote(pair, (bid[0], bid[2]), (ask[0], ask[2]), None)]

    def candle(self, pair: Any, minutes: int, time: Any, end_time: Any, *values: Any) -> list[Record]:
        *ohlc, vwap, volume, count = values
        end = seconds_time(end_time)
        start = bounded(end - minutes * 60 * SECOND) if end is not None else None
        return [self.bar(pair, (*ohlc, volume), start, end, seconds_time(time), vwap, count)]
