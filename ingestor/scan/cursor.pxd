"""A cursor over one borrowed frame, and the growth of the batch that it fills.

The cursor carries the first fault it met (`status`, sticky): leaves set it, loops end on it and a
decoder returns it, so no leaf needs a branch for another leaf's fault. Nothing here knows JSON.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport realloc

from ingestor.records cimport (
    ABSENT, DECODED, IGNORED, NO_MEMORY, PATH_NONE, SCRATCH_BYTES_MAX, SIDE_UNKNOWN, TICKS_MAX, TOO_MANY, Tick,
    TickBatch,
)


cdef struct Cursor:
    const uint8_t* at       # next byte
    const uint8_t* end      # one past the frame
    const uint8_t* start
    TickBatch* out
    int status              # DECODED while no fault; then the first fault
    int depth               # containers open around `at`
    bint first              # the container just opened: no comma before its next member


cdef inline void cursor_init(Cursor* c, const uint8_t* at, size_t size, TickBatch* out) noexcept nogil:
    c.at = at
    c.start = at
    c.end = at + size
    c.out = out
    c.status = DECODED
    c.depth = 0
    c.first = True
    out.count = 0
    out.scratch_used = 0


cdef inline bint fail(Cursor* c, int status) noexcept nogil:
    """Keep the first fault; always 0, so that a leaf can `return fail(c, ...)`."""
    if c.status == DECODED:
        c.status = status
    return False


cdef inline int outcome(Cursor* c) noexcept nogil:
    """A decoder's last line: the fault (then nothing is yielded), else whether there are records."""
    if c.status != DECODED:
        c.out.count = 0
        return c.status
    return DECODED if c.out.count else IGNORED


cdef inline bint batch_grow(Cursor* c) noexcept nogil:
    """Double the batch, up to TICKS_MAX."""
    cdef TickBatch* out = c.out
    cdef uint32_t capacity = out.capacity * 2 if out.capacity else 256
    cdef Tick* ticks
    if out.capacity >= TICKS_MAX:
        return fail(c, TOO_MANY)
    ticks = <Tick*> realloc(out.ticks, capacity * sizeof(Tick))
    if ticks == NULL:
        return fail(c, NO_MEMORY)
    out.ticks = ticks
    out.capacity = capacity
    return True


cdef inline Tick* tick_new(Cursor* c, int kind, int channel) noexcept nogil:
    """The batch's next record with everything absent; NULL on a fault.

    The pointer holds until the next tick_new: the batch may move when it grows.
    """
    cdef Tick* tick
    if c.out.count == c.out.capacity and not batch_grow(c):
        return NULL
    tick = &c.out.ticks[c.out.count]
    c.out.count += 1
    # A memset of the whole costs more than the rest of this; values that `present` denies are never read.
    tick.present = 0
    tick.kind = kind
    tick.side = SIDE_UNKNOWN
    tick.channel = channel
    tick.flags = 0
    tick.path = PATH_NONE
    tick.ts_event_ns = ABSENT
    tick.ts_provider_ns = ABSENT
    tick.ts_recv_ns = ABSENT
    tick.sequence = ABSENT
    tick.next_funding_ns = ABSENT
    tick.count = ABSENT
    tick.start_ns = ABSENT
    tick.end_ns = ABSENT
    tick.symbol.at = NULL
    tick.symbol.size = 0
    tick.venue.at = NULL
    tick.venue.size = 0
    tick.section.at = NULL
    tick.section.size = 0
    tick.id.at = NULL
    tick.id.size = 0
    tick.record_sequence = 0
    return tick


cdef inline uint8_t* scratch_take(Cursor* c, uint32_t size) noexcept nogil:
    """`size` bytes that live as long as the batch's records; NULL on a fault.

    The room is taken once a frame, on its first escape, so that no earlier Text moves. Every text is
    unescaped at most four times (a member read again after its envelope), hence the factor.
    """
    cdef TickBatch* out = c.out
    cdef size_t wanted = <size_t> (c.end - c.start) * 4 + 64
    cdef uint8_t* scratch
    if out.scratch_used == 0 and out.scratch_capacity < wanted:
        if wanted > <size_t> SCRATCH_BYTES_MAX * 4 + 64:
            fail(c, NO_MEMORY)
            return NULL
        scratch = <uint8_t*> realloc(out.scratch, wanted)
        if scratch == NULL:
            fail(c, NO_MEMORY)
            return NULL
        out.scratch = scratch
        out.scratch_capacity = <uint32_t> wanted
    if size > out.scratch_capacity - out.scratch_used:
        fail(c, NO_MEMORY)
        return NULL
    out.scratch_used += size
    return out.scratch + out.scratch_used - size
