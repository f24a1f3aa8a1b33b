"""Tell a writer whose records will come."""

from collections.abc import Callable
from typing import Any

from ingestor.unify.instruments import Instruments


def define(
    writer: Any, instruments: Instruments, subscriptions: list[tuple[int, str]],
    method_of: Callable[[str], tuple[str, str]],
) -> None:
    """Each instrument with its pricing, each subscription (path, channel) with its market.

    `method_of(instrument id)` is the method's name and the hash of its parameters.
    """
    rows = instruments.rows
    for number, row in enumerate(rows):
        needed = [row.index_conversion, *(each.conversion for each in row.sources)]
        conversions = dict.fromkeys(rows[each].id for each in needed if each >= 0)
        method, parameters_hash = method_of(row.id)
        writer.define_instrument(
            number, row.id, row.id.encode(), row.slot, method=method, parameters_hash=parameters_hash,
            conversions=tuple(conversions))
    for number, (path, channel) in enumerate(subscriptions):
        market = instruments.paths[path]
        writer.define_subscription(
            number, market.instrument, market.provider, market.venue, market.symbol, channel)
