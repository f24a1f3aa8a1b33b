"""What a raw log is on disk: segments of checked, compressed blocks of records, each with an index at its end.

A log is a folder of segments, `raw-<UTC time of the first record>-s<shard>-<number>.rawlog`, which sort by time.
A segment is a row of zstd frames: data in ordinary ones, everything about it in skippable ones, which any zstd
tool passes over, so that `zstd -dc` shows what was received (RFC 8878, section 3.1.2,
https://www.rfc-editor.org/rfc/rfc8878, read November 2026). Numbers are little-endian.

    skippable  HEADER   which recorder, which version
    skippable  BLOCK    sizes, counts, first and last receive time, CRC-32 of itself and of the data behind it
    zstd frame          one block: a TABLE of the connections then open, then records in the order they came
    ...                 further blocks
    skippable  INDEX    where each block is; only a segment that was closed has one

Records, each 16 bytes and its payload: `recv_ns` int64, `size` uint32 of the payload, `connection` uint16,
`kind` uint8, one byte zero.

    FRAME   what a connection brought, as its decoder got it: inflated, joined, gRPC with its method's byte
    OPENED  a connection was opened: JSON [number, id, provider, section, name]
    CLOSED  it ended; its number may be given again
    TABLE   first in each block: JSON, a list of what OPENED says of each open connection. So a block can be
            understood without those before it.
    LOST    frames and bytes (uint64 each) that were received and not recorded, as the disk was too slow

Nothing that we sent is recorded, and no URL: both may hold keys.
"""

import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

#: Rises when an older reader would misread the bytes.
VERSION = 1
MAGIC = b"RAWLOG\r\n"
INDEX_MAGIC = b"RAWINDEX"
SUFFIX = ".rawlog"

#: The largest frame is 16 MB (records.h), a block is handed over when it holds a MB, and the table of 65535
#: connections takes less than the rest.
BLOCK_RAW_BYTES_MAX = 64 << 20
#: zstd's bound for data that can't be compressed is its size and 0.4 %.
BLOCK_PACKED_BYTES_MAX = BLOCK_RAW_BYTES_MAX + (1 << 20)
#: Open at a time, of one recorder: numbers are 16 bits, the last one means none.
CONNECTIONS_MAX = 65_535
#: Of one segment: 4 MB of index. A busy recorder fills a segment with a thousand; the rest is slack for quiet ones.
BLOCKS_MAX = 100_000

SKIPPABLE_HEADER, SKIPPABLE_BLOCK, SKIPPABLE_INDEX = 0x184D2A51, 0x184D2A5B, 0x184D2A5E

_FRAME = struct.Struct("<II")               # magic, bytes of content
_HEADER = struct.Struct("<8sHHIqqI")        # magic, version, shard, number, session, first time, CRC
_BLOCK = struct.Struct("<IIIIqqI")          # raw, packed, records, frames, first, last, CRC
_ENTRY = struct.Struct("<QIIIIqq")          # offset, and a block's head without its CRC
_TRAILER = struct.Struct("<IIQ8s")          # entries, CRC, offset of the index, magic
_RECORD = struct.Struct("<qIHBB")

HEADER_BYTES = _FRAME.size + _HEADER.size
BLOCK_HEAD_BYTES = _FRAME.size + _BLOCK.size
ENTRY_BYTES = _ENTRY.size
TRAILER_BYTES = _TRAILER.size
RECORD_BYTES = _RECORD.size
#: What every block's head starts with: how a reader finds the next one behind damage.
BLOCK_MARK = _FRAME.pack(SKIPPABLE_BLOCK, _BLOCK.size)


class Kind(IntEnum):
    """Of a record."""

    FRAME = 1
    OPENED = 2
    CLOSED = 3
    TABLE = 4
    LOST = 5


class Header(NamedTuple):
    """Of a segment. Segments of one run of a recorder share `session_ns`, its start, and are numbered from 0."""

    shard: int
    number: int
    session_ns: int
    first_ns: int       # receive time of the first record
    version: int = VERSION


class BlockHead(NamedTuple):
    """Of a block. Times are the least and the greatest receive time of its frames, 0 when it has none."""

    raw_bytes: int
    packed_bytes: int
    records: int
    frames: int
    first_ns: int
    last_ns: int


class Entry(NamedTuple):
    """Where a block is in its segment: the offset of its head."""

    offset: int
    head: BlockHead

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + BLOCK_HEAD_BYTES + self.head.packed_bytes


def segment_name(header: Header) -> str:
    """A segment's file name."""
    seconds, rest_ns = divmod(header.first_ns, 1_000_000_000)
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{rest_ns:09d}Z"
    return f"raw-{stamp}-s{header.shard}-{header.number:06d}{SUFFIX}"


