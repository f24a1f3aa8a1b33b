"""What every sink is: the protocol, its counters, and the histogram of acknowledgements.

A sink is used from one thread, the loop's, except for stats(), which other threads may call. It never
blocks that loop and never refuses what it is given: it keeps it, and says by `full` that the doors must
stop reading. Nothing here knows Avro or a broker.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# Seconds. Fine around the promised p50 of 2 ms and p99 of 10 ms, then coarse up to an outage of a minute.
ACK_BOUNDS_S = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25,
                0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    """Counts of durations by upper bound; the last bucket holds what is longer."""

    def __init__(self, bounds_s: tuple[float, ...] = ACK_BOUNDS_S) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float, count: int = 1) -> None:
        """Add `count` records that took so long; a clock that stepped back counts as no time."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(self.bounds_s, seconds)] += count
        self.sum_s += seconds * count

    def as_dict(self) -> dict[str, Any]:
        """Bounds in seconds, counts (one more, for what is beyond), and the sum in seconds."""
        return {"bounds": list(self.bounds_s), "counts": list(self.counts), "sum": self.sum_s}


@dataclass
class TopicStats:
    """Records of one topic since the start, except where messages are named."""

    produced: int = 0       # given to the sink
    delivered: int = 0      # acknowledged
    failed: int = 0         # given up: only on closing, when time ran out
    retries: int = 0        # messages that had to be produced again
    failures: dict[str, int] = field(default_factory=dict)  # messages whose delivery failed at first, by code


@dataclass(frozen=True)
class BrokerStats:
    """One broker as the client sees it."""

    up: bool
    rtt_p50_s: float
    rtt_p99_s: float
    retries: int            # requests sent again


@dataclass(frozen=True)
class SinkStats:
    """A snapshot of a sink's counters. Latencies are from a batch's receive times to its acknowledgement.

    `queue_bytes` is the memory that batches take until they are acknowledged.
    """

    topics: Mapping[str, TopicStats]
    queue_messages: int
    queue_bytes: int
    receive_to_ack: Mapping[str, Any]           # of the oldest record of each batch: an upper bound for all
    receive_to_ack_newest: Mapping[str, Any]    # of the newest: a lower bound
    brokers: Mapping[str, BrokerStats] = field(default_factory=dict)


class Sink(Protocol):
    """Where batches go."""

    @property
    def modes(self) -> Mapping[str, str]:
        """Topics whose form this sink dictates (`container` for files); the others follow their settings."""

    @property
    def prefixes(self) -> Mapping[str, bytes]:
        """What messages of a topic start with; topics that are not named, with Avro's single-object prefix."""

    @property
    def full(self) -> bool:
        """Stop reading from the providers until this is False again."""

    @property
    def ready(self) -> bool:
        """Whether the sink found what it needs. It stays True in an outage: what comes is kept."""

    @property
    def reason(self) -> str:
        """Why it is not ready, or what is wrong now; empty when all is well."""

    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None:
        """Take one message of `records` records, or a list of messages of one record each."""

    def poll(self) -> None:
        """Go on with what is open: at each batch boundary and each few milliseconds.

        Raises:
            ConfigError: the other side is not as configured; only a person can mend it.
            SinkError: the other side is gone for good.
        """

    def stats(self) -> SinkStats:
        """The counters now. May be called from another thread."""

    def close(self, timeout_s: float) -> int:
        """Deliver what is there, for at most so long; return how many records were left undelivered."""
