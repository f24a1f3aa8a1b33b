"""amberdata: trades, tickers, candles, funding and open interest of Amberdata's market WebSockets, JSON-RPC 2.0.

    {"jsonrpc":"2.0","id":1,"result":"a04c6fe3-...","metadata":["exchange","pair","timestamp","timestampNanoseconds",
     "tradeId","price","volume","isBuy"]}
    {"jsonrpc":"2.0","method":"subscription","params":{"subscription":"a04c6fe3-...",
     "result":[["binance","btc_usdt",1786562940921,195000,"5154882831",64012.37,0.00041,true]]}}
    {"jsonrpc":"2.0","method":"subscription","params":{"subscription":"ac936208-...","result":{"exchange":"binance",
     "pair":"btc_usdt","exchangeTimestamp":1786562940921,"exchangeTimestampNanoseconds":0,"timestamp":1786562940930,
     "bid":64012.37,"ask":64012.38,"mid":64012.375,"last":null,"sequence":45375530797,"bidVolume":3.25905,
     "askVolume":2.17779,"markPrice":64010.1}}}
    {...,"result":{"exchange":"gdax","pair":"btc_usd","timestamp":1711570440000,"open":68892.28,"high":68925.5,
     "low":68878.72,"close":68904.59,"volume":6.97651585}}
    {...,"result":{"exchange":"binance","instrument":"GASUSDT","timestamp":1711571101000,"fundingInterval":null,
     "fundingRate":0.00019676,"nextFundingRate":null,"nextFundingTime":1711584000000,"isActualFundingRate":false}}
    {...,"result":{"exchange":"binance","instrument":"BTCUSDT","timestamp":1711582494214,"value":"82862.305","type":null}}

A push names its subscription and nothing else. Its rows are arrays, whose columns the acknowledgement's `metadata`
names, or objects; `result` is one or many of them. Decided here:
- what a record is shows in its members: `tradeId` or `isBuy` a trade, bid and ask a quote (with `markPrice` a
  reference, too), open high low close a bar, funding or `value` (open interest) a reference. Rows of columns nobody
  named yield nothing.
- symbol: `pair`, else `instrument`; `exchange` is the venue; the section is the endpoint (spot, futures, options).
- time: milliseconds, and nanoseconds within the millisecond. A ticker's `exchangeTimestamp` is the venue's and its
  `timestamp` the provider's; so is that of open interest ("the time at which the data was received").
- candles begin at `timestamp`. Their length is not told: the documented ones begin at minutes that are no multiple
  of two or five, so it is a minute. A candle and a ticker without a value keep it absent.
- `isBuy` is taken as the taker's side (not confirmed). That `tradeId` is the exchange's is
  not said. `sequence` is the venue's, of unknown meaning: none declared.
Source: docs.amberdata.io/reference/ws-market-{spot-tickers,futures-tickers,spot-ohlcv,futures-ohlcv,
futures-funding-rates,futures-open-interests}-latest and real-time/websocket-guidelines (100 subscriptions a
connection, 5 to 20 connections, one instrument a request), read November 2026.
"""
import json

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from ingestor.providers.amberdata_columns cimport (
    COLUMNS_MAX, Columns, ColumnsTable, columns_new, columns_of, columns_table_free, columns_table_new, id_hash,
)
from ingestor.providers.provider cimport provider
from ingestor.records cimport (
    BAD_TYPE, BAR, BUY, CLOSE, CONTROL, DECODED, FUNDING, HIGH, LOW, MARK, OPEN, OPEN_INTEREST, PRICE, QUOTE,
    REFERENCE, SELL, SIZE, TRADE, Tick, TickBatch, VOLUME,
)
from ingestor.scan.cursor cimport Cursor, cursor_init, fail, outcome, tick_new
from ingestor.scan.fields cimport (
    MILLISECOND, SECOND, decimal, epoch_time, identity, integer, name, needed_decimal, split_time,
)
from ingestor.scan.json cimport array_begin, array_next, object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.length cimport later
from ingestor.scan.quotes cimport says_something, sides, within
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport (
    ARRAY, FALSE_VALUE, NOTHING, STRING, TRUE_VALUE, Token, is_absent, key_is,
)

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_TRADES = 0
    CHANNEL_TICKERS = 1
    CHANNEL_OHLCV = 2
    CHANNEL_FUNDING_RATES = 3
    CHANNEL_OPEN_INTERESTS = 4
    CANDLE_S = 60


