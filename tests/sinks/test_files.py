"""Avro container files: read back by a stock reader, rotated, whole after a crash, patient with a full disk."""

import resource
import time
from contextlib import contextmanager, suppress

import fastavro
import pytest
import structlog

from ingestor.errors import SinkError
from ingestor.settings import FilesSettings
from ingestor.sinks import open_sink
from ingestor.sinks.files import BLOCK_AGE_S, BLOCK_BYTES, FilesSink
from ingestor.wire.plain import write_fair, write_record
from ingestor.wire.schemas import schema
from tests.sinks.clocks import Clock
from tests.wire.kept import NOW, quote, trade, writer_into


def sink_in(path, clock=None, **settings) -> FilesSink:
    return FilesSink(FilesSettings(path=path, **settings), shard=3, epoch=11, monotonic_s=clock or time.monotonic)


def files(path, topic="trades"):
    return sorted((path / topic).glob("*.avro"))


def records(*paths):
    found = []
    for path in paths:
        with path.open("rb") as file:
            found += list(fastavro.reader(file))
    return found


def fill(sink, count, start=1, **more):
    """So many trades, in batches that are given to the sink."""
    writer = writer_into(sink, records_max=100)
    write_record(writer, 0, trade(record_sequence=start, **more), count)
    writer.flush_now(NOW)


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
def test_a_stock_reader_reads_all_topics_with_each_codec(tmp_path, codec):
    sink = sink_in(tmp_path, compression=codec)
    writer = writer_into(sink)
    for number in range(4):
        write_record(writer, number, trade(record_sequence=number, id=f"t{number}"))
        write_record(writer, number, quote(record_sequence=number))
    write_fair(writer, 1, {"price": 1.5, "ts_emit_ns": NOW}, [0])
    writer.flush_now(NOW)
    assert sink.close(1) == 0
    assert [each["id"] for each in records(*files(tmp_path))] == ["t0", "t1", "t2", "t3"]
    assert len(records(*files(tmp_path, "quotes"))) == 4
    assert records(*files(tmp_path, "fair"))[0]["flagged"] == ["provider0/venue0/I0USD"]
    with files(tmp_path)[0].open("rb") as file:
        reader = fastavro.reader(file)
        assert reader.codec == codec
        assert reader.writer_schema["fields"] == fastavro.parse_schema(schema("trades", "record"))["fields"]


def test_a_batch_waits_for_company_and_not_for_longer_than_its_age(tmp_path):
    clock = Clock()
    sink = sink_in(tmp_path, clock)
    fill(sink, 5)
    clock.advance(BLOCK_AGE_S - 0.01)
    sink.poll()
    assert files(tmp_path) == []
    clock.advance(0.01)
    sink.poll()
    assert len(records(*files(tmp_path))) == 5
    assert sink.stats().topics["trades"].delivered == 5
    sink.close(0)


