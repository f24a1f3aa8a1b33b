"""What an hour of the week is like: how much of the usual rate is expected in it.

Where nights and Sundays are quiet, they are no alarm. A market that closes is another matter: whether it is closed or
dead, only its trading state (reference data) says, and stale seconds teach nothing here. Of each hour of the week
(UTC) the mean rate is kept, halfway between the last time and before; against it stands what the same hours led one
to expect of late, which is what the fading norm of arrivals.pxd has seen. It lives in memory: after a start, a
week passes first.
"""
from libc.stdint cimport int64_t

cdef enum:
    HOURS = 168

cdef extern from *:
    """
    #define INGESTOR_HOUR_NS 3600000000000LL
    #define INGESTOR_HOUR_WATCHED_MIN_S 1800.0      /* an hour watched less teaches nothing */
    """
    const int64_t INGESTOR_HOUR_NS
    const double INGESTOR_HOUR_WATCHED_MIN_S


cdef struct Season:
    # Made by season_init.
    float[HOURS] rates      # arrivals a second; negative: not known
    float usual             # fading mean of the known rates of the hours that passed; negative: not known
    float events            # of the running hour
    float seconds           # watched, of it
    int64_t hour            # the running hour, since the epoch
    double factor           # 0 to 1: the part of the norm that is expected now


cdef inline void season_init(Season* of) noexcept nogil:
    cdef int i
    for i in range(HOURS):
        of.rates[i] = -1
    of.usual = -1
    of.events = of.seconds = 0
    of.hour = 0
    of.factor = 1


cdef inline void season_hour(Season* of, int64_t hour) noexcept nogil:
    """Another hour begins: keep what the last one was like."""
    cdef float* kept = &of.rates[of.hour % HOURS]
    cdef float rate
    if of.seconds >= INGESTOR_HOUR_WATCHED_MIN_S:
        rate = of.events / of.seconds
        kept[0] = rate if kept[0] < 0 else (kept[0] + rate) / 2
    of.hour = hour
    of.events = of.seconds = 0


cdef inline void season_second(
    Season* of, double came, float watched_s, float keep, bint stale, int64_t now_ns
) noexcept nogil:
    """One sweep. `keep`: of the norm's past; `stale`: what does not come now teaches nothing."""
    cdef int64_t hour = now_ns // INGESTOR_HOUR_NS
    cdef float rate
    if hour != of.hour:
        season_hour(of, hour)
    if not stale:
        of.events += <float> came
        of.seconds += watched_s
    rate = of.rates[hour % HOURS]
    if rate < 0:
        of.factor = 1
        return
    of.usual = rate if of.usual < 0 else of.usual * keep + rate * (1 - keep)
    of.factor = 1 if of.usual <= 0 else min(1.0, rate / of.usual)
