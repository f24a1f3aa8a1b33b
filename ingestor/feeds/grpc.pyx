"""The gRPC door: server-streaming calls over one HTTP/2 connection, messages in place into the pipeline.

A message is never copied unless it is cut by frames, and never parsed here: the bytes that tell the decoder
its method are written over the length that stood before it. A call that ends well is asked for again;
what else its status means stands in grpc_status.py. The door knows no provider and no subscription.
"""
import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from ingestor._core cimport Connection
from ingestor.feeds.http2 cimport Http2Connection, Stream, realtime_ns
from ingestor.feeds.http2_frames cimport number32
from ingestor.records cimport CONTROL, FRAME_BYTES_MAX

from ingestor.feeds.backoff import Backoff
from ingestor.feeds.dial import dial_fault, dialled, let_go, manned
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.grpc_status import CALL_FAILURES, CALL_REFUSALS, Code, from_reset, from_trailers, refused_at_once
from ingestor.feeds.http2 import bug
from ingestor.feeds.http2_faults import ErrorCode, Http2Fault
from ingestor.feeds.http2_headers import request

cdef enum:
    LENGTH_BYTES = 5                # before each message: the compressed flag, then its length
    BOUNDARY_MESSAGES = 64          # a read can bring thousands: what batches fill meanwhile must go out
    MESSAGE_KEEP_BYTES = 1 << 20    # a joined message's buffer beyond it is given back
    JOINING_BYTES_MAX = 64 << 20    # of all unfinished messages of a connection: four of the largest

#: With the byte that names the method: FRAME_BYTES_MAX.
MESSAGE_BYTES_MAX = FRAME_BYTES_MAX - 1
#: A stream that ends with OK is asked for again after this; the provider's own example waits as long.
RESUBSCRIBE_PAUSE_S = 2.0
#: A call that fails so often without a message takes the connection with it: another server may do better.
CALL_FAILURES_MAX = 5
#: A call that was replaced goes on until its successor brought something, this long at most.
OVERLAP_MAX_S = 5.0


class Call(NamedTuple):
    """One server-streaming call."""

    path: str       # method path
    prefix: bytes   # put before each message, so that the decoder knows its type; LENGTH_BYTES at most
    request: bytes  # serialised


@cython.final
cdef class MessageStream(Stream):
    """One call under way: pieces of its answer become messages."""
    cdef GrpcDoor door
    cdef readonly object ended      # asyncio.Future[Status]
    cdef object heard               # asyncio.Event: it brought a message, or ended
    cdef bint silent                # it brought none yet
    cdef bytes prefix
    cdef size_t prefix_size
    cdef uint32_t message_max

    # A message cut by frames, with its length before it; owned.
    cdef uint8_t* joined
    cdef size_t joined_size
    cdef size_t joined_capacity

    def __cinit__(self):
        self.joined = NULL

    def __dealloc__(self):
        free(self.joined)

    def __init__(self, GrpcDoor door not None, bytes prefix not None, heard):
        if len(prefix) > LENGTH_BYTES:
            raise ValueError(f"the prefix {prefix!r} is longer than the {LENGTH_BYTES} bytes it is written over")
        self.door = door
        self.ended = door.loop.create_future()
        self.heard = heard
        self.silent = True
        self.prefix = prefix
        self.prefix_size = len(prefix)
        self.message_max = <uint32_t> (FRAME_BYTES_MAX - self.prefix_size)

    cdef int take(self, uint8_t* at, size_t size) except -1:
        cdef size_t whole, taken
        while size:
            if self.joined_size or size < LENGTH_BYTES:
                taken = self.join(at, size)
            else:
                whole = LENGTH_BYTES + self.length(at)
                if whole <= size:
                    taken = whole
                    self.feed(at, whole)
                else:
                    taken = self.join(at, size)
            at += taken
            size -= taken
        return 0

    cdef int64_t length(self, const uint8_t* at) except -1:
        """Of the message that begins at `at`."""
        cdef uint32_t length = number32(at + 1)
        if at[0]:
            raise ConnectionFault(
                Reason.PROTOCOL_ERROR, f"a message with the compressed flag {at[0]}, though only identity was accepted")
        if length > self.message_max:
            raise ConnectionFault(
                Reason.MESSAGE_TOO_BIG, f"a message of {length} bytes, more than {self.message_max}")
        return length

    cdef int feed(self, uint8_t* at, size_t whole) except -1:
        """A message with its length before it, over which the prefix goes."""
        at += LENGTH_BYTES - self.prefix_size
        memcpy(at, PyBytes_AS_STRING(self.prefix), self.prefix_size)
        if self.silent:
            self.silent = False
            self.heard.set()
        return self.door.feed(at, whole - LENGTH_BYTES + self.prefix_size)

    cdef size_t join(self, const uint8_t* at, size_t size) except? 0:
        """Append to the cut message, and feed it when it is whole; return the bytes that were its own."""
        cdef size_t taken = 0
        cdef size_t wanted = LENGTH_BYTES
        if self.joined_size < LENGTH_BYTES:
            taken = min(size, LENGTH_BYTES - self.joined_size)
            self.append(at, taken, LENGTH_BYTES)
            if self.joined_size < LENGTH_BYTES:
                return taken
        wanted += self.length(self.joined)
        size = min(size - taken, wanted - self.joined_size)
        self.append(at + taken, size, wanted)
        if self.joined_size == wanted:
            self.joined_size = 0
            self.feed(self.joined, wanted)
            if self.joined_capacity > MESSAGE_KEEP_BYTES:
                self.release()
        return taken + size

    cdef int append(self, const uint8_t* at, size_t size, size_t wanted) except -1:
        """Room grows with what came, not with what a length promises."""
        cdef size_t needed = self.joined_size + size
        cdef size_t capacity
        cdef void* grown
        if needed > self.joined_capacity:
            capacity = max(<size_t> 4096, min(2 * needed, wanted))
            self.door.joining += capacity - self.joined_capacity
            if self.door.joining > JOINING_BYTES_MAX:
                raise ConnectionFault(
                    Reason.MESSAGE_TOO_BIG, f"unfinished messages of more than {JOINING_BYTES_MAX} bytes together")
            grown = realloc(self.joined, capacity)
            if grown == NULL:
                raise MemoryError(f"no memory for a message of {capacity} bytes")
            self.joined = <uint8_t*> grown
            self.joined_capacity = capacity
        if size:
            memcpy(self.joined + self.joined_size, at, size)
        self.joined_size = needed
        return 0

    cdef int release(self) except -1:
        """Give the buffer back."""
        self.door.joining -= self.joined_capacity
        free(self.joined)
        self.joined = NULL
        self.joined_capacity = self.joined_size = 0
        return 0

    # How the answer begins and ends.

    def begun(self, headers, ends):
        status = refused_at_once(headers, ends=ends)
        if status is not None:
            self._end(status)
            self.door.drop(self)    # what follows is no message, but a page for people

    def finished(self, trailers):
        if self.joined_size:
            raise Http2Fault("a stream ended in the middle of a message")
        self._end(from_trailers(trailers or ()))

    def broken(self, code):
        self._end(from_reset(code))

    def drop(self):
        """Let go of everything, whatever the call was doing."""
        self.door.drop(self)
        self.release()
        self.heard.set()

    def _end(self, status):
        if not self.ended.done():
            self.ended.set_result(status)


