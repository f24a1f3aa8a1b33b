"""When the sink is full the doors stop reading, and go on when it is not."""

import asyncio
import signal
from typing import ClassVar

import pytest

import shards.worker
from ingestor.feeds import loop
from ingestor.settings import load
from ingestor.sinks.null import NullSink
from shards.dialects import DIALECTS
from shards.worker import Worker


class FullSink(NullSink):
    """Full from the third look to the sixth; asks for the end at the ninth."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    @property
    def full(self) -> bool:
        return 3 <= self.looks < 6

    def poll(self) -> None:
        self.looks += 1
        if self.looks == 9:
            signal.raise_signal(signal.SIGTERM)


class FakeFeed:
    """Notes what it is told."""

    told: ClassVar[list[str]] = []

    def __init__(self, *_: object) -> None:
        self._stopped = asyncio.Event()

    def set_subscriptions(self, wanted: list) -> None:
        self.told.append(f"wanted {len(wanted)}")

    async def run(self) -> None:
        await self._stopped.wait()

    async def stop(self) -> None:
        self.told.append("stop")
        self._stopped.set()

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def stats(self) -> list:
        return []


@pytest.fixture
def worker(tmp_path, monkeypatch):
    (tmp_path / "ingestor.yaml").write_text("http: {port: 0}\npipeline: {tick_every_ms: 1}\n")
    (tmp_path / "instruments.yaml").write_text(
        "instruments:\n  usdt-usd: {markets: [{provider: kraken-v2, symbol: USDT/USD}]}\n")
    monkeypatch.setattr(FakeFeed, "told", [])
    monkeypatch.setattr(shards.worker, "Feed", FakeFeed)
    return Worker(load(tmp_path / "ingestor.yaml", DIALECTS, {}), 0, 1)


def test_a_full_sink_pauses_reading_until_it_is_not(worker, monkeypatch):
    monkeypatch.setattr(shards.worker, "open_sink", lambda *_: FullSink())
    assert loop.run(worker.run()) == 0
    assert FakeFeed.told == ["wanted 2", "pause", "resume", "stop"]


def test_a_sink_that_fails_ends_the_shard_after_the_others_said_goodbye(worker, monkeypatch):
    class BrokenSink(NullSink):
        closed = False

        def poll(self) -> None:
            raise shards.worker.SinkError("the disk is full: make room")

        def close(self, timeout_s: float) -> int:
            self.closed = True
            return super().close(timeout_s)

    sink = BrokenSink()
    monkeypatch.setattr(shards.worker, "open_sink", lambda *_: sink)
    with pytest.raises(shards.worker.SinkError, match="the disk is full"):
        loop.run(worker.run())
    assert (FakeFeed.told[-1], sink.closed) == ("stop", True)
