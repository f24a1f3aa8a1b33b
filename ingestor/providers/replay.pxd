"""Which subscriptions of a connection still owe their replay: the flag of OKX and Hyperliquid.

Those providers push the last trade (or the last trades) of a stream as the first data frame after its
acknowledgement, hours old at times. The rule (channel-map): the first data frame of a (connection,
channel, symbol) after its acknowledgement is a snapshot; a second acknowledgement without an
unsubscribe between sets nothing again; with no acknowledgement seen, nothing is a snapshot.

An open-addressing table keyed by a 64-bit hash of channel and symbol. REPLAYS_MAX bounds it: OKX allows
64 KB of subscribe arguments a message and 480 messages an hour, and no feed packs more streams into a
connection. Beyond it an acknowledgement sets nothing, which only loses a flag, never a record.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from ingestor.scan.token cimport Token

cdef enum:
    REPLAYS_MAX = 65536
    REPLAY_FREE = 0         # never used: a search ends here
    REPLAY_GONE = 1         # unsubscribed: a search goes on
    REPLAY_DONE = 2         # its first data frame has been seen
    REPLAY_DUE = 3          # acknowledged; the next data frame is the replay


cdef struct Replays:
    uint64_t* keys
    uint8_t* states
    uint32_t capacity       # a power of two, twice what is used at least
    uint32_t used


cdef inline uint64_t stream_hash(const Token* channel, const Token* symbol) noexcept nogil:
    """FNV-1a over both texts with a zero byte between; never 0."""
    cdef uint64_t hashed = 14695981039346656037ull
    cdef uint32_t i
    for i in range(channel.size):
        hashed = (hashed ^ channel.at[i]) * 1099511628211ull
    hashed *= 1099511628211ull
    for i in range(symbol.size):
        hashed = (hashed ^ symbol.at[i]) * 1099511628211ull
    hashed ^= hashed >> 32
    return hashed if hashed else 1


cdef inline uint32_t replay_place(const Replays* table, uint64_t key) noexcept nogil:
    """Where the key is, or the free place that ends its search. The table is never full."""
    cdef uint32_t place = <uint32_t> key & (table.capacity - 1)
    while table.states[place] != REPLAY_FREE and table.keys[place] != key:
        place = (place + 1) & (table.capacity - 1)
    return place


cdef inline bint replay_grow(Replays* table) noexcept nogil:
    cdef Replays larger
    cdef uint32_t i, place
    larger.capacity = table.capacity * 2 if table.capacity else 64
    larger.used = table.used
    larger.keys = <uint64_t*> calloc(larger.capacity, sizeof(uint64_t))
    larger.states = <uint8_t*> calloc(larger.capacity, 1)
    if larger.keys == NULL or larger.states == NULL:
        free(larger.keys)
        free(larger.states)
        return False
    for i in range(table.capacity):
        if table.states[i] != REPLAY_FREE:
            place = replay_place(&larger, table.keys[i])
            larger.keys[place] = table.keys[i]
            larger.states[place] = table.states[i]
    free(table.keys)
    free(table.states)
    table[0] = larger
    return True


cdef inline void replay_acknowledged(Replays* table, uint64_t key) noexcept nogil:
    cdef uint32_t place
    if table.used * 2 >= table.capacity:
        if table.used >= REPLAYS_MAX or not replay_grow(table):
            return
    place = replay_place(table, key)
    if table.states[place] == REPLAY_FREE:
        table.used += 1
        table.keys[place] = key
    elif table.states[place] != REPLAY_GONE:
        return
    table.states[place] = REPLAY_DUE


cdef inline void replay_unsubscribed(Replays* table, uint64_t key) noexcept nogil:
    cdef uint32_t place
    if table.capacity:
        place = replay_place(table, key)
        if table.states[place] != REPLAY_FREE:
            table.states[place] = REPLAY_GONE


cdef inline bint replay_pending(const Replays* table, uint64_t key) noexcept nogil:
    """Whether the stream's next data frame is the replay."""
    return table.capacity != 0 and table.states[replay_place(table, key)] == REPLAY_DUE


cdef inline bint replay_due(Replays* table, uint64_t key) noexcept nogil:
    """Whether this data frame is the replay; asking settles it."""
    if not replay_pending(table, key):
        return False
    table.states[replay_place(table, key)] = REPLAY_DONE
    return True


cdef inline bint replay_one_of(Replays* table, uint64_t key, uint8_t most) noexcept nogil:
    """Whether this record is one of the replay's: of `most` records, unless replays_settle() comes before.

    What is counted stands above REPLAY_DUE, so that `most` is 200 at most.
    """
    cdef uint8_t* state
    if table.capacity == 0:
        return False
    state = &table.states[replay_place(table, key)]
    if state[0] < REPLAY_DUE:
        return False
    state[0] += 1
    if state[0] == REPLAY_DUE + most:
        state[0] = REPLAY_DONE
    return True


cdef inline void replays_settle(Replays* table) noexcept nogil:
    """No replay is due any more: the provider has said so."""
    cdef uint32_t i
    for i in range(table.capacity):
        if table.states[i] >= REPLAY_DUE:
            table.states[i] = REPLAY_DONE


cdef inline void* replays_new() noexcept nogil:
    return calloc(1, sizeof(Replays))


cdef inline void replays_free(void* state) noexcept nogil:
    cdef Replays* table = <Replays*> state
    free(table.keys)
    free(table.states)
    free(table)
