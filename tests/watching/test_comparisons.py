"""Providers against each other, through a real pipeline: who is named, when, and what is silent."""

import gc
import math
from types import SimpleNamespace

import pytest

from ingestor.errors import InternalError
from ingestor.watch.alerts import Change, Key, Severity, State
from ingestor.watch.face import RULES_MAX, WINDOW_MAX
from ingestor.watching.comparisons import TIERS, Comparisons, DiscrepancyRule
from tests.markets import SECOND, Instrument, Market
from tests.watching.providers import BINANCE, COINBASE, KRAKEN, Desk, aggregated

FAST, SLOW = "discrepancy/0.05/30s", "discrepancy/0.005/900s"
FAST_ONLY = [DiscrepancyRule(Severity.CRITICAL, 0.05, 30)]
THREE = (BINANCE, COINBASE, KRAKEN)
COINBASE_ETH = Market("eth-usd", "coinbase-exchange", "ETH-USD")
KRAKEN_ETH = Market("eth-usd", "kraken-v2", "ETH/USD")


def keys(told):
    return [(change, key.rule, key.provider, key.venue) for _, change, key in told]


# The rules, on real prices.


@pytest.mark.parametrize("seconds", [1, 20])
def test_six_percent_for_a_moment_is_silent_and_recorded_as_the_peak(seconds):
    desk = Desk(*THREE)
    assert desk.run(900, 0, 0, 0) == []
    assert desk.run(seconds, 0, 0, 0.06) == []
    assert desk.run(1000, 0, 0, 0) == []
    assert desk.deviations()["kraken-v2", ""].peak == pytest.approx(0.06, rel=1e-6)


def test_six_percent_held_fires_after_24_seconds_for_the_provider_that_is_off_and_for_no_other():
    desk = Desk(*THREE)
    desk.run(900, 0, 0, 0)
    key = Key(FAST, "kraken-v2", "", "btc-usd")
    assert desk.run(40, 0, 0, 0.06) == [(924, "FIRED", key)]
    assert desk.run(60, 0, 0, 0) == [(964, "CLEARED", key)]


def test_six_tenths_of_a_percent_warns_after_twelve_minutes():
    desk = Desk(*THREE)
    desk.run(900, 0, 0, 0)
    told = desk.run(721, 0, -0.006, 0)
    assert told == [(1620, "FIRED", Key(SLOW, "coinbase-exchange", "", "btc-usd"))]
    assert desk.told[-1][1].alert.severity == Severity.WARNING


def test_signs_that_flip_are_silent():
    desk = Desk(*THREE)
    for _ in range(60):
        assert desk.run(10, 0, 0, 0.03) == []
        assert desk.run(10, 0, 0, -0.03) == []


def test_gaps_do_not_hide_what_is_held():
    desk = Desk(*THREE)
    desk.run(100, 0, 0, 0)
    desk.run(10, 0, 0, 0.06)
    missed = 8
    desk.now_ns += missed * 1_000_000_000     # nobody looked
    told = desk.run(30, 0, 0, 0.06)
    assert [(change, key.provider) for _, change, key in told] == [("FIRED", "kraken-v2")]


def test_a_provider_that_falls_silent_is_without_data_and_what_fired_is_cleared():
    desk = Desk(*THREE, rules=FAST_ONLY)
    desk.run(30, 0, 0, 0)
    desk.run(30, 0, 0, 0.06)
    told = desk.run(90, 0, 0, None)
    assert [(second, change) for second, change, _ in told] == [(120, "CLEARED")]     # 30 s old quotes, 30 s of window
    assert math.isnan(desk.deviations()["kraken-v2", ""].last)


