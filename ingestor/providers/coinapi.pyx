"""coinapi: trades, quotes, candles, rates and indices of CoinAPI's WebSockets, told by `type`.

    {"type":"trade","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":2323346,
     "time_exchange":"2026-08-12T19:29:00.9211950Z","time_coinapi":"2026-08-12T19:29:00.9344101Z",
     "uuid":"3b6c2c0a-...","price":64012.37,"size":0.0042,"taker_side":"SELL"}
    {"type":"quote","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":11543,"time_exchange":"...",
     "time_coinapi":"...","ask_price":64012.38,"ask_size":0.37,"bid_price":64012.37,"bid_size":1.2}
    {"type":"ohlcv","symbol_id":"...","period_id":"1MIN","time_period_start":"...","time_period_end":"...",
     "price_open":1,"price_high":1,"price_low":1,"price_close":1,"volume_traded":1,"trades_count":1}
    {"type":"exrate","asset_id_base":"BTC","asset_id_quote":"USD","time":"...","rate":64012.4,
     "rate_type":"BASE_QUOTE_ISOLATED"}
    {"type":"index","index_id":"IDX_REFRATE_PRIMKT_BTC_USD","sequence":2323346,"time_coinapi":"...","value":1085.72276}

Decided here: a trade of size 0 is an index-like data point and yields nothing (documented as such); a
quote size of 0 means unknown and is absent; `*_ESTIMATED` sides count as that side; the venue is the
symbol id up to its first `_`, as written; `time_coinapi` is the provider's time; `uuid` is its own, not the
venue's id. A rate (the mean of 24 hours over all venues, weighted by volume) and an index are a reference's index,
of the venue `COINAPI`, whose time is theirs; a rate's symbol is `BASE/QUOTE`. `sequence` is one "per pair (type, symbol_id), which is valid only for the
lifespan of the connection"; that it has no holes is not said. The heartbeat is spelled `hearbeat` in the
documentation: both spellings are accepted. There is no acknowledgement. A candle comes when it closes and about each
5 s before.
Source: docs.coinapi.io/market-data/websocket-ds, old.docs.coinapi.io/market-data/websocket/messages and
docs.coinapi.io/indexes-api/websocket-api (November 2026). Candles and rates are told by github.com/api-evangelist/coinapi
alone; the host of the indices is not told anywhere, so that `url` must name it.
"""
import json

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ASK_SIZE, BAR, BID_SIZE, BUY, CLOSE, CONTROL, HIGH, INDEX, LOW, OPEN, PRICE, QUOTE, REFERENCE, SELL, SIZE, TRADE,
    Text, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport decimal, identity, integer, iso_time, name, needed_decimal, word_is
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.quotes cimport sides
from ingestor.scan.text cimport joined, settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_QUOTE = 1
    CHANNEL_OHLCV = 2
    CHANNEL_EXRATE = 3
    CHANNEL_INDEX = 4


cdef struct Message:
    Token type, symbol_id, sequence, time_exchange, time_coinapi, uuid, price, size, taker_side
    Token ask_price, ask_size, bid_price, bid_size
    Token start, end, open, high, low, close, volume, trades
    Token base, quote, time, rate, index_id, value


cdef inline void clear(Message* f) noexcept nogil:
    f.type.type = f.symbol_id.type = f.sequence.type = f.time_exchange.type = f.time_coinapi.type = NOTHING
    f.uuid.type = f.price.type = f.size.type = f.taker_side.type = f.ask_price.type = f.ask_size.type = NOTHING
    f.bid_price.type = f.bid_size.type = f.start.type = f.end.type = f.open.type = f.high.type = NOTHING
    f.low.type = f.close.type = f.volume.type = f.trades.type = f.base.type = f.quote.type = NOTHING
    f.time.type = f.rate.type = f.index_id.type = f.value.type = NOTHING


cdef inline Token* slot(Message* f, const Token* key) noexcept nogil:
    if key_is(key, b"type", 4):
        return &f.type
    if key_is(key, b"symbol_id", 9):
        return &f.symbol_id
    if key_is(key, b"sequence", 8):
        return &f.sequence
    if key_is(key, b"time_exchange", 13):
        return &f.time_exchange
    if key_is(key, b"time_coinapi", 12):
        return &f.time_coinapi
    if key_is(key, b"uuid", 4):
        return &f.uuid
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"size", 4):
        return &f.size
    if key_is(key, b"taker_side", 10):
        return &f.taker_side
    if key_is(key, b"ask_price", 9):
        return &f.ask_price
    if key_is(key, b"ask_size", 8):
        return &f.ask_size
    if key_is(key, b"bid_price", 9):
        return &f.bid_price
    if key_is(key, b"bid_size", 8):
        return &f.bid_size
    return bar_slot(f, key)


