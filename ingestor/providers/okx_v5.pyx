"""okx-v5: trades, tickers, best bid and ask, references and candles of OKX, told by `arg.channel`.

    {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474",
     "px":"64012.3","sz":"0.0042","side":"sell","ts":"1786562940921","count":"1","seqId":1234567}]}
    {"arg":{"channel":"bbo-tbt","instId":"BTC-USDT-SWAP"},"data":[{"asks":[["64012.4","727","0","22"]],
     "bids":[["64012.3","990","0","22"]],"ts":"1786562940924","seqId":9876543}]}
    {"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP",
     "instType":"SWAP","markPx":"64005.1","ts":"1786562940910"}]}

Everything is a string; `""` means no value. `side` is the taker's. A row of `trades` merges a taker's fills at one
price (`count` of them, named by the last one's id); `trades-all` has each. On subscribing, the last trade is
pushed again, up to 20 hours old: replay.pxd. Heartbeat: the texts `ping` and `pong`, no JSON.
Source: OKX v5 documentation as quoted by public clients (November 2026), frames captured in 2021/22.
"""
import json
import re

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from ingestor.providers.provider cimport provider
from ingestor.providers.replay cimport (
    Replays, replay_acknowledged, replay_due, replay_unsubscribed, replays_free, replays_new, stream_hash,
)
from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, CONTROL, DECODED, FUNDING, INDEX, MARK, OPEN_INTEREST, PRICE, QUOTE,
    REFERENCE, SIZE, SNAPSHOT, TRADE, Tick, TickBatch,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport MILLISECOND, decimal, epoch_time, identity, integer, name, needed_decimal, taker
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later, length_ns
from ingestor.scan.quotes cimport best_level, columns, says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.okx_history import OkxHistory
from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_TRADES_ALL = 1
    CHANNEL_BBO = 2
    CHANNEL_TICKERS = 3
    CHANNEL_MARK = 4
    CHANNEL_INDEX = 5
    CHANNEL_FUNDING = 6
    CHANNEL_CANDLE = 7
    CHANNEL_OPEN_INTEREST = 9   # shares the declared place of CHANNEL_FUNDING: both are references
    CHANNEL_OTHER = 10


cdef struct Row:
    Token inst_id, trade_id, px, sz, side, ts, seq_id
    Token bid_px, bid_sz, ask_px, ask_sz, bids, asks
    Token mark_px, idx_px, funding_rate, funding_time, oi


cdef inline void clear(Row* f) noexcept nogil:
    f.inst_id.type = f.trade_id.type = f.px.type = f.sz.type = f.side.type = f.ts.type = f.seq_id.type = NOTHING
    f.bid_px.type = f.bid_sz.type = f.ask_px.type = f.ask_sz.type = f.bids.type = f.asks.type = NOTHING
    f.mark_px.type = f.idx_px.type = f.funding_rate.type = f.funding_time.type = f.oi.type = NOTHING


cdef inline Token* slot(Row* f, const Token* key) noexcept nogil:
    """Where the value of a key goes; keys are told by their length first."""
    if key.size == 2:
        if key_is(key, b"px", 2):
            return &f.px
        if key_is(key, b"sz", 2):
            return &f.sz
        if key_is(key, b"ts", 2):
            return &f.ts
        return &f.oi if key_is(key, b"oi", 2) else NULL
    if key.size == 4:
        if key_is(key, b"side", 4):
            return &f.side
        if key_is(key, b"bids", 4):
            return &f.bids
        return &f.asks if key_is(key, b"asks", 4) else NULL
    if key.size == 5:
        if key_is(key, b"seqId", 5):
            return &f.seq_id
        if key_is(key, b"bidPx", 5):
            return &f.bid_px
        if key_is(key, b"bidSz", 5):
            return &f.bid_sz
        if key_is(key, b"askPx", 5):
            return &f.ask_px
        if key_is(key, b"askSz", 5):
            return &f.ask_sz
        return &f.idx_px if key_is(key, b"idxPx", 5) else NULL
    if key_is(key, b"instId", 6):
        return &f.inst_id
    if key_is(key, b"tradeId", 7):
        return &f.trade_id
    if key_is(key, b"markPx", 6):
        return &f.mark_px
    if key_is(key, b"fundingRate", 11):
        return &f.funding_rate
    if key_is(key, b"fundingTime", 11):
        return &f.funding_time
    return NULL


