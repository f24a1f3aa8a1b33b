"""Histories: what they ask, how the documented answers come back as live frames, and what they prove."""

import json

import pytest

from ingestor.decode import Decoder
from ingestor.providers.history import Missing, NoHistory
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription

MS = 1_000_000
AT = 1_499_865_549_590 * MS


def missing(channel, symbol, first=None, last=None, from_ns=None, to_ns=None, section="", venue=""):
    return Missing(Subscription(channel, symbol, section, venue), first, last, from_ns, to_ns)


def asked(dialect, hole, key=""):
    return load(dialect).session.history.request(hole, key)


def page(dialect, hole, answer, key=""):
    history = load(dialect).session.history
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return history.page(hole, history.request(hole, key), (body,))


def records(dialect, answered):
    """What the dialect's decoder reads in the frames of a page."""
    decoder, found = Decoder(dialect), []
    for frame in answered.frames:
        status, rows = decoder.decode(frame)
        assert status == "decoded"
        found += [tuple(row[name] for name in ("symbol", "id", "side", "price", "size", "ts_event_ns")) for row in rows]
    return found


BINANCE = b"""[{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
  "isBuyerMaker":true,"isBestMatch":true}]"""
AGGREGATES = b"""[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1499865549590,"m":false,
  "M":true}]"""


@pytest.mark.parametrize(("dialect", "path", "key"), [
    ("binance-spot", "/api/v3", ""), ("binance-us", "/api/v3", "k"), ("binance-usdm", "/fapi/v1", "k"),
    ("binance-coinm", "/dapi/v1", "k")])
def test_binance_is_asked_by_id_from_the_record_before_the_hole(dialect, path, key):
    request = asked(dialect, missing("trade", "BTCUSDT", 28458, 28460), key)
    assert request[:3] == (f"{path}/historicalTrades", (("symbol", "BTCUSDT"), ("fromId", "28457"), ("limit", "4")),
                           (("X-MBX-APIKEY", key),) if key else ())
    request = asked(dialect, missing("aggTrade", "BTCUSDT", 5, 5000), key)
    assert request[:3] == (f"{path}/aggTrades", (("symbol", "BTCUSDT"), ("fromId", "4"), ("limit", "1000")), ())


@pytest.mark.parametrize("dialect", ["binance-us", "binance-usdm", "binance-coinm"])
def test_single_trades_of_binance_futures_and_us_need_a_key(dialect):
    with pytest.raises(NoHistory, match="API key"):
        asked(dialect, missing("trade", "BTCUSDT", 1, 2))


def test_binance_trades_come_back_as_the_stream_sends_them():
    answered = page("binance-spot", missing("trade", "BTCUSDT", 28457, 28457), BINANCE)
    assert records("binance-spot", answered) == [("BTCUSDT", "28457", "sell", "4.000001", "12", AT)]
    assert answered.proven == (28457, 28457)
    answered = page("binance-spot", missing("aggTrade", "BTCUSDT", 26129, 26129), AGGREGATES)
    assert records("binance-spot", answered) == [("BTCUSDT", "26129", "buy", "0.01633102", "4.70443515", AT)]


def test_a_trade_of_binance_without_a_size_is_none():
    answered = page("binance-usdm", missing("trade", "BTCUSDT", 28457, 28457), BINANCE.replace(b"12.0", b"0.0"), "k")
    assert answered.frames == ()
    assert answered.proven == (28457, 28457)


def test_coinbase_is_asked_backwards_from_the_record_after_the_hole():
    request = asked("coinbase-exchange", missing("matches", "BTC-USD", 70, 73))
    assert request[:2] == ("/products/BTC-USD/trades", (("after", "75"), ("limit", "5")))


COINBASE = [{"trade_id": 74, "side": "buy", "size": "0.01", "price": "100.00000000", "time": "2017-07-12T13:19:09.59Z"},
            {"trade_id": 73, "side": "sell", "size": "0.5", "price": "99.1", "time": "2017-07-12T13:19:09.59Z"}]


def test_coinbase_trades_come_back_as_matches_with_the_takers_side():
    answered = page("coinbase-exchange", missing("matches", "BTC-USD", 73, 73), COINBASE)
    assert records("coinbase-exchange", answered) == [
        ("BTC-USD", "74", "sell", "100", "0.01", AT), ("BTC-USD", "73", "buy", "99.1", "0.5", AT)]
    assert answered.proven == (73, 74)


