"""The scan leaves as Python functions: for people, tests and differential checks, never for the hot path.

Where a leaf has several bodies, each is listed in IMPLEMENTATIONS and can be called by its name; `picked()`
says which one long strings get on this machine.
"""
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport ABSENT
from ingestor.scan.number cimport PLAIN_MAX, decimal_double, parse_decimal, parse_integer, shortest_decimal
from ingestor.scan.timestamp cimport parse_iso_time

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


def picked() -> str:
    """The body that strings of more than sixteen bytes get here."""
    return "avx2" if INGESTOR_HAS_AVX2 else "sse2" if INGESTOR_HAS_X86 else "scalar"


def string_end(str implementation, const uint8_t[::1] frame not None, Py_ssize_t start=0):
    """(where the string that begins at `start` stops, whether it holds bytes beyond ASCII)."""
    cdef const uint8_t* first = &frame[0] if frame.shape[0] else <const uint8_t*> b""
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
    cdef const uint8_t* first = &frame[0] if frame.shape[0] else <const uint8_t*> b""
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


def utf8_valid(bytes text not None) -> bool:
    return bool(ingestor_utf8_valid(<const uint8_t*> <char*> text, len(text)))


def decimal(bytes text not None):
    """(status name, mantissa, exponent, whether digits were lost)."""
    cdef int64_t mantissa = 0
    cdef int8_t exponent = 0
    cdef bint rounded = False
    status = parse_decimal(<const uint8_t*> <char*> text, <uint32_t> len(text), &mantissa, &exponent, &rounded)
    return STATUS_NAMES[status], mantissa, exponent, rounded


def integer(bytes text not None):
    """(status name, number)."""
    cdef int64_t number = 0
    status = parse_integer(<const uint8_t*> <char*> text, <uint32_t> len(text), &number)
    return STATUS_NAMES[status], number


def iso_time(bytes text not None):
    """(status name, epoch ns or None)."""
    cdef int64_t time_ns = 0
    status = parse_iso_time(<const uint8_t*> <char*> text, <uint32_t> len(text), &time_ns)
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