cdef inline bint symbol_of(Cursor* c, Row* f, Token* arg_inst_id, Tick* tick) noexcept nogil:
    return name(c, arg_inst_id if is_absent(&f.inst_id) else &f.inst_id, &tick.symbol)


cdef inline bint trade(Cursor* c, Row* f, Token* inst_id, int channel, bint snapshot) noexcept nogil:
    cdef Tick* tick = tick_new(c, TRADE, channel)
    if tick == NULL:
        return False
    if snapshot:
        tick.flags |= SNAPSHOT
    return (symbol_of(c, f, inst_id, tick) and identity(c, &f.trade_id, &tick.id) and taker(c, &f.side, tick)
            and needed_decimal(c, &f.px, tick, PRICE) and needed_decimal(c, &f.sz, tick, SIZE)
            and epoch_time(c, &f.ts, MILLISECOND, &tick.ts_event_ns) and integer(c, &f.seq_id, &tick.sequence))


cdef inline bint ticker(Cursor* c, Row* f, Token* inst_id) noexcept nogil:
    cdef Tick* tick
    if (f.bid_px.type == NOTHING and f.bid_sz.type == NOTHING and f.ask_px.type == NOTHING
            and f.ask_sz.type == NOTHING):
        return True
    tick = tick_new(c, QUOTE, CHANNEL_TICKERS)
    if tick == NULL:
        return False
    return (symbol_of(c, f, inst_id, tick)
            and sides(c, &f.bid_px, &f.bid_sz, &f.ask_px, &f.ask_sz, tick)
            and epoch_time(c, &f.ts, MILLISECOND, &tick.ts_event_ns))


cdef inline bint top_of_book(Cursor* c, Row* f, Token* inst_id) noexcept nogil:
    cdef Tick* tick = tick_new(c, QUOTE, CHANNEL_BBO)
    if tick == NULL:
        return False
    return (symbol_of(c, f, inst_id, tick)
            and best_level(c, &f.bids, tick, BID, BID_SIZE, False) and best_level(c, &f.asks, tick, ASK, ASK_SIZE, False)
            and epoch_time(c, &f.ts, MILLISECOND, &tick.ts_event_ns) and integer(c, &f.seq_id, &tick.sequence))


cdef inline bint reference(Cursor* c, Row* f, Token* inst_id, int channel) noexcept nogil:
    cdef Tick* tick = tick_new(c, REFERENCE, CHANNEL_FUNDING if channel == CHANNEL_OPEN_INTEREST else channel)
    cdef bint good
    if tick == NULL:
        return False
    if channel == CHANNEL_MARK:
        good = decimal(c, &f.mark_px, tick, MARK)
    elif channel == CHANNEL_INDEX:
        good = decimal(c, &f.idx_px, tick, INDEX)
    elif channel == CHANNEL_FUNDING:
        good = (decimal(c, &f.funding_rate, tick, FUNDING)
                and epoch_time(c, &f.funding_time, MILLISECOND, &tick.next_funding_ns))
    else:
        good = decimal(c, &f.oi, tick, OPEN_INTEREST)
    if not good or not epoch_time(c, &f.ts, MILLISECOND, &tick.ts_event_ns):
        return False
    if not says_something(tick):
        c.out.count -= 1
        return True
    return symbol_of(c, f, inst_id, tick)


cdef inline bint candle(Cursor* c, Token* inst_id, int64_t length) noexcept nogil:
    """A row `[ts, open, high, low, close, volume, ...]`."""
    cdef Token row[6]
    cdef Tick* tick
    cdef int i
    if columns(c, row, 6) < 0:
        return False
    tick = tick_new(c, BAR, CHANNEL_CANDLE)
    if tick == NULL or not name(c, inst_id, &tick.symbol):
        return False
    if not epoch_time(c, &row[0], MILLISECOND, &tick.start_ns):
        return False
    for i in range(5):      # open high low close volume stand in the order of their values
        if not decimal(c, &row[i + 1], tick, i):
            return False
    return later(c, tick.start_ns, length, &tick.end_ns)


