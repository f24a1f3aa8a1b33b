"""Which subscription goes on which connection, and in which message. Pure functions.

Packing is stable: what already has a place keeps it, because moving a subscription to another
connection means a gap in its data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import NamedTuple

from ingestor.errors import ConfigError
from ingestor.providers.session import Limits, Subscription

Place = tuple[str, int]  # section, and the connection's number within it


class Packing(NamedTuple):
    """Who sits where, and who found no place within Limits.connections_max."""

    places: dict[Place, list[Subscription]]
    unplaced: list[Subscription]


def pack(
    wanted: Iterable[Subscription], limits: Limits, before: Mapping[Place, Iterable[Subscription]] | None = None,
) -> Packing:
    """Spread the subscriptions over connections, by section, lowest numbers first.

    `before` is the packing in force. Repeats in `wanted` count once. A connection left without
    subscriptions is not in the result.
    """
    left = dict.fromkeys(wanted)
    places: dict[Place, list[Subscription]] = {}
    for place, sitting in (before or {}).items():
        staying = [subscription for subscription in sitting if subscription in left]
        for subscription in staying:
            del left[subscription]
        if staying:
            places[place] = staying
    sections: dict[str, list[Subscription]] = {}
    for subscription in left:
        sections.setdefault(subscription.section, []).append(subscription)
    unplaced = []
    for section, standing in sections.items():
        unplaced += _seat(standing, section, limits, places)
    return Packing(places, unplaced)


def each_line(limits: Limits, lines: int, provider: str) -> Limits:
    """The limits of one line where each connection is opened so many times over. ConfigError where none fits."""
    if 0 < limits.connections_max < lines:
        raise ConfigError(
            f"providers.{provider}.redundant takes {lines} connections at least, and limits.connections_max is "
            f"{limits.connections_max}: raise it, or turn redundant off")
    return replace(limits, connections_max=limits.connections_max // lines)


def _seat(
    standing: list[Subscription], section: str, limits: Limits, places: dict[Place, list[Subscription]],
) -> list[Subscription]:
    """Fill the section's connections, then new ones; return who is left over."""
    taken = sorted(place for place in places if place[0] == section)
    for place in chain(taken, ((section, number) for number in count() if (section, number) not in places)):
        if place not in places:
            if limits.connections_max and len(places) >= limits.connections_max:
                break
            places[place] = []
        seats = limits.subscriptions_per_connection_max or len(places[place]) + len(standing)
        free = max(0, seats - len(places[place]))
        places[place] += standing[:free]
        standing = standing[free:]
        if not standing:
            break
    return standing


Compose = Callable[[Sequence[Subscription]], Sequence[bytes]]


def messages(
    subscriptions: Sequence[Subscription], limits: Limits, compose: Compose,
) -> Iterator[tuple[list[Subscription], Sequence[bytes]]]:
    """Cut a list into messages within Limits: the subscriptions of each, and its texts.

    `compose` is Session.subscribe or unsubscribe with a request id. A list whose text is too long is
    halved. One subscription that is too long alone goes out as it is: only the provider can say no.
    """
    size = max(1, limits.subscriptions_per_message_max or len(subscriptions))
    for start in range(0, len(subscriptions), size):
        yield from _halved(list(subscriptions[start:start + size]), limits.message_bytes_max, compose)


def _halved(
    batch: list[Subscription], bytes_max: int, compose: Compose,
) -> Iterator[tuple[list[Subscription], Sequence[bytes]]]:
    texts = compose(batch)
    if bytes_max and len(batch) > 1 and any(len(text) > bytes_max for text in texts):
        middle = len(batch) // 2
        yield from _halved(batch[:middle], bytes_max, compose)
        yield from _halved(batch[middle:], bytes_max, compose)
    else:
        yield batch, texts
