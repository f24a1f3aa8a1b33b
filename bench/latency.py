"""At 28,000 messages a second, how long from the socket to Kafka's delivery report, and how much of a core?

28,000/s is 100 million an hour. The whole product runs: `ingestor --shard 0` with its default settings, the Kafka
sink (block mode, idempotent, acks=all), a real broker, HTTP, logs; the simulator paces the frames. Two loads of the
same rate: `wide`, 51 markets of 31 instruments over four venues' connections, which is the figure; and `narrow`, one
market, for comparison. Latency is the shard's own receive_to_ack histogram, weighted by records, of the OLDEST record
of each block: an upper bound for every record; linear inside a bucket, whose bounds are in the details. It begins when
a record is read from its socket; what it waited there, from the simulator's sending on, is in the details as `sent`.
CPU is that of the shard's process, all its threads, as the operating system counts it. All over the same seconds,
after a warm-up; /metrics is scraped each five seconds meanwhile, three times as often as is usual.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from bench.broker import broker
from bench.measure import Outcome
from bench.processes import Child
from bench.provider import NARROW, WIDE, Flood, flood
from bench.shard import Moment, Shard, quantile

RATE = 28_000.0
SECONDS, WARM_UP_S = 20.0, 20.0     # a broker that has just started compiles itself meanwhile, on the same cores
SECONDS_SMOKE, WARM_UP_SMOKE_S = 2.0, 1.0
SCRAPE_EVERY_S = 5.0
LOOK_EVERY_S = 1.0      # until it flows
FLOWS_WITHIN_S = 90.0
FULL_SHARE = 0.9
DELIVERED = "ingestor_kafka_delivered_total"
ACK = "ingestor_receive_to_ack_seconds"
ACK_NEWEST = "ingestor_receive_to_ack_newest_seconds"
SENT = "ingestor_exchange_to_receive_seconds"
LOADS = {
    "wide": Flood(0, RATE / len(WIDE), "bench", WIDE),
    "narrow": Flood(0, RATE, NARROW),
}


def one(address: str, load: Flood, seconds: float, warm_up_s: float, name: str) -> dict[str, Any]:
    """Figures of one load; fails when a frame was refused, a record lost, or the provider fell behind."""
    kafka = {"kind": "kafka", "kafka": {"bootstrap_servers": address}}
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder, Child(flood, load) as provider:
        addresses, markets = provider.answer()
        with Shard(Path(folder), addresses, markets, kafka, topics={"prefix": f"bench-{name}."}) as shard:
            _flowing(shard)
            time.sleep(warm_up_s)
            before, after = _watched(shard, seconds)
            provider.tell("stop")
            sent = provider.answer()
    taken = after.at_s - before.at_s
    frames = after.samples["ingestor_frames_total"] - before.samples["ingestor_frames_total"]
    records = after.samples[DELIVERED] - before.samples[DELIVERED]
    found = {
        "frames_per_s": round(frames / taken), "records_per_s": round(records / taken), "seconds": round(taken, 2),
        "skipped_by_provider": sum(each["skipped"] for each in sent.values()),
        "cpu_core_fraction": (after.cpu_s - before.cpu_s) / taken,
        "cpu_us_per_msg": round((after.cpu_s - before.cpu_s) / frames * 1e6, 2) if frames else None,
    }
    for key, family in (("oldest", ACK), ("newest", ACK_NEWEST), ("sent", SENT)):
        for share in (0.5, 0.99, 0.999):
            value, lower, upper = quantile(before.buckets[family], after.buckets[family], share)
            found[f"{key}_p{share * 100:g}_ms"] = round(value * 1000, 3)
            found[f"{key}_p{share * 100:g}_bucket_ms"] = [lower * 1000, upper * 1000 if upper < 1e9 else None]
    if after.samples["ingestor_messages_rejected_total"] or after.samples["ingestor_kafka_failed_total"]:
        raise AssertionError(f"{name}: frames were refused or records were lost: {after.samples}")
    return found


def _flowing(shard: Shard) -> None:
    """Wait until records are delivered at the full rate: connections begin one after the other."""
    end, before = time.monotonic() + FLOWS_WITHIN_S, None
    while time.monotonic() < end:
        now = shard.look()
        if before is not None and now is not None:
            delivered = now.samples[DELIVERED] - before.samples[DELIVERED]
            if delivered >= FULL_SHARE * RATE * (now.at_s - before.at_s):
                return
        before = now
        time.sleep(LOOK_EVERY_S)
    raise shard.failed(f"did not deliver {RATE:.0f} records a second within {FLOWS_WITHIN_S} s")


def _watched(shard: Shard, seconds: float) -> tuple[Moment, Moment]:
    """The scrapes at both ends of `seconds`, with others in between."""
    before = after = shard.look()
    while before is None or after is None or after.at_s - before.at_s < seconds:
        time.sleep(min(SCRAPE_EVERY_S, seconds))
        after = shard.look()
        before = before or after
    return before, after


def run(smoke: bool = False) -> Outcome:
    """latency_28k_p50_ms, latency_28k_p99_ms, cpu_28k_core_fraction of the wide load; the same of the narrow one."""
    seconds, warm_up_s = (SECONDS_SMOKE, WARM_UP_SMOKE_S) if smoke else (SECONDS, WARM_UP_S)
    outcome = Outcome()
    with broker() as address:
        for name, load in LOADS.items():
            outcome.details[name] = one(address, load, seconds, warm_up_s, name)
    for name, suffix in (("wide", ""), ("narrow", "_narrow")):
        found: Any = outcome.details[name]
        outcome.cost(f"latency_28k{suffix}_p50_ms", found["oldest_p50_ms"], "ms")
        outcome.cost(f"latency_28k{suffix}_p99_ms", found["oldest_p99_ms"], "ms")
        outcome.cost(f"cpu_28k{suffix}_core_fraction", found["cpu_core_fraction"], "cores")
    return outcome
