"""The WebSocket door: frames from picows, in place, into the pipeline.

The listener runs inside the socket callback, because a payload is borrowed from picows' read
buffer and is gone when the callback returns. It joins fragments, inflates, answers pings and
goodbyes, and stamps each read burst once. It knows no provider and no subscription. Whatever goes
wrong ends this connection with a named reason and nothing else. This is the one file that knows picows.
"""
import asyncio
import logging
import ssl

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from picows.picows cimport WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from ingestor._core cimport Connection
from ingestor.records cimport CONTROL, FRAME_BYTES_MAX

from picows import WSHandshakeError, WSInvalidURL, WSProtocolError, ws_connect

from ingestor.feeds.deflate import OFFER, Inflater, agreement
from ingestor.feeds.door import ConnectionFault, Reason

cdef size_t MESSAGE_KEEP_BYTES = 1 << 20    # a joined message's buffer beyond it is given back
cdef Py_ssize_t UNSENT_BYTES_MAX = 1 << 20  # ours is control traffic only: this is minutes of pongs
CLOSE_WITHIN_S = 1.0                        # for the peer's goodbye after ours
READ_BUFFER_BYTES = 256 << 10               # one read takes what a busy socket holds; a page or two of RAM when idle

# picows logs addresses at INFO, and a redirect's URL, which may hold a key. The feed logs instead.
_SILENT = logging.Logger("picows.silent", logging.CRITICAL + 1)


cdef inline int64_t realtime_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


