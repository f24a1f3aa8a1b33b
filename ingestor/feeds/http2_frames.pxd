"""HTTP/2 frames read in place: bytes in any cutting, one event after another. RFC 9113, the client's side.

Pure: no socket, no Python object, no allocation, no clock, no table of streams. The reader holds what one
frame says of the next: an unfinished header block, the peer's settings, and how many frames brought
nothing. Each rule broken is a named fault, and the end: nothing is read after it. Frames that
nobody may send us (pushes) are faults, unknown ones are passed, priorities are ignored.
Source: rfc-editor.org/rfc/rfc9113 (November 2026).
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy

cdef enum:
    FRAME_HEAD_BYTES = 9
    FRAME_PAYLOAD_MAX = 16384       # what we announce, HTTP/2's least: beyond it nothing is gained
    HEADER_BLOCK_BYTES_MAX = 16384  # compressed; gRPC itself refuses more than 16 KB of metadata
    CONTINUATIONS_MAX = 16          # of one block, which fits one frame: more is a peer that drips
    IDLE_FRAMES_MAX = 4096          # a second, of frames that bring nothing: hundreds of streams begin within it
    WINDOW_MAX = 2147483647
    PEER_FRAME_LEAST = 16384        # SETTINGS_MAX_FRAME_SIZE lies between these
    PEER_FRAME_MOST = 16777215

cdef enum FrameType:
    FRAME_DATA = 0
    FRAME_HEADERS = 1
    FRAME_PRIORITY = 2
    FRAME_RST_STREAM = 3
    FRAME_SETTINGS = 4
    FRAME_PUSH_PROMISE = 5
    FRAME_PING = 6
    FRAME_GOAWAY = 7
    FRAME_WINDOW_UPDATE = 8
    FRAME_CONTINUATION = 9

cdef enum:
    FLAG_END_STREAM = 0x1
    FLAG_ACK = 0x1
    FLAG_END_HEADERS = 0x4
    FLAG_PADDED = 0x8
    FLAG_PRIORITY = 0x20

cdef enum Setting:
    SETTING_HEADER_TABLE_SIZE = 1
    SETTING_ENABLE_PUSH = 2
    SETTING_MAX_CONCURRENT_STREAMS = 3
    SETTING_INITIAL_WINDOW_SIZE = 4
    SETTING_MAX_FRAME_SIZE = 5

cdef enum Fault:
    # Their words and codes stand in http2_faults.py, by these numbers.
    FAULT_NONE = 0
    FAULT_NOT_HTTP2 = 1             # the first frame is not SETTINGS
    FAULT_FRAME_TOO_BIG = 2         # beyond what we announced
    FAULT_FRAME_SIZE = 3            # a frame of fixed size with another
    FAULT_WRONG_STREAM = 4          # a frame of the connection on a stream, or the other way round
    FAULT_INVENTED_STREAM = 5       # one that we did not open
    FAULT_PADDING = 6               # longer than the frame
    FAULT_BLOCK_BROKEN = 7          # a header block unfinished, and something else
    FAULT_BLOCK_UNASKED = 8         # a continuation of nothing
    FAULT_CONTINUATIONS = 9
    FAULT_BLOCK_TOO_BIG = 10
    FAULT_PUSH = 11
    FAULT_FLOOD = 12
    FAULT_SETTING = 13              # a value that the RFC forbids
    FAULT_WINDOW_SETTING = 14       # an initial window beyond 2^31-1
    FAULT_ZERO_INCREMENT = 15


cdef struct Event:
    # One frame, or one whole header block.
    int type            # FrameType
    uint32_t stream
    bint ends           # END_STREAM; of SETTINGS and PING: ACK
    uint8_t* at         # the content without padding and priority; borrowed until the reader is called again
    size_t size
    size_t flow         # what flow control counts of it
    uint32_t number     # RST_STREAM, GOAWAY: the error code; WINDOW_UPDATE: the increment
    uint32_t last       # GOAWAY: the last stream that was or will be served


cdef struct Reader:
    bint greeted            # SETTINGS came first, as it must
    uint32_t block_stream   # the header block being joined; 0: none
    bint block_ends
    uint32_t continuations
    size_t block_size
    uint8_t[HEADER_BLOCK_BYTES_MAX] block
    uint32_t idle           # frames that brought nothing; the owner clears it each second
    # What the peer allows us.
    uint32_t table_size
    uint32_t streams_max
    int32_t window
    uint32_t payload_max
    int fault               # Fault


cdef inline void reader_init(Reader* r) noexcept nogil:
    """As at the connection's begin: the RFC's initial settings."""
    r.greeted = False
    r.block_stream = r.continuations = r.idle = 0
    r.block_ends = False
    r.block_size = 0
    r.table_size = 4096
    r.streams_max = 0xFFFFFFFF
    r.window = 65535
    r.payload_max = PEER_FRAME_LEAST
    r.fault = FAULT_NONE


cdef inline uint32_t number32(const uint8_t* at) noexcept nogil:
    return (<uint32_t> at[0] << 24) | (<uint32_t> at[1] << 16) | (<uint32_t> at[2] << 8) | at[3]


cdef inline bint faulty(Reader* r, int fault) noexcept nogil:
    r.fault = fault
    return False


cdef inline bint set_one(Reader* r, uint32_t name, uint32_t value) noexcept nogil:
    """One of the peer's settings. Unknown ones are passed, as the RFC wants."""
    if name == SETTING_HEADER_TABLE_SIZE:
        r.table_size = value
    elif name == SETTING_ENABLE_PUSH:
        return value == 0 or faulty(r, FAULT_SETTING)
    elif name == SETTING_MAX_CONCURRENT_STREAMS:
        r.streams_max = value
    elif name == SETTING_INITIAL_WINDOW_SIZE:
        if value > WINDOW_MAX:
            return faulty(r, FAULT_WINDOW_SETTING)
        r.window = <int32_t> value
    elif name == SETTING_MAX_FRAME_SIZE:
        if value < PEER_FRAME_LEAST or value > PEER_FRAME_MOST:
            return faulty(r, FAULT_SETTING)
        r.payload_max = value
    return True


