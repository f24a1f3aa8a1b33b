"""One dialect's port: its conversations, its heartbeats, and who is subscribed to what.

`Port` holds what every mode needs; `LivePort` delivers synthetic happenings. The captured and the blast
mode have ports of their own (playback.py, blast.py).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Stream
from ingestor.simulator.engine import TRADES, Happening
from ingestor.simulator.faults import Faults
from ingestor.simulator.market import Market
from ingestor.simulator.server import GOING_AWAY, GREETING, Peer

REFUSED, UNAVAILABLE = 404, 503
POLICY = 1008


@dataclass(slots=True)
class Sent:
    """What one market's channel has sent to its subscribers, replays on subscribing apart.

    Complete when last - first + 1 = records, for channels whose ids count.
    """

    records: int = 0
    first_id: str = ""
    last_id: str = ""
    unsent: int = 0         # happened while nobody listened, or during a silence


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
        self._pinged_s = 0.0
        self._loop = asyncio.get_running_loop()

    # server.Service

    def connected(self, peer: Peer) -> None:
        self.lines.add(peer)

    def opened(self, peer: Peer, path: str, headers: Mapping[str, str]) -> int:
        if self._loop.time() < self.refuses_until_s:
            self.refused += 1
            return UNAVAILABLE
        talk = self.dialect.open(path, headers)
        if talk is None:
            self.refused += 1
            return REFUSED
        self.talks[peer] = talk
        self._joined_s[peer] = self._loop.time()
        self.connections += 1
        return GREETING

    def greeted(self, peer: Peer) -> None:
        self.say(peer, self.dialect.greet(self.talks[peer]))
        self.streams_changed(peer, self.talks[peer])    # a URL may have named streams

    def heard(self, peer: Peer, text: bytes) -> None:
        talk = self.talks[peer]
        replies = self.dialect.hear(talk, text)
        talk.asked = True
        self.say(peer, replies)
        if talk.farewell:
            peer.close(POLICY, talk.farewell)
        elif talk.dirty:
            self.streams_changed(peer, talk)

    def closed(self, peer: Peer) -> None:
        self.lines.discard(peer)
        if self.talks.pop(peer, None) is not None:
            self.frames += peer.frames
            del self._joined_s[peer]

    # For subclasses.

    def say(self, peer: Peer, texts: list[bytes]) -> None:
        """What the conversation calls for: replies, greetings, heartbeats. Never touched by faults."""
        if texts:
            peer.send(texts)

    def streams_changed(self, peer: Peer, talk: Conversation) -> None:
        """The client's subscriptions are not what they were."""
        talk.dirty = False

    def each_second(self) -> None:
        """Pings, heartbeats after silence, and the clients who ask for nothing."""
        now_s = self._loop.time()
        dialect = self.dialect
        pinging = dialect.ping_every_s and now_s - self._pinged_s >= dialect.ping_every_s
        if pinging:
            self._pinged_s = now_s
        for peer, talk in list(self.talks.items()):
            if pinging:
                peer.ping()
            if dialect.heartbeat_after_s and now_s - peer.last_sent_s >= dialect.heartbeat_after_s:
                self.say(peer, dialect.heartbeat(talk))
            if dialect.subscribe_within_s and not talk.asked and (
                    now_s - self._joined_s[peer] >= dialect.subscribe_within_s):
                peer.close(POLICY, "no subscription")

    def close_peers(self, outage_s: float = 0.0) -> None:
        """Say goodbye to every client, and take none for `outage_s`."""
        self.refuses_until_s = self._loop.time() + outage_s
        for peer in list(self.lines):
            peer.close(GOING_AWAY, "maintenance")

    def cut_peers(self) -> None:
        """Cut every line in the middle of a frame."""
        for peer in list(self.talks):
            peer.write(b"\x81\x7e\x01\x00{\"cut", 0)
            peer.abort()

    def summary(self) -> dict[str, Any]:
        return {"url": self.url, "connections": self.connections, "refused": self.refused,
                "frames": self.frames + sum(peer.frames for peer in self.talks)}


class LivePort(Port):
    """Synthetic happenings to those who subscribed."""

    def __init__(self, dialect: Dialect, faults: Faults) -> None:
        super().__init__(dialect)
        self._subscribers: dict[Stream, list[Peer]] = {}
        self._of_peer: dict[Peer, set[Stream]] = {}
        self._waiting: dict[Peer, list[bytes]] = {}
        self._sent: dict[Stream, Sent] = {}
        self._is_silent = False
        self._faults = faults

    def deliver(self, happening: Happening) -> None:
        """Render for the channels that someone wants, and queue until flush()."""
        market, kind, payload = happening
        for channel, render in self.dialect.renderers[kind].items():
            stream = (market.spec.section, channel, market.spec.symbol)
            peers = self._subscribers.get(stream)
            if not peers or self._is_silent:
                if stream in self._sent:
                    self._sent[stream].unsent += len(payload) if kind == TRADES else 1
                continue
            if self.dialect.per_connection:
                for peer in peers:
                    self._waiting.setdefault(peer, []).extend(render(market, payload, self.talks[peer]))
            else:
                frames = render(market, payload, None)
                for peer in peers:
                    self._waiting.setdefault(peer, []).extend(frames)
            self._note(stream, market, kind, payload)

    def flush(self) -> None:
        """Write what was queued, one write a connection."""
        for peer, payloads in self._waiting.items():
            if self._faults.active:
                payloads = self._faults.shape(self.dialect.name, id(peer), payloads)
            peer.send(payloads)
        self._waiting.clear()
        self._is_silent = self._faults.is_on("silence", self.dialect.name)

    def each_second(self) -> None:
        """Nothing is said unasked during a silence; what a client sends is still answered."""
        if self._is_silent:
            return
        for stream, frame in self.dialect.each_second():
            for peer in self._subscribers.get(stream, ()):
                peer.send([frame])
        super().each_second()

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
        channels = [{"section": section, "channel": channel, "symbol": symbol, "records": sent.records,
                     "first_id": sent.first_id, "last_id": sent.last_id, "unsent": sent.unsent}
                    for (section, channel, symbol), sent in sorted(self._sent.items()) if sent.records]
        return {**super().summary(), "channels": channels}

    def _note(self, stream: Stream, market: Market, kind: str, payload: Any) -> None:
        note(self._sent[stream], self.dialect.trade_id, market, kind, payload)


def note(sent: Sent, trade_id: Any, market: Market, kind: str, payload: Any) -> None:
    """Count one happening that went out."""
    if kind != TRADES:
        sent.records += 1
        return
    if not sent.records:
        sent.first_id = trade_id(market, payload[0])
    sent.last_id = trade_id(market, payload[-1])
    sent.records += len(payload)
