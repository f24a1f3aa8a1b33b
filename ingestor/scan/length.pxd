"""Lengths of candles as providers spell them."""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

from ingestor.records cimport ABSENT, BAD_TIME
from ingestor.scan.cursor cimport Cursor, fail

cdef enum:
    LENGTH_DIGITS_MAX = 4       # 9999 weeks are the longest candle that int64 nanoseconds hold


cdef inline int64_t length_ns(const uint8_t* at, uint32_t size) noexcept nogil:
    """`1m`, `4H`, `1h`, `1D`, `1d`, `1W`, `30s`: nanoseconds; ABSENT for months and for what is no length.

    Case matters: `m` is a minute and `M` a month. What follows (`utc`, the rest of `1hr` and `1day`) is passed over.
    """
    cdef int64_t count = 0, unit
    cdef uint32_t i = 0
    while i < size and i < LENGTH_DIGITS_MAX and 48 <= at[i] <= 57:
        count = count * 10 + at[i] - 48
        i += 1
    if i == 0 or i == size or count == 0:
        return ABSENT
    if at[i] == 115:
        unit = 1
    elif at[i] == 109:
        unit = 60
    elif at[i] == 72 or at[i] == 104:
        unit = 3600
    elif at[i] == 68 or at[i] == 100:
        unit = 86400
    elif at[i] == 87:
        unit = 604800
    else:
        return ABSENT
    return count * unit * 1000000000


cdef inline bint later(Cursor* c, int64_t time_ns, int64_t by_ns, int64_t* out) noexcept nogil:
    """`time_ns + by_ns`; absent when either is, a fault when the sum does not fit."""
    out[0] = ABSENT
    if time_ns == ABSENT or by_ns == ABSENT:
        return True
    if time_ns > INT64_MAX - by_ns:
        return fail(c, BAD_TIME)
    out[0] = time_ns + by_ns
    return True
