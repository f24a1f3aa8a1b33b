"""amberdata, simulated: JSON-RPC 2.0 over /spot, /futures and /options. Formats: reference A4.

One instrument a request; the answer is a subscription id, and the names of the columns that trade rows have.
Trades are rows of rows; a ticker is an object. `timestampNanoseconds` count within the millisecond.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, request_of, trimmed, uuid_of
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade

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
        self.renderers[TRADES] = {f"market:{section}:trades": self._trades for section in SECTIONS}
        self.renderers[QUOTE] = {f"market:{section}:tickers": self._ticker for section in SECTIONS}

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
        channel, venue = str(params[0]), str(params[1].get("exchange"))
        symbol = str(params[1].get("pair") or params[1].get("instrument"))
        if f"market:{talk.section}:" not in channel or not self.carries(channel) or not self.knows(talk, symbol, venue):
            return [_error(number, f"Invalid subscription {channel} {venue} {symbol}")]
        name = uuid_of(talk.next("subscriptions"), 4)
        replay = self.add(talk, channel, symbol, venue, name)
        if talk.overfull:
            return []
        columns = {"metadata": list(COLUMNS)} if channel.endswith(":trades") else {}
        return [in_words({"jsonrpc": "2.0", "id": number, "result": name, **columns}), *replay]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error(None, f"Reached the limit of {what} on this connection")]

    def _framed(self, talk: Conversation | None, market: Market, kind: str, result: str) -> bytes:
        section = "spot" if talk is None else talk.section
        name = self.name_of(talk, market, f"market:{section}:{kind}") or uuid_of(0, 4)
        return (f'{{"jsonrpc":"2.0","method":"subscription","params":{{"subscription":"{name}",'
                f'"result":{result}}}}}').encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        rows = ",".join(
            f'["{market.spec.venue_code}","{market.spec.symbol}",{trade.ts_ns // MILLISECOND},'
            f'{trade.ts_ns % MILLISECOND},"{trade.id}",{self.price(market, trade.price)},'
            f'{self.size(market, trade.size)},{"true" if trade.side == "buy" else "false"}]' for trade in trades)
        return [self._framed(talk, market, "trades", f"[{rows}]")]

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        named = "pair" if talk is None or talk.section == "spot" else "instrument"
        return [self._framed(talk, market, "tickers", (
            f'{{"exchange":"{market.spec.venue_code}","{named}":"{market.spec.symbol}",'
            f'"exchangeTimestamp":{quote.ts_ns // MILLISECOND},'
            f'"exchangeTimestampNanoseconds":{quote.ts_ns % MILLISECOND},"timestamp":{quote.ts_ns // MILLISECOND + 9},'
            f'{self.top(market, quote, "bid", "bidVolume", "ask", "askVolume")},"mid":null,"last":null,'
            f'"sequence":{quote.sequence},"lastVolume":null,"open24H":null,"low24H":null,"high24H":null}}'))]


def _error(number: object, description: str) -> bytes:
    return in_words({"jsonrpc": "2.0", "id": number, "error": {"code": 400, "description": description}})
