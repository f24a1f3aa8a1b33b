"""What is remembered of a source path and of its subscriptions, and the verdict on each record.

A path is a market through a provider; each of its channels is a subscription with a sequence of its
own. `admit` settles whether a record is news, flags what is odd about it, and notes what was missed before
it. It never drops a record without counting it here.
"""
from libc.math cimport NAN, isnan
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BID, BID_SIZE, GAP_BEFORE, LATE, QUOTE, REPLAY, SNAPSHOT, TRADE, Tick,
)
from ingestor.unify.arbitration cimport Market
from ingestor.unify.dedup cimport IdRing, id_key, id_number, id_repeats, ring_free
from ingestor.unify.gaps cimport GapList, Hull, note_arrived, note_numbers, note_times
from ingestor.unify.lines cimport LineCounts, Lines, is_copy, lines_free
from ingestor.unify.sequence cimport (
    BACKWARDS, GAP, REPEAT, SCOPE_IDS, SCOPE_RISING, SCOPE_SESSION, Sequence, proves_gaps, sequence_observe,
)
from ingestor.unify.value cimport as_double

cdef enum Verdict:
    ADMITTED = 0        # a record to publish and to price
    STALE = 1           # to publish, but older than what pricing knows (LATE or REPLAY): not to price
    DUPLICATE = 2       # known already: counted, nothing else


cdef struct SubscriptionState:
    Sequence sequence
    IdRing ids
    int64_t newest_event_ns     # ABSENT before the first
    uint64_t records            # admitted: the record_sequence of the last one
    uint32_t connection         # serial of the connection that brought the last record
    uint32_t newest_connection  # the highest serial of them; 0 before the first
    uint32_t doubt_connection   # the one before a newer one whose first live trade is still to come; 0: none
    int64_t doubt_from_ns       # the last trade's time on it
    int64_t missed_from         # the lowest number that is still missed; ABSENT: none
    Hull hull                   # of what the list of gaps had no room for
    uint32_t path
    uint8_t scope               # SequenceScope
    bint partial                # quotes that lack a side leave it as it was
    # The last full top of book of a partial channel; NaN: that side is empty.
    double bid, bid_size, ask, ask_size
    uint32_t numbered_connection    # the highest serial whose numbers were seen
    Lines lines                     # of a redundant connection
    uint8_t trade_ids               # TradeIds of unify/arbitration.pxd


cdef struct Vote:
    uint32_t book
    uint32_t source


cdef enum:
    VOTES_MAX = 4       # an instrument's own price, and those priced with it (usd, eur, usdc at most today)


cdef enum TradingState:
    TRADING = 0
    HALTED = 1          # neither it nor the next has a vote, and their silence is no alarm
    AUCTION = 2


cdef struct Path:
    uint32_t instrument
    uint32_t first_subscription     # the provider's channel c is subscription first_subscription + c
    uint32_t latency                # which exchange-to-receive histogram
    bint published                  # False: only for our own conversions; its owner publishes it
    uint32_t votes_count
    Vote votes[4]
    uint64_t kinds[4]               # records admitted, by TickKind
    uint64_t duplicates
    uint64_t late
    uint64_t outliers
    uint64_t crossed
    int64_t last_recv_ns            # ABSENT before the first
    int64_t last_event_ns
    uint8_t state                   # TradingState
    double tick_size                # 0: not known
    Market* market                  # where other providers bring its trades, too; NULL: none does
    uint32_t member                 # its provider's number there
    uint64_t repeated_ids           # live trades whose id had come before: a provider's repeats, no line's copies


cdef inline double value_or_nan(const Tick* tick, int slot) noexcept nogil:
    return as_double(tick.mantissa[slot], tick.exponent[slot]) if tick.present >> slot & 1 else NAN


cdef inline void note_connection(SubscriptionState* state, const Tick* tick, uint32_t connection, uint32_t number,
                                 GapList* gaps) noexcept nogil:
    """A trade of a newer connection: without numbers, only time says what may be missing before it.

    The doubt begins with the last trade before, and ends with the first live one: what is replayed on
    subscribing may lie on either side, or leave a part out.
    """
    if state.newest_connection and not proves_gaps(state.scope):
        if state.doubt_connection == 0:
            state.doubt_connection = state.connection
            state.doubt_from_ns = state.newest_event_ns
        if tick.flags & SNAPSHOT or not note_times(gaps, number, state.doubt_connection, state.doubt_from_ns,
                                                   tick.ts_event_ns, tick.ts_recv_ns):
            return
        state.doubt_connection = 0
    state.newest_connection = connection


cdef inline int judge_sequence(SubscriptionState* state, const Tick* tick, int64_t sequence, uint32_t connection,
                               uint32_t number, GapList* gaps) noexcept nogil:
    """A SequenceVerdict. A rising sequence may start anew with a newer connection; a gapless one goes on.

    Two lines take turns: only what is new of both starts anything anew, unless each has numbers of its own.
    """
    cdef int64_t last
    cdef int verdict
    if state.connection != connection:
        state.connection = connection
        if state.scope == SCOPE_SESSION or (state.scope == SCOPE_RISING and connection > state.numbered_connection):
            state.sequence.last = ABSENT
        if connection > state.numbered_connection:
            state.numbered_connection = connection
    last = state.sequence.last
    verdict = sequence_observe(&state.sequence, sequence, state.scope)
    if verdict == GAP:
        note_numbers(gaps, &state.hull, number, last + 1, sequence - 1, state.newest_event_ns, tick.ts_event_ns,
                     tick.ts_recv_ns)
        if state.missed_from == ABSENT:
            state.missed_from = last + 1
    elif verdict == BACKWARDS and state.missed_from != ABSENT and sequence >= state.missed_from:
        note_arrived(gaps, number, sequence, tick.ts_recv_ns)
    return verdict


