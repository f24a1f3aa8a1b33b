"""cryptocompare: trades, best bid and ask, tickers, indices and candles of CryptoCompare's streamer v2, told by `TYPE`.

    {"TYPE":"0","M":"Coinbase","FSYM":"BTC","TSYM":"USD","F":"1","ID":"871203344","TS":1786562940,"TSNS":921195000,
     "Q":0.0042,"P":64012.37,"TOTAL":268.851954,"RTS":1786562940,"RTSNS":934000000,"CCSEQ":987654321}
    {"TYPE":"30","M":"Kraken","FSYM":"BTC","TSYM":"USD","CCSEQ":5550002,
     "BID":[{"P":64012.3,"Q":5.45,"REPORTEDNS":"1786562940921195000"}]}
    {"TYPE":"2","MARKET":"Coinbase","FROMSYMBOL":"BTC","TOSYMBOL":"USD","FLAGS":1028,"BID":64012.36,"ASK":64012.37,
     "LASTUPDATE":1786562940}
    {"TYPE":"5","MARKET":"CCCAGG","FROMSYMBOL":"BTC","TOSYMBOL":"USD","FLAGS":2,"MEDIAN":64012.1,"PRICE":64012.2,
     "LASTUPDATE":1786562940,"LASTMARKET":"Coinbase"}
    {"TYPE":"24","MARKET":"CCCAGG","FROMSYMBOL":"BTC","TOSYMBOL":"USD","TS":1786562940,"UNIT":"m","OPEN":1,"HIGH":1,
     "LOW":1,"CLOSE":1,"VOLUMEFROM":1,"VOLUMETO":1}

`TYPE` is a text. Decided here:
- symbol: `FSYM~TSYM`, as subscriptions have it; the venue is `M` or `MARKET`.
- side: `F` is a mask: 1 sell, 2 buy, 4 unknown, 8 a pair that was turned round. The side is the flagged one, also on
  a turned pair ("9" is documented as a sell on an inverted pair).
- time: `TS` seconds and `TSNS` within the second (some markets), the provider's own `RTS`, `RTSNS`. Of a top of book
  the newer of the sides' `REPORTEDNS`. A ticker's and an index's `LASTUPDATE`, in seconds.
- replay: the last 20 trades are sent again on subscribing. SUBSCRIBECOMPLETE ("16") names the subscription, and
  LOADCOMPLETE ("3") says that all is loaded: what comes of it between the two, 20 trades at most, is flagged as
  snapshot, which may hit a live trade of that second. A market whose trades have no id gets seconds and a random
  number: those repeat, and nothing tells them from a venue's ids.
- sequence: `CCSEQ`. Of a top of book it rises by one, and a hole asks for a new subscription: gapless. Of trades only
  some markets have it, and it does not follow time: a hole proves nothing.
- top of book: both sides first, then the one that changed: a missing side is as it was. A ticker likewise has only
  what changed, and no sizes. An index is a reference's index; a frame without PRICE yields nothing.
- candles: `TS` begins them, UNIT m, H or D is their length; VOLUMEFROM is the base's volume; no time of the message.
Heartbeats ("999") come each 30 to 60 s; two missed mean: connect again, after 5 s at least. Limits depend on the plan.
Source: developers.coindesk.com legacy websockets as transcribed by github.com/api-evangelist/cryptocompare, public
clients (smartcontractkit/external-adapters-js for tickers and indices), read November 2026; candles by clients only.
"""
import json

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr

from ingestor.providers.provider cimport provider
from ingestor.providers.replay cimport (
    Replays, replay_acknowledged, replay_one_of, replay_unsubscribed, replays_free, replays_new, replays_settle,
    stream_hash,
)
from ingestor.records cimport (
    ABSENT, ASK, ASK_SIZE, BAR, BID, BID_SIZE, BUY, CLOSE, CONTROL, DECODED, HIGH, INDEX, LOW, OPEN, PRICE, QUOTE,
    REFERENCE, SELL, SIZE, SNAPSHOT, TRADE, Text, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    NANOSECOND, SECOND, decimal, epoch_time, identity, integer, name, needed_decimal, split_time,
)
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport empty_side, first_element
from ingestor.scan.text cimport joined, settle
from ingestor.scan.token cimport NOTHING, STRING, Token, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADE = 0
    CHANNEL_TOP_OF_BOOK = 1
    CHANNEL_TICKER = 2
    CHANNEL_INDEX = 3
    CHANNEL_OHLC = 4
    REPLAYED = 20       # trades of a subscription
    FLAG_SELL = 1
    FLAG_BUY = 2