def test_a_provider_that_is_wrong_on_all_venues_is_named_and_the_price_stays():
    markets = [BINANCE, COINBASE, KRAKEN, aggregated("coinapi", "coinbase"), aggregated("coinapi", "kraken")]
    desk = Desk(*markets)
    desk.run(60, 0, 0, 0, 0, 0)
    told = desk.run(40, 0, 0, 0, 0.06, 0.06)
    assert ("FIRED", FAST, "coinapi", "") in keys(told)
    assert {provider for _, _, provider, _ in keys(told)} == {"coinapi"}
    assert {venue for _, _, _, venue in keys(told)} == {"", "coinbase", "kraken"}
    [fair] = desk.pipeline.fairs()
    assert 99.9 < fair["price"] < 100.1


def test_a_provider_that_is_wrong_on_one_venue_is_named_with_it():
    markets = [BINANCE, COINBASE, KRAKEN, aggregated("coinapi", "coinbase"), aggregated("coinapi", "kraken")]
    desk = Desk(*markets)
    desk.run(60, 0, 0, 0, 0, 0)
    assert keys(desk.run(40, 0, 0, 0, 0.06, 0)) == [("FIRED", FAST, "coinapi", "coinbase")]


# Two providers.


def test_of_two_exchanges_one_alert_names_both():
    desk = Desk(COINBASE, KRAKEN)
    desk.run(60, 0, 0)
    [(_, change, key)] = desk.run(40, 0, 0.06)
    assert (change, key) == ("FIRED", Key(FAST, "coinbase-exchange,kraken-v2", "", "btc-usd"))
    [alert] = [alert for alert in desk.part.alerts() if alert.key == key]
    assert alert.evidence["pair"] == ["coinbase-exchange", "kraken-v2"]
    assert alert.evidence["blamed"] is None


@pytest.mark.parametrize("first", [True, False])
def test_of_two_the_one_is_blamed_that_also_disagrees_with_a_venues_own_feed(first):
    markets = [aggregated("coinapi", "coinbase"), COINBASE] if first else [COINBASE, aggregated("coinapi", "coinbase")]
    offs = (0.06, 0) if first else (0, 0.06)
    desk = Desk(*markets)
    desk.run(60, 0, 0)
    told = desk.run(40, *offs)
    assert sorted(keys(told)) == [("FIRED", FAST, "coinapi", ""), ("FIRED", FAST, "coinapi", "coinbase")]
    cleared = desk.run(60, 0, 0)
    assert sorted(key for _, _, key in cleared) == sorted(key for _, _, key in told)


def test_both_sides_of_a_pair_have_their_ratio():
    desk = Desk(COINBASE, KRAKEN)
    desk.run(3, 0, 0.06)
    found = desk.deviations()
    assert found["kraken-v2", ""].last == pytest.approx(0.06, rel=1e-6)
    assert found["coinbase-exchange", ""].last == pytest.approx(1 / 1.06 - 1, rel=1e-6)


# What is compared.


def test_an_instrument_of_one_provider_is_not_compared():
    assert list(Desk(aggregated("coinapi", "coinbase"), aggregated("coinapi", "kraken")).part.deviations()) == []


def test_an_instrument_that_is_not_published_here_is_not_compared():
    desk = Desk(COINBASE, KRAKEN)
    desk.pipeline.books.rows[0].published = False
    assert list(Comparisons(desk.pipeline, FAST_ONLY).deviations()) == []


def test_a_side_that_disagrees_within_itself_is_no_data():
    desk = Desk(COINBASE, aggregated("coinapi", "coinbase"), aggregated("coinapi", "kraken"))
    desk.run(5, 0, 0, 0.06)
    found = desk.deviations()
    assert math.isnan(found["coinapi", ""].last)
    assert found["coinapi", "coinbase"].last == pytest.approx(0, abs=1e-9)


def test_the_provider_that_is_off_makes_no_other_look_off():
    desk = Desk(*THREE)
    desk.run(60, 0, 0, 0.06)
    found = desk.deviations()
    assert [abs(found[provider, ""].peak) < 0.001 for provider in ("binance-spot", "coinbase-exchange")] == [True, True]


@pytest.mark.parametrize(("tier", "off", "fires"), [
    ("major", 0.051, True), ("mid", 0.099, False), ("mid", 0.11, True), ("tail", 0.19, False), ("tail", 0.21, True),
    ("stable", 0.009, False), ("stable", 0.011, True)])
