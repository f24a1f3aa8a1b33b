"""bybit-v5: trades, best bid and ask, tickers and candles of Bybit, told by the head of `topic`.

    {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786562940923,"data":[{"T":1786562940921,
     "s":"BTCUSDT","S":"Sell","v":"0.004","p":"64012.30","L":"MinusTick","i":"7bf02dbc-...","BT":false,
     "RPI":false,"seq":272903656199}]}
    {"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1786562940924,"data":{"s":"BTCUSDT",
     "b":[["64012.2","5.954"]],"a":[["64012.3","10.470"]],"u":24042997,"seq":209972815373},"cts":1786562940920}
    {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"64012.20",
     "bid1Size":"5.9","markPrice":"64011.9"},"cs":24987956059,"ts":1786562940923}

`S` is the taker's side. `type` of a trade frame is always `snapshot` and means nothing. Key order
differs between spot and linear. The category (spot, linear, inverse, option) is only in the URL: a
connection's section. Ticker deltas carry only what changed.
Source: bybit-exchange.github.io/docs/v5/ws (November 2026), frames captured in 2025 and 2026.
"""
import json

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, CLOSE, CONTROL, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, OPEN,
    OPEN_INTEREST, PRICE, QUOTE, REFERENCE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport MILLISECOND, decimal, epoch_time, identity, integer, name, needed_decimal, taker
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport best_level, says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NONE, NOTHING, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.bybit_history import BybitHistory
from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_BOOK = 1
    CHANNEL_TICKER = 2
    CHANNEL_KLINE = 3
    CHANNEL_OTHER = 8
    CHANNEL_UNKNOWN = 9     # `topic` not read yet


cdef struct Row:
    Token s, i, S, p, v, T, seq, b, a, u
    Token symbol, bid, bid_size, ask, ask_size, mark, index, funding, next_funding, open_interest
    Token start, end, open, high, low, close, volume, timestamp
    bint option         # the keys of the option ticker


cdef inline void clear(Row* f) noexcept nogil:
    f.s.type = f.i.type = f.S.type = f.p.type = f.v.type = f.T.type = f.seq.type = NOTHING
    f.b.type = f.a.type = f.u.type = f.symbol.type = f.bid.type = f.bid_size.type = NOTHING
    f.ask.type = f.ask_size.type = f.mark.type = f.index.type = f.funding.type = NOTHING
    f.next_funding.type = f.open_interest.type = f.start.type = f.end.type = f.open.type = NOTHING
    f.high.type = f.low.type = f.close.type = f.volume.type = f.timestamp.type = NOTHING
    f.option = False


cdef inline Token* short_slot(Row* f, const Token* key) noexcept nogil:
    """Keys of trades and books."""
    cdef uint8_t letter = key.at[0]
    if key.size == 3:
        return &f.seq if memcmp(key.at, b"seq", 3) == 0 else NULL
    if key.size != 1:
        return NULL
    if letter == 112:
        return &f.p
    elif letter == 118:
        return &f.v
    elif letter == 115:
        return &f.s
    elif letter == 83:
        return &f.S
    elif letter == 84:
        return &f.T
    elif letter == 105:
        return &f.i
    elif letter == 98:
        return &f.b
    elif letter == 97:
        return &f.a
    elif letter == 117:
        return &f.u
    return NULL


cdef inline Token* ticker_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"symbol", 6):
        return &f.symbol
    if key_is(key, b"bid1Price", 9):
        return &f.bid
    if key_is(key, b"bid1Size", 8):
        return &f.bid_size
    if key_is(key, b"ask1Price", 9):
        return &f.ask
    if key_is(key, b"ask1Size", 8):
        return &f.ask_size
    if key_is(key, b"markPrice", 9):
        return &f.mark
    if key_is(key, b"indexPrice", 10):
        return &f.index
    if key_is(key, b"fundingRate", 11):
        return &f.funding
    if key_is(key, b"nextFundingTime", 15):
        return &f.next_funding
    if key_is(key, b"openInterest", 12):
        return &f.open_interest
    return option_slot(f, key)


cdef inline Token* option_slot(Row* f, const Token* key) noexcept nogil:
    cdef Token* to = NULL
    if key_is(key, b"bidPrice", 8):
        to = &f.bid
    elif key_is(key, b"bidSize", 7):
        to = &f.bid_size
    elif key_is(key, b"askPrice", 8):
        to = &f.ask
    elif key_is(key, b"askSize", 7):
        to = &f.ask_size
    if to != NULL:
        f.option = True
    return to


cdef inline Token* kline_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"start", 5):
        return &f.start
    if key_is(key, b"end", 3):
        return &f.end
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
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    return NULL


