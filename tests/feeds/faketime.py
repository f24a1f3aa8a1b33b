"""A clock that moves when it is told, for the life cycle's Timing."""

import asyncio
import heapq
import itertools

from ingestor.feeds.timing import Timing

#: Turns of the loop after each step, so that what was woken runs, and what that woke, too.
TURNS = 20


class FakeTime:
    """`timing` for a feed or a link; `advance()` lets time pass. Chance draws the low or the high end."""

    def __init__(self, now: float = 1000.0, draw: float = 1.0) -> None:
        self.now = now
        self.draw = draw
        self.slept: list[float] = []
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.timing = Timing(lambda: self.now, self.sleep, lambda low, high: low + (high - low) * self.draw)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Wake sleepers in their order, each at its own time."""
        await settle()
        until = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self.now = until
        await settle()


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