cdef enum Field:
    EXCHANGE, PAIR, INSTRUMENT, TIMESTAMP, TIMESTAMP_NS
    TRADE_ID, TRADE_PRICE, AMOUNT, IS_BUY
    BID_PRICE, BID_VOLUME, ASK_PRICE, ASK_VOLUME, EXCHANGE_TIME, EXCHANGE_TIME_NS, SEQUENCE, MARK_PRICE
    BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE
    FUNDING_RATE, NEXT_FUNDING_TIME, INTEREST
    OTHER                               # of no concern: the next one takes its place
    FIELDS


cdef inline int quote_field(const Token* key) noexcept nogil:
    if key_is(key, b"bid", 3):
        return BID_PRICE
    if key_is(key, b"bidVolume", 9):
        return BID_VOLUME
    if key_is(key, b"ask", 3):
        return ASK_PRICE
    if key_is(key, b"askVolume", 9):
        return ASK_VOLUME
    if key_is(key, b"exchangeTimestamp", 17):
        return EXCHANGE_TIME
    if key_is(key, b"exchangeTimestampNanoseconds", 28):
        return EXCHANGE_TIME_NS
    if key_is(key, b"sequence", 8):
        return SEQUENCE
    return MARK_PRICE if key_is(key, b"markPrice", 9) else OTHER


cdef inline int rare_field(const Token* key) noexcept nogil:
    if key_is(key, b"open", 4):
        return BAR_OPEN
    if key_is(key, b"high", 4):
        return BAR_HIGH
    if key_is(key, b"low", 3):
        return BAR_LOW
    if key_is(key, b"close", 5):
        return BAR_CLOSE
    if key_is(key, b"fundingRate", 11):
        return FUNDING_RATE
    if key_is(key, b"nextFundingTime", 15):
        return NEXT_FUNDING_TIME
    return INTEREST if key_is(key, b"value", 5) else OTHER


cdef inline int field_of(const Token* key) noexcept nogil:
    cdef int field
    if key_is(key, b"exchange", 8):
        return EXCHANGE
    if key_is(key, b"pair", 4):
        return PAIR
    if key_is(key, b"instrument", 10):
        return INSTRUMENT
    if key_is(key, b"timestamp", 9):
        return TIMESTAMP
    if key_is(key, b"timestampNanoseconds", 20):
        return TIMESTAMP_NS
    if key_is(key, b"tradeId", 7):
        return TRADE_ID
    if key_is(key, b"price", 5):
        return TRADE_PRICE
    if key_is(key, b"volume", 6):
        return AMOUNT
    if key_is(key, b"isBuy", 5):
        return IS_BUY
    field = quote_field(key)
    return rare_field(key) if field == OTHER else field


cdef inline Tick* begin(Cursor* c, Token* f, int kind, int channel) noexcept nogil:
    """A record with its symbol and venue; NULL on a fault."""
    cdef Tick* tick = tick_new(c, kind, channel)
    if (tick == NULL or not name(c, &f[<int> PAIR] if not is_absent(&f[<int> PAIR]) else &f[<int> INSTRUMENT], &tick.symbol)
            or not identity(c, &f[<int> EXCHANGE], &tick.venue)):
        return NULL
    return tick


cdef inline bint trade(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, TRADE, CHANNEL_TRADES)
    if tick == NULL:
        return False
    if f[<int> IS_BUY].type == TRUE_VALUE:
        tick.side = BUY
    elif f[<int> IS_BUY].type == FALSE_VALUE:
        tick.side = SELL
    return (identity(c, &f[<int> TRADE_ID], &tick.id) and needed_decimal(c, &f[<int> TRADE_PRICE], tick, PRICE)
            and needed_decimal(c, &f[<int> AMOUNT], tick, SIZE)
            and split_time(c, &f[<int> TIMESTAMP], MILLISECOND, &f[<int> TIMESTAMP_NS], &tick.ts_event_ns))


cdef inline bint ticker_head(Cursor* c, Token* f, Tick* tick) noexcept nogil:
    return (split_time(c, &f[<int> EXCHANGE_TIME], MILLISECOND, &f[<int> EXCHANGE_TIME_NS], &tick.ts_event_ns)
            and epoch_time(c, &f[<int> TIMESTAMP], MILLISECOND, &tick.ts_provider_ns)
            and integer(c, &f[<int> SEQUENCE], &tick.sequence))


cdef inline bint ticker(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, QUOTE, CHANNEL_TICKERS)
    if not (tick != NULL and ticker_head(c, f, tick)
            and sides(c, &f[<int> BID_PRICE], &f[<int> BID_VOLUME], &f[<int> ASK_PRICE], &f[<int> ASK_VOLUME], tick)):
        return False
    if is_absent(&f[<int> MARK_PRICE]):
        return True
    tick = begin(c, f, REFERENCE, CHANNEL_TICKERS)
    return tick != NULL and ticker_head(c, f, tick) and decimal(c, &f[<int> MARK_PRICE], tick, MARK)


