"""RFC 8259 read in place: a cursor walks one text once, and every byte of it is checked.

A container is walked with `object_begin`/`object_next` or `array_begin`/`array_next`; members that
nobody wants are checked and passed by `value`. Key order, white space and escapes mean nothing.
After the text, `text_end` demands that nothing follows. Names of providers do not belong here.

Frames hold little white space and few escapes, and decoding is mostly waiting for one byte's address
to follow from the last: so each leaf tries the plain case first, and has the rest in a slower body.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from ingestor.records cimport BAD_ESCAPE, BAD_TYPE, DECODED, DEPTH_MAX, SYNTAX, TOO_DEEP, TRUNCATED
from ingestor.scan.cursor cimport Cursor, fail
from ingestor.scan.text cimport hex_value, unescape
from ingestor.scan.token cimport (
    ARRAY, ESCAPED, FALSE_VALUE, NONE, NULL_VALUE, NUMBER, OBJECT, STRING, TRUE_VALUE, Token, likely, unlikely,
)

cdef extern from "simd.h" nogil:
    const uint8_t* ingestor_string_end(const uint8_t* start, const uint8_t* at, const uint8_t* end, uint32_t* high)
    const uint8_t* ingestor_digits_end(const uint8_t* start, const uint8_t* at, const uint8_t* end)
    int ingestor_short_key(const uint8_t* at)
    int ingestor_short_string(const uint8_t* at)
    int ingestor_short_number(const uint8_t* at)


cdef inline void space(Cursor* c) noexcept nogil:
    while c.at < c.end and (c.at[0] == 32 or c.at[0] == 10 or c.at[0] == 13 or c.at[0] == 9):
        c.at += 1


cdef inline int peek(Cursor* c) noexcept nogil:
    """The next byte that is no white space; -1 and a fault at the end of the frame."""
    if likely(c.at < c.end and c.at[0] > 32):
        return c.at[0]
    space(c)
    if c.at == c.end:
        fail(c, TRUNCATED)
        return -1
    return c.at[0]


cdef inline bint escape(Cursor* c) noexcept nogil:
    """Check the escape at `at` (a backslash) and pass it."""
    cdef int i
    if c.end - c.at < 2:
        return fail(c, TRUNCATED)
    if c.at[1] == 117:
        for i in range(2, 6):
            if c.at + i == c.end:
                return fail(c, TRUNCATED)
            if hex_value(c.at[i]) < 0:
                return fail(c, BAD_ESCAPE)
        c.at += 6
        return True
    if (c.at[1] == 34 or c.at[1] == 92 or c.at[1] == 47 or c.at[1] == 98 or c.at[1] == 102 or c.at[1] == 110
            or c.at[1] == 114 or c.at[1] == 116):
        c.at += 2
        return True
    return fail(c, BAD_ESCAPE)


cdef inline bint string_rest(Cursor* c, Token* token, uint32_t high) noexcept nogil:
    """The rest of a string that has stopped before its closing quote."""
    while c.at < c.end and c.at[0] != 34:
        if c.at[0] != 92:
            return fail(c, SYNTAX)      # a raw control character
        token.escapes = ESCAPED
        if not escape(c):
            return False
        c.at = ingestor_string_end(c.start, c.at, c.end, &high)
    if c.at == c.end:
        return fail(c, TRUNCATED)
    token.high = high != 0
    token.size = <uint32_t> (c.at - token.at)
    c.at += 1
    return True


cdef inline bint string(Cursor* c, Token* token) noexcept nogil:
    """Read the string whose opening quote is at `at`."""
    cdef uint32_t high = 0
    cdef const uint8_t* stop = ingestor_string_end(c.start, c.at + 1, c.end, &high)
    token.at = c.at + 1
    token.type = STRING
    token.escapes = NONE
    token.high = high != 0
    c.at = stop
    if unlikely(stop == c.end or stop[0] != 34):
        token.size = 0      # what has no end holds nothing, for whoever looks at it after the fault
        return string_rest(c, token, high)
    token.size = <uint32_t> (stop - token.at)
    c.at = stop + 1
    return True


cdef inline bint digits(Cursor* c) noexcept nogil:
    """One digit or more."""
    cdef const uint8_t* stop = ingestor_digits_end(c.start, c.at, c.end)
    if stop == c.at:
        return fail(c, TRUNCATED if c.at == c.end else SYNTAX)
    c.at = stop
    return True


cdef inline bint number_rest(Cursor* c) noexcept nogil:
    """A number's fraction and exponent, where it has them."""
    if c.at[0] == 46:
        c.at += 1
        if not digits(c):
            return False
    if c.at < c.end and (c.at[0] | 32) == 101:
        c.at += 1
        if c.at < c.end and (c.at[0] == 43 or c.at[0] == 45):
            c.at += 1
        if not digits(c):
            return False
    return True


