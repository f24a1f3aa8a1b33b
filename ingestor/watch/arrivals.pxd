"""When silence is an alarm: the arrival law of one stream of records, or of many together.

Arrivals are counted by the second. Trades come in bursts, which are one arrival to this law. Two estimates of how many
bursts come in a second never exceed the truth of a compound Poisson stream, and the larger one holds: from the share
e^-rate of empty seconds, and m^2 / v from the mean and the variance of a second's count (at most m), in which a count
is at most ten more than five means, so that one wild second does not hide how regular the others are. With n bursts in
t seconds silence lasts longer than t (p^(-1/n) - 1) with probability p, the uncertainty of the rate included (gamma
posterior); for large n that is ln(1/p) / rate.
pricing.md 7.4 takes three times that, within [5 s, 10 min]. The upper bound yields where p forbids it: what comes
once an hour is not missed after ten minutes. Beyond the law, a stream is given 1.5 times the longest silence it has
been seen to keep.

All counts fade with a half-life. A silence is judged by what was known before it, and counts when it has ended; one
that was stale teaches nothing of rates, so that no outage makes silence usual.
"""
from libc.math cimport INFINITY, exp2, expm1, log
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #define INGESTOR_SILENT_TIMES 3.0       /* stale after T, silent after so many */
    #define INGESTOR_LONGEST_TIMES 1.5      /* of the longest silence seen */
    #define INGESTOR_OUTAGE_TIMES 2.0       /* a silence teaches so many T at most: it may have been an outage */
    #define INGESTOR_EXPECTED_MIN 20.0      /* clusters expected lately, before too few are slow */
    /* One empty second before the first arrival: a single burst must not look like a rate. */
    #define INGESTOR_EMPTY_S 1.0
    #define INGESTOR_WILD_TIMES 5.0         /* a second counts for the variance as at most so many means */
    #define INGESTOR_WILD_MORE 10.0         /* and so many more */
    /* Two sweeps are never further apart than this to the law: what lies beyond, nobody watched. */
    #define INGESTOR_WATCHED_MAX_S 1.5
    """
    const double INGESTOR_SILENT_TIMES
    const double INGESTOR_LONGEST_TIMES
    const double INGESTOR_OUTAGE_TIMES
    const double INGESTOR_EXPECTED_MIN
    const double INGESTOR_EMPTY_S
    const double INGESTOR_WILD_TIMES
    const double INGESTOR_WILD_MORE
    const double INGESTOR_WATCHED_MAX_S


cdef struct Law:
    # What holds for all streams of a shard.
    double log_odds             # ln(1/p)
    double times                # T is so many times the silence that p allows
    double shortest_s           # T is never below
    double longest_s            # nor above, unless p asks for it
    double half_life_s          # of what is normal
    double recent_half_life_s   # of what is now
    double memory_half_life_s   # of the longest silence


cdef struct Step:
    # One sweep: how long it watched, and how much of the past is left after it.
    float watched_s             # since the last sweep
    float normal
    float recent
    float memory


cdef struct Arrivals:
    # Zeroed memory: nothing has come yet.
    float seconds               # watched and fading, since the first arrival
    float events                # what came in them
    float active                # seconds of them in which something came
    float tamed                 # what came, of no second more than counts for the variance
    float squares               # the sum of the squares of that
    float recent_seconds        # the same with the recent half-life
    float recent_events
    float quiet_s               # watched since the last arrival
    float longest_s             # the longest silence that ended, fading
    uint32_t seen               # the count at the last sweep; it wraps as the count does
    float check_s               # silences below need no look: T, as computed in this one
    bint stale                  # silent for longer than T at the last sweep


cdef inline Step law_step(const Law* law, double elapsed_s) noexcept nogil:
    """The step over `elapsed_s` since the last sweep; negative counts as none."""
    cdef Step step
    cdef double watched_s = min(max(elapsed_s, 0.0), INGESTOR_WATCHED_MAX_S)
    step.watched_s = <float> watched_s
    step.normal = <float> exp2(-watched_s / law.half_life_s)
    step.recent = <float> exp2(-watched_s / law.recent_half_life_s)
    step.memory = <float> exp2(-watched_s / law.memory_half_life_s)
    return step


cdef inline double cluster_rate(const Arrivals* of) noexcept nogil:
    """Bursts a second, as is normal; 0 before the first arrival."""
    cdef double seconds = of.seconds + INGESTOR_EMPTY_S
    cdef double mean = of.tamed / seconds
    cdef double variance = of.squares / seconds - mean * mean
    if mean <= 0:
        return 0
    return max(mean * mean / max(variance, mean), log(seconds / (seconds - of.active)))


cdef inline double silence_limit(const Arrivals* of, const Law* law, double season) noexcept nogil:
    """T: seconds of silence after which the stream is stale; infinite while too little is known.

    `season`, 0 to 1: how much of the rate is expected at this hour of the week.
    """
    cdef double seconds = of.seconds + INGESTOR_EMPTY_S
    cdef double clusters = cluster_rate(of) * seconds
    cdef double allowed, limit
    if clusters <= 0 or season <= 0:
        return INFINITY
    allowed = seconds * expm1(law.log_odds / clusters) / season
    limit = min(law.times * allowed, max(law.longest_s, allowed))
    return max(limit, max(law.shortest_s, INGESTOR_LONGEST_TIMES * of.longest_s))


cdef inline uint32_t arrivals_second(
    Arrivals* of, uint32_t count, const Step* step, const Law* law, double season
) noexcept nogil:
    """One sweep with the stream's count so far; how many have come since the last."""
    cdef uint32_t came = count - of.seen
    of.seen = count
    if step.watched_s == 0:
        if came:
            end_silence(of)
        return came
    if of.seconds == 0 and came == 0:
        return 0
    of.recent_seconds = of.recent_seconds * step.recent + step.watched_s
    of.recent_events = of.recent_events * step.recent + came
    if came:
        learn_silence(of, step, law, season)
        of.longest_s *= step.memory
        end_silence(of)
        count_second(of, came, step)
        return came
    of.quiet_s += step.watched_s
    if of.quiet_s >= law.shortest_s and of.quiet_s >= of.check_s:
        of.check_s = <float> silence_limit(of, law, 1)
        of.stale = of.quiet_s >= of.check_s and (season >= 1 or of.quiet_s >= silence_limit(of, law, season))
    return 0


