"""A shard that misses trades of simulated providers, and what its topics say of them afterwards.

Messages are dropped on their way and every line is closed at once; the providers' histories have what was missed.
"""

import asyncio
import json
import signal
from collections import Counter

import pytest

from ingestor.simulator import Fault, Simulator, SimulatorSpec, demo_config, write_config
from tests.shards.test_worker import shard

NUMBERED = ("binance-spot", "coinbase-exchange", "kraken-v2")
FAULTS = (Fault("drop", value=60), Fault("close", value=1001), Fault("drop", value=5))
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """Trades and quality records of one run, as the files have them."""
    folder = tmp_path_factory.mktemp("backfill")
    config = folder / "ingestor.yaml"

    async def run():
        simulator = Simulator(SimulatorSpec(dialects=(*NUMBERED, "kaiko"), rate=600))
        addresses = await simulator.start()
        try:
            write_config(config, demo_config(addresses, simulator.markets),
                         sink={"kind": "ndjson", "ndjson": {"path": str(folder / "out.ndjson")}})
            async with shard(config) as running:
                await running.event("shard_started")
                await running.until("/readyz", lambda status, _: status == 200)
                for fault in FAULTS:
                    await asyncio.sleep(1)
                    simulator.inject(fault)
                await asyncio.sleep(2)
                await running.until("/readyz", lambda status, _: status == 200)
                async with asyncio.timeout(WITHIN_S):
                    await until_settled(folder / "out.ndjson")
                status, err = await running.end(signal.SIGTERM)
                assert (status, err) == (0, "")
        finally:
            await simulator.stop()

    asyncio.run(run())
    return read(folder / "out.ndjson")


def read(path):
    found = {"trade": [], "quality": []}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        found.setdefault(record["kind"], []).append(record)
    return found


async def until_settled(path):
    """Something was missed, and every hole has found its end."""
    opened, closed = set(), None
    while len(opened) < 3 or opened != closed:
        await asyncio.sleep(0.5)
        quality = read(path)["quality"]
        opened = {record["subject"] for record in quality if record["event"] == "GAP_OPENED"}
        closed = {record["subject"] for record in quality if record["event"] == "GAP_CLOSED"}


def numbers(topics, dialect):
    """By symbol, the numbers of the trades that were published, in order."""
    found = {}
    for record in topics["trade"]:
        if record["provider"] == dialect:
            number = int(record["id"]) if dialect == "coinbase-exchange" else record["seq"]
            found.setdefault(record["symbol"], []).append(number)
    return found


@pytest.mark.parametrize("dialect", NUMBERED)
def test_every_trade_is_published_once_though_messages_and_lines_were_lost(topics, dialect):
    lost = {(record["symbol"], number) for record in topics["quality"]
            if record["status"] == "LOST" and record["provider"] == dialect
            for number in range(record["first_missing"], record["last_missing"] + 1)}
    assert numbers(topics, dialect)
    for symbol, published in numbers(topics, dialect).items():
        assert len(published) == len(set(published))
        assert {number for number in range(min(published), max(published) + 1)
                if (symbol, number) not in lost} == set(published)


def test_what_was_missed_was_filled(topics):
    """Of Kraken there may be none: it replays its last 50 trades after a reconnect."""
    ends = Counter((record["provider"], record["status"]) for record in topics["quality"]
                   if record["provider"] in NUMBERED and record["event"] == "GAP_CLOSED")
    assert {status for _, status in ends} == {"FILLED"}
    assert {provider for provider, _ in ends} >= {"binance-spot", "coinbase-exchange"}


def test_a_reconnect_of_kaiko_is_filled_or_proved_empty_by_its_interval(topics):
    closed = [record for record in topics["quality"]
              if record["provider"] == "kaiko" and record["event"] == "GAP_CLOSED"]
    assert closed
    assert {record["status"] for record in closed} <= {"FILLED", "NEVER_ISSUED"}
    assert all(record["first_missing"] is None and record["records"] is not None for record in closed)
    ids = Counter((record["venue"], record["symbol"], record["id"]) for record in topics["trade"]
                  if record["provider"] == "kaiko" and record["id"])
    assert set(ids.values()) == {1}
