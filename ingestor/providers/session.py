"""What every dialect declares: its channels, its limits as data, and the hooks of its session.

The feed (feeds/feed.py) owns the life cycle and calls the hooks; a dialect only says what its
provider wants to hear and what its control frames mean. Hooks are pure: they return bytes and
facts, touch no socket and read no clock.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ingestor.providers.history import History


class Subscription(NamedTuple):
    """One wanted stream: (provider, channel, market)."""

    channel: str        # the provider's own word, one of its Channel.name
    symbol: str         # as the provider writes it in a subscription
    section: str = ""   # endpoint or class where one provider has several: "linear", "spot"
    venue: str = ""     # aggregators: the venue's code as the provider writes it
    instrument: str = ""


class Channel(NamedTuple):
    """One stream kind of a provider, and what may be inferred from its sequence."""

    name: str
    level: Literal["trades", "quotes", "bars", "reference"]
    #: what numbers mean per subscription: Tick.sequence is "gapless" (each record is the last + 1) or "rising"
    #: (never falls), the same on every connection; "session": it never falls, but counts anew on each connection;
    #: "ids": the trade id is a number, and gapless; "connection": all frames of a connection have one counter,
    #: which the decoder puts into TickBatch.frame_sequence; "none"
    sequence: Literal["gapless", "rising", "session", "ids", "connection", "none"] = "none"
    #: the channel a level means when a configuration names only the level
    default: bool = True
    #: a quote that lacks a side leaves that side as it was, instead of saying that it is empty
    partial: bool = False
    #: whose the ids of trades are: "exchange": the venue's own, one a trade, so that a trade has the same one through
    #: each provider that says so; "provider": the provider's, none, or of an origin that nobody has documented;
    #: "merged": a record stands for several trades of the venue, and can't be compared with single ones
    trade_ids: Literal["exchange", "provider", "merged"] = "provider"


@dataclass(frozen=True, slots=True)
class Limits:
    """A provider's limits, as data. Zero means: none known.

    Sources stand in the dialect's docstring; the configuration may replace any of them.
    """

    subscriptions_per_connection_max: int = 0
    subscriptions_per_message_max: int = 0
    messages_per_second_max: float = 0.0     # what we send, heartbeats included
    connects_per_minute_max: float = 0.0
    connections_max: int = 0
    requests_per_hour_max: int = 0           # subscribe and unsubscribe messages on one connection
    message_bytes_max: int = 0               # of one subscribe message
    subscribe_within_s: float = 0.0          # the provider closes a connection that stays quiet
    connection_age_max_s: float = 0.0        # the provider closes older ones: reconnect before
    heartbeat_every_s: float = 0.0           # send Session.heartbeat() this often; 0: never
    silence_max_s: float = 60.0              # nothing at all received for so long: reconnect


class Control(NamedTuple):
    """What a control frame means to the feed."""

    kind: Literal["ack", "error", "reply", "reconnect", "alive"]
    reply: bytes | None = None      # kind "reply": send this text back at once
    request: str = ""               # what is acknowledged or refused, for the log
    message: str = ""               # kind "error": the provider's own words
    retryable: bool = True          # kind "error": False ends the subscription, not the feed
    fatal: bool = False             # kind "error": the connection is useless (bad key)
    missing: tuple[str, ...] = ()   # kind "ack": what of the request was passed over, each as `channel:symbol`


class Session:
    """The hooks of a dialect, with the defaults of a provider that needs nothing.

    A subclass overrides what its provider wants.
    """

    #: False: the provider acknowledges nothing, the data is the answer
    acknowledges = True
    #: True: hello() subscribes to what it is given, so that only the rest is asked for after it
    hello_subscribes = False
    #: True: the URL names the subscriptions, so that a change of them needs a new connection
    endpoint_subscribes = False
    #: the provider's own history of trades, for what was missed; None: it has none
    history: "History | None" = None

    def opened(self, section: str) -> "Session":
        """The session of one new connection.

        Another one than this where a section speaks its own way, or where what the provider says on a connection
        must be known to answer it; control() is then called with each of its control frames, in order.
        """
        return self

    def endpoint_section(self, channel: str, market_section: str) -> str:
        """The section of a subscription: which endpoint carries this channel of a market.

        Subscriptions of different sections never share a connection.
        """
        return market_section

    def market_section(self, section: str) -> str:
        """The other way round: what a connection's section says about the markets of its frames."""
        return section

    def endpoint(self, url: str, section: str, subscriptions: Sequence[Subscription], key: str) -> str:
        """The URL to open for these subscriptions."""
        return url

    def headers(self, key: str) -> Mapping[str, str]:
        """Headers of the upgrade request, or gRPC metadata."""
        return {}

    def hello(self, subscriptions: Sequence[Subscription], key: str) -> Sequence[bytes]:
        """Texts to send first on a new connection, before any subscribe message.

        `subscriptions` are what fits one message where hello_subscribes, else all.
        """
        return ()

    def subscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        """Subscribe messages; the feed has already cut the list to the limits."""
        raise NotImplementedError

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_id: int) -> Sequence[bytes]:
        raise NotImplementedError

    def heartbeat(self, request_id: int) -> bytes | None:
        """The text to send every Limits.heartbeat_every_s."""
        return None

    def control(self, frame: bytes) -> Control | None:
        """What a frame with DecodeStatus CONTROL means; None: nothing to do.

        Raises ValueError for a frame that is not what the dialect thought.
        """
        return None


def as_text(message: object) -> bytes:
    """One JSON text without white space, as providers' own clients send it."""
    return json.dumps(message, separators=(",", ":")).encode()