cdef inline bint candle(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick = begin(c, f, BAR, CHANNEL_OHLCV)
    return (tick != NULL and decimal(c, &f[<int> BAR_OPEN], tick, OPEN) and decimal(c, &f[<int> BAR_HIGH], tick, HIGH)
            and decimal(c, &f[<int> BAR_LOW], tick, LOW) and decimal(c, &f[<int> BAR_CLOSE], tick, CLOSE)
            and decimal(c, &f[<int> AMOUNT], tick, VOLUME)
            and epoch_time(c, &f[<int> TIMESTAMP], MILLISECOND, &tick.start_ns)
            and later(c, tick.start_ns, <int64_t> CANDLE_S * SECOND, &tick.end_ns))


cdef inline bint reference(Cursor* c, Token* f, int channel) noexcept nogil:
    cdef Tick* tick = begin(c, f, REFERENCE, channel)
    cdef bint good
    if tick == NULL:
        return False
    if channel == CHANNEL_FUNDING_RATES:
        good = (decimal(c, &f[<int> FUNDING_RATE], tick, FUNDING)
                and epoch_time(c, &f[<int> NEXT_FUNDING_TIME], MILLISECOND, &tick.next_funding_ns)
                and epoch_time(c, &f[<int> TIMESTAMP], MILLISECOND, &tick.ts_event_ns))
    else:
        good = (decimal(c, &f[<int> INTEREST], tick, OPEN_INTEREST)
                and epoch_time(c, &f[<int> TIMESTAMP], MILLISECOND, &tick.ts_provider_ns))
    if good and not says_something(tick):
        c.out.count -= 1
    return good


cdef inline bint has(const Token* f, int first, int last) noexcept nogil:
    """Whether one of these members is in the row, whatever it holds."""
    cdef int i
    for i in range(first, last + 1):
        if f[i].type != NOTHING:
            return True
    return False


cdef inline bint record(Cursor* c, Token* f) noexcept nogil:
    """What the members of a row say that it is."""
    if f[<int> TRADE_ID].type != NOTHING or f[<int> IS_BUY].type != NOTHING:
        return trade(c, f)
    if has(f, BID_PRICE, ASK_VOLUME):
        return ticker(c, f)
    if has(f, BAR_OPEN, BAR_CLOSE):
        return candle(c, f)
    if has(f, FUNDING_RATE, NEXT_FUNDING_TIME):
        return reference(c, f, CHANNEL_FUNDING_RATES)
    return reference(c, f, CHANNEL_OPEN_INTERESTS) if f[<int> INTEREST].type != NOTHING else True


cdef inline bint read_row(Cursor* c, int byte, const Columns* columns) noexcept nogil:
    """The row at `at`, whose first byte is `byte`: an object, or an array of these columns."""
    cdef Token f[FIELDS]
    cdef Token key
    cdef int i = 0
    if byte == 91 and columns == NULL:
        return skip(c)
    for i in range(FIELDS):
        f[i].type = NOTHING
    if byte == 91:
        i = 0
        array_begin(c)
        while array_next(c):
            value(c, &f[<int> columns.fields[i] if i < COLUMNS_MAX else <int> OTHER])
            i += 1
    else:
        object_begin(c)
        while object_next(c, &key):
            value(c, &f[field_of(&key)])
    return c.status == DECODED and record(c, f)


cdef inline bint read_rows(Cursor* c, const Columns* columns) noexcept nogil:
    """The result at `at`: one object, or an array of rows."""
    cdef int byte = peek(c)
    if byte == 123:
        return read_row(c, byte, columns)
    if not array_begin(c):
        return False
    while array_next(c):
        byte = peek(c)
        if byte != 91 and byte != 123:
            return fail(c, BAD_TYPE)
        read_row(c, byte, columns)
    return c.status == DECODED


cdef inline bint note_columns(Cursor* c, Token* id, const Token* metadata, ColumnsTable* table) noexcept nogil:
    """What the columns of this subscription are, from now on. A faulty acknowledgement leaves them as they were."""
    cdef Cursor inner
    cdef Token column
    cdef uint8_t fields[32]
    cdef Columns* columns
    cdef int i = 0
    if id.type != STRING or metadata.type != ARRAY or table == NULL:
        return True
    if not within(c, metadata, &inner):
        return False
    memset(fields, OTHER, COLUMNS_MAX)
    array_begin(&inner)
    while array_next(&inner) and value(&inner, &column) and settle(&inner, &column):
        if i < COLUMNS_MAX and column.type == STRING:
            fields[i] = <uint8_t> field_of(&column)
        i += 1
    if inner.status != DECODED:
        return fail(c, inner.status)
    columns = columns_new(table, id_hash(id))
    if columns != NULL:
        memcpy(columns.fields, fields, COLUMNS_MAX)
    return True


cdef inline const Columns* columns_named(Cursor* c, Token* subscription, const ColumnsTable* table) noexcept nogil:
    """The columns of a subscription; NULL when nobody named them, or on a fault."""
    if not settle(c, subscription) or subscription.type != STRING:
        return NULL
    return columns_of(table, id_hash(subscription))


cdef inline bint read_params(Cursor* c, const ColumnsTable* table) noexcept nogil:
    """What is pushed. A result that stands before its subscription's name is read again at the end."""
    cdef Cursor inner
    cdef Token key, passed, subscription, result
    subscription.type = result.type = NOTHING
    if peek(c) != 123:
        return value(c, &passed)
    object_begin(c)
    while object_next(c, &key):
        if key_is(&key, b"subscription", 12):
            value(c, &subscription)
        elif not key_is(&key, b"result", 6):
            value(c, &passed)
        elif subscription.type == NOTHING:
            value(c, &result)
        else:
            read_rows(c, columns_named(c, &subscription, table))
    if c.status != DECODED or result.type == NOTHING:
        return c.status == DECODED
    if not within(c, &result, &inner):
        return False
    read_rows(&inner, columns_named(c, &subscription, table))
    return inner.status == DECODED or fail(c, inner.status)


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    cdef Cursor c
    cdef Token key, passed, id, metadata, error
    cursor_init(&c, at, size, out)
    id.type = metadata.type = error.type = NOTHING
    if peek(&c) != 123:
        skip(&c)
        text_end(&c)
        return outcome(&c)
    object_begin(&c)
    while object_next(&c, &key):
        if key_is(&key, b"params", 6):
            read_params(&c, <ColumnsTable*> state)
        elif key_is(&key, b"result", 6):
            value(&c, &id)
        elif key_is(&key, b"metadata", 8):
            value(&c, &metadata)
        else:
            value(&c, &error if key_is(&key, b"error", 5) else &passed)
    if not text_end(&c) or (id.type == NOTHING and error.type == NOTHING):
        return outcome(&c)
    out.count = 0
    if settle(&c, &id) and note_columns(&c, &id, &metadata, <ColumnsTable*> state):
        return CONTROL
    return outcome(&c)


class AmberdataSession(Session):
    """One request a subscription. Its answer brings the id that ends it, so that each connection has a session."""

    def __init__(self):
        self._asked = {}        # by request id
        self._ids = {}          # what the provider calls each subscription

    def opened(self, section):
        return AmberdataSession()

    def endpoint(self, url, section, subscriptions, key):
        return f"{url.rstrip('/')}/{section or 'spot'}"

    def headers(self, key):
        return {"x-api-key": key} if key else {}

    def subscribe(self, subscriptions, request_id):
        return tuple(self._request(wanted, request_id) for wanted in subscriptions)

    def _request(self, wanted, request_id):
        section = wanted.section or "spot"
        self._asked[request_id] = wanted
        market = {"exchange": wanted.venue, "pair" if section == "spot" else "instrument": wanted.symbol}
        return as_text({"jsonrpc": "2.0", "id": request_id, "method": "subscribe",
                        "params": [f"market:{section}:{wanted.channel}", market]})

    def unsubscribe(self, subscriptions, request_id):
        """Nothing for one that was not answered yet: it has no id."""
        ids = [self._ids.pop(wanted) for wanted in subscriptions if wanted in self._ids]
        return tuple(as_text({"jsonrpc": "2.0", "id": request_id, "method": "unsubscribe", "params": [id]})
                     for id in ids)

    def control(self, frame):
        message = json.loads(frame)
        request, error = message.get("id"), message.get("error")
        wanted = self._asked.pop(request, None) if isinstance(request, int) else None
        if error is not None:
            words = (error.get("code"), error.get("description") or error.get("message"))
            return Control("error", request=str(request or ""), retryable=False,
                           message=": ".join(str(word) for word in words if word))
        if wanted is not None and isinstance(message.get("result"), str):
            self._ids[wanted] = message["result"]
        return Control("ack", request=str(request or ""))


PROVIDER = provider(decode, columns_table_new, columns_table_free, {
    "name": "amberdata",
    "venue": "",
    "url": "wss://ws.amberdata.com",
    "channels": (
        Channel("trades", "trades"), Channel("tickers", "quotes"), Channel("ohlcv", "bars"),
        Channel("funding_rates", "reference"), Channel("open_interests", "reference"),
    ),
    "limits": Limits(
        subscriptions_per_connection_max=100, subscriptions_per_message_max=1, connections_max=20,
        connects_per_minute_max=30, silence_max_s=120,
    ),
    "session": AmberdataSession(),
})
