"""`ingestor record`: what the feeds bring stands in the log, also when the process is killed; nothing secret does."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ingestor.rawlog.layout import Kind, records
from ingestor.rawlog.reader import RawLog
from ingestor.simulator import BlastSpec, SimulatorSpec
from tests.rawlog.logs import payloads
from tests.rawlog.test_recorder import FakeDisk
from tests.shards.test_worker import simulated

ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 60.0
SPEC = SimulatorSpec(dialects=("binance-spot", "kaiko"), rate=3000)


@contextlib.asynccontextmanager
async def command(*arguments: str, **environ: str):
    """A command in a process of its own, killed at the end unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingestor", *arguments, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environ})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def event(stream: asyncio.StreamReader, holds) -> dict:
    """The next event of a log for which `holds`."""
    async with asyncio.timeout(WITHIN_S):
        while line := await stream.readline():
            found = json.loads(line)
            if holds(found):
                return found
    raise AssertionError("the log ended without the event")


def has_written(frames: int):
    return lambda found: found["event"] == "raw_log_written" and found["frames"] >= frames


def test_what_is_told_to_be_on_the_disk_is_read_after_a_sigkill(tmp_path):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "raw"

    async def run() -> int:
        async with (
                simulated(config, SPEC, log={"format": "json"}, record={"segment_bytes": 1_000_000}),
                command("record", "--config", str(config), "--out", str(folder), "--tell-every", "0.2") as process):
            told = await event(process.stderr, has_written(500))
            process.kill()
            await process.communicate()
            return told["frames"]

    told = asyncio.run(run())
    log = RawLog(folder)
    assert not log.segments[-1].indexed
    assert len(payloads(folder)) == log.frames >= told >= 500


def test_a_signal_ends_it_with_everything_on_the_disk_and_the_log_replays(tmp_path, process):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "raw"

    async def run() -> tuple[int, list[str]]:
        async with (
                simulated(config, SPEC, log={"format": "json"}),
                command("record", "--config", str(config), "--out", str(folder), "--tell-every", "0.2") as running):
            await event(running.stderr, has_written(1000))
            running.send_signal(signal.SIGINT)
            async with asyncio.timeout(WITHIN_S):
                _, err = await running.communicate()
            return running.returncode, err.decode().splitlines()

    status, err = asyncio.run(run())
    assert status == 0
    log = RawLog(folder)
    assert all(segment.indexed for segment in log.segments)
    assert err[-1].startswith(f"{folder}: frames {log.frames}, on the disk {log.frames}, ")
    outcome = process("replay", str(folder), "--config", str(config), "--json", "--strict")
    summary = json.loads(outcome.out)
    assert outcome.status == 0
    assert summary["frames"] == log.frames
    assert (summary["lost_frames"], summary["strays"], summary["unknown"]) == (0, 0, 0)
    assert summary["records"]["trades"] > 0
    assert summary["records"]["quotes"] > 0


def test_neither_keys_nor_urls_nor_what_we_sent_stand_in_the_log(tmp_path):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "raw"

    async def run() -> str:
        async with simulated(config, SimulatorSpec(dialects=("coinapi",), rate=2000), log={"format": "json"}):
            document = config.read_text()
            environ = {"INGESTOR_PROVIDERS__COINAPI__KEY_ENV": "A_KEY", "A_KEY": "hidden-word"}
            async with command("record", "--config", str(config), "--out", str(folder), "--tell-every", "0.2",
                               **environ) as process:
                await event(process.stderr, has_written(100))
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(WITHIN_S):
                    await process.communicate()
            return document

    assert "ws://127.0.0.1" in asyncio.run(run())
    raw = b"".join(RawLog(folder).blocks())
    assert b'"coinapi"' in raw      # the connection's provider
    for word in (b"hidden-word", b"ws://", b"127.0.0.1", b"subscribe_data_type"):
        assert word not in raw


