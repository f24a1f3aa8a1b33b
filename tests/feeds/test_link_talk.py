"""What a link says and how it keeps account of the answers: limits, acknowledgements, refusals, heartbeats."""

import functools
import json
import operator

import pytest

from ingestor.feeds.websocket_link import ACK_WITHIN_S
from ingestor.providers.session import Control, Limits, Subscription, as_text
from tests.feeds.fakedoor import Talk, running, subscriptions
from tests.feeds.faketime import settle


def many(count: int) -> list[Subscription]:
    return subscriptions(*(f"s{i}" for i in range(count)))


def asked(texts: list[bytes], verb: str = "sub") -> list[list[str]]:
    """The symbols of each request of this kind."""
    return [text[2:] for text in map(json.loads, (text for text in texts if text[:1] == b"[")) if text[0] == verb]


async def test_requests_hold_as_many_subscriptions_as_allowed():
    async with running(many(5), limits=Limits(silence_max_s=0, subscriptions_per_message_max=2)) as bench:
        assert asked(bench.door.taken()) == [["s0", "s1"], ["s2", "s3"], ["s4"]]


async def test_requests_are_as_long_as_allowed():
    async with running(many(50), limits=Limits(silence_max_s=0, message_bytes_max=60)) as bench:
        sent = bench.door.taken()
        assert all(len(text) <= 60 for text in sent)
        assert functools.reduce(operator.iadd, asked(sent), []) == [f"s{i}" for i in range(50)]


async def test_messages_are_spaced_to_the_rate_heartbeats_included():
    limits = Limits(silence_max_s=0, subscriptions_per_message_max=1, messages_per_second_max=4, heartbeat_every_s=1)
    async with running(many(30), limits=limits) as bench:
        await bench.time.advance(30)
        times = bench.door.sent_at
        assert len(times) > 35
        for i in range(len(times)):
            assert sum(times[i] <= at < times[i] + 1 for at in times) <= 4 + 2
        assert times[-1] - times[0] >= (len(times) - 3) / 4


async def test_a_live_link_asks_only_for_what_is_new_and_lets_go_only_what_is_gone():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.hear(b"ack:1")
        bench.door.taken()
        bench.link.set_wanted(subscriptions("b", "c"))
        await settle()
        sent = bench.door.taken()
        assert (asked(sent, "unsub"), asked(sent)) == ([["a"]], [["c"]])
        assert (bench.state, len(bench.doors)) == ("LIVE", 1)
        bench.link.set_wanted(subscriptions("b", "c"))
        await settle()
        assert bench.door.taken() == []


async def test_acknowledgements_may_come_in_any_order():
    async with running(many(3), limits=Limits(silence_max_s=0, subscriptions_per_message_max=1)) as bench:
        for answer in (b"ack:3", b"ack:1"):
            bench.door.hear(answer)
            assert bench.state == "SUBSCRIBING"
        bench.door.hear(b"ack:2")
        assert bench.state == "LIVE"


async def test_acknowledgements_may_name_each_subscription():
    async with running(subscriptions("a", "b", "c")) as bench:
        bench.door.hear(b"ack:trade:a", b"ack:b", b"ack:nobody")
        assert bench.state == "SUBSCRIBING"
        bench.door.hear(b"ack:trade.c")
        assert bench.state == "LIVE"


async def test_acknowledgements_without_a_name_answer_the_oldest_request():
    async with running(many(2), limits=Limits(silence_max_s=0, subscriptions_per_message_max=1)) as bench:
        bench.door.hear(b"ack:")
        assert bench.state == "SUBSCRIBING"
        bench.door.hear(b"ack:")
        assert bench.state == "LIVE"


async def test_a_request_of_two_messages_needs_two_answers_without_a_name():
    class Twice(Talk):
        def subscribe(self, subscriptions, request_id):
            return (b"[1]", b"[2]")

    async with running(many(2), session=Twice()) as bench:
        bench.door.hear(b"ack:")
        assert bench.state == "SUBSCRIBING"
        bench.door.hear(b"ack:")
        assert bench.state == "LIVE"


async def test_a_request_that_nobody_answers_is_counted_and_the_link_goes_live():
    async with running(subscriptions("a")) as bench:
        await bench.time.advance(ACK_WITHIN_S - 1)
        assert bench.state == "SUBSCRIBING"
        await bench.time.advance(2)
        stats = bench.link.stats()
        assert (stats.state.name, stats.acks_missing, stats.active) == ("LIVE", 1, 1)
        bench.door.hear(b"ack:1")   # late, and harmless


async def test_a_provider_that_acknowledges_nothing_is_live_when_asked():
    class Mute(Talk):
        acknowledges = False

    async with running(subscriptions("a"), session=Mute()) as bench:
        assert bench.state == "LIVE"
        await bench.time.advance(60)
        assert bench.link.stats().acks_missing == 0


