"""What is judged of one source path: each signal fires when it should, and stays silent when it should."""

import random

import pytest

from tests.markets import Instrument, Market
from tests.watching.stage import BINANCE, COINBASE, KRAKEN, Stage, busy, lively

PATH = ("binance-spot", "binance", "btc-usd")


def test_sound_markets_raise_nothing_in_half_an_hour():
    stage = Stage()
    stage.run(1800, lambda: busy(stage))
    assert stage.changes == []


def test_an_instrument_that_falls_silent_is_stale_in_five_seconds_and_silent_in_fifteen():
    stage = Stage(BINANCE, Market("eth-usd", "binance-spot", "ETHUSD"))
    stage.run(120, lambda: busy(stage))
    stage.run(30, lambda: lively(stage, stage.markets[1]))
    assert stage.firing() == [("silent", *PATH, ""), ("stale", *PATH, "")]
    assert [(second, rule) for second, rule in stage.fired()] == [(125, "stale"), (135, "silent")]


def test_it_clears_ten_seconds_after_it_speaks_again():
    stage = Stage(BINANCE, Market("eth-usd", "binance-spot", "ETHUSD"))
    stage.run(120, lambda: busy(stage))
    stage.run(10, lambda: lively(stage, stage.markets[1]))
    assert stage.rules() == {"stale"}
    stage.run(12, lambda: busy(stage))
    assert stage.watch.alerts() == []


def test_a_market_that_trades_once_an_hour_raises_nothing():
    stage = Stage(BINANCE, Market("eth-usd", "binance-spot", "ETHUSD"))
    rare = stage.markets[1]

    def act():
        stage.quote(BINANCE)
        if stage.seconds % 3600 == 7:
            stage.trade(rare)

    stage.run(3 * 3600, act)
    assert stage.fired() == []


def test_one_channel_of_an_instrument_is_told_as_the_channel():
    stage = Stage(BINANCE)
    stage.run(120, lambda: busy(stage))
    stage.run(6, lambda: [stage.quote(at_s=at / 10) for at in range(10)])
    assert stage.firing() == [("stale", *PATH, "trade")]


def test_a_halted_market_is_not_missed():
    stage = Stage(BINANCE, Market("eth-usd", "binance-spot", "ETHUSD", state="halted"))
    stage.run(60, lambda: busy(stage))
    stage.run(60, lambda: stage.quote(BINANCE))
    assert not any(key[3] == "eth-usd" for key in stage.firing())


def test_a_rate_below_a_fifth_of_its_norm_is_slow_after_five_minutes():
    stage = Stage(BINANCE)
    stage.run(1200, lambda: busy(stage, trades=20))
    stage.run(299, lambda: stage.trade())
    assert "slow" not in stage.rules()
    stage.run(200, lambda: stage.trade())
    assert "slow" in stage.rules()


def test_a_rate_that_halves_is_no_alarm():
    stage = Stage(BINANCE)
    stage.run(1200, lambda: busy(stage, trades=20))
    stage.run(900, lambda: busy(stage, trades=10))
    assert stage.fired() == []


def walk(stage, frozen=()):
    """All markets follow a price that moves by 1 % in 50 s, but the frozen ones, which repeat themselves."""
    mid = 100 * (1 + stage.seconds * 2e-4)
    for market in stage.markets:
        bid = 100.0 if market in frozen else round(mid, 2)
        stage.quote(market, bid, round(bid + 0.1, 2))


def test_a_price_that_is_repeated_while_the_fair_price_moves_is_frozen():
    stage = Stage()
    stage.run(60, lambda: walk(stage, (KRAKEN,)))
    assert ("frozen", "kraken-v2", "kraken", "btc-usd", "") in stage.firing()
    assert {key[1] for key in stage.firing() if key[0] == "frozen"} == {"kraken-v2"}


def test_a_price_that_nobody_repeats_is_not_frozen():
    stage = Stage()
    walk(stage)
    stage.second()
    stage.run(60, lambda: [stage.quote(market, 100 + stage.seconds * 0.02, 100.1 + stage.seconds * 0.02)
                           for market in (BINANCE, COINBASE)])
    assert "frozen" not in stage.rules()


def test_one_missing_trade_of_a_thousand_is_tolerated_and_ten_are_a_gap():
    stage = Stage(BINANCE)
    stage.run(250, lambda: busy(stage))
    stage.ids["BTCUSD"] += 1
    stage.run(5, lambda: busy(stage))
    assert stage.fired() == []
    stage.ids["BTCUSD"] += 10
    stage.run(5, lambda: busy(stage))
    assert stage.firing() == [("gap", *PATH, "")]
    stage.run(900, lambda: busy(stage))
    assert stage.firing() == []


def test_trades_that_come_twice_are_an_alarm_beyond_one_in_a_hundred():
    stage = Stage(BINANCE)

    def twice(every):
        busy(stage)
        if stage.seconds % every == 0:
            stage.trade(id=stage.ids["BTCUSD"])

    stage.run(300, lambda: twice(20))       # of 200 trades one
    assert stage.fired() == []
    stage.run(120, lambda: twice(2))
    assert stage.firing() == [("duplicate", *PATH, "")]