@cython.final
cdef class Listener(WSListener):
    """One connection's callbacks. Runs on the loop's thread only."""
    cdef Connection core            # the C way; None when the intake is a Python object
    cdef object intake              # the Python way
    cdef object on_control          # Callable[[bytes], None]
    cdef object inflater            # Inflater, or None without permessage-deflate
    cdef WSTransport transport      # None before the upgrade

    # The message being joined from fragments; owned.
    cdef uint8_t* message
    cdef size_t message_size
    cdef size_t message_capacity
    cdef bint in_message
    cdef bint message_compressed

    cdef int64_t burst_ns           # receive time of the read burst
    cdef bint in_burst
    cdef bint ended                 # nothing is fed any more
    cdef readonly object fault      # ConnectionFault, once known

    cdef readonly uint64_t frames
    cdef readonly uint64_t bytes_in         # payload bytes, as sent
    cdef readonly int64_t last_frame_ns

    def __cinit__(self):
        self.message = NULL

    def __dealloc__(self):
        free(self.message)

    def __init__(self, intake, on_control):
        if isinstance(intake, Connection):
            self.core = <Connection>intake
        self.intake = intake
        self.on_control = on_control

    cpdef on_ws_connected(self, WSTransport transport):
        self.transport = transport

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        if self.ended and frame.msg_type != WSMsgType.CLOSE:
            return
        if not self.in_burst:
            self.in_burst = True
            self.burst_ns = realtime_ns()
        self.frames += 1
        self.bytes_in += frame.payload_size
        self.last_frame_ns = self.burst_ns
        try:
            self._take(frame)
            if frame.last_in_buffer:
                self.in_burst = False
                self._drained()
        except ConnectionFault as fault:
            self.end(fault)
        except Exception as error:
            self.end(ConnectionFault(Reason.INTERNAL_ERROR, f"the pipeline failed: {type(error).__name__}: {error}"))

    cpdef on_ws_disconnected(self, WSTransport transport):
        if not self.in_burst:
            return
        self.in_burst = False
        try:
            self._drained()
        except Exception as error:
            if self.fault is None:
                self.fault = ConnectionFault(Reason.INTERNAL_ERROR, f"the pipeline failed: {error}")

    cdef int _take(self, WSFrame frame) except -1:
        """One frame by its kind. The data of a whole, plain message is not copied."""
        cdef const uint8_t* at = <const uint8_t*>frame.payload_ptr
        cdef size_t size = <size_t>frame.payload_size
        if frame.rsv2 or frame.rsv3:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "a frame with a reserved bit that nobody negotiated")
        if frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.BINARY:
            if self.in_message:
                raise ConnectionFault(Reason.PROTOCOL_ERROR, "a new message began inside an unfinished one")
            if frame.rsv1 and self.inflater is None:
                raise ConnectionFault(Reason.PROTOCOL_ERROR, "a compressed frame, but compression was not agreed on")
            if frame.fin and not frame.rsv1:
                self._feed(at, size)
            elif frame.fin:
                self._feed_bytes(self.inflater.inflate(PyBytes_FromStringAndSize(<const char*>at, size)))
            else:
                self.in_message = True
                self.message_compressed = frame.rsv1
                self._join(at, size)
            return 0
        if frame.rsv1:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "the compression bit on a frame that can't carry it")
        if frame.msg_type == WSMsgType.CONTINUATION:
            self._continue(at, size, frame.fin)
        elif frame.msg_type == WSMsgType.PING:
            self._pong(frame)
        elif frame.msg_type == WSMsgType.CLOSE:
            self._goodbye(frame)
        return 0

    cdef int _continue(self, const uint8_t* at, size_t size, bint last) except -1:
        if not self.in_message:
            raise ConnectionFault(Reason.PROTOCOL_ERROR, "a continuation of no message")
        self._join(at, size)
        if not last:
            return 0
        self.in_message = False
        if self.message_compressed:
            self._feed_bytes(self.inflater.inflate(
                PyBytes_FromStringAndSize(<const char*>self.message, self.message_size)))
        else:
            self._feed(self.message, self.message_size)
        self.message_size = 0
        if self.message_capacity > MESSAGE_KEEP_BYTES:
            free(self.message)
            self.message = NULL
            self.message_capacity = 0
        return 0

    cdef int _join(self, const uint8_t* at, size_t size) except -1:
        """Append to the message, which stays within FRAME_BYTES_MAX."""
        cdef size_t needed = self.message_size + size
        cdef size_t capacity
        cdef void* grown
        if needed > FRAME_BYTES_MAX:
            raise ConnectionFault(Reason.MESSAGE_TOO_BIG, f"a fragmented message beyond {FRAME_BYTES_MAX} bytes")
        if needed > self.message_capacity or self.message == NULL:
            capacity = max(<size_t>4096, 2 * needed)
            grown = realloc(self.message, capacity)
            if grown == NULL:
                raise MemoryError()
            self.message = <uint8_t*>grown
            self.message_capacity = capacity
        memcpy(self.message + self.message_size, at, size)
        self.message_size = needed
        return 0

    cdef int _feed_bytes(self, bytes message) except -1:
        return self._feed(<const uint8_t*>PyBytes_AS_STRING(message), <size_t>PyBytes_GET_SIZE(message))

    cdef int _feed(self, const uint8_t* at, size_t size) except -1:
        """One whole message to the pipeline. `at` is borrowed until return."""
        cdef int status
        if self.core is not None:
            status = self.core.feed(at, size, self.burst_ns)
            if status == CONTROL:
                self.on_control(PyBytes_FromStringAndSize(<const char*>at, size))
        else:
            copied = PyBytes_FromStringAndSize(<const char*>at, size)
            status = self.intake.feed_bytes(copied, self.burst_ns)
            if status == CONTROL:
                self.on_control(copied)
        return 0

    cdef int _drained(self) except -1:
        if self.core is not None:
            self.core.drained(realtime_ns())
        else:
            self.intake.drained_now()
        return 0

    cdef int _pong(self, WSFrame frame) except -1:
        if self.transport.underlying_transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            raise ConnectionFault(Reason.PEER_NOT_READING, f"the peer pings and reads nothing: {UNSENT_BYTES_MAX} bytes wait")
        self.transport.send_pong(frame.get_payload_as_bytes())
        return 0

    cdef int _goodbye(self, WSFrame frame) except -1:
        cdef int code = frame.get_close_code()
        words = (frame.get_close_message() or b"").decode("utf-8", "replace")
        if self.fault is None:
            self.fault = ConnectionFault(
                Reason.SERVER_CLOSED, f"the server closed with {code or 'no code'} {words}".rstrip())
        self.ended = True
        if not self.transport.is_close_frame_sent:
            self.transport.send_close(<WSCloseCode>code if code else WSCloseCode.OK)
        self.transport.disconnect()
        return 0

    def end(self, fault):
        """Stop feeding, say goodbye with the fitting code, and let the line go. Never raises."""
        self.ended = True
        if self.fault is None:
            self.fault = fault
        codes = {Reason.PROTOCOL_ERROR: WSCloseCode.PROTOCOL_ERROR, Reason.DEFLATE_ERROR: WSCloseCode.INVALID_TEXT,
                 Reason.MESSAGE_TOO_BIG: WSCloseCode.MESSAGE_TOO_BIG, Reason.STOPPED: WSCloseCode.OK}
        try:
            if not self.transport.is_close_frame_sent:
                self.transport.send_close(codes.get(fault.reason, WSCloseCode.GOING_AWAY))
            if fault.reason is not Reason.STOPPED:
                self.transport.disconnect()
        except Exception:
            self.transport.disconnect(False)