cdef inline Token* bar_slot(Message* f, const Token* key) noexcept nogil:
    if key_is(key, b"time_period_start", 17):
        return &f.start
    if key_is(key, b"time_period_end", 15):
        return &f.end
    if key_is(key, b"price_open", 10):
        return &f.open
    if key_is(key, b"price_high", 10):
        return &f.high
    if key_is(key, b"price_low", 9):
        return &f.low
    if key_is(key, b"price_close", 11):
        return &f.close
    if key_is(key, b"volume_traded", 13):
        return &f.volume
    if key_is(key, b"trades_count", 12):
        return &f.trades
    return reference_slot(f, key)


cdef inline Token* reference_slot(Message* f, const Token* key) noexcept nogil:
    if key_is(key, b"asset_id_base", 13):
        return &f.base
    if key_is(key, b"asset_id_quote", 14):
        return &f.quote
    if key_is(key, b"time", 4):
        return &f.time
    if key_is(key, b"rate", 4):
        return &f.rate
    if key_is(key, b"index_id", 8):
        return &f.index_id
    return &f.value if key_is(key, b"value", 5) else NULL


cdef inline bint head(Cursor* c, Message* f, Tick* tick) noexcept nogil:
    """Symbol, venue, times and sequence: the same in every message."""
    cdef const uint8_t* mark
    if not name(c, &f.symbol_id, &tick.symbol):
        return False
    mark = <const uint8_t*> memchr(tick.symbol.at, 95, tick.symbol.size)
    if mark != NULL and mark != tick.symbol.at:
        tick.venue.at = tick.symbol.at
        tick.venue.size = <uint32_t> (mark - tick.symbol.at)
    return (integer(c, &f.sequence, &tick.sequence) and iso_time(c, &f.time_exchange, &tick.ts_event_ns)
            and iso_time(c, &f.time_coinapi, &tick.ts_provider_ns))


cdef inline bint trade(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL or not head(c, f, tick) or not settle(c, &f.taker_side):
        return False
    if word_is(&f.taker_side, b"buy", 3) or word_is(&f.taker_side, b"buy_estimated", 13):
        tick.side = BUY
    elif word_is(&f.taker_side, b"sell", 4) or word_is(&f.taker_side, b"sell_estimated", 14):
        tick.side = SELL
    if not (identity(c, &f.uuid, &tick.id) and needed_decimal(c, &f.price, tick, PRICE)
            and needed_decimal(c, &f.size, tick, SIZE)):
        return False
    if tick.mantissa[<int> SIZE] == 0:
        c.out.count -= 1
    return True


cdef inline void unknown_size(Tick* tick, int size) noexcept nogil:
    """Size 0 is unknown (with a price of 0 the side is empty, as in all dialects)."""
    if tick.present >> size & 1 and tick.mantissa[size] == 0:
        tick.present &= ~(1 << size)


cdef inline bint quote(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_QUOTE)
    if tick == NULL or not head(c, f, tick):
        return False
    if not sides(c, &f.bid_price, &f.bid_size, &f.ask_price, &f.ask_size, tick):
        return False
    unknown_size(tick, BID_SIZE)
    unknown_size(tick, ASK_SIZE)
    return True


cdef inline bint bar(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_OHLCV)
    if tick == NULL or not head(c, f, tick):
        return False
    return (decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH) and decimal(c, &f.low, tick, LOW)
            and decimal(c, &f.close, tick, CLOSE) and decimal(c, &f.volume, tick, VOLUME)
            and integer(c, &f.trades, &tick.count) and iso_time(c, &f.start, &tick.start_ns)
            and iso_time(c, &f.end, &tick.end_ns))


