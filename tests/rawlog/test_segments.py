"""Segments: what was written is read back, whatever a crash, a bad disk or another program made of it."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import zstandard

from ingestor.errors import IngestorError
from ingestor.rawlog import layout
from ingestor.rawlog import writer as writing
from ingestor.rawlog.layout import (
    BLOCK_HEAD_BYTES,
    BLOCK_RAW_BYTES_MAX,
    HEADER_BYTES,
    BlockHead,
    Header,
    pack_block_head,
    pack_header,
    segment_name,
)
from ingestor.rawlog.reader import DamagedLog, NotALog, RawLog, read_segment
from ingestor.rawlog.writer import LogWriter, Rules, repair
from tests.rawlog.logs import SECOND, T0, block, payloads, write

THREE = [block((T0 + i * SECOND, f'{{"frame":{i}}}'.encode())) for i in range(3)]
SENT = [b'{"frame":0}', b'{"frame":1}', b'{"frame":2}']


@pytest.fixture
def segment(tmp_path) -> Path:
    """A closed segment of three blocks."""
    return write(tmp_path / "log", *THREE)[0]


def without_index(segment: Path) -> bytes:
    """The segment's bytes as a crash leaves them."""
    return segment.read_bytes()[:read_segment(segment).entries[-1].end]


def test_what_was_written_is_read_back_in_order(segment):
    assert payloads(segment) == payloads(segment.parent) == SENT


def test_a_closed_segment_is_read_by_its_index(segment):
    found = read_segment(segment)
    assert (found.indexed, found.frames, found.torn_bytes) == (True, 3, 0)
    assert [entry.head.first_ns for entry in found.entries] == [T0, T0 + SECOND, T0 + 2 * SECOND]


def test_a_missing_index_is_rebuilt_by_scanning(segment):
    entries = read_segment(segment).entries
    segment.write_bytes(without_index(segment))
    found = read_segment(segment)
    assert (found.indexed, found.entries, found.torn_bytes) == (False, entries, 0)


def test_a_tail_torn_at_any_byte_is_cut_and_told_and_all_before_it_is_read(segment):
    whole, ends = segment.read_bytes(), [entry.end for entry in read_segment(segment).entries]
    for size in range(HEADER_BYTES, len(whole)):
        segment.write_bytes(whole[:size])
        blocks = sum(end <= size for end in ends)
        assert payloads(segment) == SENT[:blocks]
        assert RawLog(segment).torn_bytes == size - (ends[blocks - 1] if blocks else HEADER_BYTES)


def test_a_segment_too_short_for_a_header_is_none_among_others_and_an_error_alone(segment):
    whole = segment.read_bytes()
    stub = segment.with_name(segment_name(Header(0, 1, T0, T0 + SECOND)))
    for size in (0, 1, HEADER_BYTES - 1):
        stub.write_bytes(whole[:size])
        assert payloads(segment.parent) == SENT
        with pytest.raises(NotALog, match="never written to"):
            RawLog(stub)


def test_a_flipped_byte_anywhere_gives_no_frame_that_was_not_sent(segment):
    whole = bytearray(segment.read_bytes())
    told = 0
    for at in range(len(whole)):
        whole[at] ^= 0x41
        segment.write_bytes(whole)
        whole[at] ^= 0x41
        try:
            found = payloads(segment)
        except (NotALog, DamagedLog):
            told += 1
        else:   # of the index, or of the last block, which then counts as torn
            assert found == SENT or (found == SENT[:2] and RawLog(segment).torn_bytes)
    assert told > len(whole) // 3


def test_damage_in_the_middle_is_told_by_its_offset(segment):
    entry = read_segment(segment).entries[1]
    for data in (segment.read_bytes(), without_index(segment)):
        broken = bytearray(data)
        broken[entry.end - 1] ^= 1
        segment.write_bytes(broken)
        with pytest.raises(DamagedLog, match=f"offset {entry.offset} is damaged"):
            payloads(segment)


