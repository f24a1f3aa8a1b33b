"""Protocol Buffers read in place: tags, varints, lengths; proto3, no descriptors.

Every length is checked against the message that holds it. Source: protobuf.dev/programming-guides/encoding
(November 2026).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ingestor.records cimport ABSENT, BAD_TIME, BAD_UTF8, DECODED, SYNTAX, TRUNCATED, Text
from ingestor.scan.cursor cimport Cursor, fail
from ingestor.scan.timestamp cimport join_time

cdef extern from "simd.h" nogil:
    int ingestor_utf8_valid(const uint8_t* at, size_t size)

cdef enum WireType:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    GROUP_START = 3
    GROUP_END = 4
    FIXED32 = 5


cdef inline bint varint(Cursor* c, uint64_t* out) noexcept nogil:
    """At most ten bytes; the tenth holds one bit."""
    cdef uint64_t number = 0
    cdef int shift = 0
    cdef uint8_t byte
    while True:
        if c.at == c.end:
            return fail(c, TRUNCATED)
        byte = c.at[0]
        c.at += 1
        if shift == 63 and byte > 1:
            return fail(c, SYNTAX)
        number |= <uint64_t> (byte & 0x7F) << shift
        if byte < 0x80:
            out[0] = number
            return True
        shift += 7


cdef inline bint next_field(Cursor* c, uint32_t* field, int* type) noexcept nogil:
    """The next field's number and wire type; 0 at the end of the message or on a fault."""
    cdef uint64_t tag = 0
    if c.status != DECODED or c.at == c.end or not varint(c, &tag):
        return False
    if tag >> 3 == 0 or tag >> 3 > 536870911:
        return fail(c, SYNTAX)
    field[0] = <uint32_t> (tag >> 3)
    type[0] = <int> (tag & 7)
    return True


cdef inline bint bytes_field(Cursor* c, int type, Text* out) noexcept nogil:
    """A length-delimited field, borrowed."""
    cdef uint64_t size = 0
    if type != LENGTH:
        return fail(c, SYNTAX)
    if not varint(c, &size):
        return False
    if size > <uint64_t> (c.end - c.at):
        return fail(c, TRUNCATED)
    out.at = c.at
    out.size = <uint32_t> size
    c.at += size
    return True


cdef inline bint text_field(Cursor* c, int type, Text* out) noexcept nogil:
    """A string: UTF-8 is demanded. An empty one is absent, as proto3 means it."""
    if not bytes_field(c, type, out):
        return False
    if not ingestor_utf8_valid(out.at, out.size):
        return fail(c, BAD_UTF8)
    if out.size == 0:
        out.at = NULL
    return True


cdef inline bint double_field(Cursor* c, int type, double* out) noexcept nogil:
    if type != FIXED64:
        return fail(c, SYNTAX)
    if c.end - c.at < 8:
        return fail(c, TRUNCATED)
    memcpy(out, c.at, 8)        # little-endian, as is every machine this is built for
    c.at += 8
    return True


cdef inline bint integer_field(Cursor* c, int type, uint64_t* out) noexcept nogil:
    if type != VARINT:
        return fail(c, SYNTAX)
    return varint(c, out)


cdef inline bint enum_field(Cursor* c, int type, int32_t* out) noexcept nogil:
    """An enum, int32 on the wire: of a longer varint the low 32 bits count, as in every implementation."""
    cdef uint64_t number = 0
    if not integer_field(c, type, &number):
        return False
    out[0] = <int32_t> <uint32_t> number
    return True


cdef inline bint pass_field(Cursor* c, int type) noexcept nogil:
    """Check and pass a field of no concern."""
    cdef uint64_t number
    cdef Text passed
    if type == VARINT:
        return varint(c, &number)
    if type == LENGTH:
        return bytes_field(c, type, &passed)
    if type == FIXED64 or type == FIXED32:
        if c.end - c.at < (8 if type == FIXED64 else 4):
            return fail(c, TRUNCATED)
        c.at += 8 if type == FIXED64 else 4
        return True
    return fail(c, SYNTAX)      # groups: no proto3 message has them


cdef struct Timestamp:
    # google.protobuf.Timestamp; one that is sent in several pieces is one message.
    int64_t seconds
    int32_t nanos


cdef inline bint timestamp_field(Cursor* c, int type, Timestamp* out) noexcept nogil:
    """google.protobuf.Timestamp {seconds=1, nanos=2}."""
    cdef Text message
    cdef Cursor inner = c[0]
    cdef uint32_t field = 0
    cdef int wire = 0
    cdef uint64_t number = 0
    if not bytes_field(c, type, &message):
        return False
    inner.at = message.at
    inner.end = message.at + message.size
    while next_field(&inner, &field, &wire):
        if field == 1 and integer_field(&inner, wire, &number):
            out.seconds = <int64_t> number
        elif field == 2:
            enum_field(&inner, wire, &out.nanos)
        elif field > 2:
            pass_field(&inner, wire)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint wrapped_timestamp_field(Cursor* c, int type, Timestamp* out) noexcept nogil:
    """A message whose field 1 is a Timestamp: the nullable wrapper of some providers."""
    cdef Text message
    cdef Cursor inner = c[0]
    cdef uint32_t field = 0
    cdef int wire = 0
    if not bytes_field(c, type, &message):
        return False
    inner.at = message.at
    inner.end = message.at + message.size
    while next_field(&inner, &field, &wire):
        if field == 1:
            timestamp_field(&inner, wire, out)
        else:
            pass_field(&inner, wire)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint epoch_ns(Cursor* c, const Timestamp* stamp, int64_t* out) noexcept nogil:
    """A timestamp as epoch ns; at or before 1970 it is absent."""
    cdef int status = DECODED
    if stamp.nanos < 0 or stamp.nanos > 999999999:
        return fail(c, BAD_TIME)
    if stamp.seconds < 0 or (stamp.seconds == 0 and stamp.nanos == 0):
        out[0] = ABSENT
    else:
        status = join_time(stamp.seconds, stamp.nanos, out)
    return status == DECODED or fail(c, status)