def test_trades_that_come_late_are_an_alarm_beyond_one_in_a_hundred():
    stage = Stage(BINANCE)

    def late(every):
        busy(stage)
        if stage.seconds % every == 0:
            stage.trade(behind_s=3.0, at_s=0.99)

    stage.run(300, lambda: late(20))
    assert stage.fired() == []
    stage.run(120, lambda: late(2))
    assert stage.firing() == [("reordered", *PATH, "")]


def test_refused_prints_are_an_alarm_beyond_one_in_two_hundred():
    stage = Stage()

    def wild(every):
        busy(stage)
        if stage.seconds % every == 0:
            stage.trade(price=150 + stage.seconds, at_s=0.95)

    stage.run(300, lambda: wild(60))
    assert stage.fired() == []
    stage.run(120, lambda: wild(2))
    assert stage.firing() == [("outlier", *PATH, "")]


def test_a_source_outside_the_gate_for_a_minute_is_flagged():
    stage = Stage()
    stage.run(60, lambda: busy(stage))

    def off():
        for market in (BINANCE, COINBASE):
            stage.quote(market, 100 + stage.seconds % 5 * 0.01)
        stage.quote(KRAKEN, 108 + stage.seconds % 5 * 0.01, 108.1 + stage.seconds % 5 * 0.01)

    stage.run(60, off)
    assert "flagged" not in stage.rules()
    stage.run(5, off)
    assert ("flagged", "kraken-v2", "kraken", "btc-usd", "") in stage.firing()


@pytest.mark.parametrize(("rule", "bid", "ask", "after_s"), [
    ("crossed", 100.2, 100.1, 1), ("locked", 100.1, 100.1, 10)])
def test_a_book_fault_is_an_alert_when_it_lasts(rule, bid, ask, after_s):
    stage = Stage(BINANCE, KRAKEN)
    stage.run(60, lambda: busy(stage))

    def faulty():
        stage.quote(KRAKEN)
        for number in range(10):
            stage.trade(at_s=number / 10)
        stage.quote(BINANCE, bid, ask, at_s=0.9)

    stage.run(after_s, faulty)
    assert rule not in {rule for _, rule in stage.fired()}
    stage.run(1, faulty)
    assert rule in stage.rules()
    stage.run(15, lambda: busy(stage))
    assert stage.firing() == []


def test_a_book_that_crosses_for_moments_is_no_alert():
    stage = Stage(BINANCE)

    def moments():
        busy(stage)
        stage.quote(BINANCE, 100.2, 100.1, at_s=0.95)
        stage.quote(BINANCE, 100.0, 100.1, at_s=0.97)

    stage.run(120, moments)
    assert stage.fired() == []


def one_sided(stage):
    stage.lines["coinbase-exchange"].feed_bytes(
        b'{"type":"ticker","sequence":%d,"product_id":"BTC-USD","price":"100","best_bid":"100","best_bid_size":"1",'
        b'"side":"buy","trade_id":1,"last_size":"1"}' % (10_000 + stage.seconds), stage.now_ns + 1)


@pytest.mark.parametrize(("data_class", "fires"), [("spot", True), ("option", False)])
def test_a_book_without_a_side_for_five_seconds_is_an_alert_but_not_of_options(data_class, fires):
    stage = Stage(COINBASE, instruments=[Instrument("btc-usd", data_class)])
    stage.run(60, lambda: busy(stage))
    one_sided(stage)
    stage.second(4)
    assert stage.fired() == []
    one_sided(stage)
    stage.second(2)
    assert ("one_sided" in stage.rules()) is fires


def test_a_spread_of_more_than_ten_medians_is_too_wide_when_it_lasts():
    stage = Stage(BINANCE)
    chance = random.Random(3)
    stage.run(120, lambda: stage.quote(BINANCE, 100, 100 + chance.uniform(0.05, 0.15)))
    stage.run(60, lambda: stage.quote(BINANCE, 100, 100.8))
    assert stage.fired() == []
    stage.run(9, lambda: stage.quote(BINANCE, 100, 102))
    assert stage.fired() == []
    stage.run(3, lambda: stage.quote(BINANCE, 100, 102))
    assert stage.rules() == {"wide"}


def test_while_we_read_nothing_nobody_is_missed():
    stage = Stage()
    stage.run(120, lambda: busy(stage))
    stage.paused = True
    stage.second(600)
    stage.paused = False
    stage.run(60, lambda: busy(stage))
    assert stage.fired() == []


def test_an_alert_carries_what_both_sides_said_last():
    stage = Stage()
    stage.run(60, lambda: walk(stage, (KRAKEN,)))
    alert = next(each for each in stage.watch.alerts() if each.key.rule == "frozen")
    assert alert.evidence["symbol"] == "BTC/USD"
    assert alert.evidence["bid"] == 100.0
    assert alert.evidence["fair"] > 100.3
    assert alert.value > alert.threshold == 5
