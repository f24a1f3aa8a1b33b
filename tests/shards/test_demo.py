"""`ingestor demo`, end to end: simulated providers, two real shards, prices on the terminal, and a clean end."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 120


def demo(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ingestor", "demo", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(shard_log: Path) -> dict:
    """The last event of a shard's log."""
    return json.loads(shard_log.read_text().splitlines()[-1])


def test_once_prints_every_price_and_leaves_records_of_both_shards(tmp_path, records):
    with demo("--once", "--calm", "--data", str(tmp_path), "--seconds", str(WITHIN_S)) as running:
        out, err = running.communicate(timeout=2 * WITHIN_S)
    assert (running.returncode, err) == (0, "")
    rows = [line.split() for line in out.splitlines() if line.startswith(("btc-", "eth-", "sol-", "xrp-", "usd"))]
    assert len(rows) == 16
    assert {row[3] for row in rows} <= {"OK", "DEGRADED", "SINGLE", "DISPERSED"}
    assert {row[-1] for row in rows} == {"0", "1"}
    assert "16 of 16 priced" in out
    assert re.search(r"WebSocket: binance-spot \d+/s, .*gRPC: kaiko \d+/s", out, re.DOTALL)
    for number in (0, 1):
        last = ended(tmp_path / f"shard-{number}.log")
        assert (last["event"], last["undelivered"]) == ("shard_stopped", 0)
    assert {record["shard"] for record in records(tmp_path / "records", "fair")} == {0, 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_all_cleanly(tmp_path, number):
    with demo("--data", str(tmp_path)) as running:
        lines = iter(running.stdout.readline, "")
        assert any(" priced  " in line and "btc-usd" in line for line in lines)
        running.send_signal(number)
        out, err = running.communicate(timeout=WITHIN_S)
    assert (running.returncode, err) == (0, "")
    assert out.splitlines()[-1].startswith("stopped: simulator, shards")
    assert {ended(tmp_path / f"shard-{shard}.log")["event"] for shard in (0, 1)} == {"shard_stopped"}


def test_a_shard_that_dies_ends_the_demo_with_1_and_its_reason(tmp_path):
    (tmp_path / "records").write_text("in the way of the folder of the same name")
    with demo("--data", str(tmp_path)) as running:
        _, err = running.communicate(timeout=WITHIN_S)
    assert running.returncode == 1
    assert "ended with status 1: ingestor: " in err
    assert err.count("\n") == 1
