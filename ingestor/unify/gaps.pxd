"""What was missed, noted where it shows: a bounded list that the backfill drains (feeds/refill.pyx).

A number that was skipped, one that came after all, and a stretch of time of which nothing is known because
the connection was another one. Nothing is allocated here. When the list is full, a subscription keeps the
hull of what could not be noted, so that nothing missing goes uncounted.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport ABSENT

cdef enum GapKind:
    MISSED_NUMBERS = 0      # first..last were skipped
    MISSED_TIMES = 1        # a new connection: from_ns..to_ns is in doubt
    ARRIVED = 2             # `first` came late, after it had been missed

cdef enum:
    GAP_EVENTS_MAX = 8192   # between two drains, 0.1 s apart: a gap in each record of 80,000 a second


cdef struct GapEvent:
    int64_t first, last     # numbers; ABSENT for times
    int64_t from_ns, to_ns  # venue's times of the records around it, ABSENT when not sent
    int64_t recv_ns         # of the record that showed it
    uint32_t subscription
    uint32_t connection     # serial of the connection that brought the record before
    uint8_t kind


cdef struct GapList:
    GapEvent* events
    uint32_t count
    uint64_t overflowed     # events that found no room, since the start
    bint crowded            # some subscription holds a hull of those


cdef struct Hull:
    int64_t first, last     # ABSENT: nothing
    uint64_t missing        # numbers skipped within it


cdef inline GapEvent* gap_event(GapList* gaps, int kind, uint32_t subscription, int64_t recv_ns) noexcept nogil:
    """The next event; NULL when there is no room, which is counted."""
    cdef GapEvent* event
    if gaps.count == GAP_EVENTS_MAX:
        gaps.overflowed += 1
        return NULL
    event = &gaps.events[gaps.count]
    gaps.count += 1
    event.kind = <uint8_t> kind
    event.subscription = subscription
    event.recv_ns = recv_ns
    event.first = event.last = event.from_ns = event.to_ns = ABSENT
    event.connection = 0
    return event


cdef inline void note_numbers(GapList* gaps, Hull* hull, uint32_t subscription, int64_t first, int64_t last,
                              int64_t from_ns, int64_t to_ns, int64_t recv_ns) noexcept nogil:
    cdef GapEvent* event = gap_event(gaps, MISSED_NUMBERS, subscription, recv_ns)
    if event == NULL:
        gaps.crowded = True
        if hull.first == ABSENT:
            hull.first = first
        hull.last = last
        hull.missing += <uint64_t> last - <uint64_t> first + 1
        return
    event.first = first
    event.last = last
    event.from_ns = from_ns
    event.to_ns = to_ns


cdef inline bint note_times(GapList* gaps, uint32_t subscription, uint32_t connection, int64_t from_ns, int64_t to_ns,
                            int64_t recv_ns) noexcept nogil:
    """Whether there was room: the caller tries again with the next record."""
    cdef GapEvent* event = gap_event(gaps, MISSED_TIMES, subscription, recv_ns)
    if event == NULL:
        return False
    event.from_ns = from_ns
    event.to_ns = to_ns
    event.connection = connection
    return True


cdef inline void note_arrived(GapList* gaps, uint32_t subscription, int64_t number, int64_t recv_ns) noexcept nogil:
    cdef GapEvent* event = gap_event(gaps, ARRIVED, subscription, recv_ns)
    if event != NULL:
        event.first = event.last = number
