"""bitfinex: trades, quotes, tickers, derivatives' status and candles of Bitfinex, API v2.

A frame of data is an array that begins with a channel's id, which its acknowledgement gave to it on this connection:

    {"event":"subscribed","channel":"trades","chanId":17470,"symbol":"tBTCUSD","pair":"BTCUSD"}
    [17470,[[401597395,1786562940921,-0.0042,64012],[401597394,1786562940920,0.1,64013]],1]
    [17470,"te",[401597396,1786562940925,-0.0042,64012],2]
    [17470,"tu",[401597396,1786562940925,-0.0042,64012],3]
    [17470,"hb",4]

    book (P0, length 1)    [17471,[[64012,1,12.45],[64013,2,-9.1]],5]    [17471,[64012.5,1,3.5],6]
    ticker                 [17472,[64012,12.45,64013,9.1,-285,-0.0044,64012,2867.5,65253,63162],7]
    status, deriv:SYMBOL   [17473,[1786562940921,null,64012,64010.5,null,1e6,null,1786579200000,..],8]
    candles, trade:1m:..   [17474,[1786562940000,64012,64013,64020,64000,1.5],9]    (open close high low volume)

Trades: id, ms, amount, price; the taker bought what is above zero. `tu` repeats `te`; a list of rows is what came
before subscribing. Book rows: price, count, amount; above zero is a bid, below an ask, a count of 0 takes one away:
the next row brings the new best, so a row that is missing leaves its side as it was. A ticker's sizes are sums over
25 levels, not what stands at its price: they are left out. Status: time [0], index [3], next funding [7], funding
[11], mark [14], open interest [17]. Fields are appended over the years, and short rows occur: no length is relied on.
Funding symbols (`fUSD`) yield nothing.

We ask for flag 65536: an element after the payload numbers all frames of the connection, heartbeats too (22649
captured frames without a hole): each channel's sequence is the connection's.

25 channels a connection, 20 connections a minute, one heartbeat a channel every 15 s. What is unsubscribed before its
acknowledgement came cannot be named, and ends with the connection. Source: docs.bitfinex.com ws-general and ws-public
(November 2026), frames captured in 2021.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t

from ingestor.providers.bitfinex_channels cimport (
    CHANNEL_BOOK, CHANNEL_CANDLES, CHANNEL_STATUS, CHANNEL_TICKER, CHANNEL_TRADES, Opened, State, find, read_event,
    state_free, state_new,
)
from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, BUY, CLOSE, DECODED, FUNDING, HIGH, INDEX, LOW, MARK, OPEN,
    OPEN_INTEREST, PRICE, QUOTE, REFERENCE, SELL, SIZE, SNAPSHOT, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport MILLISECOND, decimal, epoch_time, identity, integer, needed_decimal
from ingestor.scan.json cimport array_begin, array_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.number cimport parse_integer
from ingestor.scan.quotes cimport columns, says_something, sides
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, NUMBER, STRING, Token, is_word

from ingestor.providers.bitfinex_session import BitfinexSession
from ingestor.providers.session import Channel, Limits


cdef inline Tick* tick_of(Cursor* c, const Opened* channel, int kind, bint snapshot) noexcept nogil:
    """A new record of the channel. Its symbol is borrowed from the connection's state."""
    cdef Tick* tick = tick_new(c, kind, channel.channel)
    if tick != NULL:
        tick.symbol.at = channel.symbol
        tick.symbol.size = channel.symbol_size
        if snapshot:
            tick.flags |= SNAPSHOT
    return tick


cdef inline bint trade(Cursor* c, const Opened* channel, bint snapshot) noexcept nogil:
    cdef Token[4] row       # id, ms, amount, price
    cdef Tick* tick
    if columns(c, row, 4) < 0:
        return False
    tick = tick_of(c, channel, TRADE, snapshot)
    if tick == NULL or not needed_decimal(c, &row[2], tick, SIZE):
        return False
    if tick.mantissa[<int> SIZE] > 0:
        tick.side = BUY
    elif tick.mantissa[<int> SIZE] < 0:
        tick.side = SELL
        tick.mantissa[<int> SIZE] = -tick.mantissa[<int> SIZE]
    return (identity(c, &row[0], &tick.id) and needed_decimal(c, &row[3], tick, PRICE)
            and epoch_time(c, &row[1], MILLISECOND, &tick.ts_event_ns))


