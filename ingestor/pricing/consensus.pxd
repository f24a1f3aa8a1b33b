"""consensus_v1, the default fair price: weighted three-vote median over fresh, gated venues.

pricing.md 3.5 is the text; book_evaluate reads like it. Cost O(n) in sources as long as prices keep
their order; no allocation. This is the face of the room: the pipeline needs nothing but what stands in,
or is cimported by, this file.
"""
from libc.math cimport INFINITY, NAN, exp2, fabs, sqrt
from libc.stdint cimport int64_t, uint32_t

from ingestor.pricing.book cimport (
    Book, Params, SOURCES_MAX, Source, Venue, age_s, book_flagged, book_free, book_init, book_source, fair_clear,
    params_default,
)
from ingestor.pricing.candidates cimport Row, VenueSum, Work, find_candidates
from ingestor.pricing.convert cimport aged
from ingestor.pricing.quantiles cimport INGESTOR_SLACK, Quartiles, halfway, quartiles, sort_order, weighted_median
from ingestor.pricing.updates cimport (
    PRINT_ACCEPTED, PRINT_INVALID, PRINT_LEVEL_SHIFT, PRINT_OUTLIER, TOLD_AGAIN, TOLD_ALONE, TOLD_FIRST, book_alive,
    book_quote, book_trade,
)
from ingestor.pricing.weights cimport weigh
from ingestor.records cimport ABSENT, DEGRADED, DISPERSED, Fair, HELD, OK, SINGLE

cdef extern from *:
    """
    #define INGESTOR_MAD 1.4826         /* median absolute deviation to standard deviation, normal prices */
    #define INGESTOR_SCORE_CONF 0.001   /* relative confidence that halves the score: 10 bp */
    #define INGESTOR_SCORE_VENUES 3.0   /* effective sources that are enough for a full score */
    /* Returns are taken over at least a second: between ticks they are bounce, not volatility. */
    #define INGESTOR_RETURN_S 1.0
    /* A return counts as at most so many sigma, so that one step of the price is no new regime. */
    #define INGESTOR_RETURN_SIGMAS 4.0
    """
    const double INGESTOR_MAD
    const double INGESTOR_SCORE_CONF
    const double INGESTOR_SCORE_VENUES
    const double INGESTOR_RETURN_S
    const double INGESTOR_RETURN_SIGMAS


# Fill `params` from a mapping of names (parameters.py) to values; what it leaves out has its default.
# Raises ConfigError with every fault.
cdef int params_set(Params* params, settings) except -1


cdef inline int book_evaluate(Book* book, int64_t now_ns) noexcept nogil:
    """The fair price at `now_ns`: fill book.fair, return its FairStatus. Twice at one time gives the same twice.

    What an emitted price teaches (deviations, volatility) is learnt by the next later evaluation, and a flag
    set by prices and weights is set by them again.
    """
    cdef Work work
    cdef bint dispersed
    if book.pending_ns != ABSENT:
        if now_ns > book.pending_ns:
            learn(book)
        else:
            forget(book)
    book.fair.version += 1
    book.fair.ts_emit_ns = now_ns
    find_candidates(book, &work, now_ns)
    if work.count == 0:
        return hold(book, now_ns)
    sort_order(book.order, work.prices, work.sorted_prices, book.sources_count)
    weigh(book, &work)
    book.fair.anchor = weighted_median(work.sorted_prices, work.sorted_weights, work.count, 1)
    book.fair.gate = gate_width(book, &work)
    dispersed = gate(book, &work)
    vote(book, &work, dispersed)
    describe(book, &work, dispersed)
    remember(book, &work, now_ns)
    return book.fair.status


cdef inline double gate_width(const Book* book, const Work* work) noexcept nogil:
    """Step 7, G: k robust standard deviations of the candidates, relative to the anchor, within its bounds.

    The distances from the anchor come in order from its two sides, nearest first, until half of the weight.
    """
    cdef double anchor = book.fair.anchor, distance = 0, low = 0, passed = 0, weight, width
    cdef uint32_t above = 0, below
    while above < work.count and work.sorted_prices[above] < anchor:
        above += 1
    below = above
    while passed <= 0.5 + INGESTOR_SLACK and (below > 0 or above < work.count):
        if below == 0 or (above < work.count
                          and work.sorted_prices[above] - anchor < anchor - work.sorted_prices[below - 1]):
            distance = work.sorted_prices[above] - anchor
            weight = work.sorted_weights[above]
            above += 1
        else:
            below -= 1
            distance = anchor - work.sorted_prices[below]
            weight = work.sorted_weights[below]
        if passed < 0.5 - INGESTOR_SLACK:
            low = distance
        passed += weight
    width = book.params.gate_scale * INGESTOR_MAD * halfway(low, distance) / anchor
    return min(book.params.gate_max, max(book.params.gate_min, width))


