"""The files sink: Avro container files, one a topic at a time, rotated by size and age. The embedded default.

    <path>/trades/trades-20261120T101112.123456789Z-s0-e1.avro

Names sort by time. A block is written by one call and holds whole records, so that a reader of a file
whose writer died finds every block but a torn last one. A batch counts as delivered when its block was
written; a file is fsynced when it is closed, so that a machine that loses power can lose what the open
file has in the page cache. When the disk is full or gone, records wait in memory, and writing is tried
again.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ingestor.errors import SinkError
from ingestor.settings import FilesSettings
from ingestor.sinks.container import SYNC_BYTES, block, compressor, header
from ingestor.sinks.outbox import Batch, Outbox
from ingestor.sinks.sink import SinkStats
from ingestor.wire.schemas import schema_name, schema_text
from ingestor.wire.topics import ALL_TOPICS

BLOCK_BYTES = 64 * 1024         # datums of many instruments share a block; compressing it takes about a millisecond
BLOCK_AGE_S = 0.25              # the longest that a batch waits for company
HELD_BYTES_MAX = 256 << 20      # in memory while the disk takes nothing: then the doors stop reading
HELD_BATCHES_MAX = 1_000_000
AGAIN_S = 1.0                   # between two tries on a disk that takes nothing
NAMES_MAX = 1000                # files begun within one nanosecond: a clock that stands still

log = structlog.get_logger()


class OpenFile:
    """One container file that blocks are appended to."""

    def __init__(self, path: Path, schema: str, codec: str, opened_s: float, sync: bytes) -> None:
        self.path, self.opened_s = path, opened_s
        self.size = 0
        self._sync = sync
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            self._append(header(schema, codec, self._sync))
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    def write(self, records: int, data: bytes) -> None:
        """Append one block, whole or not at all."""
        self._append(block(records, data, self._sync))

    def _append(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, memoryview(data)[written:])
        except OSError:
            # A part of a block would hide all blocks behind it.
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Bring it to the disk."""
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)


@dataclass
class Gathering:
    """What the next blocks of one topic will hold."""

    since_s: float
    batches: deque[Batch] = field(default_factory=deque)
    size: int = 0

    def take(self) -> list[Batch]:
        """The oldest batches, as many as make a block. They stay until drop()."""
        taken, size = [], 0
        for batch in self.batches:
            taken.append(batch)
            size += batch.size
            if size >= BLOCK_BYTES:
                break
        return taken

    def drop(self, taken: list[Batch]) -> None:
        """These were written."""
        for batch in taken:
            self.batches.popleft()
            self.size -= batch.size


