"""coinbase-advanced, simulated. Formats: reference B2, and frames captured in 2026.

One counter of frames a connection, over all channels and answers. Trades come in batches, newest first,
and a snapshot replays the last; `side` is the maker's. A candle is five minutes long.
"""

from typing import Any

from ingestor.simulator.dialects.coinbase_exchange import MAKER
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, as_object, in_words, iso, strings
from ingestor.simulator.engine import BAR, QUOTE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Trade

REPLAYED = 50
TOP = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
HEARTBEATS = "heartbeats"
WITHOUT_DATA = (HEARTBEATS, "level2", "status")


class CoinbaseAdvanced(Dialect):
    """The public channels; no token is asked for."""

    name = "coinbase-advanced"
    traits = Traits(MICROSECOND, joins_fills=True, bar_s=300)
    rules = Rules(messages=8, subscribe_within_s=5.0, idle_s=90.0)
    per_connection = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["market_trades"] = self._trades
        self.renderers[QUOTE]["ticker"] = self._ticker
        self.renderers[BAR]["candles"] = self._candle

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        kind, channel, products = request.get("type"), request.get("channel"), strings(request.get("product_ids"))
        if kind not in ("subscribe", "unsubscribe"):
            return [_error("invalid message")]
        if not isinstance(channel, str) or not (channel in WITHOUT_DATA or self.carries(channel)):
            return [_error(f"invalid channel {channel}")]
        unknown = [product for product in products if not self.knows(talk, product)]
        if unknown or not (products or channel == HEARTBEATS):
            return [_error(f"invalid product_ids {unknown}")]
        replays = []
        for product in products or [""]:
            if kind == "unsubscribe":
                self.remove(talk, channel, product)
            else:
                replays += self.add(talk, channel, product)
        held: dict[str, list[str]] = {}
        for _, name, product in talk.streams:
            held.setdefault(name, []).append(product or name)
        return [*replays, self._framed(talk, "subscriptions", in_words([{"subscriptions": held}]).decode())]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error("rate limit exceeded")]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "market_trades":
            return [self._batch(talk, market, list(market.history)[-REPLAYED:], "snapshot")]
        return [self._top(talk, market, market.book, "snapshot")] if channel == "ticker" and market.book else []

    def each_second(self, talk: Conversation) -> list[bytes]:
        if all(channel != HEARTBEATS for _, channel, _ in talk.streams):
            return []
        now_ns = self.now_ns()
        time = iso(now_ns, 9).replace("T", " ").removesuffix("Z")
        beat = f'[{{"current_time":"{time} +0000 UTC m=+{now_ns / 1e9:.9f}","heartbeat_counter":{talk.next("beat")}}}]'
        return [self._framed(talk, HEARTBEATS, beat)]

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 6).encode()

    def _framed(self, talk: Conversation | None, channel: str, events: str, ts_ns: int | None = None) -> bytes:
        number = 0 if talk is None else talk.next("frame", first=0)
        time = iso(self.now_ns() if ts_ns is None else ts_ns, 9)
        return (f'{{"channel":"{channel}","timestamp":"{time}","sequence_num":{number},'
                f'"events":{events}}}').encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._batch(talk, market, trades, "update")]

    def _batch(self, talk: Conversation | None, market: Market, trades: list[Trade], kind: str) -> bytes:
        rows = ",".join(
            f'{{"product_id":"{market.spec.symbol}","trade_id":"{trade.id}",'
            f'"price":"{self.price(market, trade.price)}","size":"{self.size(market, trade.size)}",'
            f'"time":"{iso(trade.ts_ns, 6)}","side":"{MAKER[trade.side].upper()}"}}' for trade in reversed(trades))
        return self._framed(talk, "market_trades", f'[{{"type":"{kind}","trades":[{rows}]}}]')

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._top(talk, market, quote, "update")]

    def _top(self, talk: Conversation | None, market: Market, quote: Quote, kind: str) -> bytes:
        row = (f'{{"type":"ticker","product_id":"{market.spec.symbol}",'
               f'"price":"{self.price(market, market.history[-1].price)}",{self.top(market, quote, *TOP)}}}')
        return self._framed(talk, "ticker", f'[{{"type":"{kind}","tickers":[{row}]}}]', quote.ts_ns)

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        row = (f'{{"start":"{bar.start_ns // 10**9}",{self.ohlc(market, bar, "open", "high", "low", "close")},'
               f'"volume":"{self.size(market, bar.volume)}","product_id":"{market.spec.symbol}"}}')
        return [self._framed(talk, "candles", f'[{{"type":"update","candles":[{row}]}}]', bar.ts_ns)]


def _error(message: str) -> bytes:
    return in_words({"type": "error", "message": message})