class WebSocketDoor:
    """One open WebSocket connection; see door.Door."""

    def __init__(self, transport, listener):
        self._transport = transport
        self._listener = listener
        self.compressed = (<Listener>listener).inflater is not None
        self.bytes_out = 0

    @property
    def frames(self):
        return self._listener.frames

    @property
    def bytes_in(self):
        return self._listener.bytes_in

    @property
    def last_frame_ns(self):
        return self._listener.last_frame_ns

    def send(self, text):
        """Send one text message (bytes). Raises ConnectionFault when the peer reads nothing any more."""
        if self._transport.underlying_transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            raise ConnectionFault(Reason.PEER_NOT_READING, f"the peer reads nothing: {UNSENT_BYTES_MAX} bytes wait")
        self._transport.send(WSMsgType.TEXT, text)
        self.bytes_out += len(text)

    async def wait_closed(self):
        """Wait for the end of the connection; raise the ConnectionFault that says why."""
        try:
            await self._transport.wait_disconnected()
        except WSProtocolError as error:    # found by picows' own frame parser
            big = error.code == WSCloseCode.MESSAGE_TOO_BIG
            raise ConnectionFault(Reason.MESSAGE_TOO_BIG if big else Reason.PROTOCOL_ERROR, str(error)) from error
        except Exception as error:
            raise ConnectionFault(Reason.CONNECTION_LOST, f"the connection broke: {error}") from error
        if self._listener.fault is not None:
            raise self._listener.fault
        raise ConnectionFault(Reason.CONNECTION_LOST, "the connection broke without goodbye")

    async def close(self):
        """Say goodbye, wait CLOSE_WITHIN_S for the peer's, then cut."""
        if not self._transport.is_disconnected:
            self._listener.end(ConnectionFault(Reason.STOPPED, "we closed the connection"))
        try:
            await asyncio.wait_for(self.wait_closed(), CLOSE_WITHIN_S)
        except (TimeoutError, ConnectionFault):
            self._transport.disconnect(False)

    def pause_reading(self):
        self._transport.underlying_transport.pause_reading()

    def resume_reading(self):
        self._transport.underlying_transport.resume_reading()


async def open_websocket(url, intake, on_control, *, headers, tls, deflate, connect_within_s):
    """Connect and upgrade. Returns a WebSocketDoor; raises ConnectionFault.

    `tls` is the ssl.SSLContext for a wss URL. `deflate` offers permessage-deflate. Redirects are not
    followed: they would take the key along.
    """
    abandoned = False

    def listener_factory(request, response):
        if abandoned:
            raise ConnectionFault(Reason.STOPPED, "nobody waits for this connection any more")
        cdef Listener listener = Listener(intake, on_control)
        terms = agreement(response.headers.getall("Sec-WebSocket-Extensions", []), offered=deflate)
        listener.inflater = None if terms is None else Inflater(terms, FRAME_BYTES_MAX)
        return listener

    wanted = list(headers.items()) + ([("Sec-WebSocket-Extensions", OFFER)] if deflate else [])
    try:
        transport, listener = await asyncio.wait_for(ws_connect(
            listener_factory, url, ssl_context=tls, extra_headers=wanted, max_redirects=0, logger_name=_SILENT,
            websocket_handshake_timeout=connect_within_s, enable_auto_pong=False, max_frame_size=FRAME_BYTES_MAX,
            read_buffer_init_size=READ_BUFFER_BYTES), connect_within_s)
    except Exception as error:
        raise _connect_fault(error, connect_within_s) from error
    finally:
        abandoned = True    # the factory has run by now, or must not run any more
    return WebSocketDoor(transport, listener)


def _connect_fault(error, connect_within_s):
    """The fault behind an exception of ws_connect."""
    if isinstance(error, ConnectionFault):
        return error
    if isinstance(error, TimeoutError):
        return ConnectionFault(Reason.CONNECT_TIMEOUT, f"no connection within {connect_within_s} s")
    if isinstance(error, ssl.SSLError):
        return ConnectionFault(Reason.TLS_REFUSED, f"TLS failed: {error}; check the clock and tls.ca_file")
    if isinstance(error, WSHandshakeError):
        status = error.response.status if error.response is not None else 0
        after = error.response.headers.get("Retry-After", "") if error.response is not None else ""
        return ConnectionFault(
            Reason.UNAUTHENTICATED if status == 401 else Reason.HANDSHAKE_REFUSED,
            f"the upgrade was refused: {error}", retryable=status != 401,
            retry_after_s=float(after) if after.isascii() and after.isdigit() else 0.0)
    if isinstance(error, WSInvalidURL):
        return ConnectionFault(Reason.CONNECT_FAILED, "this is no WebSocket URL: use wss://host/path", retryable=False)
    return ConnectionFault(Reason.CONNECT_FAILED, f"no connection: {error or type(error).__name__}")
