"""The Outbox for those who handle parcels; outbox.pyx says what it is."""
from libc.stdint cimport int64_t, uint64_t

from ingestor.sinks.histogram cimport Histogram
from ingestor.wire.outlet cimport Outlet, Parcel

cdef enum:
    TOPICS_MAX = 16         # those of wire/topics.py, and room for as many again


cdef struct Counts:
    # Of one topic; see TopicStats.
    bint used
    int64_t produced
    int64_t delivered
    int64_t failed
    int64_t retries


cdef struct Chain:
    Parcel* first
    Parcel* last


cdef class Outbox(Outlet):
    cdef int64_t bytes_max
    cdef int64_t messages_max
    cdef int64_t window_bytes
    cdef int64_t window_messages
    cdef Chain waiting
    cdef Chain under_way                # in the order they were taken, which is that of their numbers
    cdef int64_t under_way_bytes
    cdef int64_t under_way_messages
    cdef uint64_t numbers
    cdef bint was_full
    cdef readonly int64_t bytes
    cdef readonly int64_t messages
    cdef readonly int64_t records
    cdef readonly int64_t delivered      # records, since the start
    cdef Counts[16] counts
    cdef list names                     # of the topics, by number
    cdef dict failures                  # topic -> {code: messages}
    cdef dict taken                     # number -> address of a parcel that take() has given out
    cdef readonly Histogram receive_to_ack
    cdef readonly Histogram receive_to_ack_newest

    cdef void accept(self, Parcel* parcel) noexcept nogil
    # The oldest parcel that waits, now under way; NULL: none waits, or the window has no room for it.
    cdef Parcel* next_parcel(self) noexcept nogil
    # It arrived, and is gone.
    cdef void acknowledge_parcel(self, Parcel* parcel, int64_t now_ns) noexcept nogil
    cdef object opened(self, const Parcel* parcel)
    cdef str topic_name(self, int topic)
    cdef int topic_number(self, str name) except -1
    cdef void leave(self, Parcel* parcel) noexcept nogil
