"""What concerns several instruments or markets at once: conversions, cycles, doubles."""

from collections.abc import Collection, Iterator, Sequence

from ingestor.settings.documents import Document, Keys, dotted
from ingestor.settings.faults import nearest, told
from ingestor.settings.markets import Instrument, Market, PricedWith


def conversion_faults(instruments: Sequence[Instrument], written: Collection[str], document: Document) -> Iterator[str]:
    """Everything wrong with priced_with and index. `written`: all ids of the file, those that can't be read too."""
    known = {instrument.id: instrument for instrument in instruments}
    for instrument in instruments:
        for index, other in enumerate(instrument.priced_with):
            if fault := _conversion_fault(instrument, other, known, written):
                yield told(document, ("instruments", instrument.id, "priced_with", index), fault)
        if instrument.index is not None and (fault := _conversion_fault(instrument, instrument.index, known, written)):
            yield told(document, ("instruments", instrument.id, "index"), fault)
    for cycle in _cycles(known):
        yield told(
            document, ("instruments", cycle[0], "priced_with"),
            f"goes in a circle: {' needs '.join((*cycle, cycle[0]))}: remove one of them")


def _conversion_fault(
    instrument: Instrument, other: PricedWith, known: dict[str, Instrument], written: Collection[str],
) -> str:
    """Prices converted by the wrong rate look right and are not: the currencies must meet exactly."""
    for name in (other.instrument, other.conversion):
        if name and name not in written:
            return f"names {name}, no instrument of this file: {nearest(name, written)}"
    if other.instrument == instrument.id:
        return f"names {instrument.id} itself: remove it"
    rival = known.get(other.instrument)
    if rival is None:
        return ""
    if rival.base != instrument.base:
        return f"names {rival.id}, which prices {rival.base}, not {instrument.base}: remove it"
    if not other.conversion:
        return "" if rival.quote == instrument.quote else (
            f"names {rival.id} without a conversion: add conversion: {rival.quote}-{instrument.quote}")
    rate = known.get(other.conversion)
    if rate is not None and (rate.base, rate.quote) != (rival.quote, instrument.quote):
        return (
            f"converts {rival.id} by {rate.id}, which prices {rate.base} in {rate.quote}: "
            f"use one that prices {rival.quote} in {instrument.quote}")
    return ""


def _cycles(known: dict[str, Instrument]) -> Iterator[tuple[str, ...]]:
    """Each circle of conversions once, from its first member in file order."""
    done: set[str] = set()
    for start in known:
        way: list[str] = []
        stack = [(start, iter(_needs(known, start)))]
        while stack:
            name, needs = stack[-1]
            if len(way) < len(stack):
                way.append(name)
            following = next(needs, None)
            if following is None:
                done.add(name)
                stack.pop()
                way.pop()
            elif following in way:
                yield tuple(way[way.index(following):])
            elif following not in done:
                stack.append((following, iter(_needs(known, following))))


def _needs(known: dict[str, Instrument], name: str) -> list[str]:
    """Whose fair prices it reads."""
    needed, index = [other.conversion for other in known[name].priced_with], known[name].index
    if index is not None:
        needed += [index.instrument, index.conversion]
    return [each for each in needed if each in known]


def double_markets(placed: Sequence[tuple[Keys, Market]], document: Document) -> Iterator[str]:
    """A symbol means one market: a second one would take the first one's records, or lose its own."""
    first: dict[tuple[str, ...], Keys] = {}
    for keys, market in placed:
        identity = (market.provider, market.section, market.venue_code, market.symbol)
        if identity in first:
            place = document.place(first[identity])
            yield told(
                document, keys,
                f"is {market.symbol} of {market.provider} again, after {dotted(first[identity])} ({place}): "
                "remove one, or give the section that tells them apart")
        else:
            first[identity] = keys
