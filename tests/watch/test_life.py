"""The life cycle of an alert that waits: alert_note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.watch.alerts import Change, State
from ingestor.watch.face import AlertPlayer

ALLOWED = {
    (State.QUIET, State.QUIET): Change.NOTHING,
    (State.QUIET, State.PENDING): Change.BEGAN,
    (State.QUIET, State.FIRING): Change.FIRED,
    (State.PENDING, State.PENDING): Change.NOTHING,
    (State.PENDING, State.FIRING): Change.FIRED,
    (State.PENDING, State.QUIET): Change.DROPPED,
    (State.FIRING, State.FIRING): Change.NOTHING,
    (State.FIRING, State.CLEARING): Change.EASED,
    (State.FIRING, State.QUIET): Change.CLEARED,
    (State.CLEARING, State.CLEARING): Change.NOTHING,
    (State.CLEARING, State.FIRING): Change.RESUMED,
    (State.CLEARING, State.QUIET): Change.CLEARED,
}


def changes(alert, course):
    """The Change at each second of a course of 1 (bad) and 0."""
    return [alert.note(bad, 7.0, second) for second, bad in enumerate(course)]


def test_it_fires_when_bad_for_so_long_and_clears_when_not_for_so_long():
    assert changes(AlertPlayer(2, 3), [0, 1, 1, 1, 1, 0, 0, 0, 0, 0]) == [
        Change.NOTHING, Change.BEGAN, Change.NOTHING, Change.FIRED, Change.NOTHING,
        Change.EASED, Change.NOTHING, Change.NOTHING, Change.CLEARED, Change.NOTHING]


def test_what_is_bad_for_less_is_dropped_at_once():
    assert changes(AlertPlayer(2, 3), [1, 1, 0, 1, 1, 1]) == [
        Change.BEGAN, Change.NOTHING, Change.DROPPED, Change.BEGAN, Change.NOTHING, Change.FIRED]


def test_what_comes_back_while_it_clears_fires_on_with_its_first_time():
    alert = AlertPlayer(0, 3)
    assert changes(alert, [1, 0, 0, 1, 0]) == [
        Change.FIRED, Change.EASED, Change.NOTHING, Change.RESUMED, Change.EASED]
    assert alert.state()["first_seen_ns"] == 0


def test_without_waits_it_fires_and_clears_at_once():
    assert changes(AlertPlayer(0, 0), [1, 1, 0, 1]) == [Change.FIRED, Change.NOTHING, Change.CLEARED, Change.FIRED]


def test_the_value_is_the_last_one_seen_while_bad():
    alert = AlertPlayer(0, 5)
    alert.note(True, 1.5, 0)
    alert.note(True, 2.5, 1)
    alert.note(False, 9.5, 2)
    assert alert.state()["value"] == 2.5


@given(st.integers(0, 4), st.integers(0, 4), st.lists(st.booleans(), max_size=60))
def test_each_change_is_the_one_between_its_two_states(pending_ns, clearing_ns, course):
    alert, before = AlertPlayer(pending_ns, clearing_ns), State.QUIET
    for second, bad in enumerate(course):
        change = alert.note(bad, 1.0, second)
        after = alert.state()["state"]
        assert change == ALLOWED[before, after]
        if change != Change.NOTHING:
            assert alert.state()["changed_ns"] == second
        before = after


@pytest.mark.parametrize("back_s", [1, 1000])
def test_a_clock_that_steps_back_neither_fires_nor_clears_early(back_s):
    alert = AlertPlayer(10, 10)
    assert alert.note(True, 1.0, 5000) == Change.BEGAN
    assert alert.note(True, 1.0, 5000 - back_s) == Change.NOTHING
    assert alert.note(True, 1.0, 5010) == Change.FIRED
