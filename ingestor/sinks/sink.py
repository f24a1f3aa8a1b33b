"""What every sink is: the protocol and its counters.

A sink is used from one thread, the loop's, except for stats(), which other threads may call. It never
blocks that loop and never refuses what it is given: it keeps it, and says by `full` that the doors must
stop reading. Nothing here knows Avro or a broker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
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
        """Take one message of `records` records, or a list of messages of one record each. Never raises."""

    def boundary(self) -> None:
        """The writes of one batch boundary are all there: go on with them. Never raises.

        A sink that takes parcels (`outlet`, wire/outlet.pxd; the others have none) is also asked so with each
        wake-up that wrote nothing, to note what has arrived.

        It is called inside a door's callback, where an error would be taken for the provider's.
        """

    def poll(self) -> None:
        """Go on with what is open, several times a second.

        Raises:
            ConfigError: the other side is not as configured; only a person can mend it.
            SinkError: the other side is gone for good.
        """

    def stats(self) -> SinkStats:
        """The counters now. May be called from another thread."""

    def close(self, timeout_s: float) -> int:
        """Deliver what is there, for at most so long; return how many records were left undelivered."""
