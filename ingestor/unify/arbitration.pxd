"""Arbitration: one market's trades through several providers, each of them counted once.

What a provider brings first is the trade; what others bring of it is an echo: published, and flagged, but no more
volume. Leaves; the memory's owner is arbitration_table.pyx. Markets that one provider brings have no Market at all.

Two records are the same trade when they carry the same id of the exchange. Where one of the two has none (a channel
declares whose its ids are: Channel.trade_ids), they are when price and size agree and the venue's times are at most
INGESTOR_APART_NS apart; a record meets the oldest such trade that its provider has not brought, one to one, so that
prints alike to the digit are told by their number. A record without a venue's time is placed by its receipt.

An id that a provider brings twice (over two channels, or two markets of it that are one) is neither a trade nor an
echo, and counts no volume. Channels whose records merge several trades can't be compared with single ones: they
count volume only where no single trades come.

A trade is open for INGESTOR_SETTLE_NS of receive time. Then it is settled: each provider that has joined (brought a
trade of the market before) and has not brought this one has missed it (`missing`), unless nothing at all came over its
connection since (`absent`: disconnected, or mute). What comes of it later still is an echo, and `overdue`. Settled
trades stay known until their place is needed. Replays of a history, and snapshots, count as brought, but not as first
or echo, and have no delay.
"""
from libc.math cimport fabs
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from ingestor.records cimport ABSENT, ECHO, PRICE, REPLAY, SIDE_UNKNOWN, SIZE, SNAPSHOT, Tick
from ingestor.unify.dedup cimport id_key
from ingestor.unify.hash cimport mix
from ingestor.unify.histogram cimport Histogram, observe
from ingestor.unify.value cimport as_double

cdef enum:
    MEMBERS_MAX = 32        # providers of one market, a bit each; 23 dialects are known
    ARRIVALS_START = 16
    ARRIVALS_MAX = 16384    # 1,600 trades a second for the ten seconds that they are open: 1.4 MB in the busiest market
    CHAIN_MAX = 64          # known trades of one hash that are looked at for one record

cdef enum TradeIds:         # Channel.trade_ids
    IDS_PROVIDER = 0
    IDS_EXCHANGE = 1
    IDS_MERGED = 2

cdef extern from *:
    """
    #define INGESTOR_SETTLE_NS 10000000000LL    /* pricing.md has no figure; providers are milliseconds apart, seldom seconds */
    #define INGESTOR_APART_NS 1000000000LL      /* CryptoCompare cuts some markets' times to seconds: less than one apart */
    #define INGESTOR_SINGLE_NS 600000000000LL   /* no single trade for ten minutes: nobody brings them any more */
    #define INGESTOR_SAME 1e-11                 /* relative; what a provider's double of 15 digits leaves of a decimal */
    #define ingestor_lowest(mask) __builtin_ctz(mask)
    static inline uint64_t ingestor_double_bits(double value) {
        union { double value; uint64_t bits; } as = {value};
        return as.bits;
    }
    """
    const int64_t INGESTOR_SETTLE_NS
    const int64_t INGESTOR_APART_NS
    const int64_t INGESTOR_SINGLE_NS
    const double INGESTOR_SAME
    uint32_t ingestor_lowest(uint32_t mask) noexcept nogil
    uint64_t ingestor_double_bits(double value) noexcept nogil


cdef struct Arrival:
    # One trade that somebody has brought.
    uint64_t id             # key of the exchange's id; 0: nobody has told one yet
    uint64_t values         # key of price and size
    int64_t event_ns        # venue's time; without one, when it was received
    int64_t first_ns        # when it first came, live if it came live
    double price, size
    uint32_t brought        # by which members
    uint32_t id_older       # position of the next older one in the same bucket of ids, its low 32 bits
    uint32_t older, newer   # place + 1 of the neighbours in its bucket of values; 0: none
    uint8_t live            # False: only replayed so far
    uint8_t waiting         # stands in its bucket of values: somebody who is there may still bring it
    uint8_t side


cdef struct Member:
    # A provider of the market.
    const int64_t* heard    # when something last came over the connection of its trades; NULL: it is closed
    int64_t since_ns        # its trades come over that connection since then
    int64_t until_ns        # when something last came over the one before; ABSENT: there was none
    uint64_t firsts         # trades that it brought before all others, or alone
    uint64_t echoes         # that another had brought before, within the time that they were open
    uint64_t overdue        # that it brought later than that: they are among the missing or absent
    uint64_t missing
    uint64_t absent
    uint64_t prices, sizes, sides   # mismatches: echoes by id that differ from the first in that
    Histogram* delays       # of its echoes behind the first; providers share it by (provider, venue, data class)


