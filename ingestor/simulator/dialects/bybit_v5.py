"""bybit-v5, simulated: spot, linear and inverse. Formats: reference B6, and frames captured in 2025 and 2026.

The category is only in the URL. Spot and linear write the same trade with keys in another order, spot
ids are digits, linear ones UUIDs. A linear ticker is a snapshot first, then only what changed.
History: /v5/market/recent-trade, the last thousand, newest first.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words, request_of, strings, uuid_of
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade
from ingestor.simulator.server import Answer

SECTIONS = ("spot", "linear", "inverse", "option")
SPOT_ARGUMENTS_MAX = 10
HISTORY = "/v5/market/recent-trade"
HISTORY_MAX = 1000
CONNECTION = "2324d924-aa4d-45b0-a858-7b8be29ab52b"


class BybitV5(Dialect):
    """/v5/public/{spot|linear|inverse|option}."""

    name = "bybit-v5"
    path = "/v5/public"
    traits = Traits(MILLISECOND, joins_fills=True)
    rules = Rules(idle_s=600.0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["publicTrade"] = self._trades
        self.renderers[QUOTE]["orderbook.1"] = self._book
        self.renderers[BAR]["kline.1"] = self._kline
        self.renderers[REFERENCE]["tickers"] = self._ticker

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        head, _, section = request_of(path)[0].rpartition("/")
        return Conversation(section) if head == self.path and section in SECTIONS else None

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        operation, number = request.get("op"), str(request.get("req_id", ""))
        if operation == "ping":
            return [self._answer(talk, True, "pong", number, "ping")]
        topics = strings(request.get("args"))
        if operation not in ("subscribe", "unsubscribe") or not topics:
            return [self._answer(talk, False, "error:json decode failed", number, str(operation))]
        if talk.section == "spot" and len(topics) > SPOT_ARGUMENTS_MAX:
            return [self._answer(talk, False, "args size >10", number, str(operation))]
        for topic in topics:
            if not self.knows(talk, topic.rpartition(".")[2]):
                return [self._answer(talk, False, f"error:handler not found,topic:{topic}", number, str(operation))]
        replays = []
        for topic in topics:
            channel, _, symbol = topic.rpartition(".")
            if operation == "unsubscribe":
                self.remove(talk, channel, symbol)
            else:
                replays += self.add(talk, channel, symbol)
        words = "subscribe" if talk.section == "spot" and operation == "subscribe" else ""
        return [self._answer(talk, True, words, number, str(operation)), *replays]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "orderbook.1" and market.book is not None:
            return self._book(market, market.book, None)
        if channel == "tickers" and market.spec.data_class == "perp":
            return [self._ticker_frame(market, market.reference(self.now_ns()), "snapshot")]
        return []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        if path != HISTORY:
            return None
        market = (self.markets or {}).get((query.get("category", ""), query.get("symbol", "")))
        if market is None:
            return Answer(200, in_words({"retCode": 10001, "retMsg": "params error: Symbol Invalid", "result": {}}))
        try:
            found = past.trades(market, min(past.number(query, "limit", HISTORY_MAX), HISTORY_MAX))
        except past.BadQuery as error:
            return Answer(200, in_words({"retCode": 10001, "retMsg": f"params error: {error}", "result": {}}))
        rows = [{"execId": self.trade_id(market, trade), "symbol": market.spec.symbol,
                 "price": self.price(market, trade.price), "size": self.size(market, trade.size),
                 "side": trade.side.title(), "time": str(trade.ts_ns // MILLISECOND), "isBlockTrade": False}
                for trade in reversed(found)]
        return Answer(200, in_words({
            "retCode": 0, "retMsg": "OK", "result": {"category": market.spec.section, "list": rows}}))

    def trade_id(self, market: Market, trade: Trade) -> str:
        return str(trade.id) if market.spec.section == "spot" else uuid_of(trade.id, 5)

    def _answer(self, talk: Conversation, success: bool, words: str, number: str, operation: str) -> bytes:
        answer: dict[str, Any] = {"success": success, "ret_msg": words, "conn_id": CONNECTION}
        if talk.section != "spot" or not success or operation == "ping":
            answer["req_id"] = number
        return in_words({**answer, "op": operation})

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        row = self._spot_row if market.spec.section == "spot" else self._linear_row
        rows = ",".join(row(market, trade) for trade in trades)
        return [(f'{{"topic":"publicTrade.{market.spec.symbol}","type":"snapshot",'
                 f'"ts":{trades[-1].ts_ns // MILLISECOND},"data":[{rows}]}}').encode()]

    def _linear_row(self, market: Market, trade: Trade) -> str:
        return (f'{{"T":{trade.ts_ns // MILLISECOND},"s":"{market.spec.symbol}","S":"{trade.side.title()}",'
                f'"v":"{self.size(market, trade.size)}","p":"{self.price(market, trade.price)}","L":"ZeroPlusTick",'
                f'"i":"{self.trade_id(market, trade)}","BT":false,"RPI":false,"seq":{trade.sequence}}}')

    def _spot_row(self, market: Market, trade: Trade) -> str:
        return (f'{{"i":"{trade.id}","T":{trade.ts_ns // MILLISECOND},"p":"{self.price(market, trade.price)}",'
                f'"v":"{self.size(market, trade.size)}","S":"{trade.side.title()}",'
                f'"seq":{trade.sequence},"s":"{market.spec.symbol}","BT":false,"RPI":false}}')

    def _book(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        ms = quote.ts_ns // MILLISECOND
        return [(
            f'{{"topic":"orderbook.1.{market.spec.symbol}","type":"snapshot","ts":{ms},"data":{{'
            f'"s":"{market.spec.symbol}",'
            f'"b":[["{self.price(market, quote.bid)}","{self.size(market, quote.bid_size)}"]],'
            f'"a":[["{self.price(market, quote.ask)}","{self.size(market, quote.ask_size)}"]],"u":{quote.sequence},'
            f'"seq":{quote.sequence}}},"cts":{ms}}}').encode()]

    def _kline(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = self.ohlc(market, bar, "open", "high", "low", "close")
        ms = bar.ts_ns // MILLISECOND
        return [(
            f'{{"topic":"kline.1.{market.spec.symbol}","data":[{{"start":{bar.start_ns // MILLISECOND},'
            f'"end":{bar.end_ns // MILLISECOND - 1},"interval":"1",{prices},'
            f'"volume":"{self.size(market, bar.volume)}","turnover":"0","confirm":false,"timestamp":{ms}}}],'
            f'"ts":{ms},"type":"snapshot"}}').encode()]

    def _ticker(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        return [self._ticker_frame(market, reference, "delta")]

    def _ticker_frame(self, market: Market, reference: Reference, kind: str) -> bytes:
        """A delta carries what moves each time; funding changes too seldom to be in it."""
        moves = f'"markPrice":"{self.mark(reference)}","indexPrice":"{self.index(reference)}"'
        rest = "" if kind == "delta" else (
            f',"fundingRate":"{self.funding(reference)}",'
            f'"nextFundingTime":"{reference.next_funding_ns // MILLISECOND}",'
            f'"openInterest":"{self.size(market, reference.open_interest)}"')
        return (f'{{"topic":"tickers.{market.spec.symbol}","type":"{kind}","data":{{"symbol":"{market.spec.symbol}",'
                f'{moves}{rest}}},"cs":{reference.ts_ns // 1000},"ts":{reference.ts_ns // MILLISECOND}}}').encode()
