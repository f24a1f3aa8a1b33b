"""The recorder: every frame of every connection, a table in each block, and losses that are counted and told."""

import json
import struct

import pytest

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from ingestor.rawlog.layout import CONNECTIONS_MAX, Kind, records
from ingestor.rawlog.recorder import Recorder
from ingestor.tap import Tap
from tests.markets import NOW, SECOND, binance_quote, binance_trade, btc

FRAME_BYTES_MAX = 16 << 20      # records.h


class FakeDisk:
    """Keeps the blocks; `waiting_bytes` is what a slow disk would have."""

    def __init__(self) -> None:
        self.blocks: list[list] = []
        self.waiting_bytes = 0

    def put(self, block) -> None:
        self.blocks.append(records(bytes(block)))

    def of(self, *kinds: Kind) -> list[tuple]:
        return [record for block in self.blocks for record in block if record[0] in kinds]


class Clock:
    def __init__(self) -> None:
        self.ns = NOW

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def recording(disk: FakeDisk, **options) -> tuple[Recorder, Pipeline]:
    recorder, pipeline = Recorder(disk, session_ns=7, **options), Pipeline(btc(), None)
    pipeline.tap = recorder
    return recorder, pipeline


def test_every_frame_is_recorded_as_it_came_also_what_the_decoder_refuses(disk):
    recorder, pipeline = recording(disk)
    connection = pipeline.open(load("binance-spot"), "", "c0")
    frames = [binance_trade(), binance_quote(), b"\xff no frame", b"", b'{"result":null,"id":1}']
    for number, frame in enumerate(frames):
        connection.feed_bytes(frame, NOW + number)
    recorder.finish()
    assert disk.of(Kind.FRAME) == [(Kind.FRAME, 0, NOW + i, frame) for i, frame in enumerate(frames)]
    assert (recorder.frames, recorder.lost_frames) == (5, 0)


def test_openings_and_ends_stand_between_the_frames_and_numbers_are_given_again(disk):
    recorder, pipeline = recording(disk)
    first = pipeline.open(load("binance-spot"), "", "c0")
    second = pipeline.open(load("kraken-v2"), "", "c1")
    first.close()
    first.feed_bytes(b"after its end", NOW)
    third = pipeline.open(load("binance-spot"), "x", "c0")
    for connection in (second, third):
        connection.feed_bytes(b"{}", NOW)
    recorder.finish()
    rows = [json.loads(payload) for kind, _, _, payload in disk.blocks[0] if kind is Kind.OPENED]
    assert rows == [[0, "7-1", "binance-spot", "", "c0"], [1, "7-2", "kraken-v2", "", "c1"],
                    [0, "7-3", "binance-spot", "x", "c0"]]
    assert [(kind, number) for kind, number, *_ in disk.blocks[0]] == [
        (Kind.TABLE, 0), (Kind.OPENED, 0), (Kind.OPENED, 1), (Kind.CLOSED, 0), (Kind.OPENED, 0), (Kind.FRAME, 1),
        (Kind.FRAME, 0)]


def test_each_block_begins_with_what_is_open_then(disk):
    _, pipeline = recording(disk, block_bytes=100)
    first, second = (pipeline.open(load("binance-spot"), "", name) for name in ("c0", "c1"))
    first.feed_bytes(bytes(100), NOW)
    second.close()
    first.feed_bytes(bytes(100), NOW)
    tables = [json.loads(block[0][3]) for block in disk.blocks]
    assert [[row[4] for row in table] for table in tables] == [[], ["c0", "c1"]]
    assert [block[0][0] for block in disk.blocks] == [Kind.TABLE, Kind.TABLE]


def test_a_block_goes_when_it_is_full_and_when_it_is_old_and_not_empty(disk, clock):
    recorder, pipeline = recording(disk, clock_ns=clock, block_bytes=1000, flush_every_s=0.5)
    connection = pipeline.open(load("binance-spot"), "", "c0")
    clock.ns += SECOND
    recorder.poll()
    assert disk.blocks == []        # it holds no frame
    connection.feed_bytes(b"{}", NOW)
    recorder.poll()
    assert len(disk.blocks) == 1
    connection.feed_bytes(b"{}", NOW)
    clock.ns += SECOND // 4
    recorder.poll()
    assert len(disk.blocks) == 1
    connection.feed_bytes(bytes(1000), NOW)
    assert len(disk.blocks) == 2


def test_frames_are_lost_counted_and_told_when_too_much_waits_for_the_disk(disk):
    recorder, pipeline = recording(disk, block_bytes=1000, queue_bytes_max=5000)
    connection = pipeline.open(load("binance-spot"), "", "c0")
    disk.waiting_bytes = 4001       # with a further block: one too much
    connection.feed_bytes(bytes(1000), NOW)
    connection.feed_bytes(b"lost", NOW)
    another = pipeline.open(load("binance-spot"), "", "c1")
    another.feed_bytes(b"lost too", NOW)
    recorder.poll()
    assert (recorder.frames, recorder.lost_frames, recorder.lost_bytes) == (1, 2, 12)
    disk.waiting_bytes = 4000
    recorder.poll()
    another.feed_bytes(b"kept", NOW)
    recorder.finish()
    table, lost, frame = disk.blocks[1]
    assert [row[4] for row in json.loads(table[3])] == ["c0", "c1"]
    assert (lost[0], struct.unpack("<QQ", lost[3])) == (Kind.LOST, (2, 12))
    assert frame == (Kind.FRAME, 1, NOW, b"kept")


def test_what_was_lost_at_the_very_end_is_told_too(disk):
    recorder, pipeline = recording(disk, block_bytes=1000, queue_bytes_max=5000)
    connection = pipeline.open(load("binance-spot"), "", "c0")
    disk.waiting_bytes = 5000
    for _ in range(3):
        connection.feed_bytes(bytes(1000), NOW)
    recorder.finish()
    assert [struct.unpack("<QQ", payload) for *_, payload in disk.of(Kind.LOST)] == [(2, 2000)]
    connection.feed_bytes(b"after the end", NOW)
    assert recorder.lost_frames == 3


def test_the_largest_frame_is_recorded_and_a_larger_one_lost(disk):
    recorder, pipeline = recording(disk)
    connection = pipeline.open(load("binance-spot"), "", "c0")
    connection.feed_bytes(bytes(FRAME_BYTES_MAX), NOW)
    connection.feed_bytes(bytes(FRAME_BYTES_MAX + 1), NOW)
    assert (recorder.frames, recorder.lost_frames) == (1, 1)
    assert len(disk.of(Kind.FRAME)[0][3]) == FRAME_BYTES_MAX


def test_a_connection_beyond_the_last_number_is_not_recorded_and_its_frames_are_lost(disk):
    recorder, pipeline = recording(disk)
    for number in range(CONNECTIONS_MAX):
        assert recorder.opened("binance-spot", "", "c") == number
    connection = pipeline.open(load("binance-spot"), "", "one too many")
    connection.feed_bytes(b"{}", NOW)
    connection.close()
    assert (recorder.frames, recorder.lost_frames) == (0, 1)
    recorder.closed(5)
    pipeline.open(load("binance-spot"), "", "c").feed_bytes(b"{}", NOW)
    assert recorder.frames == 1


def test_a_tap_that_overrides_nothing_changes_nothing():
    pipeline = Pipeline(btc(), None)
    pipeline.tap = Tap()
    connection = pipeline.open(load("binance-spot"), "", "c0")
    connection.feed_bytes(binance_trade(), NOW)
    connection.close()
    assert pipeline.counters()["paths"][0]["trades"] == 1
