/* The records that every room shares: what a decoder fills, what pricing reads, what wire writes.
 *
 * Only plain C data lives here, with the limits that bound it. Nothing here knows a provider,
 * a topic or a method. Sizes are asserted: a field added by accident breaks the build.
 */
#ifndef INGESTOR_RECORDS_H
#define INGESTOR_RECORDS_H

#include <stdint.h>
#include <stddef.h>

/* "Absent" for every int64 field: times, sequences, counts. No provider can send it (a digit
 * string of -2^63 is refused as out of range). */
#define ABSENT INT64_MIN

#define VALUES_MAX 6               /* a bar has the most: open high low close volume vwap */
#define DIGITS_MAX 18              /* 10^18 - 1 < 2^63: the most digits an int64 always holds */
#define FRAME_BYTES_MAX (16u << 20) /* the largest frame a door hands on; 5.08 MB was captured */
#define DEPTH_MAX 512              /* nesting: beyond it a frame is refused (channel-map rule 5) */
#define TICKS_MAX (1u << 18)       /* 16 MiB of the smallest captured trade row (about 64 bytes) */
#define SCRATCH_BYTES_MAX FRAME_BYTES_MAX /* unescaped text is never longer than its frame */
#define CHANNELS_MAX 16            /* channels a provider declares; the most today is 9 */
#define PATH_NONE UINT32_MAX       /* symbol not in the instruments file */

/* Text borrowed from the frame, or from the batch's scratch when it held escapes.
 * Valid until the next decode into the same batch or the return of the door's callback. */
typedef struct Text {
    const uint8_t *at;  /* NULL: absent */
    uint32_t size;      /* bytes */
} Text;

/* One unified record. `mantissa[i] * 10^exponent[i]` is value i, exactly as sent; bit i of
 * `present` says whether it was sent. Which value is which depends on `kind` (enum Value). */
typedef struct Tick {
    int64_t mantissa[VALUES_MAX];
    int8_t exponent[VALUES_MAX];
    uint8_t present;          /* bit i: value i is present */
    uint8_t kind;             /* enum TickKind */
    uint8_t side;             /* enum Side, the taker's */
    uint8_t channel;          /* index into the provider's channels */
    uint16_t flags;           /* enum TickFlag */
    uint32_t path;            /* source path, set by unify; PATH_NONE when unknown */
    int64_t ts_event_ns;      /* venue's time, UTC epoch ns, ABSENT when not sent */
    int64_t ts_provider_ns;   /* provider's own time, aggregators only, else ABSENT */
    int64_t ts_recv_ns;       /* ours, UTC epoch ns */
    int64_t sequence;         /* provider's sequence, ABSENT when none */
    int64_t next_funding_ns;  /* reference only, else ABSENT */
    int64_t count;            /* bar only, else ABSENT */
    int64_t start_ns, end_ns; /* bar only; end exclusive, ABSENT when of no fixed length */
    Text symbol;              /* as the provider wrote it */
    Text venue;               /* aggregators: the venue named in the message; else absent */
    Text section;             /* aggregators: the instrument class named in the message; else absent */
    Text id;                  /* trade id, text with the digits sent */
    uint64_t record_sequence; /* per subscription, set by unify; rises by one a published record */
} Tick;

/* Where a decoder puts the records of one frame. Owned by the pipeline; grows to TICKS_MAX. */
typedef struct TickBatch {
    Tick *ticks;
    uint32_t count;
    uint32_t capacity;
    uint8_t *scratch;         /* text that held escapes, unescaped */
    uint32_t scratch_used;
    uint32_t scratch_capacity;
    uint64_t rounded;         /* decimals rounded half-even to DIGITS_MAX since start */
    int64_t frame_sequence;   /* the frame's own number on its connection; ABSENT before each decode */
} TickBatch;

/* One fair price as emitted (pricing.md 3.7). Prices are doubles: they are computed, not sent. */
typedef struct Fair {
    double price, conf, q25, q75;   /* NaN when status is UNAVAILABLE */
    double gate, n_eff, score;
    double anchor;                  /* M0: the weighted median before the gate */
    int64_t ts_event_ns;            /* newest venue time among used sources, ABSENT when none */
    int64_t ts_emit_ns;             /* ours */
    double age_freshest_s, age_oldest_s; /* of used sources */
    uint32_t status;                /* enum FairStatus */
    uint32_t n, n_used, venues_used;
    uint64_t version;               /* rises by one an evaluation */
} Fair;

_Static_assert(sizeof(Text) == 16, "Text is two words");
_Static_assert(sizeof(Tick) == 200, "Tick: a field was added or its order changed");
_Static_assert(sizeof(Fair) == 120, "Fair: a field was added or its order changed");

#endif
