"""Rules of quotes, levels, references and rows that several providers share."""
from libc.stdint cimport uint32_t

from ingestor.records cimport ABSENT, ASK, ASK_SIZE, BAD_TYPE, BID, BID_SIZE, DECODED, Tick
from ingestor.scan.cursor cimport Cursor, fail
from ingestor.scan.fields cimport decimal
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, value
from ingestor.scan.token cimport ARRAY, NOTHING, NULL_VALUE, OBJECT, Token, key_is


cdef inline void empty_side(Tick* tick, int price, int size) noexcept nogil:
    """A side with price zero and size zero or absent is an empty side: both absent (rule 10)."""
    if tick.present >> price & 1 and tick.mantissa[price] == 0:
        if not tick.present >> size & 1 or tick.mantissa[size] == 0:
            tick.present &= ~(1 << price | 1 << size)


cdef inline bint sides(Cursor* c, Token* bid, Token* bid_size, Token* ask, Token* ask_size, Tick* tick) noexcept nogil:
    """The four values of a quote; what is absent stays absent, and so do empty sides."""
    if not (decimal(c, bid, tick, BID) and decimal(c, bid_size, tick, BID_SIZE)
            and decimal(c, ask, tick, ASK) and decimal(c, ask_size, tick, ASK_SIZE)):
        return False
    empty_side(tick, BID, BID_SIZE)
    empty_side(tick, ASK, ASK_SIZE)
    return True


cdef inline bint says_something(const Tick* tick) noexcept nogil:
    """Whether a reference has a value; one without is not yielded (rule 11)."""
    return tick.present != 0 or tick.next_funding_ns != ABSENT


cdef inline int columns(Cursor* c, Token* row, int most) noexcept nogil:
    """Read the array at `at` into row[0..most-1]; further elements are checked and passed.

    Returns how many elements there were; the tokens of absent ones are NOTHING. -1 on a fault.
    """
    cdef int count = 0
    cdef Token passed
    cdef int i
    for i in range(most):
        row[i].type = NOTHING
    if not array_begin(c):
        return -1
    while array_next(c):
        if not value(c, &row[count] if count < most else &passed):
            return -1
        count += 1
    return count if c.status == DECODED else -1


cdef inline bint within(Cursor* c, const Token* token, Cursor* inner) noexcept nogil:
    """A cursor over a container that was passed whole; it shares the batch. BAD_TYPE for another value."""
    if token.type != ARRAY and token.type != OBJECT:
        return fail(c, BAD_TYPE)
    inner[0] = c[0]
    inner.at = token.at
    inner.end = token.at + token.size
    inner.first = True
    return True


cdef inline bint best_level(Cursor* c, const Token* levels, Tick* tick, int price, int size,
                            bint deletions) noexcept nogil:
    """The first level `[price, size, ...]` of a side; with `deletions`, the first whose size is not zero."""
    cdef Cursor inner
    cdef Token row[2]
    if levels.type <= NULL_VALUE:
        return True
    if not within(c, levels, &inner):
        return False
    array_begin(&inner)
    while array_next(&inner):
        if (columns(&inner, row, 2) < 0 or not decimal(&inner, &row[0], tick, price)
                or not decimal(&inner, &row[1], tick, size)):
            break
        if not (deletions and tick.present >> size & 1 and tick.mantissa[size] == 0):
            empty_side(tick, price, size)
            return True
        tick.present &= ~(1 << price | 1 << size)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint first_element(Cursor* c, const Token* levels, Cursor* inner) noexcept nogil:
    """A cursor before the first element of an array that was passed whole; 0 when there is none, or on a fault."""
    if levels.type <= NULL_VALUE or not within(c, levels, inner):
        return False
    array_begin(inner)
    return array_next(inner) or (inner.status != DECODED and fail(c, inner.status))


cdef inline bint best_member_level(Cursor* c, const Token* levels, Tick* tick, int price, int size,
                                   const char* price_key, uint32_t price_key_size, const char* size_key,
                                   uint32_t size_key_size) noexcept nogil:
    """The first level `{price, size, ...}` of a side; an empty side, or an empty level, leaves both absent."""
    cdef Cursor inner
    cdef Token key, passed, first, second
    if not first_element(c, levels, &inner):
        return c.status == DECODED
    first.type = second.type = NOTHING
    object_begin(&inner)
    while object_next(&inner, &key):
        if key_is(&key, price_key, price_key_size):
            value(&inner, &first)
        else:
            value(&inner, &second if key_is(&key, size_key, size_key_size) else &passed)
    if inner.status == DECODED and decimal(&inner, &first, tick, price) and decimal(&inner, &second, tick, size):
        empty_side(tick, price, size)
    return inner.status == DECODED or fail(c, inner.status)
