"""Durations counted by upper bound, weighted by records: how long until the sink's acknowledgement."""
cimport cython
from libc.stdint cimport int64_t, uint64_t

# Seconds. Fine around the promised p50 of 2 ms and p99 of 10 ms, then coarse up to an outage of a minute.
ACK_BOUNDS_S = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25,
                0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@cython.final
cdef class Histogram:
    """Bounds are seconds, ascending; a duration equal to a bound counts below it."""

    def __cinit__(self, bounds_s=ACK_BOUNDS_S):
        if not 0 < len(bounds_s) <= BOUNDS_MAX or sorted(bounds_s) != list(bounds_s):
            raise ValueError(f"bounds: 1 to {BOUNDS_MAX}, ascending, not {bounds_s}")
        self.bounds = <int> len(bounds_s)
        for i, bound in enumerate(bounds_s):
            self.bounds_ns[i] = round(bound * 1e9)

    cdef void add(self, int64_t ns, uint64_t count) noexcept nogil:
        """`count` records that took so long; a clock that stepped back counts as no time."""
        cdef int i = 0
        if ns < 0:
            ns = 0
        while i < self.bounds and ns > self.bounds_ns[i]:
            i += 1
        self.counts[i] += count
        self.sum_ns += <double> ns * count

    def observe(self, double seconds, uint64_t count=1):
        """`count` records that took so long."""
        self.add(<int64_t> (seconds * 1e9), count)

    def as_dict(self):
        """Bounds in seconds, counts (one more, for what is beyond), and the sum in seconds."""
        return {
            "bounds": [self.bounds_ns[i] / 1e9 for i in range(self.bounds)],
            "counts": [self.counts[i] for i in range(self.bounds + 1)],
            "sum": self.sum_ns / 1e9,
        }
