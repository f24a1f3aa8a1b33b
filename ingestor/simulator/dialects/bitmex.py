"""bitmex, simulated. Formats: reference B9, and frames captured in 2021.

A table, an action and rows. A partial comes first and replays the last trade, the book's top, or the whole
instrument, of which later only what changed is sent. Sizes count contracts. Heartbeat: the texts ping and pong.
"""

from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, iso, strings, trimmed, uuid_of
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade

PARTIAL = '"keys":[],"types":{},"foreignKeys":{},"attributes":{},"filter":{"symbol":"%s"},'


class Bitmex(Dialect):
    """/realtime."""

    name = "bitmex"
    path = "/realtime"
    traits = Traits(MILLISECOND, joins_fills=True)
    rules = Rules(messages=20)
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE]["quote"] = self._quote
        self.renderers[BAR]["tradeBin1m"] = self._bin
        self.renderers[REFERENCE] = {"instrument": self._instrument, "funding": self._funding}

    def greet(self, talk: Conversation) -> list[bytes]:
        return [in_words({
            "info": "Welcome to the BitMEX Realtime API.", "version": "2026-08-11T01:28:04.000Z",
            "timestamp": iso(self.now_ns(), 3), "docs": "https://www.bitmex.com/app/wsAPI",
            "limit": {"remaining": 39}})]

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        if text == b"ping":
            return [b"pong"]
        request = as_object(text) or {}
        operation, arguments = request.get("op"), request.get("args")
        wanted = [arguments] if isinstance(arguments, str) else strings(arguments)
        if operation not in ("subscribe", "unsubscribe") or not wanted:
            return [_error(request, "Unrecognized request")]
        replies = []
        for argument in wanted:
            channel, _, symbol = argument.partition(":")
            if not self.carries(channel):
                replies.append(_error(request, f"Unknown table: {channel}"))
            elif not self.knows(talk, symbol):
                replies.append(_error(request, f"Unknown or expired symbol: {symbol}"))
            else:
                replies.append(in_words({"success": True, operation: argument, "request": request}))
                if operation == "subscribe":
                    replies += self.add(talk, channel, symbol)
                else:
                    self.remove(talk, channel, symbol)
        return replies

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error({}, "Rate limit exceeded, retry in 1 seconds.", 429)]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trade":
            return [self._framed(market, channel, "partial", self._row(market, market.history[-1]))]
        if channel == "quote" and market.book:
            return [self._framed(market, channel, "partial", self._top(market, market.book))]
        if channel == "instrument" and market.book:
            reference = market.reference(self.now_ns())
            whole = (f'"bidPrice":{self.price(market, market.book.bid)},'
                     f'"askPrice":{self.price(market, market.book.ask)},'
                     f'"fundingRate":{self.funding(reference)},'
                     f'"fundingTimestamp":"{iso(reference.next_funding_ns, 3)}",')
            return [self._framed(market, channel, "partial", whole + self._moves(market, reference))]
        return [self._framed(market, channel, "partial", "")]

    def trade_id(self, market: Market, trade: Trade) -> str:
        return uuid_of(trade.id, 4)

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 3).encode()

    def _framed(self, market: Market, table: str, action: str, *rows: str) -> bytes:
        more = PARTIAL % market.spec.symbol if action == "partial" else ""
        data = ",".join(f'{{"symbol":"{market.spec.symbol}",{row}}}' for row in rows if row)
        return f'{{"table":"{table}","action":"{action}",{more}"data":[{data}]}}'.encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trade", "insert", *(self._row(market, trade) for trade in trades))]

    def _row(self, market: Market, trade: Trade) -> str:
        return (f'"timestamp":"{iso(trade.ts_ns, 3)}","side":"{trade.side.title()}",'
                f'"size":{self.size(market, trade.size)},"price":{self.price(market, trade.price)},'
                f'"tickDirection":"MinusTick","trdMatchID":"{self.trade_id(market, trade)}","grossValue":156220,'
                f'"homeNotional":0.0015622,"foreignNotional":100,"trdType":"Regular"')

    def _quote(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "quote", "insert", self._top(market, quote))]

    def _top(self, market: Market, quote: Quote) -> str:
        return (f'"timestamp":"{iso(quote.ts_ns, 3)}",'
                f'{self.top(market, quote, "bidPrice", "bidSize", "askPrice", "askSize")}')

    def _bin(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "tradeBin1m", "insert", (
            f'"timestamp":"{iso(bar.end_ns, 3)}",{self.ohlc(market, bar, "open", "high", "low", "close", "vwap")},'
            f'"trades":{bar.trades},"volume":{self.size(market, bar.volume)}'))]

    def _instrument(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "instrument", "update", self._moves(market, reference))]

    def _moves(self, market: Market, reference: Reference) -> str:
        return (f'"markPrice":{self.mark(reference)},"indicativeSettlePrice":{self.index(reference)},'
                f'"openInterest":{self.size(market, reference.open_interest)},"timestamp":"{iso(reference.ts_ns, 3)}"')

    def _funding(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "funding", "insert", (
            f'"timestamp":"{iso(reference.ts_ns, 3)}","fundingRate":{self.funding(reference)}'))]


def _error(request: dict[str, Any], message: str, status: int = 400) -> bytes:
    return in_words({"status": status, "error": message, "meta": {}, "request": request})
