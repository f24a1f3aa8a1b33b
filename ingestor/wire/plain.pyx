"""Records from plain Python values into a Writer: the slow door, for tests, benches and tools.

The hot path never comes here: the corridor hands the Writer its C records.
"""
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from ingestor.records cimport ABSENT, Fair, Text, Tick
from ingestor.wire.writer cimport Writer

from ingestor.records import FAIR_STATUS_NAMES, KIND_NAMES, SIDE_NAMES

VALUE_NAMES = {
    "trade": ("price", "size"),
    "quote": ("bid", "bid_size", "ask", "ask_size"),
    "bar": ("open", "high", "low", "close", "volume", "vwap"),
    "reference": ("mark", "index", "funding", "open_interest"),
}
FLAGGED_MAX = 256       # sources of one instrument: more than any instrument has


cdef int64_t integer(dict record, str name) except? ABSENT:
    value = record.get(name)
    return ABSENT if value is None else value


def write_record(Writer writer not None, uint32_t subscription, dict record not None, uint32_t repeats=1):
    """Take one record, `repeats` times with rising record_sequence; return the last TakeStatus.

    Keys are the schema's fields; `kind` says which record it is; decimals are (mantissa, exponent) and
    absent ones None or left out. `side` is a name. What is left out is absent, 0 or unknown.
    """
    cdef Tick tick
    cdef bytes identifier = None
    cdef int status = 0, i
    cdef uint32_t _n
    if subscription >= writer.subscriptions_count:
        raise IndexError(f"subscription {subscription} is not defined")
    memset(&tick, 0, sizeof(Tick))
    kind = record["kind"]
    tick.kind = <uint8_t> KIND_NAMES.index(kind)
    tick.side = <uint8_t> SIDE_NAMES.index(record.get("side", "unknown"))
    tick.flags = record.get("flags", 0)
    for i, name in enumerate(VALUE_NAMES[kind]):
        if record.get(name) is not None:
            tick.mantissa[i], tick.exponent[i] = record[name]
            tick.present |= <uint8_t> (1 << i)
    tick.ts_event_ns = integer(record, "ts_event_ns")
    tick.ts_provider_ns = integer(record, "ts_provider_ns")
    tick.ts_recv_ns = record.get("ts_recv_ns", 0)
    tick.sequence = integer(record, "sequence")
    tick.next_funding_ns = integer(record, "next_funding_ns")
    tick.count = integer(record, "count")
    tick.start_ns = integer(record, "start_ns")
    tick.end_ns = integer(record, "end_ns")
    tick.record_sequence = record.get("record_sequence", 1)
    if record.get("id") is not None:
        identifier = record["id"].encode()
        tick.id = Text(at=<const uint8_t*> <const char*> identifier, size=<uint32_t> len(identifier))
    with nogil:
        for _n in range(repeats):
            status = writer.take(subscription, &tick)
            tick.record_sequence += 1
    return status


cdef double number(dict record, str name) except? -1:
    value = record.get(name)
    return NAN if value is None else value


def write_fair(Writer writer not None, uint32_t instrument, dict record not None, flagged=(), uint32_t repeats=1):
    """Take one fair price; `flagged` are subscription numbers. Keys are the schema's fields."""
    cdef Fair fair
    cdef uint32_t[256] numbers
    cdef uint32_t count = <uint32_t> len(flagged), n, _n
    cdef int status = 0
    if instrument >= writer.instruments_count:
        raise IndexError(f"instrument {instrument} is not defined")
    if count > FLAGGED_MAX or any(not 0 <= one < writer.subscriptions_count for one in flagged):
        raise IndexError(f"flagged: {flagged}: at most {FLAGGED_MAX} subscriptions that are defined")
    for n in range(count):
        numbers[n] = flagged[n]
    fair.price, fair.conf = number(record, "price"), number(record, "conf")
    fair.q25, fair.q75 = number(record, "q25"), number(record, "q75")
    fair.gate, fair.anchor = number(record, "gate"), number(record, "anchor")
    fair.n_eff, fair.score = number(record, "n_eff"), number(record, "score")
    fair.age_freshest_s, fair.age_oldest_s = number(record, "age_freshest_s"), number(record, "age_oldest_s")
    fair.ts_event_ns = integer(record, "ts_event_ns")
    fair.ts_emit_ns = record.get("ts_emit_ns", 0)
    fair.status = FAIR_STATUS_NAMES.index(record.get("status", "OK"))
    fair.n, fair.n_used = record.get("n", 0), record.get("n_used", 0)
    fair.venues_used = record.get("venues_used", 0)
    fair.version = record.get("version", 0)
    with nogil:
        for _n in range(repeats):
            status = writer.take_fair(instrument, &fair, numbers, count)
    return status
