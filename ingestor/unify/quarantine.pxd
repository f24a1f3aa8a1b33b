"""What could not be used, kept for people to look at: refused frames and unknown symbols.

Two rings of fixed size, so that a provider gone mad costs no memory. Counting is done elsewhere and
misses nothing; these only keep the newest examples.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from ingestor.records cimport Text
from ingestor.unify.hash cimport hash_text

cdef enum:
    REFUSED_BYTES_MAX = 4096    # of a frame: the captured trades, quotes and acks are far shorter
    UNKNOWNS_MAX = 64           # symbols; a person reads no longer list
    SYMBOL_BYTES_MAX = 64       # of an unknown symbol; the longest captured one has 30


cdef struct Refused:
    uint8_t* at             # owned
    size_t size             # as it came; min(size, REFUSED_BYTES_MAX) bytes are kept
    int64_t recv_ns
    uint32_t label          # of its connection
    int status              # DecodeStatus


cdef struct Quarantine:
    Refused* ring
    uint32_t capacity
    uint64_t count          # ever refused


cdef struct Unknown:
    uint64_t hashed
    uint64_t count
    uint32_t label          # of the connection that brought it
    uint32_t size
    uint8_t symbol[64]


cdef struct Unknowns:
    Unknown ring[64]
    uint64_t count          # distinct ones, as far as the ring remembers


cdef inline bint quarantine_init(Quarantine* quarantine, uint32_t capacity) noexcept nogil:
    quarantine.ring = <Refused*> calloc(capacity if capacity else 1, sizeof(Refused))
    quarantine.capacity = capacity
    return quarantine.ring != NULL


cdef inline void quarantine_free(Quarantine* quarantine) noexcept nogil:
    cdef uint32_t i
    for i in range(quarantine.capacity if quarantine.ring != NULL else 0):
        free(quarantine.ring[i].at)
    free(quarantine.ring)
    quarantine.ring = NULL


cdef inline void quarantine_add(Quarantine* quarantine, const uint8_t* at, size_t size, int64_t recv_ns,
                                uint32_t label, int status) noexcept nogil:
    """Copy the frame's head over the oldest one. Without memory only the copy is missing."""
    cdef uint32_t kept = <uint32_t> size if size < REFUSED_BYTES_MAX else REFUSED_BYTES_MAX
    cdef Refused* place
    cdef uint8_t* room
    quarantine.count += 1
    if quarantine.capacity == 0:
        return
    place = &quarantine.ring[(quarantine.count - 1) % quarantine.capacity]
    room = <uint8_t*> realloc(place.at, kept if kept else 1)
    if room == NULL:
        return
    memcpy(room, at, kept)
    place.at = room
    place.size = size
    place.recv_ns = recv_ns
    place.label = label
    place.status = status


cdef inline list quarantined(const Quarantine* quarantine):
    """(connection label, status, recv_ns, size, head of the frame) each, oldest first."""
    cdef uint64_t first = 0, i
    cdef const Refused* place
    frames = []
    if quarantine.count > quarantine.capacity:
        first = quarantine.count - quarantine.capacity
    for i in range(first, quarantine.count):
        place = &quarantine.ring[i % quarantine.capacity]
        if place.at != NULL:
            head = (<const char*> place.at)[:min(place.size, <size_t> REFUSED_BYTES_MAX)]
            frames.append((place.label, place.status, place.recv_ns, place.size, head))
    return frames


cdef inline void note_unknown(Unknowns* unknowns, Text symbol, uint32_t label) noexcept nogil:
    """Count a symbol that is in no instruments file; the newest UNKNOWNS_MAX distinct ones are kept."""
    cdef uint64_t hashed = hash_text(label, symbol)
    cdef uint32_t used = UNKNOWNS_MAX if unknowns.count > UNKNOWNS_MAX else <uint32_t> unknowns.count
    cdef uint32_t i
    cdef Unknown* place
    for i in range(used):
        if unknowns.ring[i].hashed == hashed:
            unknowns.ring[i].count += 1
            return
    place = &unknowns.ring[unknowns.count % UNKNOWNS_MAX]
    unknowns.count += 1
    place.hashed = hashed
    place.count = 1
    place.label = label
    place.size = symbol.size if symbol.size < SYMBOL_BYTES_MAX else SYMBOL_BYTES_MAX
    memcpy(place.symbol, symbol.at, place.size)


cdef inline list unknown_symbols(const Unknowns* unknowns):
    """(connection label, symbol, records) each."""
    cdef uint32_t used = UNKNOWNS_MAX if unknowns.count > UNKNOWNS_MAX else <uint32_t> unknowns.count
    cdef uint32_t i
    symbols = []
    for i in range(used):
        text = (<const char*> unknowns.ring[i].symbol)[:unknowns.ring[i].size].decode("utf-8", "replace")
        symbols.append((unknowns.ring[i].label, text, unknowns.ring[i].count))
    return symbols
