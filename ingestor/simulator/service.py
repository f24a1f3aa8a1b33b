"""One dialect's port: its conversations, its heartbeats and rules, and who is subscribed to what.

`Port` holds what every mode needs; `LivePort` delivers synthetic happenings, with what goes wrong with
them. The captured and the blast mode have ports of their own (playback.py, blast.py).
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Stream
from ingestor.simulator.dialects.text import request_of
from ingestor.simulator.engine import TRADES, Happening
from ingestor.simulator.faults import Faults, Message
from ingestor.simulator.market import Market
from ingestor.simulator.server import GREETING, Answer, Peer

REFUSED, TOO_MANY, UNAVAILABLE = 404, 429, 503
#: called with (dialect, channel, happening) for what goes out, before faults shape it
Listener = Callable[[str, str, Happening], object]
RETRY_AFTER_S = 1           # what a refused client is told to wait; the real ones say up to minutes


@dataclass(slots=True)
class Sent:
    """What one market's channel has sent to its subscribers, replays on subscribing apart.

    Complete when last - first + 1 = records, for channels whose ids count.
    """

    records: int = 0
    first_id: str = ""
    last_id: str = ""
    unsent: int = 0         # happened while nobody listened, or during a silence


class Bucket:
    """How often a client may do something: `count` at once, filled again within `period_s`."""

    def __init__(self, count: int, period_s: float) -> None:
        self._count = count
        self._period_s = period_s
        self._left = float(count)
        self._at_s = 0.0

    def takes(self, now_s: float) -> bool:
        """Take one, if there is one; without a count there always is."""
        if not self._count:
            return True
        self._left = min(self._count, self._left + (now_s - self._at_s) * self._count / self._period_s)
        self._at_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Port:
    """The conversations of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.lines: set[Peer] = set()                   # every open line, also before its upgrade
        self.talks: dict[Peer, Conversation] = {}
        self.url = ""
        self.connections = 0            # accepted in all
        self.frames = 0                 # of connections that are gone
        self.refused = 0
        self.refuses_until_s = 0.0      # an outage: upgrades are answered with 503
        self._joined_s: dict[Peer, float] = {}
        self._messages: dict[Peer, Bucket] = {}
        self._connects = Bucket(dialect.rules.connects, 60.0)
        self._pinged_s = 0.0
        self._loop = asyncio.get_running_loop()

    # server.Service

    def connected(self, peer: Peer) -> None:
        self.lines.add(peer)

    def opened(self, peer: Peer, path: str, headers: Mapping[str, str]) -> int:
        status, talk = self._decided(path, headers)
        if talk is None:
            self.refused += 1
            return status
        self.talks[peer] = talk
        self._joined_s[peer] = self._loop.time()
        self._messages[peer] = Bucket(self.dialect.rules.messages, self.dialect.rules.period_s)
        self.connections += 1
        peer.number = self.connections
        return GREETING

    def asked(self, path: str, headers: Mapping[str, str]) -> Answer:
        return Answer(REFUSED, b'{"error":"this mode has no history"}')

    def greeted(self, peer: Peer) -> None:
        talk = self.talks[peer]
        talk.dirty = True       # a URL may have named streams
        self.answer(peer, talk, self.dialect.greet(talk))

    def heard(self, peer: Peer, text: bytes) -> None:
        talk = self.talks[peer]
        self.answer(peer, talk, self.replies(peer, talk, text))

    def closed(self, peer: Peer) -> None:
        self.lines.discard(peer)
        if self.talks.pop(peer, None) is not None:
            self.frames += peer.frames
            del self._joined_s[peer], self._messages[peer]

    # For subclasses.

    def replies(self, peer: Peer, talk: Conversation, text: bytes) -> list[bytes]:
        """What the dialect says to a message, within its rules."""
        if not self._messages[peer].takes(self._loop.time()):
            return self.dialect.too_many(talk, "messages")
        replies = self.dialect.hear(talk, text)
        talk.asked = True
        if talk.overfull:
            talk.overfull = False
            replies += self.dialect.too_many(talk, "subscriptions")
        return replies

    def answer(self, peer: Peer, talk: Conversation, replies: list[bytes]) -> None:
        """Say it, and do what the conversation now asks for."""
        self.say(peer, replies)
        if talk.farewell:
            peer.close(talk.code, talk.farewell)
        elif talk.dirty:
            self.streams_changed(peer, talk)

    def say(self, peer: Peer, texts: list[bytes]) -> None:
        """What the conversation calls for: replies, greetings, heartbeats. Never shaped by faults."""
        if texts:
            peer.send(texts)

    def streams_changed(self, peer: Peer, talk: Conversation) -> None:
        """The client's subscriptions are not what they were."""
        talk.dirty = False

    def each_second(self) -> None:
        """Pings, heartbeats after silence, and the clients who broke a rule of staying."""
        now_s = self._loop.time()
        every_s = self.dialect.ping_every_s
        pinging = every_s and now_s - self._pinged_s >= every_s
        if pinging:
            self._pinged_s = now_s
        for peer, talk in list(self.talks.items()):
            if reason := self._broken(peer, talk, now_s):
                peer.close(talk.code, reason)
            elif not self.is_mute(peer):
                if pinging:
                    peer.ping()
                self.answer(peer, talk, self.dialect.each_second(talk))
                if self.dialect.heartbeat_after_s and now_s - peer.last_sent_s >= self.dialect.heartbeat_after_s:
                    self.say(peer, self.dialect.heartbeat(talk))

    def is_mute(self, peer: Peer) -> bool:
        """Whether nothing is said to it unasked."""
        return False

    def close_peers(self, outage_s: float = 0.0, code: int = 1001, connection: int = 0) -> None:
        """Say goodbye to every client, or to one of them, and take none for `outage_s`."""
        self.refuses_until_s = self._loop.time() + outage_s
        for peer in list(self.lines):
            if connection in (0, peer.number):
                peer.close(code, "maintenance")

    def cut_peers(self, connection: int = 0) -> None:
        """Cut every line, or one of them, in the middle of a frame."""
        for peer in list(self.talks):
            if connection in (0, peer.number):
                peer.write(b"\x81\x7e\x01\x00{\"cut", 0)
                peer.abort()

    def summary(self) -> dict[str, Any]:
        return {"url": self.url, "connections": self.connections, "refused": self.refused,
                "frames": self.frames + sum(peer.frames for peer in self.talks)}

    def _decided(self, path: str, headers: Mapping[str, str]) -> tuple[int, Conversation | None]:
        """Whether a client may come: the status otherwise."""
        now_s, rules = self._loop.time(), self.dialect.rules
        if now_s < self.refuses_until_s:
            return UNAVAILABLE, None
        if 0 < rules.connections_max <= len(self.talks) or not self._connects.takes(now_s):
            return TOO_MANY, None
        return REFUSED, self.dialect.open(path, headers)

    def _broken(self, peer: Peer, talk: Conversation, now_s: float) -> str:
        """The rule for which a connection ends now, in words."""
        rules, age_s = self.dialect.rules, now_s - self._joined_s[peer]
        if rules.subscribe_within_s and not talk.asked and age_s >= rules.subscribe_within_s:
            return "no subscription"
        if rules.pong_within_s and peer.pinged_s and now_s - peer.pinged_s >= rules.pong_within_s:
            return "no pong"
        if rules.idle_s and now_s - max(peer.last_sent_s, peer.last_heard_s) >= rules.idle_s:
            return "idle for too long"
        return "connected for too long" if rules.age_max_s and age_s >= rules.age_max_s else ""


