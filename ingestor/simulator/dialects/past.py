"""What the providers' history endpoints share: numbers of a query, and the trades they select."""

from collections.abc import Iterable, Mapping
from itertools import islice

from ingestor.simulator.market import Market, Trade


class BadQuery(ValueError):
    """A parameter that is no number."""


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """An integer of a query. Raises BadQuery."""
    try:
        return int(query.get(name, default))
    except ValueError as error:
        raise BadQuery(name) from error


def trades(
    market: Market, limit: int, *, first_id: int | None = None, start_ns: int = 0, end_ns: int | None = None,
) -> list[Trade]:
    """Up to `limit` trades in order: the first from an id or time on; the last of all where neither is given."""
    if first_id is None and not start_ns:
        upto = [trade for trade in market.history if end_ns is None or trade.ts_ns <= end_ns]
        return upto[max(0, len(upto) - limit):]
    found: Iterable[Trade] = (
        trade for trade in market.history if trade.id >= (first_id or 0) and trade.ts_ns >= start_ns
        and (end_ns is None or trade.ts_ns <= end_ns))
    return list(islice(found, max(0, limit)))
