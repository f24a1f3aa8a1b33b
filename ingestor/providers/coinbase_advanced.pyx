"""coinbase-advanced: trades, tickers and candles of Coinbase Advanced Trade, told by `channel`.

    {"channel":"market_trades","timestamp":"2026-08-12T19:29:00.951701797Z","sequence_num":697,"events":[
     {"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1068572096","price":"64012.38",
     "size":"0.0038028","time":"2026-08-12T19:29:00.926861Z","side":"SELL"}]}]}
    {"channel":"ticker","timestamp":"2026-08-12T19:29:00.951701797Z","sequence_num":698,"events":[
     {"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"64012.38",...,
     "best_bid":"64012.37","best_ask":"64012.38","best_bid_quantity":"0.2","best_ask_quantity":"0.1"}]}]}
    {"channel":"candles","timestamp":"2026-08-12T19:29:00.951701797Z","sequence_num":699,"events":[
     {"type":"update","candles":[{"start":"1786562700","high":"64020.1","low":"64001","open":"64010.02",
     "close":"64012.38","volume":"36.36630914","product_id":"BTC-USD"}]}]}

`sequence_num` counts the frames of a connection over all its channels: every record of a frame has it. `side` is
the MAKER's (captured: SELL prints at the ask 49 of 49 times, BUY at the bid 26 of 27), so the taker took the other
side. Trades of 250 ms come together, newest first, products mixed. A row of a ticker has no time: it has the
envelope's. Candles are five minutes long, always. `ticker_batch` has no bid and ask in captures: nothing then.
`events[].type` `snapshot` marks what is replayed on subscribing, up to 100 trades a product.

Connections that carry nothing for 60 to 90 s are closed: `heartbeats` (one a second) prevent it. 8 connections and
8 messages a second and address; the first request within 5 s. Source: docs.cdp.coinbase.com
coinbase-app/advanced-trade-apis/websocket (November 2026), frames captured in August 2026.
"""
import json

from libc.stdint cimport int64_t, uint8_t, uint32_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, BAR, CLOSE, CONTROL, DECODED, HIGH, LOW, OPEN, PRICE, QUOTE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch,
    VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    SECOND, decimal, epoch_time, identity, integer, iso_time, maker, name, needed_decimal,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_TICKER = 1
    CHANNEL_TICKER_BATCH = 2
    CHANNEL_CANDLES = 3
    CHANNEL_OTHER = 8
    CHANNEL_SUBSCRIPTIONS = 9
    CHANNEL_UNKNOWN = 10    # `channel` not read yet

cdef enum:
    CANDLE_S = 300


cdef struct Row:
    Token product_id, trade_id, side, price, size, time
    Token best_bid, best_bid_quantity, best_ask, best_ask_quantity
    Token start, open, high, low, close, volume


cdef inline void clear(Row* f) noexcept nogil:
    f.product_id.type = f.trade_id.type = f.side.type = f.price.type = f.size.type = f.time.type = NOTHING
    f.best_bid.type = f.best_bid_quantity.type = f.best_ask.type = f.best_ask_quantity.type = NOTHING
    f.start.type = f.open.type = f.high.type = f.low.type = f.close.type = f.volume.type = NOTHING


cdef inline Token* trade_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"trade_id", 8):
        return &f.trade_id
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"size", 4):
        return &f.size
    if key_is(key, b"time", 4):
        return &f.time
    if key_is(key, b"side", 4):
        return &f.side
    return NULL


cdef inline Token* ticker_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"best_bid", 8):
        return &f.best_bid
    if key_is(key, b"best_ask", 8):
        return &f.best_ask
    if key_is(key, b"best_bid_quantity", 17):
        return &f.best_bid_quantity
    if key_is(key, b"best_ask_quantity", 17):
        return &f.best_ask_quantity
    return NULL


cdef inline Token* candle_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"start", 5):
        return &f.start
    if key_is(key, b"high", 4):
        return &f.high
    if key_is(key, b"low", 3):
        return &f.low
    if key_is(key, b"open", 4):
        return &f.open
    if key_is(key, b"close", 5):
        return &f.close
    if key_is(key, b"volume", 6):
        return &f.volume
    return NULL


cdef inline Token* slot(Row* f, const Token* key, int channel) noexcept nogil:
    if key_is(key, b"product_id", 10):
        return &f.product_id
    if channel == CHANNEL_TRADES:
        return trade_slot(f, key)
    return candle_slot(f, key) if channel == CHANNEL_CANDLES else ticker_slot(f, key)


cdef inline bint trade(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADES)
    if tick == NULL:
        return False
    return (name(c, &f.product_id, &tick.symbol) and identity(c, &f.trade_id, &tick.id) and maker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.size, tick, SIZE)
            and iso_time(c, &f.time, &tick.ts_event_ns))


cdef inline bint quote(Cursor* c, Row* f, int channel) noexcept nogil:
    cdef Tick* tick
    if f.best_bid.type == NOTHING and f.best_ask.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, channel)
    if tick == NULL:
        return False
    return (name(c, &f.product_id, &tick.symbol)
            and sides(c, &f.best_bid, &f.best_bid_quantity, &f.best_ask, &f.best_ask_quantity, tick))


cdef inline bint bar(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_CANDLES)
    if tick == NULL:
        return False
    return (name(c, &f.product_id, &tick.symbol) and decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH)
            and decimal(c, &f.low, tick, LOW) and decimal(c, &f.close, tick, CLOSE)
            and decimal(c, &f.volume, tick, VOLUME) and epoch_time(c, &f.start, SECOND, &tick.start_ns)
            and later(c, tick.start_ns, <int64_t> CANDLE_S * SECOND, &tick.end_ns))


