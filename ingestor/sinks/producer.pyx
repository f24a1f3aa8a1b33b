"""A Kafka producer over librdkafka's C interface: parcels in, acknowledgements out, no Python object for either.

It produces what an Outbox has waiting and acknowledges there what arrived. What a person must hear of
(failures, outages, statistics, the client's log) comes back from serve() as Happenings. Nothing here
decides what a failure means: kafka.py does.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, qsort, realloc

from ingestor.sinks.outbox cimport TOPICS_MAX, Outbox
from ingestor.wire.outlet cimport Parcel

from collections import namedtuple

from confluent_kafka import cimpl

cdef extern from "rdkafka.h" nogil:
    ctypedef struct rd_kafka_t
    ctypedef struct rd_kafka_conf_t
    ctypedef struct rd_kafka_topic_t
    ctypedef struct rd_kafka_topic_conf_t
    ctypedef struct rd_kafka_queue_t
    ctypedef struct rd_kafka_event_t
    ctypedef struct rd_kafka_message_t:
        int err
        void* payload
        size_t len
        void* key
        size_t key_len
        void* _private
    int RD_KAFKA_PRODUCER, RD_KAFKA_CONF_OK, RD_KAFKA_MSG_F_COPY, RD_KAFKA_PURGE_F_QUEUE, RD_KAFKA_PURGE_F_INFLIGHT
    int RD_KAFKA_EVENT_DR, RD_KAFKA_EVENT_LOG, RD_KAFKA_EVENT_ERROR, RD_KAFKA_EVENT_STATS
    int RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__FATAL
    rd_kafka_conf_t* rd_kafka_conf_new()
    void rd_kafka_conf_destroy(rd_kafka_conf_t*)
    int rd_kafka_conf_set(rd_kafka_conf_t*, const char*, const char*, char*, size_t)
    void rd_kafka_conf_set_events(rd_kafka_conf_t*, int)
    rd_kafka_t* rd_kafka_new(int, rd_kafka_conf_t*, char*, size_t)
    void rd_kafka_destroy(rd_kafka_t*)
    int rd_kafka_outq_len(rd_kafka_t*)
    int rd_kafka_purge(rd_kafka_t*, int)
    int rd_kafka_fatal_error(rd_kafka_t*, char*, size_t)
    int rd_kafka_set_log_queue(rd_kafka_t*, rd_kafka_queue_t*)
    rd_kafka_topic_t* rd_kafka_topic_new(rd_kafka_t*, const char*, rd_kafka_topic_conf_t*)
    void rd_kafka_topic_destroy(rd_kafka_topic_t*)
    int rd_kafka_produce_batch(rd_kafka_topic_t*, int32_t, int, rd_kafka_message_t*, int)
    int rd_kafka_last_error()
    const char* rd_kafka_err2str(int)
    const char* rd_kafka_err2name(int)
    rd_kafka_queue_t* rd_kafka_queue_get_main(rd_kafka_t*)
    void rd_kafka_queue_destroy(rd_kafka_queue_t*)
    rd_kafka_event_t* rd_kafka_queue_poll(rd_kafka_queue_t*, int)
    void rd_kafka_event_destroy(rd_kafka_event_t*)
    int rd_kafka_event_type(const rd_kafka_event_t*)
    const rd_kafka_message_t* rd_kafka_event_message_next(rd_kafka_event_t*)
    int rd_kafka_event_error(rd_kafka_event_t*)
    const char* rd_kafka_event_error_string(rd_kafka_event_t*)
    int rd_kafka_event_error_is_fatal(rd_kafka_event_t*)
    int rd_kafka_event_log(rd_kafka_event_t*, const char**, const char**, int*)
    const char* rd_kafka_event_stats(rd_kafka_event_t*)
    const char* rdkafka_find(const char*)

cdef enum:
    ERROR_BYTES_MAX = 512       # librdkafka's own examples

#: `kind` is error (the client's), fatal (it can't go on), refused (messages of `topic`), stats or log; `code` is
#: librdkafka's name of an error, or a log line's facility; `messages` is how many are concerned.
Happening = namedtuple("Happening", "kind code text topic messages", defaults=("", 0))


class ProducerRefused(Exception):
    """librdkafka does not take these properties; it says why."""


cdef struct Place:
    int topic
    int32_t partition
    Parcel* parcel


@cython.final
cdef class Producer:
    """`conf` are librdkafka's properties, `names` the full names of topics by the name that batches carry.

    Raises:
        ProducerRefused: a property is unknown, or its value is.
    """
    cdef rd_kafka_t* client
    cdef rd_kafka_queue_t* queue
    cdef (rd_kafka_topic_t*)[16] topics
    cdef int32_t[16] partitions
    cdef Outbox outbox
    cdef list happenings
    cdef Place* places
    cdef size_t places_room
    cdef rd_kafka_message_t* messages
    cdef size_t messages_room

    def __cinit__(self, dict conf not None, Outbox outbox not None, names):
        cdef char[512] why
        cdef rd_kafka_conf_t* properties
        cdef bytes full_name
        self.outbox = outbox
        self.happenings = []
        properties = rd_kafka_conf_new()
        for name, value in {**conf, "log.queue": True}.items():
            text = str(value).lower() if type(value) is bool else str(value)
            if rd_kafka_conf_set(properties, name.encode(), text.encode(), why, ERROR_BYTES_MAX) != RD_KAFKA_CONF_OK:
                rd_kafka_conf_destroy(properties)
                raise ProducerRefused((<bytes> <char*> why).decode())
        rd_kafka_conf_set_events(
            properties, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS)
        self.client = rd_kafka_new(RD_KAFKA_PRODUCER, properties, why, ERROR_BYTES_MAX)
        if self.client == NULL:
            rd_kafka_conf_destroy(properties)
            raise ProducerRefused((<bytes> <char*> why).decode())
        rd_kafka_set_log_queue(self.client, NULL)
        self.queue = rd_kafka_queue_get_main(self.client)
        for name, full in names.items():
            full_name = full.encode()
            self.topics[outbox.topic_number(name)] = rd_kafka_topic_new(self.client, full_name, NULL)

    def __dealloc__(self):
        self._destroy()
        free(self.places)
        free(self.messages)

    cdef void _destroy(self):
        cdef int number
        cdef rd_kafka_t* client = self.client
        if client == NULL:
            return
        self.client = NULL
        for number in range(TOPICS_MAX):
            if self.topics[number] != NULL:
                rd_kafka_topic_destroy(self.topics[number])
        rd_kafka_queue_destroy(self.queue)
        with nogil:
            rd_kafka_destroy(client)

    def __len__(self):
        """Messages that are under way, and reports that serve() has not taken."""
        return rd_kafka_outq_len(self.client)

    def set_partitions(self, partitions):
        """How many each topic has, by the name that batches carry: before the first produce()."""
        for name, count in partitions.items():
            self.partitions[self.outbox.topic_number(name)] = count

    def produce(self, int64_t bytes_max, int64_t messages_max):
        """Hand about so much of what waits to librdkafka, in order within each partition.

        Returns a Happening when it refuses something, else None. All that was taken is under way then. Raises
        KeyError for a batch of a topic that this producer was not given.
        """
        cdef size_t count = 0, first = 0, last
        cdef int64_t size = 0, messages = 0
        cdef Parcel* parcel
        while size < bytes_max and messages < messages_max:
            if count == self.places_room:
                self._grow_places()
            parcel = self.outbox.next_parcel()
            if parcel == NULL:
                break
            if self.topics[parcel.topic] == NULL or self.partitions[parcel.topic] <= 0:
                raise KeyError(f"a batch of topic {self.outbox.topic_name(parcel.topic)}, which is none of this producer's")
            self.places[count] = Place(topic=parcel.topic, partition=parcel.slot % self.partitions[parcel.topic],
                                       parcel=parcel)
            count += 1
            size += parcel.size
            messages += parcel.messages
        if count > 1:
            qsort(self.places, count, sizeof(Place), by_place)
        while first < count:
            last = first + 1
            while (last < count and self.places[last].topic == self.places[first].topic
                   and self.places[last].partition == self.places[first].partition):
                last += 1
            refused = self._produce_places(first, last)
            if refused is not None:
                return refused
            first = last
        return None

    cdef object _produce_places(self, size_t first, size_t last):
        """One partition's parcels in one call. The report of a parcel's last message speaks for all of it."""
        cdef size_t place, count = 0
        cdef uint32_t i, start
        cdef Parcel* parcel = self.places[first].parcel
        cdef rd_kafka_message_t* message
        cdef int taken
        for place in range(first, last):
            count += self.places[place].parcel.messages
        if count > self.messages_room:
            self._grow_messages(count)
        count = 0
        for place in range(first, last):
            parcel = self.places[place].parcel
            start = 0
            for i in range(parcel.messages):
                message = &self.messages[count]
                message.err = 0
                message.payload = parcel.payload + start
                message.len = parcel.ends[i] - start
                message.key = <void*> parcel.key
                message.key_len = parcel.key_bytes
                message._private = parcel if i == parcel.messages - 1 else NULL
                start = parcel.ends[i]
                count += 1
        taken = rd_kafka_produce_batch(self.topics[parcel.topic], self.places[first].partition, RD_KAFKA_MSG_F_COPY,
                                       self.messages, <int> count)
        if <size_t> taken == count:
            return None
        for place in range(count):
            if self.messages[place].err:
                return self._refused(self.messages[place].err, parcel.topic, <int64_t> count - taken)
        return self._refused(rd_kafka_last_error(), parcel.topic, <int64_t> count - taken)

    cdef object _refused(self, int code, int topic, int64_t messages):
        cdef char[512] why
        if code == RD_KAFKA_RESP_ERR__FATAL:
            code = rd_kafka_fatal_error(self.client, why, ERROR_BYTES_MAX)
        return Happening("refused", rd_kafka_err2name(code).decode(), rd_kafka_err2str(code).decode(),
                         self.outbox.topic_name(topic), messages)

    def serve(self, int64_t now_ns, int timeout_ms=0):
        """Take what the client reports; Happenings, or None when there were none.

        `now_ns` is the time of what was acknowledged; with a time-out it may be older by so much.
        """
        cdef rd_kafka_event_t* event
        with nogil:
            event = rd_kafka_queue_poll(self.queue, timeout_ms)
        while event != NULL:
            self._take(event, now_ns)
            rd_kafka_event_destroy(event)
            event = rd_kafka_queue_poll(self.queue, 0)
        if not self.happenings:
            return None
        happenings, self.happenings = self.happenings, []
        return happenings

    cdef void _take(self, rd_kafka_event_t* event, int64_t now_ns):
        cdef int kind = rd_kafka_event_type(event)
        cdef const rd_kafka_message_t* message
        cdef Parcel* parcel
        cdef const char* facility = NULL
        cdef const char* text = NULL
        cdef int level
        if kind == RD_KAFKA_EVENT_DR:
            message = rd_kafka_event_message_next(event)
            while message != NULL:
                parcel = <Parcel*> message._private
                if parcel != NULL:
                    if message.err == 0:
                        self.outbox.acknowledge_parcel(parcel, now_ns)
                    elif message.err not in (RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT):
                        self.happenings.append(self._refused(message.err, parcel.topic, parcel.messages))
                message = rd_kafka_event_message_next(event)
        elif kind == RD_KAFKA_EVENT_ERROR:
            self.happenings.append(Happening(
                "fatal" if rd_kafka_event_error_is_fatal(event) else "error",
                rd_kafka_err2name(rd_kafka_event_error(event)).decode(),
                rd_kafka_event_error_string(event).decode("utf-8", "replace")))
        elif kind == RD_KAFKA_EVENT_STATS:
            self.happenings.append(Happening("stats", "", rd_kafka_event_stats(event).decode("utf-8", "replace")))
        elif kind == RD_KAFKA_EVENT_LOG and rd_kafka_event_log(event, &facility, &text, &level) == 0:
            self.happenings.append(Happening("log", facility.decode("utf-8", "replace"),
                                             text.decode("utf-8", "replace")))

    def purge(self):
        """Drop what is under way: it is not acknowledged, though it may arrive."""
        rd_kafka_purge(self.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)

    def close(self):
        """End the client; waits for its threads, without the interpreter's lock. Nothing else may be called after it."""
        self._destroy()

    cdef int _grow_places(self) except -1:
        cdef size_t room = max(64, 2 * self.places_room)
        cdef void* more = realloc(self.places, room * sizeof(Place))
        if more == NULL:
            raise MemoryError("no memory for the batches of one step")
        self.places, self.places_room = <Place*> more, room
        return 0

    cdef int _grow_messages(self, size_t wanted) except -1:
        cdef void* more = realloc(self.messages, 2 * wanted * sizeof(rd_kafka_message_t))
        if more == NULL:
            raise MemoryError("no memory for the messages of one step")
        self.messages, self.messages_room = <rd_kafka_message_t*> more, 2 * wanted
        return 0


cdef int by_place(const void* one, const void* other) noexcept nogil:
    """By topic and partition; within one in the order they came."""
    cdef const Place* a = <const Place*> one
    cdef const Place* b = <const Place*> other
    if a.topic != b.topic:
        return -1 if a.topic < b.topic else 1
    if a.partition != b.partition:
        return -1 if a.partition < b.partition else 1
    return -1 if a.parcel.number < b.parcel.number else 1


cdef int find() except -1:
    """Bind librdkafka's functions, once."""
    path = cimpl.__file__.encode()
    cdef const char* missing = rdkafka_find(path)
    if missing != NULL:
        raise ImportError(
            f"confluent_kafka's client library lacks {missing.decode()}: install confluent-kafka 2.16 or a later 2.x")
    return 0


find()