def test_only_the_named_provider_is_recorded_and_it_ends_by_itself(tmp_path):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "raw"
    spec = SimulatorSpec(dialects=("binance-spot", "kraken-v2"), rate=2000)

    async def run() -> int:
        async with simulated(config, spec), command(
                "record", "--config", str(config), "--provider", "kraken-v2", "--seconds", "1.5", "--out",
                str(folder)) as process:
            async with asyncio.timeout(WITHIN_S):
                await process.communicate()
            return process.returncode

    assert asyncio.run(run()) == 0
    providers = {json.loads(payload)[2] for raw in RawLog(folder).blocks() for kind, *_, payload in records(raw)
                 if kind is Kind.OPENED}
    assert providers == {"kraken-v2"}


def test_on_a_terminal_one_line_shows_how_it_goes_and_ends_as_the_account(tmp_path):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "raw"
    spec = SimulatorSpec(dialects=("kraken-v2",), rate=2000)
    ours, theirs = os.openpty()

    async def run() -> int:
        async with simulated(config, spec):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ingestor", "record", "--config", str(config), "--seconds", "1", "--out",
                str(folder), cwd=ROOT, stderr=theirs)
            os.close(theirs)
            async with asyncio.timeout(WITHIN_S):
                return await process.wait()

    assert asyncio.run(run()) == 0
    shown = read_terminal(ours)
    assert "feed_connected" not in shown
    lines = [line for line in shown.split("\r\x1b[K") if line]
    assert len(lines) > 2
    assert lines[-1] == f"{folder}: frames {RawLog(folder).frames}, {lines[-1].partition(', ')[2]}"


def read_terminal(number: int) -> str:
    """What was written to a terminal whose other side is closed."""
    shown = b""
    with contextlib.suppress(OSError):      # Linux ends a terminal with EIO
        while chunk := os.read(number, 65536):
            shown += chunk
    os.close(number)
    return shown.decode()


def test_a_shard_records_beside_its_work(tmp_path, records):
    config, folder, files = tmp_path / "ingestor.yaml", tmp_path / "raw", tmp_path / "records"
    spec = SimulatorSpec(dialects=("binance-spot",), blast=BlastSpec(frames=400, trades_only=True), settle_s=0.1)
    settings = {"log": {"format": "json"}, "record": {"path": str(folder)}, "http": {"port": 0},
                "sink": {"kind": "files", "files": {"path": str(files)}}}

    async def run() -> int:
        async with simulated(config, spec, **settings), command("--shard", "0", "--config", str(config)) as process:
            await event(process.stdout, lambda found: found["event"] == "shard_started")
            deadline = time.monotonic() + WITHIN_S
            while not any((folder / "s0").glob("*.rawlog")) or RawLog(folder / "s0").frames < 401:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(WITHIN_S):
                await process.communicate()
            return process.returncode

    assert asyncio.run(run()) == 0
    assert RawLog(folder / "s0").segments[0].indexed
    trades = [frame for frame in payloads(folder / "s0") if b'"e":"trade"' in frame]
    assert len(trades) == len(records(files, "trades")) == 400


def test_a_replay_publishes_what_the_shard_published_when_it_recorded(tmp_path, process, records):
    config, folder, live, played = (tmp_path / name for name in ("ingestor.yaml", "raw", "live", "played"))
    spec = SimulatorSpec(dialects=("binance-spot", "kraken-v2", "coinapi"), rate=3000)
    settings = {"log": {"format": "json"}, "record": {"path": str(folder)}, "http": {"port": 0},
                "sink": {"kind": "files", "files": {"path": str(live)}}}

    async def run() -> int:
        async with simulated(config, spec, **settings), command("--shard", "0", "--config", str(config)) as process:
            await event(process.stdout, lambda found: found["event"] == "shard_started")
            await asyncio.sleep(2.0)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(WITHIN_S):
                await process.communicate()
            return process.returncode

    assert asyncio.run(run()) == 0
    outcome = process("replay", str(folder / "s0"), "--config", str(config), "--shard", "0", "--out", str(played))
    assert outcome.status == 0
    for topic in ("trades", "quotes", "reference"):
        found = [sorted((each["provider"], each["symbol"], each["record_sequence"], each["ts_recv_ns"],
                         *(each.get(name) for name in ("id", "price", "size", "bid", "ask_size", "mark")))
                        for each in records(path, topic)) for path in (live, played)]
        assert found[0] == found[1]
    assert len(records(played, "trades")) > 500


