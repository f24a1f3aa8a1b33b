"""The rules of pricing.md 7.2 word by word: each tick counts its whole window anew. Slow, and obviously right."""

import math
from fractions import Fraction


class SlowRule:
    """Ratios less 1, one a tick, NaN for no data; thresholds are those of each tick's own time."""

    def __init__(self, threshold, window):
        self.threshold = threshold
        self.window = window
        self.ticks = []     # (ratio, threshold)
        self.firing = False

    def tick(self, ratio, threshold=None):
        """What happens: "fired", "cleared" or ""."""
        self.ticks.append((ratio, self.threshold if threshold is None else threshold))
        u, e, h = self.counts()
        clear = u == 0 or h <= Fraction(2, 10) * u
        fire = e >= Fraction(self.window, 2) and e >= Fraction(8, 10) * u
        if self.firing and clear:
            self.firing = False
            return "cleared"
        if not self.firing and fire and not clear:
            self.firing = True
            return "fired"
        return ""

    def counts(self):
        """U, E and the ticks beyond half of the threshold."""
        valid = [(ratio, limit) for ratio, limit in self.ticks[-self.window:] if not math.isnan(ratio)]
        above = sum(ratio > limit for ratio, limit in valid)
        below = sum(ratio < -limit for ratio, limit in valid)
        return len(valid), max(above, below), sum(abs(ratio) > limit / 2 for ratio, limit in valid)
