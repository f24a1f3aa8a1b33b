"""The corridor's face towards the doors: one Connection a socket, one Pipeline a shard."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.pricing.books cimport Books
from ingestor.providers.provider cimport DecodeFunction, Provider
from ingestor.records cimport Text, Tick, TickBatch
from ingestor.tap cimport Tap
from ingestor.unify.histogram cimport Histogram
from ingestor.unify.line_table cimport LineTable
from ingestor.unify.path cimport Path, SubscriptionState
from ingestor.unify.quarantine cimport Quarantine, Unknowns
from ingestor.unify.tables cimport Tables
from ingestor.wire.writer cimport Writer


cdef class Connection:
    """One socket's way into the pipeline: its decoder state, its symbol scope, its counters."""
    cdef readonly Pipeline pipeline
    cdef readonly Provider provider
    cdef readonly str section
    cdef readonly str name
    cdef bytes section_bytes
    cdef Text section_text          # of the markets of its frames; the bytes are section_bytes
    cdef DecodeFunction decode
    cdef void* state                # the dialect's, owned
    cdef uint32_t provider_number
    cdef uint32_t serial            # no two connections share it
    cdef readonly uint32_t label    # connections of one name share it
    cdef uint64_t scope             # what the hash of its symbols starts with
    cdef uint64_t frames
    cdef uint64_t bytes
    cdef uint64_t unknown           # records of symbols that are in no instruments file
    cdef int64_t frame_last         # where the provider numbers a connection's frames, the last; else ABSENT
    cdef uint64_t missing           # frames that those numbers left out
    cdef uint64_t statuses[16]
    cdef int line                   # a Line of unify/lines.pxd
    cdef Connection twin            # the other line's open connection, None: none
    cdef int64_t since_ns, last_ns  # of its frames
    cdef int64_t before_ns          # of the last frame before its connection, or its numbers, broke off
    cdef Tap tap                    # None: nobody listens
    cdef uint32_t tapped            # its number there

    # Decode, unify, price and encode one frame. `at` is borrowed until return. Returns a DecodeStatus.
    cdef int feed(self, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil
    # The socket buffer is drained: evaluate dirty instruments, hand full or lingering batches to the sink.
    cdef int drained(self, int64_t now_ns) except -1

    # The source path of a record, PATH_NONE when its symbol is in no instruments file.
    cdef uint32_t path_of(self, const Tick* tick) noexcept nogil
    cdef void take(self, Tick* tick) noexcept nogil
    cdef void follow(self, int64_t frame_sequence) noexcept nogil
    # Whether the other line was there while this one broke off, so that nothing was missed.
    cdef bint covered(self) noexcept nogil


cdef class Pipeline:
    """Rooms 2 to 5 of one shard, and the batch boundary."""
    cdef readonly Tables tables
    cdef readonly Writer writer     # None: nothing is written
    cdef bint writing
    cdef object failure             # what a flush outside the boundary raised; None: nothing
    cdef list connections           # open ones
    cdef list closed                # counters of closed connections, by label
    cdef readonly dict labels       # (provider, section, name) -> label
    cdef LineTable lines            # by label
    cdef uint32_t opened            # connections ever: the serial of the last one
    cdef public Tap tap             # of connections opened from now on

    cdef TickBatch batch
    cdef readonly Books books
    cdef uint32_t ticks_since       # priced since the last evaluation
    cdef uint32_t* flagged          # room for the subscriptions of one instrument
    cdef int64_t fair_every_ns
    cdef int64_t swept_ns
    cdef int64_t emitted_ns         # when due prices last left
    cdef public bint turns          # tick() is called at the end of each turn of the loop: see Connection.drained

    cdef Quarantine refused
    cdef Unknowns unknowns

    cdef Histogram processing       # receive to the end of the batch boundary
    cdef int64_t burst_ns           # receive time of the first frame since the boundary; 0: none
    cdef uint64_t evaluations
    cdef uint64_t snapshots
    cdef uint64_t unwritten         # records that the writer could not take

    cdef void price(self, Path* path, SubscriptionState* subscription, Tick* tick, int told) noexcept nogil
    cdef void alive(self, Path* path, const Tick* tick) noexcept nogil
    cdef void write(self, uint32_t subscription, const Tick* tick) noexcept nogil
    cdef void flush_now(self, int64_t now_ns) noexcept
    cdef void evaluate(self, int64_t now_ns) noexcept nogil
    cdef void settle(self, uint32_t book, int64_t now_ns) noexcept nogil
    cdef void emit(self, uint32_t book, int64_t now_ns) noexcept nogil
    cdef int boundary(self, int64_t now_ns) except -1
    cpdef object tick(self, int64_t now_ns)
    cpdef object listen(self, int64_t now_ns)
    cdef int _pair(self, Connection opened) except -1
