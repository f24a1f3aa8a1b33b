"""How venues come by their weight, lose it, and what volatility does."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.pricing.consensus import PriceBook
from tests.pricing.books import START, at, book_of, bounded


@bounded
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(9_990, 10_010), st.booleans(), st.integers(1, 9)),
                max_size=25))
def test_p5_a_second_path_of_a_venue_that_says_the_same_changes_nothing(messages):
    single = PriceBook({}, [(venue, 1, None) for venue in (0, 1, 2)])
    double = PriceBook({}, [(venue, 1, None) for venue in (0, 1, 2, 1)])
    for i, (source, cents, trade, size) in enumerate(messages):
        price = cents / 100
        for book, sources in ((single, [source]), (double, [1, 3] if source == 1 else [source])):
            for number in sources:
                if trade:
                    book.trade(number, price, size, at(i))
                else:
                    book.quote(number, price - 0.01, price + 0.01, at(i))
        one, two = single.evaluate(at(i)), double.evaluate(at(i))
        for key in ("price", "conf", "anchor", "gate"):
            assert one[key] == pytest.approx(two[key], rel=1e-11)
        assert (one["status"], one["venues_used"]) == (two["status"], two["venues_used"])
        assert one["weights"] == pytest.approx([two["weights"][0], two["weights"][1] + two["weights"][3],
                                                two["weights"][2]], rel=1e-9)


def test_a_venues_weight_is_split_over_its_fresh_paths_by_trust():
    book = PriceBook({}, [("a", 2, None), ("a", 1, None), ("b", 2, None), ("c", 2, None)])
    for source in range(4):
        book.quote(source, 99.99, 100.01, START)
    assert book.evaluate(START)["weights"] == pytest.approx([2 / 9, 1 / 9, 1 / 3, 1 / 3])


def test_a_venue_that_keeps_away_from_the_fair_price_loses_weight_and_an_absurd_quote_costs_little():
    book = PriceBook({"cap": 1, "H_s": 60}, [(i, 1, None) for i in range(4)])
    for second in range(600):
        for source, price in enumerate((100, 100, 100.01, 1e12 if second == 0 else 100.2)):
            book.quote(source, price * (1 - 1e-6), price * (1 + 1e-6), at(second))
        got = book.evaluate(at(second))
    assert got["weights"][0] > 0.33 > got["weights"][2] > 0.15
    assert 1e-4 < got["weights"][3] < 0.01
    for second in range(600, 1500):
        for source in range(4):
            book.quote(source, 99.99, 100.01, at(second))
        got = book.evaluate(at(second))
    assert got["weights"] == pytest.approx([0.25] * 4, abs=0.01)


def test_a_wrong_path_is_its_providers_fault_and_costs_the_venue_no_weight():
    book = PriceBook({"cap": 1}, [("a", 1, None), ("a", 1, None), ("b", 1, None), ("c", 1, None)])
    for second in range(2_000):
        for source, price in enumerate((100, 104, 100, 100)):
            book.quote(source, price - 0.001, price + 0.001, at(second))
        got = book.evaluate(at(second))
    assert got["flagged"] == [1]
    assert got["weights"] == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 3], rel=1e-3)


def test_a_venue_that_joins_weighs_no_more_than_the_worst_of_those_present():
    book = PriceBook({"cap": 1}, [(i, 1, None) for i in range(4)])
    for second in range(1_000):
        for source, price in enumerate((100, 100, 100.2)):
            book.quote(source, price - 0.001, price + 0.001, at(second))
        book.evaluate(at(second))
    book.quote(3, 99.999, 100.001, at(1_000))
    joined = book.evaluate(at(1_000))
    assert joined["weights"][3] == pytest.approx(joined["weights"][2], rel=0.01)
    assert joined["weights"][3] < 0.3 * joined["weights"][0]


def test_a_venue_that_joins_is_not_held_to_be_as_bad_as_one_far_outside_the_gate():
    book = PriceBook({"cap": 1}, [(i, 1, None) for i in range(4)])
    for second in range(3_000):
        for source, price in enumerate((100, 100, 104)):
            book.quote(source, price - 0.001, price + 0.001, at(second))
        book.evaluate(at(second))
    book.quote(3, 99.999, 100.001, at(3_000))
    weights = book.evaluate(at(3_000))["weights"]
    # 1 / s2: the narrowest gate squared, 0.005^2, against 0.04^2.
    assert weights[3] / weights[2] == pytest.approx(0.04 ** 2 / 0.005 ** 2, rel=0.1)


def test_sigma_follows_the_returns_and_stays_at_zero_when_it_starts_there():
    for start in (1e-4, 0.0):
        book = PriceBook({"sigma": start}, [(0, 1, None)])
        price = 100.0
        for second in range(3_000):
            price *= 1.0005 if second % 2 else 1 / 1.0005
            book.quote(0, price - 0.01, price + 0.01, at(second))
            book.evaluate(at(second))
        assert book.sigma == (pytest.approx(5e-4, rel=0.05) if start else 0)


def test_a_jump_counts_as_four_sigma():
    book = book_of(100, params={"H_s": 600})
    for second, price in ((0, 100), (1, 150), (2, 150)):
        book.quote(0, price - 0.01, price + 0.01, at(second))
        book.evaluate(at(second))
    left = 2 ** (-1 / 600)
    assert book.sigma == pytest.approx(1e-4 * sqrt(left + 16 * (1 - left)))


def test_ticks_within_a_second_are_no_returns():
    book = PriceBook({}, [(0, 1, None)])
    for i in range(1_000):
        price = 100 + i % 2
        book.quote(0, price - 0.01, price + 0.01, at(i * 0.0009))
        book.evaluate(at(i * 0.0009))
    assert book.sigma == pytest.approx(1e-4)


@pytest.mark.parametrize("told", ["alone", "first"])
def test_volumes_of_contracts_of_any_size_and_currency_are_in_one_unit(told):
    """50 of the base traded at each: as such, in contracts of a hundredth, and in dollars (inverse)."""
    book = PriceBook({}, [(venue, 1, None) for venue in range(3)], contracts=[(1, False), (0.01, False), (10, True)])
    for source, size in enumerate((50, 5_000, 500)):
        book.trade(source, 100, size, START, told=("alone", "first").index(told))
    assert book.evaluate(START)["weights"] == pytest.approx([1 / 3] * 3)


def test_a_contract_that_no_double_holds_makes_no_weight_but_a_number():
    book = PriceBook({}, [(venue, 1, None) for venue in range(3)], contracts=[(1e308, False), (1e308, True), (1, True)])
    for source in range(3):
        for _ in range(10):
            book.trade(source, 100, 1e20, START)
    assert sum(book.evaluate(START)["weights"]) == pytest.approx(1)