def test_coinbase_proves_nothing_above_what_it_knows():
    answered = page("coinbase-exchange", missing("matches", "BTC-USD", 70, 79), COINBASE)
    assert answered.proven == (73, 74)
    assert answered.next is None


KRAKEN = b"""{"error":[],"result":{"BTC/USD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],
  ["5.1e-05","1e2",1688669598,"s","l","",61044956]],"last":"1688669598000000000"}}"""


def test_kraken_is_asked_since_just_before_the_hole():
    request = asked("kraken-v2", missing("trade", "BTC/USD", 7, 9, 1_688_669_597_827_736_000, AT))
    assert request[:2] == ("/0/public/Trades", (
        ("pair", "BTC/USD"), ("since", "1688669597827735000"), ("count", "1000"), ("assetVersion", "1")))


def test_kraken_trades_come_back_with_every_digit_of_their_time():
    answered = page("kraken-v2", missing("trade", "BTC/USD", 61044953, 61044955, AT, AT), KRAKEN)
    assert records("kraken-v2", answered) == [
        ("BTC/USD", "61044952", "buy", "30243.4", "0.34507674", 1_688_669_597_827_736_900),
        ("BTC/USD", "61044956", "sell", "0.000051", "100", 1_688_669_598_000_000_000)]
    assert answered.proven == (61044952, 61044956)


def test_kraken_needs_the_time_of_the_record_before():
    with pytest.raises(NoHistory, match="by time"):
        asked("kraken-v2", missing("trade", "BTC/USD", 7, 9))


def test_the_words_of_a_kraken_error_are_an_answer_nobody_can_use():
    with pytest.raises(ValueError, match="EService:Busy"):
        page("kraken-v2", missing("trade", "BTC/USD", 7, 9, AT, AT), b'{"error":["EService:Busy"],"result":{}}')


DERIBIT = b"""{"jsonrpc":"2.0","result":{"trades":[{"trade_seq":30289432,"trade_id":"48079269",
  "timestamp":1499865549590,"tick_direction":2,"price":8950.50,"mark_price":8948.9,"instrument_name":"BTC-PERPETUAL",
  "index_price":8956.88,"direction":"sell","amount":1e-05}],"has_more":true}}"""


def test_deribit_is_asked_by_sequence_with_a_record_on_either_side():
    request = asked("deribit", missing("trades", "BTC-PERPETUAL", 5, 9))
    assert request.path == "/api/v2/public/get_last_trades_by_instrument"
    assert request.query == (("instrument_name", "BTC-PERPETUAL"), ("start_seq", "4"), ("end_seq", "10"),
                             ("count", "1000"), ("sorting", "asc"))


def test_deribit_trades_come_back_as_the_channel_sends_them_and_the_rest_is_asked_for():
    answered = page("deribit", missing("trades", "BTC-PERPETUAL", 30289432, 30289500), DERIBIT)
    assert records("deribit", answered) == [("BTC-PERPETUAL", "48079269", "sell", "8950.5", "0.00001", AT)]
    assert answered.proven == (30289432, 30289432)
    assert dict(answered.next.query)["start_seq"] == "30289432"


