"""amberdata, simulated: JSON-RPC 2.0 over /spot, /futures and /options. Formats: reference A4.

One instrument a request; the answer is a subscription id, and the names of the columns that trade rows have.
Trades are rows of rows, the rest are objects. `timestampNanoseconds` count within the millisecond. Funding and
open interest are the derivatives'.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, request_of, trimmed, uuid_of
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade
from ingestor.simulator.spec import MarketSpec

SECTIONS = ("spot", "futures", "options")
COLUMNS = ("exchange", "pair", "timestamp", "timestampNanoseconds", "tradeId", "price", "volume", "isBuy")


class Amberdata(Dialect):
    """Trades and tickers; markets are told apart by exchange, and sections by path."""

    name = "amberdata"
    traits = Traits(1)
    rules = Rules(streams_max=100, connections_max=20)
    by_venue = True
    per_connection = True
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trades"] = self._trades
        self.renderers[QUOTE]["tickers"] = self._ticker
        self.renderers[BAR]["ohlcv"] = self._candle
        self.renderers[REFERENCE] = {"funding_rates": self._funding, "open_interests": self._interest}

    @classmethod
    def place(cls, spec: MarketSpec) -> str:
        return f"{spec.section}:{spec.venue_code}"

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        section = request_of(path)[0].strip("/")
        if section not in SECTIONS:
            return None
        talk = Conversation(section)
        if self.key and headers.get("x-api-key") != self.key:
            talk.farewell = "unauthorized"
        return talk

    def greet(self, talk: Conversation) -> list[bytes]:
        return [_error(None, "Forbidden")] if talk.farewell else []

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        number, method, params = request.get("id"), request.get("method"), request.get("params")
        params = params if isinstance(params, list) else []
        if method == "unsubscribe" and params:
            for (venue, channel, symbol), name in list(talk.streams.items()):
                if name == params[0]:
                    self.remove(talk, channel, symbol, venue)
                    return [in_words({"jsonrpc": "2.0", "id": number, "result": True})]
            return [_error(number, "Unknown subscription")]
        if method != "subscribe" or len(params) != 2 or not isinstance(params[1], dict):
            return [_error(number, "Invalid request")]
        head, _, channel = str(params[0]).rpartition(":")
        venue = f"{talk.section}:{params[1].get('exchange')}"
        symbol = str(params[1].get("pair") or params[1].get("instrument"))
        if head != f"market:{talk.section}" or not self.carries(channel) or not self.knows(talk, symbol, venue):
            return [_error(number, f"Invalid subscription {params[0]} {params[1]}")]
        name = uuid_of(talk.next("subscriptions"), 4)
        replay = self.add(talk, channel, symbol, venue, name)
        if talk.overfull:
            return []
        columns = {"metadata": list(COLUMNS)} if channel == "trades" else {}
        return [in_words({"jsonrpc": "2.0", "id": number, "result": name, **columns}), *replay]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error(None, f"Reached the limit of {what} on this connection")]

    def _framed(self, talk: Conversation | None, market: Market, channel: str, result: str) -> bytes:
        name = self.name_of(talk, market, channel) or uuid_of(0, 4)
        return (f'{{"jsonrpc":"2.0","method":"subscription","params":{{"subscription":"{name}",'
                f'"result":{result}}}}}').encode()

    def _named(self, market: Market) -> str:
        key = "pair" if market.spec.section == "spot" else "instrument"
        return f'"exchange":"{market.spec.venue_code}","{key}":"{market.spec.symbol}"'

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        rows = ",".join(
            f'["{market.spec.venue_code}","{market.spec.symbol}",{trade.ts_ns // MILLISECOND},'
            f'{trade.ts_ns % MILLISECOND},"{trade.id}",{self.price(market, trade.price)},'
            f'{self.size(market, trade.size)},{"true" if trade.side == "buy" else "false"}]' for trade in trades)
        return [self._framed(talk, market, "trades", f"[{rows}]")]

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(talk, market, "tickers", (
            f'{{{self._named(market)},"exchangeTimestamp":{quote.ts_ns // MILLISECOND},'
            f'"exchangeTimestampNanoseconds":{quote.ts_ns % MILLISECOND},"timestamp":{quote.ts_ns // MILLISECOND + 9},'
            f'{self.top(market, quote, "bid", "bidVolume", "ask", "askVolume")},"mid":null,"last":null,'
            f'"sequence":{quote.sequence},"lastVolume":null,"open24H":null,"low24H":null,"high24H":null}}'))]

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [self._framed(talk, market, "ohlcv", (
            f'{{{self._named(market)},"timestamp":{bar.start_ns // MILLISECOND},'
            f'{self.ohlc(market, bar, "open", "high", "low", "close")},"volume":{self.size(market, bar.volume)}}}'))]

    def _funding(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(talk, market, "funding_rates", (
            f'{{{self._named(market)},"timestamp":{reference.ts_ns // MILLISECOND},"fundingInterval":null,'
            f'"fundingRate":{self.funding(reference)},"nextFundingRate":null,'
            f'"nextFundingTime":{reference.next_funding_ns // MILLISECOND},"isActualFundingRate":false}}'))]

    def _interest(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(talk, market, "open_interests", (
            f'{{{self._named(market)},"timestamp":{reference.ts_ns // MILLISECOND},'
            f'"value":"{self.size(market, reference.open_interest)}","type":null}}'))]


def _error(number: object, description: str) -> bytes:
    return in_words({"jsonrpc": "2.0", "id": number, "error": {"code": 400, "description": description}})