cdef inline bint read_rows(Cursor* c, int channel, Token* inst_id, int64_t length, bint snapshot) noexcept nogil:
    cdef Row f
    cdef Token key, passed
    cdef Token* to
    if not array_begin(c):
        return False
    while array_next(c):
        if channel == CHANNEL_CANDLE:
            candle(c, inst_id, length)
            continue
        clear(&f)
        object_begin(c)
        while object_next(c, &key):
            to = slot(&f, &key)
            value(c, to if to != NULL else &passed)
        if c.status != DECODED:
            return False
        if channel <= CHANNEL_TRADES_ALL:
            trade(c, &f, inst_id, channel, snapshot)
        elif channel == CHANNEL_TICKERS:
            ticker(c, &f, inst_id)
        elif channel == CHANNEL_BBO:
            top_of_book(c, &f, inst_id)
        else:
            reference(c, &f, inst_id, channel)
    return c.status == DECODED


cdef inline int channel_of(const Token* word, int64_t* length) noexcept nogil:
    if is_word(word, b"trades", 6):
        return CHANNEL_TRADES
    if is_word(word, b"tickers", 7):
        return CHANNEL_TICKERS
    if is_word(word, b"bbo-tbt", 7):
        return CHANNEL_BBO
    if is_word(word, b"mark-price", 10):
        return CHANNEL_MARK
    if is_word(word, b"index-tickers", 13):
        return CHANNEL_INDEX
    if is_word(word, b"funding-rate", 12):
        return CHANNEL_FUNDING
    if is_word(word, b"open-interest", 13):
        return CHANNEL_OPEN_INTEREST
    if is_word(word, b"trades-all", 10):
        return CHANNEL_TRADES_ALL
    if word.type == STRING and word.size > 6 and memcmp(word.at, b"candle", 6) == 0:
        length[0] = length_ns(word.at + 6, word.size - 6)
        return CHANNEL_CANDLE
    return CHANNEL_OTHER


cdef inline bint read_arg(Cursor* c, Token* channel, Token* inst_id) noexcept nogil:
    cdef Token key, passed
    if peek(c) != 123:
        return value(c, &passed)
    object_begin(c)
    while object_next(c, &key):
        if key_is(&key, b"channel", 7):
            if value(c, channel):
                settle(c, channel)
        elif key_is(&key, b"instId", 6):
            if value(c, inst_id):
                settle(c, inst_id)
        else:
            value(c, &passed)
    return c.status == DECODED


cdef inline int note_event(Cursor* c, Token* event, Token* channel, Token* inst_id, Replays* replays) noexcept nogil:
    settle(c, event)
    if c.status != DECODED:
        return outcome(c)
    if channel.type == STRING and inst_id.type == STRING and replays != NULL:
        if is_word(event, b"subscribe", 9):
            replay_acknowledged(replays, stream_hash(channel, inst_id))
        elif is_word(event, b"unsubscribe", 11):
            replay_unsubscribed(replays, stream_hash(channel, inst_id))
    return CONTROL


