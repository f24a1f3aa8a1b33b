"""Decimals and integers from text, exactly.

A decimal is mantissa x 10^exponent with at most DIGITS_MAX digits; no binary float is involved.
More digits: rounded half to even, and said so. Grammar: RFC 8259 number, leading zeros allowed
(strings that hold numbers have them; JSON numbers were checked by the scanner already).
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.math cimport fabs, isfinite
from libc.stdio cimport snprintf
from libc.stdlib cimport strtod

from ingestor.records cimport BAD_NUMBER, DECODED, DIGITS_MAX, NUMBER_RANGE

cdef enum:
    EXPONENT_MAX = 1000000      # an exponent's digits saturate here: far out of range either way


cdef inline int decimal_fit(uint64_t mantissa, int digits, long exponent, bint negative,
                            int64_t* mantissa_out, int8_t* exponent_out) noexcept nogil:
    """Shift digits between mantissa and exponent until the exponent fits int8."""
    if mantissa == 0:
        mantissa_out[0] = 0
        exponent_out[0] = 0
        return DECODED
    while exponent > 127 and digits < DIGITS_MAX:
        mantissa *= 10
        digits += 1
        exponent -= 1
    while exponent < -128 and mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    if exponent > 127 or exponent < -128:
        return NUMBER_RANGE
    mantissa_out[0] = -<int64_t> mantissa if negative else <int64_t> mantissa
    exponent_out[0] = <int8_t> exponent
    return DECODED


cdef inline int parse_decimal(const uint8_t* at, uint32_t size, int64_t* mantissa_out, int8_t* exponent_out,
                              bint* rounded) noexcept nogil:
    """DECODED, BAD_NUMBER or NUMBER_RANGE. `rounded` is set when digits were lost, else untouched."""
    cdef const uint8_t* end = at + size
    cdef const uint8_t* digits_at
    cdef uint64_t mantissa = 0
    cdef long exponent = 0, sent = 0
    cdef int digits = 0, round_digit = -1
    cdef bint negative = False, sticky = False, sent_negative = False
    cdef uint8_t digit
    if at < end and at[0] == 45:
        negative = True
        at += 1
    digits_at = at
    while at < end:
        digit = at[0] - 48
        if digit > 9:
            break
        at += 1
        if digits < DIGITS_MAX:
            mantissa = mantissa * 10 + digit
            digits += mantissa != 0
        else:
            exponent += 1
            if round_digit < 0:
                round_digit = digit
            elif digit:
                sticky = True
    if at == digits_at:
        return BAD_NUMBER
    if at < end and at[0] == 46:
        at += 1
        digits_at = at
        while at < end:
            digit = at[0] - 48
            if digit > 9:
                break
            at += 1
            if digits < DIGITS_MAX:
                mantissa = mantissa * 10 + digit
                digits += mantissa != 0
                exponent -= 1
            elif round_digit < 0:
                round_digit = digit
            elif digit:
                sticky = True
        if at == digits_at:
            return BAD_NUMBER
    if at < end and (at[0] | 32) == 101:
        at += 1
        if at < end and (at[0] == 43 or at[0] == 45):
            sent_negative = at[0] == 45
            at += 1
        digits_at = at
        while at < end:
            digit = at[0] - 48
            if digit > 9:
                break
            at += 1
            if sent < EXPONENT_MAX:
                sent = sent * 10 + digit
        if at == digits_at:
            return BAD_NUMBER
        exponent += -sent if sent_negative else sent
    if at != end:
        return BAD_NUMBER
    if round_digit > 0 or sticky:
        rounded[0] = True
        if round_digit > 5 or (round_digit == 5 and (sticky or mantissa & 1)):
            mantissa += 1       # at most 10^18, which int64 holds; decimal_fit needs no more room
    if exponent < -128 or exponent > 127 or mantissa == 0:
        return decimal_fit(mantissa, digits, exponent, negative, mantissa_out, exponent_out)
    mantissa_out[0] = -<int64_t> mantissa if negative else <int64_t> mantissa
    exponent_out[0] = <int8_t> exponent
    return DECODED


cdef inline int parse_integer(const uint8_t* at, uint32_t size, int64_t* out) noexcept nogil:
    """A whole number of decimal digits, sign allowed. BAD_NUMBER, or NUMBER_RANGE beyond 64 bits signed."""
    cdef const uint8_t* end = at + size
    cdef uint64_t value = 0
    cdef uint8_t digit
    cdef bint negative = False
    if at < end and at[0] == 45:
        negative = True
        at += 1
    if at == end:
        return BAD_NUMBER
    if end - at <= 18:          # 18 digits can't overflow
        while at < end:
            digit = at[0] - 48
            if digit > 9:
                return BAD_NUMBER
            value = value * 10 + digit
            at += 1
    else:
        while at < end:
            digit = at[0] - 48
            if digit > 9:
                return BAD_NUMBER
            if value > (<uint64_t> INT64_MAX - digit) // 10:
                return integer_tail(at, end)
            value = value * 10 + digit
            at += 1
    out[0] = -<int64_t> value if negative else <int64_t> value
    return DECODED


cdef inline int integer_tail(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Too large already: say whether the rest are digits at all."""
    while at < end:
        if at[0] - 48 > 9 or at[0] < 48:
            return BAD_NUMBER
        at += 1
    return NUMBER_RANGE


cdef extern from *:
    """
    static const double INGESTOR_POWERS[23] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    """
    const double[23] INGESTOR_POWERS


cdef inline double decimal_double(int64_t mantissa, int exponent) noexcept nogil:
    """The double nearest to mantissa x 10^exponent, to within 1 ulp (exact below 2^53 and 10^22).

    For pricing only; what leaves is made from mantissa and exponent.
    """
    cdef double value = <double> mantissa
    while exponent > 22:
        value *= 1e22
        exponent -= 22
    while exponent < -22:
        value /= 1e22
        exponent += 22
    return value * INGESTOR_POWERS[exponent] if exponent >= 0 else value / INGESTOR_POWERS[-exponent]


cdef inline int shortest_decimal(double value, int64_t* mantissa_out, int8_t* exponent_out) noexcept nogil:
    """The shortest decimal that reads back as `value` (what repr() prints): a faithful decimal for
    providers that send doubles. BAD_NUMBER for NaN and infinities."""
    cdef int places
    cdef double scaled
    cdef int64_t whole
    cdef char text[40]
    cdef bint rounded = False
    if not isfinite(value):
        return BAD_NUMBER
    if value == 0:
        mantissa_out[0] = 0
        exponent_out[0] = 0
        return DECODED
    # Below 2^53 and 10^22 both conversions are exact, so the first that reads back is the shortest.
    if fabs(value) < 9e15:
        for places in range(0, 16):
            scaled = value * INGESTOR_POWERS[places]
            if fabs(scaled) >= 9e15:
                break
            whole = <int64_t> (scaled + 0.5 if scaled >= 0 else scaled - 0.5)
            if <double> whole / INGESTOR_POWERS[places] == value and whole != 0:
                mantissa_out[0] = whole
                exponent_out[0] = <int8_t> -places
                return DECODED
    for places in range(1, 18):
        snprintf(text, sizeof(text), "%.*e", places - 1, value)
        if strtod(text, NULL) == value:
            break
    places = 0
    while text[places]:
        places += 1
    return parse_decimal(<const uint8_t*> text, places, mantissa_out, exponent_out, &rounded)
