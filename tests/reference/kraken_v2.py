"""kraken-v2: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Record,
    an_array,
    an_object,
    integer,
    is_any,
    iso_time,
    later,
    read_json,
    taker,
    word,
)


class KrakenV2(Dialect):
    dialect = "kraken-v2"
    venue = "kraken"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        channel = word(m.get("channel"))
        if channel not in ("trade", "ticker", "ohlc"):
            return CONTROL if "method" in m else []
        if "data" not in m:
            return []
        snapshot = word(m.get("type")) == "snapshot"
        ts = iso_time(m.get("timestamp")) if channel == "ohlc" else None
        rows = [an_object(row) for row in an_array(m["data"])]
        return [record for row in rows for record in self.row(channel, row, snapshot, ts)]

    def row(self, channel: str, m: dict[str, Any], snapshot: bool, ts: int | None) -> list[Record]:
        get = m.get
        if channel == "trade":
            return [self.trade(get("symbol"), get("trade_id"), taker(get("side")), get("price"), get("qty"),
                               iso_time(get("timestamp")), get("trade_id"), snapshot)]
        if channel == "ticker":
            if not is_any(m, "bid bid_qty ask ask_qty"):
                return []
            return [self.quote(get("symbol"), (get("bid"), get("bid_qty")), (get("ask"), get("ask_qty")),
                               iso_time(get("timestamp")), None, snapshot)]
        minutes, start = integer(get("interval")), iso_time(get("interval_begin"))
        length = minutes * 60 * SECOND if minutes is not None and minutes > 0 else None
        ohlcv = (get("open"), get("high"), get("low"), get("close"), get("volume"))
        return [self.bar(get("symbol"), ohlcv, start, later(start, length), ts, get("vwap"), get("trades"),
                         snapshot=snapshot)]