def test_salvage_passes_over_damage_and_counts_it(segment):
    entry = read_segment(segment).entries[1]
    for data in (segment.read_bytes(), without_index(segment)):
        broken = bytearray(data)
        broken[entry.offset:entry.offset + 8] = bytes(8)    # not even its mark is left
        segment.write_bytes(broken)
        log = RawLog(segment, salvage=True)
        assert len(list(log.blocks())) == 2
        assert log.blocks_skipped == 1
        assert payloads(segment, salvage=True) == [SENT[0], SENT[2]]


def test_the_next_block_is_found_across_two_reads_of_the_search(segment, monkeypatch):
    from ingestor.rawlog import reader
    first, second, _ = read_segment(segment).entries
    data = bytearray(without_index(segment))
    data[first.offset] ^= 1
    segment.write_bytes(data)
    for size in range(12, second.offset - first.offset + 4):
        monkeypatch.setattr(reader, "SEARCH_BYTES", size)
        assert payloads(segment, salvage=True) == SENT[1:]


def test_a_newer_version_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / segment_name(Header(0, 0, T0, T0))
    path.write_bytes(pack_header(Header(0, 0, T0, T0, version=layout.VERSION + 1)))
    with pytest.raises(NotALog, match="version 2; this program reads up to 1: update it"):
        RawLog(path)


@pytest.mark.parametrize("data", [b'{"a": 1}\n' * 100, zstandard.compress(b"x" * 5000) * 20, bytes(500)])
def test_another_programs_file_is_refused(tmp_path, data):
    path = tmp_path / "raw-x.rawlog"
    path.write_bytes(data)
    with pytest.raises(NotALog, match="this is no raw log"):
        RawLog(path)


def test_a_folder_of_shards_is_told_which_to_give(tmp_path, segment):
    with pytest.raises(NotALog, match=f"the logs of 1 shards: give one of them, as {segment.parent}"):
        RawLog(tmp_path)


def test_an_empty_folder_and_an_empty_log_are_told_apart(tmp_path):
    with pytest.raises(NotALog, match="no segments"):
        RawLog(tmp_path)
    (tmp_path / segment_name(Header(0, 0, T0, T0))).write_bytes(pack_header(Header(0, 0, T0, T0)))
    log = RawLog(tmp_path)
    assert (list(log.blocks()), log.frames, log.first_ns) == ([], 0, T0)


def crafted(tmp_path: Path, head: BlockHead, packed: bytes) -> Path:
    """A segment whose checksums are right, and whose one block is what a person made up."""
    path = tmp_path / segment_name(Header(0, 0, T0, T0))
    path.write_bytes(pack_header(Header(0, 0, T0, T0)) + pack_block_head(head, packed) + packed)
    return path


@pytest.mark.parametrize(("raw_bytes", "packed"), [
    (100, zstandard.compress(bytes(1 << 28))),      # a bomb: 256 MB from 8 kB
    (1 << 28, zstandard.compress(bytes(1 << 28))),
    (100, zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100))),
    (100, b"no zstd at all"), (100, zstandard.compress(bytes(99))), (0, b"")])
def test_a_block_that_is_not_what_its_head_says_takes_no_memory_and_is_damage(tmp_path, raw_bytes, packed):
    path = crafted(tmp_path, BlockHead(raw_bytes, len(packed), 1, 1, T0, T0), packed)
    if raw_bytes > BLOCK_RAW_BYTES_MAX:     # then it is no block at all
        assert RawLog(path).torn_bytes == BLOCK_HEAD_BYTES + len(packed)
    else:
        with pytest.raises(DamagedLog):
            payloads(path)


def test_a_segment_ends_at_its_size_its_age_and_its_number_of_blocks(tmp_path, monkeypatch):
    assert len(write(tmp_path / "size", *THREE, segment_bytes=1)) == 3
    assert len(write(tmp_path / "age", *THREE, segment_s=2.0)) == 2
    monkeypatch.setattr(writing, "BLOCKS_MAX", 2)
    assert len(write(tmp_path / "blocks", *THREE)) == 2
    for folder in ("size", "age", "blocks"):
        assert payloads(tmp_path / folder) == SENT


