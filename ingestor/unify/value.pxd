"""The double that pricing and statistics use for an exact decimal."""
from libc.math cimport pow
from libc.stdint cimport int64_t

cdef extern from *:
    """
    /* The powers of ten that a double holds exactly. */
    static const double ingestor_tens[23] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
        1e19, 1e20, 1e21, 1e22};
    """
    const double ingestor_tens[23]


cdef inline double as_double(int64_t mantissa, int exponent) noexcept nogil:
    """mantissa x 10^exponent; correctly rounded up to 2^53 and 22 decimals, else within two ulp."""
    if exponent < 0:
        if exponent >= -22:
            return <double> mantissa / ingestor_tens[-exponent]
        return <double> mantissa / ingestor_tens[22] / pow(10.0, -exponent - 22)
    if exponent <= 22:
        return <double> mantissa * ingestor_tens[exponent]
    return <double> mantissa * pow(10.0, exponent)