async def test_where_the_url_names_the_subscriptions_a_change_of_them_opens_a_new_connection():
    class Named(Talk):
        acknowledges = False
        endpoint_subscribes = True

        def endpoint(self, url, section, subscriptions, key):
            return ",".join(each.symbol for each in subscriptions)

        def subscribe(self, subscriptions, request_id):
            return ()

        unsubscribe = subscribe

    async with running(subscriptions("a"), session=Named()) as bench:
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        assert len(bench.doors) == 1
        bench.link.set_wanted(subscriptions("a", "b"))
        await bench.time.advance(1)
        assert [door.url for door in bench.doors] == ["a", "a,b"]
        assert (bench.state, bench.door.taken()) == ("LIVE", [])
        assert bench.link.stats().disconnects == {"repacked": 1}


@pytest.mark.parametrize("count", [1, 2, 7, 64])
async def test_one_bad_name_of_many_is_found_by_halving_and_costs_nobody_else(count):
    async with running(many(count)) as bench:
        for _ in range(40):
            await settle()
            for text in bench.door.taken():
                _, request, *symbols = json.loads(text)
                bench.door.hear(b"%s:%d" % (b"error" if "s0" in symbols else b"ack", request))
        stats = bench.link.stats()
        assert (stats.state.name, stats.refused, stats.active) == ("LIVE", 1, count - 1)
        assert list(bench.link.refused) == subscriptions("s0")


async def test_an_error_without_a_name_blames_the_oldest_request():
    async with running(many(4), limits=Limits(silence_max_s=0, subscriptions_per_message_max=2)) as bench:
        bench.door.taken()
        bench.door.hear(b"error:")
        await settle()
        assert asked(bench.door.taken()) == [["s0"], ["s1"]]
        bench.door.hear(b"ack:2")


async def test_an_error_that_names_a_subscription_refuses_it_alone():
    async with running([*subscriptions("a", "b"), *subscriptions("a", channel="quote")]) as bench:
        bench.door.taken()
        bench.door.hear(b"error:trade:a")
        assert list(bench.link.refused) == subscriptions("a")
        bench.door.hear(b"error:a", b"error:a")     # the symbol means its other channels, too
        await settle()
        assert bench.door.taken() == []
        bench.door.hear(b"ack:b")
        stats = bench.link.stats()
        assert (stats.state.name, stats.active, stats.refused) == ("LIVE", 1, 2)


async def test_an_error_about_nobody_known_is_only_told():
    async with running(subscriptions("a")) as bench:
        bench.door.taken()
        bench.door.hear(b"error:stranger", b"error:99", b"ack:1", b"error:")
        await settle()
        stats = bench.link.stats()
        assert (stats.state.name, stats.refused, bench.door.taken()) == ("LIVE", 0, [])
        assert stats.last_error == "no such thing: "


async def test_what_was_refused_is_asked_for_again_on_the_next_connection():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.hear(b"error:a")
        bench.door.fail()
        await bench.time.advance(1)
        assert asked(bench.door.taken()) == [["a", "b"]]
        assert bench.link.stats().refused == 0


async def test_a_subscription_refused_for_now_is_asked_for_again_with_growing_pauses():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.taken()
        bench.door.hear(b"later:a", b"ack:b")
        await settle()
        assert (bench.state, bench.link.stats().active) == ("SUBSCRIBING", 1)
        await bench.time.advance(0.5)
        assert asked(bench.door.taken()) == [["a"]]
        bench.door.hear(b"later:2")
        await bench.time.advance(0.9)
        assert asked(bench.door.taken()) == []
        await bench.time.advance(0.1)
        assert asked(bench.door.taken()) == [["a"]]
        bench.door.hear(b"ack:3")
        assert bench.state == "LIVE"


async def test_a_refused_unsubscribe_harms_nothing():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.hear(b"ack:1")
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        bench.door.taken()
        bench.door.hear(b"error:2")
        await settle()
        assert (bench.door.taken(), bench.link.stats().refused, bench.state) == ([], 0, "LIVE")


async def test_what_is_wanted_no_longer_is_not_asked_for_again():
    async with running(subscriptions("a", "b")) as bench:
        bench.door.taken()
        bench.door.hear(b"later:1")
        bench.link.set_wanted(subscriptions("b"))
        await bench.time.advance(5)
        assert asked(bench.door.taken()) == [["b"]]


async def test_requests_of_an_hour_stay_within_their_limit_and_heartbeats_are_not_among_them():
    limits = Limits(silence_max_s=0, subscriptions_per_message_max=1, requests_per_hour_max=8, heartbeat_every_s=600)
    names = [f"s{number}" for number in range(30)]
    async with running(subscriptions(*names), limits=limits) as bench:
        at_once = asked(bench.door.taken())
        assert len(at_once) == 4
        await bench.time.advance(3600)
        said = bench.door.taken()
        assert len(asked([each for each in said if each != b"beat"])) == 4
        assert said.count(b"beat") == 6


