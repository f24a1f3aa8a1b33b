"""hyperliquid: trades, best bid and ask, asset contexts and candles of Hyperliquid, told by `channel`.

    {"channel":"trades","data":[{"coin":"BTC","side":"A","px":"64096.0","sz":"0.06683","time":1786562940782,
     "hash":"0x4e9fef919a58c0235019044201cf1502019c0077355bdef5f2689ae4595c9a0d","tid":237378239638384,
     "users":["0xea0e878d5da1f786c035355cd7a8d381a6276766","0x459a26d40a9969b4532adf3375efb985fcd4c23b"]}]}
    {"channel":"bbo","data":{"coin":"BTC","time":1786562940838,"bbo":[{"px":"64095.0","sz":"3.87947","n":17},
     {"px":"64096.0","sz":"0.5","n":2}]}}
    {"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"0.0000125","openInterest":"38485.06546",
     "oraclePx":"64063.1","markPx":"64040.0","midPx":"64041.5","impactPxs":["64041.0","64042.0"],...}}}
    {"channel":"candle","data":{"t":1786562940000,"T":1786562999999,"s":"BTC","i":"1m","o":"64012.0","c":"64013.0",
     "h":"64020.0","l":"64000.0","v":"1.5","n":12}}

`side` is the taker's: A sold (41 of 41 captured prints at the bid), B bought (23 of 23 at the ask). Numbers are texts.
`tid` is no sequence: ids of consecutive trades fall and rise at random. On subscribing some thirty recent trades of a
coin are sent again as its first frame: replay.pxd. A side of `bbo` is null, or missing, when it is empty. Contexts
have no time; `funding` is hourly, as sent. Those of spot coins (`@107`) are asked for alike, but come as
`activeSpotAssetCtx`.

One coin a message; the server closes a connection that it has sent nothing for 60 s, so we ping. An address may hold
100 connections and 1000 subscriptions, and say 2000 messages a minute. Source: hyperliquid.gitbook.io
for-developers/api/websocket (November 2026), frames captured in January 2025, public fixtures of 2024 and 2026.
"""
import json
import re

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.providers.replay cimport (
    Replays, replay_acknowledged, replay_due, replay_pending, replay_unsubscribed, replays_free, replays_new,
    stream_hash,
)
from ingestor.records cimport (
    BAD_TYPE, BAR, BUY, CLOSE, CONTROL, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, OPEN, OPEN_INTEREST, PRICE, QUOTE,
    REFERENCE, SELL, SIZE, SNAPSHOT, TRADE, Text, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, decimal, epoch_time, identity, integer, name, needed_decimal, word_is,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, NULL_VALUE, OBJECT, STRING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_BBO = 1
    CHANNEL_ASSET = 2
    CHANNEL_CANDLE = 3
    CHANNEL_OTHER = 8
    CHANNEL_ANSWER = 9      # what a subscription was answered
    CHANNEL_CONTROL = 10
    CHANNEL_UNKNOWN = 11    # `channel` not read yet


cdef struct Row:
    Token coin, side, px, sz, time, tid, bbo, ctx
    Token s, t, T, o, h, l, c, v, n


cdef inline void clear(Row* f) noexcept nogil:
    f.coin.type = f.side.type = f.px.type = f.sz.type = f.time.type = f.tid.type = f.bbo.type = f.ctx.type = NOTHING
    f.s.type = f.t.type = f.T.type = f.o.type = f.h.type = f.l.type = f.c.type = f.v.type = f.n.type = NOTHING


cdef inline Token* slot(Row* f, const Token* key) noexcept nogil:
    """Keys of trades, of `bbo` and of contexts."""
    if key_is(key, b"coin", 4):
        return &f.coin
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"px", 2):
        return &f.px
    if key_is(key, b"sz", 2):
        return &f.sz
    if key_is(key, b"time", 4):
        return &f.time
    if key_is(key, b"tid", 3):
        return &f.tid
    if key_is(key, b"bbo", 3):
        return &f.bbo
    return &f.ctx if key_is(key, b"ctx", 3) else NULL


