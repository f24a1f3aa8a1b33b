"""A price that stands still while the fair price moves: a feed that repeats itself.

What says nothing at all is silent, not frozen: messages must have come since the price last changed.
"""
from libc.math cimport NAN, fabs
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #define INGESTOR_FROZEN_WIDTH_MIN 1e-5      /* no half-width counts as less: c_floor of pricing.md 3.1 */
    """
    const double INGESTOR_FROZEN_WIDTH_MIN

cdef enum:
    FROZEN_MESSAGES_MIN = 3     # since the price last changed


cdef struct Still:
    # Zeroed memory: nothing seen yet.
    double mid          # as last seen to change; NaN or 0: none
    double last         # trade
    double fair         # when it did; NaN: not known well enough
    uint32_t count      # of messages, when it did


cdef inline bint differs(double a, double b) noexcept nogil:
    return a != b and (a == a or b == b)


cdef inline double still_second(
    Still* of, double mid, double last, double fair, double half_width, uint32_t count
) noexcept nogil:
    """One second: how many half-widths the fair price has moved since the price did; 0 when it is no sign.

    `mid` and `last` in the currency of `fair`; `half_width` relative. NaN: there is none, or no good fair price.
    """
    if differs(mid, of.mid) or differs(last, of.last):
        of.mid, of.last, of.fair, of.count = mid, last, fair, count
        return 0
    if not (of.fair > 0 and fair > 0):
        if of.fair != of.fair and fair > 0:
            of.fair, of.count = fair, count
        return 0
    if count - of.count < FROZEN_MESSAGES_MIN:
        return 0
    if not half_width > INGESTOR_FROZEN_WIDTH_MIN:
        half_width = INGESTOR_FROZEN_WIDTH_MIN
    return fabs(fair / of.fair - 1) / half_width
