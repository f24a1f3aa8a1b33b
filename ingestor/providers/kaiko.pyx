"""kaiko: trades and top of book of Kaiko Stream, over gRPC (package `kaikosdk`).

    /kaikosdk.StreamTradesServiceV1/Subscribe        -> StreamTradesResponseV1 {amount=2:double class=3
      code=4 exchange=5 sequence_id=6 id=7 price=8:double side=9 ts_exchange=10 ts_collection=11 ts_event=12}
    /kaikosdk.StreamMarketUpdateServiceV1/Subscribe  -> StreamMarketUpdateResponseV1 {commodity=1 amount=2
      class=3 code=4 exchange=5 sequence_id=6 id=7 price=8 ts_exchange=9 ts_collection=10 ts_event=11
      update_type=12 snapshot=13}

A frame is one byte that names the method (`T` trades, `M` market updates), then the message. Prices
and sizes are doubles: the record holds the shortest decimal that reads back as that double. proto3
leaves zeros out, so an absent amount is 0 and an absent price is a fault. Top of book comes one side a
message: the other side is absent. Decided here: `ts_exchange` is the venue's time (absent stays absent),
`ts_event` the provider's; `sequence_id` is opaque text, so there is no sequence; symbol, venue and
section are `code`, `exchange` and `class` as sent.
Source: kaikosdk 1.40.0 descriptors; docs.kaiko.com level 1 tick data (November 2026).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ASK, BID, BUY, DECODED, MISSING_FIELD, PRICE, QUOTE, SELL, SYNTAX, TRADE, TRUNCATED, Text, Tick, TickBatch,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.number cimport shortest_decimal
from ingestor.scan.protobuf cimport (
    Timestamp, double_field, enum_field, epoch_ns, next_field, pass_field, text_field, timestamp_field,
    wrapped_timestamp_field,
)

from ingestor.providers.session import Channel, Limits, Session

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
    int64_t ts_exchange, ts_event
    Text code, exchange, section, id


cdef inline bint read_message(Cursor* c, Message* f, uint32_t time_field, uint32_t kind_field) noexcept nogil:
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
    return (c.status == DECODED and epoch_ns(c, &f.exchange_time, &f.ts_exchange)
            and epoch_ns(c, &f.event_time, &f.ts_event))


cdef inline bint put(Cursor* c, Tick* tick, int slot, double number) noexcept nogil:
    cdef int status = shortest_decimal(number, &tick.mantissa[slot], &tick.exponent[slot])
    if status != DECODED:
        return fail(c, status)
    tick.present |= <uint8_t> (1 << slot)
    return True


cdef inline bint yield_record(Cursor* c, Message* f, int kind, int channel, int price_slot) noexcept nogil:
    cdef Tick* tick
    if f.code.at == NULL or f.price == 0:
        return fail(c, MISSING_FIELD)
    tick = tick_new(c, kind, channel)
    if tick == NULL:
        return False
    tick.symbol = f.code
    tick.venue = f.exchange
    tick.section = f.section
    tick.ts_event_ns = f.ts_exchange
    tick.ts_provider_ns = f.ts_event
    if kind == TRADE:
        tick.id = f.id
    return put(c, tick, price_slot, f.price) and put(c, tick, price_slot + 1, f.amount)


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Message f
    cursor_init(&c, at, size, out)
    if size == 0:
        fail(&c, TRUNCATED)
        return outcome(&c)
    c.at += 1
    if at[0] == METHOD_TRADES:
        if read_message(&c, &f, 10, 9) and yield_record(&c, &f, TRADE, CHANNEL_TRADES, PRICE):
            out.ticks[0].side = <uint8_t> f.kind if 0 <= f.kind <= 2 else 0      # UNKNOWN, BUY, SELL as ours
    elif at[0] == METHOD_MARKET_UPDATES:
        if not read_message(&c, &f, 9, 12):
            return outcome(&c)
        if f.kind == UPDATE_TRADE_BUY or f.kind == UPDATE_TRADE_SELL or f.kind == UPDATE_TRADE_UNKNOWN:
            if yield_record(&c, &f, TRADE, CHANNEL_TRADES, PRICE) and f.kind <= UPDATE_TRADE_SELL:
                out.ticks[0].side = BUY if f.kind == UPDATE_TRADE_BUY else SELL
        elif f.kind == UPDATE_BEST_BID:
            yield_record(&c, &f, QUOTE, CHANNEL_TOP_OF_BOOK, BID)
        elif f.kind == UPDATE_BEST_ASK:
            yield_record(&c, &f, QUOTE, CHANNEL_TOP_OF_BOOK, ASK)
    else:
        fail(&c, SYNTAX)
    return outcome(&c)


class KaikoSession(Session):
    """One server stream a channel; the criteria name all wanted markets of one class at once."""

    def headers(self, key):
        return {"authorization": f"Bearer {key}"} if key else {}

    def requests(self, subscriptions):
        """(method path, method byte, request bytes, subscriptions) a stream.

        Criteria multiply (each exchange with each code), so a stream is a (channel, class, exchange).
        """
        from kaikosdk.core.instrument_criteria_pb2 import InstrumentCriteria
        from kaikosdk.stream.market_update_v1.commodity_pb2 import SMUC_TOP_OF_BOOK
        from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1
        from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1

        groups = {}
        for wanted in subscriptions:
            groups.setdefault((wanted.channel, wanted.section, wanted.venue), []).append(wanted)
        streams = []
        for (channel, section, venue), members in sorted(groups.items()):
            criteria = InstrumentCriteria(
                exchange=venue or "*", instrument_class=section or "*", code=",".join(m.symbol for m in members))
            if channel == "trades":
                request = StreamTradesRequestV1(instrument_criteria=criteria)
                streams.append(("/kaikosdk.StreamTradesServiceV1/Subscribe", b"T", request.SerializeToString(),
                                tuple(members)))
            else:
                request = StreamMarketUpdateRequestV1(
                    instrument_criteria=criteria, commodities=[SMUC_TOP_OF_BOOK])
                streams.append(("/kaikosdk.StreamMarketUpdateServiceV1/Subscribe", b"M",
                                request.SerializeToString(), tuple(members)))
        return streams


PROVIDER = provider(decode, NULL, NULL, {
    "name": "kaiko",
    "transport": "grpc",
    "venue": "",
    "url": "gateway-v0-grpc.kaiko.ovh:443",
    "channels": (Channel("trades", "trades"), Channel("top_of_book", "quotes", partial=True)),
    "limits": Limits(connections_max=5, connects_per_minute_max=30, silence_max_s=120),
    "session": KaikoSession(),
})
