"""The Writer's fields and its hot face: what the corridor calls for each record."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport Fair, Tick
from ingestor.wire.batch cimport Batch, Topic
from ingestor.wire.block cimport Instrument, Subscription
from ingestor.wire.buffer cimport Pool
from ingestor.wire.outlet cimport Outlet

cdef enum TakeStatus:
    WRITTEN = 0
    UNWRITABLE = 1          # beyond 38 digits, no price or size, an id or a list of names too long
    NO_ROOM = 2             # the batch is at its hard limit, or there is no memory

cdef enum:
    TOPICS_COUNT = 5


cdef class Writer:
    """Owner of all batches; see writer.pyx."""
    cdef readonly bint due              # a batch is full: flush at the next boundary
    cdef readonly int64_t next_due      # when the oldest open batch's linger ends; INT64_MAX: none is open
    cdef readonly object sink
    cdef Outlet outlet                  # of the sink, or None: it takes objects
    cdef readonly int shard
    cdef readonly int64_t epoch
    cdef readonly int64_t reference_version

    cdef Topic topics[5]
    cdef Subscription* subscriptions
    cdef Instrument* instruments
    cdef uint32_t subscriptions_count
    cdef uint32_t instruments_count
    cdef int64_t flushed_ns             # time of the last flush
    cdef uint64_t serials               # batches opened since the start
    cdef int64_t heard_ns               # when the sink was last asked what arrived
    cdef Pool pool
    cdef list routes                    # by instrument: (key, slot)
    cdef dict fair_sequences            # key of an instrument -> its last one, of editions before
    cdef list kept                      # the bytes objects that the tables above point into

    # Encode one record into its batch; a TakeStatus. `tick` and what it borrows are read during the call only.
    cdef int take(self, uint32_t subscription, const Tick* tick) noexcept nogil
    # `flagged` are subscriptions, of any instrument, whose provider/venue/symbol the record names.
    cdef int take_fair(self, uint32_t instrument, const Fair* fair, const uint32_t* flagged,
                       uint32_t flagged_count) noexcept nogil
    # Hand full and lingering batches, or all, to the sink.
    cdef int flush(self, int64_t now_ns, bint everything) except -1
    # A boundary with nothing to hand over: what arrived is taken note of, with each wake-up of the loop.
    cdef int listen(self, int64_t now_ns) except -1

    cdef uint8_t* room(self, Topic* topic, uint32_t instrument, uint32_t header_bytes, uint32_t bytes,
                       int64_t at_ns) noexcept nogil
    cdef uint32_t seat(self, Batch* batch, uint32_t subscription, int kind) noexcept nogil
    cdef int flush_topic(self, int number, int64_t now_ns, bint everything, int waited) except -1
    cdef int hand_over(self, int number, uint32_t instrument) except -1
    cdef int hand_parcel(self, int number, uint32_t instrument, uint32_t first, uint32_t last) except -1
    cdef int hand_objects(self, int number, uint32_t instrument, uint32_t first, uint32_t last) except -1
