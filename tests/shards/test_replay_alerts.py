"""Alerts of a replay: by recorded time, the same each time."""

import json
from argparse import Namespace

import pytest

from ingestor.rawlog.block import Block
from ingestor.rawlog.layout import Kind
from ingestor.rawlog.reader import RawLog
from shards.cli.arguments import configuration
from shards.replaying import Replay, Wanted
from tests.markets import NOW, SECOND, binance_quote, kraken_ticker
from tests.rawlog.logs import write

INSTRUMENTS = """\
instruments:
  btc-usd:
    markets:
      - {provider: binance-spot, symbol: BTCUSD}
      - {provider: kraken-v2, symbol: BTC/USD}
"""
RULE = "discrepancy/0.05/30s"


def log(folder, seconds, off_from, off_until):
    """Two providers that quote once a second; the second is off by 6 % in between."""
    made = Block()
    rows = [[0, "1-1", "binance-spot", "", "c0"], [1, "1-2", "kraken-v2", "", "c0"]]
    made.add(Kind.TABLE, 0, NOW, json.dumps(rows).encode())
    for second in range(seconds):
        at_ns = NOW + second * SECOND
        off = 6 if off_from <= second < off_until else 0
        made.add(Kind.FRAME, 0, at_ns, binance_quote(second + 1, bid="100", ask="100.02"))
        made.add(Kind.FRAME, 1, at_ns + 1, kraken_ticker(f"{100 + off}", f"{100 + off}.02"))
    write(folder, made)
    return folder


def replayed(tmp_path, raw, name):
    """The account of a replay, and the alerts that it wrote."""
    (tmp_path / "instruments.yaml").write_text(INSTRUMENTS)
    (tmp_path / "ingestor.yaml").write_text("shards: 1\n")
    out = tmp_path / f"{name}.ndjson"
    account = Replay(configuration(Namespace(config=tmp_path / "ingestor.yaml")), RawLog(raw), Wanted(out=out)).run()
    records = [json.loads(line) for line in out.read_text().splitlines()]
    return account, [record for record in records if record.get("rule") == RULE]


def test_what_fires_and_clears_in_a_log_is_told_at_its_own_times(tmp_path):
    raw = log(tmp_path / "log", 120, 30, 70)
    account, [fired, cleared] = replayed(tmp_path, raw, "out")
    assert (fired["event"], cleared["event"], fired["subject"]) == ("ALERT_FIRED", "ALERT_CLEARED", cleared["subject"])
    assert fired["provider"] == cleared["provider"] == "binance-spot,kraken-v2"
    assert (fired["ts_emit_ns"] - NOW) / SECOND == pytest.approx(54, abs=2)
    assert (cleared["ts_emit_ns"] - NOW) / SECOND == pytest.approx(94, abs=2)
    assert (fired["ts_opened_ns"] - NOW) / SECOND == pytest.approx(30, abs=2)
    assert json.loads(fired["evidence"])["pair"] == ["binance-spot", "kraken-v2"]
    assert account.alerts["critical"] >= 1


def test_a_moment_in_a_log_is_no_alert(tmp_path):
    assert replayed(tmp_path, log(tmp_path / "log", 120, 30, 50), "out")[1] == []


def test_two_replays_write_the_same(tmp_path):
    raw = log(tmp_path / "log", 100, 30, 70)
    assert replayed(tmp_path, raw, "one")[1] == replayed(tmp_path, raw, "two")[1] != []
