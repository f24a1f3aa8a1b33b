"""How much each candidate's vote counts: pricing.md 3.5, steps 4 and 5.

Weight belongs to the venue and is split over its fresh paths by trust. A venue's own trust is that of
its most trusted fresh path, so that a second vendor of the same venue neither adds a vote nor takes one.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

from ingestor.pricing.book cimport Book, Venue
from ingestor.pricing.candidates cimport Row, VenueSum, Work
from ingestor.pricing.quantiles cimport INGESTOR_SLACK
from ingestor.records cimport ABSENT

cdef extern from *:
    """
    #define INGESTOR_SQUARE_FLOOR 1e-8      /* of s2: 1 bp squared (pricing.md 3.5.4) */
    """
    const double INGESTOR_SQUARE_FLOOR


cdef inline void weigh(Book* book, Work* work) noexcept nogil:
    """Shares w of the candidates, in work.rows and by book.order in work.sorted_weights; they sum to 1.

    Sums run in the order of prices, so that the order of sources has no say.
    """
    cdef uint32_t i, source
    cdef VenueSum* sums = work.sums
    cdef VenueSum* venue
    cdef Row* row
    find_venues(book, work)
    if book.params.fixed_weights:
        for i in range(work.venues_count):
            sums[work.venues[i]].trust = 1
    else:
        share_venues(book, work)
    for i in range(work.count):
        source = book.order[i]
        row = &work.rows[source]
        venue = &sums[row.venue]
        row.weight = book.sources[source].trust * row.phi * venue.trust
        venue.raw_weight += row.weight
    cap_venues(book, work)
    for i in range(work.count):
        source = book.order[i]
        row = &work.rows[source]
        row.weight *= sums[row.venue].weight / sums[row.venue].raw_weight
        work.sorted_weights[i] = book.sources[source].weight = row.weight


cdef inline void find_venues(const Book* book, Work* work) noexcept nogil:
    """The venues that have a candidate, and what their candidates' trusts come to."""
    cdef uint32_t i, source
    cdef VenueSum* venue
    for i in range(book.venues_count):
        work.sums[i].trust = 0
    work.venues_count = 0
    for i in range(work.count):
        source = book.order[i]
        venue = &work.sums[work.rows[source].venue]
        if venue.trust == 0:
            memset(venue, 0, sizeof(VenueSum))
            work.venues[work.venues_count] = work.rows[source].venue
            work.venues_count += 1
        venue.trust += book.sources[source].trust
        venue.trust_max = max(venue.trust_max, book.sources[source].trust)


cdef inline void share_venues(Book* book, Work* work) noexcept nogil:
    """Step 4: turn each venue's sum of trusts into the factor of its paths' weights.

    A venue without s2 (it joins now) counts provisionally with the largest that a candidate venue has, though
    not with more than the narrowest gate lets pass: unknown is not better than the worst in use.
    """
    cdef VenueSum* sums = work.sums
    cdef Venue* venue
    cdef double worst = 0, volumes = 0, inverses = 0, share
    cdef double bound = book.params.gate_min * book.params.gate_min
    cdef uint32_t i, number
    for i in range(work.venues_count):
        venue = &book.venues[work.venues[i]]
        if venue.square_ns != ABSENT and venue.square > worst:
            worst = venue.square
    for i in range(work.venues_count):
        venue = &book.venues[work.venues[i]]
        if venue.square_ns == ABSENT:
            venue.square = min(worst, bound)
        sums[work.venues[i]].inverse = 1 / (venue.square + INGESTOR_SQUARE_FLOOR)
        volumes += venue.volume
        inverses += sums[work.venues[i]].inverse
    for i in range(work.venues_count):
        number = work.venues[i]
        share = sums[number].inverse / inverses
        if volumes > 0:
            share = 0.5 * (book.venues[number].volume / volumes + share)
        sums[number].trust = share * sums[number].trust_max / sums[number].trust


cdef inline void cap_venues(const Book* book, Work* work) noexcept nogil:
    """Step 5: venues' shares, none above max(cap, 1/n); what is cut goes to the others in proportion.

    Each round pins at least one venue, so there are no more rounds than venues; usually one.
    """
    cdef double limit = max(book.params.weight_max, 1.0 / work.venues_count)
    cdef double free = 0, left = 1, scale = 0
    cdef VenueSum* venue
    cdef uint32_t i
    cdef bint pinned = True
    for i in range(work.venues_count):
        venue = &work.sums[work.venues[i]]
        venue.weight = 0
        free += venue.raw_weight
    while pinned and free > 0:
        pinned = False
        scale = left / free
        for i in range(work.venues_count):
            venue = &work.sums[work.venues[i]]
            if venue.weight == 0 and venue.raw_weight * scale > limit * (1 + INGESTOR_SLACK):
                venue.weight = limit
                pinned = True
        if pinned:
            free, left = 0, 1
            for i in range(work.venues_count):
                venue = &work.sums[work.venues[i]]
                if venue.weight == 0:
                    free += venue.raw_weight
                left -= venue.weight
    for i in range(work.venues_count):
        venue = &work.sums[work.venues[i]]
        if venue.weight == 0:
            venue.weight = venue.raw_weight * scale
