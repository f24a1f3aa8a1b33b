"""A small coverage-guided fuzzer: an input that takes a new edge of the compiled code is kept, and mutated further.

Written for a machine with gcc and nothing else: atheris and libFuzzer need clang's instrumentation for C. It runs in a
process of its own, with the sanitizers loaded, because a finding of theirs ends it; the input of each run is written
down before (`running`), so that the one that ended it is known.
"""

import ctypes
import mmap
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from fuzz.mutations import INPUT_BYTES_MAX, mutated
from fuzz.target import GOOD, Target, Wrong

JUDGED_SHARE = 8            # one in so many of the runs that need no judgement is judged
FINDINGS_MAX = 5            # then a target is given up: they would be the same again
FAVOURED = 64               # the newest of the corpus, which half of the picks go to


class Coverage:
    """The edges taken, from coverage.c; without it (a plain build) nothing is ever new."""

    def __init__(self, library: Path) -> None:
        self.c = ctypes.CDLL(str(library))
        self.c.fuzz_place.restype = ctypes.c_void_p
        self.c.fuzz_place.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
        self.c.fuzz_edges.restype = self.c.fuzz_edges_seen.restype = ctypes.c_size_t
        self._edges = (ctypes.c_uint32 * (1 << 15))()

    def place(self, data: bytes) -> int:
        return int(self.c.fuzz_place(data, len(data)) or 0)

    def edges(self) -> frozenset[int]:
        """Of the last run."""
        return frozenset(self._edges[:self.c.fuzz_edges(self._edges)])

    @property
    def seen(self) -> int:
        return int(self.c.fuzz_edges_seen())


@dataclass
class Report:
    """What a search did."""

    target: str
    runs: int = 0
    judged: int = 0
    seconds: float = 0.0
    edges: int = 0
    corpus: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)       # of the runs that were judged
    findings: list[str] = field(default_factory=list)

    def line(self) -> str:
        good = sum(self.outcomes.get(name, 0) for name in GOOD)
        return (f"{self.target:18} {self.runs:9,} runs  {self.judged:9,} judged ({self.judged - good:,} refused)  "
                f"{self.edges:5} edges  {self.corpus:4} kept  {len(self.findings)} findings  {self.seconds:.0f} s")


class Running:
    """The input being run, in a file that outlives the process."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w+b")
        self._file.truncate(INPUT_BYTES_MAX + 8)
        self._map = mmap.mmap(self._file.fileno(), INPUT_BYTES_MAX + 8)

    def note(self, data: bytes) -> None:
        self._map[8:8 + len(data)] = data
        self._map[:8] = len(data).to_bytes(8, "little")

    def close(self) -> None:
        self._map.close()
        self._file.close()

    @staticmethod
    def read(file: Path) -> bytes:
        kept = file.read_bytes()
        return kept[8:8 + int.from_bytes(kept[:8], "little")]


class Search:
    """One target's search, with its corpus in `folder`."""

    def __init__(self, target: Target, coverage: Coverage, folder: Path, chance: random.Random) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.target, self.coverage, self.folder, self.chance = target, coverage, folder, chance
        self.corpus: list[bytes] = []
        self.running = Running(folder.with_suffix(".running"))
        self.report = Report(target.name)

    def go(self, captures: Path | None, seconds: float, runs_max: int) -> Report:
        """Until either limit, or too many findings."""
        start = time.monotonic()
        kept = [file.read_bytes() for file in sorted(self.folder.iterdir())]
        for data in (*self.target.seeds(captures), *kept):
            self.try_one(data[:INPUT_BYTES_MAX])
        seeds = self.corpus or [b""]
        for data in self.inputs(seeds):
            if (self.report.runs >= runs_max or len(self.report.findings) >= FINDINGS_MAX
                    or (self.report.runs % 64 == 0 and time.monotonic() - start >= seconds)):
                break
            self.try_one(data)
        self.keep_smallest()
        self.running.close()
        self.report.seconds = time.monotonic() - start
        self.report.edges, self.report.corpus = self.coverage.seen, len(self.corpus)
        return self.report

    def inputs(self, seeds: list[bytes]) -> Iterator[bytes]:
        pool = self.corpus or seeds
        chance = self.chance
        while True:
            newest = max(0, len(pool) - FAVOURED) if chance.random() < 0.5 else 0
            data = pool[chance.randrange(newest, len(pool))]
            yield mutated(data, pool[chance.randrange(len(pool))], chance, self.target.structure)

    def try_one(self, data: bytes) -> None:
        """Run it, judge it, keep it when it is news."""
        self.running.note(data)
        self.report.runs += 1
        self.coverage.c.fuzz_begin()
        try:
            found = self.target.run(data, self.coverage.place)
        finally:
            news = self.coverage.c.fuzz_end()
        if news:
            self.corpus.append(data)
        if news or self.report.runs % JUDGED_SHARE == 0 or self.target.is_worth_judging(found):
            self.report.judged += 1
            try:
                outcome = self.target.judge(data, found)
                self.report.outcomes[outcome] = self.report.outcomes.get(outcome, 0) + 1
            except Wrong:
                self.report.findings.append(str(self.shrunk(data)))

    def shrunk(self, data: bytes) -> Wrong:
        """The shortest input still wrong that leaving out pieces leads to."""
        wrong, size = Wrong(), max(1, len(data) // 2)
        while size:
            at = 0
            while at < len(data):
                less = data[:at] + data[at + size:]
                if self.wrong_with(less):
                    data = less
                else:
                    at += size
            size //= 2
        wrong = self.wrong_with(data) or wrong
        (self.folder.parent / f"wrong-{self.target.name}-{sha256(data).hexdigest()[:12]}").write_bytes(data)
        return wrong

    def wrong_with(self, data: bytes) -> Wrong | None:
        try:
            self.target.judge(data, self.target.run(data, self.coverage.place))
        except Wrong as wrong:
            return wrong
        return None

    def keep_smallest(self) -> None:
        """Leave in the folder a small set of short inputs that takes every edge the corpus takes."""
        covered: set[int] = set()
        smallest: list[bytes] = []
        for data in sorted(dict.fromkeys(self.corpus), key=len):
            self.running.note(data)
            self.coverage.c.fuzz_begin()
            self.target.run(data, self.coverage.place)
            self.coverage.c.fuzz_end()
            if not (edges := self.coverage.edges()) <= covered:
                covered |= edges
                smallest.append(data)
        names = {sha256(data).hexdigest()[:20]: data for data in smallest}
        for file in self.folder.iterdir():
            if file.name not in names:
                file.unlink()
        for name, data in names.items():
            (self.folder / name).write_bytes(data)
        self.corpus = smallest