def test_the_tier_multiplies_the_threshold(tier, off, fires):
    desk = Desk(*THREE, rules=FAST_ONLY,
                instruments=[Instrument("btc-usd", tier=tier)])
    told = desk.run(30, 0, 0, off)
    assert bool(told) == fires
    if fires:
        assert desk.told[-1][1].alert.threshold == pytest.approx(0.05 * TIERS[tier])


def test_a_threshold_is_at_least_four_times_the_yardsticks_confidence():
    desk = Desk(COINBASE, KRAKEN, rules=[DiscrepancyRule(Severity.CRITICAL, 0.0001, 10)])
    desk.run(20, 0, 0.0003)
    assert desk.told == [] or all(each.change != Change.FIRED for _, each in desk.told)
    desk.run(20, 0, 0.01)
    assert desk.told[-1][1].change == Change.FIRED
    assert desk.told[-1][1].alert.threshold > 0.0003


def test_comparing_changes_no_price():
    markets = [*THREE, aggregated("coinapi", "coinbase"), aggregated("coinapi", "kraken")]
    watched, alone = Desk(*markets), Desk(*markets)
    alone.part = SimpleNamespace(second=lambda now_ns: [])
    for second in range(120):
        offs = (0, 0.0004 * (second % 3), -0.0003, 0.06 if second % 40 > 20 else 0, 0.0002 * (second % 5))
        fairs = []
        for desk in (watched, alone):
            desk.run(1, *offs)
            fairs.append(desk.pipeline.fairs())
        assert fairs[0] == fairs[1]


# What is told.


def test_an_alert_has_its_evidence():
    desk = Desk(*THREE)
    desk.run(30, 0, 0, 0)
    desk.run(30, 0, 0, 0.06)
    [alert] = [each for each in desk.part.alerts() if each.key.rule == FAST]
    assert (alert.state, alert.severity) == (State.FIRING, Severity.CRITICAL)
    assert (alert.window_s, alert.threshold) == (30.0, 0.05)
    assert alert.value == pytest.approx(0.06, rel=1e-6)
    assert alert.evidence["price"] == pytest.approx(106, rel=1e-6)
    assert alert.evidence["yardstick"] == pytest.approx(100, rel=1e-6)
    assert alert.evidence["against"] == ["binance-spot", "coinbase-exchange"]
    assert (alert.evidence["seconds_valid"], alert.evidence["seconds_exceeding"]) == (30, 30)


def test_a_pending_one_is_listed_and_gone_when_dropped():
    desk = Desk(*THREE)
    desk.run(100, 0, 0, 0)
    desk.run(1, 0, 0, 0.06)
    assert {alert.state for alert in desk.part.alerts()} == {State.PENDING}
    desk.run(10, 0, 0, 0)
    assert desk.part.alerts() == []


def test_the_course_of_a_provider_is_known():
    desk = Desk(*THREE)
    desk.run(300, 0, 0, 0.002)
    kraken = desk.deviations()["kraken-v2", ""]
    assert kraken.mean == pytest.approx(0.002, rel=1e-6)
    assert kraken.median == pytest.approx(0.002, rel=0.3)
    assert kraken.median <= kraken.p99 <= kraken.peak
    assert kraken.weight == pytest.approx(0.2)      # the others have the cap, 0.4 each
    assert kraken.exceeding == {}


def test_comparisons_without_data_are_counted_by_provider():
    desk = Desk(COINBASE, KRAKEN, aggregated("coinapi", "coinbase"))
    desk.run(2, 0, 0, None)
    assert desk.part.counts() == {"coinbase-exchange": [1, 0], "kraken-v2": [1, 0], "coinapi": [2, 2]}


def test_the_same_second_twice_counts_once():
    desk = Desk(*THREE)
    desk.run(1, 0, 0, 0.06)
    for _ in range(40):
        assert desk.part.second(desk.now_ns - 1) == []


