"""What does one quote and the fair price after it cost, with 4, 12 and 24 sources?

consensus_v1 as the hot path runs it: a source's quote, then the whole evaluation (fresh sources, weights, gate,
median, status), which a busy socket needs only once in 64 ticks. Every source is a venue of its own, fresh, quoting a
random walk that they all share and a noise of their own; sources quote in random order, a millisecond apart.
"""

import random
from array import array
from typing import Any

from bench.measure import Outcome, checksum, interleave, timed
from ingestor.pricing.consensus import PriceBook

SOURCES = (4, 12, 24)
ROWS = 20_000
ROWS_SMOKE = 500
TURNS = 11
BEGIN_NS = 1_786_562_940_000_000_000
STEP_NS = 1_000_000


class Rows:
    """Quotes of `sources` venues, as columns; a turn is a new book that replays them."""

    def __init__(self, sources: int, count: int) -> None:
        chance = random.Random(sources)
        self.sources = sources
        self.columns: list[array[Any]] = [array("q"), array("I"), array("d"), array("d")]
        self.checksum = ""
        price = 64_000.0
        for number in range(count):
            price *= 1 + chance.gauss(0, 2e-6)
            bid = round(price * (1 + chance.gauss(0, 2e-5)), 2)
            row = (BEGIN_NS + number * STEP_NS, chance.randrange(sources), bid, bid + 0.01 + round(chance.random(), 2))
            for column, value in enumerate(row):
                self.columns[column].append(value)

    def __call__(self) -> float:
        """Seconds of a turn; its prices must be those of the turns before."""
        book = PriceBook({}, [(venue, 1.0, None) for venue in range(self.sources)])
        prices: array[float] = array("d")

        def replay() -> None:
            nonlocal prices
            prices = book.replay(*self.columns)

        seconds = timed(replay)
        found = checksum(list(prices))
        if found != (self.checksum or found) or not prices[-1] > 0:
            raise AssertionError(f"{self.sources} sources: no price at the end, or not the prices of the turns before")
        self.checksum = found
        return seconds


def run(smoke: bool = False) -> Outcome:
    """consensus_<n>_sources_us: microseconds for each quote with its evaluation."""
    count = ROWS_SMOKE if smoke else ROWS
    rows = {sources: Rows(sources, count) for sources in SOURCES}
    timings = interleave({str(sources): each for sources, each in rows.items()}, 2 if smoke else TURNS)
    outcome = Outcome()
    for sources, each in rows.items():
        timing = timings[str(sources)]
        outcome.cost(f"consensus_{sources}_sources_us", timing.best / count * 1e6, "us")
        outcome.details[str(sources)] = {**timing.as_dict(count), "checksum": each.checksum}
    return outcome
