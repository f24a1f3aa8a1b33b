"""The scan leaves as Python functions: for people, tests and differential checks, never for the hot path.

Where a leaf has several bodies, each is listed in IMPLEMENTATIONS and can be called by its name; `picked()`
says which one long strings get on this machine.
"""
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from ingestor.records cimport ABSENT, DECODED, Text, TickBatch
from ingestor.scan.cursor cimport Cursor, cursor_init
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end
from ingestor.scan.json cimport value as read_value
from ingestor.scan.number cimport PLAIN_MAX, decimal_double, parse_decimal, parse_integer, shortest_decimal
from ingestor.scan.protobuf cimport FIXED64, LENGTH, VARINT, bytes_field, next_field, pass_field, varint
from ingestor.scan.text cimport unescape
from ingestor.scan.timestamp cimport parse_iso_time
from ingestor.scan.token cimport ESCAPED, FALSE_VALUE, NULL_VALUE, STRING, Token

from ingestor.records import STATUS_NAMES

cdef extern from "simd.h" nogil:
    const uint8_t* ingestor_string_end(const uint8_t* start, const uint8_t* at, const uint8_t* end, uint32_t* high)
    const uint8_t* ingestor_string_end_scalar(const uint8_t* at, const uint8_t* end, uint32_t* high)
    const uint8_t* ingestor_digits_end(const uint8_t* start, const uint8_t* at, const uint8_t* end)
    const uint8_t* ingestor_digits_end_scalar(const uint8_t* at, const uint8_t* end)
    int ingestor_plain(const uint8_t* end, uint32_t size, uint64_t* mantissa, int* places)
    int ingestor_plain_scalar(const uint8_t* end, uint32_t size, uint64_t* mantissa, int* places)
    int ingestor_short_string(const uint8_t* at)
    int ingestor_short_number(const uint8_t* at)
    int ingestor_utf8_valid(const uint8_t* at, size_t size)

cdef extern from *:
    """
    #if defined(__x86_64__)
    #define INGESTOR_HAS_X86 1
    #define INGESTOR_HAS_AVX2 __builtin_cpu_supports("avx2")
    #else
    #define INGESTOR_HAS_X86 0
    #define INGESTOR_HAS_AVX2 0
    #define ingestor_string_end_sse2 ingestor_string_end_scalar
    #define ingestor_string_end_avx2 ingestor_string_end_scalar
    #endif
    """
    const int INGESTOR_HAS_X86
    const int INGESTOR_HAS_AVX2
    const uint8_t* ingestor_string_end_sse2(const uint8_t* at, const uint8_t* end, uint32_t* high)
    const uint8_t* ingestor_string_end_avx2(const uint8_t* at, const uint8_t* end, uint32_t* high)

IMPLEMENTATIONS = ("scalar", *(("sse2",) if INGESTOR_HAS_X86 else ()), *(("avx2",) if INGESTOR_HAS_AVX2 else ()),
                   "inline")


cdef const uint8_t* first_of(const uint8_t[::1] view):
    """Where the bytes stand; of none at all, somewhere that may be pointed to."""
    return &view[0] if view.shape[0] else <const uint8_t*> b""


def picked() -> str:
    """The body that strings of more than sixteen bytes get here."""
    return "avx2" if INGESTOR_HAS_AVX2 else "sse2" if INGESTOR_HAS_X86 else "scalar"


def string_end(str implementation, const uint8_t[::1] frame not None, Py_ssize_t start=0):
    """(where the string that begins at `start` stops, whether it holds bytes beyond ASCII)."""
    cdef const uint8_t* first = first_of(frame)
    cdef const uint8_t* end = first + frame.shape[0]
    cdef const uint8_t* found
    cdef uint32_t high = 0
    if not 0 <= start <= frame.shape[0]:
        raise ValueError(f"start {start} is outside of {frame.shape[0]} bytes")
    if implementation == "inline":
        found = ingestor_string_end(first, first + start, end, &high)
    elif implementation not in IMPLEMENTATIONS:
        raise ValueError(f"no implementation {implementation!r} here: use one of {', '.join(IMPLEMENTATIONS)}")
    elif implementation == "avx2":
        found = ingestor_string_end_avx2(first + start, end, &high)
    elif implementation == "sse2":
        found = ingestor_string_end_sse2(first + start, end, &high)
    else:
        found = ingestor_string_end_scalar(first + start, end, &high)
    return found - first, high != 0


def digits_end(const uint8_t[::1] frame not None, Py_ssize_t start=0, *, bint scalar=False):
    """Where the digits that begin at `start` end."""
    cdef const uint8_t* first = first_of(frame)
    cdef const uint8_t* end = first + frame.shape[0]
    if not 0 <= start <= frame.shape[0]:
        raise ValueError(f"start {start} is outside of {frame.shape[0]} bytes")
    if scalar:
        return ingestor_digits_end_scalar(first + start, end) - first
    return ingestor_digits_end(first, first + start, end) - first


