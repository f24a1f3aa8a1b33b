"""What every simulated provider offers: its URL, its conversation, and how it writes a happening.

A dialect knows its provider's words and no socket. Where `markets` is None it serves captured frames:
then it acknowledges whatever is asked for, and replays nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from ingestor.simulator.dialects.text import MILLISECOND, fixed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Traits
from ingestor.simulator.market import REFERENCE_DIGITS, Bar, Market, Quote, Reference, Trade
from ingestor.simulator.server import Answer
from ingestor.simulator.spec import MarketSpec

#: (market section, channel, symbol), as the provider writes channel and symbol in a subscription
Stream = tuple[str, str, str]
#: What one client may ask for on one connection: ten times the most that a real provider allows.
STREAMS_MAX = 10_240
POLICY = 1008


class Rules(NamedTuple):
    """What a provider allows one client, and how it notices that one is gone. 0: no such rule."""

    messages: int = 0               # of the client, in `period_s`; a bucket of so many
    period_s: float = 1.0
    streams_max: int = STREAMS_MAX  # of a connection
    connections_max: int = 0        # at once
    connects: int = 0               # a minute
    pong_within_s: float = 0.0      # of its pings
    idle_s: float = 0.0             # nothing is said either way
    subscribe_within_s: float = 0.0     # closes a connection that asks for nothing
    age_max_s: float = 0.0          # closes an older connection


class Conversation:
    """One client's connection, as its dialect sees it."""

    def __init__(self, section: str, endpoint: str = "") -> None:
        self.section = section          # of the markets that this connection carries
        self.endpoint = endpoint        # where one provider has several for the same markets
        self.streams: dict[Stream, Any] = {}    # with the provider's own name for each, if it has one
        self.counts: dict[str, int] = {}        # a provider's counters that start with the connection
        self.asked = False              # the client has sent a request
        self.farewell = ""              # not empty: close with these words, after the replies
        self.code = POLICY              # of the farewell
        self.dirty = False              # streams changed since the service looked
        self.overfull = False           # more streams were asked for than `streams_max`

    def next(self, name: str, first: int = 1) -> int:
        """The next number of one of its counters."""
        self.counts[name] = self.counts.get(name, first - 1) + 1
        return self.counts[name]


#: renders one happening for one channel; the conversation is None unless `per_connection`
Render = Callable[[Market, Any, Conversation | None], list[bytes]]


