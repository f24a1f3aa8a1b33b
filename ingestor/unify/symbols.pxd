"""From what a provider wrote to a source path: (provider, venue, section, symbol) -> path.

Open addressing over 64-bit hashes; a hit is proved by comparing the texts. The table owns its texts.
Built whole from the instruments and swapped whole: a reader never sees half a table.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from ingestor.records cimport PATH_NONE, Text
from ingestor.unify.hash cimport hash_text, mix


cdef struct Symbol:
    uint64_t hashed
    uint32_t path           # PATH_NONE: a free place
    uint32_t provider
    Text venue, section, symbol     # bytes in one allocation, which starts at venue.at


cdef struct SymbolTable:
    Symbol* places
    uint32_t capacity       # a power of two, twice `used` at least
    uint32_t used


cdef inline uint64_t scope_hash(uint32_t provider) noexcept nogil:
    """What the hash of every symbol of a provider starts with."""
    return mix(<uint64_t> 0x9E3779B97F4A7C15, provider)


cdef inline bint same(Text a, Text b) noexcept nogil:
    return a.size == b.size and (a.size == 0 or memcmp(a.at, b.at, a.size) == 0)


cdef inline uint32_t symbol_path(const SymbolTable* table, uint32_t provider, uint64_t scope, Text venue, Text section,
                                 Text symbol) noexcept nogil:
    """The path, or PATH_NONE. `scope` is scope_hash(provider). No text may be NULL with a size."""
    cdef uint64_t hashed = hash_text(hash_text(hash_text(scope, venue), section), symbol)
    cdef uint32_t place
    cdef const Symbol* found
    if table.capacity == 0:
        return PATH_NONE
    place = <uint32_t> hashed & (table.capacity - 1)
    while True:
        found = &table.places[place]
        if found.path == PATH_NONE:
            return PATH_NONE
        if (found.hashed == hashed and found.provider == provider and same(found.symbol, symbol)
                and same(found.venue, venue) and same(found.section, section)):
            return found.path
        place = (place + 1) & (table.capacity - 1)


cdef inline bint table_init(SymbolTable* table, uint32_t symbols) noexcept nogil:
    """Room for `symbols` entries; 0 when there is no memory."""
    cdef uint32_t i
    table.capacity = 16
    while table.capacity < symbols * 2:
        table.capacity *= 2
    table.used = 0
    table.places = <Symbol*> calloc(table.capacity, sizeof(Symbol))
    if table.places == NULL:
        table.capacity = 0
        return False
    for i in range(table.capacity):
        table.places[i].path = PATH_NONE
    return True


cdef inline bint table_add(SymbolTable* table, uint32_t provider, Text venue, Text section, Text symbol,
                           uint32_t path) noexcept nogil:
    """Copy the texts in; 0 when there is no memory. The caller has made room and has no doubles."""
    cdef uint8_t* texts = <uint8_t*> malloc(venue.size + section.size + symbol.size + 1)
    cdef uint64_t hashed = hash_text(hash_text(hash_text(scope_hash(provider), venue), section), symbol)
    cdef uint32_t place = <uint32_t> hashed & (table.capacity - 1)
    cdef Symbol* entry
    if texts == NULL:
        return False
    while table.places[place].path != PATH_NONE:
        place = (place + 1) & (table.capacity - 1)
    entry = &table.places[place]
    memcpy(texts, venue.at, venue.size)
    memcpy(texts + venue.size, section.at, section.size)
    memcpy(texts + venue.size + section.size, symbol.at, symbol.size)
    entry.hashed = hashed
    entry.path = path
    entry.provider = provider
    entry.venue = Text(at=texts, size=venue.size)
    entry.section = Text(at=texts + venue.size, size=section.size)
    entry.symbol = Text(at=texts + venue.size + section.size, size=symbol.size)
    table.used += 1
    return True


cdef inline void table_free(SymbolTable* table) noexcept nogil:
    cdef uint32_t i
    for i in range(table.capacity):
        if table.places[i].path != PATH_NONE:
            free(<void*> table.places[i].venue.at)
    free(table.places)
    table.places = NULL
    table.capacity = 0
