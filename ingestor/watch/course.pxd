"""The course of one ratio: its last value, its smoothed mean, its peak and its distribution over an hour.

pricing.md 7.3. An hour is counted in four blocks of twenty minutes, the present one begun: so the oldest of what
counts is 60 to 80 minutes old. Distances |r| are counted in buckets that grow by the root of two, from a tenth
of a basis point to twelve percent. O(1) a note; no memory but the struct's.
"""
from libc.math cimport NAN, exp2, fabs, isnan, log2
from libc.stdint cimport int64_t, uint16_t
from libc.string cimport memset

cdef enum:
    BLOCKS = 4
    BUCKETS = 28            # 1e-5 x 2^(27/2) is 0.116; the last takes what is beyond, the first what is below

cdef extern from *:
    """
    #define INGESTOR_BUCKET_FIRST 1e-5
    #define INGESTOR_MEAN_HALF_LIFE_NS 60e9
    #define INGESTOR_BLOCK_NS 1200000000000LL
    """
    const double INGESTOR_BUCKET_FIRST
    const double INGESTOR_MEAN_HALF_LIFE_NS
    const int64_t INGESTOR_BLOCK_NS


cdef struct Course:
    double last                     # NaN: no data now
    double mean                     # EW, half-life 60 s
    int64_t at_ns                   # of the last value; 0: there was none
    int64_t block                   # number of the present one since the epoch
    float[4] peaks                  # largest |r| of a block, with its sign
    uint16_t[4][28] counts          # of a block, by bucket


cdef inline void course_init(Course* course) noexcept nogil:
    """Nothing is known."""
    memset(course, 0, sizeof(Course))
    course.last = NAN


cdef inline double bucket_bound(int bucket) noexcept nogil:
    """Where a bucket begins; the first begins at 0."""
    return INGESTOR_BUCKET_FIRST * exp2(0.5 * (bucket - 1)) if bucket else 0


cdef inline int bucket_of(double distance) noexcept nogil:
    if distance < INGESTOR_BUCKET_FIRST:
        return 0
    if distance >= 1:
        return BUCKETS - 1
    return min(1 + <int> (2 * log2(distance / INGESTOR_BUCKET_FIRST)), <int> BUCKETS - 1)


cdef inline void course_turn(Course* course, int64_t now_ns) noexcept nogil:
    """Empty the blocks that have begun since the last call."""
    cdef int64_t block = now_ns // INGESTOR_BLOCK_NS
    cdef int slot, bucket
    while course.block < block:
        course.block = max(course.block + 1, block - BLOCKS + 1)
        slot = course.block % BLOCKS
        course.peaks[slot] = 0
        for bucket in range(BUCKETS):
            course.counts[slot][bucket] = 0


cdef inline void course_note(Course* course, double ratio, int64_t now_ns) noexcept nogil:
    """The ratio less 1 at `now_ns`; NaN: no data, which only ends the last value."""
    cdef double decay
    cdef int slot, bucket
    course.last = ratio
    course_turn(course, now_ns)
    if isnan(ratio):
        return
    decay = exp2(-max(0, now_ns - course.at_ns) / INGESTOR_MEAN_HALF_LIFE_NS) if course.at_ns else 0
    course.mean = course.mean * decay + ratio * (1 - decay)
    course.at_ns = now_ns
    slot = course.block % BLOCKS
    if fabs(ratio) > fabs(course.peaks[slot]):
        course.peaks[slot] = <float> ratio
    bucket = bucket_of(fabs(ratio))
    if course.counts[slot][bucket] < 0xffff:
        course.counts[slot][bucket] += 1


cdef inline double course_peak(const Course* course) noexcept nogil:
    """The ratio that was furthest from 0 in the last hour, with its sign; 0 without data."""
    cdef double peak = 0
    cdef int slot
    for slot in range(BLOCKS):
        if fabs(course.peaks[slot]) > fabs(peak):
            peak = course.peaks[slot]
    return peak


cdef inline double course_quantile(const Course* course, double share) noexcept nogil:
    """The distance |r| below which `share` of the last hour's values lie; NaN without data.

    Within a bucket the values count as spread evenly; no answer is beyond the peak.
    """
    cdef double wanted, below = 0, here, low, total = 0
    cdef int slot, bucket
    for slot in range(BLOCKS):
        for bucket in range(BUCKETS):
            total += course.counts[slot][bucket]
    wanted = share * total
    for bucket in range(BUCKETS):
        here = 0
        for slot in range(BLOCKS):
            here += course.counts[slot][bucket]
        if here > 0 and below + here >= wanted:
            low = bucket_bound(bucket)
            return min(low + (bucket_bound(bucket + 1) - low) * (wanted - below) / here, fabs(course_peak(course)))
        below += here
    return NAN
