"""The shard's metrics: how the numbers of a moment become an exposition.

Nothing is counted here: rooms count in their own memory, and a scrape reads them. What each metric
means stands in metrics_table.py. This is the only file that knows prometheus_client.
"""

import math
import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, Protocol

from prometheus_client import GC_COLLECTOR, CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from ingestor.metrics_table import BOUNDS, BY_NAME, MARKETS, PATH
from ingestor.records import FAIR_STATUS_NAMES, KIND_NAMES, STATUS_NAMES
from ingestor.watch.alerts import State
from ingestor.wire.quality import Status

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
#: The label of each kind, and its key in Pipeline.counters().
KINDS = tuple(zip(KIND_NAMES, ("trades", "quotes", "bars", "references"), strict=True))
#: Statuses from this one on are faults of the frame (records.pxd: DecodeStatus).
FAULTS_FROM = STATUS_NAMES.index("truncated")
#: What became of a trade at one of the providers that bring its market, and its key in Pipeline.counters().
OUTCOMES = {
    "ingestor_trades_first_total": "first", "ingestor_trade_echoes_total": "echoes",
    "ingestor_trades_missing_total": "missing", "ingestor_trades_absent_total": "absent",
    "ingestor_trades_overdue_total": "overdue"}
#: How a hole, and each number of it, can end.
ENDS = (Status.FILLED, Status.NEVER_ISSUED, Status.LOST)


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the worker knows."""

    version: str
    shard: int
    started_s: float            # UTC epoch
    heartbeat_age_s: float
    reading_paused: bool
    sink: str                   # kind: kafka, files, ...
    sink_ready: bool
    reference_version: int = 0
    reference_current: bool = True
    reference_swaps: int = 0
    reference_refused: int = 0


class Source(Protocol):
    """Where the numbers are.

    Called from the server's threads, several at once: each must be safe beside the event loop, and
    must not wait for it. Before there is a pipeline, a writer or a sink: empty, or None.
    """

    def counters(self) -> Mapping[str, Any]:
        """Pipeline.counters()."""

    def fairs(self) -> Sequence[Mapping[str, Any]]:
        """Pipeline.fairs()."""

    def writer(self) -> Mapping[str, Any] | None:
        """Writer.stats(): TopicCounts by topic."""

    def sink(self) -> Any:
        """Sink.stats(): SinkStats, or None."""

    def links(self) -> Mapping[str, Iterable[Any]]:
        """Feed.stats() by provider, as the event loop last took them: LinkStats."""

    def gaps(self) -> Any:
        """The Backfill, or None: its ledger's `counts` and its `requests`."""

    def recording(self) -> Any:
        """The raw log being written, or None: its `tap`, `disk` and `writer`."""

    def alerting(self) -> Any:
        """The Alerting, or None: its `watch` and what has `fired`."""

    def facts(self) -> Facts:
        """What only the worker knows."""


