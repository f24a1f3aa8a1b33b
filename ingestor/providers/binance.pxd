"""What the Binance family sends, on all its venues: one message is one JSON object, told by `e`.

Payload is `data` where the frame has `stream` (combined streams), else the frame. An array payload
is one message an element. Prices and sizes are strings, times whole milliseconds.

    {"stream":"btcusdt@trade","data":{"e":"trade","E":1786562940922,"s":"BTCUSDT","t":5154882831,
     "p":"64012.37000000","q":"0.00420000","T":1786562940921,"m":true,"M":true}}
    {"stream":"btcusdt@bookTicker","data":{"u":50093421613,"s":"BTCUSDT","b":"64012.37000000",
     "B":"1.25869000","a":"64012.38000000","A":"2.44816000"}}
    {"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1786562940010,"s":"BTCUSDT",
     "p":"64005.10000000","P":"63991.47600845","i":"64015.04857143","r":"0.00002760","T":1786579200000}}

`m` true: the buyer was the maker, so the taker sold. Futures trades marked `X` = `NA` are no trades.
Source: developers.binance.com web-socket-streams, and frames captured in 2021, 2023 and 2024.
"""
from libc.stdint cimport int64_t, uint8_t

from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, BUY, CLOSE, CONTROL, DECODED, FUNDING, HIGH, IGNORED, INDEX, LOW, MARK,
    OPEN, PRICE, QUOTE, REFERENCE, SELL, SIZE, SYNTAX, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, decimal, epoch_time, identity, integer, is_absent, name, needed_decimal,
)
from ingestor.scan.json cimport (
    FALSE_VALUE, NOTHING, OBJECT, STRING, TRUE_VALUE, Token, array_begin, array_next, is_word, key_is, object_begin,
    object_next, peek, settle, text_end, value,
)

cdef enum:      # indexes into the channels that the family's dialects declare
    CHANNEL_TRADE = 0
    CHANNEL_AGG_TRADE = 1
    CHANNEL_BOOK_TICKER = 2
    CHANNEL_TICKER = 3
    CHANNEL_MARK_PRICE = 4
    CHANNEL_INDEX_PRICE = 5
    CHANNEL_KLINE = 6


cdef struct Message:
    # One token a key, named by the key; a capital is doubled with "big".
    Token e, E, s, t, T, p, q, m, X, a, A, b, B, u, i, r, k


cdef inline void clear(Message* f) noexcept nogil:
    f.e.type = f.E.type = f.s.type = f.t.type = f.T.type = f.p.type = f.q.type = f.m.type = NOTHING
    f.X.type = f.a.type = f.A.type = f.b.type = f.B.type = f.u.type = f.i.type = f.r.type = f.k.type = NOTHING


cdef inline Token* slot(Message* f, uint8_t key) noexcept nogil:
    """Where the one-letter key's value goes; NULL for keys of no concern."""
    if key == 101:
        return &f.e
    elif key == 69:
        return &f.E
    elif key == 115:
        return &f.s
    elif key == 116:
        return &f.t
    elif key == 84:
        return &f.T
    elif key == 112:
        return &f.p
    elif key == 113:
        return &f.q
    elif key == 109:
        return &f.m
    elif key == 88:
        return &f.X
    elif key == 97:
        return &f.a
    elif key == 65:
        return &f.A
    elif key == 98:
        return &f.b
    elif key == 66:
        return &f.B
    elif key == 117:
        return &f.u
    elif key == 105:
        return &f.i
    elif key == 114:
        return &f.r
    elif key == 107:
        return &f.k
    return NULL


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
    cdef Tick* tick = tick_new(c, QUOTE, channel)
    if tick == NULL:
        return False
    if channel == CHANNEL_BOOK_TICKER and not integer(c, &f.u, &tick.sequence):
        return False
    return (name(c, &f.s, &tick.symbol)
            and decimal(c, &f.b, tick, BID) and decimal(c, &f.B, tick, BID_SIZE)
            and decimal(c, &f.a, tick, ASK) and decimal(c, &f.A, tick, ASK_SIZE)
            and epoch_time(c, &f.T if channel == CHANNEL_BOOK_TICKER and not is_absent(&f.T) else &f.E,
                           MILLISECOND, &tick.ts_event_ns))


cdef inline bint reference(Cursor* c, Message* f, bint index_only) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, CHANNEL_INDEX_PRICE if index_only else CHANNEL_MARK_PRICE)
    if tick == NULL:
        return False
    if index_only:
        if not (name(c, &f.i, &tick.symbol) and decimal(c, &f.p, tick, INDEX)):
            return False
    elif not (name(c, &f.s, &tick.symbol) and decimal(c, &f.p, tick, MARK) and decimal(c, &f.i, tick, INDEX)
              and decimal(c, &f.r, tick, FUNDING) and epoch_time(c, &f.T, MILLISECOND, &tick.next_funding_ns)):
        return False
    if not epoch_time(c, &f.E, MILLISECOND, &tick.ts_event_ns):
        return False
    if tick.present == 0 and tick.next_funding_ns == ABSENT:
        c.out.count -= 1
    return True


