"""coinbase-exchange, simulated. Formats: reference B2, and frames captured in 2021.

`side` of a match is the maker's, of a ticker the taker's. A ticker fires on trades only. Each answer to a
request is the whole list of subscriptions; each subscribed product replays its last match.
History: /products/ID/trades, newest first; `after` an id goes to older ones, `before` is its lower end, and
the headers CB-AFTER and CB-BEFORE carry the next of each.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, as_object, in_words, iso, strings
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade
from ingestor.simulator.server import Answer

CHANNELS = ("matches", "ticker", "heartbeat")
MAKER = {"buy": "sell", "sell": "buy"}
TOP = ("best_bid", "best_bid_size", "best_ask", "best_ask_size")
LIMIT_MAX = 1000
ORDER = "67f40214-8c2a-4049-88c2-7b71cea8e4e4"


class CoinbaseExchange(Dialect):
    """The public feed; nothing is authenticated."""

    name = "coinbase-exchange"
    traits = Traits(MICROSECOND, quotes_on_trades=True)
    rules = Rules(messages=100, subscribe_within_s=5.0)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["matches"] = self._matches
        self.renderers[QUOTE]["ticker"] = self._ticker

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        kind = request.get("type") if request else None
        if request is None or kind not in ("subscribe", "unsubscribe"):
            return [_error("Malformed JSON" if request is None else f"{kind} is not a valid message type")]
        replays = []
        for channel, products in _asked(request):
            for product in products:
                if not self.knows(talk, product):
                    return [_error(f"{product} is not a valid product")]
                if channel not in CHANNELS:
                    return [_error(f"{channel} is not a valid channel")]
        for channel, products in _asked(request):
            for product in products:
                if kind == "unsubscribe":
                    self.remove(talk, channel, product)
                    continue
                replays += self.add(talk, channel, product)
        return [self._subscriptions(talk), *replays]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        return [self._match(market, market.history[-1], "last_match")] if channel == "matches" else []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        _, head, product, *rest = (*path.split("/"), "", "")
        if head != "products" or rest[:1] != ["trades"]:
            return None
        market = (self.markets or {}).get(("", product))
        if market is None:
            return Answer(404, b'{"message":"NotFound"}')
        try:
            after, before = past.number(query, "after", -1), past.number(query, "before", -1)
            limit = min(past.number(query, "limit", LIMIT_MAX), LIMIT_MAX)
        except past.BadQuery as error:
            return Answer(400, in_words({"message": f"Invalid {error}"}))
        found = [trade for trade in reversed(market.history) if trade.id > before and (after < 0 or trade.id < after)]
        found = found[:max(0, limit)]
        cursors = {"CB-BEFORE": str(found[0].id), "CB-AFTER": str(found[-1].id)} if found else {}
        return Answer(200, in_words([
            {"trade_id": trade.id, "side": MAKER[trade.side], "size": self.size(market, trade.size),
             "price": self.price(market, trade.price), "time": iso(trade.ts_ns, 6)} for trade in found]), cursors)

    def each_second(self, talk: Conversation) -> list[bytes]:
        beats = []
        for _, channel, symbol in talk.streams:
            market = self.market(talk, symbol)
            if channel == "heartbeat" and market is not None:
                last = market.history[-1]
                beats.append((
                    f'{{"type":"heartbeat","sequence":{last.sequence},"last_trade_id":{last.id},'
                    f'"product_id":"{symbol}","time":"{iso(self.now_ns(), 6)}"}}').encode())
        return beats

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 6).encode()

    def _subscriptions(self, talk: Conversation) -> bytes:
        channels: dict[str, list[str]] = {}
        for _, channel, product in talk.streams:
            channels.setdefault(channel, []).append(product)
        listed = [{"name": channel, "product_ids": products} for channel, products in channels.items()]
        return in_words({"type": "subscriptions", "channels": listed})

    def _matches(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._match(market, trade, "match") for trade in trades]

    def _match(self, market: Market, trade: Trade, kind: str) -> bytes:
        return (
            f'{{"type":"{kind}","trade_id":{trade.id},"maker_order_id":"{ORDER}",'
            f'"taker_order_id":"741a1fea-cb9a-48f5-a6a4-65cbba50dcb4","side":"{MAKER[trade.side]}",'
            f'"size":"{self.size(market, trade.size)}",'
            f'"price":"{self.price(market, trade.price)}","product_id":"{market.spec.symbol}",'
            f'"sequence":{trade.sequence},"time":"{iso(trade.ts_ns, 6)}"}}').encode()

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        last = market.history[-1]
        price = self.price(market, last.price)
        return [(
            f'{{"type":"ticker","sequence":{quote.sequence},"product_id":"{market.spec.symbol}","price":"{price}",'
            f'"open_24h":"{price}","volume_24h":"14211.32","low_24h":"{price}","high_24h":"{price}",'
            f'"volume_30d":"412000.5",'
            f'{self.top(market, quote, *TOP)},"side":"{last.side}",'
            f'"time":"{iso(quote.ts_ns, 6)}","trade_id":{last.id},'
            f'"last_size":"{self.size(market, last.size)}"}}').encode()]


def _asked(request: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(channel, products): a channel is a name, or an object with products of its own."""
    shared = strings(request.get("product_ids"))
    channels = request.get("channels")
    found = []
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict):
            found.append((str(channel.get("name")), strings(channel.get("product_ids")) or shared))
        else:
            found.append((str(channel), shared))
    return found


def _error(reason: str) -> bytes:
    return in_words({"type": "error", "message": "Failed to subscribe", "reason": reason})
