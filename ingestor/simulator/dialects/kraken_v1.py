"""kraken-v1, simulated. Formats: reference B3, and frames captured in 2021.

Data are arrays that end with the channel's name and the pair; one acknowledgement a pair. Trades have no id.
A ticker's sides are price, whole lots, lots. A candle's channel carries its length in minutes.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects import kraken_history
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, as_object, fixed, in_words, strings
from ingestor.simulator.engine import BAR, QUOTE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Trade
from ingestor.simulator.server import Answer

STATUS = b'{"connectionID":17843232920108168701,"event":"systemStatus","status":"online","version":"1.9.0"}'
CHANNEL_IDS = {"trade": 321, "spread": 341, "ticker": 340, "ohlc-1": 343}


class KrakenV1(Dialect):
    """The frozen public feed."""

    name = "kraken-v1"
    traits = Traits(MICROSECOND, joins_fills=True)
    rules = Rules(idle_s=60.0)
    heartbeat_after_s = 1.0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trade"] = self._trades
        self.renderers[QUOTE] = {"spread": self._spread, "ticker": self._ticker}
        self.renderers[BAR]["ohlc-1"] = self._candle

    def greet(self, talk: Conversation) -> list[bytes]:
        return [STATUS]

    def heartbeat(self, talk: Conversation) -> list[bytes]:
        return [b'{"event":"heartbeat"}'] if talk.streams else []

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        event, number, wanted = request.get("event"), request.get("reqid"), request.get("subscription")
        if event == "ping":
            return [in_words({"event": "pong", "reqid": number})]
        if event not in ("subscribe", "unsubscribe") or not isinstance(wanted, dict):
            return [in_words({"errorMessage": "Malformed request", "event": "error", "reqid": number})]
        channel = str(wanted.get("name"))
        if channel == "ohlc":
            channel, wanted = f"ohlc-{wanted.get('interval', 1)}", {"interval": 1, **wanted}
        replies, replays = [], []
        for pair in strings(request.get("pair")):
            answer = {"event": "subscriptionStatus", "pair": pair, "reqid": number, "subscription": wanted}
            if not self.knows(talk, pair) or not self.carries(channel):
                words = f"Currency pair not supported {pair}" if self.carries(channel) else "Subscription name invalid"
                replies.append(in_words({"errorMessage": words, **answer, "status": "error"}))
                continue
            if event == "subscribe":
                replays += self.add(talk, channel, pair)
            else:
                self.remove(talk, channel, pair)
            replies.append(in_words({
                "channelID": CHANNEL_IDS[channel], "channelName": channel, **answer, "status": f"{event}d"}))
        return replies + replays

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        render = self.renderers[QUOTE].get(channel)
        return render(market, market.book, None) if render and market.book else []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        return kraken_history.answer(self, path, query)

    def marks(self, market: Market, kind: str, payload: Any) -> list[tuple[str, bytes]]:
        """Nothing but the time: there are no numbers."""
        return super().marks(market, kind, payload)[:1]

    def time_text(self, ts_ns: int) -> bytes:
        return _seconds(ts_ns).encode()

    def _framed(self, market: Market, channel: str, payload: str) -> bytes:
        return f'[{CHANNEL_IDS[channel]},{payload},"{channel}","{market.spec.symbol}"]'.encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        rows = ",".join(
            f'["{self.price(market, trade.price)}","{self.size(market, trade.size)}","{_seconds(trade.ts_ns)}",'
            f'"{trade.side[0]}","m",""]' for trade in trades)
        return [self._framed(market, "trade", f"[{rows}]")]

    def _spread(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        return [self._framed(market, "spread", (
            f'["{self.price(market, quote.bid)}","{self.price(market, quote.ask)}","{_seconds(quote.ts_ns)}",'
            f'"{self.size(market, quote.bid_size)}","{self.size(market, quote.ask_size)}"]'))]

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        sides = ",".join(
            f'"{key}":["{self.price(market, price)}",{size // 10**market.spec.size_digits},"{self.size(market, size)}"]'
            for key, price, size in (("a", quote.ask, quote.ask_size), ("b", quote.bid, quote.bid_size)))
        last = market.history[-1]
        close = f'["{self.price(market, last.price)}","{self.size(market, last.size)}"]'
        return [self._framed(market, "ticker", f'{{{sides},"c":{close},"t":[1,1]}}')]

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        prices = ",".join(f'"{self.price(market, units)}"' for units in (
            bar.open, bar.high, bar.low, bar.close, bar.vwap))
        return [self._framed(market, "ohlc-1", (
            f'["{_seconds(bar.ts_ns)}","{_seconds(bar.end_ns)}",{prices},"{self.size(market, bar.volume)}",'
            f'{bar.trades}]'))]


def _seconds(ts_ns: int) -> str:
    """Seconds with six decimal places."""
    return fixed(ts_ns // MICROSECOND, 6)
