"""A link's life: connect, watch, end, wait, again. The door is fake, the clock is told to move."""

import pytest

from ingestor.errors import ProviderError
from ingestor.feeds.backoff import BACKOFF_BASE_S, BACKOFF_MAX_S
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.link import AGE_SHARE_MAX, LEAVE_WITHIN_S, REFUSED_PAUSE_S
from ingestor.providers.session import Limits
from tests.feeds.fakedoor import Talk, running, subscriptions
from tests.feeds.faketime import settle

QUIET = Limits(silence_max_s=0)
HEALTHY_S = 40


async def test_a_link_connects_subscribes_and_is_live_when_acknowledged():
    async with running(subscriptions("a", "b")) as bench:
        assert bench.door.taken() == [b'["sub",1,"a","b"]']
        assert bench.state == "SUBSCRIBING"
        bench.door.hear(b"ack:1")
        stats = bench.link.stats()
        assert (stats.state.name, stats.connects, stats.wanted, stats.active, stats.refused) == ("LIVE", 1, 2, 2, 0)


async def test_the_dialect_says_where_and_with_which_headers():
    class Keyed(Talk):
        def endpoint(self, url, section, subscriptions, key):
            return f"{url}/{len(subscriptions)}?key={key}"

        def headers(self, key):
            return {"X-Key": key}

    async with running(subscriptions("a", "b"), session=Keyed(), key="secret") as bench:
        assert bench.door.url == "ws://fake/2?key=secret"
        assert bench.door.options["headers"] == {"X-Key": "secret"}


async def test_a_link_without_subscriptions_is_idle_and_opens_nothing():
    async with running() as bench:
        await bench.time.advance(1000)
        assert (bench.state, bench.doors) == ("IDLE", [])


async def test_a_link_that_loses_its_last_subscription_closes_and_comes_back_with_the_next():
    async with running(subscriptions("a")) as bench:
        bench.door.hear(b"ack:1")
        bench.link.set_wanted([])
        await settle()
        assert (bench.state, bench.doors[0].closed, bench.intakes[0].closed) == ("IDLE", True, 1)
        bench.link.set_wanted(subscriptions("b"))
        await settle()
        assert bench.door.taken() == [b'["sub",1,"b"]']
        assert bench.link.stats().disconnects == {"repacked": 1}


async def test_a_lost_connection_is_opened_again_after_a_pause_with_everything_subscribed():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.hear(b"ack:1")
        bench.link.set_wanted(subscriptions("a", "b", "c"))
        await settle()
        bench.door.fail()
        await settle()
        assert bench.state == "WAITING"
        assert len(bench.doors) == 1
        await bench.time.advance(BACKOFF_BASE_S)
        assert bench.door.taken() == [b'["sub",1,"a","b","c"]']
        assert len(bench.intakes) == 2


async def test_pauses_grow_while_connecting_fails_and_counters_name_the_reasons():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.CONNECT_FAILED, "no route") for _ in range(8)]
        bench.link.set_wanted(subscriptions("a"))
        await bench.time.advance(10_000)
        assert bench.time.slept[:8] == [0.5, 1, 2, 4, 8, 16, 32, BACKOFF_MAX_S]
        stats = bench.link.stats()
        assert (stats.disconnects, stats.connects, stats.last_error) == ({"connect_failed": 8}, 1, "no route")


async def test_a_connection_that_was_healthy_starts_the_pauses_afresh():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.CONNECT_FAILED, "no route") for _ in range(5)]
        bench.link.set_wanted(subscriptions("a"))
        await bench.time.advance(100)
        bench.door.hear(b"ack:1")
        await bench.time.advance(HEALTHY_S)
        bench.door.fail()
        await settle()
        assert bench.time.slept[-1] == BACKOFF_BASE_S


async def test_a_connection_that_never_went_live_does_not_reset_the_pauses():
    async with running(subscriptions("a")) as bench:
        for pause_s in (0.5, 1, 2, 4):
            bench.door.fail()
            await bench.time.advance(pause_s)
        bench.door.fail()
        await settle()
        assert bench.time.slept[-1] == 8


async def test_a_providers_retry_after_is_waited_for():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.HANDSHAKE_REFUSED, "429", retry_after_s=17)]
        bench.link.set_wanted(subscriptions("a"))
        await bench.time.advance(17)
        assert bench.doors == []
        await bench.time.advance(BACKOFF_BASE_S)
        assert len(bench.doors) == 1


async def test_a_refused_key_is_tried_again_after_minutes_only():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.UNAUTHENTICATED, "bad key", retryable=False)] * 3
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        assert bench.state == "WAITING"
        await bench.time.advance(3 * REFUSED_PAUSE_S - 1)
        assert bench.doors == []
        await bench.time.advance(1)
        assert len(bench.doors) == 1


async def test_connects_are_spaced_to_the_minutes_allowance():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=0, connects_per_minute_max=6)) as bench:
        bench.time.draw = 0.0   # no pause of our own
        for _ in range(5):
            bench.door.fail()
            await bench.time.advance(0)
            assert bench.state == "CONNECTING"
            await bench.time.advance(10)
        assert len(bench.doors) == 6


