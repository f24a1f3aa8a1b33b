"""kraken-v1: trades, spreads, tickers and candles of Kraken spot over the frozen API v1, told by position.

A frame of data is an array: `[channel id, payload, ..., name, pair]`; name and pair are the last two elements
(books may have a second payload). Everything else is an object with `event`.

    [321,[["58721.20000","0.02798644","1617666461.465618","s","m",""]],"trade","XBT/USD"]
    [341,["58717.50000","58721.20000","1617666461.465618","0.18630000","0.04300000"],"spread","XBT/USD"]
    [2500,{"a":["0.000023630",7289,"7289.86759215"],"b":["0.000023610",1173,"1173.00000000"],...},"ticker","ALGO/XBT"]
    [42,["1542057314.748456","1542057360.435743","3586.70000","3586.70000","3586.60000","3586.60000","3586.68894",
     "0.03373000",2],"ohlc-5","XBT/USD"]

Trade rows are price, size, time, side (`b`, `s`: the taker's), order type, misc; they have no id and no sequence,
so that a loss can't be seen. The sides of a ticker are price, whole lots, lots: the size is the third. A spread is
bid, ask, time, bid size, ask size; an empty book has zeros and a time of zero. A ticker has no time. A candle is
time, end time, open, high, low, close, vwap, volume, count; its length stands in the name, in minutes. Times are
seconds with a fraction, exact to the digit. Nothing is replayed on subscribing but the ticker's state, which is
current. Source: docs.kraken.com spot-websocket (v1, November 2026), frames captured in 2019 and 2021; candles were
not seen in captures.
"""
import json

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    BAD_NUMBER, BAD_TIME, BAD_TYPE, BAR, BUY, CLOSE, CONTROL, DECODED, HIGH, LOW, OPEN, PRICE, QUOTE, SELL, SIZE,
    TRADE, Tick, TickBatch, VOLUME, VWAP,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport SECOND, decimal, integer, name, needed_decimal, word_is
from ingestor.scan.json cimport (
    array_begin, array_next, object_begin, object_next, peek, skip, text_end, value,
)
from ingestor.scan.quotes cimport columns, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.timestamp cimport join_time
from ingestor.scan.token cimport ARRAY, NOTHING, NULL_VALUE, NUMBER, OBJECT, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_SPREAD = 1
    CHANNEL_TICKER = 2
    CHANNEL_OHLC = 3

cdef enum:
    SECONDS_DIGITS_MAX = 10     # whole seconds: int64 nanoseconds end in the year 2262, with ten digits
    MINUTES_DIGITS_MAX = 5      # the longest candle is 21600 minutes


cdef inline bint seconds_time(Cursor* c, Token* token, int64_t* out) noexcept nogil:
    """Seconds since 1970 with a fraction, as text or number; digits beyond nanoseconds are cut."""
    cdef const uint8_t* at
    cdef const uint8_t* end
    cdef int64_t seconds = 0, nanos = 0, scale = 100000000
    cdef int digits = 0
    cdef bint negative
    if is_absent(token):
        return True
    if token.type != STRING and token.type != NUMBER:
        return fail(c, BAD_TYPE)
    if not settle(c, token):
        return False
    at = token.at
    end = at + token.size
    negative = at[0] == 45
    at += negative
    if at == end or not 48 <= at[0] <= 57:
        return fail(c, BAD_NUMBER)
    while at < end and 48 <= at[0] <= 57:
        digits += digits > 0 or at[0] != 48
        if digits <= SECONDS_DIGITS_MAX:
            seconds = seconds * 10 + at[0] - 48
        at += 1
    if at < end and at[0] == 46:
        at += 1
        if at == end or not 48 <= at[0] <= 57:
            return fail(c, BAD_NUMBER)
        while at < end and 48 <= at[0] <= 57:
            nanos += (at[0] - 48) * scale
            scale //= 10
            at += 1
    if at != end:
        return fail(c, BAD_NUMBER)
    if negative or (seconds == 0 and nanos == 0):
        return True     # at or before 1970 is absent, as `out` begins
    if digits > SECONDS_DIGITS_MAX or join_time(seconds, nanos, out) != DECODED:
        return fail(c, BAD_TIME)
    return True


