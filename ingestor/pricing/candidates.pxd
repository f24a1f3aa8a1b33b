"""Which sources can say a price now, and what they say: pricing.md 3.5, steps 1 to 3."""
from libc.math cimport INFINITY, NAN, exp2
from libc.stdint cimport int64_t, uint32_t

from ingestor.pricing.book cimport Book, Params, SOURCES_MAX, Source, VOTES_MAX, age_s
from ingestor.pricing.convert cimport Rate, aged, converted_conf, rate_of
from ingestor.pricing.quantiles cimport INGESTOR_SLACK
from ingestor.pricing.updates cimport INGESTOR_PRICE_MAX, INGESTOR_PRICE_MIN
from ingestor.records cimport ABSENT

cdef extern from *:
    """
    #define INGESTOR_QUIET_AGES 10.0        /* a quote on a live, sequence-checked channel may be so many A old */
    #define INGESTOR_THIN_INTERVALS 100.0   /* A of a thin source, in mean intervals, within: */
    #define INGESTOR_THIN_AGE_MIN_S 10.0
    #define INGESTOR_THIN_AGE_MAX_S 600.0
    """
    const double INGESTOR_QUIET_AGES
    const double INGESTOR_THIN_INTERVALS
    const double INGESTOR_THIN_AGE_MIN_S
    const double INGESTOR_THIN_AGE_MAX_S


cdef struct Row:
    # A candidate, during one evaluation.
    double c                        # half-width, in the book's currency
    double weight                   # u, then w: share after the cap
    double age_s
    double phi
    int64_t event_ns                # venue's time of what was used
    uint32_t venue


cdef struct VenueSum:
    # A venue's candidates, during one evaluation.
    double trust                    # sum, then the factor from a path's trust x phi to its u
    double trust_max
    double raw_weight               # sum of u
    double inverse                  # I, 1 / (s2 + 1e-8)
    double weight                   # sum of w, after the cap
    double used_weight              # of unflagged candidates
    double square                   # sum of w d2, all candidates
    double used_square              # sum of w d2, unflagged candidates


cdef struct Work:
    # Scratch of one evaluation, on the stack. By source id unless said; only candidates' rows are filled.
    uint32_t count                  # candidates
    uint32_t venues_count           # venues with a candidate
    double used_weight              # of unflagged candidates
    uint32_t[SOURCES_MAX] venues    # those, in the order of their lowest price
    Row[SOURCES_MAX] rows
    VenueSum[SOURCES_MAX] sums      # by venue
    double[SOURCES_MAX] prices      # x in the book's currency; infinite: no candidate
    double[SOURCES_MAX] sorted_prices               # ascending, candidates first: those of book.order
    double[SOURCES_MAX] sorted_weights
    double[VOTES_MAX] votes                         # by vote id, as distances from the anchor
    double[VOTES_MAX] sorted_votes
    double[VOTES_MAX] vote_weights                  # as sorted


cdef struct Limits:
    # A, grace and h of one source, seconds.
    double age_max_s
    double grace_s
    double half_life_s


cdef inline Limits limits_of(const Params* params, const Source* path) noexcept nogil:
    cdef Limits limits
    limits.age_max_s = params.age_max_s
    limits.grace_s = params.grace_s
    limits.half_life_s = params.half_life_s
    if params.thin and path.interval_s > 0:
        limits.age_max_s = min(max(INGESTOR_THIN_INTERVALS * path.interval_s, INGESTOR_THIN_AGE_MIN_S),
                               INGESTOR_THIN_AGE_MAX_S)
        limits.grace_s = limits.age_max_s / 10
        limits.half_life_s = limits.age_max_s / 5
    return limits


cdef inline double staleness(double age, const Limits* limits) noexcept nogil:
    """phi: 1 up to the grace, then halved every half-life, 0 past A."""
    if age <= limits.grace_s:
        return 1
    if age > limits.age_max_s:
        return 0
    return exp2((limits.grace_s - age) / limits.half_life_s)


cdef inline double source_price(const Book* book, const Source* path, int64_t now_ns, Row* row) noexcept nogil:
    """Step 1: x in the source's own currency, 0 when it has none; row gets its half-width, age and phi.

    A usable quote's mid; the touched side when a newer trade lies beyond it; else the last trade.
    """
    cdef const Params* params = &book.params
    cdef Limits limits = limits_of(params, path)
    cdef double mid, spread, age, trade_age = INFINITY
    cdef int64_t current_ns
    if path.trade_ns != ABSENT:
        trade_age = age_s(now_ns, path.trade_ns)
    if path.quote_ns != ABSENT and INGESTOR_PRICE_MIN <= path.bid <= path.ask <= INGESTOR_PRICE_MAX:
        mid = 0.5 * (path.bid + path.ask)
        spread = path.ask - path.bid
        current_ns = path.quote_ns if path.quote_ns > path.alive_ns else path.alive_ns
        age = age_s(now_ns, current_ns)
        if (spread <= (params.spread_max + INGESTOR_SLACK) * mid and age <= limits.age_max_s
                and (current_ns == path.quote_ns
                     or age_s(now_ns, path.quote_ns) <= INGESTOR_QUIET_AGES * limits.age_max_s)):
            row.c = 0.5 * spread
            row.age_s = age
            row.event_ns = path.quote_event_ns
            if trade_age < age and (path.last < path.bid or path.last > path.ask):
                mid = path.bid if path.last < path.bid else path.ask
                row.age_s = trade_age
                row.event_ns = path.trade_event_ns
            row.phi = staleness(row.age_s, &limits)
            return mid
    if trade_age <= limits.age_max_s:
        row.c = params.trade_half_width * path.last
        row.age_s = trade_age
        row.event_ns = path.trade_event_ns
        row.phi = staleness(trade_age, &limits)
        return path.last
    return 0


cdef inline void find_candidates(Book* book, Work* work, int64_t now_ns) noexcept nogil:
    """Steps 1 to 3 for every source."""
    cdef const Book* conversion = NULL
    cdef Rate rate
    cdef Source* path
    cdef Row* row
    cdef double x
    cdef uint32_t i
    work.count = 0
    rate.usable = False
    for i in range(book.sources_count):
        path = &book.sources[i]
        row = &work.rows[i]
        path.weight = 0
        path.price = NAN
        work.prices[i] = INFINITY
        if path.trust == 0:
            continue
        if path.conversion != NULL:
            if path.conversion != conversion:
                conversion = path.conversion
                rate = rate_of(conversion, &book.params, now_ns)
            if not rate.usable:
                continue
        x = source_price(book, path, now_ns, row)
        if x == 0:
            continue
        row.c = max(aged(row.c, x, book.variance, row.age_s), book.params.half_width_min * x)
        if path.conversion != NULL:
            row.c = converted_conf(x, row.c, rate)
            x *= rate.price
        row.venue = path.venue
        work.prices[i] = path.price = x
        work.count += 1