cdef enum Field:
    TYPE, M, FSYM, TSYM, F, ID, TS, TSNS, RTS, RTSNS, P, Q, CCSEQ, BIDS, ASKS, SUB
    MARKET, FROM_SYMBOL, TO_SYMBOL, LAST_PRICE, LAST_UPDATE
    UNIT, BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE, VOLUME_FROM
    OTHER                                           # of no concern: the next one takes its place
    FIELDS


cdef inline int trade_field(const Token* key) noexcept nogil:
    """The members of the most frequent messages."""
    if key.size <= 2:
        if key_is(key, b"M", 1):
            return M
        if key_is(key, b"F", 1):
            return F
        if key_is(key, b"ID", 2):
            return ID
        if key_is(key, b"TS", 2):
            return TS
        if key_is(key, b"P", 1):
            return P
        return Q if key_is(key, b"Q", 1) else OTHER
    if key.size == 4:
        if key_is(key, b"TYPE", 4):
            return TYPE
        if key_is(key, b"FSYM", 4):
            return FSYM
        if key_is(key, b"TSYM", 4):
            return TSYM
        if key_is(key, b"TSNS", 4):
            return TSNS
        return UNIT if key_is(key, b"UNIT", 4) else OTHER
    if key_is(key, b"RTS", 3):
        return RTS
    if key_is(key, b"RTSNS", 5):
        return RTSNS
    if key_is(key, b"CCSEQ", 5):
        return CCSEQ
    if key_is(key, b"BID", 3):
        return BIDS
    return ASKS if key_is(key, b"ASK", 3) else OTHER


cdef inline int rare_field(const Token* key) noexcept nogil:
    if key_is(key, b"SUB", 3):
        return SUB
    if key_is(key, b"MARKET", 6):
        return MARKET
    if key_is(key, b"FROMSYMBOL", 10):
        return FROM_SYMBOL
    if key_is(key, b"TOSYMBOL", 8):
        return TO_SYMBOL
    if key_is(key, b"PRICE", 5):
        return LAST_PRICE
    if key_is(key, b"LASTUPDATE", 10):
        return LAST_UPDATE
    if key_is(key, b"OPEN", 4):
        return BAR_OPEN
    if key_is(key, b"HIGH", 4):
        return BAR_HIGH
    if key_is(key, b"LOW", 3):
        return BAR_LOW
    if key_is(key, b"CLOSE", 5):
        return BAR_CLOSE
    return VOLUME_FROM if key_is(key, b"VOLUMEFROM", 10) else OTHER


cdef inline int field_of(const Token* key) noexcept nogil:
    cdef int field = trade_field(key)
    return rare_field(key) if field == OTHER else field


cdef inline Tick* begin(Cursor* c, Token* f, int kind, int channel, int market) noexcept nogil:
    """A record with its venue and pair, whose names stand at `market` and the two fields after it. NULL on a fault."""
    cdef Text base, quote
    cdef Tick* tick = tick_new(c, kind, channel)
    if (tick == NULL or not identity(c, &f[market], &tick.venue) or not name(c, &f[market + 1], &base)
            or not name(c, &f[market + 2], &quote) or not joined(c, base, 126, quote, &tick.symbol)):
        return NULL
    return tick


cdef inline bint trade(Cursor* c, Token* f, Replays* replays) noexcept nogil:
    cdef int64_t flags = 0
    cdef Token market, symbol
    cdef Tick* tick = begin(c, f, TRADE, CHANNEL_TRADE, M)
    if tick == NULL or not integer(c, &f[<int> F], &flags):
        return False
    if flags & (FLAG_SELL | FLAG_BUY) == FLAG_SELL:
        tick.side = SELL
    elif flags & (FLAG_SELL | FLAG_BUY) == FLAG_BUY:
        tick.side = BUY
    if not (identity(c, &f[<int> ID], &tick.id) and integer(c, &f[<int> CCSEQ], &tick.sequence)
            and needed_decimal(c, &f[<int> P], tick, PRICE) and needed_decimal(c, &f[<int> Q], tick, SIZE)
            and split_time(c, &f[<int> TS], SECOND, &f[<int> TSNS], &tick.ts_event_ns)
            and split_time(c, &f[<int> RTS], SECOND, &f[<int> RTSNS], &tick.ts_provider_ns)):
        return False
    if replays != NULL:         # last: a trade that is refused is none of the replay's
        market.at = tick.venue.at
        market.size = tick.venue.size
        symbol.at = tick.symbol.at
        symbol.size = tick.symbol.size
        if replay_one_of(replays, stream_hash(&market, &symbol), REPLAYED):
            tick.flags |= SNAPSHOT
    return True


