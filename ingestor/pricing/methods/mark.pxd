"""mark_default in the stream. The instrument's first venue is the contract's own; its other venues are the peers.

Of each venue's paths the weighted median speaks, so that one provider at fault does not; with two paths of one
trust that is their middle.
"""
from libc.math cimport NAN, sqrt
from libc.stdint cimport int64_t, uint16_t, uint32_t

from ingestor.pricing.book cimport Book, SOURCES_MAX, Source, age_s
from ingestor.pricing.candidates cimport Limits, limits_of
from ingestor.pricing.convert cimport Rate, converted_conf, rate_of
from ingestor.pricing.methods.ballot cimport Ballot, gather, remember_price, say, share_by_trust, source_rate
from ingestor.pricing.methods.basis cimport (
    basis_mean, basis_note, basis_variance, clamped, mark_of, median3,
)
from ingestor.pricing.methods.store cimport Store
from ingestor.pricing.quantiles cimport INGESTOR_SLACK, sort_order, weighted_median
from ingestor.pricing.updates cimport INGESTOR_PRICE_MAX, INGESTOR_PRICE_MIN
from ingestor.records cimport ABSENT, DEGRADED, DISPERSED, OK, SINGLE

cdef enum:
    OWN_VENUE = 0
cdef extern from *:
    """
    #define INGESTOR_BASIS_EVERY_S 1.0      /* a basis is sampled at most so often */
    """
    const double INGESTOR_BASIS_EVERY_S


cdef inline Rate index_of(const Book* book, int64_t now_ns) noexcept nogil:
    """F in the contract's quote currency: OK, DEGRADED or SINGLE, and fresh; else not usable."""
    cdef Rate rate, conversion
    rate.usable = False
    if book.index == NULL:
        return rate
    rate.price, rate.conf = book.index.fair.price, book.index.fair.conf
    rate.usable = (book.index.fair.status <= SINGLE and rate.price > 0
                   and age_s(now_ns, book.index.fair.ts_emit_ns) <= book.params.conversion_age_max_s)
    if rate.usable and book.index_conversion != NULL:
        conversion = rate_of(book.index_conversion, &book.params, now_ns)
        rate.usable = conversion.usable
        rate.conf = converted_conf(rate.price, rate.conf, conversion)
        rate.price *= conversion.price
    return rate


cdef inline bint has_book(const Book* book, const Source* path, int64_t now_ns) noexcept nogil:
    """Whether its bid and ask are fresh and sane, as consensus_v1 asks of a quote."""
    cdef Limits limits = limits_of(&book.params, path)
    cdef int64_t current_ns = max(path.quote_ns, path.alive_ns)
    return (path.quote_ns != ABSENT and INGESTOR_PRICE_MIN <= path.bid <= path.ask <= INGESTOR_PRICE_MAX
            and path.ask - path.bid <= (book.params.spread_max + INGESTOR_SLACK) * 0.5 * (path.bid + path.ask)
            and age_s(now_ns, current_ns) <= limits.age_max_s)


cdef inline double of_venues(const Book* book, const Ballot* ballot, bint own, bint middle,
                             int64_t now_ns) noexcept nogil:
    """Weighted median over the own venue's paths, or over those of the others; NaN: none.

    Of each the price it votes for; or with `middle`, the median of its bid, ask and last.
    """
    cdef double[SOURCES_MAX] keys, values, weights
    cdef uint16_t[SOURCES_MAX] order, votes
    cdef double total = 0, rate
    cdef uint32_t i, count = 0
    cdef const Source* path
    for i in range(ballot.count):
        if (ballot.votes[i].venue == OWN_VENUE) != own:
            continue
        path = &book.sources[ballot.votes[i].source]
        if not has_book(book, path, now_ns):
            continue
        keys[count] = ballot.votes[i].x
        if middle:
            rate = source_rate(book, path, now_ns).price
            keys[count] = 0.5 * (path.bid + path.ask) * rate
            if path.trade_ns != ABSENT and path.last > 0:
                keys[count] = median3(path.bid, path.ask, path.last) * rate
        votes[count], order[count] = i, count
        count += 1
        total += ballot.votes[i].weight
    if count == 0:
        return NAN
    sort_order(order, keys, values, count)
    for i in range(count):
        weights[i] = ballot.votes[votes[order[i]]].weight
    return weighted_median(values, weights, count, total)


cdef inline int price_mark(Book* book, int64_t now_ns) noexcept nogil:
    """The mark. -1: the index has no price, so that nothing is bound to anything."""
    cdef Store* store = <Store*> book.store
    cdef Rate index = index_of(book, now_ns)
    cdef Ballot ballot
    cdef double mid, m2, m3, basis, price, conf
    cdef uint32_t present
    gather(book, &ballot, now_ns)
    if not index.usable:
        return -1
    share_by_trust(book, &ballot)
    mid = of_venues(book, &ballot, True, False, now_ns)
    m2 = of_venues(book, &ballot, True, True, now_ns)
    m3 = of_venues(book, &ballot, False, False, now_ns)
    if mid == mid:
        sample_basis(book, store, mid - index.price, index.price, now_ns)
    basis = NAN
    if store.basis.at_ns != ABSENT and age_s(now_ns, store.basis.at_ns) <= book.params.mark_tau_s:
        basis = basis_mean(&store.basis)
    price = mark_of(index.price, basis, m2, m3, book.params.mark_bound, book.dated)
    conf = sqrt(index.conf * index.conf + (basis_variance(&store.basis) if basis == basis else 0))
    present = (basis == basis) + (m2 == m2) + (m3 == m3)
    if ballot.count:
        say(book, &ballot, price, conf, now_ns)
    else:
        tell_alone(book, price, conf, now_ns)
    book.fair.anchor, book.fair.gate = index.price, book.params.mark_bound
    if book.fair.conf > (book.params.conf_max + INGESTOR_SLACK) * price:
        book.fair.status = DISPERSED
    elif present == 3:
        book.fair.status = book.index.fair.status
    else:
        book.fair.status = max(book.index.fair.status, <uint32_t> DEGRADED)
    return book.fair.status


cdef inline void sample_basis(Book* book, Store* store, double sample, double index, int64_t now_ns) noexcept nogil:
    """At most once a second; it stands for the time since the one before, though not for more than age_max_s."""
    cdef double elapsed = INGESTOR_BASIS_EVERY_S
    cdef double centre = basis_mean(&store.basis) if book.dated else 0
    if store.basis.at_ns != ABSENT:
        elapsed = age_s(now_ns, store.basis.at_ns)
        if elapsed < INGESTOR_BASIS_EVERY_S:
            return
    basis_note(&store.basis, clamped(sample, centre, book.params.mark_bound * index),
               min(elapsed, book.params.age_max_s), elapsed, book.params.mark_tau_s)
    store.basis.at_ns = now_ns


cdef inline void tell_alone(Book* book, double price, double conf, int64_t now_ns) noexcept nogil:
    """A mark that rests on its index alone."""
    book.fair.price, book.fair.conf = price, max(conf, book.params.half_width_min * price)
    book.fair.q25, book.fair.q75 = price - book.fair.conf, price + book.fair.conf
    book.fair.n = book.fair.n_used = book.fair.venues_used = 0
    book.fair.n_eff = book.fair.score = 0
    book.fair.ts_event_ns = book.index.fair.ts_event_ns
    book.fair.age_freshest_s = book.index.fair.age_freshest_s
    book.fair.age_oldest_s = book.index.fair.age_oldest_s
    remember_price(book, now_ns)
