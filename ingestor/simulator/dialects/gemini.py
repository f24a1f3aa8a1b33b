"""gemini, simulated: v2 market data, and the fast API. Formats: reference B10, and frames captured in 2021 and 2026.

v2 acknowledges nothing: the first answer is a symbol's book with its last trades; a heartbeat comes every five
seconds. The fast API (the root path) has streams like Binance, bare frames, symbols in lower case and times in
nanoseconds: a market is of the one or the other by the letters of its symbol.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, request_of, strings
from ingestor.simulator.engine import BAR, QUOTE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Trade
from ingestor.simulator.spec import MarketSpec

FAST = "fast"
FAST_CHANNELS = ("trade", "bookTicker")
PATHS = {"/v2/marketdata": "", "/": FAST}
REPLAYED = 50
HEARTBEAT_EVERY_S = 5


class Gemini(Dialect):
    """/v2/marketdata and /."""

    name = "gemini"
    traits = Traits(MILLISECOND)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES] = {"l2": self._trades, "trade": self._fast_trades}
        self.renderers[QUOTE] = {"l2": self._changes, "bookTicker": self._fast_quote}
        self.renderers[BAR]["candles_1m"] = self._candle

    @classmethod
    def place(cls, spec: MarketSpec) -> str:
        return FAST if spec.symbol.islower() else ""

    def offers(self, spec: MarketSpec, channel: str) -> bool:
        return self.carries(channel) and (channel in FAST_CHANNELS) == spec.symbol.islower()

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        section = PATHS.get(request_of(path)[0].rstrip("/") or "/")
        return None if section is None else Conversation(section)

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        if request is None:
            return [in_words({"result": "error", "reason": "InvalidJson"})]
        return self._hear_fast(talk, request) if talk.section == FAST else self._hear_v2(talk, request)

    def _hear_v2(self, talk: Conversation, request: dict[str, Any]) -> list[bytes]:
        kind, wanted = request.get("type"), request.get("subscriptions")
        if kind not in ("subscribe", "unsubscribe") or not isinstance(wanted, list):
            return [in_words({"result": "error", "reason": "InvalidMessage"})]
        replies = []
        for each in wanted:
            channel = str(each.get("name")) if isinstance(each, dict) else ""
            for symbol in strings(each.get("symbols")) if self.carries(channel) else ():
                if not self.knows(talk, symbol):
                    replies.append(in_words({"result": "error", "reason": "InvalidSymbol", "message": symbol}))
                elif kind == "subscribe":
                    replies += self.add(talk, channel, symbol)
                else:
                    self.remove(talk, channel, symbol)
        return replies

    def _hear_fast(self, talk: Conversation, request: dict[str, Any]) -> list[bytes]:
        number, method, streams = request.get("id"), request.get("method"), strings(request.get("params"))
        if method == "ping":
            return [in_words({"id": number, "status": 200})]
        names = [stream.partition("@")[::2] for stream in streams]
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not all(
                self.knows(talk, symbol) and self.carries(channel) for symbol, channel in names):
            return [in_words({"id": number, "status": 400, "error": {"code": -1013, "msg": "Invalid request"}})]
        for symbol, channel in names:
            (self.add if method == "SUBSCRIBE" else self.remove)(talk, channel, symbol)
        return [in_words({"id": number, "status": 200})]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel != "l2" or market.book is None:
            return []
        rows = ",".join(self._trade(market, trade) for trade in list(market.history)[-REPLAYED:])
        return [(f'{{"type":"l2_updates","symbol":"{market.spec.symbol}",'
                 f'"changes":{self._levels(market, market.book)},"trades":[{rows}],"auction_events":[]}}').encode()]

    def each_second(self, talk: Conversation) -> list[bytes]:
        if talk.section == FAST or talk.next("second") % HEARTBEAT_EVERY_S:
            return []
        return [in_words({"type": "heartbeat", "timestamp": self.now_ns() // MILLISECOND})]

    def _levels(self, market: Market, quote: Quote) -> str:
        return (f'[["buy","{self.price(market, quote.bid)}","{self.size(market, quote.bid_size)}"],'
                f'["sell","{self.price(market, quote.ask)}","{self.size(market, quote.ask_size)}"]]')

    def _changes(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [(f'{{"type":"l2_updates","symbol":"{market.spec.symbol}",'
                 f'"changes":{self._levels(market, quote)}}}').encode()]

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._trade(market, trade).encode() for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> str:
        """An event may have several trades: only `tid` tells them apart."""
        return (f'{{"type":"trade","symbol":"{market.spec.symbol}","event_id":{trade.sequence},'
                f'"timestamp":{trade.ts_ns // MILLISECOND},"price":"{self.price(market, trade.price)}",'
                f'"quantity":"{self.size(market, trade.size)}","side":"{trade.side}","tid":{trade.id}}}')

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = ",".join(self.price(market, units) for units in (bar.open, bar.high, bar.low, bar.close))
        return [(f'{{"type":"candles_1m_updates","symbol":"{market.spec.symbol}","changes":['
                 f'[{bar.start_ns // MILLISECOND},{prices},{self.size(market, bar.volume)}]]}}').encode()]

    def _fast_trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [(f'{{"E":{trade.ts_ns},"s":"{market.spec.symbol}","t":{trade.id},'
                 f'"p":"{self.price(market, trade.price)}","q":"{self.size(market, trade.size)}",'
                 f'"m":{"true" if trade.side == "sell" else "false"}}}').encode() for trade in trades]

    def _fast_quote(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [(f'{{"u":{quote.sequence},"E":{quote.ts_ns},"s":"{market.spec.symbol}",'
                 f'{self.top(market, quote, "b", "B", "a", "A")}}}').encode()]
