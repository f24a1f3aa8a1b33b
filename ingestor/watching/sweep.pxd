"""One look a second at all source paths: the memory of it, and its loops."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ingestor.pricing.books cimport Books
from ingestor.unify.tables cimport Tables
from ingestor.watch.arrivals cimport Arrivals, Step
from ingestor.watch.season cimport Season
from ingestor.watch.signals cimport Limits, PathState, SIGNALS, Seen

cdef enum:
    CARRIERS = 65536        # connection names; a label has 16 bits
    TURNS = 8               # a path that brought nothing and is well is looked at in full each so many sweeps

cdef enum Mark:
    AWAKE = 1               # heard, a connection of it up, its market trading: judged
    GAPPED = 2              # a checked book missed something since the last sweep


cdef struct Stream:
    # A subscription.
    Arrivals arrivals
    uint32_t path
    uint32_t channel        # the provider's
    bint on_book            # it brings quotes


cdef struct Seat:
    # A source path.
    PathState state
    uint64_t missing        # trades that the provider left out, so far
    int32_t book            # that it votes for in its own currency; -1: none
    uint32_t source         # that it is there
    uint32_t group          # its (provider, venue, data class)
    uint32_t judged_count   # of live records, when it was last looked at in full
    bint two_sided          # its book should have both sides


cdef struct Pool:
    # Streams that are judged together: those of a provider, of one of its channels, of a venue's data class.
    Arrivals arrivals
    uint32_t count          # live records so far; it wraps
    uint32_t members        # that were ever heard: subscriptions; of a venue's data class paths
    uint32_t stale          # of them, one by one
    bint awake              # one of them is judged
    double usual            # records a second, as is normal
    double expected         # and as it is at this hour


cdef struct Group:
    # A (provider, venue, data class), by the number of its latency.
    Pool pool
    Season season
    uint32_t provider
    uint32_t[SIGNALS] bad   # paths, by Signal
    uint16_t told           # bit s: Signal s of its paths is told above them


cdef class Sweep:
    """Owner of what the sweep remembers, by the numbers of the tables."""
    cdef Tables tables
    cdef Books books
    cdef Limits limits
    cdef list providers_named
    cdef list channels_named    # (provider, channel)
    cdef list groups_named      # (provider, venue, data class)
    cdef uint32_t providers_count
    cdef uint32_t channels_count
    cdef uint32_t groups_count
    cdef Stream* streams        # by subscription
    cdef uint32_t* stale        # numbers of the streams that are
    cdef uint32_t stale_count
    cdef Seat* seats            # by path
    cdef uint16_t* bad          # by path; bit s: Signal s
    cdef uint8_t* marks         # by path, of Mark
    cdef uint32_t turn          # of the sweep
    cdef Group* groups
    cdef Pool* channels
    cdef uint32_t* channel_providers
    cdef Pool* providers
    cdef uint8_t[CARRIERS] down     # connections, by label
    cdef Step step
    cdef double share_keep
    cdef int64_t ahead_ns

    cdef int _name(self) except -1
    cdef int _allocate(self) except -1
    cdef int _seat(self) except -1
    # One look, so long after the last.
    cdef void run(self, double watched_s, int64_t now_ns) noexcept nogil
    cdef void _hear(self) noexcept nogil
    cdef void _note_gap(self, uint32_t stream) noexcept nogil
    cdef void _pool(self, int64_t now_ns) noexcept nogil
    cdef void _judge(self, int64_t now_ns) noexcept nogil
    cdef void read(self, uint32_t path, Seen* seen) noexcept nogil


cdef inline double season_of(const Pool* pool) noexcept nogil:
    """Of its records, how many are expected at this hour, 0 to 1."""
    return pool.expected / pool.usual if pool.usual > 0 else 1.0
