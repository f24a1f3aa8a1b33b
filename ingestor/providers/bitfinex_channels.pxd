"""What a connection to Bitfinex has said of itself: its channels by their ids, and whether its frames are numbered.

A frame of data names its channel by an id only, so what an acknowledgement said is kept, with a copy of the symbol.
Records borrow that copy: it is freed when the channel is forgotten, which is in a later frame.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy

from ingestor.records cimport ABSENT, CONTROL, DECODED, NO_MEMORY, TOO_MANY
from ingestor.scan.cursor cimport Cursor, fail, outcome
from ingestor.scan.fields cimport integer
from ingestor.scan.json cimport object_begin, object_next, text_end, value
from ingestor.scan.length cimport length_ns
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, NUMBER, STRING, Token, is_word, key_is

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_BOOK = 1
    CHANNEL_TICKER = 2
    CHANNEL_STATUS = 3
    CHANNEL_CANDLES = 4
    CHANNEL_OTHER = 8       # subscribed to, but yields nothing

cdef enum:
    SEQUENCED = 65536       # the flag that numbers the frames
    OPEN_MAX = 1024         # channels of a connection: 25 today, 250 before 2019
    SYMBOL_BYTES_MAX = 256  # a channel of a longer symbol yields nothing


cdef struct Opened:
    # A channel of the connection, as its acknowledgement described it.
    int64_t id
    int64_t length          # candles: ns, or ABSENT
    uint8_t* symbol         # owned
    uint32_t symbol_size
    int channel             # CHANNEL_*


cdef struct State:
    Opened* opened
    uint32_t count
    uint32_t capacity
    bint sequenced


cdef inline void* state_new() noexcept nogil:
    return calloc(1, sizeof(State))


cdef inline void state_free(void* memory) noexcept nogil:
    cdef State* state = <State*> memory
    cdef uint32_t i
    for i in range(state.count):
        free(state.opened[i].symbol)
    free(state.opened)
    free(state)


cdef inline Opened* find(State* state, int64_t id) noexcept nogil:
    cdef uint32_t i
    for i in range(state.count):
        if state.opened[i].id == id:
            return &state.opened[i]
    return NULL


cdef inline void forget(State* state, int64_t id) noexcept nogil:
    cdef Opened* gone = find(state, id)
    if gone != NULL:
        free(gone.symbol)
        state.count -= 1
        gone[0] = state.opened[state.count]


cdef inline bint remember(Cursor* c, State* state, const Opened* said, const Token* symbol) noexcept nogil:
    """Keep the channel with a copy of its symbol: the acknowledgement's bytes are gone when its data comes."""
    cdef uint32_t capacity
    cdef Opened* opened
    cdef uint8_t* copy
    forget(state, said.id)
    if state.count == state.capacity:
        if state.count == OPEN_MAX:
            return fail(c, TOO_MANY)
        capacity = state.capacity * 2 if state.capacity else 32
        opened = <Opened*> realloc(state.opened, capacity * sizeof(Opened))
        if opened == NULL:
            return fail(c, NO_MEMORY)
        state.opened = opened
        state.capacity = capacity
    copy = <uint8_t*> malloc(symbol.size)
    if copy == NULL:
        return fail(c, NO_MEMORY)
    memcpy(copy, symbol.at, symbol.size)
    opened = &state.opened[state.count]
    opened[0] = said[0]
    opened.symbol = copy
    opened.symbol_size = symbol.size
    state.count += 1
    return True


cdef struct Event:
    Token event, channel, chan_id, symbol, key, prec, len, status, flags


cdef inline Token* event_slot(Event* f, const Token* key) noexcept nogil:
    if key_is(key, b"event", 5):
        return &f.event
    if key_is(key, b"channel", 7):
        return &f.channel
    if key_is(key, b"chanId", 6):
        return &f.chan_id
    if key_is(key, b"symbol", 6):
        return &f.symbol
    if key_is(key, b"key", 3):
        return &f.key
    if key_is(key, b"prec", 4):
        return &f.prec
    if key_is(key, b"len", 3):
        return &f.len
    if key_is(key, b"status", 6):
        return &f.status
    return &f.flags if key_is(key, b"flags", 5) else NULL


