/* Exact decimals as Avro wants them: bytes, logicalType decimal(38, 18), two's complement, big-endian.
 *
 * A value comes as mantissa x 10^exponent, exactly as the provider wrote it, and leaves as the
 * integer value x 10^18. 128 bits hold every integer of 38 digits (10^38 < 2^127). Nothing here knows
 * a record or a buffer: the caller sees to DECIMAL_BYTES_MAX + 1 bytes of room, whatever the value.
 */
#ifndef INGESTOR_WIRE_DECIMAL_H
#define INGESTOR_WIRE_DECIMAL_H

#include <stdint.h>
#include <string.h>

#define DECIMAL_SCALE 18
#define DECIMAL_PRECISION 38
#define DECIMAL_BYTES_MAX 16 /* 38 digits and a sign: 127 bits and a sign bit */

enum { DECIMAL_EXACT = 0, DECIMAL_ROUNDED = 1, DECIMAL_BEYOND = 2 };

typedef __int128 wide;

static const uint64_t decimal_tens[20] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u,
    100000000000u, 1000000000000u, 10000000000000u, 100000000000000u, 1000000000000000u,
    10000000000000000u, 100000000000000000u, 1000000000000000000u, 10000000000000000000u,
};

/* mantissa x 10^exponent, times 10^18. More digits after the point than 18 are rounded half to even
 * (DECIMAL_ROUNDED, unless they were zeros); 39 digits and more are DECIMAL_BEYOND and leave *out. */
static inline int decimal_scale(int64_t mantissa, int exponent, wide *out) {
    const int shift = exponent + DECIMAL_SCALE;
    const int negative = mantissa < 0;
    const uint64_t size = negative ? 0u - (uint64_t)mantissa : (uint64_t)mantissa;
    unsigned __int128 scaled;
    int status = DECIMAL_EXACT;

    if (shift >= 0) {
        if (size == 0) {
            scaled = 0;
        } else if (shift <= 19) { /* below 2^63 x 10^19 < 10^38 */
            scaled = (unsigned __int128)size * decimal_tens[shift];
        } else if (shift < DECIMAL_PRECISION && size < decimal_tens[DECIMAL_PRECISION - shift]) {
            scaled = (unsigned __int128)size * decimal_tens[19] * decimal_tens[shift - 19];
        } else {
            return DECIMAL_BEYOND;
        }
    } else if (shift >= -19) {
        const uint64_t divisor = decimal_tens[-shift], rest = size % divisor, half = divisor / 2;
        scaled = size / divisor;
        if (rest > half || (rest == half && (scaled & 1)))
            scaled += 1;
        status = rest ? DECIMAL_ROUNDED : DECIMAL_EXACT;
    } else { /* below 2^63 / 10^20, which is less than a half */
        scaled = 0;
        status = size ? DECIMAL_ROUNDED : DECIMAL_EXACT;
    }
    *out = negative ? -(wide)scaled : (wide)scaled;
    return status;
}

/* Length byte, then the fewest bytes that hold the value. Writes up to DECIMAL_BYTES_MAX bytes beyond
 * the length, of which the returned end takes in the ones that count. */
static inline uint8_t *decimal_put(uint8_t *at, wide value) {
    const unsigned __int128 bits = (unsigned __int128)value;
    const unsigned __int128 size = value < 0 ? ~bits : bits;
    const uint64_t high = (uint64_t)(size >> 64), low = (uint64_t)size;
    const int used = high ? 128 - __builtin_clzll(high) : low ? 64 - __builtin_clzll(low) : 0;
    const int bytes = used / 8 + 1; /* one bit more, for the sign */
    const unsigned __int128 aligned = bits << (8 * (DECIMAL_BYTES_MAX - bytes));
    const uint64_t first = __builtin_bswap64((uint64_t)(aligned >> 64));
    const uint64_t second = __builtin_bswap64((uint64_t)aligned);

    *at++ = (uint8_t)(2 * bytes); /* zigzag of a small count */
    memcpy(at, &first, 8);
    memcpy(at + 8, &second, 8);
    return at + bytes;
}

#endif