@cython.final
cdef class GrpcDoor(Http2Connection):
    """One open connection with its calls; see door.Door. Made by open_grpc(). For the loop's thread only."""
    cdef Connection core            # the C way in; None when the intake is a Python object
    cdef object intake              # the Python way in
    cdef object on_control          # Callable[[bytes], None]
    cdef object on_refused          # Callable[[Call, str, bool], None]: whether it will be made again
    cdef object on_leaving          # Callable[[str], None]: the server will close
    cdef object headers_of          # Callable[[str], list]: a call's, by its path
    cdef object timing
    cdef dict calls                 # Call -> (task, heard)
    cdef set tasks
    cdef uint32_t undrained         # messages since the batch boundary

    cdef readonly size_t joining            # bytes held for unfinished messages
    cdef uint64_t messages
    cdef readonly uint64_t bytes_in         # payload, prefixes included
    cdef readonly uint64_t bytes_out        # payload
    cdef readonly int64_t last_frame_ns

    def __init__(self, intake, on_control, on_refused, on_leaving, headers_of, timing):
        Http2Connection.__init__(self)
        if isinstance(intake, Connection):
            self.core = <Connection> intake
        self.intake = intake
        self.on_control, self.on_refused, self.on_leaving = on_control, on_refused, on_leaving
        self.headers_of = headers_of
        self.timing = timing
        self.calls, self.tasks = {}, set()

    @property
    def frames(self):
        """Messages, and the server's pings: either proves that it lives."""
        return self.messages + self.pings

    # What a read brings.

    cdef int feed(self, const uint8_t* at, size_t size) except -1:
        """One message to the pipeline. `at` is borrowed until return."""
        self.messages += 1
        self.bytes_in += size
        self.last_frame_ns = self.burst_ns
        if self.core is not None:
            if self.core.feed(at, size, self.burst_ns) == CONTROL:
                self.on_control(PyBytes_FromStringAndSize(<const char*> at, size))
        else:
            message = PyBytes_FromStringAndSize(<const char*> at, size)
            if self.intake.feed_bytes(message, self.burst_ns) == CONTROL:
                self.on_control(message)
        self.undrained += 1
        if self.undrained >= BOUNDARY_MESSAGES:
            self.boundary()
        return 0

    cdef int boundary(self) except -1:
        if self.undrained:
            self.undrained = 0
            if self.core is not None:
                self.core.drained(realtime_ns())
            else:
                self.intake.drained_now()
        return 0

    def went_away(self, code, words):
        if code == ErrorCode.NO_ERROR:
            self.on_leaving(f"the server goes away: {words}")
        else:
            self.fail(ConnectionFault(Reason.SERVER_CLOSED, f"the server closed the connection: {words}"))

    # Calls.

    def set_calls(self, calls):
        """Run exactly these calls. Those that go end after the new ones have begun, so that nothing is missed."""
        wanted = dict.fromkeys(calls)
        old = [self.calls.pop(call) for call in list(self.calls) if call not in wanted]
        new = [call for call in wanted if call not in self.calls]
        for call in new:
            heard = asyncio.Event()
            self.calls[call] = (self.spawn(self._follow(call, heard)), heard)
        if old:
            self.spawn(self._replace([task for task, _ in old], [self.calls[call][1] for call in new]))

    def spawn(self, work):
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _follow(self, call, heard):
        """One call, made again whenever it ends well or fails for now, until it is cancelled or refused for good."""
        pauses = Backoff(self.timing.uniform)
        try:
            while True:
                messages, status = await self._answer(call, heard)
                if messages:
                    pauses.reset()
                if status.code in CALL_REFUSALS:
                    return self.on_refused(call, status.words, False)
                if status.code is Code.OK:
                    await self.timing.sleep(RESUBSCRIBE_PAUSE_S)
                elif status.code not in CALL_FAILURES or pauses.failures == CALL_FAILURES_MAX or self.leaving:
                    return self.fail(self._meant(status.fault()))
                else:
                    self.on_refused(call, status.words, True)
                    await self.timing.sleep(pauses.pause_s(status.retry_after_s))
        except ConnectionFault as fault:
            self.fail(fault)
        except Exception as error:
            self.fail(bug(error))
        finally:
            heard.set()

    async def ask(self, call):
        """Make one call to its end, beside set_calls; return its status."""
        return (await self._answer(call, asyncio.Event()))[1]

    async def _answer(self, call, heard):
        """Make the call when there is room for one more stream; return whether messages came, and the status."""
        while not self.has_room():
            self.slot_freed.clear()
            await self.slot_freed.wait()
        stream = MessageStream(self, call.prefix, heard)
        try:
            self.start_call(stream, call.path, call.request)
            status = await stream.ended
            return not stream.silent, status
        finally:
            stream.drop()

    def start_call(self, MessageStream stream not None, path, bytes asked not None):
        """Ask; the answer comes to the stream. Raises ConnectionFault."""
        size = len(asked)
        self.bytes_out += <uint64_t> size
        self.start(stream, self.headers_of(path), b"\0" + size.to_bytes(4, "big") + asked)

    def _meant(self, fault):
        """What fails because the server announced its end is part of it."""
        if self.leaving and fault.retryable:
            return ConnectionFault(Reason.RECONNECT_REQUESTED, str(fault))
        return fault

    async def _replace(self, old, heards):
        """End calls once those that take over have brought something."""
        waits = [asyncio.ensure_future(heard.wait()) for heard in heards]
        try:
            if waits:
                await asyncio.wait(waits, timeout=OVERLAP_MAX_S)
        finally:
            for wait in waits:
                wait.cancel()
            for task in old:
                task.cancel()

    async def close(self):
        """End all calls with a goodbye; returns when the line is gone."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.hang_up()


async def open_grpc(
    url, intake, on_control, on_refused, on_leaving, *, metadata, tls, connect_within_s, timing,
):
    """Connect. Returns a GrpcDoor; raises ConnectionFault.

    `url` is host:port, with or without a scheme; http and grpc mean no TLS. `tls` is the ssl.SSLContext where it
    is wanted; `metadata` goes with each call.
    """
    line = None
    try:
        place = urlsplit(url if "://" in url else f"//{url}")
        host, port = place.hostname, place.port or (443 if tls else 80)
        if not host:
            raise ConnectionFault(Reason.CONNECT_FAILED, "this is no gRPC address: use host:port", retryable=False)
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        door = GrpcDoor(
            intake, on_control, on_refused, on_leaving,
            lambda path: request(path, place.netloc, secure=tls is not None, metadata=metadata), timing)
        async with asyncio.timeout(connect_within_s):
            line = await dialled(host, port)
            if await manned(line, door, host, tls) != (None if tls is None else "h2"):
                raise ConnectionFault(
                    Reason.HANDSHAKE_REFUSED, "the server speaks TLS, but not HTTP/2 (ALPN h2): check host and port")
            await asyncio.wait((door.greeted, door.ended), return_when=asyncio.FIRST_COMPLETED)
        if door.ended.done():
            raise door.ended.result()
        door.spawn(door.keep_alive(timing.sleep))
        return door
    except Exception as error:
        await let_go(line)
        raise _connect_fault(error, connect_within_s) from error
    except BaseException:
        await let_go(line)
        raise


def _connect_fault(error, connect_within_s):
    """The fault behind an exception while connecting: a ValueError is the address's."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return ConnectionFault(Reason.CONNECT_FAILED, f"no gRPC address: {error}; use host:port", retryable=False)
    return dial_fault(error, connect_within_s)
