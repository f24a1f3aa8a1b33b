"""A feed: one provider's subscriptions over as many connections as its limits ask for.

The feed packs the subscriptions, starts and stops links, and shows their stats. It takes the whole
list of what is wanted each time, and works out the difference itself. A redundant feed has two links for
each connection, two lines that carry the same; whose record came first is unify's to say.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import structlog

from ingestor.errors import ConfigError
from ingestor.feeds import tls
from ingestor.feeds.backoff import TokenBucket
from ingestor.feeds.door import Intake
from ingestor.feeds.link import ConnectionState, Link, LinkPlan, LinkStats
from ingestor.feeds.packing import Place, each_line, pack
from ingestor.feeds.timing import Timing
from ingestor.providers.provider import Provider
from ingestor.providers.session import Limits, Subscription

__all__ = ["ConnectionState", "Feed", "FeedSettings", "LinkStats"]

CONNECT_WITHIN_S = 10.0
#: Connections opened at once after a quiet while, as minutes of the provider's allowance.
CONNECT_BURST_MINUTES = 0.2
#: How the lines of a connection's name end; a redundant one's are told by it, also in a replayed log (unify).
ONLY_LINE, LINES = ("",), ("/a", "/b")


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """The provider's section of the configuration, secrets read."""

    url: str = field(default="", repr=False)    # empty: the dialect's own; may hold a key
    key: str = field(default="", repr=False)
    tls_ca_file: str | None = None      # PEM; the only authorities trusted when given
    deflate: bool = False               # offer permessage-deflate
    limits: Mapping[str, float] = field(default_factory=dict)   # by the names of Limits: replace the dialect's
    connect_within_s: float = CONNECT_WITHIN_S
    redundant: bool = False             # two lines for each connection


class Feed:
    """All connections to one provider. Lives on one event loop.

    `open_connection(section, name)` gives the intake of a new connection: `Pipeline.open` with the
    provider filled in. `open_door` replaces the transport in tests. Raises ConfigError for settings
    that can't work.
    """

    def __init__(
        self, provider: Provider, settings: FeedSettings, open_connection: Callable[[str, str], Intake], *,
        timing: Timing | None = None, open_door: Callable[..., Any] | None = None,
    ) -> None:
        timing = timing or Timing()
        self.provider = provider
        self.limits = _limits(provider, settings.limits)
        self._lines = LINES if settings.redundant else ONLY_LINE
        self._seats = each_line(self.limits, len(self._lines), provider.name)
        self.unplaced: list[Subscription] = []  # beyond Limits.connections_max
        url = settings.url or provider.url
        if not url:
            raise ConfigError(f"provider {provider.name} has no url: set it in config/providers/{provider.name}.yaml")
        a_minute = self.limits.connects_per_minute_max
        self._link, opener = _transport(provider, settings, url)
        self._plan = LinkPlan(
            provider, self.limits, url, settings.key, settings.connect_within_s, open_connection, open_door or opener,
            TokenBucket(a_minute / 60, a_minute * CONNECT_BURST_MINUTES, timing.clock), timing)
        self._log = structlog.get_logger().bind(provider=provider.name)
        self._links: dict[Place, list[Link]] = {}   # a line each; a place that nobody needs now keeps its idle links
        self._reading_paused = False
        self._running: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Keep the subscriptions flowing until stop(). Raises only what is our own bug (ExceptionGroup)."""
        try:
            async with asyncio.TaskGroup() as self._running:
                for link in self._all():
                    self._running.create_task(link.run())
                await self._stopping.wait()
                for link in self._all():
                    link.stop()
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """End every connection with a goodbye; run() then returns."""
        self._stopping.set()
        if self._running is not None:
            await self._stopped.wait()

    def set_subscriptions(self, subscriptions: Iterable[Subscription]) -> None:
        """Replace what is wanted. Open connections keep what stays, and follow the difference."""
        packing = pack(subscriptions, self._seats, {place: lines[0].wanted for place, lines in self._links.items()})
        self.unplaced = packing.unplaced
        if packing.unplaced:
            self._log.error(
                "subscriptions_unplaced", count=len(packing.unplaced), first=packing.unplaced[0].symbol,
                connections_max=self.limits.connections_max)
        for place in packing.places:
            if place not in self._links:
                self._links[place] = self._new_links(*place)
        for place, lines in self._links.items():
            wanted = packing.places.get(place, [])
            for link in lines:
                if list(link.wanted) != wanted:
                    link.set_wanted(wanted)

    def pause_reading(self) -> None:
        """Read nothing more: the sink is full. The providers are held back by flow control."""
        self._reading_paused = True
        for link in self._all():
            link.pause_reading()

    def resume_reading(self) -> None:
        self._reading_paused = False
        for link in self._all():
            link.resume_reading()

    def stats(self) -> list[LinkStats]:
        """One record a connection name; its counters never fall. For the loop's thread."""
        return [link.stats() for link in self._all()]

    def _all(self) -> Iterator[Link]:
        return chain.from_iterable(self._links.values())

    def _new_links(self, section: str, number: int) -> list[Link]:
        place = f"{section}{number}" if section else f"c{number}"
        lines = [self._link(self._plan, section, place + line) for line in self._lines]
        for link in lines[1:]:
            link.double(lines[0])
        for link in lines:
            if self._reading_paused:
                link.pause_reading()
            if self._running is not None and not self._stopping.is_set():
                self._running.create_task(link.run())
        return lines


def _limits(provider: Provider, overrides: Mapping[str, float]) -> Limits:
    own: Limits = provider.limits
    try:
        return replace(own, **dict[str, Any](overrides))
    except TypeError as error:
        raise ConfigError(f"limits of provider {provider.name}: {error}") from error


def _transport(provider: Provider, settings: FeedSettings, url: str) -> tuple[Callable[..., Link], Callable[..., Any]]:
    """The link class and the opener of its doors. Imports only the transport that is used."""
    context = tls.context(settings.tls_ca_file) if tls.is_wanted(url) else None
    if provider.transport == "grpc":
        from ingestor.feeds.grpc import open_grpc
        from ingestor.feeds.grpc_link import GrpcLink

        return GrpcLink, partial(open_grpc, tls=context)
    from ingestor.feeds.websocket import open_websocket
    from ingestor.feeds.websocket_link import WebSocketLink

    return WebSocketLink, partial(open_websocket, tls=context, deflate=settings.deflate)
