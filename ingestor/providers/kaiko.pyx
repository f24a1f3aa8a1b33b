"""kaiko: ticks, and what is computed of them, of Kaiko Stream, over gRPC (package `kaikosdk`).

    T /kaikosdk.StreamTradesServiceV1/Subscribe        -> StreamTradesResponseV1 {amount=2:double class=3
      code=4 exchange=5 sequence_id=6 id=7 price=8:double side=9 ts_exchange=10 ts_collection=11 ts_event=12}
    M /kaikosdk.StreamMarketUpdateServiceV1/Subscribe  -> StreamMarketUpdateResponseV1 {commodity=1 amount=2
      class=3 code=4 exchange=5 sequence_id=6 id=7 price=8 ts_exchange=9 ts_collection=10 ts_event=11
      update_type=12 snapshot=13}
    V O X D Q R I: bars, rates, aggregated quotes, metrics and indices: kaiko_aggregates.pxd

A frame is the byte that names the method, then the message. Prices and sizes are doubles: the record holds the
shortest decimal that reads back as that double. proto3 leaves zeros out, so an absent amount is 0 and an absent
price is a fault. Top of book comes one side a message: the other side is absent; updates of the full book yield
nothing. Decided here: `ts_exchange` is the venue's time (absent stays absent), `ts_event` the provider's;
`sequence_id` is opaque text (null for aggregates), so that no channel has a sequence that could prove a hole;
symbol, venue and section are `code`, `exchange` and `class` as sent.
Source: kaikosdk 1.40.0 descriptors; docs.kaiko.com level 1 tick data (November 2026).
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t

from ingestor.providers.kaiko_aggregates cimport aggregated, begin, put
from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ASK, BID, BUY, DECODED, MISSING_FIELD, PRICE, QUOTE, SELL, TRADE, TRUNCATED, Text, Tick, TickBatch,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome
from ingestor.scan.protobuf cimport (
    Timestamp, double_field, enum_field, epoch_ns, next_field, pass_field, text_field, timestamp_field,
    wrapped_timestamp_field,
)

from ingestor.providers.kaiko_session import CHANNELS, KaikoSession
from ingestor.providers.session import Limits

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_TOP_OF_BOOK = 1
    METHOD_TRADES = 84              # b"T"
    METHOD_MARKET_UPDATES = 77      # b"M"
    UPDATE_TRADE_BUY = 1
    UPDATE_TRADE_SELL = 2
    UPDATE_BEST_ASK = 3
    UPDATE_BEST_BID = 4
    UPDATE_TRADE_UNKNOWN = 9


cdef struct Message:
    double price, amount
    int32_t kind                    # `side` of a trade, `update_type` of a market update
    Timestamp exchange_time, event_time
    Text code, exchange, section, id


cdef inline bint read_tick(Cursor* c, Message* f, uint32_t time_field, uint32_t kind_field) noexcept nogil:
    """Both messages: `time_field` is ts_exchange (then ts_collection, ts_event), `kind_field` the enum."""
    cdef uint32_t field = 0
    cdef int type = 0
    f.price = f.amount = 0
    f.kind = 0
    f.exchange_time.seconds = f.event_time.seconds = 0
    f.exchange_time.nanos = f.event_time.nanos = 0
    f.code.at = f.exchange.at = f.section.at = f.id.at = NULL
    f.code.size = f.exchange.size = f.section.size = f.id.size = 0
    while next_field(c, &field, &type):
        if field == 2:
            double_field(c, type, &f.amount)
        elif field == 8:
            double_field(c, type, &f.price)
        elif field == 3:
            text_field(c, type, &f.section)
        elif field == 4:
            text_field(c, type, &f.code)
        elif field == 5:
            text_field(c, type, &f.exchange)
        elif field == 7:
            text_field(c, type, &f.id)
        elif field == kind_field:
            enum_field(c, type, &f.kind)
        elif field == time_field:
            wrapped_timestamp_field(c, type, &f.exchange_time)
        elif field == time_field + 2:
            timestamp_field(c, type, &f.event_time)
        else:
            pass_field(c, type)
    return c.status == DECODED


cdef inline bint put_tick(Cursor* c, Message* f, int kind, int channel, int price_slot) noexcept nogil:
    cdef Tick* tick
    if f.price == 0:
        return fail(c, MISSING_FIELD)
    tick = begin(c, kind, channel, f.code, f.exchange, f.section)
    if tick == NULL:
        return False
    if kind == TRADE:
        tick.id = f.id
    return (put(c, tick, price_slot, f.price) and put(c, tick, price_slot + 1, f.amount)
            and epoch_ns(c, &f.exchange_time, &tick.ts_event_ns)
            and epoch_ns(c, &f.event_time, &tick.ts_provider_ns))


cdef inline void trade(Cursor* c) noexcept nogil:
    cdef Message f
    if read_tick(c, &f, 10, 9) and put_tick(c, &f, TRADE, CHANNEL_TRADES, PRICE):
        c.out.ticks[0].side = <uint8_t> f.kind if 0 <= f.kind <= 2 else 0       # UNKNOWN, BUY, SELL as ours


cdef inline void market_update(Cursor* c) noexcept nogil:
    cdef Message f
    if not read_tick(c, &f, 9, 12):
        return
    if f.kind == UPDATE_TRADE_BUY or f.kind == UPDATE_TRADE_SELL or f.kind == UPDATE_TRADE_UNKNOWN:
        if put_tick(c, &f, TRADE, CHANNEL_TRADES, PRICE) and f.kind <= UPDATE_TRADE_SELL:
            c.out.ticks[0].side = BUY if f.kind == UPDATE_TRADE_BUY else SELL
    elif f.kind == UPDATE_BEST_BID:
        put_tick(c, &f, QUOTE, CHANNEL_TOP_OF_BOOK, BID)
    elif f.kind == UPDATE_BEST_ASK:
        put_tick(c, &f, QUOTE, CHANNEL_TOP_OF_BOOK, ASK)


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cursor_init(&c, at, size, out)
    if size == 0:
        fail(&c, TRUNCATED)
        return outcome(&c)
    c.at += 1
    if at[0] == METHOD_TRADES:
        trade(&c)
    elif at[0] == METHOD_MARKET_UPDATES:
        market_update(&c)
    else:
        aggregated(&c, at[0])
    return outcome(&c)


PROVIDER = provider(decode, NULL, NULL, {
    "name": "kaiko",
    "transport": "grpc",
    "venue": "",
    "url": "gateway-v0-grpc.kaiko.ovh:443",
    "channels": CHANNELS,
    "limits": Limits(connections_max=5, connects_per_minute_max=30, silence_max_s=120),
    "session": KaikoSession(),
})
