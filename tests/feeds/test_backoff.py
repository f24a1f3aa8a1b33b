"""Pauses between attempts, and the token bucket."""

import pytest

from ingestor.feeds.backoff import BACKOFF_MAX_S, RETRY_AFTER_MAX_S, Backoff, TokenBucket, named_pause_s
from tests.feeds.faketime import FakeTime


def high(low: float, high: float) -> float:
    return high


def test_the_bound_doubles_with_each_failure_up_to_the_maximum():
    backoff = Backoff(high, base_s=0.5, max_s=60.0)
    assert [backoff.pause_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_the_pause_is_drawn_from_zero_to_the_bound():
    drawn = []
    backoff = Backoff(lambda low, high: drawn.append((low, high)) or 0.25)
    assert backoff.pause_s() == 0.25
    assert drawn == [(0.0, 0.5)]


def test_a_thousand_failures_in_a_row_still_give_the_maximum():
    backoff = Backoff(high)
    assert [backoff.pause_s() for _ in range(1100)][-1] == BACKOFF_MAX_S


def test_a_reset_starts_from_the_beginning():
    backoff = Backoff(high)
    first = backoff.pause_s()
    backoff.pause_s()
    backoff.reset()
    assert backoff.pause_s() == first


@pytest.mark.parametrize(("text", "seconds"), [
    ("37", 37), ("0", 0), ("3600", 3600), ("3601", RETRY_AFTER_MAX_S), ("9" * 400, RETRY_AFTER_MAX_S),
    ("", 0), ("nan", 0), ("inf", 0), ("-5", 0), ("1e9", 0), ("\u0663", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)])
def test_a_pause_that_a_header_names_is_a_whole_number_and_bounded(text, seconds):
    assert named_pause_s(text) == seconds


def test_a_pause_may_be_named_in_milliseconds():
    assert named_pause_s("1500", 0.001) == 1.5


def test_a_providers_retry_after_is_kept_and_bounded():
    assert Backoff(lambda low, high: low).pause_s(retry_after_s=30) == 30
    assert Backoff(lambda low, high: low).pause_s(retry_after_s=1e9) == RETRY_AFTER_MAX_S


def bucket(rate: float, burst: float) -> tuple[TokenBucket, FakeTime]:
    time = FakeTime()
    return TokenBucket(rate, burst, time.timing.clock), time


def test_a_burst_passes_and_the_rest_is_spaced():
    tokens, _ = bucket(rate=4, burst=2)
    assert [tokens.take() for _ in range(5)] == [0, 0, 0.25, 0.5, 0.75]


def test_tokens_come_back_with_time_and_only_up_to_the_burst():
    tokens, time = bucket(rate=4, burst=2)
    for _ in range(3):
        tokens.take()
    time.now += 0.5
    assert tokens.take() == 0
    time.now += 1000
    assert [tokens.take() for _ in range(3)] == [0, 0, 0.25]


def test_a_burst_below_one_still_lets_one_pass():
    tokens, _ = bucket(rate=0.25, burst=0.1)
    assert [tokens.take(), tokens.take()] == [0, 4]


def test_over_any_long_time_the_rate_is_kept():
    tokens, time = bucket(rate=5, burst=2)
    for _ in range(1000):
        time.now += tokens.take()
    assert time.now - 1000 == pytest.approx((1000 - 2) / 5)


def test_a_rate_of_zero_means_no_limit():
    tokens, _ = bucket(rate=0, burst=0)
    assert [tokens.take() for _ in range(100)] == [0] * 100
