"""Raw frames to a log: what `ingestor record` runs, and what a shard with `record.path` set does beside its work.

Nothing that was sent to a provider is recorded, and no URL.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from ingestor._core import Pipeline
from ingestor.errors import ConfigError, IngestorError
from ingestor.feeds.feed import Feed
from ingestor.providers.session import Subscription
from ingestor.rawlog.disk import Disk
from ingestor.rawlog.recorder import Recorder
from ingestor.rawlog.writer import LogWriter, Rules
from ingestor.settings import Configuration
from ingestor.settings.models import RecordSettings
from shards.assembly import feed_settings, plan
from shards.dialects import DIALECTS

#: How often a block is looked at: how much later than its age it may go.
POLL_EVERY_S = 0.25
#: On stopping, for the providers' goodbyes and for what waits for the disk.
FEEDS_STOP_WITHIN_S = 5.0
DISK_WITHIN_S = 15.0

log = structlog.get_logger()


class Recording:
    """A log being written: `tap` goes to the pipeline, poll() is called each few hundred milliseconds on its thread.

    Raises IngestorError when the folder can't be written to.
    """

    def __init__(self, folder: Path, settings: RecordSettings, shard: int) -> None:
        session_ns = time.time_ns()
        self.folder = folder
        self.writer = LogWriter(folder, rules(settings), shard=shard, session_ns=session_ns)
        self.disk = Disk(self.writer)
        self.tap = Recorder(self.disk, session_ns=session_ns, queue_bytes_max=settings.queue_bytes_max)
        self._lost_told = 0
        log.info("raw_log_begun", path=str(folder))

    def poll(self) -> None:
        """Let an old block go, and tell of frames that were lost."""
        self.tap.poll()
        if self.tap.lost_frames > self._lost_told and self.disk.waiting_bytes == 0:
            self._tell_lost()

    def close(self, within_s: float = DISK_WITHIN_S) -> bool:
        """Write what is there; False when something could not be written within the time."""
        self.tap.finish()
        whole = self.disk.close(within_s)
        if self.tap.lost_frames > self._lost_told:
            self._tell_lost()
        log.info("raw_log_ended", path=str(self.folder), frames=self.disk.frames, segments=self.writer.segments)
        return whole

    def _tell_lost(self) -> None:
        log.warning(
            "raw_frames_lost", frames=self.tap.lost_frames - self._lost_told, why="the disk was slower than the feeds")
        self._lost_told = self.tap.lost_frames


def rules(settings: RecordSettings) -> Rules:
    """The log's rules by the configuration."""
    return Rules(
        level=settings.level, segment_bytes=settings.segment_bytes, segment_s=settings.segment_s,
        keep_bytes=settings.keep_bytes, sync_every_s=settings.sync_every_s)


async def record(
    configuration: Configuration, shard: int, recording: Recording, providers: Sequence[str], stop: asyncio.Event, *,
    seconds: float | None, told: Callable[[], object],
) -> None:
    """Open the feeds of the configuration as a shard does, record until `stop` or `seconds`, and close the log.

    `told` is called each POLL_EVERY_S. Raises ConfigError for providers that are not there, IngestorError when the
    disk did not take everything.
    """
    planned = plan(configuration, shard, DIALECTS, time.time_ns())
    pipeline = Pipeline(planned.instruments, None, pricing=planned.pricing.__getitem__)
    pipeline.tap = recording.tap
    feeds = []
    try:
        for name, wanted in chosen(planned.subscriptions, providers).items():
            provider = DIALECTS[name]
            feed = Feed(provider, feed_settings(configuration, provider), partial(pipeline.open, provider))
            feed.set_subscriptions(wanted)
            feeds.append(feed)
        tasks = [asyncio.create_task(feed.run()) for feed in feeds]
        tasks += [asyncio.create_task(work) for work in (_poll(recording, told), _end(stop, seconds))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await _stop(feeds, tasks)
    finally:
        whole = recording.close()
        told()
    if not whole:
        why = recording.disk.trouble or "the disk is too slow"
        raise IngestorError(f"{recording.folder}: not everything was written ({why}): what is there can be replayed")


def chosen(
    subscriptions: Mapping[str, list[Subscription]], providers: Sequence[str],
) -> Mapping[str, list[Subscription]]:
    """What to subscribe to of the named providers; of all when none is named. Raises ConfigError."""
    for name in providers:
        if name not in subscriptions:
            raise ConfigError(
                f"--provider: {name} has no market in this configuration: use {', '.join(sorted(subscriptions))}")
    return {name: wanted for name, wanted in subscriptions.items() if not providers or name in providers}


async def _poll(recording: Recording, told: Callable[[], object]) -> None:
    while True:
        recording.poll()
        told()
        await asyncio.sleep(POLL_EVERY_S)


async def _end(stop: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def _stop(feeds: Sequence[Feed], tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Goodbyes to the providers; then what failed is raised."""
    try:
        await asyncio.wait_for(asyncio.gather(*(feed.stop() for feed in feeds)), FEEDS_STOP_WITHIN_S)
    except TimeoutError:
        log.warning("feeds_not_stopped", within_s=FEEDS_STOP_WITHIN_S)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
