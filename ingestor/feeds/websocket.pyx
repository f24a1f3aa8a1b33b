"""The WebSocket door: frames from picows, in place, into the pipeline.

The door is picows' listener itself and runs inside the socket callback, because a payload is borrowed
from picows' read buffer and is gone when the callback returns. It joins fragments, inflates, answers
pings and goodbyes, and stamps each read burst once. It knows no provider and no subscription. Whatever
goes wrong ends this connection with a named reason and nothing else. The one file that knows picows.
"""
import asyncio
import logging

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from picows.picows cimport WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from ingestor._core cimport Connection
from ingestor.records cimport CONTROL, FRAME_BYTES_MAX

from picows import WSHandshakeError, WSInvalidURL, WSProtocolError, ws_connect

from ingestor.feeds.backoff import named_pause_s
from ingestor.feeds.deflate import OFFER, Inflater, agreement
from ingestor.feeds.dial import dial_fault, dialled, let_go
from ingestor.feeds.door import ConnectionFault, Reason

cdef enum:
    BOUNDARY_FRAMES = 64            # a read can bring 20,000 frames: what batches fill meanwhile must go out
    MESSAGE_KEEP_BYTES = 1 << 20    # a joined message's buffer beyond it is given back
    UNSENT_BYTES_MAX = 1 << 20      # ours is control traffic only: this is minutes of pongs
    PINGS_PER_S_MAX = 1000          # providers ping every few seconds; each costs us a send
    FRAGMENTS_MAX = 1 << 16         # of one message: FRAME_BYTES_MAX in pieces of 256 bytes
CLOSE_WITHIN_S = 1.0                # for the peer's goodbye after ours, and for the line to go after a cut
# A read takes what a busy socket holds. picows doubles the buffer while reads fill it: beyond the largest
# frame, up to the kernel's receive buffer (tcp_rmem, 6 MB unless somebody raised it).
READ_BUFFER_BYTES = 256 << 10

# picows logs addresses at INFO, and a redirect's URL, which may hold a key. The link logs instead.
_SILENT = logging.Logger("picows.silent", logging.CRITICAL + 1)
_CLOSE_CODES = {
    Reason.PROTOCOL_ERROR: WSCloseCode.PROTOCOL_ERROR, Reason.DEFLATE_ERROR: WSCloseCode.INVALID_TEXT,
    Reason.MESSAGE_TOO_BIG: WSCloseCode.MESSAGE_TOO_BIG, Reason.PING_FLOOD: WSCloseCode.POLICY_VIOLATION,
    Reason.STOPPED: WSCloseCode.OK,
}


cdef inline int64_t realtime_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


