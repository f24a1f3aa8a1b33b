"""What Kaiko Stream computes: bars, rates, aggregated quotes, derivatives' metrics and indices.

    V StreamAggregatesVWAPServiceV1   {aggregate=1 class=2 code=3 exchange=4 price=6:double ts_event=7 uid=8}
    O StreamAggregatesOHLCVServiceV1  {aggregate=1 class=2 close=3 exchange=4 high=5 low=6 open=7 code=9 timestamp=10
                                       uid=11 volume=12}
    X StreamAggregatesSpotExchangeRateV2ServiceV1, D StreamAggregatesSpotDirectExchangeRateV2ServiceV1
                                   {assets=1{base=1 quote=2} price=2:double timestamp=3 window=4 no_trade=5}
    Q StreamAggregatedQuoteServiceV2  {aggregate=1 instrument_class=2 code=3 event_type=4 ts_event=5
                                       vetted=6{price=1 volume=2} unvetted=7}
    R StreamDerivativesInstrumentMetricsServiceV1  {value=1 legacy_symbol=2 exchange=3 commodity=4 commodity_kind=5
                                                    ts_collection=6 ts_event=7}
    I StreamIndexServiceV1         {index_code=1 commodity=2 quote=4 percentages=7{percentage=1 price=2 pairs=3}
                                    ts_event=8 sequence_id=9}

V, X, D and I hold doubles, the rest decimal texts. Decided here:
- V, O: bars. The interval begins at its timestamp, as in Kaiko's REST API; the length is `aggregate`. A message
  repeats an interval that goes on, by the provider's word. VWAP of nothing is 0 and yields nothing.
- X, D: the price of a pair over all venues: a reference's index, of the venue `kaiko`, symbol `base-quote`. `no_trade`
  says that nothing backs it, and yields nothing. I likewise, for real-time publications of one level; which of
  several `percentages` is the rate is not documented, so that those yield nothing. The time is Kaiko's: it is the venue.
- Q: one side a message, of the venue `kaiko`; only the vetted price, and nothing without one.
- R: a reference of one metric: mark_price, index_price, funding_rate (spelled `funding rate` in places) or
  open_interest; others yield nothing. The symbol is the venue's own (`legacy_symbol`), and no time is the venue's.
Source: kaikosdk 1.40.0 descriptors; docs.kaiko.com stream (level 1 aggregations, best execution, fair market value,
derivatives pricing, exchange-provided metrics) and kaiko-indices (reference rates), read November 2026.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcmp, memset

from ingestor.records cimport (
    ASK, BAR, BID, CLOSE, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, MISSING_FIELD, OPEN, OPEN_INTEREST, QUOTE,
    REFERENCE, ROUNDED, SYNTAX, Text, Tick, VOLUME, VWAP,
)
from ingestor.scan.cursor cimport Cursor, fail, tick_new
from ingestor.scan.length cimport later, length_ns
from ingestor.scan.number cimport parse_decimal, shortest_decimal
from ingestor.scan.protobuf cimport (
    Timestamp, bytes_field, double_field, enum_field, epoch_ns, next_field, pass_field, text_field, timestamp_field,
)
from ingestor.scan.text cimport joined

cdef enum:
    CHANNEL_VWAP = 2
    CHANNEL_OHLCV = 3
    CHANNEL_EXCHANGE_RATE = 4
    CHANNEL_DIRECT_EXCHANGE_RATE = 5
    CHANNEL_AGGREGATED_QUOTE = 6
    CHANNEL_METRICS = 7
    CHANNEL_INDEX = 8
    METHOD_VWAP = 86                # b"V"
    METHOD_OHLCV = 79               # b"O"
    METHOD_EXCHANGE_RATE = 88       # b"X"
    METHOD_DIRECT_EXCHANGE_RATE = 68    # b"D"
    METHOD_AGGREGATED_QUOTE = 81    # b"Q"
    METHOD_METRICS = 82             # b"R"
    METHOD_INDEX = 73               # b"I"
    QUOTE_BEST_ASK = 1
    QUOTE_BEST_BID = 2
    INDEX_REAL_TIME = 1
    FIELDS = 13                     # one more than the highest field number that is used
    INNER_FIELDS = 3
    # Sets of fields: which are of a kind.
    F1 = 1 << 1
    F2 = 1 << 2
    F3 = 1 << 3
    F4 = 1 << 4
    F5 = 1 << 5
    F6 = 1 << 6
    F7 = 1 << 7
    F8 = 1 << 8
    F9 = 1 << 9
    F10 = 1 << 10
    F12 = 1 << 12


cdef struct Message:
    # By field number. An absent text has no bytes, an absent number is 0, an absent time is 1970.
    Text text[13]
    double number[13]
    int32_t choice[13]
    Timestamp time[13]
    Text inner_text[3]
    double inner_number[3]
    int inner_count


cdef inline bint read_inner(Cursor* c, int type, Message* f, bint doubles) noexcept nogil:
    """A message within, whose fields 1 and 2 are texts or doubles. One that is sent in several pieces is one."""
    cdef Text message
    cdef Cursor inner = c[0]
    cdef uint32_t field = 0
    cdef int wire = 0
    if not bytes_field(c, type, &message):
        return False
    f.inner_count += 1
    inner.at = message.at
    inner.end = message.at + message.size
    while next_field(&inner, &field, &wire):
        if field >= INNER_FIELDS:
            pass_field(&inner, wire)
        elif doubles:
            double_field(&inner, wire, &f.inner_number[field])
        else:
            text_field(&inner, wire, &f.inner_text[field])
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint read_message(Cursor* c, Message* f, uint32_t texts, uint32_t doubles, uint32_t choices, uint32_t times,
                              uint32_t inner, bint inner_doubles) noexcept nogil:
    """Read the fields in these sets, and the message that is field `inner` (0: none); the rest is checked and passed."""
    cdef uint32_t field = 0, bit
    cdef int type = 0
    memset(f, 0, sizeof(Message))
    while next_field(c, &field, &type):
        bit = <uint32_t> 1 << field if field < FIELDS else 0
        if texts & bit:
            text_field(c, type, &f.text[field])
        elif doubles & bit:
            double_field(c, type, &f.number[field])
        elif choices & bit:
            enum_field(c, type, &f.choice[field])
        elif times & bit:
            timestamp_field(c, type, &f.time[field])
        elif field == inner:
            read_inner(c, type, f, inner_doubles)
        else:
            pass_field(c, type)
    return c.status == DECODED


cdef inline bint put(Cursor* c, Tick* tick, int slot, double number) noexcept nogil:
    cdef int status = shortest_decimal(number, &tick.mantissa[slot], &tick.exponent[slot])
    if status != DECODED:
        return fail(c, status)
    tick.present |= <uint8_t> (1 << slot)
    return True


cdef inline bint put_text(Cursor* c, Tick* tick, int slot, Text text) noexcept nogil:
    """A decimal text; an empty one is absent."""
    cdef bint rounded = False
    cdef int status
    if text.at == NULL:
        return True
    status = parse_decimal(text.at, text.size, &tick.mantissa[slot], &tick.exponent[slot], &rounded)
    if status != DECODED:
        return fail(c, status)
    tick.present |= <uint8_t> (1 << slot)
    if rounded:
        tick.flags |= ROUNDED
        c.out.rounded += 1
    return True


cdef inline bint is_text(Text text, const char* word, uint32_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, word, size) == 0


cdef inline Tick* begin(Cursor* c, int kind, int channel, Text symbol, Text venue, Text section) noexcept nogil:
    """A record of a needed symbol; NULL on a fault."""
    cdef Tick* tick
    if symbol.at == NULL:
        fail(c, MISSING_FIELD)
        return NULL
    tick = tick_new(c, kind, channel)
    if tick != NULL:
        tick.symbol = symbol
        tick.venue = venue
        tick.section = section
    return tick


cdef inline Text kaiko() noexcept nogil:
    """The venue of what Kaiko computes itself."""
    return Text(at=<const uint8_t*> b"kaiko", size=5)


cdef inline bint interval(Cursor* c, Message* f, Tick* tick, int time_field) noexcept nogil:
    return (epoch_ns(c, &f.time[time_field], &tick.start_ns)
            and later(c, tick.start_ns, length_ns(f.text[1].at, f.text[1].size), &tick.end_ns))


cdef inline bint vwap(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    if not read_message(c, f, F1 | F2 | F3 | F4, F6, 0, F7, 0, False) or f.number[6] == 0:
        return False
    tick = begin(c, BAR, CHANNEL_VWAP, f.text[3], f.text[4], f.text[2])
    return tick != NULL and put(c, tick, VWAP, f.number[6]) and interval(c, f, tick, 7)


cdef inline bint ohlcv(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    if not read_message(c, f, F1 | F2 | F3 | F4 | F5 | F6 | F7 | F9 | F12, 0, 0, F10, 0, False):
        return False
    tick = begin(c, BAR, CHANNEL_OHLCV, f.text[9], f.text[4], f.text[2])
    return (tick != NULL and put_text(c, tick, OPEN, f.text[7]) and put_text(c, tick, HIGH, f.text[5])
            and put_text(c, tick, LOW, f.text[6]) and put_text(c, tick, CLOSE, f.text[3])
            and put_text(c, tick, VOLUME, f.text[12]) and interval(c, f, tick, 10))


cdef inline bint rate(Cursor* c, Message* f, int channel) noexcept nogil:
    cdef Tick* tick
    cdef Text pair
    if not read_message(c, f, 0, F2, F5, F3, 1, False) or f.number[2] == 0 or f.choice[5]:
        return False
    if f.inner_text[1].at == NULL or f.inner_text[2].at == NULL:
        return fail(c, MISSING_FIELD)
    if not joined(c, f.inner_text[1], 45, f.inner_text[2], &pair):
        return False
    tick = begin(c, REFERENCE, channel, pair, kaiko(), Text(at=NULL, size=0))
    return tick != NULL and put(c, tick, INDEX, f.number[2]) and epoch_ns(c, &f.time[3], &tick.ts_event_ns)


cdef inline bint aggregated_quote(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    cdef int side
    if not read_message(c, f, F2 | F3, 0, F4, F5, 6, False) or f.inner_text[1].at == NULL:
        return False
    if f.choice[4] != QUOTE_BEST_ASK and f.choice[4] != QUOTE_BEST_BID:
        return False
    side = ASK if f.choice[4] == QUOTE_BEST_ASK else BID
    tick = begin(c, QUOTE, CHANNEL_AGGREGATED_QUOTE, f.text[3], kaiko(), f.text[2])
    return (tick != NULL and put_text(c, tick, side, f.inner_text[1]) and put_text(c, tick, side + 1, f.inner_text[2])
            and epoch_ns(c, &f.time[5], &tick.ts_event_ns))


cdef inline bint metric(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    cdef int slot
    if not read_message(c, f, F1 | F2 | F3 | F4, 0, 0, F7, 0, False) or f.text[1].at == NULL:
        return False
    if is_text(f.text[4], b"mark_price", 10):
        slot = MARK
    elif is_text(f.text[4], b"index_price", 11):
        slot = INDEX
    elif is_text(f.text[4], b"funding_rate", 12) or is_text(f.text[4], b"funding rate", 12):
        slot = FUNDING
    elif is_text(f.text[4], b"open_interest", 13):
        slot = OPEN_INTEREST
    else:
        return False
    tick = begin(c, REFERENCE, CHANNEL_METRICS, f.text[2], f.text[3], Text(at=NULL, size=0))
    return tick != NULL and put_text(c, tick, slot, f.text[1]) and epoch_ns(c, &f.time[7], &tick.ts_provider_ns)


cdef inline bint index(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    if not read_message(c, f, F1, 0, F2, F8, 7, True) or f.choice[2] != INDEX_REAL_TIME:
        return False
    if f.inner_count != 1 or f.inner_number[2] == 0:
        return False
    tick = begin(c, REFERENCE, CHANNEL_INDEX, f.text[1], kaiko(), Text(at=NULL, size=0))
    return tick != NULL and put(c, tick, INDEX, f.inner_number[2]) and epoch_ns(c, &f.time[8], &tick.ts_event_ns)


cdef inline void aggregated(Cursor* c, int method) noexcept nogil:
    """What Kaiko computes: some messages a second at most."""
    cdef Message f
    if method == METHOD_VWAP:
        vwap(c, &f)
    elif method == METHOD_OHLCV:
        ohlcv(c, &f)
    elif method == METHOD_EXCHANGE_RATE:
        rate(c, &f, CHANNEL_EXCHANGE_RATE)
    elif method == METHOD_DIRECT_EXCHANGE_RATE:
        rate(c, &f, CHANNEL_DIRECT_EXCHANGE_RATE)
    elif method == METHOD_AGGREGATED_QUOTE:
        aggregated_quote(c, &f)
    elif method == METHOD_METRICS:
        metric(c, &f)
    elif method == METHOD_INDEX:
        index(c, &f)
    else:
        fail(c, SYNTAX)
