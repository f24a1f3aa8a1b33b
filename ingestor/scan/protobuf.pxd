"""Protocol Buffers read in place: tags, varints, lengths; proto3, no descriptors.

Every length is checked against the message that holds it. Source: protobuf.dev/programming-guides/encoding
(November 2026).
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ingestor.records cimport ABSENT, BAD_TIME, BAD_UTF8, DECODED, SYNTAX, TRUNCATED, Text
from ingestor.scan.cursor cimport Cursor, fail

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


cdef inline bint enum_field(Cursor* c, int type, uint64_t* out) noexcept nogil:
    if type != VARINT:
        return fail(c, SYNTAX)
    return varint(c, out)


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


cdef inline bint timestamp_field(Cursor* c, int type, int64_t* out) noexcept nogil:
    """google.protobuf.Timestamp {seconds=1, nanos=2} as epoch ns; at or before 1970: ABSENT."""
    cdef Text message
    cdef Cursor inner = c[0]
    cdef uint32_t field = 0
    cdef int wire = 0
    cdef uint64_t number = 0
    cdef int64_t seconds = 0, nanos = 0
    if not bytes_field(c, type, &message):
        return False
    inner.at = message.at
    inner.end = message.at + message.size
    while next_field(&inner, &field, &wire):
        if field == 1 and enum_field(&inner, wire, &number):
            seconds = <int64_t> number
        elif field == 2 and enum_field(&inner, wire, &number):
            nanos = <int64_t> number
        elif field > 2:
            pass_field(&inner, wire)
    if inner.status != DECODED:
        return fail(c, inner.status)
    if nanos < 0 or nanos > 999999999 or seconds > INT64_MAX // 1000000000 - 1:
        return fail(c, BAD_TIME)
    out[0] = ABSENT if seconds < 0 or (seconds == 0 and nanos == 0) else seconds * 1000000000 + nanos
    return True


cdef inline bint wrapped_timestamp_field(Cursor* c, int type, int64_t* out) noexcept nogil:
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