def test_enough_bytes_are_written_without_waiting(tmp_path):
    sink = sink_in(tmp_path, Clock())
    fill(sink, BLOCK_BYTES // 50)
    assert sink.stats().topics["trades"].delivered > 0
    sink.close(0)


def test_batches_of_many_instruments_share_a_block(tmp_path):
    sink = sink_in(tmp_path)
    writer = writer_into(sink, instruments=20)
    for number in range(40):
        write_record(writer, number, trade())
    writer.flush_now(NOW)
    sink.close(1)
    with files(tmp_path)[0].open("rb") as file:
        assert [block.num_records for block in fastavro.block_reader(file)] == [40]


def test_a_file_of_its_size_is_closed_and_the_next_begun_and_names_sort_by_time(tmp_path):
    sink = sink_in(tmp_path, Clock(), rotate_bytes=100_000, compression="null")
    for start in range(1, 20_001, 2000):
        fill(sink, 2000, start)
    assert sink.close(1) == 0
    found = files(tmp_path)
    assert len(found) >= 3
    assert [each["record_sequence"] for each in records(*found)] == list(range(1, 20_001))
    assert all(path.stat().st_size >= 100_000 for path in found[:-1])


def test_a_file_of_its_age_is_closed(tmp_path):
    clock = Clock()
    sink = sink_in(tmp_path, clock, rotate_s=60)
    for start, wait_s in ((1, 59), (2, 1), (3, 0)):
        fill(sink, 1, start)
        clock.advance(BLOCK_AGE_S)
        sink.poll()
        clock.advance(wait_s)
        sink.poll()
    sink.close(0)
    assert [len(records(path)) for path in files(tmp_path)] == [2, 1]


def test_names_tell_topic_time_shard_and_epoch(tmp_path):
    sink = FilesSink(FilesSettings(path=tmp_path), "prod.", shard=3, epoch=11,
                     clock_ns=lambda: 1_763_000_000_123_456_789)
    fill(sink, 1)
    sink.close(1)
    assert [path.name for path in files(tmp_path, "prod.trades")] == [
        "prod.trades-20251113T021320.123456789Z-s3-e11.avro"]


def test_files_begun_at_the_same_moment_have_names_of_their_own(tmp_path):
    for start in (1, 2):
        sink = FilesSink(FilesSettings(path=tmp_path), clock_ns=lambda: NOW)
        fill(sink, 1, start)
        sink.close(1)
    assert [each["record_sequence"] for each in records(*files(tmp_path))] == [1, 2]


def until_torn(path):
    """record_sequence of what can be read."""
    found = []

    def read():
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                yield record["record_sequence"]
    with suppress(EOFError, ValueError, IndexError):
        found.extend(read())
    return found


def test_of_a_file_that_was_cut_anywhere_every_whole_block_is_read(tmp_path):
    clock = Clock()
    sink = sink_in(tmp_path, clock, compression="null")
    ends = []
    for start in (1, 11, 21):
        fill(sink, 10, start)
        clock.advance(BLOCK_AGE_S)
        sink.poll()
        ends.append(files(tmp_path)[0].stat().st_size)
    sink.close(0)
    whole = files(tmp_path)[0].read_bytes()
    for cut in range(ends[0], len(whole) + 1, 37):
        (tmp_path / "cut.avro").write_bytes(whole[:cut])
        found = until_torn(tmp_path / "cut.avro")
        blocks = sum(cut >= end for end in ends)
        assert found[:10 * blocks] == list(range(1, 10 * blocks + 1))


@pytest.fixture
def quiet():
    """Nothing is logged: the log of a test is a file too."""
    with structlog.testing.capture_logs() as said:
        yield said


@contextmanager
def disk_of(size):
    """No file may grow beyond `size` bytes: writes take a part, then fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_when_the_disk_takes_no_more_records_wait_and_are_written_once_when_it_does(tmp_path, quiet):
    clock = Clock()
    sink = sink_in(tmp_path, clock, compression="null")
    fill(sink, 100, 1)
    clock.advance(1)
    sink.poll()
    size = files(tmp_path)[0].stat().st_size
    with disk_of(size + 1000):
        fill(sink, 100, 101)
        clock.advance(1)
        sink.poll()
        assert (sink.ready, sink.stats().topics["trades"].delivered) == (False, 100)
        assert f"can't write to {tmp_path}: File too large" in sink.reason
        assert files(tmp_path)[0].stat().st_size == size
        fill(sink, 100, 201)
    clock.advance(2)
    sink.poll()
    assert (sink.ready, sink.reason) == (True, "")
    assert sink.close(1) == 0
    assert [each["record_sequence"] for each in records(*files(tmp_path))] == list(range(1, 301))
    assert sink.stats().topics["trades"].failures == {"File too large": 1}
    assert [each["event"] for each in quiet] == ["files_not_writable", "files_writable_again"]


def test_when_memory_holds_as_much_as_it_may_it_is_full(tmp_path, monkeypatch, quiet):
    monkeypatch.setattr("ingestor.sinks.files.HELD_BYTES_MAX", 200_000)
    clock = Clock()
    sink = sink_in(tmp_path, clock, compression="null")
    with disk_of(0):
        fill(sink, 2000)
        assert not sink.full
        fill(sink, 4000, 2001)
        assert sink.full
    clock.advance(2)
    sink.poll()
    assert not sink.full
    sink.close(0)
    assert len(records(*files(tmp_path))) == 6000


def test_what_a_full_disk_does_not_take_before_the_end_is_counted_as_left(tmp_path, quiet):
    sink = sink_in(tmp_path)
    with disk_of(0):
        fill(sink, 7)
        assert sink.close(0) == 7
    assert sink.stats().topics["trades"].failed == 7


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"sink\.files\.path: can't write to .*/file/records: Not a directory"):
        sink_in(tmp_path / "file" / "records")


def test_the_settings_choose_the_files_sink(tmp_path):
    from ingestor.settings import SinkSettings
    sink = open_sink(SinkSettings(kind="files", files=FilesSettings(path=tmp_path)), {}, "", 0, 0)
    assert isinstance(sink, FilesSink)
    assert sink.modes["trades"] == "container"
    sink.close(0)


def test_quiet_topics_make_no_files(tmp_path):
    sink = sink_in(tmp_path)
    sink.poll()
    sink.close(0)
    assert list(tmp_path.iterdir()) == []
