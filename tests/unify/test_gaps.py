"""What the pipeline notes as missed: numbers, times and late arrivals, and what happens when it is too much."""

import json

import pytest

from ingestor._core import Pipeline
from ingestor.feeds.refill import missed, refill
from ingestor.providers.registry import load
from ingestor.unify.tables import Missed
from tests.markets import NOW, SECOND, Market, binance_quote, binance_trade, build

EVENTS_MAX = 8192       # GAP_EVENTS_MAX in unify/gaps.pxd
MS = 1_000_000


def bitstamp_trade(second):
    return json.dumps({"event": "trade", "channel": "live_trades_btcusd", "data": {
        "id": second, "microtimestamp": str((NOW + second * SECOND) // 1000), "amount_str": "1", "price_str": "100",
        "type": 0}}).encode()


def okx_trade(second):
    return json.dumps({"arg": {"channel": "trades", "instId": "BTC-USD"}, "data": [{
        "instId": "BTC-USD", "tradeId": str(second), "px": "100", "sz": "1", "side": "buy",
        "ts": str(NOW // MS + second * 1000)}]}).encode()


OKX_ACK = b'{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USD"},"connId":"a"}'


def advanced_trade(number, second, product="BTC-USD"):
    return json.dumps({"channel": "market_trades", "timestamp": f"2026-08-12T19:29:{second:02}Z",
                       "sequence_num": number, "events": [{"type": "update", "trades": [{
                           "product_id": product, "trade_id": str(second), "price": "100", "size": "1", "side": "BUY",
                           "time": f"2026-08-12T19:29:{second:02}Z"}]}]}).encode()


def advanced_heartbeat(number):
    return json.dumps({"channel": "heartbeats", "timestamp": "2026-08-12T19:29:00Z", "sequence_num": number,
                       "events": [{"current_time": "x", "heartbeat_counter": number}]}).encode()


class Room:
    """A pipeline with one market (or two products), and connections to it."""

    def __init__(self, dialect, *symbols):
        instruments = [f"{symbol.lower().replace('-', '')}-x" for symbol in symbols]
        self.dialect = dialect
        self.pipeline = Pipeline(build(instruments, [
            Market(name, dialect, symbol) for name, symbol in zip(instruments, symbols, strict=True)]), None)

    def connect(self):
        return self.pipeline.open(load(self.dialect), "", "c0")

    def missed(self):
        return missed(self.pipeline)


def feed(connection, *frames):
    for at, frame in enumerate(frames):
        connection.feed_bytes(frame, NOW + at)


def binance(*numbers):
    return [binance_trade(number, ms=NOW // MS + number) for number in numbers]


def test_a_jump_is_noted_with_the_numbers_and_the_times_around_it():
    room = Room("binance-spot", "BTCUSD")
    feed(room.connect(), *binance(1, 2, 6))
    assert room.missed() == [Missed("numbers", 0, 0, 3, 5, NOW + 2 * MS, NOW + 6 * MS, NOW + 2, 3)]
    assert room.missed() == []


def test_numbers_from_both_ends_of_int64_are_as_far_apart_as_they_are():
    room = Room("binance-spot", "BTCUSD")
    last = (1 << 63) - 1
    feed(room.connect(), binance_trade(-last, ms=NOW // MS), binance_trade(last, ms=NOW // MS))
    [jump] = room.missed()
    assert (jump.first, jump.last, jump.missing) == (1 - last, last - 1, 2 * last - 1)


def test_a_number_that_comes_after_all_is_noted_once_and_only_if_it_was_missed():
    room = Room("binance-spot", "BTCUSD")
    feed(room.connect(), *binance(10, 12, 11, 11, 9))
    assert [(each.kind, each.first) for each in room.missed()] == [("numbers", 11), ("arrived", 11)]


def test_nothing_is_noted_of_late_numbers_once_nothing_is_missed():
    room = Room("binance-spot", "BTCUSD")
    connection = room.connect()
    feed(connection, *binance(10, 12))
    room.missed()
    room.pipeline.tables.missed_from(0, None)
    feed(connection, *binance(11))
    assert room.missed() == []


def test_one_wrong_number_does_not_make_all_that_follow_late_for_ever():
    room = Room("binance-spot", "BTCUSD")
    connection = room.connect()
    feed(connection, *binance(1, 2), binance_trade(900_000, ms=NOW // MS + 2))
    late = []
    for number in range(3, 1500):
        feed(connection, *binance(number))
        late.append(room.pipeline.tables.path_counters()[0]["late"])
    assert late[-1] == late[999] == 1000    # after so many in a row the numbering counts as a new one
    room.missed()
    feed(connection, *binance(1501))
    assert [(each.kind, each.first) for each in room.missed()] == [("numbers", 1500)]


def test_a_large_fall_is_a_new_numbering_at_once():
    room = Room("binance-spot", "BTCUSD")
    feed(room.connect(), *binance(2_000_000, 1, 2, 4))
    assert [(each.kind, each.first) for each in room.missed()] == [("numbers", 3)]


def test_a_channel_without_gapless_numbers_shows_none():
    room = Room("binance-spot", "BTCUSD")
    feed(room.connect(), binance_quote(1), binance_quote(9))
    assert room.missed() == []


def test_trade_ids_are_followed_where_they_are_what_is_gapless():
    room = Room("coinbase-exchange", "BTC-USD")
    feed(room.connect(), *(json.dumps({
        "type": "match", "trade_id": number, "sequence": sequence, "side": "buy", "size": "1", "price": "2",
        "product_id": "BTC-USD", "time": "2026-08-12T19:29:00Z"}).encode()
        for number, sequence in ((7, 100), (8, 220), (10, 221))))
    assert [(each.kind, each.first, each.last) for each in room.missed()] == [("numbers", 9, 9)]


def test_a_gapless_channel_goes_on_across_a_reconnect():
    room = Room("binance-spot", "BTCUSD")
    first = room.connect()
    feed(first, *binance(1, 2))
    first.close()
    feed(room.connect(), *binance(5))
    assert [(each.kind, each.first, each.last) for each in room.missed()] == [("numbers", 3, 4)]


def test_without_numbers_a_reconnect_puts_the_time_between_in_doubt():
    room = Room("bitstamp", "btcusd")
    first = room.connect()
    feed(first, bitstamp_trade(1), bitstamp_trade(2))
    first.close()
    second = room.connect()
    feed(second, bitstamp_trade(9), bitstamp_trade(10))
    assert [each[:7] for each in room.missed()] == [
        ("times", 0, 1, None, None, NOW + 2 * SECOND, NOW + 9 * SECOND)]


def test_the_first_connection_puts_nothing_in_doubt():
    room = Room("bitstamp", "btcusd")
    feed(room.connect(), bitstamp_trade(1), bitstamp_trade(2))
    assert room.missed() == []


def test_a_connection_that_is_still_open_leaves_no_doubt():
    room = Room("bitstamp", "btcusd")
    feed(room.connect(), bitstamp_trade(1))
    feed(room.connect(), bitstamp_trade(2))
    assert room.missed() == []


def test_the_doubt_reaches_over_what_is_replayed_on_subscribing():
    room = Room("okx-v5", "BTC-USD")
    first = room.connect()
    feed(first, OKX_ACK, okx_trade(1), okx_trade(2))
    first.close()
    feed(room.connect(), OKX_ACK, okx_trade(7), okx_trade(9))
    assert [(each.kind, each.from_ns, each.to_ns) for each in room.missed()] == [
        ("times", NOW + 2 * SECOND, NOW + 9 * SECOND)]


def test_a_missing_frame_of_a_connection_puts_each_of_its_trade_streams_in_doubt():
    room = Room("coinbase-advanced", "BTC-USD", "ETH-USD")
    connection = room.connect()
    feed(connection, advanced_trade(0, 1), advanced_trade(1, 2, "ETH-USD"), advanced_heartbeat(2),
         advanced_trade(4, 5), advanced_trade(5, 6, "ETH-USD"), advanced_trade(6, 7))
    found = room.missed()
    assert [(each.kind, each.subscription // 4) for each in found] == [("times", 0), ("times", 1)]
    assert [(each.to_ns - each.from_ns) // SECOND for each in found] == [4, 4]
    assert room.pipeline.counters()["connections"][0]["missing"] == 1


def test_frames_that_bring_no_record_count_in_a_connections_numbers():
    room = Room("coinbase-advanced", "BTC-USD")
    feed(room.connect(), advanced_trade(0, 1), advanced_heartbeat(1), advanced_heartbeat(2), advanced_trade(3, 4))
    assert room.missed() == []


def test_what_finds_no_room_is_kept_as_a_hull_with_its_count():
    room = Room("binance-spot", "BTCUSD")
    feed(room.connect(), *binance(*range(1, 2 * (EVENTS_MAX + 4), 2)))
    found = room.missed()
    assert len(found) == EVENTS_MAX + 1
    assert {each.kind for each in found[:-1]} == {"numbers"}
    crowded = found[-1]
    assert (crowded.kind, crowded.missing) == ("crowded", 3)
    assert (crowded.first, crowded.last) == (2 * EVENTS_MAX + 2, 2 * EVENTS_MAX + 6)
    assert room.pipeline.counters()["gaps_overflowed"] == 3
    assert room.missed() == []


def test_a_doubt_that_finds_no_room_is_noted_with_the_next_trade():
    room = Room("bitstamp", "btcusd")
    filler = [f"s{number}" for number in range(EVENTS_MAX + 1)]
    room = Room("bitstamp", "btcusd", *filler)

    def trade(symbol, second):
        return bitstamp_trade(second).replace(b"btcusd", symbol.encode())

    first = room.connect()
    feed(first, *(trade(symbol, 1) for symbol in [*filler, "btcusd"]))
    first.close()
    second = room.connect()
    feed(second, *(trade(symbol, 5) for symbol in [*filler, "btcusd"]))
    assert len(room.missed()) == EVENTS_MAX
    feed(second, trade("btcusd", 8))
    assert [(each.kind, each.subscription, each.from_ns) for each in room.missed()] == [
        ("times", 0, NOW + SECOND)]


def test_only_wanted_trades_of_the_subscription_are_refilled_and_each_once():
    room = Room("binance-spot", "BTCUSD", "ETHUSD")
    connection, history = room.connect(), room.connect()
    feed(connection, *binance(1, 5))
    assert refill(history, binance(1)[0], NOW, 0, lambda number, _: number > 1) == (0, [])
    assert refill(history, binance(3)[0], NOW, 0, lambda *_: True) == (0, [(3, NOW + 3 * MS, True)])
    assert refill(history, binance(3)[0], NOW, 0, lambda *_: True) == (0, [(3, NOW + 3 * MS, False)])
    assert refill(history, binance_trade(4, symbol="ETHUSD"), NOW, 0, lambda *_: True) == (0, [])
    assert refill(history, binance_trade(4, symbol="XRPUSD"), NOW, 0, lambda *_: True) == (0, [])
    assert refill(history, binance_quote(4), NOW, 0, lambda *_: True) == (0, [])
    counted = room.pipeline.tables.path_counters()[0]
    assert (counted["trades"], counted["late"], counted["duplicates"], counted["gaps"]) == (3, 0, 0, 1)


def test_a_malformed_row_refills_nothing():
    room = Room("binance-spot", "BTCUSD")
    status, rows = refill(room.connect(), b'{"e":"trade"', NOW, 0, lambda *_: True)
    assert (status > 2, rows) == (True, [])


def test_a_subscription_that_is_not_there_is_an_error():
    room = Room("binance-spot", "BTCUSD")
    with pytest.raises(IndexError):
        refill(room.connect(), binance(1)[0], NOW, 99, lambda *_: True)
    with pytest.raises(IndexError):
        room.pipeline.tables.missed_from(99, None)
