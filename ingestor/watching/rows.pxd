"""What is compared, and what is remembered of each comparison."""
from libc.stdint cimport int64_t, uint8_t, uint32_t

from ingestor.pricing.books cimport Books
from ingestor.watch.course cimport Course
from ingestor.watch.discrepancy cimport Rule, Tally

cdef enum:
    NOBODY = 0xffffffff

cdef enum Blame:
    UNKNOWN = 0             # one of the two
    ITSELF = 1
    THE_OTHER = 2


cdef struct Comparison:
    uint32_t book               # of the instrument
    uint32_t provider           # number among Rows.providers
    uint32_t source             # of a venue: the provider's source; NOBODY: all of its sources
    uint32_t direct             # of a venue: the venue's own source
    uint32_t other              # where an instrument has two providers: the comparison of the other; else NOBODY
    uint8_t[8] blamed           # of those, by rule, since it fired: a Blame
    bint judged                 # the rules look at it: of two providers only at the first
    double price                # both sides, as last sampled
    double conf
    double yardstick            # what the others say, or the venue's own feed
    double yardstick_conf
    double weight               # of its sources in the fair price
    Course course


cdef struct Happened:
    uint32_t comparison
    uint8_t rule
    uint8_t change              # AlertTransition


cdef class Rows:
    """The comparisons of one edition of the books, by instrument: first its providers, then its venues.

    Built whole; its arrays never move while it lives. Names are those of its own edition, whatever takes over.
    """
    cdef readonly Books books
    cdef readonly list providers        # names, by number
    cdef list instruments               # InstrumentRow, by book
    cdef list paths                     # PathRow
    cdef Comparison* comparisons
    cdef Tally* tallies                 # by comparison, then by rule
    cdef uint8_t* rings                 # ring_size bytes a comparison
    cdef uint32_t** owners              # book -> source -> provider's number; NULL: not compared
    cdef uint32_t* owners_all
    cdef double* tiers                  # by book: what thresholds are multiplied by
    cdef Happened* happened             # room for a change of each rule of each comparison
    cdef Rows before                    # of the edition before, whom they continue; None: nobody
    cdef uint32_t* heirs                # by comparison: the one it continues, or NOBODY
    cdef list gone                      # of those before: what nobody continues
    cdef uint32_t count
    cdef uint32_t rules
    cdef uint32_t ring_size

    cdef int _fill(self, uint32_t book, row, list names, uint32_t* owners, numbers) except -1
    cdef int _match(self, Rows before) except -1
    cdef void _carry(self, uint32_t comparison, Rows old, uint32_t before) noexcept
    cdef Comparison* _add(self, uint32_t book, uint32_t provider, uint32_t source, uint32_t direct) noexcept
    # Whom and what it is about, and what it has in common with the one of another edition that it continues.
    cdef str provider_of(self, uint32_t comparison)
    cdef str venue_of(self, uint32_t comparison)
    cdef str instrument_of(self, uint32_t comparison)
    cdef tuple identity(self, uint32_t comparison)
    # Take over what those before remember, which are then let go.
    cdef void succeed(self) noexcept