cdef inline bint number(Cursor* c, Token* token) noexcept nogil:
    """Read the number at `at`, by the grammar of RFC 8259 section 6."""
    cdef const uint8_t* whole
    token.at = c.at
    token.size = 0
    token.type = NUMBER
    token.escapes = NONE
    token.high = False
    if c.at[0] == 45:
        c.at += 1
    whole = c.at
    if not digits(c):
        return False
    if unlikely(whole[0] == 48 and c.at - whole > 1):
        c.at = whole + 1
        return fail(c, SYNTAX)      # no leading zeros
    if c.at < c.end and (c.at[0] == 46 or (c.at[0] | 32) == 101) and not number_rest(c):
        return False
    token.size = <uint32_t> (c.at - token.at)
    return True


cdef inline bint literal_rest(Cursor* c, const char* word, size_t size) noexcept nogil:
    """Why the literal that begins here is none."""
    cdef size_t left = c.end - c.at
    return fail(c, TRUNCATED if left < size and memcmp(c.at, word, left) == 0 else SYNTAX)


cdef inline bint literal(Cursor* c, const char* word, size_t size, Token* token, int type) noexcept nogil:
    if unlikely(<size_t> (c.end - c.at) < size or memcmp(c.at, word, size) != 0):
        return literal_rest(c, word, size)
    token.at = c.at
    token.size = <uint32_t> size
    token.type = type
    token.escapes = NONE
    token.high = False
    c.at += size
    return True


cdef inline bint scalar(Cursor* c, int byte, Token* token) noexcept nogil:
    """Read the string, number or literal at `at`, whose first byte is `byte`."""
    if byte == 34:
        return string(c, token)
    if byte == 45 or (48 <= byte <= 57):
        return number(c, token)
    if byte == 116:
        return literal(c, b"true", 4, token, TRUE_VALUE)
    if byte == 102:
        return literal(c, b"false", 5, token, FALSE_VALUE)
    if byte == 110:
        return literal(c, b"null", 4, token, NULL_VALUE)
    return fail(c, SYNTAX)


cdef inline bint colon(Cursor* c) noexcept nogil:
    if likely(c.at < c.end and c.at[0] == 58):
        c.at += 1
        return True
    if peek(c) != 58:
        return fail(c, SYNTAX)
    c.at += 1
    return True


cdef inline bint key_of(Cursor* c, Token* token) noexcept nogil:
    """Read `"key":`."""
    if peek(c) != 34:
        return fail(c, SYNTAX)
    return string(c, token) and colon(c)


cdef inline bint container(Cursor* c, Token* token) noexcept nogil:
    """Check and pass the object or array at `at`; a bit a level says which is open."""
    cdef uint64_t objects[9]
    cdef int level = 0, byte
    cdef bint is_object
    cdef Token member
    token.at = c.at
    token.size = 0
    token.type = OBJECT if c.at[0] == 123 else ARRAY
    token.escapes = NONE
    token.high = False
    while True:
        byte = peek(c)
        if byte == 123 or byte == 91:
            if c.depth + level >= DEPTH_MAX:
                return fail(c, TOO_DEEP)
            is_object = byte == 123
            if level & 63 == 0:
                objects[level >> 6] = 0
            if is_object:
                objects[level >> 6] |= <uint64_t> 1 << (level & 63)
            else:
                objects[level >> 6] &= ~(<uint64_t> 1 << (level & 63))
            level += 1
            c.at += 1
            byte = peek(c)
            if byte < 0:
                return False
            if byte != (125 if is_object else 93):
                if is_object and not key_of(c, &member):
                    return False
                continue
        elif not scalar(c, byte, &member):
            return False
        while True:     # after a value: closing brackets, then a comma
            byte = peek(c)
            is_object = (objects[(level - 1) >> 6] >> ((level - 1) & 63)) & 1
            if byte == 44:
                c.at += 1
                if is_object and not key_of(c, &member):
                    return False
                break
            if byte != (125 if is_object else 93):
                return fail(c, SYNTAX)
            c.at += 1
            level -= 1
            if level == 0:
                token.size = <uint32_t> (c.at - token.at)
                return True


