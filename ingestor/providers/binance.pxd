"""What the Binance family sends, on all its venues: one message is one JSON object, told by `e`.

Payload is `data` where the frame has `stream` (combined streams), else the frame. An array payload
is one message an element. Prices and sizes are strings, times whole milliseconds.

    {"stream":"btcusdt@trade","data":{"e":"trade","E":1786562940922,"s":"BTCUSDT","t":5154882831,
     "p":"64012.37000000","q":"0.00420000","T":1786562940921,"m":true,"M":true}}
    {"stream":"btcusdt@bookTicker","data":{"u":50093421613,"s":"BTCUSDT","b":"64012.37000000",
     "B":"1.25869000","a":"64012.38000000","A":"2.44816000"}}
    {"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1786562940010,"s":"BTCUSDT",
     "p":"64005.10000000","P":"63991.47600845","i":"64015.04857143","r":"0.00002760","T":1786579200000}}
    {"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1786562940010,"s":"BTCUSDT","k":{"t":1786562940000,
     "T":1786562999999,"s":"BTCUSDT","i":"1m","o":"64012.3","c":"64012.4","h":"64013","l":"64012","v":"9","n":8}}}

`m` true: the buyer was the maker, so the taker sold. Futures trades marked `X` = `NA` are no trades.
Source: developers.binance.com web-socket-streams, and frames captured in 2021, 2023 and 2024.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from ingestor.records cimport (
    BAD_TYPE, BAR, BUY, CLOSE, CONTROL, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, MISSING_FIELD, OPEN, PRICE, QUOTE,
    REFERENCE, SELL, SIZE, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport MILLISECOND, decimal, epoch_time, identity, integer, name, needed_decimal
from ingestor.scan.json cimport (
    array_begin, array_next, at_short_key, key_at, object_begin, object_next, peek, string, text_end, value, value_at,
)
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport (
    FALSE_VALUE, NOTHING, NULL_VALUE, OBJECT, STRING, TRUE_VALUE, Token, is_absent, is_word, key_is, likely,
)

cdef enum:      # indexes into the channels that the family's dialects declare
    CHANNEL_TRADE = 0
    CHANNEL_AGG_TRADE = 1
    CHANNEL_BOOK_TICKER = 2
    CHANNEL_TICKER = 3
    CHANNEL_MARK_PRICE = 4
    CHANNEL_INDEX_PRICE = 5
    CHANNEL_KLINE = 6

cdef extern from *:
    """
    /* Which token of Message a one-letter key fills; all other letters share the first. */
    enum {
        KEY_other, KEY_e, KEY_E, KEY_s, KEY_t, KEY_T, KEY_p, KEY_q, KEY_m, KEY_X, KEY_a, KEY_A, KEY_b, KEY_B, KEY_u,
        KEY_i, KEY_r, KEY_k
    };
    static const uint8_t INGESTOR_BINANCE_KEYS[256] = {
        ['e'] = KEY_e, ['E'] = KEY_E, ['s'] = KEY_s, ['t'] = KEY_t, ['T'] = KEY_T, ['p'] = KEY_p, ['q'] = KEY_q,
        ['m'] = KEY_m, ['X'] = KEY_X, ['a'] = KEY_a, ['A'] = KEY_A, ['b'] = KEY_b, ['B'] = KEY_B, ['u'] = KEY_u,
        ['i'] = KEY_i, ['r'] = KEY_r, ['k'] = KEY_k,
    };
    """
    const uint8_t[256] INGESTOR_BINANCE_KEYS


cdef struct Message:
    # One token a key, named by the key, in the order of KEY_*.
    Token other, e, E, s, t, T, p, q, m, X, a, A, b, B, u, i, r, k


cdef inline void clear(Message* f) noexcept nogil:
    f.e.type = f.E.type = f.s.type = f.t.type = f.T.type = f.p.type = f.q.type = f.m.type = NOTHING
    f.X.type = f.a.type = f.A.type = f.b.type = f.B.type = f.u.type = f.i.type = f.r.type = f.k.type = NOTHING


cdef inline Token* slot(Message* f, uint8_t letter) noexcept nogil:
    """Where the value of a one-letter key goes: a table, because a jump a key is a misprediction a key."""
    return <Token*> f + INGESTOR_BINANCE_KEYS[letter]


cdef inline bint trade(Cursor* c, Message* f, Token* id, int channel) noexcept nogil:
    cdef Tick* tick
    if f.X.type == STRING:
        if not settle(c, &f.X):
            return False
        if is_word(&f.X, b"NA", 2):
            return True
    tick = tick_new(c, TRADE, channel)
    if tick == NULL:
        return False
    if f.m.type == TRUE_VALUE:
        tick.side = SELL
    elif f.m.type == FALSE_VALUE:
        tick.side = BUY
    return (name(c, &f.s, &tick.symbol) and identity(c, id, &tick.id) and integer(c, id, &tick.sequence)
            and needed_decimal(c, &f.p, tick, PRICE) and needed_decimal(c, &f.q, tick, SIZE)
            and epoch_time(c, &f.E if is_absent(&f.T) else &f.T, MILLISECOND, &tick.ts_event_ns))


cdef inline bint quote(Cursor* c, Message* f, int channel) noexcept nogil:
    cdef Token* time = &f.E
    cdef Tick* tick = tick_new(c, QUOTE, channel)
    if tick == NULL:
        return False
    if channel == CHANNEL_BOOK_TICKER:
        if not integer(c, &f.u, &tick.sequence):
            return False
        if not is_absent(&f.T):
            time = &f.T
    return (name(c, &f.s, &tick.symbol) and sides(c, &f.b, &f.B, &f.a, &f.A, tick)
            and epoch_time(c, time, MILLISECOND, &tick.ts_event_ns))


cdef inline bint reference(Cursor* c, Message* f, bint index_only) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, CHANNEL_INDEX_PRICE if index_only else CHANNEL_MARK_PRICE)
    if tick == NULL:
        return False
    if index_only:
        if not decimal(c, &f.p, tick, INDEX):
            return False
    elif not (decimal(c, &f.p, tick, MARK) and decimal(c, &f.i, tick, INDEX) and decimal(c, &f.r, tick, FUNDING)
              and epoch_time(c, &f.T, MILLISECOND, &tick.next_funding_ns)):
        return False
    if not epoch_time(c, &f.E, MILLISECOND, &tick.ts_event_ns):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.i if index_only else &f.s, &tick.symbol)


cdef struct Candle:
    Token o, h, l, c, v, n, t, T


cdef inline Token* candle_slot(Candle* f, uint8_t letter) noexcept nogil:
    if letter == 111:
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
    elif letter == 116:
        return &f.t
    elif letter == 84:
        return &f.T
    return NULL


cdef inline bint kline(Cursor* c, Message* f) noexcept nogil:
    """The candle stands in the nested object `k`; its own `s` and the type's `E` are not the candle's."""
    cdef Cursor inner
    cdef Candle k
    cdef Token key, passed
    cdef Token* to
    cdef Tick* tick
    if f.k.type != OBJECT:
        return fail(c, MISSING_FIELD if is_absent(&f.k) else BAD_TYPE)
    k.o.type = k.h.type = k.l.type = k.c.type = k.v.type = k.n.type = k.t.type = k.T.type = NOTHING
    if not within(c, &f.k, &inner):
        return False
    object_begin(&inner)
    while object_next(&inner, &key):
        to = candle_slot(&k, key.at[0]) if key.size == 1 else NULL
        value(&inner, to if to != NULL else &passed)
    if inner.status != DECODED:
        return fail(c, inner.status)
    tick = tick_new(c, BAR, CHANNEL_KLINE)
    if tick == NULL:
        return False
    return (name(c, &f.s, &tick.symbol) and decimal(c, &k.o, tick, OPEN) and decimal(c, &k.h, tick, HIGH)
            and decimal(c, &k.l, tick, LOW) and decimal(c, &k.c, tick, CLOSE) and decimal(c, &k.v, tick, VOLUME)
            and integer(c, &k.n, &tick.count) and epoch_time(c, &k.t, MILLISECOND, &tick.start_ns)
            and epoch_time(c, &k.T, MILLISECOND, &tick.end_ns)
            and later(c, tick.end_ns, MILLISECOND, &tick.end_ns)    # `T` is the candle's last millisecond
            and epoch_time(c, &f.E, MILLISECOND, &tick.ts_event_ns))


cdef inline bint yield_message(Cursor* c, Message* f, bint* control) noexcept nogil:
    """What one message yields, once all its keys are known."""
    if f.e.type <= NULL_VALUE:
        # Spot book tickers carry no type: told by their keys (scalar `b`: depth has an array there).
        if (f.u.type != NOTHING and f.s.type != NOTHING and f.B.type != NOTHING and f.a.type != NOTHING
                and f.A.type != NOTHING and f.b.type != NOTHING and f.b.type <= STRING):
            return quote(c, f, CHANNEL_BOOK_TICKER)
        return True
    if not settle(c, &f.e):
        return False
    if is_word(&f.e, b"bookTicker", 10):
        return quote(c, f, CHANNEL_BOOK_TICKER)
    if is_word(&f.e, b"trade", 5):
        return trade(c, f, &f.t, CHANNEL_TRADE)
    if is_word(&f.e, b"aggTrade", 8):
        return trade(c, f, &f.a, CHANNEL_AGG_TRADE)
    if is_word(&f.e, b"markPriceUpdate", 15):
        return reference(c, f, False)
    if is_word(&f.e, b"kline", 5):
        return kline(c, f)
    if is_word(&f.e, b"24hrTicker", 10):
        return (f.b.type == NOTHING and f.a.type == NOTHING) or quote(c, f, CHANNEL_TICKER)
    if is_word(&f.e, b"indexPriceUpdate", 16):
        return reference(c, f, True)
    if is_word(&f.e, b"serverShutdown", 14):
        control[0] = True
    return True


cdef inline bint read_message(Cursor* c, bint* control) noexcept nogil:
    """One message object, read and yielded. `control` is set when the feed must see it."""
    cdef Message f
    cdef Token key
    cdef const uint8_t* at
    cdef uint8_t letter
    clear(&f)
    if not object_begin(c):
        return False
    at = c.at
    while True:
        if at_short_key(c, at):
            letter = at[2]
            at += 5
        else:
            at = key_at(c, at, &key)
            if at == NULL:
                break
            letter = key.at[0] if key.size == 1 else 0
        at = value_at(c, at, slot(&f, letter))
    return c.status == DECODED and yield_message(c, &f, control)


cdef inline bint read_payload(Cursor* c, bint* control) noexcept nogil:
    """`data`: a message, or an array of messages."""
    cdef Token passed
    cdef int byte = peek(c)
    if byte == 123:
        return read_message(c, control)
    if byte != 91:
        return value(c, &passed)
    array_begin(c)
    while array_next(c):
        if peek(c) == 123:
            read_message(c, control)
        else:
            value(c, &passed)
    return c.status == DECODED


cdef inline bint read_combined(Cursor* c, bint* control) noexcept nogil:
    """The whole frame, where it is spelled as Binance spells it: `{"stream":"...","data":{...}}`."""
    cdef Token passed
    if c.end - c.at < 32 or memcmp(c.at, b'{"stream":"', 11) != 0:
        return False
    c.at += 10
    c.depth = 1
    if not string(c, &passed) or c.end - c.at < 10 or memcmp(c.at, b',"data":{', 9) != 0:
        return False
    c.at += 8
    return read_message(c, control) and c.end - c.at == 1 and c.at[0] == 125


cdef inline bint read_frame(Cursor* c, bint* control) noexcept nogil:
    """Any frame: combined (`stream` and `data`, in any order and spelling), or the bare payload."""
    cdef Message f
    cdef Token key, passed, data
    cdef Cursor inner
    cdef bint stream = False, bare = False, answer = False
    data.type = NOTHING
    if peek(c) != 123:
        return read_payload(c, control) and text_end(c)
    object_begin(c)
    while object_next(c, &key):
        if key.size == 1:
            if not bare:
                bare = True
                clear(&f)
            value(c, slot(&f, key.at[0]))
        elif key_is(&key, b"data", 4):
            if stream:
                read_payload(c, control)
            else:
                value(c, &data)         # a payload only if `stream` follows
        elif key_is(&key, b"stream", 6):
            stream = True
            value(c, &passed)
        else:
            answer = (answer or key_is(&key, b"result", 6) or key_is(&key, b"error", 5) or key_is(&key, b"id", 2)
                      or key_is(&key, b"code", 4))
            value(c, &passed)
    if not text_end(c):
        return False
    if not stream:
        control[0] = answer
        return not bare or yield_message(c, &f, control)
    if data.type < OBJECT:      # read already, absent, or no message
        return True
    return within(c, &data, &inner) and read_payload(&inner, control) or fail(c, inner.status)


cdef inline int decode_binance(const uint8_t* at, size_t size, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef bint control = False
    cdef uint64_t rounded = out.rounded
    cursor_init(&c, at, size, out)
    if not likely(read_combined(&c, &control)):
        out.rounded = rounded
        control = False
        cursor_init(&c, at, size, out)
        read_frame(&c, &control)
    if c.status == DECODED and out.count == 0 and control:
        return CONTROL
    return outcome(&c)
