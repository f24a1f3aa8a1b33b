"""kraken-futures, simulated. Formats: reference B3, and frames captured in 2021.

One acknowledgement a product, whose ids are taken in any case. A snapshot replays up to 100 trades, newest
first. A ticker is a quote and a reference in one; `funding_rate` is an amount, `relative_funding_rate` the rate.
"""

from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, strings, trimmed, uuid_of
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade

REPLAYED = 100
HEARTBEAT = "heartbeat"


class KrakenFutures(Dialect):
    """The public feeds."""

    name = "kraken-futures"
    path = "/ws/v1"
    traits = Traits(MILLISECOND)
    rules = Rules(messages=100, idle_s=60.0)
    ping_every_s = 30.0
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE] = {"ticker": self._ticker, "ticker_lite": self._lite}

    def greet(self, talk: Conversation) -> list[bytes]:
        return [b'{"event":"info","version":1}']

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        event, feed = request.get("event"), str(request.get("feed"))
        if event not in ("subscribe", "unsubscribe"):
            return [in_words({"event": "alert", "message": "Bad websocket message"})]
        if feed == HEARTBEAT:
            if event == "subscribe" and ("", HEARTBEAT, "") in talk.streams:
                return [in_words({"event": "alert", "message": "Already subscribed to feed, re-requesting"})]
            (self.add if event == "subscribe" else self.remove)(talk, feed, "")
            return [in_words({"event": f"{event}d", "feed": feed})]
        if not self.carries(feed):
            return [in_words({"event": "error", "message": "Invalid feed"})]
        replies, replays = [], []
        for product in map(str.upper, strings(request.get("product_ids"))):
            if not self.knows(talk, product):
                replies.append(in_words({"event": "error", "message": f"Invalid product id: {product}"}))
                continue
            if event == "subscribe":
                replays += self.add(talk, feed, product)
            else:
                self.remove(talk, feed, product)
            replies.append(in_words({"event": f"{event}d", "feed": feed, "product_ids": [product]}))
        return replies + replays

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel != "trade":
            render = self.renderers[QUOTE][channel]
            return render(market, market.book, None) if market.book else []
        rows = ",".join(self._trade(market, trade) for trade in reversed(list(market.history)[-REPLAYED:]))
        return [f'{{"feed":"trade_snapshot","product_id":"{market.spec.symbol}","trades":[{rows}]}}'.encode()]

    def each_second(self, talk: Conversation) -> list[bytes]:
        if ("", HEARTBEAT, "") not in talk.streams:
            return []
        return [in_words({"feed": HEARTBEAT, "time": self.now_ns() // MILLISECOND})]

    def trade_id(self, market: Market, trade: Trade) -> str:
        return uuid_of(trade.id, 4)

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._trade(market, trade).encode() for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> str:
        """`seq` counts a product's trades, as its id does here."""
        return (f'{{"feed":"trade","product_id":"{market.spec.symbol}","uid":"{self.trade_id(market, trade)}",'
                f'"side":"{trade.side}","type":"fill","seq":{trade.id},"time":{trade.ts_ns // MILLISECOND},'
                f'"qty":{self.size(market, trade.size)},"price":{self.price(market, trade.price)}}}')

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        reference = market.reference(quote.ts_ns)
        return [(
            f'{{"time":{quote.ts_ns // MILLISECOND},"product_id":"{market.spec.symbol}","funding_rate":4.1e-9,'
            f'"relative_funding_rate":{self.funding(reference)},'
            f'"next_funding_rate_time":{reference.next_funding_ns // MILLISECOND},"feed":"ticker",'
            f'{self.top(market, quote, "bid", "bid_size", "ask", "ask_size")},"index":{self.index(reference)},'
            f'"last":{self.price(market, market.history[-1].price)},"tag":"perpetual","suspended":false,'
            f'"openInterest":{self.size(market, reference.open_interest)},"markPrice":{self.mark(reference)}}}'
        ).encode()]

    def _lite(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [(f'{{"feed":"ticker_lite","product_id":"{market.spec.symbol}","bid":{self.price(market, quote.bid)},'
                 f'"ask":{self.price(market, quote.ask)},"change":0.5,"tag":"perpetual"}}').encode()]
