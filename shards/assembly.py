"""From a configuration to the parts of one shard: its instruments, its subscriptions, its feeds' settings.

Pure functions, shared by the worker that runs a shard and the check that counts what it will need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingestor._core import Pipeline
from ingestor.errors import ConfigError
from ingestor.feeds.feed import FeedSettings
from ingestor.feeds.fetch import HistorySettings
from ingestor.feeds.link import LinkStats
from ingestor.feeds.packing import Packing, each_line, pack
from ingestor.pricing.parameters import parameters
from ingestor.providers.provider import Provider
from ingestor.providers.session import Limits, Subscription
from ingestor.settings import Configuration
from ingestor.unify.instruments import Instruments
from ingestor.watch.alerts import Severity
from ingestor.watching.comparisons import Comparisons, DiscrepancyRule
from ingestor.watching.paths import PathWatch
from ingestor.watching.sockets import SocketWatch
from ingestor.watching.watch import Watch
from shards.slots import slot_of, static_range


@dataclass(frozen=True, slots=True)
class Plan:
    """What one shard does: its instruments, their pricing parameters, and what it wants of each provider."""

    shard: int
    instruments: Instruments
    pricing: dict[str, dict[str, float | bool | str]]
    subscriptions: dict[str, list[Subscription]]


def plan(configuration: Configuration, shard: int, dialects: Mapping[str, Provider], now_ns: int = 0) -> Plan:
    """The part of shard `shard`, at `now_ns`: what has ended then, or is delisted, has no market any more.

    0: nothing has ended. Raises ConfigError for what the tables can't hold, or can't be priced.
    """
    own = static_range(shard, configuration.settings.shards)
    slots = {instrument.id: slot_of(instrument) for instrument in configuration.instruments}
    ended = {name for name, ends_ns in _ends(configuration) if ends_ns <= now_ns}
    markets = [market for market in configuration.markets
               if market.state != "delisted" and market.instrument not in ended]
    instruments = Instruments(
        configuration.instruments, markets, lambda instrument: slots[instrument.id], lambda name: slots[name] in own,
        ended)
    subscriptions: dict[str, list[Subscription]] = {}
    for market in markets:
        if market.instrument in instruments.index:
            session = dialects[market.provider].session
            subscriptions.setdefault(market.provider, []).extend(
                Subscription(
                    channel, market.symbol, session.endpoint_section(channel, market.section), market.venue_code,
                    market.instrument)
                for channel in market.channels)
    return Plan(shard, instruments, pricing(configuration), subscriptions)


def next_end_ns(configuration: Configuration, now_ns: int) -> int | None:
    """When the next instrument ends after `now_ns`; None: none does."""
    return min((ends_ns for _, ends_ns in _ends(configuration) if ends_ns > now_ns), default=None)


def _ends(configuration: Configuration) -> list[tuple[str, int]]:
    """(instrument, when it ends) of those that end."""
    if configuration.settings.reference.expired == "keep":
        return []
    return [(each.id, each.ends_ns) for each in configuration.instruments if each.ends_ns is not None]


def pricing(configuration: Configuration) -> dict[str, dict[str, float | bool | str]]:
    """Each instrument's pricing parameters: the defaults, and its own. Raises ConfigError with all faults."""
    defaults = configuration.settings.pricing.params()
    found: dict[str, dict[str, float | bool | str]] = {}
    faults: list[str] = []
    for instrument in configuration.instruments:
        found[instrument.id] = {**defaults, **instrument.pricing}
        try:
            parameters(found[instrument.id])
        except ConfigError as error:
            faults += [f"pricing of {instrument.id}: {fault}" for fault in error.faults]
        if found[instrument.id].get("method") == "mark_default" and instrument.index is None:
            faults.append(f"pricing of {instrument.id}: mark_default needs an index: add `index`, the instrument that "
                          "it is a derivative of, or give it another method")
    if faults:
        raise ConfigError(faults)
    return found


def watch(
    configuration: Configuration, pipeline: Pipeline,
    links: Callable[[], Mapping[str, Sequence[LinkStats]]] | None = None, paused: Callable[[], bool] = lambda: False,
) -> Watch:
    """Everything that judges the pipeline, by the configuration.

    `links` gives the connections of all feeds by provider; None: there are none. `paused` says that nothing is read.
    """
    settings = configuration.settings.watch
    rules = [DiscrepancyRule(Severity[rule.severity.upper()], rule.threshold, rule.window_s) for rule in settings.rules]
    sockets = None if links is None else SocketWatch(links, settings.quality, paused)
    return Watch(Comparisons(pipeline, rules), PathWatch(pipeline, settings.quality, sockets, paused), sockets)


def feed_settings(configuration: Configuration, provider: Provider) -> FeedSettings:
    """What a feed needs of the provider's section, with the secret read."""
    settings = configuration.provider(provider.name)
    return FeedSettings(
        url=settings.url, key=settings.key.get_secret_value(), tls_ca_file=_ca_file(configuration, provider),
        deflate=settings.deflate, limits=settings.limits.model_dump(exclude_none=True),
        connect_within_s=settings.connect_within_s, redundant=settings.redundant)


def history_settings(configuration: Configuration, provider: Provider) -> HistorySettings:
    """What the backfill needs of the provider's section, with the secret read.

    Who is told to stream from another place than the dialect's own must not be asked for the past of the
    dialect's own: over HTTP that place has to be named, over gRPC it is the same gateway.
    """
    settings = configuration.provider(provider.name)
    url = settings.history_url or (settings.url if provider.transport == "grpc" else "")
    return HistorySettings(
        url=url, key=settings.key.get_secret_value(), tls_ca_file=_ca_file(configuration, provider),
        enabled=settings.backfill and bool(url or not settings.url))


def _ca_file(configuration: Configuration, provider: Provider) -> str | None:
    ca_file = configuration.provider(provider.name).tls_ca_file
    return None if ca_file is None else str(configuration.path.parent / ca_file)


def limits(configuration: Configuration, provider: Provider) -> Limits:
    """The dialect's limits, with what the configuration says instead."""
    own: Limits = provider.limits
    return replace(own, **configuration.provider(provider.name).limits.model_dump(exclude_none=True))


def lines(configuration: Configuration, provider: Provider) -> int:
    """How many times over each connection is opened."""
    return 2 if configuration.provider(provider.name).redundant else 1


def packing(configuration: Configuration, planned: Plan, provider: Provider) -> Packing:
    """The connections that a shard will open to a provider, each `lines` times over."""
    seats = each_line(limits(configuration, provider), lines(configuration, provider), provider.name)
    return pack(planned.subscriptions.get(provider.name, ()), seats)