cdef inline bint side(Cursor* c, Token* token, Tick* tick) noexcept nogil:
    if not settle(c, token):
        return False
    if word_is(token, b"b", 1):
        tick.side = BUY
    elif word_is(token, b"s", 1):
        tick.side = SELL
    return True


cdef inline bint trades(Cursor* c, Token* pair) noexcept nogil:
    cdef Token row[4]
    cdef Tick* tick
    if not array_begin(c):
        return False
    while array_next(c):
        if columns(c, row, 4) < 0:
            return False
        tick = tick_new(c, TRADE, CHANNEL_TRADE)
        if tick == NULL or not (
                name(c, pair, &tick.symbol) and needed_decimal(c, &row[0], tick, PRICE)
                and needed_decimal(c, &row[1], tick, SIZE) and seconds_time(c, &row[2], &tick.ts_event_ns)
                and side(c, &row[3], tick)):
            return False
    return c.status == DECODED


cdef inline bint spread(Cursor* c, Token* pair) noexcept nogil:
    cdef Token row[5]
    cdef Tick* tick
    if columns(c, row, 5) < 0:
        return False
    tick = tick_new(c, QUOTE, CHANNEL_SPREAD)
    return tick != NULL and (name(c, pair, &tick.symbol) and sides(c, &row[0], &row[3], &row[1], &row[4], tick)
                             and seconds_time(c, &row[2], &tick.ts_event_ns))


cdef inline bint ticker_side(Cursor* c, const Token* side, Token* row) noexcept nogil:
    """Price in row[0] and lots in row[2]."""
    cdef Cursor inner
    row[0].type = row[2].type = NOTHING
    if side.type <= NULL_VALUE:
        return True
    if not within(c, side, &inner):
        return False
    return columns(&inner, row, 3) >= 0 or fail(c, inner.status)


cdef inline bint ticker(Cursor* c, const Token* ask, const Token* bid, Token* pair) noexcept nogil:
    cdef Token bids[3]
    cdef Token asks[3]
    cdef Tick* tick
    if ask.type == NOTHING and bid.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, CHANNEL_TICKER)
    return tick != NULL and (ticker_side(c, bid, bids) and ticker_side(c, ask, asks) and name(c, pair, &tick.symbol)
                             and sides(c, &bids[0], &bids[2], &asks[0], &asks[2], tick))


cdef inline bint candle(Cursor* c, Token* pair, int64_t minutes) noexcept nogil:
    cdef Token row[9]
    cdef Tick* tick
    if columns(c, row, 9) < 0:
        return False
    tick = tick_new(c, BAR, CHANNEL_OHLC)
    if tick == NULL or not (
            name(c, pair, &tick.symbol) and seconds_time(c, &row[0], &tick.ts_event_ns)
            and seconds_time(c, &row[1], &tick.end_ns) and decimal(c, &row[2], tick, OPEN)
            and decimal(c, &row[3], tick, HIGH) and decimal(c, &row[4], tick, LOW) and decimal(c, &row[5], tick, CLOSE)
            and decimal(c, &row[6], tick, VWAP) and decimal(c, &row[7], tick, VOLUME)
            and integer(c, &row[8], &tick.count)):
        return False
    if tick.end_ns > minutes * 60 * SECOND:
        tick.start_ns = tick.end_ns - minutes * 60 * SECOND
    return True


cdef inline int64_t candle_minutes(const Token* word) noexcept nogil:
    """The N of `ohlc-N`; 0 for every other name."""
    cdef int64_t minutes = 0
    cdef uint32_t i
    if word.type != STRING or not 5 < word.size <= 5 + MINUTES_DIGITS_MAX or memcmp(word.at, b"ohlc-", 5) != 0:
        return 0
    for i in range(5, word.size):
        if not 48 <= word.at[i] <= 57:
            return 0
        minutes = minutes * 10 + word.at[i] - 48
    return minutes


