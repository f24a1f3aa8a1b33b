"""bitfinex, simulated: API v2. Formats: reference B8, and frames captured in 2021.

Data are arrays that begin with a channel's id, which counts within a connection. Each trade comes twice, as
`te` and as `tu`; a snapshot is newest first; negative amounts are sells and asks. With flag 65536 every
array ends with a sequence of the connection, with 32768 with a time in ms.
"""

import json
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, trimmed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade

INFO = b'{"event":"info","version":2,"serverId":"5b73a436-19ca-4a15-8160-9069bdd7f181","platform":{"status":1}}'
REPLAYED = 30
CHANNEL_FIRST = 17_470
TIMESTAMP, SEQ_ALL = 32_768, 65_536
HEARTBEAT_EVERY_S = 15
NAMES = ("channel", "symbol", "key", "prec", "freq", "len")     # of a request that come back in its answer


class Bitfinex(Dialect):
    """/ws/2: trades, ticker, book P0 of length 1, status deriv, candles."""

    name = "bitfinex"
    path = "/ws/2"
    traits = Traits(MILLISECOND)
    rules = Rules(streams_max=25)
    per_connection = True
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trades"] = self._trades
        self.renderers[QUOTE] = {"book": self._book, "ticker": self._ticker}
        self.renderers[BAR]["candles"] = self._candle
        self.renderers[REFERENCE]["status"] = self._status

    def greet(self, talk: Conversation) -> list[bytes]:
        return [INFO]

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        event = request.get("event")
        if event == "ping":
            return [in_words({"event": "pong", "ts": self.now_ns() // MILLISECOND, "cid": request.get("cid")})]
        if event == "conf":
            flags = request.get("flags")
            talk.counts["flags"] = flags if isinstance(flags, int) else 0
            return [in_words({"event": "conf", "status": "OK", "flags": talk.counts["flags"]})]
        if event == "unsubscribe":
            return [self._left(talk, request.get("chanId"))]
        if event != "subscribe":
            return [_error(request, 10000, "event: invalid")]
        channel = str(request.get("channel"))
        symbol = str(request.get("symbol") or request.get("key")).removeprefix("deriv:").removeprefix("trade:1m:")
        if not self.carries(channel):
            return [_error(request, 10302, "channel: unknown")]
        if not self.knows(talk, symbol):
            return [_error(request, 10300, "symbol: invalid")]
        stream = (talk.section, channel, symbol)
        if stream in talk.streams:
            return [_error(request, 10301, "subscribe: dup")]
        number = talk.next("channels", first=CHANNEL_FIRST)
        replay = self.add(talk, channel, symbol, name=number)
        if talk.overfull:
            return [_error(request, 10305, "subscribe: limit")]
        pair = {"pair": symbol[1:]} if channel in ("trades", "ticker", "book") else {}
        named = {name: request[name] for name in NAMES if name in request}
        return [in_words({"event": "subscribed", **named, "chanId": number, **pair}), *replay]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return []       # each subscription was refused by itself

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trades":
            rows = ",".join(self._row(market, trade) for trade in reversed(list(market.history)[-REPLAYED:]))
            return [self._framed(talk, market, channel, f"[{rows}]")]
        if channel == "book" and market.book:
            rows = ",".join(f"[{price},1,{amount}]" for price, amount in self._levels(market, market.book))
            return [self._framed(talk, market, channel, f"[{rows}]")]
        return self._ticker(market, market.book, talk) if channel == "ticker" and market.book else []

    def each_second(self, talk: Conversation) -> list[bytes]:
        if talk.next("second") % HEARTBEAT_EVERY_S:
            return []
        return [self._array(talk, name, '"hb"') for name in talk.streams.values()]

    def _left(self, talk: Conversation, number: object) -> bytes:
        for (_, channel, symbol), name in list(talk.streams.items()):
            if name == number:
                self.remove(talk, channel, symbol)
                return in_words({"event": "unsubscribed", "status": "OK", "chanId": number})
        return _error({"chanId": number}, 10400, "unsubscribe: invalid")

    def _array(self, talk: Conversation | None, number: int, payload: str) -> bytes:
        flags = 0 if talk is None else talk.counts.get("flags", 0)
        tail = f",{talk.next('frame')}" if talk is not None and flags & SEQ_ALL else ""
        tail += f",{self.now_ns() // MILLISECOND}" if flags & TIMESTAMP else ""
        return f"[{number},{payload}{tail}]".encode()

    def _framed(self, talk: Conversation | None, market: Market, channel: str, payload: str) -> bytes:
        return self._array(talk, self.name_of(talk, market, channel) or CHANNEL_FIRST, payload)

    def _row(self, market: Market, trade: Trade) -> str:
        sign = "-" if trade.side == "sell" else ""
        return (f"[{trade.id},{trade.ts_ns // MILLISECOND},{sign}{self.size(market, trade.size)},"
                f"{self.price(market, trade.price)}]")

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(talk, market, "trades", f'"{tag}",{self._row(market, trade)}')
                for trade in trades for tag in ("te", "tu")]

    def _levels(self, market: Market, quote: Quote) -> list[tuple[str, str]]:
        return [(self.price(market, quote.bid), self.size(market, quote.bid_size)),
                (self.price(market, quote.ask), f"-{self.size(market, quote.ask_size)}")]

    def _book(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        """One side a frame."""
        return [self._framed(talk, market, "book", f"[{price},1,{amount}]")
                for price, amount in self._levels(market, quote)]

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        """Its sizes are sums over 25 levels, not those of the top."""
        last = self.price(market, market.history[-1].price)
        return [self._framed(talk, market, "ticker", (
            f"[{self.price(market, quote.bid)},{self.size(market, 25 * quote.bid_size)},"
            f"{self.price(market, quote.ask)},{self.size(market, 25 * quote.ask_size)},"
            f"-285,-0.0044,{last},2867.5,{last},{last},null]"))]

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        """Open, close, high, low: in this order."""
        prices = ",".join(self.price(market, units) for units in (bar.open, bar.close, bar.high, bar.low))
        return [self._framed(talk, market, "candles", (
            f"[{bar.start_ns // MILLISECOND},{prices},{self.size(market, bar.volume)}]"))]

    def _status(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        last = self.price(market, market.history[-1].price)
        return [self._framed(talk, market, "status", (
            f"[{reference.ts_ns // MILLISECOND},null,{last},{self.index(reference)},null,1000,null,"
            f"{reference.next_funding_ns // MILLISECOND},0.0001,1,null,{self.funding(reference)},null,null,"
            f"{self.mark(reference)},null,null,{self.size(market, reference.open_interest)}]"))]


def _error(request: dict[str, Any], code: int, message: str) -> bytes:
    return json.dumps({**request, "event": "error", "msg": message, "code": code}).encode()
