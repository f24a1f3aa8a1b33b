"""A block: how long the message of a batch's piece will be, and what stands in it. Leaves.

Prefix, head, the list of the subscriptions whose records these are (none in the fair topic), the records.
The header is composed when the piece leaves, since only then its counts are known.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from ingestor.wire.batch cimport Batch, Seat, Topic
from ingestor.wire.buffer cimport Piece
from ingestor.wire.encode cimport avro_long, avro_long_bytes

cdef enum:
    FAIR = 4                    # its topic's number, behind the four TickKinds


cdef struct Subscription:
    const uint8_t* constant     # head of the instrument, then provider, venue, symbol, channel
    const uint8_t* name         # provider/venue/symbol as an Avro string
    uint32_t constant_bytes
    uint32_t name_bytes
    uint32_t instrument
    Seat seats[4]               # one a TickKind: a channel may send several


cdef struct Instrument:
    const uint8_t* head         # shard, epoch, slot, instrument
    const uint8_t* fair_head    # and method, parameters_hash, conversions
    uint32_t head_bytes
    uint32_t fair_head_bytes
    uint32_t list_bytes         # what its subscriptions add to a block's header
    int64_t fair_sequence       # records of the fair topic
    const uint8_t* key          # what its messages are keyed by
    uint32_t key_bytes
    int slot


cdef inline size_t block_bytes(int number, const Topic* topic, const Batch* batch, const Instrument* of,
                               const Subscription* subscriptions, uint32_t piece) noexcept nogil:
    """How long the message of this piece will be."""
    cdef const Piece* records = &batch.buffer.pieces[piece]
    cdef const Subscription* listed
    cdef uint32_t _i, seat = batch.first_seat
    cdef size_t total = (topic.prefix_bytes + avro_long_bytes(records.records) + records.end + 1
                         - (batch.buffer.pieces[piece - 1].end if piece else 0))
    if number == FAIR:
        return total + of.fair_head_bytes
    total += of.head_bytes + avro_long_bytes(records.subscriptions) + 1
    for _i in range(records.subscriptions):
        listed = &subscriptions[seat]
        total += listed.constant_bytes - of.head_bytes
        seat = listed.seats[number].next
    return total


cdef inline void compose(int number, const Topic* topic, const Batch* batch, const Instrument* of,
                         const Subscription* subscriptions, uint32_t piece, uint8_t* at) noexcept nogil:
    """Write it: block_bytes() of them. `piece` lists the subscriptions that had a seat when it was closed.

    A count of 64 or more is written as eight bytes: what is counted follows, and takes more than them.
    """
    cdef const Piece* records = &batch.buffer.pieces[piece]
    cdef const Subscription* listed
    cdef uint32_t _i, seat = batch.first_seat, start = batch.buffer.pieces[piece - 1].end if piece else 0
    cdef const uint8_t* head = of.fair_head if number == FAIR else of.head
    cdef uint32_t head_bytes = of.fair_head_bytes if number == FAIR else of.head_bytes
    memcpy(at, topic.prefix, topic.prefix_bytes)
    memcpy(at + topic.prefix_bytes, head, head_bytes)
    at += topic.prefix_bytes + head_bytes
    if number != FAIR:
        at = avro_long(at, records.subscriptions)
        for _i in range(records.subscriptions):
            listed = &subscriptions[seat]
            memcpy(at, listed.constant + of.head_bytes, listed.constant_bytes - of.head_bytes)
            at += listed.constant_bytes - of.head_bytes
            seat = listed.seats[number].next
        at[0] = 0
        at += 1
    at = avro_long(at, records.records)
    memcpy(at, batch.buffer.at + start, records.end - start)
    at[records.end - start] = 0
