"""Captured frames through both commands: every trade stands in the files exactly once, digits as sent."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from shards.frames import Decoding, batches, opened

ROOT = Path(__file__).resolve().parent.parent.parent
DIALECTS = ("okx-v5", "bybit-v5", "kraken-v2", "coinbase-exchange")
WITHIN_S = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory, captures):
    """The folder of one run, after it: the simulator's account and the shard's files."""
    folder = tmp_path_factory.mktemp("captured")
    config = folder / "ingestor.yaml"
    command = [sys.executable, "-m", "ingestor"]
    options = {"cwd": ROOT, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
            [*command, "simulate", "--captures", str(captures), "--speed", "flat", "--dialects", ",".join(DIALECTS),
             "--write-config", str(config), "--summary", str(folder / "summary.json")], **options) as simulator:
        assert any(line.startswith(DIALECTS[1]) for line in simulator.stdout)     # the second and last address is up
        environ = {"INGESTOR_HTTP__PORT": "0", "INGESTOR_SINK__FILES__PATH": str(folder / "records")}
        with subprocess.Popen(
                [*command, "--shard", "0", "--config", str(config)], env={**os.environ, **environ}, **options) as shard:
            listening = next(event for event in map(json.loads, shard.stdout) if event["event"] == "http_listening")
            sent = next(line for line in simulator.stdout if line.startswith("all captured frames are sent: "))
            wait_for_frames(f"http://127.0.0.1:{listening['port']}/prices", int(sent.split(": ")[1].split(";")[0]))
            for each, number in ((shard, signal.SIGTERM), (simulator, signal.SIGINT)):
                each.send_signal(number)
                each.communicate(timeout=WITHIN_S)
    assert (simulator.returncode, shard.returncode) == (0, 0)
    return folder


def wait_for_frames(url: str, count: int) -> None:
    """Wait until the shard has read so many frames."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
            if json.load(answer)["totals"]["frames"] >= count:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} did not come to {count} frames")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_captured_trade_stands_in_the_files_exactly_once(run, records, dialect):
    account = json.loads((run / "summary.json").read_text())["dialects"][dialect]
    assert account["sent"] == account["captured_frames"]
    found = Counter(
        (each["symbol"], each["instrument"], each["id"]) for each in records(run / "records", "trades")
        if each["provider"] == dialect)
    assert len(found) == account["expected"]["distinct_trades"]
    assert set(found.values()) == {1}


def test_prices_and_sizes_have_the_digits_that_were_captured(run, records, captures):
    decoding = Decoding("coinbase-exchange")
    with opened(str(captures / "coinbase-exchange.cf-2021-04-17.part1.jsonl")) as source:
        decoded = [record for lines in batches(source) for record in decoding.records(lines)]
    captured = {record["id"]: (Decimal(record["price"]), Decimal(record["size"]), record["side"])
                for record in decoded if record["kind"] == "trade"}
    found = {each["id"]: (each["price"], each["size"], each["side"]) for each in records(run / "records", "trades")
             if each["provider"] == "coinbase-exchange"}
    assert len(captured) == 47
    assert {id: values for id, values in found.items() if id in captured} == captured


def test_replayed_trades_are_flagged_as_snapshots(run, records):
    account = json.loads((run / "summary.json").read_text())["dialects"]["coinbase-exchange"]
    flagged = [each for each in records(run / "records", "trades")
               if each["provider"] == "coinbase-exchange" and each["flags"] & 1]
    assert len(flagged) == account["expected"]["snapshot_trades"] > 0
