"""What every bench shares: interleaved timing, the result's shape, and the facts of the machine.

Variants of one question run in turns, so that what else the machine does hits all of them. The best
of the turns is the figure (noise only ever adds time); the median stands beside it in the details.
"""

import gc
import platform
import statistics
import subprocess
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import process_time

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"

#: Does its own set-up, and returns the seconds that count: CPU time, as the work fits in one thread.
Variant = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Result:
    """One row of latest.json, which is FIXED. `ratio` is ours to the peer's; None without a peer.

    Rates are compared as value / peer_value and times as peer_value / value: above 1 we are better.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    command: str = ""


@dataclass(slots=True)
class Outcome:
    """What one bench found: rows for latest.json, and what a reader needs to judge them."""

    results: list[Result] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)

    def rate(
            self, name: str, value: float, unit: str, peer: str | None = None, peer_value: float | None = None) -> None:
        """A figure of which more is better."""
        self.results.append(Result(name, value, unit, peer, peer_value, value / peer_value if peer_value else None))

    def cost(
            self, name: str, value: float, unit: str, peer: str | None = None, peer_value: float | None = None) -> None:
        """A figure of which less is better."""
        self.results.append(Result(name, value, unit, peer, peer_value, peer_value / value if peer_value else None))

    def ratio(self, name: str, value: float, peer: str, peer_value: float | None) -> None:
        """Our rate as a multiple of the peer's; 0 when the peer could not run (`peer` says why)."""
        times = value / peer_value if peer_value else 0.0
        self.results.append(Result(name, times, "x", peer, peer_value, times or None))


@dataclass(frozen=True, slots=True)
class Timing:
    """The turns of one variant, in seconds."""

    turns: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.turns)

    @property
    def median(self) -> float:
        return statistics.median(self.turns)

    def as_dict(self, count: int) -> dict[str, float]:
        """Nanoseconds for each of `count` things, and the number of turns."""
        return {"best_ns": self.best / count * 1e9, "median_ns": self.median / count * 1e9, "turns": len(self.turns)}


def interleave(variants: Mapping[str, Variant], turns: int) -> dict[str, Timing]:
    """Run every variant once a turn, beginning with another one each turn. The first turn warms up and is dropped."""
    names = list(variants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    collecting = gc.isenabled()
    for turn in range(turns + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            gc.disable()    # peers are not charged for our garbage, nor we for theirs
            try:
                took = variants[name]()
            finally:
                if collecting:
                    gc.enable()
            if turn:
                seconds[name].append(took)
    return {name: Timing(tuple(turns_of)) for name, turns_of in seconds.items()}


def timed(work: Callable[[], object]) -> float:
    """Seconds of CPU time of one call: what others run on the machine meanwhile is not counted."""
    begun = process_time()
    work()
    return process_time() - begun


def checksum(value: object) -> str:
    """Eight hex digits of a value's text: equal results of two runs show as equal digits."""
    return f"{zlib.crc32(repr(value).encode()):08x}"


def versioned(package: str) -> str:
    """A package with its version, as a peer's name."""
    return f"{package} {version(package)}"


def machine() -> dict[str, object]:
    """The facts that a figure depends on."""
    return {
        "cpu": _cpu_model(), "cores": psutil.cpu_count(), "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(), "python": platform.python_version(),
        "load_1m": round(psutil.getloadavg()[0], 2),
    }


def commit() -> str:
    """The commit, with a + when tracked files differ from it; empty outside a repository."""
    head = _git("rev-parse", "HEAD")
    return head + ("+" if head and _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    """Linux tells it in /proc only."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
