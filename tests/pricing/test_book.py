"""What a book remembers between evaluations: flags, the held price, rates; and that it is deterministic."""

from array import array
from math import isclose, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.errors import ConfigError
from ingestor.pricing.consensus import PriceBook, effective_parameters
from tests.pricing.books import START, at, book_of, bounded


@bounded
@given(st.lists(st.integers(2_600, 4_900), min_size=1, max_size=30), st.booleans(), st.sampled_from([1, -1]))
def test_p14_a_deviation_that_wanders_between_readmission_and_gate_never_toggles_the_flag(deviations, flagged, side):
    book = book_of(100, 100, 100, 100.6 if flagged else 100)
    assert book.evaluate(START)["flagged"] == ([3] if flagged else [])
    for i, deviation in enumerate(deviations, 1):
        for source in range(4):
            price = 100 * (1 + side * deviation / 1e6) if source == 3 else 100
            book.quote(source, price - 0.01, price + 0.01, at(i))
        got = book.evaluate(at(i))
        assert (got["gate"], got["flagged"]) == (0.005, [3] if flagged else [])


def test_a_flagged_source_is_not_listed_while_it_is_stale_and_still_flagged_when_it_returns():
    book = book_of(100, 100, 100, 100.6)
    assert book.evaluate(START)["flagged"] == [3]
    for now, price in ((at(31), None), (at(32), 100.3)):
        for source in range(3):
            book.quote(source, 99.99, 100.01, now)
        if price:
            book.quote(3, price - 0.01, price + 0.01, now)
        assert book.evaluate(now)["flagged"] == ([3] if price else [])


def test_a_rate_that_is_held_old_unsure_or_missing_leaves_its_sources_out():
    rate = PriceBook({}, [(i, 1, None) for i in range(3)])
    book = PriceBook({"hold": 0}, [(0, 1, rate)])
    book.quote(0, 99.99, 100.01, START)
    assert book.evaluate(START)["status"] == "UNAVAILABLE"
    for source in range(3):
        rate.quote(source, 0.9499, 0.9501, START)
    rate.evaluate(START)
    assert book.evaluate(START)["price"] == pytest.approx(95)
    book.quote(0, 99.99, 100.01, at(61))
    assert book.evaluate(at(60))["price"] == pytest.approx(95)
    assert book.evaluate(at(61))["status"] == "UNAVAILABLE"
    assert rate.evaluate(at(31))["status"] == "HELD"
    assert book.evaluate(at(61))["status"] == "UNAVAILABLE"


def test_the_confidence_of_a_converted_source_holds_that_of_its_rate():
    rate = book_of(0.95, 0.95, 0.95, half=0.001)
    rate.evaluate(START)
    book = PriceBook({}, [(0, 1, rate)])
    book.quote(0, 99.9, 100.1, START)
    assert book.evaluate(START)["conf"] == pytest.approx(sqrt((0.1 * 0.95) ** 2 + (100 * 0.001) ** 2))


@bounded
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_p17_a_held_price_is_constant_ever_less_sure_and_ends_unavailable(steps):
    book = book_of(100, 100.01, 99.99)
    fresh = book.evaluate(START)
    assert fresh["status"] == "OK"
    now, conf, statuses = 31, fresh["conf"], ["OK"]
    for step in steps:
        got = book.evaluate(at(now))
        statuses.append(got["status"])
        if now <= 300:
            assert (got["status"], got["price"], got["n"]) == ("HELD", fresh["price"], 0)
            assert got["conf"] >= conf
            assert got["q25"] <= got["price"] <= got["q75"]
            conf = got["conf"]
        else:
            assert (got["status"], got["price"], got["conf"]) == ("UNAVAILABLE", None, None)
        now += step
    assert statuses == sorted(statuses, key=("OK", "HELD", "UNAVAILABLE").index)


def test_after_unavailable_an_earlier_time_brings_no_held_price_back():
    book = book_of(100)
    book.evaluate(START)
    assert [book.evaluate(at(second))["status"] for second in (31, 301, 31)] == ["HELD", "UNAVAILABLE", "UNAVAILABLE"]


MESSAGE = st.tuples(
    st.integers(0, 4), st.integers(9_900, 10_100), st.booleans(), st.sampled_from([0, 0.001, 0.3, 2, 20]))


def prices_of(messages, times_each):
    """Every evaluation of a replayed log, made `times_each` times over; the last of each counts."""
    book, now, found = PriceBook({}, [(i % 4, 1, None) for i in range(5)]), 0.0, []
    for source, cents, trade, pause in messages:
        now += pause
        if trade:
            book.trade(source, cents / 100, 1, at(now))
        else:
            book.quote(source, cents / 100 - 0.01, cents / 100 + 0.01, at(now))
        for _ in range(times_each):
            got = book.evaluate(at(now))
        found.append({**got, "version": 0})
    return found


