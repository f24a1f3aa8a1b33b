"""What is fuzzed: every registered dialect's decoder against its twin, and the scan leaves against Python's own.

A target runs one input inside the measured code and judges what came out afterwards. A new dialect is a target by
standing in the registry, with its samples and its twin; a reader that is no dialect's is added to OTHERS.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.http2 import Http2Frames
from fuzz.mutations import INPUT_BYTES_MAX, JOIN, by_fields, by_tokens
from fuzz.readers import READERS
from fuzz.target import GOOD, Place, Target, Wrong
from reference.dialect import Dialect
from reference.twins import TWINS
from samples import SAMPLES

from ingestor.decode import Decoder
from ingestor.providers.registry import MODULES

OTHERS: dict[str, Callable[[], Target]] = {**READERS, Http2Frames.name: Http2Frames}
CAPTURED_PER_FILE = 60
CAPTURED_BYTES_MAX = 1500


class DoubledKey(Exception):
    """What a frame with the same key twice means is not defined."""


def refuse_doubled(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise DoubledKey


def has_doubled_keys(frame: bytes) -> bool:
    try:
        json.loads(frame.decode("utf-8", "surrogateescape"), object_pairs_hook=refuse_doubled)
    except DoubledKey:
        return True
    except (ValueError, RecursionError):
        pass
    return False


def captured_frames(dialect: str, captures: Path) -> list[bytes]:
    """Of each captured file some frames from its beginning and its middle."""
    frames = []
    names = (f"{dialect}.*.jsonl", f"fixtures/{dialect}.*.jsonl", f"fixtures/{dialect}-normalized.*.jsonl")
    for file in sorted(found for name in names for found in captures.glob(name)):
        with file.open() as lines:
            raws = [line["raw"].encode() for line in map(json.loads, lines) if line["dir"] == "in"]
        half = CAPTURED_PER_FILE // 2
        frames += raws[:half] + raws[len(raws) // 2:len(raws) // 2 + half]
    return [frame for frame in dict.fromkeys(frames) if 0 < len(frame) <= CAPTURED_BYTES_MAX]


class DialectTarget(Target):
    """A dialect's decoder. An input is what one connection receives: frames, joined where the dialect keeps state."""

    def __init__(self, dialect: str) -> None:
        self.name = dialect
        self._twin = TWINS[dialect]()
        self._decoder = Decoder(dialect)
        self._stateful = type(self._twin).reset is not Dialect.reset
        self.structure = by_tokens if any(s.frame[:1] in (b"{", b"[") for s in SAMPLES[dialect]) else by_fields

    def seeds(self, captures: Path | None) -> list[bytes]:
        frames = [JOIN.join((*sample.before, sample.frame)) for sample in SAMPLES[self.name] if sample.frame]
        frames += captured_frames(self.name, captures) if captures else []
        if self._stateful:      # in the order they came: acknowledgements before data
            frames += [JOIN.join(frames[i:i + 3]) for i in range(0, len(frames) - 1, 2)]
        return [frame for frame in frames if len(frame) <= INPUT_BYTES_MAX]

    def frames(self, data: bytes) -> list[bytes]:
        return data.split(JOIN) if self._stateful else [data]

    def run(self, data: bytes, place: Place) -> list[tuple[str, list[Any]]]:
        self._decoder.reset()
        return [self._decoder.decode_at(place(frame), len(frame)) for frame in self.frames(data)]

    def is_worth_judging(self, found: list[tuple[str, list[Any]]]) -> bool:
        return any(records for _, records in found)

    def judge(self, data: bytes, found: list[tuple[str, list[Any]]]) -> str:
        self._twin.reset()
        for frame, (status, records) in zip(self.frames(data), found, strict=True):
            wanted = self._twin.decode(frame)
            if (status in GOOD or wanted[1]) and (status, records) != wanted:
                if self.structure is by_tokens and has_doubled_keys(frame):
                    return "doubled key"    # and what follows may depend on what it was taken for
                raise Wrong(f"{self.name}: {frame!r}\n  decoder {status} {records}\n  twin    {wanted}")
        return found[-1][0]


def names() -> list[str]:
    """Every dialect that has a twin and samples, then the readers that are no dialect's."""
    return [*(dialect for dialect in MODULES if dialect in TWINS and dialect in SAMPLES), *OTHERS]


def target(name: str) -> Target:
    return OTHERS[name]() if name in OTHERS else DialectTarget(name)

