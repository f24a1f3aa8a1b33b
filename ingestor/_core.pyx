"""The corridor: rooms 2 to 5 of one shard in one call, and the batch boundary after it.

`Connection.feed` decodes, unifies, prices and encodes one frame without the GIL and without a Python
object; every branch of a frame's journey stands in `feed`, `take` and `price` below. What has
consequences (evaluation, flushing to the sink) happens at the boundary. Nothing here knows a provider,
a method or a sink, and nothing reads a clock: times are given.
"""
cimport cython

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free

from ingestor.pricing.books cimport Books, Emission
from ingestor.pricing.consensus cimport (
    PRINT_OUTLIER, TOLD_AGAIN, TOLD_ALONE, TOLD_FIRST, Book, book_alive, book_flagged, book_quote, book_trade,
)
from ingestor.pricing.methods.price cimport book_price
from ingestor.providers.provider cimport Provider
from ingestor.records cimport (
    ABSENT, CROSSED, DECODED, FRAME_BYTES_MAX, IGNORED, OUTLIER, PATH_NONE, PRICE, QUOTE, REPLAY, SIZE, SNAPSHOT,
    TOO_LARGE, TRADE, TRUNCATED, Text, Tick, TickBatch,
)
from ingestor.unify.arbitration cimport arbitrate
from ingestor.unify.histogram cimport histogram_dict, observe
from ingestor.unify.lines cimport LINE_A, LINE_B
from ingestor.unify.path cimport (
    ADMITTED, DUPLICATE, Path, SubscriptionState, admit, merge_quote, repeats_other_line, value_or_nan,
)
from ingestor.unify.quarantine cimport (
    note_unknown, quarantine_add, quarantine_free, quarantine_init, quarantined, unknown_symbols,
)
from ingestor.unify.sequence cimport frame_missing
from ingestor.unify.symbols cimport scope_hash, symbol_path
from ingestor.unify.tables cimport Tables
from ingestor.watch.vitals cimport heard_note, latency_note, top_note
from ingestor.wire.writer cimport NO_ROOM, WRITTEN, Writer

from ingestor.pricing.consensus import method_name, parameters_hash
from ingestor.providers.registry import load
from ingestor.records import STATUS_NAMES
from ingestor.unify.counting import add, by_name
from ingestor.unify.defining import define
from ingestor.unify.line_table import line_of

cdef enum:
    EVALUATE_AFTER = 64         # ticks: a burst costs one evaluation each so many, a lone tick is priced at once
cdef int64_t SWEEP_NS = 1000000000      # an instrument without ticks ages, is held, and ends, seen this often


cdef inline bint turn_has_come(int64_t last_ns, int64_t every_ns, int64_t now_ns) noexcept nogil:
    """Once in each interval of the clock, the same for all, so that busy instruments' prices leave together."""
    return every_ns == 0 or now_ns // every_ns != last_ns // every_ns


