"""Reference data of shards that run: swaps under load lose nothing, and all shards come to one version."""

import asyncio
import contextlib
import json
import signal
from collections import defaultdict

import yaml

from ingestor.simulator import Simulator, SimulatorSpec, demo_config, write_config
from tests.shards.test_worker import Running, shard

SWAPS = 20
DIALECTS = ("binance-spot", "kraken-v2", "okx-v5")


@contextlib.asynccontextmanager
async def house(folder, *, rate, **settings):
    """A simulator, its configuration and the instruments as plain values."""
    simulator = Simulator(SimulatorSpec(dialects=DIALECTS, rate=rate))
    config = demo_config(await simulator.start(), simulator.markets)
    write_config(folder / "ingestor.yaml", config, sink={"kind": "files", "files": {"path": str(folder / "records")}},
                 **settings)
    try:
        yield config["instruments"]
    finally:
        await simulator.stop()


def without(instruments, number):
    """The instruments without one market, another one each time; what is in front shifts all numbers."""
    found = {**{f"x{each}-usd": {} for each in range(number % 3)}, **json.loads(json.dumps(instruments))}
    names = [name for name in instruments if name != "btc-usdt"]
    entry = found[names[number % len(names)]]
    entry["markets"] = entry["markets"][1:]
    return found


def put(path, instruments):
    new = path.with_suffix(".new")
    new.write_text(yaml.safe_dump({"instruments": instruments}))
    new.replace(path)


def test_a_shard_under_load_loses_nothing_and_opens_nothing_again_over_twenty_swaps(tmp_path, records):
    async def run() -> Running:
        config = tmp_path / "ingestor.yaml"
        async with house(tmp_path, rate=3000, reference={"poll_s": 60}) as instruments, shard(config) as running:
            await running.event("shard_started")
            await running.until("/readyz", lambda status, _: status == 200)
            for number in range(SWAPS):
                put(tmp_path / "ingestor.instruments.yaml", without(instruments, number))
                running.process.send_signal(signal.SIGHUP)
                await running.event("reference_swapped")
            before = (await running.page("/prices"))[1]["totals"]["trades"]
            await running.until("/prices", lambda _, page: page["totals"]["trades"] > before + 200)
            running.process.send_signal(signal.SIGTERM)
            await running.event("shard_stopped")
            assert await running.process.wait() == 0
            return running

    running = asyncio.run(run())
    connected = [event for event in running.events if event["event"] == "feed_connected"]
    assert len(connected) == len({(event["provider"], event["connection"]) for event in connected})
    assert not [event for event in running.events if event["event"] in ("gap_detected", "feed_disconnected")]
    numbers, ids, versions = defaultdict(list), defaultdict(list), set()
    for topic in ("trades", "quotes"):
        for record in records(tmp_path / "records", topic):
            numbers[topic, record["provider"], record["symbol"], record["channel"]].append(record["record_sequence"])
            versions.add(record["reference_version"])
            if topic == "trades" and record["instrument"] == "btc-usdt" and record["provider"] != "kraken-v2":
                ids[record["provider"]].append(int(record["id"]))
    for path, sequence in numbers.items():
        assert sequence == list(range(1, len(sequence) + 1)), path
    assert ids
    for provider, seen in ids.items():
        assert seen == list(range(seen[0], seen[0] + len(seen))), provider
    assert len(versions) > SWAPS / 2


def test_two_shards_come_to_one_version_after_one_signal_and_go_on_without_redis(tmp_path, redis, records):
    key = "{ing:main}:ref"

    def write(instruments):
        fields = [part for name, entry in instruments.items() for part in (name, json.dumps(entry))]
        redis("EVAL", "redis.call('del', KEYS[1]) redis.call('hset', KEYS[1], unpack(ARGV)) "
                      "return redis.call('incr', KEYS[2])", "2", key, f"{key}:ver", *fields)

    async def swapped(running):
        return (await running.event("reference_swapped"))["version"]

    async def run() -> None:
        reference = {"source": "redis", "poll_s": 30, "cache": str(tmp_path / "kept.json"),
                     "redis": {"url": redis.url, "answer_within_s": 1}}
        async with house(tmp_path, rate=500, reference=reference, shards=2) as instruments:
            (tmp_path / "ingestor.instruments.yaml").unlink()
            write(instruments)
            config = tmp_path / "ingestor.yaml"
            async with shard(config, number=0) as first, shard(config, number=1) as second:
                for running in (first, second):
                    await running.event("shard_started")
                    await running.until("/readyz", lambda status, _: status == 200)
                write(without(instruments, 1))
                redis("PUBLISH", "ingestor:main", '{"kind": "ref", "ver": 2}')
                assert [await swapped(first), await swapped(second)] == [2, 2]
                redis.stop()
                for running in (first, second):
                    running.process.send_signal(signal.SIGHUP)
                    told = await running.until("/readyz", lambda _, page: not page["conditions"]["reference"]["ok"])
                    assert told["ready"]
                    before = (await running.page("/prices"))[1]["totals"]["published"]
                    await running.until("/prices", lambda _, page, than=before: page["totals"]["published"] > than)
                redis.start()
                redis("SET", f"{key}:ver", "6")
                write(instruments)
                for running in (first, second):
                    running.process.send_signal(signal.SIGHUP)
                assert [await swapped(first), await swapped(second)] == [7, 7]
                for running in (first, second):
                    assert await running.end() == (0, "")

    asyncio.run(run())
    by_shard = defaultdict(set)
    for record in records(tmp_path / "records", "trades"):
        by_shard[record["shard"]].add(record["reference_version"])
    assert set(by_shard) == {0, 1}
    assert all(versions <= {1, 2, 7} for versions in by_shard.values())
