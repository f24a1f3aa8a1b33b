"""Which trade ids were seen already: the last IDS_MAX of a subscription, in a ring.

The ring starts at IDS_START and doubles when it wraps within WINDOW_NS, so that it covers about ten
minutes or IDS_MAX ids, whichever is less, and thousands of quiet markets stay small. While its ids rise,
as most venues number their trades, a new one is known by being higher than the last, and an old one found
by halving. Once one comes out of order a hash set stands beside the ring, five times the memory, until all
that it holds rises again.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from ingestor.records cimport ABSENT, Text
from ingestor.unify.hash cimport hash_text

cdef enum:
    IDS_START = 64
    IDS_MAX = 4096          # pricing.md 3.4 and architecture.md: the last 4096 ids of a path

cdef extern from *:
    """
    #define INGESTOR_WINDOW_NS 600000000000LL   /* ten minutes */
    """
    const int64_t INGESTOR_WINDOW_NS


cdef struct IdRing:
    uint64_t* ids           # in order of arrival
    uint64_t* places        # open addressing, 4 places an id, 0 free; NULL while all ids rise
    uint32_t size           # ids the ring holds; 0 before the first
    uint32_t next           # where the next id goes
    bint full
    uint32_t rising         # the last so many ids rise, at most the ring's
    int64_t turned_ns       # when it last wrapped


cdef inline uint64_t id_key(Text id) noexcept nogil:
    """Never 0. Up to 18 digits are their own key, exactly; other texts are hashed."""
    cdef uint64_t number = 0
    cdef uint32_t i
    cdef uint8_t digit
    if 0 < id.size <= 18 and (id.at[0] != 48 or id.size == 1):
        for i in range(id.size):
            digit = id.at[i] - 48
            if digit > 9:
                break
            number = number * 10 + digit
        else:
            return number << 1 | 1
    return (hash_text(<uint64_t> 0x51ED270B35C1F2A7, id) | 2) & ~<uint64_t> 1


cdef inline int64_t id_number(uint64_t key) noexcept nogil:
    """The number that an id of up to 18 digits is; ABSENT for any other text."""
    return <int64_t> (key >> 1) if key & 1 else ABSENT


cdef inline uint32_t id_home(const IdRing* ring, uint64_t key) noexcept nogil:
    return <uint32_t> ((key * <uint64_t> 0x9E3779B97F4A7C15) >> 40) & (ring.size * 4 - 1)


cdef inline uint32_t id_find(const IdRing* ring, uint64_t key) noexcept nogil:
    """Its place, or the free place where it would go."""
    cdef uint32_t place = id_home(ring, key)
    while ring.places[place] != 0 and ring.places[place] != key:
        place = (place + 1) & (ring.size * 4 - 1)
    return place


cdef inline void id_forget(IdRing* ring, uint64_t key) noexcept nogil:
    """Take a key out and close the gap, so that no search ends early."""
    cdef uint32_t wrap = ring.size * 4 - 1
    cdef uint32_t hole = id_find(ring, key), place, home
    if ring.places[hole] == 0:
        return
    place = hole
    while True:
        place = (place + 1) & wrap
        if ring.places[place] == 0:
            break
        home = id_home(ring, ring.places[place])
        if ((place - home) & wrap) >= ((place - hole) & wrap):
            ring.places[hole] = ring.places[place]
            hole = place
    ring.places[hole] = 0


cdef inline bint id_hash(IdRing* ring, uint32_t size) noexcept nogil:
    """Put a hash set of the ring's ids, with places for `size` ids, beside it."""
    cdef uint64_t* before = ring.places
    cdef uint32_t i, held = ring.size if ring.full else ring.next, old = ring.size
    cdef uint64_t* places = <uint64_t*> calloc(size * 4, sizeof(uint64_t))
    if places == NULL:
        return False
    ring.places, ring.size = places, size
    for i in range(held):
        places[id_find(ring, ring.ids[i])] = ring.ids[i]
    ring.size = old
    free(before)
    return True


cdef inline bint id_grow(IdRing* ring) noexcept nogil:
    """Double the ring (or make the first one). Only called when it has just wrapped, so order holds."""
    cdef uint32_t size = ring.size * 2 if ring.size else IDS_START
    cdef uint64_t* ids = <uint64_t*> realloc(ring.ids, size * sizeof(uint64_t))
    if ids == NULL:
        return False
    ring.ids = ids
    ring.next = ring.size
    if ring.places != NULL and not id_hash(ring, size):
        return False
    ring.size = size
    ring.full = False
    return True


cdef inline bint id_among(const IdRing* ring, uint64_t key) noexcept nogil:
    """Whether the key is in a ring whose ids rise."""
    cdef uint32_t oldest = ring.next if ring.full and ring.next < ring.size else 0, middle, low = 0
    cdef uint32_t high = ring.size if ring.full else ring.next
    while low < high:
        middle = (low + high) // 2
        if ring.ids[(oldest + middle) & (ring.size - 1)] < key:
            low = middle + 1
        else:
            high = middle
    return low < (ring.size if ring.full else ring.next) and ring.ids[(oldest + low) & (ring.size - 1)] == key


cdef inline bint id_repeats(IdRing* ring, uint64_t key, int64_t now_ns) noexcept nogil:
    """Whether the id was seen; remembers it when it was not. `now_ns` is the receive time.

    Without memory it is not remembered: a duplicate may pass, no trade is lost.
    """
    cdef uint64_t last
    if ring.size == 0:
        ring.turned_ns = now_ns
        if not id_grow(ring):
            return False
    last = ring.ids[ring.next - 1] if ring.next else ring.ids[ring.size - 1] if ring.full else 0
    if ring.places != NULL:
        if ring.places[id_find(ring, key)] == key:
            return True
    elif key <= last:
        if id_among(ring, key):
            return True
        if not id_hash(ring, ring.size):
            return False
    if ring.next == ring.size:
        if ring.size == IDS_MAX or now_ns - ring.turned_ns >= INGESTOR_WINDOW_NS or not id_grow(ring):
            ring.next = 0
            ring.full = True
        ring.turned_ns = now_ns
    if ring.places != NULL:
        if ring.full:
            id_forget(ring, ring.ids[ring.next])
        ring.places[id_find(ring, key)] = key
    ring.ids[ring.next] = key
    ring.next += 1
    ring.rising = min(ring.rising + 1, <uint32_t> IDS_MAX) if key > last else 1
    if ring.places != NULL and ring.full and ring.rising >= ring.size:
        free(ring.places)
        ring.places = NULL
    return False


cdef inline void ring_free(IdRing* ring) noexcept nogil:
    free(ring.ids)
    free(ring.places)
    ring.ids = NULL
    ring.places = NULL
    ring.size = 0
