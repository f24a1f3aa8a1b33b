"""What is remembered of a source path and of its subscriptions, and the verdict on each record.

A path is a market through a provider; each of its channels is a subscription with a sequence of its
own. `admit` settles whether a record is news, and flags what is odd about it. It never drops a record
without counting it here.
"""
from libc.math cimport NAN, isnan
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BID, BID_SIZE, CROSSED, GAP_BEFORE, LATE, QUOTE, TRADE, Text, Tick,
)
from ingestor.unify.dedup cimport IdRing, id_repeats, ring_free
from ingestor.unify.sequence cimport (
    BACKWARDS, GAP, REPEAT, SCOPE_RISING, Sequence, sequence_observe,
)
from ingestor.unify.value cimport as_double

cdef enum Verdict:
    ADMITTED = 0        # a record to publish and to price
    STALE = 1           # to publish, flagged LATE, but older than what pricing knows: not to price
    DUPLICATE = 2       # known already: counted, nothing else


cdef struct SubscriptionState:
    Sequence sequence
    IdRing ids
    int64_t newest_event_ns     # ABSENT before the first
    uint64_t records            # admitted: the record_sequence of the last one
    uint32_t connection         # serial of the connection that brought the last record
    uint32_t path
    uint8_t scope               # SequenceScope
    bint partial                # quotes that lack a side leave it as it was
    # The last full top of book of a partial channel; NaN: that side is empty.
    double bid, bid_size, ask, ask_size


cdef struct Vote:
    uint32_t book
    uint32_t source


cdef enum:
    VOTES_MAX = 4       # an instrument's own price, and those priced with it (usd, eur, usdc at most today)


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


cdef inline double value_or_nan(const Tick* tick, int slot) noexcept nogil:
    return as_double(tick.mantissa[slot], tick.exponent[slot]) if tick.present >> slot & 1 else NAN


cdef inline int judge_sequence(SubscriptionState* state, Tick* tick, uint32_t connection) noexcept nogil:
    """A SequenceVerdict. A rising sequence may start anew with each connection; a gapless one goes on."""
    if state.connection != connection:
        state.connection = connection
        if state.scope == SCOPE_RISING:
            state.sequence.last = ABSENT
    return sequence_observe(&state.sequence, tick.sequence, state.scope)


cdef inline int admit(Path* path, SubscriptionState* state, Tick* tick, uint32_t connection) noexcept nogil:
    """A Verdict; flags LATE and GAP_BEFORE, numbers the record. `connection` is its serial."""
    cdef int verdict = ADMITTED, order
    path.last_recv_ns = tick.ts_recv_ns
    if tick.kind == TRADE:
        if tick.id.at != NULL and id_repeats(&state.ids, tick.id, tick.ts_recv_ns):
            path.duplicates += 1
            return DUPLICATE
        order = judge_sequence(state, tick, connection)
        if order == GAP:
            tick.flags |= GAP_BEFORE
        elif order == BACKWARDS:
            tick.flags |= LATE
    elif tick.kind == QUOTE:
        order = judge_sequence(state, tick, connection)
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
    if tick.flags & LATE:
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
    state.newest_event_ns = ABSENT
    state.bid = state.bid_size = state.ask = state.ask_size = NAN


cdef inline void subscription_free(SubscriptionState* state) noexcept nogil:
    ring_free(&state.ids)
