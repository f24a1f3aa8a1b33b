"""The body of each record in Avro, field by field in the order of the schemas (*.avsc).

What a subscription's records share, and the index that stands for it in a block, is the Writer's; the
body is the same in all forms. Room is the caller's: BODY_BYTES_MAX, plus what is said at put_fair.
"""
from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from ingestor.records cimport ABSENT, BAR, Fair, QUOTE, REFERENCE, ROUNDED, TRADE, Text, Tick

cdef extern from "wire/decimal.h" nogil:
    ctypedef long long wide         # 128 bits; only ever copied here
    const int DECIMAL_EXACT
    const int DECIMAL_ROUNDED
    const int DECIMAL_BEYOND
    int decimal_scale(int64_t mantissa, int exponent, wide* out)
    uint8_t* decimal_put(uint8_t* at, wide value)

cdef extern from "wire/avro.h" nogil:
    int avro_long_bytes(int64_t value)
    uint8_t* avro_long(uint8_t* at, int64_t value)
    uint8_t* avro_double(uint8_t* at, double value)

cdef enum:
    ID_BYTES_MAX = 256          # a UUID has 36, the longest captured id 40
    # The largest is a trade: 6 longs of 11 bytes with their branches, an id with branch and length, two
    # decimals of 17, and 16 bytes that the last decimal writes before its end is known: 384.
    BODY_BYTES_MAX = 512


cdef struct Values:
    # The decimals of one record, scaled to 10^-18.
    wide scaled[6]
    uint8_t present


cdef inline int values_of(const Tick* tick, Values* values) noexcept nogil:
    """Scale what is present: DECIMAL_EXACT, DECIMAL_ROUNDED, or DECIMAL_BEYOND."""
    cdef int i, status, worst = DECIMAL_EXACT
    cdef int count = 6 if tick.kind == BAR else 2 if tick.kind == TRADE else 4
    values.present = tick.present
    for i in range(count):
        if tick.present >> i & 1:
            status = decimal_scale(tick.mantissa[i], tick.exponent[i], &values.scaled[i])
            if status > worst:
                worst = status
    return worst


cdef inline uint8_t* put_optional_long(uint8_t* at, int64_t value) noexcept nogil:
    """Branch 0 is null, branch 1 (zigzag 2) the long."""
    if value == ABSENT:
        at[0] = 0
        return at + 1
    at[0] = 2
    return avro_long(at + 1, value)


cdef inline uint8_t* put_optional_decimal(uint8_t* at, const Values* values, int i) noexcept nogil:
    if not values.present >> i & 1:
        at[0] = 0
        return at + 1
    at[0] = 2
    return decimal_put(at + 1, values.scaled[i])


cdef inline uint8_t* put_optional_text(uint8_t* at, Text text) noexcept nogil:
    if text.at == NULL:
        at[0] = 0
        return at + 1
    at[0] = 2
    at = avro_long(at + 1, text.size)
    memcpy(at, text.at, text.size)
    return at + text.size


cdef inline uint8_t* put_optional_double(uint8_t* at, double value) noexcept nogil:
    """NaN is null: readers' JSON has no word for it."""
    if isnan(value):
        at[0] = 0
        return at + 1
    at[0] = 2
    return avro_double(at + 1, value)


cdef inline uint8_t* put_body(uint8_t* at, const Tick* tick, const Values* values, int flags) noexcept nogil:
    """ts_event_ns to flags, then what the kind adds. Returns the end."""
    at = put_optional_long(at, tick.ts_event_ns)
    at = put_optional_long(at, tick.ts_provider_ns)
    at = avro_long(at, tick.ts_recv_ns)
    at = put_optional_long(at, tick.sequence)
    at = avro_long(at, <int64_t> tick.record_sequence)
    at = avro_long(at, flags)
    if tick.kind == TRADE:
        at = put_optional_text(at, tick.id)
        at = avro_long(at, tick.side)
        at = decimal_put(at, values.scaled[0])
        at = decimal_put(at, values.scaled[1])
    elif tick.kind == QUOTE:
        at = put_optional_decimal(at, values, 0)
        at = put_optional_decimal(at, values, 1)
        at = put_optional_decimal(at, values, 2)
        at = put_optional_decimal(at, values, 3)
    elif tick.kind == REFERENCE:
        at = put_optional_decimal(at, values, 0)
        at = put_optional_decimal(at, values, 1)
        at = put_optional_decimal(at, values, 2)
        at = put_optional_decimal(at, values, 3)
        at = put_optional_long(at, tick.next_funding_ns)
    else:
        at = put_optional_decimal(at, values, 0)
        at = put_optional_decimal(at, values, 1)
        at = put_optional_decimal(at, values, 2)
        at = put_optional_decimal(at, values, 3)
        at = put_optional_decimal(at, values, 4)
        at = put_optional_decimal(at, values, 5)
        at = put_optional_long(at, tick.count)
        at = put_optional_long(at, tick.start_ns)
        at = put_optional_long(at, tick.end_ns)
    return at


cdef inline uint8_t* put_fair(uint8_t* at, const Fair* fair, int64_t record_sequence) noexcept nogil:
    """ts_event_ns to age_oldest_s; the list of flagged sources, with its counts, is the Writer's."""
    at = put_optional_long(at, fair.ts_event_ns)
    at = avro_long(at, fair.ts_emit_ns)
    at = avro_long(at, record_sequence)
    at = avro_long(at, <int64_t> fair.version)
    at = avro_long(at, fair.status)
    at = put_optional_double(at, fair.price)
    at = put_optional_double(at, fair.conf)
    at = put_optional_double(at, fair.q25)
    at = put_optional_double(at, fair.q75)
    at = put_optional_double(at, fair.anchor)
    at = put_optional_double(at, fair.gate)
    at = avro_long(at, fair.n)
    at = avro_long(at, fair.n_used)
    at = avro_long(at, fair.venues_used)
    at = put_optional_double(at, fair.n_eff)
    at = put_optional_double(at, fair.score)
    at = put_optional_double(at, fair.age_freshest_s)
    at = put_optional_double(at, fair.age_oldest_s)
    return at