class LivePort(Port):
    """Synthetic happenings to those who subscribed."""

    def __init__(self, dialect: Dialect, faults: Faults, listeners: Sequence[Listener] = ()) -> None:
        super().__init__(dialect)
        self._listeners = listeners
        self._subscribers: dict[Stream, list[Peer]] = {}
        self._of_peer: dict[Peer, set[Stream]] = {}
        self._waiting: dict[Peer, list[Message]] = {}
        self._sent: dict[Stream, Sent] = {}
        self._faults = faults

    def opened(self, peer: Peer, path: str, headers: Mapping[str, str]) -> int:
        limit = self._faults.find("rate_limit", self.dialect.name)
        if limit is not None:
            self.refused += 1
            return int(limit.amount)
        return super().opened(peer, path, headers)

    def asked(self, path: str, headers: Mapping[str, str]) -> Answer:
        limit = self._faults.find("rate_limit", self.dialect.name)
        if limit is not None:
            return Answer(int(limit.amount), b'{"code":-1003,"msg":"Too many requests."}',
                          {"Retry-After": str(RETRY_AFTER_S)})
        answer = self.dialect.history(*request_of(path))
        return answer or Answer(REFUSED, json.dumps({"error": f"no such path: {path}"}).encode())

    def heard(self, peer: Peer, text: bytes) -> None:
        slow = self._faults.find("slow_ack", self.dialect.name, peer.number) if self._faults.active else None
        if slow is None:
            self._hear(peer, text)
        else:
            self._loop.call_later(max(0.0, slow.amount), self._hear, peer, text)

    def _hear(self, peer: Peer, text: bytes) -> None:
        if peer not in self.talks:      # gone meanwhile
            return
        name, talk = self.dialect.name, self.talks[peer]
        if self._faults.find("rate_limit", name, peer.number):
            replies = self.dialect.too_many(talk, "messages")
        else:
            self.dialect.refuses = self._faults.find("refuse", name, peer.number) is not None
            replies = self.replies(peer, talk, text)
            self.dialect.refuses = False
        self.answer(peer, talk, [] if self._faults.find("no_ack", name, peer.number) else replies)

    def deliver(self, happening: Happening) -> None:
        """Render for the channels that someone wants, and queue until flush()."""
        market, kind, payload = happening
        place, symbol = self.dialect.place(market.spec), market.spec.symbol
        for channel, render in self.dialect.renderers[kind].items():
            stream = (place, channel, symbol)
            peers = self._subscribers.get(stream)
            if peers and self._faults.active:
                peers = [peer for peer in peers if not self._faults.silences(self.dialect.name, peer.number, symbol)]
            if not peers:
                if stream in self._sent:
                    self._sent[stream].unsent += len(payload) if kind == TRADES else 1
                continue
            frames: list[bytes] = [] if self.dialect.per_connection else render(market, payload, None)
            for peer in peers:
                if self.dialect.per_connection:
                    frames = render(market, payload, self.talks[peer])
                self._waiting.setdefault(peer, []).extend([(symbol, frame) for frame in frames])
            if not frames:      # nothing of this kind in this market, such as a spot market's mark
                continue
            note(self._sent[stream], self.dialect.trade_id, market, kind, payload)
            for listener in self._listeners:
                listener(self.dialect.name, channel, happening)

    def flush(self) -> None:
        """Write what was queued, one write a connection."""
        for peer, messages in self._waiting.items():
            if self._faults.active:
                peer.send(self._faults.shape(self.dialect.name, peer.number, messages))
            else:
                peer.send([payload for _, payload in messages])
        self._waiting.clear()

    def is_mute(self, peer: Peer) -> bool:
        faults, name = self._faults, self.dialect.name
        return bool(faults.active) and (
            faults.silences(name, peer.number) or faults.find("no_heartbeat", name, peer.number) is not None)

    def drip(self) -> None:
        """Let each client's line drip, or no more, as the faults say now."""
        for peer in self.talks:
            fault = self._faults.find("drip", self.dialect.name, peer.number)
            peer.drip(0.0 if fault is None else max(1.0, fault.amount))

    def streams_changed(self, peer: Peer, talk: Conversation) -> None:
        super().streams_changed(peer, talk)
        before = self._of_peer.get(peer, set())
        wanted = set(talk.streams)
        for stream in before - wanted:
            self._subscribers[stream].remove(peer)
        for stream in wanted - before:
            self._subscribers.setdefault(stream, []).append(peer)
            self._sent.setdefault(stream, Sent())
        self._of_peer[peer] = wanted

    def closed(self, peer: Peer) -> None:
        for stream in self._of_peer.pop(peer, ()):
            self._subscribers[stream].remove(peer)
        self._waiting.pop(peer, None)
        super().closed(peer)

    def summary(self) -> dict[str, Any]:
        channels = [{"venue" if self.dialect.by_venue else "section": place, "channel": channel, "symbol": symbol,
                     "records": sent.records, "first_id": sent.first_id, "last_id": sent.last_id,
                     "unsent": sent.unsent}
                    for (place, channel, symbol), sent in sorted(self._sent.items()) if sent.records]
        return {**super().summary(), "channels": channels}


def note(sent: Sent, trade_id: Any, market: Market, kind: str, payload: Any) -> None:
    """Count one happening that went out."""
    if kind != TRADES:
        sent.records += 1
        return
    if not sent.records:
        sent.first_id = trade_id(market, payload[0])
    sent.last_id = trade_id(market, payload[-1])
    sent.records += len(payload)