OKX = {"code": "0", "msg": "", "data": [
    {"instId": "BTC-USDT", "side": "sell", "sz": "0.00001", "px": "29963.2", "tradeId": "242720720",
     "ts": str(AT // MS + 8)},
    {"instId": "BTC-USDT", "side": "buy", "sz": "2", "px": "29963.20", "tradeId": "242720719",
     "ts": str(AT // MS + 4)}]}


def test_okx_is_asked_backwards_from_the_end_of_the_hole():
    request = asked("okx-v5", missing("trades-all", "BTC-USDT", from_ns=AT, to_ns=AT + 8 * MS))
    assert request[:2] == ("/api/v5/market/history-trades", (
        ("instId", "BTC-USDT"), ("type", "2"), ("after", str(AT // MS + 9)), ("limit", "100")))


def test_okx_trades_come_back_and_a_short_page_proves_what_lies_above_its_oldest():
    answered = page("okx-v5", missing("trades-all", "BTC-USDT", from_ns=AT, to_ns=AT + 8 * MS), OKX)
    assert records("okx-v5", answered) == [
        ("BTC-USDT", "242720720", "sell", "29963.2", "0.00001", AT + 8 * MS),
        ("BTC-USDT", "242720719", "buy", "29963.2", "2", AT + 4 * MS)]
    assert answered.proven == (AT + 5 * MS, AT + 9 * MS - 1)


def test_fills_at_the_edges_of_an_aggregated_okx_channel_are_left_out():
    answered = page("okx-v5", missing("trades", "BTC-USDT", from_ns=AT, to_ns=AT + 8 * MS), OKX)
    assert [record[1] for record in records("okx-v5", answered)] == ["242720719"]


def test_a_full_page_of_okx_goes_on_by_id():
    row = OKX["data"][1]
    rows = [{**row, "tradeId": str(number)} for number in range(500, 400, -1)]
    answered = page("okx-v5", missing("trades-all", "BTC-USDT", from_ns=AT, to_ns=AT + 4 * MS), {**OKX, "data": rows})
    assert answered.next.query == (("instId", "BTC-USDT"), ("type", "1"), ("after", "401"), ("limit", "100"))
    assert answered.proven is None      # all of them within one millisecond, which may go on


def test_okx_that_does_not_know_the_record_after_the_hole_yet_proves_less():
    answered = page("okx-v5", missing("trades-all", "BTC-USDT", from_ns=AT + 5 * MS, to_ns=AT + 20 * MS), OKX)
    assert answered.proven == (AT + 5 * MS, AT + 8 * MS - 1)


BYBIT = {"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "list": [
    {"execId": "2100000000007764264", "symbol": "BTCUSDT", "price": "16618.50", "size": "0.00012", "side": "Buy",
     "time": str(AT // MS + 9), "isBlockTrade": False, "isRPITrade": False},
    {"execId": "2100000000007764263", "symbol": "BTCUSDT", "price": "16618.49", "size": "0.5", "side": "Sell",
     "time": str(AT // MS), "isBlockTrade": False, "isRPITrade": False}]}}


@pytest.mark.parametrize(("section", "limit"), [("linear", "1000"), ("spot", "60"), ("inverse", "1000")])
def test_bybit_is_asked_for_its_most_recent_trades(section, limit):
    request = asked("bybit-v5", missing("publicTrade", "BTCUSDT", from_ns=AT, to_ns=AT + MS, section=section))
    assert request[:2] == ("/v5/market/recent-trade", (
        ("category", section), ("symbol", "BTCUSDT"), ("limit", limit)))


def test_bybit_trades_come_back_as_the_topic_sends_them_and_prove_what_lies_between():
    hole = missing("publicTrade", "BTCUSDT", from_ns=AT, to_ns=AT + 9 * MS, section="linear")
    answered = page("bybit-v5", hole, BYBIT)
    assert records("bybit-v5", answered) == [
        ("BTCUSDT", "2100000000007764264", "buy", "16618.5", "0.00012", AT + 9 * MS),
        ("BTCUSDT", "2100000000007764263", "sell", "16618.49", "0.5", AT)]
    assert answered.proven == (AT + MS, AT + 9 * MS)


BITMEX = b"""[{"timestamp":"2017-07-12T13:19:09.590Z","symbol":"XBTUSD","side":"Buy","size":100,"price":64012.50,
  "tickDirection":"PlusTick","trdMatchID":"1c6ca2a5-0000-0000-0000-6d8d1d3c4d0e","grossValue":156220,
  "homeNotional":1.1e-7,"foreignNotional":100,"trdType":"Regular"}]"""


def test_bitmex_is_asked_between_the_times_of_the_hole():
    request = asked("bitmex", missing("trade", "XBTUSD", from_ns=AT, to_ns=AT + 1234 * MS))
    assert request[:2] == ("/api/v1/trade", (
        ("symbol", "XBTUSD"), ("startTime", "2017-07-12T13:19:09.590Z"), ("endTime", "2017-07-12T13:19:10.824Z"),
        ("count", "1000"), ("start", "0")))


def test_bitmex_trades_come_back_as_the_table_sends_them():
    answered = page("bitmex", missing("trade", "XBTUSD", from_ns=AT - MS, to_ns=AT), BITMEX)
    assert records("bitmex", answered) == [
        ("XBTUSD", "1c6ca2a5-0000-0000-0000-6d8d1d3c4d0e", "buy", "64012.5", "100", AT)]
    assert answered.proven == (AT - MS, AT)
    answered = page("bitmex", missing("trade", "XBTUSD", from_ns=AT - MS, to_ns=AT + MS), BITMEX)
    assert answered.proven == (AT - MS, AT - 1)


BITFINEX = b"[[401597395,1499865549590,-0.0050,7245.30],[401597396,1499865549599,1.1e-7,7245.2]]"


def test_bitfinex_is_asked_between_the_times_of_the_hole():
    request = asked("bitfinex", missing("trades", "tBTCUSD", from_ns=AT, to_ns=AT + 9 * MS))
    assert request[:2] == ("/v2/trades/tBTCUSD/hist", (
        ("start", str(AT // MS)), ("end", str(AT // MS + 9)), ("limit", "10000"), ("sort", "1")))


def test_bitfinex_trades_come_back_as_executions_of_a_channel_that_is_named_first():
    answered = page("bitfinex", missing("trades", "tBTCUSD", from_ns=AT, to_ns=AT + 9 * MS), BITFINEX)
    decoder = Decoder("bitfinex")
    assert decoder.decode(answered.frames[0]) == ("control", [])
    rows = [row for frame in answered.frames[1:] for row in decoder.decode(frame)[1]]
    assert [(row["symbol"], row["id"], row["side"], row["price"], row["size"], row["ts_event_ns"]) for row in rows] == [
        ("tBTCUSD", "401597395", "sell", "7245.3", "0.005", AT),
        ("tBTCUSD", "401597396", "buy", "7245.2", "0.00000011", AT + 9 * MS)]
    assert answered.proven == (AT, AT + 9 * MS)


def test_a_full_page_of_bitfinex_goes_on_with_its_last_millisecond():
    rows = [[number, AT // MS + number // 100, 1, 5] for number in range(10_000)]
    answered = page("bitfinex", missing("trades", "tBTCUSD", from_ns=AT, to_ns=AT + 500 * MS), rows)
    assert answered.proven == (AT, AT + 99 * MS - 1)
    assert dict(answered.next.query)["start"] == str(AT // MS + 99)


def test_kaiko_is_asked_for_the_trades_of_the_interval():
    from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1

    request = asked("kaiko", missing("trades", "btc-usd", from_ns=AT, to_ns=AT + 5, section="spot", venue="cbse"), "k")
    read = StreamMarketUpdateRequestV1.FromString(request.body)
    assert request.path == "/kaikosdk.StreamMarketUpdateServiceV1/Subscribe"
    assert request.headers == (("authorization", "Bearer k"),)
    criteria = read.instrument_criteria
    assert (criteria.exchange, criteria.instrument_class, criteria.code) == ("cbse", "spot", "btc-usd")
    assert (list(read.commodities), read.interval.start_time.ToNanoseconds()) == ([1], AT)
    assert read.interval.end_time.ToNanoseconds() == AT + 6     # exclusive


def test_kaiko_has_a_history_of_trades_alone():
    with pytest.raises(NoHistory, match="of trades"):
        asked("kaiko", missing("top_of_book", "btc-usd", from_ns=AT, to_ns=AT))


@pytest.mark.parametrize(("dialect", "channel"), [("binance-spot", "trade"), ("coinbase-exchange", "matches"),
                                                  ("deribit", "trades")])
def test_a_history_by_number_says_so_where_the_hole_has_none(dialect, channel):
    with pytest.raises(NoHistory, match="by number"):
        asked(dialect, missing(channel, "X", from_ns=AT, to_ns=AT))


@pytest.mark.parametrize(("dialect", "channel"), [
    ("okx-v5", "trades"), ("bybit-v5", "publicTrade"), ("bitmex", "trade"), ("kaiko", "trades"),
    ("bitfinex", "trades")])
def test_a_history_by_time_says_so_where_the_hole_has_none(dialect, channel):
    with pytest.raises(NoHistory, match="by time"):
        asked(dialect, missing(channel, "X", 1, 2))
    with pytest.raises(NoHistory, match="not in order"):
        asked(dialect, missing(channel, "X", 1, 2, AT, AT - 1))


EMPTY = {"binance-spot": [], "bitfinex": [], "coinbase-exchange": [], "bitmex": [], "okx-v5": {**OKX, "data": []},
         "deribit": {"result": {"trades": [], "has_more": False}},
         "kraken-v2": {"error": [], "result": {"X": [], "last": "1"}},
         "bybit-v5": {"retCode": 0, "result": {"list": []}}}


@pytest.mark.parametrize("dialect", EMPTY)
def test_an_empty_answer_proves_nothing(dialect):
    channel = {"coinbase-exchange": "matches", "bybit-v5": "publicTrade", "okx-v5": "trades-all", "deribit": "trades",
               "bitfinex": "trades"}
    hole = missing(channel.get(dialect, "trade"), "X", 1, 2, AT, AT + MS)
    assert page(dialect, hole, EMPTY[dialect]) == ((), None, None)
