"""The gRPC door: server-streaming calls over one channel, raw messages into the pipeline.

The bytes of a message are never parsed here; the decoder reads them. This is the one product file
of the feeds that knows grpc.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import grpc
import grpc.aio

from ingestor.feeds import tls
from ingestor.feeds.door import ConnectionFault, Intake, OnControl, Reason
from ingestor.feeds.timing import Timing
from ingestor.records import DecodeStatus

MESSAGE_BYTES_MAX = (16 << 20) - 1  # with the byte that names the method: FRAME_BYTES_MAX
#: A stream that ends with OK is asked for again after this; the provider's own example waits as long.
RESUBSCRIBE_PAUSE_S = 2.0
#: A call that was replaced goes on until its successor brought something, this long at most.
OVERLAP_MAX_S = 5.0
#: A server forgives a ping without data every 5 minutes by default, and hangs up on a faster one.
KEEPALIVE_EVERY_S = 310
KEEPALIVE_ANSWER_WITHIN_S = 20
CLOSE_WITHIN_S = 1.0

#: These concern the one call: what it asks for is not ours, or does not exist.
CALL_REFUSALS = (
    grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNIMPLEMENTED,
)


class Call(NamedTuple):
    """One server-streaming call."""

    path: str       # method path
    prefix: bytes   # put before each message, so that the decoder knows its type
    request: bytes  # serialised


class OnRefused(Protocol):
    """Called when one call was refused for good."""

    def __call__(self, call: Call, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Running:
    """A call under way."""

    task: asyncio.Task[None]
    heard: asyncio.Event    # it brought a message, or ended


class GrpcDoor:
    """One open channel with its calls; see door.Door. Made by open_grpc()."""

    def __init__(
        self, channel: grpc.aio.Channel, intake: Intake, on_control: OnControl, on_refused: OnRefused,
        metadata: Mapping[str, str], timing: Timing,
    ) -> None:
        self.frames = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.last_frame_ns = 0
        self._channel = channel
        self._intake = intake
        self._on_control = on_control
        self._on_refused = on_refused
        self._metadata = tuple((name.lower(), value) for name, value in metadata.items())
        self._timing = timing
        self._calls: dict[Call, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[ConnectionFault] = self._loop.create_future()
        self._drain_is_due = False
        self._reading = asyncio.Event()
        self._reading.set()

    def set_calls(self, calls: Iterable[Call]) -> None:
        """Run exactly these calls. Those that go end after the new ones have begun, so that nothing is missed."""
        wanted = dict.fromkeys(calls)
        old = [self._calls.pop(call) for call in list(self._calls) if call not in wanted]
        new = [call for call in wanted if call not in self._calls]
        for call in new:
            heard = asyncio.Event()
            self._calls[call] = Running(self._spawn(self._follow(call, heard)), heard)
        if old:
            self._spawn(self._replace(old, [self._calls[call] for call in new]))

    async def wait_closed(self) -> None:
        raise await asyncio.shield(self._end)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._channel.close(CLOSE_WITHIN_S)
        self._drain()

    def pause_reading(self) -> None:
        """Stop asking for messages; HTTP/2 flow control then holds the server back."""
        self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    async def _follow(self, call: Call, heard: asyncio.Event) -> None:
        """One call, asked for again whenever it ends well, until it is cancelled or refused."""
        try:
            while True:
                await self._stream(call, heard)
                await self._timing.sleep(RESUBSCRIBE_PAUSE_S)
        except grpc.aio.AioRpcError as error:
            fault = _fault(error)
            if error.code() in CALL_REFUSALS:
                self._on_refused(call, str(fault))
            else:
                self._fail(fault)
        except Exception as error:
            self._fail(_bug(error))
        finally:
            heard.set()

    async def _stream(self, call: Call, heard: asyncio.Event) -> None:
        method = self._channel.unary_stream(call.path, request_serializer=None, response_deserializer=None)
        stream = method(call.request, metadata=self._metadata)
        self.bytes_out += len(call.request)
        try:
            async for message in stream:
                self._take(call.prefix + message)
                heard.set()
                if not self._reading.is_set():
                    await self._reading.wait()
        finally:
            stream.cancel()

    async def _replace(self, old: list[Running], new: list[Running]) -> None:
        """End calls once those that take over have brought something."""
        waits = [asyncio.ensure_future(each.heard.wait()) for each in new]
        try:
            if waits:
                await asyncio.wait(waits, timeout=OVERLAP_MAX_S)
        finally:
            for wait in waits:
                wait.cancel()
            for each in old:
                each.task.cancel()

    def _take(self, frame: bytes) -> None:
        self.frames += 1
        self.bytes_in += len(frame)
        self.last_frame_ns = time.time_ns()
        if self._intake.feed_bytes(frame, self.last_frame_ns) == DecodeStatus.CONTROL:
            self._on_control(frame)
        if not self._drain_is_due:
            # grpc says nothing of bursts: what arrives in one turn of the loop counts as one.
            self._drain_is_due = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        if not self._drain_is_due:
            return
        self._drain_is_due = False
        try:
            self._intake.drained_now()
        except Exception as error:
            self._fail(_bug(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _fail(self, fault: ConnectionFault) -> None:
        if not self._end.done():
            self._end.set_result(fault)


def _bug(error: Exception) -> ConnectionFault:
    return ConnectionFault(Reason.INTERNAL_ERROR, f"the pipeline failed: {type(error).__name__}: {error}")


def _fault(error: grpc.aio.AioRpcError) -> ConnectionFault:
    code = error.code()
    message = f"{code.name}: {error.details() or 'no details'}"
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return ConnectionFault(Reason.UNAUTHENTICATED, message, retryable=False)
    if code is grpc.StatusCode.UNAVAILABLE:
        return ConnectionFault(Reason.CONNECTION_LOST, message)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in (error.details() or ""):
        return ConnectionFault(Reason.MESSAGE_TOO_BIG, message)
    return ConnectionFault(Reason.PROVIDER_ERROR, message)


async def open_grpc(
    url: str, intake: Intake, on_control: OnControl, on_refused: OnRefused, *, metadata: Mapping[str, str],
    tls_ca_file: str | None, connect_within_s: float, timing: Timing,
) -> GrpcDoor:
    """Connect. `url` is host:port, with or without a scheme; http and grpc mean no TLS. Raises ConnectionFault."""
    target = url.split("://")[-1].rstrip("/")
    options = (
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", KEEPALIVE_EVERY_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_WITHIN_S * 1000),
        ("grpc.enable_retries", 0),
        # A channel of its own: a shared one would bring the last failure's pause along.
        ("grpc.use_local_subchannel_pool", 1),
    )
    if tls.is_wanted(url):
        credentials = grpc.ssl_channel_credentials(root_certificates=tls.authorities(tls_ca_file))
        channel = grpc.aio.secure_channel(target, credentials, options=options)
    else:
        channel = grpc.aio.insecure_channel(target, options=options)
    try:
        async with asyncio.timeout(connect_within_s):
            await _ready(channel)
    except TimeoutError as error:
        await channel.close()
        raise ConnectionFault(Reason.CONNECT_TIMEOUT, f"no connection within {connect_within_s} s") from error
    except BaseException:
        await channel.close()
        raise
    return GrpcDoor(channel, intake, on_control, on_refused, metadata, timing)


async def _ready(channel: grpc.aio.Channel) -> None:
    """Wait until the channel is connected; raise the fault of its first failure."""
    while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise await _why(channel)
        await channel.wait_for_state_change(state)


async def _why(channel: grpc.aio.Channel) -> ConnectionFault:
    """The state says nothing of the cause, but a call that fails at once on the broken channel does."""
    try:
        await channel.unary_unary("/")(b"", timeout=1)
    except grpc.aio.AioRpcError as error:
        details = error.details() or ""
        refused = any(word in details.lower() for word in ("verif", "handshak"))
        return ConnectionFault(Reason.TLS_REFUSED if refused else Reason.CONNECT_FAILED, details)
    return ConnectionFault(Reason.CONNECT_FAILED, "no connection")
