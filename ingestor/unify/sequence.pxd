"""What a provider's numbers say: continuous, a gap, a repeat, or a reset.

A channel declares what its numbers mean per subscription (providers/session.py, Channel.sequence): only
"gapless" (Tick.sequence) and "ids" (the trade id) can prove a gap; "rising" can prove a repeat or a fall, and
"session" within one connection alone. "connection" numbers the frames of a whole connection: `frame_missing`
follows it there.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ingestor.records cimport ABSENT

cdef enum SequenceScope:
    SCOPE_NONE = 0
    SCOPE_GAPLESS = 1
    SCOPE_RISING = 2
    SCOPE_CONNECTION = 3
    SCOPE_IDS = 4
    SCOPE_SESSION = 5

cdef enum SequenceVerdict:
    IN_ORDER = 0
    GAP = 1             # something between the last one and this is missing
    REPEAT = 2          # this number was the last one already
    BACKWARDS = 3       # below the last one: an old record, or the provider started again

cdef enum:
    RESET_STEP = 1000000    # a fall by more than this is taken for a new numbering, not an old record
    FALLS_MAX = 1000        # and so are so many records in a row below the last: the longest replay is 100 rows


cdef struct Sequence:
    int64_t last            # ABSENT before the first
    uint64_t gaps           # times something was missing
    uint64_t missing        # how many numbers
    uint64_t repeats
    uint64_t backwards
    uint64_t resets
    uint32_t falls          # records below the last one since it rose


cdef inline bint proves_gaps(int scope) noexcept nogil:
    return scope == SCOPE_GAPLESS or scope == SCOPE_IDS


cdef inline int sequence_observe(Sequence* state, int64_t sequence, int scope) noexcept nogil:
    """A SequenceVerdict; the state moves on."""
    cdef int64_t last = state.last
    if sequence == ABSENT or scope == SCOPE_NONE or scope == SCOPE_CONNECTION:
        return IN_ORDER
    if last == ABSENT or sequence > last:
        state.last = sequence
        state.falls = 0
        # Both are int64 and sequence > last: the difference fits uint64 even across zero.
        if last != ABSENT and proves_gaps(scope) and <uint64_t> sequence - <uint64_t> last > 1:
            state.gaps += 1
            state.missing += <uint64_t> sequence - <uint64_t> last - 1
            return GAP
        return IN_ORDER
    if sequence == last:
        state.repeats += 1
        return REPEAT
    state.backwards += 1
    state.falls += 1
    if <uint64_t> last - <uint64_t> sequence > RESET_STEP or state.falls == FALLS_MAX:
        state.resets += 1
        state.falls = 0
        state.last = sequence
    return BACKWARDS


cdef inline uint64_t frame_missing(int64_t* last, int64_t sequence) noexcept nogil:
    """Frames of a connection between the last one and this; a fall starts the numbering anew."""
    cdef int64_t before = last[0]
    last[0] = sequence
    if before == ABSENT or sequence <= before:
        return 0
    return <uint64_t> sequence - <uint64_t> before - 1
