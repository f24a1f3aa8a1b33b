"""Each endpoint of each dialect and our session agree on how to subscribe, to leave, to refuse and to stay alive."""

import re
from functools import cache
from urllib.parse import urlsplit

import pytest
from conversing import START_NS, WS, dialect_of, engine
from test_every_dialect import wanted

from ingestor.decode import Decoder
from ingestor.providers.registry import load
from ingestor.simulator import presets
from ingestor.simulator.dialects.registry import DIALECTS


def markets_of(name):
    return [market for market in presets.PRESETS["every"] if market.dialect == name]


#: "dialect" or "dialect/section" -> (dialect, the first subscription that this endpoint has)
ENDPOINTS = {
    f"{name}/{each.section}".removesuffix("/"): (name, each) for name in WS
    for each in reversed(list(wanted(name, markets_of(name))))}
#: No message of ours changes what a connection of Tardis carries: its URL is the subscription.
IN_THE_URL = ("tardis",)
TALKING = [endpoint for endpoint in ENDPOINTS if endpoint not in IN_THE_URL]
#: Data, or nothing, is their answer to everything.
SILENT = ("coinapi", "gemini/v2")
#: What becomes of an unknown symbol where it is not refused; reference B1, B7 and A2.
PASSED_OVER = {
    **{endpoint: ["ack"] for endpoint in ENDPOINTS if endpoint.startswith("binance-")},
    "deribit": ["ack"], "coinapi": []}
#: What our unsubscribe message gets where it is no acknowledgement: nothing, or a list that holds heartbeats alone.
LEFT = {endpoint: [] for endpoint in (*SILENT, "coinbase-advanced")}
#: What our heartbeat gets where it is no answer of its own: an alert that means nothing to us, a request's success.
BEATS = {"kraken-futures": [], "gemini": ["ack"]}
#: Providers that say something of their own accord while the market is still, within so many seconds.
BEATING = {"coinbase-advanced": 1, "kraken-v1": 1, "kraken-v2": 1, "kraken-futures": 1, "deribit": 30, "bitfinex": 15,
           "gemini/v2": 5, "coinapi": 1, "coindesk": 30, "cryptocompare": 30}
GREETING = {"kraken-v1", "kraken-v2", "kraken-futures", "bitfinex", "bitmex", "coindesk", "cryptocompare"}


@cache
def running(name):
    """The dialect's markets, at a moment that no test here ends."""
    return engine(markets=markets_of(name))


class Line:
    """A connection of our session to a simulated provider. A meaning is (decoder's status, control or None)."""

    def __init__(self, endpoint, subscription=None, *, captured=False):
        self.name, first = ENDPOINTS[endpoint]
        self.wanted = subscription or first
        session = load(self.name).session
        self.session = session.opened(self.wanted.section)
        self._dialect = (DIALECTS[self.name](None, lambda: START_NS) if captured
                         else dialect_of(self.name, running(self.name)))
        self._decoder = Decoder(self.name)
        url = urlsplit(session.endpoint(f"ws://host{self._dialect.path}", self.wanted.section, [self.wanted], ""))
        self.talk = self._dialect.open(f"{url.path or '/'}?{url.query}", {})
        self.greeting = self._meanings(self._dialect.greet(self.talk))
        self.hello = self.say(self.session.hello([self.wanted], ""))

    def say(self, texts):
        return [meaning for text in texts for meaning in self._meanings(self._dialect.hear(self.talk, text))]

    def subscribe(self):
        return [] if self.session.hello_subscribes else self.say(self.session.subscribe([self.wanted], 7))

    def second(self):
        """What the provider says in a second in which nothing happens."""
        return self._meanings([*self._dialect.each_second(self.talk), *self._dialect.heartbeat(self.talk)])

    def streams(self):
        return [(channel, symbol) for _, channel, symbol in self.talk.streams if channel == self.wanted.channel]

    def _meanings(self, frames):
        found = []
        for frame in frames:
            status, _ = self._decoder.decode(frame)
            found.append((status, self.session.control(frame) if status == "control" else None))
        return found


def kinds(meanings):
    return [control.kind for _, control in meanings if control is not None]


def of_another(endpoint, base, **options):
    """A line whose subscription is of another base than bitcoin, which no provider of these has."""
    _, first = ENDPOINTS[endpoint]
    base = base.lower() if first.symbol.islower() else base
    return Line(endpoint, first._replace(symbol=re.sub("btc|xbt", base, first.symbol, flags=re.IGNORECASE)), **options)


def test_every_dialect_over_websocket_has_its_endpoints_here():
    assert {name for name, _ in ENDPOINTS.values()} == set(WS)


