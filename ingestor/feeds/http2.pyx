"""The HTTP/2 connection: streams of a client over one line, received in place. RFC 9113.

An asyncio protocol that reads into a buffer of its own and hands each piece of DATA to its stream, borrowed.
It keeps the windows of both directions, answers settings and pings, sends requests as far as the server
allows, and knows nothing of what they mean: a subclass opens streams, a Stream's subclass takes the answers.
Whatever goes wrong ends the connection with a named reason.
"""
import asyncio

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from ingestor.feeds.http2_frames cimport (
    FLAG_ACK, FLAG_END_HEADERS, FLAG_END_STREAM, FRAME_CONTINUATION, FRAME_DATA, FRAME_GOAWAY, FRAME_HEADERS,
    FRAME_PING, FRAME_RST_STREAM, FRAME_SETTINGS, FRAME_WINDOW_UPDATE, IDLE_FRAMES_MAX, SETTING_ENABLE_PUSH,
    SETTING_INITIAL_WINDOW_SIZE, WINDOW_MAX, Event, reader_init, reader_next,
)
from ingestor.feeds.http2_write cimport frame, number

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.http2_faults import ErrorCode, Http2Fault, code_name, reader_fault
from ingestor.feeds.http2_headers import HEADER_LIST_BYTES_MAX, HeaderCodec

cdef enum Stage:
    WAITING = 0         # for the first headers
    OPEN = 1
    OVER = 2

cdef enum:
    READ_BUFFER_BYTES = 256 << 10   # at first; doubled while reads fill it, so that a read takes what a socket holds
    READ_BUFFER_BYTES_MAX = 8 << 20     # the kernel's own (tcp_rmem) is 6 MB unless somebody raised it
    WINDOW_BYTES = 16 << 20         # of the connection and of each stream, given again at the half
    UNSENT_BYTES_MAX = 1 << 20      # ours are answers to pings: this is more than minutes of them
    INFORMED_MAX = 8                # 1xx answers of one stream: none is known in gRPC
    LOST_BLOCK_WEIGHT = 64          # idle frames that a header block for nobody counts as: it costs as much
    SETTING_MAX_HEADER_LIST_SIZE = 6

cdef int64_t SECOND_NS = 1000000000
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PING_BYTES = b"ingestor"
CLOSE_WITHIN_S = 1.0            # for what is unsent to leave, then the line is cut
# A server forgives a ping without data every 5 minutes by default, and hangs up on a faster one.
KEEPALIVE_EVERY_S = 310
KEEPALIVE_ANSWER_WITHIN_S = 20
DEBUG_SHOWN_BYTES_MAX = 200     # of a GOAWAY's words, for the log


cdef int64_t realtime_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec


cdef class Stream:

    cdef int take(self, uint8_t* at, size_t size) except -1:
        raise NotImplementedError

    def begun(self, headers, ends):
        """The first headers came; `ends`: nothing follows."""
        raise NotImplementedError

    def finished(self, trailers):
        """The answer ended; `trailers` None: without any."""
        raise NotImplementedError

    def broken(self, code):
        """The server reset the stream."""
        raise NotImplementedError


