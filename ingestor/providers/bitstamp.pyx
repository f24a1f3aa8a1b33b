"""bitstamp: trades of Bitstamp, told by `event` `trade` on a channel `live_trades_<pair>`.

    {"data":{"id":216000477,"timestamp":"1786562940","amount":0.0792,"amount_str":"0.07920000","price":3805.44,
     "price_str":"3805.44","type":0,"microtimestamp":"1786562940596000","buy_order_id":1443875737346049,
     "sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}

One trade a frame, nothing is replayed. `type` is the taker's side: 0 bought, 1 sold. The pair stands in `channel`
only. Numbers come twice; the texts (`price_str`, `amount_str`) are exact and go first. Ids rise, but all pairs share
their series: holes are normal, so no sequence proves anything. Bitstamp has no channel of the best bid and ask: its
books are depth.

A connection lives 90 days at most, `bts:request_reconnect` announces an earlier end.
Source: bitstamp.net/websocket/v2 (November 2026), frames captured in 2021.
"""
import json

from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.records cimport BAD_TYPE, BUY, CONTROL, DECODED, PRICE, SELL, SIZE, TRADE, Tick, TickBatch
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport MICROSECOND, SECOND, epoch_time, identity, name, needed_decimal
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, NUMBER, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADES = 0


cdef struct Trade:
    Token id, type, price, price_str, amount, amount_str, timestamp, microtimestamp


cdef inline Token* slot(Trade* f, const Token* key) noexcept nogil:
    if key_is(key, b"id", 2):
        return &f.id
    if key_is(key, b"type", 4):
        return &f.type
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"amount", 6):
        return &f.amount
    if key_is(key, b"price_str", 9):
        return &f.price_str
    if key_is(key, b"amount_str", 10):
        return &f.amount_str
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if key_is(key, b"microtimestamp", 14):
        return &f.microtimestamp
    return NULL


cdef inline bint taker_of(Cursor* c, Token* type, Tick* tick) noexcept nogil:
    """0: the taker bought, 1: sold; all else says nothing."""
    if type.type != NUMBER and type.type != STRING:
        return True
    if not settle(c, type):
        return False
    if type.size == 1 and type.at[0] == 48:
        tick.side = BUY
    elif type.size == 1 and type.at[0] == 49:
        tick.side = SELL
    return True


cdef inline bint trade(Cursor* c, Trade* f, Token* pair) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADES)
    if tick == NULL:
        return False
    if not (name(c, pair, &tick.symbol) and identity(c, &f.id, &tick.id) and taker_of(c, &f.type, tick)
            and needed_decimal(c, &f.price if is_absent(&f.price_str) else &f.price_str, tick, PRICE)
            and needed_decimal(c, &f.amount if is_absent(&f.amount_str) else &f.amount_str, tick, SIZE)):
        return False
    if is_absent(&f.microtimestamp):
        return epoch_time(c, &f.timestamp, SECOND, &tick.ts_event_ns)
    return epoch_time(c, &f.microtimestamp, MICROSECOND, &tick.ts_event_ns)


cdef inline bint read_data(Cursor* c, Trade* f, Token* whole) noexcept nogil:
    """Most frames name their channel after the data: what a trade would need is kept, and used if it is one."""
    cdef Token key, passed
    cdef Token* to
    if peek(c) != 123:
        return value(c, whole)
    object_begin(c)
    while object_next(c, &key):
        to = slot(f, &key)
        value(c, to if to != NULL else &passed)
    return c.status == DECODED


cdef inline bint heads(const Token* text, const char* word, size_t size) noexcept nogil:
    return text.type == STRING and text.size >= size and memcmp(text.at, word, size) == 0


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Trade f
    cdef Token key, passed, event, channel, data
    cdef bint has_data = False
    cursor_init(&c, at, size, out)
    event.type = channel.type = data.type = NOTHING
    f.id.type = f.type.type = f.price.type = f.price_str.type = f.amount.type = f.amount_str.type = NOTHING
    f.timestamp.type = f.microtimestamp.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"data", 4):
            has_data = True
            read_data(&c, &f, &data)
        elif key_is(&key, b"channel", 7):
            value(&c, &channel)
        else:
            value(&c, &event if key_is(&key, b"event", 5) else &passed)
    if not text_end(&c) or not settle(&c, &event) or not settle(&c, &channel):
        return outcome(&c)
    if heads(&event, b"bts:", 4):
        return CONTROL
    if has_data and is_word(&event, b"trade", 5) and heads(&channel, b"live_trades_", 12):
        channel.at += 12
        channel.size -= 12
        if data.type == NOTHING:
            trade(&c, &f, &channel)
        else:
            fail(&c, BAD_TYPE)
    return outcome(&c)


class BitstampSession(Session):
    """One channel a message; the answer names it."""

    def subscribe(self, subscriptions, request_id):
        return self._requests("bts:subscribe", subscriptions)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("bts:unsubscribe", subscriptions)

    def _requests(self, event, subscriptions):
        return tuple(as_text({"event": event, "data": {"channel": f"{wanted.channel}_{wanted.symbol}"}})
                     for wanted in subscriptions)

    def heartbeat(self, request_id):
        return as_text({"event": "bts:heartbeat"})

    def control(self, frame):
        message = json.loads(frame)
        event, channel = message["event"], str(message.get("channel", ""))
        request = channel.replace("live_trades_", "live_trades:", 1)
        if event == "bts:error":
            said = message.get("data") or {}
            return Control("error", request=request, message=str(said.get("message")), retryable=False)
        if event == "bts:request_reconnect":
            return Control("reconnect", message="the provider asks for a new connection")
        if event == "bts:heartbeat":
            return Control("alive")
        return Control("ack", request=request) if event.endswith("subscription_succeeded") else None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "bitstamp",
    "venue": "bitstamp",
    "url": "wss://ws.bitstamp.net",
    "channels": (Channel("live_trades", "trades", trade_ids="exchange"),),
    "limits": Limits(
        subscriptions_per_message_max=1, messages_per_second_max=10, connects_per_minute_max=60,
        connection_age_max_s=90 * 86_400, heartbeat_every_s=20, silence_max_s=60,
    ),
    "session": BitstampSession(),
})
