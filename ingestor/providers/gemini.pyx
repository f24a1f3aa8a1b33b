"""gemini: trades, best bid and ask, and candles of Gemini, from its two public APIs.

The fast API, at ws.gemini.com: bare messages, told by their keys. Symbols are small letters, `E` is NANOseconds.

    {"E":1786562940085684200,"s":"btcusd","t":2840141014190422,"p":"64012.38000","q":"0.0162522200","m":true}
    {"u":1764549594389676,"E":1786562940085684200,"s":"btcusd","b":"64012.37000","B":"0.5000000000",
     "a":"64012.38000","A":"1.2000000000","c":"64012.375","C":"0.1"}

Market data v2, at api.gemini.com: told by `type`. Symbols are capitals, times milliseconds.

    {"type":"trade","symbol":"BTCUSD","event_id":1764551741926942,"timestamp":1786562940672,"price":"64012.29",
     "quantity":"0.00007667","side":"buy","tid":2840141017904555}
    {"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","64012.29","0.5"],...],"trades":[{"type":"trade",
     "symbol":"BTCUSD","event_id":1764551741926942,"timestamp":1786562940672,"price":"64012.29",...},...],
     "auction_events":[]}
    {"type":"candles_1m_updates","symbol":"BTCUSD","changes":[[1786562940000,64012,64013,64000.5,64010,1.5],...]}

Both name a trade by the same id (`t` is `tid`); before 2022 there was `event_id` only, which several trades of one
event share. `side` is the taker's (91 of 91 captured); `block` and `auction` have none. `m`: the buyer was the maker.
The first `l2_updates` of a symbol replays 50 (2021) or 100 (2026) trades, up to 60 days old, beside the whole book
(0.2 MB): snapshots. v2 has no best bid and ask but in its book. Ids rise, but not by one. Candles come newest first.

The fast API is the default, because it costs a tenth of the bytes; for v2, name the channels `l2` or `candles_1m` of
a market whose symbol is in capitals. v2 acknowledges nothing, and sends a heartbeat every 5 s; the fast API answers
`ping`. Source: docs.gemini.com/websocket (fast-api/streams, fast-api/message-format; November 2026), frames captured
in 2021 and August 2026.
"""
import json

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    BAR, BUY, CONTROL, DECODED, PRICE, QUOTE, SELL, SIZE, SNAPSHOT, TRADE, Tick, TickBatch,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, NANOSECOND, decimal, epoch_time, identity, integer, name, needed_decimal, taker,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later, length_ns
from ingestor.scan.quotes cimport columns, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport (
    FALSE_VALUE, NOTHING, NULL_VALUE, STRING, TRUE_VALUE, Token, is_absent, is_word, key_is,
)

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_BOOK_TICKER = 1
    CHANNEL_L2 = 2
    CHANNEL_CANDLES = 3


cdef struct Message:
    Token type, symbol, event_id, tid, timestamp, price, quantity, side, trades, changes
    Token e, E, s, t, p, q, m, u, b, B, a, A
    bint answer         # the keys of an answer to what we said


cdef inline void clear(Message* f) noexcept nogil:
    f.type.type = f.symbol.type = f.event_id.type = f.tid.type = f.timestamp.type = f.price.type = NOTHING
    f.quantity.type = f.side.type = f.trades.type = f.changes.type = NOTHING
    f.e.type = f.E.type = f.s.type = f.t.type = f.p.type = f.q.type = f.m.type = NOTHING
    f.u.type = f.b.type = f.B.type = f.a.type = f.A.type = NOTHING
    f.answer = False


cdef inline Token* fast_slot(Message* f, uint8_t letter) noexcept nogil:
    if letter == 69:
        return &f.E
    elif letter == 115:
        return &f.s
    elif letter == 116:
        return &f.t
    elif letter == 112:
        return &f.p
    elif letter == 113:
        return &f.q
    elif letter == 109:
        return &f.m
    elif letter == 117:
        return &f.u
    elif letter == 98:
        return &f.b
    elif letter == 66:
        return &f.B
    elif letter == 97:
        return &f.a
    elif letter == 65:
        return &f.A
    elif letter == 101:
        return &f.e
    return NULL


