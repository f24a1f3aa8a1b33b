"""coinbase-exchange: trades and tickers of Coinbase Exchange, told by `type`.

    {"type":"match","trade_id":871203344,"maker_order_id":"...","taker_order_id":"...","side":"buy",
     "size":"0.0042","price":"64012.37","product_id":"BTC-USD","sequence":80139250412,
     "time":"2026-08-12T19:29:00.921195Z"}
    {"type":"ticker","sequence":80139250413,"product_id":"BTC-USD","price":"64012.37",...,
     "best_bid":"64012.36","best_bid_size":"0.5","best_ask":"64012.37","best_ask_size":"1.2",
     "side":"sell","time":"2026-08-12T19:29:00.921195Z","trade_id":871203344,"last_size":"0.0042"}

`match.side` is the MAKER's (captured: maker buys print at the bid 29 of 29 times), so the taker took
the other side. `trade_id` rises by one a trade of a product, `sequence` also with what is no trade. A
ticker's last price repeats a match and is no trade. `last_match` comes once a product on subscribing: a
snapshot. Ticker sizes are absent before 2022.
Source: docs.cdp.coinbase.com/exchange/websocket-feed (November 2026), frames captured in 2021.
"""
import json

from libc.stdint cimport uint8_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport CONTROL, PRICE, QUOTE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport identity, integer, iso_time, maker, name, needed_decimal
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.quotes cimport sides
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.coinbase_history import CoinbaseHistory
from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_MATCHES = 0
    CHANNEL_TICKER = 1


cdef struct Message:
    Token type, product_id, trade_id, side, price, size, time, sequence
    Token best_bid, best_bid_size, best_ask, best_ask_size


cdef inline Token* slot(Message* f, const Token* key) noexcept nogil:
    if key_is(key, b"type", 4):
        return &f.type
    if key_is(key, b"product_id", 10):
        return &f.product_id
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"size", 4):
        return &f.size
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"time", 4):
        return &f.time
    if key_is(key, b"trade_id", 8):
        return &f.trade_id
    if key_is(key, b"sequence", 8):
        return &f.sequence
    if key_is(key, b"best_bid", 8):
        return &f.best_bid
    if key_is(key, b"best_ask", 8):
        return &f.best_ask
    if key_is(key, b"best_bid_size", 13):
        return &f.best_bid_size
    if key_is(key, b"best_ask_size", 13):
        return &f.best_ask_size
    return NULL


cdef inline bint trade(Cursor* c, Message* f, bint snapshot) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_MATCHES)
    if tick == NULL:
        return False
    if snapshot:
        tick.flags |= SNAPSHOT
    return (name(c, &f.product_id, &tick.symbol) and identity(c, &f.trade_id, &tick.id) and maker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.size, tick, SIZE)
            and iso_time(c, &f.time, &tick.ts_event_ns) and integer(c, &f.sequence, &tick.sequence))


cdef inline bint quote(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_TICKER)
    if tick == NULL:
        return False
    return (name(c, &f.product_id, &tick.symbol)
            and sides(c, &f.best_bid, &f.best_bid_size, &f.best_ask, &f.best_ask_size, tick)
            and iso_time(c, &f.time, &tick.ts_event_ns) and integer(c, &f.sequence, &tick.sequence))


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Message f
    cdef Token key, passed
    cdef Token* to
    cursor_init(&c, at, size, out)
    f.type.type = f.product_id.type = f.trade_id.type = f.side.type = f.price.type = f.size.type = NOTHING
    f.time.type = f.sequence.type = f.best_bid.type = f.best_bid_size.type = NOTHING
    f.best_ask.type = f.best_ask_size.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        to = slot(&f, &key)
        value(&c, to if to != NULL else &passed)
    if not text_end(&c) or not settle(&c, &f.type):
        return outcome(&c)
    if is_word(&f.type, b"match", 5):
        trade(&c, &f, False)
    elif is_word(&f.type, b"ticker", 6):
        if f.best_bid.type != NOTHING or f.best_ask.type != NOTHING:
            quote(&c, &f)
    elif is_word(&f.type, b"last_match", 10):
        trade(&c, &f, True)
    elif is_word(&f.type, b"subscriptions", 13) or is_word(&f.type, b"error", 5):
        return CONTROL
    return outcome(&c)


class CoinbaseSession(Session):
    """`subscribe` by channel and products; each answer is the full current list, with no id."""

    history = CoinbaseHistory()

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions)

    def _requests(self, kind, subscriptions):
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        return tuple(as_text({"type": kind, "product_ids": products, "channels": [channel]})
                     for channel, products in channels.items())

    def control(self, frame):
        message = json.loads(frame)
        if message.get("type") == "error":
            words = (message.get("message"), message.get("reason"))
            return Control("error", message=": ".join(str(word) for word in words if word), retryable=False)
        return Control("ack")       # it names nothing: requests are answered in their order


PROVIDER = provider(decode, NULL, NULL, {
    "name": "coinbase-exchange",
    "venue": "coinbase",
    "url": "wss://ws-feed.exchange.coinbase.com",
    "channels": (Channel("matches", "trades", "ids", trade_ids="exchange"), Channel("ticker", "quotes", "rising")),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=8, connects_per_minute_max=60,
        subscribe_within_s=5, silence_max_s=30,
    ),
    "session": CoinbaseSession(),
})
