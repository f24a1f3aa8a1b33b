"""hyperliquid: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
    Record,
    an_array,
    an_object,
    epoch_time,
    later,
    read_json,
    taker,
    word,
)


class Hyperliquid(Dialect):
    dialect = "hyperliquid"
    venue = "hyperliquid"

    def reset(self) -> None:
        self.coins: dict[str, str] = {}     # whose trades were subscribed to: their replay is due or done

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        channel = word(m.get("channel"))
        if channel == "subscriptionResponse":
            self.answered(m.get("data"))
            return CONTROL
        if channel in ("pong", "error"):
            return CONTROL
        if "data" not in m:
            return []
        data = m["data"]
        if channel == "trades":
            return self.flagged([self.print(an_object(row).get) for row in an_array(data)])
        if channel == "bbo":
            return [self.best(an_object(data))]
        if channel in ("activeAssetCtx", "activeSpotAssetCtx"):
            return self.context(an_object(data))
        if channel == "candle":
            return [self.candle(an_object(row).get) for row in (data if isinstance(data, list) else [data])]
        return []

    def answered(self, data: Any) -> None:
        if not isinstance(data, dict):
            return
        wanted = data.get("subscription")
        if not isinstance(wanted, dict):
            return
        method = word(data.get("method"))       # used together with what it was about, or not at all
        kind, coin = word(wanted.get("type")), wanted.get("coin")
        word(coin)
        if kind != "trades" or type(coin) is not str:
            return
        if method == "subscribe":
            self.coins.setdefault(coin, "due")
        elif method == "unsubscribe":
            self.coins.pop(coin, None)

    def flagged(self, trades: list[Record]) -> list[Record]:
        replayed = {trade["symbol"] for trade in trades if self.coins.get(trade["symbol"]) == "due"}
        self.coins.update(dict.fromkeys(replayed, "done"))
        return [{**trade, "snapshot": trade["symbol"] in replayed} for trade in trades]

    def print(self, get: Any) -> Record:
        return self.trade(get("coin"), get("tid"), taker(get("side"), ("b",), ("a",)), get("px"), get("sz"),
                          epoch_time(get("time"), MILLISECOND))

    def best(self, m: dict[str, Any]) -> Record:
        levels = [] if m.get("bbo") is None else an_array(m["bbo"])
        bid, ask = [({} if level is None else an_object(level)) for level in [*levels[:2], None, None][:2]]
        return self.quote(m.get("coin"), (bid.get("px"), bid.get("sz")), (ask.get("px"), ask.get("sz")),
                          epoch_time(m.get("time"), MILLISECOND))

    def context(self, m: dict[str, Any]) -> list[Record]:
        if m.get("ctx") is None:
            return []
        get = an_object(m["ctx"]).get
        values = {"mark": get("markPx"), "index": get("oraclePx"), "funding": get("funding"),
                  "open_interest": get("openInterest")}
        return self.reference(m.get("coin"), None, **values)

    def candle(self, get: Any) -> Record:
        ohlcv = (get("o"), get("h"), get("l"), get("c"), get("v"))
        return self.bar(get("s"), ohlcv, epoch_time(get("t"), MILLISECOND),
                        later(epoch_time(get("T"), MILLISECOND), MILLISECOND), None, None, get("n"))