class Metrics:
    """Renders the numbers of `source`. `instrument_labels` off sums what is told a source path, and leaves
    out what is told an instrument.
    """

    def __init__(
        self, source: Source, *, instrument_labels: Literal["all", "off"] = "all",
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        disable_created_metrics()   # type: ignore[no-untyped-call]    # they would double the series
        self._source = source
        self._by_instrument = instrument_labels == "all"
        self._clock_ns = clock_ns
        self._registry = CollectorRegistry()
        self._registry.register(GC_COLLECTOR)
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def render(self, openmetrics_wanted: bool = False) -> tuple[str, bytes]:
        """Content type and body: OpenMetrics 1.0, or the text format 0.0.4."""
        if openmetrics_wanted:
            body: bytes = openmetrics.generate_latest(self._registry)   # type: ignore[no-untyped-call]
            return OPENMETRICS, body
        return TEXT, generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """All families, also those without a sample: names exist from the start. For the registry."""
        sheet, facts = Sheet(), self._source.facts()
        _process(sheet, facts)
        _connections(sheet, self._source.links())
        counters = self._source.counters()
        if counters:
            _frames(sheet, counters)
            _records(sheet, counters, self._clock_ns())
            _paths(sheet, counters["paths"], self._by_instrument)
            _arbitration(sheet, counters["arbitration"], self._by_instrument)
        _gaps(sheet, self._source.gaps())
        _recording(sheet, self._source.recording())
        _fairs(sheet, self._source.fairs(), self._by_instrument)
        _alerts(sheet, self._source.alerting(), self._by_instrument)
        _quality(sheet, self._source.alerting())
        _publishing(sheet, self._source.writer(), self._source.sink(), facts.sink)
        return sheet.families()

    def prices(self) -> dict[str, Any]:
        """The page /prices: the shard, its totals, messages by provider, and Pipeline.fairs()."""
        facts, counters, sink = self._source.facts(), self._source.counters(), self._source.sink()
        links = [link for links in self._source.links().values() for link in links]
        connections, paths = counters.get("connections", ()), counters.get("paths", ())
        totals = {
            "frames": sum(each["frames"] for each in connections),
            "bytes": sum(each["bytes"] for each in connections),
            **{plural: sum(path[plural] for path in paths) for _, plural in KINDS},
            "duplicates": sum(path["duplicates"] for path in paths),
            "gaps": sum(path["gaps"] for path in paths),
            "unknown": sum(counters.get("unknown", {}).values()),
            "quarantined": counters.get("quarantined", 0),
            "evaluations": counters.get("evaluations", 0),
            "connections_live": sum(link.state.name == "LIVE" for link in links),
            "subscriptions_wanted": sum(link.wanted for link in links),
            "subscriptions_active": sum(link.active for link in links),
            "published": sum(topic.records for topic in (self._source.writer() or {}).values()),
            "delivered": sum(topic.delivered for topic in sink.topics.values()) if sink is not None else 0,
        }
        providers: dict[str, dict[str, int]] = {}
        for each in connections:
            heard = providers.setdefault(each["provider"], {"frames": 0})
            heard["frames"] += each["frames"]
        return {"shard": facts.shard, "totals": totals, "providers": providers, "fairs": list(self._source.fairs())}


class Sheet:
    """The numbers of one scrape. The same labels twice are added up, so that no series stands twice."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in BY_NAME}
        self._histograms: dict[str, list[tuple[tuple[str, ...], Mapping[str, Any]]]] = {name: [] for name in BOUNDS}

    def add(self, name: str, labels: tuple[str, ...], number: float) -> None:
        rows = self._numbers[name]
        rows[labels] = rows.get(labels, 0) + number

    def first(self, name: str, labels: tuple[str, ...], number: float) -> None:
        """Keep what came first."""
        self._numbers[name].setdefault(labels, number)

    def raise_to(self, name: str, labels: tuple[str, ...], number: float) -> None:
        """Keep the largest."""
        rows = self._numbers[name]
        rows[labels] = max(rows.get(labels, number), number)

    def histogram(self, name: str, labels: tuple[str, ...], observed: Mapping[str, Any]) -> None:
        """`observed`: bounds in seconds, counts of each bucket and of what is beyond, and their sum."""
        self._histograms[name].append((labels, observed))

    def families(self) -> Iterable[Metric]:
        for family in BY_NAME.values():
            metric: Any
            if family.type == "histogram":
                metric = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
                for labels, observed in self._histograms[family.name]:
                    metric.add_metric(_printable(labels), _buckets(observed, *BOUNDS[family.name]), observed["sum"])
            else:
                kind = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
                metric = kind(family.name, family.meaning, labels=family.labels)
                for labels, number in self._numbers[family.name].items():
                    metric.add_metric(_printable(labels), number)
            yield metric


def _printable(labels: tuple[str, ...]) -> Iterable[str]:
    """The values as UTF-8 can hold them: half a surrogate pair in a symbol must not cost the scrape."""
    return [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in labels]


def _buckets(observed: Mapping[str, Any], low_s: float, high_s: float) -> list[tuple[str, float]]:
    bounds = observed["bounds"]
    running = list(accumulate(observed["counts"]))
    first, last = bisect_left(bounds, low_s), bisect_left(bounds, high_s)
    kept = [(repr(float(bounds[at])), running[at]) for at in range(first, last)]
    return [*kept, ("+Inf", running[-1])]


def _process(sheet: Sheet, facts: Facts) -> None:
    sheet.add("ingestor_build_info", (facts.version, platform.python_version(), str(facts.shard)), 1)
    sheet.add("ingestor_started_timestamp_seconds", (), facts.started_s)
    sheet.add("ingestor_loop_heartbeat_age_seconds", (), facts.heartbeat_age_s)
    sheet.add("ingestor_reading_paused", (), facts.reading_paused)
    sheet.add("ingestor_sink_ready", (facts.sink,), facts.sink_ready)
    sheet.add("ingestor_reference_version", (), facts.reference_version)
    sheet.add("ingestor_reference_current", (), facts.reference_current)
    sheet.add("ingestor_reference_swaps_total", (), facts.reference_swaps)
    sheet.add("ingestor_reference_refused_total", (), facts.reference_refused)


def _connections(sheet: Sheet, feeds: Mapping[str, Iterable[Any]]) -> None:
    for provider, links in feeds.items():
        for link in links:
            labels = (provider, link.name)
            sheet.raise_to("ingestor_connection_up", labels, link.state.name == "LIVE")
            # A name can have two links for a moment: one that is closing, and its heir, which comes first.
            sheet.first("ingestor_connection_state", labels, int(link.state))
            if link.last_frame_ns:
                sheet.raise_to("ingestor_connection_last_frame_timestamp_seconds", labels, link.last_frame_ns / 1e9)
            sheet.add("ingestor_connects_total", labels, link.connects)
            for reason, count in dict(link.disconnects).items():
                sheet.add("ingestor_disconnects_total", (provider, reason), count)
            sheet.add("ingestor_received_bytes_total", labels, link.bytes_in)
            sheet.add("ingestor_sent_bytes_total", labels, link.bytes_out)
            for state in ("wanted", "active", "refused"):
                sheet.add(f"ingestor_subscriptions_{state}", labels, getattr(link, state))
            sheet.add("ingestor_acks_missing_total", labels, link.acks_missing)
            sheet.add("ingestor_controls_misread_total", labels, link.controls_misread)


def _frames(sheet: Sheet, counters: Mapping[str, Any]) -> None:
    for connection in counters["connections"]:
        provider = connection["provider"]
        sheet.add("ingestor_frame_bytes_total", (provider,), connection["bytes"])
        sheet.add("ingestor_frames_missing_total", (provider,), connection["missing"])
        if "first" in connection:       # a line of a redundant connection
            line = (provider, connection["name"])
            sheet.add("ingestor_line_first_total", line, connection["first"])
            sheet.add("ingestor_line_copies_total", line, connection["copies"])
            sheet.histogram("ingestor_line_behind_seconds", line, connection["behind"])
        for number, status in enumerate(STATUS_NAMES):
            count = connection["statuses"].get(status, 0)
            sheet.add("ingestor_frames_total", (provider, status), count)
            if number >= FAULTS_FROM:
                sheet.add("ingestor_messages_rejected_total", (provider, status), count)
    for provider, count in counters["unknown"].items():
        sheet.add("ingestor_messages_rejected_total", (provider, "unknown_instrument"), count)
    sheet.add("ingestor_quarantined_frames_total", (), counters["quarantined"])
    sheet.add("ingestor_rounded_values_total", (), counters["rounded"])
    sheet.add("ingestor_gap_events_overflowed_total", (), counters["gaps_overflowed"])
    sheet.add("ingestor_snapshots_total", (), counters["snapshots"])


def _records(sheet: Sheet, counters: Mapping[str, Any], now_ns: int) -> None:
    """What ends at provider, venue and data class."""
    for path in counters["paths"]:
        labels = (path["provider"], path["venue"], path["data_class"])
        for kind, plural in KINDS:
            sheet.add("ingestor_ticks_total", (*labels, kind), path[plural])
        sheet.add("ingestor_duplicates_total", labels, path["duplicates"])
        sheet.add("ingestor_late_ticks_total", labels, path["late"])
        sheet.add("ingestor_outliers_total", labels, path["outliers"])
        sheet.add("ingestor_crossed_quotes_total", labels, path["crossed"])
        sheet.add("ingestor_sequence_missing_total", labels, path["missing"])
        sheet.add("ingestor_source_paths", labels, 1)
        sheet.add("ingestor_source_paths_unheard", labels, path["last_recv_ns"] is None)
        if path["last_recv_ns"] is not None:
            age_s = max(0.0, (now_ns - path["last_recv_ns"]) / 1e9)
            sheet.raise_to("ingestor_oldest_update_age_seconds", labels, age_s)
    for observed in counters["exchange_to_receive"]:
        labels = (observed["provider"], observed["venue"], observed["data_class"])
        sheet.histogram("ingestor_exchange_to_receive_seconds", labels, observed)
        sheet.add("ingestor_clock_skew_negative_total", labels, observed["negative"])
    sheet.histogram("ingestor_receive_to_enqueue_seconds", (), counters["receive_to_enqueue"])
    sheet.add("ingestor_fair_evaluations_total", (), counters["evaluations"])
    for reason, count in counters["uncounted"].items():
        sheet.add("ingestor_fair_trades_uncounted_total", (reason,), count)


def _paths(sheet: Sheet, paths: Iterable[Mapping[str, Any]], by_instrument: bool) -> None:
    """What is told of each source path; without instrument labels, summed."""
    for path in paths:
        labels = tuple(path[label] for label in (PATH if by_instrument else MARKETS))
        sheet.add("ingestor_messages_received_total", labels, sum(path[plural] for _, plural in KINDS))
        sheet.add("ingestor_sequence_gaps_total", labels, path["gaps"])
        if path["last_recv_ns"] is not None:
            sheet.raise_to("ingestor_last_update_timestamp_seconds", labels, path["last_recv_ns"] / 1e9)


def _arbitration(sheet: Sheet, counted: Mapping[str, Any], by_instrument: bool) -> None:
    brought: dict[tuple[str, ...], list[int]] = {}
    for member in counted["members"]:
        labels = tuple(member[label] for label in (PATH if by_instrument else MARKETS))
        for name, outcome in OUTCOMES.items():
            sheet.add(name, labels, member[outcome])
        for kind, count in member["mismatches"].items():
            sheet.add("ingestor_trade_mismatches_total", (*labels[:len(MARKETS)], kind), count)
        came = member["first"] + member["echoes"]
        sums = brought.setdefault(labels, [0, 0])
        sums[0] += came
        sums[1] += came + member["missing"] + member["absent"]
    for labels, (came, all_) in brought.items():
        if all_:
            sheet.add("ingestor_trade_completeness_ratio", labels, came / all_)
    for observed in counted["delays"]:
        sheet.histogram("ingestor_trade_delay_seconds", tuple(observed[label] for label in MARKETS), observed)
    sheet.add("ingestor_trades_forgotten_total", (), counted["forgotten"])


def _gaps(sheet: Sheet, gaps: Any) -> None:
    if gaps is None:
        return
    for labels, counts in dict(gaps.ledger.counts).items():
        sheet.add("ingestor_gaps_total", labels, counts.holes)
        sheet.add("ingestor_gaps_open", labels, counts.open)
        sheet.add("ingestor_gap_records_missing_total", labels, counts.missing)
        for status in ENDS:
            sheet.add("ingestor_gaps_closed_total", (*labels, status.name.lower()), counts.closed[status])
            sheet.add("ingestor_gap_records_total", (*labels, status.name.lower()), counts.ended[status])
    for labels, count in dict(gaps.requests).items():
        sheet.add("ingestor_backfill_requests_total", labels, count)


def _recording(sheet: Sheet, recording: Any) -> None:
    if recording is not None:
        sheet.add("ingestor_recorded_frames_total", (), recording.disk.frames)
        sheet.add("ingestor_recorded_bytes_total", (), recording.writer.packed_bytes)
        sheet.add("ingestor_record_waiting_bytes", (), recording.disk.waiting_bytes)
        sheet.add("ingestor_unrecorded_frames_total", (), recording.tap.lost_frames)


def _fairs(sheet: Sheet, fairs: Iterable[Mapping[str, Any]], by_instrument: bool) -> None:
    for fair in fairs:
        for status in FAIR_STATUS_NAMES:
            sheet.add("ingestor_fair_instruments", (fair["data_class"], status), fair["status"] == status)
        sheet.add("ingestor_fair_flagged_sources", (fair["data_class"],), len(fair["flagged"]))
        if not by_instrument:
            continue
        labels = (fair["instrument"],)
        sheet.add("ingestor_fair_status", labels, FAIR_STATUS_NAMES.index(fair["status"]))
        sheet.add("ingestor_fair_venues_used", labels, fair["venues_used"])
        if fair["ts_emit_ns"] > 0:
            sheet.add("ingestor_fair_update_timestamp_seconds", labels, fair["ts_emit_ns"] / 1e9)
        if math.isfinite(fair["price"]):
            sheet.add("ingestor_fair_price", labels, fair["price"])
        if math.isfinite(fair["price"]) and math.isfinite(fair["conf"]) and fair["price"]:
            sheet.add("ingestor_fair_conf_ratio", labels, fair["conf"] / fair["price"])


def _alerts(sheet: Sheet, alerting: Any, by_instrument: bool) -> None:
    """What fires, and what is known of each comparison."""
    if alerting is None:
        return
    for provider, (compared, blank) in alerting.watch.comparisons.counts().items():
        sheet.add("ingestor_comparisons", (provider,), compared)
        sheet.add("ingestor_comparisons_blank", (provider,), blank)
    for row in alerting.watch.comparisons.deviations() if by_instrument else ():
        _deviation(sheet, row)
    for alert in alerting.watch.alerts():
        key, severity = alert.key, alert.severity.name.lower()
        if alert.state == State.PENDING:
            sheet.add("ingestor_alerts_pending", (key.rule, severity, key.provider), 1)
        else:
            instrument = key.instrument if by_instrument else ""
            sheet.add("ingestor_alerts_firing", (key.rule, severity, key.provider, key.venue, instrument, key.part), 1)
    for labels, count in dict(alerting.fired).items():
        sheet.add("ingestor_alerts_fired_total", labels, count)


def _quality(sheet: Sheet, alerting: Any) -> None:
    """What is known of the data itself, by provider, venue and data class."""
    if alerting is None:
        return
    for row in alerting.watch.rollups():
        labels = (row["provider"], row["venue"], row["data_class"])
        sheet.add("ingestor_quality_paths_judged", labels, row["judged"])
        for signal, count in row["bad"].items():
            sheet.add("ingestor_quality_paths_bad", (*labels, signal), count)
        sheet.add("ingestor_quality_severity", labels, row["worst"] + 1)
        sheet.add("ingestor_update_rate", labels, row["rate"])
        sheet.add("ingestor_update_rate_normal", labels, row["normal_rate"])
        for percentile in ("50", "99", "999"):
            if row[f"p{percentile}_s"] is not None:
                sheet.add("ingestor_latency_seconds", (*labels, percentile), row[f"p{percentile}_s"])
        if row["offset_s"] is not None:
            sheet.add("ingestor_clock_offset_seconds", labels, row["offset_s"])
    for provider, worst in alerting.watch.worst().items():
        sheet.add("ingestor_provider_severity", (provider,), worst + 1)
    sheet.add("ingestor_alerts_untold", (), alerting.watch.untold())


def _deviation(sheet: Sheet, row: Any) -> None:
    labels = (row.provider, row.venue, row.instrument)
    for name, number in (("", row.last), ("_mean", row.mean), ("_peak", row.peak)):
        if not math.isnan(number):
            sheet.raise_to(f"ingestor_discrepancy{name}_ratio", labels, number)
    for percentile, number in (("50", row.median), ("99", row.p99)):
        if not math.isnan(number):
            sheet.raise_to("ingestor_discrepancy_percentile_ratio", (*labels, percentile), number)
    for rule, share in row.exceeding.items():
        sheet.raise_to("ingestor_discrepancy_exceeding_ratio", (*labels, rule), share)
    if not math.isnan(row.weight):
        sheet.add("ingestor_provider_weight_ratio", (row.provider, row.instrument), row.weight)


def _publishing(sheet: Sheet, topics: Mapping[str, Any] | None, sink: Any, kind: str) -> None:
    for topic, counts in (topics or {}).items():
        for what in ("records", "batches", "bytes", "rounded"):
            sheet.add(f"ingestor_published_{what}_total", (topic,), getattr(counts, what))
        for reason in ("unwritable", "no_room"):
            sheet.add("ingestor_dropped_total", (topic, reason), getattr(counts, reason))
    if sink is None:
        return
    name = "ingestor_kafka" if kind == "kafka" else "ingestor_sink"
    for topic, counts in sink.topics.items():
        for what in ("produced", "delivered", "failed", "retries"):
            sheet.add(f"{name}_{what}_total", (topic,), getattr(counts, what))
        for code, count in dict(counts.failures).items():
            sheet.add(f"{name}_failures_total", (topic, code), count)
    sheet.add(f"{name}_queue_messages", (), sink.queue_messages)
    sheet.add(f"{name}_queue_bytes", (), sink.queue_bytes)
    sheet.histogram("ingestor_receive_to_ack_seconds", (), sink.receive_to_ack)
    sheet.histogram("ingestor_receive_to_ack_newest_seconds", (), sink.receive_to_ack_newest)
    for broker, seen in sink.brokers.items():
        sheet.add("ingestor_kafka_broker_up", (broker,), seen.up)
        sheet.add("ingestor_kafka_broker_rtt_seconds", (broker, "50"), seen.rtt_p50_s)
        sheet.add("ingestor_kafka_broker_rtt_seconds", (broker, "99"), seen.rtt_p99_s)
        sheet.add("ingestor_kafka_broker_retries_total", (broker,), seen.retries)