@bounded
@given(st.lists(MESSAGE, max_size=40))
def test_p16_a_replay_gives_the_same_to_the_last_bit_and_evaluating_twice_is_evaluating_once(messages):
    assert prices_of(messages, 1) == prices_of(messages, 1) == prices_of(messages, 2)


def test_what_a_price_taught_is_forgotten_when_it_is_made_anew_at_the_same_time():
    found = []
    for early in (True, False):
        book = book_of(100, 100, 100, 102)
        if early:
            book.evaluate(START)
        book.quote(3, nan, nan, START)
        book.evaluate(START)
        for i in range(2):
            book.quote(3, 101.99, 102.01, at(1 + i))
            found.append({**book.evaluate(at(1 + i)), "version": 0})
    assert found[:2] == found[2:]


def test_each_evaluation_has_the_next_version_and_its_own_time():
    book = book_of(100)
    assert [(got["version"], got["ts_emit_ns"]) for got in (book.evaluate(at(i)) for i in (0, 1, 400))] == [
        (1, at(0)), (2, at(1)), (3, at(400))]


def test_the_venue_time_is_the_newest_among_the_used():
    book = book_of(100, 100, 100, 110)
    for source, lag in ((0, 0.3), (1, 0.2), (2, 0.4), (3, 0.1)):
        price = 110 if source == 3 else 100
        book.quote(source, price - 0.01, price + 0.01, at(1), event_ns=at(1 - lag))
    assert book.evaluate(at(1))["ts_event_ns"] == at(0.8)
    assert book_of(100).evaluate(START)["ts_event_ns"] is None


def test_as_many_sources_as_the_limit_are_priced_and_one_more_is_refused():
    book = book_of(*(100 + i / 1_000 for i in range(256)))
    got = book.evaluate(START)
    assert (got["status"], got["n"], got["venues_used"]) == ("OK", 256, 256)
    assert isclose(sum(got["weights"]), 1, rel_tol=1e-12)
    assert got["price"] == pytest.approx(100.1275)
    with pytest.raises(MemoryError, match="256"):
        PriceBook({}, [(i, 1, None) for i in range(257)])


def test_a_book_without_sources_is_unavailable():
    assert PriceBook({}, []).evaluate(START)["status"] == "UNAVAILABLE"


def test_a_replay_in_columns_gives_what_single_calls_give():
    rows = [(i, i % 3, 100 + i / 100) for i in range(50)]
    columns = [array("q", [at(i) for i, _, _ in rows]), array("I", [source for _, source, _ in rows]),
               array("d", [price for _, _, price in rows]), array("d", [price + 0.02 for _, _, price in rows])]
    book, expected = PriceBook({}, [(i, 1, None) for i in range(3)]), []
    for i, source, price in rows:
        book.quote(source, price, price + 0.02, at(i))
        expected.append(book.evaluate(at(i))["price"])
    assert list(PriceBook({}, [(i, 1, None) for i in range(3)]).replay(*columns)) == expected
    with pytest.raises(IndexError, match="source 2"):
        PriceBook({}, [(0, 1, None), (1, 1, None)]).replay(*columns)
    with pytest.raises(ValueError, match="equal length"):
        book.replay(*columns[:3], array("d"))
    with pytest.raises(TypeError, match="columns"):
        book.replay(columns[1], *columns[1:])


def test_a_source_that_the_book_has_not_is_refused():
    book = book_of(100)
    for source in (1, -1):
        with pytest.raises(IndexError, match="this book has 1"):
            book.quote(source, 1, 2, START)


def test_a_book_knows_its_parameters_by_name_and_by_symbol_and_refuses_others():
    assert effective_parameters({"A": 20})["grace_s"] == 2
    assert book_of(100, params={"age_max_s": 3, "hold": "0"}).evaluate(at(4))["status"] == "UNAVAILABLE"
    with pytest.raises(ConfigError, match="'age_max' is unknown"):
        PriceBook({"age_max": 3}, [])


@bounded
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(9_500, 10_500), st.integers(1, 300)), min_size=1, max_size=60))
def test_p19_a_book_that_kept_its_order_agrees_to_the_last_bit_with_one_that_sorts_from_scratch(quotes):
    # No memory but the order: no flags, no weights that are learnt.
    settings = {"fixed_weights": True, "sigma": 0, "g_min": 1, "g_max": 1}
    sources = [(i, 1, None) for i in range(8)]
    kept, latest = PriceBook(settings, sources), {}
    for source, cents, spread in quotes:
        latest[source] = (cents / 100, cents / 100 + spread / 1_000)
        kept.quote(source, *latest[source], START)
        got = kept.evaluate(START)
        fresh = PriceBook(settings, sources)
        for number, top in latest.items():
            fresh.quote(number, *top, START)
        assert {**got, "version": 1} == fresh.evaluate(START)
