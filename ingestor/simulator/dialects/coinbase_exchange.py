"""coinbase-exchange, simulated. Formats: reference B2, and frames captured in 2021.

`side` of a match is the maker's, of a ticker the taker's. A ticker fires on trades only. Each answer to a
request is the whole list of subscriptions; each subscribed product replays its last match.
"""

import json
from collections.abc import Iterable
from typing import Any

from ingestor.simulator.dialects.dialect import (
    MICROSECOND,
    Conversation,
    Dialect,
    Stream,
    as_object,
    fixed,
    iso,
    strings,
)
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade

CHANNELS = ("matches", "ticker", "heartbeat")
MAKER = {"buy": "sell", "sell": "buy"}
ORDER = "67f40214-8c2a-4049-88c2-7b71cea8e4e4"


class CoinbaseExchange(Dialect):
    """The public feed; nothing is authenticated."""

    name = "coinbase-exchange"
    traits = Traits(MICROSECOND, quotes_on_trades=True)
    subscribe_within_s = 5.0

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
                market = self.market(talk, product)
                self.add(talk, channel, product)
                if market is not None and channel == "matches":
                    replays.append(self._match(market, market.history[-1], "last_match"))
        return [self._subscriptions(talk), *replays]

    def each_second(self) -> Iterable[tuple[Stream, bytes]]:
        for (section, symbol), market in (self.markets or {}).items():
            last = market.history[-1]
            yield (section, "heartbeat", symbol), (
                f'{{"type":"heartbeat","sequence":{last.sequence},"last_trade_id":{last.id},"product_id":"{symbol}",'
                f'"time":"{iso(self.now_ns(), 6)}"}}').encode()

    def time_text(self, ts_ns: int) -> bytes:
        return iso(ts_ns, 6).encode()

    def _subscriptions(self, talk: Conversation) -> bytes:
        channels: dict[str, list[str]] = {}
        for _, channel, product in talk.streams:
            channels.setdefault(channel, []).append(product)
        listed = [{"name": channel, "product_ids": products} for channel, products in channels.items()]
        return json.dumps({"type": "subscriptions", "channels": listed}, separators=(",", ":")).encode()

    def _matches(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._match(market, trade, "match") for trade in trades]

    def _match(self, market: Market, trade: Trade, kind: str) -> bytes:
        return (
            f'{{"type":"{kind}","trade_id":{trade.id},"maker_order_id":"{ORDER}",'
            f'"taker_order_id":"741a1fea-cb9a-48f5-a6a4-65cbba50dcb4","side":"{MAKER[trade.side]}",'
            f'"size":"{fixed(trade.size, market.spec.size_digits)}",'
            f'"price":"{fixed(trade.price, market.spec.price_digits)}","product_id":"{market.spec.symbol}",'
            f'"sequence":{trade.sequence},"time":"{iso(trade.ts_ns, 6)}"}}').encode()

    def _ticker(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        last, digits, sizes = market.history[-1], market.spec.price_digits, market.spec.size_digits
        price = fixed(last.price, digits)
        return [(
            f'{{"type":"ticker","sequence":{quote.sequence},"product_id":"{market.spec.symbol}","price":"{price}",'
            f'"open_24h":"{price}","volume_24h":"14211.32","low_24h":"{price}","high_24h":"{price}",'
            f'"volume_30d":"412000.5","best_bid":"{fixed(quote.bid, digits)}",'
            f'"best_bid_size":"{fixed(quote.bid_size, sizes)}","best_ask":"{fixed(quote.ask, digits)}",'
            f'"best_ask_size":"{fixed(quote.ask_size, sizes)}","side":"{last.side}","time":"{iso(quote.ts_ns, 6)}",'
            f'"trade_id":{last.id},"last_size":"{fixed(last.size, sizes)}"}}').encode()]


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
    return json.dumps({"type": "error", "message": "Failed to subscribe", "reason": reason},
                      separators=(",", ":")).encode()
