"""Open batches of one topic: opening, cutting into pieces, the list by age. Leaves; the Writer owns all.

A piece leaves as one message. In record mode each record is a piece; else a piece is closed before the
record that would take it beyond the topic's limits. A batch with nothing more to wait for is full: it
moves to the head of its topic's list.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.wire.buffer cimport Buffer, Piece, Pool, buffer_reserve, pieces_reserve, pool_give, pool_take
from ingestor.wire.encode cimport BODY_BYTES_MAX

cdef enum TopicMode:
    OFF = 0                 # not among the topics that were asked for
    RECORD = 1              # one message a record
    BLOCK = 2               # one message a piece, with a header
    CONTAINER = 3           # bare records, one behind the other

cdef enum:
    NO_BATCH = 0xFFFFFFFF
    # A frame of 16 MB holds at most TICKS_MAX = 2^18 records; at 256 bytes each, all of one instrument.
    BATCH_BYTES_MAX = 1 << 26


cdef struct Batch:
    # The records of one topic and instrument since the last flush.
    Buffer buffer           # empty while the batch is closed
    uint32_t used           # bytes
    uint32_t pieces         # closed ones
    uint32_t handed         # of them, to the sink
    uint32_t piece_from     # where the open piece starts
    uint32_t piece_records  # in the open piece
    uint32_t header_bytes   # of a block, with the subscriptions so far
    uint32_t subscriptions  # that have a seat
    uint32_t first_seat     # the subscription with index 0; the others follow by Seat.next
    uint32_t last_seat
    uint32_t previous       # in the topic's list
    uint32_t next
    uint64_t serial         # 0: closed; no two openings share one
    int64_t opened_ns       # receive time of the first record, or the last flush when that was later
    int64_t oldest_ns       # receive times in the open piece
    int64_t newest_ns
    bint full


cdef struct Topic:
    int mode
    uint32_t records_max
    uint32_t bytes_max
    int64_t linger_ns
    uint8_t prefix[10]
    uint32_t prefix_bytes
    Batch* batches          # one an instrument
    uint32_t head           # open batches: full ones, then by age, the oldest first
    uint32_t tail
    uint64_t records        # the counters of TopicCounts
    uint64_t handed
    uint64_t bytes
    uint64_t unwritable
    uint64_t no_room
    uint64_t rounded


cdef struct Seat:
    # A subscription's place in a block's list; valid while the serial is the batch's.
    uint64_t serial
    uint32_t index
    uint32_t next


cdef inline void unlink(Topic* topic, uint32_t index) noexcept nogil:
    cdef Batch* batch = &topic.batches[index]
    if batch.previous == NO_BATCH:
        topic.head = batch.next
    else:
        topic.batches[batch.previous].next = batch.next
    if batch.next == NO_BATCH:
        topic.tail = batch.previous
    else:
        topic.batches[batch.next].previous = batch.previous


cdef inline void link_last(Topic* topic, uint32_t index) noexcept nogil:
    cdef Batch* batch = &topic.batches[index]
    batch.previous = topic.tail
    batch.next = NO_BATCH
    if topic.tail == NO_BATCH:
        topic.head = index
    else:
        topic.batches[topic.tail].next = index
    topic.tail = index


cdef inline void link_first(Topic* topic, uint32_t index) noexcept nogil:
    cdef Batch* batch = &topic.batches[index]
    batch.previous = NO_BATCH
    batch.next = topic.head
    if topic.head == NO_BATCH:
        topic.tail = index
    else:
        topic.batches[topic.head].previous = index
    topic.head = index


cdef inline bint batch_open(Topic* topic, uint32_t index, Pool* pool, uint64_t serial, uint32_t header_bytes,
                            int64_t at_ns) noexcept nogil:
    """The last of its topic's list, with a buffer. False: no memory."""
    cdef Batch* batch = &topic.batches[index]
    pool_take(pool, &batch.buffer)
    if not buffer_reserve(&batch.buffer, 0, 1, BATCH_BYTES_MAX):
        return False
    batch.used = batch.pieces = batch.handed = batch.piece_from = batch.piece_records = batch.subscriptions = 0
    batch.header_bytes = header_bytes
    batch.serial = serial
    batch.opened_ns = at_ns
    batch.full = False
    link_last(topic, index)
    return True


cdef inline uint8_t* batch_room(Topic* topic, Batch* batch, uint32_t bytes) noexcept nogil:
    """Where the next record starts, with room for `bytes` and for two pieces; NULL: there is none.

    Two, because the record may close the piece before it, and the flush closes the last.
    """
    if (buffer_reserve(&batch.buffer, batch.used, bytes, BATCH_BYTES_MAX)
            and pieces_reserve(&batch.buffer, batch.pieces + 1)):
        return batch.buffer.at + batch.used
    return NULL


cdef inline void close_piece(Batch* batch, uint32_t end, uint32_t subscriptions) noexcept nogil:
    """The open piece ends at `end`. batch_room saw to its place."""
    cdef Piece* piece = &batch.buffer.pieces[batch.pieces]
    piece.end = end
    piece.records = batch.piece_records
    piece.subscriptions = subscriptions
    piece.oldest_ns = batch.oldest_ns
    piece.newest_ns = batch.newest_ns
    batch.pieces += 1
    batch.piece_from = end
    batch.piece_records = 0


cdef inline bint is_full(const Topic* topic, const Batch* batch) noexcept nogil:
    """Nothing is won by waiting: a message's worth is there, or the next record may not fit."""
    if topic.mode == RECORD:
        return batch.pieces >= topic.records_max or batch.used >= topic.bytes_max
    return (batch.pieces > 0 or batch.piece_records >= topic.records_max
            or batch.header_bytes + (batch.used - batch.piece_from) + BODY_BYTES_MAX > topic.bytes_max)


cdef inline bint batch_commit(Topic* topic, uint32_t index, const uint8_t* end, uint32_t subscriptions,
                              int64_t at_ns) noexcept nogil:
    """The record between `used` and `end` is in; `subscriptions` had seats before it. True: full now."""
    cdef Batch* batch = &topic.batches[index]
    cdef uint32_t to = <uint32_t> (end - batch.buffer.at)
    if batch.piece_records and (batch.piece_records >= topic.records_max or (
            topic.mode != RECORD and batch.header_bytes + (to - batch.piece_from) > topic.bytes_max)):
        close_piece(batch, batch.used, subscriptions)
    if batch.piece_records == 0:
        batch.oldest_ns = batch.newest_ns = at_ns
    elif at_ns < batch.oldest_ns:
        batch.oldest_ns = at_ns
    elif at_ns > batch.newest_ns:
        batch.newest_ns = at_ns
    batch.piece_records += 1
    batch.used = to
    topic.records += 1
    if topic.mode == RECORD:
        close_piece(batch, to, 0)
    if batch.full or not is_full(topic, batch):
        return False
    batch.full = True
    unlink(topic, index)
    link_first(topic, index)
    return True


cdef inline void batch_close(Topic* topic, uint32_t index, Pool* pool) noexcept nogil:
    cdef Batch* batch = &topic.batches[index]
    unlink(topic, index)
    pool_give(pool, &batch.buffer)
    batch.serial = 0


cdef inline void topic_succeed(Topic* topic, const Topic* old) noexcept nogil:
    """The counters go on."""
    topic.records = old.records
    topic.handed = old.handed
    topic.bytes = old.bytes
    topic.unwritable = old.unwritable
    topic.no_room = old.no_room
    topic.rounded = old.rounded
