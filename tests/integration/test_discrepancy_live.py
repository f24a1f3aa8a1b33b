"""A provider that is off by six percent, in real time: the shard says so within the rule's window, and who it is."""

import asyncio
import json
import time
import urllib.request

import pytest

from ingestor.simulator import Fault, SimulatorSpec
from tests.shards.test_worker import shard, simulated

DIALECTS = ("coinbase-exchange", "kraken-v2", "kaiko")
RULE = "discrepancy/0.05/30s"
QUIET_S, WINDOW_S = 4, 30


def of_rule(page, state):
    return [alert for alert in page.get("alerts", ()) if (alert["rule"], alert["state"]) == (RULE, state)]


@pytest.mark.slow
def test_six_percent_held_is_an_alert_of_that_provider_within_the_window(tmp_path):
    config, out = tmp_path / "ingestor.yaml", tmp_path / "out.ndjson"

    async def run():
        spec = SimulatorSpec(dialects=DIALECTS, rate=600)
        async with simulated(config, spec, sink={"kind": "ndjson", "ndjson": {"path": str(out)}}) as simulator, \
                shard(config) as running:
            await running.event("shard_started")
            await running.until("/readyz", lambda status, _: status == 200)
            await asyncio.sleep(QUIET_S)
            quiet = (await running.page("/alerts"))[1]
            simulator.inject(Fault("off", duration_s=60, target="kraken", value=6))
            begun_ns = time.time_ns()
            page = await running.until("/alerts", lambda _, page: any(
                alert["provider"] == "kraken-v2" for alert in of_rule(page, "firing")))
            event = await running.event("alert_fired")
            port = next(each for each in running.events if each["event"] == "http_listening")["port"]
            metrics = await asyncio.to_thread(
                lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
            return quiet, begun_ns, page, event, metrics, await running.end()

    quiet, begun_ns, page, event, metrics, end = asyncio.run(run())
    assert end == (0, "")
    assert of_rule(quiet, "firing") == of_rule(quiet, "pending") == []
    firing = of_rule(page, "firing")
    assert firing
    assert all(begun_ns < alert["first_seen_ns"] < alert["changed_ns"] for alert in firing)
    assert min(alert["changed_ns"] for alert in firing) - begun_ns <= WINDOW_S * 1_000_000_000
    # Where there is one other, nobody can know which of the two is wrong.
    named = {alert["provider"] for alert in firing}
    assert all("kraken-v2" in name.split(",") for name in named)
    assert "kraken-v2" in named
    assert "kraken-v2" in event["provider"]
    assert all(0.05 < abs(alert["value"]) < 0.08 and alert["evidence"]["yardstick"] > 0 for alert in firing)
    assert any(line.startswith("ingestor_alerts_firing{") and f'rule="{RULE}"' in line
               and 'provider="kraken-v2"' in line for line in metrics.splitlines())
    records = [json.loads(line) for line in out.read_text().splitlines() if '"ALERT_FIRED"' in line]
    told = [record for record in records if record["rule"] == RULE]
    assert {(record["status"], record["severity"]) for record in told} == {("FIRING", "critical")}
    assert named <= {record["provider"] for record in told}
    assert all(json.loads(record["evidence"])["against"] for record in told)
