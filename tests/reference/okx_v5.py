"""okx-v5: the twin."""

import re
from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
    SECOND,
    Record,
    an_array,
    an_object,
    best,
    epoch_time,
    first,
    is_any,
    later,
    read_json,
    taker,
    word,
)

UNITS = {"s": 1, "m": 60, "H": 3600, "h": 3600, "D": 86400, "d": 86400, "W": 604800}


def length_of(candle: str) -> int | None:
    """`1m`, `4H`, `1Dutc`: nanoseconds; None for months."""
    found = re.match("([0-9]{1,4})([smHhDdW])", candle)
    return int(found[1]) * UNITS[found[2]] * SECOND or None if found else None


class OkxV5(Dialect):
    dialect = "okx-v5"
    venue = "okx"

    def reset(self) -> None:
        self.streams: dict[tuple[str, str], str] = {}   # (channel, instId): due or done

    def read(self, frame: bytes) -> list[Record] | str:
        if frame in (b"ping", b"pong"):
            return CONTROL
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        arg = m.get("arg") if isinstance(m.get("arg"), dict) else {}
        channel, inst_id = word(arg.get("channel")), word(arg.get("instId"))
        stream = (channel, inst_id)
        has_stream = type(arg.get("channel")) is type(arg.get("instId")) is str     # a number is kept as one, too
        if "event" in m:
            event = word(m["event"])
            if has_stream and event == "subscribe":
                self.streams.setdefault(stream, "due")
            elif has_stream and event == "unsubscribe":
                self.streams.pop(stream, None)
            return CONTROL
        if "data" not in m or not (read := self.reader(channel)):
            return []
        snapshot = channel in ("trades", "trades-all") and self.streams.get(stream) == "due"
        found = [record for row in an_array(m["data"]) for record in read(row, arg.get("instId"), channel, snapshot)]
        if snapshot:
            self.streams[stream] = "done"
        return found

    def reader(self, channel: str) -> Any:
        if re.match("candle.", channel, re.DOTALL):
            return self.candle
        return {"trades": self.trades, "trades-all": self.trades, "tickers": self.tickers, "bbo-tbt": self.book,
                "mark-price": self.references, "index-tickers": self.references, "funding-rate": self.references,
                "open-interest": self.references}.get(channel)

    def trades(self, row: Any, inst_id: Any, _channel: str, snapshot: bool) -> list[Record]:
        get = an_object(row).get
        return [self.trade(first(get("instId"), inst_id), get("tradeId"), taker(get("side")), get("px"), get("sz"),
                           epoch_time(get("ts"), MILLISECOND), get("seqId"), snapshot)]

    def tickers(self, row: Any, inst_id: Any, *_: Any) -> list[Record]:
        get = an_object(row).get
        if not is_any(row, "bidPx bidSz askPx askSz"):
            return []
        return [self.quote(first(get("instId"), inst_id), (get("bidPx"), get("bidSz")), (get("askPx"), get("askSz")),
                           epoch_time(get("ts"), MILLISECOND))]

    def book(self, row: Any, inst_id: Any, *_: Any) -> list[Record]:
        get = an_object(row).get
        return [self.quote(first(get("instId"), inst_id), best(get("bids"), deletions=False),
                           best(get("asks"), deletions=False), epoch_time(get("ts"), MILLISECOND), get("seqId"))]

    def references(self, row: Any, inst_id: Any, channel: str, _snapshot: bool) -> list[Record]:
        get = an_object(row).get
        values = {"mark-price": {"mark": get("markPx")}, "index-tickers": {"index": get("idxPx")},
                  "funding-rate": {"funding": get("fundingRate"), "next_funding": get("fundingTime")},
                  "open-interest": {"open_interest": get("oi")}}[channel]
        return self.reference(first(get("instId"), inst_id), epoch_time(get("ts"), MILLISECOND), **values)

    def candle(self, row: Any, inst_id: Any, channel: str, _snapshot: bool) -> list[Record]:
        start, *values = [*an_array(row), *[None] * 6][:6]
        start = epoch_time(start, MILLISECOND)
        return [self.bar(inst_id, tuple(values), start, later(start, length_of(channel[6:])), None)]