def pack_header(header: Header) -> bytes:
    """The first bytes of a segment."""
    fields = (MAGIC, header.version, header.shard, header.number, header.session_ns, header.first_ns)
    checksum = zlib.crc32(_HEADER.pack(*fields, 0)[:-4])
    return _FRAME.pack(SKIPPABLE_HEADER, _HEADER.size) + _HEADER.pack(*fields, checksum)


def unpack_header(data: bytes) -> Header | None:
    """The header at the start of `data`; None: these bytes are none. A newer version may mean other bytes."""
    if len(data) < HEADER_BYTES or data[:_FRAME.size] != _FRAME.pack(SKIPPABLE_HEADER, _HEADER.size):
        return None
    magic, version, shard, number, session_ns, first_ns, checksum = _HEADER.unpack_from(data, _FRAME.size)
    if magic != MAGIC or checksum != zlib.crc32(data[_FRAME.size:HEADER_BYTES - 4]):
        return None
    return Header(shard, number, session_ns, first_ns, version)


def pack_block_head(head: BlockHead, packed: bytes) -> bytes:
    """What stands before the compressed data of a block."""
    return BLOCK_MARK + _BLOCK.pack(*head, _checksum(head, packed))


def unpack_block_head(data: bytes) -> tuple[BlockHead, int] | None:
    """The head of a block at the start of `data`, and its checksum; None: there is none that can be right."""
    if len(data) < BLOCK_HEAD_BYTES or not data.startswith(BLOCK_MARK):
        return None
    *fields, checksum = _BLOCK.unpack_from(data, _FRAME.size)
    head = BlockHead(*fields)
    if head.raw_bytes > BLOCK_RAW_BYTES_MAX or head.packed_bytes > BLOCK_PACKED_BYTES_MAX:
        return None
    return head, checksum


def is_whole(head: BlockHead, checksum: int, packed: bytes) -> bool:
    """Whether head and data are what was written."""
    return len(packed) == head.packed_bytes and _checksum(head, packed) == checksum


def pack_index(entries: Sequence[Entry], offset: int) -> bytes:
    """The last bytes of a closed segment; they will stand at `offset`."""
    rows = b"".join(_ENTRY.pack(entry.offset, *entry.head) for entry in entries)
    trailer = _TRAILER.pack(len(entries), zlib.crc32(rows), offset, INDEX_MAGIC)
    return _FRAME.pack(SKIPPABLE_INDEX, len(rows) + len(trailer)) + rows + trailer


def index_bytes(trailer: bytes, size: int) -> int:
    """How many bytes at the end of a file of `size` are its index, by its last TRAILER_BYTES; 0: it has none."""
    if len(trailer) != TRAILER_BYTES:
        return 0
    count, _, offset, magic = _TRAILER.unpack(trailer)
    length = int(_FRAME.size + count * ENTRY_BYTES + TRAILER_BYTES)
    return length if magic == INDEX_MAGIC and count <= BLOCKS_MAX and offset + length == size else 0


def unpack_index(data: bytes) -> list[Entry] | None:
    """The entries of an index; None: it is not what was written."""
    rows = data[_FRAME.size:-TRAILER_BYTES]
    count, checksum, offset, _ = _TRAILER.unpack_from(data, len(data) - TRAILER_BYTES)
    if zlib.crc32(rows) != checksum or data[:_FRAME.size] != _FRAME.pack(SKIPPABLE_INDEX, len(data) - _FRAME.size):
        return None
    entries = [Entry(first, BlockHead(*head)) for first, *head in _ENTRY.iter_unpack(rows)]
    ends = [HEADER_BYTES, *(entry.end for entry in entries)]
    in_a_row = all(entry.offset == end for entry, end in zip(entries, ends, strict=False))
    return entries if in_a_row and len(entries) == count and ends[-1] == offset else None


def pack_record(kind: Kind, connection: int, recv_ns: int, payload: bytes) -> bytes:
    """One record. For tests and tools; a recorder's are made in block.pyx."""
    return _RECORD.pack(recv_ns, len(payload), connection, kind, 0) + payload


def records(raw: bytes) -> list[tuple[Kind, int, int, bytes]]:
    """(kind, connection, recv_ns, payload) of each record of a block's raw bytes. For tests and tools."""
    found, at = [], 0
    while at < len(raw):
        recv_ns, size, connection, kind, _ = _RECORD.unpack_from(raw, at)
        found.append((Kind(kind), connection, recv_ns, raw[at + RECORD_BYTES:at + RECORD_BYTES + size]))
        at += RECORD_BYTES + size
    return found


def _checksum(head: BlockHead, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(_BLOCK.pack(*head, 0)[:-4]))
