"""When silence is an alarm: the arrival law, over simulated seconds."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.watch.stream import Stream
from tests.reference.arrivals import SlowStream

LAW = {"p": 1e-6, "times": 3.0, "shortest_s": 5.0, "longest_s": 600.0, "half_life_s": 3600.0}


def poisson(chance, mean):
    """One draw; Knuth's multiplication for small means, enough of them for large ones."""
    count, left, floor = -1, 1.0, math.exp(-min(mean, 500))
    while left > floor:
        left *= chance.random()
        count += 1
    return count


def fed(counts, **law):
    """A stream that these arrivals have come of, one number a second."""
    stream, total = Stream(**{**LAW, **law}), 0
    for came in counts:
        total += came
        stream.second(total)
    return stream, total


def silence_until_stale(stream, total, at_most_s=100_000):
    """Seconds without arrivals until it is stale."""
    for second in range(1, at_most_s + 1):
        stream.second(total)
        if stream.stale:
            return second
    return None


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 2])
def test_the_limit_of_poisson_arrivals_is_the_one_of_the_specification(rate):
    chance = random.Random(5)
    stream, _ = fed(poisson(chance, rate) for _ in range(40_000))
    assert stream.limit_s() == pytest.approx(3 * math.log(1e6) / rate, rel=0.15)


def test_ten_a_second_that_stop_are_stale_in_five_seconds_and_silent_in_fifteen():
    stream, total = fed([10] * 120)
    assert silence_until_stale(stream, total) == 5
    assert not stream.silent()
    for _ in range(10):
        stream.second(total)
    assert stream.silent()


def test_what_comes_once_an_hour_is_not_missed_after_three_hours():
    stream, total = fed(([1] + [0] * 3599) * 12)
    assert silence_until_stale(stream, total, 3 * 3600) is None


def test_what_comes_once_a_minute_is_missed_after_minutes_and_not_before_p_allows_it():
    chance = random.Random(6)
    stream, total = fed(poisson(chance, 1 / 60) for _ in range(40_000))
    assert math.log(1e6) * 60 * 0.7 < stream.limit_s() < 1800
    assert silence_until_stale(stream, total, 1800) is not None


@given(rate=st.floats(0.003, 30), p=st.sampled_from([0.2, 0.05, 0.01]), seed=st.integers(0, 2**32))
def test_poisson_arrivals_are_stale_no_oftener_than_p_says(rate, p, seed):
    """Of the silences, a share of p at most, whatever the rate, without the bounds and the factor of three."""
    chance, total, silences, stale = random.Random(seed), 0, 0, 0
    stream = Stream(**{**LAW, "p": p, "shortest_s": 1e-3, "longest_s": 1e-3})
    seconds = min(int(120 / rate) + 100, 20_000)
    was_stale = False
    for second in range(seconds):
        came = poisson(chance, rate)
        total += came
        stream.second(total)
        if second > seconds / 6:
            silences += came > 0
            stale += stream.stale and not was_stale
        was_stale = stream.stale
    expected = p * silences
    assert stale <= expected + 4 * math.sqrt(expected) + 2


@given(counts=st.lists(st.integers(0, 4) | st.just(0) | st.just(40), min_size=1, max_size=150),
       p=st.sampled_from([0.3, 1e-2, 1e-6]))
def test_the_stream_says_what_its_slow_twin_says(counts, p):
    law = {**LAW, "p": p, "shortest_s": 2.0, "longest_s": 30.0, "half_life_s": 50.0}
    stream, slow, total = Stream(**law), SlowStream(**law), 0
    for came in counts:
        total += came
        stream.second(total)
        slow.second(came)
        expected = slow.limit_s()
        assert stream.limit_s() == (expected if expected > 1e30 else pytest.approx(expected, rel=1e-3)) or (
            expected > 1e30 and stream.limit_s() > 1e29)
        if abs(slow.quiet_s - expected) > 1e-2 * expected:
            assert stream.stale == slow.stale
            assert stream.quiet_s == slow.quiet_s


def test_bursts_are_one_arrival_each_to_the_law():
    burst, _ = fed(([200] + [0] * 29) * 200)
    single, _ = fed(([1] + [0] * 29) * 200)
    assert burst.rates[2] == pytest.approx(single.rates[2], rel=0.05)
    assert burst.limit_s() > 3 * 30


def test_one_wild_second_does_not_hide_how_regular_the_others_are():
    stream, total = fed([5000] + [10] * 59 + [3000] + [10] * 60)
    assert silence_until_stale(stream, total, 600) <= 15


def test_one_first_burst_is_no_rate():
    stream, total = fed([5000])
    assert silence_until_stale(stream, total, 600) is None


def test_an_outage_does_not_teach_that_silence_is_usual():
    stream, total = fed([10] * 600)
    before = stream.limit_s()
    for _ in range(7200):
        stream.second(total)
    assert stream.stale
    stream.second(total + 10)
    assert not stream.stale
    assert before < stream.limit_s() <= 3 * before


def test_a_silence_that_a_stream_has_kept_before_is_no_alarm_again():
    stream, total = fed([10] * 600)
    for _ in range(5):
        for _ in range(4):
            stream.second(total)
        total += 10
        stream.second(total)
    assert stream.limit_s() > 5.9


def test_nobody_watched_what_lies_between_two_looks_that_are_too_far_apart():
    stream, total = fed([10] * 600)
    stream.second(total, 3600.0)
    assert stream.quiet_s == 1.5
    stream.second(total, 0.0)
    stream.second(total, -5.0)
    assert stream.quiet_s == 1.5


def test_the_count_may_wrap():
    stream, total = Stream(**LAW), 2**32 - 300
    stream.second(total, 0.0)
    for _ in range(60):
        total += 10
        stream.second(total)
    assert stream.rates[0] == pytest.approx(10, rel=0.01)


def test_a_rate_that_falls_below_its_share_is_seen_and_noise_is_not():
    stream, total = fed([10] * 3600)
    assert stream.share() == pytest.approx(1, rel=0.01)
    for _ in range(300):
        total += 1
        stream.second(total)
    assert stream.share() < 0.2
    rare, _ = fed(([1] + [0] * 59) * 60 + [0] * 200)
    assert rare.share() == 1


def test_an_hour_in_which_nothing_is_expected_has_no_limit():
    stream, _ = fed([10] * 600)
    assert stream.limit_s(0.0) == math.inf
    assert stream.limit_s(0.01) > stream.limit_s(1.0)
    assert stream.limit_s(0.01) == pytest.approx(100 * stream.limit_s(1.0), rel=0.3)