cdef struct Market:
    Arrival* arrivals       # one allocation for all four; the place of a position is position % size
    uint32_t* ids           # by hash: position of the newest one, its low 32 bits
    uint32_t* heads         # by hash of values: place + 1 of the oldest one, and of the newest one
    uint32_t* tails
    Member* members
    uint64_t begin, settled, end    # positions: begin <= position < end are known, from `settled` on they are open
    uint64_t forgotten      # that were open when they had to go: nobody is said to lack them
    uint32_t size           # a power of two; 0 before the first
    uint32_t members_count
    uint32_t joined         # members that have brought a trade
    uint32_t present        # of them, those whose connection is open


cdef inline Arrival* arrival_at(const Market* market, uint64_t position) noexcept nogil:
    return &market.arrivals[<uint32_t> position & (market.size - 1)]


cdef inline uint64_t rounded_bits(double value) noexcept nogil:
    """A double to 36 bits: a double of 15 digits and the decimal that it was made of round alike."""
    return (ingestor_double_bits(value) + 0x8000) >> 16


cdef inline uint64_t values_key(double price, double size) noexcept nogil:
    return mix(mix(<uint64_t> 0x6C62272E07BB0142, rounded_bits(price)), rounded_bits(size))


cdef inline uint64_t apart_ns(int64_t a, int64_t b) noexcept nogil:
    return <uint64_t> a - <uint64_t> b if a > b else <uint64_t> b - <uint64_t> a


cdef inline bint differ(double a, double b) noexcept nogil:
    return not fabs(a - b) <= fabs(a) * INGESTOR_SAME


cdef inline uint32_t bucket_of(const Market* market, uint64_t key) noexcept nogil:
    return <uint32_t> ((key * <uint64_t> 0x9E3779B97F4A7C15) >> 32) & (market.size - 1)


cdef inline void link_values(Market* market, uint32_t place) noexcept nogil:
    """Behind the newest of its bucket."""
    cdef Arrival* arrival = &market.arrivals[place]
    cdef uint32_t bucket = bucket_of(market, arrival.values)
    arrival.newer = 0
    arrival.older = market.tails[bucket]
    if arrival.older:
        market.arrivals[arrival.older - 1].newer = place + 1
    else:
        market.heads[bucket] = place + 1
    market.tails[bucket] = place + 1
    arrival.waiting = True


cdef inline void unlink_values(Market* market, Arrival* arrival) noexcept nogil:
    cdef uint32_t bucket = bucket_of(market, arrival.values)
    if not arrival.waiting:
        return
    if arrival.older:
        market.arrivals[arrival.older - 1].newer = arrival.newer
    else:
        market.heads[bucket] = arrival.newer
    if arrival.newer:
        market.arrivals[arrival.newer - 1].older = arrival.older
    else:
        market.tails[bucket] = arrival.older
    arrival.waiting = False


cdef inline void link_id(Market* market, uint64_t position, uint64_t id) noexcept nogil:
    """Into the chain of its bucket, which falls in position: where it ends, all the rest is overwritten."""
    cdef uint32_t* link = &market.ids[bucket_of(market, id)]
    cdef Arrival* arrival = arrival_at(market, position)
    cdef uint32_t age, _i
    for _i in range(CHAIN_MAX):
        age = <uint32_t> market.end - link[0]
        if age == 0 or age > market.end - market.begin or market.end - age < position:
            break
        link = &arrival_at(market, market.end - age).id_older
    arrival.id = id
    arrival.id_older = link[0]
    link[0] = <uint32_t> position