cdef inline Tick* reference(Cursor* c, int channel, Token* number) noexcept nogil:
    """A value that CoinAPI computes; NULL on a fault."""
    cdef Tick* tick = tick_new(c, REFERENCE, channel)
    if tick == NULL or not needed_decimal(c, number, tick, INDEX):
        return NULL
    tick.venue = Text(at=<const uint8_t*> b"COINAPI", size=7)
    return tick


cdef inline bint exrate(Cursor* c, Message* f) noexcept nogil:
    cdef Text base, quote
    cdef Tick* tick = reference(c, CHANNEL_EXRATE, &f.rate)
    return (tick != NULL and name(c, &f.base, &base) and name(c, &f.quote, &quote)
            and joined(c, base, 47, quote, &tick.symbol) and iso_time(c, &f.time, &tick.ts_event_ns))


cdef inline bint index(Cursor* c, Message* f) noexcept nogil:
    cdef Tick* tick = reference(c, CHANNEL_INDEX, &f.value)
    return (tick != NULL and name(c, &f.index_id, &tick.symbol) and integer(c, &f.sequence, &tick.sequence)
            and iso_time(c, &f.time_coinapi, &tick.ts_event_ns))


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Message f
    cdef Token key, passed
    cdef Token* to
    cursor_init(&c, at, size, out)
    clear(&f)
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
    if is_word(&f.type, b"trade", 5):
        trade(&c, &f)
    elif is_word(&f.type, b"quote", 5):
        quote(&c, &f)
    elif is_word(&f.type, b"ohlcv", 5):
        bar(&c, &f)
    elif is_word(&f.type, b"exrate", 6):
        exrate(&c, &f)
    elif is_word(&f.type, b"index", 5):
        index(&c, &f)
    elif is_word(&f.type, b"error", 5) or is_word(&f.type, b"reconnect", 9):
        return CONTROL
    return outcome(&c)


#: Which filter names what a channel brings; beside trades, quotes and candles each has connections of its own, because
#: the filters of a connection may add up.
FILTERS = {"exrate": "subscribe_filter_asset_id", "index": "subscribe_filter_index_id"}
CANDLE = "1MIN"


class CoinapiSession(Session):
    """`hello` replaces the whole subscription and carries the key; `subscribe` adds, `unsubscribe` removes.

    A filter of `SYMBOL$` is exact; without the `$` it would be a prefix.
    """

    acknowledges = False        # data starts, or an error comes and the connection closes
    hello_subscribes = True

    def endpoint_section(self, channel, market_section):
        return channel if channel in FILTERS else market_section

    def market_section(self, section):
        return "" if section in FILTERS else section

    def hello(self, subscriptions, key):
        return self._requests("hello", subscriptions, {"apikey": key})

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions, {})

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions, {})

    def _requests(self, kind, subscriptions, more):
        """One message a channel: a message's types and symbols multiply, they don't pair up."""
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        messages = []
        for channel, symbols in channels.items():
            message = {"type": kind, **more, "heartbeat": True}
            if channel != "index":      # the API of the indices has no other data
                message["subscribe_data_type"] = [channel]
            if channel == "ohlcv":
                message["subscribe_filter_period_id"] = [CANDLE]
            message |= ({FILTERS[channel]: symbols} if channel in FILTERS
                        else {"subscribe_filter_symbol_id": [f"{symbol}$" for symbol in symbols]})
            messages.append(as_text(message))
            kind, more = ("subscribe" if kind == "hello" else kind), {}
        return tuple(messages)

    def control(self, frame):
        message = json.loads(frame)
        if message.get("type") == "error":
            text = str(message.get("message"))
            refused = any(word in text.lower() for word in ("key", "unauthorized", "forbidden", "not allowed"))
            return Control("error", message=text, retryable=not refused, fatal=True)
        return Control("reconnect", message=f"planned restart in {message.get('within_seconds')} s")


PROVIDER = provider(decode, NULL, NULL, {
    "name": "coinapi",
    "venue": "",
    "url": "wss://ws.coinapi.io/v1/",
    "channels": (
        Channel("trade", "trades", "session"), Channel("quote", "quotes", "session"),
        Channel("ohlcv", "bars"), Channel("exrate", "reference", default=False),
        Channel("index", "reference", "session", default=False),
    ),
    "limits": Limits(
        subscriptions_per_message_max=500, messages_per_second_max=5, connects_per_minute_max=30, silence_max_s=10,
        subscribe_within_s=5,
    ),
    "session": CoinapiSession(),
})
