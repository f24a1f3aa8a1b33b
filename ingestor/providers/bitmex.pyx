"""bitmex: trades, quotes, instruments, funding and candles of BitMEX, told by `table` and `action`.

    {"table":"trade","action":"insert","data":[{"timestamp":"2026-08-12T19:29:00.921Z","symbol":"XBTUSD",
     "side":"Sell","size":100,"price":64012.5,"tickDirection":"MinusTick",
     "trdMatchID":"7e4a4dbd-abfb-aa1f-e57b-8307af9a98d6","grossValue":156220,"homeNotional":0.0015622,
     "foreignNotional":100}]}
    {"table":"quote","action":"insert","data":[{"timestamp":"2026-08-12T19:29:00.924Z","symbol":"XBTUSD",
     "bidSize":1000,"bidPrice":64012,"askPrice":64012.5,"askSize":420}]}
    {"table":"instrument","action":"update","data":[{"symbol":"XBTUSD","markPrice":64005.1,
     "indicativeSettlePrice":64010.2,"fundingRate":0.0001,"fundingTimestamp":"2026-08-12T20:00:00.000Z",
     "openInterest":716004750,"timestamp":"2026-08-12T19:29:00.000Z"}]}
    {"table":"funding","action":"insert","data":[{"timestamp":"2026-08-12T20:00:00.000Z","symbol":"XBTUSD",
     "fundingInterval":"2000-01-01T08:00:00.000Z","fundingRate":0.0001,"fundingRateDaily":0.0003}]}
    {"table":"tradeBin1m","action":"insert","data":[{"timestamp":"2026-08-12T19:30:00.000Z","symbol":"XBTUSD",
     "open":64012,"high":64013,"low":64000.5,"close":64010,"trades":17,"volume":9000,"vwap":64005.5,...}]}

Sizes are contracts, as sent. `side` is the taker's; settlement rows leave it empty. `partial` is the state on
subscribing: its trade was 94 minutes old in a capture. Frames are read each by itself: an `insert` before its
`partial` counts too. An instrument's update holds what has changed, at times without a time; its bid and ask come
without sizes. A candle's `timestamp` is its end. Rows carry no sequence, and a trade's id is a random UUID.

Frames of 0.7 MB occur (the partial of all instruments). Welcome says how many connections the hour still allows (40).
Heartbeat: the texts `ping` and `pong`, no JSON, after 5 s of silence.
Source: www.bitmex.com/app/wsAPI (November 2026); 3 connections a second; frames captured in 2021.
"""
import json

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, BAR, CLOSE, CONTROL, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, OPEN, OPEN_INTEREST, PRICE, QUOTE,
    REFERENCE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch, VOLUME, VWAP,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport SECOND, decimal, identity, integer, iso_time, name, needed_decimal, taker
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.bitmex_history import BitmexHistory
from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_QUOTE = 1
    CHANNEL_INSTRUMENT = 2
    CHANNEL_FUNDING = 3
    CHANNEL_BIN = 4         # and the longer ones after it, in the order of BIN_SECONDS
    CHANNEL_OTHER = 8
    CHANNEL_UNKNOWN = 9     # `table` not read yet

cdef enum:
    ACTION_INSERT = 0
    ACTION_PARTIAL = 1
    ACTION_UPDATE = 2
    ACTION_OTHER = 3
    ACTION_UNKNOWN = 4      # `action` not read yet

cdef int64_t[4] BIN_SECONDS = [60, 300, 3600, 86400]


cdef struct Row:
    Token symbol, timestamp, side, size, price, id
    Token bid, bid_size, ask, ask_size, mark, index, funding, funding_time, open_interest
    Token open, high, low, close, volume, vwap, trades


cdef inline void clear(Row* f) noexcept nogil:
    f.symbol.type = f.timestamp.type = f.side.type = f.size.type = f.price.type = f.id.type = NOTHING
    f.bid.type = f.bid_size.type = f.ask.type = f.ask_size.type = f.mark.type = f.index.type = NOTHING
    f.funding.type = f.funding_time.type = f.open_interest.type = NOTHING
    f.open.type = f.high.type = f.low.type = f.close.type = f.volume.type = f.vwap.type = f.trades.type = NOTHING


cdef inline Token* trade_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"size", 4):
        return &f.size
    if key_is(key, b"price", 5):
        return &f.price
    return &f.id if key_is(key, b"trdMatchID", 10) else NULL


cdef inline Token* quote_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"bidSize", 7):
        return &f.bid_size
    if key_is(key, b"bidPrice", 8):
        return &f.bid
    if key_is(key, b"askPrice", 8):
        return &f.ask
    return &f.ask_size if key_is(key, b"askSize", 7) else NULL


