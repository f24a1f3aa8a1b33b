"""Files of raw frames: opened whatever their compression, cut into lines, decoded with a state a connection.

What `ingestor decode` does, without the printing. A line is of the captures' layout or one bare frame.
"""

import gzip
import io
import json
import zlib
from base64 import b64decode
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import zstandard

from ingestor.decode import Decoder
from ingestor.errors import IngestorError

#: Read at once: large enough that lines cost little, small enough that a slow pipe is shown at once.
CHUNK_BYTES = 1 << 18
#: The largest frame is 16 MB; each byte of it may be written as the six of \u0000.
LINE_BYTES_MAX = 100_000_000
#: Connections whose state is kept; the one unused for longest goes first. A day's log has hundreds.
CONNECTIONS_MAX = 4096
#: What is sound, though it yields no record.
SOUND = ("decoded", "ignored", "control")


@contextmanager
def opened(file: str) -> Iterator[Any]:
    """A readable binary file; `-` is standard input. gzip and zstd are unpacked. Raises OSError."""
    with ExitStack() as stack:
        raw = stack.enter_context(open(0 if file == "-" else file, "rb", buffering=0, closefd=file != "-"))
        source: Any = io.BufferedReader(raw)
        head = source.peek(4)[:4]
        if head[:2] == b"\x1f\x8b":
            source = stack.enter_context(gzip.GzipFile(fileobj=source))
        elif head == b"\x28\xb5\x2f\xfd":
            source = stack.enter_context(zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True))
        yield source


def batches(source: Any) -> Iterator[list[bytes]]:
    """Lines without their ends, as many at once as are there. What goes beyond LINE_BYTES_MAX is cut off.

    Raises IngestorError when the compressed data is broken.
    """
    parts: list[bytes] = []     # of the line that has not ended yet
    size = 0
    while chunk := _read(source):
        *lines, tail = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*parts, lines[0]))[:LINE_BYTES_MAX]
            yield lines
            parts, size = [], 0
        if size <= LINE_BYTES_MAX:
            parts.append(tail)
            size += len(tail)
    if size:
        yield [b"".join(parts)[:LINE_BYTES_MAX]]


def _read(source: Any) -> bytes:
    try:
        chunk: bytes = source.read1(CHUNK_BYTES)
        return chunk
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise IngestorError(f"the compressed frames are broken ({error}): unpack or copy the file again") from error


class Decoding:
    """Lines to records of one dialect, and the count of what became of each frame."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._decoders: OrderedDict[str, Decoder] = OrderedDict()
        self._bare = Decoder(dialect)
        self._binary = self._bare.provider.transport == "grpc"
        self._rounded = 0       # of decoders that are gone
        self.frames: Counter[str] = Counter()   # by status
        self.records_count = 0

    @property
    def malformed(self) -> int:
        """Frames that were refused."""
        return sum(count for status, count in self.frames.items() if status not in SOUND)

    def records(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The records of the lines, in order. Empty lines are skipped."""
        for line in lines:
            line = line.removesuffix(b"\r")
            if line:
                yield from self._line(line)

    def summary(self) -> Iterator[str]:
        """What became of the frames, for people: one line, and one more if something was refused."""
        sound = ", ".join(f"{status} {self.frames[status]}" for status in SOUND)
        rounded = self._rounded + sum(each.rounded for each in (self._bare, *self._decoders.values()))
        yield (
            f"{self._dialect}: frames {self.frames.total()}: {sound}, malformed {self.malformed}; "
            f"records {self.records_count}, decimals rounded {rounded}")
        if self.malformed:
            refused = (f"{status} {count}" for status, count in self.frames.most_common() if status not in SOUND)
            yield f"{self._dialect}: malformed: {', '.join(refused)}"

    def _line(self, line: bytes) -> list[dict[str, Any]]:
        decoder, frame, recv_ns = self._bare, line, 0
        if b'"raw"' in line and b'"dir"' in line and (row := captured(line)) is not None:
            if row["dir"] != "in":
                if row["dir"] == "open":
                    self._decoder(str(row.get("conn", ""))).reset()
                return []
            decoder = self._decoder(str(row.get("conn", "")))
            recv_ns = captured_ns(row.get("ts_ns"))
            frame = row["raw"].encode("utf-8", "surrogatepass")
        if self._binary:
            try:
                frame = b64decode(frame, validate=True)
            except ValueError:
                self.frames["no_base64"] += 1
                return []
        status, records = decoder.decode(frame, recv_ns)
        self.frames[status] += 1
        self.records_count += len(records)
        found: list[dict[str, Any]] = records
        return found

    def _decoder(self, connection: str) -> Decoder:
        decoder = self._decoders.pop(connection, None)
        if decoder is None:
            decoder = Decoder(self._dialect)
            if len(self._decoders) >= CONNECTIONS_MAX:
                self._rounded += self._decoders.popitem(last=False)[1].rounded
        self._decoders[connection] = decoder
        return decoder


def captured(line: bytes) -> dict[str, Any] | None:
    """A line of the captures' layout; None for a bare frame."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("raw"), str) and "dir" in row else None


def captured_ns(value: object) -> int:
    """`ts_ns` of a line; 0 when it has none."""
    return value if isinstance(value, int) and -(2**63) < value < 2**63 else 0
