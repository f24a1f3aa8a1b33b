"""For the tests of the metrics: a worker's numbers in the shapes that the rooms give, and what a scrape tells."""

import math
from collections import Counter
from types import SimpleNamespace

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from ingestor.feeds.ledger import Counts
from ingestor.feeds.link import ConnectionState, LinkStats
from ingestor.metrics import Facts, Metrics
from ingestor.records import STATUS_NAMES
from ingestor.sinks.sink import BrokerStats, SinkStats, TopicStats
from ingestor.watch.alerts import Alert, Key, Severity, State
from ingestor.watching.comparisons import Deviation
from ingestor.wire.quality import Status
from ingestor.wire.topics import TopicCounts

S = 1_000_000_000
NOW_NS = 1_800_000_000 * S
BOUNDS = [(1 << bucket) / 1e6 for bucket in range(27)]


def histogram(**counts_by_bucket: int) -> dict:
    counts = [0] * 28
    for bucket, count in counts_by_bucket.items():
        counts[int(bucket[1:])] = count
    return {"bounds": BOUNDS, "counts": counts, "sum": 1.5, "negative": 2}


def path(instrument: str, *, provider="okx-v5", venue="okx", data_class="spot", **changes) -> dict:
    return {
        "provider": provider, "venue": venue, "data_class": data_class, "instrument": instrument,
        "symbol": instrument.upper(), "section": "", "trades": 5, "quotes": 7, "bars": 1, "references": 0,
        "duplicates": 1, "gaps": 2, "missing": 9, "late": 3, "outliers": 4, "crossed": 6,
        "last_recv_ns": NOW_NS - 4 * S, "last_event_ns": NOW_NS - 4 * S, **changes}


def member(instrument: str, **changes) -> dict:
    """What is counted of a provider in a market that several bring."""
    return {"provider": "okx-v5", "venue": "okx", "data_class": "spot", "instrument": instrument, "first": 60,
            "echoes": 20, "overdue": 2, "missing": 15, "absent": 5,
            "mismatches": {"price": 1, "size": 2, "side": 3}, **changes}


def fair(instrument: str, **changes) -> dict:
    return {
        "instrument": instrument, "data_class": "spot", "price": 50_000.0, "conf": 5.0, "q25": 49_995.0,
        "q75": 50_005.0, "status": "OK", "n": 4, "n_used": 3, "venues_used": 3, "n_eff": 2.9, "score": 0.9,
        "gate": 250.0, "anchor": 50_000.0, "version": 12, "ts_event_ns": NOW_NS - S, "ts_emit_ns": NOW_NS,
        "age_freshest_s": 0.1, "age_oldest_s": 2.0, "flagged": ["okx-v5/okx/BTC-USDT"], **changes}


def connection(provider="okx-v5", name="c0", **statuses: int) -> dict:
    return {"provider": provider, "section": "", "name": name, "frames": sum(statuses.values()), "bytes": 4096,
            "missing": 3, "statuses": {**dict.fromkeys(STATUS_NAMES, 0), **statuses}}


class FakeSource:
    """A worker with one provider, in the shapes that the rooms give."""

    def __init__(self) -> None:
        self.paths = [path("btc-usd"), path("eth-usd", last_recv_ns=NOW_NS - 9 * S), path("sol-usd", last_recv_ns=None)]
        self.the_fairs = [fair("btc-usd"), fair("eth-usd", status="UNAVAILABLE", price=math.nan, conf=math.nan,
                                                flagged=[], ts_emit_ns=0, ts_event_ns=None)]
        self.connections = [connection(decoded=10, syntax=2), connection(name="c1", decoded=1)]
        self.the_links = {"okx-v5": [
            LinkStats("c0", "", ConnectionState.LIVE, connects=3, disconnects=Counter(silence=1, age=1),
                      bytes_in=1000, bytes_out=50, last_frame_ns=NOW_NS, wanted=4, active=3, refused=1),
            LinkStats("c1", "", ConnectionState.WAITING, disconnects=Counter(connect_failed=7), wanted=2)]}
        self.the_facts = Facts("0.1.0", 3, 1_700_000_000.5, 0.25, False, "kafka", True)
        self.the_sink = sink_stats()
        self.the_gaps = SimpleNamespace(
            ledger=SimpleNamespace(counts={("okx-v5", "okx", "spot"): Counts(
                4, 1, 100, Counter({Status.FILLED: 60, Status.LOST: 7}), Counter({Status.FILLED: 2, Status.LOST: 1}))}),
            requests=Counter({("okx-v5", "answered"): 5}))
        self.the_recording = SimpleNamespace(
            disk=SimpleNamespace(frames=900, waiting_bytes=70_000), writer=SimpleNamespace(packed_bytes=31_000),
            tap=SimpleNamespace(lost_frames=6))
        self.the_alerting = alerting()
        self.topics = {"trades": TopicCounts(100, 4, 9000, 1, 0, 3), "fair": TopicCounts(7, 7, 700, 0, 0, 0)}

    def counters(self):
        return {
            "connections": self.connections, "paths": self.paths, "unknown": {"okx-v5": 8}, "snapshots": 11,
            "uncounted": {"late": 3, "overflowed": 4, "unconverted": 5},
            "gaps_overflowed": 2, "rounded": 12, "evaluations": 13, "unwritten": 1, "quarantined": 2,
            "exchange_to_receive": [
                {"provider": "okx-v5", "venue": "okx", "data_class": "spot", **histogram(b3=4, b14=5, b27=1)}],
            "arbitration": {
                "members": [member("btc-usd"), member("eth-usd", first=0, echoes=0, missing=100, absent=0),
                            member("sol-usd", first=0, echoes=0, overdue=0, missing=0, absent=0)],
                "delays": [{"provider": "okx-v5", "venue": "okx", "data_class": "spot", **histogram(b12=20, b18=2)}],
                "forgotten": 4},
            "receive_to_enqueue": histogram(b5=3)}

    def gaps(self):
        return self.the_gaps

    def recording(self):
        return self.the_recording

    def alerting(self):
        return self.the_alerting

    def fairs(self):
        return self.the_fairs

    def writer(self):
        return self.topics

    def sink(self):
        return self.the_sink

    def links(self):
        return self.the_links

    def facts(self):
        return self.the_facts


