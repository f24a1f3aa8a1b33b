/* The byte scans that are worth vector instructions: where a string ends, where digits end, what
 * plain digits amount to, whether text is UTF-8.
 *
 * Bodies of one signature: scalar (the reference, and all there is off x86-64), SSE2 (every x86-64
 * has it, so it stays inline) and AVX2 (picked once at run time, for long strings). Each reads bytes
 * of [start, end) only, where `start` is the frame's first byte: near the end of a frame a window is
 * loaded that ends with the frame and begins before `at`. Machines are little-endian, as everywhere
 * in this product. implementations.pyx names the bodies for tests.
 */
#ifndef INGESTOR_SIMD_H
#define INGESTOR_SIMD_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The first byte in [at, end) that is a quote, a backslash or a control character (below 0x20), or
 * `end`. `*high` is made non-zero when a byte before it is not ASCII. */
static const uint8_t *ingestor_string_end_scalar(const uint8_t *at, const uint8_t *end, uint32_t *high)
{
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
        *high |= *at++ & 0x80;
    return at;
}

/* The first byte in [at, end) that is no decimal digit, or `end`. */
static inline const uint8_t *ingestor_digits_end_scalar(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (uint8_t)(*at - '0') <= 9)
        at++;
    return at;
}

/* The `size` bytes before `end` (1..16, at least 16 readable before it) as `digits[.digits]`: 1, with
 * the digits as a whole number and how many stood after the point. 0 for whatever else stands there. */
static int ingestor_plain_scalar(const uint8_t *end, uint32_t size, uint64_t *mantissa, int *places)
{
    uint64_t value = 0;
    int point = -1;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = end[(ptrdiff_t)i - (ptrdiff_t)size];
        if ((uint8_t)(byte - '0') <= 9)
            value = value * 10 + (byte - '0');
        else if (byte == '.' && point < 0 && i > 0 && i + 1 < size)
            point = (int)(size - 1 - i);
        else
            return 0;
    }
    *mantissa = value;
    *places = point < 0 ? 0 : point;
    return 1;
}

#if defined(__x86_64__)
/* Sixteen bytes from here + k: the last k of them are 0xff. */
static const uint8_t INGESTOR_TAIL[32] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

/* Bit i: byte i is a quote, a backslash, a control character or (as a signed byte it is below 0x20) not ASCII. */
static inline uint32_t ingestor_ascii_stops(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
        _mm_cmpgt_epi8(_mm_set1_epi8(0x20), bytes)));
}

/* The same without what is not ASCII. */
static inline uint32_t ingestor_string_stops(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes)));
}

static const uint8_t *ingestor_string_end_sse2(const uint8_t *at, const uint8_t *end, uint32_t *high)
{
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        uint32_t stops = ingestor_string_stops(bytes), highs = (uint32_t)_mm_movemask_epi8(bytes);
        if (stops) {
            *high |= highs & (stops ^ (stops - 1));
            return at + __builtin_ctz(stops);
        }
        *high |= highs;
    }
    return ingestor_string_end_scalar(at, end, high);
}

__attribute__((target("avx2")))
static const uint8_t *ingestor_string_end_avx2(const uint8_t *at, const uint8_t *end, uint32_t *high)
{
    const __m256i quote = _mm256_set1_epi8('"');
    const __m256i escape = _mm256_set1_epi8('\\');
    const __m256i control = _mm256_set1_epi8(0x1f);
    for (; end - at >= 32; at += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
        uint32_t stops = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(
            _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, escape)),
            _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control), bytes)));
        uint32_t highs = (uint32_t)_mm256_movemask_epi8(bytes);
        if (stops) {
            *high |= highs & (stops ^ (stops - 1));
            return at + __builtin_ctz(stops);
        }
        *high |= highs;
    }
    return ingestor_string_end_sse2(at, end, high);
}

static inline uint32_t ingestor_not_digits(__m128i bytes)
{
    __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    return 0xffff & ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values));
}

static inline int ingestor_plain_sse2(const uint8_t *end, uint32_t size, uint64_t *mantissa, int *places)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(end - 16));
    __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
    uint32_t digits = (uint32_t)_mm_movemask_epi8(is_digit) >> (16 - size);
    uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))) >> (16 - size);
    if ((digits | points) != (1u << size) - 1)
        return 0;
    values = _mm_and_si128(values, _mm_and_si128(is_digit, _mm_loadu_si128((const __m128i *)(INGESTOR_TAIL + size))));
    *places = 0;
    if (points) {
        if ((points & (points - 1)) || (points & 1) || points >> (size - 1))
            return 0;
        /* What stands before the point moves over it; the point itself is a zero byte by now. */
        int after = (int)size - 1 - __builtin_ctz(points);
        __m128i fraction = _mm_loadu_si128((const __m128i *)(INGESTOR_TAIL + after));
        values = _mm_or_si128(_mm_and_si128(fraction, values), _mm_slli_si128(_mm_andnot_si128(fraction, values), 1));
        *places = after;
    }
    /* 16 digits to 8 pairs, to 4 fours, to 2 eights. */
    __m128i pairs = _mm_add_epi16(_mm_mullo_epi16(_mm_and_si128(values, _mm_set1_epi16(0xff)), _mm_set1_epi16(10)),
                                  _mm_srli_epi16(values, 8));
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
    __m128i eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(1 << 16 | 10000));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    *mantissa = (both & 0xffffffff) * 100000000 + (both >> 32);
    return 1;
}
#endif

typedef const uint8_t *(*ingestor_string_end_function)(const uint8_t *, const uint8_t *, uint32_t *);

