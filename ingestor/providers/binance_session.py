"""How the Binance family is spoken to: stream names, SUBSCRIBE, acks. Shared by its dialects."""

import json
from collections.abc import Sequence

from ingestor.providers.binance_history import BinanceHistory
from ingestor.providers.session import Channel, Control, Session, Subscription, as_text


def channels(*, futures: bool) -> tuple[Channel, ...]:
    """The family's channels, in the order of CHANNEL_* in binance.pxd; futures have a mark price.

    The index price is a pair's (`btcusd`), not a market's: whoever wants it names it.
    """
    return (
        Channel("trade", "trades", "gapless", trade_ids="exchange"),
        Channel("aggTrade", "trades", "gapless", default=False, trade_ids="merged"),
        Channel("bookTicker", "quotes", "rising"),
        Channel("ticker", "quotes", default=False),
        Channel("markPrice@1s", "reference", default=futures),
        Channel("indexPrice@1s", "reference", default=False),
        Channel("kline_1m", "bars"),
    )


class BinanceSession(Session):
    """`SUBSCRIBE` with stream names such as `btcusdt@trade`; every request is acknowledged by id.

    Source: developers.binance.com legacy-docs web-socket-streams, read November 2026.
    """

    def __init__(self, history: BinanceHistory) -> None:
        self.history = history

    def endpoint(self, url: str, section: str, subscriptions: Sequence[Subscription], key: str) -> str:
        return url.rstrip("/") + "/stream"

    def subscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        return (self._request("SUBSCRIBE", subscriptions, request_id),)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        return (self._request("UNSUBSCRIBE", subscriptions, request_id),)

    def _request(self, method: str, subscriptions: Sequence[Subscription], request_id: int) -> bytes:
        streams = [f"{wanted.symbol.lower()}@{wanted.channel}" for wanted in subscriptions]
        return as_text({"method": method, "params": streams, "id": request_id})

    def control(self, frame: bytes) -> Control | None:
        message = json.loads(frame)
        if not isinstance(message, dict):
            return None
        if "serverShutdown" in (message.get("e"), (message.get("data") or {}).get("e")):
            return Control("reconnect", message="serverShutdown")
        request = "" if message.get("id") is None else str(message["id"])
        error = message.get("error", message if "code" in message and "msg" in message else None)
        if isinstance(error, dict):
            words = f"{error.get('code')}: {error.get('msg')}"
            return Control("error", request=request, message=words, retryable=False)
        return Control("ack", request=request) if "result" in message else None