@cython.final
cdef class WebSocketDoor(WSListener):
    """One open WebSocket connection; see door.Door. Made by open_websocket(). For the loop's thread only."""
    cdef Connection core            # the C way in; None when the intake is a Python object
    cdef object intake              # the Python way in
    cdef object on_control          # Callable[[bytes], None]
    cdef object inflater            # Inflater, or None without permessage-deflate
    cdef WSTransport transport
    cdef object ended               # asyncio.Future[ConnectionFault]: why, as soon as it is known

    cdef bint plain                 # a whole data frame may go straight to `core`
    cdef bint over                  # nothing is fed any more
    cdef int64_t burst_ns           # receive time of what the present read brought; 0 between reads
    cdef uint32_t undrained         # frames since the batch boundary

    # The message being joined from fragments; owned.
    cdef uint8_t* message
    cdef size_t message_size
    cdef size_t message_capacity
    cdef uint32_t fragments
    cdef bint in_message
    cdef bint message_compressed

    cdef uint32_t pings             # since pings_since_ns, for at most a second
    cdef int64_t pings_since_ns

    cdef readonly uint64_t frames
    cdef readonly uint64_t bytes_in         # payload, as sent
    cdef readonly uint64_t bytes_out
    cdef readonly int64_t last_frame_ns

    def __cinit__(self):
        self.message = NULL

    def __dealloc__(self):
        free(self.message)

    def __init__(self, intake, on_control, inflater):
        if isinstance(intake, Connection):
            self.core = <Connection>intake
        self.plain = self.core is not None
        self.intake = intake
        self.on_control = on_control
        self.inflater = inflater
        self.ended = asyncio.get_running_loop().create_future()

    # What picows calls.

    cpdef on_ws_connected(self, WSTransport transport):
        self.transport = transport
        transport.disconnected_future.add_done_callback(self._line_ended)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef int status
        if self.burst_ns == 0:
            self.burst_ns = self.last_frame_ns = realtime_ns()
        self.frames += 1
        self.bytes_in += <uint64_t>frame.payload_size
        if (self.plain and frame.fin and not (frame.rsv1 | frame.rsv2 | frame.rsv3)
                and (frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.BINARY)):
            status = self.core.feed(<const uint8_t*>frame.payload_ptr, <size_t>frame.payload_size, self.burst_ns)
            if status == CONTROL:
                self.tell(<const uint8_t*>frame.payload_ptr, <size_t>frame.payload_size)
        else:
            self.take(frame)
        self.undrained += 1
        if frame.last_in_buffer or self.undrained >= BOUNDARY_FRAMES:
            self.drain()
            if frame.last_in_buffer:
                self.burst_ns = 0
                if self.transport.is_close_frame_sent:
                    self.plain = False      # picows refused a frame, which _line_ended() tells, but reads on
                    self.over = True

    def _line_ended(self, disconnected):
        """The transport is gone. `disconnected` holds what picows' own frame parser found, if anything."""
        error = disconnected.exception()
        if isinstance(error, WSProtocolError):
            big = error.code == WSCloseCode.MESSAGE_TOO_BIG
            fault = ConnectionFault(Reason.MESSAGE_TOO_BIG if big else Reason.PROTOCOL_ERROR, str(error))
        else:
            fault = ConnectionFault(Reason.CONNECTION_LOST, f"the connection broke: {error or 'without goodbye'}")
        self.over = True
        self.plain = False
        if not self.ended.done():
            self.ended.set_result(fault)

    # Frames that need more than the pipeline. Nothing below raises into picows.

    cdef int take(self, WSFrame frame) noexcept:
        try:
            if not self.over:
                self.take_checked(frame)
            elif frame.msg_type == WSMsgType.CLOSE:
                self.transport.disconnect()
        except ConnectionFault as fault:
            self.end(fault)
        except Exception as error:
            self.end(_bug(error))
        return 0

    cdef int take_checked(self, WSFrame frame) except -1:
        """One frame by its kind; raises ConnectionFault for what RFC 6455 forbids."""
        cdef const uint8_t* at = <const uint8_t*>frame.payload_ptr
        cdef size_t size = <size_t>frame.payload_size
        if frame.rsv2 or frame.rsv3:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "a frame with a reserved bit that nobody negotiated")
        if frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.BINARY:
            if self.in_message:
                raise ConnectionFault(Reason.PROTOCOL_ERROR, "a new message began inside an unfinished one")
            if frame.rsv1 and self.inflater is None:
                raise ConnectionFault(Reason.PROTOCOL_ERROR, "a compressed frame, but compression was not agreed on")
            if frame.fin:
                return self.feed(at, size, frame.rsv1)
            self.in_message = True
            self.plain = False
            self.fragments = 0
            self.message_compressed = frame.rsv1
            return self.join(at, size)
        if frame.rsv1:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "the compression bit on a frame that can't carry it")
        if frame.msg_type == WSMsgType.CONTINUATION:
            return self.continue_message(at, size, frame.fin)
        if frame.msg_type == WSMsgType.PING:
            self.answer(frame)
        elif frame.msg_type == WSMsgType.CLOSE:
            self.goodbye(frame)
        return 0

    cdef int continue_message(self, const uint8_t* at, size_t size, bint last) except -1:
        if not self.in_message:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "a continuation of no message")
        self.join(at, size)
        if not last:
            return 0
        self.feed(self.message, self.message_size, self.message_compressed)
        self.in_message = False
        self.plain = self.core is not None
        self.message_size = 0
        if self.message_capacity > MESSAGE_KEEP_BYTES:
            free(self.message)
            self.message = NULL
            self.message_capacity = 0
        return 0

    cdef int join(self, const uint8_t* at, size_t size) except -1:
        """Append to the message, which stays within FRAME_BYTES_MAX."""
        cdef size_t needed = self.message_size + size
        cdef size_t capacity
        cdef void* grown
        self.fragments += 1
        if needed > FRAME_BYTES_MAX or self.fragments > FRAGMENTS_MAX:
            raise ConnectionFault(Reason.MESSAGE_TOO_BIG, f"a fragmented message beyond {FRAME_BYTES_MAX} bytes"
                                                          f" or {FRAGMENTS_MAX} fragments")
        if needed > self.message_capacity:
            capacity = max(<size_t>4096, 2 * needed)
            grown = realloc(self.message, capacity)
            if grown == NULL:
                raise MemoryError(f"no memory for a message of {capacity} bytes")
            self.message = <uint8_t*>grown
            self.message_capacity = capacity
        if size:
            memcpy(self.message + self.message_size, at, size)
        self.message_size = needed
        return 0

    cdef int answer(self, WSFrame ping) except -1:
        if not 0 <= self.burst_ns - self.pings_since_ns <= 1000000000:
            self.pings_since_ns = self.burst_ns
            self.pings = 0
        self.pings += 1
        if self.pings > PINGS_PER_S_MAX:
            raise ConnectionFault(Reason.PING_FLOOD, f"the server sent more than {PINGS_PER_S_MAX} pings in a second")
        return self._send(WSMsgType.PONG, ping.get_payload_as_bytes())

    cdef int feed(self, const uint8_t* at, size_t size, bint compressed) except -1:
        """One whole message to the pipeline. `at` is borrowed until return."""
        cdef bytes copied
        if self.core is None or compressed:
            copied = PyBytes_FromStringAndSize(<const char*>at, size)
            if compressed:
                copied = self.inflater.inflate(copied)
            if self.core is None:
                if self.intake.feed_bytes(copied, self.burst_ns) == CONTROL:
                    self.on_control(copied)
                return 0
            at = <const uint8_t*>PyBytes_AS_STRING(copied)
            size = <size_t>PyBytes_GET_SIZE(copied)
        if self.core.feed(at, size, self.burst_ns) == CONTROL:
            self.tell(at, size)
        return 0

    cdef int tell(self, const uint8_t* at, size_t size) noexcept:
        """A message for the link, not for the pipeline."""
        try:
            self.on_control(PyBytes_FromStringAndSize(<const char*>at, size))
        except Exception as error:
            self.end(_bug(error))
        return 0

    cdef int drain(self) noexcept:
        """The batch boundary."""
        self.undrained = 0
        try:
            if self.core is not None:
                self.core.drained(realtime_ns())
            else:
                self.intake.drained_now()
        except Exception as error:
            self.end(_bug(error))
        return 0

    cdef int goodbye(self, WSFrame frame) except -1:
        """The server closes: answer with its own code, as RFC 6455 5.5.1 wants."""
        cdef int code = frame.get_close_code()
        if self.transport.is_close_frame_sent:
            return 0    # picows said goodbye first: its parser refused a frame, which _line_ended() tells
        if frame.payload_size and not (1000 <= code <= 1014 and code != 1006 or 3000 <= code <= 4999):
            raise ConnectionFault(Reason.PROTOCOL_ERROR, f"a goodbye with {code}, a code that nobody may send")
        words = (frame.get_close_message() or b"").decode("utf-8", "replace")
        self.end(ConnectionFault(
            Reason.SERVER_CLOSED, f"the server closed with {code or 'no code'} {words}".rstrip()), code or WSCloseCode.OK)
        return 0

    # What the link calls, see door.Door.

    def end(self, fault, code=None):
        """Feed no more, say goodbye with the fitting code, and let the line go. Never raises.

        A connection that we only stop stays open for the peer's goodbye: close() waits for it.
        """
        self.over = True
        self.plain = False
        if not self.ended.done():
            self.ended.set_result(fault)
        try:
            if not self.transport.is_close_frame_sent:
                self.transport.send_close(code or _CLOSE_CODES.get(fault.reason, WSCloseCode.GOING_AWAY))
            if fault.reason is not Reason.STOPPED:
                self.transport.disconnect()
        except Exception:
            self.transport.disconnect(False)

    @property
    def compressed(self):
        """Whether permessage-deflate was agreed on."""
        return self.inflater is not None

    def send(self, text):
        """Send one text message (bytes). Raises ConnectionFault when the peer reads nothing any more."""
        self._send(WSMsgType.TEXT, text)
        self.bytes_out += <uint64_t>len(text)

    cdef int _send(self, WSMsgType type, bytes payload) except -1:
        if self.transport.underlying_transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            raise ConnectionFault(Reason.PEER_NOT_READING, f"the peer reads nothing: {UNSENT_BYTES_MAX} bytes wait")
        self.transport.send(type, payload)
        return 0

    async def wait_closed(self):
        """Wait for the end of the connection; raise the ConnectionFault that says why."""
        raise await asyncio.shield(self.ended)

    async def close(self):
        """Say goodbye, wait CLOSE_WITHIN_S for the peer's, then cut; returns when the line is gone."""
        line = (self.transport.disconnected_future,)
        if not self.transport.is_disconnected:
            self.end(ConnectionFault(Reason.STOPPED, "we closed the connection"))
        await asyncio.wait(line, timeout=CLOSE_WITHIN_S)
        self.transport.disconnect(False)
        await asyncio.wait(line, timeout=CLOSE_WITHIN_S)

    def pause_reading(self):
        self.transport.underlying_transport.pause_reading()

    def resume_reading(self):
        self.transport.underlying_transport.resume_reading()


