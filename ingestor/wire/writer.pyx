"""Room 5: records become Avro bytes in batches, one a topic and instrument, and leave as messages.

`take` appends to a batch without the GIL and without a Python object; `flush` composes messages from
the pieces of a batch (batch.pxd) and hands them to the sink. A block's header is composed then, when
its counts and subscriptions are known. A batch that is full still takes records until the next
boundary, as further pieces, each within the topic's limits.

Open batches of a topic form a list by age, full ones at its head, so that a flush touches only what
leaves. Nothing here knows where messages go, and nothing reads a clock: a batch's age counts from the
receive time of its first record, but not from before the last flush. A read of a busy socket is stamped
once and worked off for longer than a linger; its batches would else be old when they open, and leave
with a few records each.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ingestor.records cimport ROUNDED, TRADE, Fair, Tick
from ingestor.wire.batch cimport (
    BLOCK, NO_BATCH, OFF, RECORD, Batch, Seat, Topic, batch_close, batch_commit, batch_open, batch_room, close_piece,
    topic_succeed,
)
from ingestor.wire.block cimport FAIR, Instrument, Subscription, block_bytes, compose
from ingestor.wire.buffer cimport Buffer, Piece, buffer_free, grown, pool_free, pool_init
from ingestor.wire.encode cimport (
    BODY_BYTES_MAX, DECIMAL_BEYOND, DECIMAL_ROUNDED, ID_BYTES_MAX, Values, avro_long, put_body, put_fair, values_of,
)
from ingestor.wire.outlet cimport Parcel, parcel_new

from ingestor.errors import ConfigError, InternalError
from ingestor.wire.schemas import avro_long as long_bytes, avro_text, single_object_prefix
from ingestor.wire.topics import MODES, TOPICS, TopicCounts, check_names, check_topic

cdef enum:
    CONSTANT_BYTES_MAX = 1024   # names of an instrument and a subscription: ten times the longest captured
    PREFIX_BYTES_MAX = 10       # Avro's single-object prefix is 2 and 8, a registry's 1 and 4
    COUNTS_BYTES_MAX = 24       # of a block: the counts of two arrays and their ends


cdef int64_t CLOCK_STEP_NS = 1000000000     # a time that is older by more is of a clock that stepped back
cdef int64_t LISTEN_EVERY_NS = 1000000      # connections that are read at one wake-up ask the sink once


@cython.final
cdef class Writer:
    """All batches of one shard.

    `sink` takes the messages (ingestor/sinks/sink.py says how). `topics` names the topics to write, with
    their settings; others are left out. A message starts with what the sink's `prefixes` says, or with
    Avro's single-object prefix. `reference_version` goes into each of them: a Writer is of one edition.
    """

    def __cinit__(self, sink, topics, int shard, int64_t epoch, int64_t reference_version=0):
        cdef int number
        if not pool_init(&self.pool):
            raise MemoryError("no memory for the write buffers")
        self.sink = sink
        self.outlet = getattr(sink, "outlet", None)
        self.shard = shard
        self.epoch = epoch
        self.reference_version = reference_version
        self.fair_sequences = {}
        self.next_due = INT64_MAX
        self.routes, self.kept = [], []
        unknown = set(topics) - set(TOPICS)
        if unknown:
            raise ConfigError(f"topics: no topic {', '.join(sorted(unknown))}: use {', '.join(TOPICS)}")
        for number, name in enumerate(TOPICS):
            self.topics[number].head = self.topics[number].tail = NO_BATCH
            if name in topics:
                self._configure(number, name, topics[name])

    def _configure(self, int number, str name, settings):
        cdef Topic* topic = &self.topics[number]
        mode = self.sink.modes.get(name, settings.mode)
        check_topic(name, settings, mode)
        topic.mode = MODES.index(mode) + 1
        topic.records_max = settings.records_max
        topic.bytes_max = settings.bytes_max
        topic.linger_ns = round(settings.linger_ms * 1e6)
        prefix = b""
        if mode != "container":
            prefix = self.sink.prefixes.get(name) or single_object_prefix(name, mode)
        if len(prefix) > PREFIX_BYTES_MAX:
            raise ConfigError(f"topics.{name}: a prefix of {len(prefix)} bytes is longer than {PREFIX_BYTES_MAX}")
        topic.prefix_bytes = <uint32_t> len(prefix)
        memcpy(topic.prefix, PyBytes_AS_STRING(prefix), topic.prefix_bytes)

    def __dealloc__(self):
        cdef uint32_t i
        cdef int number
        for number in range(TOPICS_COUNT):
            for i in range(self.instruments_count):
                buffer_free(&self.topics[number].batches[i].buffer)
            free(self.topics[number].batches)
        free(self.subscriptions)
        free(self.instruments)
        pool_free(&self.pool)

    # The tables: whose records will come.

    def define_instrument(self, uint32_t index, str instrument not None, bytes key not None, int slot, *,
                          str method="consensus_v1", str parameters_hash="", conversions=()):
        """The instrument with number `index`, the next one; `key` and `slot` go to the sink with its records."""
        cdef Instrument* defined
        cdef bytes head, fair_head
        cdef int number
        if index != self.instruments_count:
            raise IndexError(f"instrument {index} defined out of order: the next is {self.instruments_count}")
        head = b"".join(map(long_bytes, (self.shard, self.epoch, slot))) + avro_text(instrument)
        head += long_bytes(self.reference_version)
        fair_head = head + avro_text(method) + avro_text(parameters_hash)
        if conversions:
            fair_head += long_bytes(len(conversions)) + b"".join(map(avro_text, conversions))
        fair_head += b"\0"
        check_names(instrument, len(fair_head), CONSTANT_BYTES_MAX)
        self.instruments = <Instrument*> grown(self.instruments, index, sizeof(Instrument))
        for number in range(TOPICS_COUNT):
            self.topics[number].batches = <Batch*> grown(self.topics[number].batches, index, sizeof(Batch))
        self.kept += [head, fair_head]
        defined = &self.instruments[index]
        defined.head = <const uint8_t*> PyBytes_AS_STRING(head)
        defined.head_bytes = <uint32_t> len(head)
        defined.fair_head = <const uint8_t*> PyBytes_AS_STRING(fair_head)
        defined.fair_head_bytes = <uint32_t> len(fair_head)
        defined.key = <const uint8_t*> PyBytes_AS_STRING(key)
        defined.key_bytes = <uint32_t> len(key)
        defined.slot = slot
        self.routes.append((key, slot))
        self.instruments_count = index + 1

    def define_subscription(self, uint32_t index, uint32_t instrument_index, str provider not None,
                            str venue not None, str symbol not None, str channel not None):
        """The subscription with number `index`, the next one, of an instrument that is defined."""
        cdef Subscription* defined
        cdef Instrument* instrument
        cdef bytes constant, name
        if index != self.subscriptions_count:
            raise IndexError(f"subscription {index} defined out of order: the next is {self.subscriptions_count}")
        if instrument_index >= self.instruments_count:
            raise IndexError(f"subscription {index} is of instrument {instrument_index}, which is not defined")
        instrument = &self.instruments[instrument_index]
        constant = PyBytes_FromStringAndSize(<const char*> instrument.head, instrument.head_bytes)
        constant += b"".join(map(avro_text, (provider, venue, symbol, channel)))
        name = avro_text(f"{provider}/{venue}/{symbol}")
        check_names(f"{provider} {venue} {symbol} {channel}", len(constant), CONSTANT_BYTES_MAX)
        instrument.list_bytes += <uint32_t> len(constant) - instrument.head_bytes
        self._check_header(instrument_index)
        self.subscriptions = <Subscription*> grown(self.subscriptions, index, sizeof(Subscription))
        self.kept += [constant, name]
        defined = &self.subscriptions[index]
        defined.constant = <const uint8_t*> PyBytes_AS_STRING(constant)
        defined.constant_bytes = <uint32_t> len(constant)
        defined.name = <const uint8_t*> PyBytes_AS_STRING(name)
        defined.name_bytes = <uint32_t> len(name)
        defined.instrument = instrument_index
        self.subscriptions_count = index + 1

    def _check_header(self, uint32_t index):
        """A block must hold its header with all subscriptions of the instrument, and one record."""
        cdef Instrument* instrument = &self.instruments[index]
        cdef int number
        cdef uint32_t least = (PREFIX_BYTES_MAX + COUNTS_BYTES_MAX + BODY_BYTES_MAX + instrument.head_bytes
                               + instrument.list_bytes)
        for number, name in enumerate(TOPICS[:FAIR]):
            if self.topics[number].mode == BLOCK and least > self.topics[number].bytes_max:
                raise ConfigError(
                    f"topics.{name}.bytes_max: {self.topics[number].bytes_max}: the subscriptions of "
                    f"{self.routes[index][0].decode()} alone take {least}: raise it")

    # The hot path.

    cdef int take(self, uint32_t subscription, const Tick* tick) noexcept nogil:
        cdef Subscription* of = &self.subscriptions[subscription]
        cdef Topic* topic = &self.topics[tick.kind]
        cdef Batch* batch = &topic.batches[of.instrument]
        cdef Values values
        cdef uint8_t* at
        cdef uint32_t seated
        cdef int status, flags = tick.flags
        if topic.mode == OFF:
            return WRITTEN
        status = values_of(tick, &values)
        if (status == DECIMAL_BEYOND or tick.id.size > ID_BYTES_MAX
                or (tick.kind == TRADE and tick.present & 3 != 3)):
            topic.unwritable += 1
            return UNWRITABLE
        at = self.room(topic, of.instrument, self.instruments[of.instrument].head_bytes,
                       PREFIX_BYTES_MAX + of.constant_bytes + BODY_BYTES_MAX, tick.ts_recv_ns)
        if at == NULL:
            return NO_ROOM
        if status == DECIMAL_ROUNDED:
            flags |= ROUNDED
            topic.rounded += 1
        seated = batch.subscriptions
        if topic.mode == BLOCK:
            at = avro_long(at, self.seat(batch, subscription, tick.kind))
        else:
            memcpy(at, topic.prefix, topic.prefix_bytes)
            memcpy(at + topic.prefix_bytes, of.constant, of.constant_bytes)
            at += topic.prefix_bytes + of.constant_bytes
        at = put_body(at, tick, &values, flags)
        if batch_commit(topic, of.instrument, at, seated, tick.ts_recv_ns):
            self.due = True
        return WRITTEN

    cdef int take_fair(self, uint32_t instrument, const Fair* fair, const uint32_t* flagged,
                       uint32_t flagged_count) noexcept nogil:
        cdef Instrument* of = &self.instruments[instrument]
        cdef Topic* topic = &self.topics[FAIR]
        cdef Subscription* named
        cdef uint8_t* at
        cdef uint32_t i, bytes = PREFIX_BYTES_MAX + of.fair_head_bytes + COUNTS_BYTES_MAX + BODY_BYTES_MAX
        if topic.mode == OFF:
            return WRITTEN
        for i in range(flagged_count):
            bytes += self.subscriptions[flagged[i]].name_bytes
            if bytes > topic.bytes_max:
                topic.unwritable += 1
                return UNWRITABLE
        at = self.room(topic, instrument, of.fair_head_bytes, bytes, fair.ts_emit_ns)
        if at == NULL:
            return NO_ROOM
        if topic.mode != BLOCK:
            memcpy(at, topic.prefix, topic.prefix_bytes)
            memcpy(at + topic.prefix_bytes, of.fair_head, of.fair_head_bytes)
            at += topic.prefix_bytes + of.fair_head_bytes
        of.fair_sequence += 1
        at = put_fair(at, fair, of.fair_sequence)
        if flagged_count:
            at = avro_long(at, flagged_count)
            for i in range(flagged_count):
                named = &self.subscriptions[flagged[i]]
                memcpy(at, named.name, named.name_bytes)
                at += named.name_bytes
        at[0] = 0
        if batch_commit(topic, instrument, at + 1, 0, fair.ts_emit_ns):
            self.due = True
        return WRITTEN

    cdef uint8_t* room(self, Topic* topic, uint32_t instrument, uint32_t header_bytes, uint32_t bytes,
                       int64_t at_ns) noexcept nogil:
        """Where the next record of this batch starts, opening the batch if need be; NULL is counted."""
        cdef Batch* batch = &topic.batches[instrument]
        cdef uint8_t* at = NULL
        cdef int64_t opened_ns = at_ns
        if batch.serial == 0:
            if at_ns < self.flushed_ns <= at_ns + CLOCK_STEP_NS:
                opened_ns = self.flushed_ns
            if not batch_open(topic, instrument, &self.pool, self.serials + 1,
                              topic.prefix_bytes + header_bytes + COUNTS_BYTES_MAX if topic.mode == BLOCK else 0,
                              opened_ns):
                topic.no_room += 1
                return NULL
            self.serials += 1
            if opened_ns + topic.linger_ns < self.next_due:
                self.next_due = opened_ns + topic.linger_ns
        elif at_ns < batch.opened_ns - CLOCK_STEP_NS and at_ns < self.next_due:
            self.next_due = at_ns       # ages mean nothing now, so that all may leave
        at = batch_room(topic, batch, bytes)
        if at == NULL:
            topic.no_room += 1
        return at

    cdef uint32_t seat(self, Batch* batch, uint32_t subscription, int kind) noexcept nogil:
        """Index of the subscription in the block's list; it is appended to the list if it is new."""
        cdef Seat* seat = &self.subscriptions[subscription].seats[kind]
        if seat.serial != batch.serial:
            seat.serial = batch.serial
            seat.index = batch.subscriptions
            if batch.subscriptions:
                self.subscriptions[batch.last_seat].seats[kind].next = subscription
            else:
                batch.first_seat = subscription
            batch.last_seat = subscription
            batch.subscriptions += 1
            batch.header_bytes += (self.subscriptions[subscription].constant_bytes
                                   - self.instruments[self.subscriptions[subscription].instrument].head_bytes)
        return seat.index

    # The batch boundary.

    cdef int flush(self, int64_t now_ns, bint everything) except -1:
        cdef int number
        cdef bint written = False
        # Whoever wakes the sink takes along the topics that have waited half as long: topics that wake it one
        # by one cost a request each time.
        cdef int waited = 2 if self.next_due <= now_ns else 1
        self.next_due = INT64_MAX
        self.due = False
        self.flushed_ns = now_ns
        for number in range(TOPICS_COUNT):
            if self.topics[number].head != NO_BATCH and self.flush_topic(number, now_ns, everything, waited):
                written = True
        if written:
            self.heard_ns = now_ns
            self.sink.boundary()
        return 0

    cdef int listen(self, int64_t now_ns) except -1:
        if self.outlet is not None and not 0 <= now_ns - self.heard_ns < LISTEN_EVERY_NS:
            self.heard_ns = now_ns
            self.sink.boundary()
        return 0

    cdef int flush_topic(self, int number, int64_t now_ns, bint everything, int waited) except -1:
        """What is full leaves. The rest leaves together, as its oldest batch is due; 1 if anything has left.

        Together, since a sink is woken for all of them at once: a thousand quiet instruments, each at its own
        time, would wake it a thousand times a linger.
        """
        cdef Topic* topic = &self.topics[number]
        cdef Batch* batch
        cdef uint32_t index
        cdef int written = 0
        while topic.head != NO_BATCH:
            index = topic.head
            batch = &topic.batches[index]
            if not (everything or batch.full):
                if (waited * (now_ns - batch.opened_ns) < topic.linger_ns
                        and now_ns >= batch.opened_ns - CLOCK_STEP_NS):
                    self.next_due = min(self.next_due, batch.opened_ns + topic.linger_ns)
                    break
                everything = True
            self.hand_over(number, index)
            batch_close(topic, index, &self.pool)
            written = 1
        return written

    cdef int hand_over(self, int number, uint32_t instrument) except -1:
        """Write one batch's messages to the sink, in order. What was not written when it fails stays."""
        cdef Topic* topic = &self.topics[number]
        cdef Batch* batch = &topic.batches[instrument]
        cdef uint32_t last
        if batch.piece_records:
            close_piece(batch, batch.used, batch.subscriptions)
        while batch.handed < batch.pieces:
            last = batch.handed + 1
            if topic.mode == RECORD:
                last = min(batch.pieces, batch.handed + topic.records_max)
            if self.outlet is not None:
                self.hand_parcel(number, instrument, batch.handed, last)
            else:
                self.hand_objects(number, instrument, batch.handed, last)
            batch.handed = last
            topic.handed += 1
        return 0

    cdef int hand_parcel(self, int number, uint32_t instrument, uint32_t first, uint32_t last) except -1:
        """Pieces `first` to before `last` as a parcel: one message in a block, each piece one in record mode."""
        cdef Topic* topic = &self.topics[number]
        cdef Instrument* of = &self.instruments[instrument]
        cdef Buffer* buffer = &topic.batches[instrument].buffer
        cdef uint32_t i, start = buffer.pieces[first - 1].end if first else 0
        cdef size_t bytes = buffer.pieces[last - 1].end - start
        cdef Parcel* parcel
        if topic.mode == BLOCK:
            bytes = block_bytes(number, topic, &topic.batches[instrument], of, self.subscriptions, first)
        parcel = parcel_new(number, of.slot, of.key, of.key_bytes, bytes, last - first)
        if parcel == NULL:
            raise MemoryError(f"no memory for {bytes} bytes to topic {TOPICS[number]}")
        parcel.records = 0
        parcel.oldest_ns, parcel.newest_ns = buffer.pieces[first].oldest_ns, buffer.pieces[first].newest_ns
        for i in range(first, last):
            parcel.ends[i - first] = buffer.pieces[i].end - start
            parcel.records += buffer.pieces[i].records
            parcel.oldest_ns = min(parcel.oldest_ns, buffer.pieces[i].oldest_ns)
            parcel.newest_ns = max(parcel.newest_ns, buffer.pieces[i].newest_ns)
        if topic.mode == BLOCK:
            compose(number, topic, &topic.batches[instrument], of, self.subscriptions, first, parcel.payload)
            parcel.ends[0] = <uint32_t> bytes
        else:
            parcel.listed = topic.mode == RECORD
            memcpy(parcel.payload, buffer.at + start, bytes)
        topic.bytes += bytes
        self.outlet.accept(parcel)
        return 0

    cdef int hand_objects(self, int number, uint32_t instrument, uint32_t first, uint32_t last) except -1:
        """The same as objects, for a sink in Python."""
        cdef Topic* topic = &self.topics[number]
        cdef Instrument* of = &self.instruments[instrument]
        cdef Buffer* buffer = &topic.batches[instrument].buffer
        cdef Piece* piece = &buffer.pieces[first]
        cdef uint32_t i, start = buffer.pieces[first - 1].end if first else 0
        cdef int64_t records = 0, oldest = piece.oldest_ns, newest = piece.newest_ns
        cdef list payloads = []
        cdef size_t bytes = 0
        for i in range(first, last):
            piece = &buffer.pieces[i]
            if topic.mode == BLOCK:
                bytes = block_bytes(number, topic, &topic.batches[instrument], of, self.subscriptions, i)
                payload = PyBytes_FromStringAndSize(NULL, bytes)
                compose(number, topic, &topic.batches[instrument], of, self.subscriptions, i,
                        <uint8_t*> PyBytes_AS_STRING(payload))
            else:
                bytes += piece.end - start
                payload = PyBytes_FromStringAndSize(<char*> buffer.at + start, piece.end - start)
            payloads.append(payload)
            records += piece.records
            oldest, newest = min(oldest, piece.oldest_ns), max(newest, piece.newest_ns)
            start = piece.end
        topic.bytes += bytes
        key, slot = self.routes[instrument]
        self.sink.write(TOPICS[number], key, slot, payloads if topic.mode == RECORD else payloads[0], records, oldest,
                        newest)
        return 0

    def succeed(self, Writer old not None):
        """Go on where `old` ended, all of whose batches have left: its counts, and the numbers of fair prices."""
        cdef int number
        cdef uint32_t i
        for number in range(TOPICS_COUNT):
            if old.topics[number].head != NO_BATCH:
                raise InternalError("a writer was succeeded before its batches had left")
            topic_succeed(&self.topics[number], &old.topics[number])
        self.serials, self.flushed_ns, self.heard_ns = old.serials, old.flushed_ns, old.heard_ns
        self.fair_sequences = old.fair_sequences
        for i in range(old.instruments_count):
            self.fair_sequences[old.routes[i][0]] = old.instruments[i].fair_sequence
        for i in range(self.instruments_count):
            self.instruments[i].fair_sequence = self.fair_sequences.get(self.routes[i][0], 0)

    def flush_now(self, int64_t now_ns, bint everything=True):
        """Hand batches to the sink: all, or those that are full or have lingered at `now_ns`."""
        self.flush(now_ns, everything)

    def defined(self):
        """How many instruments and subscriptions are defined: the next index of each."""
        return self.instruments_count, self.subscriptions_count

    def next_due_ns(self):
        """When the oldest open batch's linger ends, UTC epoch ns; INT64_MAX when none is open."""
        return self.next_due

    def stats(self):
        """TopicCounts by topic, of the topics that are written."""
        cdef int number
        cdef Topic* topic
        counts = {}
        for number, name in enumerate(TOPICS):
            topic = &self.topics[number]
            if topic.mode != OFF:
                counts[name] = TopicCounts(records=topic.records, batches=topic.handed, bytes=topic.bytes,
                                           unwritable=topic.unwritable, no_room=topic.no_room, rounded=topic.rounded)
        return counts