cdef inline bint kline(Cursor* c, Message* f) noexcept nogil:
    """The candle stands in the nested object `k`; its own `s` and `E` are not used."""
    cdef Cursor inner = c[0]
    cdef Token key, o, h, l, close, v, n, t, end
    cdef Token unused
    cdef Tick* tick
    cdef bint good
    if f.k.type != OBJECT:
        return fail(c, SYNTAX)
    o.type = h.type = l.type = close.type = v.type = n.type = t.type = end.type = NOTHING
    inner.at = f.k.at
    inner.end = f.k.at + f.k.size
    object_begin(&inner)
    while object_next(&inner, &key):
        if key.size == 1 and key.at[0] == 111:
            value(&inner, &o)
        elif key.size == 1 and key.at[0] == 104:
            value(&inner, &h)
        elif key.size == 1 and key.at[0] == 108:
            value(&inner, &l)
        elif key.size == 1 and key.at[0] == 99:
            value(&inner, &close)
        elif key.size == 1 and key.at[0] == 118:
            value(&inner, &v)
        elif key.size == 1 and key.at[0] == 110:
            value(&inner, &n)
        elif key.size == 1 and key.at[0] == 116:
            value(&inner, &t)
        elif key.size == 1 and key.at[0] == 84:
            value(&inner, &end)
        else:
            value(&inner, &unused)
    if inner.status != DECODED:
        return fail(c, inner.status)
    tick = tick_new(c, BAR, CHANNEL_KLINE)
    if tick == NULL:
        return False
    good = (name(c, &f.s, &tick.symbol) and decimal(c, &o, tick, OPEN) and decimal(c, &h, tick, HIGH)
            and decimal(c, &l, tick, LOW) and decimal(c, &close, tick, CLOSE) and decimal(c, &v, tick, VOLUME)
            and integer(c, &n, &tick.count) and epoch_time(c, &t, MILLISECOND, &tick.start_ns)
            and epoch_time(c, &end, MILLISECOND, &tick.end_ns)
            and epoch_time(c, &f.E, MILLISECOND, &tick.ts_event_ns))
    if good and tick.end_ns != ABSENT:
        tick.end_ns += MILLISECOND      # `T` is the candle's last millisecond
    return good


cdef inline bint yield_message(Cursor* c, Message* f) noexcept nogil:
    """What one message yields, once all its keys are known."""
    if f.e.type == NOTHING:
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
        if f.b.type == NOTHING and f.a.type == NOTHING:
            return True
        return quote(c, f, CHANNEL_TICKER)
    if is_word(&f.e, b"indexPriceUpdate", 16):
        return reference(c, f, True)
    return True


cdef inline bint read_message(Cursor* c) noexcept nogil:
    """One message object, read and yielded."""
    cdef Message f
    cdef Token key, passed
    cdef Token* to
    clear(&f)
    if not object_begin(c):
        return False
    while object_next(c, &key):
        to = slot(&f, key.at[0]) if key.size == 1 else NULL
        value(c, to if to != NULL else &passed)
    return c.status == DECODED and yield_message(c, &f)


cdef inline bint read_payload(Cursor* c) noexcept nogil:
    """`data`: a message, or an array of messages."""
    cdef Token passed
    cdef int byte = peek(c)
    if byte == 123:
        return read_message(c)
    if byte != 91:
        return value(c, &passed)
    array_begin(c)
    while array_next(c):
        if peek(c) == 123:
            read_message(c)
        else:
            value(c, &passed)
    return c.status == DECODED


cdef inline int decode_binance(const uint8_t* at, size_t size, TickBatch* out) noexcept nogil:
    """A frame: combined (`stream` and `data`), or the bare payload."""
    cdef Cursor c
    cdef Message f
    cdef Token key, passed, data
    cdef Token* to
    cdef Cursor later
    cdef bint stream = False, control = False, data_read = False
    cursor_init(&c, at, size, out)
    data.type = NOTHING
    clear(&f)
    if peek(&c) != 123:
        read_payload(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key.size == 1:
            to = slot(&f, key.at[0])
            value(&c, to if to != NULL else &passed)
        elif key_is(&key, b"data", 4):
            if stream:
                data_read = read_payload(&c)
            else:
                value(&c, &data)        # a payload only if `stream` follows
        elif key_is(&key, b"stream", 6):
            stream = True
            value(&c, &passed)
        else:
            control = control or key_is(&key, b"result", 6) or key_is(&key, b"error", 5) or key_is(&key, b"id", 2)
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if stream and data.type != NOTHING:
        later = c
        later.at = data.at
        later.end = data.at + data.size
        later.first = True
        read_payload(&later)
        return outcome(&later)
    if not stream:
        yield_message(&c, &f)
        if c.status == DECODED and control and out.count == 0:
            return CONTROL
    return outcome(&c)