def _bug(error):
    return ConnectionFault(Reason.INTERNAL_ERROR, f"the pipeline failed: {type(error).__name__}: {error}")


async def open_websocket(url, intake, on_control, *, headers, tls, deflate, connect_within_s):
    """Connect and upgrade. Returns a WebSocketDoor; raises ConnectionFault.

    `tls` is the ssl.SSLContext for a wss URL. `deflate` offers permessage-deflate. Redirects are not
    followed: they would take the key along.
    """
    line = None     # the socket is ours, so that an attempt given up leaves nothing behind

    async def connected(wanted):
        nonlocal line
        line = await dialled(wanted.host, wanted.port)
        return line

    def upgraded(request, response):
        if "Sec-WebSocket-Protocol" in response.headers:
            raise ConnectionFault(Reason.HANDSHAKE_REFUSED, "the server chose a subprotocol that was not offered")
        terms = agreement(response.headers.getall("Sec-WebSocket-Extensions", []), offered=deflate)
        return WebSocketDoor(intake, on_control, None if terms is None else Inflater(terms, FRAME_BYTES_MAX))

    offers = list(headers.items()) + ([("Sec-WebSocket-Extensions", OFFER)] if deflate else [])
    try:
        async with asyncio.timeout(connect_within_s):
            _, door = await ws_connect(
                upgraded, url, ssl_context=tls, extra_headers=offers, max_redirects=0, logger_name=_SILENT,
                websocket_handshake_timeout=None, enable_auto_pong=False, max_frame_size=FRAME_BYTES_MAX,
                read_buffer_init_size=READ_BUFFER_BYTES, socket_factory=connected)
        if door is None:
            raise ConnectionFault(Reason.HANDSHAKE_REFUSED, "the server hung up instead of answering the upgrade")
        return door
    except Exception as error:
        await let_go(line)
        raise _connect_fault(error, connect_within_s) from error
    except BaseException:
        await let_go(line)
        raise


def _connect_fault(error, connect_within_s):
    """The fault behind an exception of ws_connect."""
    if isinstance(error, WSHandshakeError):
        status = error.response.status if error.response is not None else 0
        after = error.response.headers.get("Retry-After", "") if error.response is not None else ""
        return ConnectionFault(
            Reason.UNAUTHENTICATED if status == 401 else Reason.HANDSHAKE_REFUSED,
            f"the upgrade was refused: {error}", retryable=status != 401,
            retry_after_s=named_pause_s(after))
    if isinstance(error, WSInvalidURL):
        return ConnectionFault(Reason.CONNECT_FAILED, "this is no WebSocket URL: use wss://host/path", retryable=False)
    return dial_fault(error, connect_within_s)
