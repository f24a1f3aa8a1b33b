"""The owner of what arbitration.pxd knows: the markets that several providers bring."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ingestor.unify.arbitration cimport Market, Member
from ingestor.unify.histogram cimport Histogram


cdef class Arbitration:
    cdef Market* markets
    cdef Member* members        # of all markets, those of one in a row
    cdef Histogram* delays      # one a (provider, venue, data class)
    cdef uint32_t markets_count
    cdef uint64_t gone          # what was forgotten of markets that are no more
    cdef readonly list named    # (venue, instrument id, data class, providers), by market
    cdef readonly list places   # (market, member) by path; None: nobody else brings its trades
    cdef list delay_labels

    # The connection whose last receipt is `heard` is closed: nothing reads it any more.
    cdef void left(self, const int64_t* heard) noexcept nogil
    # Once a second: settle what no further trade has settled.
    cdef void sweep(self, int64_t now_ns) noexcept nogil
    # Go on with what the table before this one knows and has counted, which is not used any more.
    cdef int succeed(self, Arbitration old) except -1