class FilesSink:
    """Writes to the folder `settings.path`, made when absent.

    Raises:
        SinkError: the folder can't be made or written to.
    """

    modes: Mapping[str, str] = dict.fromkeys(ALL_TOPICS, "container")
    prefixes: Mapping[str, bytes] = {}

    def __init__(self, settings: FilesSettings, prefix: str = "", *, shard: int = 0, epoch: int = 0,
                 clock_ns: Callable[[], int] = time.time_ns, monotonic_s: Callable[[], float] = time.monotonic,
                 random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._settings, self._prefix = settings, prefix
        self._random_bytes = random_bytes
        self._writer = f"s{shard}-e{epoch}"
        self._clock_ns, self._monotonic_s = clock_ns, monotonic_s
        self._compress = compressor(settings.compression)
        self._outbox = Outbox(HELD_BYTES_MAX, HELD_BATCHES_MAX)
        self._files: dict[str, OpenFile] = {}
        self._gathered: dict[str, Gathering] = {}
        self._again_s = 0.0
        self._trouble = ""
        self._check()

    def _check(self) -> None:
        try:
            self._settings.path.mkdir(parents=True, exist_ok=True)
            probe = self._settings.path / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SinkError(
                f"sink.files.path: can't write to {self._settings.path}: {error.strerror}: choose another folder, "
                "or make it writable", retryable=False) from error

    # What the worker asks.

    @property
    def full(self) -> bool:
        """Memory holds as much as it may, and the disk takes nothing."""
        return self._outbox.full

    @property
    def ready(self) -> bool:
        """The disk takes what it is given."""
        return not self._trouble

    @property
    def reason(self) -> str:
        """What the disk said."""
        return self._trouble

    def stats(self) -> SinkStats:
        """The counters now."""
        outbox = self._outbox
        return SinkStats(outbox.topics(), outbox.messages, outbox.bytes, outbox.receive_to_ack.as_dict(),
                         outbox.receive_to_ack_newest.as_dict())

    # Writing.

    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None:
        """Gather the batch into the topic's next block."""
        self._outbox.put(topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns)
        self._gather()

    def boundary(self) -> None:
        """Blocks are written as they fill."""

    def poll(self) -> None:
        """Write blocks that are old enough, close files that are."""
        now_s = self._monotonic_s()
        for topic, gathering in list(self._gathered.items()):
            if now_s - gathering.since_s >= BLOCK_AGE_S:
                self._write_blocks(topic, 1)
        for topic, file in list(self._files.items()):
            if now_s - file.opened_s >= self._settings.rotate_s:
                self._close(topic)

    def _gather(self) -> None:
        for batch in self._outbox.take():
            gathering = self._gathered.get(batch.topic)
            if gathering is None:
                gathering = self._gathered[batch.topic] = Gathering(self._monotonic_s())
            gathering.batches.append(batch)
            gathering.size += batch.size
            if gathering.size >= BLOCK_BYTES:
                self._write_blocks(batch.topic, BLOCK_BYTES)

    def _write_blocks(self, topic: str, least: int) -> None:
        """Write what is gathered, until less than `least` bytes of it are left."""
        gathering = self._gathered[topic]
        while gathering.size >= least and not (self._trouble and self._monotonic_s() < self._again_s):
            taken = gathering.take()
            try:
                self._write_block(topic, taken)
            except OSError as error:
                self._stumble(topic, error)
                return
            gathering.drop(taken)
        gathering.since_s = self._monotonic_s()
        if not gathering.batches:
            del self._gathered[topic]

    def _write_block(self, topic: str, batches: list[Batch]) -> None:
        data = self._compress(b"".join(
            batch.payload if isinstance(batch.payload, bytes) else b"".join(batch.payload) for batch in batches))
        file = self._files.get(topic) or self._open(topic)
        file.write(sum(batch.records for batch in batches), data)
        if self._trouble:
            self._trouble = ""
            log.info("files_writable_again", path=str(self._settings.path))
        self._outbox.acknowledge(batches, self._clock_ns())
        if file.size >= self._settings.rotate_bytes:
            self._close(topic)

    def _open(self, topic: str) -> OpenFile:
        name = self._prefix + topic
        folder = self._settings.path / name
        folder.mkdir(parents=True, exist_ok=True)
        for later_ns in range(NAMES_MAX):
            path = folder / f"{name}-{_stamp(self._clock_ns() + later_ns)}-{self._writer}.avro"
            if not path.exists():
                break
        self._files[topic] = OpenFile(
            path, schema_text(schema_name(topic, "container")), self._settings.compression, self._monotonic_s(),
            self._random_bytes(SYNC_BYTES))
        return self._files[topic]

    def _stumble(self, topic: str, error: OSError) -> None:
        """The disk took nothing: keep all, and try again later, in a new file."""
        code = error.strerror or type(error).__name__
        self._outbox.note_failure(topic, code, 1)
        if not self._trouble:
            log.error("files_not_writable", path=str(self._settings.path), why=code)
        self._trouble = f"can't write to {self._settings.path}: {code}: records wait in memory"
        self._again_s = self._monotonic_s() + AGAIN_S
        self._close(topic)

    def _close(self, topic: str) -> None:
        file = self._files.pop(topic, None)
        if file is None:
            return
        try:
            file.close()
        except OSError as error:
            log.error("file_not_synced", path=str(file.path), why=error.strerror)

    def close(self, timeout_s: float) -> int:
        """Write what is gathered, trying for at most so long; close the files; return the records left."""
        end_s = self._monotonic_s() + timeout_s
        while True:
            self._again_s = 0.0
            for topic in list(self._gathered):
                self._write_blocks(topic, 1)
            if not self._outbox.records or self._monotonic_s() + AGAIN_S > end_s:
                break
            time.sleep(AGAIN_S)
        for topic in list(self._files):
            self._close(topic)
        left = self._outbox.give_up()
        if left:
            log.error("files_records_left", records=left, why=self._trouble)
        return left


def _stamp(at_ns: int) -> str:
    """UTC to the nanosecond, as text that sorts by time."""
    seconds, rest_ns = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{rest_ns:09d}Z"
