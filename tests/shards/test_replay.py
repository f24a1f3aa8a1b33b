"""`ingestor replay`: one log and one configuration give the same bytes, at any speed; and what it says."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from ingestor.rawlog import layout
from ingestor.rawlog.layout import HEADER_BYTES, Header, Kind, pack_header, segment_name
from ingestor.rawlog.reader import RawLog, read_segment
from shards.captures import Captures
from shards.cli.arguments import configuration
from shards.replaying import Replay, Wanted
from tests.markets import NOW, SECOND, binance_quote, binance_trade
from tests.rawlog.logs import block, write
from tests.shards.test_record import read_terminal

ROOT = Path(__file__).resolve().parent.parent.parent
MS = 1_000_000
INSTRUMENTS = """\
instruments:
  btc-usd:
    markets:
      - {provider: binance-spot, symbol: BTCUSD}
      - {provider: kraken-v2, symbol: BTC/USD}
  eth-usd:
    markets:
      - {provider: binance-spot, symbol: ETHUSD}
"""


@pytest.fixture
def config(tmp_path) -> str:
    """A small configuration of two shards, with a sink that no replay may touch unasked."""
    (tmp_path / "instruments.yaml").write_text(INSTRUMENTS)
    path = tmp_path / "ingestor.yaml"
    path.write_text(f"shards: 2\nsink: {{kind: ndjson, ndjson: {{path: {tmp_path / 'own.ndjson'}}}}}\n")
    return str(path)


def frames(count: int = 400) -> list[tuple[int, bytes]]:
    """Half a second of trades and quotes, with a burst and a refused frame in it."""
    found = []
    for number in range(count):
        at_ns = NOW + number // 3 * 4 * MS
        found.append((at_ns, binance_quote(number + 1, bid=f"{100 + number % 7}", ask="120")))
        found.append((at_ns, binance_trade(number + 1, price=f"{105 + number % 5}.50")))
    return [*found, (found[-1][0] + SECOND, b'{"stream":"x@trade"')]


def log(folder: Path, **rules: float) -> Path:
    sent = frames()
    write(folder, *(block(*sent[i:i + 100]) for i in range(0, len(sent), 100)), **rules)
    return folder


def captured(path: Path) -> Path:
    """The same frames in the captures' layout."""
    lines = [{"ts_ns": NOW, "dir": "open", "conn": "c0", "addr": "wss://x/?token=secret", "raw": ""},
             {"ts_ns": NOW, "dir": "out", "conn": "c0", "raw": "secret"}]
    lines += [{"ts_ns": at_ns, "dir": "in", "conn": "c0", "raw": frame.decode()} for at_ns, frame in frames()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_log_gives_the_same_files_at_any_speed_and_in_any_process(tmp_path, config, process, records):
    raw = log(tmp_path / "log", segment_bytes=1)
    ways = {"flat": [], "again": ["--speed", "max"], "fast": ["--speed", "7"], "real": ["--speed", "1"]}
    for number, (name, options) in enumerate(ways.items()):
        outcome = process("replay", str(raw), "--config", config, "--out", str(tmp_path / name), *options,
                          PYTHONHASHSEED=str(number))
        assert outcome.status == 0, outcome.err
    first = tree(tmp_path / "flat")
    # The trades jump by 4 %, so that many are outliers, which is an alert.
    assert {name.partition("/")[0] for name in first} == {"trades", "quotes", "fair", "quality"}
    for name in ways:
        assert tree(tmp_path / name) == first
    trades = records(tmp_path / "flat", "trades")
    assert [each["id"] for each in trades] == [str(i + 1) for i in range(400)]
    assert {each["epoch"] for each in trades} == {NOW // SECOND}


def test_an_import_and_the_captured_file_itself_give_the_same_bytes(tmp_path, config, command):
    capture = captured(tmp_path / "binance-spot.a.jsonl")
    assert command("record", "--import", str(capture), "--out", str(tmp_path / "log")).status == 0
    for name, source in (("direct", capture), ("imported", tmp_path / "log"), ("recorded", log(tmp_path / "rec"))):
        assert command("replay", str(source), "--config", config, "--out", str(tmp_path / name)).status == 0
    assert tree(tmp_path / "direct") == tree(tmp_path / "imported") == tree(tmp_path / "recorded") != {}
    text = [command("replay", str(source), "--config", config, "--out", "-").out
            for source in (capture, tmp_path / "log")]
    assert text[0] == text[1]
    assert len(text[0].splitlines()) > 800


def test_compressed_captured_files_are_unpacked(tmp_path, config, command):
    plain = captured(tmp_path / "binance-spot.a.jsonl")
    packed = tmp_path / "binance-spot.b.jsonl.zst"
    packed.write_bytes(zstandard.compress(plain.read_bytes()))
    found = [command("replay", str(path), "--config", config, "--out", "-").out for path in (plain, packed)]
    assert found[0] == found[1] != ""


def test_how_many_lines_share_a_block_changes_nothing(tmp_path, config, command, monkeypatch):
    capture = captured(tmp_path / "binance-spot.a.jsonl")
    found = []
    for size in (1, 5000, 1 << 20):
        monkeypatch.setattr("shards.captures.BLOCK_BYTES", size)
        assert sum(1 for _ in Captures([capture]).blocks()) > (1 if size < 1 << 20 else 0)
        found.append(command("replay", str(capture), "--config", config, "--out", "-").out)
    assert found[0] == found[1] == found[2] != ""


def test_text_is_in_the_form_of_decode_and_appends_to_nothing(tmp_path, config, command):
    raw, text = log(tmp_path / "log"), tmp_path / "records.ndjson"
    assert command("replay", str(raw), "--config", config, "--out", str(text)).status == 0
    kinds = [json.loads(line)["kind"] for line in text.read_text().splitlines()]
    assert (kinds.count("trade"), kinds.count("quote")) == (400, 400)
    assert kinds.count("fair") > 1
    again = command("replay", str(raw), "--config", config, "--out", str(text))
    assert (again.status, again.err) == (
        2, f"ingestor: {text} has records already: give a new file with --out, or remove this one\n")


def test_nothing_is_written_unless_asked_and_the_configurations_sink_when_asked(tmp_path, config, command):
    raw = log(tmp_path / "log")
    outcome = command("replay", str(raw), "--config", config)
    assert outcome.status == 0
    assert not (tmp_path / "own.ndjson").exists()
    assert outcome.err.splitlines()[1:3] == [
        "frames decoded 800, ignored 0, control 0, malformed 1", "malformed truncated 1"]
    assert command("replay", str(raw), "--config", config, "--sink").status == 0
    assert len((tmp_path / "own.ndjson").read_text().splitlines()) > 800


def test_a_folder_with_records_is_not_mixed_with_others(tmp_path, config, command):
    raw, out = log(tmp_path / "log"), str(tmp_path / "out")
    assert command("replay", str(raw), "--config", config, "--out", out).status == 0
    outcome = command("replay", str(raw), "--config", config, "--out", out)
    assert outcome.status == 2
    assert outcome.err.startswith(f"ingestor: {out} has records already: ")


def test_the_summary_as_json_counts_frames_records_statuses_and_what_was_refused(tmp_path, config, command):
    outcome = command("replay", str(log(tmp_path / "log")), "--config", config, "--json")
    summary = json.loads(outcome.out)
    assert outcome.err == ""
    assert (summary["frames"], summary["connections"], summary["unknown"]) == (801, 1, 0)
    assert (summary["records"]["trades"], summary["records"]["quotes"]) == (400, 400)
    assert (summary["statuses"]["decoded"], summary["statuses"]["truncated"]) == (800, 1)
    assert summary["log_seconds"] == pytest.approx(1.532)
    assert (summary["torn_bytes"], summary["lost_frames"], summary["strays"]) == (0, 0, 0)


def test_strict_makes_a_malformed_frame_a_failure(tmp_path, config, command):
    raw = str(log(tmp_path / "log"))
    assert command("replay", raw, "--config", config, "--strict").status == 1
    assert command("replay", raw, "--config", config).status == 0


def test_a_shard_takes_its_part_and_without_one_all_instruments_are_played(tmp_path, config, command):
    write(tmp_path / "log", block(
        (NOW, binance_trade()), (NOW, binance_trade(symbol="ETHUSD")), (NOW, binance_trade(symbol="DOGEUSD"))))
    words = ("replay", str(tmp_path / "log"), "--config", config, "--json")
    unknown = [json.loads(command(*words, *options).out)["unknown"]
               for options in ((), ("--shard", "0"), ("--shard", "1"))]
    assert unknown[0] == 1
    assert sorted(unknown[1:]) in ([1, 3], [2, 2])      # by the slots of btc and eth
    outcome = command("replay", str(tmp_path / "log"), "--config", config, "--shard", "2")
    assert outcome.status == 2
    assert "--shard is 2, but shards is 2" in outcome.err


def test_a_torn_tail_is_told_and_damage_is_one_line_with_its_offset(tmp_path, config, command):
    raw = log(tmp_path / "log")
    segment, = raw.iterdir()
    entries, whole = read_segment(segment).entries, segment.read_bytes()
    segment.write_bytes(whole[:entries[-1].end - 1])
    outcome = command("replay", str(raw), "--config", config)
    assert outcome.status == 0
    assert outcome.err.splitlines()[-1].startswith(f"torn tail {entries[-1].end - 1 - entries[-2].end} bytes, cut")
    broken = bytearray(whole)
    broken[entries[1].end - 1] ^= 1
    segment.write_bytes(broken)
    outcome = command("replay", str(raw), "--config", config)
    assert outcome.status == 1
    assert f"{segment}: the block at offset {entries[1].offset} is damaged" in outcome.err
    assert outcome.err.count("\n") == 1
    outcome = command("replay", str(raw), "--config", config, "--salvage")
    assert outcome.status == 0
    assert outcome.err.splitlines()[-1] == "damaged blocks 1, passed over"


@pytest.mark.parametrize(("name", "data", "status", "told"), [
    ("missing", None, 1, "No such file or directory"),
    ("x.rawlog", b"something else" * 20, 1, "this is no raw log"),
    ("x.txt", b"something else\n" * 20, 1, "neither a raw log nor captured frames"),
    ("x.txt", b"", 1, "neither a raw log nor captured frames"),
    ("x.jsonl", b'{"ts_ns":1,"dir":"in","conn":"c","raw":"{}"}\n', 2, "which dialect? Name captured files DIALECT.*"),
    ("binance-spot.x.jsonl", b'{"ts_ns":1,"dir":"in","conn":"c","raw":"{}"}\n\n{}\n', 1, "line 3 is no captured frame"),
    ("kaiko.x.jsonl", b'{"ts_ns":1,"dir":"in","conn":"c","raw":"{}"}\n', 1, "line 1 should hold base64"),
    (segment_name(Header(0, 0, NOW, NOW)), pack_header(Header(0, 0, NOW, NOW, version=9)), 1, "of version 9"),
])
def test_what_cannot_be_replayed_is_one_line(tmp_path, config, command, name, data, status, told):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    outcome = command("replay", str(path), "--config", config)
    assert (outcome.status, outcome.err.count("\n")) == (status, 1)
    assert told in outcome.err
    assert str(path) in outcome.err


def test_an_unknown_provider_of_the_log_is_one_line(tmp_path, config, command):
    write(tmp_path / "log", block((NOW, b"{}"), rows=[[0, "1-1", "binance-moon", "", "c0"]]))
    outcome = command("replay", str(tmp_path / "log"), "--config", config)
    assert outcome.status == 1
    assert "provider 'binance-moon', which this version does not know" in outcome.err


@pytest.mark.parametrize(("options", "told"), [
    (["--json", "--out", "-"], "both want standard output"),
    (["--dialect", "okx-v5"], "a log says itself"),
    (["--out", "x", "--sink"], "not allowed with"),
    (["--speed", "0"], "no number above 0"), (["more"], "one log is replayed at a time")])
def test_a_wrong_call_is_one_line_and_status_2(tmp_path, config, command, options, told):
    outcome = command("replay", str(log(tmp_path / "log")), *options, "--config", config)
    assert outcome.status == 2
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_log_without_frames_is_an_empty_replay(tmp_path, config, command):
    path = tmp_path / segment_name(Header(0, 0, NOW, NOW))
    path.write_bytes(pack_header(Header(0, 0, NOW, NOW)))
    assert path.stat().st_size == HEADER_BYTES
    outcome = command("replay", str(path), "--config", config, "--json")
    assert (outcome.status, json.loads(outcome.out)["frames"]) == (0, 0)
    write(tmp_path / "log", block((NOW, b"{}"), rows=[]))
    assert json.loads(command("replay", str(tmp_path / "log"), "--config", config, "--json").out)["strays"] == 1


def test_a_reader_that_has_enough_is_no_failure(tmp_path, config):
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestor", "replay", str(log(tmp_path / "log")), "--config", config, "--out", "-"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert b"Traceback" not in err


def test_ctrl_c_ends_a_replay_with_what_was_played_delivered(tmp_path, config, records):
    out = tmp_path / "out"
    write(tmp_path / "log", block(*((NOW + i * 100 * MS, binance_trade(i + 1)) for i in range(400))))
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestor", "replay", str(tmp_path / "log"), "--config", config, "--speed", "1", "--out",
         str(out)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(out.glob("trades/*.avro")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.splitlines()[0].endswith(", interrupted")
    played = [int(each["id"]) for each in records(out, "trades")]
    assert played == list(range(1, len(played) + 1))
    assert 0 < len(played) < 400


def test_on_a_terminal_a_bar_shows_how_far_it_is(tmp_path, config):
    ours, theirs = os.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestor", "replay", str(log(tmp_path / "log")), "--config", config, "--speed", "2"],
        cwd=ROOT, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    os.close(theirs)
    assert running.wait(60) == 0
    shown = read_terminal(ours)
    assert "801 frames" in shown    # of the bar; the account says it the other way round
    assert "frames decoded 800, ignored 0, control 0, malformed 1" in shown


class Pauses(list):
    """A clock that only sleeping moves."""

    now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.append(seconds)
        self.now_s += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_a_paced_replay_takes_the_logs_time_by_its_speed(tmp_path, config, speed):
    pauses = Pauses()
    source = RawLog(log(tmp_path / "log"))
    replay = Replay(configuration(Namespace(config=Path(config))), source, Wanted(speed),
                    monotonic_s=pauses.clock, sleep=pauses.sleep)
    assert replay.run().seconds == pytest.approx(1.532 / speed, abs=0.02)
    assert all(0 < seconds <= 0.01 for seconds in pauses)


def test_the_log_waits_for_a_sink_that_takes_nothing_more(tmp_path, config, monkeypatch):
    class Slow:
        """A sink that is full for a while at each poll."""

        polls = 0

        def __init__(self) -> None:
            self.modes, self.prefixes = {}, {}

        @property
        def full(self) -> bool:
            return self.polls % 3 != 0

        def poll(self) -> None:
            self.polls += 1

        def write(self, *_: object) -> None:
            assert not self.full

        def boundary(self) -> None: ...
        def close(self, timeout_s: float) -> int:
            return 0

    sink = Slow()
    monkeypatch.setattr(Replay, "_open_sink", lambda self, shard: sink)
    monkeypatch.setattr("shards.replaying.FULL_PAUSE_S", 0.0)
    account = Replay(configuration(Namespace(config=Path(config))), RawLog(log(tmp_path / "log")), Wanted()).run()
    assert account.written["trades"] == 400
    assert sink.polls > 9


def test_captured_files_are_merged_by_time_and_each_keeps_its_order(tmp_path):
    def lines(name: str, *times: int | None) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(
            {"ts_ns": at, "dir": "in", "conn": "c0", "raw": f"{name[0]}{i}"}) + "\n" for i, at in enumerate(times)))
        return path

    files = [lines("a.jsonl", 10, None, 30, 25, -5), lines("b.jsonl", 5, 20, 40)]
    block, = Captures(files, "binance-spot").blocks()
    found = [(at, payload.decode()) for kind, _, at, payload in layout.records(bytes(block)) if kind is Kind.FRAME]
    assert sorted(found, key=lambda pair: pair[1]) == [
        (10, "a0"), (10, "a1"), (30, "a2"), (25, "a3"), (25, "a4"), (5, "b0"), (20, "b1"), (40, "b2")]
    for letter in "ab":
        order = [payload for _, payload in found if payload[0] == letter]
        assert order == sorted(order)
    assert Captures(files, "binance-spot").first_ns == 5
    assert all(one[0] <= other[0] or other[1] in ("a3", "a4") for one, other in pairwise(found))


def test_captured_frames_of_all_dialects_replay_the_same_twice(captures, tmp_path, command):
    from ingestor.simulator import captured_config, write_config
    from ingestor.simulator import captures as served

    names = ("okx-v5.cf-ws1.jsonl", "bybit-v5.cf-ws1.jsonl", "coinbase-exchange.cf-2021-04-17.part1.jsonl")
    dialects = ("okx-v5", "bybit-v5", "coinbase-exchange")
    config = tmp_path / "ingestor.yaml"
    markets = served.markets(captures, dialects)
    write_config(config, captured_config(dict.fromkeys(dialects, "ws://127.0.0.1:1"), markets))
    files = [str(captures / name) for name in names]
    assert command("record", "--import", *files, "--out", str(tmp_path / "log")).status == 0
    for out, source in (("a", files), ("b", [str(tmp_path / "log")])):
        outcome = command("replay", *source, "--config", str(config), "--out", str(tmp_path / out), "--strict")
        assert outcome.status == 0, outcome.err
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != {}


def test_a_hole_in_what_was_received_is_told_in_the_quality_topic_and_lost_as_nobody_is_asked(
        tmp_path, config, command, records):
    trades = [(NOW + i * 20 * MS, binance_trade(id)) for i, id in enumerate((1, 2, 5, 6, 4, 9))]
    write(tmp_path / "log", block(*trades))
    outcome = command("replay", str(tmp_path / "log"), "--config", config, "--out", str(tmp_path / "out"), "--json")
    summary = json.loads(outcome.out)
    assert (summary["holes"], summary["numbers_lost"]) == (2, 3)
    found = [(each["event"], each["status"], each["first_missing"], each["last_missing"], each["reason"])
             for each in records(tmp_path / "out", "quality")]
    assert found == [
        ("GAP_OPENED", "OPEN", 3, 4, "skipped"), ("GAP_OPENED", "OPEN", 7, 8, "skipped"),
        ("GAP_CLOSED", "FILLED", 4, 4, "late"), ("GAP_CLOSED", "LOST", 3, 3, "no_history"),
        ("GAP_CLOSED", "LOST", 7, 8, "no_history")]
