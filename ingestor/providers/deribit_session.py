"""What Deribit is told, and what its answers mean: JSON-RPC, a call with a list of channels, an answer with its id."""

import json
from collections.abc import Mapping, Sequence

from ingestor.providers.deribit_history import DeribitHistory
from ingestor.providers.session import Control, Session, Subscription, as_text

# What follows the symbol in the name of a channel: how often it is sent, or how long its candles are.
SUFFIXES = {"trades": ".100ms", "ticker": ".100ms", "chart.trades": ".1"}
TOO_MANY_REQUESTS = 10028
HEARTBEAT_S = 30


class DeribitSession(Session):
    """The session of one connection knows what it has asked for: an answer leaves out what does not exist."""

    history = DeribitHistory()

    def __init__(self) -> None:
        self._asked: dict[int, dict[str, str]] = {}     # by request: `channel:symbol` of each channel's full name

    def opened(self, section: str) -> "DeribitSession":
        return DeribitSession()

    def hello(self, subscriptions: Sequence[Subscription], key: str) -> Sequence[bytes]:
        return (_call("set_heartbeat", {"interval": HEARTBEAT_S}, 0),)

    def subscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        self._asked[request_id] = {_channel(wanted): f"{wanted.channel}:{wanted.symbol}" for wanted in subscriptions}
        return (_call("subscribe", {"channels": list(self._asked[request_id])}, request_id),)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        return (_call("unsubscribe", {"channels": [_channel(wanted) for wanted in subscriptions]}, request_id),)

    def control(self, frame: bytes) -> Control | None:
        message = json.loads(frame)
        request = str(message.get("id", ""))
        if message.get("method") == "heartbeat":
            if (message.get("params") or {}).get("type") == "test_request":
                return Control("reply", reply=_call("test", {}, 0))
            return Control("alive")
        asked = self._asked.pop(message.get("id"), {})
        if error := message.get("error"):
            return Control("error", request=request, message=f"{error.get('code')}: {error.get('message')}",
                           retryable=error.get("code") == TOO_MANY_REQUESTS)
        granted = message.get("result")
        if not isinstance(granted, list):       # set_heartbeat and test are answered so
            return Control("alive")
        return Control("ack", request=request, missing=tuple(
            name for channel, name in asked.items() if channel not in granted))


def _channel(wanted: Subscription) -> str:
    return f"{wanted.channel}.{wanted.symbol}{SUFFIXES.get(wanted.channel, '')}"


def _call(method: str, params: Mapping[str, object], request_id: int) -> bytes:
    return as_text({"jsonrpc": "2.0", "id": request_id, "method": f"public/{method}", "params": params})
