"""gemini: the twin, of both its APIs."""

import re
from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
    SECOND,
    Record,
    an_array,
    an_object,
    epoch_time,
    first,
    is_any,
    later,
    read_json,
    taker,
    word,
)

UNITS = {"s": 1, "m": 60, "h": 3600, "H": 3600, "d": 86400, "D": 86400, "W": 604800}


def length_of(candles: str) -> int | None:
    """`1m`, `6hr`, `1day`: nanoseconds."""
    found = re.match("([0-9]{1,4})([smhHdDW])", candles)
    return int(found[1]) * UNITS[found[2]] * SECOND or None if found else None


class Gemini(Dialect):
    dialect = "gemini"
    venue = "gemini"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        if m.get("type") is None:
            found = self.fast(m) if m.get("e") is None else []
            return found or (CONTROL if is_any(m, "result error status") else [])
        kind = word(m["type"])
        if kind == "trade":
            return [self.print(m, None, False)]
        if kind == "l2_updates" and "trades" in m:
            return [self.print(an_object(row), m.get("symbol"), True) for row in an_array(m["trades"])]
        if (candles := re.fullmatch("candles_(.+)_updates", kind, re.DOTALL)) and "changes" in m:
            length = length_of(candles[1])
            return [self.candle(an_array(row), m.get("symbol"), length) for row in an_array(m["changes"])]
        return []

    def print(self, m: dict[str, Any], symbol: Any, snapshot: bool) -> Record:
        get = m.get
        return self.trade(first(get("symbol"), symbol), first(get("tid"), get("event_id")), taker(get("side")),
                          get("price"), get("quantity"), epoch_time(get("timestamp"), MILLISECOND), None, snapshot)

    def candle(self, row: list[Any], symbol: Any, length: int | None) -> Record:
        start, *values = [*row, *[None] * 6][:6]
        start = epoch_time(start, MILLISECOND)
        return self.bar(symbol, tuple(values), start, later(start, length), None)

    def fast(self, m: dict[str, Any]) -> list[Record]:
        get = m.get
        if all(key in m for key in "stpq"):
            side = {True: "sell", False: "buy"}.get(get("m"), "unknown") if isinstance(get("m"), bool) else "unknown"
            return [self.trade(get("s"), get("t"), side, get("p"), get("q"), epoch_time(get("E"), 1))]
        if all(key in m for key in "usbBaA") and not isinstance(get("b"), dict | list):
            return [self.quote(get("s"), (get("b"), get("B")), (get("a"), get("A")), epoch_time(get("E"), 1), get("u"))]
        return []
