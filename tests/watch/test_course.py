"""The course of a ratio over an hour, against all of its values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.watch.face import CoursePlayer

SECOND = 1_000_000_000
START = 1_786_562_940 * SECOND
HOUR = 3600


def course(values, every_s=1):
    player = CoursePlayer()
    for number, value in enumerate(values):
        player.note(value, START + number * every_s * SECOND)
    return player


def test_before_the_first_value_nothing_is_known():
    said = CoursePlayer().said()
    assert [math.isnan(said[name]) for name in ("last", "median", "p99")] == [True, True, True]
    assert said["peak"] == 0


def test_a_moment_is_the_peak_for_an_hour_and_not_for_ever():
    player = course([0.0] * 10 + [-0.06] + [0.0] * HOUR)
    assert player.said()["peak"] == pytest.approx(-0.06, rel=1e-6)
    for second in range(HOUR, HOUR + 1300):
        player.note(0.0, START + second * SECOND)
    assert player.said()["peak"] == 0


def test_the_mean_forgets_half_in_a_minute():
    player = course([0.0] * 600 + [0.01] * 60)
    assert player.said()["mean"] == pytest.approx(0.005, rel=1e-6)


def test_no_data_ends_the_last_value_and_nothing_else():
    player = course([0.01, math.nan])
    assert math.isnan(player.said()["last"])
    assert player.said()["peak"] == pytest.approx(0.01, rel=1e-6)


@given(st.lists(st.floats(2e-5, 0.1), min_size=1, max_size=300), st.sampled_from([1, -1]))
def test_percentiles_are_within_a_bucket_of_the_true_ones(values, sign):
    said = course([sign * value for value in values]).said()
    ordered = sorted(values)
    for name, share in (("median", 0.5), ("p99", 0.99)):
        true = ordered[math.ceil(share * len(values)) - 1]
        assert true / math.sqrt(2) * (1 - 1e-6) <= said[name] <= true * math.sqrt(2) * (1 + 1e-6)
        assert said[name] <= max(values) * (1 + 1e-6)


@pytest.mark.parametrize("value", [0.0, 1e-300, 0.5, 1.0, 1e300, math.inf])
def test_any_distance_has_a_bucket(value):
    said = course([value] * 3).said()
    assert said["median"] <= said["p99"] <= abs(said["peak"])
    assert said["counted"] == 3


def test_a_long_silence_empties_every_block():
    player = course([0.03] * 10)
    player.note(math.nan, START + 10 * HOUR * SECOND)
    assert player.said()["counted"] == 0
