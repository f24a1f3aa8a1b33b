"""A flood for benches: frames rendered once, stamped with rising ids and the time, written in large pieces.

Each connection that has subscribed gets frames of all markets of its section that it asked for, ids
without holes, so that no duplicate filter drops one and a count proves completeness. Flat out, a piece is
CHUNK_BYTES and the next follows when the socket has taken it; paced, the frames due leave each
millisecond with the time of sending in their event time. The frames come round every SHEETS pieces; only
their numbers and times differ.
"""

import asyncio
import time
from array import array
from collections.abc import Sequence
from typing import Any

from ingestor.errors import ConfigError
from ingestor.simulator.dialects.dialect import Dialect, Stream
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES, Engine, Happening
from ingestor.simulator.market import Market
from ingestor.simulator.server import Peer, framed
from ingestor.simulator.service import Port
from ingestor.simulator.spec import BlastSpec
from ingestor.simulator.stamp import Sheet

CHUNK_BYTES = 256 << 10
SHEETS = 8              # about 12,000 different frames: more than a branch predictor learns by heart
STEPS_MAX = 4000        # of the engine a sheet: twenty seconds of a market that hardly moves
TICK_S = 0.001
PING_EVERY_S = 5.0
BEHIND_MAX_S = 0.25     # paced: what could not be sent for so long is not sent at all


#: market, channel, and which of its numbers: "id" or "sequence"
Series = tuple[Market, str, str]


class Flood:
    """What one connection is sent: its sheets, and the numbers its markets are at."""

    def __init__(
        self, dialect: Dialect, engine: Engine, streams: Sequence[Stream], before: Sequence["Flood"], *,
        trades_only: bool,
    ) -> None:
        self._dialect = dialect
        self._wanted = set(streams)
        self._series: dict[Series, int] = {}
        self._first: list[int] = []
        sheets = [self._sheet(engine, trades_only=trades_only) for _ in range(SHEETS)]
        self.sheets = [sheet for sheet in sheets if sheet.count]
        for key, series in self._series.items():    # a market goes on where an earlier connection left it
            self._first[series] = max(self._first[series], *(flood.reached(key) for flood in before), 0)
        self.numbers = array("Q", self._first)

    def reached(self, key: Series) -> int:
        """The next number of a series; 0 for one that this flood has not."""
        return self.numbers[self._series[key]] if key in self._series else 0

    def sent(self) -> list[dict[str, Any]]:
        """For each market and channel, the trades sent, with the first and the last id."""
        return [{"section": market.spec.section, "channel": channel, "symbol": market.spec.symbol,
                 "trades": self.numbers[series] - self._first[series], "first_id": self._first[series],
                 "last_id": self.numbers[series] - 1}
                for (market, channel, name), series in self._series.items() if name == "id"]

    def _sheet(self, engine: Engine, *, trades_only: bool) -> Sheet:
        frames: list[bytes] = []
        marks: list[list[tuple[int, int, int, bool]]] = []
        size = 0
        for _ in range(STEPS_MAX):
            happenings: list[Happening] = []
            engine.step(happenings)
            for happening in happenings:
                if happening.kind in (BAR, REFERENCE) or (happening.kind == QUOTE and trades_only):
                    continue
                for single in _singly(happening):
                    for frame, found in self._rendered(single):
                        frames.append(frame)
                        marks.append(found)
                        size += len(frame)
            if size >= CHUNK_BYTES:
                break
        return Sheet(frames, marks)

    def _rendered(self, happening: Happening) -> list[tuple[bytes, list[tuple[int, int, int, bool]]]]:
        market, kind, payload = happening
        rendered = []
        for channel, render in self._dialect.renderers[kind].items():
            if (self._dialect.place(market.spec), channel, market.spec.symbol) in self._wanted:
                texts = self._dialect.marks(market, kind, payload)
                frames = [framed([each]) for each in render(market, payload, None)]
                rendered += [(frame, self._marks(market, channel, frame, texts)) for frame in frames]
        return rendered

    def _marks(
        self, market: Market, channel: str, frame: bytes, texts: list[tuple[str, bytes]],
    ) -> list[tuple[int, int, int, bool]]:
        """Where the frame's numbers and times stand. A number may stand more than once; it rises after the last."""
        marks = []
        for name, text in texts:
            series = -1
            places = _places(frame, text)
            if name != "time" and places:
                series = self._series.setdefault((market, channel, name), len(self._series))
                if series == len(self._first):
                    self._first.append(int(text))
            marks += [(place, len(text), series, place == places[-1]) for place in places]
        return sorted(marks)


