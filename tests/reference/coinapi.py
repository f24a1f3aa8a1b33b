"""coinapi: the twin. What the channel map leaves open is decided in the dialect's docstring."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import Record, integer, iso_time, name, needed_decimal, read_json, taker, word


class Coinapi(Dialect):
    dialect = "coinapi"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        get, kind = m.get, word(m.get("type"))
        if kind in ("exrate", "index"):
            return [self.computed(m, kind)]
        if kind not in ("trade", "quote", "ohlcv"):
            return CONTROL if kind in ("error", "reconnect") else []
        iso_time(get("time_coinapi"))
        symbol, ts, seq = get("symbol_id"), iso_time(get("time_exchange")), get("sequence")
        if kind == "trade":
            side = taker(get("taker_side"), ("buy", "buy_estimated"), ("sell", "sell_estimated"))
            record = self.trade(symbol, get("uuid"), side, get("price"), get("size"), ts, seq)
            return [] if record["size"] == "0" else [self.named(record)]
        if kind == "quote":
            record = self.quote(symbol, (get("bid_price"), get("bid_size")), (get("ask_price"), get("ask_size")), ts,
                                seq)
            for size in ("bid_size", "ask_size"):
                record[size] = None if record[size] == "0" else record[size]
            return [self.named(record)]
        ohlcv = tuple(get(key) for key in ["price_open", "price_high", "price_low", "price_close", "volume_traded"])
        return [self.named(self.bar(symbol, ohlcv, iso_time(get("time_period_start")),
                                    iso_time(get("time_period_end")), ts, count=get("trades_count"), seq=seq))]

    def named(self, record: dict[str, Any]) -> Record:
        """The venue is the symbol id up to its first `_`, when something stands before it."""
        head, mark, _ = record["symbol"].partition("_")
        record["venue"] = head if mark else ""
        return record

    def computed(self, m: dict[str, Any], kind: str) -> Record:
        """What CoinAPI computes: a rate of two assets, or an index."""
        if kind == "exrate":
            symbol, ts = f"{name(m.get('asset_id_base'))}/{name(m.get('asset_id_quote'))}", iso_time(m.get("time"))
        else:
            symbol, ts = name(m.get("index_id")), iso_time(m.get("time_coinapi"))
        seq = integer(m.get("sequence")) if kind == "index" else None
        value = needed_decimal(m.get("rate" if kind == "exrate" else "value"))
        return {**self.record("reference", symbol, ts, seq, False, index=value), "venue": "COINAPI"}
