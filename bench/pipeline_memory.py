"""How many ticks a second does one core decode, unify and price, from memory, beside orjson, msgspec and cryptofeed?

The frames are Binance's captured trades and best bids and asks, spot and perpetual. Ours includes exact
decimals, symbol lookup, duplicates and sequences, and the fair price of two instruments, evaluated at each
batch boundary (64 frames, as a busy socket brings them). orjson.loads makes Python objects of the same frames and
looks at no field; msgspec makes structs; cryptofeed makes its Trade and Ticker objects. None of the three prices.
"""

from collections.abc import Callable
from time import process_time
from typing import NamedTuple

from bench.frames import BINANCE_FILES, Frames, binance
from bench.markets import binance as binance_tables
from bench.measure import Outcome, Timing, Variant, checksum, interleave, versioned
from bench.peers import MSGSPEC, ORJSON, Cryptofeed, msgspec_decode, orjson_loads
from bench.sinks import null_sink
from ingestor._core import Pipeline
from ingestor.providers.registry import load

BURST = 64              # frames between two batch boundaries; the pipeline evaluates after as many ticks anyway
FRAMES_SMOKE = 300      # a dialect
TURNS = 15

PRICED = f"decode, unify, price each {BURST} ticks"
EACH_PRICED = "decode, unify, price each tick"
WRITTEN = "the same, and Avro blocks to a sink that drops them"
UNPRICED = "decode and unify, no source has a vote"


class Burst(NamedTuple):
    """Frames that came at once."""

    recv_ns: int
    frames: list[bytes]


class Work(NamedTuple):
    """One dialect's frames, cut into bursts."""

    dialect: str
    found: Frames
    bursts: list[Burst]


def works(smoke: bool) -> list[Work]:
    """Spot and perpetual; a burst has the receive time of its last frame."""
    made = []
    for dialect in BINANCE_FILES:
        found = binance(dialect).first(FRAMES_SMOKE) if smoke else binance(dialect)
        made.append(Work(dialect, found, [
            Burst(found.recv_ns[min(start + BURST, len(found)) - 1], found.frames[start:start + BURST])
            for start in range(0, len(found), BURST)]))
    return made


class Ours:
    """The pipeline as a variant. Every turn has a new one, built before the clock starts; results must not change."""

    def __init__(self, work: list[Work], burst: int, writer: Callable[[], object] = lambda: None, *,
                 priced: bool = True) -> None:
        self.work = work
        self.priced = priced
        self.burst = burst
        self.writer = writer
        self.evaluations = 0
        self.checksum = ""

    def __call__(self) -> float:
        tables = binance_tables()
        if not self.priced:
            for row in tables.rows:
                row.sources.clear()
        pipeline = Pipeline(tables, self.writer())
        lanes = [(pipeline.open(load(each.dialect), "", "c0").feed_all, each.bursts) for each in self.work]
        burst = self.burst
        begun = process_time()
        for feed_all, bursts in lanes:
            for recv_ns, frames in bursts:
                feed_all(frames, recv_ns, burst)
        seconds = process_time() - begun
        self._check(pipeline)
        return seconds

    def _check(self, pipeline: Pipeline) -> None:
        """Every frame yielded its record, and the results are those of the turns before."""
        counters = pipeline.counters()
        ticks = sum(path["trades"] + path["quotes"] + path["duplicates"] for path in counters["paths"])
        sent = sum(len(each.found) for each in self.work)
        if ticks != sent:
            raise AssertionError(f"{sent} frames were fed, {ticks} records came out")
        found = checksum([pipeline.fairs(), counters["paths"], counters["evaluations"]])
        if found != (self.checksum or found):
            raise AssertionError(f"the results changed between turns: {self.checksum}, now {found}")
        self.checksum, self.evaluations = found, counters["evaluations"]


def _sum(variant: Callable[[Work], float], work: list[Work]) -> Variant:
    """A peer has no state of both dialects: its times add up."""
    return lambda: sum(variant(each) for each in work)


def _cryptofeed(work: list[Work]) -> tuple[Cryptofeed, Variant] | str:
    """cryptofeed as a variant, or why it can't run here."""
    try:
        peer = Cryptofeed()
        texts = {each.dialect: peer.texts(each.found.frames) for each in work}
        before = peer.records
        variant = _sum(lambda each: peer.parse(each.dialect, texts[each.dialect]), work)
        variant()
        if peer.records - before != sum(len(each.found) for each in work):
            return f"cryptofeed gave {peer.records - before} records for {sum(len(each.found) for each in work)} frames"
    except Exception as error:  # a peer that fails is said so in the results, whatever it is
        return f"cryptofeed does not run here: {type(error).__name__}: {error}"
    return peer, variant


def run(smoke: bool = False) -> Outcome:
    """pipeline_memory_*: rates in ticks/s; ratios to orjson and to cryptofeed in messages/s of the same frames;
    pricing_share: what the fair prices add to the time of decoding and unifying."""
    work = works(smoke)
    count = sum(len(each.found) for each in work)
    ours = {PRICED: Ours(work, BURST), EACH_PRICED: Ours(work, 1), WRITTEN: Ours(work, BURST, lambda: null_sink()[0]),
            UNPRICED: Ours(work, BURST, priced=False)}
    variants: dict[str, Variant] = {
        **ours, ORJSON: _sum(lambda each: orjson_loads(each.found.frames), work),
        MSGSPEC: _sum(lambda each: msgspec_decode(each.dialect, each.found.frames), work)}
    peer = _cryptofeed(work)
    if not isinstance(peer, str):
        variants[peer[0].name] = peer[1]
    timings = interleave(variants, 2 if smoke else TURNS)
    outcome = Outcome()
    _report(outcome, count, ours, timings, peer if isinstance(peer, str) else peer[0].name)
    outcome.details["frames"] = {each.dialect: each.found.about() for each in work}
    if not isinstance(peer, str):
        peer[0].close()
    return outcome


def _report(outcome: Outcome, count: int, ours: dict[str, Ours], timings: dict[str, Timing], cryptofeed: str) -> None:
    rate = {name: count / timing.best for name, timing in timings.items()}
    value, orjson_name = rate[PRICED], f"{ORJSON} ({versioned('orjson')}), messages/s"
    outcome.rate("pipeline_memory_ticks_per_s", value, "ticks/s", f"{MSGSPEC} ({versioned('msgspec')}), messages/s",
                 rate[MSGSPEC])
    outcome.rate("pipeline_memory_each_priced_ticks_per_s", rate[EACH_PRICED], "ticks/s", orjson_name, rate[ORJSON])
    outcome.rate("pipeline_memory_written_ticks_per_s", rate[WRITTEN], "ticks/s", orjson_name, rate[ORJSON])
    outcome.cost("pipeline_memory_pricing_share", rate[UNPRICED] / value - 1, "of decode and unify")
    outcome.ratio("pipeline_memory_vs_orjson", value, orjson_name, rate[ORJSON])
    outcome.ratio("pipeline_memory_vs_cryptofeed", value, cryptofeed, rate.get(cryptofeed))
    outcome.details["variants"] = {
        name: {**timing.as_dict(count), "ticks_per_s": round(rate[name])} for name, timing in timings.items()}
    outcome.details["evaluations"] = {
        name: {"a_turn": each.evaluations, "per_s": round(each.evaluations / timings[name].best),
               "checksum": each.checksum} for name, each in ours.items()}
    for name, each in ours.items():
        print(f"  {name}: {each.evaluations / timings[name].best:,.0f} price evaluations/s, checksum {each.checksum}")
