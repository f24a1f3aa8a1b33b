"""coinbase-exchange: the twin."""

from reference.dialect import CONTROL, Dialect
from reference.rules import Record, is_any, iso_time, opposite, read_json, taker, word


class CoinbaseExchange(Dialect):
    dialect = "coinbase-exchange"
    venue = "coinbase"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        get, kind = m.get, word(m.get("type"))
        if kind in ("match", "last_match"):
            return [self.trade(get("product_id"), get("trade_id"), opposite(taker(get("side"))), get("price"),
                               get("size"), iso_time(get("time")), get("sequence"), snapshot=kind == "last_match")]
        if kind == "ticker" and is_any(m, "best_bid best_ask"):
            return [self.quote(get("product_id"), (get("best_bid"), get("best_bid_size")),
                               (get("best_ask"), get("best_ask_size")), iso_time(get("time")), get("sequence"))]
        return CONTROL if kind in ("subscriptions", "error") else []