@cython.final
cdef class Connection:
    """Made by Pipeline.open(). Not thread-safe: one loop feeds a pipeline."""

    def __dealloc__(self):
        if self.state != NULL and self.provider.state_free != NULL:
            self.provider.state_free(self.state)

    cdef int feed(self, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil:
        cdef int status = TOO_LARGE
        cdef uint32_t i
        if self.tap is not None:
            self.tap.take(self.tapped, at, size, recv_ns)
        self.pipeline.batch.frame_sequence = ABSENT
        if size <= FRAME_BYTES_MAX:
            status = self.decode(at, size, self.state, &self.pipeline.batch)
        if self.frames == 0:
            self.since_ns = recv_ns
        self.frames += 1
        self.bytes += size
        self.statuses[status] += 1
        if self.pipeline.burst_ns == 0:
            self.pipeline.burst_ns = recv_ns
        if self.pipeline.batch.frame_sequence != ABSENT:
            self.follow(self.pipeline.batch.frame_sequence)
        self.last_ns = recv_ns
        if status == DECODED:
            for i in range(self.pipeline.batch.count):
                self.pipeline.batch.ticks[i].ts_recv_ns = recv_ns
                self.take(&self.pipeline.batch.ticks[i])
            if self.pipeline.ticks_since >= EVALUATE_AFTER:
                self.pipeline.evaluate(recv_ns)
        elif status >= TRUNCATED:
            quarantine_add(&self.pipeline.refused, at, size, recv_ns, self.label, status)
        return status

    cdef void follow(self, int64_t frame_sequence) noexcept nogil:
        """A missing frame may have been anybody's: all of the connection is in doubt, as if it were a new one."""
        cdef uint64_t missing = frame_missing(&self.frame_last, frame_sequence)
        if missing:
            self.missing += missing
            self.pipeline.opened += 1
            self.serial = self.pipeline.opened
            self.before_ns = self.last_ns

    cdef bint covered(self) noexcept nogil:
        return self.twin is not None and self.twin.frames > 0 and self.twin.since_ns <= self.before_ns

    cdef uint32_t path_of(self, const Tick* tick) noexcept nogil:
        return symbol_path(&self.pipeline.tables.symbols, self.provider_number, self.scope, tick.venue,
                           tick.section if tick.section.at != NULL else self.section_text, tick.symbol)

    cdef void take(self, Tick* tick) noexcept nogil:
        """One record: whose is it, is it news, what does it say of the price, and out with it."""
        cdef Path* path
        cdef SubscriptionState* subscription
        cdef uint32_t number
        cdef int verdict, told = TOLD_ALONE
        tick.path = self.path_of(tick)
        if tick.path == PATH_NONE:
            self.unknown += 1
            note_unknown(&self.pipeline.unknowns, tick.symbol, self.label)
            return
        path = &self.pipeline.tables.paths[tick.path]
        number = path.first_subscription + tick.channel
        subscription = &self.pipeline.tables.subscriptions[number]
        verdict = (DUPLICATE if self.line and repeats_other_line(
            path, subscription, tick, self.line, self.serial, self.covered(), &self.pipeline.lines.counts[self.label])
            else admit(path, subscription, tick, self.serial, number, &self.pipeline.tables.gaps))
        heard_note(&self.pipeline.tables.vitals.heard[number], <uint16_t> self.label, tick.flags)
        if verdict == DUPLICATE:
            self.pipeline.alive(path, tick)
            return
        if tick.ts_event_ns != ABSENT and not tick.flags & (SNAPSHOT | REPLAY):
            observe(&self.pipeline.tables.latencies[path.latency], tick.ts_recv_ns - tick.ts_event_ns)
            latency_note(&self.pipeline.tables.vitals.latencies[path.latency], tick.ts_recv_ns - tick.ts_event_ns)
        if path.market != NULL and tick.kind == TRADE:
            told = TOLD_FIRST if arbitrate(
                path.market, path.member, subscription.trade_ids, tick, &self.last_ns) else TOLD_AGAIN
        if verdict == ADMITTED:
            self.pipeline.price(path, subscription, tick, told)
        if self.pipeline.writing and path.published:
            self.pipeline.write(number, tick)

    cdef int drained(self, int64_t now_ns) except -1:
        """The socket is read empty. Where turns end with a tick, what all sockets brought is settled there, once."""
        if self.pipeline.turns and self.pipeline.failure is None and not (
                self.pipeline.writing and self.pipeline.writer.due):
            return 0
        return self.pipeline.boundary(now_ns)

    def feed_bytes(self, bytes frame not None, int64_t recv_ns):
        """Take one message received at `recv_ns`; return its DecodeStatus."""
        return self.feed(<const uint8_t*> <char*> frame, len(frame), recv_ns)

    def feed_all(self, list frames not None, int64_t recv_ns, Py_ssize_t burst=EVALUATE_AFTER):
        """Feed frames (bytes) that came at once, with a batch boundary after each `burst` of them.

        For replays and benches: what a door does, without the door.
        """
        cdef Py_ssize_t i, left = burst
        cdef bytes frame
        for i in range(len(frames)):
            frame = frames[i]
            self.feed(<const uint8_t*> <char*> frame, len(frame), recv_ns)
            left -= 1
            if left == 0:
                self.drained(recv_ns)
                left = burst
        self.drained(recv_ns)

    def drained_now(self, now_ns=None):
        """The batch boundary, at the receive time of the newest frame unless a time is given."""
        self.drained(self.pipeline.burst_ns if now_ns is None else now_ns)

    def close(self):
        """The connection ended: its counters go to its name's, its decoder state goes."""
        if self.tap is not None:
            tap, self.tap = self.tap, None
            tap.closed(self.tapped)
        if self in self.pipeline.connections:
            self.pipeline.tables.arbitration.left(&self.last_ns)
            self.pipeline.connections.remove(self)
            add(self.pipeline.closed[self.label], self.counters())
            if self.frames:
                self.pipeline.lines.counts[self.label].ended_ns = self.last_ns
        if self.twin is not None:
            self.twin.twin = self.twin = None
        if self.state != NULL and self.provider.state_free != NULL:
            self.provider.state_free(self.state)
            self.state = NULL
        self.decode = closed_decode

    def counters(self):
        return {"frames": self.frames, "bytes": self.bytes, "unknown": self.unknown, "missing": self.missing,
                "statuses": {name: self.statuses[i] for i, name in enumerate(STATUS_NAMES)}}


@cython.final
cdef class Pipeline:
    """Rooms 2 to 5 of one shard.

    `writer` None writes nothing. `fair_every_ms` conflates the fair topic: an instrument's changes are
    published at most once in each such interval of the clock, 0: each. `pricing(instrument id)`: its parameters.
    """

    def __cinit__(self, instruments, Writer writer, *, int fair_every_ms=0, uint32_t quarantine_max=100,
                  pricing=None):
        self.tables = Tables(instruments, lambda name: load(name).channels)
        self.lines = LineTable()
        self.writer = writer
        self.writing = writer is not None
        self.fair_every_ns = <int64_t> fair_every_ms * 1000000
        self.labels, self.connections, self.closed = {}, [], []
        if not quarantine_init(&self.refused, quarantine_max):
            raise MemoryError("no memory for the quarantine")
        self.flagged = <uint32_t*> calloc(self.tables.paths_count + 1, sizeof(uint32_t))
        if self.flagged == NULL:
            raise MemoryError("no memory for the flagged sources")
        pricing = pricing or (lambda instrument: {})
        self.books = Books(instruments.rows, instruments.paths, pricing)
        if self.writing:
            define(writer, instruments, self.tables.subscriptions_named,
                   lambda id: (method_name(pricing(id)), parameters_hash(pricing(id))))

    def __dealloc__(self):
        free(self.flagged)
        free(self.batch.ticks)
        free(self.batch.scratch)
        quarantine_free(&self.refused)

    def open(self, Provider provider not None, str section not None, str name not None):
        """A new connection of this provider; `section` is its endpoint's, `name` its feed's name for it."""
        cdef Connection opened = Connection.__new__(Connection)
        label = (provider.name, section, name)
        if label not in self.labels:
            self.labels[label] = len(self.closed)
            self.closed.append(opened.counters())
            self.lines.add()
        opened.pipeline, opened.provider, opened.section, opened.name = self, provider, section, name
        opened.section_bytes = provider.session.market_section(section).encode()
        opened.section_text = Text(at=<const uint8_t*> <char*> opened.section_bytes,
                                   size=<uint32_t> len(opened.section_bytes))
        opened.decode = provider.decode
        opened.label = self.labels[label]
        self._pair(opened)
        self.opened += 1
        opened.serial = self.opened
        opened.frame_last = ABSENT
        opened.provider_number = self.tables.provider_number(provider.name)
        opened.scope = scope_hash(opened.provider_number)
        if provider.state_new != NULL:
            opened.state = provider.state_new()
            if opened.state == NULL:
                raise MemoryError("no memory for the decoder's state")
        self.connections.append(opened)
        if self.tap is not None:
            opened.tapped = self.tap.opened(provider.name, section, name)
            opened.tap = self.tap
        return opened

    cdef int _pair(self, Connection opened) except -1:
        """Introduce the two lines of a redundant connection to each other."""
        cdef Connection other
        place, opened.line = line_of(opened.name)
        opened.before_ns = self.lines.counts[opened.label].ended_ns
        for other in self.connections if opened.line else ():
            if (other.provider is opened.provider and other.section == opened.section
                    and line_of(other.name) == (place, LINE_A + LINE_B - opened.line)):
                opened.twin, other.twin = other, opened
        return 0

    cdef void price(self, Path* path, SubscriptionState* subscription, Tick* tick, int told) noexcept nogil:
        """What the record says of each price that its path votes for. Snapshots move none."""
        cdef double[4] top
        cdef double price, size
        cdef uint32_t i
        cdef bint outlier = False
        if tick.flags & SNAPSHOT:
            self.snapshots += 1
            if tick.kind == QUOTE:
                merge_quote(subscription, tick, top)
            return
        if tick.kind == TRADE:
            price = value_or_nan(tick, PRICE)
            size = value_or_nan(tick, SIZE)
            for i in range(path.votes_count):
                if book_trade(&self.books.books[path.votes[i].book], path.votes[i].source, price, size, tick.ts_event_ns,
                              tick.ts_recv_ns, told) == PRINT_OUTLIER:
                    outlier = True
                self.books.touch(path.votes[i].book)
            if outlier:
                tick.flags |= OUTLIER
                path.outliers += 1
        elif tick.kind == QUOTE:
            merge_quote(subscription, tick, top)
            top_note(&self.tables.vitals.tops[tick.path], top[0], top[2], tick.ts_recv_ns)
            if top[0] > top[2]:
                tick.flags |= CROSSED
                path.crossed += 1
            for i in range(path.votes_count):
                book_quote(&self.books.books[path.votes[i].book], path.votes[i].source, top[0], top[1], top[2], top[3],
                           tick.ts_event_ns, tick.ts_recv_ns)
                self.books.touch(path.votes[i].book)
        self.ticks_since += 1

    cdef void alive(self, Path* path, const Tick* tick) noexcept nogil:
        """A repeated quote says nothing new, but that its channel lives."""
        cdef uint32_t i
        if tick.kind == QUOTE:
            for i in range(path.votes_count):
                book_alive(&self.books.books[path.votes[i].book], path.votes[i].source, tick.ts_recv_ns)

    cdef void write(self, uint32_t subscription, const Tick* tick) noexcept nogil:
        """Into its batch. Where one frame has filled a batch to its hard limit, the batch leaves at once."""
        cdef int status = self.writer.take(subscription, tick)
        if status == NO_ROOM:
            with gil:
                self.flush_now(tick.ts_recv_ns)
            status = self.writer.take(subscription, tick)
        if status != WRITTEN:
            self.unwritten += 1

    cdef void flush_now(self, int64_t now_ns) noexcept:
        """Outside the boundary, which raises what fails here, a Ctrl-C too: a frame's journey knows no exception."""
        try:
            self.writer.flush(now_ns, True)
        except BaseException as error:
            self.failure = error

    cdef void evaluate(self, int64_t now_ns) noexcept nogil:
        """Evaluate what ticks have touched.

        What is converted by a touched price is not touched by it: it follows with its own next tick, or
        with the sweep, so that a busy stablecoin does not re-price a thousand instruments a tick.
        """
        cdef uint32_t i, book
        for i in range(self.books.dirty_count):
            book = self.books.dirty[i]
            self.books.is_dirty[book] = 0
            self.settle(book, now_ns)
        self.books.dirty_count = 0
        self.ticks_since = 0

    cdef void settle(self, uint32_t book, int64_t now_ns) noexcept nogil:
        """Evaluate one instrument, and publish it if it changed and its turn has come."""
        cdef Emission* last = &self.books.emissions[book]
        self.evaluations += 1
        book_price(&self.books.books[book], now_ns)
        if self.books.changed(book):
            if turn_has_come(last.at_ns, self.fair_every_ns, now_ns):
                self.emit(book, now_ns)
            else:
                last.due = True

    cdef void emit(self, uint32_t book, int64_t now_ns) noexcept nogil:
        cdef const Book* priced = &self.books.books[book]
        cdef uint32_t source, flagged = 0
        self.books.emitted(book, now_ns)
        if not self.writing or not self.books.published[book]:
            return
        for source in range(priced.sources_count):
            if book_flagged(priced, source):
                self.flagged[flagged] = self.tables.paths[self.books.source_paths[book][source]].first_subscription
                flagged += 1
        if self.writer.take_fair(book, &priced.fair, self.flagged, flagged) == NO_ROOM:
            with gil:
                self.flush_now(now_ns)
            if self.writer.take_fair(book, &priced.fair, self.flagged, flagged) != WRITTEN:
                self.unwritten += 1

    cdef int boundary(self, int64_t now_ns) except -1:
        """The socket buffer is drained: price what is dirty, hand over what is full or has lingered."""
        if self.failure is not None:
            failure, self.failure = self.failure, None      # told once: what waits must still be delivered
            raise failure
        if self.books.dirty_count:
            self.evaluate(now_ns)
        if self.writing:
            if self.writer.due or self.writer.next_due <= now_ns:
                self.writer.flush(now_ns, False)
            else:
                self.writer.listen(now_ns)
        if self.burst_ns:
            observe(&self.processing, now_ns - self.burst_ns)
            self.burst_ns = 0
        return 0

    cpdef object tick(self, int64_t now_ns):
        """Each turn, and each few milliseconds: lingering batches, conflated prices, and prices that age."""
        cdef uint32_t book
        cdef bint sweep = now_ns - self.swept_ns >= SWEEP_NS or now_ns < self.swept_ns
        cdef bint interval = self.fair_every_ns != 0 and turn_has_come(self.emitted_ns, self.fair_every_ns, now_ns)
        if sweep or interval:
            self.emitted_ns = now_ns
            for book in range(self.books.count):
                if sweep and self.books.books[book].fair.version:   # a quiet one may wait for its conversion
                    self.settle(book, now_ns)
                if self.books.emissions[book].due and turn_has_come(
                        self.books.emissions[book].at_ns, self.fair_every_ns, now_ns):
                    self.emit(book, now_ns)
        if sweep:
            self.swept_ns = now_ns
            self.tables.arbitration.sweep(now_ns)
        self.boundary(now_ns)

    cpdef object listen(self, int64_t now_ns):
        """Only take what the sink was answered."""
        if self.writing:
            self.writer.listen(now_ns)

    def flush(self, int64_t now_ns):
        """Everything out: before the end, or before a slot changes hands."""
        cdef uint32_t book
        self.boundary(now_ns)
        for book in range(self.books.count):
            if self.books.emissions[book].due:
                self.emit(book, now_ns)
        if self.writing:
            self.writer.flush(now_ns, True)

    # What people see.

    def fairs(self):
        """The present fair price of each instrument, as plain values; NaN prices where UNAVAILABLE."""
        return self.books.fairs()

    def quarantine(self):
        """The newest refused frames, oldest first; `frame` is the head of one of `size` bytes."""
        names = list(self.labels)
        return [{"provider": names[label][0], "section": names[label][1], "connection": names[label][2],
                 "status": STATUS_NAMES[status], "recv_ns": recv_ns, "size": size, "frame": head}
                for label, status, recv_ns, size, head in quarantined(&self.refused)]

    def unknown(self):
        """The newest symbols that are in no instruments file, with the records that came for them."""
        names = list(self.labels)
        return [{"provider": names[label][0], "section": names[label][1], "symbol": symbol, "records": count}
                for label, symbol, count in unknown_symbols(&self.unknowns)]

    def counters(self):
        """All counters as plain values; see docs/METRICS.md for their meaning."""
        connections, unknown = by_name(self.labels, self.closed, self.connections, self.lines)
        return {
            "connections": connections, "unknown": unknown, "snapshots": self.snapshots,
            "rounded": self.batch.rounded, "evaluations": self.evaluations, "unwritten": self.unwritten,
            "quarantined": self.refused.count, "gaps_overflowed": self.tables.gaps.overflowed,
            "paths": self.tables.path_counters(), "arbitration": self.tables.arbitration.counters(),
            "exchange_to_receive": self.tables.latency_counters(),
            "receive_to_enqueue": histogram_dict(&self.processing), "uncounted": self.books.uncounted(),
        }


cdef int closed_decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    """A closed connection has no decoder state: what still comes is not read, only counted."""
    return IGNORED