cdef inline Token* slot(Message* f, const Token* key) noexcept nogil:
    if key.size == 1:
        return fast_slot(f, key.at[0])
    if key_is(key, b"type", 4):
        return &f.type
    if key_is(key, b"symbol", 6):
        return &f.symbol
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"quantity", 8):
        return &f.quantity
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"event_id", 8):
        return &f.event_id
    if key_is(key, b"tid", 3):
        return &f.tid
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if key_is(key, b"changes", 7):
        return &f.changes
    if key_is(key, b"trades", 6):
        return &f.trades
    f.answer |= key_is(key, b"result", 6) or key_is(key, b"error", 5) or key_is(key, b"status", 6)
    return NULL


cdef inline bint read_message(Cursor* c, Message* f) noexcept nogil:
    cdef Token key, passed
    cdef Token* to
    clear(f)
    if not object_begin(c):
        return False
    while object_next(c, &key):
        to = slot(f, &key)
        value(c, to if to != NULL else &passed)
    return c.status == DECODED


cdef inline bint trade(Cursor* c, Message* f, Token* symbol, int channel, int flags) noexcept nogil:
    """A trade of v2; in a replay the symbol may stand in the envelope only."""
    cdef Tick* tick = tick_new(c, TRADE, channel)
    if tick == NULL:
        return False
    tick.flags |= flags
    return (name(c, symbol if is_absent(&f.symbol) else &f.symbol, &tick.symbol)
            and identity(c, &f.event_id if is_absent(&f.tid) else &f.tid, &tick.id) and taker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.quantity, tick, SIZE)
            and epoch_time(c, &f.timestamp, MILLISECOND, &tick.ts_event_ns))


cdef inline bint replay(Cursor* c, Message* f) noexcept nogil:
    """The trades beside a book; later updates have none."""
    cdef Cursor inner
    cdef Message row
    if f.trades.type == NOTHING:
        return True
    if not within(c, &f.trades, &inner) or not array_begin(&inner):
        return fail(c, inner.status)
    while array_next(&inner):
        if read_message(&inner, &row):
            trade(&inner, &row, &f.symbol, CHANNEL_L2, SNAPSHOT)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint candle(Cursor* c, Token* symbol, int64_t length) noexcept nogil:
    """A row `[ms, open, high, low, close, volume]`."""
    cdef Token[6] row
    cdef Tick* tick
    cdef int i
    if columns(c, row, 6) < 0:
        return False
    tick = tick_new(c, BAR, CHANNEL_CANDLES)
    if tick == NULL or not name(c, symbol, &tick.symbol):
        return False
    if not epoch_time(c, &row[0], MILLISECOND, &tick.start_ns):
        return False
    for i in range(5):      # open high low close volume stand in the order of their values
        if not decimal(c, &row[i + 1], tick, i):
            return False
    return later(c, tick.start_ns, length, &tick.end_ns)


cdef inline bint candles(Cursor* c, Message* f) noexcept nogil:
    """Of `candles_1m_updates`, told by its head and tail: what is between is the length."""
    cdef int64_t length = length_ns(f.type.at + 8, f.type.size - 16)
    cdef Cursor inner
    if f.changes.type == NOTHING:
        return True
    if not within(c, &f.changes, &inner) or not array_begin(&inner):
        return fail(c, inner.status)
    while array_next(&inner):
        candle(&inner, &f.symbol, length)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint is_candles(const Token* type) noexcept nogil:
    return (type.type == STRING and type.size > 16 and memcmp(type.at, b"candles_", 8) == 0
            and memcmp(type.at + type.size - 8, b"_updates", 8) == 0)


