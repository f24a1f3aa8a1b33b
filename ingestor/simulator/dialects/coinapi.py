"""coinapi, simulated: several venues behind one connection. Formats: reference A2 (documentation).

`hello` comes first, carries the key and replaces the subscription; there is no acknowledgement. Types
and symbols multiply; `SYMBOL$` is exact, without `$` it is a prefix. Sequences start with the connection.
"""

from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import as_object, in_words, iso, strings, trimmed, uuid_of
from ingestor.simulator.engine import BAR, QUOTE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Trade

FUNNEL_NS = 13_200_000      # from the venue to us by way of the provider


class Coinapi(Dialect):
    """The V1 endpoint."""

    name = "coinapi"
    path = "/v1/"
    traits = Traits(100)
    rules = Rules(subscribe_within_s=5.0)
    heartbeat_after_s = 1.0
    decimal = staticmethod(trimmed)
    quoted = False
    per_connection = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE]["quote"] = self._quote
        self.renderers[BAR]["ohlcv"] = self._bar

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        kind = request.get("type") if request else None
        if request is None or kind not in ("hello", "subscribe", "unsubscribe"):
            return self._end(talk, "Message type is not supported")
        if kind == "hello":
            if self.key and request.get("apikey") != self.key:
                return self._end(talk, "Invalid API key")
            talk.counts["hello"] = 1
            for _, channel, symbol in list(talk.streams):
                self.remove(talk, channel, symbol)
        elif "hello" not in talk.counts:
            return self._end(talk, "Hello message was not received")
        change = self.remove if kind == "unsubscribe" else self.add
        types = [name for name in strings(request.get("subscribe_data_type")) if self.carries(name)]
        for symbol in self._matching(strings(request.get("subscribe_filter_symbol_id"))):
            for name in types:
                change(talk, name, symbol)
        return [] if not self.refuses else self._end(talk, "Subscription is not allowed")

    def heartbeat(self, talk: Conversation) -> list[bytes]:
        return [b'{"type":"hearbeat"}'] if "hello" in talk.counts else []

    def trade_id(self, market: Market, trade: Trade) -> str:
        return uuid_of(trade.id, 4)

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 7).encode()

    def _matching(self, filters: list[str]) -> list[str]:
        if self.markets is None:
            return [text.removesuffix("$") for text in filters]
        known = [symbol for _, symbol in self.markets]
        return [symbol for symbol in known for text in filters
                if (symbol == text[:-1] if text.endswith("$") else symbol.startswith(text))]

    def _end(self, talk: Conversation, reason: str) -> list[bytes]:
        talk.farewell = reason
        return [in_words({"type": "error", "message": reason})]

    def _head(self, kind: str, market: Market, ts_ns: int, talk: Conversation | None) -> str:
        sequence = 1 if talk is None else talk.next(f"{kind}:{market.spec.symbol}")
        return (f'"type":"{kind}","symbol_id":"{market.spec.symbol}","sequence":{sequence},'
                f'"time_exchange":"{iso(ts_ns, 7)}","time_coinapi":"{iso(ts_ns + FUNNEL_NS, 7)}"')

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [(f'{{{self._head("trade", market, trade.ts_ns, talk)},"uuid":"{self.trade_id(market, trade)}",'
                 f'"price":{self.price(market, trade.price)},"size":{self.size(market, trade.size)},'
                 f'"taker_side":"{trade.side.upper()}"}}').encode()
                for trade in trades]

    def _quote(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        top = self.top(market, quote, "bid_price", "bid_size", "ask_price", "ask_size")
        return [f'{{{self._head("quote", market, quote.ts_ns, talk)},{top}}}'.encode()]

    def _bar(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = self.ohlc(market, bar, "price_open", "price_high", "price_low", "price_close")
        return [(f'{{"type":"ohlcv","symbol_id":"{market.spec.symbol}","sequence":{bar.trades},"period_id":"1MIN",'
                 f'"time_period_start":"{iso(bar.start_ns, 7)}","time_period_end":"{iso(bar.end_ns, 7)}",{prices},'
                 f'"volume_traded":{self.size(market, bar.volume)},"trades_count":{bar.trades}}}').encode()]