cdef inline bint cut_head(Token* text, const char* head, uint32_t size) noexcept nogil:
    """Whether the text begins with `head`; then it is cut off."""
    if text.type != STRING or text.size < size or memcmp(text.at, head, size) != 0:
        return False
    text.at += size
    text.size -= size
    return True


cdef inline int channel_of(Event* f, Token* symbol, int64_t* length) noexcept nogil:
    """What a subscription yields; where its name holds the symbol, or the candles' length, that is cut out of it."""
    cdef const uint8_t* colon
    symbol[0] = f.symbol
    if is_word(&f.channel, b"trades", 6):
        return CHANNEL_TRADES
    if is_word(&f.channel, b"ticker", 6):
        return CHANNEL_TICKER
    if is_word(&f.channel, b"book", 4):
        if is_word(&f.prec, b"P0", 2) and f.len.size == 1 and f.len.at[0] == 49:
            return CHANNEL_BOOK
        return CHANNEL_OTHER
    symbol[0] = f.key
    if is_word(&f.channel, b"status", 6) and cut_head(symbol, b"deriv:", 6):
        return CHANNEL_STATUS
    if is_word(&f.channel, b"candles", 7) and cut_head(symbol, b"trade:", 6):
        colon = <const uint8_t*> memchr(symbol.at, 58, symbol.size)
        if colon != NULL:
            length[0] = length_ns(symbol.at, <uint32_t> (colon - symbol.at))
            symbol.size -= <uint32_t> (colon + 1 - symbol.at)
            symbol.at = colon + 1
            return CHANNEL_CANDLES
    return CHANNEL_OTHER


cdef inline bint subscribed(Cursor* c, Event* f, State* state) noexcept nogil:
    cdef Opened said
    cdef Token symbol
    said.id = said.length = ABSENT
    if not (settle(c, &f.channel) and settle(c, &f.symbol) and settle(c, &f.key) and settle(c, &f.prec)
            and settle(c, &f.len) and integer(c, &f.chan_id, &said.id)):
        return False
    if said.id == ABSENT:
        return True
    if f.len.type != STRING and f.len.type != NUMBER:
        f.len.size = 0
    said.channel = channel_of(f, &symbol, &said.length)
    if (said.channel == CHANNEL_OTHER or symbol.type != STRING or symbol.size == 0 or symbol.size > SYMBOL_BYTES_MAX
            or symbol.at[0] == 102):    # f: lending, no market
        forget(state, said.id)
        return True
    return remember(c, state, &said, &symbol)


cdef inline int read_event(Cursor* c, State* state) noexcept nogil:
    """An object: what the provider says of the connection and of its channels."""
    cdef Event f
    cdef Token key, passed
    cdef Token* to
    cdef int64_t number = ABSENT
    f.event.type = f.channel.type = f.chan_id.type = f.symbol.type = f.key.type = NOTHING
    f.prec.type = f.len.type = f.status.type = f.flags.type = NOTHING
    object_begin(c)
    while object_next(c, &key):
        to = event_slot(&f, &key)
        value(c, to if to != NULL else &passed)
    if not text_end(c) or f.event.type == NOTHING or not settle(c, &f.event):
        return outcome(c)
    if state == NULL:
        return CONTROL
    if is_word(&f.event, b"subscribed", 10):
        subscribed(c, &f, state)
    elif is_word(&f.event, b"unsubscribed", 12):
        if integer(c, &f.chan_id, &number):
            forget(state, number)
    elif is_word(&f.event, b"conf", 4) and settle(c, &f.status) and is_word(&f.status, b"OK", 2):
        number = 0
        if integer(c, &f.flags, &number):
            state.sequenced = number & SEQUENCED != 0
    return CONTROL if c.status == DECODED else outcome(c)
