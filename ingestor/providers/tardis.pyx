"""tardis: the normalised messages of a tardis-machine server, which carries many exchanges; told by `type`.

    {"type":"trade","symbol":"XBTUSD","exchange":"bitmex","id":"282a0445-...","price":64012.5,"amount":50,
     "side":"sell","timestamp":"2026-08-12T19:29:00.921Z","localTimestamp":"2026-08-12T19:29:00.940Z"}
    {"type":"book_ticker","symbol":"BTCUSDT","exchange":"bitget","askPrice":76671.23,"askAmount":0.41581,
     "bidPrice":76671.22,"bidAmount":0.531211,"timestamp":"...","localTimestamp":"..."}
    {"type":"book_snapshot","symbol":"XBTUSD","exchange":"bitmex","name":"quote","depth":1,"interval":0,
     "bids":[{"price":64012,"amount":1906}],"asks":[{}],"timestamp":"...","localTimestamp":"..."}
    {"type":"derivative_ticker","symbol":"BTC-PERPETUAL","exchange":"deribit","lastPrice":63344,"openInterest":716004750,
     "fundingRate":0.00002081,"fundingTimestamp":"...","indexPrice":63329.18,"markPrice":63346.33,"timestamp":"..."}
    {"type":"option_summary","symbol":"BTC-240927-25000-P","exchange":"binance-european-options","bestBidPrice":3000,
     "bestBidAmount":2.55,"bestAskPrice":3950,"bestAskAmount":5.8,"openInterest":7,"markPrice":3475,"timestamp":"..."}
    {"type":"trade_bar","symbol":"XBTUSD","exchange":"bitmex","name":"trade_bar_1m","interval":60000,"kind":"time",
     "open":1,"high":1,"low":1,"close":1,"volume":1,"trades":1,"vwap":1,"openTimestamp":"...","closeTimestamp":"..."}

The server has merged what each exchange sends, so every quote is whole: an absent key is an absent value, a level
without keys an empty side. `side` is the taker's, `exchange` the venue, sizes as the exchange counts them. What is
asked for as `quote` arrives as `book_snapshot` of depth 1; other depths are depth. Of an option's summary the
underlying's price is no index. A trade's `id` is the exchange's, absent where it has none.
No message has a number: a hole can't be proved, and the server's own reconnection is told by `disconnect`, which is of no concern here. `localTimestamp` is not used. Numbers are doubles
of JavaScript, taken by their digits; times have milliseconds, microseconds where the exchange has them.

The URL carries the whole subscription; nothing is asked, answered or asked again on an open connection. The
server closes with 1008 when it is not read and with 1011 when an exchange fails 50 times in a row. It names
no limit of its own; the one below keeps the URL within the 16 KiB of headers that Node.js accepts.
Source: github.com/tardis-dev/tardis-machine (18.2.0) and tardis-node src/types.ts (August 2026); bars are not captured.
"""
import json
from urllib.parse import quote as url_quoted

from libc.stdint cimport int64_t, uint8_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ASK, ASK_SIZE, BAR, BID, BID_SIZE, CLOSE, CONTROL, FUNDING, HIGH, INDEX, LOW, MARK, OPEN, OPEN_INTEREST, PRICE,
    QUOTE, REFERENCE, SIZE, TRADE, Tick, TickBatch, VOLUME, VWAP,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport decimal, identity, integer, iso_time, name, needed_decimal, taker
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.quotes cimport best_member_level, says_something, sides
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_BOOK_TICKER = 1
    CHANNEL_QUOTE = 2
    CHANNEL_DERIVATIVE_TICKER = 3
    CHANNEL_OPTION_SUMMARY = 4
    CHANNEL_TRADE_BAR = 5


cdef enum Field:
    TYPE, SYMBOL, EXCHANGE, TIMESTAMP
    ID, TRADE_PRICE, AMOUNT, SIDE
    BID_PRICE, BID_AMOUNT, ASK_PRICE, ASK_AMOUNT        # of a book_ticker
    BEST_BID_PRICE, BEST_BID_AMOUNT, BEST_ASK_PRICE, BEST_ASK_AMOUNT    # of an option_summary, in the same order
    DEPTH, BIDS, ASKS
    MARK_PRICE, INDEX_PRICE, FUNDING_RATE, FUNDING_TIMESTAMP, INTEREST
    BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE, BAR_VOLUME, BAR_VWAP, TRADES, OPEN_TIMESTAMP, CLOSE_TIMESTAMP
    OTHER                                               # of no concern: the next one takes its place
    FIELDS


cdef inline int trade_field(const Token* key) noexcept nogil:
    """The members of the most frequent messages."""
    if key_is(key, b"type", 4):
        return TYPE
    if key_is(key, b"symbol", 6):
        return SYMBOL
    if key_is(key, b"exchange", 8):
        return EXCHANGE
    if key_is(key, b"id", 2):
        return ID
    if key_is(key, b"price", 5):
        return TRADE_PRICE
    if key_is(key, b"amount", 6):
        return AMOUNT
    if key_is(key, b"side", 4):
        return SIDE
    if key_is(key, b"timestamp", 9):
        return TIMESTAMP
    return OTHER