cdef inline bint fast_trade(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL:
        return False
    if f.m.type == TRUE_VALUE:
        tick.side = SELL
    elif f.m.type == FALSE_VALUE:
        tick.side = BUY
    return (name(c, &f.s, &tick.symbol) and identity(c, &f.t, &tick.id) and needed_decimal(c, &f.p, tick, PRICE)
            and needed_decimal(c, &f.q, tick, SIZE) and epoch_time(c, &f.E, NANOSECOND, &tick.ts_event_ns))


cdef inline bint fast_quote(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_BOOK_TICKER)
    if tick == NULL:
        return False
    return (name(c, &f.s, &tick.symbol) and sides(c, &f.b, &f.B, &f.a, &f.A, tick)
            and integer(c, &f.u, &tick.sequence) and epoch_time(c, &f.E, NANOSECOND, &tick.ts_event_ns))


cdef inline bint yield_fast(Cursor* c, Message* f) noexcept nogil:
    """A message without a type: its keys say what it is. Depth has arrays where a quote has prices."""
    if f.s.type == NOTHING:
        return True
    if f.t.type != NOTHING and f.p.type != NOTHING and f.q.type != NOTHING:
        return fast_trade(c, f)
    if (f.u.type != NOTHING and f.b.type != NOTHING and f.B.type != NOTHING and f.a.type != NOTHING
            and f.A.type != NOTHING and f.b.type <= STRING):
        return fast_quote(c, f)
    return True


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Message f
    cursor_init(&c, at, size, out)
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    read_message(&c, &f)
    if not text_end(&c) or not settle(&c, &f.type):
        return outcome(&c)
    if f.type.type <= NULL_VALUE:
        if f.e.type <= NULL_VALUE:
            yield_fast(&c, &f)
        return CONTROL if f.answer and c.status == DECODED and out.count == 0 else outcome(&c)
    if is_word(&f.type, b"trade", 5):
        trade(&c, &f, &f.symbol, CHANNEL_L2, 0)
    elif is_word(&f.type, b"l2_updates", 10):
        replay(&c, &f)
    elif is_candles(&f.type):
        candles(&c, &f)
    return outcome(&c)


TOO_MANY_REQUESTS = 429


class FastSession(Session):
    """The fast API: `symbol@channel`, answered by id."""

    def opened(self, section):
        return V2Session() if section == "v2" else self

    def endpoint_section(self, channel, market_section):
        return "" if channel in ("trade", "bookTicker") else "v2"

    def market_section(self, section):
        return ""       # the letters of a symbol tell the two apart

    def endpoint(self, url, section, subscriptions, key):
        if section == "v2":
            return url.rstrip("/").replace("//ws.", "//api.", 1) + "/v2/marketdata"
        return url

    def subscribe(self, subscriptions, request_id):
        return (self._request("SUBSCRIBE", subscriptions, request_id),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("UNSUBSCRIBE", subscriptions, request_id),)

    def _request(self, method, subscriptions, request_id):
        return as_text({"id": str(request_id), "method": method,
                        "params": [f"{wanted.symbol}@{wanted.channel}" for wanted in subscriptions]})

    def heartbeat(self, request_id):
        return as_text({"id": str(request_id), "method": "ping"})

    def control(self, frame):
        message = json.loads(frame)
        request = str(message.get("id") or "")
        if error := message.get("error"):
            said = error if isinstance(error, dict) else {"msg": error}
            return Control("error", request=request, message=f"{said.get('code')}: {said.get('msg')}",
                           retryable=message.get("status") == TOO_MANY_REQUESTS)
        return Control("ack", request=request) if request else None


class V2Session(FastSession):
    """Market data v2: what is subscribed to is answered by its data."""

    acknowledges = False

    def subscribe(self, subscriptions, request_id):
        return (self._request("subscribe", subscriptions, request_id),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("unsubscribe", subscriptions, request_id),)

    def _request(self, kind, subscriptions, request_id):
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        return as_text({"type": kind, "subscriptions": [
            {"name": channel, "symbols": symbols} for channel, symbols in channels.items()]})

    def heartbeat(self, request_id):
        return None

    def control(self, frame):
        message = json.loads(frame)
        if message.get("result") == "error":
            return Control("error", message=f"{message.get('reason')}: {message.get('message', '')}".rstrip(": "),
                           retryable=False)
        return None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "gemini",
    "venue": "gemini",
    "url": "wss://ws.gemini.com",
    "channels": (
        Channel("trade", "trades", trade_ids="exchange"), Channel("bookTicker", "quotes", "rising"),
        Channel("l2", "trades", default=False, trade_ids="exchange"), Channel("candles_1m", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=5, connects_per_minute_max=30,
        heartbeat_every_s=20, silence_max_s=60,
    ),
    "session": FastSession(),
})
