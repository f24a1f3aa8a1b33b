"""kraken-v2, simulated. Formats: reference B3 (fixtures of 2026).

Says its status unasked, acknowledges each symbol by itself, replays the last trades and the ticker, and
fills silence with heartbeats. Numbers are JSON numbers without trailing zeros.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects import kraken_history
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, as_object, in_words, iso, strings, trimmed
from ingestor.simulator.engine import BAR, QUOTE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Trade
from ingestor.simulator.server import Answer

STATUS = (b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
          b'"connection_id":8423536080466635123}]}')
CHANNELS = ("trade", "ticker", "ohlc", "book", "instrument")
REPLAYED = 50


class KrakenV2(Dialect):
    """The public v2 feed."""

    name = "kraken-v2"
    path = "/v2"
    traits = Traits(MICROSECOND, joins_fills=True)
    rules = Rules(idle_s=60.0)
    heartbeat_after_s = 1.0
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE]["ticker"] = self._ticker
        self.renderers[BAR]["ohlc"] = self._bar

    def greet(self, talk: Conversation) -> list[bytes]:
        return [STATUS]

    def heartbeat(self, talk: Conversation) -> list[bytes]:
        return [b'{"channel":"heartbeat"}'] if talk.streams else []

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        method = request.get("method") if request else None
        if request is None or method not in ("subscribe", "unsubscribe", "ping"):
            return [self._answer(method, None, {"error": "Unsupported method", "success": False})]
        if method == "ping":
            return [self._answer("pong", request.get("req_id"), {})]
        params = request.get("params")
        params = params if isinstance(params, dict) else {}
        channel, symbols = str(params.get("channel")), strings(params.get("symbol"))
        if channel not in CHANNELS or not symbols:
            return [self._answer(method, request.get("req_id"), {"error": "Channel field missing", "success": False})]
        replies, replays = [], []
        for symbol in symbols:
            if not self.knows(talk, symbol):
                replies.append(self._answer(method, request.get("req_id"), {
                    "error": f"Currency pair not supported {symbol}", "success": False, "symbol": symbol}))
                continue
            result: dict[str, Any] = {"channel": channel}
            if channel == "ticker":
                result["event_trigger"] = params.get("event_trigger", "trades")
            if method == "subscribe":
                result["snapshot"] = bool(params.get("snapshot", channel != "trade"))
            replies.append(self._answer(
                method, request.get("req_id"), {"result": {**result, "symbol": symbol}, "success": True}))
            if method == "unsubscribe":
                self.remove(talk, channel, symbol)
                continue
            replay = self.add(talk, channel, symbol)
            replays += replay if result["snapshot"] else []
        return replies + replays

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 6).encode()

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trade":
            return [self._trade_frame(market, list(market.history)[-REPLAYED:], "snapshot")]
        return [self._ticker_frame(market, market.book, "snapshot")] if channel == "ticker" and market.book else []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        return kraken_history.answer(self, path, query)

    def _answer(self, method: object, request_id: object, more: dict[str, Any]) -> bytes:
        answer: dict[str, Any] = {"error": more.pop("error")} if "error" in more else {}
        answer["method"] = method
        if request_id is not None:
            answer["req_id"] = request_id
        now = iso(self.now_ns(), 6)
        return in_words({**answer, **more, "time_in": now, "time_out": now})

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._trade_frame(market, trades, "update")]

    def _trade_frame(self, market: Market, trades: list[Trade], kind: str) -> bytes:
        rows = ",".join(
            f'{{"symbol":"{market.spec.symbol}","side":"{trade.side}","price":{self.price(market, trade.price)},'
            f'"qty":{self.size(market, trade.size)},"ord_type":"market","trade_id":{trade.id},'
            f'"timestamp":"{iso(trade.ts_ns, 6)}"}}' for trade in trades)
        return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode()

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._ticker_frame(market, quote, "update")]

    def _ticker_frame(self, market: Market, quote: Quote, kind: str) -> bytes:
        last = self.price(market, market.history[-1].price)
        return (
            f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{market.spec.symbol}",'
            f'{self.top(market, quote, "bid", "bid_qty", "ask", "ask_qty")},"last":{last},'
            f'"volume":1020.88391276,"vwap":{last},"low":{last},"high":{last},"change":0.7,"change_pct":0.0,'
            f'"timestamp":"{iso(quote.ts_ns, 6)}"}}]}}').encode()

    def _bar(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = self.ohlc(market, bar, "open", "high", "low", "close", "vwap")
        return [(
            f'{{"channel":"ohlc","type":"update","timestamp":"{iso(bar.ts_ns, 6)}","data":[{{'
            f'"symbol":"{market.spec.symbol}",{prices},"trades":{bar.trades},'
            f'"volume":{self.size(market, bar.volume)},"interval_begin":"{iso(bar.start_ns, 9)}","interval":1,'
            f'"timestamp":"{iso(bar.end_ns, 6)}"}}]}}').encode()]
