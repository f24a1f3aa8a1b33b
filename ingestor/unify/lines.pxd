"""Two lines to one provider: what one has brought already is not news when the other brings it.

Both lines of a redundant connection carry the same subscriptions, so that each record comes twice: at once, a
moment apart, or once where a line has lost it. Of each line it is remembered what it has brought and the other
has not: a list that is empty but for what is on its way. A record that waits there is a copy: it is taken out and
goes no further. Any other is news, and waits itself. So a trade that is printed twice on one line, identical to
the digit, is kept twice, and its copies on the other line meet one of them each.

What makes two records the same: a trade's id; without one the provider's number where it holds for all
connections, the venue's time, and the values. A record with none of id, number and time can only be told by its
values, which may come back: a copy of such a one is looked for UNDATED_NS back and no further.

A list begins with WAITING_START places and doubles while what would be pushed out is younger than WAITING_NS, up
to WAITING_MAX: beyond that the oldest is forgotten, and a copy that comes later passes as news, unless its id or
number is known (path.pxd).
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from ingestor.records cimport ABSENT, BAR, SNAPSHOT, TRADE, Tick, VALUES_MAX
from ingestor.unify.dedup cimport id_key
from ingestor.unify.hash cimport mix
from ingestor.unify.histogram cimport Histogram, observe
from ingestor.unify.sequence cimport SCOPE_CONNECTION, SCOPE_NONE, SCOPE_SESSION

cdef enum Line:
    ONLY_LINE = 0
    LINE_A = 1
    LINE_B = 2

cdef enum:
    WAITING_START = 16
    WAITING_MAX = 4096      # a second of the busiest market's quotes, on a line that is a second behind

cdef extern from *:
    """
    #define INGESTOR_WAITING_NS 60000000000LL   /* a line that is a minute behind is dead, and replaced by then */
    #define INGESTOR_UNDATED_NS 2000000000LL    /* the lines of a provider are milliseconds apart, seldom a second */
    /* Odd numbers without a pattern, from the digits of pi: one for each value. */
    static const uint64_t INGESTOR_ODD[6] = {
        0x243F6A8885A308D3ull, 0x13198A2E03707345ull, 0xA4093822299F31D1ull, 0x082EFA98EC4E6C89ull,
        0x452821E638D01377ull, 0xBE5466CF34E90C6Dull};
    """
    const uint64_t[6] INGESTOR_ODD
    const int64_t INGESTOR_WAITING_NS
    const int64_t INGESTOR_UNDATED_NS


cdef struct Waiting:
    uint64_t* keys          # one allocation for all four; 0: taken by the other line
    int64_t* times          # when received
    uint32_t* older         # place + 1 of the next older one in the same bucket, 0: none
    uint32_t* buckets       # place + 1 of the newest one
    uint32_t size           # a power of two; 0 before the first
    uint64_t begin, end     # positions: begin <= position < end wait; the place is position % size


cdef struct Lines:
    Waiting waiting[2]      # what A has brought and B has not; the other way round


cdef struct LineCounts:
    uint64_t first          # records that this line brought before the other, or alone
    uint64_t copies         # records that it brought after the other
    Histogram behind        # how long after
    int64_t ended_ns        # when the last frame came of its connection before the present one; INT64_MAX: none


cdef inline uint64_t record_key(const Tick* tick, int scope, bint* dated) noexcept nogil:
    """What both lines' copies of a record have in common, as 64 bits, never 0.

    Numbers of a connection differ from line to line; flags and the provider's own time are each copy's own.
    """
    cdef uint64_t key = tick.kind | <uint64_t> tick.side << 8 | <uint64_t> tick.present << 16, values = 0
    cdef int i
    dated[0] = True
    if tick.kind == TRADE and tick.id.at != NULL:
        return mix(<uint64_t> 0x6A09E667F3BCC909, id_key(tick.id)) | 1
    for i in range(VALUES_MAX):     # a sum of products, which a processor computes side by side
        if tick.present >> i & 1:
            values += (<uint64_t> tick.mantissa[i] ^ <uint64_t> <uint8_t> tick.exponent[i] << 56) * INGESTOR_ODD[i]
    if tick.sequence != ABSENT and scope != SCOPE_NONE and scope != SCOPE_CONNECTION and scope != SCOPE_SESSION:
        key = mix(key, <uint64_t> tick.sequence)
    elif tick.ts_event_ns == ABSENT:
        dated[0] = False
    if tick.kind >= BAR:
        key = mix(mix(mix(key, <uint64_t> tick.next_funding_ns), <uint64_t> tick.start_ns), <uint64_t> tick.count)
    return mix(mix(key, <uint64_t> tick.ts_event_ns), values) | 1


cdef inline uint32_t* bucket_of(const Waiting* list, uint64_t key) noexcept nogil:
    return &list.buckets[<uint32_t> (key >> 32) & (list.size - 1)]


cdef inline void unlink(Waiting* list, uint32_t* link) noexcept nogil:
    """Take out the place that `link` leads to."""
    cdef uint32_t place = link[0] - 1
    link[0] = list.older[place]
    list.keys[place] = 0


cdef inline void append(Waiting* list, uint64_t key, int64_t now_ns) noexcept nogil:
    """There is room."""
    cdef uint32_t place = <uint32_t> list.end & (list.size - 1)
    cdef uint32_t* link = bucket_of(list, key)
    list.keys[place] = key
    list.times[place] = now_ns
    list.older[place] = link[0]
    link[0] = place + 1
    list.end += 1


cdef inline bint widen(Waiting* list) noexcept nogil:
    """Double the list, or make the first one; 0 without memory."""
    cdef Waiting larger
    cdef uint32_t place
    cdef uint64_t position
    larger.size = list.size * 2 if list.size else WAITING_START
    larger.begin = larger.end = 0
    larger.keys = <uint64_t*> malloc(larger.size * (sizeof(uint64_t) + sizeof(int64_t) + 2 * sizeof(uint32_t)))
    if larger.keys == NULL:
        return False
    larger.times = <int64_t*> (larger.keys + larger.size)
    larger.older = <uint32_t*> (larger.times + larger.size)
    larger.buckets = larger.older + larger.size
    memset(larger.buckets, 0, larger.size * sizeof(uint32_t))
    for position in range(list.begin, list.end):
        place = <uint32_t> position & (list.size - 1)
        if list.keys[place]:
            append(&larger, list.keys[place], list.times[place])
    free(list.keys)
    list[0] = larger
    return True


cdef inline void forget_oldest(Waiting* list) noexcept nogil:
    cdef uint32_t place = <uint32_t> list.begin & (list.size - 1)
    cdef uint32_t* link
    if list.keys[place]:
        link = bucket_of(list, list.keys[place])
        while link[0] != place + 1:
            link = &list.older[link[0] - 1]
        unlink(list, link)
    list.begin += 1


cdef inline void wait(Waiting* list, uint64_t key, int64_t now_ns) noexcept nogil:
    """Remember what the other line has not brought. Without memory for a first list nothing is remembered."""
    while list.begin < list.end and list.keys[<uint32_t> list.begin & (list.size - 1)] == 0:
        list.begin += 1
    if list.end - list.begin == list.size:
        if list.size and (list.size == WAITING_MAX or now_ns - list.times[<uint32_t> list.begin & (list.size - 1)]
                          >= INGESTOR_WAITING_NS or not widen(list)):
            forget_oldest(list)
        elif list.size == 0 and not widen(list):
            return
    append(list, key, now_ns)


cdef inline int64_t meet(Waiting* list, uint64_t key, int64_t oldest_ns) noexcept nogil:
    """Take out the oldest of this key, but none from before `oldest_ns`: when it came; ABSENT for none."""
    cdef uint32_t* link
    cdef uint32_t* found = NULL
    cdef int64_t came_ns
    if list.begin == list.end:
        return ABSENT
    link = bucket_of(list, key)
    while link[0]:
        if list.keys[link[0] - 1] == key and list.times[link[0] - 1] >= oldest_ns:
            found = link
        link = &list.older[link[0] - 1]
    if found == NULL:
        return ABSENT
    came_ns = list.times[found[0] - 1]
    unlink(list, found)
    return came_ns


cdef inline bint is_copy(Lines* lines, const Tick* tick, int scope, int line, LineCounts* counts) noexcept nogil:
    """Whether the other line has brought this record already. `line` is LINE_A or LINE_B.

    What is replayed on subscribing meets what waits, but does not wait: it moves no price, so that its live copy
    on the other line must not be taken for known.
    """
    cdef bint dated
    cdef uint64_t key = record_key(tick, scope, &dated)
    cdef int64_t came_ns = meet(&lines.waiting[LINE_B - line], key,
                                ABSENT if dated else tick.ts_recv_ns - INGESTOR_UNDATED_NS)
    if came_ns != ABSENT:
        counts.copies += 1
        observe(&counts.behind, tick.ts_recv_ns - came_ns)
        return True
    counts.first += 1
    if not tick.flags & SNAPSHOT:
        wait(&lines.waiting[line - LINE_A], key, tick.ts_recv_ns)
    return False


cdef inline void lines_free(Lines* lines) noexcept nogil:
    free(lines.waiting[0].keys)
    free(lines.waiting[1].keys)
