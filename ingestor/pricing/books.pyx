"""Build the books from the instruments' rows, and say what they hold in plain values."""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ingestor.patience cimport let_others_go_on
from ingestor.pricing.book cimport (
    Book, Params, SOURCES_MAX, book_contract, book_flagged, book_free, book_init, book_source,
)
from ingestor.pricing.carry cimport book_carry
from ingestor.pricing.consensus cimport params_set
from ingestor.pricing.methods.store cimport Uncounted, store_init, uncounted_add
from ingestor.records cimport ABSENT, Fair, HELD, UNAVAILABLE

from ingestor.records import FAIR_STATUS_NAMES


@cython.final
cdef class Books:
    """`rows` and `paths` are those of unify's Instruments; `pricing(instrument id)` gives parameters by name."""

    def __cinit__(self, list rows, list paths, pricing):
        cdef uint32_t i
        cdef Params params
        self.rows = rows
        self.paths = paths
        self.count = len(rows)
        # One more than needed: calloc(0) may be NULL.
        self.books = <Book*> calloc(self.count + 1, sizeof(Book))
        self.emissions = <Emission*> calloc(self.count + 1, sizeof(Emission))
        self.source_paths = <uint32_t**> calloc(self.count + 1, sizeof(uint32_t*))
        self.published = <uint8_t*> calloc(self.count + 1, 1)
        self.dirty = <uint32_t*> calloc(self.count + 1, sizeof(uint32_t))
        self.is_dirty = <uint8_t*> calloc(self.count + 1, 1)
        if (self.books == NULL or self.emissions == NULL or self.source_paths == NULL or self.published == NULL
                or self.dirty == NULL or self.is_dirty == NULL):
            raise MemoryError(f"no memory for {self.count} instruments")
        memset(&params, 0, sizeof(Params))      # what lies between the fields is compared, too
        for i, row in enumerate(rows):
            let_others_go_on(i)
            params_set(&params, pricing(row.id))
            self.published[i] = row.published
            self.emissions[i].status = UNAVAILABLE
            self.source_paths[i] = <uint32_t*> calloc(len(row.sources) + 1, sizeof(uint32_t))
            if (self.source_paths[i] == NULL
                    or not book_init(&self.books[i], &params, len(row.sources), len(row.venues))
                    or not store_init(&self.books[i])):
                raise MemoryError(f"no memory for the {len(row.sources)} sources of {row.id}")
            self.books[i].dated = row.data_class == "future"
            if row.index >= 0:
                self.books[i].index = &self.books[<uint32_t> row.index]
            if row.index_conversion >= 0:
                self.books[i].index_conversion = &self.books[<uint32_t> row.index_conversion]
            for number, source in enumerate(row.sources):
                self.source_paths[i][<uint32_t> number] = source.path
                book_source(&self.books[i], number, source.venue, source.trust,
                            &self.books[<uint32_t> source.conversion] if source.conversion >= 0 else NULL)
                book_contract(&self.books[i], number, paths[source.path].contract_size, paths[source.path].inverse)

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.count if self.books != NULL and self.source_paths != NULL else 0):
            book_free(&self.books[i])
            free(self.source_paths[i])
        free(self.books)
        free(self.emissions)
        free(self.source_paths)
        free(self.published)
        free(self.dirty)
        free(self.is_dirty)

    cdef int succeed(self, Books old, const int32_t* sources, const int32_t* instruments) except -1:
        """Take over what `old` remembers of each instrument that stays. `old` may only be freed then.

        `sources`: for each path the old one that its sources continue; `instruments`: the same of them; -1: none.
        What is then not as it was, is touched: its price may be another.
        """
        cdef int32_t[SOURCES_MAX] source_from
        cdef int32_t[SOURCES_MAX] venue_from
        cdef uint32_t i, before
        self.uncounted_before = old.uncounted()
        for i in range(self.count):
            if instruments[i] < 0:
                continue
            before = instruments[i]
            self.emissions[i] = old.emissions[before]
            if self.rows[i].ended:      # nothing is held of what has ended
                self.books[i].fair.version = old.books[before].fair.version
                self.touch(i)
                continue
            self._match(old, i, before, sources, instruments, source_from, venue_from)
            if book_carry(&self.books[i], &old.books[before], source_from, venue_from):
                self.touch(i)
        return 0

    cdef void _match(self, Books old, uint32_t now, uint32_t before, const int32_t* sources,
                     const int32_t* instruments, int32_t* source_from, int32_t* venue_from) noexcept nogil:
        """Which source and which venue of the old book each of the new one continues."""
        cdef Book* book = &self.books[now]
        cdef Book* book_before = &old.books[before]
        cdef uint32_t i, j
        for i in range(book.venues_count):
            venue_from[i] = -1
        for i in range(book.sources_count):
            source_from[i] = -1
            for j in range(book_before.sources_count):
                if (sources[self.source_paths[now][i]] == <int32_t> old.source_paths[before][j]
                        and conversion_of(self, book.sources[i].conversion, instruments)
                        == conversion_of(old, book_before.sources[j].conversion, NULL)):
                    source_from[i] = j
                    venue_from[book.sources[i].venue] = book_before.sources[j].venue
                    break

    cdef void touch(self, uint32_t book) noexcept nogil:
        if not self.is_dirty[book]:
            self.is_dirty[book] = 1
            self.dirty[self.dirty_count] = book
            self.dirty_count += 1

    cdef bint changed(self, uint32_t book) noexcept nogil:
        cdef const Fair* fair = &self.books[book].fair
        cdef const Emission* last = &self.emissions[book]
        if fair.status != last.status or fair.status == HELD:      # a held price widens: it is said again
            return True
        return fair.status != UNAVAILABLE and (fair.price != last.price or fair.conf != last.conf)

    cdef void emitted(self, uint32_t book, int64_t now_ns) noexcept nogil:
        cdef Emission* last = &self.emissions[book]
        last.price = self.books[book].fair.price
        last.conf = self.books[book].fair.conf
        last.status = self.books[book].fair.status
        last.at_ns = now_ns
        last.due = False

    def fairs(self):
        """The present fair price of each instrument, as plain values; NaN prices where UNAVAILABLE."""
        cdef uint32_t i
        cdef const Fair* fair
        found = []
        for i, row in enumerate(self.rows):
            fair = &self.books[i].fair
            found.append({
                "instrument": row.id, "data_class": row.data_class, "price": fair.price, "conf": fair.conf,
                "q25": fair.q25, "q75": fair.q75, "status": FAIR_STATUS_NAMES[fair.status], "n": fair.n,
                "n_used": fair.n_used, "venues_used": fair.venues_used, "n_eff": fair.n_eff, "score": fair.score,
                "gate": fair.gate, "anchor": fair.anchor, "version": fair.version,
                "ts_event_ns": None if fair.ts_event_ns == ABSENT else fair.ts_event_ns,
                "ts_emit_ns": fair.ts_emit_ns, "age_freshest_s": fair.age_freshest_s,
                "age_oldest_s": fair.age_oldest_s, "flagged": self.flagged(i),
            })
        return found

    def votes(self):
        """Each instrument that was ever priced: its number, and (status name, price, conf, [(price, weight, flagged) of each source]).

        As last evaluated. Prices in the instrument's currency; a source that was no candidate has NaN, and weight 0.
        """
        cdef uint32_t i, source
        cdef const Book* book
        found = []
        for i in range(self.count):
            book = &self.books[i]
            if book.fair.version:
                found.append((i, (FAIR_STATUS_NAMES[book.fair.status], book.fair.price, book.fair.conf, [
                    (book.sources[source].price, book.sources[source].weight, book_flagged(book, source))
                    for source in range(book.sources_count)])))
        return found

    def uncounted(self):
        """Trades that the methods with a window of trades could not count, by reason."""
        cdef Uncounted sum = self.uncounted_before
        cdef uint32_t i
        for i in range(self.count):
            uncounted_add(&self.books[i], &sum)
        return sum

    def flagged(self, uint32_t book):
        """provider/venue/symbol of the sources outside the gate."""
        cdef uint32_t source
        names = []
        for source in range(self.books[book].sources_count):
            if book_flagged(&self.books[book], source):
                row = self.paths[self.source_paths[book][source]]
                names.append(f"{row.provider}/{row.venue}/{row.symbol}")
        return names


cdef inline int32_t conversion_of(Books books, const Book* conversion, const int32_t* before) noexcept nogil:
    """The number of the converting instrument, by `before` that of the old books; -1 and -2 for none and a new one."""
    cdef int32_t number
    if conversion == NULL:
        return -1
    number = <int32_t> (conversion - books.books)
    if before != NULL:
        number = before[number]
    return number if number >= 0 else -2
