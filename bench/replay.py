"""How many frames a second does a raw log replay flat out, beside orjson and cryptofeed on the same frames?

The log holds Binance's captured trades and best bids and asks, spot and perpetual, with their own receive times,
so that nearly every frame is a burst of its own, with a batch boundary and an evaluation. Ours is what `ingestor
replay` runs: it reads the segment from the page cache, compares checksums, decompresses, decodes, unifies and prices;
timers run by the log's time. The peers get the frames from memory: orjson.loads looks at no field, cryptofeed makes
its Trade and Ticker objects.
"""

import heapq
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from bench.frames import BINANCE_FILES, Frames, binance
from bench.markets import BINANCE_MARKETS, PERPETUAL, SPOT
from bench.measure import Outcome, Variant, checksum, interleave, versioned
from bench.peers import ORJSON, Cryptofeed, orjson_loads
from ingestor.rawlog.block import Block
from ingestor.rawlog.layout import Kind
from ingestor.rawlog.reader import RawLog
from ingestor.rawlog.writer import LogWriter, Rules
from ingestor.settings import Configuration
from ingestor.settings.models import Settings, SinkSettings, TopicOverrides, TopicsSettings
from shards.replaying import Replay, Wanted

FRAMES_SMOKE = 300      # a dialect
TURNS = 15
BLOCK_BYTES = 1 << 20   # as a recorder's

PLAYED = "read, check, decompress, decode, unify, price"
WRITTEN = "the same, and Avro blocks to a sink that drops them"
READ = "read, check, decompress only"


def write_log(folder: Path, found: list[Frames]) -> RawLog:
    """The frames of all dialects, merged by time, one connection each."""
    rows = [[number, f"1-{number}", each.dialect, "", "c0"] for number, each in enumerate(found)]
    table = json.dumps(rows).encode()
    writer = LogWriter(folder, Rules())
    block = Block()
    block.add(Kind.TABLE, 0, 0, table)
    lanes = [[(at_ns, number, frame) for at_ns, frame in zip(each.recv_ns, each.frames, strict=True)]
             for number, each in enumerate(found)]
    for at_ns, number, frame in heapq.merge(*lanes, key=lambda row: row[0]):
        block.add(Kind.FRAME, number, at_ns, frame)
        if len(block) >= BLOCK_BYTES:
            writer.write(block)
            block = Block()
            block.add(Kind.TABLE, 0, 0, table)
    writer.write(block)
    writer.close()
    return RawLog(folder)


class Ours:
    """A replay as a variant; every turn must give the same prices and counters."""

    def __init__(self, log: RawLog, *, written: bool) -> None:
        self.log, self.wanted = log, Wanted(own_sink=written)
        block = TopicOverrides(mode="block")
        settings = Settings(sink=SinkSettings(kind="null"), topics=TopicsSettings(trades=block, quotes=block))
        self.configuration = Configuration(
            Path("bench"), settings, (SPOT, PERPETUAL),
            tuple(replace(market, channels=("trade", "bookTicker")) for market in BINANCE_MARKETS.values()))
        self.checksum = ""

    def __call__(self) -> float:
        replay = Replay(self.configuration, self.log, self.wanted)
        begun = process_time()
        account = replay.run()
        seconds = process_time() - begun
        counters = replay.pipeline.counters()
        ticks = sum(path["trades"] + path["quotes"] + path["duplicates"] for path in counters["paths"])
        if (account.frames, ticks) != (self.log.frames, self.log.frames):
            raise AssertionError(f"{self.log.frames} frames in the log, {account.frames} played, {ticks} records")
        found = checksum([replay.pipeline.fairs(), counters["paths"], counters["evaluations"]])
        if found != (self.checksum or found):
            raise AssertionError(f"the results changed between turns: {self.checksum}, now {found}")
        self.checksum = found
        return seconds


def read(log: RawLog) -> float:
    """Seconds to get at the records."""
    begun = process_time()
    for _ in log.blocks():
        pass
    return process_time() - begun


def run(smoke: bool = False) -> Outcome:
    """replay_flat_*: frames/s; the peers' are messages/s of the same frames."""
    found = [binance(dialect).first(FRAMES_SMOKE) if smoke else binance(dialect) for dialect in BINANCE_FILES]
    count = sum(map(len, found))
    with TemporaryDirectory(prefix="bench-replay-") as folder:
        log = write_log(Path(folder), found)
        variants: dict[str, Variant] = {
            PLAYED: Ours(log, written=False), WRITTEN: Ours(log, written=True), READ: lambda: read(log),
            ORJSON: lambda: sum(orjson_loads(each.frames) for each in found)}
        try:
            peer = Cryptofeed()
        except Exception as error:  # a peer that can't run is said so in the results, whatever it is
            name = f"cryptofeed does not run here: {type(error).__name__}: {error}"
        else:
            name = peer.name
            texts = {each.dialect: peer.texts(each.frames) for each in found}
            variants[name] = lambda: sum(peer.parse(dialect, each) for dialect, each in texts.items())
        timings = interleave(variants, 2 if smoke else TURNS)
    rate = {each: count / timing.best for each, timing in timings.items()}
    outcome = Outcome()
    orjson = f"{ORJSON} ({versioned('orjson')}), messages/s"
    outcome.rate("replay_flat_frames_per_s", rate[PLAYED], "frames/s", orjson, rate[ORJSON])
    outcome.rate("replay_flat_written_frames_per_s", rate[WRITTEN], "frames/s", orjson, rate[ORJSON])
    outcome.ratio("replay_flat_vs_cryptofeed", rate[PLAYED], name, rate.get(name))
    outcome.details["variants"] = {each: timing.as_dict(count) for each, timing in timings.items()}
    outcome.details["frames"] = {each.dialect: each.about() for each in found}
    outcome.details["log"] = {
        "bytes": log.bytes, "bytes_of_frames": sum(len(frame) for each in found for frame in each.frames)}
    return outcome
