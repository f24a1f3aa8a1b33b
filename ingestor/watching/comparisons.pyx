"""Whose price disagrees: each provider's against all others', each aggregator's against a venue's own feed.

Once a second, per instrument with two or more providers: F_p over a provider's sources and F_-p over all others
(pricing.md 7.1), and per venue that an aggregator and the venue itself bring, the one's price against the other's.
The ratio less 1 goes to its course and to each rule of 7.2. It is taken only while both sides are fresh (side.pxd).

Of two providers each is the other's yardstick: there is one alert, which names both, unless one of them also
disagrees with a venue's own feed: then that one is blamed. Times are given.
"""
cimport cython
from libc.math cimport NAN, fabs, isnan
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.pricing.book cimport Book
from ingestor.pricing.books cimport Books
from ingestor.records cimport Fair, HELD
from ingestor.watch.course cimport course_note, course_peak, course_quantile
from ingestor.watch.discrepancy cimport (
    RULES_MAX, Rule, Tally, WINDOW_MAX, exceeding, ring_bytes, rule_skip, rule_tick,
)
from ingestor.watch.life cimport BEGAN, FIRED, NOTHING, QUIET
from ingestor.watching.rows cimport Comparison, Happened, ITSELF, NOBODY, Rows, THE_OTHER, UNKNOWN
from ingestor.watching.side cimport market_price, side_price

from typing import NamedTuple

from ingestor.errors import InternalError
from ingestor.watch.alerts import Alert, Change, Key, Severity, State, Transition

cdef int64_t SECOND_NS = 1000000000
cdef double CONF_MULTIPLE = 4       # a threshold is at least so many times the yardstick's relative confidence

# What an instrument's thresholds are multiplied by (7.2).
TIERS = {"major": 1.0, "mid": 2.0, "tail": 4.0, "stable": 0.2}


class DiscrepancyRule(NamedTuple):
    """One rule: beyond `threshold` (relative) for most of `window_s` seconds, on one side."""

    severity: object        # Severity
    threshold: float
    window_s: int

    @property
    def name(self):
        return f"discrepancy/{self.threshold:g}/{self.window_s}s"


class Deviation(NamedTuple):
    """What is known of one comparison; ratios are less 1, NaN where there is no data."""

    provider: str
    venue: str              # "": the provider's price of all venues, against all other providers
    instrument: str
    last: float
    mean: float             # EW, half-life 60 s
    median: float           # of |ratio| over the last hour
    p99: float
    peak: float             # furthest from 0 in the last hour
    weight: float           # share of the provider's sources in the fair price; NaN for a venue
    exceeding: dict         # share of a rule's window beyond its threshold, by the rule's name; those above 0


