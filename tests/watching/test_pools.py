"""What many paths share is told once, at the highest level: provider, connection, channel, venue, instrument."""

import random
from types import SimpleNamespace

import pytest

from tests.markets import NOW, SECOND, Market
from tests.watching.stage import BINANCE, Stage, busy, lively

COINS = [Market(f"{name}-usd", "binance-spot", f"{name.upper()}USD")
         for name in ("btc", "eth", "sol", "ada", "xrp", "dot")]


def aggregated(instrument, venue):
    """A venue through coinapi."""
    return Market(instrument, "coinapi", f"{venue.upper()}_SPOT_{instrument[:3].upper()}_USD", venue=venue,
                  venue_code=venue.upper())


def test_a_provider_that_says_nothing_is_one_critical_alert_in_five_seconds():
    stage = Stage(*COINS, Market("btc-usd", "kraken-v2", "BTC/USD"))
    stage.run(120, lambda: busy(stage))
    stage.run(30, lambda: stage.quote(stage.markets[-1]))
    assert stage.firing() == [("silent", "binance-spot", "", "", "")]
    assert stage.fired() == [(125, "silent")]
    assert stage.watch.alerts()[0].severity.name == "CRITICAL"


def test_a_provider_of_rare_markets_is_not_missed_after_seconds():
    stage = Stage(BINANCE)
    chance = random.Random(4)

    def act():
        if chance.random() < 0.05:
            stage.trade()

    stage.run(4 * 3600, act)
    assert stage.fired() == []


def test_a_dead_channel_is_one_alert_however_many_instruments_it_brought():
    stage = Stage(*COINS)
    stage.run(120, lambda: busy(stage))
    stage.run(30, lambda: [stage.quote(market, at_s=at / 10) for market in COINS for at in range(10)])
    assert stage.firing() == [("silent", "binance-spot", "", "", "trade")]


def test_half_of_a_venues_instruments_going_silent_are_one_alert():
    stage = Stage(*COINS, *(Market(f"x{number}-usd", "binance-spot", f"X{number}USD") for number in range(4)))
    stage.run(120, lambda: busy(stage))
    alive = stage.markets[5:]

    stage.run(10, lambda: lively(stage, *alive))
    assert {key[3] for key in stage.firing()} == {""}
    assert ("stale", "binance-spot", "binance", "", "spot") in stage.firing()


def test_two_of_ten_instruments_going_silent_are_two_alerts():
    stage = Stage(*COINS, *(Market(f"x{number}-usd", "binance-spot", f"X{number}USD") for number in range(4)))
    stage.run(120, lambda: busy(stage))
    stage.run(10, lambda: lively(stage, *stage.markets[2:]))
    assert stage.firing() == [
        ("stale", "binance-spot", "binance", "btc-usd", ""), ("stale", "binance-spot", "binance", "eth-usd", "")]


def test_one_venue_of_an_aggregator_that_falls_silent_is_told_as_the_venue():
    markets = [aggregated(f"{coin}-usd", venue) for coin in ("btc", "eth") for venue in ("bitstamp", "gemini")]
    stage = Stage(*markets)

    def quotes(venues):
        for market in markets:
            if market.venue in venues:
                for _ in range(5):
                    stage.sequence += 1
                    stage.lines["coinapi"].feed_bytes(
                        (f'{{"type":"quote","symbol_id":"{market.symbol}","sequence":{stage.sequence},"ask_price":100.1,'
                         f'"ask_size":1,"bid_price":{100 + stage.sequence % 5 / 100},"bid_size":1}}').encode(),
                        stage.now_ns + 1)

    stage.run(120, lambda: quotes(("bitstamp", "gemini")))
    stage.run(10, lambda: quotes(("gemini",)))
    assert stage.firing() == [("silent", "coinapi", "bitstamp", "", "spot")]


def test_what_a_dead_connection_carried_is_not_told_beside_it():
    sockets = SimpleNamespace(down=set())
    stage = Stage(*COINS, sockets=sockets)
    stage.run(120, lambda: busy(stage))
    sockets.down = {("binance-spot", "", "c0")}
    stage.second(300)
    assert stage.fired() == []
    sockets.down = set()
    stage.run(4, lambda: None)
    assert stage.fired() == []
    stage.run(5, lambda: None)
    assert stage.rules() == {"silent"}


def test_alerts_beyond_the_limit_are_counted_and_told_when_there_is_room():
    stage = Stage(*COINS, alerts_max=1)
    stage.run(120, lambda: busy(stage))
    stage.run(6, lambda: lively(stage, *COINS[2:]))
    assert len(stage.firing()) == 1
    assert stage.watch.untold == 1


