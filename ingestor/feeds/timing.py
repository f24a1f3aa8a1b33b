"""The time and the chance that the life cycle runs on, so that tests need neither wait nor luck."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Timing(NamedTuple):
    """Clock and sleep in seconds; `uniform(low, high)` draws a float."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform


#: One line a minute says that something goes on; a line each time would bury the rest.
REPEAT_EVERY_S = 60.0


class Repeats:
    """Lets an event through once in REPEAT_EVERY_S, and counts what it held back.

    Its table has one entry an event name; those are literals of this package.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def admit(self, event: str) -> int | None:
        """The number suppressed since it was last told; None: hold this one back, too."""
        now = self._clock()
        if event in self._told and now - self._told[event] < REPEAT_EVERY_S:
            self._held[event] = self._held.get(event, 0) + 1
            return None
        self._told[event] = now
        return self._held.pop(event, 0)
