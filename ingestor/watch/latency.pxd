"""How late records come, and how far two clocks are apart.

Receive time minus venue time is latency plus what our clock is ahead. The least of the last ten minutes (a minute's
is the third least of its seconds, so that single absurd times say nothing) is taken for the clocks and the way,
and what is above it for latency. A backlog that all records share is therefore latency for ten minutes, and then a
drift of the clocks. Latencies fall into buckets of an eighth of an octave, bounded, with a relative error below
1/16: a DDSketch (Masson, Rim, Lee 2019) whose logarithm is piecewise linear. A minute's are one window.
"""
from libc.math cimport NAN, exp2, fabs
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ingestor.records cimport ABSENT

cdef extern from *:
    """
    #define ingestor_latency_bits(x) (64 - __builtin_clzll(x))
    #define INGESTOR_WINDOW_S 60.0
    #define INGESTOR_LEARN_TIMES 1.5    /* one window teaches so many norms at most: an alarm must not end itself */
    """
    int ingestor_latency_bits(uint64_t) noexcept nogil
    const double INGESTOR_WINDOW_S
    const double INGESTOR_LEARN_TIMES

cdef enum:
    LATENCY_BUCKETS = 200       # 2^27 us is 134 s; beyond it nobody waits for a finer answer
    MINUTES = 10                # of the sliding minimum
    LEAST_KEPT = 3              # of a minute's seconds
    WINDOW_RECORDS_MIN = 100    # a p99 of fewer is their slowest, and no judgement
    WINDOWS_MIN = 10            # before there is a norm


cdef struct Latency:
    int64_t offset_ns           # what is taken for the clocks and the way; ABSENT before the first sweep with records
    int64_t least_ns            # receive minus venue time since the last sweep; INT64_MAX: none
    uint32_t[LATENCY_BUCKETS] counts    # of the running window
    # The rest is touched by sweeps only.
    int64_t[LEAST_KEPT] lowest  # seconds of the running minute, ascending; INT64_MAX: none
    int64_t[MINUTES] minutes    # the least of the last minutes; INT64_MAX: none
    uint32_t minute             # of the next in `minutes`
    uint32_t seconds            # with records, of the running minute
    double window_s             # how long it runs
    bint ahead                  # in the last second with records, a venue time lay in our future beyond the limit
    # The last closed window.
    uint64_t records
    double p50_s, p99_s, p999_s     # NaN: no records
    double times                # its p99 over the norm before it; 0 while too little is known
    # Norms: fading means, and the weight they rest on.
    double p99_norm_s
    double offset_norm_s
    double p99_weight
    double offset_weight


cdef inline void latency_init(Latency* of) noexcept nogil:
    cdef int i
    memset(of, 0, sizeof(Latency))
    of.offset_ns = ABSENT
    of.least_ns = INT64_MAX
    of.p50_s = of.p99_s = of.p999_s = NAN
    for i in range(LEAST_KEPT):
        of.lowest[i] = INT64_MAX
    for i in range(MINUTES):
        of.minutes[i] = INT64_MAX


cdef inline uint32_t latency_bucket(uint64_t ns) noexcept nogil:
    cdef uint64_t us = ns // 1000
    cdef uint32_t bits, bucket
    if us < 8:
        return <uint32_t> us
    bits = ingestor_latency_bits(us)
    bucket = (bits - 3) * 8 + <uint32_t> (us >> (bits - 4) & 7)
    return min(bucket, <uint32_t> LATENCY_BUCKETS - 1)


cdef inline double bucket_s(uint32_t bucket) noexcept nogil:
    """The middle of a bucket, seconds."""
    cdef uint32_t shift
    if bucket < 8:
        return (bucket + 0.5) / 1e6
    shift = bucket // 8 - 1
    return (8 + bucket % 8 + 0.5) * <double> (<uint64_t> 1 << shift) / 1e6


cdef inline void latency_note(Latency* of, int64_t behind_ns) noexcept nogil:
    """One record, received `behind_ns` after its venue's time."""
    if behind_ns < of.least_ns:
        of.least_ns = behind_ns
    if of.offset_ns != ABSENT:
        of.counts[latency_bucket(0 if behind_ns <= of.offset_ns
                                 else <uint64_t> behind_ns - <uint64_t> of.offset_ns)] += 1


