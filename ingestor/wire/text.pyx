"""Records as plain Python values, in the FIXED NDJSON form (docs/ARCHITECTURE.md).

For people, tests and the file sink's text form; the hot path never comes here. Decimals are plain
notation: no exponent, no trailing zeros after the point, `-0` is `0`.
"""
from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, CLOSE, FUNDING, HIGH, INDEX, LOW, MARK, OPEN, OPEN_INTEREST, PRICE,
    QUOTE, REFERENCE, SIZE, SNAPSHOT, TRADE, Text, Tick, VOLUME, VWAP,
)

from ingestor.records import KIND_NAMES, SIDE_NAMES


cdef str decimal_text(long long mantissa, int exponent):
    """mantissa x 10^exponent in plain notation."""
    cdef str digits
    cdef str sign = "-" if mantissa < 0 else ""
    if mantissa == 0:
        return "0"
    digits = str(abs(<object> mantissa))
    if exponent >= 0:
        return sign + digits + "0" * exponent
    if len(digits) > -exponent:
        whole, fraction = digits[:exponent], digits[exponent:]
    else:
        whole, fraction = "0", digits.rjust(-exponent, "0")
    fraction = fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


cdef object value_of(const Tick* tick, int slot):
    if not tick.present >> slot & 1:
        return None
    return decimal_text(tick.mantissa[slot], tick.exponent[slot])


cdef object integer_of(long long value):
    return None if value == ABSENT else value


cdef object text_value(Text text):
    return None if text.at == NULL else (<const char*> text.at)[:text.size].decode()


cdef dict tick_dict(const Tick* tick, str provider, str venue, object instrument):
    """One record; `venue` is used where the record names none, `instrument` may be None."""
    cdef dict record = {
        "kind": KIND_NAMES[tick.kind],
        "provider": provider,
        "venue": text_value(tick.venue) if tick.venue.at != NULL else venue,
        "symbol": text_value(tick.symbol),
        "instrument": instrument,
        "ts_event_ns": integer_of(tick.ts_event_ns),
        "ts_recv_ns": integer_of(tick.ts_recv_ns),
        "seq": integer_of(tick.sequence),
        "snapshot": bool(tick.flags & SNAPSHOT),
    }
    if tick.kind == TRADE:
        record["id"] = text_value(tick.id)
        record["side"] = SIDE_NAMES[tick.side]
        record["price"] = value_of(tick, PRICE)
        record["size"] = value_of(tick, SIZE)
    elif tick.kind == QUOTE:
        for key, slot in (("bid", BID), ("bid_size", BID_SIZE), ("ask", ASK), ("ask_size", ASK_SIZE)):
            record[key] = value_of(tick, slot)
    elif tick.kind == REFERENCE:
        for key, slot in (("mark", MARK), ("index", INDEX), ("funding", FUNDING), ("open_interest", OPEN_INTEREST)):
            if tick.present >> slot & 1:
                record[key] = value_of(tick, slot)
        if tick.next_funding_ns != ABSENT:
            record["next_funding_ns"] = tick.next_funding_ns
    elif tick.kind == BAR:
        for key, slot in (("open", OPEN), ("high", HIGH), ("low", LOW), ("close", CLOSE), ("volume", VOLUME),
                          ("vwap", VWAP)):
            record[key] = value_of(tick, slot)
        record["count"] = integer_of(tick.count)
        record["start_ns"] = integer_of(tick.start_ns)
        record["end_ns"] = integer_of(tick.end_ns)
    return record


def plain_decimal(mantissa: int, exponent: int) -> str:
    """mantissa x 10^exponent in plain notation."""
    return decimal_text(mantissa, exponent)
