"""Holes of time: a reconnect where nothing numbers the trades, and histories that are asked by time."""

import json
import random

import pytest

from ingestor.feeds.fetch import FetchFault
from tests.feeds import histories
from tests.feeds.histories import Past, Trade
from tests.feeds.test_backfill import House
from tests.markets import NOW

MS = 1_000_000


def okx_row(trade):
    return {"instId": "BTC-USDT", "tradeId": str(trade.number), "px": trade.price, "sz": "1", "side": "buy",
            "ts": str(trade.ts_ns // MS)}


def okx_frame(trade):
    return json.dumps({"arg": {"channel": "trades-all", "instId": "BTC-USDT"}, "data": [okx_row(trade)]}).encode()


def okx_answer(past, query):
    place = (lambda trade: trade.ts_ns // MS) if query["type"] == "2" else (lambda trade: trade.number)
    found = [trade for trade in past.known() if place(trade) < int(query["after"])]
    return {"code": "0", "msg": "", "data": [okx_row(trade) for trade in reversed(found[-100:])]}


def bybit_frame(trade):
    return json.dumps({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1, "data": [{
        "T": trade.ts_ns // MS, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": trade.price, "L": "PlusTick",
        "i": f"id-{trade.number}", "BT": False, "RPI": False, "seq": trade.number}]}).encode()


def bybit_answer(past, query):
    return {"retCode": 0, "result": {"list": [
        {"execId": f"id-{trade.number}", "symbol": "BTCUSDT", "price": trade.price, "size": "1", "side": "Buy",
         "time": str(trade.ts_ns // MS), "isBlockTrade": False} for trade in reversed(past.known()[-past.page_max:])]}}


def bitmex_row(trade):
    at = (trade.ts_ns - NOW) // MS
    return {"timestamp": f"2026-08-12T{19 + (29 * 60000 + at) // 3600000}:{29 + at // 60000:02}:{at // 1000 % 60:02}"
                         f".{at % 1000:03}Z", "symbol": "XBTUSD", "side": "Buy", "size": 1, "price": float(trade.price),
            "trdMatchID": f"m-{trade.number}"}


def bitmex_frame(trade):
    return json.dumps({"table": "trade", "action": "insert", "data": [bitmex_row(trade)]}).encode()


def bitmex_answer(past, query):
    rows = [bitmex_row(trade) for trade in past.known()]
    found = [row for row in rows if query["startTime"] <= row["timestamp"] <= query["endTime"]]
    return found[int(query["start"]):][:1000]


def bitfinex_row(trade):
    return [trade.number, trade.ts_ns // MS, 0.5, float(trade.price)]


def bitfinex_frame(trade):
    return json.dumps([7, "te", bitfinex_row(trade)]).encode()


def bitfinex_answer(past, query):
    return [row for row in map(bitfinex_row, past.known())
            if int(query["start"]) <= row[1] <= int(query["end"])][:int(query["limit"])]


FRAMES = {"bitfinex": bitfinex_frame, "okx-v5": okx_frame, "bybit-v5": bybit_frame, "bitmex": bitmex_frame}
ANSWERS = {"bitfinex": bitfinex_answer, "okx-v5": okx_answer, "bybit-v5": bybit_answer, "bitmex": bitmex_answer}
SYMBOLS = {"bitfinex": "tBTCUSD", "okx-v5": "BTC-USDT", "bybit-v5": "BTCUSDT", "bitmex": "XBTUSD"}
DIALECTS = list(SYMBOLS)


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    for name, table in (("FRAMES", FRAMES), ("ANSWERS", ANSWERS), ("SYMBOLS", SYMBOLS)):
        monkeypatch.setitem(histories.__dict__, name, {**getattr(histories, name), **table})
    monkeypatch.setattr("tests.feeds.test_backfill.SYMBOLS", {**histories.SYMBOLS, **SYMBOLS})


def past_of(count, per_ms=1):
    """`per_ms` trades share each millisecond."""
    return Past({number: Trade(number, NOW + number // per_ms * MS) for number in range(1, count)})


def reconnect(house, before, after):
    house.hear(*before)
    house.connection.close()
    house.connection = house.connect()
    house.hear(*after)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("per_ms", [1, 3, 7])
def test_the_time_without_a_connection_is_filled_and_no_trade_comes_twice(dialect, per_ms):
    house = House(dialect, past_of(600, per_ms))
    reconnect(house, range(1, 200), range(450, 600))
    house.run()
    assert house.trades == 599
    opened, closed = house.quality()
    assert (opened["reason"], opened["records"], opened["first_missing"]) == ("connection", None, None)
    assert (opened["ts_from_ns"], opened["ts_to_ns"]) == (
        NOW + 199 // per_ms * MS, NOW + 450 // per_ms * MS)
    assert (closed["status"], closed["records"], closed["subject"]) == ("FILLED", 250, opened["subject"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quiet_time_is_proved_empty(dialect):
    house = House(dialect, past_of(600))
    for number in range(200, 450):
        del house.past.trades[number]
    reconnect(house, range(1, 200), range(450, 600))
    house.run()
    _, closed = house.quality()
    assert (closed["status"], closed["records"]) == ("NEVER_ISSUED", 0)
    assert house.trades == 349


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_that_fails_for_a_while_is_asked_again(dialect):
    house = House(dialect, past_of(600))
    house.past.faults = [FetchFault("503: busy", status=503)] * 3
    reconnect(house, range(1, 200), range(450, 600))
    house.run()
    assert house.quality()[-1]["status"] == "FILLED"
    assert house.trades == 599


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_that_lags_fills_what_it_has_and_then_the_rest(dialect):
    house = House(dialect, past_of(460))
    house.past.lag = 60
    reconnect(house, range(1, 200), range(450, 460))
    house.run(4)
    assert 199 < house.trades < 459
    assert not any(record["event"] == "GAP_CLOSED" and record["status"] != "LOST" for record in house.quality()[:1])


def test_what_lies_beyond_the_most_recent_trades_is_lost_and_named_by_its_times():
    house = House("bybit-v5", past_of(600))
    house.past.page_max = 250       # 350..599
    reconnect(house, range(1, 200), range(450, 600))
    house.run(600)
    parts = {record["status"]: record for record in house.quality()[1:]}
    assert set(parts) == {"FILLED", "LOST"}
    assert parts["FILLED"]["records"] == 100
    assert (parts["LOST"]["ts_from_ns"], parts["LOST"]["records"]) == (NOW + 199 * MS, None)
    assert parts["LOST"]["ts_to_ns"] == NOW + 351 * MS - 1
    assert house.trades == 199 + 150 + 100
    assert house.counts.closed == {parts_status("LOST"): 1}


def parts_status(name):
    from ingestor.wire.quality import Status

    return Status[name]


def test_records_without_times_leave_a_hole_that_nobody_can_fill():
    house = House("okx-v5", past_of(10))
    timeless = okx_frame(house.past.trades[1]).replace(b'"ts"', b'"xx"')
    house.connection.feed_bytes(timeless, NOW)
    house.connection.close()
    house.connection = house.connect()
    house.hear(5)
    house.run()
    assert [(record["event"], record["status"], record["reason"]) for record in house.quality()] == [
        ("GAP_OPENED", "OPEN", "connection"), ("GAP_CLOSED", "LOST", "no_history")]
    assert house.past.asked == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("seed", range(3))
def test_over_many_reconnects_every_trade_is_published_once(dialect, seed):
    chance = random.Random(seed)
    house = House(dialect, past_of(900, chance.choice((1, 2, 5))))
    heard, number = 0, 1
    while number < 900:
        reach = min(900, number + chance.randrange(20, 120))
        house.hear(*range(number, reach))
        heard += reach - number
        number = min(reach + chance.randrange(0, 90), 895)
        if reach == 900:
            break
        house.connection.close()
        house.connection = house.connect()
    house.run(400)
    assert house.trades == 899
    assert {record["status"] for record in house.quality() if record["event"] == "GAP_CLOSED"} <= {
        "FILLED", "NEVER_ISSUED"}
    assert sum(record["records"] for record in house.quality() if record["event"] == "GAP_CLOSED") == 899 - heard
