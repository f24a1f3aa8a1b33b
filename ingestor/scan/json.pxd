"""RFC 8259 read in place: a cursor walks one text once, and every byte of it is checked.

A container is walked with `object_begin`/`object_next` or `array_begin`/`array_next`; members that
nobody wants are checked and passed by `value`. Key order, white space and escapes mean nothing.
After the text, `text_end` demands that nothing follows. Names of providers do not belong here.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from ingestor.records cimport BAD_ESCAPE, BAD_UTF8, DECODED, DEPTH_MAX, SYNTAX, TOO_DEEP, TRUNCATED, Text
from ingestor.scan.cursor cimport Cursor, fail, scratch_take

cdef extern from "simd.h" nogil:
    const uint8_t* ingestor_string_end(const uint8_t* at, const uint8_t* end)
    const uint8_t* ingestor_string_end_scalar(const uint8_t* at, const uint8_t* end)
    int ingestor_utf8_valid(const uint8_t* at, size_t size)

cdef enum TokenType:
    NOTHING = 0     # key not in the frame
    NULL_VALUE = 1
    TRUE_VALUE = 2
    FALSE_VALUE = 3
    NUMBER = 4
    STRING = 5
    OBJECT = 6
    ARRAY = 7


cdef struct Token:
    const uint8_t* at   # a string without its quotes; else the value's first byte
    uint32_t size
    uint8_t type        # TokenType
    bint escaped        # a string that holds backslashes


cdef inline void space(Cursor* c) noexcept nogil:
    while c.at < c.end and (c.at[0] == 32 or c.at[0] == 10 or c.at[0] == 13 or c.at[0] == 9):
        c.at += 1


cdef inline int peek(Cursor* c) noexcept nogil:
    """The next byte that is no white space; -1 and a fault at the end of the frame."""
    if c.at < c.end and c.at[0] > 32:
        return c.at[0]
    space(c)
    if c.at == c.end:
        fail(c, TRUNCATED)
        return -1
    return c.at[0]


cdef inline int hex_value(uint8_t byte) noexcept nogil:
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    if 97 <= byte <= 102:
        return byte - 87
    return -1


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


cdef inline bint string(Cursor* c, Token* token) noexcept nogil:
    """Read the string whose opening quote is at `at`."""
    c.at += 1
    token.at = c.at
    token.type = STRING
    token.escaped = False
    while True:
        c.at = ingestor_string_end(c.at, c.end)
        if c.at == c.end:
            return fail(c, TRUNCATED)
        if c.at[0] == 34:
            token.size = <uint32_t> (c.at - token.at)
            c.at += 1
            return True
        if c.at[0] != 92:
            return fail(c, SYNTAX)      # a raw control character
        token.escaped = True
        if not escape(c):
            return False


cdef inline bint digits(Cursor* c) noexcept nogil:
    """One digit or more."""
    if c.at == c.end:
        return fail(c, TRUNCATED)
    if c.at[0] < 48 or c.at[0] > 57:
        return fail(c, SYNTAX)
    c.at += 1
    while c.at < c.end and 48 <= c.at[0] <= 57:
        c.at += 1
    return True


cdef inline bint number(Cursor* c, Token* token) noexcept nogil:
    """Read the number at `at`, by the grammar of RFC 8259 section 6."""
    token.at = c.at
    token.type = NUMBER
    token.escaped = False
    if c.at[0] == 45:
        c.at += 1
        if c.at == c.end:
            return fail(c, TRUNCATED)
    if c.at[0] == 48:
        c.at += 1
    elif not digits(c):
        return False
    if c.at < c.end and c.at[0] == 46:
        c.at += 1
        if not digits(c):
            return False
    if c.at < c.end and (c.at[0] | 32) == 101:
        c.at += 1
        if c.at < c.end and (c.at[0] == 43 or c.at[0] == 45):
            c.at += 1
        if not digits(c):
            return False
    token.size = <uint32_t> (c.at - token.at)
    return True


cdef inline bint literal(Cursor* c, const char* word, uint32_t size, Token* token, int type) noexcept nogil:
    cdef size_t left = c.end - c.at
    if memcmp(c.at, word, size if left >= size else left) != 0:
        return fail(c, SYNTAX)
    if left < size:
        return fail(c, TRUNCATED)
    token.at = c.at
    token.size = size
    token.type = type
    token.escaped = False
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
    if c.at < c.end and c.at[0] == 58:
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
    cdef bint is_object, empty
    cdef Token member
    token.at = c.at
    token.type = OBJECT if c.at[0] == 123 else ARRAY
    token.escaped = False
    while True:
        byte = peek(c)
        empty = False
        if byte == 123 or byte == 91:
            if c.depth + level >= DEPTH_MAX:
                return fail(c, TOO_DEEP)
            is_object = byte == 123
            if is_object:
                objects[level >> 6] |= <uint64_t> 1 << (level & 63)
            else:
                objects[level >> 6] &= ~(<uint64_t> 1 << (level & 63))
            level += 1
            c.at += 1
            byte = peek(c)
            if byte == (125 if is_object else 93):
                empty = True        # the closing bracket is read below
            elif is_object:
                if not key_of(c, &member):
                    return False
                continue
            elif byte < 0:
                return False
            else:
                continue
        elif not scalar(c, byte, &member):
            return False
        while True:
            byte = peek(c)
            is_object = (objects[(level - 1) >> 6] >> ((level - 1) & 63)) & 1
            if byte == (125 if is_object else 93):
                c.at += 1
                level -= 1
                empty = False
                if level == 0:
                    token.size = <uint32_t> (c.at - token.at)
                    return True
                continue
            if byte != 44 or empty:
                return fail(c, SYNTAX)
            c.at += 1
            if is_object and not key_of(c, &member):
                return False
            break


cdef inline bint value(Cursor* c, Token* token) noexcept nogil:
    """Read any value; a container is checked and passed whole."""
    cdef int byte = peek(c)
    if byte == 123 or byte == 91:
        return container(c, token)
    return scalar(c, byte, token)


cdef inline bint skip(Cursor* c) noexcept nogil:
    cdef Token passed
    return value(c, &passed)


cdef inline bint open_container(Cursor* c, int bracket) noexcept nogil:
    if peek(c) != bracket:
        return fail(c, SYNTAX)
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


cdef inline bint object_next(Cursor* c, Token* key) noexcept nogil:
    """The next member's key, unescaped; 0 at the end of the object or on a fault."""
    if not next_member(c, 125) or not key_of(c, key):
        return False
    return not key.escaped or unescape(c, key)


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