@cython.final
cdef class Comparisons:
    """A part of Watch. `rules`: DiscrepancyRule, at most RULES_MAX. Raises InternalError for others.

    alerts(), counts() and deviations() may be called from other threads than second().
    """
    cdef object pipeline
    cdef list rules
    cdef list names             # of the rules
    cdef Rule[8] table
    cdef uint32_t ring_size
    cdef Rows rows
    cdef Rows prepared          # of an edition that is still aside; None: there is none
    cdef uint32_t happened_count
    cdef int64_t last_second
    cdef int64_t missed         # seconds at which nobody looked, before this one
    cdef bint looking           # this second's parts are to be taken
    cdef list ended             # CLEARED: what fired and is compared no more

    def __cinit__(self, pipeline, rules):
        cdef uint32_t number
        if len(rules) > RULES_MAX or not all(0 < rule.threshold and 1 <= rule.window_s <= WINDOW_MAX for rule in rules):
            raise InternalError(f"rules {rules}: give at most {RULES_MAX}, with windows of 1 to {WINDOW_MAX} s")
        self.pipeline, self.rules, self.ended = pipeline, list(rules), []
        self.names = [rule.name for rule in rules]
        for number, rule in enumerate(self.rules):
            self.table[number] = Rule(threshold=rule.threshold, window=rule.window_s, ring=self.ring_size,
                                      severity=rule.severity)
            self.ring_size += ring_bytes(rule.window_s)
        self.last_second = -1
        self._follow()

    def second(self, int64_t now_ns, uint32_t part=0, uint32_t parts=1):
        """Take each ratio once a second of `now_ns`; what has changed. Seconds that are left out are without data.

        Ten thousand instruments take 30 ms: `parts` calls in a row may share a second, `part` 0 to parts - 1.
        """
        cdef int64_t second = now_ns // SECOND_NS
        cdef uint32_t i, first, last
        if self.rows.books is not self.pipeline.books:
            self._follow()
        if part == 0:
            self.looking = second != self.last_second
            self.missed = second - self.last_second - 1 if 0 <= self.last_second < second else 0
            self.last_second = second
        if self.looking:
            first, last = self._cut(part, parts), self._cut(part + 1, parts)
            with nogil:
                self._sample(self.rows, first, last, now_ns)
                self._judge(self.rows, first, last, now_ns)
        found, self.ended = self.ended, []
        for i in range(self.happened_count):
            found.append(self._transition(&self.rows.happened[i]))
        self.happened_count = 0
        return found

    cdef uint32_t _cut(self, uint32_t part, uint32_t parts) noexcept:
        """Where a part begins: with the first comparison of an instrument."""
        cdef uint32_t at = <uint32_t> (<uint64_t> self.rows.count * part // parts)
        while 0 < at < self.rows.count and self.rows.comparisons[at].book == self.rows.comparisons[at - 1].book:
            at += 1
        return at

    cdef void _sample(self, Rows rows, uint32_t first, uint32_t last, int64_t now_ns) noexcept nogil:
        """The ratio of each comparison, into its course."""
        cdef Comparison* row
        cdef const Book* book
        cdef Fair own, others
        cdef bint fresh
        cdef uint32_t i
        for i in range(first, last):
            row = &rows.comparisons[i]
            book = &rows.books.books[row.book]
            fresh = book.fair.version > 0 and book.fair.status < HELD
            if not fresh:
                pass
            elif row.source != NOBODY:
                fresh = (market_price(book, row.source, now_ns, &row.price, &row.conf)
                         and market_price(book, row.direct, now_ns, &row.yardstick, &row.yardstick_conf))
            elif row.other != NOBODY and not row.judged:    # the other's, the other way round
                fresh = not isnan(rows.comparisons[row.other].course.last)
                if fresh:
                    row.price, row.conf = rows.comparisons[row.other].yardstick, rows.comparisons[row.other].yardstick_conf
                    row.yardstick, row.yardstick_conf = rows.comparisons[row.other].price, rows.comparisons[row.other].conf
            else:
                fresh = (side_price(book, rows.owners[row.book], row.provider, False, now_ns, &own)
                         and side_price(book, rows.owners[row.book], row.provider, True, now_ns, &others))
                if fresh:
                    row.price, row.conf, row.yardstick, row.yardstick_conf = own.price, own.conf, others.price, others.conf
            course_note(&row.course, row.price / row.yardstick - 1 if fresh else NAN, now_ns)
            row.weight = self._weight(rows, row)

    cdef double _weight(self, Rows rows, const Comparison* row) noexcept nogil:
        """Share of a provider in the fair price, as last evaluated."""
        cdef const Book* book = &rows.books.books[row.book]
        cdef double weight = 0
        cdef uint32_t i
        if row.source != NOBODY:
            return NAN
        for i in range(book.sources_count):
            if rows.owners[row.book][i] == row.provider:
                weight += book.sources[i].weight
        return weight

    cdef void _judge(self, Rows rows, uint32_t first, uint32_t last, int64_t now_ns) noexcept nogil:
        """One tick of each rule of each comparison."""
        cdef Comparison* row
        cdef Tally* tally
        cdef uint8_t* ring
        cdef double least
        cdef uint32_t i, number
        cdef int change
        for i in range(first, last):
            row = &rows.comparisons[i]
            if not row.judged:
                continue
            least = CONF_MULTIPLE * row.yardstick_conf / row.yardstick
            for number in range(rows.rules):
                tally = &rows.tallies[i * rows.rules + number]
                ring = rows.rings + <size_t> i * rows.ring_size + self.table[number].ring
                rule_skip(&self.table[number], tally, ring, self.missed)
                change = rule_tick(&self.table[number], tally, ring, row.course.last,
                                   max(self.table[number].threshold * rows.tiers[row.book], least), now_ns)
                if change != NOTHING:
                    if change == BEGAN:
                        row.blamed[number] = UNKNOWN
                    elif change == FIRED:
                        row.blamed[number] = self._blamed(rows, i, tally.alert.threshold)
                    rows.happened[self.happened_count] = Happened(
                        comparison=i, rule=<uint8_t> number, change=<uint8_t> change)
                    self.happened_count += 1

    cdef uint8_t _blamed(self, Rows rows, uint32_t comparison, double threshold) noexcept nogil:
        """Of two providers, the one that now also disagrees with a venue's own feed: a Blame.

        Half of the threshold is disagreement there: what an aggregator is off by need not be all of one venue's.
        """
        cdef const Comparison* row = &rows.comparisons[comparison]
        cdef const Comparison* venue
        cdef uint32_t i
        for i in range(comparison, rows.count if row.other != NOBODY else 0):
            venue = &rows.comparisons[i]
            if venue.book != row.book:
                break
            if venue.source != NOBODY and fabs(venue.course.last) > 0.5 * threshold:
                return ITSELF if venue.provider == row.provider else THE_OTHER
        return UNKNOWN

    def prepare(self, aside):
        """Make ready for the books of a pipeline that is still aside, in any thread: then following takes no time."""
        self.prepared = self._rows(aside.books)

    cdef Rows _rows(self, Books books):
        return Rows(books, len(self.rules), self.ring_size, lambda row: TIERS[row.tier], self.rows)

    cdef int _follow(self) except -1:
        """Another edition of the books: compare what it has, go on with what stays."""
        cdef Rows old = self.rows, rows = self.prepared
        cdef uint32_t number
        if rows is None or rows.books is not self.pipeline.books or rows.before is not old:
            rows = self._rows(self.pipeline.books)
        self.prepared = None
        for before in rows.gone:
            for number in range(old.rules):
                alert = self._alert(old, before, number)
                if alert.state >= State.FIRING:
                    self.ended.append(Transition(Change.CLEARED, alert))
        rows.succeed()
        self.rows = rows
        return 0

    # What people see.

    def alerts(self):
        """All that is pending, firing or clearing."""
        cdef Rows rows = self.rows
        cdef uint32_t i, number
        found = []
        for i in range(rows.count):
            for number in range(rows.rules):
                if rows.tallies[i * rows.rules + number].alert.state != QUIET:
                    found.append(self._alert(rows, i, number))
        return found

    def counts(self):
        """By provider: comparisons, and how many of them are without data now."""
        cdef Rows rows = self.rows
        cdef uint32_t i
        found = {name: [0, 0] for name in rows.providers}
        for i in range(rows.count):
            counted = found[rows.provider_of(i)]
            counted[0] += 1
            counted[1] += isnan(rows.comparisons[i].course.last)
        return found

    def deviations(self):
        """What is known of each comparison: yields Deviation."""
        cdef Rows rows = self.rows
        cdef const Comparison* row
        cdef const Tally* tally
        cdef uint32_t i, number
        for i in range(rows.count):
            row = &rows.comparisons[i]
            beyond = {}
            for number in range(rows.rules):
                tally = &rows.tallies[i * rows.rules + number]
                if exceeding(tally) > 0:
                    beyond[self.names[number]] = exceeding(tally) / <double> self.table[number].window
            yield Deviation(
                rows.provider_of(i), rows.venue_of(i), rows.instrument_of(i), row.course.last,
                row.course.mean if row.course.at_ns else NAN, course_quantile(&row.course, 0.5),
                course_quantile(&row.course, 0.99), course_peak(&row.course), row.weight, beyond)

    cdef object _transition(self, const Happened* happened):
        return Transition(Change(happened.change), self._alert(self.rows, happened.comparison, happened.rule))

    cdef object _alert(self, Rows rows, uint32_t comparison, uint32_t number):
        cdef const Comparison* row = &rows.comparisons[comparison]
        cdef const Tally* tally = &rows.tallies[comparison * rows.rules + number]
        evidence = {
            "price": row.price, "conf": row.conf, "yardstick": row.yardstick, "yardstick_conf": row.yardstick_conf,
            "against": self._against(rows, comparison), "peak_1h": course_peak(&row.course),
            "seconds_valid": tally.valid, "seconds_exceeding": exceeding(tally)}
        provider = rows.provider_of(comparison)
        if row.other != NOBODY:
            evidence["pair"] = [provider, rows.provider_of(row.other)]
            evidence["blamed"] = (None, *evidence["pair"])[row.blamed[number]]
            provider = evidence["blamed"] or ",".join(evidence["pair"])
        rule = self.rules[number]
        return Alert(
            Key(rule.name, provider, rows.venue_of(comparison), rows.instrument_of(comparison)), Severity(rule.severity),
            State(tally.alert.state), tally.alert.first_seen_ns, tally.alert.changed_ns, tally.alert.value,
            tally.alert.threshold, float(rule.window_s), evidence)

    cdef list _against(self, Rows rows, uint32_t comparison):
        """Whose prices make the yardstick."""
        cdef const Comparison* row = &rows.comparisons[comparison]
        cdef uint32_t source
        if row.source != NOBODY:
            return [rows.providers[rows.owners[row.book][row.direct]]]
        numbers = [rows.owners[row.book][source] for source in range(len(rows.instruments[row.book].sources))]
        return [rows.providers[each] for each in dict.fromkeys(numbers) if each != row.provider]
