"""From a JSON token to a field of a Tick, by the value rules of all dialects.

Absent is a missing key, null or "". Decimals may be numbers or strings; integers and times numbers
or digit strings; anything else in a used field is a fault. Faults go to the cursor.
"""
from libc.stdint cimport INT64_MAX, int8_t, int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport (
    ABSENT, BAD_TIME, BAD_TYPE, BUY, DECODED, MISSING_FIELD, ROUNDED, SELL, SIDE_UNKNOWN, Text, Tick,
)
from ingestor.scan.cursor cimport Cursor, fail
from ingestor.scan.number cimport PLAIN_MAX, parse_decimal, parse_integer
from ingestor.scan.text cimport settle, unescape
from ingestor.scan.timestamp cimport parse_iso_time, scale_time
from ingestor.scan.token cimport ESCAPED, NONE, NUMBER, STRING, Token, is_absent, likely, text_of

cdef extern from "simd.h" nogil:
    int ingestor_plain(const uint8_t* end, uint32_t size, uint64_t* mantissa, int* places)

cdef enum:
    NANOSECOND = 1
    MICROSECOND = 1000
    MILLISECOND = 1000000
    SECOND = 1000000000


cdef inline bint is_plain(Cursor* c, const Token* token, uint64_t* mantissa, int* places) noexcept nogil:
    """Digits with at most a point among them, as nearly all numbers are: read sixteen bytes at once.

    The window ends with the token and begins within the frame; what was unescaped lies elsewhere.
    """
    return (token.escapes == NONE and token.size <= PLAIN_MAX and token.at + token.size - c.start >= PLAIN_MAX
            and ingestor_plain(token.at + token.size, token.size, mantissa, places))


cdef inline bint decimal_rest(Cursor* c, Token* token, Tick* tick, int slot) noexcept nogil:
    cdef int status
    cdef bint rounded = False
    if token.type != STRING and token.type != NUMBER:
        return fail(c, BAD_TYPE)
    if token.escapes == ESCAPED and not unescape(c, token):
        return False
    status = parse_decimal(token.at, token.size, &tick.mantissa[slot], &tick.exponent[slot], &rounded)
    if status != DECODED:
        return fail(c, status)
    tick.present |= <uint8_t> (1 << slot)
    if rounded:
        tick.flags |= ROUNDED
        c.out.rounded += 1
    return True


cdef inline bint decimal(Cursor* c, Token* token, Tick* tick, int slot) noexcept nogil:
    """Value `slot` of the tick; absent stays absent."""
    cdef uint64_t mantissa = 0
    cdef int places = 0
    if is_absent(token):
        return True
    if likely((token.type == STRING or token.type == NUMBER) and is_plain(c, token, &mantissa, &places)):
        tick.mantissa[slot] = <int64_t> mantissa
        tick.exponent[slot] = <int8_t> (-places if mantissa else 0)
        tick.present |= <uint8_t> (1 << slot)
        return True
    return decimal_rest(c, token, tick, slot)


cdef inline bint needed_decimal(Cursor* c, Token* token, Tick* tick, int slot) noexcept nogil:
    if is_absent(token):
        return fail(c, MISSING_FIELD)
    return decimal(c, token, tick, slot)


cdef inline bint integer_rest(Cursor* c, Token* token, int64_t* out) noexcept nogil:
    cdef int status
    if token.type != STRING and token.type != NUMBER:
        return fail(c, BAD_TYPE)
    if token.escapes == ESCAPED and not unescape(c, token):
        return False
    status = parse_integer(token.at, token.size, out)
    return status == DECODED or fail(c, status)


cdef inline bint integer(Cursor* c, Token* token, int64_t* out) noexcept nogil:
    """A sequence or a count; absent leaves `out` as it is."""
    cdef uint64_t mantissa = 0
    cdef int places = 0
    if is_absent(token):
        return True
    if likely((token.type == STRING or token.type == NUMBER) and is_plain(c, token, &mantissa, &places)
              and places == 0):
        out[0] = <int64_t> mantissa
        return True
    return integer_rest(c, token, out)


cdef inline bint epoch_time(Cursor* c, Token* token, int64_t unit_ns, int64_t* out) noexcept nogil:
    """A time as a whole number of units since 1970."""
    cdef int64_t count = 0
    cdef int status
    if is_absent(token):
        return True
    if not integer(c, token, &count):
        return False
    status = scale_time(count, unit_ns, out)
    return status == DECODED or fail(c, status)


cdef inline bint split_time(Cursor* c, Token* token, int64_t unit_ns, Token* rest, int64_t* out) noexcept nogil:
    """A time as a whole number of units since 1970, and the nanoseconds within the unit; absent ones are none."""
    cdef int64_t nanos = 0
    if not epoch_time(c, token, unit_ns, out) or not integer(c, rest, &nanos):
        return False
    if nanos < 0 or nanos >= unit_ns:
        return fail(c, BAD_TIME)
    if out[0] != ABSENT:
        if out[0] > INT64_MAX - nanos:
            return fail(c, BAD_TIME)
        out[0] += nanos
    return True


cdef inline bint iso_time(Cursor* c, Token* token, int64_t* out) noexcept nogil:
    cdef int status
    if is_absent(token):
        return True
    if token.type != STRING:
        return fail(c, BAD_TYPE)
    if token.escapes == ESCAPED and not unescape(c, token):
        return False
    status = parse_iso_time(token.at, token.size, out)
    return status == DECODED or fail(c, status)


cdef inline bint name(Cursor* c, Token* token, Text* out) noexcept nogil:
    """A needed text, such as the symbol."""
    if is_absent(token):
        return fail(c, MISSING_FIELD)
    if token.type != STRING:
        return fail(c, BAD_TYPE)
    if not settle(c, token):
        return False
    out[0] = text_of(token)
    return True


cdef inline bint identity(Cursor* c, Token* token, Text* out) noexcept nogil:
    """A trade id: text or number, kept with the digits sent; absent stays absent."""
    if is_absent(token):
        return True
    if token.type != STRING and token.type != NUMBER:
        return fail(c, BAD_TYPE)
    if not settle(c, token):
        return False
    out[0] = text_of(token)
    return True


cdef inline bint word_is(const Token* token, const char* word, uint32_t size) noexcept nogil:
    """Equal without regard to ASCII case; `word` is lower case."""
    cdef uint32_t i
    cdef uint8_t byte
    if token.type != STRING or token.size != size:
        return False
    for i in range(size):
        byte = token.at[i]
        if 65 <= byte <= 90:
            byte |= 32
        if byte != <uint8_t> word[i]:
            return False
    return True


cdef inline bint taker(Cursor* c, Token* token, Tick* tick) noexcept nogil:
    """A side word that names the taker: buy, sell, else unknown."""
    if not settle(c, token):
        return False
    if word_is(token, b"buy", 3):
        tick.side = BUY
    elif word_is(token, b"sell", 4):
        tick.side = SELL
    else:
        tick.side = SIDE_UNKNOWN
    return True


cdef inline bint maker(Cursor* c, Token* token, Tick* tick) noexcept nogil:
    """A side word that names the maker: the taker took the other side."""
    if not taker(c, token, tick):
        return False
    if tick.side != SIDE_UNKNOWN:
        tick.side = SELL if tick.side == BUY else BUY
    return True
