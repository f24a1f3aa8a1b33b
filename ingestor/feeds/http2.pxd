"""The HTTP/2 connection's table of contents; see http2.pyx."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.feeds.http2_frames cimport Event, Reader


cdef class Stream:
    """One request of ours and what answers it. A subclass takes the answer."""
    cdef readonly uint32_t id       # 0 before it is sent
    cdef int stage                  # Stage, see http2.pyx
    cdef int informed               # 1xx answers
    cdef int64_t taken              # received since its window was given back
    cdef int64_t send_window        # what we may send
    cdef object unsent              # memoryview; None: all of the request is sent

    # A piece of the answer; `at` may be written to, and is borrowed until return.
    cdef int take(self, uint8_t* at, size_t size) except -1


cdef class Http2Connection:
    """One line to a server. For the loop's thread only."""
    cdef object transport
    cdef object loop
    cdef object codec               # HeaderCodec
    cdef readonly object ended      # asyncio.Future[ConnectionFault]: why, as soon as it is known
    cdef readonly object greeted    # asyncio.Future[None]: the server's settings came
    cdef object gone                # asyncio.Future[None]: the line is closed
    cdef object slot_freed          # asyncio.Event: more streams may be open

    # What was read and is not yet done with stands in [begin, end) of the buffer.
    cdef bytearray memory
    cdef object view                # memoryview of it; keeps the address
    cdef uint8_t* buffer
    cdef size_t begin
    cdef size_t end
    cdef Reader reader

    cdef dict streams               # open ones by id
    cdef Stream current             # the one of the last frame
    cdef uint32_t next_id
    cdef int64_t taken              # received since the connection's window was given back
    cdef int64_t send_window
    cdef int64_t owed               # what may still come for streams that we reset
    cdef int64_t peer_window        # the server's initial window, as the streams have it

    cdef readonly bint over         # nothing is read any more
    cdef readonly bint leaving      # the server takes no new stream
    cdef bint paused
    cdef int64_t burst_ns           # receive time of the present read
    cdef int64_t calmed_ns
    cdef uint64_t reads
    cdef bint pinged                # a ping of ours waits for its answer
    cdef uint64_t pings             # of the server

    cdef int boundary(self) except -1
    cdef int write(self, bytes data) except -1
    cdef int read(self, size_t size) except -1
    cdef int make_room(self, size_t size) except -1
    cdef int data(self, Event* event) except -1
    cdef int other(self, Event* event) except -1
    cdef int headers(self, Event* event) except -1
    cdef int settings(self) except -1
    cdef int widen(self, Event* event) except -1
    cdef int push(self, Stream stream) except -1
    cdef int must_be_ours(self, uint32_t id) except -1
    cdef int finish(self, Stream stream) except -1


cdef int64_t realtime_ns() noexcept nogil       # the wall clock, UTC epoch ns
