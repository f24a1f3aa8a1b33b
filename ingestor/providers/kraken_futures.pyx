"""kraken-futures: trades, tickers and reference values of Kraken's futures, told by `feed`.

    {"feed":"trade","product_id":"PF_XBTUSD","uid":"d7cae895-ca24-4a67-aa7e-ad9a2ea2b656","side":"sell","type":"fill",
     "seq":74724,"time":1786562940921,"qty":0.0042,"price":64012.5}
    {"feed":"trade_snapshot","product_id":"PF_XBTUSD","trades":[{"feed":"trade","product_id":"PF_XBTUSD",...},...]}
    {"feed":"ticker","product_id":"PF_XBTUSD","bid":64012,"ask":64013,"bid_size":2.5,"ask_size":0.31,...,
     "index":64011.36,"markPrice":64012.4,"relative_funding_rate":0.0000061,"funding_rate":0.39,
     "next_funding_rate_time":1786564800000,"openInterest":1692.33,"time":1786562940921}
    {"feed":"ticker_lite","product_id":"PF_XBTUSD","bid":64012,"ask":64013,...}

`side` is the taker's; trades of any `type` (fill, liquidation, assignment, termination, block) are trades. `seq`
counts a product's trades; `uid` is absent in 2019. A snapshot replays the last 100 trades, newest first.
`funding_rate` is an amount a contract, so only the relative rate is taken. Sizes are contracts, passed on as sent; a
ticker_lite has none, and no time. Frames with `event` say something of the connection, whatever their `feed`.

The server wants to hear from us once a minute; asking for the heartbeat feed again is the one request that changes
nothing, and its feed tells a quiet market from a dead line. 100 requests a second are allowed.
Sources: docs.kraken.com futures-websocket, support.kraken.com 360022635632 (November 2026); frames captured in 2019
to 2021. The words of alerts: github.com/nautechsystems/nautilus_trader pull 4093, github.com/ccxt/ccxt pull 28529.
"""
import json

from libc.stdint cimport uint8_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    CONTROL, DECODED, FUNDING, INDEX, MARK, OPEN_INTEREST, PRICE, QUOTE, REFERENCE, SIZE, SNAPSHOT, TRADE, Tick,
    TickBatch,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, decimal, epoch_time, identity, integer, name, needed_decimal, taker,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_TICKER = 1
    CHANNEL_TICKER_LITE = 2


cdef struct Message:
    Token feed, event, product_id, time
    Token uid, side, price, qty, seq, trades
    Token bid, bid_size, ask, ask_size
    Token mark_price, index, funding_rate, next_funding_time, open_interest


cdef inline void clear(Message* f) noexcept nogil:
    f.feed.type = f.event.type = f.product_id.type = f.time.type = f.uid.type = f.side.type = f.price.type = NOTHING
    f.qty.type = f.seq.type = f.trades.type = f.bid.type = f.bid_size.type = f.ask.type = f.ask_size.type = NOTHING
    f.mark_price.type = f.index.type = f.funding_rate.type = f.next_funding_time.type = NOTHING
    f.open_interest.type = NOTHING


cdef inline Token* short_slot(Message* f, const Token* key) noexcept nogil:
    """Keys of up to five letters."""
    if key_is(key, b"feed", 4):
        return &f.feed
    if key_is(key, b"time", 4):
        return &f.time
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"bid", 3):
        return &f.bid
    if key_is(key, b"ask", 3):
        return &f.ask
    if key_is(key, b"qty", 3):
        return &f.qty
    if key_is(key, b"seq", 3):
        return &f.seq
    if key_is(key, b"uid", 3):
        return &f.uid
    if key_is(key, b"index", 5):
        return &f.index
    if key_is(key, b"event", 5):
        return &f.event
    return NULL


cdef inline Token* slot(Message* f, const Token* key) noexcept nogil:
    if key.size <= 5:
        return short_slot(f, key)
    if key_is(key, b"product_id", 10):
        return &f.product_id
    if key_is(key, b"bid_size", 8):
        return &f.bid_size
    if key_is(key, b"ask_size", 8):
        return &f.ask_size
    if key_is(key, b"markPrice", 9):
        return &f.mark_price
    if key_is(key, b"openInterest", 12):
        return &f.open_interest
    if key_is(key, b"relative_funding_rate", 21):
        return &f.funding_rate
    if key_is(key, b"next_funding_rate_time", 22):
        return &f.next_funding_time
    if key_is(key, b"trades", 6):
        return &f.trades
    return NULL


cdef inline bint read_object(Cursor* c, Message* f) noexcept nogil:
    cdef Token key, passed
    cdef Token* to
    clear(f)
    object_begin(c)
    while object_next(c, &key):
        to = slot(f, &key)
        value(c, to if to != NULL else &passed)
    return c.status == DECODED


