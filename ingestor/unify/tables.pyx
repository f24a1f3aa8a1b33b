"""Build the tables from the instruments, and report what they counted.

A table version is built whole and swapped whole, so that no record is unified by half of it.
"""
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ingestor.patience cimport let_others_go_on
from ingestor.records cimport ABSENT, BAR, QUOTE, REFERENCE, TRADE, Text
from ingestor.unify.arbitration_table cimport Arbitration
from ingestor.unify.gaps cimport ARRIVED, GAP_EVENTS_MAX, GapEvent, MISSED_NUMBERS, MISSED_TIMES
from ingestor.unify.histogram cimport Histogram, histogram_dict
from ingestor.unify.path cimport Path, SubscriptionState, subscription_free, subscription_init
from ingestor.unify.succession cimport Succession
from ingestor.unify.sequence cimport (
    SCOPE_CONNECTION, SCOPE_GAPLESS, SCOPE_IDS, SCOPE_NONE, SCOPE_RISING, SCOPE_SESSION,
)
from ingestor.unify.symbols cimport table_add, table_free, table_init
from ingestor.watch.vitals cimport Vitals

from typing import NamedTuple

from ingestor.errors import ConfigError
from ingestor.unify.arbitration_table import TRADE_IDS

SCOPES = {"none": SCOPE_NONE, "gapless": SCOPE_GAPLESS, "rising": SCOPE_RISING, "connection": SCOPE_CONNECTION,
          "ids": SCOPE_IDS, "session": SCOPE_SESSION}


#: Paths that are gone, whose record sequences are kept: three times 10,000 instruments through 3 providers.
RETIRED_MAX = 100_000


class Missed(NamedTuple):
    """Something that was missed on a subscription, or that came after all; None: not sent, or not known."""

    kind: str               # "numbers": first..last; "times": from_ns..to_ns; "arrived": number `first`;
    #                       "crowded": `missing` numbers of first..last, which the list had no room for
    subscription: int
    connection: int         # "times": serial of the connection before
    first: int | None
    last: int | None
    from_ns: int | None     # venue's times of the records around
    to_ns: int | None
    recv_ns: int
    missing: int


GAP_NAMES = {MISSED_NUMBERS: "numbers", MISSED_TIMES: "times", ARRIVED: "arrived"}


def value_or_none(int64_t value):
    """A C value as Python knows it."""
    return None if value == ABSENT else value


cdef Text borrowed(bytes owned):
    """The bytes as a Text; `owned` must outlive it."""
    return Text(at=<const uint8_t*> <char*> owned, size=<uint32_t> len(owned))