cdef inline bint gate(Book* book, Work* work) noexcept nogil:
    """Step 7: flag and unflag; True when the unflagged hold less than half of the weight."""
    cdef double anchor = book.fair.anchor
    cdef double outer = (book.fair.gate + INGESTOR_SLACK) * anchor
    cdef double inner = (book.params.readmit * book.fair.gate - INGESTOR_SLACK) * anchor
    cdef double distance
    cdef uint32_t i
    cdef Source* path
    work.used_weight = 0
    for i in range(work.count):
        path = &book.sources[book.order[i]]
        distance = fabs(work.sorted_prices[i] - anchor)
        path.flagged = distance >= inner if path.flagged else distance > outer
        if not path.flagged:
            work.used_weight += work.sorted_weights[i]
    return work.used_weight < 0.5 - INGESTOR_SLACK


cdef inline Quartiles poll(Book* book, Work* work, bint everyone) noexcept nogil:
    """Step 8: quartiles of the votes of all candidates, or of the unflagged ones."""
    cdef uint32_t i, source
    for i in range(3 * work.count):
        source = book.vote_order[i] % SOURCES_MAX
        work.vote_weights[i] = (work.rows[source].weight if everyone or not book.sources[source].flagged else 0)
    return quartiles(work.sorted_votes, work.vote_weights, 3 * work.count, 3 * (1 if everyone else work.used_weight))


cdef inline void vote(Book* book, Work* work, bint dispersed) noexcept nogil:
    """Step 8: the fair price, its quartiles and its confidence.

    Votes are kept as distances from the anchor, which prices near it yield without rounding: so the
    confidence keeps its digits even where it is a millionth of the price.
    """
    cdef Fair* fair = &book.fair
    cdef Quartiles found
    cdef double x, c, median
    cdef uint32_t i
    for i in range(book.sources_count):
        x = work.prices[i] - fair.anchor
        c = work.rows[i].c if book.sources[i].weight > 0 else 0
        work.votes[i] = x - c
        work.votes[SOURCES_MAX + i] = x
        work.votes[2 * SOURCES_MAX + i] = x + c
    sort_order(book.vote_order, work.votes, work.sorted_votes, 3 * book.sources_count)
    found = poll(book, work, dispersed)
    median = found.median if book.params.gate_price else poll(book, work, True).median
    fair.conf = max(median - found.q25, found.q75 - median)
    fair.price = fair.anchor + median
    fair.q25 = fair.anchor + min(found.q25, median)
    fair.q75 = fair.anchor + max(found.q75, median)


cdef inline void describe(Book* book, Work* work, bint dispersed) noexcept nogil:
    """Step 9 and 3.7: the status, and what the price rests on."""
    cdef Fair* fair = &book.fair
    cdef double used = 0, squares = 0, flagged = 0
    cdef uint32_t i, source
    cdef Row* row
    fair.n = work.count
    fair.n_used = fair.venues_used = 0
    fair.ts_event_ns = ABSENT
    fair.age_freshest_s, fair.age_oldest_s = INFINITY, 0
    for i in range(work.count):
        source = book.order[i]
        row = &work.rows[source]
        if book.sources[source].flagged:
            flagged += row.weight
            if not dispersed:
                continue
        fair.n_used += 1
        used += row.weight
        squares += row.weight * row.weight
        if work.sums[row.venue].used_weight == 0:
            fair.venues_used += 1
        work.sums[row.venue].used_weight += row.weight
        if row.event_ns > fair.ts_event_ns:
            fair.ts_event_ns = row.event_ns
        fair.age_freshest_s = min(fair.age_freshest_s, row.age_s)
        fair.age_oldest_s = max(fair.age_oldest_s, row.age_s)
    fair.n_eff = used * used / squares
    fair.score = (min(1.0, fair.n_eff / INGESTOR_SCORE_VENUES) * (1 - flagged)
                  / (1 + fair.conf / (fair.price * INGESTOR_SCORE_CONF)))
    if dispersed or fair.conf > (book.params.conf_max + INGESTOR_SLACK) * fair.price:
        fair.status = DISPERSED
    elif fair.venues_used >= book.params.venues_min:
        fair.status = OK
    else:
        fair.status = DEGRADED if fair.venues_used >= 2 else SINGLE


