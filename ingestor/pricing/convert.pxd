"""What one quote currency is worth in another: read from that instrument's own consensus, never assumed.

pricing.md 3.5.3. Also what a volatile price is worth after a while: the half-width that grows with age.
"""
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from ingestor.pricing.book cimport Book, Params, age_s
from ingestor.pricing.quantiles cimport INGESTOR_SLACK
from ingestor.records cimport DEGRADED, OK


cdef struct Rate:
    bint usable
    double price
    double conf


cdef inline Rate rate_of(const Book* conversion, const Params* params, int64_t now_ns) noexcept nogil:
    """The rate of a conversion: OK or DEGRADED, evaluated lately, and known well enough; else not usable.

    A HELD rate is none: neither older than the limit nor at all (3.5.3, 3.6).
    """
    cdef Rate rate
    rate.price = conversion.fair.price
    rate.conf = conversion.fair.conf
    rate.usable = ((conversion.fair.status == OK or conversion.fair.status == DEGRADED)
                   and rate.price > 0
                   and age_s(now_ns, conversion.fair.ts_emit_ns) <= params.conversion_age_max_s
                   and rate.conf <= (params.conversion_conf_max + INGESTOR_SLACK) * rate.price)
    return rate


cdef inline double converted_conf(double price, double half_width, Rate rate) noexcept nogil:
    """Half-width of price x rate: both uncertainties, as if independent."""
    return sqrt((half_width * rate.price) * (half_width * rate.price) + (price * rate.conf) * (price * rate.conf))


cdef inline double aged(double half_width, double price, double variance, double age) noexcept nogil:
    """sqrt(h^2 + (sigma x)^2 age): what a half-width has grown to after `age` seconds."""
    if age == 0 or variance == 0:
        return half_width
    return sqrt(half_width * half_width + variance * price * price * age)
