"""A raw log, or captured frames, through the pipeline of a configuration: what `ingestor replay` does, unprinted.

Receive times are the only clock, also of the sink: names, blocks and rotation of the files follow them, and the
epoch is the second of the first frame. So one log and one configuration give the same bytes at any speed.
What was missed is told in the quality topic as it is live, but no provider is asked for it: what did not come
late is lost when the log ends.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ingestor._core import Pipeline
from ingestor.alerting import Alerting
from ingestor.errors import ConfigError, SinkError
from ingestor.feeds.ledger import Ledger
from ingestor.feeds.refill import missed
from ingestor.rawlog.player import Player
from ingestor.settings import Configuration
from ingestor.settings.models import Settings, SinkSettings
from ingestor.sinks import open_sink
from ingestor.sinks.files import FilesSink
from ingestor.sinks.ndjson import NdjsonSink
from ingestor.sinks.null import NullSink
from ingestor.sinks.sink import Sink
from ingestor.wire.quality import QualityTopic, Status
from ingestor.wire.writer import Writer
from shards.assembly import plan, watch
from shards.dialects import DIALECTS
from shards.price_report import PriceReport

#: The longest sleep between two looks at the clock: a log's frames are late by so much at most.
PACE_S = 0.01
#: Between two looks at a sink that takes nothing more.
FULL_PAUSE_S = 0.005
STDOUT = Path("-")


class Source(Protocol):
    """A log: rawlog.reader.RawLog, or shards.captures.Captures."""

    bytes: int
    done_bytes: int

    @property
    def first_ns(self) -> int: ...
    def blocks(self) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to replay. `shard` None: all instruments in one shard, whatever the configuration's number of shards."""

    speed: float | None = None      # times the log's own; None: flat out
    shard: int | None = None
    out: Path | None = None         # a folder for Avro, *.ndjson or `-` for text; None: nothing is written
    own_sink: bool = False          # write to the configuration's sink instead
    report: Path | None = None      # a new folder for the price report


@dataclass
class Account:
    """What a replay did."""

    frames: int = 0
    seconds: float = 0.0            # that it took
    log_seconds: float = 0.0        # from the first frame to the last
    connections: int = 0
    records: dict[str, int] = field(default_factory=dict)       # of the instruments, by kind
    statuses: dict[str, int] = field(default_factory=dict)      # frames
    unknown: int = 0                # records of no instrument
    evaluations: int = 0
    holes: int = 0                  # in sequences and ids
    numbers_lost: int = 0           # of them
    alerts: dict[str, int] = field(default_factory=dict)        # fired, by severity; none without output or report
    written: dict[str, int] = field(default_factory=dict)       # records by topic
    report: list[str] = field(default_factory=list)             # its files
    lost_frames: int = 0            # that the log says were not recorded
    strays: int = 0
    interrupted: bool = False


