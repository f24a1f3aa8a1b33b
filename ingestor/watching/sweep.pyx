"""The loops over all subscriptions and source paths, once a second, in C.

Ten thousand instruments of three providers are looked at in milliseconds; what is remembered of a path and its
subscriptions is about 300 bytes. What is found bad stands in `bad` and in the pools; paths.pyx makes alerts of it.
"""
from libc.math cimport NAN, exp
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ingestor.pricing.book cimport Book, Source, book_flagged
from ingestor.pricing.books cimport Books
from ingestor.records cimport DEGRADED, KINDS, OK, TRADE
from ingestor.unify.path cimport Path, TRADING
from ingestor.unify.tables cimport Tables
from ingestor.watch.arrivals cimport arrivals_second, law_step, normal_rate
from ingestor.watch.latency cimport latency_second
from ingestor.watch.season cimport season_init, season_second
from ingestor.watch.shares cimport FAULT_DUPLICATE, FAULT_LATE, FAULT_MISSING, FAULT_OUTLIER
from ingestor.watch.signals cimport STALE, path_quiet, path_second
from ingestor.watch.tops cimport TOP_SOUND
from ingestor.watch.vitals cimport Heard

import math

from ingestor.providers.registry import load

#: T is so many times the silence that silence_p allows (pricing.md 7.4).
cdef double SILENCE_TIMES = 3.0
#: The fading while of shares of faulty records (pricing.md 7.4: 5 min), seconds.
cdef double SHARES_S = 300.0
#: Of the rate that is compared with its norm, seconds.
cdef double RECENT_HALF_LIFE_S = 60.0
#: Of the longest silence, seconds: one night's is known in the next.
cdef double MEMORY_HALF_LIFE_S = 86400.0