cdef inline bint read_settings(Reader* r, Event* e) noexcept nogil:
    cdef size_t i
    if e.stream:
        return faulty(r, FAULT_WRONG_STREAM)
    if e.size % 6 or (e.ends and e.size):
        return faulty(r, FAULT_FRAME_SIZE)
    for i in range(0, e.size, 6):
        if not set_one(r, (<uint32_t> e.at[i] << 8) | e.at[i + 1], number32(e.at + i + 2)):
            return False
    r.greeted = True
    return True


cdef inline bint unpadded(Reader* r, Event* e, uint8_t flags) noexcept nogil:
    """Take padding and priority off."""
    cdef size_t padding = 0
    if flags & FLAG_PADDED:
        if e.size == 0:
            return faulty(r, FAULT_FRAME_SIZE)
        padding = e.at[0]
        e.at += 1
        e.size -= 1
    if e.type == FRAME_HEADERS and flags & FLAG_PRIORITY:
        if e.size < 5:
            return faulty(r, FAULT_FRAME_SIZE)
        e.at += 5
        e.size -= 5
    if padding > e.size:
        return faulty(r, FAULT_PADDING)
    e.size -= padding
    return True


cdef inline bint read_block(Reader* r, Event* e, uint8_t flags, bint* whole) noexcept nogil:
    """HEADERS or CONTINUATION: the event is the block, once it is whole. One that is whole at once is not copied."""
    whole[0] = (flags & FLAG_END_HEADERS) != 0
    if e.type == FRAME_HEADERS:
        if not unpadded(r, e, flags):
            return False
        if whole[0]:
            return True
        r.block_stream, r.block_ends, r.block_size, r.continuations = e.stream, e.ends, 0, 0
    else:
        r.continuations += 1
        if r.continuations > CONTINUATIONS_MAX:
            return faulty(r, FAULT_CONTINUATIONS)
    if e.size > HEADER_BLOCK_BYTES_MAX - r.block_size:
        return faulty(r, FAULT_BLOCK_TOO_BIG)
    if e.size:
        memcpy(r.block + r.block_size, e.at, e.size)
    r.block_size += e.size
    if whole[0]:
        e.type, e.ends, e.at, e.size = FRAME_HEADERS, r.block_ends, r.block, r.block_size
        r.block_stream = 0
    return True