cdef inline bint ticker(Cursor* c, const Opened* channel) noexcept nogil:
    cdef Token[3] row       # bid, its size, ask
    cdef Token unsaid
    cdef Tick* tick
    cdef int count = columns(c, row, 3)
    if count <= 0:
        return count == 0
    tick = tick_of(c, channel, QUOTE, False)
    unsaid.type = NOTHING
    return tick != NULL and sides(c, &row[0], &unsaid, &row[2], &unsaid, tick)


cdef inline bint level(Cursor* c, Tick* tick, bint* left) noexcept nogil:
    """One row of a book: the first of each side counts. `left`: it was not taken away."""
    cdef Token[3] row       # price, count, amount
    cdef int64_t count = 1
    cdef Tick scratch
    cdef Tick* found = &scratch
    cdef int price = BID, size = BID_SIZE
    if columns(c, row, 3) < 0 or not integer(c, &row[1], &count):
        return False
    if count == 0:
        return True
    found.present = 0
    found.flags = 0
    if not needed_decimal(c, &row[2], found, SIZE):
        return False
    if found.mantissa[<int> SIZE] < 0:
        found.mantissa[<int> SIZE] = -found.mantissa[<int> SIZE]
        price = ASK
        size = ASK_SIZE
    if found.mantissa[<int> SIZE] == 0 or tick.present >> price & 1:
        return True
    if not needed_decimal(c, &row[0], found, PRICE):
        return False
    tick.mantissa[price] = found.mantissa[<int> PRICE]
    tick.exponent[price] = found.exponent[<int> PRICE]
    tick.mantissa[size] = found.mantissa[<int> SIZE]
    tick.exponent[size] = found.exponent[<int> SIZE]
    tick.present |= <uint8_t> (1 << price | 1 << size)
    tick.flags |= found.flags
    left[0] = True
    return True


cdef inline bint book(Cursor* c, const Opened* channel, bint rows) noexcept nogil:
    """A list of rows is the state of both sides; one row is news of its side."""
    cdef bint left = rows
    cdef Tick* tick = tick_of(c, channel, QUOTE, rows)
    if tick == NULL:
        return False
    if rows:
        array_begin(c)
        while array_next(c):
            level(c, tick, &left)
    else:
        level(c, tick, &left)
    if not left:
        c.out.count -= 1
    return c.status == DECODED


