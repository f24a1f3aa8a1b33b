"""bitfinex: the twin."""

import re
from decimal import Decimal
from typing import Any, NamedTuple

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    INTEGER,
    MILLISECOND,
    SECOND,
    Malformed,
    Record,
    an_array,
    epoch_time,
    integer,
    later,
    needed_decimal,
    plain,
    read_json,
    valid,
    word,
)

UNITS = {"s": 1, "m": 60, "h": 3600, "H": 3600, "d": 86400, "D": 86400, "W": 604800}
SEQUENCED = 65536
SYMBOL_BYTES_MAX = 256


class Opened(NamedTuple):
    channel: str
    symbol: str
    length: int | None = None


def length_of(candles: str) -> int | None:
    """`1m`, `6h`, `14D`: nanoseconds; None for months."""
    found = re.match("([0-9]{1,4})([smhHdDW])", candles)
    return int(found[1]) * UNITS[found[2]] * SECOND or None if found else None


def padded(row: Any, length: int) -> list[Any]:
    """An array as long as its reader wants: fields may be missing, and more may follow."""
    return [*an_array(row), *[None] * length][:length]


def signed(amount: Any) -> tuple[Decimal, str]:
    """Which way an amount goes, and how large it is."""
    value = Decimal(needed_decimal(amount))
    return value, plain(abs(value))


class Bitfinex(Dialect):
    dialect = "bitfinex"
    venue = "bitfinex"

    def reset(self) -> None:
        self.channels: dict[int, Opened] = {}
        self.sequenced = False

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if isinstance(m, dict):
            return self.event(m)
        return self.data(m) if isinstance(m, list) else []

    def event(self, m: dict[str, Any]) -> list[Record] | str:
        if "event" not in m:
            return []
        event = word(m["event"])
        if event == "subscribed":
            opened, id = self.described(m), integer(m.get("chanId"))
            if id is not None:
                self.channels.pop(id, None)
                if opened and opened.symbol[:1] not in ("", "f") and len(opened.symbol.encode()) <= SYMBOL_BYTES_MAX:
                    self.channels[id] = opened
        elif event == "unsubscribed":
            self.channels.pop(integer(m.get("chanId")), None)   # type: ignore[arg-type]
        elif event == "conf" and word(m.get("status")) == "OK":
            self.sequenced = (integer(m.get("flags")) or 0) & SEQUENCED != 0
        return CONTROL

    def described(self, m: dict[str, Any]) -> Opened | None:
        channel, symbol, key = word(m.get("channel")), word(m.get("symbol")), word(m.get("key"))
        prec, length = word(m.get("prec")), m.get("len")
        length = valid(length) if isinstance(length, str) else ""
        if channel in ("trades", "ticker") or (channel == "book" and prec == "P0" and length == "1"):
            return Opened(channel, symbol)
        if channel == "status" and key.startswith("deriv:"):
            return Opened(channel, key.removeprefix("deriv:"))
        if channel == "candles" and (found := re.fullmatch("trade:([^:]*):(.*)", key, re.DOTALL)):
            return Opened(channel, found[2], length_of(found[1]))
        return None

    def data(self, m: list[Any]) -> list[Record]:
        opened = self.opened(m[0]) if m else None
        if not opened or len(m) < 2:
            return []
        payload, rest = m[1], m[2:]
        if type(payload) is str:
            if word(payload) != "te" or opened.channel != "trades" or not rest:
                return []
            found, rest = [self.print(opened, rest[0], False)], rest[1:]
        else:
            found = self.payload(opened, an_array(payload))
        if found and self.sequenced and rest:
            seq = integer(rest[0])
            found = [{**record, "seq": seq} for record in found]
        return found

    def opened(self, id: Any) -> Opened | None:
        """The channel of an id; what is no id names none."""
        if not isinstance(id, str) or not INTEGER.fullmatch(id):
            return None
        try:
            return self.channels.get(integer(id) or 0)
        except Malformed:
            return None

    def payload(self, opened: Opened, rows: list[Any]) -> list[Record]:
        listed = not rows or isinstance(rows[0], list)
        if opened.channel == "trades":
            return [self.print(opened, row, True) for row in rows]
        if opened.channel == "ticker":
            bid, _, ask = padded(rows, 3)
            return [self.quote(opened.symbol, (bid, None), (ask, None), None)] if rows else []
        if opened.channel == "status":
            return self.derivative(opened, padded(rows, 18))
        if opened.channel == "book":
            return self.book(opened, rows if listed else [rows], listed)
        return [self.candle(opened, padded(row, 6), listed) for row in (rows if listed else [rows])]

    def print(self, opened: Opened, row: Any, snapshot: bool) -> Record:
        id, ms, amount, price = padded(row, 4)
        value, size = signed(amount)
        side = "buy" if value > 0 else "sell" if value < 0 else "unknown"
        return self.trade(opened.symbol, id, side, price, size, epoch_time(ms, MILLISECOND), None, snapshot)

    def book(self, opened: Opened, rows: list[Any], listed: bool) -> list[Record]:
        sides: dict[bool, tuple[str, str]] = {}     # by whether it is a bid
        for row in rows:
            price, count, amount = padded(row, 3)
            if integer(count) == 0:
                continue
            value, size = signed(amount)
            is_bid = value > 0
            if value and is_bid not in sides:
                sides[is_bid] = needed_decimal(price), size
        if not sides and not listed:
            return []
        bid, ask = (sides.get(side, (None, None)) for side in (True, False))
        return [{**self.quote(opened.symbol, (None, None), (None, None), None, None, listed),
                 "bid": bid[0], "bid_size": bid[1], "ask": ask[0], "ask_size": ask[1]}]

    def derivative(self, opened: Opened, row: list[Any]) -> list[Record]:
        return self.reference(opened.symbol, epoch_time(row[0], MILLISECOND), next_funding=row[7], mark=row[14],
                              index=row[3], funding=row[11], open_interest=row[17])

    def candle(self, opened: Opened, row: list[Any], snapshot: bool) -> Record:
        ms, first, last, high, low, volume = row
        start = epoch_time(ms, MILLISECOND)
        return self.bar(opened.symbol, (first, high, low, last, volume), start, later(start, opened.length), None,
                        snapshot=snapshot)
