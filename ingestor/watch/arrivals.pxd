"""When silence is an alarm: the arrival law of one stream of records, or of many together.

What counts is in how many seconds something came, not how much: trades come in bursts, and a burst is one
arrival to this law. For Poisson arrivals both say the same: the share of empty seconds is e^-rate. With n such
seconds and that rate, silence lasts longer than (n / rate) (p^(-1/n) - 1) with probability p, the uncertainty of
the rate included (gamma posterior); for large n that is ln(1/p) / rate. pricing.md 7.4 takes three times
that, within [5 s, 10 min]. The upper bound yields where p forbids it: what comes once an hour is not missed
after ten minutes. Beyond the law, a stream is given 1.5 times the longest silence it has been seen to keep.

All counts fade with a half-life. They stay as they are while a stream is stale, so that no outage teaches that
silence is usual.
"""
from libc.math cimport INFINITY, exp2, expm1, log
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #define INGESTOR_SILENCE_TIMES 3.0      /* of the silence that p allows: pricing.md 7.4 */
    #define INGESTOR_SILENT_TIMES 3.0       /* stale after T, silent after so many */
    #define INGESTOR_LONGEST_TIMES 1.5      /* of the longest silence seen */
    #define INGESTOR_OUTAGE_TIMES 2.0       /* a silence teaches so many T at most: it may have been an outage */
    #define INGESTOR_EXPECTED_MIN 20.0      /* seconds with arrivals expected lately, before too few are slow */
    /* Two sweeps are never further apart than this to the law: what lies beyond, nobody watched. */
    #define INGESTOR_WATCHED_MAX_S 1.5
    """
    const double INGESTOR_SILENCE_TIMES
    const double INGESTOR_SILENT_TIMES
    const double INGESTOR_LONGEST_TIMES
    const double INGESTOR_OUTAGE_TIMES
    const double INGESTOR_EXPECTED_MIN
    const double INGESTOR_WATCHED_MAX_S


cdef struct Law:
    # What holds for all streams of a shard.
    double log_odds             # ln(1/p)
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
    float active                # of them, those in which something came
    float events                # what came in them
    float recent_seconds        # the same with the recent half-life
    float recent_events
    float quiet_s               # watched since the last arrival
    float longest_s             # the longest silence that ended, fading
    uint32_t seen               # the count at the last sweep; it wraps as the count does
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


cdef inline double silence_limit(const Arrivals* of, const Law* law, double season) noexcept nogil:
    """T: seconds of silence after which the stream is stale; infinite while too little is known.

    `season`, 0 to 1: how much of the rate is expected at this hour of the week.
    """
    cdef double rate, allowed, limit
    if of.active <= 0 or season <= 0:
        return INFINITY
    # One more empty second than were seen: what never happened may happen yet.
    rate = log((of.seconds + 1) / (of.seconds - of.active + 1)) * season
    if rate <= 0:
        return INFINITY
    allowed = of.active / rate * expm1(law.log_odds / of.active)
    limit = min(INGESTOR_SILENCE_TIMES * allowed, max(law.longest_s, allowed))
    return max(limit, max(law.shortest_s, INGESTOR_LONGEST_TIMES * of.longest_s))


cdef inline uint32_t arrivals_second(
    Arrivals* of, uint32_t count, const Step* step, const Law* law, double season
) noexcept nogil:
    """One sweep with the stream's count so far; how many have come since the last."""
    cdef uint32_t came = count - of.seen
    of.seen = count
    if of.seconds == 0 and came == 0:
        return 0
    of.recent_seconds = of.recent_seconds * step.recent + step.watched_s
    of.recent_events = of.recent_events * step.recent + came
    if came:
        learn_silence(of, law, season)
        of.longest_s *= step.memory
        of.quiet_s = 0
    else:
        of.quiet_s += step.watched_s
        if of.stale:
            return 0
    of.seconds = of.seconds * step.normal + step.watched_s
    of.active = of.active * step.normal + (step.watched_s if came else 0)
    of.events = of.events * step.normal + came
    of.stale = of.quiet_s > law.shortest_s and of.quiet_s > silence_limit(of, law, season)
    return came


cdef inline void learn_silence(Arrivals* of, const Law* law, double season) noexcept nogil:
    """A silence has ended."""
    cdef double silence_s = of.quiet_s
    if of.stale:
        silence_s = min(silence_s, INGESTOR_OUTAGE_TIMES * silence_limit(of, law, season))
    if silence_s > of.longest_s:
        of.longest_s = <float> silence_s


cdef inline double normal_rate(const Arrivals* of) noexcept nogil:
    """Arrivals a second, as is normal; 0 before the first."""
    return of.events / of.seconds if of.seconds > 0 else 0.0


cdef inline double recent_rate(const Arrivals* of) noexcept nogil:
    """Arrivals a second, lately; 0 before the first."""
    return of.recent_events / of.recent_seconds if of.recent_seconds > 0 else 0.0


cdef inline bint is_silent(const Arrivals* of, const Law* law, double season) noexcept nogil:
    """Stale three times over."""
    return of.stale and of.quiet_s > INGESTOR_SILENT_TIMES * silence_limit(of, law, season)


cdef inline double rate_share(const Arrivals* of, double season) noexcept nogil:
    """The recent rate over the expected one; 1 while too little is expected to say."""
    if of.active * of.recent_seconds * season < INGESTOR_EXPECTED_MIN * of.seconds or of.seconds == 0:
        return 1.0
    return recent_rate(of) / (normal_rate(of) * season)
