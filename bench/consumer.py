"""The consumer's process: a real Feed and Pipeline, and a Writer and sink where wanted, on the product's loop.

Stands in for the shard's worker with one provider, so that a bench can read its clocks from inside.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from bench.markets import binance as binance_tables
from bench.processes import Parent
from ingestor._core import Pipeline
from ingestor.feeds.feed import ConnectionState, Feed, FeedSettings
from ingestor.feeds.loop import run
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.unify.instruments import Instruments

WATCH_EVERY_S = 0.003   # how often progress is looked at (30 us each): the resolution of the end of a run
TICK_EVERY_S = 0.005    # the worker's timer: lingering batches, delivery reports
STALLED_AFTER_S = 30.0  # nothing new for so long: something is lost


@dataclass(slots=True)
class Task:
    """What to consume. `tables` and `sink` are called in the child."""

    dialect: str
    url: str
    count: int                              # frames that will come, one record each
    subscriptions: tuple[Subscription, ...]
    tables: Callable[[], Instruments] = binance_tables
    sink: Callable[[], Any] | None = None   # (Writer, sink), or None


def binance_task(dialect: str, url: str, count: int, sink: Callable[[], Any] | None = None) -> Task:
    """BTCUSDT's trades and best bids and asks from a local provider."""
    session = load(dialect).session
    wanted = tuple(
        Subscription(channel, "BTCUSDT", session.endpoint_section(channel, "")) for channel in ("trade", "bookTicker"))
    return Task(dialect, url, count, wanted, sink=sink)


def consume(parent: Parent, task: Task) -> None:
    """Subscribe, consume, answer what was measured."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    run(_consume(parent, task))


async def _consume(parent: Parent, task: Task) -> None:
    provider = load(task.dialect)
    writer, sink = task.sink() if task.sink else (None, None)
    pipeline = Pipeline(task.tables(), writer)
    feed = Feed(provider, FeedSettings(url=task.url), partial(pipeline.open, provider))
    feed.set_subscriptions(task.subscriptions)
    running = asyncio.ensure_future(feed.run())
    ticking = asyncio.ensure_future(_tick(pipeline, sink))
    try:
        parent.send(await _measure(task, pipeline, feed, sink))
    finally:
        ticking.cancel()
        await feed.stop()
        await running
        await asyncio.gather(ticking, return_exceptions=True)
        if sink is not None:
            sink.close(10.0)


async def _tick(pipeline: Pipeline, sink: Any) -> None:
    while True:
        pipeline.tick(time.time_ns())
        if sink is not None:
            sink.poll()
        await asyncio.sleep(TICK_EVERY_S)


async def _measure(task: Task, pipeline: Pipeline, feed: Feed, sink: Any) -> dict[str, Any]:
    """From the first sight of data to the last frame priced, and to the last record delivered."""
    await _until(lambda: sum(link.state is ConnectionState.LIVE for link in feed.stats()), lambda live: live == 1, 0)
    seen = await _until(lambda: _records(pipeline), lambda records: records > 0, -1)
    begun_ns, cpu_s = time.monotonic_ns(), time.process_time()
    records = await _until(lambda: _records(pipeline), lambda records: records >= task.count, seen)
    found: dict[str, Any] = {
        "records": records, "counted": records - seen, "seconds": (time.monotonic_ns() - begun_ns) / 1e9,
        "cpu_s": time.process_time() - cpu_s}
    if sink is not None:
        pipeline.flush(time.time_ns())
        await _until(lambda: _undelivered(sink), lambda left: left == 0, -1)
        found["delivered_s"] = (time.monotonic_ns() - begun_ns) / 1e9
        found["delivered_cpu_s"] = time.process_time() - cpu_s
        found["delivered"] = {name: topic.delivered for name, topic in sink.stats().topics.items()}
    counters = pipeline.counters()
    found["refused"] = counters["quarantined"]
    found["unwritten"] = counters["unwritten"]
    found["gaps"] = sum(path["gaps"] + path["duplicates"] for path in counters["paths"])
    found["evaluations"] = counters["evaluations"]
    found["fairs"] = {fair["instrument"]: fair["price"] for fair in pipeline.fairs() if fair["status"] != "UNAVAILABLE"}
    return found


def _records(pipeline: Pipeline) -> int:
    return sum(path["trades"] + path["quotes"] for path in pipeline.counters()["paths"])


def _undelivered(sink: Any) -> int:
    sink.poll()
    return sum(topic.produced - topic.delivered for topic in sink.stats().topics.values())


async def _until(look: Callable[[], int], enough: Callable[[int], bool], before: int) -> int:
    """Look until it is enough; fails when nothing moves for STALLED_AFTER_S."""
    moved_at = time.monotonic()
    while not enough(now := look()):
        if now != before:
            before, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > STALLED_AFTER_S:
            raise TimeoutError(f"nothing moved for {STALLED_AFTER_S} s, at {now}")
        await asyncio.sleep(WATCH_EVERY_S)
    return now
