"""bybit-v5: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
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

PERPETUAL, OPTION = "bid1Price bid1Size ask1Price ask1Size", "bidPrice bidSize askPrice askSize"


def time_of(*values: Any) -> int | None:
    return epoch_time(first(*values), MILLISECOND)


class BybitV5(Dialect):
    dialect = "bybit-v5"
    venue = "bybit"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        topic = word(m.get("topic"))
        for head, read in (("publicTrade.", self.trades), ("orderbook.1.", self.book), ("tickers.", self.tickers),
                           ("kline.", self.klines)):
            if topic.startswith(head) and topic != head:
                if "data" not in m:
                    return []
                word(m.get("type"))
                rows = m["data"] if isinstance(m["data"], dict) else an_array(m["data"])
                return [record for row in (rows if isinstance(rows, list) else [rows])
                        for record in read(an_object(row), m, topic)]
        return CONTROL if "op" in m and "topic" not in m else []

    def trades(self, row: dict[str, Any], _m: Any, _topic: str) -> list[Record]:
        get = row.get
        return [self.trade(get("s"), get("i"), taker(get("S")), get("p"), get("v"), time_of(get("T")), get("seq"))]

    def book(self, row: dict[str, Any], m: dict[str, Any], _topic: str) -> list[Record]:
        bid, ask = best(row.get("b"), deletions=True), best(row.get("a"), deletions=True)
        quote = self.quote(row.get("s"), bid, ask, time_of(m.get("cts"), m.get("ts")), row.get("u"))
        return [] if m.get("type") == "delta" and quote["bid"] is None and quote["ask"] is None else [quote]

    def tickers(self, row: dict[str, Any], m: dict[str, Any], _topic: str) -> list[Record]:
        get, option = row.get, is_any(row, OPTION)
        snapshot = m.get("type") == "snapshot" and not option
        ts, found = time_of(m.get("ts")), []
        if is_any(row, PERPETUAL) or option:
            bid, bid_size, ask, ask_size = (    # no frame has both spellings; if one had, the later would count
                next((row[key] for key in reversed(row) if key in names), None)
                for names in zip(PERPETUAL.split(), OPTION.split(), strict=True))
            found = [self.quote(get("symbol"), (bid, bid_size), (ask, ask_size), ts, m.get("cs"), snapshot)]
        return found + self.reference(
            get("symbol"), ts, m.get("cs"), snapshot, mark=get("markPrice"), index=get("indexPrice"),
            funding=get("fundingRate"), open_interest=get("openInterest"), next_funding=get("nextFundingTime"))

    def klines(self, row: dict[str, Any], _m: Any, topic: str) -> list[Record]:
        get, symbol = row.get, topic.split(".", 2)[2] if topic.count(".") > 1 else None
        ohlcv = (get("open"), get("high"), get("low"), get("close"), get("volume"))
        return [self.bar(symbol, ohlcv, time_of(get("start")), later(time_of(get("end")), MILLISECOND),
                         time_of(get("timestamp")))]
