"""deribit: the twin."""

import re
from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
    SECOND,
    Record,
    an_array,
    an_object,
    decimal,
    epoch_time,
    is_any,
    later,
    read_json,
    taker,
    word,
)

DAY_S = 86400


def length_of(chart: str) -> int | None:
    """`60`: minutes, `1D`: a day; nanoseconds."""
    if chart == "1D":
        return DAY_S * SECOND
    return int(chart) * 60 * SECOND or None if re.fullmatch("[0-9]{1,5}", chart) else None


class Deribit(Dialect):
    dialect = "deribit"
    venue = "deribit"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        method = word(m.get("method"))
        if method != "subscription":
            return CONTROL if method == "heartbeat" or "result" in m or "error" in m else []
        if "params" not in m:
            return []
        params = an_object(m["params"])
        channel = word(params.get("channel"))
        if "data" not in params:
            return []
        data = params["data"]
        if found := re.fullmatch(r"chart\.trades\.(.*)\.([^.]*)", channel, re.DOTALL):
            return [self.chart(an_object(data).get, found[1], length_of(found[2]))]
        match channel.split(".")[0]:
            case "trades":
                return [self.print(an_object(row).get) for row in an_array(data)]
            case "quote":
                return self.best(an_object(data), False)
            case "ticker":
                return self.ticker(an_object(data), False)
            case "incremental_ticker":
                return self.ticker(an_object(data), word(an_object(data).get("type")) == "snapshot")
            case "deribit_price_index":
                get = an_object(data).get
                return self.reference(get("index_name"), epoch_time(get("timestamp"), MILLISECOND), index=get("price"))
        return []

    def print(self, get: Any) -> Record:
        return self.trade(get("instrument_name"), get("trade_id"), taker(get("direction")), get("price"),
                          get("amount"), epoch_time(get("timestamp"), MILLISECOND), get("trade_seq"))

    def best(self, m: dict[str, Any], snapshot: bool) -> list[Record]:
        if not is_any(m, "best_bid_price best_bid_amount best_ask_price best_ask_amount"):
            return []
        bid, ask = (self.side(m, side) for side in ("bid", "ask"))
        return [self.quote(m.get("instrument_name"), bid, ask, epoch_time(m.get("timestamp"), MILLISECOND), None,
                           snapshot)]

    def side(self, m: dict[str, Any], side: str) -> tuple[Any, Any]:
        """A price sent as null beside an amount of zero is an empty side."""
        price, amount = f"best_{side}_price", f"best_{side}_amount"
        empty = price in m and m[price] is None and decimal(m.get(amount)) == "0"
        return (None, None) if empty else (m.get(price), m.get(amount))

    def ticker(self, m: dict[str, Any], snapshot: bool) -> list[Record]:
        values = {"mark": m.get("mark_price"), "index": m.get("index_price"), "funding": m.get("current_funding"),
                  "open_interest": m.get("open_interest")}
        if all(value is None or value == "" for value in values.values()):
            return self.best(m, snapshot)
        return self.best(m, snapshot) + self.reference(
            m.get("instrument_name"), epoch_time(m.get("timestamp"), MILLISECOND), None, snapshot, **values)

    def chart(self, get: Any, symbol: str, length: int | None) -> Record:
        start = epoch_time(get("tick"), MILLISECOND)
        return self.bar(symbol, (get("open"), get("high"), get("low"), get("close"), get("volume")), start,
                        later(start, length), None)
