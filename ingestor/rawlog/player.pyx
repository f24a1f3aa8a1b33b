"""Plays the records of a raw log into a pipeline, with their receive times as the only clock.

What a door does with a socket's bytes is done with a block's: frames of one connection and one receive time are a
burst, with a batch boundary behind it and after each 64 frames. What a timer does (lingering batches,
conflated prices, prices that age) is done at the multiples of `tick_every_ms` that the receive times pass.
So the output depends on the log and the configuration alone, whatever the speed: a pause between two
records changes nothing. No Python object a frame.
"""
import json

cimport cython
from cpython.list cimport PyList_GET_ITEM
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ingestor._core cimport Connection, Pipeline
from ingestor.rawlog.record cimport CLOSED, FRAME, LOST, NUMBER_NONE, OPENED, RECORD_BYTES, TABLE, RecordHead

from ingestor.errors import IngestorError

cdef enum:
    BOUNDARY_FRAMES = 64        # as in the WebSocket door
cdef int64_t SECOND_NS = 1000000000
cdef int64_t STEP_NS = SECOND_NS            # a time that falls by more is of a clock that stepped back
cdef int64_t BUSY_NS = 10 * SECOND_NS       # after a frame everything that waits has left: then a tick a second
cdef int64_t QUIET_NS = 3600 * SECOND_NS    # and then every price has aged: no tick until the next frame
cdef int64_t TIME_MAX_NS = <int64_t> 1 << 62    # the year 2116: sums of two times are far from the end of int64
cdef int64_t POLL_NS = 50000000             # the sink is polled so often; files gather a block for 250 ms