@cython.final
cdef class Tables:
    """`channels(provider name)` gives the provider's Channel tuple.

    Raises ConfigError when two markets would answer to one symbol.
    """

    def __cinit__(self, instruments, channels):
        self.instruments = instruments
        rows = instruments.paths
        channels_of = {name: channels(name) for name in dict.fromkeys(row.provider for row in rows)}
        self.provider_numbers = {name: number for number, name in enumerate(channels_of)}
        self.subscriptions_named = []
        self.arbitration = Arbitration(instruments, channels_of)
        self.retired = {}
        self.paths_count = len(rows)
        self.subscriptions_count = sum(len(channels_of[row.provider]) for row in rows)
        # One more than needed: calloc(0) may be NULL, and readers may look at the place after the last.
        self.paths = <Path*> calloc(self.paths_count + 1, sizeof(Path))
        self.subscriptions = <SubscriptionState*> calloc(self.subscriptions_count + 1, sizeof(SubscriptionState))
        self.latencies = <Histogram*> calloc(self.paths_count + 1, sizeof(Histogram))
        self.gaps.events = <GapEvent*> calloc(GAP_EVENTS_MAX, sizeof(GapEvent))
        if (self.paths == NULL or self.subscriptions == NULL or self.latencies == NULL or self.gaps.events == NULL
                or not table_init(&self.symbols, self.paths_count)):
            raise MemoryError(f"no memory for {self.paths_count} source paths")
        labels = {}
        for number, row in enumerate(rows):
            data_class = instruments.rows[row.instrument].data_class
            let_others_go_on(number)
            label = labels.setdefault((row.provider, row.venue, data_class), len(labels))
            self._add(number, row, label, channels_of[row.provider])
        self._vote()
        self.latency_labels = list(labels)
        self.vitals = Vitals(self.paths_count, self.subscriptions_count, len(labels))
        _refuse_doubles(rows)

    def __dealloc__(self):
        cdef uint32_t i
        if self.subscriptions != NULL:
            for i in range(self.subscriptions_count):
                subscription_free(&self.subscriptions[i])
        free(self.subscriptions)
        free(self.paths)
        free(self.latencies)
        free(self.gaps.events)
        table_free(&self.symbols)

    cdef int _add(self, uint32_t number, row, uint32_t latency, channels) except -1:
        cdef Path* path = &self.paths[number]
        cdef bytes venue_code = row.venue_code.encode(), section = row.section.encode(), symbol = row.symbol.encode()
        path.instrument = row.instrument
        path.published = self.instruments.rows[row.instrument].published
        path.latency = latency
        path.last_recv_ns = path.last_event_ns = ABSENT
        path.state = row.state
        path.tick_size = row.tick_size
        path.first_subscription = len(self.subscriptions_named)
        self._place(path, self.arbitration.places[number])
        for channel in channels:
            subscription_init(&self.subscriptions[<uint32_t> len(self.subscriptions_named)], number,
                              SCOPES[channel.sequence], channel.partial)
            self.subscriptions[<uint32_t> len(self.subscriptions_named)].trade_ids = TRADE_IDS[channel.trade_ids]
            self.subscriptions_named.append((number, channel.name))
        if not table_add(&self.symbols, self.provider_numbers[row.provider], borrowed(venue_code), borrowed(section),
                         borrowed(symbol), number):
            raise MemoryError("no memory for the symbol table")
        return 0

    cdef int _place(self, Path* path, place) except -1:
        """Say which market of several providers the path belongs to; `place` is (market, member), or None."""
        if place is not None:
            path.market = &self.arbitration.markets[<uint32_t> place[0]]
            path.member = place[1]
        return 0

    cdef int _vote(self) except -1:
        """Tell each path which sources of which books it is."""
        cdef Path* path
        for book, row in enumerate(self.instruments.rows):
            let_others_go_on(book)
            for number, source in enumerate(row.sources):
                path = &self.paths[<uint32_t> source.path]
                path.votes[path.votes_count].book = book
                path.votes[path.votes_count].source = number
                path.votes_count += 1
        return 0

    def succeed(self, Tables old not None, Succession edition not None):
        """Take over what `old` remembers of the paths that stay: verdicts, gaps, counters. `old` is done with then.

        Of a path that goes, the record sequences are kept, for when it comes again.
        """
        cdef uint32_t i
        self.retired = old.retired
        for i in range(self.paths_count):
            if edition.paths[i] >= 0:
                self._carry_path(old, edition.paths[i], i)
        for number in edition.paths_gone:
            self._retire(old, number)
        for number in edition.paths_new:
            self._return(number)
        for number, label in enumerate(self.latency_labels):
            if label in old.latency_labels:
                before = old.latency_labels.index(label)
                self.latencies[<uint32_t> number] = old.latencies[<uint32_t> before]
                self.vitals.latencies[<uint32_t> number] = old.vitals.latencies[<uint32_t> before]
        self.arbitration.succeed(old.arbitration)
        self._carry_gaps(old, edition)

    cdef void _carry_path(self, Tables old, uint32_t before, uint32_t now) noexcept nogil:
        """All that is remembered of one path and its subscriptions; what is configured stays as it is here."""
        cdef Path configured = self.paths[now]
        cdef Path* path = &self.paths[now]
        cdef uint32_t i, end = self._end(now)
        cdef SubscriptionState* from_ = &old.subscriptions[old.paths[before].first_subscription]
        path[0] = old.paths[before]
        path.instrument = configured.instrument
        path.first_subscription = configured.first_subscription
        path.latency = configured.latency
        path.published = configured.published
        path.votes_count = configured.votes_count
        path.votes = configured.votes
        path.state = configured.state
        path.market = configured.market
        path.member = configured.member
        path.tick_size = configured.tick_size
        self.vitals.tops[now] = old.vitals.tops[before]
        for i in range(path.first_subscription, end):
            self.vitals.heard[i] = old.vitals.heard[<size_t> (from_ - old.subscriptions)]
            self.subscriptions[i] = from_[0]
            self.subscriptions[i].path = now
            memset(from_, 0, sizeof(SubscriptionState))     # what it owned has moved
            from_ += 1

    cdef uint32_t _end(self, uint32_t path) noexcept nogil:
        """The number after the path's last subscription."""
        return self.paths[path + 1].first_subscription if path + 1 < self.paths_count else self.subscriptions_count

    cdef int _retire(self, Tables old, uint32_t number) except -1:
        cdef uint32_t i
        key = old.instruments.paths[number].identity
        self.retired.pop(key, None)
        self.retired[key] = [old.subscriptions[i].records
                             for i in range(old.paths[number].first_subscription, old._end(number))]
        if len(self.retired) > RETIRED_MAX:
            del self.retired[next(iter(self.retired))]
        return 0

    cdef int _return(self, uint32_t number) except -1:
        cdef uint32_t i, first = self.paths[number].first_subscription
        for i, records in enumerate(self.retired.pop(self.instruments.paths[number].identity, ())):
            self.subscriptions[first + i].records = records
        return 0

    cdef int _carry_gaps(self, Tables old, Succession edition) except -1:
        """What is noted and not yet drained, under the new numbers; of what is gone nobody asks any more."""
        cdef uint32_t i
        cdef GapEvent* event
        self.gaps.overflowed, self.gaps.crowded = old.gaps.overflowed, old.gaps.crowded
        for i in range(old.gaps.count):
            if edition.subscriptions[old.gaps.events[i].subscription] >= 0:
                event = &self.gaps.events[self.gaps.count]
                event[0] = old.gaps.events[i]
                event.subscription = edition.subscriptions[event.subscription]
                self.gaps.count += 1
        old.gaps.count = 0
        return 0

    def provider_number(self, str provider not None):
        """The number of a provider in the symbol table; one without markets gets a new one."""
        return self.provider_numbers.setdefault(provider, len(self.provider_numbers))

    def drain_gaps(self):
        """What was missed since the last call, in order of receipt: a list of Missed."""
        cdef const GapEvent* event
        cdef SubscriptionState* state
        cdef uint32_t i
        found = []
        for i in range(self.gaps.count):
            event = &self.gaps.events[i]
            # Unsigned: numbers from both ends of int64 are further apart than it holds.
            missing = <uint64_t> event.last - <uint64_t> event.first + 1 if event.kind == MISSED_NUMBERS else 0
            first, last, from_ns, to_ns = map(value_or_none, (event.first, event.last, event.from_ns, event.to_ns))
            found.append(Missed(GAP_NAMES[event.kind], event.subscription, event.connection, first, last, from_ns, to_ns,
                                event.recv_ns, missing))
        self.gaps.count = 0
        if self.gaps.crowded:
            self.gaps.crowded = False
            for i in range(self.subscriptions_count):
                state = &self.subscriptions[i]
                if state.hull.first != ABSENT:
                    found.append(Missed("crowded", i, 0, state.hull.first, state.hull.last, None, None, 0,
                                        state.hull.missing))
                    state.hull.first = ABSENT
                    state.hull.missing = 0
        return found

    def missed_from(self, uint32_t subscription, number):
        """What is missed of the subscription begins with this number; None: nothing is missed any more."""
        if subscription >= self.subscriptions_count:
            raise IndexError(f"no subscription {subscription}")
        self.subscriptions[subscription].missed_from = ABSENT if number is None else <int64_t> number

    def path_counters(self):
        """One mapping a source path; the names are those of docs/METRICS.md."""
        cdef uint32_t i, number, last
        cdef Path* path
        cdef uint64_t gaps, missing
        found = []
        for i, row in enumerate(self.instruments.paths):
            path = &self.paths[i]
            last = self._end(i)
            gaps = missing = 0
            for number in range(path.first_subscription, last):
                gaps += self.subscriptions[number].sequence.gaps
                missing += self.subscriptions[number].sequence.missing
            instrument = self.instruments.rows[row.instrument]
            found.append({
                "provider": row.provider, "venue": row.venue, "data_class": instrument.data_class,
                "instrument": instrument.id, "symbol": row.symbol, "section": row.section,
                "trades": path.kinds[<int> TRADE], "quotes": path.kinds[<int> QUOTE], "bars": path.kinds[<int> BAR],
                "references": path.kinds[<int> REFERENCE],
                "duplicates": path.duplicates, "gaps": gaps, "missing": missing,
                "late": path.late, "outliers": path.outliers, "crossed": path.crossed,
                "last_recv_ns": value_or_none(path.last_recv_ns), "last_event_ns": value_or_none(path.last_event_ns),
            })
        return found

    def latency_counters(self):
        """Exchange-to-receive histograms, one a (provider, venue, data class)."""
        return [{"provider": provider, "venue": venue, "data_class": data_class,
                 **histogram_dict(&self.latencies[<uint32_t> i])}
                for i, (provider, venue, data_class) in enumerate(self.latency_labels)]


def _refuse_doubles(rows):
    known = set()
    for number, row in enumerate(rows):
        let_others_go_on(number)
        scope = (row.provider, row.venue_code, row.section, row.symbol)
        if scope in known:
            section = f" {row.section}" if row.section else ""
            raise ConfigError(f"two markets for symbol {row.symbol!r} of {row.provider}{section}: remove one")
        known.add(scope)
