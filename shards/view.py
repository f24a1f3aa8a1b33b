"""What people see of a running shard: the numbers of its parts, handed to metrics, readiness and HTTP.

Asked from the server's threads, at any time between the first line of a start and the last of a stop.
"""

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from ingestor._core import Pipeline
from ingestor.alerting import Alerting
from ingestor.feeds.backfill import Backfill
from ingestor.feeds.feed import Feed, LinkStats
from ingestor.metrics import Facts
from ingestor.sinks.sink import Sink
from shards.recording import Recording
from shards.reference import Reference


class View:
    """The parts, as far as they are there, and the heartbeat of the loop. ingestor.metrics.Source."""

    def __init__(self, shard: int, sink_kind: str) -> None:
        self.pipeline: Pipeline | None = None
        self.sink_: Sink | None = None
        self.feeds: Mapping[str, Feed] = {}
        self.backfill: Backfill | None = None
        self.recording_: Recording | None = None
        self.reference: Reference | None = None
        self.alerting_: Alerting | None = None
        self.reading_paused = False
        self.subscribed = False     # every feed knows what it wants
        self._shard = shard
        self._sink_kind = sink_kind
        self._version = version("ingestor")
        self._started_s = time.time()
        self._beaten_at = time.monotonic()
        self._links: Mapping[str, Sequence[LinkStats]] = {}

    def beat(self) -> None:
        """The loop turns. Called on it, each tick."""
        self._beaten_at = time.monotonic()

    def take_links(self) -> None:
        """Note the connections' stats, which only the loop may read."""
        self._links = self.links_now()

    def links_now(self) -> Mapping[str, Sequence[LinkStats]]:
        """The connections' stats by provider. For the loop's thread."""
        return {name: feed.stats() for name, feed in self.feeds.items()}

    def heartbeat_age_s(self) -> float:
        return time.monotonic() - self._beaten_at

    def is_built(self) -> bool:
        return self.pipeline is not None and self.subscribed

    def sink_state(self) -> tuple[bool, str]:
        """Whether the sink takes records, and why not."""
        return (False, "not opened yet") if self.sink_ is None else (self.sink_.ready, self.sink_.reason)

    def reference_state(self) -> tuple[bool, str]:
        """Whether what the source of the reference data says is in force, and why not."""
        return (True, "") if self.reference is None else self.reference.condition()

    def alerts(self) -> Mapping[str, Any]:
        """The page /alerts."""
        return {"shard": self._shard, **({} if self.alerting_ is None else self.alerting_.page())}

    # ingestor.metrics.Source

    def counters(self) -> Mapping[str, Any]:
        return {} if self.pipeline is None else self.pipeline.counters()

    def fairs(self) -> Sequence[Mapping[str, Any]]:
        return [] if self.pipeline is None else self.pipeline.fairs()

    def writer(self) -> Mapping[str, Any] | None:
        writer = None if self.pipeline is None else self.pipeline.writer
        return None if writer is None else writer.stats()

    def sink(self) -> Any:
        return None if self.sink_ is None else self.sink_.stats()

    def links(self) -> Mapping[str, Sequence[LinkStats]]:
        return self._links

    def gaps(self) -> Any:
        return self.backfill

    def recording(self) -> Any:
        return self.recording_

    def alerting(self) -> Any:
        return self.alerting_

    def facts(self) -> Facts:
        reference = self.reference
        return Facts(
            version=self._version, shard=self._shard, started_s=self._started_s,
            heartbeat_age_s=self.heartbeat_age_s(), reading_paused=self.reading_paused, sink=self._sink_kind,
            sink_ready=self.sink_state()[0], reference_version=0 if reference is None else reference.version,
            reference_current=self.reference_state()[0], reference_swaps=0 if reference is None else reference.swaps,
            reference_refused=0 if reference is None else reference.refused)
