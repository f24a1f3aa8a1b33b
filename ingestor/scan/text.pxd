"""Making a string that is used final: escapes resolved into the batch's scratch, UTF-8 demanded."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from ingestor.records cimport BAD_UTF8, Text
from ingestor.scan.cursor cimport Cursor, fail, scratch_take
from ingestor.scan.token cimport ESCAPED, NONE, RESOLVED, STRING, Token, likely

cdef extern from "simd.h" nogil:
    int ingestor_utf8_valid(const uint8_t* at, size_t size)


cdef inline int hex_value(uint8_t byte) noexcept nogil:
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    if 97 <= byte <= 102:
        return byte - 87
    return -1


cdef inline uint32_t utf8_put(uint8_t* to, uint32_t point) noexcept nogil:
    if point < 0x80:
        to[0] = <uint8_t> point
        return 1
    if point < 0x800:
        to[0] = <uint8_t> (0xC0 | point >> 6)
        to[1] = <uint8_t> (0x80 | (point & 0x3F))
        return 2
    if point < 0x10000:
        to[0] = <uint8_t> (0xE0 | point >> 12)
        to[1] = <uint8_t> (0x80 | (point >> 6 & 0x3F))
        to[2] = <uint8_t> (0x80 | (point & 0x3F))
        return 3
    to[0] = <uint8_t> (0xF0 | point >> 18)
    to[1] = <uint8_t> (0x80 | (point >> 12 & 0x3F))
    to[2] = <uint8_t> (0x80 | (point >> 6 & 0x3F))
    to[3] = <uint8_t> (0x80 | (point & 0x3F))
    return 4


cdef inline uint32_t hex4(const uint8_t* at) noexcept nogil:
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 | hex_value(at[3])


cdef inline uint8_t plain_escape(uint8_t byte) noexcept nogil:
    """What a backslash and `byte` mean, for all escapes but u."""
    if byte == 98:
        return 8
    elif byte == 102:
        return 12
    elif byte == 110:
        return 10
    elif byte == 114:
        return 13
    elif byte == 116:
        return 9
    return byte


cdef inline bint unescape(Cursor* c, Token* token) noexcept nogil:
    """Rewrite an escaped string into the batch's scratch. The scanner has checked the escapes.

    A surrogate without its other half has no UTF-8. It is written as if it had, so that the text equals no
    valid one and `settle` refuses it: a key of no concern may hold what it likes.
    """
    cdef const uint8_t* at = token.at
    cdef const uint8_t* end = token.at + token.size
    cdef uint8_t* to = scratch_take(c, token.size)
    cdef uint8_t* start = to
    cdef uint32_t point, low
    if to == NULL:
        return False
    while at < end:
        if at[0] != 92:
            to[0] = at[0]
            to += 1
            at += 1
            continue
        if at[1] != 117:
            to[0] = plain_escape(at[1])
            to += 1
            at += 2
            continue
        point = hex4(at + 2)
        at += 6
        if 0xD800 <= point <= 0xDBFF and end - at >= 6 and at[0] == 92 and at[1] == 117:
            low = hex4(at + 2)
            if 0xDC00 <= low <= 0xDFFF:
                point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00))
                at += 6
        token.high |= point >= 0x80
        to += utf8_put(to, point)
    token.at = start
    token.size = <uint32_t> (to - start)
    token.escapes = RESOLVED
    return True


cdef inline bint settle(Cursor* c, Token* token) noexcept nogil:
    """Make a used string final: unescaped, and valid UTF-8."""
    if token.type != STRING or likely(token.escapes == NONE and not token.high):
        return True
    if token.escapes == ESCAPED and not unescape(c, token):
        return False
    if token.high and not ingestor_utf8_valid(token.at, token.size):
        return fail(c, BAD_UTF8)
    return True


cdef inline bint joined(Cursor* c, Text first, uint8_t mark, Text second, Text* out) noexcept nogil:
    """`first`, the mark, `second` as one text, in the batch's scratch."""
    cdef uint32_t size = first.size + 1 + second.size
    cdef uint8_t* to = scratch_take(c, size)
    if to == NULL:
        return False
    memcpy(to, first.at, first.size)
    to[first.size] = mark
    memcpy(to + first.size + 1, second.at, second.size)
    out.at = to
    out.size = size
    return True