class BlastPort(Port):
    """One dialect under blast. `engine` makes the markets' happenings; nobody else uses it."""

    def __init__(self, dialect: Dialect, engine: Engine, spec: BlastSpec, settle_s: float) -> None:
        if dialect.per_connection:
            raise ConfigError(f"blast: {dialect.name} counts by connection and can't be stamped; choose another")
        super().__init__(dialect)
        self._engine = engine
        self._spec = spec
        self._settle_s = settle_s
        self._timers: dict[Peer, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: set[Peer] = set()
        self.floods: list[Flood] = []
        self.sent = 0
        self.skipped = 0
        self.done = asyncio.Event()     # some connection has got all its frames

    def heard(self, peer: Peer, text: bytes) -> None:
        super().heard(peer, text)
        if peer in self._timers:
            self._timers.pop(peer).cancel()
        if peer in self.talks and peer not in self._started:
            self._timers[peer] = self._loop.call_later(self._settle_s, self._settled, peer)

    def closed(self, peer: Peer) -> None:
        if peer in self._timers:
            self._timers.pop(peer).cancel()
        self._started.discard(peer)
        super().closed(peer)

    def each_second(self) -> None:
        now_s = self._loop.time()
        if now_s - self._pinged_s >= PING_EVERY_S:
            self._pinged_s = now_s
            for peer in self.talks:
                peer.ping()

    def summary(self) -> dict[str, Any]:
        return {**super().summary(), "sent": self.sent, "skipped": self.skipped,
                "floods": [flood.sent() for flood in self.floods]}

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _settled(self, peer: Peer) -> None:
        if peer not in self.talks or not self.talks[peer].streams:
            return
        self._started.add(peer)
        flood = Flood(
            self.dialect, self._engine, list(self.talks[peer].streams), self.floods, trades_only=self._spec.trades_only)
        if not flood.sheets:
            return      # marks and funding only
        self.floods.append(flood)
        task = self._loop.create_task(self._pace(peer, flood) if self._spec.rate else self._pour(peer, flood))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pour(self, peer: Peer, flood: Flood) -> None:
        """As fast as the socket takes it. The sheet is free again when the socket has all of it."""
        left = self._spec.frames or -1
        while left and peer.is_open:
            for sheet in flood.sheets:
                count = sheet.count if left < 0 else min(left, sheet.count)
                self._write(peer, flood, sheet, 0, count)
                await peer.drained()
                left -= count if left > 0 else 0
                if not left or not peer.is_open:
                    break
            await asyncio.sleep(0)
        self.done.set()

    async def _pace(self, peer: Peer, flood: Flood) -> None:
        """`rate` frames a second, spread over the milliseconds."""
        began_s, due_before, sheet_number, place = self._loop.time(), 0, 0, 0
        total = self._spec.frames
        while peer.is_open and (not total or due_before < total):
            due = int((self._loop.time() - began_s) * self._spec.rate)
            due = min(due, total) if total else due
            late = due - due_before - int(self._spec.rate * BEHIND_MAX_S)
            if late > 0:
                self.skipped += late
                due_before += late
            while due_before < due:
                sheet = flood.sheets[sheet_number]
                count = min(due - due_before, sheet.count - place)
                self._write(peer, flood, sheet, place, count)
                due_before += count
                place += count
                if place == sheet.count:
                    place, sheet_number = 0, (sheet_number + 1) % len(flood.sheets)
                await peer.drained()    # an unsent sheet must not be stamped again
            await asyncio.sleep(TICK_S)
        self.done.set()

    def _write(self, peer: Peer, flood: Flood, sheet: Sheet, place: int, count: int) -> None:
        sheet.stamp(place, count, flood.numbers, self.dialect.time_text(time.time_ns()))
        peer.write(sheet.view(place, count), count)
        self.sent += count


def _singly(happening: Happening) -> list[Happening]:
    """A trade a frame, so that every frame has its numbers once."""
    if happening.kind != TRADES or not isinstance(happening.payload, list):
        return [happening]
    return [Happening(happening.market, happening.kind, [trade]) for trade in happening.payload]


def _places(frame: bytes, text: bytes) -> list[int]:
    """Where the text stands by itself, not inside of a longer number."""
    places, at = [], frame.find(text)
    while at >= 0:
        end = at + len(text)
        if not (frame[at - 1:at].isdigit() or frame[end:end + 1].isdigit()):
            places.append(at)
        at = frame.find(text, end)
    return places
