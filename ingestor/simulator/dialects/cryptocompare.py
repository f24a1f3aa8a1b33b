"""cryptocompare, simulated: the streamer's version 2. Formats: reference A3a.

Subscriptions are texts of parts, `0~Coinbase~BTC~USD`: trades (0), tickers (2), indices (5), candles (24),
top of book (30). `TYPE` is a text. The last 20 trades are replayed before LOADCOMPLETE. A ticker is whole first,
then only what changed; a book comes with both sides first, then one side a frame, counted without holes.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import as_object, in_words, request_of, strings, trimmed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade

REPLAYED = 20
HEARTBEAT_EVERY_S = 30
NUMBERS = {"trade": "0", "ticker": "2", "index": "5", "ohlc": "24", "top_of_book": "30"}
CHANNELS = {number: channel for channel, number in NUMBERS.items()}
CANDLES_OF_A_MINUTE = "~m"
FLAGS = {"sell": "1", "buy": "2"}
RECEIVED_NS = 12_805_000


class Cryptocompare(Dialect):
    """/v2?api_key=KEY."""

    name = "cryptocompare"
    path = "/v2"
    traits = Traits(1, rates=True)
    rules = Rules(messages=30, streams_max=300)
    by_venue = True
    per_connection = True
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE] = {"ticker": self._ticker, "top_of_book": self._side}
        self.renderers[BAR]["ohlc"] = self._candle
        self.renderers[REFERENCE]["index"] = self._index

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        path, query = request_of(path)
        if path != self.path:
            return None
        talk = Conversation("")
        key = query.get("api_key") or headers.get("authorization", "").removeprefix("Apikey ")
        if self.key and key != self.key:
            talk.farewell = "UNAUTHORIZED"
        return talk

    def greet(self, talk: Conversation) -> list[bytes]:
        if talk.farewell:
            return [_control("401", "UNAUTHORIZED", INFO="API key is not valid")]
        return [_control("20", "STREAMERWELCOME", SERVER_NAME="08", SERVER_TIME_MS=self.now_ns() // 10**6, CLIENT_ID=1,
                         DATA_FORMAT="JSON", SOCKET_ID="7zUM3b6uMKw", SOCKETS_ACTIVE=1, SOCKETS_REMAINING=0)]

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        action = request.get("action") if request else None
        if request is None or action not in ("SubAdd", "SubRemove"):
            return [_control("500", "INVALID_JSON" if request is None else "INVALID_PARAMETER", PARAMETER="action")]
        replies, replays = [], []
        for name in strings(request.get("subs")):
            number, _, rest = name.removesuffix(CANDLES_OF_A_MINUTE).partition("~")
            venue, _, symbol = rest.partition("~")
            channel = CHANNELS.get(number, "")
            if not channel or not self.knows(talk, symbol, venue):
                replies.append(_control("500", "INVALID_SUB", PARAMETER=name, INFO="We have no such market."))
            elif action == "SubRemove":
                self.remove(talk, channel, symbol, venue)
                replies.append(_control("17", "UNSUBSCRIBECOMPLETE", SUB=name))
            elif (venue, channel, symbol) in talk.streams:
                replies.append(_control("500", "SUBSCRIPTION_ALREADY_ACTIVE", PARAMETER=name))
            else:
                replays += self.add(talk, channel, symbol, venue)
                replies.append(_control("16", "SUBSCRIBECOMPLETE", SUB=name))
        loaded = [_control("3", "LOADCOMPLETE", INFO="All your valid subs have been loaded.")]
        return [*replies, *replays, *(loaded if action == "SubAdd" else ())]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        if what == "subscriptions":
            return [_control("429", f"TOO_MANY_SUBSCRIPTIONS_MAX_{self.rules.streams_max}_PER_SOCKET")]
        return [_control("429", "RATE_LIMIT_MAX_SECOND")]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trade":
            return self._trades(market, list(market.history)[-REPLAYED:], talk)
        if market.book is None or channel not in self.renderers[QUOTE]:
            return []
        sides = ",".join(self._level(side, market, market.book) for side in ("BID", "ASK"))
        return self._ticker(market, market.book, talk) if channel == "ticker" else [
            self._framed("30", market, talk, sides)]

    def each_second(self, talk: Conversation) -> list[bytes]:
        if talk.next("second") % HEARTBEAT_EVERY_S:
            return []
        return [_control("999", "HEARTBEAT", TIMEMS=self.now_ns() // 10**6)]

    def _framed(self, kind: str, market: Market, talk: Conversation | None, fields: str) -> bytes:
        """CCSEQ counts a book's frames; for trades it rises."""
        base, _, quote = market.spec.symbol.partition("~")
        count = 1 if talk is None else talk.next(f"{kind}~{market.spec.venue_code}~{market.spec.symbol}")
        return (f'{{"TYPE":"{kind}","M":"{market.spec.venue_code}","FSYM":"{base}","TSYM":"{quote}","CCSEQ":{count},'
                f'{fields}}}').encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed("0", market, talk, self._trade(market, trade)) for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> str:
        seconds, rest = divmod(trade.ts_ns, 10**9)
        received, received_rest = divmod(trade.ts_ns + RECEIVED_NS, 10**9)
        total = trimmed(trade.price * trade.size, market.spec.price_digits + market.spec.size_digits)
        return (f'"F":"{FLAGS[trade.side]}","ID":"{trade.id}","TS":{seconds},"TSNS":{rest},'
                f'"Q":{self.size(market, trade.size)},"P":{self.price(market, trade.price)},"TOTAL":{total},'
                f'"RTS":{received},"RTSNS":{received_rest}')

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        """Whole the first time a connection gets it."""
        name = f"whole~{market.spec.venue_code}~{market.spec.symbol}"
        rest = ',"VOLUME24HOUR":14211.32' if talk is not None and talk.next(name) == 1 else ""
        return [self._aggregated("2", market, (
            f'"FLAGS":1,"PRICE":{self.price(market, market.history[-1].price)},'
            f'"BID":{self.price(market, quote.bid)},"ASK":{self.price(market, quote.ask)},'
            f'"LASTUPDATE":{quote.ts_ns // 10**9}{rest}'))]

    def _aggregated(self, kind: str, market: Market, fields: str) -> bytes:
        base, _, quote = market.spec.symbol.partition("~")
        return (f'{{"TYPE":"{kind}","MARKET":"{market.spec.venue_code}","FROMSYMBOL":"{base}","TOSYMBOL":"{quote}",'
                f'{fields}}}').encode()

    def _index(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._aggregated("5", market, (
            f'"FLAGS":2,"MEDIAN":{self.mark(reference)},"PRICE":{self.index(reference)},'
            f'"LASTUPDATE":{reference.ts_ns // 10**9},"LASTMARKET":"Coinbase"'))]

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [self._aggregated("24", market, (
            f'"TS":{bar.start_ns // 10**9},"UNIT":"m",{self.ohlc(market, bar, "OPEN", "HIGH", "LOW", "CLOSE")},'
            f'"VOLUMEFROM":{self.size(market, bar.volume)},"VOLUMETO":1'))]

    def _side(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed("30", market, talk, self._level(side, market, quote)) for side in ("BID", "ASK")]

    def _level(self, side: str, market: Market, quote: Quote) -> str:
        price, size = (quote.bid, quote.bid_size) if side == "BID" else (quote.ask, quote.ask_size)
        return (f'"{side}":[{{"P":{self.price(market, price)},"Q":{self.size(market, size)},'
                f'"REPORTEDNS":"{quote.ts_ns}"}}]')


def _control(kind: str, message: str, **more: object) -> bytes:
    return in_words({"TYPE": kind, "MESSAGE": message, **more})
