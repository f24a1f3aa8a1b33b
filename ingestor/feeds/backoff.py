"""When to try again, and how fast to talk: full-jitter back-off and the token bucket.

Both are given the time and the randomness; they sleep for nobody.
"""

from collections.abc import Callable

#: The first pause is below this. Most drops are single: a rolled gateway is back within a second.
BACKOFF_BASE_S = 0.5
#: The longest pause: an outage of an hour costs a provider one attempt a minute from each connection.
BACKOFF_MAX_S = 60.0
#: A connection that lived so long was healthy; the next drop starts from BACKOFF_BASE_S again.
HEALTHY_AFTER_S = 30.0
#: A provider's own "retry after" is believed up to an hour: beyond it an operator should look.
RETRY_AFTER_MAX_S = 3600.0

Uniform = Callable[[float, float], float]


def named_pause_s(text: str, unit_s: float = 1.0) -> float:
    """The pause that a provider names in a header, at most RETRY_AFTER_MAX_S.

    0 for anything but a whole number: of a date, the back-off's own pause will do.
    """
    return min(int(text[:20]) * unit_s, RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0


class Backoff:
    """Pauses between attempts, without limit in number.

    Full jitter: uniform between 0 and the exponential bound, so that a thousand connections dropped
    together do not come back together. Source: aws.amazon.com/blogs/architecture
    exponential-backoff-and-jitter, read November 2026.
    """

    def __init__(self, uniform: Uniform, base_s: float = BACKOFF_BASE_S, max_s: float = BACKOFF_MAX_S) -> None:
        self._uniform = uniform
        self._base_s = base_s
        self._max_s = max_s
        self.failures = 0

    def pause_s(self, retry_after_s: float = 0.0) -> float:
        """The pause after one more failure; at least `retry_after_s` where the provider named it."""
        doublings = min(self.failures, 30)  # 2^30 half seconds is far beyond any max_s, and still a float
        bound_s = min(self._max_s, self._base_s * 2.0**doublings)
        self.failures += 1
        return min(retry_after_s, RETRY_AFTER_MAX_S) + self._uniform(0.0, bound_s)

    def reset(self) -> None:
        """The connection was healthy: forget the failures."""
        self.failures = 0


class TokenBucket:
    """Spaces events to `rate` a second on average, with bursts of `burst`. A rate of 0: no limit."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        self._tokens = self._burst
        self._at = clock()

    def take(self) -> float:
        """Take one token now; return the seconds to wait before acting on it.

        Tokens go below zero, so that callers are served in the order they asked.
        """
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / self._rate)
