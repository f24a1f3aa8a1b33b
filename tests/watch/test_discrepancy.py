"""The rules of pricing.md 7.2: the vectors, the properties (P18), and the slow twin."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.errors import ConfigError
from ingestor.pricing.discrepancy import TICKS_MAX, discrepancy
from ingestor.watch.alerts import Change, State
from ingestor.watch.face import RULES_MAX, WINDOW_MAX, RulePlayer
from tests.reference.discrepancy import SlowRule

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]
RULES = [("0.05", 30), ("0.02", 120), ("0.01", 300), ("0.005", 900)]
NONE = {"fired": {}, "cleared": {}}
TOLD = {Change.FIRED: "fired", Change.CLEARED: "cleared"}


def told(*segments, rules=RULES, total=None):
    """When each rule fires and clears in a course of (seconds, ratio less 1)."""
    given = {"segments": [{"seconds": seconds, "ratio_minus_1": ratio} for seconds, ratio in segments]}
    if total is not None:
        given["total_s"] = total
    return discrepancy({"rules": [{"threshold": theta, "window_s": window} for theta, window in rules]}, given)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_a_vector_is_met(vector):
    assert discrepancy(vector["params"], vector["input"]) == vector["expected"]


# What the rules are for.


@pytest.mark.parametrize("seconds", [1, 20, 23])
def test_six_percent_for_a_moment_is_silent(seconds):
    assert told((900, 0), (seconds, "0.06"), total=1900) == NONE


@pytest.mark.parametrize("ratio", ["0.06", "-0.06"])
def test_six_percent_held_fires_after_24_seconds_and_clears_when_all_but_a_fifth_is_quiet(ratio):
    assert told((900, 0), (24, ratio), total=1900) == {"fired": {"0.05/30s": [924]}, "cleared": {"0.05/30s": [948]}}


def test_from_a_cold_start_it_fires_after_half_of_the_window():
    assert told((30, "0.06"))["fired"]["0.05/30s"] == [15]


def test_two_and_a_half_percent_fires_after_96_seconds_and_one_and_a_half_after_four_minutes():
    assert told((900, 0), (100, "0.025"))["fired"] == {"0.02/120s": [996]}
    assert told((900, 0), (300, "0.015"))["fired"] == {"0.01/300s": [1140]}


def test_what_is_held_fires_through_gaps():
    held = [(2, "0.06"), (1, None)] * 20
    assert told((900, 0), *held)["fired"]["0.05/30s"] == [926]      # 18 of the 22 valid of 30 ticks


def test_what_exceeds_on_both_sides_in_turn_does_not_fire():
    assert told(*([(7, "0.06"), (7, "-0.06")] * 50)) == NONE


def test_without_data_what_fired_is_cleared_when_the_window_is_empty():
    assert told((900, 0), (40, "0.06"), (100, None)) == {
        "fired": {"0.05/30s": [924]}, "cleared": {"0.05/30s": [970]}}


def test_too_little_data_fires_nothing():
    assert told(*([(1, "0.06"), (2, None)] * 100), rules=[("0.05", 30)]) == NONE


def test_exactly_the_threshold_does_not_exceed_it():
    assert told((100, "0.05"), rules=[("0.05", 30)]) == NONE


# The properties.

RATIOS = st.sampled_from([0.0, 0.06, -0.06, 0.03, -0.03, 0.026, 0.0249, math.nan])
COURSES = st.lists(st.tuples(st.integers(1, 12), RATIOS), min_size=1, max_size=25)


def course(segments):
    return [ratio for seconds, ratio in segments for _ in range(seconds)]


@given(COURSES, st.integers(1, 40))
def test_the_slow_twin_says_the_same_at_each_tick(segments, window):
    fast, slow = RulePlayer(0.05, window), SlowRule(0.05, window)
    for second, ratio in enumerate(course(segments)):
        assert TOLD.get(fast.tick(ratio, second), "") == slow.tick(ratio)
        state = fast.state()
        assert (state["valid"], max(state["above"], state["below"]), state["beyond"]) == slow.counts()
        assert (state["state"] in (State.FIRING, State.CLEARING)) == slow.firing


@given(st.lists(st.tuples(RATIOS, st.sampled_from([0.01, 0.05, 0.1])), max_size=120))
def test_a_tick_counts_as_it_did_when_the_threshold_moves_later(ticks):
    fast, slow = RulePlayer(0.05, 20), SlowRule(0.05, 20)
    for second, (ratio, threshold) in enumerate(ticks):
        assert TOLD.get(fast.tick(ratio, second, threshold), "") == slow.tick(ratio, threshold)


@given(st.integers(0, 100), st.integers(0, 14), st.floats(0.0501, 10), st.sampled_from([1, -1]), st.booleans())
def test_a_segment_shorter_than_half_of_every_window_never_fires(before, seconds, ratio, sign, known):
    quiet = 0.0 if known else None
    assert told((before, quiet), (seconds, sign * ratio), total=1100) == NONE


@given(COURSES, st.floats(1, 4), st.sampled_from(RULES))
def test_what_is_larger_fires_no_later(segments, factor, rule):
    def first(scale):
        scaled = [(seconds, None if math.isnan(ratio) else abs(ratio) * scale) for seconds, ratio in segments]
        return min((at for times in told(*scaled, rules=[rule])["fired"].values() for at in times), default=math.inf)
    assert first(factor) <= first(1)


@given(COURSES)
def test_the_sign_changes_nothing(segments):
    def signed(sign):
        return told(*((seconds, None if math.isnan(ratio) else sign * ratio) for seconds, ratio in segments))
    assert signed(1) == signed(-1)


@given(COURSES, st.integers(0, 100))
def test_seconds_at_which_nobody_looked_count_as_without_data(segments, skipped):
    looked, late = RulePlayer(0.05, 30), RulePlayer(0.05, 30)
    for second, ratio in enumerate(course(segments)):
        looked.tick(ratio, second)
        late.tick(ratio, second)
    for _ in range(skipped):
        looked.tick(math.nan, 500)
    late.skip(skipped)
    counts = ("valid", "above", "below", "beyond")
    assert [looked.state()[each] for each in counts] == [late.state()[each] for each in counts]


# What an alert says of itself.


def test_it_is_pending_from_the_first_tick_beyond_the_threshold_with_the_value_seen():
    rule = RulePlayer(0.05, 30)
    assert rule.tick(0.01, 1) == Change.NOTHING
    assert rule.tick(-0.07, 2) == Change.BEGAN
    assert rule.state()["state"] == State.PENDING
    assert (rule.state()["value"], rule.state()["first_seen_ns"], rule.state()["threshold"]) == (-0.07, 2, 0.05)


def test_a_pending_one_is_dropped_when_its_rule_would_clear():
    rule = RulePlayer(0.05, 30)
    changes = [rule.tick(ratio, second) for second, ratio in enumerate([0.06, 0.06, *[0.0] * 8])]
    assert changes == [Change.BEGAN, *[Change.NOTHING] * 8, Change.DROPPED]


def test_a_firing_one_eases_and_resumes_and_keeps_its_first_time():
    rule = RulePlayer(0.05, 10)
    for second in range(10):
        rule.tick(0.06, second)
    assert rule.tick(0.0, 10) == Change.EASED
    assert rule.tick(0.06, 11) == Change.RESUMED
    assert (rule.state()["state"], rule.state()["first_seen_ns"], rule.state()["changed_ns"]) == (State.FIRING, 0, 11)


def test_a_tick_without_data_leaves_open_whether_it_is_still_bad():
    rule = RulePlayer(0.05, 10)
    for second in range(10):
        rule.tick(0.06, second)
    assert rule.tick(math.nan, 10) == Change.NOTHING
    assert (rule.state()["state"], rule.state()["value"]) == (State.FIRING, 0.06)


# Limits and faults.


@pytest.mark.parametrize("window", [1, 2, 7, 8, 9, WINDOW_MAX])
def test_windows_of_any_length_up_to_the_largest_count_to_their_end(window):
    rule = RulePlayer(0.05, window)
    for second in range(2 * window + 1):
        rule.tick(0.06, second)
    assert (rule.state()["valid"], rule.state()["above"]) == (window, window)
    for second in range(window):
        rule.tick(0.0, second)
    assert (rule.state()["valid"], rule.state()["above"], rule.state()["beyond"]) == (window, 0, 0)


@pytest.mark.parametrize("window", [0, WINDOW_MAX + 1])
def test_a_window_beyond_the_limits_is_refused(window):
    with pytest.raises(ValueError, match=f"1 to {WINDOW_MAX}"):
        RulePlayer(0.05, window)


RULE = {"threshold": "0.05", "window_s": 30}


@pytest.mark.parametrize("params, given, says", [
    ({}, {"segments": []}, "params has no 'rules'"),
    ({"rules": []}, {"segments": []}, "has 0 rules"),
    ({"rules": [RULE] * (RULES_MAX + 1)}, {"segments": []}, f"1 to {RULES_MAX}"),
    ({"rules": [{**RULE, "threshold": "0"}]}, {"segments": []}, "give a positive number"),
    ({"rules": [{**RULE, "window_s": 1.5}]}, {"segments": []}, "whole seconds, 1 to 3600"),
    ({"rules": [{**RULE, "window_s": WINDOW_MAX + 1}]}, {"segments": []}, "whole seconds, 1 to 3600"),
    ({"rules": [RULE]}, {}, "input has no 'segments'"),
    ({"rules": [RULE]}, {"segments": [], "tick_s": 2}, "tick_s is 2: give 1"),
    ({"rules": [RULE]}, {"segments": [{"seconds": -1, "ratio_minus_1": 0}]}, "seconds is -1"),
    ({"rules": [RULE]}, {"segments": [{"seconds": 1}]}, "has no 'ratio_minus_1'"),
    ({"rules": [RULE]}, {"segments": [{"seconds": TICKS_MAX, "ratio_minus_1": 0}] * 2}, "together is 2000000"),
    ({"rules": [RULE]}, {"segments": [], "total_s": TICKS_MAX + 1}, "at most 1000000"),
])
def test_a_fault_is_one_line_that_says_where(params, given, says):
    with pytest.raises(ConfigError, match=says):
        discrepancy(params, given)
