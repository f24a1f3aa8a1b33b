"""coinbase-advanced: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Record,
    an_array,
    an_object,
    epoch_time,
    integer,
    is_any,
    iso_time,
    later,
    opposite,
    read_json,
    taker,
    word,
)

ROWS = {"market_trades": "trades", "ticker": "tickers", "ticker_batch": "tickers", "candles": "candles"}


class CoinbaseAdvanced(Dialect):
    dialect = "coinbase-advanced"
    venue = "coinbase"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        channel = word(m.get("channel"))
        integer(m.get("sequence_num"))      # of every frame: holes are seen by it
        if channel not in ROWS:
            return CONTROL if channel == "subscriptions" or word(m.get("type")) == "error" else []
        found = []
        for event in an_array(m.get("events", [])):
            snapshot = word(an_object(event).get("type")) == "snapshot"
            for row in an_array(event.get(ROWS[channel], [])):
                found += self.row(channel, an_object(row), m, snapshot)
        return found

    def row(self, channel: str, row: dict[str, Any], envelope: dict[str, Any], snapshot: bool) -> list[Record]:
        get, seq = row.get, envelope.get("sequence_num")
        if channel == "market_trades":
            return [self.trade(get("product_id"), get("trade_id"), opposite(taker(get("side"))), get("price"),
                               get("size"), iso_time(get("time")), seq, snapshot)]
        if channel != "candles" and not is_any(row, "best_bid best_ask"):
            return []
        ts = iso_time(envelope.get("timestamp"))
        if channel == "candles":
            start = epoch_time(get("start"), SECOND)
            values = tuple(get(key) for key in ("open", "high", "low", "close", "volume"))
            return [self.bar(get("product_id"), values, start, later(start, 300 * SECOND), ts, seq=seq,
                             snapshot=snapshot)]
        if not is_any(row, "best_bid best_ask"):
            return []
        return [self.quote(get("product_id"), (get("best_bid"), get("best_bid_quantity")),
                           (get("best_ask"), get("best_ask_quantity")), ts, seq, snapshot)]
