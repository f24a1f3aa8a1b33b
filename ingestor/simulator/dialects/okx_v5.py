"""okx-v5, simulated. Formats: reference B5, and frames captured in 2021 and 2022.

Everything is a string. One acknowledgement an argument; then the last trade is pushed again, and the
present book. Heartbeat: the texts `ping` and `pong`. Index prices have the spot name of the pair.
History: /api/v5/market/history-trades, newest first; `after` and `before` are ids, or ms with type 2.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words
from ingestor.simulator.engine import QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Reference, Trade
from ingestor.simulator.server import Answer

CONNECTION = "d604ccd0"
HISTORY = "/api/v5/market/history-trades"
HISTORY_MAX = 100
QUIET = ("index-tickers", "price-limit", "books", "books5", "status")    # acknowledged, never sent
PAGE = "Please use the correct URL, channel and parameters referring to API document."


class OkxV5(Dialect):
    """The public endpoint; `trades-all` and candles, which belong to another, are refused."""

    name = "okx-v5"
    path = "/ws/v5/public"
    traits = Traits(MILLISECOND)
    rules = Rules(messages=480, period_s=3600.0, subscribe_within_s=30.0, idle_s=30.0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trades"] = self._trades
        self.renderers[QUOTE]["bbo-tbt"] = self._best
        self.renderers[QUOTE]["tickers"] = self._ticker
        self.renderers[REFERENCE]["mark-price"] = self._mark
        self.renderers[REFERENCE]["funding-rate"] = self._funding
        self.renderers[REFERENCE]["open-interest"] = self._interest
        self._channels = {*QUIET, *(channel for renderers in self.renderers.values() for channel in renderers)}

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        if text == b"ping":
            return [b"pong"]
        request = as_object(text)
        operation = request.get("op") if request else None
        arguments = request.get("args") if request else None
        if operation not in ("subscribe", "unsubscribe") or not isinstance(arguments, list) or not arguments:
            return [_error("60012", f"Invalid request: {text[:200].decode('utf-8', 'replace')}")]
        replies, replays = [], []
        for argument in arguments:
            argument = argument if isinstance(argument, dict) else {}
            channel, symbol = str(argument.get("channel")), str(argument.get("instId"))
            if not self.knows(talk, symbol) or (self.markets is not None and channel not in self._channels):
                replies.append(_error("60018", f"Wrong URL or channel:{channel},instId:{symbol} doesn't exist. {PAGE}"))
                continue
            replies.append(in_words(
                {"event": operation, "arg": {"channel": channel, "instId": symbol}, "connId": CONNECTION}))
            if operation == "unsubscribe":
                self.remove(talk, channel, symbol)
                continue
            replays += self.add(talk, channel, symbol)
        return replies + replays

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trades":
            return self._trades(market, [market.history[-1]], None)
        return self._best(market, market.book, None) if channel == "bbo-tbt" and market.book else []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        if path != HISTORY:
            return None
        market = (self.markets or {}).get(("", query.get("instId", "")))
        if market is None:
            return Answer(200, in_words({"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}))
        by_id = query.get("type") != "2"
        try:
            after, before = past.number(query, "after", 1 << 62), past.number(query, "before", -1)
            limit = min(past.number(query, "limit", HISTORY_MAX), HISTORY_MAX)
        except past.BadQuery as error:
            return Answer(200, in_words({"code": "51000", "msg": f"Parameter {error} error", "data": []}))
        found = [trade for trade in reversed(market.history)
                 if before < (trade.id if by_id else trade.ts_ns // MILLISECOND) < after]
        rows = [{"instId": market.spec.symbol, "side": trade.side, "sz": self.size(market, trade.size),
                 "px": self.price(market, trade.price), "tradeId": str(trade.id),
                 "ts": str(trade.ts_ns // MILLISECOND)} for trade in found[:max(0, limit)]]
        return Answer(200, in_words({"code": "0", "msg": "", "data": rows}))

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error("60014", "Requests too frequent")]

    def _framed(self, market: Market, channel: str, row: str) -> bytes:
        return f'{{"arg":{{"channel":"{channel}","instId":"{market.spec.symbol}"}},"data":[{{{row}}}]}}'.encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "trades", (
            f'"instId":"{market.spec.symbol}","tradeId":"{trade.id}",'
            f'"px":"{self.price(market, trade.price)}","sz":"{self.size(market, trade.size)}","side":"{trade.side}",'
            f'"ts":"{trade.ts_ns // MILLISECOND}","count":"1","source":"0","seqId":{trade.sequence}'))
            for trade in trades]

    def _best(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "bbo-tbt", (
            f'"asks":[["{self.price(market, quote.ask)}","{self.size(market, quote.ask_size)}","0","22"]],'
            f'"bids":[["{self.price(market, quote.bid)}","{self.size(market, quote.bid_size)}","0","22"]],'
            f'"ts":"{quote.ts_ns // MILLISECOND}","seqId":{quote.sequence}'))]

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        last = market.history[-1]
        price = self.price(market, last.price)
        return [self._framed(market, "tickers", (
            f'"instType":"{_type(market)}","instId":"{market.spec.symbol}","last":"{price}",'
            f'"lastSz":"{self.size(market, last.size)}","askPx":"{self.price(market, quote.ask)}",'
            f'"askSz":"{self.size(market, quote.ask_size)}","bidPx":"{self.price(market, quote.bid)}",'
            f'"bidSz":"{self.size(market, quote.bid_size)}","open24h":"{price}","high24h":"{price}","low24h":"{price}",'
            f'"sodUtc0":"{price}","sodUtc8":"{price}","volCcy24h":"1","vol24h":"1",'
            f'"ts":"{quote.ts_ns // MILLISECOND}"'))]

    def _mark(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "mark-price", (
            f'"instId":"{market.spec.symbol}","instType":"{_type(market)}",'
            f'"markPx":"{self.mark(reference)}","ts":"{reference.ts_ns // MILLISECOND}"'))]

    def _funding(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        ms = reference.next_funding_ns // MILLISECOND
        return [self._framed(market, "funding-rate", (
            f'"fundingRate":"{self.funding(reference)}","fundingTime":"{ms}",'
            f'"instId":"{market.spec.symbol}","instType":"{_type(market)}","nextFundingRate":"",'
            f'"nextFundingTime":"{ms + 8 * 3_600_000}","ts":"{reference.ts_ns // MILLISECOND}"'))]

    def _interest(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "open-interest", (
            f'"instId":"{market.spec.symbol}","instType":"{_type(market)}",'
            f'"oi":"{self.size(market, reference.open_interest)}","ts":"{reference.ts_ns // MILLISECOND}"'))]


def _type(market: Market) -> str:
    return "SWAP" if market.spec.data_class == "perp" else "SPOT"


def _error(code: str, message: str) -> bytes:
    return in_words({"event": "error", "code": code, "msg": message, "connId": CONNECTION})