cdef inline Token* instrument_slot(Row* f, const Token* key) noexcept nogil:
    """A full row has a hundred keys: told by their length first."""
    if key.size == 8:
        if key_is(key, b"bidPrice", 8):
            return &f.bid
        return &f.ask if key_is(key, b"askPrice", 8) else NULL
    if key_is(key, b"markPrice", 9):
        return &f.mark
    if key_is(key, b"indicativeSettlePrice", 21):
        return &f.index
    if key_is(key, b"fundingRate", 11):
        return &f.funding
    if key_is(key, b"fundingTimestamp", 16):
        return &f.funding_time
    return &f.open_interest if key_is(key, b"openInterest", 12) else NULL


cdef inline Token* bin_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"open", 4):
        return &f.open
    if key_is(key, b"high", 4):
        return &f.high
    if key_is(key, b"low", 3):
        return &f.low
    if key_is(key, b"close", 5):
        return &f.close
    if key_is(key, b"volume", 6):
        return &f.volume
    if key_is(key, b"vwap", 4):
        return &f.vwap
    return &f.trades if key_is(key, b"trades", 6) else NULL


cdef inline Token* slot(Row* f, const Token* key, int channel) noexcept nogil:
    if key_is(key, b"symbol", 6):
        return &f.symbol
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if channel == CHANNEL_TRADE:
        return trade_slot(f, key)
    if channel == CHANNEL_QUOTE:
        return quote_slot(f, key)
    if channel == CHANNEL_INSTRUMENT:
        return instrument_slot(f, key)
    if channel == CHANNEL_FUNDING:
        return &f.funding if key_is(key, b"fundingRate", 11) else NULL
    return bin_slot(f, key)


cdef inline bint trade(Cursor* c, Row* f, int flags) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL:
        return False
    tick.flags |= flags
    return (name(c, &f.symbol, &tick.symbol) and identity(c, &f.id, &tick.id) and taker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.size, tick, SIZE)
            and iso_time(c, &f.timestamp, &tick.ts_event_ns))


cdef inline bint quote(Cursor* c, Row* f, int channel, int flags) noexcept nogil:
    """Of a quote's row or, without sizes, of an instrument's."""
    cdef Tick* tick
    if f.bid.type == NOTHING and f.bid_size.type == NOTHING and f.ask.type == NOTHING and f.ask_size.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, channel)
    if tick == NULL:
        return False
    tick.flags |= flags
    return (name(c, &f.symbol, &tick.symbol) and sides(c, &f.bid, &f.bid_size, &f.ask, &f.ask_size, tick)
            and iso_time(c, &f.timestamp, &tick.ts_event_ns))


cdef inline bint reference(Cursor* c, Row* f, int channel, int flags) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, channel)
    if tick == NULL:
        return False
    tick.flags |= flags
    if not (decimal(c, &f.mark, tick, MARK) and decimal(c, &f.index, tick, INDEX)
            and decimal(c, &f.funding, tick, FUNDING) and decimal(c, &f.open_interest, tick, OPEN_INTEREST)
            and iso_time(c, &f.funding_time, &tick.next_funding_ns)
            and iso_time(c, &f.timestamp, &tick.ts_event_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.symbol, &tick.symbol)


cdef inline bint bar(Cursor* c, Row* f, int channel, int flags) noexcept nogil:
    cdef int64_t length = BIN_SECONDS[channel - CHANNEL_BIN] * SECOND
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_BIN)
    if tick == NULL:
        return False
    tick.flags |= flags
    if not (name(c, &f.symbol, &tick.symbol) and decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH)
            and decimal(c, &f.low, tick, LOW) and decimal(c, &f.close, tick, CLOSE)
            and decimal(c, &f.volume, tick, VOLUME) and decimal(c, &f.vwap, tick, VWAP)
            and integer(c, &f.trades, &tick.count) and iso_time(c, &f.timestamp, &tick.end_ns)):
        return False
    tick.ts_event_ns = tick.end_ns
    if tick.end_ns != ABSENT and tick.end_ns > length:
        tick.start_ns = tick.end_ns - length
    return True


cdef inline bint read_rows(Cursor* c, int channel, int flags) noexcept nogil:
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
        if channel == CHANNEL_TRADE:
            trade(c, &f, flags)
        elif channel == CHANNEL_QUOTE:
            quote(c, &f, channel, flags)
        elif channel >= CHANNEL_BIN:
            bar(c, &f, channel, flags)
        elif channel == CHANNEL_FUNDING or quote(c, &f, channel, flags):
            reference(c, &f, channel, flags)
    return c.status == DECODED


