"""One connection's life, for every transport: connect, converse, watch, end, wait, again.

A link keeps one connection of a feed open for as long as it has subscriptions. The subclasses say
how a transport is opened and spoken to (websocket_link.py, grpc_link.py); a link knows no bytes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import structlog

from ingestor.feeds.backoff import HEALTHY_AFTER_S, Backoff, TokenBucket
from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.timing import Repeats, Timing
from ingestor.masking import masked
from ingestor.providers.provider import Limits, Provider, Subscription

#: A connection is replaced at this share of the provider's limit on its age, drawn anew each time,
#: so that connections opened together do not all reconnect together.
AGE_SHARE_MIN, AGE_SHARE_MAX = 0.85, 0.95
#: The pause before a planned reconnect is drawn from 0 to this: just enough to spread the herd.
PLANNED_PAUSE_MAX_S = 1.0
#: The watchdog looks so often within silence_max_s; a silence is noticed at most this share late.
WATCHES_PER_SILENCE = 8

PLANNED = (Reason.AGE, Reason.RECONNECT_REQUESTED)


class ConnectionState(IntEnum):
    """What a connection is doing: the value of its metric."""

    IDLE = 0
    CONNECTING = 1
    SUBSCRIBING = 2
    LIVE = 3
    WAITING = 4     # for the next attempt
    CLOSED = 5      # for good: stopped, or refused for a reason that trying again can't mend


@dataclass(slots=True)
class LinkStats:
    """What one connection has done since the feed began. Counters only rise."""

    name: str
    section: str
    state: ConnectionState = ConnectionState.IDLE
    connects: int = 0
    disconnects: Counter[str] = field(default_factory=Counter)  # by Reason
    last_error: str = ""
    frames: int = 0
    bytes_in: int = 0           # payload, as it came over the line
    bytes_out: int = 0
    last_frame_ns: int = 0      # UTC epoch ns, 0 before the first
    wanted: int = 0             # subscriptions
    active: int = 0             # asked for on this connection, and not refused
    refused: int = 0
    acks_missing: int = 0       # requests that nothing answered within ACK_WITHIN_S
    controls_misread: int = 0   # control frames the dialect could not read

    def add(self, earlier: "LinkStats") -> None:
        """Take over the counters of an earlier connection of the same name."""
        self.disconnects += earlier.disconnects
        for counter in ("connects", "frames", "bytes_in", "bytes_out", "acks_missing", "controls_misread"):
            setattr(self, counter, getattr(self, counter) + getattr(earlier, counter))
        self.last_error = self.last_error or earlier.last_error
        self.last_frame_ns = max(self.last_frame_ns, earlier.last_frame_ns)


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What the links of a feed share."""

    provider: Provider
    limits: Limits
    url: str
    key: str
    connect_within_s: float
    open_connection: Callable[[str, str], Intake]
    #: opens the transport; the feed chooses it, a test may replace it
    open_door: Callable[..., Coroutine[Any, Any, Any]]
    connects: TokenBucket
    timing: Timing