@pytest.mark.parametrize("parts", [2, 7, 20])
def test_a_second_in_parts_judges_each_instrument_once(parts):
    markets = [COINBASE_ETH, KRAKEN_ETH, *THREE]
    whole, cut = (Desk(*markets, instruments=["eth-usd", "btc-usd"]) for _ in range(2))
    whole.run(30, 0.06, 0, 0, 0, 0.06)
    second = cut.part.second
    cut.part = SimpleNamespace(second=lambda now_ns: [
        each for part in range(parts) for each in second(now_ns + part, part, parts)])
    cut.run(30, 0.06, 0, 0, 0, 0.06)
    assert [(at, each.change, each.alert.key) for at, each in cut.told] == [
        (at, each.change, each.alert.key) for at, each in whole.told]
    assert {each.alert.key.instrument for _, each in cut.told} == {"btc-usd", "eth-usd"}


def test_the_same_quotes_at_the_same_times_tell_the_same_twice():
    def course():
        desk = Desk(*THREE)
        desk.run(40, 0, 0, 0.001)
        desk.run(40, 0, 0, 0.07)
        desk.run(40, 0, None, 0)
        return desk.told
    assert course() == course()


# Another edition of the instruments.


class Holder:
    """A pipeline whose books are exchanged."""

    def __init__(self, pipeline):
        self.books = pipeline.books


@pytest.mark.parametrize("prepared", [True, False])
def test_what_fired_goes_on_in_another_edition_and_is_cleared_when_its_market_is_gone(prepared):
    desk = Desk(*THREE)
    holder = Holder(desk.pipeline)
    desk.part = part = Comparisons(holder, FAST_ONLY)
    desk.run(30, 0, 0, 0.06)
    [fired] = [alert.key for alert in part.alerts()]
    peak = desk.deviations()["kraken-v2", ""].peak
    wider = Desk(COINBASE_ETH, KRAKEN_ETH, *THREE, instruments=["eth-usd", "btc-usd"])
    if prepared:
        part.prepare(Desk(COINBASE).pipeline)       # which was refused
        part.prepare(wider.pipeline)
        desk.run(1, 0, 0, 0.06)
    holder.books = wider.pipeline.books
    assert part.second(desk.now_ns) == []
    assert [(alert.key, alert.state) for alert in part.alerts()] == [(fired, State.FIRING)]
    assert desk.deviations()["kraken-v2", ""].peak == peak
    alone = Desk(COINBASE).pipeline
    if prepared:
        part.prepare(alone)
    holder.books = alone.books
    del wider, alone
    gc.collect()
    [gone] = part.second(desk.now_ns + SECOND)
    assert (gone.change, gone.alert.key) == (Change.CLEARED, fired)
    assert part.alerts() == []
    assert part.second(desk.now_ns + 2 * SECOND) == []


# Limits.


@pytest.mark.parametrize("rules", [
    [DiscrepancyRule(Severity.INFO, 0.01, 5)] * (RULES_MAX + 1), [DiscrepancyRule(Severity.INFO, 0.01, WINDOW_MAX + 1)],
    [DiscrepancyRule(Severity.INFO, 0.01, 0)], [DiscrepancyRule(Severity.INFO, 0.0, 5)]])
def test_rules_beyond_the_limits_are_refused(rules):
    with pytest.raises(InternalError, match=f"at most {RULES_MAX}"):
        Comparisons(Desk(COINBASE, KRAKEN).pipeline, rules)


def test_as_many_rules_as_there_may_be_all_judge():
    rules = [DiscrepancyRule(Severity.INFO, 0.01 + number / 1000, WINDOW_MAX if number else 10)
             for number in range(RULES_MAX)]
    desk = Desk(COINBASE, KRAKEN, rules=rules)
    desk.run(12, 0, 0.06)
    assert len(desk.part.alerts()) == RULES_MAX


def test_without_rules_there_is_only_the_course():
    desk = Desk(COINBASE, KRAKEN, rules=[])
    assert desk.run(60, 0, 0.06) == []
    assert len(desk.deviations()) == 2
