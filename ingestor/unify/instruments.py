"""From configured instruments and markets to the flat tables that the pipeline indexes.

Pure data, built whole and swapped whole. Which votes go where is decided here: a market votes for its
own instrument's fair price, and for that of each instrument that is priced with its own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, SupportsFloat

from ingestor.errors import ConfigError

#: Of one market: its own instrument and those priced with it. The same number as VOTES_MAX in path.pxd.
VOTES_MAX = 4
#: Votes in one fair price. The same number as SOURCES_MAX in pricing/book.pxd, which derives it.
SOURCES_MAX = 256
#: What a venue does with a market, in the order of TradingState in path.pxd; a delisted one has no source path.
STATES = ("trading", "halted", "auction")


class PricedWith(Protocol):
    """Another instrument whose markets also vote, and the instrument whose fair price converts them."""

    @property
    def instrument(self) -> str: ...
    @property
    def conversion(self) -> str: ...


class InstrumentSettings(Protocol):
    """What this file reads of a configured instrument."""

    @property
    def id(self) -> str: ...
    @property
    def data_class(self) -> str: ...
    @property
    def priced_with(self) -> Sequence[PricedWith]: ...
    @property
    def index(self) -> PricedWith | None: ...
    @property
    def tier(self) -> str: ...


class MarketSettings(Protocol):
    """What this file reads of a configured market: an instrument at a venue, through a provider."""

    @property
    def instrument(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def venue_code(self) -> str: ...
    @property
    def trust(self) -> float: ...
    @property
    def state(self) -> str: ...
    @property
    def contract_size(self) -> SupportsFloat: ...
    @property
    def inverse(self) -> bool: ...
    @property
    def tick_size(self) -> SupportsFloat | None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One vote in an instrument's fair price. `conversion` is an instrument's index, -1 for none."""

    path: int
    venue: int          # index into the instrument's venues
    trust: float        # 0 while its market does not trade: no vote
    conversion: int


@dataclass(slots=True)
class InstrumentRow:
    """One priced instrument."""

    id: str
    data_class: str
    slot: int
    published: bool
    ended: bool = False     # expired: it has no price any more, not even a held one
    sources: list[Source] = field(default_factory=list)
    venues: list[str] = field(default_factory=list)
    tier: str = "major"     # how far its providers' prices may differ
    index: int = -1             # what it is a derivative of: an instrument's index, -1 for none
    index_conversion: int = -1  # what brings that to its own quote currency, likewise


@dataclass(frozen=True, slots=True)
class PathRow:
    """One source path. `venue_code` and `symbol` are as the provider writes them."""

    instrument: int
    provider: str
    venue: str
    section: str
    venue_code: str
    symbol: str
    state: int = 0              # index into STATES
    contract_size: float = 1.0  # of the base; of the quote when inverse
    inverse: bool = False
    tick_size: float = 0.0      # 0: not known

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What the provider calls it: while that is the same, the path is the same in another edition."""
        return self.provider, self.venue_code, self.section, self.symbol

    @property
    def contract(self) -> tuple[float, bool]:
        """In what its sizes are counted."""
        return self.contract_size, self.inverse


class Instruments:
    """The tables of one shard. `wanted(instrument id)` says whether this shard publishes it; `ended` have expired.

    Instruments that only serve a wanted one's conversions are kept, unpublished. Conversions come
    before what they convert. Raises ConfigError for what can't be built.
    """

    def __init__(
        self, instruments: Iterable[InstrumentSettings], markets: Iterable[MarketSettings],
        slot_of: Callable[[InstrumentSettings], int], wanted: Callable[[str], bool] = lambda _: True,
        ended: Collection[str] = (),
    ) -> None:
        known = {instrument.id: instrument for instrument in instruments}
        order = _conversions_first(known, [name for name in known if wanted(name)])
        self.rows = [
            InstrumentRow(name, known[name].data_class, slot_of(known[name]), wanted(name), name in ended,
                          tier=known[name].tier)
            for name in order]
        self.index = {row.id: number for number, row in enumerate(self.rows)}
        for row in self.rows:
            index = known[row.id].index
            if index:
                row.index, row.index_conversion = self.index[index.instrument], self.index.get(index.conversion, -1)
        self.paths: list[PathRow] = []
        markets_of: dict[str, list[tuple[int, MarketSettings]]] = {}
        for market in markets:
            if market.instrument in self.index:
                markets_of.setdefault(market.instrument, []).append((len(self.paths), market))
                self.paths.append(_path(self.index[market.instrument], market))
        votes = [0] * len(self.paths)
        for row in self.rows:
            groups = [(row.id, "")] + [(other.instrument, other.conversion) for other in known[row.id].priced_with]
            for name, conversion in groups:
                for path, market in markets_of.get(name, ()):
                    self._add(row, path, market, conversion)
                    votes[path] += 1
        for row in self.rows:
            if len(row.sources) > SOURCES_MAX:
                raise ConfigError(f"{row.id} has {len(row.sources)} markets that vote for its price, at most "
                                  f"{SOURCES_MAX}: remove some, or shorten its priced_with")
        for path, count in enumerate(votes):
            if count > VOTES_MAX:
                raise ConfigError(
                    f"market {self.paths[path].symbol} of {self.paths[path].provider} votes for {count} instruments, "
                    f"at most {VOTES_MAX}: remove it from some priced_with")

    def _add(self, row: InstrumentRow, path: int, market: MarketSettings, conversion: str) -> None:
        if market.venue not in row.venues:
            row.venues.append(market.venue)
        row.sources.append(Source(
            path, row.venues.index(market.venue), 0.0 if self.paths[path].state else market.trust,
            self.index[conversion] if conversion else -1))


def _path(instrument: int, market: MarketSettings) -> PathRow:
    return PathRow(
        instrument, market.provider, market.venue, market.section, market.venue_code, market.symbol,
        STATES.index(market.state), float(market.contract_size), market.inverse, float(market.tick_size or 0))


def _conversions_first(known: Mapping[str, InstrumentSettings], wanted: Iterable[str]) -> list[str]:
    """The wanted instruments and all that they need, each after its conversions."""
    done: dict[str, None] = {}
    open_: set[str] = set()

    def visit(name: str, why: str) -> None:
        if not name or name in done:
            return
        if name not in known:
            raise ConfigError(f"{why} names {name!r}, which is no instrument: add it to the instruments file")
        if name in open_:
            raise ConfigError(f"the conversion of {name!r} needs {name!r} itself ({why}): break the cycle")
        open_.add(name)
        for other in known[name].priced_with:
            visit(other.conversion, f"priced_with of {name}")
        index = known[name].index
        for needed in (index.instrument, index.conversion) if index else ():
            visit(needed, f"index of {name}")
        open_.remove(name)
        done[name] = None

    for name in wanted:
        visit(name, "the selection")
    for name in list(done):
        for other in known[name].priced_with:       # its markets vote here: their instrument must be there too
            visit(other.instrument, f"priced_with of {name}")
    return list(done)
