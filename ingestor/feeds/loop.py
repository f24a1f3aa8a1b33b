"""The event loop: asyncio's own, over a selector that holds wake-ups together.

At 28,000 messages a second nearly every message wakes the loop alone, and the wake-up (epoll, the
loop's bookkeeping, one read) costs far more than the message. So, as a network card moderates its
interrupts: after a wake-up with I/O the selector waits until `coalesce_us` have passed before it
polls again, and what came meanwhile is read at once. A message after a quiet moment is still seen
immediately; one in a stream waits `coalesce_us` at most. Timers and ready callbacks never wait.

Between two polls lies a turn: whatever was readable has been read. `each_turn` names who is called then,
so that what all sockets brought is evaluated and sent once, not once a socket; and who may look once within
a hold for answers to what was sent.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

#: At 28,000 messages a second a fraction of the CPU of 2000; adds as much to the latency at most.
COALESCE_US_DEFAULT = 10_000
#: A longer hold would be most of the latency, and show in every control reply.
COALESCE_US_MAX = 10_000
#: So long after a turn a broker in the same data centre has answered.
ANSWERED_S = 0.004

Result = TypeVar("Result")
Events = list[tuple[selectors.SelectorKey, int]]
#: Called at the end of a turn; how many seconds later it wants to be called again at the latest. It must not raise.
Turn = Callable[[], float]
#: Called within a hold. It must not raise.
Listen = Callable[[], None]


class CoalescingSelector(selectors.DefaultSelector):
    """Polls at most once in `coalesce_us` while there is I/O; see the module."""

    def __init__(
        self, coalesce_us: int, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 <= coalesce_us <= COALESCE_US_MAX:
            raise ValueError(f"coalesce_us is {coalesce_us}: use 0 to {COALESCE_US_MAX}")
        super().__init__()
        self.turn: Turn | None = None
        self.listen: Listen | None = None
        self._hold_s = coalesce_us / 1e6
        self._clock = clock
        self._sleep = sleep
        self._woken_at = -self._hold_s

    def select(self, timeout: float | None = None) -> Events:
        """Wait for I/O. `timeout` in seconds: None for ever, 0 or less only polls (callbacks are ready)."""
        if self.turn is not None:
            latest_s = self.turn()
            timeout = latest_s if timeout is None else min(timeout, latest_s)
        if timeout is None or timeout > 0:
            hold_s = self._woken_at + self._hold_s - self._clock()
            if timeout is not None and timeout < hold_s:
                hold_s = timeout
            if hold_s > 0:
                self._hold(hold_s)
                if timeout is not None:
                    timeout = max(timeout - hold_s, 0)
        events: Events = super().select(timeout)
        if events:
            self._woken_at = self._clock()
        return events

    def _hold(self, seconds: float) -> None:
        if self.listen is None or seconds <= ANSWERED_S:
            self._sleep(seconds)
            return
        until = self._clock() + seconds
        self._sleep(ANSWERED_S)
        self.listen()
        left_s = until - self._clock()
        if left_s > 0:
            self._sleep(left_s)


class EventLoop(asyncio.SelectorEventLoop):
    """Asyncio's, with wake-ups `coalesce_us` apart under load (0: as they come), and turns."""

    def __init__(self, coalesce_us: int = COALESCE_US_DEFAULT) -> None:
        self._coalescing = CoalescingSelector(coalesce_us)
        super().__init__(self._coalescing)

    def each_turn(self, turn: Turn | None, listen: Listen | None = None) -> None:
        """Call `turn` at the end of each turn from now on, and `listen` within a long hold; None: nobody."""
        self._coalescing.turn, self._coalescing.listen = turn, listen


def run(main: Coroutine[Any, Any, Result], *, coalesce_us: int = COALESCE_US_DEFAULT) -> Result:
    """Run `main` to its end, as asyncio.run does, on the loop of this product."""
    with asyncio.Runner(loop_factory=lambda: EventLoop(coalesce_us)) as runner:
        return runner.run(main)