cdef inline int admit_replay(Path* path, SubscriptionState* state, Tick* tick) noexcept nogil:
    """A trade of the provider's history: published in its turn, but it says nothing of order, time or price."""
    if tick.id.at != NULL and id_repeats(&state.ids, id_key(tick.id), tick.ts_recv_ns):
        return DUPLICATE
    path.kinds[tick.kind] += 1
    state.records += 1
    tick.record_sequence = state.records
    return STALE


cdef inline bint repeats_other_line(Path* path, SubscriptionState* state, const Tick* tick, int line, uint32_t connection,
                                    bint covered, LineCounts* counts) noexcept nogil:
    """Whether a record of a redundant connection is the other line's copy: a DUPLICATE before all other verdicts.

    `covered`: the other line was there while this one changed its connection, so that nothing is in doubt.
    """
    if tick.flags & REPLAY:
        return False
    if covered and connection > state.newest_connection:
        state.newest_connection = connection
    if not is_copy(&state.lines, tick, state.scope, line, counts):
        return False
    path.last_recv_ns = tick.ts_recv_ns
    path.duplicates += 1
    return True


cdef inline int admit(Path* path, SubscriptionState* state, Tick* tick, uint32_t connection, uint32_t number,
                      GapList* gaps) noexcept nogil:
    """A Verdict; flags LATE and GAP_BEFORE, numbers the record. `connection` is its serial, `number` its
    subscription's.
    """
    cdef int verdict = ADMITTED, order
    cdef uint64_t key = 0
    if tick.flags & REPLAY:
        return admit_replay(path, state, tick)
    path.last_recv_ns = tick.ts_recv_ns
    if tick.kind == TRADE:
        if tick.id.at != NULL:
            key = id_key(tick.id)
            if id_repeats(&state.ids, key, tick.ts_recv_ns):
                path.duplicates += 1
                path.repeated_ids += not tick.flags & SNAPSHOT
                return DUPLICATE
        if connection > state.newest_connection:
            note_connection(state, tick, connection, number, gaps)
        order = judge_sequence(state, tick, id_number(key) if state.scope == SCOPE_IDS else tick.sequence, connection,
                               number, gaps)
        if order == GAP:
            tick.flags |= GAP_BEFORE
        elif order == BACKWARDS:
            tick.flags |= LATE
    elif tick.kind == QUOTE:
        order = judge_sequence(state, tick, tick.sequence, connection, number, gaps)
        if order == REPEAT:
            path.duplicates += 1
            return DUPLICATE
        if order == GAP:
            tick.flags |= GAP_BEFORE
        elif order == BACKWARDS:
            tick.flags |= LATE
            verdict = STALE
    if tick.ts_event_ns != ABSENT:
        if state.newest_event_ns != ABSENT and tick.ts_event_ns < state.newest_event_ns:
            tick.flags |= LATE
            if tick.kind == QUOTE:
                verdict = STALE
        else:
            state.newest_event_ns = tick.ts_event_ns
            path.last_event_ns = tick.ts_event_ns
    if tick.flags & LATE and not tick.flags & SNAPSHOT:     # a replay on subscribing is old by nature, some newest first
        path.late += 1
    path.kinds[tick.kind] += 1
    state.records += 1
    tick.record_sequence = state.records
    return verdict


cdef inline void merge_quote(SubscriptionState* state, const Tick* tick, double* top) noexcept nogil:
    """top[0..3] = bid, bid size, ask, ask size after this quote; NaN: empty or unknown."""
    top[0] = value_or_nan(tick, BID)
    top[1] = value_or_nan(tick, BID_SIZE)
    top[2] = value_or_nan(tick, ASK)
    top[3] = value_or_nan(tick, ASK_SIZE)
    if not state.partial:
        return
    # A new price without a size makes the old size meaningless, so that only what is absent is kept.
    if isnan(top[0]):
        top[0] = state.bid
        if isnan(top[1]):
            top[1] = state.bid_size
    if isnan(top[2]):
        top[2] = state.ask
        if isnan(top[3]):
            top[3] = state.ask_size
    state.bid = top[0]
    state.bid_size = top[1]
    state.ask = top[2]
    state.ask_size = top[3]


cdef inline void subscription_init(SubscriptionState* state, uint32_t path, int scope, bint partial) noexcept nogil:
    """`state` is zeroed memory."""
    state.path = path
    state.scope = <uint8_t> scope
    state.partial = partial
    state.sequence.last = ABSENT
    state.newest_event_ns = state.missed_from = state.hull.first = ABSENT
    state.bid = state.bid_size = state.ask = state.ask_size = NAN


cdef inline void subscription_free(SubscriptionState* state) noexcept nogil:
    ring_free(&state.ids)
    lines_free(&state.lines)
