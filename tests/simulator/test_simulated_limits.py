"""What each simulated provider allows a client: served at the limit, refused one beyond; our sessions stay within."""

from contextlib import contextmanager

import pytest
from conversing import START_NS, WS, bounded
from test_every_dialect import wanted

from ingestor.decode import Decoder
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.simulator import presets
from ingestor.simulator.dialects.dialect import STREAMS_MAX
from ingestor.simulator.dialects.registry import DIALECTS
from ingestor.simulator.service import GREETING, TOO_MANY, Port

KEY = "a-key"
HOUR_S = 3600.0
RULES = {name: DIALECTS[name].rules for name in WS}


class Clock:
    """The loop's time, as the port reads it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


class Peer:
    """One client's connection without a socket."""

    def __init__(self, clock: Clock) -> None:
        self.number, self.frames, self.pinged_s = 0, 0, 0.0
        self.last_sent_s = self.last_heard_s = clock.now_s
        self.said: list[bytes] = []
        self.farewell: tuple[int, str] | None = None

    def send(self, payloads: list[bytes]) -> None:
        self.said += payloads

    def ping(self) -> None:
        pass

    def close(self, code: int, reason: str) -> None:
        self.farewell = code, reason


class Room:
    """A port of captured frames, where every symbol is known, and its clients."""

    def __init__(self, name: str) -> None:
        self.name, self.clock, self.session = name, Clock(), load(name).session
        self.port = Port(DIALECTS[name](None, lambda: START_NS))
        self.port._loop = self.clock
        self.sample = next(wanted(name, [each for each in presets.PRESETS["every"] if each.dialect == name]))
        self.session = self.session.opened(self.sample.section)

    def come(self) -> tuple[Peer, int]:
        """One more client, and the status of its upgrade."""
        peer = Peer(self.clock)
        self.port.connected(peer)
        url = self.session.endpoint(f"ws://h{DIALECTS[self.name].path}", self.sample.section, [], KEY)
        status = self.port.opened(peer, "/" + url.partition("://")[2].partition("/")[2], {})
        if status == GREETING:
            self.port.greeted(peer)
        return peer, status

    def subscription(self, number: int) -> Subscription:
        """The sample's channel of another symbol."""
        symbol = self.sample.symbol
        head = next(asset for asset in ("BTC", "btc", "XBT", "Btc") if asset in symbol)
        letters = "".join(map(chr, (65 + number // 676 % 26, 65 + number // 26 % 26, 65 + number % 26)))
        return self.sample._replace(symbol=symbol.replace(head, letters if head.isupper() else letters.lower(), 1))

    def refusals(self, replies: list[bytes]) -> list[str]:
        """What our session, which hears them all, takes for a refusal."""
        decoder = Decoder(self.name)
        told = [self.session.control(reply) for reply in replies if decoder.decode(reply)[0] == "control"]
        return [each.message for each in told if each is not None and each.kind == "error"]

    def ask(self, peer: Peer, subscriptions: list[Subscription], request: int = 1) -> list[bytes]:
        """What our own messages are answered."""
        before = len(peer.said)
        hello = self.session.hello_subscribes
        for text in self.session.hello(subscriptions, KEY) if hello else self.session.subscribe(subscriptions, request):
            self.port.heard(peer, text)
        return peer.said[before:]


@contextmanager
def no_rule_but(monkeypatch, name, **rules):
    """The dialect with these rules alone, at their real values unless one is given."""
    real = RULES[name]
    found = type(real)(**{rule: getattr(real, rule) if value is None else value for rule, value in rules.items()})
    monkeypatch.setattr(DIALECTS[name], "rules", found)
    yield found


def having(rule):
    return [name for name in WS if getattr(RULES[name], rule) not in (0, STREAMS_MAX)]


def in_loop(work):
    async def within():
        work()

    bounded(within())


@pytest.mark.parametrize("name", having("messages"))
def test_as_many_messages_as_allowed_are_heard_and_one_more_is_refused_until_time_has_passed(name, monkeypatch):
    def work():
        room = Room(name)
        peer, status = room.come()
        assert status == GREETING
        message = room.session.subscribe([room.sample], 1)[0]
        for _ in range(rules.messages):
            room.port.heard(peer, message)
        asked = []
        monkeypatch.setattr(room.port.dialect, "hear", lambda talk, text: asked.append(text) or [])
        before = len(peer.said)
        room.port.heard(peer, message)
        assert not asked
        assert peer.said[before:] or peer.farewell
        room.clock.now_s += rules.period_s / rules.messages * 1.001
        room.port.heard(peer, message)
        assert asked == [message]

    with no_rule_but(monkeypatch, name, messages=None, period_s=None) as rules:
        in_loop(work)


@pytest.mark.parametrize("name", having("streams_max"))
def test_as_many_streams_as_allowed_are_taken_and_one_more_is_refused(name, monkeypatch):
    def work():
        room = Room(name)
        peer, _ = room.come()
        for number in range(rules.streams_max):
            room.ask(peer, [room.subscription(number)], number)
        assert len(room.port.talks[peer].streams) == rules.streams_max
        assert peer.farewell is None
        assert not room.refusals(peer.said)
        replies = room.ask(peer, [room.subscription(rules.streams_max)])
        assert len(room.port.talks[peer].streams) == rules.streams_max
        assert peer.farewell or room.refusals(replies)

    with no_rule_but(monkeypatch, name, streams_max=None) as rules:
        in_loop(work)


@pytest.mark.parametrize("name", having("connections_max"))
def test_as_many_connections_as_allowed_come_in_and_one_more_when_another_has_gone(name, monkeypatch):
    def work():
        room = Room(name)
        peers = [room.come() for _ in range(rules.connections_max)]
        assert {status for _, status in peers} == {GREETING}
        assert room.come()[1] == TOO_MANY
        room.port.closed(peers[0][0])
        assert room.come()[1] == GREETING

    with no_rule_but(monkeypatch, name, connections_max=None) as rules:
        in_loop(work)


def test_a_client_that_is_refused_for_the_connections_there_are_uses_up_no_attempt(monkeypatch):
    def work():
        room = Room("binance-spot")
        for attempts in ([GREETING, TOO_MANY, TOO_MANY], [GREETING, TOO_MANY, TOO_MANY], [TOO_MANY]):
            assert [room.come()[1] for _ in attempts] == attempts
            for peer in list(room.port.talks):
                room.port.closed(peer)
        room.clock.now_s += 60.0
        assert room.come()[1] == GREETING

    with no_rule_but(monkeypatch, "binance-spot", connections_max=1, connects=2):
        in_loop(work)


@pytest.mark.parametrize(("name", "rule"), [
    (name, rule) for rule in ("subscribe_within_s", "pong_within_s", "idle_s", "age_max_s") for name in having(rule)])
def test_a_connection_stays_just_below_a_limit_of_time_and_ends_at_it(name, rule, monkeypatch):
    def work():
        room = Room(name)
        peer, _ = room.come()
        began_s, limit_s = room.clock.now_s, getattr(rules, rule)
        peer.pinged_s = began_s
        room.clock.now_s = began_s + limit_s - 0.01
        room.port.each_second()
        assert peer.farewell is None
        room.clock.now_s = began_s + limit_s
        peer.last_sent_s = began_s      # its answers of the last second don't count here
        room.port.each_second()
        assert peer.farewell is not None

    with no_rule_but(monkeypatch, name, **{rule: None}) as rules:
        in_loop(work)


@pytest.mark.parametrize("name", having("subscribe_within_s"))
def test_who_has_subscribed_in_time_may_stay(name, monkeypatch):
    def work():
        room = Room(name)
        peer, _ = room.come()
        room.ask(peer, [room.sample])
        room.clock.now_s += 10 * rules.subscribe_within_s
        room.port.each_second()
        assert peer.farewell is None

    with no_rule_but(monkeypatch, name, subscribe_within_s=None) as rules:
        in_loop(work)


@pytest.mark.parametrize("name", WS)
def test_our_own_limits_are_within_what_the_provider_allows(name):
    ours, rules = load(name).limits, RULES[name]
    if rules.messages and rules.period_s == HOUR_S:     # of requests alone: heartbeats are free
        assert 0 < ours.requests_per_hour_max <= rules.messages
    elif rules.messages:
        assert 0 < ours.messages_per_second_max <= rules.messages / rules.period_s
    if rules.streams_max != STREAMS_MAX:
        assert 0 < ours.subscriptions_per_connection_max <= rules.streams_max
    if rules.connections_max:
        assert 0 < ours.connections_max <= rules.connections_max
    if rules.connects:
        assert 0 < ours.connects_per_minute_max <= rules.connects
    if rules.idle_s and name != "coinbase-advanced":    # which is asked for heartbeats of its own
        assert 0 < ours.heartbeat_every_s < rules.idle_s
    if rules.age_max_s:
        assert 0 < ours.connection_age_max_s <= rules.age_max_s
    if rules.subscribe_within_s:
        assert 0 < ours.subscribe_within_s <= rules.subscribe_within_s