cdef inline bint trade(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL:
        return False
    return (name(c, &f.s, &tick.symbol) and identity(c, &f.i, &tick.id) and taker(c, &f.S, tick)
            and needed_decimal(c, &f.p, tick, PRICE) and needed_decimal(c, &f.v, tick, SIZE)
            and epoch_time(c, &f.T, MILLISECOND, &tick.ts_event_ns) and integer(c, &f.seq, &tick.sequence))


cdef inline bint book(Cursor* c, Row* f) noexcept nogil:
    """Best bid and ask; `decode` drops it again when a delta brought neither."""
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_BOOK)
    if tick == NULL:
        return False
    return (name(c, &f.s, &tick.symbol) and best_level(c, &f.b, tick, BID, BID_SIZE, True)
            and best_level(c, &f.a, tick, ASK, ASK_SIZE, True) and integer(c, &f.u, &tick.sequence))


cdef inline bint ticker(Cursor* c, Row* f) noexcept nogil:
    """A quote, then a reference. Flags of snapshots are set once `type` is known."""
    cdef Tick* tick
    if (f.bid.type != NOTHING or f.bid_size.type != NOTHING or f.ask.type != NOTHING
            or f.ask_size.type != NOTHING):
        tick = tick_new(c, QUOTE, CHANNEL_TICKER)
        if tick == NULL or not (name(c, &f.symbol, &tick.symbol)
                                and sides(c, &f.bid, &f.bid_size, &f.ask, &f.ask_size, tick)):
            return False
    if (is_absent(&f.mark) and is_absent(&f.index) and is_absent(&f.funding) and is_absent(&f.next_funding)
            and is_absent(&f.open_interest)):
        return True
    tick = tick_new(c, REFERENCE, CHANNEL_TICKER)
    if tick == NULL or not (decimal(c, &f.mark, tick, MARK) and decimal(c, &f.index, tick, INDEX)
                            and decimal(c, &f.funding, tick, FUNDING)
                            and decimal(c, &f.open_interest, tick, OPEN_INTEREST)
                            and epoch_time(c, &f.next_funding, MILLISECOND, &tick.next_funding_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.symbol, &tick.symbol)


cdef inline bint bar(Cursor* c, Row* f, const Token* topic) noexcept nogil:
    """A candle; its symbol is the topic after the second dot."""
    cdef const uint8_t* dot = <const uint8_t*> memchr(topic.at + 6, 46, topic.size - 6)
    cdef Token symbol
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_KLINE)
    if tick == NULL:
        return False
    symbol.type = NOTHING
    if dot != NULL:
        symbol.type = STRING
        symbol.escapes = NONE
        symbol.at = dot + 1
        symbol.size = <uint32_t> (topic.at + topic.size - dot - 1)
    return (name(c, &symbol, &tick.symbol) and decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH)
            and decimal(c, &f.low, tick, LOW) and decimal(c, &f.close, tick, CLOSE)
            and decimal(c, &f.volume, tick, VOLUME) and epoch_time(c, &f.start, MILLISECOND, &tick.start_ns)
            and epoch_time(c, &f.end, MILLISECOND, &tick.end_ns)
            and later(c, tick.end_ns, MILLISECOND, &tick.end_ns)    # `end` is the candle's last millisecond
            and epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns))


cdef inline bint read_row(Cursor* c, int channel, const Token* topic) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    clear(&f)
    if not object_begin(c):
        return False
    while object_next(c, &key):
        if channel == CHANNEL_TICKER:
            to = ticker_slot(&f, &key)
        elif channel == CHANNEL_KLINE:
            to = kline_slot(&f, &key)
        else:
            to = short_slot(&f, &key)
        value(c, to if to != NULL else &passed)
    if c.status != DECODED:
        return False
    if channel == CHANNEL_TRADE:
        return trade(c, &f)
    if channel == CHANNEL_BOOK:
        return book(c, &f)
    if channel == CHANNEL_KLINE:
        return bar(c, &f, topic)
    if not ticker(c, &f):
        return False
    if f.option and c.out.count:
        # Option tickers are always marked snapshot, which means nothing: told apart by their channel
        # number until `decode` has set the flags.
        c.out.ticks[0].flags |= SNAPSHOT
        c.out.ticks[c.out.count - 1].flags |= SNAPSHOT
    return True


cdef inline bint read_data(Cursor* c, int channel, const Token* topic) noexcept nogil:
    if peek(c) == 123:
        return read_row(c, channel, topic)
    if not array_begin(c):
        return False
    while array_next(c):
        read_row(c, channel, topic)
    return c.status == DECODED


cdef inline bint heads(const Token* topic, const char* word, uint32_t size) noexcept nogil:
    return topic.size > size and memcmp(topic.at, word, size) == 0


