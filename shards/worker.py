"""The worker: wires one shard's rooms together, runs them on one loop, and ends them in order.

The only place where things are wired: settings -> instruments -> writer -> sink -> pipeline -> feeds,
what ends each turn of the loop, and the HTTP server. Ends on SIGTERM or SIGINT: the
feeds say goodbye, the pipeline is flushed, the sink delivers what it has, each within a bound.
"""

import asyncio
import gc
import math
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog

from ingestor import logs
from ingestor._core import Pipeline
from ingestor.alerting import Alerting
from ingestor.edition import Edition
from ingestor.errors import IngestorError, InternalError, SinkError
from ingestor.feeds import loop
from ingestor.feeds.backfill import Backfill
from ingestor.feeds.feed import Feed
from ingestor.feeds.fetch import HistorySettings
from ingestor.http import Server, serve
from ingestor.metrics import Metrics
from ingestor.readiness import Readiness
from ingestor.settings import Configuration
from ingestor.sinks import open_sink
from ingestor.sinks.sink import Sink
from ingestor.wire.quality import QualityTopic
from ingestor.wire.writer import Writer
from shards.assembly import Plan, feed_settings, history_settings, plan, watch
from shards.dialects import DIALECTS
from shards.recording import Recording
from shards.reference import Reference, source_of
from shards.view import View

#: Saying goodbye takes a round trip; a provider that does not answer must not hold up the end.
FEEDS_STOP_WITHIN_S = 5.0
#: The connections' stats and the readiness are taken so often: as often as anyone scrapes.
WATCH_EVERY_S = 1.0
#: A sink's own upkeep; what waits in it goes on at each turn.
POLL_EVERY_S = 0.05
#: What the data says is wrong (unknown symbols, refused frames) is told so often, if it went on.
TELL_EVERY_S = 60.0
#: Judging ten thousand instruments of three providers takes 30 ms: in so many parts, none holds a frame up for long.
JUDGED_IN_PARTS = 20
#: Of unknown symbols, so many are named in a line of the log.
NAMED_MAX = 10

STOPPING = (signal.SIGTERM, signal.SIGINT)


def run_shard(configuration: Configuration, shard: int) -> int:
    """Run a shard to its end; the exit status. Raises IngestorError for what the operator can mend."""
    settings = configuration.settings
    epoch = int(time.time())    # rises with each start, until the control plane gives epochs
    providers = settings.providers.values()
    to_stdout = settings.sink.kind == "ndjson" and settings.sink.ndjson.path is None
    logs.configure(
        settings.log.level, settings.log.format, sys.stderr if to_stdout else sys.stdout,
        secrets=[each.get_secret_value() for each in (
            settings.sink.kafka.password, settings.reference.redis.password, *(each.key for each in providers))],
        shard=shard, epoch=epoch)
    worker = Worker(configuration, shard, epoch)
    try:
        return loop.run(worker.run(), coalesce_us=settings.pipeline.coalesce_us)
    except IngestorError:
        raise
    except Exception as error:
        structlog.get_logger().exception("shard_failed")
        raise InternalError(
            f"shard {shard} failed by a fault of its own ({type(error).__name__}: {error}): report shard_failed of the "
            "log") from error


