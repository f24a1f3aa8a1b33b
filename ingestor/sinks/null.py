"""The null sink: counts and drops, for benches of everything before the sink."""

import time
from collections.abc import Callable, Mapping

from ingestor.sinks.histogram import Histogram
from ingestor.sinks.sink import SinkStats, TopicStats


class NullSink:
    """Acknowledges at once. The topics' own modes are kept, so that all but the delivery is done."""

    modes: Mapping[str, str] = {}
    prefixes: Mapping[str, bytes] = {}
    full = False
    ready = True
    reason = ""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._records: dict[str, int] = {}
        self._oldest, self._newest = Histogram(), Histogram()

    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None:
        """Count."""
        self._records[topic] = self._records.get(topic, 0) + records
        now_ns = self._clock_ns()
        self._oldest.observe((now_ns - oldest_recv_ns) / 1e9, records)
        self._newest.observe((now_ns - newest_recv_ns) / 1e9, records)

    def boundary(self) -> None:
        """Nothing is open."""

    def poll(self) -> None:
        """Nothing is open."""

    def stats(self) -> SinkStats:
        """Nothing is ever queued."""
        topics = {topic: TopicStats(records, records) for topic, records in list(self._records.items())}
        return SinkStats(topics, 0, 0, self._oldest.as_dict(), self._newest.as_dict())

    def close(self, timeout_s: float) -> int:
        """Nothing is left."""
        return 0
