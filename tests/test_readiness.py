"""Readiness: which conditions decide, and when."""

from types import SimpleNamespace

import pytest

from ingestor.feeds.link import ConnectionState, LinkStats
from ingestor.readiness import Readiness


class Shard:
    """What readiness looks at, to be changed by a test."""

    def __init__(self) -> None:
        self.built = True
        self.sink = SimpleNamespace(ready=True, reason="")
        self.links = {"okx-v5": [link(ConnectionState.LIVE, wanted=4, active=4)]}
        self.readiness = Readiness(
            pipeline=lambda: self.built, sink=lambda: (self.sink.ready, self.sink.reason), links=lambda: self.links)

    def sink_is(self, ready: bool, reason: str = "") -> None:
        self.sink = SimpleNamespace(ready=ready, reason=reason)

    @property
    def ready(self) -> bool:
        return self.readiness()[0]

    def condition(self, name: str) -> dict:
        return self.readiness()[1][name]


def link(state: ConnectionState, wanted: int, active: int) -> LinkStats:
    return LinkStats("c0", "", state, wanted=wanted, active=active)


@pytest.fixture
def shard() -> Shard:
    return Shard()


def test_a_shard_with_all_it_wants_is_ready(shard):
    assert shard.ready
    assert all(each["ok"] for each in shard.readiness()[1].values())


def test_a_shard_is_not_ready_before_its_pipeline_is_built(shard):
    shard.built = False
    assert not shard.ready
    assert shard.condition("pipeline") == {"ok": False, "decides": True, "reason": "not built yet"}


def test_a_broker_that_is_absent_at_the_start_is_told_and_awaited(shard):
    shard.sink_is(False, "no broker answers at 127.0.0.1:9092")
    assert not shard.ready
    assert shard.condition("sink") == {
        "ok": False, "decides": True, "reason": "no broker answers at 127.0.0.1:9092"}


def test_a_broker_that_goes_away_later_is_shown_and_decides_nothing(shard):
    assert shard.ready
    shard.sink_is(False, "all brokers are down")
    assert shard.ready
    assert shard.condition("sink") == {"ok": False, "decides": False, "reason": "all brokers are down"}


def test_a_ready_sink_may_still_tell_what_is_wrong(shard):
    shard.sink_is(True, "1 of 3 brokers is down")
    assert shard.ready
    assert shard.condition("sink") == {"ok": True, "decides": False, "reason": "1 of 3 brokers is down"}


def test_a_sink_that_names_no_reason_is_still_told(shard):
    shard.sink_is(False)
    assert shard.condition("sink")["reason"] == "not ready"


@pytest.mark.parametrize(("active", "ready"), [(5, True), (4, False)])
def test_half_of_the_wanted_subscriptions_must_be_active(shard, active, ready):
    shard.links = {"okx-v5": [link(ConnectionState.LIVE, wanted=4, active=active - 2)],
                   "kaiko": [link(ConnectionState.SUBSCRIBING, wanted=6, active=2)]}
    assert shard.ready is ready


def test_a_shard_whose_connections_only_subscribe_is_not_ready(shard):
    shard.links = {"okx-v5": [link(ConnectionState.SUBSCRIBING, wanted=4, active=4)]}
    assert not shard.ready


def test_the_reason_tells_how_much_flows(shard):
    shard.links = {"okx-v5": [link(ConnectionState.LIVE, wanted=4, active=1)],
                   "kaiko": [link(ConnectionState.WAITING, wanted=6, active=0)]}
    assert shard.condition("feeds")["reason"] == (
        "1 of 2 connections live, 1 of 10 subscriptions active, at least 50% must be")


def test_a_shard_that_owns_nothing_is_ready(shard):
    shard.links = {}
    assert shard.ready


def test_feeds_that_break_later_make_a_shard_not_ready_again(shard):
    assert shard.ready
    shard.links = {"okx-v5": [link(ConnectionState.WAITING, wanted=4, active=0)]}
    assert not shard.ready
