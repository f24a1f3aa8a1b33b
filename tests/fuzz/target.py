"""What the fuzzer asks of whatever reads bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fuzz.mutations import Mutation

GOOD = ("decoded", "ignored", "control")
Place = Callable[[bytes], int]      # a copy of the bytes, at an address beside which nothing may be read


class Wrong(AssertionError):
    """What came out is not what must come out."""


class Target(Protocol):
    """One reader: it runs an input inside the measured code, and judges afterwards what came out."""

    name: str
    structure: Mutation

    def seeds(self, captures: Path | None) -> list[bytes]:
        """Inputs to begin with."""

    def run(self, data: bytes, place: Place) -> Any:
        """Let the measured code read; what came out."""

    def is_worth_judging(self, found: Any) -> bool:
        """Whether this is compared whatever it costs; of the rest, a sample is."""

    def judge(self, data: bytes, found: Any) -> str:
        """Compare; the name of the outcome. Raises Wrong."""