cdef inline Token* candle_slot(Row* f, const Token* key) noexcept nogil:
    cdef uint8_t letter = key.at[0] if key.size == 1 else 0
    if letter == 115:
        return &f.s
    elif letter == 116:
        return &f.t
    elif letter == 84:
        return &f.T
    elif letter == 111:
        return &f.o
    elif letter == 104:
        return &f.h
    elif letter == 108:
        return &f.l
    elif letter == 99:
        return &f.c
    elif letter == 118:
        return &f.v
    elif letter == 110:
        return &f.n
    return NULL


cdef inline bint trade(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADES)
    if tick == NULL or not settle(c, &f.side):
        return False
    if word_is(&f.side, b"b", 1):
        tick.side = BUY
    elif word_is(&f.side, b"a", 1):
        tick.side = SELL
    return (name(c, &f.coin, &tick.symbol) and identity(c, &f.tid, &tick.id)
            and needed_decimal(c, &f.px, tick, PRICE) and needed_decimal(c, &f.sz, tick, SIZE)
            and epoch_time(c, &f.time, MILLISECOND, &tick.ts_event_ns))


cdef inline bint read_level(Cursor* c, Row* level) noexcept nogil:
    """One side of `bbo`: an object, or null when it is empty."""
    cdef Token key, passed
    cdef Token* to
    if peek(c) != 123:
        return value(c, &passed) and (passed.type == NULL_VALUE or fail(c, BAD_TYPE))
    object_begin(c)
    while object_next(c, &key):
        to = slot(level, &key)
        value(c, to if to != NULL else &passed)
    return c.status == DECODED


cdef inline bint best(Cursor* c, Row* f) noexcept nogil:
    """Bid, then ask; further elements say nothing."""
    cdef Row[2] levels
    cdef Token passed
    cdef Cursor inner
    cdef int count = 0
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_BBO)
    if tick == NULL:
        return False
    clear(&levels[0])
    clear(&levels[1])
    if f.bbo.type > NULL_VALUE:
        if not within(c, &f.bbo, &inner):
            return False
        array_begin(&inner)
        while array_next(&inner):
            if count < 2:
                read_level(&inner, &levels[count])
            else:
                value(&inner, &passed)
            count += 1
        if inner.status != DECODED:
            return fail(c, inner.status)
    return (name(c, &f.coin, &tick.symbol)
            and sides(c, &levels[0].px, &levels[0].sz, &levels[1].px, &levels[1].sz, tick)
            and epoch_time(c, &f.time, MILLISECOND, &tick.ts_event_ns))


cdef inline bint read_context(Cursor* c, Tick* tick) noexcept nogil:
    cdef Token key, passed
    object_begin(c)
    while object_next(c, &key):
        if not value(c, &passed):
            break
        if key_is(&key, b"markPx", 6):
            decimal(c, &passed, tick, MARK)
        elif key_is(&key, b"oraclePx", 8):
            decimal(c, &passed, tick, INDEX)
        elif key_is(&key, b"funding", 7):
            decimal(c, &passed, tick, FUNDING)
        elif key_is(&key, b"openInterest", 12):
            decimal(c, &passed, tick, OPEN_INTEREST)
    return c.status == DECODED


cdef inline bint context(Cursor* c, Row* f) noexcept nogil:
    cdef Cursor inner
    cdef Tick* tick
    if f.ctx.type <= NULL_VALUE:
        return True
    tick = tick_new(c, REFERENCE, CHANNEL_ASSET)
    if tick == NULL or not within(c, &f.ctx, &inner):
        return False
    if not read_context(&inner, tick):
        return fail(c, inner.status)
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.coin, &tick.symbol)