cdef inline bint widen(Market* market) noexcept nogil:
    """Twice the room, or the first; 0 without memory."""
    cdef Market larger = market[0]
    cdef Arrival* old
    cdef uint64_t position
    cdef uint32_t place
    larger.size = market.size * 2 if market.size else ARRIVALS_START
    larger.arrivals = <Arrival*> malloc(larger.size * (sizeof(Arrival) + 3 * sizeof(uint32_t)))
    if larger.arrivals == NULL:
        return False
    larger.ids = <uint32_t*> (larger.arrivals + larger.size)
    larger.heads = larger.ids + larger.size
    larger.tails = larger.heads + larger.size
    memset(larger.ids, 0, 3 * larger.size * sizeof(uint32_t))
    for position in range(market.begin, market.end):
        old = arrival_at(market, position)
        place = <uint32_t> position & (larger.size - 1)
        memcpy(&larger.arrivals[place], old, sizeof(Arrival))
        if old.id:
            link_id(&larger, position, old.id)
        if old.waiting:
            link_values(&larger, place)
    free(market.arrivals)
    market[0] = larger
    return True


cdef inline bint was_there(const Member* member, int64_t at_ns) noexcept nogil:
    """Whether something came from it after this time, over the connection that it had then."""
    if member.heard != NULL and at_ns >= member.since_ns:
        return member.heard[0] >= at_ns
    return member.until_ns != ABSENT and at_ns <= member.until_ns


cdef inline void settle(Market* market, int64_t now_ns) noexcept nogil:
    """Settle what has been open long enough. Each trade once; the sweep leaves no more than a second's."""
    cdef const Arrival* arrival
    cdef Member* member
    cdef uint32_t lacking
    while market.settled < market.end:
        arrival = arrival_at(market, market.settled)
        if now_ns - arrival.first_ns < INGESTOR_SETTLE_NS:
            return
        market.settled += 1
        lacking = market.joined & ~arrival.brought if arrival.live else 0
        while lacking:
            member = &market.members[ingestor_lowest(lacking)]
            lacking &= lacking - 1
            if was_there(member, arrival.first_ns):
                member.missing += 1
            elif member.until_ns != ABSENT or arrival.first_ns >= member.since_ns:  # else it had not joined yet
                member.absent += 1


cdef inline void join(Market* market, uint32_t number, const int64_t* heard, int64_t now_ns) noexcept nogil:
    """A live trade of this member came over the connection whose last receipt is `heard`."""
    cdef Member* member = &market.members[number]
    if member.heard != heard:
        if member.heard != NULL:        # the other line of a redundant connection, or one that is closing
            member.until_ns = member.heard[0]
        member.heard = heard
        member.since_ns = now_ns
    market.joined |= <uint32_t> 1 << number
    market.present |= <uint32_t> 1 << number


cdef inline void leave(Market* market, uint32_t number, const int64_t* heard) noexcept nogil:
    """The connection whose last receipt is `heard` is closed."""
    cdef Member* member = &market.members[number]
    if member.heard == heard:
        member.until_ns = heard[0]
        member.heard = NULL
        market.present &= ~(<uint32_t> 1 << number)


cdef inline int64_t find_id(const Market* market, uint64_t id) noexcept nogil:
    """Position of the trade with this id; -1: none."""
    cdef uint32_t older, age, _i
    if market.size == 0:
        return -1
    older = market.ids[bucket_of(market, id)]
    for _i in range(CHAIN_MAX):
        age = <uint32_t> market.end - older     # beyond what is known: the chain's rest has been overwritten
        if age == 0 or age > market.end - market.begin:
            return -1
        if arrival_at(market, market.end - age).id == id:
            return <int64_t> (market.end - age)
        older = arrival_at(market, market.end - age).id_older
    return -1


cdef inline int64_t find_values(const Market* market, uint64_t values, uint64_t id, int64_t event_ns,
                                uint32_t bit) noexcept nogil:
    """Position of the oldest trade that this may be, of those that the member has not brought; -1: none."""
    cdef const Arrival* arrival
    cdef uint32_t place, _i
    if market.size == 0:
        return -1
    place = market.heads[bucket_of(market, values)]
    for _i in range(CHAIN_MAX):
        if place == 0:
            return -1
        arrival = &market.arrivals[place - 1]
        if (arrival.values == values and not arrival.brought & bit and (id == 0 or arrival.id == 0)
                and apart_ns(arrival.event_ns, event_ns) <= INGESTOR_APART_NS):
            # The position of a place: the newest one that lies there.
            return <int64_t> (market.end - 1 - ((<uint32_t> (market.end - 1) - (place - 1)) & (market.size - 1)))
        place = arrival.newer
    return -1


