"""Tell a writer whose records will come."""

from collections.abc import Callable
from typing import Any

from ingestor.unify.instruments import Instruments


def define(
    writer: Any, instruments: Instruments, subscriptions: list[tuple[int, str]],
    hash_of: Callable[[str], str],
) -> None:
    """Each instrument with the hash of its parameters, each subscription (path, channel) with its market.

    `hash_of(instrument id)` is the hash.
    """
    rows = instruments.rows
    for number, row in enumerate(rows):
        conversions = dict.fromkeys(rows[each.conversion].id for each in row.sources if each.conversion >= 0)
        writer.define_instrument(
            number, row.id, row.id.encode(), row.slot, method="consensus_v1",
            parameters_hash=hash_of(row.id), conversions=tuple(conversions))
    for number, (path, channel) in enumerate(subscriptions):
        market = instruments.paths[path]
        writer.define_subscription(
            number, market.instrument, market.provider, market.venue, market.symbol, channel)