cdef inline bint candle(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_CANDLE)
    if tick == NULL:
        return False
    return (name(c, &f.s, &tick.symbol) and decimal(c, &f.o, tick, OPEN) and decimal(c, &f.h, tick, HIGH)
            and decimal(c, &f.l, tick, LOW) and decimal(c, &f.c, tick, CLOSE) and decimal(c, &f.v, tick, VOLUME)
            and integer(c, &f.n, &tick.count) and epoch_time(c, &f.t, MILLISECOND, &tick.start_ns)
            and epoch_time(c, &f.T, MILLISECOND, &tick.end_ns)
            and later(c, tick.end_ns, MILLISECOND, &tick.end_ns))    # `T` is the candle's last millisecond


cdef inline bint read_row(Cursor* c, int channel) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    clear(&f)
    if not object_begin(c):
        return False
    while object_next(c, &key):
        to = candle_slot(&f, &key) if channel == CHANNEL_CANDLE else slot(&f, &key)
        value(c, to if to != NULL else &passed)
    if c.status != DECODED:
        return False
    if channel == CHANNEL_TRADES:
        return trade(c, &f)
    if channel == CHANNEL_BBO:
        return best(c, &f)
    return candle(c, &f) if channel == CHANNEL_CANDLE else context(c, &f)


cdef inline bint read_data(Cursor* c, int channel) noexcept nogil:
    """Trades come as rows, all else as one object; the documentation shows candles as rows too."""
    if channel != CHANNEL_TRADES and (channel != CHANNEL_CANDLE or peek(c) == 123):
        return read_row(c, channel)
    if not array_begin(c):
        return False
    while array_next(c):
        read_row(c, channel)
    return c.status == DECODED


cdef inline int channel_of(Cursor* c, Token* word) noexcept nogil:
    settle(c, word)
    if is_word(word, b"trades", 6):
        return CHANNEL_TRADES
    if is_word(word, b"bbo", 3):
        return CHANNEL_BBO
    if is_word(word, b"activeAssetCtx", 14) or is_word(word, b"activeSpotAssetCtx", 18):
        return CHANNEL_ASSET
    if is_word(word, b"candle", 6):
        return CHANNEL_CANDLE
    if is_word(word, b"subscriptionResponse", 20):
        return CHANNEL_ANSWER
    return CHANNEL_CONTROL if is_word(word, b"pong", 4) or is_word(word, b"error", 5) else CHANNEL_OTHER


cdef inline uint64_t replay_key(const Text* coin) noexcept nogil:
    cdef Token channel, symbol
    channel.at = NULL
    channel.size = 0        # only trades are replayed: the coin says it all
    symbol.at = coin.at
    symbol.size = coin.size
    return stream_hash(&channel, &symbol)


cdef inline bint same(const Text* a, const Text* b) noexcept nogil:
    return a.size == b.size and memcmp(a.at, b.at, a.size) == 0


cdef inline void flag_replay(TickBatch* out, Replays* replays) noexcept nogil:
    """Flag the rows of the coins whose first frame this is; a frame of several coins may be the first of some."""
    cdef uint32_t i
    cdef bint pending = False
    for i in range(out.count):
        if i == 0 or not same(&out.ticks[i].symbol, &out.ticks[i - 1].symbol):
            pending = replay_pending(replays, replay_key(&out.ticks[i].symbol))
        if pending:
            out.ticks[i].flags |= SNAPSHOT
    for i in range(out.count):
        if out.ticks[i].flags & SNAPSHOT and (i == 0 or not same(&out.ticks[i].symbol, &out.ticks[i - 1].symbol)):
            replay_due(replays, replay_key(&out.ticks[i].symbol))


cdef inline bint read_members(Cursor* c, Token* type, Token* coin, Token* method, Token* subscription) noexcept nogil:
    """Of an answer `{"method":...,"subscription":{"type":...,"coin":...}}`, either of its levels."""
    cdef Token key, passed
    object_begin(c)
    while object_next(c, &key):
        if key_is(&key, b"type", 4):
            value(c, type)
        elif key_is(&key, b"coin", 4):
            value(c, coin)
        elif key_is(&key, b"method", 6):
            value(c, method)
        else:
            value(c, subscription if key_is(&key, b"subscription", 12) else &passed)
    return c.status == DECODED


