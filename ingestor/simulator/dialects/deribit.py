"""deribit, simulated: JSON-RPC 2.0. Formats: reference B7, and frames captured in 2021.

A channel is kind, instrument and interval; unknown ones, and raw ones, are missing from the answer. Once a
client has set a heartbeat, each beat comes with a test request, and who leaves one unanswered until the
next is disconnected. Amounts are numbers, with exponents where they are small.
History: get_last_trades_by_instrument by trade_seq, get_last_trades_by_instrument_and_time in ms.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, MILLISECOND, as_object, in_words, strings, trimmed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade
from ingestor.simulator.server import Answer

HISTORY = "/api/v2/public/get_last_trades_by_instrument"
INTERVALS = {"trades": "100ms", "ticker": "100ms", "chart.trades": "1"}     # what stands after the instrument
HEARTBEAT_S_MIN = 10
COUNT, COUNT_MAX = 10, 1000
TOP = ("best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount")


def number(units: int, digits: int) -> str:
    """A JSON number, with an exponent where it is below 0.0001."""
    value = Decimal(units).scaleb(-digits).normalize()
    return f"{value:e}".replace("e-", "e-0") if 0 < abs(value) < Decimal("0.0001") else trimmed(units, digits)


class Deribit(Dialect):
    """/ws/api/v2."""

    name = "deribit"
    path = "/ws/api/v2"
    traits = Traits(MILLISECOND, joins_fills=True)
    rules = Rules(messages=20, streams_max=500)
    decimal = staticmethod(number)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trades"] = self._trades
        self.renderers[QUOTE] = {"quote": self._quote, "ticker": self._ticker}
        self.renderers[BAR]["chart.trades"] = self._chart
        self.renderers[REFERENCE]["deribit_price_index"] = self._price_index

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        if request is None:
            return [self._answer(None, "error", {"code": -32700, "message": "Parse error"})]
        number, method, params = request.get("id"), request.get("method"), request.get("params")
        params = params if isinstance(params, dict) else {}
        if method == "public/set_heartbeat":
            seconds = params.get("interval")
            if not isinstance(seconds, int) or seconds < HEARTBEAT_S_MIN:
                return [self._invalid(number, "interval")]
            talk.counts["every"] = seconds
            return [self._answer(number, "result", "ok")]
        if method == "public/test":
            talk.counts["tested"] = 0
            return [self._answer(number, "result", {"version": "1.2.26"})]
        if method not in ("public/subscribe", "public/unsubscribe"):
            return [self._answer(number, "error", {"code": -32601, "message": "Method not found"})]
        if not isinstance(params.get("channels"), list):
            return [self._invalid(number, "channels")]
        accepted, replays = [], []
        for name in strings(params["channels"]):
            channel, symbol, interval = _parts(name)
            if not self.carries(channel) or interval == "raw" or not self.knows(talk, symbol):
                continue
            accepted.append(name)
            if method == "public/subscribe":
                replays += self.add(talk, channel, symbol)
            else:
                self.remove(talk, channel, symbol)
        return [self._answer(number, "result", accepted), *replays]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        render = self.renderers[QUOTE].get(channel)
        return render(market, market.book, None) if render and market.book else []

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [self._answer(None, "error", {"code": 10028, "message": "too_many_requests"})]

    def each_second(self, talk: Conversation) -> list[bytes]:
        every = talk.counts.get("every")
        if not every or talk.next("beat") % every:
            return []
        if talk.counts.get("tested"):
            talk.farewell = "test_request not answered"
            return []
        talk.counts["tested"] = 1
        return [b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}',
                b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}']

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        if not path.startswith(HISTORY):
            return None
        market = (self.markets or {}).get(("", query.get("instrument_name", "")))
        if market is None:
            return Answer(400, self._invalid(None, "instrument_name"))
        try:
            count = max(1, min(past.number(query, "count", COUNT), COUNT_MAX))
            first, last = past.number(query, "start_seq", 0), past.number(query, "end_seq", 1 << 62)
            start_ns = past.number(query, "start_timestamp", 0) * MILLISECOND
            end_ns = past.number(query, "end_timestamp", 1 << 42) * MILLISECOND
        except past.BadQuery as error:
            return Answer(400, self._invalid(None, str(error)))
        found = [trade for trade in market.history
                 if first <= trade.id <= last and start_ns <= trade.ts_ns < end_ns + MILLISECOND]
        ascending = query.get("sorting") == "asc"
        page = found[:count] if ascending or first or start_ns else found[-count:]
        rows = ",".join(self._row(market, trade) for trade in (page if ascending else reversed(page)))
        more = json.dumps(len(page) < len(found))
        return Answer(200, f'{{"jsonrpc":"2.0","result":{{"trades":[{rows}],"has_more":{more}}}}}'.encode())

    def _answer(self, number: object, kind: str, value: object) -> bytes:
        us = self.now_ns() // MICROSECOND
        return in_words({"jsonrpc": "2.0", "id": number, kind: value, "usIn": us, "usOut": us + 212, "usDiff": 212,
                         "testnet": False})

    def _invalid(self, number: object, name: str) -> bytes:
        return self._answer(number, "error", {
            "code": -32602, "message": "Invalid params", "data": {"param": name, "reason": "invalid"}})

    def _framed(self, market: Market, channel: str, data: str) -> bytes:
        interval = f".{INTERVALS[channel]}" if channel in INTERVALS else ""
        return (f'{{"jsonrpc":"2.0","method":"subscription","params":{{'
                f'"channel":"{channel}.{market.spec.symbol}{interval}","data":{data}}}}}').encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trades", f"[{','.join(self._row(market, trade) for trade in trades)}]")]

    def _row(self, market: Market, trade: Trade) -> str:
        """`trade_seq` counts an instrument's trades, as its id does here."""
        price, amount = self.price(market, trade.price), self.size(market, trade.size)
        return (f'{{"timestamp":{trade.ts_ns // MILLISECOND},"price":{price},"direction":"{trade.side}",'
                f'"index_price":{price},"trade_id":"{trade.id}","instrument_name":"{market.spec.symbol}",'
                f'"trade_seq":{trade.id},"amount":{amount},"mark_price":{price},"tick_direction":1,'
                f'"starbase_timestamp":{trade.ts_ns}}}')

    def _quote(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "quote", f"{{{self._quoted(market, quote)}}}")]

    def _quoted(self, market: Market, quote: Quote) -> str:
        return (f'"timestamp":{quote.ts_ns // MILLISECOND},"instrument_name":"{market.spec.symbol}",'
                f'{self.top(market, quote, *TOP)}')

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        reference = market.reference(quote.ts_ns)
        return [self._framed(market, "ticker", (
            f'{{"state":"open","stats":{{"volume":null,"low":null,"high":null}},"index_price":{self.index(reference)},'
            f'"last_price":{self.price(market, market.history[-1].price)},"mark_price":{self.mark(reference)},'
            f'"open_interest":{self.size(market, reference.open_interest)},'
            f'"current_funding":{self.funding(reference)},"funding_8h":{self.funding(reference)},'
            f'"estimated_delivery_price":{self.index(reference)},{self._quoted(market, quote)}}}'))]

    def _chart(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "chart.trades", (
            f'{{"tick":{bar.start_ns // MILLISECOND},{self.ohlc(market, bar, "open", "high", "low", "close")},'
            f'"volume":{self.size(market, bar.volume)},"cost":1}}'))]

    def _price_index(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "deribit_price_index", (
            f'{{"index_name":"{market.spec.symbol}","price":{self.index(reference)},'
            f'"timestamp":{reference.ts_ns // MILLISECOND}}}'))]


def _parts(name: str) -> tuple[str, str, str]:
    """(channel, instrument, interval) of `trades.BTC-PERPETUAL.100ms` or `chart.trades.BTC-PERPETUAL.1`."""
    head, _, rest = name.removeprefix("chart.").partition(".")
    symbol, _, interval = rest.partition(".")
    return ("chart." if name.startswith("chart.") else "") + head, symbol, interval
