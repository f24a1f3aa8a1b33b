"""Reads the segments of a raw log, whatever state a crash or a bad disk left them in.

A segment that was closed is read by its index, one that was not by its blocks. Every block's checksum is compared
before anything of it is used. What follows the last whole block of a segment without an index is a torn tail:
it is cut, and told. A block that is not whole with whole ones behind it, or in a closed segment, is damage,
which is an error unless the reader is told to salvage what is left.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog
import zstandard

from ingestor.errors import IngestorError
from ingestor.rawlog.layout import (
    BLOCK_HEAD_BYTES,
    BLOCK_MARK,
    HEADER_BYTES,
    SUFFIX,
    TRAILER_BYTES,
    VERSION,
    Entry,
    Header,
    index_bytes,
    is_whole,
    unpack_block_head,
    unpack_header,
    unpack_index,
)

#: Read at once while looking for the next block behind damage.
SEARCH_BYTES = 1 << 20

log = structlog.get_logger()


class NotALog(IngestorError):
    """The file or folder is no raw log, or one of a newer version."""


class DamagedLog(IngestorError):
    """A block is not what was written."""


@dataclass(frozen=True, slots=True)
class SegmentFound:
    """A segment and where its whole blocks are. `damaged`: offsets that are not what was written."""

    path: Path
    header: Header
    size: int
    entries: list[Entry]
    indexed: bool               # it was closed
    torn_bytes: int             # behind the last whole block
    damaged: tuple[int, ...] = ()

    @property
    def frames(self) -> int:
        return sum(entry.head.frames for entry in self.entries)


def segment_files(folder: Path) -> list[Path]:
    """The files of a folder that are named as segments, in order of time."""
    return sorted(path for path in folder.iterdir() if path.name.startswith("raw-") and path.suffix == SUFFIX)


def read_segment(path: Path) -> SegmentFound | None:
    """What a segment holds; None when the file is too short to have a header: a crash at its very beginning.

    Raises:
        NotALog: the file is another's, or of a newer version.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = unpack_header(file.read(HEADER_BYTES))
        if header is None:
            if size < HEADER_BYTES:
                return None
            raise NotALog(f"{path}: this is no raw log: give a file or folder that `ingestor record` has written")
        if header.version > VERSION:
            raise NotALog(
                f"{path}: a raw log of version {header.version}; this program reads up to {VERSION}: update it")
        entries = _indexed(file, size)
        if entries is not None:
            return SegmentFound(path, header, size, entries, True, 0)
        entries, damaged = _scanned(file, size)
    end = entries[-1].end if entries else HEADER_BYTES
    return SegmentFound(path, header, size, entries, False, size - end, tuple(damaged))


class RawLog:
    """A whole log: one segment file, or a folder of them. `salvage`: damage is told and passed over, not raised.

    Raises:
        NotALog: there is no log, or one of a newer version.
        DamagedLog: by blocks(), at the first damage.
        OSError: a file can't be read.
    """

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        self.path, self._salvage = path, salvage
        files = segment_files(path) if path.is_dir() else [path]
        found = [read_segment(file) for file in files]
        self.segments: Sequence[SegmentFound] = [segment for segment in found if segment is not None]
        self.bytes = sum(segment.size for segment in self.segments)     # on the disk
        self.frames = sum(segment.frames for segment in self.segments)  # in whole blocks
        self.torn_bytes = sum(segment.torn_bytes for segment in self.segments)
        self.done_bytes = 0             # of them, while blocks() runs
        self.blocks_skipped = 0
        if not self.segments:
            raise NotALog(_nothing(path, files))

    @property
    def first_ns(self) -> int:
        """Receive time of the first frame's block; of the recorder's start when there is no frame."""
        heads = (entry.head for segment in self.segments for entry in segment.entries if entry.head.frames)
        first = next(heads, None)
        return self.segments[0].header.session_ns if first is None else first.first_ns

    def blocks(self) -> Iterator[bytes]:
        """The raw bytes of each block, in order; see layout.py for the records in them."""
        decompressor = zstandard.ZstdDecompressor()
        begun = 0
        for segment in self.segments:
            damaged = list(segment.damaged)
            with segment.path.open("rb") as file:
                for entry in segment.entries:
                    while damaged and damaged[0] < entry.offset:
                        self._damage(segment, damaged.pop(0))
                    raw = _raw(file, entry, decompressor)
                    if raw is None:
                        self._damage(segment, entry.offset)
                    else:
                        self.done_bytes = begun + entry.end
                        yield raw
            begun += segment.size

    def _damage(self, segment: SegmentFound, offset: int) -> None:
        if not self._salvage:
            raise DamagedLog(
                f"{segment.path}: the block at offset {offset} is damaged (its checksum is wrong): copy the file "
                "again, or read what is left with --salvage")
        self.blocks_skipped += 1
        log.warning("raw_block_skipped", path=str(segment.path), offset=offset)