@pytest.mark.parametrize("endpoint", [each for each in TALKING if each not in SILENT])
def test_our_subscription_is_acknowledged_once_and_by_its_name(endpoint):
    line = Line(endpoint)
    [ack] = [control for _, control in line.subscribe() if control is not None]
    wanted = line.wanted
    assert ack.kind == "ack"
    assert ack.request in ("", "7", f"{wanted.channel}:{wanted.symbol}",
                           f"{wanted.channel}:{wanted.venue}:{wanted.symbol}")
    assert not ack.missing
    assert line.streams() == [(wanted.channel, wanted.symbol)]


@pytest.mark.parametrize("endpoint", [*SILENT, *IN_THE_URL])
def test_a_provider_that_acknowledges_nothing_subscribes_and_our_session_waits_for_nothing(endpoint):
    line = Line(endpoint)
    assert not line.session.acknowledges
    assert kinds(line.subscribe()) == []
    assert line.streams() == [(line.wanted.channel, line.wanted.symbol)]


@pytest.mark.parametrize("endpoint", TALKING)
def test_our_unsubscribe_message_ends_the_stream(endpoint):
    line = Line(endpoint)
    line.subscribe()
    assert line.streams()
    ended = line.say(line.session.unsubscribe([line.wanted], 8))
    assert kinds(ended) == LEFT.get(endpoint, ["ack"])
    assert line.streams() == []


@pytest.mark.parametrize("endpoint", [each for each in TALKING if each not in PASSED_OVER])
def test_an_unknown_symbol_is_refused_and_ends_the_subscription_alone(endpoint):
    line = of_another(endpoint, "NO")
    [refusal] = [control for _, control in line.subscribe() if control is not None]
    assert (refusal.kind, refusal.retryable, refusal.fatal) == ("error", False, False)
    assert line.streams() == []
    assert not line.talk.farewell


@pytest.mark.parametrize("endpoint", PASSED_OVER)
def test_an_unknown_symbol_is_passed_over_where_the_provider_does_so(endpoint):
    line = of_another(endpoint, "NO")
    assert kinds(line.subscribe()) == PASSED_OVER[endpoint]
    assert line.streams() == []


def test_deribits_acknowledgement_tells_our_session_what_it_passed_over():
    line = of_another("deribit", "NO")
    [(_, ack)] = line.subscribe()
    assert ack.missing == (f"{line.wanted.channel}:{line.wanted.symbol}",)


def test_tardis_says_unasked_that_a_symbol_of_the_url_is_unknown():
    line = of_another("tardis", "NO")
    assert kinds(line.greeting) == ["error"]
    assert line.streams() == []


@pytest.mark.parametrize("endpoint", [
    endpoint for endpoint, (name, each) in ENDPOINTS.items() if load(name).session.opened(each.section).heartbeat(3)])
def test_our_heartbeat_is_answered_by_one_frame_that_our_session_understands(endpoint):
    line = Line(endpoint)
    [answer] = line.say([line.session.heartbeat(3)])
    assert answer[0] == "control"
    assert kinds([answer]) == BEATS.get(endpoint, ["alive"])


@pytest.mark.parametrize("endpoint", BEATING)
def test_what_a_provider_says_while_the_market_is_still_is_understood(endpoint):
    line = Line(endpoint)
    line.subscribe()
    said = [meaning for _ in range(BEATING[endpoint]) for meaning in line.second()]
    assert said
    for status, control in said:
        assert status in ("control", "ignored")
        assert control is None or control.kind in ("alive", "reply")


@pytest.mark.parametrize("endpoint", sorted(set(ENDPOINTS) - set(BEATING)))
def test_the_other_providers_are_silent_while_the_market_is(endpoint):
    line = Line(endpoint)
    line.subscribe()
    assert [meaning for _ in range(60) for meaning in line.second()] == []


def test_our_answer_keeps_deribit_on_the_line_and_silence_does_not():
    for answering in (True, False):
        line = Line("deribit")
        for _ in range(90):
            replies = [control.reply for _, control in line.second() if control and control.kind == "reply"]
            assert kinds(line.say(replies if answering else ())) == ["alive"] * (len(replies) * answering)
        assert bool(line.talk.farewell) is not answering


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_comes_before_our_subscription_is_understood(endpoint):
    line = Line(endpoint)
    assert bool(line.greeting) is (line.name in GREETING)
    for status, control in (*line.greeting, *line.hello):
        assert status in ("control", "ignored")
        assert control is None or control.kind in ("ack", "alive")


@pytest.mark.parametrize("endpoint", [each for each in TALKING if each not in SILENT])
def test_with_captured_frames_whatever_is_asked_for_is_acknowledged_and_nothing_replayed(endpoint):
    line = of_another(endpoint, "ANYTHING", captured=True)
    answers = line.subscribe()
    assert kinds(answers) == ["ack"]
    assert all(status in ("control", "ignored") for status, _ in answers)
    assert line.streams() == [(line.wanted.channel, line.wanted.symbol)]
