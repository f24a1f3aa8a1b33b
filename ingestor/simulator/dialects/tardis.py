"""tardis, simulated: a tardis-machine server's normalised stream. Formats: reference A5.

The URL carries the whole subscription as JSON: exchanges, symbols and types of data. There is no message
of the client and no acknowledgement. A type `quote` arrives as a book snapshot of depth 1.
"""

import json
from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect
from ingestor.simulator.dialects.text import MICROSECOND, in_words, iso, request_of, strings, trimmed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade

PATH = "/ws-stream-normalized"
FUNNEL_NS = 20_000_000      # from the exchange to the server


class Tardis(Dialect):
    """/ws-stream-normalized?options=..."""

    name = "tardis"
    traits = Traits(MICROSECOND)
    by_venue = True
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE] = {"book_ticker": self._book_ticker, "quote": self._snapshot}
        self.renderers[BAR]["trade_bar_1m"] = self._bar
        self.renderers[REFERENCE]["derivative_ticker"] = self._ticker

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        path, query = request_of(path)
        try:
            options = json.loads(query.get("options", ""))
        except ValueError:
            return None
        entries = options if isinstance(options, list) else [options]
        if path != PATH or not all(isinstance(entry, dict) for entry in entries):
            return None
        talk = Conversation("")
        for entry in entries:
            venue = str(entry.get("exchange"))
            for symbol in strings(entry.get("symbols")):
                for channel in strings(entry.get("dataTypes")):
                    if self.knows(talk, symbol, venue):
                        self.add(talk, channel, symbol, venue)
                    else:
                        talk.next(venue)
        return talk

    def greet(self, talk: Conversation) -> list[bytes]:
        return [in_words({
            "type": "error", "exchange": venue, "localTimestamp": iso(self.now_ns(), 3),
            "details": "invalid symbols", "subSequentErrorsCount": 1}) for venue in talk.counts]

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        return []

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 6).encode()

    def _framed(self, market: Market, kind: str, ts_ns: int, fields: str) -> bytes:
        return (f'{{"type":"{kind}","symbol":"{market.spec.symbol}","exchange":"{market.spec.venue_code}",{fields},'
                f'"timestamp":"{iso(ts_ns, 6)}","localTimestamp":"{iso(ts_ns + FUNNEL_NS, 6)}"}}').encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trade", trade.ts_ns, (
            f'"id":"{trade.id}","price":{self.price(market, trade.price)},"amount":{self.size(market, trade.size)},'
            f'"side":"{trade.side}"')) for trade in trades]

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "book_ticker", quote.ts_ns, self.top(
            market, quote, "bidPrice", "bidAmount", "askPrice", "askAmount"))]

    def _snapshot(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        bids, asks = (f'[{{"price":{self.price(market, price)},"amount":{self.size(market, size)}}}]'
                      for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)))
        return [self._framed(market, "book_snapshot", quote.ts_ns, (
            f'"name":"quote","depth":1,"interval":0,"bids":{bids},"asks":{asks}'))]

    def _bar(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trade_bar", bar.ts_ns, (
            f'"name":"trade_bar_1m","interval":60000,"kind":"time",'
            f'{self.ohlc(market, bar, "open", "high", "low", "close", "vwap")},'
            f'"volume":{self.size(market, bar.volume)},"trades":{bar.trades},'
            f'"openTimestamp":"{iso(bar.start_ns, 3)}","closeTimestamp":"{iso(bar.end_ns, 3)}"'))]

    def _ticker(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "derivative_ticker", reference.ts_ns, (
            f'"lastPrice":{self.price(market, market.history[-1].price)},'
            f'"openInterest":{self.size(market, reference.open_interest)},"fundingRate":{self.funding(reference)},'
            f'"fundingTimestamp":"{iso(reference.next_funding_ns, 3)}","indexPrice":{self.index(reference)},'
            f'"markPrice":{self.mark(reference)}'))]
