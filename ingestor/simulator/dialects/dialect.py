"""What every simulated provider offers: its URL, its conversation, and how it writes a happening.

A dialect knows its provider's words and no socket. Where `markets` is None it serves captured frames:
then it acknowledges whatever is asked for, and replays nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from ingestor.simulator.engine import QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import Market, Trade

#: (market section, channel, symbol), as the provider writes channel and symbol in a subscription
Stream = tuple[str, str, str]
MILLISECOND, MICROSECOND = 1_000_000, 1_000
#: What one client may ask for on one connection: ten times the most that a real provider allows.
STREAMS_MAX = 10_240


class Conversation:
    """One client's connection, as its dialect sees it."""

    def __init__(self, section: str, endpoint: str = "", streams: Iterable[Stream] = ()) -> None:
        self.section = section          # of the markets that this connection carries
        self.endpoint = endpoint        # where one provider has several for the same markets
        self.streams: dict[Stream, None] = dict.fromkeys(streams)
        self.counts: dict[str, int] = {}    # a provider's counters that start with the connection
        self.asked = False              # the client has sent a request
        self.farewell = ""              # not empty: close with these words, after the replies
        self.dirty = False              # streams changed since the service looked


#: renders one happening for one channel; the conversation is None unless `per_connection`
Render = Callable[[Market, Any, Conversation | None], list[bytes]]


class Dialect:
    """One provider. `now_ns` gives the UTC time in ns, `key` the API key to insist on, if any."""

    name: ClassVar[str]
    path: ClassVar[str] = ""                    # what the provider's URL has after host and port
    traits: ClassVar[Traits]
    ping_every_s: ClassVar[float] = 0.0         # WebSocket pings from the server
    heartbeat_after_s: ClassVar[float] = 0.0    # a text after so much silence
    subscribe_within_s: ClassVar[float] = 0.0   # closes a connection that asks for nothing
    per_connection: ClassVar[bool] = False      # frames hold counters of the connection

    def __init__(
        self, markets: Mapping[tuple[str, str], Market] | None, now_ns: Callable[[], int], key: str = "",
    ) -> None:
        self.markets = markets      # by (section, symbol)
        self.now_ns = now_ns
        self.key = key
        self.renderers: dict[str, dict[str, Render]] = {TRADES: {}, QUOTE: {}, REFERENCE: {}}

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        """A client asks for this path; None: there is nothing."""
        return Conversation("")

    def greet(self, talk: Conversation) -> list[bytes]:
        """What is said unasked on a new connection."""
        return []

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        """The replies to one request: acknowledgements, errors, and what is replayed on subscribing."""
        raise NotImplementedError

    def heartbeat(self, talk: Conversation) -> list[bytes]:
        """What is said after `heartbeat_after_s` of silence."""
        return []

    def each_second(self) -> Iterable[tuple[Stream, bytes]]:
        """Frames that are due each second, whatever the market does."""
        return ()

    def trade_id(self, market: Market, trade: Trade) -> str:
        """The id as this provider writes it."""
        return str(trade.id)

    def marks(self, market: Market, kind: str, payload: Any) -> list[tuple[str, bytes]]:
        """Texts of a rendered frame that blast replaces: ("id" | "sequence" | "time", as rendered)."""
        first = payload[0] if kind == TRADES else payload
        found = [("time", self.time_text(first.ts_ns))]
        if kind != REFERENCE:
            found.append(("sequence", str(first.sequence).encode()))
        if kind == TRADES:
            found.append(("id", self.trade_id(market, first).rpartition("-")[2].encode()))
        return found

    def time_text(self, ts_ns: int) -> bytes:
        """A time as this provider writes it; of the same length for every time of this century."""
        return str(ts_ns // MILLISECOND).encode()

    # For subclasses.

    def market(self, talk: Conversation, symbol: str) -> Market | None:
        return None if self.markets is None else self.markets.get((talk.section, symbol))

    def knows(self, talk: Conversation, symbol: str) -> bool:
        """Whether this provider has the symbol; with captured frames it has every one."""
        return self.markets is None or (talk.section, symbol) in self.markets

    def add(self, talk: Conversation, channel: str, symbol: str) -> None:
        if len(talk.streams) < STREAMS_MAX:
            talk.streams[talk.section, channel, symbol] = None
            talk.dirty = True

    def remove(self, talk: Conversation, channel: str, symbol: str) -> None:
        talk.streams.pop((talk.section, channel, symbol), None)
        talk.dirty = True


def as_object(text: bytes) -> dict[str, Any] | None:
    """The request, or None when it is no JSON object."""
    try:
        message = json.loads(text)
    except ValueError:      # also what is no UTF-8
        return None
    return message if isinstance(message, dict) else None


def strings(value: object) -> list[str]:
    """The strings of a JSON array; nothing else counts."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def fixed(units: int, digits: int) -> str:
    """units / 10^digits with exactly so many decimal places."""
    if digits == 0:
        return str(units)
    text = str(abs(units)).rjust(digits + 1, "0")
    return f"{'-' if units < 0 else ''}{text[:-digits]}.{text[-digits:]}"


def trimmed(units: int, digits: int) -> str:
    """The same without trailing zeros, as a JSON number is written."""
    text = fixed(units, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso(ts_ns: int, digits: int) -> str:
    """`2026-08-12T19:29:00.921195Z` with so many digits after the point."""
    seconds, rest = divmod(ts_ns, 10**9)
    return f"{_second(seconds)}.{rest:09d}"[:20 + digits] + "Z"


_SECONDS: dict[int, str] = {}
_SECONDS_MAX = 64   # frames of one moment name one or two seconds


def _second(seconds: int) -> str:
    text = _SECONDS.get(seconds)
    if text is None:
        if len(_SECONDS) >= _SECONDS_MAX:
            _SECONDS.clear()
        text = _SECONDS[seconds] = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text


def padded(units: int, digits: int, places: int) -> str:
    """`fixed`, filled with zeros to so many decimal places."""
    text = fixed(units, digits)
    return text + ("." if digits == 0 and places else "") + "0" * (places - digits)


def uuid_of(number: int, version: int) -> str:
    """A UUID whose last twelve digits are the number, so that it can be counted."""
    return f"3b6c2c0a-54c5-{version}c0e-8d7b-{number:012d}"