class NothingYet(FakeSource):
    """The worker before it has built anything."""

    counters = dict
    fairs = list
    links = dict

    def writer(self):
        return None

    def sink(self):
        return None

    def gaps(self):
        return None

    def recording(self):
        return None

    def alerting(self):
        return None


def alerting() -> SimpleNamespace:
    """One alert that fires, one that is pending, and what is known of three comparisons."""
    nan = float("nan")
    alerts = [Alert(Key("discrepancy/0.05/30s", "kaiko", "", "btc-usd"), Severity.CRITICAL, State.FIRING, 1, 2, 0.06,
                    0.05, 30.0),
              Alert(Key("stale", "kaiko", "okx", "", "trade"), Severity.WARNING, State.PENDING, 1, 2, 9.0, 5.0, 5.0)]
    deviations = [
        Deviation("kaiko", "", "btc-usd", 0.06, 0.01, 0.001, 0.05, 0.07, 0.25, {"discrepancy/0.05/30s": 0.8}),
        Deviation("kaiko", "okx", "btc-usd", nan, nan, nan, nan, 0.0, nan, {}),
        Deviation("okx-v5", "", "btc-usd", -0.001, 0.0, 0.001, 0.002, -0.002, 0.75, {})]
    rollup = {
        "provider": "okx-v5", "venue": "okx", "data_class": "spot", "paths": 2, "judged": 1, "worst": 2,
        "bad": {"stale": 1, "silent": 0}, "rate": 3.5, "normal_rate": 4.0, "p50_s": 0.001, "p99_s": 0.004,
        "p999_s": None, "offset_s": -0.25}
    watch = SimpleNamespace(
        alerts=lambda: alerts, comparisons=SimpleNamespace(
            deviations=lambda: iter(deviations), counts=lambda: {"kaiko": [2, 1], "okx-v5": [1, 0]}),
        rollups=lambda: [rollup], worst=lambda: {"okx-v5": 2, "kaiko": -1}, untold=lambda: 5)
    return SimpleNamespace(watch=watch, fired=Counter({("discrepancy/0.05/30s", "critical", "kaiko"): 2}))


def sink_stats() -> SinkStats:
    acks = {"bounds": [0.001, 0.01], "counts": [1, 2, 3], "sum": 0.5}
    return SinkStats(
        topics={"trades": TopicStats(produced=90, delivered=80, failed=1, retries=2, failures={"_MSG_TIMED_OUT": 4})},
        queue_messages=9, queue_bytes=900, receive_to_ack=acks, receive_to_ack_newest={**acks, "counts": [6, 0, 0]},
        brokers={"127.0.0.1:9092": BrokerStats(up=True, rtt_p50_s=0.001, rtt_p99_s=0.004, retries=5)})


def samples(source, openmetrics_wanted=False, **options) -> dict:
    """{(sample name, label values by name): number}; a series that stands twice fails."""
    _, body = Metrics(source, clock_ns=lambda: NOW_NS, **options).render(openmetrics_wanted)
    parse = openmetrics_families if openmetrics_wanted else text_families
    found = {}
    for family in parse(body.decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(found: dict, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def series(found: dict, name: str) -> list[dict]:
    return [dict(labels) for each, labels in found if each == name]
