"""docs/PROVIDERS.md from the dialects: `python -m ingestor.providers.manual > docs/PROVIDERS.md`.

What a dialect declares is what stands there; a test fails when the page is stale.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ingestor.providers.registry import MODULES, load

if TYPE_CHECKING:
    from ingestor.providers.provider import Provider

INTRODUCTION = """\
# Providers

Generated from `ingestor/providers/` by `python -m ingestor.providers.manual`; edit the dialects, not this page.
Payloads, their sources and their traps stand in each dialect's docstring.

## Channels

A market's `levels` (trades, quotes, bars, reference) mean the channels in bold; the others are asked for by name.
*Missed trades*: `history` says that what was missed is asked for again over the provider's own history, `seen` that it
is noticed and told, but can't be had again, `-` that nothing in the stream tells.
"""

SEQUENCES = """\
## What the numbers of a channel prove

`gapless`: each record's number is the last one plus one; a jump is a gap. `ids`: the same of the trade ids.
`connection`: all frames of a connection share one counter. `rising`: a number never falls, so a repeat or a late record
shows, but not a gap; `session`: the same, but it counts anew on each connection. Channels that are not named have none.
"""

TRADE_IDS = """\
## Whose the ids of trades are

Where a market comes through several providers, each trade counts once (docs/ARCHITECTURE.md, *One market through
several providers*). `exchange`: the venue's own ids, by which the same trade is known through each such provider.
`provider`: the provider's, none, or of an origin that nobody has documented: trades are matched by price, size and
time. `merged`: a record stands for several trades of the venue, and can't be compared with single ones.
"""

LIMITS = """\
## Limits

What a provider allows, as its documentation says; any of them may be replaced in `providers/<dialect>.yaml`. Empty:
none is known. Subscriptions are packed and split over connections by them, and a connection is replaced before its age
ends it.
"""

LEVELS = ("trades", "quotes", "bars", "reference")
PROVING = ("gapless", "ids", "connection")
SEQUENCED = (*PROVING, "rising", "session")
IDS = ("exchange", "provider", "merged")
LIMIT_COLUMNS = {
    "subscriptions a connection": "subscriptions_per_connection_max",
    "a message": "subscriptions_per_message_max",
    "messages a second": "messages_per_second_max",
    "requests an hour": "requests_per_hour_max",
    "connects a minute": "connects_per_minute_max",
    "connections": "connections_max",
    "age, h": "connection_age_max_s",
    "heartbeat, s": "heartbeat_every_s",
    "silence, s": "silence_max_s",
}


def manual() -> str:
    """The page."""
    providers = [load(name) for name in MODULES]
    parts = [
        INTRODUCTION,
        table(("provider", "over", "venue", *LEVELS, "missed trades"), map(_channels, providers)),
        SEQUENCES,
        table(("provider", *SEQUENCED), (row for each in providers if any((row := _sequences(each))[1:]))),
        TRADE_IDS,
        table(("provider", *IDS), (row for each in providers if any((row := _trade_ids(each))[1:]))),
        LIMITS,
        table(("provider", *LIMIT_COLUMNS), map(_limits, providers)),
    ]
    return "\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One table of the page."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _channels(provider: "Provider") -> list[str]:
    levels = [
        " ".join(f"**{each.name}**" if each.default else each.name for each in provider.channels if each.level == level)
        for level in LEVELS]
    return [f"`{provider.name}`", "gRPC" if provider.transport == "grpc" else "WebSocket",
            provider.venue or "as the record says", *levels, _missed(provider)]


def _missed(provider: "Provider") -> str:
    if provider.session.history is not None:
        return "history"
    proving = any(each.level == "trades" and each.sequence in PROVING for each in provider.channels)
    return "seen" if proving else "-"


def _sequences(provider: "Provider") -> list[str]:
    return [f"`{provider.name}`", *(
        " ".join(each.name for each in provider.channels if each.sequence == word) for word in SEQUENCED)]


def _trade_ids(provider: "Provider") -> list[str]:
    trading = [each for each in provider.channels if each.level == "trades"]
    return [f"`{provider.name}`", *(
        " ".join(each.name for each in trading if each.trade_ids == word) for word in IDS)]


def _limits(provider: "Provider") -> list[str]:
    values = [getattr(provider.limits, name) for name in LIMIT_COLUMNS.values()]
    hours = list(LIMIT_COLUMNS.values()).index("connection_age_max_s")
    values[hours] /= 3600
    return [f"`{provider.name}`", *(f"{value:.4g}" if value else "" for value in values)]


if __name__ == "__main__":
    sys.stdout.write(manual())
