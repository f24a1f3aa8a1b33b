"""Captured frames, in the captures' line layout, as the blocks of a raw log: for `record --import` and `replay`.

Several files are merged by their receive times; the lines of one file keep their order. A connection of the log
is what one `conn` of one file brought of one market section, from one `open` line to the next. Lines that were
sent, and addresses, are left out.
"""

import heapq
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ingestor.errors import ConfigError, IngestorError
from ingestor.rawlog.block import Block
from ingestor.rawlog.layout import CONNECTIONS_MAX, Kind
from ingestor.simulator.captures import section_of
from shards.dialects import DIALECTS
from shards.frames import batches, captured, captured_ns, opened

BLOCK_BYTES = 1 << 20
#: Frames beyond have a time that nobody can have meant; a pipeline's times end in the year 2262.
TIME_MAX_NS = 1 << 62


class Line(NamedTuple):
    """A line that concerns the log: an opening, or a frame."""

    at_ns: int
    file: int
    connection: str
    frame: bytes | None         # None: the connection was opened
    section: str


class Captures:
    """Files of captured frames. `dialect` empty: each file is named after its own, `<dialect>.<anything>`.

    Raises:
        ConfigError: a file's dialect is not known.
        OSError: a file can't be read.
        IngestorError: by first_ns and blocks(), for a line that is no captured frame.
    """

    def __init__(self, files: Sequence[Path], dialect: str = "") -> None:
        self._files = [(path, dialect or _dialect_of(path)) for path in files]
        if dialect and dialect not in DIALECTS:
            raise ConfigError(f"unknown dialect {dialect!r}: use one of {', '.join(sorted(DIALECTS))}")
        self.bytes = sum(path.stat().st_size for path in files)
        self.done_bytes = 0         # of the files, unpacked
        self.path = files[0]

    @property
    def first_ns(self) -> int:
        """Receive time of the first frame, 0 without one."""
        return next((line.at_ns for line in self._lines() if line.frame is not None), 0)

    def blocks(self) -> Iterator[Block]:
        """The blocks of the log, each with its table first."""
        self.done_bytes = 0
        blocks = _Blocks([dialect for _, dialect in self._files])
        for line in self._lines():
            blocks.take(line)
            if len(blocks.block) >= BLOCK_BYTES:
                yield blocks.turn()
        if blocks.block.frames:
            yield blocks.turn()

    def _lines(self) -> Iterator[Line]:
        files = [self._lines_of(number, *file) for number, file in enumerate(self._files)]
        return heapq.merge(*files, key=lambda line: line.at_ns)

    def _lines_of(self, file: int, path: Path, dialect: str) -> Iterator[Line]:
        binary = DIALECTS[dialect].transport == "grpc"
        addresses: dict[str, str] = {}
        at_ns = 0       # a line without a time has that of the one before
        with opened(str(path)) as source:
            texts = (text for lines in batches(source) for text in lines)
            for number, text in enumerate(texts, 1):
                self.done_bytes += len(text) + 1
                if not text.strip():
                    continue
                row = captured(text)
                if row is None:
                    raise IngestorError(f"{path}: line {number} is no captured frame: {_LAYOUT}")
                at_ns = _bounded(captured_ns(row.get("ts_ns"))) or at_ns
                connection = str(row.get("conn", ""))
                if row["dir"] == "open":
                    addresses[connection] = str(row.get("addr", ""))
                    yield Line(at_ns, file, connection, None, "")
                elif row["dir"] == "in":
                    frame = row["raw"].encode("utf-8", "surrogatepass")
                    section = section_of(dialect, addresses.get(connection), row["raw"])
                    yield Line(at_ns, file, connection, _binary(frame, path, number) if binary else frame, section)


_LAYOUT = 'a line is {"ts_ns", "dir", "conn", "raw"}; bare frames have no time, see `ingestor decode`'


class _Blocks:
    """Fills blocks, and keeps account of the connections and their numbers."""

    def __init__(self, dialects: Sequence[str]) -> None:
        self._dialects = dialects
        self._numbers: dict[tuple[int, str, str], int] = {}     # (file, conn, section)
        self._rows: dict[int, list[object]] = {}                # as a table says them
        self._free: list[int] = []
        self._opened = 0
        self.block = self._begin(0)
        self._at_ns = 0

    def take(self, line: Line) -> None:
        self._at_ns = line.at_ns
        if line.frame is None:
            for key in [key for key in self._numbers if key[:2] == (line.file, line.connection)]:
                self._close(key, line.at_ns)
            return
        key = (line.file, line.connection, line.section)
        number = self._numbers.get(key)
        if number is None:
            number = self._open(key, line.at_ns)
        self.block.add(Kind.FRAME, number, line.at_ns, line.frame)

    def turn(self) -> Block:
        """The block, and a new one in its place."""
        full, self.block = self.block, self._begin(self._at_ns)
        return full

    def _begin(self, at_ns: int) -> Block:
        block = Block(BLOCK_BYTES + BLOCK_BYTES // 8)
        block.add(Kind.TABLE, 0, at_ns, json.dumps(list(self._rows.values())).encode())
        return block

    def _open(self, key: tuple[int, str, str], at_ns: int) -> int:
        file, connection, section = key
        number = self._free.pop() if self._free else len(self._numbers)
        if number >= CONNECTIONS_MAX:
            raise IngestorError(f"the files have more than {CONNECTIONS_MAX} connections at a time: take fewer files")
        self._opened += 1
        self._numbers[key] = number
        self._rows[number] = [number, f"import-{self._opened}", self._dialects[file], section, connection]
        self.block.add(Kind.OPENED, number, at_ns, json.dumps(self._rows[number]).encode())
        return number

    def _close(self, key: tuple[int, str, str], at_ns: int) -> None:
        number = self._numbers.pop(key)
        del self._rows[number]
        self._free.append(number)
        self.block.add(Kind.CLOSED, number, at_ns, b"")


def is_capture(path: Path) -> bool:
    """Whether a file has lines of the captures' layout: its first line that is not empty has."""
    with opened(str(path)) as source:
        texts = (text for lines in batches(source) for text in lines if text.strip())
        return any(captured(text) is not None for text in islice(texts, 1))


def _dialect_of(path: Path) -> str:
    name = path.name.partition(".")[0]
    if name not in DIALECTS:
        raise ConfigError(
            f"{path}: which dialect? Name captured files DIALECT.*, as in binance-spot.monday.jsonl, or give --dialect")
    return name


def _binary(frame: bytes, path: Path, number: int) -> bytes:
    try:
        return b64decode(frame, validate=True)
    except ValueError as error:
        raise IngestorError(f"{path}: line {number} should hold base64, as its dialect is binary ({error})") from error


def _bounded(at_ns: int) -> int:
    return at_ns if 0 <= at_ns <= TIME_MAX_NS else 0
