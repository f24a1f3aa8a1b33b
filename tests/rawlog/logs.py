"""Small raw logs for tests: blocks of a few frames, written by the real writer."""

import json
from pathlib import Path

from ingestor.rawlog.block import Block
from ingestor.rawlog.layout import Kind, records
from ingestor.rawlog.reader import RawLog
from ingestor.rawlog.writer import LogWriter, Rules

SECOND = 1_000_000_000
T0 = 1_786_562_940 * SECOND
ROW = [0, "1-1", "binance-spot", "", "c0"]


def block(*frames: tuple[int, bytes], rows: list[list[object]] | None = None) -> Block:
    """A block of frames (receive time, payload) of connection 0, which its table says is open."""
    made = Block()
    made.add(Kind.TABLE, 0, T0, json.dumps([ROW] if rows is None else rows).encode())
    for recv_ns, payload in frames:
        made.add(Kind.FRAME, 0, recv_ns, payload)
    return made


def write(folder: Path, *blocks: Block, close: bool = True, **rules: float) -> list[Path]:
    """A log of these blocks; the paths of its segments. `close` False leaves the last one as a crash would."""
    writer = LogWriter(folder, Rules(**rules), session_ns=T0)
    for each in blocks:
        writer.write(each)
    if close:
        writer.close()
    else:
        writer.sync()
        WRITERS.append(writer)
    return sorted(folder.iterdir())


#: Keeps the segments of crashed writers open, as their lock is what tells them from dead ones.
WRITERS: list[LogWriter] = []


def payloads(path: Path, **options: bool) -> list[bytes]:
    """The payloads of all frames that a log gives back."""
    return [payload for raw in RawLog(path, **options).blocks()
            for kind, _, _, payload in records(raw) if kind is Kind.FRAME]