cdef inline int note_answer(Cursor* c, const Token* data, Replays* replays) noexcept nogil:
    """Remember which coins' trades were subscribed to. An answer of another form sets nothing."""
    cdef Cursor inner
    cdef Token method, subscription, type, coin, passed
    cdef Text symbol
    method.type = subscription.type = type.type = coin.type = NOTHING
    if data.type != OBJECT or not within(c, data, &inner):
        return CONTROL
    if not read_members(&inner, &passed, &passed, &method, &subscription):
        return inner.status
    if subscription.type != OBJECT or not within(c, &subscription, &inner):
        return CONTROL
    if not read_members(&inner, &type, &coin, &passed, &passed):
        return inner.status
    if not (settle(c, &method) and settle(c, &type) and settle(c, &coin)):
        return outcome(c)
    if replays != NULL and is_word(&type, b"trades", 6) and coin.type == STRING:
        symbol.at = coin.at
        symbol.size = coin.size
        if is_word(&method, b"subscribe", 9):
            replay_acknowledged(replays, replay_key(&symbol))
        elif is_word(&method, b"unsubscribe", 11):
            replay_unsubscribed(replays, replay_key(&symbol))
    return CONTROL


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, word, data
    cdef int channel = CHANNEL_UNKNOWN
    cursor_init(&c, at, size, out)
    data.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"channel", 7):
            if value(&c, &word):
                channel = channel_of(&c, &word)
        elif key_is(&key, b"data", 4):
            if channel <= CHANNEL_CANDLE:
                read_data(&c, channel)
            else:
                value(&c, &data)
        else:
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if channel == CHANNEL_ANSWER:
        return note_answer(&c, &data, <Replays*> state)
    if channel > CHANNEL_CANDLE:
        return CONTROL if channel == CHANNEL_CONTROL else outcome(&c)
    if data.type != NOTHING:
        if not within(&c, &data, &inner):
            return outcome(&c)
        if not read_data(&inner, channel):
            return outcome(&inner)
    if channel == CHANNEL_TRADES and state != NULL:
        flag_replay(out, <Replays*> state)
    return outcome(&c)


# An error's text ends with the subscription that it refuses, as JSON.
NAMED = re.compile(r"\{.*\}", re.DOTALL)


class HyperliquidSession(Session):
    """One subscription a message; the answer repeats it. Pings keep the connection open."""

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions)

    def _requests(self, method, subscriptions):
        return tuple(
            as_text({"method": method, "subscription": {
                "type": wanted.channel, "coin": wanted.symbol,
                **({"interval": "1m"} if wanted.channel == "candle" else {})}})
            for wanted in subscriptions)

    def heartbeat(self, request_id):
        return as_text({"method": "ping"})

    def control(self, frame):
        message = json.loads(frame)
        data = message.get("data")
        if message["channel"] == "pong":
            return Control("alive")
        if message["channel"] == "error":
            text = str(data)
            named = NAMED.search(text)
            request = self._name(json.loads(named[0])) if named else ""
            if text.startswith("Already"):      # subscribed, or unsubscribed
                return Control("ack", request=request)
            return Control("error", request=request, message=text, retryable=False)
        return Control("ack", request=self._name(data.get("subscription")))

    def _name(self, subscription):
        return f"{subscription.get('type')}:{subscription.get('coin')}"


PROVIDER = provider(decode, replays_new, replays_free, {
    "name": "hyperliquid",
    "venue": "hyperliquid",
    "url": "wss://api.hyperliquid.xyz/ws",
    "channels": (
        Channel("trades", "trades", trade_ids="exchange"), Channel("bbo", "quotes"),
        Channel("activeAssetCtx", "reference"),
        Channel("candle", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_connection_max=1000, subscriptions_per_message_max=1, messages_per_second_max=20,
        connects_per_minute_max=30, connections_max=100, heartbeat_every_s=30, silence_max_s=45,
    ),
    "session": HyperliquidSession(),
})