def test_frames_that_the_disk_could_not_take_are_told_by_the_shard(monkeypatch, tmp_path):
    from structlog.testing import capture_logs

    from ingestor.settings.models import RecordSettings
    from shards import recording as module

    class Disk(FakeDisk):
        frames, trouble = 0, ""

        def __init__(self, writer) -> None:
            super().__init__()

        def close(self, within_s: float) -> bool:
            return True

    monkeypatch.setattr(module, "Disk", Disk)
    recording = module.Recording(tmp_path, RecordSettings(queue_bytes_max=4_000_000), 0)
    connection = _connection(recording)
    with capture_logs() as events:
        recording.disk.waiting_bytes = 4_000_000
        for _ in range(3):
            connection.feed_bytes(bytes(1 << 20), 1)
        recording.disk.waiting_bytes = 0
        recording.poll()
        recording.poll()
        recording.close()
    assert [(each["event"], each.get("frames")) for each in events] == [
        ("raw_frames_lost", 2), ("raw_log_ended", 0)]


def _connection(recording):
    from ingestor._core import Pipeline
    from ingestor.providers.registry import load
    from tests.markets import btc

    pipeline = Pipeline(btc(), None)
    pipeline.tap = recording.tap
    return pipeline.open(load("binance-spot"), "", "c0")


@pytest.mark.parametrize(("options", "status", "told"), [
    (["--provider", "okx-v5"], 2, "--provider: okx-v5 has no market in this configuration: use binance-spot"),
    (["--shard", "1"], 2, "--shard is 1, but shards is 1"),
    (["--dialect", "okx-v5"], 2, "give --import FILE, or leave it out"),
    (["--out", "/dev/null/raw"], 1, "can't record to /dev/null/raw: Not a directory: choose another folder"),
    (["--seconds", "0"], 2, "no number above 0"),
    (["--import", "missing.jsonl", "--dialect", "okx-v5"], 1, "missing.jsonl: No such file"),
    (["--import", "missing.jsonl"], 2, "which dialect?"),
    (["--import", "missing.jsonl", "--dialect", "moon"], 2, "unknown dialect 'moon'")])
def test_a_wrong_call_is_one_line(tmp_path, process, options, status, told):
    config = tmp_path / "ingestor.yaml"
    config.write_text("log: {level: error}\n")
    (tmp_path / "instruments.yaml").write_text(
        "instruments: {btc-usd: {markets: [{provider: binance-spot, symbol: BTCUSD}]}}\n")
    words = options if "--out" in options else [*options, "--out", str(tmp_path / "raw")]
    outcome = process("record", "--config", str(config), *words)
    assert outcome.status == status
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_an_import_is_not_mixed_with_a_log_that_is_there(tmp_path, process):
    path = tmp_path / "binance-spot.a.jsonl"
    path.write_text('{"ts_ns":1786562940000000000,"dir":"in","conn":"c","raw":"{}"}\n')
    words = ("record", "--import", str(path), "--out", str(tmp_path / "raw"))
    outcome = process(*words)
    assert (outcome.status, outcome.err) == (
        0, f"{tmp_path / 'raw'}: frames 1, 0.0 MB of 0.0 MB, segments 1\n")
    outcome = process(*words)
    assert outcome.status == 2
    assert "has a log already" in outcome.err
