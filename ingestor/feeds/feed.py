"""A feed: one provider's subscriptions over as many connections as its limits ask for.

The feed packs the subscriptions, starts and stops links, and shows their stats. It takes the whole
list of what is wanted each time, and works out the difference itself.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from ingestor.errors import ConfigError
from ingestor.feeds import tls
from ingestor.feeds.backoff import TokenBucket
from ingestor.feeds.door import Intake, Reason
from ingestor.feeds.link import ConnectionState, Link, LinkPlan, LinkStats
from ingestor.feeds.packing import Place, pack
from ingestor.feeds.timing import Timing
from ingestor.providers.provider import Limits, Provider, Subscription

__all__ = ["ConnectionState", "Feed", "FeedSettings", "LinkStats"]

CONNECT_WITHIN_S = 10.0
#: Connections opened at once after a quiet while, as minutes of the provider's allowance.
CONNECT_BURST_MINUTES = 0.2


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """The provider's section of the configuration, secrets read."""

    url: str = ""                       # empty: the dialect's own
    key: str = ""                       # never logged
    tls_ca_file: str | None = None      # PEM; the only authorities trusted when given
    deflate: bool = False               # offer permessage-deflate
    limits: Limits | None = None        # None: the dialect's own
    connect_within_s: float = CONNECT_WITHIN_S


class Feed:
    """All connections to one provider. Lives on one event loop.

    `open_connection(section, name)` gives the intake of a new connection: `Pipeline.open` with the
    provider filled in. `open_door` replaces the transport in tests.
    """

    def __init__(
        self, provider: Provider, settings: FeedSettings, open_connection: Callable[[str, str], Intake], *,
        timing: Timing | None = None, open_door: Callable[..., Any] | None = None,
    ) -> None:
        timing = timing or Timing()
        self.provider = provider
        self.limits: Limits = settings.limits or provider.limits
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
        self._links: dict[Place, Link] = {}
        self._closing: set[Link] = set()
        self._retired: dict[str, LinkStats] = {}    # of names without a connection now
        self._tasks: dict[Link, asyncio.Task[None]] = {}
        self._running = False
        self._stopped = asyncio.Event()
        self._crashed: BaseException | None = None

    async def run(self) -> None:
        """Keep the subscriptions flowing until stop(). Raises only what is our own bug."""
        self._running = True
        for link in self._links.values():
            self._start(link)
        try:
            await self._stopped.wait()
        finally:
            await self._stop_links()
        if self._crashed is not None:
            raise self._crashed

    async def stop(self) -> None:
        """End every connection with a goodbye; run() then returns."""
        self._stopped.set()
        await self._stop_links()

    async def set_subscriptions(self, subscriptions: Iterable[Subscription]) -> None:
        """Replace what is wanted. Open connections keep what stays, and follow the difference."""
        before = {place: list(link.wanted) for place, link in self._links.items()}
        packing = pack(subscriptions, self.limits, before)
        self.unplaced = packing.unplaced
        if packing.unplaced:
            self._log.error(
                "subscriptions_unplaced", count=len(packing.unplaced), first=packing.unplaced[0].symbol,
                connections_max=self.limits.connections_max)
        for place in [each for each in self._links if each not in packing.places]:
            link = self._links.pop(place)
            self._closing.add(link)
            link.stop(Reason.REPACKED)
        for place, wanted in packing.places.items():
            link = self._links.get(place) or self._new_link(place)
            if list(link.wanted) != wanted:
                link.set_wanted(wanted)
            if self._running and link not in self._tasks:
                self._start(link)

    def pause_reading(self) -> None:
        """Read nothing more: the sink is full. The providers are held back by flow control."""
        for link in self._links.values():
            link.pause_reading()

    def resume_reading(self) -> None:
        for link in self._links.values():
            link.resume_reading()

    def stats(self) -> list[LinkStats]:
        """One record a connection name; its counters never fall, whatever link has the name now."""
        return [link.stats() for link in (*self._links.values(), *self._closing)] + list(self._retired.values())

    def _new_link(self, place: Place) -> Link:
        section, number = place
        name = f"{section}{number}" if section else f"c{number}"
        link: Link = self._link(self._plan, section, name)
        if name in self._retired:
            link.inherit(self._retired.pop(name))
        self._links[place] = link
        return link

    def _start(self, link: Link) -> None:
        task = asyncio.get_running_loop().create_task(link.run())
        self._tasks[link] = task
        task.add_done_callback(lambda done: self._link_ended(link, done))

    def _link_ended(self, link: Link, task: asyncio.Task[None]) -> None:
        self._tasks.pop(link, None)
        if link in self._closing:
            self._closing.remove(link)
            self._retire(link.stats())
        if not task.cancelled() and task.exception() is not None:
            self._crashed = self._crashed or task.exception()
            self._stopped.set()

    def _retire(self, stats: LinkStats) -> None:
        heir = next((link for link in self._links.values() if link.name == stats.name), None)
        if heir is not None:
            heir.inherit(stats)
        else:
            self._retired[stats.name] = stats

    async def _stop_links(self) -> None:
        for link in (*self._links.values(), *self._closing):
            link.stop()
        await asyncio.gather(*list(self._tasks.values()), return_exceptions=True)


def _transport(provider: Provider, settings: FeedSettings, url: str) -> tuple[Callable[..., Link], Callable[..., Any]]:
    """The link class and the opener of its doors. Imports only the transport that is used: grpc costs 40 MB."""
    if provider.transport == "grpc":
        from ingestor.feeds.grpc import open_grpc
        from ingestor.feeds.grpc_link import GrpcLink

        tls.authorities(settings.tls_ca_file)   # a bad file is told now, not at the first connect
        return GrpcLink, partial(open_grpc, tls_ca_file=settings.tls_ca_file)
    from ingestor.feeds.websocket import open_websocket
    from ingestor.feeds.websocket_link import WebSocketLink

    context = tls.context(settings.tls_ca_file) if tls.is_wanted(url) else None
    return WebSocketLink, partial(open_websocket, tls=context, deflate=settings.deflate)
