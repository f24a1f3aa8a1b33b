"""Captured frames over real sockets: each exactly once, in recorded order, at recorded speed or flat out.

The scheme: one port a dialect, as in production. All groups of a market section, one after the other,
make that section's reel. The first connection of a section that has asked for something gets the reel,
once it has asked for nothing new for `settle_s`, so that every acknowledgement stands before every frame.
Another connection of the section gets acknowledgements and pings; if the first one ends, the next to
ask goes on where it stopped. What a client subscribes to filters nothing: the point is that every frame
arrives. Binance futures' /public and /market are one section, because the captures are older than the split.
After the last frame the connection stays, with pings.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Literal

from ingestor.simulator.captures import Group, decoded
from ingestor.simulator.dialects.dialect import Dialect
from ingestor.simulator.server import Peer, framed
from ingestor.simulator.service import Port

CHUNK_BYTES = 256 << 10     # one write: what a socket takes at once
PING_EVERY_S = 5.0          # below every silence limit of our dialects, the lowest of which is 10 s
PAUSE_MAX_S = 60.0          # a longer gap in a recording is a recorder's pause, not the market's
SAID_MAX = 200_000          # replies kept for the expected yield: no client asks for so many streams


class Reel:
    """The frames of one section, and how far they have been sent."""

    def __init__(self, section: str, groups: Sequence[Group]) -> None:
        self.section = section
        self.frames = [frame for group in groups for frame in group.frames]
        self.at_s = list(accumulate(pause for group in groups for pause in _pauses(group.times_ns)))
        self.sent = 0
        self.holder: Peer | None = None
        #: all that each connection was sent which held the reel, control texts first
        self.runs: list[list[bytes]] = []

    @property
    def is_over(self) -> bool:
        return self.sent >= len(self.frames)

    def chunk(self) -> list[bytes]:
        """The next frames, just over CHUNK_BYTES in all."""
        size, end = 0, self.sent
        while end < len(self.frames) and size < CHUNK_BYTES:
            size += len(self.frames[end])
            end += 1
        return self.frames[self.sent:end]

    def due(self, at_s: float) -> list[bytes]:
        """The frames up to a moment of the recording."""
        return self.frames[self.sent:bisect_right(self.at_s, at_s, self.sent)]


class CapturedPort(Port):
    """One dialect's captured frames. `done` is set when every reel has run out."""

    def __init__(
        self, dialect: Dialect, groups: Sequence[Group], speed: float | Literal["flat"], settle_s: float,
    ) -> None:
        super().__init__(dialect)
        self.done = asyncio.Event()
        self._speed = speed
        self._settle_s = settle_s
        self._said: dict[Peer, list[bytes]] = {}
        self._timers: dict[Peer, asyncio.TimerHandle] = {}
        self._playing: dict[Peer, asyncio.Task[None]] = {}
        by_section: dict[str, list[Group]] = {}
        for group in groups:
            by_section.setdefault(group.section, []).append(group)
        self.reels = {section: Reel(section, found) for section, found in by_section.items()}

    def heard(self, peer: Peer, text: bytes) -> None:
        super().heard(peer, text)
        if peer in self._timers:
            self._timers.pop(peer).cancel()
        if peer in self.talks and peer not in self._playing:
            self._timers[peer] = self._loop.call_later(self._settle_s, self._settled, peer)

    def say(self, peer: Peer, texts: list[bytes]) -> None:
        super().say(peer, texts)
        said = self._said.setdefault(peer, [])
        if peer not in self._playing and len(said) < SAID_MAX:
            said += texts

    def closed(self, peer: Peer) -> None:
        if peer in self._timers:
            self._timers.pop(peer).cancel()
        if peer in self._playing:
            self._playing.pop(peer).cancel()
        self._said.pop(peer, None)
        for reel in self.reels.values():
            if reel.holder is peer:
                reel.holder = None
        super().closed(peer)

    def each_second(self) -> None:
        """Pings only: a heartbeat in the provider's words would be a frame that nobody captured."""
        now_s = self._loop.time()
        if now_s - self._pinged_s >= PING_EVERY_S:
            self._pinged_s = now_s
            for peer in self.talks:
                peer.ping()

    def summary(self) -> dict[str, Any]:
        """`sent` of `captured_frames` went out; `expected` is what they and the replies before them decode to."""
        reels = self.reels.values()
        runs = [(reel.section, run) for reel in reels for run in reel.runs]
        return {
            **super().summary(),
            "captured_frames": sum(len(reel.frames) for reel in reels),
            "sent": sum(reel.sent for reel in reels),
            "sections": {reel.section: {"captured_frames": len(reel.frames), "sent": reel.sent} for reel in reels},
            "expected": decoded(self.dialect.name, runs).as_dict(),
        }

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        playing = list(self._playing.values())
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    def _settled(self, peer: Peer) -> None:
        reel = self.reels.get(self.talks[peer].section) if peer in self.talks else None
        if reel is None or reel.holder is not None or reel.is_over:
            return
        reel.holder = peer
        reel.runs.append(list(self._said.get(peer, ())))
        self._playing[peer] = self._loop.create_task(self._play(peer, reel))

    async def _play(self, peer: Peer, reel: Reel) -> None:
        """Against a clock that does not drift: what is late goes at once."""
        began_s = self._loop.time()
        began_at_s = reel.at_s[reel.sent]
        while peer.is_open and not reel.is_over:
            if self._speed == "flat":
                frames = reel.chunk()
            else:
                frames = reel.due(began_at_s + (self._loop.time() - began_s) * self._speed)
                if not frames:
                    next_s = began_s + (reel.at_s[reel.sent] - began_at_s) / self._speed
                    await asyncio.sleep(max(0.001, next_s - self._loop.time()))
                    continue
            peer.write(framed(frames), len(frames))
            reel.sent += len(frames)
            reel.runs[-1] += frames
            await peer.drained()
        if all(each.is_over for each in self.reels.values()):
            self.done.set()


def _pauses(times_ns: Sequence[int | None]) -> list[float]:
    """Seconds before each frame; 0 before the first, where times lack, and where they step back."""
    pauses = []
    last: int | None = None
    for time_ns in times_ns:
        pause = 0.0 if last is None or time_ns is None else (time_ns - last) / 1e9
        pauses.append(min(PAUSE_MAX_S, max(0.0, pause)))
        last = time_ns if time_ns is not None else last
    return pauses
