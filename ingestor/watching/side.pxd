"""What some of a book's sources say by themselves, and what one market says through two of them.

Nothing here changes a book. A side is fresh when its fair price is OK, DEGRADED or SINGLE: a DISPERSED one does
not know its own price, a HELD one repeats an old one, and neither can prove another wrong.
"""
from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memcpy

from ingestor.pricing.book cimport Book, SOURCES_MAX, Source, Venue, VOTES_MAX
from ingestor.pricing.candidates cimport Row, source_price
from ingestor.pricing.consensus cimport book_evaluate
from ingestor.pricing.convert cimport aged
from ingestor.records cimport ABSENT, Fair, SINGLE


cdef inline bint side_price(
    const Book* book, const uint32_t* owners, uint32_t provider, bint all_but, int64_t now_ns, Fair* out
) noexcept nogil:
    """consensus_v1 over the sources that `provider` owns, or over all but them; whether it is fresh.

    A copy of the book is evaluated, in which the others' sources have no vote: all that an evaluation writes to is
    copied, so that the book learns nothing of it.
    """
    cdef Book copy = book[0]
    cdef Source[SOURCES_MAX] sources
    cdef Venue[SOURCES_MAX] venues
    cdef uint16_t[SOURCES_MAX] order
    cdef uint16_t[VOTES_MAX] vote_order
    cdef uint32_t i
    memcpy(sources, book.sources, book.sources_count * sizeof(Source))
    memcpy(venues, book.venues, book.venues_count * sizeof(Venue))
    memcpy(order, book.order, book.sources_count * sizeof(uint16_t))
    memcpy(vote_order, book.vote_order, 3 * book.sources_count * sizeof(uint16_t))
    copy.sources, copy.venues, copy.order, copy.vote_order = sources, venues, order, vote_order
    for i in range(book.sources_count):
        if (owners[i] == provider) == all_but:
            sources[i].trust = 0
    copy.pending_ns = copy.held.at_ns = ABSENT
    book_evaluate(&copy, now_ns)
    out[0] = copy.fair
    return copy.fair.status <= SINGLE


cdef inline bint market_price(const Book* book, uint32_t source, int64_t now_ns, double* price, double* conf) noexcept nogil:
    """What one source says of its market, in the market's own currency; whether it is fresh."""
    cdef Row row
    cdef const Source* path = &book.sources[source]
    price[0] = source_price(book, path, now_ns, &row) if path.trust > 0 else 0
    if price[0] == 0:
        return False
    conf[0] = aged(row.c, price[0], book.variance, row.age_s)
    return True