cdef inline bint make_room(Market* market, bint live) noexcept nogil:
    """For one more; the oldest goes when it is settled. 0: for this one there is none.

    Where only one provider has come so far, nothing grows: there is nobody to compare it with. Neither does
    anything for replays, which come by thousands.
    """
    cdef bint compared = market.joined & (market.joined - 1) != 0
    if market.end - market.begin < market.size:
        return True
    if market.begin == market.settled:      # the oldest is open; of an empty ring, there is none
        if (market.size == 0 or (live and compared and market.size < ARRIVALS_MAX)) and widen(market):
            return True
        if market.size == 0 or (compared and not live):
            return False
        market.forgotten += compared
        market.settled += 1
    unlink_values(market, arrival_at(market, market.begin))
    market.begin += 1
    return True


cdef inline void remember(Market* market, uint64_t id, uint64_t values, int64_t event_ns, double price, double size,
                          uint32_t bit, const Tick* tick, bint live) noexcept nogil:
    """A trade that nobody has brought before."""
    cdef Arrival* arrival
    if not make_room(market, live):
        return
    arrival = arrival_at(market, market.end)
    arrival.values = values
    arrival.event_ns = event_ns
    arrival.first_ns = tick.ts_recv_ns
    arrival.price = price
    arrival.size = size
    arrival.brought = bit
    arrival.live = live
    arrival.side = tick.side
    arrival.id = 0
    if id:
        link_id(market, market.end, id)
    link_values(market, <uint32_t> market.end & (market.size - 1))
    market.end += 1


cdef inline void compare(Member* member, const Arrival* first, double price, double size, int side) noexcept nogil:
    """Of two records with one id: what differs."""
    member.prices += differ(first.price, price)
    member.sizes += differ(first.size, size)
    member.sides += side != first.side and side != SIDE_UNKNOWN and first.side != SIDE_UNKNOWN


cdef inline bint merged_counts(Market* market, int64_t now_ns) noexcept nogil:
    """Whether a record that merges trades adds volume: only where nobody brings single ones."""
    return (not market.present or market.begin == market.end
            or now_ns - arrival_at(market, market.end - 1).first_ns > INGESTOR_SINGLE_NS)


cdef inline bint arbitrate(Market* market, uint32_t number, int trade_ids, Tick* tick,
                           const int64_t* heard) noexcept nogil:
    """Whether the trade adds volume; flags an ECHO. `number` is the member's, `heard` its connection's last receipt.

    `heard` is read until the connection is closed (Arbitration.left).
    """
    cdef Member* member = &market.members[number]
    cdef bint live = not tick.flags & (SNAPSHOT | REPLAY), by_id
    cdef uint32_t bit = <uint32_t> 1 << number
    cdef uint64_t id, values
    cdef int64_t now_ns = tick.ts_recv_ns, position
    cdef int64_t event_ns = tick.ts_event_ns if tick.ts_event_ns != ABSENT else now_ns
    cdef double price = as_double(tick.mantissa[<int> PRICE], tick.exponent[<int> PRICE])
    cdef double size = as_double(tick.mantissa[<int> SIZE], tick.exponent[<int> SIZE])
    cdef Arrival* first
    if trade_ids == IDS_MERGED:
        return merged_counts(market, now_ns)
    settle(market, now_ns)
    if live:
        join(market, number, heard, now_ns)
    id = id_key(tick.id) if trade_ids == IDS_EXCHANGE and tick.id.at != NULL else 0
    values = values_key(price, size)
    position = find_id(market, id) if id else -1
    by_id = position >= 0
    if not by_id:
        position = find_values(market, values, id, event_ns, bit)
    if position < 0:
        remember(market, id, values, event_ns, price, size, bit, tick, live)
        member.firsts += live
        return True
    first = arrival_at(market, <uint64_t> position)
    if first.brought & bit:
        return False        # its own repeat; only an id can tell
    tick.flags |= ECHO
    first.brought |= bit
    if not first.id and id:
        link_id(market, <uint64_t> position, id)
    if not market.present & ~first.brought:
        unlink_values(market, first)
    if by_id:
        compare(member, first, price, size, tick.side)
    if not live:
        return False
    if not first.live:      # replayed before it came: known to readers, but nobody's volume yet
        first.live = True
        first.first_ns = now_ns
        member.firsts += 1
        return True
    if <uint64_t> position < market.settled:
        member.overdue += 1
    else:
        member.echoes += 1
    observe(member.delays, now_ns - first.first_ns)
    return False