def test_the_roll_up_counts_paths_and_their_faults_and_rates():
    stage = Stage(*COINS, Market("btc-usd", "kraken-v2", "BTC/USD"))
    stage.run(300, lambda: busy(stage))
    stage.run(6, lambda: stage.quote(stage.markets[-1]))
    rows = {row["provider"]: row for row in stage.watch.rollups()}
    assert rows["binance-spot"]["paths"] == rows["binance-spot"]["judged"] == 6
    assert rows["binance-spot"]["bad"]["stale"] == 6
    assert rows["kraken-v2"]["bad"]["stale"] == 0
    assert rows["binance-spot"]["normal_rate"] == pytest.approx(66, rel=0.05)
    assert rows["kraken-v2"]["rate"] == pytest.approx(1, rel=0.05)


# Latency and clocks.


def delayed(stage, chance, *, delay_s, skew_s=0.0, count=20):
    """Trades with an exponential delay above 10 ms, by a venue's clock that is behind by `skew_s`."""
    for number in range(count):
        stage.trade(behind_s=0.01 + skew_s + chance.expovariate(1 / delay_s), at_s=number / count)


def rollup(stage):
    return stage.watch.rollups()[0]


@pytest.mark.parametrize("skew_s", [0.0, 3.0, -0.5])
def test_latency_is_told_without_the_clocks_difference(skew_s):
    stage = Stage(BINANCE)
    chance = random.Random(9)
    stage.run(241, lambda: delayed(stage, chance, delay_s=0.05, skew_s=skew_s))
    found = rollup(stage)
    assert found["offset_s"] == pytest.approx(0.012 + skew_s, abs=0.006)
    assert found["p50_s"] == pytest.approx(0.0347, rel=0.2)
    assert found["p99_s"] == pytest.approx(0.23, rel=0.2)


def test_quantiles_of_a_minute_are_those_of_its_sorted_delays_within_a_sixteenth():
    stage, delays = Stage(BINANCE), []
    chance = random.Random(10)
    stage.run(60, lambda: stage.trade(behind_s=0.01))

    def act():
        for number in range(20):
            delay_s = round(0.01 + chance.expovariate(20), 3)
            stage.trade(behind_s=delay_s, at_s=number / 20)
            delays.append(delay_s - 0.01)

    stage.run(60, act)
    found, kept = rollup(stage), sorted(delays)
    assert found["records"] == len(kept)
    for name, share in (("p50_s", 0.5), ("p99_s", 0.99), ("p999_s", 0.999)):
        assert found[name] == pytest.approx(kept[int(share * len(kept))], rel=1 / 16, abs=0.001)


def test_latency_of_more_than_three_norms_is_an_alert_after_five_minutes():
    stage = Stage(BINANCE)
    chance = random.Random(11)
    stage.run(1200, lambda: delayed(stage, chance, delay_s=0.02))
    stage.run(300, lambda: delayed(stage, chance, delay_s=0.2))
    assert "latency" not in stage.rules()
    stage.run(120, lambda: delayed(stage, chance, delay_s=0.2))
    assert ("latency", "binance-spot", "binance", "", "spot") in stage.firing()


def test_one_minute_of_latency_is_no_alert():
    stage = Stage(BINANCE)
    chance = random.Random(12)
    for delay_s in (0.02, 0.2, 0.02):
        stage.run(1200 if delay_s < 0.1 else 60, lambda delay_s=delay_s: delayed(stage, chance, delay_s=delay_s))
    assert "latency" not in {rule for _, rule in stage.fired()}


def test_a_venue_whose_clock_is_ahead_is_told_and_one_absurd_time_is_not():
    stage = Stage(BINANCE)
    stage.run(60, lambda: stage.trade())
    stage.trade(behind_s=-3600)
    stage.run(60, lambda: stage.trade())
    assert stage.fired() == []
    assert rollup(stage)["offset_s"] == pytest.approx(0.02)
    stage.run(10, lambda: stage.trade(behind_s=-2.0))
    assert "clock_ahead" in stage.rules()


def test_a_clock_that_drifts_is_told():
    stage = Stage(BINANCE)
    stage.run(1800, lambda: stage.trade())
    assert stage.fired() == []
    stage.run(3600, lambda: stage.trade(behind_s=0.02 + (stage.seconds - 1800) * 2e-4))
    assert "clock_drift" in {rule for _, rule in stage.fired()}


# The hour of the week.


def test_an_hour_that_was_quiet_last_week_is_expected_to_be_quiet_this_week():
    """Of each hour 1900 s are watched, which are enough to know it."""
    stage = Stage(BINANCE)
    slow = []
    for week in range(2):
        for hour in range(4):
            stage.now_ns = (NOW // (3600 * SECOND) + 1 + 168 * week + hour) * 3600 * SECOND
            stage.watch.second(stage.now_ns)
            if hour < 3:
                stage.run(1900, lambda: [stage.trade(at_s=at / 4) for at in range(4)])
                continue
            before = len(stage.fired())
            stage.run(1900, lambda: stage.trade() if stage.seconds % 3 == 0 else None)
            slow.append([rule for _, rule in stage.fired()[before:]])
    assert slow == [["slow"], []]
    assert rollup(stage)["normal_rate"] < 1
