"""coindesk: index values of the CoinDesk Data streamer, told by `TYPE`.

    {"TYPE":"1101","INSTRUMENT":"BTC-USD","MARKET":"cadli","CCSEQ":20735164,"VALUE":64012.3467009,"VALUE_FLAG":"DOWN",
     "VALUE_LAST_UPDATE_TS":1786562940,"VALUE_LAST_UPDATE_TS_NS":603000000,"CURRENT_HOUR_OPEN":64000.1}
    {"TYPE":"4005","MESSAGE":"SUBSCRIPTION_ACCEPTED","SUPPORTED_MESSAGE_TYPES":["1101","266","985","987"],
     "SUBSCRIPTION_ID":"1101~{cadli~BTC-USD}"}

`TYPE` is a text. A subscription of 1101 is acknowledged with the types that it may bring: 1101, 266, 985 and 987, which
have the same members. Decided here:
- VALUE is a reference's index; the venue is the index family (`MARKET`, such as cadli), the symbol `INSTRUMENT`; the
  time is that of the value: seconds, and nanoseconds within the second. A message without VALUE yields nothing.
- `CCSEQ` is the number of the message; nothing says that it has no holes: no sequence is declared.
- Trades and best bid and ask yield nothing. Public clients ask for `spot_v1_latest_tick`, and the REST answer of that
  name (type 952) has BEST_BID and LAST_TRADE members, but no message of the streamer with its type could be found.
- 4003 to 4006 name a subscription or a request that was refused, 4005 and 4008 what was added or removed. 4011 says
  that the key is wrong and that the limits of the address hold: the connection stays of use, so that it is only told.
  4000 (welcome), 4007 (all added), 4009, 4010 (warning) and 4013 (heartbeat, each 30 s) mean nothing to the feed.
Source: github.com/smartcontractkit/external-adapters-js packages/sources/cryptocompare (message types, requests, a
recorded conversation), Go and C++ clients of the CADLI index, read November 2026. The provider's own pages need
JavaScript and were not seen; the limits are not known.
"""
import json

from libc.stdint cimport uint8_t

from ingestor.providers.provider cimport provider
from ingestor.records cimport CONTROL, INDEX, REFERENCE, Tick, TickBatch
from ingestor.scan.cursor cimport Cursor, cursor_init, outcome, tick_new
from ingestor.scan.fields cimport SECOND, decimal, identity, integer, name, split_time
from ingestor.scan.json cimport object_begin, object_next, peek, skip, text_end, value
from ingestor.scan.text cimport settle
from ingestor.scan.token cimport NOTHING, STRING, Token, is_absent, is_word, key_is

from ingestor.providers.session import Channel, Control, Limits, Session, as_text

cdef enum:
    CHANNEL_INDEX = 0


cdef enum Field:
    TYPE, INSTRUMENT, MARKET, CCSEQ, INDEX_VALUE, UPDATED, UPDATED_NS
    OTHER                               # of no concern: the next one takes its place
    FIELDS


cdef inline int field_of(const Token* key) noexcept nogil:
    if key_is(key, b"TYPE", 4):
        return TYPE
    if key_is(key, b"INSTRUMENT", 10):
        return INSTRUMENT
    if key_is(key, b"MARKET", 6):
        return MARKET
    if key_is(key, b"CCSEQ", 5):
        return CCSEQ
    if key_is(key, b"VALUE", 5):
        return INDEX_VALUE
    if key_is(key, b"VALUE_LAST_UPDATE_TS", 20):
        return UPDATED
    return UPDATED_NS if key_is(key, b"VALUE_LAST_UPDATE_TS_NS", 23) else OTHER


cdef inline bint is_index(const Token* type) noexcept nogil:
    return (is_word(type, b"1101", 4) or is_word(type, b"985", 3) or is_word(type, b"266", 3)
            or is_word(type, b"987", 3))


cdef inline bint concerns_the_feed(const Token* type) noexcept nogil:
    """4001 to 4006, 4008, 4011 and 4012."""
    cdef uint8_t last
    if type.size != 4 or type.at[0] != 52 or type.at[1] != 48 or not 48 <= type.at[2] <= 49:
        return False
    last = type.at[3]
    return (49 <= last <= 54 or last == 56) if type.at[2] == 48 else 49 <= last <= 50


cdef inline bint index_value(Cursor* c, Token* f) noexcept nogil:
    cdef Tick* tick
    if is_absent(&f[<int> INDEX_VALUE]):
        return True
    tick = tick_new(c, REFERENCE, CHANNEL_INDEX)
    return (tick != NULL and name(c, &f[<int> INSTRUMENT], &tick.symbol) and identity(c, &f[<int> MARKET], &tick.venue)
            and decimal(c, &f[<int> INDEX_VALUE], tick, INDEX) and integer(c, &f[<int> CCSEQ], &tick.sequence)
            and split_time(c, &f[<int> UPDATED], SECOND, &f[<int> UPDATED_NS], &tick.ts_event_ns))


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
    if is_index(&f[<int> TYPE]):
        index_value(&c, f)
    elif f[<int> TYPE].type == STRING and concerns_the_feed(&f[<int> TYPE]):
        return CONTROL
    return outcome(&c)


SUBSCRIPTION_TYPE = "1101"
#: What is no subscription's name, so that nobody is blamed.
NOBODY = "the connection"


class CoindeskSession(Session):
    """`SUB_ADD` and `SUB_REMOVE` with a list of markets; one answer a subscription."""

    def headers(self, key):
        return {"authorization": f"Apikey {key}"} if key else {}

    def subscribe(self, subscriptions, request_id):
        return (self._request("SUB_ADD", subscriptions),)

    def unsubscribe(self, subscriptions, request_id):
        return (self._request("SUB_REMOVE", subscriptions),)

    def _request(self, action, subscriptions):
        return as_text({
            "action": action, "type": SUBSCRIPTION_TYPE, "groups": ["VALUE"],
            "subscriptions": [{"market": wanted.venue, "instrument": wanted.symbol} for wanted in subscriptions]})

    def control(self, frame):
        message = json.loads(frame)
        kind, named = message["TYPE"], self._named(str(message.get("SUBSCRIPTION_ID") or ""))
        if kind in ("4005", "4008"):
            return Control("ack", request=named)
        words = (message.get("MESSAGE"), message.get("INFO"))
        text = ": ".join(str(word) for word in words if word)
        if kind == "4002":
            return Control("error", message=text, fatal=True)
        if kind in ("4001", "4011"):
            return Control("error", request=NOBODY, message=text)
        return Control("error", request=named, message=text, retryable=False)

    def _named(self, id):
        """`channel:venue:symbol` of `1101~{market~instrument}`, with or without braces; "" when it is none."""
        _, _, rest = id.replace("{", "").replace("}", "").partition("~")
        market, _, instrument = rest.partition("~")
        return f"index:{market}:{instrument}" if instrument else ""


PROVIDER = provider(decode, NULL, NULL, {
    "name": "coindesk",
    "venue": "",
    "url": "wss://data-streamer.coindesk.com/",
    "channels": (Channel("index", "reference"),),
    "limits": Limits(
        subscriptions_per_message_max=100, messages_per_second_max=10, connects_per_minute_max=12, silence_max_s=75,
    ),
    "session": CoindeskSession(),
})
