"""What the selectable methods share: the sources that have a price now, in the order of their prices, and how the
fair price is told from them.

A method gives each vote its weight; those of weight 0 have no say. Weight belongs to the venue and is split over
its paths by their trust (pricing.md 2). No method here gates, so none flags.
"""
from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport int64_t, uint32_t

from ingestor.pricing.book cimport Book, SOURCES_MAX, Source
from ingestor.pricing.candidates cimport Row, source_price
from ingestor.pricing.convert cimport Rate, aged, converted_conf, rate_of
from ingestor.pricing.quantiles cimport INGESTOR_SLACK
from ingestor.records cimport ABSENT, DEGRADED, DISPERSED, Fair, OK, SINGLE

cdef extern from *:
    """
    #define INGESTOR_SCORE_CONF_M 0.001   /* relative confidence that halves the score: 10 bp (pricing.md 3.7) */
    #define INGESTOR_SCORE_SOURCES 3.0    /* effective sources that are enough for a full score */
    """
    const double INGESTOR_SCORE_CONF_M
    const double INGESTOR_SCORE_SOURCES


cdef struct Vote:
    double x                        # in the book's currency
    double c                        # its half-width
    double weight
    double age_s
    int64_t event_ns                # venue's time of what was used
    uint32_t source
    uint32_t venue


cdef struct Ballot:
    # Of one evaluation, on the stack.
    uint32_t count
    Vote[SOURCES_MAX] votes         # x ascending, ties by source


cdef inline Rate own_rate() noexcept nogil:
    """Of what needs no conversion."""
    cdef Rate rate
    rate.usable, rate.price, rate.conf = True, 1, 0
    return rate


cdef inline Rate source_rate(const Book* book, const Source* path, int64_t now_ns) noexcept nogil:
    """What brings the source's prices to the book's currency."""
    return own_rate() if path.conversion == NULL else rate_of(path.conversion, &book.params, now_ns)


cdef inline void cast_vote(Ballot* ballot, Vote vote) noexcept nogil:
    """Put it in its place."""
    cdef uint32_t at = ballot.count
    while at > 0 and (ballot.votes[at - 1].x > vote.x
                      or (ballot.votes[at - 1].x == vote.x and ballot.votes[at - 1].source > vote.source)):
        ballot.votes[at] = ballot.votes[at - 1]
        at -= 1
    ballot.votes[at] = vote
    ballot.count += 1


cdef inline void clear_votes(Book* book) noexcept nogil:
    """No source has a vote yet."""
    cdef uint32_t i
    for i in range(book.sources_count):
        book.sources[i].weight = 0
        book.sources[i].price = NAN
        book.sources[i].flagged = False


cdef inline void gather(Book* book, Ballot* ballot, int64_t now_ns) noexcept nogil:
    """pricing.md 3.5, steps 1 to 3, for every source: its quote's mid or its last trade, converted."""
    cdef Vote vote
    cdef Row row
    cdef Rate rate
    cdef Source* path
    cdef uint32_t i
    clear_votes(book)
    ballot.count = 0
    for i in range(book.sources_count):
        path = &book.sources[i]
        if path.trust == 0:
            continue
        rate = source_rate(book, path, now_ns)
        if not rate.usable:
            continue
        vote.x = source_price(book, path, now_ns, &row)
        if vote.x == 0:
            continue
        vote.c = max(aged(row.c, vote.x, book.variance, row.age_s), book.params.half_width_min * vote.x)
        if path.conversion != NULL:
            vote.c = converted_conf(vote.x, vote.c, rate)
            vote.x *= rate.price
        vote.age_s, vote.event_ns = row.age_s, row.event_ns
        vote.source, vote.venue, vote.weight = i, path.venue, 0
        cast_vote(ballot, vote)


