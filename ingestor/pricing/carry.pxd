"""What a Book remembers, taken over by the Book of the same instrument in another edition of the tables.

A book whose sources and venues are the same takes the old one's memory as it is, so that nothing of it can
change by a bit. Else each source and venue that stays is copied, and the rest begins empty.
"""
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memcmp

from ingestor.pricing.book cimport Book, Params, Source
from ingestor.pricing.methods.store cimport store_carry
from ingestor.pricing.updates cimport half_lives_since, move_landmark
from ingestor.records cimport ABSENT


cdef inline bint in_order(const int32_t* before, uint32_t now, uint32_t then) noexcept nogil:
    """Whether nothing came, went or changed its place."""
    cdef uint32_t i
    for i in range(now):
        if before[i] != <int32_t> i:
            return False
    return now == then


cdef inline bint book_carry(Book* book, Book* old, const int32_t* source_from, const int32_t* venue_from) noexcept nogil:
    """Whether it may have another price now. `old` may only be freed then.

    `source_from` and `venue_from` name, for each of `book`, the one of `old` that it continues, -1 for none.
    What is configured (parameters, trust, conversion) stays as it is in `book`.
    """
    cdef Book fresh = book[0]
    cdef Source fresh_source
    cdef uint32_t i
    cdef bint changed = memcmp(&old.params, &fresh.params, sizeof(Params)) != 0
    if old.landmark_ns != ABSENT and old.params.volume_half_life_s != fresh.params.volume_half_life_s:
        # Volumes are counted as if at the landmark, by the half-life that was: bring it to the newest trade.
        move_landmark(old, half_lives_since(old, old.decay_ns), old.decay_ns)
        old.decay_ns = ABSENT
    book[0] = old[0]
    book.params = fresh.params
    book.venues_count, book.sources_count = fresh.venues_count, fresh.sources_count
    book.index, book.index_conversion, book.dated = fresh.index, fresh.index_conversion, fresh.dated
    store_carry(book, old, fresh.store, source_from, venue_from)
    if (in_order(source_from, fresh.sources_count, old.sources_count)
            and in_order(venue_from, fresh.venues_count, old.venues_count)):
        old.sources, old.venues = fresh.sources, fresh.venues
        old.order, old.vote_order = fresh.order, fresh.vote_order
        for i in range(fresh.sources_count):
            changed = configure(&book.sources[i], &fresh.sources[i]) or changed
        return changed
    book.sources, book.venues = fresh.sources, fresh.venues
    book.order, book.vote_order = fresh.order, fresh.vote_order
    book.sources_count, book.venues_count = fresh.sources_count, fresh.venues_count
    for i in range(fresh.sources_count):
        if source_from[i] >= 0:
            fresh_source = book.sources[i]
            book.sources[i] = old.sources[source_from[i]]
            configure(&book.sources[i], &fresh_source)
    for i in range(fresh.venues_count):
        if venue_from[i] >= 0:
            book.venues[i] = old.venues[venue_from[i]]
    return True


cdef inline bint configure(Source* source, const Source* like) noexcept nogil:
    """What is configured of it; whether its vote is another by that."""
    cdef bint changed = source.trust != like.trust
    source.trust = like.trust
    source.venue = like.venue
    source.conversion = like.conversion
    source.contract_size, source.inverse = like.contract_size, like.inverse
    return changed