class Link:
    """One connection of a feed. `run()` is its task; the rest may be called from the same loop."""

    def __init__(self, plan: LinkPlan, section: str, name: str) -> None:
        self.plan = plan
        self.session = plan.provider.session
        self.section = section
        self.name = name
        self.wanted: dict[Subscription, None] = {}
        self.refused: dict[Subscription, str] = {}
        self.door: Any = None
        self.log = structlog.get_logger().bind(provider=plan.provider.name, connection=name)
        self._stats = LinkStats(name, section)
        self._repeats = Repeats(plan.timing.clock)
        self._backoff = Backoff(plan.timing.uniform)
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[ConnectionFault] | None = None
        self._stopping = asyncio.Event()
        self._live_since: float | None = None
        self._reading_paused = False
        self._absorbed = (0, 0, 0)  # frames, bytes in and out of the door already in the stats

    def set_wanted(self, subscriptions: Iterable[Subscription]) -> None:
        """Replace what this connection shall carry; an open connection follows at once."""
        self.wanted = dict.fromkeys(subscriptions)
        self.refused = {subscription: why for subscription, why in self.refused.items() if subscription in self.wanted}
        self.wanted_changed()

    async def run(self) -> None:
        """Keep the connection until stop(), or until the provider refuses it for good."""
        while True:
            fault = await self._live_once()
            healthy = self._live_since is not None and self.now() - self._live_since >= HEALTHY_AFTER_S
            if healthy:
                self._backoff.reset()
            if self._stopping.is_set() or not fault.retryable:
                break
            if fault.reason in PLANNED and healthy:
                pause_s = self.plan.timing.uniform(0.0, PLANNED_PAUSE_MAX_S)
            else:
                pause_s = self._backoff.pause_s(fault.retry_after_s)
            self._stats.state = ConnectionState.WAITING
            await self._sleep_unless_stopping(pause_s)
        self._stats.state = ConnectionState.CLOSED

    def stop(self, reason: Reason = Reason.STOPPED) -> None:
        """Let run() end with a graceful goodbye."""
        self._stopping.set()
        self.end(ConnectionFault(reason, "no longer wanted"))

    def end(self, fault: ConnectionFault) -> None:
        """End the present connection; the first fault is the one that counts."""
        if self._end is not None and not self._end.done():
            self._end.set_result(fault)

    def inherit(self, earlier: LinkStats) -> None:
        self._stats.add(earlier)

    def pause_reading(self) -> None:
        self._reading_paused = True
        if self.door is not None:
            self.door.pause_reading()

    def resume_reading(self) -> None:
        self._reading_paused = False
        if self.door is not None:
            self.door.resume_reading()

    def stats(self) -> LinkStats:
        """The stats up to now; the object is the link's own and stays up to date only by this call."""
        self._absorb()
        self._stats.wanted = len(self.wanted)
        self._stats.refused = len(self.refused)
        self._stats.active = self.active() if self.door is not None else 0
        return self._stats

    # What a transport says.

    async def open(self, intake: Intake) -> Door:
        """Connect; return the door. Raises ConnectionFault."""
        raise NotImplementedError

    async def converse(self) -> None:
        """Subscribe to what is wanted, and follow its changes, until cancelled."""
        raise NotImplementedError

    def wanted_changed(self) -> None:
        """`wanted` was replaced."""
        raise NotImplementedError

    def active(self) -> int:
        """The number of subscriptions asked for on the open connection and not refused."""
        raise NotImplementedError

    # For subclasses.

    def now(self) -> float:
        return self.plan.timing.clock()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the connection: its fault ends the connection, and the other way round."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def became_live(self) -> None:
        """Everything wanted was asked for and answered."""
        if self._stats.state is ConnectionState.SUBSCRIBING:
            self._stats.state = ConnectionState.LIVE
            self._live_since = self.now()
            self.log.info("feed_went_live", subscriptions=len(self.wanted))

    def tell(self, event: str, **facts: object) -> None:
        """Log a warning that may repeat; secrets are masked."""
        suppressed = self._repeats.admit(event)
        if suppressed is not None:
            for name, fact in facts.items():
                if isinstance(fact, str):
                    facts[name] = masked(fact, self.plan.key)
            self.log.warning(event, suppressed=suppressed, **facts)

    # One connection, from its opening to its end.

    async def _live_once(self) -> ConnectionFault:
        self._end = asyncio.get_running_loop().create_future()
        self._live_since = None
        if self._stopping.is_set():
            return ConnectionFault(Reason.STOPPED, "no longer wanted")
        self._stats.state = ConnectionState.CONNECTING
        intake = self.plan.open_connection(self.section, self.name)
        self.spawn(self._attend(intake))
        try:
            fault = await self._end
        finally:
            await self._close(intake)
        self._note(fault)
        return fault

    async def _attend(self, intake: Intake) -> None:
        wait_s = self.plan.connects.take()
        if wait_s > 0:
            await self.plan.timing.sleep(wait_s)
        door = await self.open(intake)
        self._absorbed = (0, 0, 0)
        self.door = door
        if self._reading_paused:
            door.pause_reading()
        self._stats.connects += 1
        self._stats.state = ConnectionState.SUBSCRIBING
        self.log.info("feed_connected", url=masked(self.plan.url, self.plan.key), subscriptions=len(self.wanted))
        for work in (door.wait_closed(), self._watch_silence(door), self._grow_old(), self.converse()):
            self.spawn(work)

    async def _close(self, intake: Intake) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        door, self.door = self.door, None
        if door is not None:
            await door.close()
            self._absorb(door)
        intake.close()

    def _note(self, fault: ConnectionFault) -> None:
        message = masked(str(fault), self.plan.key)
        self._stats.disconnects[fault.reason.value] += 1
        if fault.reason in (Reason.STOPPED, Reason.REPACKED):
            self.log.info("feed_closed", reason=fault.reason.value)
            return
        self._stats.last_error = message
        self.tell(
            "feed_disconnected" if fault.retryable else "feed_refused", reason=fault.reason.value, error=message,
            failures=self._backoff.failures)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ConnectionFault):
            self.end(error)
        elif error is not None:
            self.log.error("feed_task_failed", exc_info=error)
            self.end(ConnectionFault(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}"))

    async def _watch_silence(self, door: Door) -> None:
        """Any received frame proves the peer alive; whether an instrument is silent is another's question.

        Frames are counted, not timed, so that a step of the wall clock can't cut a connection.
        """
        silence_max_s = self.plan.limits.silence_max_s
        if silence_max_s <= 0:
            return
        seen, since = door.frames, self.now()
        while True:
            await self.plan.timing.sleep(silence_max_s / WATCHES_PER_SILENCE)
            if door.frames != seen or self._reading_paused:
                seen, since = door.frames, self.now()
            elif self.now() - since >= silence_max_s:
                raise ConnectionFault(Reason.SILENCE, f"nothing received for {silence_max_s} s")

    async def _grow_old(self) -> None:
        age_max_s = self.plan.limits.connection_age_max_s
        if age_max_s <= 0:
            return
        await self.plan.timing.sleep(age_max_s * self.plan.timing.uniform(AGE_SHARE_MIN, AGE_SHARE_MAX))
        raise ConnectionFault(Reason.AGE, f"replaced before the provider closes it at {age_max_s} s")

    async def _sleep_unless_stopping(self, seconds: float) -> None:
        pause = asyncio.ensure_future(self.plan.timing.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((pause, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            stopping.cancel()

    def _absorb(self, door: Door | None = None) -> None:
        """Add what the door counted since the last time to the stats, which outlive it."""
        door = door or self.door
        if door is None:
            return
        counted = (door.frames, door.bytes_in, door.bytes_out)
        self._stats.frames += counted[0] - self._absorbed[0]
        self._stats.bytes_in += counted[1] - self._absorbed[1]
        self._stats.bytes_out += counted[2] - self._absorbed[2]
        self._absorbed = counted
        self._stats.last_frame_ns = door.last_frame_ns or self._stats.last_frame_ns
