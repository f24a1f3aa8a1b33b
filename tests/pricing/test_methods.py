"""What the selectable methods do in the stream, seen from outside: one market, told tick by tick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.pricing.consensus import PriceBook, method_name, parameters_hash
from tests.pricing.books import at, book_of, bounded
from tests.pricing.test_methods_twin import METHODS

QUOTED = ("pyth_median", "weighted_median", "capped_mean")
TRADED = ("decayed_vwap", "vwm_partitions", "principal_market", "cm_realtime")


def book(method, venues=3, **params):
    return PriceBook({"method": method, "sigma": 0, "c_floor": 0, **params}, [(i, 1, None) for i in range(venues)])


def contract(sources, index_price=100.0, **params):
    """A contract over `sources` and its index, quoted without a spread now."""
    index = book_of(index_price, index_price, index_price, half=0.0, params={"sigma": 0, "c_floor": 0}, now=at(0))
    index.evaluate(at(0))
    dated = params.pop("dated", False)
    made = PriceBook({"method": "mark_default", "sigma": 0, "c_floor": 0, **params}, sources, index=index, dated=dated)
    return made, index


def either(method, venues):
    """A book of the method, with an index where it needs one."""
    if method == "mark_default":
        return contract([(i, 1, None) for i in range(venues)])[0]
    return book(method, venues, partition_s=1)


@pytest.mark.parametrize("method", METHODS)
def test_a_book_that_heard_nothing_has_no_price(method):
    found = book(method).evaluate(at(0))
    assert (found["status"], found["price"], found["n"]) == ("UNAVAILABLE", None, 0)


@pytest.mark.parametrize("method", [*QUOTED, *TRADED])
def test_a_price_is_held_then_given_up(method):
    made = book(method, hold_s=100, partition_s=1)
    for i in range(3):
        made.quote(i, 99.9, 100.1, at(0))
        made.trade(i, 100, 1, at(0))
    assert made.evaluate(at(2))["status"] in ("OK", "DEGRADED", "SINGLE")
    silent = 4000       # the hour, too, has passed
    assert made.evaluate(at(silent))["status"] == "UNAVAILABLE"
    made.quote(0, 99.9, 100.1, at(silent))
    made.trade(0, 100, 1, at(silent))


@pytest.mark.parametrize("method", METHODS)
def test_evaluating_twice_at_one_time_is_evaluating_once(method):
    made = either(method, 2)
    for second in range(5):
        for i in range(2):
            made.quote(i, 99.9 + i / 100, 100.1, at(second))
            made.trade(i, 100 + i / 10, 1 + i, at(second))
        first = made.evaluate(at(second))
        again = made.evaluate(at(second))
        assert {**first, "version": 0} == {**again, "version": 0}


@pytest.mark.parametrize("method", [*QUOTED, *TRADED])
@bounded
@given(prices=st.lists(st.integers(9950, 10050), min_size=1, max_size=6), power=st.sampled_from([-8, 3, 20]))
def test_prices_times_a_power_of_two_give_the_price_times_it(method, prices, power):
    found = []
    for scale in (1.0, 2.0 ** power):
        made = book(method, len(prices), partition_s=1)
        for i, price in enumerate(prices):
            made.quote(i, (price - 1) * scale, (price + 1) * scale, at(0))
            made.trade(i, price * scale, 1 + i, at(0))
        found.append(made.evaluate(at(1)))
    assert found[1]["price"] == found[0]["price"] * 2.0 ** power
    assert found[1]["conf"] == pytest.approx(found[0]["conf"] * 2.0 ** power, rel=1e-9, abs=1e-300)
    assert (found[0]["weights"], found[0]["status"]) == (found[1]["weights"], found[1]["status"])


@pytest.mark.parametrize("method", [*QUOTED, *TRADED])
@bounded
@given(prices=st.lists(st.integers(9950, 10050), min_size=1, max_size=7, unique=True), random=st.randoms())
def test_the_order_of_the_venues_has_no_say_and_the_price_stays_among_theirs(method, prices, random):
    found, order = [], list(range(len(prices)))
    for _ in range(2):
        made = book(method, len(prices), partition_s=1)
        for i, venue in enumerate(order):
            made.quote(i, prices[venue], prices[venue], at(0))
            made.trade(i, prices[venue], 1 + venue, at(0))
        found.append(made.evaluate(at(1))["price"])
        random.shuffle(order)
    assert found[0] == pytest.approx(found[1], rel=1e-13)
    assert min(prices) * (1 - 1e-12) <= found[0] <= max(prices) * (1 + 1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
def test_what_can_not_be_a_price_changes_nothing(method, bad):
    found = []
    for fault in (False, True):
        made = either(method, 4)
        for i in range(3):
            made.quote(i, 99.5, 100.5, at(0))
            made.trade(i, 100 + i / 8, 1, at(0))
        if fault:
            made.quote(3, bad, bad, at(0))
            assert made.trade(3, bad, 1, at(0)) == "invalid"
            assert made.trade(3, 100, bad, at(0)) == "invalid"
        found.append(made.evaluate(at(1)))
    assert found[0] == found[1]


@pytest.mark.parametrize("method", ["pyth_median", "weighted_median"])
def test_a_second_provider_of_a_venue_adds_no_weight_to_it(method):
    one = PriceBook({"method": method}, [("a", 1, None), ("b", 1, None), ("c", 1, None)])
    paths = [("a", 1, None), ("b", 1, None), ("c", 1, None), ("c", 1, None), ("c", 0.5, None)]
    two = PriceBook({"method": method}, paths)
    for made, venues in ((one, "abc"), (two, "abccc")):
        for i, venue in enumerate(venues):
            made.quote(i, *({"a": (99, 99.2), "b": (100, 100.2), "c": (101, 101.2)}[venue]), at(0))
    assert one.evaluate(at(0))["price"] == two.evaluate(at(0))["price"]


def test_pyth_is_silent_below_its_publishers():
    made = book("pyth_median", publishers_min=3)
    made.quote(0, 99, 101, at(0))
    made.quote(1, 99, 101, at(0))
    assert made.evaluate(at(0))["status"] == "UNAVAILABLE"
    made.quote(2, 99, 101, at(0))
    assert made.evaluate(at(0))["status"] == "OK"


def test_trust_is_the_table_of_the_weighted_median():
    made = PriceBook({"method": "weighted_median"}, [("a", 3, None), ("b", 1, None), ("c", 1, None)])
    for i, price in enumerate((100, 101, 102)):
        made.quote(i, price, price, at(0))
    assert made.evaluate(at(0))["price"] == 100


def test_an_outlier_moves_a_capped_mean_by_its_share_of_the_band_alone():
    made = book("capped_mean", 4, conf_max=1e9)
    for i, price in enumerate((100, 100, 100, 1000)):
        made.quote(i, price, price, at(0))
    assert made.evaluate(at(0))["price"] == pytest.approx(100 * (1 + 0.005 / 4))


def test_partitions_speak_when_they_have_ended_and_leave_after_so_many():
    made = book("vwm_partitions", 1, partitions=2, partition_s=60, hold_s=0)
    start = 40      # at(40) begins a minute
    for price in (100, 101, 100.5):
        made.trade(0, price, 1, at(start + 10))
    assert made.evaluate(at(start + 59))["status"] == "UNAVAILABLE"
    assert made.evaluate(at(start + 60))["price"] == 100.5
    made.trade(0, 100.9, 5, at(start + 119), event_ns=at(start + 59))      # late: its partition has ended
    made.trade(0, 100.7, 5, at(start + 119))
    assert made.evaluate(at(start + 120))["price"] == pytest.approx(100.6)
    assert made.evaluate(at(start + 180))["price"] == 100.7
    assert made.evaluate(at(start + 240))["status"] == "UNAVAILABLE"


def test_a_rival_becomes_principal_after_fifteen_minutes_of_more_volume():
    made = book("principal_market", 2)
    made.trade(0, 100, 10, at(0))
    assert made.evaluate(at(0))["price"] == 100
    made.trade(1, 100.5, 10.9, at(1))
    for second in range(1, 2000, 30):
        made.trade(0, 100, 1e-9, at(second))
        made.trade(1, 100.5, 1e-9, at(second))
        assert made.evaluate(at(second))["price"] == 100     # less than 10 % more
    made.trade(1, 100.5, 1, at(2000))
    for second in range(2000, 2900, 30):
        made.trade(0, 100, 1e-9, at(second))
        made.trade(1, 100.5, 1e-9, at(second))
        assert made.evaluate(at(second))["price"] == 100
    assert made.evaluate(at(2900))["price"] == 100.5


def test_an_inactive_principal_is_left_at_once():
    made = book("principal_market", 2)
    made.trade(0, 100, 10, at(0))
    for second in range(0, 601, 30):
        made.trade(1, 100.5, 0.01, at(second))
    assert made.evaluate(at(600))["price"] == 100
    assert made.evaluate(at(601))["price"] == 100.5


def test_a_print_far_from_its_minute_is_not_orderly():
    made = book("principal_market", 1)
    for minute in range(60):
        made.trade(0, 100 + minute % 2 / 50, 1, at(60 * minute))
    later = 60 * 100
    for i in range(6):
        made.trade(0, 100.01, 1, at(later + i))
    made.trade(0, 100.9, 1, at(later + 7))
    found = made.evaluate(at(later + 8))
    assert found["price"] == 100.01


def test_a_silent_market_has_no_say_in_the_real_time_rate():
    made = book("cm_realtime", 2)
    made.trade(0, 100.9, 1000, at(0))
    for second in range(400):
        made.trade(1, 100, 0.001, at(second))
    found = made.evaluate(at(400))
    assert (found["price"], found["n"], found["n_used"]) == (100, 2, 1)


def test_decayed_volume_is_capped_by_venue():
    made = book("decayed_vwap", 3, weight_max=0.4)
    for i, size in enumerate((1000, 1, 1)):
        made.trade(i, 100 + i / 10, size, at(0))
    assert made.evaluate(at(0))["weights"] == pytest.approx([0.4, 0.3, 0.3])


def test_a_mark_is_the_middle_of_basis_own_book_and_peers():
    made, _ = contract([("own", 1, None), ("peer", 1, None)])
    made.quote(0, 100.2, 100.4, at(0))
    made.trade(0, 100.4, 1, at(0))
    made.quote(1, 100.1, 100.1, at(0))
    found = made.evaluate(at(0))        # m1 100.3, m2 100.4, m3 100.1
    assert found["price"] == pytest.approx(100.3)
    assert (found["status"], found["anchor"], found["gate"]) == ("OK", 100, 0.02)


def test_a_mark_without_its_book_is_the_index_and_without_the_index_nothing():
    made, index = contract([("own", 1, None)])
    found = made.evaluate(at(0))
    assert (found["price"], found["status"]) == (100, "DEGRADED")
    assert made.evaluate(at(59))["price"] == 100
    assert made.evaluate(at(61))["status"] == "HELD"        # the index was not evaluated for a minute
    index.evaluate(at(61))                                  # and is HELD itself: that marks nothing
    assert made.evaluate(at(61))["status"] == "HELD"


def test_a_perpetual_stays_within_the_bound_of_its_index_and_a_dated_future_within_that_of_its_basis():
    for dated, price in ((False, 102), (True, 105)):
        made, _ = contract([("own", 1, None)], dated=dated)
        made.quote(0, 105, 105, at(0))
        assert made.evaluate(at(0))["price"] == pytest.approx(price)
    made.quote(0, 120, 120, at(1))
    assert made.evaluate(at(1))["price"] <= 105 + 0.02 * 100 * 1.02


def test_one_wrong_provider_of_three_does_not_move_the_own_book():
    made, _ = contract([("own", 1, None)] * 3)
    for i, price in enumerate((100.1, 100.1, 101.9)):
        made.quote(i, price, price, at(0))
    assert made.evaluate(at(0))["price"] == pytest.approx(100.1)


def test_an_index_of_another_currency_is_converted():
    index = book_of(200, 200, 200, half=0.0, now=at(0))
    rate = book_of(0.5, 0.5, 0.5, half=0.0, now=at(0))
    made = PriceBook({"method": "mark_default"}, [(0, 1, None)], index=index, index_conversion=rate)
    index.evaluate(at(0))
    assert made.evaluate(at(0))["status"] == "UNAVAILABLE"
    rate.evaluate(at(0))
    assert made.evaluate(at(0))["price"] == pytest.approx(100)


def test_the_method_and_its_parameters_are_in_the_hash():
    assert [method_name({}), method_name({"method": "cm_realtime"})] == ["consensus_v1", "cm_realtime"]
    hashes = [parameters_hash(each) for each in (
        {}, {"method": "capped_mean"}, {"method": "capped_mean", "band": 0.01}, {"method": "decayed_vwap"},
        {"method": "decayed_vwap", "volume_half_life_s": 1800})]
    assert len(set(hashes)) == len(hashes)
    assert parameters_hash({"method": "consensus_v1"}) == hashes[0]


def test_trades_that_a_window_can_not_take_are_counted_by_reason():
    rate = PriceBook({}, [(0, 1, None)])
    made = PriceBook({"method": "vwm_partitions", "partition_s": 60}, [(0, 1, None), (1, 1, rate)])
    start = at(40)      # a minute begins
    for _ in range(65536):
        made.trade(0, 100, 1, start)
    assert made.uncounted == {"late": 0, "overflowed": 0, "unconverted": 0}
    made.trade(0, 100, 1, start)
    made.trade(1, 100, 1, start)
    made.trade(0, 100, 1, start, event_ns=at(39))
    assert made.uncounted == {"late": 1, "overflowed": 1, "unconverted": 1}
    assert made.evaluate(at(100))["price"] == 100


def test_a_trade_two_hours_late_is_counted_as_late():
    made = book("cm_realtime", 1)
    made.trade(0, 100, 1, at(0))
    made.trade(0, 101, 1, at(0), event_ns=at(-127 * 60))
    assert made.uncounted["late"] == 0
    made.trade(0, 101, 1, at(0), event_ns=at(-128 * 60))
    assert made.uncounted["late"] == 1
