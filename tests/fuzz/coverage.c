/* Which edges of the compiled code one run takes: what makes the fuzzer's search guided.
 *
 * A debug build calls __sanitizer_cov_trace_pc() in every basic block (gcc -fsanitize-coverage=trace-pc).
 * An edge is a pair of blocks, counted in a byte of a map under a hash of both, as AFL does it
 * (lcamtuf.coredump.cx/afl/technical_details.txt, read November 2026): hash collisions cost a little guidance
 * and no correctness. Compiled by engine.py and loaded before everything else, with the sanitizers.
 * One thread only.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EDGES 32768     /* a decoder has a few thousand: most of them get a byte of their own */

static uint8_t hits[EDGES];     /* of this run, saturating */
static uint8_t seen[EDGES];     /* of all runs: a bit a class of hit counts */
static uint32_t previous;
static int tracing;
static void *placed;

void __sanitizer_cov_trace_pc(void)
{
    if (!tracing)
        return;
    uint32_t here = (uint32_t)((uint64_t)(uintptr_t)__builtin_return_address(0) * UINT64_C(0x9e3779b97f4a7c15) >> 49);
    uint8_t *hit = &hits[(here ^ previous) % EDGES];
    *hit += *hit < 255;
    previous = here >> 1;
}

/* 1, 2, 3, 4.., 8.., 16.., 32.., 128..: how often an edge was taken matters roughly. */
static uint8_t class_of(uint8_t count)
{
    return count < 4 ? 1 << (count - 1) : count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
}

void fuzz_begin(void)
{
    memset(hits, 0, sizeof hits);
    previous = 0;
    tracing = 1;
}

/* End a run: 2 when it took an edge that none took before, 1 when one more or less often, else 0. */
int fuzz_end(void)
{
    int news = 0;
    tracing = 0;
    for (size_t at = 0; at < EDGES; at += 8) {
        uint64_t eight;
        memcpy(&eight, hits + at, 8);
        for (size_t i = at; eight && i < at + 8; i++) {
            if (!hits[i] || seen[i] & class_of(hits[i]))
                continue;
            if (news < 2)
                news = seen[i] ? 1 : 2;
            seen[i] |= class_of(hits[i]);
        }
    }
    return news;
}

/* The edges of the last run, with their classes, as numbers; how many. */
size_t fuzz_edges(uint32_t *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < EDGES; i++)
        if (hits[i])
            out[count++] = i << 8 | class_of(hits[i]);
    return count;
}

size_t fuzz_edges_seen(void)
{
    size_t count = 0;
    for (size_t i = 0; i < EDGES; i++)
        count += seen[i] != 0;
    return count;
}

/* A copy of exactly these bytes on the heap, so that the sanitizer sees a read one byte beside them. */
const void *fuzz_place(const void *bytes, size_t size)
{
    free(placed);
    placed = malloc(size ? size : 1);
    return placed ? memcpy(placed, bytes, size) : NULL;
}