static inline ingestor_string_end_function ingestor_pick_string_end(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") ? ingestor_string_end_avx2 : ingestor_string_end_sse2;
#else
    return ingestor_string_end_scalar;
#endif
}

/* Not thread-safe on purpose: every thread would store the same pointer. */
static ingestor_string_end_function ingestor_string_end_long = NULL;

/* A string of more than 16 bytes, or within 16 bytes of the frame's end. */
__attribute__((noinline))
static const uint8_t *ingestor_string_end_rest(
    const uint8_t *start, const uint8_t *at, const uint8_t *end, uint32_t *high)
{
#if defined(__x86_64__)
    size_t left = (size_t)(end - at);
    if (left < 16 && (size_t)(end - start) >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(end - 16));
        uint32_t stops = ingestor_string_stops(bytes) >> (16 - left);
        uint32_t highs = (uint32_t)_mm_movemask_epi8(bytes) >> (16 - left);
        *high |= stops ? highs & (stops ^ (stops - 1)) : highs;
        return stops ? at + __builtin_ctz(stops) : end;
    }
#else
    (void)start;
#endif
    if (!ingestor_string_end_long)
        ingestor_string_end_long = ingestor_pick_string_end();
    return ingestor_string_end_long(at, end, high);
}

static inline const uint8_t *ingestor_string_end(
    const uint8_t *start, const uint8_t *at, const uint8_t *end, uint32_t *high)
{
#if defined(__x86_64__)
    if (__builtin_expect(end - at >= 16, 1)) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        uint32_t stops = ingestor_string_stops(bytes);
        if (__builtin_expect(stops != 0, 1)) {
            *high |= (uint32_t)_mm_movemask_epi8(bytes) & (stops ^ (stops - 1));
            return at + __builtin_ctz(stops);
        }
    }
#endif
    return ingestor_string_end_rest(start, at, end, high);
}

/* More than 16 digits, or digits within 16 bytes of the frame's end. */
__attribute__((noinline))
static const uint8_t *ingestor_digits_end_rest(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
#if defined(__x86_64__)
    size_t left = (size_t)(end - at);
    if (left < 16 && (size_t)(end - start) >= 16) {
        uint32_t others = ingestor_not_digits(_mm_loadu_si128((const __m128i *)(end - 16))) >> (16 - left);
        return others ? at + __builtin_ctz(others) : end;
    }
#else
    (void)start;
#endif
    return ingestor_digits_end_scalar(at, end);
}

static inline const uint8_t *ingestor_digits_end(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
#if defined(__x86_64__)
    if (__builtin_expect(end - at >= 16, 1)) {
        uint32_t others = ingestor_not_digits(_mm_loadu_si128((const __m128i *)at));
        if (__builtin_expect(others != 0, 1))
            return at + __builtin_ctz(others);
    }
#endif
    return ingestor_digits_end_rest(start, at, end);
}

static inline int ingestor_plain(const uint8_t *end, uint32_t size, uint64_t *mantissa, int *places)
{
#if defined(__x86_64__)
    return ingestor_plain_sse2(end, size, mantissa, places);
#else
    return ingestor_plain_scalar(end, size, mantissa, places);
#endif
}

/* Whether `,"x":` with a letter x stands at `at` (five readable bytes). */
static inline int ingestor_short_key(const uint8_t *at)
{
    uint32_t key;
    memcpy(&key, at + 1, 4);
    return at[0] == ',' && (key & 0xffff00ff) == 0x3a220022 && (uint8_t)((key >> 8 | 0x20) - 'a') < 26;
}

/* The size of the string of up to 15 bytes that begins at `at` (16 readable bytes), all of them ASCII and none
 * escaped; -1 for any other. */
static inline int ingestor_short_string(const uint8_t *at)
{
#if defined(__x86_64__)
    uint32_t stops = ingestor_ascii_stops(_mm_loadu_si128((const __m128i *)at)), size;
    if (__builtin_expect(stops == 0, 0))
        return -1;
    size = (uint32_t)__builtin_ctz(stops);
    return at[size] == '"' ? (int)size : -1;
#else
    return -1;
#endif
}

/* The size of the whole number of up to 15 digits at `at` (16 readable bytes); -1 where something else stands,
 * where a fraction or an exponent follows, and for a leading zero. */
static inline int ingestor_short_number(const uint8_t *at)
{
#if defined(__x86_64__)
    uint32_t others = ingestor_not_digits(_mm_loadu_si128((const __m128i *)at)), size;
    if (!others)
        return -1;
    size = (uint32_t)__builtin_ctz(others);
    if (size == 0 || at[size] == '.' || (at[size] | 0x20) == 'e' || (at[0] == '0' && size > 1))
        return -1;
    return (int)size;
#else
    return -1;
#endif
}

/* 1 when the bytes are valid UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
static inline int ingestor_utf8_valid(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    while (at < end) {
        uint8_t lead = *at;
        if (lead < 0x80) {
            at++;
            continue;
        }
        int more;
        uint32_t point, least;
        if (lead >= 0xC2 && lead <= 0xDF) { more = 1; point = lead & 0x1F; least = 0x80; }
        else if (lead >= 0xE0 && lead <= 0xEF) { more = 2; point = lead & 0x0F; least = 0x800; }
        else if (lead >= 0xF0 && lead <= 0xF4) { more = 3; point = lead & 0x07; least = 0x10000; }
        else return 0;
        if (end - at <= more)
            return 0;
        for (int i = 1; i <= more; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return 0;
            point = (point << 6) | (at[i] & 0x3F);
        }
        if (point < least || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return 0;
        at += more + 1;
    }
    return 1;
}

#endif
