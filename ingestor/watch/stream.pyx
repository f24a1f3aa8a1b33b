"""The arrival law's Python face: one stream, for connections and for tests."""
cimport cython
from libc.stdint cimport uint32_t

from ingestor.watch.arrivals cimport (
    Arrivals, Law, Step, arrivals_second, cluster_rate, is_silent, law_step, normal_rate, rate_share, recent_rate,
    silence_limit,
)

import math

DAY_S = 86400.0


@cython.final
cdef class Stream:
    """A stream that nothing has come of yet. `p`, `times` and the bounds are those of Law in arrivals.pxd, seconds."""
    cdef Arrivals arrivals
    cdef Law law

    def __init__(self, *, double p, double times, double shortest_s, double longest_s, double half_life_s,
                 double recent_half_life_s=60.0, double memory_half_life_s=DAY_S):
        self.law = Law(log_odds=-math.log(p), times=times, shortest_s=shortest_s, longest_s=longest_s,
                       half_life_s=half_life_s, recent_half_life_s=recent_half_life_s,
                       memory_half_life_s=memory_half_life_s)

    def second(self, count, double elapsed_s=1.0, double season=1.0):
        """One look at its count, `elapsed_s` after the last; how many have come."""
        cdef Step step = law_step(&self.law, elapsed_s)
        return arrivals_second(&self.arrivals, <uint32_t> (count & 0xFFFFFFFF), &step, &self.law, season)

    def limit_s(self, double season=1.0):
        """T now; infinite while too little is known."""
        return silence_limit(&self.arrivals, &self.law, season)

    def silent(self, double season=1.0):
        """Stale three times over."""
        return is_silent(&self.arrivals, &self.law, season)

    def share(self, double season=1.0):
        """The recent rate over the expected one."""
        return rate_share(&self.arrivals, season)

    @property
    def stale(self):
        return self.arrivals.stale

    @property
    def quiet_s(self):
        return self.arrivals.quiet_s

    @property
    def rates(self):
        """Arrivals a second: normal, recent; and clusters a second."""
        return normal_rate(&self.arrivals), recent_rate(&self.arrivals), cluster_rate(&self.arrivals)
