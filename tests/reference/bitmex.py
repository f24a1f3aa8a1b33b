"""bitmex: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Record,
    an_array,
    an_object,
    is_any,
    iso_time,
    read_json,
    taker,
    word,
)

BINS = {"tradeBin1m": 60, "tradeBin5m": 300, "tradeBin1h": 3600, "tradeBin1d": 86400}


class Bitmex(Dialect):
    dialect = "bitmex"
    venue = "bitmex"

    def read(self, frame: bytes) -> list[Record] | str:
        if frame in (b"ping", b"pong"):
            return CONTROL
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        if "table" not in m:
            return CONTROL if is_any(m, "success error info") else []
        table, action = word(m["table"]), word(m.get("action"))
        read = {"trade": self.trades, "quote": self.quotes, "instrument": self.instruments,
                "funding": self.funding}.get(table) or (self.bars if table in BINS else None)
        wanted = action in ("partial", "insert") or (action == "update" and table == "instrument")
        if not read or not wanted or "data" not in m:
            return []
        rows = [an_object(row) for row in an_array(m["data"])]
        return [record for row in rows for record in read(row, action == "partial", table)]

    def trades(self, m: dict[str, Any], snapshot: bool, _table: str) -> list[Record]:
        return [self.trade(m.get("symbol"), m.get("trdMatchID"), taker(m.get("side")), m.get("price"), m.get("size"),
                           iso_time(m.get("timestamp")), None, snapshot)]

    def quotes(self, m: dict[str, Any], snapshot: bool, _table: str) -> list[Record]:
        if not is_any(m, "bidPrice bidSize askPrice askSize"):
            return []
        return [self.quote(m.get("symbol"), (m.get("bidPrice"), m.get("bidSize")),
                           (m.get("askPrice"), m.get("askSize")), iso_time(m.get("timestamp")), None, snapshot)]

    def instruments(self, m: dict[str, Any], snapshot: bool, _table: str) -> list[Record]:
        ts = iso_time(m.get("timestamp"))
        found = []
        if is_any(m, "bidPrice askPrice"):
            found.append(self.quote(m.get("symbol"), (m.get("bidPrice"), None), (m.get("askPrice"), None), ts, None,
                                    snapshot))
        values = {"mark": m.get("markPrice"), "index": m.get("indicativeSettlePrice"),
                  "funding": m.get("fundingRate"), "open_interest": m.get("openInterest")}
        return found + self.said(m, ts, snapshot, iso_time(m.get("fundingTimestamp")), values)

    def funding(self, m: dict[str, Any], snapshot: bool, _table: str) -> list[Record]:
        return self.said(m, iso_time(m.get("timestamp")), snapshot, None, {"funding": m.get("fundingRate")})

    def said(self, m: dict[str, Any], ts: int | None, snapshot: bool, next_funding: int | None,
             values: dict[str, Any]) -> list[Record]:
        """A reference, where there is one; the time of the next funding is no millisecond count here."""
        symbol = m.get("symbol")
        if next_funding is None:
            return self.reference(symbol, ts, None, snapshot, **values)
        [record] = self.reference(symbol, ts, None, snapshot, **values) or [
            self.record("reference", symbol, ts, None, snapshot)]
        return [{**record, "next_funding_ns": next_funding}]

    def bars(self, m: dict[str, Any], snapshot: bool, table: str) -> list[Record]:
        end = iso_time(m.get("timestamp"))
        start = end - BINS[table] * SECOND if end is not None else 0
        ohlcv = tuple(m.get(key) for key in ("open", "high", "low", "close", "volume"))
        return [self.bar(m.get("symbol"), ohlcv, start if start > 0 else None, end, end, m.get("vwap"),
                         m.get("trades"), None, snapshot)]