cdef inline void read_payload(Cursor* c, Token* payload, Token* ask, Token* bid) noexcept nogil:
    """Pass the payload once; of an object, keep the two members that a ticker's quote is made of."""
    cdef Token key, passed
    ask.type = bid.type = NOTHING
    if peek(c) != 123:
        value(c, payload)
        return
    payload.type = OBJECT
    object_begin(c)
    while object_next(c, &key):
        value(c, &passed if key.size != 1 else ask if key.at[0] == 97 else bid if key.at[0] == 98 else &passed)


cdef inline bint read_data(Cursor* c) noexcept nogil:
    cdef Token payload, ask, bid, word, pair
    cdef Cursor inner
    cdef int count = 0
    cdef int64_t minutes
    payload.type = ask.type = bid.type = word.type = pair.type = NOTHING
    array_begin(c)
    while array_next(c):
        count += 1
        if count == 2:
            read_payload(c, &payload, &ask, &bid)
            continue
        word = pair
        value(c, &pair)
    if not text_end(c):
        return False
    if count < 4 or not settle(c, &word):
        return c.status == DECODED
    if is_word(&word, b"ticker", 6):
        return ticker(c, &ask, &bid, &pair) if payload.type == OBJECT else fail(c, BAD_TYPE)
    minutes = candle_minutes(&word)
    if not (minutes or is_word(&word, b"trade", 5) or is_word(&word, b"spread", 6)):
        return True
    if payload.type != ARRAY:
        return fail(c, BAD_TYPE)
    within(c, &payload, &inner)
    if minutes:
        candle(&inner, &pair, minutes)
    elif word.size == 5:
        trades(&inner, &pair)
    else:
        spread(&inner, &pair)
    return inner.status == DECODED or fail(c, inner.status)


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Token key, passed, event
    cursor_init(&c, at, size, out)
    event.type = NOTHING
    if peek(&c) == 91:
        read_data(&c)
        return outcome(&c)
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        value(&c, &event if key_is(&key, b"event", 5) else &passed)
    if text_end(&c) and settle(&c, &event) and (
            is_word(&event, b"subscriptionStatus", 18) or is_word(&event, b"error", 5) or is_word(&event, b"pong", 4)):
        return CONTROL
    return outcome(&c)


class KrakenV1Session(Session):
    """One request a channel and one acknowledgement a pair; a candle's interval is part of its channel's name."""

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions, request_id)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions, request_id)

    def _requests(self, event, subscriptions, request_id):
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        return tuple(as_text({"event": event, "reqid": request_id, "pair": pairs, "subscription": self._named(channel)})
                     for channel, pairs in channels.items())

    def _named(self, channel):
        kind, _, interval = channel.partition("-")
        return {"name": kind, "interval": int(interval)} if interval else {"name": kind}

    def heartbeat(self, request_id):
        return as_text({"event": "ping", "reqid": request_id})

    def control(self, frame):
        message = json.loads(frame)
        if message["event"] == "pong":
            return Control("alive")
        asked = message.get("subscription") or {}
        interval = f"-{asked['interval']}" if "interval" in asked else ""
        channel = message.get("channelName") or f"{asked.get('name', '')}{interval}"
        pair = message.get("pair")
        request = f"{channel}:{pair}" if pair else str(message.get("reqid") or "")
        if message["event"] == "error" or message.get("status") == "error":
            words = str(message.get("errorMessage"))
            return Control("error", request=request, message=words, retryable="rate" in words.lower())
        return Control("ack", request=request)


PROVIDER = provider(decode, NULL, NULL, {
    "name": "kraken-v1",
    "venue": "kraken",
    "url": "wss://ws.kraken.com",
    "channels": (
        Channel("trade", "trades"), Channel("spread", "quotes"), Channel("ticker", "quotes", default=False),
        Channel("ohlc-1", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=5, connects_per_minute_max=15,
        heartbeat_every_s=30, silence_max_s=15,
    ),
    "session": KrakenV1Session(),
})
