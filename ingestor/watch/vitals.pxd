"""What the hot path notes of each record for those who judge it once a second: a store or two each."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ingestor.records cimport GAP_BEFORE, REPLAY, SNAPSHOT
from ingestor.watch.latency cimport Latency, latency_note
from ingestor.watch.tops cimport Top, top_note


cdef struct Heard:
    uint32_t count      # live records of the subscription, known ones too; it wraps
    uint16_t carrier    # the label of the connection that brought the last one
    uint8_t gapped      # something was missing before one of them since the last sweep


cdef class Vitals:
    """Owner of the notes, by the numbers of the tables. Its arrays never move while it lives."""
    cdef Heard* heard           # by subscription
    cdef Top* tops              # by path
    cdef Latency* latencies     # by (provider, venue, data class)
    cdef readonly uint32_t paths_count
    cdef readonly uint32_t subscriptions_count
    cdef readonly uint32_t latencies_count


cdef inline void heard_note(Heard* of, uint16_t carrier, uint16_t flags) noexcept nogil:
    """One record. What is replayed, on subscribing or from a history, says nothing of who speaks now."""
    if not flags & (SNAPSHOT | REPLAY):
        of.count += 1
        of.carrier = carrier
        if flags & GAP_BEFORE:
            of.gapped = 1
