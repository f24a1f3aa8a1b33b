"""`ingestor decode`: frames of any file, records as NDJSON, and what became of each frame."""

import gzip
import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import zstandard

from ingestor.records import STATUS_NAMES
from shards import frames
from shards.frames import Decoding, batches, opened

ROOT = Path(__file__).resolve().parent.parent.parent

TRADE = '{"e":"trade","s":"BTCUSDT","t":%d,"p":"64000.50","q":"0.10","m":true,"T":1786562940921}'
RECORD = {
    "kind": "trade", "provider": "binance-spot", "venue": "binance", "symbol": "BTCUSDT", "instrument": None,
    "ts_event_ns": 1786562940921000000, "ts_recv_ns": 0, "seq": 1, "snapshot": False, "id": "1", "side": "sell",
    "price": "64000.5", "size": "0.1"}


def line(raw: str, direction: str = "in", conn: str = "c", ts_ns: int | None = 7) -> bytes:
    return json.dumps({"ts_ns": ts_ns, "dir": direction, "conn": conn, "raw": raw}).encode()


def decoded(dialect: str, *lines: bytes) -> list[dict]:
    return list(Decoding(dialect).records(lines))


def test_a_bare_frame_a_line_becomes_a_record_a_line(process):
    outcome = process("decode", "binance-spot", stdin=f"{TRADE % 1}\n\n{TRADE % 2}".encode())
    assert outcome.status == 0
    assert [json.loads(each)["id"] for each in outcome.out.splitlines()] == ["1", "2"]
    assert json.loads(outcome.out.splitlines()[0]) == RECORD
    assert outcome.err == (
        "binance-spot: frames 2: decoded 2, ignored 0, control 0, malformed 0; records 2, decimals rounded 0\n")


def test_a_line_of_the_captures_gives_its_frame_and_its_time():
    record, = decoded("binance-spot", line(TRADE % 1, ts_ns=1_700_000_000_000_000_001))
    assert record == {**RECORD, "ts_recv_ns": 1_700_000_000_000_000_001}


def test_a_line_without_a_time_has_the_time_zero():
    record, = decoded("binance-spot", line(TRADE % 1, ts_ns=None))
    assert record["ts_recv_ns"] == 0


def test_lines_that_are_not_in_are_not_decoded():
    assert decoded("binance-spot", line(TRADE % 1, "out"), line("", "open")) == []


def test_state_is_kept_a_connection_and_dropped_by_an_open_line():
    ack = '{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}'
    data = ('{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"1","px":"1",'
            '"sz":"1","side":"buy","ts":"1786562940921"}]}')
    found = decoded(
        "okx-v5", line(ack, conn="a"), line(data, conn="b"), line(data, conn="a"), line(data, conn="a"),
        line(ack, conn="a"), line("", "open", "a"), line(data, conn="a"))
    assert [record["snapshot"] for record in found] == [False, True, False, False]


def test_connections_beyond_the_limit_lose_the_oldest_state(monkeypatch):
    monkeypatch.setattr(frames, "CONNECTIONS_MAX", 2)
    decoding = Decoding("okx-v5")
    list(decoding.records(line("{}", conn=str(number)) for number in range(5)))
    assert list(decoding._decoders) == ["3", "4"]


def test_malformed_frames_are_counted_by_reason_and_strict_makes_them_a_failure(process):
    text = f'{TRADE % 1}\n{{"e":"trade"\n{TRADE.replace("64000.50", "x") % 1}\n[]\n'.encode()
    assert process("decode", "binance-spot", stdin=text).status == 0
    outcome = process("decode", "binance-spot", "--strict", stdin=text)
    assert outcome.status == 1
    assert outcome.err.splitlines()[1] == "binance-spot: malformed: truncated 1, bad_number 1"


def test_every_status_of_the_decoders_is_either_sound_or_malformed():
    decoding = Decoding("binance-spot")
    decoding.frames.update(STATUS_NAMES)
    assert decoding.malformed == len(STATUS_NAMES) - len(frames.SOUND)


def test_frames_of_a_binary_dialect_are_base64():
    from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

    message = StreamTradesResponseV1(exchange="cbse", code="btc-usd", price=1.5, amount=2.0)
    frame = b64encode(b"T" + message.SerializeToString())
    for each in (frame, line(frame.decode())):
        record, = decoded("kaiko", each)
        assert (record["symbol"], record["price"]) == ("btc-usd", "1.5")
    decoding = Decoding("kaiko")
    assert list(decoding.records([b"no base64!"])) == []
    assert decoding.malformed == 1


@pytest.mark.parametrize("text", [
    b'{"raw": 1, "dir": "in"}', b'{"raw": "x", "dir"', b'"raw" "dir"', b'["raw", "dir"]', b"\xff\xfe", b"ping"])
def test_a_line_that_is_nearly_of_the_captures_is_a_bare_frame(text):
    decoding = Decoding("binance-spot")
    assert list(decoding.records([text])) == []
    assert decoding.frames.total() == 1


def test_half_a_surrogate_pair_in_a_frame_is_malformed():
    decoding = Decoding("binance-spot")
    list(decoding.records([line(TRADE.replace("BTCUSDT", "\ud800") % 1)]))
    assert decoding.malformed == 1


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_a_file_is_unpacked_by_what_it_holds(tmp_path, compress):
    path = tmp_path / "frames"
    path.write_bytes(compress(b"a\nb\r\n\nc"))
    with opened(str(path)) as source:
        assert [each for lines in batches(source) for each in lines] == [b"a", b"b\r", b"", b"c"]


def test_two_zstd_frames_in_a_row_are_one_file(tmp_path):
    path = tmp_path / "frames"
    path.write_bytes(zstandard.compress(b"a\nb") + zstandard.compress(b"c\n"))
    with opened(str(path)) as source:
        assert [each for lines in batches(source) for each in lines] == [b"a", b"bc"]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_broken_compressed_file_is_one_line_and_status_1(process, compress):
    good = compress(b"\n".join((TRADE % number).encode() for number in range(2000)))
    broken = good[:500] + bytes(100) + good[600:]
    outcome = process("decode", "binance-spot", stdin=broken)
    assert outcome.status == 1
    assert outcome.err.startswith("ingestor: the compressed frames are broken (")
    assert outcome.err.count("\n") == 1


def test_a_line_beyond_the_limit_is_cut_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "LINE_BYTES_MAX", 1000)
    monkeypatch.setattr(frames, "CHUNK_BYTES", 300)
    path = tmp_path / "frames"
    path.write_bytes(b"x" * 5000 + b"\nabc\n" + b"y" * 5000)
    with opened(str(path)) as source:
        assert [each for lines in batches(source) for each in lines] == [b"x" * 1000, b"abc", b"y" * 1000]


def test_a_reader_that_has_enough_is_no_failure():
    text = "\n".join(TRADE % number for number in range(20_000)).encode()
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestor", "decode", "binance-spot"], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    _, err = running.communicate(text, timeout=60)
    assert (running.returncode, err) == (0, b"")


def test_captured_frames_decode_as_their_readme_counts_them(captures, command):
    outcome = command("decode", "binance-spot", str(captures / "binance-spot.cf-2021-04-05.jsonl"))
    kinds = [json.loads(each)["kind"] for each in outcome.out.splitlines()]
    assert (kinds.count("trade"), kinds.count("quote")) == (1240, 5408)
