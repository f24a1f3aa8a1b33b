"""What a sink holds: batches that wait and batches that are under way, in the order they came.

The bound is soft: what is given is kept, and `full` says when to stop giving; it stays so until half of
it has left, so that the doors do not flutter. Quiet markets make many small batches, some ten thousand a
second, hence Cython. Nothing here knows a broker or a clock.
"""
cimport cython
from libc.stdint cimport INT64_MAX, int64_t

from ingestor.sinks.histogram cimport Histogram

from collections import deque

from ingestor.sinks.sink import TopicStats

cdef enum:
    # What holding a batch costs beside its bytes: objects, their headers, places in a deque and a mapping.
    # A quiet market's blocks are smaller than that, and the bound is one of memory.
    BATCH_COST = 400
    MESSAGE_COST = 50       # of each message in a list

BATCH_BYTES, MESSAGE_BYTES = BATCH_COST, MESSAGE_COST


@cython.final
@cython.no_gc       # text, bytes and lists of bytes make no cycles; the collector need not walk a long queue
@cython.freelist(256)
cdef class Batch:
    """The arguments of one write(), with what is counted of them."""
    cdef readonly int64_t number        # in the order they came
    cdef readonly str topic
    cdef readonly bytes key
    cdef readonly int slot
    cdef readonly object payload        # bytes, or a list of them
    cdef readonly int64_t records
    cdef readonly int64_t oldest_recv_ns
    cdef readonly int64_t newest_recv_ns
    cdef readonly int64_t messages
    cdef readonly int64_t size          # bytes of memory
    cdef bint again                     # was under way before


@cython.final
cdef class Counts:
    """The counters of one topic; see TopicStats."""
    cdef int64_t produced
    cdef int64_t delivered
    cdef int64_t failed
    cdef int64_t retries
    cdef dict failures


@cython.final
cdef class Outbox:
    """Batches until they are acknowledged, and the counters of a sink.

    `bytes_max` and `messages_max` say when it is full; `window_bytes` and `window_messages` how much may be
    under way at once (default: all).
    """
    cdef int64_t bytes_max
    cdef int64_t messages_max
    cdef int64_t window_bytes
    cdef int64_t window_messages
    cdef object waiting                 # deque of Batch
    cdef dict under_way                 # number -> Batch, ascending
    cdef int64_t under_way_bytes
    cdef int64_t under_way_messages
    cdef int64_t numbers
    cdef bint was_full
    cdef readonly int64_t bytes
    cdef readonly int64_t messages
    cdef readonly int64_t records
    cdef dict counts                    # topic -> Counts
    cdef readonly Histogram receive_to_ack
    cdef readonly Histogram receive_to_ack_newest

    def __cinit__(self, int64_t bytes_max, int64_t messages_max, int64_t window_bytes=INT64_MAX,
                  int64_t window_messages=INT64_MAX):
        self.bytes_max, self.messages_max = bytes_max, messages_max
        self.window_bytes, self.window_messages = window_bytes, window_messages
        self.waiting = deque()
        self.under_way = {}
        self.counts = {}
        self.receive_to_ack = Histogram()
        self.receive_to_ack_newest = Histogram()

    def put(self, str topic, bytes key, int slot, payload, int64_t records, int64_t oldest_recv_ns,
            int64_t newest_recv_ns):
        """Keep what write() was given."""
        cdef Batch batch = Batch.__new__(Batch)
        cdef Counts counts = self.topic(topic)
        self.numbers += 1
        batch.number = self.numbers
        batch.topic = topic
        batch.key = key
        batch.slot = slot
        batch.payload = payload
        batch.records = records
        batch.oldest_recv_ns = oldest_recv_ns
        batch.newest_recv_ns = newest_recv_ns
        if type(payload) is list:
            batch.messages = len(<list> payload)
            batch.size = BATCH_COST + MESSAGE_COST * batch.messages
            for message in <list> payload:
                batch.size += len(<bytes?> message)
        else:
            batch.messages = 1
            batch.size = BATCH_COST + len(<bytes?> payload)
        self.waiting.append(batch)
        self.bytes += batch.size
        self.messages += batch.messages
        self.records += records
        counts.produced += records
        if self.bytes >= self.bytes_max or self.messages >= self.messages_max:
            self.was_full = True

    cdef Counts topic(self, str name):
        cdef Counts counts = self.counts.get(name)
        if counts is None:
            counts = Counts.__new__(Counts)
            counts.failures = {}
            self.counts[name] = counts
        return counts

    def note_failure(self, str topic not None, str code not None, int64_t messages):
        """So many messages of a topic could not be delivered at once, for this reason."""
        cdef Counts counts = self.topic(topic)
        counts.failures[code] = counts.failures.get(code, 0) + messages

    def topics(self):
        """TopicStats by topic, as they are now."""
        cdef Counts counts
        return {name: TopicStats(counts.produced, counts.delivered, counts.failed, counts.retries, dict(counts.failures))
                for name, counts in list(self.counts.items())}

    @property
    def full(self):
        """At a bound, and not yet half empty again."""
        if self.was_full and 2 * self.bytes <= self.bytes_max and 2 * self.messages <= self.messages_max:
            self.was_full = False
        return self.was_full

    def take(self, int64_t bytes_max=INT64_MAX, int64_t messages_max=INT64_MAX):
        """The oldest batches that wait, now under way: as many as the window has room for, and about so many.

        A batch larger than the window goes alone.
        """
        cdef list taken = []
        cdef Batch batch
        cdef Counts counts
        cdef int64_t size = 0, messages = 0
        while self.waiting and size < bytes_max and messages < messages_max:
            batch = self.waiting[0]
            if self.under_way and (self.under_way_bytes > self.window_bytes - batch.size
                                   or self.under_way_messages > self.window_messages - batch.messages):
                break
            self.waiting.popleft()
            if batch.again:
                counts = self.topic(batch.topic)
                counts.retries += batch.messages
            batch.again = True
            self.under_way[batch.number] = batch
            self.under_way_bytes += batch.size
            self.under_way_messages += batch.messages
            size += batch.size
            messages += batch.messages
            taken.append(batch)
        return taken

    def acknowledge(self, list batches not None, int64_t now_ns):
        """These arrived; a second acknowledgement of one changes nothing."""
        cdef Batch batch
        cdef Counts counts
        for batch in batches:
            if self.under_way.pop(batch.number, None) is None:
                continue
            self.under_way_bytes -= batch.size
            self.under_way_messages -= batch.messages
            self.leave(batch)
            counts = self.topic(batch.topic)
            counts.delivered += batch.records
            self.receive_to_ack.add(now_ns - batch.oldest_recv_ns, batch.records)
            self.receive_to_ack_newest.add(now_ns - batch.newest_recv_ns, batch.records)

    def take_back(self):
        """All that is under way waits again, before what waits, in order; how many batches."""
        count = len(self.under_way)
        self.waiting.extendleft(reversed(self.under_way.values()))
        self.under_way.clear()
        self.under_way_bytes = self.under_way_messages = 0
        return count

    def give_up(self):
        """Count all that is left as failed; how many records."""
        cdef Batch batch
        cdef Counts counts
        left = self.records
        self.take_back()
        while self.waiting:
            batch = self.waiting.popleft()
            self.leave(batch)
            counts = self.topic(batch.topic)
            counts.failed += batch.records
        return left

    cdef void leave(self, Batch batch):
        self.bytes -= batch.size
        self.messages -= batch.messages
        self.records -= batch.records
