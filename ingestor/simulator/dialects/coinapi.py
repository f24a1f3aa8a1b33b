"""coinapi, simulated: several venues behind one connection. Formats: reference A2 (documentation).

`hello` comes first, carries the key and replaces the subscription; there is no acknowledgement. Types
and symbols multiply; `SYMBOL$` is exact, without `$` it is a prefix. Sequences start with the connection.
"""

import json
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, as_object, iso, strings, trimmed, uuid_of
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade

TYPES = ("trade", "quote")
FUNNEL_NS = 13_200_000      # from the venue to us by way of the provider


class Coinapi(Dialect):
    """The V1 endpoint."""

    name = "coinapi"
    path = "/v1/"
    traits = Traits(100)
    heartbeat_after_s = 1.0
    subscribe_within_s = 5.0
    per_connection = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE]["quote"] = self._quote

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
        types = [name for name in strings(request.get("subscribe_data_type")) if name in TYPES]
        for symbol in self._matching(strings(request.get("subscribe_filter_symbol_id"))):
            for name in types:
                change(talk, name, symbol)
        return []

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
        return [json.dumps({"type": "error", "message": reason}, separators=(",", ":")).encode()]

    def _head(self, kind: str, market: Market, ts_ns: int, talk: Conversation | None) -> str:
        sequence = 1
        if talk is not None:
            name = f"{kind}:{market.spec.symbol}"
            sequence = talk.counts[name] = talk.counts.get(name, 0) + 1
        return (f'"type":"{kind}","symbol_id":"{market.spec.symbol}","sequence":{sequence},'
                f'"time_exchange":"{iso(ts_ns, 7)}","time_coinapi":"{iso(ts_ns + FUNNEL_NS, 7)}"')

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [(f'{{{self._head("trade", market, trade.ts_ns, talk)},"uuid":"{self.trade_id(market, trade)}",'
                 f'"price":{trimmed(trade.price, market.spec.price_digits)},'
                 f'"size":{trimmed(trade.size, market.spec.size_digits)},'
                 f'"taker_side":"{trade.side.upper()}"}}').encode()
                for trade in trades]

    def _quote(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        digits, sizes = market.spec.price_digits, market.spec.size_digits
        return [(f'{{{self._head("quote", market, quote.ts_ns, talk)},"ask_price":{trimmed(quote.ask, digits)},'
                 f'"ask_size":{trimmed(quote.ask_size, sizes)},"bid_price":{trimmed(quote.bid, digits)},'
                 f'"bid_size":{trimmed(quote.bid_size, sizes)}}}').encode()]
