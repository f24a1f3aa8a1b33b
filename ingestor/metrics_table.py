"""The metrics by name: the one table of types, labels and meanings. Data only.

docs/METRICS.md is generated from it (scripts/metrics-md); metrics.py fills it with numbers, and can't
name what is not here. Base units; counters end in _total. Families with an `instrument` label cost a
series for each source path or instrument, and can be turned off; everything else ends at provider,
venue and data class. The shard is a label of ingestor_build_info alone: the scraper knows which shard
it scraped.
"""

from typing import Literal, NamedTuple

from ingestor.records import FAIR_STATUS_NAMES

CONNECTION = ("provider", "connection")
MARKETS = ("provider", "venue", "data_class")
PATH = (*MARKETS, "instrument")
COMPARED = ("provider", "venue", "instrument")
ALERT = ("rule", "severity", "provider")
#: Buckets outside these bounds (seconds) are merged; a provider is not nearer than a millisecond.
BOUNDS = {
    "ingestor_exchange_to_receive_seconds": (1e-3, 70.0),
    "ingestor_line_behind_seconds": (0.0, 70.0),
    "ingestor_trade_delay_seconds": (0.0, 70.0),
    "ingestor_receive_to_enqueue_seconds": (8e-6, 0.14),
    "ingestor_receive_to_ack_seconds": (0.0, float("inf")),
    "ingestor_receive_to_ack_newest_seconds": (0.0, float("inf")),
}


