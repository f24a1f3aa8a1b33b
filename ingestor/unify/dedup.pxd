"""Which trade ids were seen already: the last IDS_MAX of a subscription, in a ring with a hash set.

The ring starts at IDS_START and doubles when it wraps within WINDOW_NS, so that it covers about ten
minutes or IDS_MAX ids, whichever is less, and thousands of quiet markets stay small.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

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
    uint64_t* places        # open addressing, 4 places an id, 0 free
    uint32_t size           # ids the ring holds; 0 before the first
    uint32_t next           # where the next id goes
    bint full
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


cdef inline bint id_grow(IdRing* ring) noexcept nogil:
    """Double the ring (or make the first one). Only called when it has just wrapped, so order holds."""
    cdef IdRing larger
    cdef uint32_t i
    larger.size = ring.size * 2 if ring.size else IDS_START
    larger.ids = <uint64_t*> calloc(larger.size, sizeof(uint64_t))
    larger.places = <uint64_t*> calloc(larger.size * 4, sizeof(uint64_t))
    if larger.ids == NULL or larger.places == NULL:
        free(larger.ids)
        free(larger.places)
        return False
    for i in range(ring.size):
        larger.ids[i] = ring.ids[i]
        larger.places[id_find(&larger, ring.ids[i])] = ring.ids[i]
    larger.next = ring.size
    larger.full = False
    larger.turned_ns = ring.turned_ns
    free(ring.ids)
    free(ring.places)
    ring[0] = larger
    return True


cdef inline bint id_repeats(IdRing* ring, uint64_t key, int64_t now_ns) noexcept nogil:
    """Whether the id was seen; remembers it when it was not. `now_ns` is the receive time.

    Without memory for a first ring nothing is remembered: a duplicate may pass, no trade is lost.
    """
    cdef uint32_t place
    if ring.size == 0:
        ring.turned_ns = now_ns
        if not id_grow(ring):
            return False
    place = id_find(ring, key)
    if ring.places[place] == key:
        return True
    if ring.next == ring.size:
        if ring.size < IDS_MAX and now_ns - ring.turned_ns < INGESTOR_WINDOW_NS and id_grow(ring):
            place = id_find(ring, key)
        else:
            ring.next = 0
            ring.full = True
        ring.turned_ns = now_ns
    if ring.full:
        id_forget(ring, ring.ids[ring.next])
        place = id_find(ring, key)
    ring.ids[ring.next] = key
    ring.places[place] = key
    ring.next += 1
    return False


cdef inline void ring_free(IdRing* ring) noexcept nogil:
    free(ring.ids)
    free(ring.places)
    ring.ids = NULL
    ring.places = NULL
    ring.size = 0