cdef inline int quote_field(const Token* key) noexcept nogil:
    if key_is(key, b"bidPrice", 8):
        return BID_PRICE
    if key_is(key, b"bidAmount", 9):
        return BID_AMOUNT
    if key_is(key, b"askPrice", 8):
        return ASK_PRICE
    if key_is(key, b"askAmount", 9):
        return ASK_AMOUNT
    if key_is(key, b"depth", 5):
        return DEPTH
    if key_is(key, b"bids", 4):
        return BIDS
    return ASKS if key_is(key, b"asks", 4) else OTHER


cdef inline int option_field(const Token* key) noexcept nogil:
    if key_is(key, b"bestBidPrice", 12):
        return BEST_BID_PRICE
    if key_is(key, b"bestBidAmount", 13):
        return BEST_BID_AMOUNT
    if key_is(key, b"bestAskPrice", 12):
        return BEST_ASK_PRICE
    return BEST_ASK_AMOUNT if key_is(key, b"bestAskAmount", 13) else OTHER


cdef inline int reference_field(const Token* key) noexcept nogil:
    if key_is(key, b"markPrice", 9):
        return MARK_PRICE
    if key_is(key, b"indexPrice", 10):
        return INDEX_PRICE
    if key_is(key, b"fundingRate", 11):
        return FUNDING_RATE
    if key_is(key, b"fundingTimestamp", 16):
        return FUNDING_TIMESTAMP
    return INTEREST if key_is(key, b"openInterest", 12) else OTHER


cdef inline int bar_field(const Token* key) noexcept nogil:
    if key_is(key, b"open", 4):
        return BAR_OPEN
    if key_is(key, b"high", 4):
        return BAR_HIGH
    if key_is(key, b"low", 3):
        return BAR_LOW
    if key_is(key, b"close", 5):
        return BAR_CLOSE
    if key_is(key, b"volume", 6):
        return BAR_VOLUME
    if key_is(key, b"vwap", 4):
        return BAR_VWAP
    if key_is(key, b"trades", 6):
        return TRADES
    if key_is(key, b"openTimestamp", 13):
        return OPEN_TIMESTAMP
    return CLOSE_TIMESTAMP if key_is(key, b"closeTimestamp", 14) else OTHER


cdef inline int field_of(const Token* key) noexcept nogil:
    cdef int field = trade_field(key)
    if field == OTHER:
        field = quote_field(key)
    if field == OTHER:
        field = reference_field(key)
    if field == OTHER:
        field = option_field(key)
    return bar_field(key) if field == OTHER else field


cdef inline Tick* begin(Cursor* c, Token* f, int kind, int channel) noexcept nogil:
    """A record with symbol, venue and time: the same in every message. NULL on a fault."""
    cdef Tick* tick = tick_new(c, kind, channel)
    if (tick == NULL or not name(c, &f[<int> SYMBOL], &tick.symbol) or not identity(c, &f[<int> EXCHANGE], &tick.venue)
            or not iso_time(c, &f[<int> TIMESTAMP], &tick.ts_event_ns)):
        return NULL
    return tick


cdef inline bint trade(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, TRADE, CHANNEL_TRADE)
    return (tick != NULL and identity(c, &f[<int> ID], &tick.id) and taker(c, &f[<int> SIDE], tick)
            and needed_decimal(c, &f[<int> TRADE_PRICE], tick, PRICE) and needed_decimal(c, &f[<int> AMOUNT], tick, SIZE))


cdef inline bint quote(Cursor* c, Token* f, int channel, int bid) noexcept nogil:
    """A quote whose four values stand at `bid` and the fields after it."""
    cdef Tick* tick = begin(c, f, QUOTE, channel)
    return tick != NULL and sides(c, &f[bid], &f[bid + 1], &f[bid + 2], &f[bid + 3], tick)


cdef inline bint top_of_book(Cursor* c, Token* f) noexcept nogil:
    cdef int64_t depth = 0
    cdef Tick* tick
    if not integer(c, &f[<int> DEPTH], &depth):
        return False
    if depth != 1:
        return True
    tick = begin(c, f, QUOTE, CHANNEL_QUOTE)
    return (tick != NULL and best_member_level(c, &f[<int> BIDS], tick, BID, BID_SIZE, b"price", 5, b"amount", 6)
            and best_member_level(c, &f[<int> ASKS], tick, ASK, ASK_SIZE, b"price", 5, b"amount", 6))


