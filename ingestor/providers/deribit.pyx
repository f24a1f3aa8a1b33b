"""deribit: trades, quotes, tickers, indexes and candles of Deribit, told by the head of `params.channel`.

    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":[
     {"timestamp":1786562940921,"price":63344.5,"direction":"buy","index_price":63325.19,"trade_id":"440192723",
     "instrument_name":"BTC-PERPETUAL","trade_seq":296152987,"amount":20,"mark_price":63341.87,"tick_direction":1,
     "contracts":2}]}}
    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{
     "timestamp":1786562940923,"instrument_name":"BTC-PERPETUAL","best_bid_price":63344,"best_bid_amount":162800,
     "best_ask_price":63344.5,"best_ask_amount":49710}}}
    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC-PERPETUAL.100ms","data":{...,
     "index_price":63329.18,"mark_price":63346.33,"open_interest":716004750,"current_funding":2.081e-05,
     "best_bid_price":63344,"best_bid_amount":162800,"best_ask_price":63344.5,"best_ask_amount":49710}}}
    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_price_index.btc_usd","data":{
     "index_name":"btc_usd","price":63329.18,"timestamp":1786563120494}}}
    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"chart.trades.BTC-PERPETUAL.1","data":{
     "tick":1786562940000,"open":63344.5,"high":63350,"low":63340,"close":63346,"volume":0.25,"cost":15836}}}

A ticker gives a quote, then a reference. An empty side is price and amount 0 (options), or a price of null with the
amount 0; negative prices of combos are real. `direction` is the taker's; `amount` is dollars for inverse perpetuals and futures, coins for options: passed on
as sent. Numbers are JSON numbers and use exponents. `trade_seq` rises by one a trade of an instrument (both pairs of
consecutive trades seen did; documented so): gapless. Nothing is replayed but by `incremental_ticker`, whose `type`
says so.

Heartbeats are asked for (`set_heartbeat`); a `test_request` not answered by `public/test` ends the connection.
Channels that do not exist are merely missing from the answer to a subscription. `.raw` needs a login, `.100ms` does not.
Source: docs.deribit.com (November 2026): 3.3 subscriptions a second, 500 channels a call, 32 connections an address;
frames captured in 2021, public fixtures of 2019 and 2026.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, ASK_SIZE, BAR, BID_SIZE, CLOSE, CONTROL, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, OPEN, OPEN_INTEREST,
    PRICE, QUOTE, REFERENCE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, SECOND, decimal, epoch_time, identity, integer, name, needed_decimal, taker,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, NULL_VALUE, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.deribit_session import HEARTBEAT_S, DeribitSession
from ingestor.providers.session import Channel, Limits

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_QUOTE = 1
    CHANNEL_TICKER = 2
    CHANNEL_INCREMENTAL = 3
    CHANNEL_INDEX = 4
    CHANNEL_CHART = 5
    CHANNEL_OTHER = 8
    CHANNEL_UNKNOWN = 9     # `channel` not read yet

cdef enum:
    MINUTES_DIGITS_MAX = 5      # a chart's length: 720 minutes is the longest offered


cdef struct Row:
    Token instrument_name, timestamp, trade_id, trade_seq, direction, price, amount
    Token bid, bid_amount, ask, ask_amount, mark, index, funding, open_interest, type
    Token index_name, tick, open, high, low, close, volume


cdef inline void clear(Row* f) noexcept nogil:
    f.instrument_name.type = f.timestamp.type = f.trade_id.type = f.trade_seq.type = f.direction.type = NOTHING
    f.price.type = f.amount.type = f.bid.type = f.bid_amount.type = f.ask.type = f.ask_amount.type = NOTHING
    f.mark.type = f.index.type = f.funding.type = f.open_interest.type = f.type.type = NOTHING
    f.index_name.type = f.tick.type = f.open.type = f.high.type = f.low.type = f.close.type = f.volume.type = NOTHING


cdef inline Token* trade_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"direction", 9):
        return &f.direction
    if key_is(key, b"trade_id", 8):
        return &f.trade_id
    if key_is(key, b"instrument_name", 15):
        return &f.instrument_name
    if key_is(key, b"trade_seq", 9):
        return &f.trade_seq
    if key_is(key, b"amount", 6):
        return &f.amount
    return NULL


cdef inline Token* ticker_slot(Row* f, const Token* key) noexcept nogil:
    """Keys of tickers and quotes, told by their length first: a ticker has thirty."""
    if key.size == 15:
        if key_is(key, b"instrument_name", 15):
            return &f.instrument_name
        if key_is(key, b"best_bid_amount", 15):
            return &f.bid_amount
        if key_is(key, b"best_ask_amount", 15):
            return &f.ask_amount
        return &f.funding if key_is(key, b"current_funding", 15) else NULL
    if key.size == 14:
        if key_is(key, b"best_bid_price", 14):
            return &f.bid
        return &f.ask if key_is(key, b"best_ask_price", 14) else NULL
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if key_is(key, b"mark_price", 10):
        return &f.mark
    if key_is(key, b"index_price", 11):
        return &f.index
    if key_is(key, b"open_interest", 13):
        return &f.open_interest
    return &f.type if key_is(key, b"type", 4) else NULL


cdef inline Token* chart_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"tick", 4):
        return &f.tick
    if key_is(key, b"open", 4):
        return &f.open
    if key_is(key, b"high", 4):
        return &f.high
    if key_is(key, b"low", 3):
        return &f.low
    if key_is(key, b"close", 5):
        return &f.close
    return &f.volume if key_is(key, b"volume", 6) else NULL


cdef inline Token* index_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"index_name", 10):
        return &f.index_name
    if key_is(key, b"price", 5):
        return &f.price
    return &f.timestamp if key_is(key, b"timestamp", 9) else NULL


cdef inline Token* slot(Row* f, const Token* key, int channel) noexcept nogil:
    if channel == CHANNEL_TRADES:
        return trade_slot(f, key)
    if channel == CHANNEL_CHART:
        return chart_slot(f, key)
    return index_slot(f, key) if channel == CHANNEL_INDEX else ticker_slot(f, key)


cdef inline bint trade(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADES)
    if tick == NULL:
        return False
    return (name(c, &f.instrument_name, &tick.symbol) and identity(c, &f.trade_id, &tick.id)
            and taker(c, &f.direction, tick) and needed_decimal(c, &f.price, tick, PRICE)
            and needed_decimal(c, &f.amount, tick, SIZE) and integer(c, &f.trade_seq, &tick.sequence)
            and epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns))


cdef inline void empty_side(const Token* price, Tick* tick, int size) noexcept nogil:
    """A side whose price is sent as null has no size either: Deribit sends 0 there."""
    if price.type == NULL_VALUE and tick.present >> size & 1 and tick.mantissa[size] == 0:
        tick.present &= <uint8_t> ~(1 << size)


cdef inline bint quote(Cursor* c, Row* f, int channel, int flags) noexcept nogil:
    cdef Tick* tick
    if f.bid.type == NOTHING and f.bid_amount.type == NOTHING and f.ask.type == NOTHING and f.ask_amount.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, channel)
    if tick == NULL:
        return False
    tick.flags |= flags
    if not (name(c, &f.instrument_name, &tick.symbol)
            and sides(c, &f.bid, &f.bid_amount, &f.ask, &f.ask_amount, tick)):
        return False
    empty_side(&f.bid, tick, BID_SIZE)
    empty_side(&f.ask, tick, ASK_SIZE)
    return epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns)


cdef inline bint reference(Cursor* c, Row* f, int channel, int flags) noexcept nogil:
    cdef Tick* tick
    if is_absent(&f.mark) and is_absent(&f.index) and is_absent(&f.funding) and is_absent(&f.open_interest):
        return True
    tick = tick_new(c, REFERENCE, channel)
    if tick == NULL:
        return False
    tick.flags |= flags
    return (name(c, &f.instrument_name, &tick.symbol) and decimal(c, &f.mark, tick, MARK)
            and decimal(c, &f.index, tick, INDEX) and decimal(c, &f.funding, tick, FUNDING)
            and decimal(c, &f.open_interest, tick, OPEN_INTEREST)
            and epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns))


cdef inline bint price_index(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, CHANNEL_INDEX)
    if tick == NULL or not (decimal(c, &f.price, tick, INDEX)
                            and epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.index_name, &tick.symbol)


cdef inline int64_t chart_length(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """`1`, `60`: minutes; `1D`: a day; in nanoseconds. ABSENT for what is no length."""
    cdef int64_t minutes = 0
    if end - at == 2 and at[0] == 49 and at[1] == 68:
        return <int64_t> 86400 * SECOND
    if at == end or end - at > MINUTES_DIGITS_MAX:
        return ABSENT
    while at < end:
        if at[0] < 48 or at[0] > 57:
            return ABSENT
        minutes = minutes * 10 + at[0] - 48
        at += 1
    return minutes * 60 * SECOND if minutes else ABSENT


cdef inline bint bar(Cursor* c, Row* f, const Token* channel) noexcept nogil:
    """A candle of `chart.trades.<symbol>.<length>`; the length stands after the last dot."""
    cdef const uint8_t* end = channel.at + channel.size
    cdef const uint8_t* dot = end - 1
    cdef Token symbol = channel[0]
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_CHART)
    if tick == NULL:
        return False
    while dot[0] != 46:     # channel_of has seen one
        dot -= 1
    symbol.at = channel.at + 13
    symbol.size = <uint32_t> (dot - symbol.at)
    return (name(c, &symbol, &tick.symbol) and decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH)
            and decimal(c, &f.low, tick, LOW) and decimal(c, &f.close, tick, CLOSE)
            and decimal(c, &f.volume, tick, VOLUME) and epoch_time(c, &f.tick, MILLISECOND, &tick.start_ns)
            and later(c, tick.start_ns, chart_length(dot + 1, end), &tick.end_ns))


cdef inline bint read_row(Cursor* c, int channel, const Token* word) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    cdef int flags = 0
    clear(&f)
    if not object_begin(c):
        return False
    while object_next(c, &key):
        to = slot(&f, &key, channel)
        value(c, to if to != NULL else &passed)
    if c.status != DECODED:
        return False
    if channel == CHANNEL_TRADES:
        return trade(c, &f)
    if channel == CHANNEL_QUOTE:
        return quote(c, &f, channel, 0)
    if channel == CHANNEL_INDEX:
        return price_index(c, &f)
    if channel == CHANNEL_CHART:
        return bar(c, &f, word)
    if channel == CHANNEL_INCREMENTAL:
        if not settle(c, &f.type):
            return False
        flags = SNAPSHOT if is_word(&f.type, b"snapshot", 8) else 0
    return quote(c, &f, channel, flags) and reference(c, &f, channel, flags)


cdef inline bint read_data(Cursor* c, int channel, const Token* word) noexcept nogil:
    """Trades come as rows, all else as one object."""
    if channel != CHANNEL_TRADES:
        return read_row(c, channel, word)
    if not array_begin(c):
        return False
    while array_next(c):
        read_row(c, channel, word)
    return c.status == DECODED


cdef inline bint heads(const Token* text, const char* word, uint32_t size) noexcept nogil:
    """Whether the text is the word, or the word and a dot and more."""
    return (text.size >= size and memcmp(text.at, word, size) == 0
            and (text.size == size or text.at[size] == 46))


cdef inline bint is_chart(const Token* text) noexcept nogil:
    cdef uint32_t i
    if text.size <= 13 or memcmp(text.at, b"chart.trades.", 13) != 0:
        return False
    for i in range(13, text.size):
        if text.at[i] == 46:
            return True
    return False


cdef inline int channel_of(Cursor* c, Token* word) noexcept nogil:
    if not settle(c, word) or word.type != STRING:
        return CHANNEL_OTHER
    if heads(word, b"trades", 6):
        return CHANNEL_TRADES
    if heads(word, b"ticker", 6):
        return CHANNEL_TICKER
    if heads(word, b"quote", 5):
        return CHANNEL_QUOTE
    if heads(word, b"incremental_ticker", 18):
        return CHANNEL_INCREMENTAL
    if heads(word, b"deribit_price_index", 19):
        return CHANNEL_INDEX
    return CHANNEL_CHART if is_chart(word) else CHANNEL_OTHER


cdef inline bint read_params(Cursor* c) noexcept nogil:
    cdef Token key, passed, word, data
    cdef Cursor inner
    cdef int channel = CHANNEL_UNKNOWN
    data.type = NOTHING
    if not object_begin(c):
        return False
    while object_next(c, &key):
        if key_is(&key, b"channel", 7):
            if value(c, &word):
                channel = channel_of(c, &word)
        elif key_is(&key, b"data", 4):
            if channel <= CHANNEL_CHART:
                read_data(c, channel, &word)
            else:
                value(c, &data)
        else:
            value(c, &passed)
    if c.status != DECODED or channel > CHANNEL_CHART or data.type == NOTHING:
        return c.status == DECODED
    return within(c, &data, &inner) and (read_data(&inner, channel, &word) or fail(c, inner.status))


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, method, params
    cdef bint subscription = False, answer = False
    cursor_init(&c, at, size, out)
    method.type = params.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"method", 6):
            if value(&c, &method) and settle(&c, &method):
                subscription = is_word(&method, b"subscription", 12)
        elif key_is(&key, b"params", 6):
            if subscription:
                read_params(&c)
            else:
                value(&c, &params)
        else:
            answer = answer or key_is(&key, b"result", 6) or key_is(&key, b"error", 5)
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if not subscription:
        return CONTROL if answer or is_word(&method, b"heartbeat", 9) else outcome(&c)
    if params.type != NOTHING:
        if not within(&c, &params, &inner):
            return outcome(&c)
        if not read_params(&inner):
            fail(&c, inner.status)
    return outcome(&c)


PROVIDER = provider(decode, NULL, NULL, {
    "name": "deribit",
    "venue": "deribit",
    "url": "wss://www.deribit.com/ws/api/v2",
    "channels": (
        Channel("trades", "trades", "gapless", trade_ids="exchange"), Channel("quote", "quotes"),
        Channel("ticker", "reference"),
        Channel("incremental_ticker", "reference", default=False, partial=True),
        Channel("deribit_price_index", "reference", default=False), Channel("chart.trades", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_connection_max=500, subscriptions_per_message_max=100, messages_per_second_max=3,
        connects_per_minute_max=60, connections_max=32,
        silence_max_s=2 * HEARTBEAT_S,
    ),
    "session": DeribitSession(),
})
