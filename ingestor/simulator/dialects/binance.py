"""binance-spot and binance-usdm, simulated. Formats: reference B1, and captured frames of 2021 to 2024.

Spot pads decimals to eight places, futures don't. Unknown streams are acknowledged silently. The
futures' base is split: /public carries trades and book tickers, /market the rest; a stream asked for on
the wrong one stays silent.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ingestor.simulator.dialects.dialect import MILLISECOND, Conversation, Dialect, as_object, fixed, padded, strings
from ingestor.simulator.engine import QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import REFERENCE_DIGITS, Market, Quote, Reference, Trade

PUBLIC_CHANNELS = ("trade", "bookTicker")
SPOT_PLACES = 8


class BinanceSpot(Dialect):
    """Combined streams under /stream."""

    name = "binance-spot"
    traits = Traits(MILLISECOND)
    ping_every_s = 20.0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers = {
            TRADES: {"trade": self._trades, "aggTrade": self._aggregated},
            QUOTE: {"bookTicker": self._book_ticker}, REFERENCE: {}}

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        parts = urlsplit(path)
        endpoint = self.endpoint_of(parts.path)
        if endpoint is None:
            return None
        talk = Conversation("", endpoint)
        for streams in parse_qs(parts.query).get("streams", ()):
            for stream in streams.split("/"):
                self._ask(talk, stream, True)
        return talk

    def endpoint_of(self, path: str) -> str | None:
        return "" if path == "/stream" else None

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        if request is None:
            return [b'{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}}']
        number, method = json.dumps(request.get("id")), request.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            held = json.dumps([f"{symbol.lower()}@{channel}" for _, channel, symbol in talk.streams])
            return [f'{{"result":{held},"id":{number}}}'.encode()]
        streams = strings(request.get("params"))
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not streams:
            return [f'{{"error":{{"code":2,"msg":"Invalid request: unknown variant or missing params"}},"id":{number}}}'
                    .encode()]
        for stream in streams:
            self._ask(talk, stream, method == "SUBSCRIBE")
        return [f'{{"result":null,"id":{number}}}'.encode()]

    def serves(self, talk: Conversation, channel: str) -> bool:
        """Whether this base carries the channel."""
        return True

    def _ask(self, talk: Conversation, stream: str, wanted: bool) -> None:
        symbol, _, channel = stream.partition("@")
        symbol = symbol.upper()
        if not wanted:
            self.remove(talk, channel, symbol)
        elif self.knows(talk, symbol) and self.serves(talk, channel):
            self.add(talk, channel, symbol)

    def _framed(self, market: Market, channel: str, data: str) -> bytes:
        return f'{{"stream":"{market.spec.symbol.lower()}@{channel}","data":{{{data}}}}}'.encode()

    def _price(self, market: Market, units: int) -> str:
        return padded(units, market.spec.price_digits, SPOT_PLACES)

    def _quantity(self, market: Market, units: int) -> str:
        return padded(units, market.spec.size_digits, SPOT_PLACES)

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trade", self._trade(market, trade)) for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> str:
        ms, maker = trade.ts_ns // MILLISECOND, "true" if trade.side == "sell" else "false"
        return (f'"e":"trade","E":{ms},"s":"{market.spec.symbol}","t":{trade.id},'
                f'"p":"{self._price(market, trade.price)}","q":"{self._quantity(market, trade.size)}","T":{ms},'
                f'"m":{maker},"M":true')

    def _aggregated(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        """One a trade: a real one joins the fills of one price, but then has a numbering of its own."""
        return [self._framed(market, "aggTrade", self._aggregate(market, trade)) for trade in trades]

    def _aggregate(self, market: Market, trade: Trade) -> str:
        ms, maker = trade.ts_ns // MILLISECOND, "true" if trade.side == "sell" else "false"
        return (f'"e":"aggTrade","E":{ms},"s":"{market.spec.symbol}","a":{trade.id},'
                f'"p":"{self._price(market, trade.price)}","q":"{self._quantity(market, trade.size)}",'
                f'"f":{trade.id},"l":{trade.id},"T":{ms},"m":{maker},"M":true')

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "bookTicker", f'"u":{quote.sequence},{self._top(market, quote)}')]

    def _top(self, market: Market, quote: Quote) -> str:
        return (f'"s":"{market.spec.symbol}","b":"{self._price(market, quote.bid)}",'
                f'"B":"{self._quantity(market, quote.bid_size)}","a":"{self._price(market, quote.ask)}",'
                f'"A":"{self._quantity(market, quote.ask_size)}"')


class BinanceUsdm(BinanceSpot):
    """USD-margined futures: /public/stream and /market/stream."""

    name = "binance-usdm"
    ping_every_s = 180.0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[REFERENCE] = {"markPrice@1s": self._mark_price}

    def endpoint_of(self, path: str) -> str | None:
        return {"/public/stream": "public", "/market/stream": "market"}.get(path)

    def serves(self, talk: Conversation, channel: str) -> bool:
        return (channel in PUBLIC_CHANNELS) == (talk.endpoint == "public")

    def _price(self, market: Market, units: int) -> str:
        return fixed(units, market.spec.price_digits)

    def _quantity(self, market: Market, units: int) -> str:
        return fixed(units, market.spec.size_digits)

    def _trade(self, market: Market, trade: Trade) -> str:
        ms, maker = trade.ts_ns // MILLISECOND, "true" if trade.side == "sell" else "false"
        return (f'"e":"trade","E":{ms},"T":{ms},"s":"{market.spec.symbol}","t":{trade.id},'
                f'"p":"{self._price(market, trade.price)}","q":"{self._quantity(market, trade.size)}","X":"MARKET",'
                f'"m":{maker}')

    def _aggregate(self, market: Market, trade: Trade) -> str:
        ms, maker = trade.ts_ns // MILLISECOND, "true" if trade.side == "sell" else "false"
        return (f'"e":"aggTrade","E":{ms},"a":{trade.id},"s":"{market.spec.symbol}",'
                f'"p":"{self._price(market, trade.price)}","q":"{self._quantity(market, trade.size)}",'
                f'"f":{trade.id},"l":{trade.id},"T":{ms},"m":{maker}')

    def _book_ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        ms = quote.ts_ns // MILLISECOND
        return [self._framed(market, "bookTicker", (
            f'"e":"bookTicker","u":{quote.sequence},{self._top(market, quote)},"T":{ms},"E":{ms}'))]

    def _mark_price(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        mark = fixed(reference.mark_price, REFERENCE_DIGITS)
        return [self._framed(market, "markPrice@1s", (
            f'"e":"markPriceUpdate","E":{reference.ts_ns // MILLISECOND},"s":"{market.spec.symbol}","p":"{mark}",'
            f'"P":"{mark}","i":"{fixed(reference.index_price, REFERENCE_DIGITS)}",'
            f'"r":"{fixed(reference.funding, REFERENCE_DIGITS)}","T":{reference.next_funding_ns // MILLISECOND}'))]
