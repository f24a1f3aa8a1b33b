"""The pipeline's side of a backfill: what was missed, and records of a provider's history into it.

Only trades that were missed go in, flagged REPLAY.

The same decoder reads them as reads live frames, so that decimals stay exact, and the same room settles
whether one is known already. Cold: a Python object for each record is no matter here.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor._core cimport Connection, Pipeline
from ingestor.records cimport ABSENT, FRAME_BYTES_MAX, PATH_NONE, REPLAY, TOO_LARGE, TRADE, Tick
from ingestor.unify.dedup cimport id_key, id_number
from ingestor.unify.path cimport SubscriptionState
from ingestor.unify.sequence cimport SCOPE_IDS


def missed(Pipeline pipeline not None):
    """What was missed since the last call (unify.tables.Missed).

    A new connection puts nothing in doubt while the one that brought the trade before is still open.
    """
    cdef Connection opened
    serials = set()
    for opened in pipeline.connections:
        serials.add(opened.serial)
    return [each for each in pipeline.tables.drain_gaps() if each.kind != "times" or each.connection not in serials]


def refill(Connection connection not None, bytes frame not None, int64_t recv_ns, uint32_t subscription, wanted):
    """(DecodeStatus, rows) of one frame: a row (number, ts_event_ns, admitted) for each trade that was wanted.

    `wanted(number, ts_event_ns)` chooses among the trades of the subscription; either may be None. The
    number is the trade's sequence, or its id where that is what rises by one. Not admitted: known already.
    """
    cdef const uint8_t* at = <const uint8_t*> <char*> frame
    cdef SubscriptionState* state
    cdef Tick* tick
    cdef uint32_t i, path
    cdef uint64_t before
    cdef int status = TOO_LARGE
    if subscription >= connection.pipeline.tables.subscriptions_count:
        raise IndexError(f"no subscription {subscription}")
    state = &connection.pipeline.tables.subscriptions[subscription]
    if len(frame) <= FRAME_BYTES_MAX:
        status = connection.decode(at, len(frame), connection.state, &connection.pipeline.batch)
    rows = []
    for i in range(connection.pipeline.batch.count if status == 0 else 0):
        tick = &connection.pipeline.batch.ticks[i]
        path = connection.path_of(tick)
        if (tick.kind != TRADE or path == PATH_NONE
                or connection.pipeline.tables.paths[path].first_subscription + tick.channel != subscription):
            continue
        number = number_of(state, tick)
        event_ns = None if tick.ts_event_ns == ABSENT else tick.ts_event_ns
        if wanted(number, event_ns):
            before = state.records
            tick.ts_recv_ns = recv_ns
            tick.flags |= REPLAY
            connection.take(tick)
            rows.append((number, event_ns, state.records != before))
    connection.drained(recv_ns)
    return status, rows


cdef object number_of(const SubscriptionState* state, const Tick* tick):
    cdef int64_t number = tick.sequence
    if state.scope == SCOPE_IDS:
        number = id_number(id_key(tick.id)) if tick.id.at != NULL else ABSENT
    return None if number == ABSENT else number