cdef inline double share_by_trust(const Book* book, Ballot* ballot) noexcept nogil:
    """A venue weighs what its most trusted voting path is trusted, split over its paths by trust; returns the sum."""
    cdef double[SOURCES_MAX] sums
    cdef double[SOURCES_MAX] most
    cdef double total = 0
    cdef Vote* vote
    cdef uint32_t i
    for i in range(book.venues_count):
        sums[i] = most[i] = 0
    for i in range(ballot.count):
        vote = &ballot.votes[i]
        sums[vote.venue] += book.sources[vote.source].trust
        most[vote.venue] = max(most[vote.venue], book.sources[vote.source].trust)
    for i in range(ballot.count):
        vote = &ballot.votes[i]
        vote.weight = book.sources[vote.source].trust * (most[vote.venue] / sums[vote.venue])
        total += vote.weight
    return total


cdef inline double spread_of(const Ballot* ballot, double price, double total) noexcept nogil:
    """Weighted standard deviation of the votes around `price`."""
    cdef double squares = 0, deviation
    cdef uint32_t i
    for i in range(ballot.count):
        deviation = ballot.votes[i].x - price
        squares += ballot.votes[i].weight / total * deviation * deviation
    return sqrt(squares)


cdef inline int say(Book* book, const Ballot* ballot, double price, double conf, int64_t now_ns) noexcept nogil:
    """Fill book.fair and what it is held with; return its status. At least one vote has a weight.

    The quartiles are price -+ conf: a method that has better ones sets them afterwards.
    """
    cdef Fair* fair = &book.fair
    cdef bint[SOURCES_MAX] seen
    cdef double used = 0, squares = 0
    cdef const Vote* vote
    cdef uint32_t i
    for i in range(book.venues_count):
        seen[i] = False
    fair.price, fair.conf = price, max(conf, book.params.half_width_min * price)
    fair.q25, fair.q75 = price - fair.conf, price + fair.conf
    fair.anchor, fair.gate = price, 0
    fair.n = ballot.count
    fair.n_used = fair.venues_used = 0
    fair.ts_event_ns = ABSENT
    fair.age_freshest_s, fair.age_oldest_s = INFINITY, 0
    for i in range(ballot.count):
        vote = &ballot.votes[i]
        used += vote.weight
    for i in range(ballot.count):
        vote = &ballot.votes[i]
        book.sources[vote.source].price = vote.x
        book.sources[vote.source].weight = vote.weight / used
        if vote.weight == 0:
            continue
        squares += vote.weight / used * (vote.weight / used)
        fair.n_used += 1
        fair.venues_used += not seen[vote.venue]
        seen[vote.venue] = True
        fair.ts_event_ns = max(fair.ts_event_ns, vote.event_ns)
        fair.age_freshest_s = min(fair.age_freshest_s, vote.age_s)
        fair.age_oldest_s = max(fair.age_oldest_s, vote.age_s)
    fair.n_eff = 1 / squares
    fair.score = min(1.0, fair.n_eff / INGESTOR_SCORE_SOURCES) / (1 + fair.conf / (price * INGESTOR_SCORE_CONF_M))
    fair.status = status_of(book, fair.venues_used)
    remember_price(book, now_ns)
    return fair.status


cdef inline uint32_t status_of(const Book* book, uint32_t venues) noexcept nogil:
    """pricing.md 3.5, step 9, of the price that stands in book.fair."""
    if book.fair.conf > (book.params.conf_max + INGESTOR_SLACK) * book.fair.price:
        return DISPERSED
    if venues >= book.params.venues_min:
        return OK
    return DEGRADED if venues >= 2 else SINGLE


cdef inline void remember_price(Book* book, int64_t now_ns) noexcept nogil:
    """What it may be held with, and what sigma learns from once time has moved on."""
    book.held.price, book.held.conf = book.fair.price, book.fair.conf
    book.held.at_ns = book.pending_ns = now_ns
    book.held.age_freshest_s, book.held.age_oldest_s = book.fair.age_freshest_s, book.fair.age_oldest_s