class Dialect:
    """One provider. `now_ns` gives the UTC time in ns, `key` the API key to insist on, if any."""

    name: ClassVar[str]
    path: ClassVar[str] = ""                    # what the provider's URL has after host and port
    traits: ClassVar[Traits]
    rules: ClassVar[Rules] = Rules()
    ping_every_s: ClassVar[float] = 0.0         # WebSocket pings from the server
    heartbeat_after_s: ClassVar[float] = 0.0    # a text after so much silence
    per_connection: ClassVar[bool] = False      # frames hold counters of the connection
    by_venue: ClassVar[bool] = False            # symbols repeat from venue to venue
    decimal: Callable[[int, int], str] = staticmethod(fixed)
    quoted: ClassVar[bool] = True               # decimals are JSON texts

    def __init__(
        self, markets: Mapping[tuple[str, str], Market] | None, now_ns: Callable[[], int], key: str = "",
    ) -> None:
        self.markets = markets      # by (place, symbol)
        self.now_ns = now_ns
        self.key = key
        self.refuses = False        # a fault: nothing is known
        self.renderers: dict[str, dict[str, Render]] = {TRADES: {}, QUOTE: {}, BAR: {}, REFERENCE: {}}

    @classmethod
    def place(cls, spec: MarketSpec) -> str:
        """What tells apart markets of one symbol: the section, or the venue as the provider writes it."""
        return spec.venue_code if cls.by_venue else spec.section

    def offers(self, spec: MarketSpec, channel: str) -> bool:
        """Whether a market has this channel: where symbols differ by it, or markets of one kind lack it."""
        return self.carries(channel)

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        """A client asks for this path; None: there is nothing."""
        return Conversation("")

    def greet(self, talk: Conversation) -> list[bytes]:
        """What is said unasked on a new connection."""
        return []

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        """The replies to one request: acknowledgements, errors, and what is replayed on subscribing."""
        raise NotImplementedError

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        """What is sent first of a stream that was just subscribed to."""
        return []

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        """The answer to more messages or streams than the rules allow; `what` is which."""
        talk.farewell = f"too many {what}"
        return []

    def history(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """What a GET of the provider's own history endpoint gets; None: there is no such path."""
        return None

    def heartbeat(self, talk: Conversation) -> list[bytes]:
        """What is said after `heartbeat_after_s` of silence."""
        return []

    def each_second(self, talk: Conversation) -> list[bytes]:
        """What a connection is told each second, whatever the market does."""
        return []

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

    def price(self, market: Market, units: int) -> str:
        return self.decimal(units, market.spec.price_digits)

    def size(self, market: Market, units: int) -> str:
        return self.decimal(units, market.spec.size_digits)

    def top(self, market: Market, quote: Quote, bid: str, bid_size: str, ask: str, ask_size: str) -> str:
        """The members of a quote under these keys."""
        mark = '"' if self.quoted else ""
        return (f'"{bid}":{mark}{self.price(market, quote.bid)}{mark},'
                f'"{bid_size}":{mark}{self.size(market, quote.bid_size)}{mark},'
                f'"{ask}":{mark}{self.price(market, quote.ask)}{mark},'
                f'"{ask_size}":{mark}{self.size(market, quote.ask_size)}{mark}')

    def ohlc(self, market: Market, bar: Bar, *keys: str) -> str:
        """The prices of a bar under the keys of open, high, low, close and, if it is named, vwap."""
        mark = '"' if self.quoted else ""
        return ",".join(f'"{key}":{mark}{self.price(market, units)}{mark}' for key, units in zip(
            keys, (bar.open, bar.high, bar.low, bar.close, bar.vwap), strict=False))

    def mark(self, reference: Reference) -> str:
        return self.decimal(reference.mark_price, REFERENCE_DIGITS)

    def index(self, reference: Reference) -> str:
        return self.decimal(reference.index_price, REFERENCE_DIGITS)

    def funding(self, reference: Reference) -> str:
        return self.decimal(reference.funding, REFERENCE_DIGITS)

    def market(self, talk: Conversation, symbol: str, place: str | None = None) -> Market | None:
        return None if self.markets is None else self.markets.get((talk.section if place is None else place, symbol))

    def knows(self, talk: Conversation, symbol: str, place: str | None = None) -> bool:
        """Whether this provider has the symbol; with captured frames it has every one."""
        return not self.refuses and (self.markets is None or self.market(talk, symbol, place) is not None)

    def carries(self, channel: str) -> bool:
        """Whether there is such a channel."""
        return any(channel in renderers for renderers in self.renderers.values())

    def add(
        self, talk: Conversation, channel: str, symbol: str, place: str | None = None, name: Any = None,
    ) -> list[bytes]:
        """Subscribe; returns what is replayed. `name` is the provider's own for the stream."""
        stream = (talk.section if place is None else place, channel, symbol)
        if len(talk.streams) >= self.rules.streams_max and stream not in talk.streams:
            talk.overfull = True
            return []
        talk.streams[stream] = name
        talk.dirty = True
        market = self.market(talk, symbol, place)
        return [] if market is None else self.replay(talk, market, channel)

    def remove(self, talk: Conversation, channel: str, symbol: str, place: str | None = None) -> None:
        talk.streams.pop((talk.section if place is None else place, channel, symbol), None)
        talk.dirty = True

    def name_of(self, talk: Conversation | None, market: Market, channel: str) -> Any:
        """The provider's own name for a stream of this connection."""
        return None if talk is None else talk.streams.get((self.place(market.spec), channel, market.spec.symbol))
