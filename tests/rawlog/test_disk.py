"""The disk's thread: blocks in order, trouble that is told and waited out, an end within a bound."""

import threading

from structlog.testing import capture_logs

from ingestor.rawlog import disk as disks
from ingestor.rawlog.disk import Disk
from tests.rawlog.logs import T0, block

FIRST, SECOND = block((T0, b"a")), block((T0, b"b"), (T0, b"c"))


class FakeWriter:
    """`failing` writes fail before one succeeds; `gate` holds a write up."""

    def __init__(self, failing: int = 0, gate: threading.Event | None = None) -> None:
        self.failing, self.gate = failing, gate
        self.written: list[object] = []
        self.synced = self.closed = 0

    def write(self, each) -> None:
        if self.gate is not None:
            self.gate.wait(10)
        if self.failing:
            self.failing -= 1
            raise OSError(28, "No space left on device")
        self.written.append(each)

    def sync_if_due(self) -> None:
        self.synced += 1

    def sync(self) -> None:
        self.synced += 1

    def close(self) -> None:
        self.closed += 1


def test_blocks_are_written_in_order_and_the_segment_is_closed_at_the_end():
    writer = FakeWriter()
    disk = Disk(writer)
    disk.put(FIRST)
    disk.put(SECOND)
    assert disk.close(10.0)
    assert writer.written == [FIRST, SECOND]
    assert (writer.closed, disk.frames, disk.waiting_bytes) == (1, 3, 0)


def test_a_disk_that_takes_nothing_is_told_once_and_the_same_block_is_tried_again(monkeypatch):
    monkeypatch.setattr(disks, "AGAIN_S", 0.01)
    writer = FakeWriter(failing=3)
    with capture_logs() as events:
        disk = Disk(writer)
        disk.put(FIRST)
        disk.put(SECOND)
        assert disk.close(10.0)
    assert writer.written == [FIRST, SECOND]
    assert [event["event"] for event in events] == ["raw_log_not_writable", "raw_log_writable_again"]


def test_the_end_does_not_wait_for_a_disk_that_never_takes_anything():
    writer = FakeWriter(failing=1_000_000)
    with capture_logs():
        disk = Disk(writer)
        disk.put(FIRST)
        assert not disk.close(0.05)
    assert writer.written == []
    assert disk.waiting_bytes == len(FIRST)


def test_what_waits_is_counted_while_the_disk_is_slow():
    writer = FakeWriter(gate=threading.Event())
    disk = Disk(writer)
    disk.put(FIRST)
    disk.put(SECOND)
    assert disk.waiting_bytes == len(FIRST) + len(SECOND)
    writer.gate.set()
    assert disk.close(10.0)


def test_what_was_written_before_a_quiet_moment_is_synced(monkeypatch):
    monkeypatch.setattr(disks, "IDLE_S", 0.01)
    writer, synced = FakeWriter(), threading.Event()
    writer.sync = synced.set
    disk = Disk(writer)
    disk.put(FIRST)
    assert synced.wait(10)
    assert disk.close(10.0)