cdef class Http2Connection:

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.codec = HeaderCodec()
        self.ended, self.greeted, self.gone = [self.loop.create_future() for _ in range(3)]
        self.slot_freed = asyncio.Event()
        self.make_room(READ_BUFFER_BYTES)
        reader_init(&self.reader)
        self.streams = {}
        self.next_id = 1
        self.send_window = self.peer_window = self.reader.window

    # What the transport calls.

    def is_buffered_protocol(self):
        return True

    def connection_made(self, transport):
        self.transport = transport
        self.write(
            PREFACE + frame(FRAME_SETTINGS, 0, 0, number(SETTING_ENABLE_PUSH, 2) + number(0)
                            + number(SETTING_INITIAL_WINDOW_SIZE, 2) + number(WINDOW_BYTES)
                            + number(SETTING_MAX_HEADER_LIST_SIZE, 2) + number(HEADER_LIST_BYTES_MAX))
            + frame(FRAME_WINDOW_UPDATE, 0, 0, number(WINDOW_BYTES - 65535)))

    def get_buffer(self, hint):
        return self.view[self.end:]

    def buffer_updated(self, nbytes):
        try:
            if not self.over:
                self.read(nbytes)
        except ConnectionFault as fault:
            self.fail(fault)
        except Exception as error:
            self.fail(bug(error))
        try:
            self.boundary()
        except Exception as error:
            self.fail(bug(error))

    def eof_received(self):
        return False    # and so the line is closed

    def connection_lost(self, error):
        self.over = True
        if not self.gone.done():
            self.gone.set_result(None)
        # A server that announced its end ends the line itself.
        reason = Reason.RECONNECT_REQUESTED if self.leaving else Reason.CONNECTION_LOST
        self._say(ConnectionFault(reason, f"the connection broke: {error or 'without goodbye'}"))

    def pause_writing(self):
        """What waits is ours alone, and bounded; see write()."""

    def resume_writing(self):
        """See pause_writing()."""

    # Frames.

    cdef int read(self, size_t size) except -1:
        """What a read brought, frame by frame."""
        cdef Event event
        cdef bint news = True
        cdef bint filled
        self.end += size
        self.reads += 1
        self.burst_ns = realtime_ns()
        if not 0 <= self.burst_ns - self.calmed_ns < SECOND_NS:
            self.calmed_ns = self.burst_ns
            self.reader.idle = 0
        while True:
            self.begin += reader_next(
                &self.reader, self.buffer + self.begin, self.end - self.begin, &event, &news)
            if not news or self.over:
                break
            if event.type == FRAME_DATA:
                self.data(&event)
            else:
                self.other(&event)
        if self.reader.fault:
            raise reader_fault(self.reader.fault)
        if self.begin:
            filled = self.end == <size_t> len(self.memory)
            memmove(self.buffer, self.buffer + self.begin, self.end - self.begin)
            self.end -= self.begin
            self.begin = 0
            if filled and len(self.memory) < READ_BUFFER_BYTES_MAX:
                self.make_room(2 * len(self.memory))
        return 0

    cdef int make_room(self, size_t size) except -1:
        """A buffer of this size, with what waits in the present one."""
        cdef bytearray memory = bytearray(size)
        cdef uint8_t* buffer = <uint8_t*> PyByteArray_AS_STRING(memory)
        if self.end:
            memcpy(buffer, self.buffer, self.end)
        self.memory, self.view, self.buffer = memory, memoryview(memory), buffer
        return 0

    cdef int data(self, Event* event) except -1:
        """What comes is taken at once, so a window is never exceeded: it is given back with each half."""
        cdef Stream stream = self.current
        cdef int64_t flow = <int64_t> event.flow
        self.taken += flow
        if self.taken >= WINDOW_BYTES // 2:
            self.grant(0, self.taken)
            self.taken = 0
        if stream is None or stream.id != event.stream:
            self.current = stream = self.streams.get(event.stream)
            if stream is None:
                self.must_be_ours(event.stream)
                self.owed -= flow
                if self.owed < 0:
                    raise Http2Fault(
                        f"data of stream {event.stream} beyond its end or its window", ErrorCode.STREAM_CLOSED)
                return 0
        if stream.stage != OPEN:
            raise Http2Fault(f"data before the headers of stream {event.stream}")
        stream.taken += flow
        stream.take(event.at, event.size)
        if event.ends:
            self.finish(stream)
            stream.finished(None)
        elif stream.taken >= WINDOW_BYTES // 2 and stream.stage == OPEN:
            self.grant(stream.id, stream.taken)
            stream.taken = 0
        return 0

    cdef int other(self, Event* event) except -1:
        """Every frame but DATA."""
        cdef Stream stream
        if event.type == FRAME_HEADERS:
            return self.headers(event)
        if event.type == FRAME_SETTINGS:
            return 0 if event.ends else self.settings()
        if event.type == FRAME_WINDOW_UPDATE:
            return self.widen(event)
        if event.type == FRAME_PING:
            content = PyBytes_FromStringAndSize(<const char*> event.at, event.size)
            if not event.ends:
                self.pings += 1
                return self.write(frame(FRAME_PING, FLAG_ACK, 0, content))
            self.pinged = self.pinged and content != PING_BYTES
        elif event.type == FRAME_RST_STREAM:
            self.must_be_ours(event.stream)
            stream = self.streams.get(event.stream)
            if stream is not None:
                self.finish(stream)
                stream.broken(event.number)
        elif event.type == FRAME_GOAWAY:
            words = PyBytes_FromStringAndSize(<const char*> event.at, min(event.size, <size_t> DEBUG_SHOWN_BYTES_MAX))
            self.leaving = True
            self.went_away(event.number, f"{code_name(event.number)} {words.decode('utf-8', 'replace')}".rstrip())
        return 0

    cdef int headers(self, Event* event) except -1:
        cdef Stream stream = self.streams.get(event.stream)
        fields = self.codec.unpack(PyBytes_FromStringAndSize(<const char*> event.at, event.size))
        if stream is None:
            self.must_be_ours(event.stream)
            self.reader.idle += LOST_BLOCK_WEIGHT
            if self.reader.idle > IDLE_FRAMES_MAX:
                raise Http2Fault("a flood of headers for streams that are over", ErrorCode.ENHANCE_YOUR_CALM)
        elif stream.stage == OPEN:
            if not event.ends:
                raise Http2Fault(f"a second header block on stream {event.stream} that does not end it")
            self.finish(stream)
            stream.finished(fields)
        elif not event.ends and dict(fields).get(":status", "").startswith("1"):
            stream.informed += 1
            if stream.informed > INFORMED_MAX:
                raise Http2Fault(f"more than {INFORMED_MAX} informational answers", ErrorCode.ENHANCE_YOUR_CALM)
        else:
            stream.stage = OPEN
            if event.ends:
                self.finish(stream)
            stream.begun(fields, bool(event.ends))
        return 0

    cdef int settings(self) except -1:
        """The reader holds them already; here they take effect."""
        cdef Stream stream
        cdef int64_t more = self.reader.window - self.peer_window
        self.peer_window = self.reader.window
        for stream in self.streams.values():
            stream.send_window += more
            if stream.send_window > WINDOW_MAX:
                raise Http2Fault("a window widened beyond 2^31-1", ErrorCode.FLOW_CONTROL_ERROR)
        self.codec.limit_table(self.reader.table_size)
        self.write(frame(FRAME_SETTINGS, FLAG_ACK, 0, b""))
        if not self.greeted.done():
            self.greeted.set_result(None)
        self.slot_freed.set()
        for stream in list(self.streams.values()):
            self.push(stream)
        return 0

    cdef int widen(self, Event* event) except -1:
        """WINDOW_UPDATE: we may send more."""
        cdef Stream stream
        if event.stream == 0:
            self.send_window += event.number
            if self.send_window > WINDOW_MAX:
                raise Http2Fault("the connection's window widened beyond 2^31-1", ErrorCode.FLOW_CONTROL_ERROR)
            for stream in list(self.streams.values()):
                self.push(stream)
            return 0
        self.must_be_ours(event.stream)
        stream = self.streams.get(event.stream)
        if stream is not None:
            stream.send_window += event.number
            if stream.send_window > WINDOW_MAX:
                raise Http2Fault(
                    f"the window of stream {stream.id} widened beyond 2^31-1", ErrorCode.FLOW_CONTROL_ERROR)
            self.push(stream)
        return 0

    cdef int must_be_ours(self, uint32_t id) except -1:
        if id >= self.next_id or not id & 1:
            raise Http2Fault(f"a frame of stream {id}, which we did not open")
        return 0

    # Streams.

    def has_room(self):
        """Whether one more stream may be opened now; slot_freed is set when that may have changed."""
        return not self.leaving and len(self.streams) < self.reader.streams_max and self.next_id < WINDOW_MAX

    def start(self, Stream stream not None, headers, bytes body not None):
        """Send a request on a stream of its own, as soon as the server's windows allow. Raises ConnectionFault."""
        cdef bytes block = self.codec.pack(headers)
        cdef size_t most = self.reader.payload_max
        stream.id = self.next_id
        stream.send_window = self.peer_window
        stream.unsent = memoryview(body)
        self.next_id += 2
        self.streams[stream.id] = stream
        pieces = [block[at:at + most] for at in range(0, len(block), most)]
        self.write(b"".join([
            frame(FRAME_CONTINUATION if i else FRAME_HEADERS, FLAG_END_HEADERS if i == len(pieces) - 1 else 0, stream.id,
                  piece) for i, piece in enumerate(pieces)]))
        self.push(stream)

    def drop(self, Stream stream not None):
        """End a stream, if it is still open. Never raises."""
        if stream.id not in self.streams:
            return
        self.owed += WINDOW_BYTES - stream.taken
        stream.unsent = None
        try:
            self.finish(stream)
            self.reset(stream.id)
        except ConnectionFault as fault:
            self.fail(fault)

    def reset(self, uint32_t id):
        self.write(frame(FRAME_RST_STREAM, 0, id, number(<int64_t> int(ErrorCode.CANCEL))))

    def grant(self, uint32_t id, int64_t more):
        """Let the server send more: on a stream, or (0) on all together."""
        self.write(frame(FRAME_WINDOW_UPDATE, 0, id, number(more)))

    cdef int push(self, Stream stream) except -1:
        """Send what is left of a request, as far as the windows allow."""
        cdef int64_t size
        while stream.unsent is not None:
            size = min(self.send_window, stream.send_window, <int64_t> self.reader.payload_max,
                       <int64_t> len(stream.unsent))
            if size <= 0:
                return 0
            piece = stream.unsent[:size]
            stream.unsent = stream.unsent[size:] if size < len(stream.unsent) else None
            self.send_window -= size
            stream.send_window -= size
            self.write(frame(FRAME_DATA, 0 if stream.unsent is not None else FLAG_END_STREAM, stream.id, piece))
        return 0

    cdef int finish(self, Stream stream) except -1:
        """The stream is over. A server that answered without hearing us out is told that no more comes."""
        stream.stage = OVER
        self.current = None
        del self.streams[stream.id]
        self.slot_freed.set()
        if stream.unsent is not None:
            stream.unsent = None
            self.reset(stream.id)
        return 0

    # The connection's life.

    cdef int boundary(self) except -1:
        """All that a read brought is taken; for a subclass."""
        return 0

    def went_away(self, code, words):
        """The server takes no new stream (GOAWAY); for a subclass."""
        raise NotImplementedError

    cdef int write(self, bytes data) except -1:
        if self.over:
            return 0
        if self.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            raise ConnectionFault(Reason.PEER_NOT_READING, f"the peer reads nothing: {UNSENT_BYTES_MAX} bytes wait")
        self.transport.write(data)
        return 0

    async def keep_alive(self, sleep):
        """Ping a line that is silent, and give it up when nothing answers. `sleep` takes seconds."""
        cdef uint64_t seen
        while not self.over:
            seen = self.reads
            await sleep(KEEPALIVE_EVERY_S)
            if self.reads != seen or self.paused:
                continue
            self.pinged = True
            self.write(frame(FRAME_PING, 0, 0, PING_BYTES))
            await sleep(KEEPALIVE_ANSWER_WITHIN_S)
            if self.pinged and self.reads == seen and not self.paused:
                self.fail(ConnectionFault(
                    Reason.CONNECTION_LOST, f"no answer to a ping within {KEEPALIVE_ANSWER_WITHIN_S} s"))

    def pause_reading(self):
        """Read no more; the server fills its windows and what lies between, and is then held back."""
        self.paused = True
        if not self.over:
            self.transport.pause_reading()

    def resume_reading(self):
        self.paused = False
        if not self.over:
            self.transport.resume_reading()

    def fail(self, fault):
        """Read no more, tell the server why, and let the line go. Never raises."""
        self._say(fault)
        if self.over:
            return
        code = fault.code if isinstance(fault, Http2Fault) else ErrorCode.NO_ERROR
        try:
            self.write(frame(FRAME_GOAWAY, 0, 0, number(0) + number(<int64_t> int(code))))
        except ConnectionFault:
            self.transport.abort()
        self.over = True
        self.transport.close()

    def _say(self, fault):
        if not self.ended.done():
            self.ended.set_result(fault)

    async def wait_closed(self):
        """Wait for the end of the connection; raise the ConnectionFault that says why."""
        raise await asyncio.shield(self.ended)

    async def hang_up(self):
        """Say goodbye, and return when the line is gone."""
        self.fail(ConnectionFault(Reason.STOPPED, "we closed the connection"))
        await asyncio.wait((self.gone,), timeout=CLOSE_WITHIN_S)
        if not self.gone.done():
            self.transport.abort()
            await asyncio.wait((self.gone,), timeout=CLOSE_WITHIN_S)


def bug(error):
    """The fault behind an exception that nobody expected."""
    return ConnectionFault(Reason.INTERNAL_ERROR, f"the pipeline failed: {type(error).__name__}: {error}")
