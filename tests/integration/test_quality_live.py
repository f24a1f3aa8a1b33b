"""What is dead, in real time: a mute connection, and an instrument; from the fault to the page /alerts."""

import asyncio
import time

import pytest

from ingestor.simulator import Fault, SimulatorSpec
from tests.shards.test_worker import shard, simulated

DIALECTS = ("coinbase-exchange", "kraken-v2")
#: To know what is usual.
LEARN_S = 15
#: A page may be half a second old, the machine busy.
SLACK_S = 2.0


def firing(page):
    return {(alert["rule"], alert["provider"], alert["instrument"]): alert for alert in page.get("alerts", ())
            if alert["state"] == "firing"}


@pytest.mark.slow
def test_dead_connections_are_told_in_three_seconds_and_a_dead_instrument_by_its_own_law(tmp_path):
    config = tmp_path / "ingestor.yaml"

    async def run():
        spec = SimulatorSpec(dialects=DIALECTS, rate=600, bursts=False)
        async with simulated(config, spec, sink={"kind": "null"}) as simulator, shard(config) as running:
            await running.event("shard_started")
            await running.until("/readyz", lambda status, _: status == 200)
            await asyncio.sleep(LEARN_S)
            took = {}

            async def strike(name, fault, *key):
                before = firing((await running.page("/alerts"))[1])
                simulator.inject(fault)
                begun = time.monotonic()
                page = await running.until("/alerts", lambda _, page: key in firing(page))
                took[name] = time.monotonic() - begun, key in before, firing(page)

            await strike("instrument", Fault("silence", duration_s=25, target="coinbase-exchange:BTC-USD"),
                         "stale", "coinbase-exchange", "btc-usd")
            await strike("mute", Fault("silence", duration_s=6, target="kraken-v2"), "socket", "kraken-v2", "")
            await running.until("/alerts", lambda _, page: ("socket", "kraken-v2", "") not in firing(page))
            return took, await running.end()

    took, end = asyncio.run(run())
    assert end == (0, "")
    assert not any(before for _, before, _ in took.values())
    seconds, _, alerts = took["mute"]
    assert seconds <= 3 + SLACK_S
    assert not any(provider == "kraken-v2" and rule in ("stale", "silent") for rule, provider, _ in alerts)
    seconds, _, alerts = took["instrument"]
    alert = alerts["stale", "coinbase-exchange", "btc-usd"]
    assert alert["threshold"] < 30
    assert seconds <= alert["threshold"] + 1 + SLACK_S
