"""What a replay's prices were over time, in memory that does not grow with the log.

Time is cut into columns, at most COLUMNS_MAX an instrument; when they are used up, two become one. A column keeps
the lowest and the highest of what was seen in it, so no peak is lost; what lies between two looks was not seen.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingestor.records import FAIR_STATUS_NAMES

#: About the pixels that a picture has across: more would not be seen. Even, as two become one.
COLUMNS_MAX = 1000
#: A column to begin with: as long as the time between two looks.
COLUMN_NS = 50_000_000
BASIS_POINTS = 1e4

#: A status' name, price, confidence, and of each source its price, weight and flag, as Books.votes() gives them.
Said = tuple[str, float, float, list[tuple[float, float, bool]]]


class Extremes:
    """The lowest and the highest value of each column; NaN where there is none."""

    def __init__(self) -> None:
        self.low = array("d", [math.nan]) * COLUMNS_MAX
        self.high = array("d", [math.nan]) * COLUMNS_MAX

    def note(self, column: int, low: float, high: float) -> None:
        """NaN notes nothing."""
        if not low >= self.low[column]:
            self.low[column] = low if low == low else self.low[column]
        if not high <= self.high[column]:
            self.high[column] = high if high == high else self.high[column]

    def halve(self) -> None:
        """Two columns become one."""
        old_low, old_high = self.low, self.high
        self.__init__()     # type: ignore[misc]
        for column in range(COLUMNS_MAX):
            self.note(column // 2, old_low[column], old_high[column])


@dataclass(slots=True)
class SourceSamples:
    """One source path of an instrument; prices in the instrument's currency."""

    provider: str
    venue: str
    symbol: str
    path: int
    prices: Extremes = field(default_factory=Extremes)
    deviations: Extremes = field(default_factory=Extremes)      # from the fair price, basis points
    flagged: bytearray = field(default_factory=lambda: bytearray(COLUMNS_MAX))
    rejected: bytearray = field(default_factory=lambda: bytearray(COLUMNS_MAX))      # a print was an outlier
    seconds: float = 0.0            # that it was a candidate
    flagged_s: float = 0.0
    weight_s: float = 0.0           # its share of the vote, over those seconds
    deviation_s: float = 0.0        # basis points, likewise

    @property
    def name(self) -> str:
        """provider/venue/symbol."""
        return f"{self.provider}/{self.venue}/{self.symbol}"

    def note(self, column: int, vote: tuple[float, float, bool], fair: float, lasted_s: float) -> None:
        """Its price, share and flag as they are now, and were for `lasted_s`."""
        price, weight, flagged = vote
        if not weight > 0:
            return
        self.prices.note(column, price, price)
        deviation = (price / fair - 1) * BASIS_POINTS
        self.deviations.note(column, deviation, deviation)
        self.flagged[column] |= flagged
        self.seconds += lasted_s
        self.weight_s += weight * lasted_s
        self.flagged_s += flagged * lasted_s
        if deviation == deviation:
            self.deviation_s += deviation * lasted_s


class InstrumentSamples:
    """One instrument: its fair price, its band, its status, and its sources."""

    def __init__(self, id: str, sources: Iterable[SourceSamples], begin_ns: int) -> None:
        self.id, self.sources = id, list(sources)
        self.begin_ns, self.column_ns = begin_ns, COLUMN_NS
        self.columns = 0                            # those in use
        self._looked = -1                           # the column of the last look
        self.fair, self.band = Extremes(), Extremes()
        self.statuses = bytearray(COLUMNS_MAX)      # the worst of each column, as a FairStatus + 1; 0: none
        self.status_s = dict.fromkeys(FAIR_STATUS_NAMES, 0.0)
        self._said: Said = ("UNAVAILABLE", math.nan, math.nan, [])       # at the last look

    def column(self, now_ns: int) -> int:
        """The column of a time. A clock that stepped back before the beginning stays in the first."""
        while (found := max(0, now_ns - self.begin_ns) // self.column_ns) >= COLUMNS_MAX:
            self._halve()
        self.columns = max(self.columns, found + 1)
        return found

    def note(self, now_ns: int, lasted_s: float, said: Said) -> None:
        """What the book says at `now_ns`: a Said, for `lasted_s` already. Columns without a look are as before it."""
        column = self.column(now_ns)
        for between in range(self._looked + 1, column):
            self._note(between, 0.0, self._said)
        self._note(column, lasted_s, said)
        self._looked, self._said = column, said

    def _note(self, column: int, lasted_s: float, said: Said) -> None:
        status, price, conf, votes = said
        self.fair.note(column, price, price)
        self.band.note(column, price - conf, price + conf)
        self.statuses[column] = max(self.statuses[column], 1 + FAIR_STATUS_NAMES.index(status))
        self.status_s[status] += lasted_s
        for source, vote in zip(self.sources, votes, strict=False):
            source.note(column, vote, price, lasted_s)

    def _halve(self) -> None:
        self.column_ns *= 2
        self.columns = (self.columns + 1) // 2
        self._looked //= 2
        for series in (self.fair, self.band, *(each for source in self.sources
                                               for each in (source.prices, source.deviations))):
            series.halve()
        for marks in (self.statuses, *(each for source in self.sources for each in (source.flagged, source.rejected))):
            marks[:] = bytes(map(max, marks[::2], marks[1::2])) + bytes(COLUMNS_MAX // 2)
