"""What quotes, trades and proofs of life change in a book, and what they must not change."""

from math import inf, nan

import pytest

from ingestor.pricing.consensus import PriceBook
from tests.pricing.books import START, at, book_of


def test_p7_a_repeated_quote_changes_nothing_and_a_changed_one_of_the_same_venue_time_counts():
    book = book_of(100)
    book.quote(0, 99, 101, at(1), bid_size=1, ask_size=2, event_ns=at(0.9))
    first = book.evaluate(at(1))
    book.quote(0, 99, 101, at(5), bid_size=1, ask_size=2, event_ns=at(0.9))
    assert book.evaluate(at(5))["age_freshest_s"] == 4
    book.quote(0, 99, 101, at(5), bid_size=1, ask_size=3, event_ns=at(0.9))
    assert book.evaluate(at(5))["age_freshest_s"] == 0
    assert first["price"] == 100


def test_a_quote_whose_venue_time_runs_backwards_is_dropped():
    book = book_of(100)
    book.quote(0, 99, 101, at(1), event_ns=at(0.9))
    book.quote(0, 199, 201, at(2), event_ns=at(0.8))
    assert book.evaluate(at(2))["price"] == 100


def test_a_venue_clock_ahead_of_ours_does_not_make_later_quotes_late():
    book = book_of(100)
    book.quote(0, 99, 101, at(1), event_ns=at(5_000))
    book.quote(0, 199, 201, at(2), event_ns=at(1.9))
    assert book.evaluate(at(2))["price"] == 200


def test_a_quiet_book_on_a_live_checked_channel_is_current_up_to_ten_times_the_age():
    book = book_of(100)
    book.alive(0, at(299))
    assert book.evaluate(at(300))["age_freshest_s"] == 1
    book.alive(0, at(300.5))
    assert book.evaluate(at(301))["status"] == "HELD"


def test_without_proofs_of_life_a_quote_ages_by_itself():
    book = book_of(100)
    assert book.evaluate(at(30))["status"] == "SINGLE"
    assert book.evaluate(at(30.001))["status"] == "HELD"


def test_a_thin_source_may_be_a_hundred_of_its_own_intervals_old_within_ten_seconds_and_ten_minutes():
    for interval, oldest in ((0.05, 10), (1, 100), (60, 600)):
        book = PriceBook({"thin": True, "hold": 0, "sigma": 0}, [(0, 1, None)])
        for i in range(3):
            book.quote(0, 99.99, 100.01, at(i * interval))
        last = 2 * interval
        assert book.evaluate(at(last + oldest))["status"] == "SINGLE"
        assert book.evaluate(at(last + oldest + 0.01))["status"] == "UNAVAILABLE"


def test_times_in_the_future_are_of_age_zero():
    book = book_of(100, now=at(50))
    assert book.evaluate(START)["age_oldest_s"] == 0


def test_a_print_beyond_the_filter_is_refused_until_the_third_in_a_row_near_the_others():
    book = book_of(100, 100, 100)
    assert book.evaluate(START)["status"] == "OK"
    assert book.trade(0, 100.99, 1, START) == "accepted"
    said = [book.trade(0, price, 1, START) for price in (102, 102.5, 101.9, 102, 100, 102, 110, 102)]
    assert said == ["outlier", "outlier", "level_shift", "level_shift", "accepted", "outlier", "outlier", "outlier"]


def test_the_print_filter_widens_with_the_gate():
    book = book_of(100, 101, 102)
    assert book.evaluate(START)["gate"] == pytest.approx(0.05)
    assert [book.trade(0, price, 1, START) for price in (105.9, 106.2)] == ["accepted", "outlier"]


def test_without_a_trustworthy_fair_price_a_print_is_compared_with_the_last_of_its_own_path():
    book = PriceBook({}, [(0, 1, None), (1, 1, None)])
    assert [book.trade(0, price, 1, START) for price in (50, 50.4, 52)] == ["accepted", "accepted", "outlier"]
    assert book.evaluate(START)["price"] == pytest.approx(50.4)
    assert book.trade(1, 90, 1, START) == "accepted"


def test_a_print_in_another_currency_is_compared_with_the_fair_price_brought_to_it():
    rate = book_of(0.5, 0.5, 0.5, half=1e-5)
    rate.evaluate(START)
    book = PriceBook({}, [(0, 1, None), (1, 1, None), (2, 1, rate)])
    for source, price in ((0, 100), (1, 100), (2, 200)):
        book.quote(source, price - 0.01, price + 0.01, START)
    assert book.evaluate(START)["status"] == "OK"
    assert [book.trade(2, price, 1, START) for price in (201, 203)] == ["accepted", "outlier"]


@pytest.mark.parametrize(("price", "size"), [
    (nan, 1), (inf, 1), (0, 1), (-5, 1), (1e300, 1), (100, nan), (100, 0), (100, -1)])
def test_a_trade_without_a_price_or_a_size_is_ignored(price, size):
    book = PriceBook({}, [(0, 1, None)])
    assert book.trade(0, price, size, START) == "invalid"
    assert book.evaluate(START)["status"] == "UNAVAILABLE"


def test_a_late_trade_adds_volume_and_moves_no_price():
    book = PriceBook({"cap": 1}, [(0, 1, None), (1, 1, None)])
    book.trade(0, 100, 1, START, event_ns=START)
    book.trade(1, 100, 1, START, event_ns=START)
    assert book.trade(0, 100.5, 2, at(1), event_ns=at(-0.001)) == "accepted"
    got = book.evaluate(at(1))
    assert got["prices"] == [100, 100]
    assert got["weights"] == pytest.approx([(3 / 4 + 1 / 2) / 2, (1 / 4 + 1 / 2) / 2], rel=1e-6)


def test_a_refused_print_adds_no_volume():
    book = PriceBook({"cap": 1}, [(0, 1, None), (1, 1, None)])
    for source, price, size in ((0, 100, 1), (1, 100, 1), (1, 110, 50)):
        book.trade(source, price, size, START)
    assert book.evaluate(START)["weights"] == pytest.approx([0.5, 0.5])


def test_volume_halves_in_its_half_life_and_survives_the_move_of_its_landmark():
    book = PriceBook({"cap": 1, "H_V": 1}, [(0, 1, None), (1, 1, None)])
    book.trade(0, 100, 4, START)
    for moved in (0, 600, 1200, 1_000_000):
        book.trade(0, 100, 4, at(moved))
        book.trade(1, 100, 2, at(moved + 1))
        assert book.evaluate(at(moved + 1))["weights"] == pytest.approx([0.5, 0.5], abs=0.1 if moved == 0 else 1e-9)


def test_a_trade_newer_than_the_quote_and_beyond_it_moves_the_price_to_the_touched_side():
    book = book_of(100)
    book.trade(0, 100.5, 1, at(1))
    assert book.evaluate(at(2))["price"] == pytest.approx(100.01)
    book.quote(0, 99.99, 100.01, at(3))
    assert book.evaluate(at(3))["price"] == 100
