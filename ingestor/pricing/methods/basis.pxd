"""mark_default: the fair price of a perpetual or dated future from its index and its basis (pricing.md 4).

mark = median of m1, the index with the smoothed basis; m2, the median of bid, ask and last of the contract's own
book; m3, the weighted median of what the same contract costs at other venues; within a bound of the index.
Source of the smoothing and of the three: https://hyperliquid.gitbook.io/hyperliquid-docs/trading/robust-price-indices
(read 2026-11). Works in quoted prices, so inverse contracts are the same.
"""
from libc.math cimport NAN, exp, fabs, sqrt
from libc.stdint cimport int64_t


cdef struct Basis:
    # EMA weighted by duration: num <- num e^(-t/tau) + b t, den <- den e^(-t/tau) + t.
    double num
    double den                      # 0: no sample yet
    double square                   # of deviations from the EMA, weighted likewise
    int64_t at_ns                   # of the newest sample


cdef inline double basis_mean(const Basis* basis) noexcept nogil:
    """e; NaN before the first sample."""
    return basis.num / basis.den if basis.den > 0 else NAN


cdef inline void basis_note(Basis* basis, double sample, double duration_s, double elapsed_s,
                            double tau_s) noexcept nogil:
    """A sample that stands for `duration_s`, `elapsed_s` after the one before."""
    cdef double decay = exp(-elapsed_s / tau_s)
    cdef double before = basis_mean(basis)
    basis.num = basis.num * decay + sample * duration_s
    basis.den = basis.den * decay + duration_s
    basis.square *= decay
    if before == before:
        basis.square += duration_s * (sample - before) * (sample - basis_mean(basis))


cdef inline double basis_variance(const Basis* basis) noexcept nogil:
    """EW variance of the samples; 0 before the second."""
    return max(basis.square / basis.den, 0.0) if basis.den > 0 else 0


cdef inline double clamped(double value, double centre, double width) noexcept nogil:
    """At most `width` from `centre`; as it is, where it or the centre is NaN."""
    if value != value or centre != centre:
        return value
    return min(max(value, centre - width), centre + width)


cdef inline double median3(double a, double b, double c) noexcept nogil:
    return max(min(a, b), min(max(a, b), c))


cdef inline double mark_of(double index, double basis, double m2, double m3, double bound, bint dated) noexcept nogil:
    """The mark. `basis` is e; NaN: what is not there. `bound` is relative to the index.

    With two of the three the one nearer the index, with one that, with none the index. A dated future is bound
    around index + basis, as it may rightly be far from its index.
    """
    cdef double width = bound * index
    cdef double m1 = index + (basis if dated else clamped(basis, 0, width))
    cdef double mark
    if m1 == m1 and m2 == m2 and m3 == m3:
        mark = median3(m1, m2, m3)
    else:
        mark = nearer(index, nearer(index, m1, m2), m3)
        if mark != mark:
            mark = index
    return clamped(mark, index + basis if dated else index, width)


cdef inline double nearer(double index, double a, double b) noexcept nogil:
    """Of two the one nearer the index; of one that."""
    if a != a:
        return b
    return a if b != b or fabs(a - index) <= fabs(b - index) else b
