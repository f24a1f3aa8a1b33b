"""What each column of a subscription's rows is: amberdata names them once, in its acknowledgement.

An open-addressing table keyed by a 64-bit hash of the subscription's id. SUBSCRIPTIONS_MAX bounds it: the provider
allows 100 subscriptions a connection, and no connection lives long enough to be given so many ids. Beyond it an
acknowledgement sets nothing: rows of unknown columns yield nothing, and are counted as ignored.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from ingestor.scan.token cimport Token

cdef enum:
    COLUMNS_MAX = 32            # further ones are checked and passed; the most documented are 17
    SUBSCRIPTIONS_MAX = 4096


cdef struct Columns:
    uint64_t key                # 0: a free place
    uint8_t fields[32]          # what column i holds, in the dialect's numbers


cdef struct ColumnsTable:
    Columns* places
    uint32_t capacity           # a power of two, twice what is used at least
    uint32_t used


cdef inline uint64_t id_hash(const Token* id) noexcept nogil:
    """Eight bytes at a time; never 0."""
    cdef uint64_t hashed = 14695981039346656037ull ^ id.size, word
    cdef uint32_t done = 0, left
    while done < id.size:
        left = id.size - done if id.size - done < 8 else 8
        word = 0
        memcpy(&word, id.at + done, left)
        hashed = (hashed ^ word) * 0x9E3779B97F4A7C15ull
        hashed ^= hashed >> 29
        done += left
    return hashed if hashed else 1


cdef inline Columns* columns_place(const ColumnsTable* table, uint64_t key) noexcept nogil:
    """Where the key is, or the free place that ends its search. The table is never full, and has places."""
    cdef uint32_t place = <uint32_t> key & (table.capacity - 1)
    while table.places[place].key != 0 and table.places[place].key != key:
        place = (place + 1) & (table.capacity - 1)
    return &table.places[place]


cdef inline bint columns_grow(ColumnsTable* table) noexcept nogil:
    cdef ColumnsTable larger
    cdef uint32_t i
    larger.capacity = table.capacity * 2 if table.capacity else 64
    larger.used = table.used
    larger.places = <Columns*> calloc(larger.capacity, sizeof(Columns))
    if larger.places == NULL:
        return False
    for i in range(table.capacity):
        if table.places[i].key != 0:
            columns_place(&larger, table.places[i].key)[0] = table.places[i]
    free(table.places)
    table[0] = larger
    return True


cdef inline Columns* columns_new(ColumnsTable* table, uint64_t key) noexcept nogil:
    """The place of the key, its columns those of before; NULL beyond the limit or without memory."""
    cdef Columns* place
    if table.used * 2 >= table.capacity and (table.used >= SUBSCRIPTIONS_MAX or not columns_grow(table)):
        return NULL
    place = columns_place(table, key)
    if place.key == 0:
        place.key = key
        table.used += 1
    return place


cdef inline const Columns* columns_of(const ColumnsTable* table, uint64_t key) noexcept nogil:
    """NULL when the key is unknown."""
    cdef const Columns* place
    if table == NULL or table.capacity == 0:
        return NULL
    place = columns_place(table, key)
    return place if place.key == key else NULL


cdef inline void* columns_table_new() noexcept nogil:
    return calloc(1, sizeof(ColumnsTable))


cdef inline void columns_table_free(void* state) noexcept nogil:
    free((<ColumnsTable*> state).places)
    free(state)