def _nothing(path: Path, files: Sequence[Path]) -> str:
    """What to say of a log without a segment."""
    if files:
        return f"{path}: a segment that was never written to, so that there is nothing to replay"
    shards = sorted(each for each in path.iterdir() if each.is_dir() and segment_files(each))
    if shards:
        return f"{path}: the logs of {len(shards)} shards: give one of them, as {shards[0]}"
    return f"{path}: no segments (raw-*.rawlog): give a file or folder that `ingestor record` has written"


def _raw(file: BinaryIO, entry: Entry, decompressor: zstandard.ZstdDecompressor) -> bytes | None:
    """A block's records; None when it is not whole."""
    file.seek(entry.offset)
    data = file.read(BLOCK_HEAD_BYTES + entry.head.packed_bytes)
    head = unpack_block_head(data)
    packed = data[BLOCK_HEAD_BYTES:]
    if head is None or head[0] != entry.head or not is_whole(*head, packed):
        return None
    try:
        # A frame that says it is larger must not be believed: the memory is bounded by the block's own head.
        if zstandard.frame_content_size(packed) != entry.head.raw_bytes:
            return None
        raw = decompressor.decompress(packed)
    except zstandard.ZstdError:
        return None
    return raw if len(raw) == entry.head.raw_bytes else None


def _indexed(file: BinaryIO, size: int) -> list[Entry] | None:
    """The entries by the index; None: there is no whole one."""
    if size < HEADER_BYTES + TRAILER_BYTES:
        return None
    file.seek(size - TRAILER_BYTES)
    length = index_bytes(file.read(TRAILER_BYTES), size)
    if length == 0:
        return None
    file.seek(size - length)
    return unpack_index(file.read(length))


def _scanned(file: BinaryIO, size: int) -> tuple[list[Entry], list[int]]:
    """The whole blocks, and the offsets of what is no block though one follows."""
    entries: list[Entry] = []
    damaged: list[int] = []
    offset = HEADER_BYTES
    while offset < size:
        entry = _whole(file, offset)
        if entry is None:
            following = _next_whole(file, offset + 1, size)
            if following is None:
                break
            damaged.append(offset)
            offset = following
        else:
            entries.append(entry)
            offset = entry.end
    return entries, damaged


def _whole(file: BinaryIO, offset: int) -> Entry | None:
    file.seek(offset)
    head = unpack_block_head(file.read(BLOCK_HEAD_BYTES))
    if head is None or not is_whole(*head, file.read(head[0].packed_bytes)):
        return None
    return Entry(offset, head[0])


def _next_whole(file: BinaryIO, offset: int, size: int) -> int | None:
    """The offset of the next whole block at `offset` or behind it."""
    while offset < size:
        file.seek(offset)
        chunk = file.read(SEARCH_BYTES)
        at = chunk.find(BLOCK_MARK)
        while at >= 0:
            if _whole(file, offset + at) is not None:
                return offset + at
            at = chunk.find(BLOCK_MARK, at + 1)
        if len(chunk) < SEARCH_BYTES:
            return None
        offset += SEARCH_BYTES - len(BLOCK_MARK) + 1
    return None