cdef inline bint read_rows(Cursor* c, int channel) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    if not array_begin(c):
        return False
    while array_next(c):
        clear(&f)
        object_begin(c)
        while object_next(c, &key):
            to = slot(&f, &key, channel)
            value(c, to if to != NULL else &passed)
        if c.status != DECODED:
            return False
        if channel == CHANNEL_TRADES:
            trade(c, &f)
        elif channel == CHANNEL_CANDLES:
            bar(c, &f)
        else:
            quote(c, &f, channel)
    return c.status == DECODED


cdef inline bint has_rows(const Token* key, int channel) noexcept nogil:
    """Whether this member of an event holds the channel's rows."""
    if channel == CHANNEL_TRADES:
        return key_is(key, b"trades", 6)
    return key_is(key, b"candles", 7) if channel == CHANNEL_CANDLES else key_is(key, b"tickers", 7)


cdef inline bint read_events(Cursor* c, int channel) noexcept nogil:
    cdef Token key, passed, type
    cdef uint32_t first, i
    if not array_begin(c):
        return False
    while array_next(c):
        first = c.out.count
        type.type = NOTHING
        object_begin(c)
        while object_next(c, &key):
            if has_rows(&key, channel):
                read_rows(c, channel)
            else:
                value(c, &type if key_is(&key, b"type", 4) else &passed)
        if c.status != DECODED or not settle(c, &type):
            return False
        if is_word(&type, b"snapshot", 8):
            for i in range(first, c.out.count):
                c.out.ticks[i].flags |= SNAPSHOT
    return c.status == DECODED


cdef inline int channel_of(Cursor* c, Token* token) noexcept nogil:
    settle(c, token)
    if is_word(token, b"market_trades", 13):
        return CHANNEL_TRADES
    if is_word(token, b"ticker", 6):
        return CHANNEL_TICKER
    if is_word(token, b"ticker_batch", 12):
        return CHANNEL_TICKER_BATCH
    if is_word(token, b"candles", 7):
        return CHANNEL_CANDLES
    return CHANNEL_SUBSCRIPTIONS if is_word(token, b"subscriptions", 13) else CHANNEL_OTHER


cdef bint complete(Cursor* c, int channel, int64_t number, Token* timestamp) noexcept nogil:
    """Give the frame's records what stands in its envelope."""
    cdef int64_t ts = ABSENT
    cdef uint32_t i
    if channel != CHANNEL_TRADES and not iso_time(c, timestamp, &ts):
        return False
    for i in range(c.out.count):
        c.out.ticks[i].sequence = number
        if channel != CHANNEL_TRADES:
            c.out.ticks[i].ts_event_ns = ts
    return True


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, word, type, events, timestamp, sequence
    cdef int channel = CHANNEL_UNKNOWN
    cdef int64_t number = ABSENT
    cursor_init(&c, at, size, out)
    type.type = events.type = timestamp.type = sequence.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"channel", 7):
            if value(&c, &word):
                channel = channel_of(&c, &word)
        elif key_is(&key, b"events", 6):
            if channel <= CHANNEL_CANDLES:
                read_events(&c, channel)
            else:
                value(&c, &events)
        elif key_is(&key, b"timestamp", 9):
            value(&c, &timestamp)
        elif key_is(&key, b"sequence_num", 12):
            value(&c, &sequence)
        else:
            value(&c, &type if key_is(&key, b"type", 4) else &passed)
    if not text_end(&c) or not integer(&c, &sequence, &number):
        return outcome(&c)
    out.frame_sequence = number
    if channel > CHANNEL_CANDLES:
        if not settle(&c, &type):
            return outcome(&c)
        return CONTROL if channel == CHANNEL_SUBSCRIPTIONS or is_word(&type, b"error", 5) else outcome(&c)
    if events.type != NOTHING:
        if not within(&c, &events, &inner):
            return outcome(&c)
        if not read_events(&inner, channel):
            fail(&c, inner.status)
    if c.status == DECODED and out.count:
        complete(&c, channel, number, &timestamp)
    return outcome(&c)


class CoinbaseAdvancedSession(Session):
    """One channel a request; each answer is the full current list, with no id."""

    def hello(self, subscriptions, key):
        """The heartbeats keep a connection of quiet markets open."""
        return (as_text({"type": "subscribe", "channel": "heartbeats"}),)

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions)

    def _requests(self, kind, subscriptions):
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        return tuple(as_text({"type": kind, "product_ids": products, "channel": channel})
                     for channel, products in channels.items())

    def control(self, frame):
        message = json.loads(frame)
        if message.get("type") == "error":
            return Control("error", message=str(message.get("message")), retryable=False)
        held = {channel for event in message.get("events", ()) for channel in event.get("subscriptions", ())}
        # The answer to hello() lists the heartbeats alone; the others are given in the order of the requests.
        return None if held == {"heartbeats"} else Control("ack")


PROVIDER = provider(decode, NULL, NULL, {
    "name": "coinbase-advanced",
    "venue": "coinbase",
    "url": "wss://advanced-trade-ws.coinbase.com",
    "channels": (
        Channel("market_trades", "trades", "connection", trade_ids="exchange"),
        Channel("ticker", "quotes", "connection"),
        Channel("ticker_batch", "quotes", "connection", default=False),
        Channel("candles", "bars", "connection"),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=4, connects_per_minute_max=60,
        subscribe_within_s=5, silence_max_s=15,
    ),
    "session": CoinbaseAdvancedSession(),
})