cdef inline bint side(Cursor* c, const Token* levels, Tick* tick, int price, int64_t* time_ns) noexcept nogil:
    """The best level of a side, and its time."""
    cdef Cursor inner
    cdef Token f[3]
    cdef Token key, passed
    cdef int i
    if not first_element(c, levels, &inner):
        return c.status == DECODED
    for i in range(3):
        f[i].type = NOTHING
    object_begin(&inner)
    while object_next(&inner, &key):
        if key_is(&key, b"P", 1):
            value(&inner, &f[0])
        elif key_is(&key, b"Q", 1):
            value(&inner, &f[1])
        else:
            value(&inner, &f[2] if key_is(&key, b"REPORTEDNS", 10) else &passed)
    if (inner.status == DECODED and decimal(&inner, &f[0], tick, price) and decimal(&inner, &f[1], tick, price + 1)
            and epoch_time(&inner, &f[2], NANOSECOND, time_ns)):
        empty_side(tick, price, price + 1)
    return inner.status == DECODED or fail(c, inner.status)


cdef inline bint top_of_book(Cursor* c, Token* f) noexcept nogil:
    cdef int64_t bid_ns = ABSENT, ask_ns = ABSENT       # ABSENT is the lowest number there is
    cdef Tick* tick = begin(c, f, QUOTE, CHANNEL_TOP_OF_BOOK, M)
    if not (tick != NULL and integer(c, &f[<int> CCSEQ], &tick.sequence)
            and side(c, &f[<int> BIDS], tick, BID, &bid_ns) and side(c, &f[<int> ASKS], tick, ASK, &ask_ns)):
        return False
    tick.ts_event_ns = bid_ns if bid_ns > ask_ns else ask_ns
    return True