def plain(const uint8_t[::1] window not None, uint32_t size, *, bint scalar=False):
    """(whole number, places after the point) of the last `size` bytes of a window of at least 16; or None."""
    cdef uint64_t mantissa = 0
    cdef int places = 0
    if not 1 <= size <= PLAIN_MAX <= window.shape[0]:
        raise ValueError(f"{size} of {window.shape[0]} bytes: give 1 to {PLAIN_MAX} of at least {PLAIN_MAX}")
    cdef const uint8_t* end = &window[0] + window.shape[0]
    if ingestor_plain_scalar(end, size, &mantissa, &places) if scalar else ingestor_plain(
            end, size, &mantissa, &places):
        return mantissa, places
    return None


def short_string(const uint8_t[::1] window not None):
    """The size of the plain string whose first 16 bytes these are; -1 for what needs the long way."""
    if window.shape[0] < 16:
        raise ValueError("give 16 bytes")
    return ingestor_short_string(&window[0])


def short_number(const uint8_t[::1] window not None):
    """The size of the whole number whose first 16 bytes these are; -1 for what needs the long way."""
    if window.shape[0] < 16:
        raise ValueError("give 16 bytes")
    return ingestor_short_number(&window[0])


def utf8_valid(const uint8_t[::1] text not None) -> bool:
    return bool(ingestor_utf8_valid(first_of(text), text.shape[0]))


def decimal(const uint8_t[::1] text not None):
    """(status name, mantissa, exponent, whether digits were lost)."""
    cdef int64_t mantissa = 0
    cdef int8_t exponent = 0
    cdef bint rounded = False
    status = parse_decimal(first_of(text), <uint32_t> text.shape[0], &mantissa, &exponent, &rounded)
    return STATUS_NAMES[status], mantissa, exponent, rounded


def integer(const uint8_t[::1] text not None):
    """(status name, number)."""
    cdef int64_t number = 0
    status = parse_integer(first_of(text), <uint32_t> text.shape[0], &number)
    return STATUS_NAMES[status], number


def iso_time(const uint8_t[::1] text not None):
    """(status name, epoch ns or None)."""
    cdef int64_t time_ns = 0
    status = parse_iso_time(first_of(text), <uint32_t> text.shape[0], &time_ns)
    return STATUS_NAMES[status], None if time_ns == ABSENT else time_ns


def shortest(double value):
    """(status name, mantissa, exponent) of the shortest decimal that reads back as `value`."""
    cdef int64_t mantissa = 0
    cdef int8_t exponent = 0
    status = shortest_decimal(value, &mantissa, &exponent)
    return STATUS_NAMES[status], mantissa, exponent


def nearest_double(int64_t mantissa, int8_t exponent) -> float:
    """mantissa x 10^exponent as pricing sees it."""
    return decimal_double(mantissa, exponent)


def json_status(const uint8_t[::1] frame not None) -> str:
    """What the reader says of a text that it checks and passes whole."""
    cdef Cursor c
    cdef TickBatch unused
    memset(&unused, 0, sizeof(unused))
    cursor_init(&c, first_of(frame), frame.shape[0], &unused)
    skip(&c)
    text_end(&c)
    return STATUS_NAMES[c.status]


def json(const uint8_t[::1] frame not None):
    """(status name, value) of a text that is walked member by member.

    A string is its bytes, unescaped, a number its text as sent; after a fault the value is None.
    """
    cdef Cursor c
    cdef TickBatch batch
    memset(&batch, 0, sizeof(batch))
    cursor_init(&c, first_of(frame), frame.shape[0], &batch)
    try:
        found = json_value(&c)
        text_end(&c)
        return STATUS_NAMES[c.status], found if c.status == DECODED else None
    finally:
        free(batch.scratch)


cdef object json_value(Cursor* c):
    cdef Token token
    cdef int byte = peek(c)
    if byte == 123:
        members = {}
        object_begin(c)
        while object_next(c, &token):
            key = token.at[:token.size]     # a copy: the token is used again
            members[key] = json_value(c)
        return members
    if byte == 91:
        elements = []
        array_begin(c)
        while array_next(c):
            elements.append(json_value(c))
        return elements
    if byte < 0 or not read_value(c, &token) or (token.escapes == ESCAPED and not unescape(c, &token)):
        return None
    if token.type == STRING:
        return token.at[:token.size]
    if token.type <= FALSE_VALUE:
        return None if token.type == NULL_VALUE else token.type != FALSE_VALUE
    return token.at[:token.size].decode("ascii")


def protobuf(const uint8_t[::1] message not None):
    """(status name, [(field number, wire type, value)]): a varint's value is a number, any other's its bytes."""
    cdef Cursor c
    cdef TickBatch unused
    cdef uint32_t field = 0
    cdef int type = 0
    cdef uint64_t number = 0
    cdef Text text
    cdef const uint8_t* begun
    fields = []
    memset(&unused, 0, sizeof(unused))
    cursor_init(&c, first_of(message), message.shape[0], &unused)
    while next_field(&c, &field, &type):
        begun = c.at
        if type == VARINT:
            if varint(&c, &number):
                fields.append((field, type, number))
        elif type == LENGTH:
            if bytes_field(&c, type, &text):
                fields.append((field, type, text.at[:text.size]))
        elif pass_field(&c, type):
            fields.append((field, type, begun[:8 if type == FIXED64 else 4]))
    return STATUS_NAMES[c.status], fields if c.status == DECODED else None
