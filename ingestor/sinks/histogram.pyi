"""Types of histogram.pyx."""

from typing import Any

ACK_BOUNDS_S: tuple[float, ...]

class Histogram:
    def __init__(self, bounds_s: tuple[float, ...] = ...) -> None: ...
    def observe(self, seconds: float, count: int = 1) -> None: ...
    def as_dict(self) -> dict[str, Any]: ...
