"""What a configuration will need and do, counted without connecting to anything."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from ingestor.errors import ConfigError
from ingestor.settings import Configuration
from shards.assembly import Plan, lines, packing, plan
from shards.dialects import DIALECTS
from shards.slots import slot_of, static_range

#: control-plane.md: connections kept free, as a share of those in use, for moves between shards.
SPARE_SHARE = 0.2


class Preview(NamedTuple):
    """A configuration, the plans of all its shards, and connections by provider over all of them."""

    configuration: Configuration
    plans: list[Plan]
    connections: dict[str, int]


def preview(configuration: Configuration) -> Preview:
    """Plan every shard. Raises ConfigError with all that a provider does not allow."""
    plans = [plan(configuration, shard, DIALECTS, time.time_ns()) for shard in range(configuration.settings.shards)]
    names = sorted({name for each in plans for name in each.subscriptions})
    needs = {name: _connections(configuration, plans, name) for name in names}
    faults = [fault for name, count in needs.items() if (fault := _too_many(configuration, name, count))]
    if faults:
        raise ConfigError(faults)
    return Preview(configuration, plans, needs)


def summary(previewed: Preview) -> Iterator[str]:
    """The preview for people, line by line."""
    configuration, plans, needs = previewed
    settings = configuration.settings
    yield f"{configuration.path}: fine"
    yield f"sink         {_sink(configuration)}"
    yield f"reference    {settings.reference.source}, version {configuration.reference_version}"
    yield f"instruments  {len(configuration.instruments)}, markets of enabled providers {len(configuration.markets)}"
    yield ""
    yield f"{'provider':20} {'markets':>8} {'subscriptions':>14} {'connections':>12}"
    for name, count in needs.items():
        markets = sum(market.provider == name for market in configuration.markets)
        wanted = sum(len(each.subscriptions.get(name, ())) for each in plans)
        yield f"{name:20} {markets:8} {wanted:14} {count:12}"
    disabled = sorted(name for name, provider in settings.providers.items() if not provider.enabled)
    if disabled:
        yield f"disabled     {', '.join(disabled)}"
    yield ""
    yield f"{'shard':>5} {'slots':>12} {'instruments':>12}  bases"
    for each in plans:
        slots = static_range(each.shard, settings.shards)
        own = [instrument for instrument in configuration.instruments if slot_of(instrument) in slots]
        bases = ", ".join(sorted({instrument.base for instrument in own})) or "none"
        yield f"{each.shard:5} {f'{slots.start}-{slots.stop - 1}':>12} {len(own):12}  {bases}"
    silent = sorted({i.id for i in configuration.instruments} - {market.instrument for market in configuration.markets})
    if silent:
        yield ""
        yield f"no market of an enabled provider: {', '.join(silent)}"


def _connections(configuration: Configuration, plans: list[Plan], name: str) -> int:
    """Connections of all shards together; what finds no place counts as one more."""
    total = 0
    for each in plans:
        packed = packing(configuration, each, DIALECTS[name])
        total += len(packed.places) + bool(packed.unplaced)
    return total * lines(configuration, DIALECTS[name])


def _too_many(configuration: Configuration, name: str, count: int) -> str:
    provider = DIALECTS[name]
    allowed = configuration.provider(name).limits.connections_max
    if allowed is None:
        allowed = provider.limits.connections_max
    if not allowed or count * (1 + SPARE_SHARE) <= allowed:
        return ""
    return (
        f"{configuration.path}: {name} needs {count} connections in {configuration.settings.shards} shards, and "
        f"{SPARE_SHARE:.0%} spare for moves, but allows {allowed}: use fewer shards or markets, or raise "
        f"providers.{name}.limits.connections_max if your contract has more")


def _sink(configuration: Configuration) -> str:
    sink = configuration.settings.sink
    place = {
        "files": str(sink.files.path),
        "kafka": f"{sink.kafka.bootstrap_servers}, {sink.kafka.partitions} partitions a topic",
        "ndjson": str(sink.ndjson.path or "standard output"),
    }.get(sink.kind, "")
    return f"{sink.kind} {place}".strip()