async def test_heartbeats_go_out_in_their_rhythm():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=0, heartbeat_every_s=20)) as bench:
        await bench.time.advance(65)
        assert bench.door.taken().count(b"beat") == 3


async def test_a_provider_that_wants_a_reply_gets_it_at_once():
    async with running(subscriptions("a"), limits=Limits(silence_max_s=0, messages_per_second_max=1)) as bench:
        bench.door.taken()
        bench.door.hear(b"ping:42")
        assert bench.door.taken() == [b"pong:42"]


async def test_a_question_that_came_with_the_upgrade_is_answered_first():
    class Early(Talk):
        def headers(self, key):
            self.link.on_control(b"ping:early")
            return {}

    session = Early()
    async with running(session=session) as bench:
        session.link = bench.link
        bench.link.set_wanted(subscriptions("a"))
        await settle()
        assert bench.door.taken() == [b"pong:early", b'["sub",1,"a"]']


async def test_hello_comes_before_everything_with_the_key():
    class Hello(Talk):
        def hello(self, subscriptions, key):
            return (as_text(["hello", key, len(subscriptions)]), b"[2]")

    async with running(many(3), session=Hello(), key="k") as bench:
        assert bench.door.taken() == [b'["hello","k",3]', b"[2]", b'["sub",1,"s0","s1","s2"]']


async def test_a_hello_that_subscribes_carries_one_message_full_and_the_rest_follows():
    class Hello(Talk):
        hello_subscribes = True
        acknowledges = False

        def hello(self, subscriptions, key):
            return (as_text(["hello", key, *(each.symbol for each in subscriptions)]),)

    limits = Limits(silence_max_s=0, subscriptions_per_message_max=2)
    async with running(many(5), session=Hello(), key="k", limits=limits) as bench:
        assert bench.door.taken() == [b'["hello","k","s0","s1"]', b'["sub",1,"s2","s3"]', b'["sub",2,"s4"]']
        assert (bench.state, bench.link.stats().active) == ("LIVE", 5)


async def test_a_control_frame_that_the_dialect_cannot_read_is_counted_and_the_connection_stays():
    async with running(subscriptions("a")) as bench:
        bench.door.hear(b"\xff\xfe", b"surprise:x", b"odd", b"alive", b"ack:1")
        stats = bench.link.stats()
        assert (stats.controls_misread, stats.state.name, len(bench.doors)) == (2, "LIVE", 1)


async def test_many_thousand_named_acknowledgements_are_accounted_for():
    limits = Limits(silence_max_s=0, subscriptions_per_message_max=100)
    async with running(many(5000), limits=limits) as bench:
        bench.door.hear(*(b"ack:trade:s%d" % i for i in range(5000)))
        assert (bench.state, bench.link.stats().active) == ("LIVE", 5000)


class Numbered(Talk):
    """Each of its connections lets go of a symbol by the number that it was given there."""

    def __init__(self):
        self.numbers = {}

    def opened(self, section):
        return Numbered()

    def unsubscribe(self, subscriptions, request_id):
        return (as_text(["unsub", *(self.numbers.get(each.symbol) for each in subscriptions)]),)

    def control(self, frame):
        name, _, number = frame.decode().partition("=")
        self.numbers[name] = number
        return super().control(f"ack:{name}".encode())


class Choosy(Talk):
    """Grants a request but for the symbols that its answer names."""

    def control(self, frame):
        request, _, missing = frame.decode().partition(" ")
        return Control("ack", request=request, missing=tuple(missing.split()))


async def test_what_an_acknowledgement_passes_over_is_refused_and_the_rest_is_live():
    async with running(subscriptions("a", "b", "c"), session=Choosy()) as bench:
        bench.door.hear(b"1 trade:b")
        assert bench.state == "LIVE"
        assert [each.symbol for each in bench.link.refused] == ["b"]
        assert bench.link.stats().active == 2


async def test_what_a_connection_was_told_is_known_on_it_and_forgotten_with_it():
    async with running(subscriptions("a", "b"), session=Numbered()) as bench:
        bench.door.hear(b"a=7", b"b=8")
        bench.door.taken()
        bench.link.set_wanted(subscriptions("b"))
        await settle()
        assert bench.door.taken() == [b'["unsub","7"]']
        bench.door.fail()
        await bench.time.advance(1)
        bench.door.hear(b"b=3")
        bench.door.taken()
        bench.link.set_wanted(subscriptions("c"))
        await settle()
        assert bench.door.taken()[0] == b'["unsub","3"]'
        assert bench.provider.session.numbers == {}
