"""Latency in buckets that double: bucket b counts durations below 2^b microseconds.

Finding the bucket is one instruction, and doubling bounds cover 1 us to 67 s in BUCKETS - 1 steps; the
last bucket takes what is longer.
"""
from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #define ingestor_bits(x) (64 - __builtin_clzll(x))
    """
    int ingestor_bits(uint64_t) noexcept nogil

cdef enum:
    BUCKETS = 28        # 2^26 us is 67 s; beyond it nobody waits for a finer answer


cdef struct Histogram:
    uint64_t counts[28]
    int64_t sum_ns
    uint64_t negative       # the other clock was ahead: counted as 0


cdef inline void observe(Histogram* to, int64_t ns) noexcept nogil:
    cdef int bucket
    if ns < 1000:
        if ns < 0:
            to.negative += 1
            ns = 0
        bucket = 0
    else:
        bucket = ingestor_bits(<uint64_t> ns // 1000)
        if bucket >= BUCKETS:
            bucket = BUCKETS - 1
    to.counts[bucket] += 1
    to.sum_ns += ns


cdef inline dict histogram_dict(const Histogram* of):
    """bounds in seconds (the last bucket has none), counts a bucket, and the sum in seconds."""
    return {
        "bounds": [(1 << bucket) / 1e6 for bucket in range(BUCKETS - 1)],
        "counts": [of.counts[bucket] for bucket in range(BUCKETS)],
        "sum": of.sum_ns / 1e9,
        "negative": of.negative,
    }