cdef class Sweep:
    """Of these tables and books, by `limits` (QualitySettings)."""

    def __cinit__(self, Tables tables not None, Books books not None, limits):
        self.tables, self.books = tables, books
        self.limits.law.log_odds = -math.log(limits.silence_p)
        self.limits.law.times = SILENCE_TIMES
        self.limits.law.shortest_s = limits.silence_min_s
        self.limits.law.longest_s = limits.silence_max_s
        self.limits.law.half_life_s = limits.norm_half_life_s
        self.limits.law.recent_half_life_s = RECENT_HALF_LIFE_S
        self.limits.law.memory_half_life_s = MEMORY_HALF_LIFE_S
        self.limits.slow_share = limits.slow_share
        self.limits.frozen_widths = limits.frozen_widths
        self.limits.fault_shares[<int> FAULT_MISSING] = limits.missing_share
        self.limits.fault_shares[<int> FAULT_DUPLICATE] = limits.duplicate_share
        self.limits.fault_shares[<int> FAULT_LATE] = limits.late_share
        self.limits.fault_shares[<int> FAULT_OUTLIER] = limits.outlier_share
        self.limits.crossed_s = limits.crossed_for_s
        self.limits.locked_s = limits.locked_for_s
        self.limits.one_sided_s = limits.one_sided_for_s
        self.limits.spread_times = limits.spread_times
        self.ahead_ns = <int64_t> (limits.clock_ahead_s * 1e9)
        self._name()
        self._allocate()
        self._seat()

    def __dealloc__(self):
        free(self.streams)
        free(self.stale)
        free(self.seats)
        free(self.bad)
        free(self.marks)
        free(self.groups)
        free(self.channels)
        free(self.channel_providers)
        free(self.providers)

    cdef int _name(self) except -1:
        """Number the providers, their channels, and the (provider, venue, data class)."""
        rows = self.tables.instruments.paths
        self.groups_named = self.tables.latency_labels
        self.providers_named = list(dict.fromkeys(row.provider for row in rows))
        self.channels_named = list(dict.fromkeys(
            (rows[path].provider, channel) for path, channel in self.tables.subscriptions_named))
        self.providers_count = len(self.providers_named)
        self.channels_count = len(self.channels_named)
        self.groups_count = len(self.groups_named)
        return 0

    cdef int _allocate(self) except -1:
        # One more than needed: calloc(0) may be NULL.
        self.streams = <Stream*> calloc(self.tables.subscriptions_count + 1, sizeof(Stream))
        self.stale = <uint32_t*> calloc(self.tables.subscriptions_count + 1, sizeof(uint32_t))
        self.seats = <Seat*> calloc(self.tables.paths_count + 1, sizeof(Seat))
        self.bad = <uint16_t*> calloc(self.tables.paths_count + 1, sizeof(uint16_t))
        self.marks = <uint8_t*> calloc(self.tables.paths_count + 1, 1)
        self.groups = <Group*> calloc(self.groups_count + 1, sizeof(Group))
        self.channels = <Pool*> calloc(self.channels_count + 1, sizeof(Pool))
        self.channel_providers = <uint32_t*> calloc(self.channels_count + 1, sizeof(uint32_t))
        self.providers = <Pool*> calloc(self.providers_count + 1, sizeof(Pool))
        if (self.streams == NULL or self.stale == NULL or self.seats == NULL or self.bad == NULL or self.marks == NULL
                or self.groups == NULL or self.channels == NULL or self.channel_providers == NULL
                or self.providers == NULL):
            raise MemoryError(f"no memory to watch {self.tables.paths_count} source paths")
        return 0

    cdef int _seat(self) except -1:
        """Tell each stream and path what it is."""
        cdef uint32_t i, vote
        cdef Path* path
        rows = self.tables.instruments.paths
        channels = {named: number for number, named in enumerate(self.channels_named)}
        providers = {name: number for number, name in enumerate(self.providers_named)}
        levels = {(name, channel.name): channel.level for name in providers for channel in load(name).channels}
        for i, (number, channel) in enumerate(self.tables.subscriptions_named):
            named = rows[number].provider, channel
            self.streams[i].path, self.streams[i].channel = number, channels[named]
            self.streams[i].on_book = levels[named] == "quotes"
        for i in range(self.tables.paths_count):
            path = &self.tables.paths[i]
            self.seats[i].book = -1
            for vote in range(path.votes_count):
                if path.votes[vote].book == path.instrument:
                    self.seats[i].book, self.seats[i].source = path.votes[vote].book, path.votes[vote].source
            self.seats[i].group = path.latency
            self.seats[i].two_sided = self.groups_named[path.latency][2] != "option"
        for i, (provider, _, _) in enumerate(self.groups_named):
            season_init(&self.groups[i].season)
            self.groups[i].provider = providers[provider]
        for i, (provider, _) in enumerate(self.channels_named):
            self.channel_providers[i] = providers[provider]
        return 0

    def succeed(self, Sweep old not None, succession):
        """Go on with what `old` remembers of the paths, subscriptions and pools that stay."""
        cdef uint32_t here, there
        for here, before in enumerate(succession.paths_from):
            if before >= 0:
                there = before
                self.seats[here].state, self.seats[here].missing = old.seats[there].state, old.seats[there].missing
        for there, number in enumerate(succession.subscriptions_to):
            if number >= 0:
                here = number
                self.streams[here].arrivals = old.streams[there].arrivals
        for here, there in _both(self.groups_named, old.groups_named):
            self.groups[here].pool, self.groups[here].season = old.groups[there].pool, old.groups[there].season
        for here, there in _both(self.channels_named, old.channels_named):
            self.channels[here] = old.channels[there]
        for here, there in _both(self.providers_named, old.providers_named):
            self.providers[here] = old.providers[there]

    cdef void run(self, double watched_s, int64_t now_ns) noexcept nogil:
        self.step = law_step(&self.limits.law, watched_s)
        self.share_keep = exp(-self.step.watched_s / SHARES_S)
        self._hear()
        self._pool(now_ns)
        self._judge(now_ns)

    cdef void _hear(self) noexcept nogil:
        """Each subscription's arrivals, also into its path's and its pools' counts."""
        cdef uint32_t i, came
        cdef Stream* stream
        cdef Seat* seat
        cdef Group* group
        cdef Pool* channel
        cdef Step still
        cdef bint down
        cdef Heard* heard = self.tables.vitals.heard
        still.watched_s, still.normal, still.recent, still.memory = 0, 1, 1, 1
        memset(self.marks, 0, self.tables.paths_count)
        for i in range(self.channels_count):
            self.channels[i].members = self.channels[i].stale = self.channels[i].awake = 0
        for i in range(self.groups_count):
            self.groups[i].pool.awake = False
        self.stale_count = 0
        for i in range(self.tables.subscriptions_count):
            if heard[i].count == 0:
                continue
            stream = &self.streams[i]
            seat = &self.seats[stream.path]
            group, channel = &self.groups[seat.group], &self.channels[stream.channel]
            down = self.down[heard[i].carrier] or self.tables.paths[stream.path].state != TRADING
            came = arrivals_second(&stream.arrivals, heard[i].count, &still if down else &self.step, &self.limits.law,
                                   group.season.factor)
            seat.state.count += came
            group.pool.count += came
            channel.count += came
            channel.members += 1
            if not down:
                self.marks[stream.path] |= AWAKE
                group.pool.awake = channel.awake = True
                if stream.arrivals.stale:
                    channel.stale += 1
                    self.stale[self.stale_count] = i
                    self.stale_count += 1
            if heard[i].gapped:
                heard[i].gapped = 0
                self._note_gap(i)

    cdef void _note_gap(self, uint32_t stream) noexcept nogil:
        """On a book one is enough; of trades it is counted how many are missing."""
        cdef uint32_t i, path = self.streams[stream].path
        if self.streams[stream].on_book:
            self.marks[path] |= GAPPED
            return
        self.seats[path].missing = 0
        for i in range(self.tables.paths[path].first_subscription, self.tables._end(path)):
            if not self.streams[i].on_book:
                self.seats[path].missing += self.tables.subscriptions[i].sequence.missing

    cdef void _pool(self, int64_t now_ns) noexcept nogil:
        """The groups with their clocks and seasons, then channels and providers."""
        cdef uint32_t i, came
        cdef Group* group
        cdef Pool* provider
        cdef Pool* channel
        for i in range(self.providers_count):
            self.providers[i].members = self.providers[i].awake = 0
            self.providers[i].usual = self.providers[i].expected = 0
        for i in range(self.groups_count):
            group = &self.groups[i]
            provider = &self.providers[group.provider]
            latency_second(&self.tables.vitals.latencies[i], self.step.watched_s, self.limits.law.half_life_s,
                           self.ahead_ns)
            if not group.pool.awake:
                continue
            came = arrivals_second(&group.pool.arrivals, group.pool.count, &self.step, &self.limits.law,
                                   group.season.factor)
            season_second(&group.season, came, self.step.watched_s, self.step.normal, group.pool.arrivals.stale, now_ns)
            group.pool.usual = normal_rate(&group.pool.arrivals)
            group.pool.expected = group.pool.usual * group.season.factor
            provider.count += came
            provider.awake = True
            provider.members += 1
            provider.usual += group.pool.usual
            provider.expected += group.pool.expected
        for i in range(self.providers_count):
            provider = &self.providers[i]
            if provider.awake:
                arrivals_second(&provider.arrivals, provider.count, &self.step, &self.limits.law, season_of(provider))
        for i in range(self.channels_count):
            channel, provider = &self.channels[i], &self.providers[self.channel_providers[i]]
            channel.usual, channel.expected = provider.usual, provider.expected
            if channel.awake:
                arrivals_second(&channel.arrivals, channel.count, &self.step, &self.limits.law, season_of(channel))

    cdef void _judge(self, int64_t now_ns) noexcept nogil:
        """Each path that can be judged: in full if it brought something or is not well, else in its turn."""
        cdef uint32_t i
        cdef int signal
        cdef Group* group
        cdef Seat* seat
        cdef Seen seen
        self.turn += 1
        for i in range(self.groups_count):
            self.groups[i].pool.members = 0
            memset(self.groups[i].bad, 0, sizeof(self.groups[i].bad))
        for i in range(self.tables.paths_count):
            if not self.marks[i] & AWAKE:
                self.bad[i] = 0
                continue
            seat = &self.seats[i]
            group = &self.groups[seat.group]
            group.pool.members += 1
            if (seat.state.count == seat.judged_count and not self.bad[i] and (i + self.turn) % TURNS
                    and self.tables.vitals.tops[i].state <= TOP_SOUND):
                if path_quiet(&seat.state, &self.step, &self.limits, self.share_keep, group.season.factor):
                    self.bad[i] = 1 << <int> STALE
                    group.bad[<int> STALE] += 1
                continue
            seat.judged_count = seat.state.count
            self.read(i, &seen)
            self.bad[i] = path_second(&seat.state, &seen, &self.tables.vitals.tops[i], &self.step, &self.limits,
                                      self.share_keep, group.season.factor, now_ns)
            if self.bad[i]:
                for signal in range(SIGNALS):
                    group.bad[signal] += self.bad[i] >> signal & 1

    cdef void read(self, uint32_t path, Seen* seen) noexcept nogil:
        """What stands in tables and books of a path."""
        cdef const Path* row = &self.tables.paths[path]
        cdef const Seat* seat = &self.seats[path]
        cdef const Book* book
        cdef const Source* source
        cdef int kind
        seen.counters.trades = row.kinds[<int> TRADE]
        seen.counters.records = 0
        for kind in range(KINDS):
            seen.counters.records += row.kinds[kind]
        seen.counters.faults[<int> FAULT_MISSING] = seat.missing
        seen.counters.faults[<int> FAULT_DUPLICATE] = row.repeated_ids
        seen.counters.faults[<int> FAULT_LATE] = row.late
        seen.counters.faults[<int> FAULT_OUTLIER] = row.outliers
        seen.count = seat.state.count
        seen.gapped, seen.two_sided = self.marks[path] & GAPPED, seat.two_sided
        seen.bid = seen.ask = seen.last = seen.fair = NAN
        seen.flagged, seen.trade_width = False, 0
        if seat.book < 0:
            return
        book = &self.books.books[seat.book]
        source = &book.sources[seat.source]
        seen.bid, seen.ask, seen.last = source.bid, source.ask, source.last
        seen.trade_width = book.params.trade_half_width
        seen.flagged = book_flagged(book, seat.source)
        if source.conversion == NULL and (book.fair.status == OK or book.fair.status == DEGRADED):
            seen.fair = book.fair.price


def _both(now, before):
    """(number now, number before) of what is in both lists."""
    numbers = {named: number for number, named in enumerate(before)}
    return [(number, numbers[named]) for number, named in enumerate(now) if named in numbers]
