"""All books of a shard, by instrument number: the memory, and which of them have news."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from ingestor.pricing.book cimport Book
from ingestor.pricing.methods.store cimport Uncounted


cdef struct Emission:
    # What the fair topic last said of an instrument.
    double price
    double conf
    uint32_t status
    bint due                # a change waits for its turn
    int64_t at_ns


cdef class Books:
    """Owner of what room 4 remembers. Built whole; its arrays never move while it lives."""
    cdef readonly list rows         # of the instruments
    cdef readonly list paths        # of the source paths, for the names of what is flagged
    cdef Book* books
    cdef Emission* emissions
    cdef uint32_t** source_paths    # instrument -> source -> path
    cdef uint8_t* published         # this shard publishes it
    cdef uint32_t count
    cdef Uncounted uncounted_before  # by the books of the editions before

    cdef uint32_t* dirty            # instruments that ticks have touched since the last evaluation
    cdef uint8_t* is_dirty
    cdef uint32_t dirty_count

    # An instrument has news.
    cdef void touch(self, uint32_t book) noexcept nogil
    # Whether its last evaluation says something that was not emitted.
    cdef bint changed(self, uint32_t book) noexcept nogil
    # Remember the present price as emitted.
    cdef void emitted(self, uint32_t book, int64_t now_ns) noexcept nogil
    # The books of the edition before this one hand over what they remember.
    cdef int succeed(self, Books old, const int32_t* sources, const int32_t* instruments) except -1
    cdef void _match(self, Books old, uint32_t now, uint32_t before, const int32_t* sources,
                     const int32_t* instruments, int32_t* source_from, int32_t* venue_from) noexcept nogil