cdef inline void keep_least(Latency* of, int64_t least_ns) noexcept nogil:
    """Into the lowest seconds of the running minute."""
    cdef int at
    of.seconds += 1
    for at in range(LEAST_KEPT):
        if least_ns < of.lowest[at]:
            of.lowest[at], least_ns = least_ns, of.lowest[at]


cdef inline int64_t minute_least(const Latency* of) noexcept nogil:
    """Of the running minute: the third lowest second, of few seconds a lower one; INT64_MAX: none."""
    return of.lowest[min(<uint32_t> LEAST_KEPT - 1, of.seconds // 4)]


cdef inline double latency_quantile(const Latency* of, uint64_t records, double share) noexcept nogil:
    """Of the running window, which holds so many records; seconds, NaN without any."""
    cdef double wanted = share * records
    cdef uint64_t passed = 0
    cdef uint32_t bucket
    if records == 0:
        return NAN
    for bucket in range(LATENCY_BUCKETS):
        passed += of.counts[bucket]
        if passed >= wanted and passed > 0:
            return bucket_s(bucket)
    return bucket_s(LATENCY_BUCKETS - 1)


cdef inline double fade(double* mean, double* weight, double value, double keep) noexcept nogil:
    """One value into a fading mean; returns it."""
    weight[0] = weight[0] * keep + 1
    mean[0] += (value - mean[0]) / weight[0]
    return mean[0]


cdef inline void close_window(Latency* of, double half_life_s) noexcept nogil:
    """A minute is over: its quantiles, its least, and what they teach."""
    cdef double keep = exp2(-of.window_s / half_life_s)
    cdef double learnt
    cdef uint32_t bucket
    cdef int i
    of.records = 0
    for bucket in range(LATENCY_BUCKETS):
        of.records += of.counts[bucket]
    of.p50_s = latency_quantile(of, of.records, 0.5)
    of.p99_s = latency_quantile(of, of.records, 0.99)
    of.p999_s = latency_quantile(of, of.records, 0.999)
    memset(of.counts, 0, sizeof(of.counts))
    of.times = 0
    if of.records >= WINDOW_RECORDS_MIN:
        learnt = of.p99_s
        if of.p99_weight > 0:
            learnt = min(learnt, INGESTOR_LEARN_TIMES * of.p99_norm_s)
        if of.p99_weight >= WINDOWS_MIN:
            of.times = of.p99_s / of.p99_norm_s
        fade(&of.p99_norm_s, &of.p99_weight, learnt, keep)
    if of.offset_ns != ABSENT:
        fade(&of.offset_norm_s, &of.offset_weight, of.offset_ns / 1e9, keep)
    of.minutes[of.minute % MINUTES] = minute_least(of)
    of.minute += 1
    of.seconds = 0
    of.window_s = 0
    for i in range(LEAST_KEPT):
        of.lowest[i] = INT64_MAX


cdef inline void latency_second(Latency* of, double watched_s, double half_life_s, int64_t ahead_ns) noexcept nogil:
    """One sweep: the clocks' offset anew; the window, when its minute is over.

    `ahead_ns`: venue times further ahead of ours are told by `ahead`.
    """
    cdef int64_t least_ns
    cdef int i
    if of.least_ns != INT64_MAX:
        of.ahead = of.least_ns < -ahead_ns
        keep_least(of, of.least_ns)
        of.least_ns = INT64_MAX
    least_ns = minute_least(of)
    for i in range(MINUTES):
        least_ns = min(least_ns, of.minutes[i])
    of.offset_ns = ABSENT if least_ns == INT64_MAX else least_ns
    of.window_s += watched_s
    if of.window_s >= INGESTOR_WINDOW_S:
        close_window(of, half_life_s)


cdef inline double offset_drift_s(const Latency* of) noexcept nogil:
    """How far the offset is from its norm; 0 while too little is known."""
    if of.offset_weight < WINDOWS_MIN or of.offset_ns == ABSENT:
        return 0
    return fabs(of.offset_ns / 1e9 - of.offset_norm_s)
