"""One connection's life, for every transport: connect, converse, watch, end, wait, again.

A link keeps one connection of a feed open for as long as it has subscriptions. The subclasses say
how a transport is opened and spoken to (websocket_link.py, grpc_link.py); a link knows no bytes.
"""

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import structlog

from ingestor.feeds.backoff import HEALTHY_AFTER_S, Backoff, TokenBucket
from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.timing import Repeats, Timing
from ingestor.masking import masked
from ingestor.providers.provider import Provider
from ingestor.providers.session import Control, Limits, Subscription

#: A connection is replaced at this share of the provider's limit on its age, drawn anew each time,
#: so that connections opened together do not all reconnect together.
AGE_SHARE_MIN, AGE_SHARE_MAX = 0.85, 0.95
#: A provider that asks to reconnect is obeyed after 0 to this: enough to spread the herd, and the old
#: connection delivers meanwhile.
LEAVE_WITHIN_S = 1.0
#: A key or a plan that was refused is tried again after half of this to this: it may be mended on the
#: provider's side, and nobody should have to restart a shard for it.
REFUSED_PAUSE_S = 300.0
#: The watchdog looks so often within silence_max_s; a silence is noticed at most this share late.
WATCHES_PER_SILENCE = 8
#: Of a control frame nobody could read, for the log.
CONTROL_SHOWN_BYTES_MAX = 200

#: The second line of a redundant connection first opens when the first is live, or after this: together they would
#: go through every limit of the provider together, too.
OPEN_APART_WITHIN_S = 10.0
#: A line that leaves because it was asked to waits so long for the other to be live: it will be closed anyway.
LEAVE_COVERED_WITHIN_S = 5.0
#: Of the age that the provider allows, an old line waits for the other so long at most: it is still closed in time.
OLD_COVERED_SHARE = (1 - AGE_SHARE_MAX) / 2
#: How often a waiting line looks at the other.
COVER_LOOKS_EVERY_S = 0.1

PLANNED = (Reason.AGE, Reason.RECONNECT_REQUESTED)


