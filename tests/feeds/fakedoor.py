"""A link on a door without a socket and a clock without time, so that a life of hours is a test of milliseconds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ingestor.feeds.backoff import TokenBucket
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.link import LinkPlan
from ingestor.feeds.websocket_link import WebSocketLink
from ingestor.providers.session import Control, Limits, Session, Subscription, as_text
from tests.feeds.faketime import FakeTime, settle
from tests.feeds.peer import Intake


def subscriptions(*symbols: str, channel: str = "trade") -> list[Subscription]:
    return [Subscription(channel, symbol) for symbol in symbols]


class Talk(Session):
    """A provider of tests: `[verb, id, symbols]` up; `ack:name`, `error:name`, `later:name`, `fatal:`, `bye:` down."""

    def subscribe(self, subscriptions, request_id):
        return (as_text(["sub", request_id, *(each.symbol for each in subscriptions)]),)

    def unsubscribe(self, subscriptions, request_id):
        return (as_text(["unsub", request_id, *(each.symbol for each in subscriptions)]),)

    def heartbeat(self, request_id):
        return b"beat"

    def control(self, frame):
        kind, _, name = frame.decode().partition(":")
        if kind == "error":
            return Control("error", request=name, message=f"no such thing: {name}", retryable=False)
        if kind == "later":
            return Control("error", request=name, message="busy", retryable=True)
        if kind in ("fatal", "key"):
            return Control("error", message=name, fatal=True, retryable=kind == "fatal")
        if kind == "bye":
            return Control("reconnect", message=name)
        if kind == "ping":
            return Control("reply", reply=b"pong:" + name.encode())
        return {"ack": Control("ack", request=name), "alive": Control("alive"), "odd": None}[kind]


@dataclass
class FakeDoor:
    """One connection: what was sent, and the means to speak and to end."""

    intake: Intake
    on_control: Any
    options: dict[str, Any]
    url: str
    time: FakeTime
    sent: list[bytes] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    frames: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    last_frame_ns: int = 0
    closed: bool = False
    paused: bool = False

    def __post_init__(self):
        self._end = asyncio.get_running_loop().create_future()

    def send(self, text: bytes) -> None:
        assert not self.closed
        self.sent.append(text)
        self.sent_at.append(self.time.now)
        self.bytes_out += len(text)

    def hear(self, *frames: bytes) -> None:
        """What the provider says."""
        for frame in frames:
            self.frames += 1
            self.bytes_in += len(frame)
            self.last_frame_ns += 1
            self.on_control(frame)

    def taken(self) -> list[bytes]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent

    def fail(self, reason: Reason = Reason.CONNECTION_LOST, **more: Any) -> None:
        self._end.set_result(ConnectionFault(reason, "failed on purpose", **more))

    async def wait_closed(self) -> None:
        raise await asyncio.shield(self._end)

    async def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


@dataclass
class FakeProvider:
    session: Session
    limits: Limits
    name: str = "fake"
    url: str = "ws://fake"
    transport: str = "websocket"


class Bench:
    """A link under test, its clock, and the doors it opened. `faults` are what the next attempts to open raise."""

    def __init__(self, session: Session | None = None, limits: Limits | None = None, key: str = "") -> None:
        self.time = FakeTime()
        self.limits = replace(limits or Limits(silence_max_s=0))
        self.provider = FakeProvider(session or Talk(), self.limits)
        self.doors: list[FakeDoor] = []
        self.intakes: list[Intake] = []
        self.faults: list[BaseException] = []
        a_minute = self.limits.connects_per_minute_max
        self.plan = LinkPlan(
            self.provider, self.limits, self.provider.url, key, 5.0, self.open_connection, self.open_door,
            TokenBucket(a_minute / 60, 1, self.time.timing.clock), self.time.timing)
        self.link = WebSocketLink(self.plan, "", "c0")

    def open_connection(self, section: str, name: str) -> Intake:
        self.intakes.append(Intake())
        return self.intakes[-1]

    async def open_door(self, url: str, intake: Intake, on_control: Any, **options: Any) -> FakeDoor:
        if self.faults:
            raise self.faults.pop(0)
        self.doors.append(FakeDoor(intake, on_control, options, url, self.time))
        return self.doors[-1]

    @property
    def door(self) -> FakeDoor:
        return self.doors[-1]

    @property
    def state(self) -> str:
        return self.link.stats().state.name


@asynccontextmanager
async def running(wanted: Sequence[Subscription] = (), **more: Any) -> AsyncIterator[Bench]:
    """A bench whose link runs with these subscriptions; stopped at the end."""
    bench = Bench(**more)
    bench.link.set_wanted(wanted)
    task = asyncio.get_running_loop().create_task(bench.link.run())
    await settle()
    try:
        yield bench
    finally:
        bench.link.stop()
        await task
    assert all(door.closed for door in bench.doors)
    assert all(intake.closed == 1 for intake in bench.intakes)
    assert bench.state == "CLOSED"
