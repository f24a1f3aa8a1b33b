"""Repeated log events are held back and counted."""

from ingestor.feeds.timing import REPEAT_EVERY_S, Repeats
from tests.feeds.faketime import FakeTime


def test_an_event_is_told_once_a_minute_with_the_number_held_back():
    time = FakeTime()
    repeats = Repeats(time.timing.clock)
    assert [repeats.admit("lost") for _ in range(4)] == [0, None, None, None]
    time.now += REPEAT_EVERY_S
    assert repeats.admit("lost") == 3
    time.now += REPEAT_EVERY_S
    assert repeats.admit("lost") == 0


def test_events_are_told_apart():
    repeats = Repeats(FakeTime().timing.clock)
    assert [repeats.admit("lost"), repeats.admit("refused"), repeats.admit("lost")] == [0, 0, None]


def test_the_first_event_is_told_whatever_the_clock_says():
    assert Repeats(FakeTime(now=0.0).timing.clock).admit("lost") == 0
