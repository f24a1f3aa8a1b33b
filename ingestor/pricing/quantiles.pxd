"""Weighted quantiles and the sort that feeds them.

pricing.md 3.5: with values sorted, C_k the cumulative weight and W the total,
Q_up(p) = min{x_k : C_k > pW} and Q_dn(p) = max{x_k : W - C_(k-1) > (1-p)W}, ties included; the median
is the mean of both at 1/2. At equal weights this is Pyth's rule. Compared with a slack of 1e-12 W; the
same slack, of a ratio, keeps every limit of the method where decimals say it is.
"""
from libc.math cimport INFINITY
from libc.stdint cimport uint16_t, uint32_t

cdef extern from *:
    """
    #define INGESTOR_SLACK 1e-12    /* of a total weight, and of a ratio of prices */
    """
    const double INGESTOR_SLACK


cdef struct Quartiles:
    double q25                      # Q_up(1/4)
    double median
    double q75                      # Q_dn(3/4)


cdef inline double halfway(double low, double high) noexcept nogil:
    """The mean, without the overflow of a sum; exact when both are one value."""
    return low + 0.5 * (high - low)


cdef inline double weighted_median(
    const double* values, const double* weights, uint32_t count, double total
) noexcept nogil:
    """Of `count` >= 1 sorted finite values. Weights > 0, together `total`."""
    cdef double below = 0, low = values[0]
    cdef double almost = (0.5 - INGESTOR_SLACK) * total, surely = (0.5 + INGESTOR_SLACK) * total
    cdef uint32_t i
    for i in range(count):
        if below < almost:
            low = values[i]
        below += weights[i]
        if below > surely:
            return halfway(low, values[i])
    return low


cdef inline Quartiles quartiles(
    const double* values, const double* weights, uint32_t count, double total
) noexcept nogil:
    """Of `count` >= 1 sorted finite values. Weights >= 0, together `total`; those of weight 0 have no say."""
    cdef Quartiles found
    cdef double below = 0, low = values[0], slack = INGESTOR_SLACK * total
    cdef uint32_t i
    cdef bint has25 = False, has50 = False
    found.q25 = found.median = found.q75 = low
    for i in range(count):
        if weights[i] == 0:
            continue
        if below < 0.5 * total - slack:
            low = values[i]
        if below >= 0.75 * total - slack:
            break
        found.q75 = values[i]
        below += weights[i]
        if not has25 and below > 0.25 * total + slack:
            found.q25 = values[i]
            has25 = True
        if not has50 and below > 0.5 * total + slack:
            found.median = halfway(low, values[i])
            has50 = True
    return found


cdef inline bint precedes(double key, uint16_t id, double other_key, uint16_t other_id) noexcept nogil:
    """Total order of (key, id), without a branch: ties are common and can't be predicted."""
    return (key < other_key) | ((key == other_key) & (id < other_id))


cdef inline void sort_order(uint16_t* order, const double* keys, double* values, uint32_t count) noexcept nogil:
    """Sort the ids in `order` by their keys, ties by id, and write the keys so sorted to `values`.

    Insertion: an order that was right a moment ago costs one comparison an id. Equal keys stand in the
    order of their ids whatever the order was before, so the result depends on the keys alone.
    """
    cdef uint32_t i, at
    cdef uint16_t id, last_id = 0
    cdef double key, last = -INFINITY
    for i in range(count):
        id = order[i]
        key = keys[id]
        if not precedes(key, id, last, last_id):
            values[i] = last = key
            last_id = id
            continue
        at = i
        while at > 0 and precedes(key, id, values[at - 1], order[at - 1]):
            values[at] = values[at - 1]
            order[at] = order[at - 1]
            at -= 1
        values[at] = key
        order[at] = id