cdef inline bint value_rest(Cursor* c, Token* token) noexcept nogil:
    cdef int byte = peek(c)
    if byte == 123 or byte == 91:
        return container(c, token)
    return scalar(c, byte, token)


cdef inline const uint8_t* value_at(Cursor* c, const uint8_t* at, Token* token) noexcept nogil:
    """value() for a position that a loop keeps in a register: where the value ended, or a fault."""
    cdef int size
    if likely(c.end - at > 16):
        token.escapes = NONE
        token.high = False
        if at[0] == 34:
            size = ingestor_short_string(at + 1)
            if likely(size >= 0):
                token.at = at + 1
                token.size = size
                token.type = STRING
                return at + size + 2
        else:
            size = ingestor_short_number(at)
            if size >= 0:
                token.at = at
                token.size = size
                token.type = NUMBER
                return at + size
    c.at = at
    value_rest(c, token)
    return c.at


cdef inline bint value(Cursor* c, Token* token) noexcept nogil:
    """Read any value; a container is checked and passed whole."""
    c.at = value_at(c, c.at, token)
    return c.status == DECODED


cdef inline bint skip(Cursor* c) noexcept nogil:
    cdef Token passed
    return value(c, &passed)


cdef inline bint begins_value(int byte) noexcept nogil:
    return (byte == 34 or byte == 45 or byte == 91 or byte == 123 or byte == 116 or byte == 102 or byte == 110
            or 48 <= byte <= 57)


cdef inline bint open_container(Cursor* c, int bracket) noexcept nogil:
    cdef int byte = peek(c)
    if unlikely(byte != bracket):
        return fail(c, BAD_TYPE if begins_value(byte) else SYNTAX)
    if c.depth >= DEPTH_MAX:
        return fail(c, TOO_DEEP)
    c.at += 1
    c.depth += 1
    c.first = True
    return True


cdef inline bint next_member(Cursor* c, int bracket) noexcept nogil:
    """Past the comma before the next member: 1; past the closing bracket: 0. Also 0 on a fault."""
    cdef int byte
    if c.status != DECODED:
        return False
    byte = peek(c)
    if byte == bracket:
        c.at += 1
        c.depth -= 1
        c.first = False
        return False
    if c.first:
        c.first = False
        return byte >= 0
    if byte != 44:
        return fail(c, SYNTAX)
    c.at += 1
    return True


cdef inline bint object_begin(Cursor* c) noexcept nogil:
    return open_container(c, 123)


cdef inline bint object_rest(Cursor* c, Token* key) noexcept nogil:
    """object_next for whatever is no short key."""
    if not next_member(c, 125) or not key_of(c, key):
        return False
    return key.escapes == NONE or unescape(c, key)


cdef inline bint object_next(Cursor* c, Token* key) noexcept nogil:
    """The next member's key, unescaped; 0 at the end of the object or on a fault."""
    cdef int size
    # `,"key":` without white space; after a fault nothing more is read.
    if likely(c.end - c.at > 18 and c.at[0] == 44 and c.at[1] == 34 and not c.first and c.status == DECODED):
        size = ingestor_short_string(c.at + 2)
        if likely(size >= 0 and c.at[size + 3] == 58):
            key.at = c.at + 2
            key.size = size
            key.type = STRING
            key.escapes = NONE
            key.high = False
            c.at += size + 4
            return True
    return object_rest(c, key)


cdef inline bint at_short_key(const Cursor* c, const uint8_t* at) noexcept nogil:
    """Whether `at` stands before `,"x":` with a letter x, and at least one more byte."""
    return c.end - at > 5 and ingestor_short_key(at) and not c.first and c.status == DECODED


cdef inline const uint8_t* key_at(Cursor* c, const uint8_t* at, Token* key) noexcept nogil:
    """object_next() for a position that a loop keeps in a register: where the value stands, or NULL."""
    c.at = at
    return c.at if object_rest(c, key) else NULL


cdef inline bint array_begin(Cursor* c) noexcept nogil:
    return open_container(c, 91)


cdef inline bint array_next(Cursor* c) noexcept nogil:
    """1 when `at` stands before another element; 0 at the end of the array or on a fault."""
    return next_member(c, 93)


cdef inline bint text_end(Cursor* c) noexcept nogil:
    """Nothing but white space may follow."""
    if c.status != DECODED:
        return False
    space(c)
    return c.at == c.end or fail(c, SYNTAX)
