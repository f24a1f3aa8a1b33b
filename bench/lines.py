"""What do a second line's duplicates, and the checks of sequences, cost of the pipeline, from memory?

The captured frames of pipeline_memory, decoded, unified and priced three ways in turns: as one line; as two lines
that bring each burst one after the other, so that each record of the second is a copy; and as one line whose
channels declare no sequence, so that no number is looked at. A second line's frames must be decoded and their market
found in any case: that is measured on frames of a market that is nobody's. What it adds beyond is charged to
telling copies, on both lines.
"""

from collections.abc import Callable, Sequence
from time import process_time
from types import SimpleNamespace
from typing import Any

from bench.markets import PERPETUAL, tables
from bench.markets import binance as ours
from bench.measure import Outcome, interleave
from bench.pipeline_memory import TURNS, Work, works
from ingestor import _core
from ingestor.providers.registry import load

ONE = "one line"
TWO = "two lines that bring the same"
UNCHECKED = "one line, no sequence declared"
NOISE = 0.001           # a share below this is none that can be measured
FOUND = "decoded, and the market looked up"


def piped(work: list[Work], lines: Sequence[str], channels_of: Callable[[str], Any]) -> float:
    """Seconds to take all bursts on each of the lines; fails unless each record is admitted once."""
    known, _core.load = _core.load, channels_of     # where a pipeline asks what the channels declare
    try:
        pipeline = _core.Pipeline(ours(), None)
    finally:
        _core.load = known
    lanes = [([pipeline.open(load(each.dialect), "", line).feed_all for line in lines], each.bursts) for each in work]
    begun = process_time()
    for feeds, bursts in lanes:
        for recv_ns, frames in bursts:
            for feed_all in feeds:
                feed_all(frames, recv_ns)
    seconds = process_time() - begun
    paths = pipeline.counters()["paths"]
    sent = sum(len(each.found) for each in work)
    admitted = sum(path["trades"] + path["quotes"] for path in paths)
    copies = sum(path["duplicates"] for path in paths)
    if admitted + copies != sent * len(lines) or copies < sent * (len(lines) - 1):
        raise AssertionError(f"of {sent} frames on {len(lines)} lines, {admitted} were admitted and {copies} dropped")
    return seconds


def unchecked(provider: str) -> Any:
    """A provider whose channels declare no sequence."""
    return SimpleNamespace(channels=tuple(channel._replace(sequence="none") for channel in load(provider).channels))


def found(work: list[Work]) -> float:
    """Seconds to decode the frames, and to find that their market is nobody's."""
    pipeline = _core.Pipeline(tables((PERPETUAL,), ()), None)
    lanes = [(pipeline.open(load(each.dialect), "", "c0").feed_all, each.bursts) for each in work]
    begun = process_time()
    for feed_all, bursts in lanes:
        for recv_ns, frames in bursts:
            feed_all(frames, recv_ns)
    return process_time() - begun


def run(smoke: bool = False) -> Outcome:
    """lines_*_share: the part of the pipeline's time, in one run; below 0.15 together is the goal."""
    work = works(smoke)
    count = sum(len(each.found) for each in work)
    timings = interleave({
        ONE: lambda: piped(work, ["c0"], load), TWO: lambda: piped(work, ["c0/a", "c0/b"], load),
        UNCHECKED: lambda: piped(work, ["c0"], unchecked), FOUND: lambda: found(work)}, 2 if smoke else TURNS)
    one, two, bare, second = (timings[name].best for name in (ONE, TWO, UNCHECKED, FOUND))
    copies, checks = max(NOISE, (two - one - second) / two), max(NOISE, (one - bare) / one)
    outcome = Outcome()
    outcome.rate("lines_redundant_ticks_per_s", count / two, "ticks/s", ONE, count / one)
    outcome.cost("lines_copies_share", copies, "of two lines' time")
    outcome.cost("lines_sequences_share", checks, "of one line's time")
    outcome.cost("lines_checks_share", copies + checks, "of the pipeline's time")
    outcome.details["variants"] = {name: timing.as_dict(count) for name, timing in timings.items()}
    outcome.details["frames"] = {each.dialect: each.found.about() for each in work}
    return outcome
