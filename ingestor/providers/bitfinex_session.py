"""What Bitfinex is told, and what its answers mean. One channel a message; an id ends it."""

import json
from collections.abc import Sequence

from ingestor.providers.bitfinex_history import BitfinexHistory
from ingestor.providers.session import Control, Session, Subscription, as_text

SEQUENCED = 65536           # flag: an element after the payload numbers the frames of the connection
CANDLE = "1m"

ALREADY_SUBSCRIBED = 10301
CHANNELS_FULL = 10305
RECONNECT = 20051
MAINTENANCE_ENDED = 20061   # all that was subscribed to must be asked for again


class BitfinexSession(Session):
    """The session of one connection knows the ids of its channels, for unsubscribing."""

    history = BitfinexHistory()

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}      # by `channel:symbol`

    def opened(self, section: str) -> "BitfinexSession":
        return BitfinexSession()

    def hello(self, subscriptions: Sequence[Subscription], key: str) -> Sequence[bytes]:
        return (as_text({"event": "conf", "flags": SEQUENCED}),)

    def subscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        return tuple(as_text({"event": "subscribe", "channel": wanted.channel, **_what(wanted)})
                     for wanted in subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        names = [f"{wanted.channel}:{wanted.symbol}" for wanted in subscriptions]
        return tuple(as_text({"event": "unsubscribe", "chanId": self._ids[name]}) for name in names
                     if name in self._ids)

    def control(self, frame: bytes) -> Control | None:
        message = json.loads(frame)
        event, name = message.get("event"), _name(message)
        if event == "subscribed":
            self._ids[name] = message["chanId"]
            return Control("ack", request=name)
        if event == "unsubscribed":
            named = [name for name, id in self._ids.items() if id == message.get("chanId")]
            for name in named:
                del self._ids[name]
            return Control("ack", request=named[0]) if named else None
        if event == "error":
            return _refused(message, name)
        if event == "info" and message.get("code") in (RECONNECT, MAINTENANCE_ENDED):
            return Control("reconnect", message=str(message.get("msg")))
        return Control("alive") if event == "pong" else None


def _what(wanted: Subscription) -> dict[str, str]:
    """What of a channel is asked for."""
    if wanted.channel == "status":
        return {"key": f"deriv:{wanted.symbol}"}
    if wanted.channel == "candles":
        return {"key": f"trade:{CANDLE}:{wanted.symbol}"}
    if wanted.channel == "book":
        return {"symbol": wanted.symbol, "prec": "P0", "freq": "F0", "len": "1"}
    return {"symbol": wanted.symbol}


def _name(message: dict[str, str]) -> str:
    """`channel:symbol` of an answer, or nothing where it names no channel."""
    channel, key = message.get("channel"), message.get("key", "")
    if channel is None:
        return ""
    heads = {"status": 1, "candles": 2}     # `deriv:SYMBOL`, `trade:1m:SYMBOL`
    symbol = key.split(":", heads[channel])[-1] if channel in heads else message.get("symbol", "")
    return f"{channel}:{symbol}"


def _refused(message: dict[str, object], name: str) -> Control:
    code = message.get("code")
    if code == ALREADY_SUBSCRIBED:
        return Control("ack", request=name)
    return Control("error", request=name, message=f"{code}: {message.get('msg')}", retryable=code == CHANNELS_FULL)