class Worker:
    """One shard. `run()` is its whole life."""

    def __init__(self, configuration: Configuration, shard: int, epoch: int) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._shard = shard
        self._epoch = epoch
        self._log = structlog.get_logger()
        self._view = View(shard, self._settings.sink.kind)
        self._readiness = Readiness(
            pipeline=self._view.is_built, sink=self._view.sink_state, links=self._view.links,
            reference=self._view.reference_state)
        self._feeds: dict[str, Feed] = {}
        self._histories: dict[str, HistorySettings] = {}
        self._recording: Recording | None = None
        self._reference: Reference | None = None
        self._fed: asyncio.TaskGroup | None = None      # what runs the feeds
        self._told = (0, 0)

    async def run(self) -> int:
        """Start, run until a signal, stop; the exit status."""
        stop = asyncio.Event()
        for number in STOPPING:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number, stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)
        server = self._serve()
        try:
            return await self._run(stop)
        finally:
            server.close()

    def _on_signal(self, number: signal.Signals, stop: asyncio.Event) -> None:
        if not stop.is_set():
            self._log.info("shard_stopping", signal=signal.Signals(number).name)
        stop.set()

    def _on_hangup(self) -> None:
        if self._reference is not None:
            self._reference.look_soon()

    def _serve(self) -> Server:
        metrics = Metrics(self._view, instrument_labels=self._settings.metrics.instrument_labels)
        http = self._settings.http
        server = serve(
            http.host, http.port, metrics=metrics.render, health=self._view.heartbeat_age_s, ready=self._readiness,
            prices=metrics.prices, alerts=self._view.alerts)
        host, port = server.address
        self._log.info("http_listening", host=host, port=port)
        return server

    async def _run(self, stop: asyncio.Event) -> int:
        planned_ns = time.time_ns()
        planned = plan(self._configuration, self._shard, DIALECTS, planned_ns)
        settings = self._settings
        sink = open_sink(settings.sink, settings.sink_topics(), settings.topics.prefix, self._shard, self._epoch)
        self._view.sink_ = sink
        try:
            pipeline = self._view.pipeline = self._pipeline(self._configuration, planned, sink)
            self._record(pipeline)
            self._subscribe(planned, self._new_feeds(planned, pipeline))
            quality = QualityTopic(
                sink, self._shard, self._epoch, time.time_ns, self._configuration.reference_version)
            backfill = self._view.backfill = Backfill(pipeline, quality, self._histories)
            self._view.alerting_ = alerting = Alerting(
                watch(self._configuration, pipeline, self._view.links_now, lambda: self._view.reading_paused),
                pipeline, quality, self._log)
            self._reference = self._view.reference = Reference(
                self._configuration, source_of(self._configuration),
                partial(self._edition, pipeline, sink, backfill, quality), planned_ns=planned_ns)
        except BaseException:
            sink.close(0.0)
            raise
        # What was built lives as long as the process: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        self._log.info(
            "shard_started", instruments=len(planned.instruments.rows), sink=settings.sink.kind,
            subscriptions={name: len(wanted) for name, wanted in planned.subscriptions.items()})
        works: list[Coroutine[Any, Any, object]] = [
            stop.wait(), self._tick(pipeline, sink), self._watch(pipeline), self._judge(alerting), backfill.run(),
            self._feed(), self._reference.run()]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = await self._end(tasks, pipeline, sink)
        if left:
            raise SinkError(
                f"{left} records could not be delivered within {settings.sink.close_within_s} s: "
                "see sink errors in the log, or raise sink.close_within_s")
        return 0

    def _pipeline(self, configuration: Configuration, planned: Plan, sink: Sink) -> Pipeline:
        settings = self._settings
        writer = Writer(sink, settings.topic_settings(), self._shard, self._epoch, configuration.reference_version)
        return Pipeline(
            planned.instruments, writer, fair_every_ms=settings.pricing.fair_every_ms,
            quarantine_max=settings.pipeline.quarantine_max, pricing=planned.pricing.__getitem__)

    def _record(self, pipeline: Pipeline) -> None:
        settings = self._settings.record
        if settings.path is not None:
            self._view.recording_ = self._recording = Recording(
                settings.path / f"s{self._shard}", settings, self._shard)
            pipeline.tap = self._recording.tap

    def _edition(
        self, pipeline: Pipeline, sink: Sink, backfill: Backfill, quality: QualityTopic, configuration: Configuration,
    ) -> Callable[[], None]:
        """Build other reference data aside, in a thread; what then puts it into force, on the loop."""
        now_ns = time.time_ns()     # what one shard refuses, all refuse: each plans for all
        planned = [plan(configuration, shard, DIALECTS, now_ns) for shard in range(self._settings.shards)][self._shard]
        aside = self._pipeline(configuration, planned, sink)
        edition = Edition(pipeline, aside)
        if self._view.alerting_ is not None:
            self._view.alerting_.watch.prepare(aside)
        feeds = self._new_feeds(planned, pipeline)

        def commit() -> None:
            backfill.poll()
            edition.swap(time.time_ns())
            backfill.follow(edition.succession.subscriptions_to)
            quality.reference_version = configuration.reference_version
            self._subscribe(planned, feeds)
            gc.freeze()

        return commit

    def _new_feeds(self, planned: Plan, pipeline: Pipeline) -> dict[str, Feed]:
        """Of providers that had no feed. Raises ConfigError for one that can't work."""
        feeds = {}
        for name in planned.subscriptions.keys() - self._feeds.keys():
            provider = DIALECTS[name]
            settings = feed_settings(self._configuration, provider)
            logs.hide([settings.key])
            self._histories[name] = history_settings(self._configuration, provider)
            feeds[name] = Feed(provider, settings, partial(pipeline.open, provider))
        return feeds

    def _subscribe(self, planned: Plan, feeds: dict[str, Feed]) -> None:
        """Tell each feed what is wanted of it now, and let the new ones begin."""
        self._feeds = self._view.feeds = {**self._feeds, **feeds}
        for name, feed in self._feeds.items():
            feed.set_subscriptions(planned.subscriptions.get(name, ()))
        for feed in feeds.values():
            if self._view.reading_paused:
                feed.pause_reading()
            if self._fed is not None:
                self._fed.create_task(feed.run())
        self._view.subscribed = True

    async def _feed(self) -> None:
        """Run the feeds, those too that come later."""
        async with asyncio.TaskGroup() as self._fed:
            for feed in self._feeds.values():
                self._fed.create_task(feed.run())
            await asyncio.Event().wait()

    async def _tick(self, pipeline: Pipeline, sink: Sink) -> None:
        """The end of each turn of the loop, and each few milliseconds without input: what was read is settled,
        lingering batches leave, delivery reports and the back-pressure are looked at.
        """
        running = asyncio.get_running_loop()
        assert isinstance(running, loop.EventLoop)
        failed: asyncio.Future[None] = running.create_future()
        every_s = self._settings.pipeline.tick_every_ms / 1000
        polled_s = -POLL_EVERY_S

        def turn() -> float:
            nonlocal polled_s
            if failed.done():
                return every_s
            try:
                pipeline.tick(time.time_ns())
                self._view.beat()
                if running.time() - polled_s >= POLL_EVERY_S:
                    polled_s = running.time()
                    sink.poll()
                if sink.full != self._view.reading_paused:
                    self._press_back(sink.full)
            except Exception as error:
                failed.set_exception(error)
            return every_s

        def listen() -> None:
            try:
                pipeline.listen(time.time_ns())
            except Exception as error:
                if not failed.done():
                    failed.set_exception(error)

        pipeline.turns = True
        running.each_turn(turn, listen)
        try:
            await failed
        finally:
            running.each_turn(None)
            pipeline.turns = False

    def _press_back(self, full: bool) -> None:
        self._view.reading_paused = full
        for feed in self._feeds.values():
            if full:
                feed.pause_reading()
            else:
                feed.resume_reading()
        self._log.warning("reading_paused" if full else "reading_resumed")

    async def _watch(self, pipeline: Pipeline) -> None:
        """What people look at, and what they should be told."""
        told_at = time.monotonic()
        while True:
            self._view.take_links()
            self._readiness()
            if self._recording is not None:
                self._recording.poll()
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                self._tell(pipeline)
            await asyncio.sleep(WATCH_EVERY_S)

    async def _judge(self, alerting: Alerting) -> None:
        """What is wrong with the data, once a second, beginning in its middle, a part after the other."""
        while True:
            begins_s = math.floor(time.time() + 0.5) + 0.5
            for part in range(JUDGED_IN_PARTS):
                until_s = begins_s + part / JUDGED_IN_PARTS - time.time()
                await asyncio.sleep(min(max(0.0, until_s), 1.0))    # the clock may step back
                alerting.second(time.time_ns(), part, JUDGED_IN_PARTS)

    def _tell(self, pipeline: Pipeline) -> None:
        counters = pipeline.counters()
        unknown, refused = sum(counters["unknown"].values()), counters["quarantined"]
        if unknown > self._told[0]:
            named = [f"{row['provider']}:{row['symbol']}" for row in pipeline.unknown()[-NAMED_MAX:]]
            self._log.warning("records_without_instrument", records=unknown - self._told[0], symbols=named)
        if refused > self._told[1]:
            last = pipeline.quarantine()[-1]
            self._log.warning(
                "frames_refused", frames=refused - self._told[1], last_provider=last["provider"],
                last_status=last["status"])
        self._told = (unknown, refused)

    async def _end(self, tasks: Sequence[asyncio.Task[object]], pipeline: Pipeline, sink: Sink) -> int:
        """Stop the parts in the order of the data; the number of records that were not delivered.

        A part that failed does not keep the others from delivering; its error is raised at the end.
        """
        goodbyes = asyncio.gather(*(feed.stop() for feed in self._feeds.values()))
        try:
            await asyncio.wait_for(goodbyes, FEEDS_STOP_WITHIN_S)
        except TimeoutError:
            self._log.warning("feeds_not_stopped", within_s=FEEDS_STOP_WITHIN_S)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        self._view.take_links()
        if self._view.alerting_ is not None:
            self._view.alerting_.finish()
        pipeline.flush(time.time_ns())
        if self._recording is not None:
            self._recording.close()
        left = sink.close(self._settings.sink.close_within_s)
        self._log.info("shard_stopped", undelivered=left)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        return left
