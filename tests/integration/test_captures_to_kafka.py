"""The main job on real input: every captured trade reaches a real Kafka exactly once, digit for digit.

`ingestor simulate` serves the captured frames of six dialects; `ingestor --shard 0` takes them into a real
broker, which is killed and started again in the middle. What a stock consumer then reads is compared with
the trades that plain json finds in the captures.
"""

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import fastavro
import pytest

from tests.services import Kafka, free_port

ROOT = Path(__file__).resolve().parents[2]
DIALECTS = ("binance-spot", "binance-usdm", "coinbase-exchange", "kraken-v2", "okx-v5", "bybit-v5")
SNAPSHOT = 1
PREFIX = "captured."
SIDES = {"buy": "sell", "sell": "buy"}
#: captured spans are up to 11.5 minutes: at this speed the run lasts long enough to lose the broker within it
SPEED = "60"


def iso_ns(text):
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(seconds + "+00:00").timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def trades_of(dialect, frame):
    """(symbol, channel, id, side, price, size, ts_event_ns) of each trade in a frame, by the channel map."""
    if not isinstance(frame, dict):
        return
    if dialect.startswith("binance"):
        data = frame["data"] if "stream" in frame else frame
        for row in data if isinstance(data, list) else [data]:
            if row.get("e") in ("trade", "aggTrade") and row.get("X") != "NA":
                id = row.get("t" if row["e"] == "trade" else "a")      # one fixture has none
                yield (row["s"], row["e"], id if id is None else str(id), "sell" if row["m"] else "buy",
                       row["p"], row["q"], row["T"] * 10**6)
    elif dialect == "coinbase-exchange":
        if frame.get("type") in ("match", "last_match"):
            yield (frame["product_id"], "matches", str(frame["trade_id"]), SIDES[frame["side"]], frame["price"],
                   frame["size"], iso_ns(frame["time"]))
    elif dialect == "kraken-v2":
        for row in frame["data"] if frame.get("channel") == "trade" and "data" in frame else ():
            yield (row["symbol"], "trade", str(row["trade_id"]), row["side"], str(row["price"]), str(row["qty"]),
                   iso_ns(row["timestamp"]))
    elif dialect == "okx-v5":
        channel = frame.get("arg", {}).get("channel")
        for row in frame.get("data", ()) if channel in ("trades", "trades-all") else ():
            yield row["instId"], channel, row["tradeId"], row["side"], row["px"], row["sz"], int(row["ts"]) * 10**6
    elif str(frame.get("topic", "")).startswith("publicTrade."):
        for row in frame["data"]:
            yield row["s"], "publicTrade", row["i"], row["S"].lower(), row["p"], row["v"], row["T"] * 10**6


def expected_trades(captures, dialect):
    """Each distinct trade once: a file that recorded two connections holds its trades twice."""
    found = set()
    for path in [*captures.glob(f"{dialect}.*.jsonl"), *(captures / "fixtures").glob(f"{dialect}.*.jsonl")]:
        for line in map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1]):
            if line["dir"] == "in":
                try:
                    frame = json.loads(line["raw"], parse_float=str)
                except ValueError:      # `pong`
                    continue
                for symbol, channel, id, side, price, size, ts in trades_of(dialect, frame):
                    found.add((symbol, channel, id, side, Decimal(price), Decimal(size), ts))
    return found


def topic_trades(kafka):
    """(provider, trade, flags) for every record of the trades topic, read by stock clients."""
    schema = fastavro.schema.load_schema(ROOT / "ingestor" / "wire" / "trade_block.avsc")
    records = []
    for message in kafka.read(f"{PREFIX}trades"):
        block = fastavro.schemaless_reader(io.BytesIO(message.value()[10:]), schema)
        assert message.key() == block["instrument"].encode()
        for each in block["records"]:
            of = block["subscriptions"][each["subscription"]]
            records.append((of["provider"], (of["symbol"], of["channel"], each["id"], each["side"], each["price"],
                                             each["size"], each["ts_event_ns"]), each["flags"]))
    return records


def metric(port, name):
    """The sum of a metric's series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return sum(float(line.rsplit(b" ", 1)[1]) for line in page if line.startswith(name.encode() + b"{"))


def wait_until(truth, seconds, process):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the shard ended"
        try:
            if truth():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(280)
def test_every_captured_trade_is_in_the_topic_once_though_the_broker_was_killed_in_the_middle(
        captures: Path, tmp_path: Path, kafka: Kafka) -> None:
    command = [sys.executable, "-m", "ingestor"]
    config, http_port = tmp_path / "captured.yaml", free_port()
    simulator = subprocess.Popen(
        [*command, "simulate", "--captures", str(captures), "--speed", SPEED, "--write-config", str(config),
         "--dialects", ",".join(DIALECTS)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT)
    shard = None
    try:
        for line in simulator.stdout:
            if line.startswith("bybit-v5"):     # the last address
                break
        shard = subprocess.Popen(
            [*command, "--shard", "0", "--config", str(config)], stdout=subprocess.DEVNULL, cwd=ROOT, env={
                **os.environ, "INGESTOR_HTTP__PORT": str(http_port), "INGESTOR_SINK__KIND": "kafka",
                "INGESTOR_TOPICS__PREFIX": PREFIX, "INGESTOR_SINK__KAFKA__BOOTSTRAP_SERVERS": kafka.address,
                "INGESTOR_SINK__KAFKA__CREATE_TOPICS": "true"})
        wait_until(lambda: metric(http_port, "ingestor_kafka_delivered_total") > 500, 60, shard)
        kafka.kill()
        produced = metric(http_port, "ingestor_kafka_produced_total")
        wait_until(lambda: metric(http_port, "ingestor_kafka_produced_total") > produced, 30, shard)
        kafka.start()
        for line in simulator.stdout:
            if line.startswith("all captured frames are sent"):
                break
        wait_until(lambda: (metric(http_port, "ingestor_kafka_delivered_total")
                            == metric(http_port, "ingestor_kafka_produced_total")), 90, shard)
        shard.terminate()
        assert shard.wait(60) == 0
    finally:
        for process in (shard, simulator):
            if process is not None:
                process.kill()
                process.wait()
        simulator.stdout.close()
        if not kafka.answers():
            kafka.start()
    records = topic_trades(kafka)
    for dialect in DIALECTS:
        found = Counter(trade for provider, trade, _ in records if provider == dialect)
        expected = expected_trades(captures, dialect)
        assert set(found) == expected, dialect
        assert set(found.values()) == {1}, dialect
    flagged = Counter(provider for provider, _, flags in records if flags & SNAPSHOT)
    assert {dialect: flagged[dialect] for dialect in DIALECTS if flagged[dialect]}.keys() <= {
        "coinbase-exchange", "kraken-v2", "okx-v5"}
    assert flagged["okx-v5"] > 0