def test_segments_sort_by_time_and_say_whose_they_are(tmp_path):
    names = [path.name for path in write(tmp_path, *THREE, segment_bytes=1)]
    assert names[0] == "raw-20260812T192900.000000000Z-s0-000000.rawlog"
    assert names == sorted(names)


def test_the_oldest_segments_beyond_what_is_kept_are_deleted_and_never_the_open_one(tmp_path):
    size = write(tmp_path / "one", THREE[0])[0].stat().st_size
    write(tmp_path / "log", *THREE, segment_bytes=1, keep_bytes=size + 1)
    assert payloads(tmp_path / "log") == SENT[1:]   # the last one was open when the first went
    write(tmp_path / "all", *THREE, segment_bytes=1)
    assert payloads(tmp_path / "all") == SENT


def test_two_runs_of_one_nanosecond_get_two_segments(tmp_path, monkeypatch):
    write(tmp_path, THREE[0])
    assert len(write(tmp_path, THREE[0])) == 2
    monkeypatch.setattr(writing, "NAMES_MAX", 1)
    with pytest.raises(FileExistsError):
        write(tmp_path, THREE[0])


def test_the_next_run_cuts_the_torn_tail_and_writes_the_index(tmp_path, segment):
    data = without_index(segment)
    segment.write_bytes(data[:-1])
    write(segment.parent, block((T0 + 9 * SECOND, b"later")))
    found = read_segment(segment)
    assert (found.indexed, found.torn_bytes, found.frames) == (True, 0, 2)
    assert payloads(segment.parent) == [*SENT[:2], b"later"]


def test_a_repair_leaves_alone_what_is_damaged_what_is_closed_and_what_is_being_written(tmp_path, segment):
    closed = segment.read_bytes()
    repair(segment.parent)
    assert segment.read_bytes() == closed
    broken = bytearray(without_index(segment))
    broken[read_segment(segment).entries[0].end - 1] ^= 1
    segment.write_bytes(broken)
    repair(segment.parent)
    assert segment.read_bytes() == broken
    alive, = write(tmp_path / "alive", *THREE, close=False)
    before = alive.read_bytes()
    repair(tmp_path / "alive")
    assert alive.read_bytes() == before
    assert payloads(alive) == SENT      # it can be replayed while it grows


def test_a_block_that_could_not_be_written_whole_is_not_there_at_all(tmp_path, monkeypatch):
    log = LogWriter(tmp_path, Rules(), session_ns=T0)
    log.write(THREE[0])
    real, calls = os.write, []

    def full(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 1:
            return real(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(writing.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        log.write(THREE[1])
    monkeypatch.undo()
    log.write(THREE[1])
    log.write(THREE[2])
    log.close()
    assert payloads(tmp_path) == SENT
    assert RawLog(tmp_path).torn_bytes == 0


def test_the_disk_has_everything_as_often_as_the_rule_says(tmp_path, monkeypatch):
    now, synced = 0.0, []
    monkeypatch.setattr(writing.os, "fsync", synced.append)
    log = LogWriter(tmp_path, Rules(sync_every_s=5.0), session_ns=T0, monotonic_s=lambda: now)
    log.write(THREE[0])
    begun = len(synced)             # the folder, for the new name
    for later in (1.0, 4.9, 5.0, 6.0, 10.0):
        now = later
        log.sync_if_due()
    assert len(synced) - begun == 2
    log.close()
    assert len(synced) - begun == 3


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IngestorError, match=r"can't record to .*: choose another folder"):
        LogWriter(tmp_path / "file" / "log", Rules())


def test_stock_zstd_reads_the_records_of_a_segment(segment):
    if (zstd := shutil.which("zstd")) is None:
        reader = zstandard.ZstdDecompressor().stream_reader(segment.read_bytes(), read_across_frames=True)
        raw = reader.read()
    else:
        raw = subprocess.run([zstd, "-dcq"], input=segment.read_bytes(), capture_output=True, check=True).stdout
    assert raw == b"".join(RawLog(segment).blocks())
