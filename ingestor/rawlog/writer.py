"""Writes the segments of a raw log: blocks compressed and checked, rotation, retention, what reaches the disk when.

A block is written by one call, and cut off again when it could not be written whole, so that a reader finds
every block before the last. A segment that was not closed (the process was killed, the power went) is given its
index, and loses its torn tail, when the next recorder opens the folder.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
import zstandard

from ingestor.errors import IngestorError
from ingestor.rawlog.layout import (
    BLOCKS_MAX,
    HEADER_BYTES,
    BlockHead,
    Entry,
    Header,
    pack_block_head,
    pack_header,
    pack_index,
    segment_name,
)
from ingestor.rawlog.reader import read_segment, segment_files

#: Segments of one name in a folder: runs that began within one nanosecond of another.
NAMES_MAX = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rules:
    """When a segment ends, how many are kept, and when bytes must be on the disk."""

    level: int = 1                  # of zstd: 1 is fastest, 19 smallest
    segment_bytes: int = 256_000_000
    segment_s: float = 3600.0       # by receive times
    keep_bytes: int = 0             # of all closed segments together; 0: all are kept
    sync_every_s: float = 1.0       # fsync at most so often; 0: after each block


class BlockLike(Protocol):
    """What is written: block.pyx's Block."""

    @property
    def records(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...


class LogWriter:
    """Appends blocks to a log in `folder`, which is made when absent. For one thread.

    Raises:
        IngestorError: the folder can't be written to.
    """

    def __init__(self, folder: Path, rules: Rules, *, shard: int = 0, session_ns: int = 0,
                 monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._rules, self._shard, self._session_ns = folder, rules, shard, session_ns
        self._monotonic_s = monotonic_s
        self._compressor = zstandard.ZstdCompressor(level=rules.level)
        self._segment: _Segment | None = None
        self._synced_s = monotonic_s()
        self.segments = 0           # begun by this writer
        self.frames = 0             # written
        self.raw_bytes = 0
        self.packed_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            repair(folder)
        except OSError as error:
            raise IngestorError(
                f"can't record to {folder}: {error.strerror}: choose another folder, or make it writable") from error

    def write(self, block: BlockLike) -> None:
        """Append one block. Raises OSError when the disk takes nothing: then it is not there at all."""
        packed = self._compressor.compress(memoryview(block))
        head = BlockHead(len(block), len(packed), block.records, block.frames, block.first_ns, block.last_ns)
        segment = self._segment
        if segment is not None and self._is_full(segment, head):
            self.close()
            self._retain()
            segment = None
        if segment is None:
            segment = self._segment = self._begin(head.first_ns or self._session_ns)
        segment.append(head, packed)
        self.frames += head.frames
        self.raw_bytes += head.raw_bytes
        self.packed_bytes += len(packed)

    def sync_if_due(self) -> None:
        """Bring to the disk what was written, if the last time is so long ago. Raises OSError."""
        if self._monotonic_s() - self._synced_s >= self._rules.sync_every_s:
            self.sync()

    def sync(self) -> None:
        """Bring to the disk what was written. Raises OSError."""
        self._synced_s = self._monotonic_s()
        if self._segment is not None:
            self._segment.sync()

    def close(self) -> None:
        """End the segment with its index; the next block begins a new one. Raises OSError."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _is_full(self, segment: "_Segment", head: BlockHead) -> bool:
        return (segment.size >= self._rules.segment_bytes or len(segment.entries) >= BLOCKS_MAX
                or (head.frames > 0 and head.first_ns - segment.header.first_ns >= self._rules.segment_s * 1e9))

    def _begin(self, first_ns: int) -> "_Segment":
        for _ in range(NAMES_MAX):
            header = Header(self._shard, self.segments, self._session_ns, first_ns)
            self.segments += 1
            try:
                return _Segment(self._folder / segment_name(header), header)
            except FileExistsError:
                continue
        raise FileExistsError(errno.EEXIST, f"{NAMES_MAX} segments of this time are there already")

    def _retain(self) -> None:
        """Delete the oldest closed segments beyond keep_bytes."""
        keep = self._rules.keep_bytes
        files = [(path, path.stat().st_size) for path in segment_files(self._folder)]
        total = sum(size for _, size in files)
        for path, size in files if keep else ():
            if total <= keep:
                break
            path.unlink()
            total -= size
            log.info("raw_segment_deleted", path=str(path), bytes=size, keep_bytes=keep)


class _Segment:
    """One segment being written; locked as long as it is."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.header = path, header
        self.entries: list[Entry] = []
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._append(pack_header(header))
            _sync_folder(path.parent)
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    def append(self, head: BlockHead, packed: bytes) -> None:
        entry = Entry(self.size, head)
        self._append(pack_block_head(head, packed) + packed)
        self.entries.append(entry)

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        try:
            self._append(pack_index(self.entries, self.size))
            self.sync()
        finally:
            os.close(self._file)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, view[written:])
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(data)


def repair(folder: Path) -> None:
    """Cut the torn tail of each segment in `folder` that nobody writes to and nobody closed, and give it its index.

    A segment that is damaged elsewhere is left as it is. Raises OSError.
    """
    for path in segment_files(folder):
        with path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue    # another recorder's, and alive
            found = read_segment(path)
            if found is None or found.indexed or found.damaged:
                continue
            end = found.entries[-1].end if found.entries else HEADER_BYTES
            file.truncate(end)
            file.seek(end)
            file.write(pack_index(found.entries, end))
            file.flush()
            os.fsync(file.fileno())
            log.warning("raw_segment_repaired", path=str(path), blocks=len(found.entries), bytes_cut=found.torn_bytes)


def _sync_folder(folder: Path) -> None:
    """A new file's name must outlive a power cut, too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
