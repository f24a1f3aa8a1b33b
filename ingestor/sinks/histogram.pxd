"""Durations counted by upper bound, weighted by records."""
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    BOUNDS_MAX = 32     # more than any dashboard shows


cdef class Histogram:
    """Counts by bound; see histogram.pyx."""
    cdef int64_t[32] bounds_ns
    cdef uint64_t[33] counts    # one more, for what is beyond the last bound
    cdef int bounds
    cdef double sum_ns

    cdef void add(self, int64_t ns, uint64_t count) noexcept nogil
