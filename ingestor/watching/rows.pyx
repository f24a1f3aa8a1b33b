"""Build the comparisons from the instruments' rows, and say whom they are about."""
cimport cython
from libc.math cimport NAN
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from ingestor.patience cimport let_others_go_on
from ingestor.pricing.books cimport Books
from ingestor.watch.course cimport course_init
from ingestor.watch.discrepancy cimport Tally

from ingestor.providers.registry import load


def compared(row, list paths):
    """The providers of an instrument's price, and (source, source) of each venue that is seen both by an aggregator
    and by its own feed, the aggregator's first; none where there is but one provider.
    """
    names = list(dict.fromkeys(paths[source.path].provider for source in row.sources))
    if len(names) < 2 or not row.published:
        return [], []
    direct = {}
    for number, source in enumerate(row.sources):
        path = paths[source.path]
        if load(path.provider).venue == path.venue:
            direct.setdefault((path.instrument, path.venue), number)
    venues = []
    for number, source in enumerate(row.sources):
        path = paths[source.path]
        if not load(path.provider).venue and (path.instrument, path.venue) in direct:
            venues.append((number, direct[path.instrument, path.venue]))
    return names, venues


@cython.final
cdef class Rows:
    """`tier_of(instrument row)` gives what its thresholds are multiplied by; a comparison has `ring_size` bytes of rings
    for `rules` rules. `before` are those in force, which go on; made in any thread.
    """

    def __cinit__(self, Books books not None, uint32_t rules, uint32_t ring_size, tier_of, Rows before):
        cdef uint32_t book, sources = 0
        cdef uint32_t* owners
        self.books, self.instruments, self.paths = books, books.rows, books.paths
        self.rules, self.ring_size = rules, ring_size
        found = []
        for book, row in enumerate(self.instruments):
            found.append(compared(row, self.paths))
            let_others_go_on(book)
        total = sum(len(names) + len(venues) for names, venues in found)
        for (names, _), row in zip(found, self.instruments):
            sources += len(row.sources) if names else 0
        # One more than needed: calloc(0) may be NULL.
        self.comparisons = <Comparison*> calloc(total + 1, sizeof(Comparison))
        self.tallies = <Tally*> calloc(total * rules + 1, sizeof(Tally))
        self.rings = <uint8_t*> calloc(total + 1, ring_size)
        self.owners = <uint32_t**> calloc(books.count + 1, sizeof(uint32_t*))
        self.owners_all = <uint32_t*> calloc(sources + 1, sizeof(uint32_t))
        self.tiers = <double*> calloc(books.count + 1, sizeof(double))
        self.happened = <Happened*> calloc(total * rules + 1, sizeof(Happened))
        self.heirs = <uint32_t*> calloc(total + 1, sizeof(uint32_t))
        if (self.comparisons == NULL or self.tallies == NULL or self.rings == NULL or self.owners == NULL
                or self.owners_all == NULL or self.tiers == NULL or self.happened == NULL or self.heirs == NULL):
            raise MemoryError(f"no memory for {total} comparisons")
        numbers = {}
        owners = self.owners_all
        for book, (names, venues) in enumerate(found):
            let_others_go_on(book)
            if names:
                row = self.instruments[book]
                self.tiers[book] = tier_of(row)
                self._fill(book, row, names, owners, numbers)
                for source, direct in venues:
                    self._add(book, owners[<uint32_t> source], source, direct)
                owners += len(row.sources)
        self.providers = list(numbers)
        self._match(before)

    def __dealloc__(self):
        free(self.comparisons)
        free(self.tallies)
        free(self.rings)
        free(self.owners)
        free(self.owners_all)
        free(self.tiers)
        free(self.happened)
        free(self.heirs)

    cdef int _fill(self, uint32_t book, row, list names, uint32_t* owners, numbers) except -1:
        """An instrument's providers."""
        cdef uint32_t number, first = self.count
        self.owners[book] = owners
        for number, source in enumerate(row.sources):
            owners[number] = numbers.setdefault(self.paths[source.path].provider, len(numbers))
        for name in names:
            self._add(book, numbers[name], NOBODY, NOBODY)
        if len(names) == 2:
            self.comparisons[first].other = first + 1
            self.comparisons[first + 1].other = first
            self.comparisons[first + 1].judged = False
        return 0

    cdef Comparison* _add(self, uint32_t book, uint32_t provider, uint32_t source, uint32_t direct) noexcept:
        cdef Comparison* row = &self.comparisons[self.count]
        self.count += 1
        row.book, row.provider, row.source, row.direct = book, provider, source, direct
        row.other = NOBODY
        row.judged = True
        row.price = row.conf = row.yardstick = row.yardstick_conf = NAN
        course_init(&row.course)
        return row

    cdef int _match(self, Rows before) except -1:
        """Who continues whom."""
        cdef uint32_t i
        known = {}
        for i in range(before.count if before is not None else 0):
            let_others_go_on(i)
            known[before.identity(i)] = i
        for i in range(self.count):
            let_others_go_on(i)
            heir = known.pop(self.identity(i), None)
            self.heirs[i] = NOBODY
            if heir is not None:
                self.heirs[i] = heir
        self.before, self.gone = before, list(known.values())
        return 0

    cdef str provider_of(self, uint32_t comparison):
        return self.providers[self.comparisons[comparison].provider]

    cdef str venue_of(self, uint32_t comparison):
        cdef const Comparison* row = &self.comparisons[comparison]
        if row.source == NOBODY:
            return ""
        return self.paths[self.instruments[row.book].sources[row.source].path].venue

    cdef str instrument_of(self, uint32_t comparison):
        return self.instruments[self.comparisons[comparison].book].id

    cdef tuple identity(self, uint32_t comparison):
        cdef const Comparison* row = &self.comparisons[comparison]
        what = None
        if row.source != NOBODY:
            what = self.paths[self.instruments[row.book].sources[row.source].path].identity
        elif row.other != NOBODY:
            what = self.provider_of(row.other)
        return self.instrument_of(comparison), self.provider_of(comparison), what, row.judged

    cdef void succeed(self) noexcept:
        cdef Rows old = self.before
        cdef uint32_t i
        for i in range(self.count):
            if self.heirs[i] != NOBODY:
                self._carry(i, old, self.heirs[i])
        self.before = None

    cdef void _carry(self, uint32_t comparison, Rows old, uint32_t before) noexcept:
        cdef Comparison* row = &self.comparisons[comparison]
        cdef const Comparison* was = &old.comparisons[before]
        row.price, row.conf, row.yardstick, row.yardstick_conf = was.price, was.conf, was.yardstick, was.yardstick_conf
        row.course = was.course
        memcpy(row.blamed, was.blamed, sizeof(row.blamed))
        memcpy(&self.tallies[comparison * self.rules], &old.tallies[before * self.rules], self.rules * sizeof(Tally))
        memcpy(&self.rings[<size_t> comparison * self.ring_size], &old.rings[<size_t> before * self.ring_size],
               self.ring_size)