cdef inline bint ticker(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick
    if f[<int> BIDS].type == NOTHING and f[<int> ASKS].type == NOTHING:
        return True
    tick = begin(c, f, QUOTE, CHANNEL_TICKER, MARKET)
    if not (tick != NULL and decimal(c, &f[<int> BIDS], tick, BID) and decimal(c, &f[<int> ASKS], tick, ASK)
            and epoch_time(c, &f[<int> LAST_UPDATE], SECOND, &tick.ts_event_ns)):
        return False
    empty_side(tick, BID, BID_SIZE)
    empty_side(tick, ASK, ASK_SIZE)
    return True


cdef inline bint index(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, REFERENCE, CHANNEL_INDEX, MARKET)
    if not (tick != NULL and decimal(c, &f[<int> LAST_PRICE], tick, INDEX)
            and epoch_time(c, &f[<int> LAST_UPDATE], SECOND, &tick.ts_event_ns)):
        return False
    if not tick.present:
        c.out.count -= 1
    return True


cdef inline int64_t unit_ns(const Token* unit) noexcept nogil:
    if is_word(unit, b"m", 1):
        return <int64_t> 60 * SECOND
    if is_word(unit, b"H", 1):
        return <int64_t> 3600 * SECOND
    return <int64_t> 86400 * SECOND if is_word(unit, b"D", 1) else ABSENT


cdef inline bint candle(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, BAR, CHANNEL_OHLC, MARKET)
    return (tick != NULL and settle(c, &f[<int> UNIT]) and decimal(c, &f[<int> BAR_OPEN], tick, OPEN)
            and decimal(c, &f[<int> BAR_HIGH], tick, HIGH) and decimal(c, &f[<int> BAR_LOW], tick, LOW)
            and decimal(c, &f[<int> BAR_CLOSE], tick, CLOSE) and decimal(c, &f[<int> VOLUME_FROM], tick, VOLUME)
            and epoch_time(c, &f[<int> TS], SECOND, &tick.start_ns)
            and later(c, tick.start_ns, unit_ns(&f[<int> UNIT]), &tick.end_ns))


cdef inline void note_subscription(Token* sub, Replays* replays, bint subscribed) noexcept nogil:
    """`0~market~base~quote`: whether its replay is due."""
    cdef Token market, symbol
    cdef const uint8_t* mark
    if sub.type != STRING or sub.size < 3 or sub.at[0] != 48 or sub.at[1] != 126 or replays == NULL:
        return
    mark = <const uint8_t*> memchr(sub.at + 2, 126, sub.size - 2)
    if mark == NULL:
        return
    market.at = sub.at + 2
    market.size = <uint32_t> (mark - market.at)
    symbol.at = mark + 1
    symbol.size = <uint32_t> (sub.at + sub.size - symbol.at)
    if subscribed:
        replay_acknowledged(replays, stream_hash(&market, &symbol))
    else:
        replay_unsubscribed(replays, stream_hash(&market, &symbol))


cdef inline int other(Cursor* c, Token* f, Replays* replays) noexcept nogil:
    """What is no data: what concerns the replay, and what concerns the feed."""
    cdef Token* type = &f[<int> TYPE]
    cdef bint added = is_word(type, b"16", 2)
    if added or is_word(type, b"17", 2):
        if not settle(c, &f[<int> SUB]):
            return outcome(c)
        note_subscription(&f[<int> SUB], replays, added)
        return CONTROL
    if is_word(type, b"3", 1):
        if replays != NULL:
            replays_settle(replays)
    elif is_word(type, b"401", 3) or is_word(type, b"429", 3) or is_word(type, b"500", 3):
        return CONTROL
    return outcome(c)


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
    if is_word(&f[<int> TYPE], b"0", 1):
        trade(&c, f, <Replays*> state)
    elif is_word(&f[<int> TYPE], b"30", 2):
        top_of_book(&c, f)
    elif is_word(&f[<int> TYPE], b"2", 1):
        ticker(&c, f)
    elif is_word(&f[<int> TYPE], b"5", 1):
        index(&c, f)
    elif is_word(&f[<int> TYPE], b"24", 2):
        candle(&c, f)
    else:
        return other(&c, f, <Replays*> state)
    return outcome(&c)


#: The channels by the number that a subscription begins with, and what it ends with.
CHANNELS = {"trade": ("0", ""), "top_of_book": ("30", ""), "ticker": ("2", ""), "index": ("5", ""), "ohlc": ("24", "~m")}
NUMBERS = {number: channel for channel, (number, _) in CHANNELS.items()}


class CryptocompareSession(Session):
    """`SubAdd` and `SubRemove` with a list; one answer a subscription."""

    def headers(self, key):
        return {"authorization": f"Apikey {key}"} if key else {}

    def subscribe(self, subscriptions, request_id):
        return (self._request("SubAdd", subscriptions),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("SubRemove", subscriptions),)

    def _request(self, action, subscriptions):
        subs = []
        for wanted in subscriptions:
            number, tail = CHANNELS[wanted.channel]
            subs.append(f"{number}~{wanted.venue}~{wanted.symbol}{tail}")
        return as_text({"action": action, "subs": subs})

    def control(self, frame):
        message = json.loads(frame)
        kind, word, named = message["TYPE"], str(message.get("MESSAGE")), str(message.get("PARAMETER") or "")
        if kind in ("16", "17"):
            return Control("ack", request=self._named(str(message.get("SUB"))))
        if word == "SUBSCRIPTION_ALREADY_ACTIVE":
            return Control("ack", request=self._named(named))
        text = f"{word}: {message['INFO']}" if message.get("INFO") else word
        if kind == "401":
            return Control("error", message=text, retryable=False, fatal=True)
        if word == "FORCE_DISCONNECT" or (kind == "429" and "SUBSCRIPTIONS" not in word):
            return Control("error", message=text, fatal=True)
        return Control("error", request=self._named(named), message=text, retryable=kind == "429")

    def _named(self, sub):
        """`channel:venue:symbol` of a subscription as the provider writes it; "" when it is none."""
        number, _, rest = sub.partition("~")
        venue, _, symbol = rest.partition("~")
        if number not in NUMBERS or not symbol:
            return ""
        channel = NUMBERS[number]
        return f"{channel}:{venue}:{symbol.removesuffix(CHANNELS[channel][1])}"


PROVIDER = provider(decode, replays_new, replays_free, {
    "name": "cryptocompare",
    "venue": "",
    "url": "wss://streamer.cryptocompare.com/v2",
    "channels": (
        Channel("trade", "trades"), Channel("top_of_book", "quotes", "gapless", partial=True),
        Channel("ticker", "quotes", default=False, partial=True), Channel("index", "reference"), Channel("ohlc", "bars"),
    ),
    "limits": Limits(
        subscriptions_per_connection_max=300, subscriptions_per_message_max=100, messages_per_second_max=10,
        connects_per_minute_max=12, silence_max_s=120,
    ),
    "session": CryptocompareSession(),
})