@cython.final
cdef class Player:
    """`dialects` gives the Provider of a name; `on_poll()` is called for the sink, each 50 ms of the log's time."""
    cdef Pipeline pipeline
    cdef object dialects
    cdef object on_poll
    cdef int64_t tick_ns

    cdef list lanes                 # Connection, or None, by number
    cdef dict ids                   # number -> id of the open ones

    cdef Connection connection      # of the present burst; None before the first, and when its number is nobody's
    cdef uint32_t number
    cdef int64_t burst_ns
    cdef uint32_t undrained         # frames since the batch boundary

    cdef readonly int64_t now_ns    # the log's time: of the burst or the tick
    cdef int64_t last_ns            # of the last frame
    cdef int64_t next_tick_ns
    cdef int64_t floor_ns           # a frame before it needs resync(), as one at next_tick_ns or later does
    cdef int64_t polled_ns

    cdef readonly uint64_t frames
    cdef readonly uint64_t strays   # frames of a number that was not opened
    cdef readonly uint64_t connections
    cdef readonly uint64_t lost_frames      # that the log says were not recorded
    cdef readonly uint64_t lost_bytes

    def __cinit__(self, Pipeline pipeline not None, dialects, *, on_poll=lambda: None, double tick_every_ms=10):
        self.pipeline, self.dialects, self.on_poll = pipeline, dialects, on_poll
        self.tick_ns = <int64_t> (tick_every_ms * 1e6)
        self.lanes, self.ids = [], {}
        self.floor_ns = INT64_MAX       # the first frame sets the clock
        self.next_tick_ns = INT64_MAX
        self.last_ns = INT64_MIN

    def play(self, const uint8_t[::1] block not None, size_t start=0, int64_t until_ns=INT64_MAX):
        """Play a block from the record at `start` to the first frame that is later than `until_ns`.

        Returns where that one begins, or the block's size. Raises IngestorError for what is no record, or names a
        provider that nobody knows; whatever the sink raises.
        """
        cdef size_t size = block.shape[0], at = start
        cdef const uint8_t* bytes
        cdef RecordHead head
        if size == 0:
            return 0
        bytes = &block[0]
        while at < size:
            if size - at < RECORD_BYTES:
                raise IngestorError(f"a raw log's block ends inside a record, at byte {at} of {size}")
            memcpy(&head, bytes + at, RECORD_BYTES)
            if size - at - RECORD_BYTES < head.size:
                raise IngestorError(f"a raw log's block ends inside a record of {head.size} bytes, at byte {at} of {size}")
            if head.kind == FRAME:
                if not 0 <= head.recv_ns <= TIME_MAX_NS:
                    raise IngestorError(f"a raw log's frame has the receive time {head.recv_ns}, which can't be")
                if head.recv_ns > until_ns:
                    break
                self.frame(bytes + at + RECORD_BYTES, &head)
            else:
                self.event(head.kind, head.connection, (<const char*> bytes + at + RECORD_BYTES)[:head.size])
            at += RECORD_BYTES + head.size
        return at

    def advance(self, int64_t to_ns):
        """The log's time comes to `to_ns`, and no frame is due before: what a timer would have done by then."""
        self.ticks(to_ns)

    def next_ns(self, const uint8_t[::1] block not None, size_t at):
        """Receive time of the record at `at`, where play() has stopped."""
        cdef RecordHead head
        memcpy(&head, &block[at], RECORD_BYTES)
        return head.recv_ns

    def finish(self):
        """The log has ended: the last batch boundary, and everything out."""
        self.drain()
        self.on_poll()
        self.pipeline.flush(self.now_ns)

    # The clock.

    cdef int frame(self, const uint8_t* at, const RecordHead* head) except -1:
        if not self.floor_ns <= head.recv_ns < self.next_tick_ns:
            self.resync(head.recv_ns)
        if head.recv_ns != self.burst_ns or head.connection != self.number or self.connection is None:
            self.drain()
            self.number = head.connection
            self.connection = None
            if self.number < <uint32_t> len(self.lanes):
                self.connection = <Connection> PyList_GET_ITEM(self.lanes, self.number)
            self.burst_ns = self.now_ns = head.recv_ns
        self.last_ns = head.recv_ns
        self.frames += 1
        if self.connection is None:
            self.strays += 1
            return 0
        self.connection.feed(at, head.size, head.recv_ns)
        self.undrained += 1
        if self.undrained >= BOUNDARY_FRAMES:
            self.drain()
        return 0

    cdef int drain(self) except -1:
        """The batch boundary, if there was a frame since the last one."""
        if self.undrained:
            self.undrained = 0
            self.connection.drained(self.burst_ns)
        return 0

    cdef int resync(self, int64_t recv_ns) except -1:
        """A frame at or behind the next tick, after a quiet while, or before the clock stepped back."""
        cdef bint rebase = self.floor_ns == INT64_MAX or recv_ns < self.last_ns - STEP_NS
        if self.last_ns != INT64_MIN and recv_ns >= self.last_ns - STEP_NS:
            self.ticks(recv_ns)
            rebase = rebase or self.floor_ns == INT64_MAX
        if rebase:
            self.next_tick_ns = (recv_ns // self.tick_ns + 1) * self.tick_ns
        self.floor_ns = recv_ns - STEP_NS
        return 0

    cdef int ticks(self, int64_t to_ns) except -1:
        """Each tick up to `to_ns`: all of them while things happen, then one a second, then none."""
        cdef int64_t quiet_ns
        while self.next_tick_ns <= to_ns:
            self.drain()
            self.now_ns = self.next_tick_ns
            self.pipeline.tick(self.now_ns)
            if not 0 <= self.now_ns - self.polled_ns < POLL_NS:
                self.polled_ns = self.now_ns
                self.on_poll()
            quiet_ns = self.now_ns - self.last_ns
            if quiet_ns < BUSY_NS:
                self.next_tick_ns += self.tick_ns
                continue
            self.floor_ns = INT64_MAX
            self.next_tick_ns = self.next_tick_ns + SECOND_NS if quiet_ns < QUIET_NS else INT64_MAX
        return 0

    # Connections.

    cdef int event(self, int kind, uint32_t number, bytes payload) except -1:
        """A record that is no frame."""
        try:
            if kind == OPENED:
                self.open(json.loads(payload))
            elif kind == CLOSED:
                self.close(number)
            elif kind == TABLE:
                self.reconcile(json.loads(payload))
            elif kind == LOST:
                self.lost_frames += int.from_bytes(payload[:8], "little")
                self.lost_bytes += int.from_bytes(payload[8:16], "little")
            else:
                raise ValueError("its kind is unknown")
        except (ValueError, TypeError, IndexError, RecursionError) as error:
            raise IngestorError(
                f"a raw log's record of kind {kind} is not understood ({error}): it was not written by this program"
            ) from error
        return 0

    cdef int open(self, list row) except -1:
        number, id, provider, section, name = row
        if not 0 <= number < NUMBER_NONE:
            raise ValueError(f"connection {number}")
        self.close(number)
        if provider not in self.dialects:
            raise IngestorError(
                f"the raw log has a connection of provider {provider!r}, which this version does not know: update it")
        opened = self.pipeline.open(self.dialects[provider], section, name)
        self.lanes += [None] * (number + 1 - len(self.lanes))
        self.lanes[number] = opened
        self.ids[number] = id
        self.connections += 1
        return 0

    cdef int close(self, number) except -1:
        self.drain()
        if self.ids.pop(number, None) is not None:
            self.lanes[number].close()
            self.lanes[number] = None
        self.connection = None
        return 0

    cdef int reconcile(self, list rows) except -1:
        """What is open by a block's table: news only where blocks before it are missing, or another run begins."""
        cdef dict told = {row[0]: row for row in rows}
        for number in [number for number in self.ids if number not in told]:
            self.close(number)
        for number, row in told.items():
            if self.ids.get(number) != row[1]:
                self.open(row)
        return 0
