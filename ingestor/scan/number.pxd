"""Decimals and integers from text, exactly.

A decimal is mantissa x 10^exponent with at most DIGITS_MAX digits; no binary float is involved.
More digits: rounded half to even, and said so. Grammar: RFC 8259 number, leading zeros allowed
(strings that hold numbers have them; JSON numbers were checked by the scanner already).
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.math cimport fabs, isfinite
from libc.stdio cimport snprintf
from libc.stdlib cimport strtod
from libc.string cimport memcpy

from ingestor.records cimport BAD_NUMBER, DECODED, DIGITS_MAX, NUMBER_RANGE

cdef enum:
    EXPONENT_MAX = 100000000    # an exponent's digits saturate here: no frame holds so many zeros to make up for it
    PLAIN_MAX = 16              # a number of so many bytes is read at once (simd.h), with 16 readable before its end


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
            mantissa += 1
            if mantissa == 1000000000000000000ull:     # one digit too many for decimal_fit
                mantissa //= 10
                exponent += 1
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
    """The double nearest to mantissa x 10^exponent: correctly rounded when the mantissa is below 2^53 and the
    exponent within 22 (both factors are exact then), else to within an ulp for each factor.

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


cdef extern from "shortest.h" nogil:
    const double INGESTOR_SHORTEST_MIN
    const double INGESTOR_SHORTEST_MAX
    uint64_t ingestor_shortest_digits(double value, int* places)


cdef inline int shortest_decimal(double value, int64_t* mantissa_out, int8_t* exponent_out) noexcept nogil:
    """The shortest decimal that reads back as `value` (what repr() prints): a faithful decimal for
    providers that send doubles. BAD_NUMBER for NaN and infinities."""
    cdef double size = fabs(value)
    cdef uint64_t whole
    cdef int places = 8
    if not isfinite(value):
        return BAD_NUMBER
    if size >= INGESTOR_SHORTEST_MAX or (size < INGESTOR_SHORTEST_MIN and size != 0):
        return shortest_printed(value, mantissa_out, exponent_out)
    # Decimals of up to 15 digits have a double each. Below 10^15 and up to 10^22 both factors are exact, so
    # the division rounds once: if it gives `value` back, no other decimal of so many places does, and the
    # shortest is this one without its trailing zeros. Most prices and sizes have at most 8 places.
    whole = <uint64_t> (size * 1e8 + 0.5) if size < 1e7 else 0
    if whole == 0 or <double> whole / 1e8 != size:
        places = 0
        while places < 22 and size * INGESTOR_POWERS[places + 1] < 1e15:
            places += 1
        whole = <uint64_t> (size * INGESTOR_POWERS[places] + 0.5)
        if <double> whole / INGESTOR_POWERS[places] != size:
            whole = ingestor_shortest_digits(size, &places)
    while places and whole % 10 == 0:
        whole //= 10
        places -= 1
    mantissa_out[0] = -<int64_t> whole if value < 0 else <int64_t> whole
    exponent_out[0] = <int8_t> -places
    return DECODED


cdef inline int shortest_printed(double value, int64_t* mantissa_out, int8_t* exponent_out) noexcept nogil:
    """The same for the very large and the very small, by trial: no price is so, and few sizes are.

    15 digits first, which have a double each (down to the subnormals, which no exponent reaches). Among
    decimals of one length printf's is the nearest, but above a power of two the nearest may lie below and
    read back as another double while its upper neighbour does not.
    """
    cdef char text[40]
    cdef char next_up[40]
    cdef int count
    cdef bint rounded = False
    for count in range(15, 18):
        snprintf(text, sizeof(text), "%.*e", count - 1, value)
        if strtod(text, NULL) == value:
            break
        if digits_up(text, next_up, count) and strtod(next_up, NULL) == value:
            memcpy(text, next_up, sizeof(text))
            break
    text[1 + (value < 0)] = 46      # whatever the locale's point is
    count = 0
    while text[count]:
        count += 1
    return parse_decimal(<const uint8_t*> text, count, mantissa_out, exponent_out, &rounded)


cdef inline bint digits_up(const char* text, char* to, int count) noexcept nogil:
    """`d.ddde+xx` with its `count` digits raised by one in the last place; 0 when they are all nines."""
    cdef int at = (1 if text[0] == 45 else 0) + count
    memcpy(to, text, 40)
    while count:
        if to[at] < 48:         # the point
            at -= 1
            continue
        if to[at] != 57:
            to[at] += 1
            return True
        to[at] = 48
        at -= 1
        count -= 1
    return False