class ConnectionState(IntEnum):
    """What a connection is doing: the value of its metric."""

    IDLE = 0        # nothing to carry
    CONNECTING = 1
    SUBSCRIBING = 2
    LIVE = 3
    WAITING = 4     # for the next attempt
    CLOSED = 5      # stopped


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


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What the links of a feed share."""

    provider: Provider
    limits: Limits
    url: str = field(repr=False)    # may hold a key, too
    key: str = field(repr=False)
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
        self.changed = asyncio.Event()  # there is something new to say to the provider
        self.other: Link | None = None  # the other line of a redundant connection
        self.is_second = False          # of its two lines
        self.log = structlog.get_logger().bind(provider=plan.provider.name, connection=name)
        self.counted = LinkStats(name, section)     # without the open door's counters
        self._repeats = Repeats(plan.timing.clock)
        self._backoff = Backoff(plan.timing.uniform)
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[ConnectionFault] | None = None
        self._pausing: asyncio.Future[object] | None = None
        self._stopping = False
        self._leaving = False
        self._departing = False
        self._live_since: float | None = None
        self._reading_paused = False

    def double(self, first: "Link") -> None:
        """Be the second line beside `first`: the same subscriptions, opened apart, never replaced together."""
        self.is_second = True
        self.other, first.other = first, self

    def carries(self) -> bool:
        """Whether the other line may go: this one is live, and about to stay."""
        return self.counted.state is ConnectionState.LIVE and not self._departing

    def set_wanted(self, subscriptions: Iterable[Subscription]) -> None:
        """Replace what this connection shall carry; an open connection follows at once, or ends."""
        self.wanted = dict.fromkeys(subscriptions)
        self.refused = {subscription: why for subscription, why in self.refused.items() if subscription in self.wanted}
        self.changed.set()
        if not self.wanted:
            self.end(ConnectionFault(Reason.REPACKED, "no subscription is left on this connection"))

    async def run(self) -> None:
        """Keep the connection, whenever something is wanted, until stop()."""
        while await self._has_work():
            fault = await self._live_once()
            await self._pause(self._pause_s(fault))
        self.counted.state = ConnectionState.CLOSED

    def stop(self) -> None:
        """Let run() end with a graceful goodbye."""
        self._stopping = True
        self.changed.set()
        if self._pausing is not None:
            self._pausing.cancel()
        self.end(ConnectionFault(Reason.STOPPED, "no longer wanted"))

    def end(self, fault: ConnectionFault) -> None:
        """End the present connection; the first fault is the one that counts."""
        if self._end is not None and not self._end.done():
            self._end.set_result(fault)

    def pause_reading(self) -> None:
        self._reading_paused = True
        if self.door is not None:
            self.door.pause_reading()

    def resume_reading(self) -> None:
        self._reading_paused = False
        if self.door is not None:
            self.door.resume_reading()

    def stats(self) -> LinkStats:
        """A copy of the stats, up to now. For the loop's thread."""
        up_to_now = replace(
            self.counted, disconnects=self.counted.disconnects.copy(), wanted=len(self.wanted),
            refused=len(self.refused))
        if self.door is not None:
            up_to_now.active = self.active()
            _add(up_to_now, self.door)
        return up_to_now

    # What a transport says.

    async def open(self, intake: Intake) -> Door:
        """Connect; return the door. Raises ConnectionFault."""
        raise NotImplementedError

    async def converse(self) -> None:
        """Subscribe to what is wanted, and follow its changes, until cancelled."""
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
        if self.counted.state is ConnectionState.SUBSCRIBING:
            self.counted.state = ConnectionState.LIVE
            self._live_since = self.now()
            self.log.info("feed_went_live", subscriptions=len(self.wanted))

    def understood(self, frame: bytes) -> Control | None:
        """What a control frame means; None: nothing to do.

        A frame that the dialect can't read is counted: a bad frame must not cost the connection.
        """
        try:
            control: Control | None = self.session.control(frame)
        except Exception as error:  # whatever a hook makes of bad data
            self.counted.controls_misread += 1
            shown = frame[:CONTROL_SHOWN_BYTES_MAX].decode("utf-8", "replace")
            self.tell("control_misread", error=f"{type(error).__name__}: {error}", frame=shown)
            return None
        return control

    def leave_soon(self, message: str) -> None:
        """The provider will close: go before it does."""
        if not self._leaving:
            self._leaving = True
            self.spawn(self._leave(message or "the provider asks to reconnect"))

    def tell(self, event: str, **facts: object) -> None:
        """Log a warning that may repeat; secrets are masked."""
        suppressed = self._repeats.admit(event)
        if suppressed is not None:
            shown = {name: self.masked(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
            self.log.warning(event, suppressed=suppressed, **shown)

    def masked(self, text: str) -> str:
        return masked(text, self.plan.key)

    # One connection, from its opening to its end, and the pause after it.

    async def _has_work(self) -> bool:
        """Wait until something is wanted; False: stopping."""
        while not self.wanted and not self._stopping:
            self.counted.state = ConnectionState.IDLE
            self.changed.clear()
            await self.changed.wait()
        return not self._stopping

    async def _live_once(self) -> ConnectionFault:
        self._end = asyncio.get_running_loop().create_future()
        self._live_since = None
        self._leaving = self._departing = False
        self.counted.state = ConnectionState.CONNECTING
        intake = self.plan.open_connection(self.section, self.name)
        self.spawn(self._attend(intake))
        try:
            fault = await self._end
        finally:
            await self._close(intake)
        self._note(fault)
        return fault

    async def _attend(self, intake: Intake) -> None:
        if self.is_second and self.counted.connects == 0:
            await self._until_covered(OPEN_APART_WITHIN_S)
        wait_s = self.plan.connects.take()
        if wait_s > 0:
            await self.plan.timing.sleep(wait_s)
        self.door = door = await self.open(intake)
        if self._reading_paused:
            door.pause_reading()
        self.counted.connects += 1
        self.counted.state = ConnectionState.SUBSCRIBING
        self.log.info("feed_connected", url=self.masked(self.plan.url), subscriptions=len(self.wanted))
        for work in (door.wait_closed(), self._watch_silence(door), self._grow_old(), self.converse()):
            self.spawn(work)

    async def _close(self, intake: Intake) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            if self.door is not None:
                await self.door.close()
        finally:
            if self.door is not None:
                _add(self.counted, self.door)
                self.door = None
            intake.close()

    def _note(self, fault: ConnectionFault) -> None:
        self.counted.disconnects[fault.reason.value] += 1
        if fault.reason in (Reason.STOPPED, Reason.REPACKED):
            self.log.info("feed_closed", reason=fault.reason.value)
            return
        self.counted.last_error = self.masked(str(fault))
        self.tell(
            "feed_disconnected" if fault.retryable else "feed_refused", reason=fault.reason.value, error=str(fault),
            failures=self._backoff.failures)

    def _pause_s(self, fault: ConnectionFault) -> float:
        healthy = self._live_since is not None and self.now() - self._live_since >= HEALTHY_AFTER_S
        if healthy:
            self._backoff.reset()
        if fault.reason in (Reason.STOPPED, Reason.REPACKED) or (fault.reason in PLANNED and healthy):
            return 0.0
        if not fault.retryable:
            return self.plan.timing.uniform(REFUSED_PAUSE_S / 2, REFUSED_PAUSE_S)
        return self._backoff.pause_s(fault.retry_after_s)

    async def _pause(self, seconds: float) -> None:
        """Sleep; stop() ends it early."""
        if seconds <= 0 or self._stopping:
            return
        self.counted.state = ConnectionState.WAITING
        self._pausing = asyncio.ensure_future(self.plan.timing.sleep(seconds))
        try:
            await asyncio.wait((self._pausing,))
        finally:
            self._pausing.cancel()

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ConnectionFault):
            self.end(error)
        elif error is not None:
            self.log.error("feed_task_failed", traceback=self.masked("".join(traceback.format_exception(error))))
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
        if age_max_s > 0:
            share = self.plan.timing.uniform(AGE_SHARE_MIN, AGE_SHARE_MAX)
            if self.is_second and self.counted.connects == 1:
                share /= 2      # from then on the two lines are half a life apart
            await self.plan.timing.sleep(age_max_s * share)
            await self._until_covered(age_max_s * OLD_COVERED_SHARE)
            self._departing = True
            raise ConnectionFault(Reason.AGE, f"replaced before the provider closes it at {age_max_s} s")

    async def _leave(self, message: str) -> None:
        await self.plan.timing.sleep(self.plan.timing.uniform(0.0, LEAVE_WITHIN_S))
        await self._until_covered(LEAVE_COVERED_WITHIN_S)
        self._departing = True
        raise ConnectionFault(Reason.RECONNECT_REQUESTED, message)

    async def _until_covered(self, within_s: float) -> None:
        """Wait until the other line carries the subscriptions, if there is one; no longer than this."""
        until = self.now() + within_s
        while self.other is not None and not self.other.carries() and self.now() < until:
            await self.plan.timing.sleep(COVER_LOOKS_EVERY_S)


def _add(stats: LinkStats, door: Door) -> None:
    """Add what a door counted."""
    stats.frames += door.frames
    stats.bytes_in += door.bytes_in
    stats.bytes_out += door.bytes_out
    stats.last_frame_ns = door.last_frame_ns or stats.last_frame_ns