async def test_silence_ends_the_connection_and_any_frame_prevents_it():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=60)) as bench:
        for _ in range(10):
            await bench.time.advance(50)
            bench.door.hear(b"alive")
        assert len(bench.doors) == 1
        await bench.time.advance(60 + 60 / 8 + BACKOFF_BASE_S)
        assert bench.link.stats().disconnects == {"silence": 1}
        assert len(bench.doors) == 2


async def test_silence_is_no_fault_while_reading_is_paused():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=60)) as bench:
        bench.link.pause_reading()
        assert bench.door.paused
        await bench.time.advance(1000)
        bench.link.resume_reading()
        await bench.time.advance(50)
        assert (len(bench.doors), bench.door.paused) == (1, False)


async def test_a_connection_opened_while_reading_is_paused_is_paused():
    async with running(subscriptions("a")) as bench:
        bench.link.pause_reading()
        bench.door.fail()
        await bench.time.advance(1)
        assert len(bench.doors) == 2
        assert bench.door.paused


async def test_a_connection_is_replaced_before_its_provider_would_close_it_and_without_a_pause():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=0, connection_age_max_s=86_400)) as bench:
        bench.door.hear(b"ack:1")
        await bench.time.advance(86_400 * AGE_SHARE_MAX - 2)
        assert len(bench.doors) == 1
        await bench.time.advance(3)
        assert len(bench.doors) == 2
        assert bench.link.stats().disconnects == {"age": 1}


async def test_a_planned_restart_is_obeyed_within_a_second_and_once():
    async with running(subscriptions("a")) as bench:
        bench.door.hear(b"ack:1")
        await bench.time.advance(HEALTHY_S)
        bench.door.hear(b"bye:maintenance", b"bye:maintenance")
        await bench.time.advance(0.5)
        assert len(bench.doors) == 1
        await bench.time.advance(0.6)
        assert len(bench.doors) == 2
        assert bench.link.stats().disconnects == {"reconnect_requested": 1}
        assert bench.door.taken() == [b'["sub",1,"a"]']


async def test_a_provider_that_asks_to_reconnect_again_and_again_is_met_with_growing_pauses():
    async with running(subscriptions("a")) as bench:
        for pause_s in (0.5, 1, 2, 4, 8):
            bench.door.hear(b"ack:1", b"bye:")
            await bench.time.advance(LEAVE_WITHIN_S)
            assert (bench.state, bench.time.slept[-1]) == ("WAITING", pause_s)
            await bench.time.advance(pause_s)
        assert len(bench.doors) == 6


async def test_a_fatal_error_ends_the_connection_and_a_fatal_key_waits_minutes():
    async with running(subscriptions("a")) as bench:
        bench.door.hear(b"fatal:overloaded")
        await bench.time.advance(BACKOFF_BASE_S)
        assert len(bench.doors) == 2
        bench.door.hear(b"key:no such key")
        await bench.time.advance(REFUSED_PAUSE_S - 1)
        assert (len(bench.doors), bench.link.stats().last_error) == (2, "no such key")


async def test_stopping_during_a_pause_ends_it_at_once():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.UNAUTHENTICATED, "bad key", retryable=False)]
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        assert bench.state == "WAITING"
        # the end of the bench stops the link, and the clock stands still
    assert bench.doors == []


async def test_stopping_while_connects_are_spaced_ends_at_once():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=0, connects_per_minute_max=1)) as bench:
        bench.door.fail()
        await bench.time.advance(10)
        assert bench.state == "CONNECTING"
    assert len(bench.doors) == 1


async def test_counters_add_up_over_connections_and_are_copies():
    async with running(subscriptions("a")) as bench:
        bench.door.hear(b"ack:1", b"alive")
        first = bench.link.stats()
        bench.door.fail()
        await bench.time.advance(1)
        bench.door.hear(b"ack:1")
        second = bench.link.stats()
        assert (first.frames, first.connects, first.disconnects) == (2, 1, {})
        assert (second.frames, second.connects, second.disconnects) == (3, 2, {"connection_lost": 1})
        assert second.bytes_in == len(b"ack:1alive" + b"ack:1")
        assert second.bytes_out == 2 * len(b'["sub",1,"a"]')


async def test_a_bug_in_a_hook_ends_one_connection_and_is_told():
    class Wrong(Talk):
        def subscribe(self, subscriptions, request_id):
            raise RuntimeError("bug in a hook")

    async with running(subscriptions("a"), session=Wrong()) as bench:
        await settle()
        stats = bench.link.stats()
        assert (stats.disconnects, stats.last_error) == ({"internal_error": 1}, "RuntimeError: bug in a hook")


async def test_an_intake_is_closed_also_when_connecting_fails():
    async with running() as bench:
        bench.faults = [ConnectionFault(Reason.CONNECT_TIMEOUT, "late")]
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        assert [intake.closed for intake in bench.intakes] == [1]


def test_a_fault_is_a_provider_error_with_its_reason():
    fault = ConnectionFault(Reason.SILENCE, "nothing")
    assert isinstance(fault, ProviderError)
    assert (fault.retryable, str(fault.reason)) == (True, "silence")


@pytest.mark.parametrize("reason", list(Reason))
def test_reasons_are_words_for_a_metrics_label(reason):
    assert reason.value.replace("_", "").isalpha()
    assert reason.value == reason.value.lower()