cdef inline int channel_of(Cursor* c, Token* word) noexcept nogil:
    settle(c, word)
    if is_word(word, b"trade", 5):
        return CHANNEL_TRADE
    if is_word(word, b"quote", 5):
        return CHANNEL_QUOTE
    if is_word(word, b"instrument", 10):
        return CHANNEL_INSTRUMENT
    if is_word(word, b"funding", 7):
        return CHANNEL_FUNDING
    if is_word(word, b"tradeBin1m", 10):
        return CHANNEL_BIN
    if is_word(word, b"tradeBin5m", 10):
        return CHANNEL_BIN + 1
    if is_word(word, b"tradeBin1h", 10):
        return CHANNEL_BIN + 2
    return CHANNEL_BIN + 3 if is_word(word, b"tradeBin1d", 10) else CHANNEL_OTHER


cdef inline int action_of(Cursor* c, Token* word) noexcept nogil:
    settle(c, word)
    if is_word(word, b"insert", 6):
        return ACTION_INSERT
    if is_word(word, b"partial", 7):
        return ACTION_PARTIAL
    return ACTION_UPDATE if is_word(word, b"update", 6) else ACTION_OTHER


cdef inline bint yields(int channel, int action) noexcept nogil:
    """Updates say something of instruments only; deletions say nothing."""
    return channel < CHANNEL_OTHER and (
        action <= ACTION_PARTIAL or (action == ACTION_UPDATE and channel == CHANNEL_INSTRUMENT))


cdef inline bint is_text(const uint8_t* at, size_t size, const char* word) noexcept nogil:
    return size == 4 and memcmp(at, word, 4) == 0


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, word, data
    cdef int channel = CHANNEL_UNKNOWN, action = ACTION_UNKNOWN
    cdef bint answer = False
    cursor_init(&c, at, size, out)
    if is_text(at, size, b"pong") or is_text(at, size, b"ping"):
        return CONTROL
    data.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"table", 5):
            if value(&c, &word):
                channel = channel_of(&c, &word)
        elif key_is(&key, b"action", 6):
            if value(&c, &word):
                action = action_of(&c, &word)
        elif key_is(&key, b"data", 4):
            if yields(channel, action):
                read_rows(&c, channel, SNAPSHOT if action == ACTION_PARTIAL else 0)
            else:
                value(&c, &data)
        else:
            answer = (answer or key_is(&key, b"success", 7) or key_is(&key, b"error", 5) or key_is(&key, b"info", 4))
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if channel == CHANNEL_UNKNOWN:
        return CONTROL if answer else outcome(&c)
    if yields(channel, action) and data.type != NOTHING:
        if not within(&c, &data, &inner):
            return outcome(&c)
        if not read_rows(&inner, channel, SNAPSHOT if action == ACTION_PARTIAL else 0):
            fail(&c, inner.status)
    return outcome(&c)


RETRYABLE = (429, 503)


class BitmexSession(Session):
    """A list of `table:symbol`; one acknowledgement each. Heartbeat is the text `ping`."""

    history = BitmexHistory()

    def subscribe(self, subscriptions, request_id):
        return (self._request("subscribe", subscriptions),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("unsubscribe", subscriptions),)

    def _request(self, operation, subscriptions):
        return as_text({"op": operation, "args": [f"{wanted.channel}:{wanted.symbol}" for wanted in subscriptions]})

    def heartbeat(self, request_id):
        return b"ping"

    def control(self, frame):
        if frame == b"pong":
            return Control("alive")
        if frame == b"ping":
            return Control("reply", reply=b"pong")
        message = json.loads(frame)
        if "error" in message:
            args = (message.get("request") or {}).get("args")
            named = args if isinstance(args, list) else [args]
            return Control("error", request=str(named[0] or "") if len(named) == 1 else "",
                           message=f"{message.get('status')}: {message['error']}",
                           retryable=message.get("status") in RETRYABLE)
        request = message.get("subscribe") or message.get("unsubscribe")
        return Control("ack", request=request) if message.get("success") and request else None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "bitmex",
    "venue": "bitmex",
    "url": "wss://ws.bitmex.com/realtime",
    "channels": (
        Channel("trade", "trades", trade_ids="exchange"), Channel("quote", "quotes"),
        Channel("instrument", "reference", partial=True),
        Channel("funding", "reference", default=False), Channel("tradeBin1m", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_message_max=20, messages_per_second_max=5, connects_per_minute_max=20,
        heartbeat_every_s=5, silence_max_s=15,
    ),
    "session": BitmexSession(),
})
