"""kraken-futures: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import MILLISECOND, Record, an_array, an_object, epoch_time, is_any, read_json, taker, word


class KrakenFutures(Dialect):
    dialect = "kraken-futures"
    venue = "kraken"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        feed = word(m.get("feed"))
        if "event" in m:
            return CONTROL
        if feed == "trade":
            return [self.one(m, False)]
        if feed == "trade_snapshot":
            return [self.one(an_object(row), True) for row in an_array(m.get("trades", []))]
        if feed == "ticker":
            return self.ticker(m)
        if feed == "ticker_lite" and is_any(m, "bid ask"):
            return [self.quote(m.get("product_id"), (m.get("bid"), None), (m.get("ask"), None), None)]
        return []

    def one(self, m: dict[str, Any], snapshot: bool) -> Record:
        get = m.get
        return self.trade(get("product_id"), get("uid"), taker(get("side")), get("price"), get("qty"),
                          epoch_time(get("time"), MILLISECOND), get("seq"), snapshot)

    def ticker(self, m: dict[str, Any]) -> list[Record]:
        get = m.get
        symbol, ts = get("product_id"), epoch_time(get("time"), MILLISECOND)
        found = []
        if is_any(m, "bid bid_size ask ask_size"):
            found.append(self.quote(symbol, (get("bid"), get("bid_size")), (get("ask"), get("ask_size")), ts))
        return found + self.reference(
            symbol, ts, next_funding=get("next_funding_rate_time"), mark=get("markPrice"), index=get("index"),
            funding=get("relative_funding_rate"), open_interest=get("openInterest"))
