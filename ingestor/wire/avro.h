/* Avro's primitives, written through a pointer.
 *
 * A long is zigzag, then seven bits a byte, least first. The eight low groups are spread at once
 * instead of one by one: a timestamp in nanoseconds takes nine bytes, and there are several a record.
 * No bounds are checked here: each function names the room that its caller has seen to.
 */
#ifndef INGESTOR_WIRE_AVRO_H
#define INGESTOR_WIRE_AVRO_H

#include <stdint.h>
#include <string.h>

#define LONG_BYTES_MAX 10 /* 64 bits in groups of seven */

static inline uint64_t avro_zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

/* How many bytes a long takes. */
static inline int avro_long_bytes(int64_t value) {
    return (64 - __builtin_clzll(avro_zigzag(value) | 1) + 6) / 7;
}

/* Needs LONG_BYTES_MAX bytes. Beyond one byte it writes eight, of which the returned end takes in those that
 * count. */
static inline uint8_t *avro_long(uint8_t *at, int64_t value) {
    const uint64_t zigzag = avro_zigzag(value);
    uint64_t groups = zigzag & 0x00FFFFFFFFFFFFFFu;
    if (zigzag < 128) {
        *at = (uint8_t)zigzag;
        return at + 1;
    }
    groups = (groups & 0x000000000FFFFFFFu) | ((groups & 0x00FFFFFFF0000000u) << 4);
    groups = (groups & 0x00003FFF00003FFFu) | ((groups & 0x0FFFC0000FFFC000u) << 2);
    groups = (groups & 0x007F007F007F007Fu) | ((groups & 0x3F803F803F803F80u) << 1);
    if (zigzag >> 56) {
        const uint64_t rest = zigzag >> 56; /* the top eight bits: a group and one bit */
        groups |= 0x8080808080808080u;
        memcpy(at, &groups, 8);
        at[8] = (uint8_t)(rest & 0x7F) | (uint8_t)(rest >> 7 << 7);
        at[9] = (uint8_t)(rest >> 7);
        return at + 9 + (rest >> 7);
    } else {
        const int bytes = (64 - __builtin_clzll(zigzag) + 6) / 7;
        groups |= 0x8080808080808080u & ((UINT64_C(1) << (8 * (bytes - 1))) - 1);
        memcpy(at, &groups, 8);
        return at + bytes;
    }
}

/* Eight bytes, IEEE 754, least significant first. */
static inline uint8_t *avro_double(uint8_t *at, double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "groups and doubles are stored as a little-endian machine holds them"
#endif
    memcpy(at, &bits, 8);
    return at + 8;
}

#endif