cdef inline bint trade(Cursor* c, Message* f, int flags) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL:
        return False
    tick.flags = flags
    return (name(c, &f.product_id, &tick.symbol) and identity(c, &f.uid, &tick.id) and taker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.qty, tick, SIZE)
            and epoch_time(c, &f.time, MILLISECOND, &tick.ts_event_ns) and integer(c, &f.seq, &tick.sequence))


cdef inline bint replayed(Cursor* c, const Token* rows) noexcept nogil:
    cdef Cursor inner
    cdef Message row
    if rows.type == NOTHING:
        return True
    if not within(c, rows, &inner):
        return False
    array_begin(&inner)
    while array_next(&inner):
        if not (read_object(&inner, &row) and trade(&inner, &row, SNAPSHOT)):
            break
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint quote(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick
    if f.bid.type == NOTHING and f.ask.type == NOTHING and f.bid_size.type == NOTHING and f.ask_size.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, CHANNEL_TICKER)
    return tick != NULL and (
        name(c, &f.product_id, &tick.symbol) and sides(c, &f.bid, &f.bid_size, &f.ask, &f.ask_size, tick)
        and epoch_time(c, &f.time, MILLISECOND, &tick.ts_event_ns))


cdef inline bint light_quote(Cursor* c, Message* f) noexcept nogil:
    """Best prices alone: whatever else such a frame may hold is not used."""
    cdef Token none
    cdef Tick* tick
    if f.bid.type == NOTHING and f.ask.type == NOTHING:
        return True
    none.type = NOTHING
    tick = tick_new(c, QUOTE, CHANNEL_TICKER_LITE)
    return tick != NULL and name(c, &f.product_id, &tick.symbol) and sides(c, &f.bid, &none, &f.ask, &none, tick)


cdef inline bint reference(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, CHANNEL_TICKER)
    if tick == NULL or not (
            decimal(c, &f.mark_price, tick, MARK) and decimal(c, &f.index, tick, INDEX)
            and decimal(c, &f.funding_rate, tick, FUNDING) and decimal(c, &f.open_interest, tick, OPEN_INTEREST)
            and epoch_time(c, &f.next_funding_time, MILLISECOND, &tick.next_funding_ns)
            and epoch_time(c, &f.time, MILLISECOND, &tick.ts_event_ns)):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return name(c, &f.product_id, &tick.symbol)


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Message f
    cursor_init(&c, at, size, out)
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    read_object(&c, &f)
    if not text_end(&c) or not settle(&c, &f.feed):
        return outcome(&c)
    if f.event.type != NOTHING:
        return CONTROL
    if is_word(&f.feed, b"trade", 5):
        trade(&c, &f, 0)
    elif is_word(&f.feed, b"ticker", 6):
        if quote(&c, &f):
            reference(&c, &f)
    elif is_word(&f.feed, b"ticker_lite", 11):
        light_quote(&c, &f)
    elif is_word(&f.feed, b"trade_snapshot", 14):
        replayed(&c, &f.trades)
    return outcome(&c)


HEARTBEAT = as_text({"event": "subscribe", "feed": "heartbeat"})


class KrakenFuturesSession(Session):
    """One request a feed, one acknowledgement a product."""

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions)

    def _requests(self, event, subscriptions):
        feeds = {}
        for wanted in subscriptions:
            feeds.setdefault(wanted.channel, []).append(wanted.symbol)
        return tuple(as_text({"event": event, "feed": feed, "product_ids": products})
                     for feed, products in feeds.items())

    def hello(self, subscriptions, key):
        return (HEARTBEAT,)

    def heartbeat(self, request_id):
        return HEARTBEAT

    def control(self, frame):
        message = json.loads(frame)
        event, products, words = message["event"], message.get("product_ids") or (), str(message.get("message"))
        request = f"{message.get('feed')}:{products[0]}" if products else ""
        if event in ("subscribed", "unsubscribed"):
            return Control("ack", request=request) if request else None     # the heartbeat has no product
        if "lready subscribed" in words or "ot subscribed" in words:
            return None
        if event in ("error", "alert", "subscribed_failed", "unsubscribed_failed"):
            return Control("error", request=request, message=words, retryable="rate" in words)
        return None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "kraken-futures",
    "venue": "kraken",
    "url": "wss://futures.kraken.com/ws/v1",
    "channels": (
        Channel("trade", "trades", "gapless", trade_ids="exchange"), Channel("ticker", "quotes"),
        Channel("ticker_lite", "quotes", default=False),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=50, connects_per_minute_max=60,
        heartbeat_every_s=45, silence_max_s=60,
    ),
    "session": KrakenFuturesSession(),
})