cdef inline bint is_word(const Token* token, const char* word, uint32_t size) noexcept nogil:
    """A string value equal to `word`. Call `settle` first where escapes may stand."""
    return token.size == size and token.type == STRING and memcmp(token.at, word, size) == 0


cdef inline bint key_is(const Token* token, const char* word, uint32_t size) noexcept nogil:
    return token.size == size and memcmp(token.at, word, size) == 0


cdef inline bint settle(Cursor* c, Token* token) noexcept nogil:
    """Make a used string final: unescaped, and valid UTF-8."""
    cdef uint32_t i
    if token.type != STRING:
        return True
    if token.escaped and not unescape(c, token):
        return False
    for i in range(token.size):
        if token.at[i] & 0x80:
            return ingestor_utf8_valid(token.at, token.size) or fail(c, BAD_UTF8)
    return True


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


cdef inline bint unescape(Cursor* c, Token* token) noexcept nogil:
    """Rewrite an escaped string into the batch's scratch. The scanner has checked the escapes.

    A surrogate without its other half can't be written as UTF-8: BAD_UTF8.
    """
    cdef const uint8_t* at = token.at
    cdef const uint8_t* end = token.at + token.size
    cdef uint8_t* to = scratch_take(c, token.size)
    cdef uint8_t* start = to
    cdef uint8_t byte
    cdef uint32_t point, low
    if to == NULL:
        return False
    while at < end:
        if at[0] != 92:
            to[0] = at[0]
            to += 1
            at += 1
            continue
        byte = at[1]
        if byte != 117:
            if byte == 98:
                byte = 8
            elif byte == 102:
                byte = 12
            elif byte == 110:
                byte = 10
            elif byte == 114:
                byte = 13
            elif byte == 116:
                byte = 9
            to[0] = byte
            to += 1
            at += 2
            continue
        point = hex4(at + 2)
        at += 6
        if 0xD800 <= point <= 0xDFFF:
            if point > 0xDBFF or end - at < 6 or at[0] != 92 or at[1] != 117:
                return fail(c, BAD_UTF8)
            low = hex4(at + 2)
            if low < 0xDC00 or low > 0xDFFF:
                return fail(c, BAD_UTF8)
            point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00))
            at += 6
        to += utf8_put(to, point)
    token.at = start
    token.size = <uint32_t> (to - start)
    token.escaped = False
    return True


cdef inline Text text_of(const Token* token) noexcept nogil:
    cdef Text text
    text.at = token.at
    text.size = token.size
    return text