cdef inline bint is_text(const uint8_t* at, size_t size, const char* word) noexcept nogil:
    return size == 4 and memcmp(at, word, 4) == 0


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c, inner
    cdef Token key, passed, channel, inst_id, event, data
    cdef int64_t length = ABSENT
    cdef int kind = CHANNEL_OTHER
    cdef bint due = False, read = False
    cdef uint32_t i
    cursor_init(&c, at, size, out)
    if is_text(at, size, b"pong") or is_text(at, size, b"ping"):
        return CONTROL
    channel.type = inst_id.type = event.type = data.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"data", 4):
            if kind != CHANNEL_OTHER and event.type == NOTHING:
                read = read_rows(&c, kind, &inst_id, length, False)
            else:
                value(&c, &data)
        elif key_is(&key, b"arg", 3):
            if read_arg(&c, &channel, &inst_id):
                kind = channel_of(&channel, &length)
        elif key_is(&key, b"event", 5):
            value(&c, &event)
        else:
            value(&c, &passed)
    if not text_end(&c):
        return outcome(&c)
    if event.type != NOTHING:
        out.count = 0
        return note_event(&c, &event, &channel, &inst_id, <Replays*> state)
    if kind == CHANNEL_OTHER:
        return outcome(&c)
    if data.type != NOTHING:
        if not within(&c, &data, &inner):
            return outcome(&c)
        read_rows(&inner, kind, &inst_id, length, False)
        if inner.status != DECODED:
            return outcome(&inner)
        read = True
    if kind <= CHANNEL_TRADES_ALL and read and state != NULL and inst_id.type == STRING:
        due = replay_due(<Replays*> state, stream_hash(&channel, &inst_id))
        if due:
            for i in range(out.count):
                out.ticks[i].flags |= SNAPSHOT
    return outcome(&c)


# How an error's text names what it refuses: "Wrong URL or channel:trades,instId:X doesn't exist. ..."
NAMED = re.compile(r"channel:([^,\s]+),\s*instId:([^,\s]+)")
TOO_FREQUENT = ("60014",)


class OkxSession(Session):
    """One `subscribe` with a list of args; one acknowledgement an arg. Heartbeat is the text `ping`.

    Candles and `trades-all` come from the endpoint `business`, the rest from `public`.
    """

    history = OkxHistory()

    def endpoint_section(self, channel, market_section):
        return "business" if channel.startswith("candle") or channel == "trades-all" else market_section

    def market_section(self, section):
        return "" if section == "business" else section     # an instId means one market, whatever brings it

    def endpoint(self, url, section, subscriptions, key):
        return url.removesuffix("/public") + "/business" if section == "business" else url

    def subscribe(self, subscriptions, request_id):
        return (self._request("subscribe", subscriptions),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("unsubscribe", subscriptions),)

    def _request(self, operation, subscriptions):
        return as_text({"op": operation,
                        "args": [{"channel": wanted.channel, "instId": wanted.symbol} for wanted in subscriptions]})

    def heartbeat(self, request_id):
        return b"ping"

    def control(self, frame):
        if frame == b"pong":
            return Control("alive")
        if frame == b"ping":
            return Control("reply", reply=b"pong")
        message = json.loads(frame)
        event, arg, text = message.get("event"), message.get("arg") or {}, str(message.get("msg", ""))
        request = f"{arg['channel']}:{arg['instId']}" if "channel" in arg and "instId" in arg else ""
        if event == "error":
            if not request and (named := NAMED.search(text)):
                request = f"{named[1]}:{named[2]}"
            return Control("error", request=request, message=f"{message.get('code')}: {text}",
                           retryable=message.get("code") in TOO_FREQUENT)
        if event == "notice":
            return Control("reconnect", message=text)
        return Control("ack", request=request) if event in ("subscribe", "unsubscribe") else None


PROVIDER = provider(decode, replays_new, replays_free, {
    "name": "okx-v5",
    "venue": "okx",
    "url": "wss://ws.okx.com:8443/ws/v5/public",
    "channels": (
        Channel("trades", "trades", trade_ids="merged"),
        Channel("trades-all", "trades", default=False, trade_ids="exchange"), Channel("bbo-tbt", "quotes"),
        Channel("tickers", "quotes", default=False), Channel("mark-price", "reference"),
        Channel("index-tickers", "reference", default=False), Channel("funding-rate", "reference"),
        Channel("candle1m", "bars", default=False),
    ),
    "limits": Limits(
        subscriptions_per_message_max=100, message_bytes_max=65_536, messages_per_second_max=2,
        requests_per_hour_max=480, connects_per_minute_max=60, subscribe_within_s=30, heartbeat_every_s=20,
        silence_max_s=30,
    ),
    "session": OkxSession(),
})
