"""Which connections are dead, and how soon that is told: at most three seconds."""

import pytest

from ingestor.settings.quality import QualitySettings
from ingestor.watch.alerts import Change, State
from ingestor.watching.sockets import SocketWatch
from tests.markets import NOW, SECOND
from tests.watching.stage import link


class Lines:
    """Connections of providers, and their watch, second by second."""

    def __init__(self, *names, provider="okx-v5", rate=50, phase_s=0.5):
        self.provider, self.rate = provider, rate
        self.links = {name: link(name) for name in names}
        self.now_ns = NOW + int(phase_s * SECOND)
        self.paused = False
        self.watch = SocketWatch(lambda: {provider: list(self.links.values())}, QualitySettings(), lambda: self.paused)
        self.changes, self.seconds = [], 0

    def second(self, count=1, mute=(), elapsed_s=1.0):
        """So many seconds; frames come on all live links but the mute ones, the last just before the look."""
        for _ in range(count):
            self.now_ns += int(elapsed_s * SECOND)
            self.seconds += 1
            for each in self.links.values():
                if each.state.name in ("LIVE", "SUBSCRIBING") and each.name not in mute:
                    each.frames += self.rate
                    each.last_frame_ns = self.now_ns - SECOND // 100
            self.changes += [(self.seconds, change) for change in self.watch.second(self.now_ns)]

    def set(self, name, state, **disconnects):
        self.links[name].state.name = state
        self.links[name].disconnects = disconnects

    def firing(self):
        return {(alert.key.rule, alert.key.part, alert.severity.name) for alert in self.watch.alerts()
                if alert.state == State.FIRING}

    def fired(self):
        return [(second, change.alert.key.part) for second, change in self.changes if change.change == Change.FIRED]


def test_live_connections_raise_nothing():
    lines = Lines("c0", "c1")
    lines.second(3600)
    assert lines.changes == []


def test_a_live_connection_without_frames_is_dead_within_three_seconds():
    lines = Lines("c0", "c1")
    lines.second(30)
    lines.second(3, mute=("c0",))
    assert lines.firing() == {("socket", "c0", "CRITICAL")}
    assert lines.fired()[0][0] - 30 <= 2
    assert lines.watch.down == {("okx-v5", "", "c0")}


def test_a_connection_that_closes_and_is_not_back_is_dead_within_three_seconds():
    lines = Lines("c0", "c1")
    lines.second(30)
    lines.set("c0", "WAITING", server_closed=1)
    lines.second(2)
    assert lines.firing() == {("socket", "c0", "CRITICAL")}
    lines.set("c0", "LIVE", server_closed=1)
    lines.second(12)
    assert lines.firing() == set()
    assert lines.watch.down == set()


def test_one_that_is_back_at_the_next_look_was_never_dead():
    lines = Lines("c0")
    lines.second(30)
    lines.set("c0", "CONNECTING", connection_lost=1)
    lines.second()
    lines.set("c0", "LIVE", connection_lost=1)
    lines.second(30)
    assert lines.changes == []


def test_one_that_we_replace_may_take_five_seconds():
    lines = Lines("c0")
    lines.second(30)
    lines.set("c0", "CONNECTING", age=1)
    lines.second(5)
    assert lines.fired() == []
    lines.second(3)
    assert [part for _, part in lines.fired()] == [""]


def test_one_that_is_open_again_and_brings_nothing_stays_dead():
    lines = Lines("c0", "c1")
    lines.second(30)
    lines.set("c0", "WAITING", server_closed=1)
    lines.second(5)
    lines.set("c0", "SUBSCRIBING", server_closed=1)
    lines.second(30, mute=("c0",))
    assert lines.firing() == {("socket", "c0", "CRITICAL")}
    lines.second(12)
    assert lines.firing() == set()


def test_all_connections_of_a_provider_are_one_alert():
    lines = Lines(*(f"c{number}" for number in range(20)))
    lines.second(30)
    for name in lines.links:
        lines.set(name, "WAITING", connection_lost=1)
    lines.second(10)
    assert lines.firing() == {("socket", "", "CRITICAL")}
    assert lines.watch.dead == {"okx-v5"}


def test_a_line_whose_other_line_lives_is_a_warning():
    lines = Lines("c0/a", "c0/b", "c1/a", "c1/b")
    lines.second(30)
    lines.set("c0/a", "WAITING", server_closed=1)
    lines.second(3)
    assert lines.firing() == {("socket", "c0/a", "WARNING")}


def test_pongs_keep_a_quiet_connection_alive():
    """A frame each 20 s, and its own law asks for minutes."""
    lines = Lines("c0", rate=1)
    for _ in range(60):
        lines.second()
        lines.second(19, mute=("c0",))
    assert lines.changes == []


def test_a_connection_that_never_opens_is_dead_after_fifteen_seconds():
    lines = Lines("c0")
    lines.set("c0", "CONNECTING")
    lines.second(15)
    assert lines.fired() == []
    lines.second(2)
    assert lines.firing() == {("socket", "", "CRITICAL")}


@pytest.mark.parametrize("how", ["paused", "late"])
def test_where_we_stood_still_nobody_is_dead(how):
    lines = Lines("c0")
    lines.second(30)
    if how == "paused":
        lines.paused = True
        lines.second(20, mute=("c0",))
        lines.paused = False
    else:
        lines.second(1, mute=("c0",), elapsed_s=8.0)
    lines.second(30)
    assert lines.changes == []


def test_wanted_subscriptions_that_stay_unasked_are_a_warning():
    lines = Lines("c0")
    lines.links["c0"].wanted = 5
    lines.second(59)
    assert lines.firing() == set()
    lines.second(5)
    assert lines.firing() == {("unsubscribed", "c0", "WARNING")}


def test_a_connection_without_wishes_is_not_judged():
    lines = Lines("c0")
    lines.links["c0"].wanted = 0
    lines.set("c0", "IDLE")
    lines.second(100)
    assert lines.changes == []


def test_one_death_is_followed_by_no_second_alert_of_it():
    lines = Lines("c0", "c1")
    lines.second(30)
    lines.second(120, mute=("c0",))
    assert lines.fired() == [(32, "c0")]
