/* Where a string ends: the one scan that is worth vector instructions.
 *
 * Each function returns the first byte in [at, end) that is a quote, a backslash or a control
 * character (below 0x20), or `end`. No byte outside [at, end) is read. Three bodies of one
 * signature: scalar (the reference), SSE2 (every x86-64 has it, so short strings stay inline) and
 * AVX2 (picked once at run time, for what is longer than one SSE2 step).
 */
#ifndef INGESTOR_SIMD_H
#define INGESTOR_SIMD_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint8_t *ingestor_string_end_scalar(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
        at++;
    return at;
}

#if defined(__x86_64__)
__attribute__((target("avx2")))
static const uint8_t *ingestor_string_end_avx2(const uint8_t *at, const uint8_t *end)
{
    const __m256i quote = _mm256_set1_epi8('"');
    const __m256i escape = _mm256_set1_epi8('\\');
    const __m256i control = _mm256_set1_epi8(0x1f);
    while (end - at >= 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
        __m256i hit = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, escape)),
            _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control), bytes));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(hit);
        if (mask)
            return at + __builtin_ctz(mask);
        at += 32;
    }
    return ingestor_string_end_scalar(at, end);
}
#endif

typedef const uint8_t *(*ingestor_string_end_function)(const uint8_t *, const uint8_t *);

static inline ingestor_string_end_function ingestor_pick_string_end(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return ingestor_string_end_avx2;
#endif
    return ingestor_string_end_scalar;
}

/* Not thread-safe on purpose: every thread would store the same pointer. */
static ingestor_string_end_function ingestor_string_end_long = NULL;

static inline const uint8_t *ingestor_string_end(const uint8_t *at, const uint8_t *end)
{
#if defined(__x86_64__)
    if (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        __m128i hit = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(hit);
        if (mask)
            return at + __builtin_ctz(mask);
        if (!ingestor_string_end_long)
            ingestor_string_end_long = ingestor_pick_string_end();
        return ingestor_string_end_long(at + 16, end);
    }
#endif
    return ingestor_string_end_scalar(at, end);
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