class Replay:
    """One replay. Raises ConfigError and IngestorError as its parts do."""

    def __init__(
        self, configuration: Configuration, source: Source, wanted: Wanted, *,
        monotonic_s: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._wanted = source, wanted
        self._monotonic_s, self._sleep = monotonic_s, sleep
        self._first_ns = source.first_ns
        self._player: Player = None     # the sink asks for the time before there is one
        if wanted.shard is None:
            configuration = replace(configuration, settings=configuration.settings.model_copy(update={"shards": 1}))
        self._settings: Settings = configuration.settings
        shard = wanted.shard or 0
        planned = plan(configuration, shard, DIALECTS, self._first_ns)
        self.sink = self._open_sink(shard)
        self.writer: Writer | None = None
        if self.sink is not None:
            self.writer = Writer(self.sink, self._settings.topic_settings(), shard, self._epoch,
                                 configuration.reference_version)
        self.pipeline = Pipeline(
            planned.instruments, self.writer, fair_every_ms=self._settings.pricing.fair_every_ms,
            quarantine_max=self._settings.pipeline.quarantine_max, pricing=planned.pricing.__getitem__)
        topic = None if self.sink is None else QualityTopic(
            self.sink, shard, self._epoch, self._now_ns, configuration.reference_version)
        self._ledger = Ledger(self.pipeline.tables, topic)
        self._watch = watch(configuration, self.pipeline)
        self._alerting = Alerting(self._watch, self.pipeline, topic)
        self._judged_s = 0
        self._report = None if wanted.report is None else PriceReport(wanted.report, self.pipeline, self._first_ns)
        self._judges = topic is not None or self._report is not None     # else nobody would read it
        self._player = Player(
            self.pipeline, DIALECTS, on_poll=self._poll, tick_every_ms=self._settings.pipeline.tick_every_ms)

    def run(self, told: Callable[[int], object] = lambda frames: None) -> Account:
        """Play it all; `told` is called after each block with the frames so far. Ctrl-C ends it early, and well."""
        begun_s = self._monotonic_s()
        account = Account()
        player = self._player
        try:
            for block in self._source.blocks():
                self._play(player, block, begun_s)
                told(player.frames)
        except KeyboardInterrupt:
            account.interrupted = True
        except SinkError:
            raise       # nothing more can be delivered
        except BaseException:
            if self.sink is not None:
                self.sink.close(0.0)
            raise
        player.finish()
        self._alerting.finish()
        for hole in self._ledger:
            self._ledger.lose(hole, "no_history", "a replay asks nobody")
        self._fill(account, player)
        if self._report is not None:
            account.report = [str(path) for path in self._report.write(self._watch, self._fired_by_provider())]
        self._close()
        account.seconds = self._monotonic_s() - begun_s
        return account

    def _play(self, player: Player, block: Any, begun_s: float) -> None:
        """One block, at the wanted speed."""
        at, size = 0, len(memoryview(block))
        speed = self._wanted.speed
        if speed is None:
            player.play(block)
            return
        while at < size:
            until_ns = self._first_ns + int((self._monotonic_s() - begun_s) * speed * 1e9)
            at = player.play(block, at, until_ns)
            if at < size:
                player.advance(until_ns)
                self._sleep(min((player.next_ns(block, at) - until_ns) / speed / 1e9, PACE_S))

    # The sink, on the log's clock.

    @property
    def _epoch(self) -> int:
        return self._first_ns // 1_000_000_000

    def _now_ns(self) -> int:
        return self._player.now_ns if self._player is not None else self._first_ns

    def _now_s(self) -> float:
        return (self._now_ns() - self._first_ns) / 1e9

    def _open_sink(self, shard: int) -> Sink | None:
        own, out = self._settings.sink, self._wanted.out
        if self._wanted.own_sink:
            settings = own
        elif out is None:
            return None
        elif out == STDOUT or out.suffix in (".ndjson", ".jsonl"):
            settings = SinkSettings(
                kind="ndjson", ndjson=own.ndjson.model_copy(update={"path": None if out == STDOUT else out}))
        else:
            settings = SinkSettings(kind="files", files=own.files.model_copy(update={"path": out}))
        _check_is_new(settings)
        self._settings = self._settings.model_copy(update={"sink": settings})
        prefix = self._settings.topics.prefix
        if settings.kind == "files":
            return FilesSink(
                settings.files, prefix, shard=shard, epoch=self._epoch, clock_ns=self._now_ns, monotonic_s=self._now_s,
                random_bytes=random.Random(self._first_ns).randbytes)
        if settings.kind == "ndjson":
            return NdjsonSink(settings.ndjson.path, clock_ns=self._now_ns)
        if settings.kind == "null":
            return NullSink(self._now_ns)
        return open_sink(settings, self._settings.sink_topics(), prefix, shard, self._epoch)

    def _poll(self) -> None:
        """What was missed is noted, once a second the data is judged, and the sink goes on; when it takes nothing more,
        the log waits.
        """
        for event in missed(self.pipeline):
            self._ledger.take(event)
        second = self._now_ns() // 1_000_000_000
        if self._judges and second != self._judged_s:
            self._judged_s = second
            self._alerting.second(self._now_ns())
        if self._report is not None:
            self._report.take(self._now_ns())
        if self.sink is not None:
            self.sink.poll()
            while self.sink.full:
                time.sleep(FULL_PAUSE_S)
                self.sink.poll()

    def _fired_by_provider(self) -> dict[str, int]:
        """Alerts that fired; one about a pair counts for both."""
        found: dict[str, int] = {}
        for (_, _, providers), count in self._alerting.fired.items():
            for provider in providers.split(","):
                found[provider] = found.get(provider, 0) + count
        return found

    def _close(self) -> None:
        if self.sink is None:
            return
        within_s = self._settings.sink.close_within_s
        left = self.sink.close(within_s)
        if left:
            raise SinkError(f"{left} records could not be delivered within {within_s} s: raise sink.close_within_s")

    def _fill(self, account: Account, player: Player) -> None:
        counters = self.pipeline.counters()
        account.frames, account.connections = player.frames, player.connections
        account.log_seconds = max(0.0, self._now_s())
        account.lost_frames, account.strays = player.lost_frames, player.strays
        for row in counters["connections"]:
            for status, count in row["statuses"].items():
                account.statuses[status] = account.statuses.get(status, 0) + count
        for path in counters["paths"]:
            for kind in ("trades", "quotes", "bars", "references"):
                account.records[kind] = account.records.get(kind, 0) + path.get(kind, 0)
        account.unknown, account.evaluations = sum(counters["unknown"].values()), counters["evaluations"]
        account.holes = sum(counts.holes for counts in self._ledger.counts.values())
        account.numbers_lost = sum(counts.ended[Status.LOST] for counts in self._ledger.counts.values())
        for (_, severity, _), count in self._alerting.fired.items():
            account.alerts[severity] = account.alerts.get(severity, 0) + count
        if self.writer is not None:
            account.written = {topic: counts.records for topic, counts in self.writer.stats().items()}


def _check_is_new(settings: SinkSettings) -> None:
    """What a replay writes must not be mixed with what is there. Raises ConfigError."""
    files, text = settings.files.path, settings.ndjson.path
    if settings.kind == "files" and next(files.glob("*/*.avro"), None) is not None:
        raise ConfigError(f"{files} has records already: give a new folder with --out, or empty this one")
    if settings.kind == "ndjson" and text is not None and text.exists() and text.stat().st_size:
        raise ConfigError(f"{text} has records already: give a new file with --out, or remove this one")
