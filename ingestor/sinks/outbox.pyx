"""What a sink holds: batches that wait and batches that are under way, in the order they came.

The bound is soft: what is given is kept, and `full` says when to stop giving; it stays so until half of
it has left, so that the doors do not flutter. Quiet markets make many small batches, some ten thousand a
second: hence parcels (wire/outlet.pxd) and no Python object for one that goes to Kafka. Sinks in Python
put() and take() the same as Batch objects. Nothing here knows a broker or a clock.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ingestor.sinks.histogram cimport Histogram
from ingestor.wire.outlet cimport Outlet, Parcel, parcel_new

from ingestor.sinks.sink import TopicStats
from ingestor.wire.topics import TOPICS

cdef enum:
    # What holding a batch costs beside its bytes: the parcel, the allocator's and the client's own headers.
    # A quiet market's blocks are smaller than that, and the bound is one of memory.
    BATCH_COST = 400
    MESSAGE_COST = 50       # of each message in a list

BATCH_BYTES, MESSAGE_BYTES = BATCH_COST, MESSAGE_COST


@cython.final
@cython.no_gc       # text, bytes and lists of bytes make no cycles; the collector need not walk a long queue
@cython.freelist(256)
cdef class Batch:
    """The arguments of one write(), with what is counted of them."""
    cdef readonly uint64_t number       # in the order they came
    cdef readonly str topic
    cdef readonly bytes key
    cdef readonly int slot
    cdef readonly object payload        # bytes, or a list of them
    cdef readonly int64_t records
    cdef readonly int64_t oldest_recv_ns
    cdef readonly int64_t newest_recv_ns
    cdef readonly int64_t messages
    cdef readonly int64_t size          # bytes of memory


@cython.final
cdef class Outbox(Outlet):
    """Batches until they are acknowledged, and the counters of a sink.

    `bytes_max` and `messages_max` say when it is full; `window_bytes` and `window_messages` how much may be
    under way at once (default: all).
    """

    def __cinit__(self, int64_t bytes_max, int64_t messages_max, int64_t window_bytes=INT64_MAX,
                  int64_t window_messages=INT64_MAX):
        self.bytes_max, self.messages_max = bytes_max, messages_max
        self.window_bytes, self.window_messages = window_bytes, window_messages
        self.names = list(TOPICS)
        self.failures, self.taken = {}, {}
        self.receive_to_ack = Histogram()
        self.receive_to_ack_newest = Histogram()

    def __dealloc__(self):
        free_all(&self.waiting)
        free_all(&self.under_way)

    # What comes.

    def put(self, str topic, bytes key not None, int slot, payload, int64_t records, int64_t oldest_recv_ns,
            int64_t newest_recv_ns):
        """Keep what write() was given: bytes, or a list of messages of one record each.

        Raises TypeError for anything else, ValueError for a list of nothing: no report would ever speak for it.
        """
        cdef list messages = <list> payload if type(payload) is list else [payload]
        cdef size_t size = 0
        cdef uint32_t i, end = 0
        cdef Parcel* parcel
        if not messages:
            raise ValueError(f"a batch without a message to topic {topic}")
        for message in messages:
            size += len(<bytes?> message)
        parcel = parcel_new(self.topic_number(topic), slot, PyBytes_AS_STRING(key), <uint32_t> len(key), size,
                            <uint32_t> len(messages))
        if parcel == NULL:
            raise MemoryError(f"no memory for {size} bytes to topic {topic}")
        for i in range(parcel.messages):
            message = messages[i]
            memcpy(parcel.payload + end, PyBytes_AS_STRING(message), len(<bytes> message))
            end += <uint32_t> len(<bytes> message)
            parcel.ends[i] = end
        parcel.listed = type(payload) is list
        parcel.records = records
        parcel.oldest_ns = oldest_recv_ns
        parcel.newest_ns = newest_recv_ns
        self.accept(parcel)

    cdef void accept(self, Parcel* parcel) noexcept nogil:
        cdef Counts* counts = &self.counts[parcel.topic]
        self.numbers += 1
        parcel.number = self.numbers
        parcel.size = BATCH_COST
        if parcel.messages:
            parcel.size += parcel.ends[parcel.messages - 1]
        if parcel.listed:
            parcel.size += MESSAGE_COST * parcel.messages
        link_last(&self.waiting, parcel)
        self.bytes += parcel.size
        self.messages += parcel.messages
        self.records += parcel.records
        counts.used = True
        counts.produced += parcel.records
        if self.bytes >= self.bytes_max or self.messages >= self.messages_max:
            self.was_full = True

    @property
    def full(self):
        """At a bound, and not yet half empty again."""
        if self.was_full and 2 * self.bytes <= self.bytes_max and 2 * self.messages <= self.messages_max:
            self.was_full = False
        return self.was_full

    # What goes.

    cdef Parcel* next_parcel(self) noexcept nogil:
        cdef Parcel* parcel = self.waiting.first
        if parcel == NULL or (self.under_way.first != NULL and (
                self.under_way_bytes > self.window_bytes - parcel.size
                or self.under_way_messages > self.window_messages - parcel.messages)):
            return NULL
        unlink(&self.waiting, parcel)
        link_last(&self.under_way, parcel)
        if parcel.again:
            self.counts[parcel.topic].retries += parcel.messages
        parcel.again = True
        self.under_way_bytes += parcel.size
        self.under_way_messages += parcel.messages
        return parcel

    cdef void acknowledge_parcel(self, Parcel* parcel, int64_t now_ns) noexcept nogil:
        unlink(&self.under_way, parcel)
        self.under_way_bytes -= parcel.size
        self.under_way_messages -= parcel.messages
        self.counts[parcel.topic].delivered += parcel.records
        self.delivered += parcel.records
        self.receive_to_ack.add(now_ns - parcel.oldest_ns, parcel.records)
        self.receive_to_ack_newest.add(now_ns - parcel.newest_ns, parcel.records)
        self.leave(parcel)

    def take(self, int64_t bytes_max=INT64_MAX, int64_t messages_max=INT64_MAX):
        """The oldest batches that wait, now under way: as many as the window has room for, and about so many.

        A batch larger than the window goes alone.
        """
        cdef list batches = []
        cdef Batch batch
        cdef Parcel* parcel
        cdef int64_t size = 0, messages = 0
        while size < bytes_max and messages < messages_max:
            parcel = self.next_parcel()
            if parcel == NULL:
                break
            batch = self.opened(parcel)
            self.taken[batch.number] = <uintptr_t> parcel
            size += batch.size
            messages += batch.messages
            batches.append(batch)
        return batches

    cdef object opened(self, const Parcel* parcel):
        """A parcel's content as Python objects."""
        cdef Batch batch = Batch.__new__(Batch)
        cdef list payloads = []
        cdef uint32_t i, start = 0
        for i in range(parcel.messages):
            payloads.append(PyBytes_FromStringAndSize(<const char*> parcel.payload + start, parcel.ends[i] - start))
            start = parcel.ends[i]
        batch.number = parcel.number
        batch.topic = self.topic_name(parcel.topic)
        batch.key = PyBytes_FromStringAndSize(<const char*> parcel.key, parcel.key_bytes)
        batch.slot = parcel.slot
        batch.payload = payloads if parcel.listed else payloads[0]
        batch.records = parcel.records
        batch.oldest_recv_ns = parcel.oldest_ns
        batch.newest_recv_ns = parcel.newest_ns
        batch.messages = parcel.messages
        batch.size = parcel.size
        return batch

    def acknowledge(self, list batches not None, int64_t now_ns):
        """These arrived; a second acknowledgement of one changes nothing."""
        cdef Batch batch
        for batch in batches:
            address = self.taken.pop(batch.number, None)
            if address is not None:
                self.acknowledge_parcel(<Parcel*> <uintptr_t> address, now_ns)

    def take_back(self):
        """All that is under way waits again, before what waits, in order; how many batches."""
        cdef Parcel* parcel = self.under_way.first
        cdef int64_t count = 0
        while parcel != NULL:
            count += 1
            parcel = parcel.after
        if count:
            self.under_way.last.after = self.waiting.first
            if self.waiting.first != NULL:
                self.waiting.first.before = self.under_way.last
            else:
                self.waiting.last = self.under_way.last
            self.waiting.first = self.under_way.first
        self.under_way.first = self.under_way.last = NULL
        self.under_way_bytes = self.under_way_messages = 0
        self.taken.clear()
        return count

    def give_up(self):
        """Count all that is left as failed; how many records."""
        cdef Parcel* parcel
        left = self.records
        self.take_back()
        while self.waiting.first != NULL:
            parcel = self.waiting.first
            unlink(&self.waiting, parcel)
            self.counts[parcel.topic].failed += parcel.records
            self.leave(parcel)
        return left

    cdef void leave(self, Parcel* parcel) noexcept nogil:
        self.bytes -= parcel.size
        self.messages -= parcel.messages
        self.records -= parcel.records
        free(parcel)

    # What is counted.

    cdef str topic_name(self, int topic):
        return self.names[topic]

    cdef int topic_number(self, str name) except -1:
        if name not in self.names:
            if len(self.names) == TOPICS_MAX:
                raise ValueError(f"topic {name}: a sink holds {TOPICS_MAX} topics at most")
            self.names.append(name)
        return self.names.index(name)

    def note_failure(self, str topic not None, str code not None, int64_t messages):
        """So many messages of a topic could not be delivered at once, for this reason."""
        self.counts[self.topic_number(topic)].used = True
        failures = self.failures.setdefault(topic, {})
        failures[code] = failures.get(code, 0) + messages

    def topics(self):
        """TopicStats by topic, as they are now."""
        cdef Counts* counts
        cdef int number
        found = {}
        for number, name in enumerate(list(self.names)):
            counts = &self.counts[number]
            if counts.used:
                found[name] = TopicStats(counts.produced, counts.delivered, counts.failed, counts.retries,
                                         dict(self.failures.get(name, ())))
        return found


cdef inline void link_last(Chain* chain, Parcel* parcel) noexcept nogil:
    parcel.before = chain.last
    parcel.after = NULL
    if chain.last == NULL:
        chain.first = parcel
    else:
        chain.last.after = parcel
    chain.last = parcel


cdef inline void unlink(Chain* chain, Parcel* parcel) noexcept nogil:
    if parcel.before == NULL:
        chain.first = parcel.after
    else:
        parcel.before.after = parcel.after
    if parcel.after == NULL:
        chain.last = parcel.before
    else:
        parcel.after.before = parcel.before


cdef void free_all(Chain* chain) noexcept nogil:
    cdef Parcel* parcel = chain.first
    cdef Parcel* after
    while parcel != NULL:
        after = parcel.after
        free(parcel)
        parcel = after
    chain.first = chain.last = NULL