cdef inline bint read_small(Reader* r, Event* e) noexcept nogil:
    """The frames of a few bytes: RST_STREAM, PING, GOAWAY, WINDOW_UPDATE, PRIORITY."""
    cdef bint concerns_connection = e.type == FRAME_PING or e.type == FRAME_GOAWAY
    if e.type != FRAME_WINDOW_UPDATE and (e.stream == 0) != concerns_connection:
        return faulty(r, FAULT_WRONG_STREAM)
    if e.type == FRAME_PRIORITY:
        return e.size == 5 or faulty(r, FAULT_FRAME_SIZE)
    if e.type == FRAME_GOAWAY:
        if e.size < 8:
            return faulty(r, FAULT_FRAME_SIZE)
        e.last = number32(e.at) & WINDOW_MAX
        e.number = number32(e.at + 4)
        e.at += 8
        e.size -= 8
        return True
    if e.size != (8 if e.type == FRAME_PING else 4):
        return faulty(r, FAULT_FRAME_SIZE)
    if e.type == FRAME_PING:
        return True
    e.number = number32(e.at)
    if e.type == FRAME_WINDOW_UPDATE:
        e.number &= WINDOW_MAX
        return e.number != 0 or faulty(r, FAULT_ZERO_INCREMENT)
    return True


cdef inline bint read_frame(Reader* r, Event* e, uint8_t flags, bint* news) noexcept nogil:
    """One whole frame; `news`: it is an event for the owner."""
    news[0] = True
    if (r.block_stream != 0) != (e.type == FRAME_CONTINUATION) or e.stream != r.block_stream != 0:
        return faulty(r, FAULT_BLOCK_BROKEN if r.block_stream else FAULT_BLOCK_UNASKED)
    if e.type == FRAME_DATA or e.type == FRAME_HEADERS:
        if e.stream == 0:
            return faulty(r, FAULT_WRONG_STREAM)
        if not e.stream & 1:
            return faulty(r, FAULT_INVENTED_STREAM)
    if e.type == FRAME_DATA:
        if flags & FLAG_PADDED and not unpadded(r, e, flags):
            return False
        if e.size or e.ends:
            return True
    elif e.type == FRAME_HEADERS or e.type == FRAME_CONTINUATION:
        return read_block(r, e, flags, news)
    elif e.type == FRAME_SETTINGS:
        if not read_settings(r, e):
            return False
    elif e.type == FRAME_PUSH_PROMISE:
        return faulty(r, FAULT_PUSH)
    elif e.type > FRAME_CONTINUATION:
        news[0] = False
    else:
        if not read_small(r, e):
            return False
        news[0] = e.type != FRAME_PRIORITY
    r.idle += 1
    return r.idle <= IDLE_FRAMES_MAX or faulty(r, FAULT_FLOOD)


cdef inline size_t reader_next(Reader* r, uint8_t* at, size_t size, Event* e, bint* news) noexcept nogil:
    """Read on from `at`; return the bytes that are done with.

    `news` says whether `e` is set. Without news more bytes are wanted, unless r.fault is set: then it is over.
    A frame is read when it is there as a whole, so that what the caller keeps never exceeds one frame.
    """
    cdef size_t done = 0
    cdef size_t length
    cdef uint8_t* head
    news[0] = False
    while r.fault == FAULT_NONE and size - done >= FRAME_HEAD_BYTES:
        head = at + done
        e.type = head[3]
        length = (<size_t> head[0] << 16) | (<size_t> head[1] << 8) | head[2]
        if not r.greeted and (e.type != FRAME_SETTINGS or head[4] & FLAG_ACK):
            faulty(r, FAULT_NOT_HTTP2)
            break
        if length > FRAME_PAYLOAD_MAX:
            faulty(r, FAULT_FRAME_TOO_BIG)
            break
        if size - done - FRAME_HEAD_BYTES < length:
            break
        done += FRAME_HEAD_BYTES + length
        e.stream = number32(head + 5) & WINDOW_MAX
        e.ends = head[4] & FLAG_END_STREAM
        e.at = head + FRAME_HEAD_BYTES
        e.size = e.flow = length
        e.number = e.last = 0
        if not read_frame(r, e, head[4], news):
            news[0] = False
        elif news[0]:
            break
    return done
