"""The arrival law again, slowly: every second is kept, and all sums are made anew from them. See arrivals.pxd."""

import math


class SlowStream:
    """A stream that is looked at once a second."""

    def __init__(self, *, p, times, shortest_s, longest_s, half_life_s, memory_half_life_s=86_400.0):
        self.p, self.times = p, times
        self.shortest_s, self.longest_s = shortest_s, longest_s
        self.half_life_s, self.memory_half_life_s = half_life_s, memory_half_life_s
        self.learnt: list[float] = []       # tamed arrivals of each second that taught something, oldest first
        self.silences: list[tuple[int, float]] = []     # (how many arrivals ago it ended, how long it was)
        self.quiet_s = 0.0
        self.stale = False

    def _sum(self, of):
        last = len(self.learnt) - 1
        return sum(of(came) * 2 ** (-(last - at) / self.half_life_s) for at, came in enumerate(self.learnt))

    def longest(self):
        return max((length * 2 ** (-ago / self.memory_half_life_s) for ago, length in self.silences), default=0.0)

    def limit_s(self):
        seconds = self._sum(lambda _: 1) + 1
        mean = self._sum(lambda came: came) / seconds
        if mean == 0:
            return math.inf
        variance = self._sum(lambda came: came * came) / seconds - mean * mean
        empty = self._sum(lambda came: came == 0) + 1
        clusters = seconds * max(mean * mean / max(variance, mean), math.log(seconds / empty))
        try:
            allowed = seconds * (self.p ** (-1 / clusters) - 1)
        except OverflowError:
            return math.inf
        limit = min(self.times * allowed, max(self.longest_s, allowed))
        return max(limit, self.shortest_s, 1.5 * self.longest())

    def second(self, came):
        if not self.learnt and not came:
            return
        if came:
            silence = min(self.quiet_s, 2 * self.limit_s()) if self.stale else self.quiet_s
            self.silences = [(ago + 1, length) for ago, length in [*self.silences, (0, silence)]]
            if not self.stale:
                self.learnt += [0.0] * int(self.quiet_s)
            self.quiet_s, self.stale = 0.0, False
        else:
            self.quiet_s += 1
            self.stale = self.quiet_s >= self.limit_s()
            return
        mean = self._sum(lambda came: came) / (self._sum(lambda _: 1) + 1)
        self.learnt.append(min(came, 5 * mean + 10))
