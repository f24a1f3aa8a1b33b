"""When a price that disagrees is an alert: the rules of pricing.md 7.2, one tick a second.

A rule looks at the last W ticks: U of them are valid, E exceed its threshold on the side where more do, H lie
beyond half of it on either side. It fires when E >= W/2 and E >= 0.8 U, and clears when U = 0 or H <= 0.2 U. So
neither a moment nor noise of both signs fires, and a gap does not hide what is held. O(1) a tick: a ring
of 3 bits a tick remembers how each was counted, at the threshold of its own time.
"""
from libc.math cimport fabs, isnan
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from ingestor.watch.life cimport Alert, FIRING, PENDING, alert_step

cdef enum:
    RULES_MAX = 8           # the table has four; twice that
    WINDOW_MAX = 3600       # ticks: an hour. Who waits longer looks at the metrics
    TICK_BITS = 3

cdef enum TickCode:
    NO_DATA = 0
    WITHIN = 1              # up to half of the threshold
    BEYOND = 2              # beyond half of it
    ABOVE = 3               # beyond it, above
    BELOW = 4


cdef struct Rule:
    double threshold        # theta, before the tier and the yardstick's confidence
    uint32_t window         # W, ticks
    uint32_t ring           # where its ring begins, bytes from the first rule's
    uint8_t severity


cdef struct Tally:
    # One rule's view of one comparison. Zeroed memory is quiet.
    Alert alert
    uint16_t at             # of the next tick in the ring
    uint16_t valid          # U
    uint16_t above
    uint16_t below
    uint16_t beyond         # H


cdef inline uint32_t ring_bytes(uint32_t window) noexcept nogil:
    """Of one rule's ring; a tick's bits are read with one byte more than they may need."""
    return (window * TICK_BITS + 7) // 8 + 1


cdef inline int ring_swap(uint8_t* ring, uint32_t at, int code) noexcept nogil:
    """Put `code` at place `at`, return what was there."""
    cdef uint32_t bit = at * TICK_BITS
    cdef uint16_t pair
    cdef int old
    memcpy(&pair, ring + bit // 8, sizeof(pair))
    old = pair >> bit % 8 & 7
    pair ^= <uint16_t> ((old ^ code) << bit % 8)
    memcpy(ring + bit // 8, &pair, sizeof(pair))
    return old


cdef inline uint32_t exceeding(const Tally* tally) noexcept nogil:
    """E: ticks beyond the threshold, on the side where more are."""
    return max(tally.above, tally.below)


cdef inline void count(Tally* tally, int code, int by) noexcept nogil:
    if code != NO_DATA:
        tally.valid += by
    if code >= BEYOND:
        tally.beyond += by
    if code == ABOVE:
        tally.above += by
    elif code == BELOW:
        tally.below += by


cdef inline void rule_push(const Rule* rule, Tally* tally, uint8_t* ring, int code) noexcept nogil:
    """One tick into the window, and the oldest out of it."""
    count(tally, ring_swap(ring, tally.at, code), -1)
    count(tally, code, 1)
    tally.at = <uint16_t> ((tally.at + 1) % rule.window)


cdef inline void rule_skip(const Rule* rule, Tally* tally, uint8_t* ring, int64_t ticks) noexcept nogil:
    """Ticks at which nobody looked: without data."""
    cdef int64_t _tick
    for _tick in range(min(ticks, <int64_t> rule.window)):
        rule_push(rule, tally, ring, NO_DATA)


cdef inline int rule_tick(
    const Rule* rule, Tally* tally, uint8_t* ring, double ratio, double threshold, int64_t now_ns
) noexcept nogil:
    """One tick with the ratio less 1, NaN: no data; an AlertTransition.

    `threshold` is the rule's as it holds now: times the tier, at least four times the yardstick's relative
    confidence. Pending from the first tick beyond it; a tick without data leaves open whether it still is.
    """
    cdef int code = NO_DATA
    cdef bint bad, fire, clear
    if not isnan(ratio):
        code = (ABOVE if ratio > threshold else BELOW if ratio < -threshold
                else BEYOND if fabs(ratio) > 0.5 * threshold else WITHIN)
        tally.alert.threshold = threshold
    rule_push(rule, tally, ring, code)
    fire = 2 * exceeding(tally) >= rule.window and 5 * exceeding(tally) >= 4 * <uint32_t> tally.valid
    clear = 5 * <uint32_t> tally.beyond <= tally.valid
    bad = code >= ABOVE or (code == NO_DATA and tally.valid > 0 and tally.alert.state in (PENDING, FIRING))
    return alert_step(&tally.alert, bad, fire, clear, tally.alert.value if code == NO_DATA else ratio, now_ns)