cdef inline int channel_of(Cursor* c, Token* topic) noexcept nogil:
    if not settle(c, topic) or topic.type != STRING:
        return CHANNEL_OTHER
    if heads(topic, b"publicTrade.", 12):
        return CHANNEL_TRADE
    if heads(topic, b"orderbook.1.", 12):
        return CHANNEL_BOOK
    if heads(topic, b"tickers.", 8):
        return CHANNEL_TICKER
    if heads(topic, b"kline.", 6):
        return CHANNEL_KLINE
    return CHANNEL_OTHER


cdef inline bint finish(Cursor* c, int channel, Token* type, Token* ts, Token* cts, Token* cs) noexcept nogil:
    """What the envelope says of the records: time, sequence, snapshot."""
    cdef uint32_t i
    cdef int64_t time_ns = ABSENT, sequence = ABSENT
    cdef Tick* tick
    if not settle(c, type):
        return False
    if channel == CHANNEL_BOOK:
        if not epoch_time(c, ts if is_absent(cts) else cts, MILLISECOND, &time_ns):
            return False
        for i in range(c.out.count):
            c.out.ticks[i].ts_event_ns = time_ns
        if is_word(type, b"delta", 5) and c.out.count and not c.out.ticks[0].present & (1 << BID | 1 << ASK):
            c.out.count = 0
    elif channel == CHANNEL_TICKER:
        if not (epoch_time(c, ts, MILLISECOND, &time_ns) and integer(c, cs, &sequence)):
            return False
        for i in range(c.out.count):
            tick = &c.out.ticks[i]
            tick.ts_event_ns = time_ns
            tick.sequence = sequence
            if tick.flags & SNAPSHOT:       # an option's ticker, see read_row
                tick.flags &= ~SNAPSHOT
            elif is_word(type, b"snapshot", 8):
                tick.flags |= SNAPSHOT
    return True


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, topic, type, ts, cts, cs, data
    cdef int channel = CHANNEL_UNKNOWN
    cdef bint operation = False
    cursor_init(&c, at, size, out)
    topic.type = type.type = ts.type = cts.type = cs.type = data.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"topic", 5):
            if value(&c, &topic):
                channel = channel_of(&c, &topic)
        elif key_is(&key, b"data", 4):
            if channel <= CHANNEL_KLINE:
                read_data(&c, channel, &topic)
            else:
                value(&c, &data)
        elif key_is(&key, b"type", 4):
            value(&c, &type)
        elif key_is(&key, b"ts", 2):
            value(&c, &ts)
        elif key_is(&key, b"cts", 3):
            value(&c, &cts)
        elif key_is(&key, b"cs", 2):
            value(&c, &cs)
        else:
            operation = operation or key_is(&key, b"op", 2)
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if channel > CHANNEL_KLINE:
        return CONTROL if operation and channel == CHANNEL_UNKNOWN else outcome(&c)
    if data.type != NOTHING:
        if not within(&c, &data, &inner):
            return outcome(&c)
        read_data(&inner, channel, &topic)
        if inner.status != DECODED:
            return outcome(&inner)
    finish(&c, channel, &type, &ts, &cts, &cs)
    return outcome(&c)


class BybitSession(Session):
    """`op` requests with topics; the section (spot, linear, inverse, option) is the URL's last part."""

    history = BybitHistory()

    def endpoint(self, url, section, subscriptions, key):
        return f"{url.rstrip('/')}/{section or 'spot'}"

    def subscribe(self, subscriptions, request_id):
        return (self._request("subscribe", subscriptions, request_id),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("unsubscribe", subscriptions, request_id),)

    def _request(self, operation, subscriptions, request_id):
        return as_text({"req_id": str(request_id), "op": operation,
                        "args": [f"{wanted.channel}.{wanted.symbol}" for wanted in subscriptions]})

    def heartbeat(self, request_id):
        return as_text({"req_id": str(request_id), "op": "ping"})

    def control(self, frame):
        message = json.loads(frame)
        text, request = str(message.get("ret_msg", "")), str(message.get("req_id") or "")
        if message.get("op") == "pong" or text == "pong":
            return Control("alive")
        if message.get("success") is False and "already subscribed" not in text:
            return Control("error", request=request, message=text, retryable=False)
        return Control("ack", request=request) if message.get("op") in ("subscribe", "unsubscribe") else None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "bybit-v5",
    "venue": "bybit",
    "url": "wss://stream.bybit.com/v5/public",
    "channels": (
        Channel("publicTrade", "trades", trade_ids="exchange"), Channel("orderbook.1", "quotes", "rising"),
        Channel("tickers", "reference", "rising", partial=True), Channel("kline.1", "bars", default=False),
    ),
    "limits": Limits(
        subscriptions_per_message_max=10, message_bytes_max=21_000, messages_per_second_max=10,
        connects_per_minute_max=100, heartbeat_every_s=20, silence_max_s=60,
    ),
    "session": BybitSession(),
})
