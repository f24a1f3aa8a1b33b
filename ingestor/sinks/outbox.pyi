"""Types of outbox.pyx."""

from collections.abc import Sequence

from ingestor.sinks.histogram import Histogram
from ingestor.sinks.sink import TopicStats
from ingestor.wire.outlet import Outlet

BATCH_BYTES: int
MESSAGE_BYTES: int

class Batch:
    number: int
    topic: str
    key: bytes
    slot: int
    payload: bytes | list[bytes]
    records: int
    oldest_recv_ns: int
    newest_recv_ns: int
    messages: int
    size: int

class Outbox(Outlet):
    bytes: int
    messages: int
    records: int
    delivered: int
    receive_to_ack: Histogram
    receive_to_ack_newest: Histogram
    full: bool
    def __init__(
        self, bytes_max: int, messages_max: int, window_bytes: int = ..., window_messages: int = ...) -> None: ...
    def put(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,  # type: ignore[valid-type]
            newest_recv_ns: int) -> None: ...
    def note_failure(self, topic: str, code: str, messages: int) -> None: ...
    def topics(self) -> dict[str, TopicStats]: ...
    def take(self, bytes_max: int = ..., messages_max: int = ...) -> list[Batch]: ...
    def acknowledge(self, batches: Sequence[Batch], now_ns: int) -> None: ...
    def take_back(self) -> int: ...
    def give_up(self) -> int: ...
