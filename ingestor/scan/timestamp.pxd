"""Times as int64 nanoseconds since 1970-01-01T00:00:00Z. At or before that: ABSENT (rule 8)."""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

from ingestor.records cimport ABSENT, BAD_TIME, DECODED


cdef inline int scale_time(int64_t count, int64_t unit_ns, int64_t* out) noexcept nogil:
    """`count` units of `unit_ns` since the epoch."""
    if count <= 0:
        out[0] = ABSENT
        return DECODED
    if count > INT64_MAX // unit_ns:
        return BAD_TIME
    out[0] = count * unit_ns
    return DECODED


cdef inline int join_time(int64_t seconds, int64_t nanos, int64_t* out) noexcept nogil:
    """Seconds since the epoch (not negative) and nanoseconds within the second."""
    if seconds > INT64_MAX // 1000000000 or (seconds == INT64_MAX // 1000000000
                                             and nanos > INT64_MAX % 1000000000):
        return BAD_TIME
    out[0] = seconds * 1000000000 + nanos
    return DECODED


cdef inline int64_t days_from_civil(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 of a proleptic Gregorian date.

    Shifts the year to start in March, so that the leap day is last; 146097 days are 400 years.
    """
    cdef int64_t era, year_of_era, day_of_year
    if month <= 2:
        year -= 1
    era = (year if year >= 0 else year - 399) // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


cdef inline int two_digits(const uint8_t* at) noexcept nogil:
    """0..99, or a negative number when either byte is no digit."""
    cdef int tens = at[0] - 48, ones = at[1] - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1000000
    return tens * 10 + ones


cdef inline int month_days(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef inline int parse_iso_time(const uint8_t* at, uint32_t size, int64_t* out) noexcept nogil:
    """`2026-08-12T19:29:00[.fraction](Z|+hh:mm|-hh:mm)`; digits beyond nanoseconds are cut."""
    cdef const uint8_t* end = at + size
    cdef int year, month, day, hour, minute, second, scale = 100000000, offset_h, offset_m
    cdef int64_t seconds, fraction = 0
    if size < 20 or at[4] != 45 or at[7] != 45 or at[10] != 84 or at[13] != 58 or at[16] != 58:
        return BAD_TIME
    year = two_digits(at) * 100 + two_digits(at + 2)
    month = two_digits(at + 5)
    day = two_digits(at + 8)
    hour = two_digits(at + 11)
    minute = two_digits(at + 14)
    second = two_digits(at + 17)
    if year < 1 or month < 1 or month > 12 or day < 1 or hour < 0 or minute < 0 or second < 0:
        return BAD_TIME
    if day > month_days(year, month) or hour > 23 or minute > 59 or second > 59:
        return BAD_TIME
    at += 19
    if at[0] == 46:
        at += 1
        if at == end or at[0] < 48 or at[0] > 57:
            return BAD_TIME
        while at < end and 48 <= at[0] <= 57:
            fraction += (at[0] - 48) * scale
            scale //= 10
            at += 1
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    if at == end:
        return BAD_TIME
    if at[0] == 90:
        at += 1
    elif (at[0] == 43 or at[0] == 45) and end - at == 6 and at[3] == 58:
        offset_h = two_digits(at + 1)
        offset_m = two_digits(at + 4)
        if offset_h < 0 or offset_h > 23 or offset_m < 0 or offset_m > 59:
            return BAD_TIME
        seconds += (offset_h * 3600 + offset_m * 60) * (-1 if at[0] == 43 else 1)
        at += 6
    if at != end:
        return BAD_TIME
    if seconds < 0 or (seconds == 0 and fraction == 0):
        out[0] = ABSENT
        return DECODED
    return join_time(seconds, fraction, out)
