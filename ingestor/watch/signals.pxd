"""What is judged of a source path each second, and what is remembered of it for that.

Pure: the sweep (watching/paths.pyx) reads tables and books into a Seen, and gets a bit for each signal that is bad
now. How long it must stay so to be an alert is the alert's (life.pxd).
"""
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from ingestor.watch.arrivals cimport (
    Arrivals, Law, Step, arrivals_second, is_silent, rate_share, silence_limit,
)
from ingestor.watch.frozen cimport Still, still_second
from ingestor.watch.shares cimport (
    Counters, FAULT_DUPLICATE, FAULT_LATE, FAULT_MISSING, FAULT_OUTLIER, Shares, fault_share, shares_fade, shares_second,
)
from ingestor.watch.tops cimport (
    Spread, TOP_CROSSED, TOP_LOCKED, TOP_ONE_SIDED, TOP_SOUND, Top, spread_second, top_held_s,
)

cdef enum Signal:
    STALE = 0           # nothing came for longer than T
    SILENT = 1          # for 3 T
    SLOW = 2
    FROZEN = 3
    GAP = 4             # numbers missing: any on a checked book, too many of the trades
    DUPLICATE = 5
    REORDERED = 6
    OUTLIER = 7
    FLAGGED = 8         # outside the gate of its fair price
    CROSSED = 9
    LOCKED = 10
    ONE_SIDED = 11
    WIDE = 12
    SIGNALS = 13


cdef struct Limits:
    Law law
    double slow_share
    double frozen_widths
    double fault_shares[4]      # by Fault
    double crossed_s
    double locked_s
    double one_sided_s
    double spread_times


cdef struct Seen:
    # Of one path, now.
    Counters counters
    uint32_t count      # of live records so far; it wraps
    double bid          # NaN: none
    double ask
    double last         # trade; 0 or NaN: none
    double fair         # in the same currency; NaN: none, or not a good one
    double trade_width  # relative half-width of a path that only trades
    bint flagged
    bint gapped         # a checked book has missed something since the last sweep
    bint two_sided      # its book should have both sides


cdef struct PathState:
    # Zeroed memory: nothing seen yet.
    Arrivals arrivals
    Shares shares
    Still still
    Spread spread
    float still_widths  # half-widths that the fair price moved while the price did not
    float spread_times  # medians that the spread is wide
    uint32_t count      # live records of all its subscriptions


cdef inline double mid_of(const Seen* seen) noexcept nogil:
    """NaN while the book is not sound."""
    return 0.5 * (seen.bid + seen.ask) if 0 < seen.bid < seen.ask else NAN


cdef inline uint16_t path_second(
    PathState* of, const Seen* seen, const Top* top, const Step* step, const Limits* limits, double keep,
    double season, int64_t now_ns
) noexcept nogil:
    """One sweep over one path; bit s: Signal s is bad now. `keep`: what is left of the shares' past."""
    cdef uint16_t bad
    cdef double mid = mid_of(seen), width = seen.trade_width
    arrivals_second(&of.arrivals, seen.count, step, &limits.law, season)
    shares_second(&of.shares, &seen.counters, <float> keep)
    bad = faults(of, seen, limits)
    if of.arrivals.stale:       # what was said last says nothing more
        of.still_widths = of.spread_times = 0
        return bad | 1 << STALE | (1 << SILENT if is_silent(&of.arrivals, &limits.law, season) else 0)
    if rate_share(&of.arrivals, season) < limits.slow_share:
        bad |= 1 << SLOW
    if mid == mid:
        width = 0.5 * (seen.ask - seen.bid) / mid
        of.spread_times = <float> spread_second(&of.spread, 2 * width)
    else:
        of.spread_times = 0
    of.still_widths = <float> still_second(&of.still, mid, seen.last, seen.fair, width, seen.count)
    if of.still_widths > limits.frozen_widths:
        bad |= 1 << FROZEN
    if of.spread_times > limits.spread_times:
        bad |= 1 << WIDE
    return bad | book_faults(seen, top, limits, now_ns)


cdef inline bint path_quiet(
    PathState* of, const Step* step, const Limits* limits, double keep, double season
) noexcept nogil:
    """The part of a sweep that also a path needs that brought nothing and is well; whether it is stale now."""
    arrivals_second(&of.arrivals, of.count, step, &limits.law, season)
    shares_fade(&of.shares, <float> keep)
    return of.arrivals.stale


cdef inline uint16_t faults(const PathState* of, const Seen* seen, const Limits* limits) noexcept nogil:
    """Of the records that came."""
    cdef uint16_t bad = 0
    if seen.gapped or fault_share(&of.shares, FAULT_MISSING) > limits.fault_shares[<int> FAULT_MISSING]:
        bad |= 1 << GAP
    if fault_share(&of.shares, FAULT_DUPLICATE) > limits.fault_shares[<int> FAULT_DUPLICATE]:
        bad |= 1 << DUPLICATE
    if fault_share(&of.shares, FAULT_LATE) > limits.fault_shares[<int> FAULT_LATE]:
        bad |= 1 << REORDERED
    if fault_share(&of.shares, FAULT_OUTLIER) > limits.fault_shares[<int> FAULT_OUTLIER]:
        bad |= 1 << OUTLIER
    if seen.flagged:
        bad |= 1 << FLAGGED
    return bad


cdef inline uint16_t book_faults(const Seen* seen, const Top* top, const Limits* limits, int64_t now_ns) noexcept nogil:
    if top.state <= TOP_SOUND:
        return 0
    if top_held_s(top, TOP_CROSSED, now_ns) > limits.crossed_s:
        return 1 << CROSSED
    if top_held_s(top, TOP_LOCKED, now_ns) > limits.locked_s:
        return 1 << LOCKED
    if seen.two_sided and top_held_s(top, TOP_ONE_SIDED, now_ns) > limits.one_sided_s:
        return 1 << ONE_SIDED
    return 0


cdef inline double signal_value(
    const PathState* of, const Top* top, const Limits* limits, int signal, double season, int64_t now_ns,
    double* threshold
) noexcept nogil:
    """What a signal's alert shows: its value, and in `threshold` what it is held against."""
    if signal == STALE or signal == SILENT:
        threshold[0] = silence_limit(&of.arrivals, &limits.law, season) * (3 if signal == SILENT else 1)
        return of.arrivals.quiet_s
    if signal == SLOW:
        threshold[0] = limits.slow_share
        return rate_share(&of.arrivals, season)
    if signal == FROZEN:
        threshold[0] = limits.frozen_widths
        return of.still_widths
    if GAP <= signal <= OUTLIER:
        threshold[0] = limits.fault_shares[signal - <int> GAP]
        return fault_share(&of.shares, signal - <int> GAP)
    if signal == WIDE:
        threshold[0] = limits.spread_times
        return of.spread_times
    threshold[0] = (limits.crossed_s if signal == CROSSED else limits.locked_s if signal == LOCKED
                    else limits.one_sided_s if signal == ONE_SIDED else 0)
    return 1 if signal == FLAGGED else (now_ns - top.since_ns) / 1e9
