"""What is odd about the top of a path's book, since when, and which spread is normal for it."""
from libc.stdint cimport int64_t, uint8_t

cdef extern from *:
    """
    #define INGESTOR_SPREAD_STEP 1.002          /* a second moves the median so far: tenfold takes 20 minutes */
    #define INGESTOR_SPREAD_STEP_FIRST 1.05     /* of the first seconds, while it is searched */
    """
    const double INGESTOR_SPREAD_STEP
    const double INGESTOR_SPREAD_STEP_FIRST

cdef enum TopState:
    TOP_UNKNOWN = 0     # no quote yet
    TOP_SOUND = 1
    TOP_CROSSED = 2
    TOP_LOCKED = 3
    TOP_ONE_SIDED = 4   # or empty

cdef enum:
    SPREADS_MIN = 60    # seconds with a spread, before there is a median to judge by


cdef struct Top:
    int64_t since_ns    # when the state began
    uint8_t state       # TopState


cdef struct Spread:
    float median        # of the relative spread, by the second; 0: none yet
    uint8_t seconds     # up to SPREADS_MIN


cdef inline void top_note(Top* top, double bid, double ask, int64_t now_ns) noexcept nogil:
    """One quote, whole; NaN is an empty side."""
    cdef uint8_t state = (TOP_SOUND if bid < ask else TOP_CROSSED if bid > ask
                          else TOP_LOCKED if bid == ask else TOP_ONE_SIDED)
    if state != top.state:
        top.state = state
        top.since_ns = now_ns


cdef inline double top_held_s(const Top* top, int state, int64_t now_ns) noexcept nogil:
    """How long the book has been in this state, seconds; 0 when it is in another."""
    if top.state != state or now_ns <= top.since_ns:
        return 0
    return (now_ns - top.since_ns) / 1e9


cdef inline double spread_second(Spread* of, double spread) noexcept nogil:
    """One second's relative spread; returns how many medians it is, 0 while there is none to judge by.

    The median is approached by steps of its own size (a frugal median), so that how wide is of no concern.
    """
    cdef double step = INGESTOR_SPREAD_STEP, times
    if spread <= 0:
        return 0
    if of.median == 0:
        of.median = <float> spread
    times = spread / of.median if of.seconds == SPREADS_MIN else 0
    if of.seconds < SPREADS_MIN:
        step = INGESTOR_SPREAD_STEP_FIRST
        of.seconds += 1
    if spread > of.median:
        of.median = <float> min(of.median * step, spread)
    elif spread < of.median:
        of.median = <float> max(of.median / step, spread)
    return times