cdef inline void count_second(Arrivals* of, uint32_t came, const Step* step) noexcept nogil:
    """What came in a second, or in a part of one or a little more, into the fading sums."""
    cdef double most = INGESTOR_WILD_TIMES * of.tamed / (of.seconds + INGESTOR_EMPTY_S) + INGESTOR_WILD_MORE
    cdef double tamed = min(<double> came, most)
    of.seconds = of.seconds * step.normal + step.watched_s
    of.active = of.active * step.normal + (step.watched_s if came else 0)
    of.events = of.events * step.normal + came
    of.tamed = of.tamed * step.normal + <float> tamed
    of.squares = of.squares * step.normal + <float> (tamed * tamed / step.watched_s)


cdef inline void end_silence(Arrivals* of) noexcept nogil:
    of.quiet_s = of.check_s = 0
    of.stale = False


cdef inline void learn_silence(Arrivals* of, const Step* step, const Law* law, double season) noexcept nogil:
    """A silence has ended: its seconds were empty. A stale one teaches no more than how long silence may be."""
    cdef double silence_s = of.quiet_s, left
    of.longest_s *= <float> exp2(-silence_s / law.memory_half_life_s)
    if of.stale:
        silence_s = min(silence_s, INGESTOR_OUTAGE_TIMES * silence_limit(of, law, season))
    elif silence_s > 0:
        left = exp2(-silence_s / law.half_life_s)
        of.seconds = <float> (of.seconds * left + (1 - left) / (1 - step.normal) * step.watched_s)
        of.active *= <float> left
        of.events *= <float> left
        of.tamed *= <float> left
        of.squares *= <float> left
    if silence_s > of.longest_s:
        of.longest_s = <float> silence_s


cdef inline double lasting_s(const Arrivals* of) noexcept nogil:
    return 0 if of.stale else of.quiet_s


cdef inline double normal_rate(const Arrivals* of) noexcept nogil:
    """Arrivals a second, as is normal, with the silence that lasts unless it is stale; 0 before the first."""
    return of.events / (of.seconds + lasting_s(of)) if of.seconds > 0 else 0.0


cdef inline double recent_rate(const Arrivals* of) noexcept nogil:
    """Arrivals a second, lately; 0 before the first."""
    return of.recent_events / of.recent_seconds if of.recent_seconds > 0 else 0.0


cdef inline bint is_silent(const Arrivals* of, const Law* law, double season) noexcept nogil:
    """Stale three times over."""
    return of.stale and of.quiet_s >= INGESTOR_SILENT_TIMES * silence_limit(of, law, season)


cdef inline double rate_share(const Arrivals* of, double season) noexcept nogil:
    """The recent rate over the expected one; 1 while too little is expected to say."""
    cdef double clusters = cluster_rate(of) * of.seconds / (of.seconds + lasting_s(of)) if of.seconds > 0 else 0
    if clusters * of.recent_seconds * season < INGESTOR_EXPECTED_MIN:
        return 1.0
    return recent_rate(of) / (normal_rate(of) * season)
