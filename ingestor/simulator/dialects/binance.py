"""binance-spot, -us, -usdm and -coinm, simulated. Formats: reference B1, and captured frames of 2021 to 2024.

Spot pads decimals to eight places, futures don't. Unknown streams are acknowledged silently. The USD-M
base is split: /public carries trades and book tickers, /market the rest; a stream asked for on the wrong
one stays silent. COIN-M counts contracts and names its index prices by the pair.
History: /{api}/historicalTrades from an id on, /{api}/aggTrades from an id or between times (ms).
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, fixed, in_words, padded, request_of, strings
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade
from ingestor.simulator.server import Answer

PUBLIC_CHANNELS = ("trade", "bookTicker")
SPOT_PLACES = 8
LIMIT, LIMIT_MAX = 500, 1000
DAY_S = 86_400.0
Fields = dict[str, Any]


class BinanceSpot(Dialect):
    """Combined streams under /stream."""

    name = "binance-spot"
    traits = Traits(MILLISECOND)
    rules = Rules(messages=5, streams_max=1024, pong_within_s=60.0, age_max_s=DAY_S)
    ping_every_s = 20.0
    endpoints: ClassVar[Mapping[str, str]] = {"/stream": ""}
    api: ClassVar[str] = "/api/v3"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES] = {"trade": self._trades, "aggTrade": self._aggregated}
        self.renderers[QUOTE] = {"bookTicker": self._book_ticker}
        self.renderers[BAR] = {"kline_1m": self._kline}

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        path, query = request_of(path)
        if path not in self.endpoints:
            return None
        talk = Conversation("", self.endpoints[path])
        for stream in filter(None, query.get("streams", "").split("/")):
            self._ask(talk, stream, True)
        return talk

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        if request is None:
            return [b'{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}}']
        number, method = request.get("id"), request.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            held = [f"{symbol.lower()}@{channel}" for _, channel, symbol in talk.streams]
            return [in_words({"result": held, "id": number})]
        streams = strings(request.get("params"))
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not streams:
            words = {"code": 2, "msg": "Invalid request: unknown variant or missing params"}
            return [in_words({"error": words, "id": number})]
        for stream in streams:
            self._ask(talk, stream, method == "SUBSCRIBE")
        return [in_words({"result": None, "id": number})]

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        kind = path.removeprefix(f"{self.api}/")
        if kind not in ("historicalTrades", "aggTrades"):
            return None
        market = (self.markets or {}).get(("", query.get("symbol", "")))
        if market is None:
            return Answer(400, b'{"code":-1121,"msg":"Invalid symbol."}')
        try:
            first, end = past.number(query, "fromId", -1), past.number(query, "endTime", -1)
            found = past.trades(
                market, min(past.number(query, "limit", LIMIT), LIMIT_MAX), first_id=None if first < 0 else first,
                start_ns=past.number(query, "startTime", 0) * MILLISECOND,
                end_ns=None if end < 0 else end * MILLISECOND)
        except past.BadQuery as error:
            return Answer(400, in_words({"code": -1100, "msg": f"Illegal characters found in parameter '{error}'."}))
        rows = [self._past_aggregate(market, trade) if kind == "aggTrades" else self._past_trade(market, trade)
                for trade in found]
        return Answer(200, in_words(rows))

    def serves(self, talk: Conversation, channel: str) -> bool:
        """Whether this base carries the channel."""
        return True

    def price(self, market: Market, units: int) -> str:
        return padded(units, market.spec.price_digits, SPOT_PLACES)

    def size(self, market: Market, units: int) -> str:
        return padded(units, market.spec.size_digits, SPOT_PLACES)

    def _ask(self, talk: Conversation, stream: str, wanted: bool) -> None:
        symbol, _, channel = stream.partition("@")
        symbol = symbol.upper()
        if not wanted:
            self.remove(talk, channel, symbol)
        elif self.knows(talk, symbol) and self.serves(talk, channel):
            self.add(talk, channel, symbol)

    def _framed(self, market: Market, channel: str, data: str) -> bytes:
        return f'{{"stream":"{market.spec.symbol.lower()}@{channel}","data":{{{data}}}}}'.encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trade", self._trade(market, trade)) for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> str:
        ms = trade.ts_ns // MILLISECOND
        return (f'"e":"trade","E":{ms},"s":"{market.spec.symbol}","t":{trade.id},'
                f'"p":"{self.price(market, trade.price)}","q":"{self.size(market, trade.size)}","T":{ms},'
                f'"m":{_maker(trade)},"M":true')

    def _aggregated(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        """One a trade: a real one joins the fills of one price, but then has a numbering of its own."""
        return [self._framed(market, "aggTrade", self._aggregate(market, trade)) for trade in trades]

    def _aggregate(self, market: Market, trade: Trade) -> str:
        ms = trade.ts_ns // MILLISECOND
        return (f'"e":"aggTrade","E":{ms},"s":"{market.spec.symbol}","a":{trade.id},'
                f'"p":"{self.price(market, trade.price)}","q":"{self.size(market, trade.size)}",'
                f'"f":{trade.id},"l":{trade.id},"T":{ms},"m":{_maker(trade)},"M":true')

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "bookTicker", f'"u":{quote.sequence},{self._top(market, quote)}')]

    def _top(self, market: Market, quote: Quote) -> str:
        return f'"s":"{market.spec.symbol}",{self.top(market, quote, "b", "B", "a", "A")}'

    def _kline(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = self.ohlc(market, bar, "o", "h", "l", "c")
        return [self._framed(market, "kline_1m", (
            f'"e":"kline","E":{bar.ts_ns // MILLISECOND},"s":"{market.spec.symbol}","k":{{'
            f'"t":{bar.start_ns // MILLISECOND},"T":{bar.end_ns // MILLISECOND - 1},"s":"{market.spec.symbol}",'
            f'"i":"1m",{prices},"v":"{self.size(market, bar.volume)}","n":{bar.trades},"x":false}}'))]

    def _past_trade(self, market: Market, trade: Trade) -> Fields:
        return {"id": trade.id, "price": self.price(market, trade.price), "qty": self.size(market, trade.size),
                "time": trade.ts_ns // MILLISECOND, "isBuyerMaker": trade.side == "sell"}

    def _past_aggregate(self, market: Market, trade: Trade) -> Fields:
        return {"a": trade.id, "p": self.price(market, trade.price), "q": self.size(market, trade.size),
                "f": trade.id, "l": trade.id, "T": trade.ts_ns // MILLISECOND, "m": trade.side == "sell"}


class BinanceUs(BinanceSpot):
    """The same words on another site."""

    name = "binance-us"


class BinanceUsdm(BinanceSpot):
    """USD-margined futures: /public/stream and /market/stream."""

    name = "binance-usdm"
    rules = Rules(messages=10, streams_max=1024, pong_within_s=600.0, age_max_s=DAY_S)
    ping_every_s = 180.0
    endpoints: ClassVar[Mapping[str, str]] = {"/public/stream": "public", "/market/stream": "market"}
    api = "/fapi/v1"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[REFERENCE]["markPrice@1s"] = self._mark_price

    def serves(self, talk: Conversation, channel: str) -> bool:
        return (channel in PUBLIC_CHANNELS) == (talk.endpoint == "public")

    def price(self, market: Market, units: int) -> str:
        return fixed(units, market.spec.price_digits)

    def size(self, market: Market, units: int) -> str:
        return fixed(units, market.spec.size_digits)

    def _trade(self, market: Market, trade: Trade) -> str:
        ms = trade.ts_ns // MILLISECOND
        return (f'"e":"trade","E":{ms},"T":{ms},"s":"{market.spec.symbol}","t":{trade.id},'
                f'"p":"{self.price(market, trade.price)}","q":"{self.size(market, trade.size)}","X":"MARKET",'
                f'"m":{_maker(trade)}')

    def _aggregate(self, market: Market, trade: Trade) -> str:
        ms = trade.ts_ns // MILLISECOND
        return (f'"e":"aggTrade","E":{ms},"a":{trade.id},"s":"{market.spec.symbol}",'
                f'"p":"{self.price(market, trade.price)}","q":"{self.size(market, trade.size)}",'
                f'"f":{trade.id},"l":{trade.id},"T":{ms},"m":{_maker(trade)}')

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        ms = quote.ts_ns // MILLISECOND
        return [self._framed(market, "bookTicker", (
            f'"e":"bookTicker","u":{quote.sequence},{self._top(market, quote)},"T":{ms},"E":{ms}'))]

    def _mark_price(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "markPrice@1s", (
            f'"e":"markPriceUpdate","E":{reference.ts_ns // MILLISECOND},"s":"{market.spec.symbol}",'
            f'"p":"{self.mark(reference)}","P":"{self.mark(reference)}","i":"{self.index(reference)}",'
            f'"r":"{self.funding(reference)}","T":{reference.next_funding_ns // MILLISECOND}'))]


class BinanceCoinm(BinanceUsdm):
    """Coin-margined futures: one base, sizes in contracts."""

    name = "binance-coinm"
    endpoints: ClassVar[Mapping[str, str]] = {"/stream": ""}
    api = "/dapi/v1"

    def serves(self, talk: Conversation, channel: str) -> bool:
        return True

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        ms = quote.ts_ns // MILLISECOND
        return [self._framed(market, "bookTicker", (
            f'"u":{quote.sequence},"e":"bookTicker","ps":"{market.spec.symbol.partition("_")[0]}",'
            f'{self._top(market, quote)},"T":{ms},"E":{ms}'))]


def _maker(trade: Trade) -> str:
    """`m`: whether the buyer was the maker."""
    return json.dumps(trade.side == "sell")