cdef inline bint reference(Cursor* c, Token* f, int channel) noexcept nogil:
    cdef Tick* tick = begin(c, f, REFERENCE, channel)
    if not (tick != NULL and decimal(c, &f[<int> MARK_PRICE], tick, MARK)
            and decimal(c, &f[<int> INTEREST], tick, OPEN_INTEREST)):
        return False
    if channel == CHANNEL_DERIVATIVE_TICKER and not (
            decimal(c, &f[<int> INDEX_PRICE], tick, INDEX) and decimal(c, &f[<int> FUNDING_RATE], tick, FUNDING)
            and iso_time(c, &f[<int> FUNDING_TIMESTAMP], &tick.next_funding_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
    return True


cdef inline bint option_summary(Cursor* c, Token* f) noexcept nogil:
    cdef int i
    for i in range(BEST_BID_PRICE, BEST_ASK_AMOUNT + 1):
        if f[i].type != NOTHING:
            if not quote(c, f, CHANNEL_OPTION_SUMMARY, BEST_BID_PRICE):
                return False
            break
    return reference(c, f, CHANNEL_OPTION_SUMMARY)


cdef inline bint bar(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, BAR, CHANNEL_TRADE_BAR)
    return (tick != NULL and decimal(c, &f[<int> BAR_OPEN], tick, OPEN) and decimal(c, &f[<int> BAR_HIGH], tick, HIGH)
            and decimal(c, &f[<int> BAR_LOW], tick, LOW) and decimal(c, &f[<int> BAR_CLOSE], tick, CLOSE)
            and decimal(c, &f[<int> BAR_VOLUME], tick, VOLUME) and decimal(c, &f[<int> BAR_VWAP], tick, VWAP)
            and integer(c, &f[<int> TRADES], &tick.count) and iso_time(c, &f[<int> OPEN_TIMESTAMP], &tick.start_ns)
            and iso_time(c, &f[<int> CLOSE_TIMESTAMP], &tick.end_ns))


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Token f[FIELDS]
    cdef Token key
    cdef int i
    cursor_init(&c, at, size, out)
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    for i in range(FIELDS):
        f[i].type = NOTHING
    object_begin(&c)
    while object_next(&c, &key):
        value(&c, &f[field_of(&key)])
    if not text_end(&c) or not settle(&c, &f[<int> TYPE]):
        return outcome(&c)
    if is_word(&f[<int> TYPE], b"trade", 5):
        trade(&c, f)
    elif is_word(&f[<int> TYPE], b"book_ticker", 11):
        quote(&c, f, CHANNEL_BOOK_TICKER, BID_PRICE)
    elif is_word(&f[<int> TYPE], b"book_snapshot", 13):
        top_of_book(&c, f)
    elif is_word(&f[<int> TYPE], b"derivative_ticker", 17):
        reference(&c, f, CHANNEL_DERIVATIVE_TICKER)
    elif is_word(&f[<int> TYPE], b"option_summary", 14):
        option_summary(&c, f)
    elif is_word(&f[<int> TYPE], b"trade_bar", 9):
        bar(&c, f)
    elif is_word(&f[<int> TYPE], b"error", 5):
        return CONTROL
    return outcome(&c)


class TardisSession(Session):
    """The URL names exchanges, symbols and types of data; the data is the answer."""

    acknowledges = False
    endpoint_subscribes = True

    def endpoint(self, url, section, subscriptions, key):
        """An entry's symbols and types multiply, so markets with the same channels share one."""
        channels = {}
        for wanted in subscriptions:
            channels.setdefault((wanted.venue, wanted.symbol), {})[wanted.channel] = None
        entries = {}
        for (venue, symbol), names in channels.items():
            entries.setdefault((venue, tuple(sorted(names))), []).append(symbol)
        options = [{"exchange": venue, "symbols": symbols, "dataTypes": names, "withErrorMessages": True}
                   for (venue, names), symbols in entries.items()]
        return f"{url.rstrip('/')}/ws-stream-normalized?options={url_quoted(json.dumps(options, separators=(',', ':')))}"

    def subscribe(self, subscriptions, request_id):
        return ()

    def unsubscribe(self, subscriptions, request_id):
        return ()

    def control(self, frame):
        """The server goes on by itself after an error of an exchange; it is told, nothing more."""
        message = json.loads(frame)
        return Control("error", message=f"{message.get('exchange')}: {message.get('details')}")


PROVIDER = provider(decode, NULL, NULL, {
    "name": "tardis",
    "venue": "",
    "url": "ws://127.0.0.1:8001",
    "channels": (
        Channel("trade", "trades", trade_ids="exchange"), Channel("book_ticker", "quotes"),
        Channel("quote", "quotes", default=False),
        Channel("derivative_ticker", "reference"), Channel("option_summary", "reference", default=False),
        Channel("trade_bar_1m", "bars"),
    ),
    "limits": Limits(subscriptions_per_connection_max=200, connects_per_minute_max=30, silence_max_s=120),
    "session": TardisSession(),
})