class Family(NamedTuple):
    """One metric: its name as scraped, and what it says."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


FAMILIES: dict[str, tuple[Family, ...]] = {
    "The process": (
        Family("ingestor_build_info", "gauge", ("version", "python", "shard"), "Always 1; which program this is."),
        Family("ingestor_started_timestamp_seconds", "gauge", (), "When the worker started, UTC."),
        Family("ingestor_loop_heartbeat_age_seconds", "gauge", (),
               "Since the event loop last showed that it turns; /healthz fails at 30."),
        Family("ingestor_reading_paused", "gauge", (),
               "1 while nothing is read from the providers because the sink is full."),
    ),
    "Reference data": (
        Family("ingestor_reference_version", "gauge", (),
               "Of the instruments and markets in force, as each record says it; the same in all shards."),
        Family("ingestor_reference_current", "gauge", (),
               "1 when what their source says is in force; 0 when it was refused or can't be read: /readyz says why."),
        Family("ingestor_reference_swaps_total", "counter", (), "Times that other data was put into force."),
        Family("ingestor_reference_refused_total", "counter", (),
               "Sets that contradicted themselves; what was in force stayed."),
    ),
    "Connections": (
        Family("ingestor_connection_up", "gauge", CONNECTION, "1 when connected, and all wanted was subscribed to."),
        Family("ingestor_connection_state", "gauge", CONNECTION,
               "0 nothing to carry, 1 connecting, 2 subscribing, 3 live, 4 waiting for the next attempt, 5 stopped."),
        Family("ingestor_connection_last_frame_timestamp_seconds", "gauge", CONNECTION,
               "When the last frame of any kind came; no series before the first."),
        Family("ingestor_connects_total", "counter", CONNECTION, "Connections that were opened."),
        Family("ingestor_disconnects_total", "counter", ("provider", "reason"),
               "Connections that ended or could not be opened, by reason."),
        Family("ingestor_received_bytes_total", "counter", CONNECTION,
               "Payload as it came over the line, compressed where it was."),
        Family("ingestor_sent_bytes_total", "counter", CONNECTION, "Payload sent: subscriptions, heartbeats."),
        Family("ingestor_subscriptions_wanted", "gauge", CONNECTION, "Subscriptions this connection shall carry."),
        Family("ingestor_subscriptions_active", "gauge", CONNECTION, "Subscriptions asked for and not refused."),
        Family("ingestor_subscriptions_refused", "gauge", CONNECTION, "Subscriptions that the provider refused."),
        Family("ingestor_acks_missing_total", "counter", CONNECTION, "Requests that the provider never answered."),
        Family("ingestor_controls_misread_total", "counter", CONNECTION,
               "Control messages that the dialect could not read."),
        Family("ingestor_line_first_total", "counter", CONNECTION,
               "Of a line of a redundant connection (/a, /b): records that it brought before the other, or alone."),
        Family("ingestor_line_copies_total", "counter", CONNECTION,
               "The same: records that the other line had brought already; they go no further."),
        Family("ingestor_line_behind_seconds", "histogram", CONNECTION,
               "How long after the other line's those copies came. The line with the fewer is the faster one."),
    ),
    "Frames": (
        Family("ingestor_frames_total", "counter", ("provider", "status"),
               "Frames decoded, by outcome: decoded, ignored and control are sound, the others name the fault."),
        Family("ingestor_frame_bytes_total", "counter", ("provider",), "Bytes decoded, after decompression."),
        Family("ingestor_messages_rejected_total", "counter", ("provider", "reason"),
               "What was received and could not be used: faulty frames by their fault, and records of symbols that "
               "are in no instruments file (unknown_instrument)."),
        Family("ingestor_quarantined_frames_total", "counter", (), "Faulty frames of which a copy was kept."),
        Family("ingestor_rounded_values_total", "counter", (), "Decimals with more than 18 digits, rounded half-even."),
        Family("ingestor_snapshots_total", "counter", (),
               "Records that a provider replays on subscribing; they move no price."),
    ),
    "Records": (
        Family("ingestor_ticks_total", "counter", (*MARKETS, "kind"), "Records admitted, by kind."),
        Family("ingestor_duplicates_total", "counter", MARKETS, "Records dropped because they were known already."),
        Family("ingestor_late_ticks_total", "counter", MARKETS,
               "Records older than the newest of their subscription; not those replayed on subscribing."),
        Family("ingestor_outliers_total", "counter", MARKETS, "Trades that the print filter refused for the price."),
        Family("ingestor_crossed_quotes_total", "counter", MARKETS, "Quotes with the bid above the ask."),
        Family("ingestor_sequence_missing_total", "counter", MARKETS, "Sequence numbers that gaps left out."),
        Family("ingestor_source_paths", "gauge", MARKETS, "Source paths configured."),
        Family("ingestor_source_paths_unheard", "gauge", MARKETS,
               "Source paths that brought nothing since the start."),
        Family("ingestor_oldest_update_age_seconds", "gauge", MARKETS,
               "Since the last record of the source path that has been quiet longest; those that never spoke are "
               "left out."),
        Family("ingestor_exchange_to_receive_seconds", "histogram", MARKETS,
               "From the venue's event time to our receipt, by both clocks; negative counts as 0."),
        Family("ingestor_clock_skew_negative_total", "counter", MARKETS,
               "Records whose event time lay in the future when they came."),
    ),
    "Trades of markets that several providers bring": (
        Family("ingestor_trades_first_total", "counter", PATH,
               "Trades that the provider brought before all others, or alone. Their sum over the providers of a market "
               "counts each trade once."),
        Family("ingestor_trade_echoes_total", "counter", PATH,
               "Trades that another provider had brought before, at most ten seconds earlier."),
        Family("ingestor_trades_missing_total", "counter", PATH,
               "Trades that others brought, and the provider did not within ten seconds, though it was heard."),
        Family("ingestor_trades_absent_total", "counter", PATH,
               "The same while nothing at all came over its connection: disconnected, or mute."),
        Family("ingestor_trades_overdue_total", "counter", PATH,
               "Of those missing or absent, the ones that it brought later after all."),
        Family("ingestor_trade_completeness_ratio", "gauge", PATH,
               "First and echoes, over these and the missing and absent, since the start; no series before the first."),
        Family("ingestor_trade_mismatches_total", "counter", (*MARKETS, "kind"),
               "Echoes by the exchange's id whose price, size or side differs from what came first."),
        Family("ingestor_trade_delay_seconds", "histogram", MARKETS,
               "How long after the first an echo came; live trades only."),
        Family("ingestor_trades_forgotten_total", "counter", (),
               "Trades that had to be forgotten before the ten seconds were over, as more were open than are kept: "
               "nobody is said to lack them. To be 0."),
    ),
    "Gaps": (
        Family("ingestor_gaps_total", "counter", MARKETS,
               "Holes that were opened: numbers that were skipped, or a stretch of time around a reconnect."),
        Family("ingestor_gaps_open", "gauge", MARKETS, "Holes that have not found their end yet."),
        Family("ingestor_gaps_closed_total", "counter", (*MARKETS, "status"),
               "Holes that ended, by the worst of their parts: filled, never_issued, lost."),
        Family("ingestor_gap_records_missing_total", "counter", MARKETS, "Numbers that were missed."),
        Family("ingestor_gap_records_total", "counter", (*MARKETS, "status"),
               "What became of them: filled (late, or from the history), never_issued, lost. With those of open holes "
               "they make up the missing, but for the records that filled holes of time, which nobody could number."),
        Family("ingestor_gap_events_overflowed_total", "counter", (),
               "Gaps that came faster than they are noted one by one; their numbers are counted as lost."),
        Family("ingestor_frames_missing_total", "counter", ("provider",),
               "Frames that a provider's count of a connection's frames left out."),
        Family("ingestor_backfill_requests_total", "counter", ("provider", "outcome"),
               "Requests to a provider's history: answered, short, limited, refused, failed, misread."),
    ),
    "The raw log, where a shard records": (
        Family("ingestor_recorded_frames_total", "counter", (), "Frames that were written to it."),
        Family("ingestor_recorded_bytes_total", "counter", (), "Their size, compressed."),
        Family("ingestor_record_waiting_bytes", "gauge", (), "Bytes that wait for the disk, uncompressed."),
        Family("ingestor_unrecorded_frames_total", "counter", (),
               "Frames lost to the log, as too much waited for the disk. To be 0; what is published lacks nothing."),
    ),
    "Source paths": (
        Family("ingestor_messages_received_total", "counter", PATH, "Records admitted."),
        Family("ingestor_sequence_gaps_total", "counter", PATH, "Jumps in the provider's sequence."),
        Family("ingestor_last_update_timestamp_seconds", "gauge", PATH,
               "When the last record came; no series before the first."),
    ),
    "Fair prices": (
        Family("ingestor_fair_evaluations_total", "counter", (), "Fair prices computed."),
        Family("ingestor_fair_trades_uncounted_total", "counter", ("reason",),
               "Trades that the window of a pricing method could not take: late, overflowed, unconverted."),
        Family("ingestor_fair_instruments", "gauge", ("data_class", "status"), "Instruments, by fair-price status."),
        Family("ingestor_fair_flagged_sources", "gauge", ("data_class",),
               "Sources whose price is now left out because it disagrees."),
        Family("ingestor_fair_price", "gauge", ("instrument",), "The fair price; no series while unavailable."),
        Family("ingestor_fair_conf_ratio", "gauge", ("instrument",),
               "Its confidence (the farther quartile of the votes, from the price) over the price."),
        Family("ingestor_fair_status", "gauge", ("instrument",),
               ", ".join(f"{number} {name}" for number, name in enumerate(FAIR_STATUS_NAMES)) + "."),
        Family("ingestor_fair_venues_used", "gauge", ("instrument",), "Venues whose prices count now."),
        Family("ingestor_fair_update_timestamp_seconds", "gauge", ("instrument",),
               "When it was last computed; no series before the first time."),
    ),
    "Providers against each other": (
        Family("ingestor_comparisons", "gauge", ("provider",),
               "What is compared of it: its price of an instrument against all other providers', and an aggregator's "
               "of a venue against the venue's own feed."),
        Family("ingestor_comparisons_blank", "gauge", ("provider",),
               "Of those, without data now: one of the sides is not fresh, or does not agree within itself."),
        Family("ingestor_discrepancy_ratio", "gauge", COMPARED,
               "Its price over the others' less 1; venue empty: of all its venues. No series without data."),
        Family("ingestor_discrepancy_mean_ratio", "gauge", COMPARED, "Its mean, faded with a half-life of 60 s."),
        Family("ingestor_discrepancy_peak_ratio", "gauge", COMPARED,
               "What was furthest from 0 in the last hour, however short it was."),
        Family("ingestor_discrepancy_percentile_ratio", "gauge", (*COMPARED, "percentile"),
               "Of its distances from 0 in the last hour, 50 or 99 percent are below this, within a factor of 1.4."),
        Family("ingestor_discrepancy_exceeding_ratio", "gauge", (*COMPARED, "rule"),
               "Share of the rule's window that is beyond its threshold; no series where none is."),
        Family("ingestor_provider_weight_ratio", "gauge", ("provider", "instrument"),
               "Share of the provider's sources in the fair price, before the gate."),
    ),
    "Alerts": (
        Family("ingestor_alerts_firing", "gauge", (*ALERT, "venue", "instrument", "part"),
               "1 while the alert fires; the page /alerts has its evidence. A provider of two names, with a comma: "
               "nobody knows which of the two is wrong."),
        Family("ingestor_alerts_pending", "gauge", ALERT, "Alerts that may fire soon."),
        Family("ingestor_alerts_fired_total", "counter", ALERT, "Alerts that have fired."),
        Family("ingestor_alerts_untold", "gauge", (),
               "Alerts about the data that there was no room to follow (watch.quality.alerts_max). To be 0."),
    ),
    "Data quality": (
        Family("ingestor_quality_paths_judged", "gauge", MARKETS,
               "Source paths that are judged: heard since the start, their connection up, their market trading."),
        Family("ingestor_quality_paths_bad", "gauge", (*MARKETS, "signal"),
               "Of those, with this fault now: stale, silent, slow, frozen, gap, duplicate, reordered, outlier, "
               "flagged, crossed, locked, one_sided, wide. They become alerts when they last."),
        Family("ingestor_quality_severity", "gauge", MARKETS,
               "The worst that fires about it: 0 nothing, 1 info, 2 warning, 3 critical."),
        Family("ingestor_provider_severity", "gauge", ("provider",), "The same about anything of the provider."),
        Family("ingestor_update_rate", "gauge", MARKETS, "Live records a second, faded with a half-life of a minute."),
        Family("ingestor_update_rate_normal", "gauge", MARKETS,
               "What is normal at this hour: faded with watch.quality.norm_half_life_s, and by the hour of the week."),
        Family("ingestor_latency_seconds", "gauge", (*MARKETS, "percentile"),
               "From venue to receipt, without what the clocks differ by and the shortest way takes: of the last whole "
               "minute, its percentile 50, 99, 999 (99.9), within a sixteenth."),
        Family("ingestor_clock_offset_seconds", "gauge", MARKETS,
               "What that leaves out: the least of receipt less venue time, of ten minutes."),
    ),
    "Publishing": (
        Family("ingestor_receive_to_enqueue_seconds", "histogram", (),
               "From the first frame of a burst to the end of its batch boundary: our own cost."),
        Family("ingestor_published_records_total", "counter", ("topic",), "Records encoded for the topic."),
        Family("ingestor_published_batches_total", "counter", ("topic",), "Batches handed to the sink."),
        Family("ingestor_published_bytes_total", "counter", ("topic",), "Their size before the sink compresses."),
        Family("ingestor_published_rounded_total", "counter", ("topic",),
               "Records with a value of more than 18 digits after the point, rounded to them half-even."),
        Family("ingestor_dropped_total", "counter", ("topic", "reason"),
               "Records that did not leave: unwritable, the schema can't hold a value; no_room, a batch is at its hard "
               "limit. To be 0 or explained."),
        Family("ingestor_sink_ready", "gauge", ("sink",), "1 when the sink takes records."),
        Family("ingestor_receive_to_ack_seconds", "histogram", (),
               "From the receipt of a batch's oldest record to the sink's acknowledgement: an upper bound for each."),
        Family("ingestor_receive_to_ack_newest_seconds", "histogram", (),
               "The same from the batch's newest record: a lower bound for each."),
    ),
    "Kafka's brokers": (
        Family("ingestor_kafka_broker_up", "gauge", ("broker",), "1 while connected to it."),
        Family("ingestor_kafka_broker_rtt_seconds", "gauge", ("broker", "percentile"),
               "Round trips of the client's last interval of statistics."),
        Family("ingestor_kafka_broker_retries_total", "counter", ("broker",), "Requests that were sent again."),
    ),
    "Kafka, or another sink": tuple(
        Family(f"ingestor_{sink}_{name}", kind, labels, meaning + with_)    # type: ignore[arg-type]
        for sink, with_ in (("kafka", ""), ("sink", " (Sinks other than Kafka.)"))
        for name, kind, labels, meaning in (
            ("produced_total", "counter", ("topic",), "Records given to the sink."),
            ("delivered_total", "counter", ("topic",), "Records acknowledged."),
            ("failed_total", "counter", ("topic",), "Records given up when the shard ended. To be 0."),
            ("retries_total", "counter", ("topic",), "Messages that had to be produced again."),
            ("failures_total", "counter", ("topic", "code"), "Messages whose delivery failed at first, by error code."),
            ("queue_messages", "gauge", (), "Messages not acknowledged yet."),
            ("queue_bytes", "gauge", (), "Bytes not acknowledged yet."),
        )),
}
BY_NAME = {family.name: family for group in FAMILIES.values() for family in group}
