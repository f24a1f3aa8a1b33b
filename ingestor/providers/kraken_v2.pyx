"""kraken-v2: trades, tickers and candles of Kraken spot, one row of `data` each.

    {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":63297.7,
     "qty":0.00003549,"ord_type":"market","trade_id":98765432,"timestamp":"2026-08-12T19:29:02.066592Z"}]}
    {"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":63297.6,"bid_qty":1.2,
     "ask":63297.7,"ask_qty":0.4,"last":63297.7,...,"timestamp":"2026-08-12T19:29:02.066592Z"}]}
    {"channel":"ohlc","type":"update","timestamp":"...","data":[{"symbol":"BTC/USD","open":..,"high":..,
     "low":..,"close":..,"trades":5,"volume":..,"vwap":..,"interval_begin":"...","interval":1}]}

Numbers are JSON numbers, exponents occur (`5.1e-05`). `side` is the taker's. `type` `snapshot` marks
the replay on subscribing. A halted instrument's ticker has zeros and a time of 1970: empty sides.
Source: docs.kraken.com spot-websocket-v2 (November 2026); candles were not seen in captures.
"""
import json

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    ABSENT, BAR, CLOSE, CONTROL, DECODED, HIGH, LOW, NUMBER_RANGE, OPEN, PRICE, QUOTE, SIZE, SNAPSHOT, TRADE, Tick,
    TickBatch, VOLUME, VWAP,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport SECOND, decimal, identity, integer, iso_time, name, needed_decimal, taker
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, Token, is_word, key_is

from ingestor.providers.kraken_history import KrakenHistory
from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_TICKER = 1
    CHANNEL_OHLC = 2
    CHANNEL_OTHER = 8
    CHANNEL_UNKNOWN = 9     # `channel` not read yet


cdef struct Row:
    Token symbol, side, price, qty, trade_id, timestamp, bid, bid_qty, ask, ask_qty
    Token open, high, low, close, volume, vwap, trades, interval, interval_begin


cdef inline void clear(Row* f) noexcept nogil:
    f.symbol.type = f.side.type = f.price.type = f.qty.type = f.trade_id.type = f.timestamp.type = NOTHING
    f.bid.type = f.bid_qty.type = f.ask.type = f.ask_qty.type = NOTHING
    f.open.type = f.high.type = f.low.type = f.close.type = f.volume.type = f.vwap.type = NOTHING
    f.trades.type = f.interval.type = f.interval_begin.type = NOTHING


cdef inline Token* slot(Row* f, const Token* key, int channel) noexcept nogil:
    if key_is(key, b"symbol", 6):
        return &f.symbol
    if channel == CHANNEL_OHLC:
        return bar_slot(f, key)
    if key_is(key, b"timestamp", 9):
        return &f.timestamp
    if channel == CHANNEL_TICKER:
        if key_is(key, b"bid", 3):
            return &f.bid
        if key_is(key, b"bid_qty", 7):
            return &f.bid_qty
        if key_is(key, b"ask", 3):
            return &f.ask
        if key_is(key, b"ask_qty", 7):
            return &f.ask_qty
        return NULL
    if key_is(key, b"side", 4):
        return &f.side
    if key_is(key, b"price", 5):
        return &f.price
    if key_is(key, b"qty", 3):
        return &f.qty
    if key_is(key, b"trade_id", 8):
        return &f.trade_id
    return NULL


cdef inline Token* bar_slot(Row* f, const Token* key) noexcept nogil:
    if key_is(key, b"open", 4):
        return &f.open
    if key_is(key, b"high", 4):
        return &f.high
    if key_is(key, b"low", 3):
        return &f.low
    if key_is(key, b"close", 5):
        return &f.close
    if key_is(key, b"volume", 6):
        return &f.volume
    if key_is(key, b"vwap", 4):
        return &f.vwap
    if key_is(key, b"trades", 6):
        return &f.trades
    if key_is(key, b"interval", 8):
        return &f.interval
    if key_is(key, b"interval_begin", 14):
        return &f.interval_begin
    return NULL


cdef inline bint trade(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, CHANNEL_TRADE)
    if tick == NULL:
        return False
    return (name(c, &f.symbol, &tick.symbol) and identity(c, &f.trade_id, &tick.id)
            and integer(c, &f.trade_id, &tick.sequence) and taker(c, &f.side, tick)
            and needed_decimal(c, &f.price, tick, PRICE) and needed_decimal(c, &f.qty, tick, SIZE)
            and iso_time(c, &f.timestamp, &tick.ts_event_ns))


cdef inline bint quote(Cursor* c, Row* f) noexcept nogil:
    cdef Tick* tick
    if f.bid.type == NOTHING and f.bid_qty.type == NOTHING and f.ask.type == NOTHING and f.ask_qty.type == NOTHING:
        return True
    tick = tick_new(c, QUOTE, CHANNEL_TICKER)
    if tick == NULL:
        return False
    return (name(c, &f.symbol, &tick.symbol) and sides(c, &f.bid, &f.bid_qty, &f.ask, &f.ask_qty, tick)
            and iso_time(c, &f.timestamp, &tick.ts_event_ns))