cdef inline int hold(Book* book, int64_t now_ns) noexcept nogil:
    """3.6: no source is fresh. Repeat the last price, ever less sure of it, then give it up."""
    cdef Fair* fair = &book.fair
    cdef double held_s
    if book.held.at_ns != ABSENT:
        held_s = age_s(now_ns, book.held.at_ns)
        if held_s <= book.params.hold_s:
            fair.status = HELD
            fair.price = book.held.price
            fair.conf = aged(book.held.conf, fair.price, book.variance, held_s)
            fair.q25 = fair.price - fair.conf
            fair.q75 = fair.price + fair.conf
            fair.n = fair.n_used = fair.venues_used = 0
            fair.n_eff = fair.score = 0
            fair.age_freshest_s = book.held.age_freshest_s + held_s
            fair.age_oldest_s = book.held.age_oldest_s + held_s
            return fair.status
        book.held.at_ns = ABSENT
    fair_clear(fair)
    return fair.status


cdef inline void remember(Book* book, Work* work, int64_t now_ns) noexcept nogil:
    """Keep what the price may be held with, and what it teaches once time has moved on.

    A venue's deviation is the weighted mean over its unflagged paths, as a flagged one is its provider's
    fault; over all of them when all are flagged. It counts as at most the widest gate: one absurd
    quote must not cost a venue its weight for hours.
    """
    cdef Fair* fair = &book.fair
    cdef VenueSum* venue
    cdef double deviation, square, widest = book.params.gate_max * book.params.gate_max, per_fair = 1 / fair.price
    cdef uint32_t i, source
    book.held.price = fair.price
    book.held.conf = fair.conf
    book.held.at_ns = now_ns
    book.held.age_freshest_s = fair.age_freshest_s
    book.held.age_oldest_s = fair.age_oldest_s
    book.pending_ns = now_ns
    if book.params.fixed_weights:
        return
    for i in range(work.venues_count):
        work.sums[work.venues[i]].used_weight = 0
    for i in range(work.count):
        source = book.order[i]
        venue = &work.sums[work.rows[source].venue]
        deviation = (work.sorted_prices[i] - fair.price) * per_fair
        square = work.sorted_weights[i] * min(deviation * deviation, widest)
        venue.square += square
        if not book.sources[source].flagged:
            venue.used_square += square
            venue.used_weight += work.sorted_weights[i]
    for i in range(work.venues_count):
        venue = &work.sums[work.venues[i]]
        book.venues[work.venues[i]].pending_square = (
            venue.used_square / venue.used_weight if venue.used_weight > 0 else venue.square / venue.weight)


cdef inline void forget(Book* book) noexcept nogil:
    """This evaluation takes the place of the last, whose time has not passed."""
    cdef uint32_t i
    for i in range(book.venues_count):
        book.venues[i].pending_square = NAN
    book.pending_ns = ABSENT


cdef inline void learn(Book* book) noexcept nogil:
    """Step 10, for the price made at book.pending_ns: each venue's s2, and sigma."""
    cdef Venue* venue
    cdef double elapsed, last = -1, decay = 1
    cdef uint32_t i
    for i in range(book.venues_count):
        venue = &book.venues[i]
        if venue.pending_square != venue.pending_square:
            continue
        if venue.square_ns != ABSENT:
            elapsed = age_s(book.pending_ns, venue.square_ns)
            if elapsed != last:
                decay = exp2(-elapsed / book.params.deviation_half_life_s)
                last = elapsed
            venue.square = venue.square * decay + venue.pending_square * (1 - decay)
        venue.square_ns = book.pending_ns
        venue.pending_square = NAN
    if book.return_ns == ABSENT:
        book.return_price = book.held.price
        book.return_ns = book.pending_ns
    else:
        learn_return(book)
    book.pending_ns = ABSENT


cdef inline void learn_return(Book* book) noexcept nogil:
    """sigma, from clipped returns over at least INGESTOR_RETURN_S."""
    cdef double elapsed = age_s(book.pending_ns, book.return_ns)
    cdef double change, decay, rate, limit
    if elapsed < INGESTOR_RETURN_S:
        return
    change = book.held.price / book.return_price - 1
    rate = change * change / elapsed
    limit = (INGESTOR_RETURN_SIGMAS * INGESTOR_RETURN_SIGMAS
             * max(book.variance, book.params.sigma * book.params.sigma))
    decay = exp2(-elapsed / book.params.deviation_half_life_s)
    book.variance = book.variance * decay + min(rate, limit) * (1 - decay)
    book.return_price = book.held.price
    book.return_ns = book.pending_ns
