"""hyperliquid, simulated. Formats: reference B11, and frames captured in 2025.

One coin a request; lists are ignored silently. The first frame of trades replays the last ones. `A` means
that the taker sold, `B` that he bought; trade ids are not in order. A context has no time.
"""

from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MILLISECOND, as_object, in_words
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Bar, Market, Quote, Reference, Trade

REPLAYED = 30
SIDES = {"buy": "B", "sell": "A"}
ID_BITS = 50                    # real ids are below 2^53
ID_STRIDE = 48_271              # odd, so that each id stays unlike the others
HASH = "0x4e9fef919a58c0235019044201cf1502019c0077355bdef5f2689ae4595c9a0d"
USERS = '["0xea0e878d5da1f786c035355cd7a8d381a6276766","0x459a26d40a9969b4532adf3375efb985fcd4c23b"]'


class Hyperliquid(Dialect):
    """/ws."""

    name = "hyperliquid"
    path = "/ws"
    traits = Traits(MILLISECOND, joins_fills=True)
    rules = Rules(messages=2000, period_s=60.0, streams_max=1000, connections_max=100, idle_s=60.0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["trades"] = self._trades
        self.renderers[QUOTE]["bbo"] = self._bbo
        self.renderers[BAR]["candle"] = self._candle
        self.renderers[REFERENCE]["activeAssetCtx"] = self._context

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        method, wanted = request.get("method"), request.get("subscription")
        if method == "ping":
            return [b'{"channel":"pong"}']
        if method not in ("subscribe", "unsubscribe") or not isinstance(wanted, dict):
            return [_error(f"Error parsing JSON into valid websocket request: {text[:200].decode('utf-8', 'replace')}")]
        channel, coin = wanted.get("type"), wanted.get("coin")
        if isinstance(coin, list):
            return []
        if not isinstance(channel, str) or not self.carries(channel) or not self.knows(talk, str(coin)):
            return [_error(f"Invalid subscription {in_words(wanted).decode()}")]
        replay = []
        if method == "subscribe":
            replay = self.add(talk, channel, str(coin))
        else:
            self.remove(talk, channel, str(coin))
        answer = {"method": method, "subscription": wanted}
        return [in_words({"channel": "subscriptionResponse", "data": answer}), *replay]

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_error(f"Cannot track more than {self.rules.streams_max} total subscriptions"
                       if what == "subscriptions" else "Too many messages")]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        if channel == "trades":
            return self._trades(market, list(market.history)[-REPLAYED:], None)
        return self._bbo(market, market.book, None) if channel == "bbo" and market.book else []

    def trade_id(self, market: Market, trade: Trade) -> str:
        return str(trade.id * ID_STRIDE % (1 << ID_BITS))

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        rows = ",".join(
            f'{{"coin":"{market.spec.symbol}","side":"{SIDES[trade.side]}","px":"{self.price(market, trade.price)}",'
            f'"sz":"{self.size(market, trade.size)}","time":{trade.ts_ns // MILLISECOND},"hash":"{HASH}",'
            f'"tid":{self.trade_id(market, trade)},"users":{USERS}}}' for trade in trades)
        return [f'{{"channel":"trades","data":[{rows}]}}'.encode()]

    def _bbo(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        bid, ask = (f'{{"px":"{self.price(market, price)}","sz":"{self.size(market, size)}","n":17}}'
                    for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)))
        return [(f'{{"channel":"bbo","data":{{"coin":"{market.spec.symbol}","time":{quote.ts_ns // MILLISECOND},'
                 f'"bbo":[{bid},{ask}]}}}}').encode()]

    def _candle(self, market: Market, bar: Bar, talk: Conversation | None) -> list[bytes]:
        return [(f'{{"channel":"candle","data":{{"t":{bar.start_ns // MILLISECOND},"T":{bar.end_ns // MILLISECOND - 1},'
                 f'"s":"{market.spec.symbol}","i":"1m",{self.ohlc(market, bar, "o", "h", "l", "c")},'
                 f'"v":"{self.size(market, bar.volume)}","n":{bar.trades}}}}}').encode()]

    def _context(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        mark = self.mark(reference)
        return [(f'{{"channel":"activeAssetCtx","data":{{"coin":"{market.spec.symbol}","ctx":{{'
                 f'"funding":"{self.funding(reference)}","openInterest":"{self.size(market, reference.open_interest)}",'
                 f'"prevDayPx":"{mark}","dayNtlVlm":"1169046.3","premium":null,"oraclePx":"{self.index(reference)}",'
                 f'"markPx":"{mark}","midPx":null,"impactPxs":null,"dayBaseVlm":"1"}}}}}}').encode()]


def _error(message: str) -> bytes:
    return in_words({"channel": "error", "data": message})