cdef inline bint bar(Cursor* c, Row* f) noexcept nogil:
    cdef int64_t minutes = 0, minute = <int64_t> 60 * SECOND
    cdef Tick* tick = tick_new(c, BAR, CHANNEL_OHLC)
    if tick == NULL:
        return False
    if not (name(c, &f.symbol, &tick.symbol) and decimal(c, &f.open, tick, OPEN) and decimal(c, &f.high, tick, HIGH)
            and decimal(c, &f.low, tick, LOW) and decimal(c, &f.close, tick, CLOSE)
            and decimal(c, &f.volume, tick, VOLUME) and decimal(c, &f.vwap, tick, VWAP)
            and integer(c, &f.trades, &tick.count) and iso_time(c, &f.interval_begin, &tick.start_ns)
            and integer(c, &f.interval, &minutes)):
        return False
    if minutes <= 0 or tick.start_ns == ABSENT:
        return True
    if minutes > INT64_MAX // minute:
        return fail(c, NUMBER_RANGE)
    return later(c, tick.start_ns, minutes * minute, &tick.end_ns)


cdef inline bint read_rows(Cursor* c, int channel) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    if not array_begin(c):
        return False
    while array_next(c):
        clear(&f)
        object_begin(c)
        while object_next(c, &key):
            to = slot(&f, &key, channel)
            value(c, to if to != NULL else &passed)
        if c.status != DECODED:
            return False
        if channel == CHANNEL_TRADE:
            trade(c, &f)
        elif channel == CHANNEL_TICKER:
            quote(c, &f)
        else:
            bar(c, &f)
    return c.status == DECODED


cdef inline int channel_of(Cursor* c, Token* token) noexcept nogil:
    settle(c, token)
    if is_word(token, b"trade", 5):
        return CHANNEL_TRADE
    if is_word(token, b"ticker", 6):
        return CHANNEL_TICKER
    if is_word(token, b"ohlc", 4):
        return CHANNEL_OHLC
    return CHANNEL_OTHER


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, word, type, data, timestamp
    cdef int channel = CHANNEL_UNKNOWN
    cdef bint method = False
    cdef uint32_t i
    cdef int64_t ts = ABSENT
    cursor_init(&c, at, size, out)
    type.type = data.type = timestamp.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"channel", 7):
            if value(&c, &word):
                channel = channel_of(&c, &word)
        elif key_is(&key, b"type", 4):
            value(&c, &type)
        elif key_is(&key, b"data", 4):
            if channel <= CHANNEL_OHLC:
                read_rows(&c, channel)
            else:
                value(&c, &data)
        elif key_is(&key, b"timestamp", 9):
            value(&c, &timestamp)
        else:
            method = method or key_is(&key, b"method", 6)
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if channel > CHANNEL_OHLC:
        return CONTROL if method else outcome(&c)
    if data.type != NOTHING:
        if not within(&c, &data, &inner):
            return outcome(&c)
        read_rows(&inner, channel)
        c.status = inner.status
    if not settle(&c, &type) or (channel == CHANNEL_OHLC and not iso_time(&c, &timestamp, &ts)):
        return outcome(&c)
    for i in range(out.count):
        if is_word(&type, b"snapshot", 8):
            out.ticks[i].flags |= SNAPSHOT
        if channel == CHANNEL_OHLC:
            out.ticks[i].ts_event_ns = ts
    return outcome(&c)


class KrakenSession(Session):
    """One request a channel; one acknowledgement a symbol. `bbo` makes the ticker fire on quotes."""

    history = KrakenHistory()

    def subscribe(self, subscriptions, request_id):
        return self._requests("subscribe", subscriptions, request_id)

    def unsubscribe(self, subscriptions, request_id):
        return self._requests("unsubscribe", subscriptions, request_id)

    def _requests(self, method, subscriptions, request_id):
        channels = {}
        for wanted in subscriptions:
            channels.setdefault(wanted.channel, []).append(wanted.symbol)
        requests = []
        for channel, symbols in channels.items():
            params = {"channel": channel, "symbol": symbols}
            if channel == "ticker":
                params["event_trigger"] = "bbo"
            if method == "subscribe":
                params["snapshot"] = True
            requests.append(as_text({"method": method, "params": params, "req_id": request_id}))
        return tuple(requests)

    def heartbeat(self, request_id):
        return as_text({"method": "ping", "req_id": request_id})

    def control(self, frame):
        message = json.loads(frame)
        if message.get("method") == "pong":
            return Control("alive")
        request = str(message.get("req_id") or "")
        if message.get("success") is False:
            return Control("error", request=message.get("symbol") or request, message=str(message.get("error")),
                           retryable=False)
        result = message.get("result") or {}
        if "channel" in result and "symbol" in result:
            request = f"{result['channel']}:{result['symbol']}"
        return Control("ack", request=request) if message.get("method") in ("subscribe", "unsubscribe") else None


PROVIDER = provider(decode, NULL, NULL, {
    "name": "kraken-v2",
    "venue": "kraken",
    "url": "wss://ws.kraken.com/v2",
    "channels": (
        Channel("trade", "trades", "gapless", trade_ids="exchange"), Channel("ticker", "quotes"),
        Channel("ohlc", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=5, connects_per_minute_max=15,
        heartbeat_every_s=30, silence_max_s=15,
    ),
    "session": KrakenSession(),
})
