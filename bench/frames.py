"""The frames that the benches feed: captured ones where they exist, generated ones of the same form where not.

A bench says which it used. Captures are found as the tests find them: INGESTOR_CAPTURES, or
../shared/captures beside the repository.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.generated import ACKNOWLEDGED, walk
from bench.measure import ROOT
from ingestor.decode import Decoder

BINANCE_FILES = {
    "binance-spot": ("binance-spot.hft-btcusdt-2023-04-05.jsonl", "binance-spot.hft-btcusdt-2024-08-08.jsonl"),
    "binance-usdm": ("binance-usdm.hft-btcusdt-2023-04-05.jsonl", "binance-usdm.hft-btcusdt-2024-08-08.jsonl"),
}
#: A dialect with fewer captured records than this is measured on generated frames.
CAPTURED_MIN = 50
GENERATED = 20_000


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one dialect. `source` is `captured` or `generated`; `before` is what a connection must hear first."""

    dialect: str
    source: str
    frames: list[bytes]
    recv_ns: list[int]
    before: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def bytes_mean(self) -> float:
        return sum(map(len, self.frames)) / len(self.frames)

    def first(self, count: int) -> "Frames":
        return Frames(self.dialect, self.source, self.frames[:count], self.recv_ns[:count], self.before)

    def about(self) -> dict[str, object]:
        return {"source": self.source, "frames": len(self), "bytes_mean": round(self.bytes_mean, 1)}


def captures() -> Path | None:
    """The folder of captured frames, where there is one."""
    folder = Path(os.environ.get("INGESTOR_CAPTURES", ROOT / ".." / "shared" / "captures"))
    return folder if folder.is_dir() else None


def received(file: Path) -> Iterator[tuple[int, bytes]]:
    """(receive time in ns, frame) of each frame that a recorder received."""
    with file.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["dir"] == "in":
                yield line["ts_ns"] or 0, line["raw"].encode()


def recordings(folder: Path, dialect: str) -> list[Path]:
    """The captured files of a dialect."""
    if dialect in BINANCE_FILES:
        return [folder / name for name in BINANCE_FILES[dialect]]
    return sorted(folder.glob(f"{dialect}.*.jsonl"))


def recorded(dialect: str) -> Frames:
    """Frames of a dialect that hold at least one record, in captured order."""
    folder = captures()
    decoder = Decoder(dialect)
    kept: list[tuple[int, bytes]] = []
    before: list[bytes] = []
    for file in () if folder is None else recordings(folder, dialect):
        decoder.reset()
        for pair in received(file):
            status, records = decoder.decode(pair[1])
            if records:
                kept.append(pair)
            elif dialect in ACKNOWLEDGED and status == "control":
                before.append(pair[1])
    if len(kept) < CAPTURED_MIN:
        return generated(dialect, GENERATED)
    return Frames(dialect, "captured", [frame for _, frame in kept], [ns for ns, _ in kept], tuple(before))


def binance(dialect: str) -> Frames:
    """The captured trades and best bids and asks of BTCUSDT of a Binance dialect, nothing else."""
    folder = captures()
    if folder is None:
        return generated(dialect, GENERATED)
    kept = [
        pair for file in BINANCE_FILES[dialect] for pair in received(folder / file)
        if b"@trade" in pair[1][:40] or b"@bookTicker" in pair[1][:40]]
    return Frames(dialect, "captured", [frame for _, frame in kept], [ns for ns, _ in kept])


def generated(dialect: str, count: int) -> Frames:
    """`count` frames of the dialect's documented form."""
    frames, recv_ns = walk(dialect, count)
    return Frames(dialect, "generated", frames, recv_ns, tuple(map(str.encode, ACKNOWLEDGED.get(dialect, ()))))