cdef inline bint derivative(Cursor* c, const Opened* channel) noexcept nogil:
    cdef Token[18] row
    cdef Tick* tick
    if columns(c, row, 18) < 0:
        return False
    tick = tick_of(c, channel, REFERENCE, False)
    if tick == NULL or not (decimal(c, &row[3], tick, INDEX) and decimal(c, &row[11], tick, FUNDING)
                            and decimal(c, &row[14], tick, MARK) and decimal(c, &row[17], tick, OPEN_INTEREST)
                            and epoch_time(c, &row[7], MILLISECOND, &tick.next_funding_ns)
                            and epoch_time(c, &row[0], MILLISECOND, &tick.ts_event_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
    return True


cdef inline bint candle(Cursor* c, const Opened* channel, bint snapshot) noexcept nogil:
    cdef Token[6] row       # ms, open, close, high, low, volume
    cdef Tick* tick
    if columns(c, row, 6) < 0:
        return False
    tick = tick_of(c, channel, BAR, snapshot)
    return (tick != NULL and epoch_time(c, &row[0], MILLISECOND, &tick.start_ns)
            and decimal(c, &row[1], tick, OPEN) and decimal(c, &row[2], tick, CLOSE)
            and decimal(c, &row[3], tick, HIGH) and decimal(c, &row[4], tick, LOW)
            and decimal(c, &row[5], tick, VOLUME) and later(c, tick.start_ns, channel.length, &tick.end_ns))


cdef inline bint holds_rows(const Cursor* c) noexcept nogil:
    """Whether the array ahead is a list of rows (or empty), and no row itself."""
    cdef Cursor ahead = c[0]
    cdef int byte
    array_begin(&ahead)
    byte = peek(&ahead)
    return byte == 91 or byte == 93


cdef inline bint read_payload(Cursor* c, const Opened* channel, bint executed) noexcept nogil:
    """What stands after the channel's id; `executed`: after the tag `te`."""
    cdef bint rows
    if channel.channel == CHANNEL_TICKER:
        return ticker(c, channel)
    if channel.channel == CHANNEL_STATUS:
        return derivative(c, channel)
    if executed:
        return trade(c, channel, False)
    rows = holds_rows(c)
    if channel.channel == CHANNEL_BOOK:
        return book(c, channel, rows)
    if channel.channel == CHANNEL_CANDLES and not rows:
        return candle(c, channel, False)
    if not array_begin(c):
        return False
    while array_next(c):
        if channel.channel == CHANNEL_TRADES:
            trade(c, channel, True)
        else:
            candle(c, channel, True)
    return c.status == DECODED


cdef inline bint number_of(Cursor* c, Token* token, int64_t* out) noexcept nogil:
    """A whole number, where it is one: what is none is no fault here."""
    if token.type != NUMBER and token.type != STRING:
        return False
    return settle(c, token) and parse_integer(token.at, token.size, out) == DECODED


cdef bint read_array(Cursor* c, State* state) noexcept nogil:
    """`[id, payload]` or `[id, tag, payload]`, then the frame's number where it was asked for; more may follow."""
    cdef Token first, tag, number, passed
    cdef Opened* channel = NULL
    cdef int64_t id = 0, sequence = ABSENT
    cdef uint32_t i
    cdef bint executed, more
    tag.type = number.type = NOTHING
    array_begin(c)
    more = array_next(c)
    if more:
        if value(c, &first) and number_of(c, &first, &id) and state != NULL:
            channel = find(state, id)
        more = array_next(c)
    if more and peek(c) == 34:
        more = value(c, &tag) and settle(c, &tag) and array_next(c)
        if more and not is_word(&tag, b"hb", 2):    # a heartbeat has no payload
            executed = is_word(&tag, b"te", 2) and channel != NULL and channel.channel == CHANNEL_TRADES
            read_payload(c, channel, True) if executed else value(c, &passed)
            more = array_next(c)
    elif more:
        read_payload(c, channel, False) if channel != NULL else value(c, &passed)
        more = array_next(c)
    if more:
        value(c, &number)
        while array_next(c):
            value(c, &passed)
    if not text_end(c) or state == NULL or not state.sequenced:
        return c.status == DECODED
    if c.out.count:
        if not integer(c, &number, &sequence):
            return False
        for i in range(c.out.count):
            c.out.ticks[i].sequence = sequence
    else:
        number_of(c, &number, &sequence)
    c.out.frame_sequence = sequence
    return True


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef int byte
    cursor_init(&c, at, size, out)
    byte = peek(&c)
    if byte == 123:
        return read_event(&c, <State*> state)
    if byte == 91:
        read_array(&c, <State*> state)
    else:
        skip(&c)
        text_end(&c)
    return outcome(&c)


PROVIDER = provider(decode, state_new, state_free, {
    "name": "bitfinex",
    "venue": "bitfinex",
    "url": "wss://api-pub.bitfinex.com/ws/2",
    "channels": (
        Channel("trades", "trades", "connection", trade_ids="exchange"),
        Channel("book", "quotes", "connection", partial=True),
        Channel("ticker", "quotes", "connection", default=False), Channel("status", "reference", "connection"),
        Channel("candles", "bars", "connection"),
    ),
    "limits": Limits(
        subscriptions_per_connection_max=25, subscriptions_per_message_max=1, messages_per_second_max=10,
        connects_per_minute_max=20, silence_max_s=30,
    ),
    "session": BitfinexSession(),
})
