"""Metrics: from the rooms' own counters to an exposition that strangers can read."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from ingestor.feeds.link import ConnectionState, LinkStats
from ingestor.metrics import Facts, Metrics
from ingestor.metrics_table import BY_NAME, FAMILIES
from ingestor.records import FAIR_STATUS_NAMES, STATUS_NAMES
from tests.metered import (
    NOW_NS,
    FakeSource,
    NothingYet,
    S,
    connection,
    fair,
    path,
    samples,
    series,
    value,
)

ROOT = Path(__file__).resolve().parent.parent


OKX = {"provider": "okx-v5", "venue": "okx", "data_class": "spot"}


def test_every_decode_status_has_its_series_from_the_start():
    source = FakeSource()
    source.connections = [connection()]
    assert {each["status"] for each in series(samples(source), "ingestor_frames_total")} == set(STATUS_NAMES)


def test_frames_of_a_providers_connections_are_added_up():
    assert value(samples(FakeSource()), "ingestor_frames_total", provider="okx-v5", status="decoded") == 11


def test_what_could_not_be_used_is_told_by_reason():
    found = samples(FakeSource())
    assert value(found, "ingestor_messages_rejected_total", provider="okx-v5", reason="syntax") == 2
    assert value(found, "ingestor_messages_rejected_total", provider="okx-v5", reason="unknown_instrument") == 8


def test_sound_frames_are_no_rejections():
    reasons = {each["reason"] for each in series(samples(FakeSource()), "ingestor_messages_rejected_total")}
    assert reasons.isdisjoint({"decoded", "ignored", "control"})


def test_ticks_are_told_by_kind():
    found = samples(FakeSource())
    assert [value(found, "ingestor_ticks_total", **OKX, kind=kind) for kind in ("trade", "quote", "bar", "reference")
            ] == [15, 21, 3, 0]


def test_each_source_path_has_three_series():
    found = samples(FakeSource())
    for name in ("ingestor_messages_received_total", "ingestor_sequence_gaps_total"):
        assert [each["instrument"] for each in series(found, name)] == ["btc-usd", "eth-usd", "sol-usd"]
    assert value(found, "ingestor_messages_received_total", **OKX, instrument="btc-usd") == 13
    assert value(found, "ingestor_last_update_timestamp_seconds", **OKX, instrument="btc-usd") == NOW_NS / S - 4


def test_a_source_path_that_never_spoke_has_no_time_but_is_counted_silent():
    found = samples(FakeSource())
    assert len(series(found, "ingestor_last_update_timestamp_seconds")) == 2
    assert value(found, "ingestor_source_paths_unheard", **OKX) == 1
    assert value(found, "ingestor_source_paths", **OKX) == 3


def test_the_oldest_update_is_the_one_quiet_longest():
    assert value(samples(FakeSource()), "ingestor_oldest_update_age_seconds", **OKX) == 9


def test_two_symbols_of_one_instrument_make_one_series():
    source = FakeSource()
    source.paths = [path("btc-usd"), path("btc-usd", symbol="XBT-USD")]
    assert value(samples(source), "ingestor_messages_received_total", **OKX, instrument="btc-usd") == 26


def test_no_instrument_is_named_where_their_labels_are_off():
    _, body = Metrics(FakeSource(), instrument_labels="off").render()
    assert b"btc-usd" not in body


def test_without_instrument_labels_the_same_counters_stand_summed():
    found = samples(FakeSource(), instrument_labels="off")
    assert value(found, "ingestor_messages_received_total", **OKX) == 39
    assert value(found, "ingestor_last_update_timestamp_seconds", **OKX) == NOW_NS / S - 4
    assert value(found, "ingestor_fair_instruments", data_class="spot", status="OK") == 1


def test_an_instruments_fair_price_has_five_series():
    found = samples(FakeSource())
    assert value(found, "ingestor_fair_price", instrument="btc-usd") == 50_000
    assert value(found, "ingestor_fair_conf_ratio", instrument="btc-usd") == 1e-4
    assert value(found, "ingestor_fair_status", instrument="btc-usd") == FAIR_STATUS_NAMES.index("OK")
    assert value(found, "ingestor_fair_venues_used", instrument="btc-usd") == 3
    assert value(found, "ingestor_fair_update_timestamp_seconds", instrument="btc-usd") == NOW_NS / S
    assert len([key for key in found if dict(key[1]) == {"instrument": "btc-usd"}]) == 5


def test_an_unavailable_price_has_a_status_and_no_number():
    found = samples(FakeSource())
    assert value(found, "ingestor_fair_status", instrument="eth-usd") == FAIR_STATUS_NAMES.index("UNAVAILABLE")
    assert {"instrument": "eth-usd"} not in series(found, "ingestor_fair_price")


def test_every_fair_status_is_counted_from_the_start():
    counts = {each["status"]: value(samples(FakeSource()), "ingestor_fair_instruments", **each)
              for each in series(samples(FakeSource()), "ingestor_fair_instruments")}
    assert counts == {**dict.fromkeys(FAIR_STATUS_NAMES, 0), "OK": 1, "UNAVAILABLE": 1}


def test_a_connection_tells_its_state_its_subscriptions_and_its_bytes():
    found = samples(FakeSource())
    first, second = ({"provider": "okx-v5", "connection": name} for name in ("c0", "c1"))
    assert [value(found, "ingestor_connection_up", **each) for each in (first, second)] == [1, 0]
    assert [value(found, "ingestor_connection_state", **each) for each in (first, second)] == [3, 4]
    assert value(found, "ingestor_connects_total", **first) == 3
    assert value(found, "ingestor_received_bytes_total", **first) == 1000
    assert [value(found, f"ingestor_subscriptions_{what}", **first) for what in ("wanted", "active", "refused")
            ] == [4, 3, 1]
    assert first in series(found, "ingestor_connection_last_frame_timestamp_seconds")
    assert second not in series(found, "ingestor_connection_last_frame_timestamp_seconds")


def test_disconnects_of_a_provider_are_told_by_reason():
    found = samples(FakeSource())
    assert {each["reason"]: value(found, "ingestor_disconnects_total", **each)
            for each in series(found, "ingestor_disconnects_total")} == {"silence": 1, "age": 1, "connect_failed": 7}


def test_a_connection_and_its_heir_of_the_same_name_make_one_series():
    source = FakeSource()
    source.the_links["okx-v5"].append(LinkStats("c0", "", ConnectionState.CLOSED, connects=2, bytes_in=5))
    found = samples(source)
    labels = {"provider": "okx-v5", "connection": "c0"}
    assert value(found, "ingestor_connects_total", **labels) == 5
    assert value(found, "ingestor_connection_state", **labels) == ConnectionState.LIVE
    assert value(found, "ingestor_connection_up", **labels) == 1


def test_a_histogram_is_cumulative_and_merges_what_lies_outside_its_bounds():
    found = samples(FakeSource())
    name = "ingestor_exchange_to_receive_seconds"
    buckets = [(float(each["le"]), value(found, f"{name}_bucket", **each)) for each in series(found, f"{name}_bucket")]
    assert buckets[0] == (0.001024, 4)
    assert dict(buckets)[0.016384] == 9
    assert buckets[-2:] == [(67.108864, 9), (math.inf, 10)]
    assert buckets == sorted(buckets)
    assert value(found, f"{name}_count", **OKX) == 10
    assert value(found, f"{name}_sum", **OKX) == 1.5


def test_events_from_the_future_are_counted():
    assert value(samples(FakeSource()), "ingestor_clock_skew_negative_total", **OKX) == 2


def test_what_kafka_took_is_told_under_its_name():
    found = samples(FakeSource())
    assert [value(found, f"ingestor_kafka_{what}_total", topic="trades")
            for what in ("produced", "delivered", "failed", "retries")] == [90, 80, 1, 2]
    assert value(found, "ingestor_kafka_queue_messages") == 9
    assert value(found, "ingestor_kafka_failures_total", topic="trades", code="_MSG_TIMED_OUT") == 4
    assert series(found, "ingestor_sink_delivered_total") == []


def test_each_broker_tells_how_it_answers():
    found, broker = samples(FakeSource()), "127.0.0.1:9092"
    assert value(found, "ingestor_kafka_broker_up", broker=broker) == 1
    assert value(found, "ingestor_kafka_broker_rtt_seconds", broker=broker, percentile="99") == 0.004
    assert value(found, "ingestor_kafka_broker_retries_total", broker=broker) == 5


def test_acknowledgements_are_bounded_from_both_sides():
    found = samples(FakeSource())
    assert [value(found, f"ingestor_receive_to_ack_{what}seconds_bucket", le="0.001") for what in ("", "newest_")
            ] == [1, 6]
    assert value(found, "ingestor_receive_to_ack_seconds_count") == 6


def test_another_sink_tells_the_same_under_a_common_name():
    source = FakeSource()
    source.the_facts = Facts("0.1.0", 3, 1.0, 0.0, True, "files", False)
    found = samples(source)
    assert value(found, "ingestor_sink_delivered_total", topic="trades") == 80
    assert value(found, "ingestor_sink_ready", sink="files") == 0
    assert series(found, "ingestor_kafka_delivered_total") == []


def test_records_that_can_not_be_written_are_told_as_dropped():
    found = samples(FakeSource())
    assert value(found, "ingestor_dropped_total", topic="trades", reason="unwritable") == 1
    assert value(found, "ingestor_dropped_total", topic="trades", reason="no_room") == 0
    assert value(found, "ingestor_published_records_total", topic="fair") == 7
    assert value(found, "ingestor_published_rounded_total", topic="trades") == 3


def test_what_was_missed_is_told_with_what_became_of_it():
    found = samples(FakeSource())
    assert value(found, "ingestor_gaps_total", **OKX) == 4
    assert value(found, "ingestor_gaps_open", **OKX) == 1
    assert value(found, "ingestor_gap_records_missing_total", **OKX) == 100
    assert [value(found, "ingestor_gap_records_total", **OKX, status=status)
            for status in ("filled", "never_issued", "lost")] == [60, 0, 7]
    assert value(found, "ingestor_gaps_closed_total", **OKX, status="filled") == 2
    assert value(found, "ingestor_backfill_requests_total", provider="okx-v5", outcome="answered") == 5
    assert value(found, "ingestor_gap_events_overflowed_total") == 2
    assert value(found, "ingestor_frames_missing_total", provider="okx-v5") == 6


def test_before_anything_is_built_the_process_is_told_and_all_names_exist():
    _, body = Metrics(NothingYet()).render()
    assert all(f"# HELP {family.name.removesuffix('_total')}" in body.decode() for family in BY_NAME.values())
    build = {"version": "0.1.0", "python": sys.version.split()[0], "shard": "3"}
    assert value(samples(NothingYet()), "ingestor_build_info", **build) == 1


def test_process_and_collector_statistics_are_there():
    found = samples(FakeSource())
    assert value(found, "process_resident_memory_bytes") > 0
    assert len(series(found, "python_gc_collections_total")) == 3


def test_no_series_tells_when_a_counter_was_created():
    assert [name for name, _ in samples(FakeSource()) | samples(FakeSource(), True) if name.endswith("_created")] == []


def test_both_formats_say_the_same():
    def ours(found):
        return {key: number for key, number in found.items() if key[0].startswith("ingestor_")}

    assert ours(samples(FakeSource(), True)) == ours(samples(FakeSource()))


def test_each_format_has_its_content_type():
    metrics = Metrics(FakeSource())
    assert metrics.render()[0] == "text/plain; version=0.0.4; charset=utf-8"
    assert metrics.render(True)[0] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert metrics.render(True)[1].endswith(b"# EOF\n")


@pytest.mark.parametrize("name", ['say "btc"', "back\\slash", "two\nlines", "Ünicode 比特币 🪙"])
@pytest.mark.parametrize("openmetrics_wanted", [False, True])
def test_any_instrument_name_comes_back_as_it_was(name, openmetrics_wanted):
    source = FakeSource()
    source.paths, source.the_fairs = [path(name)], [fair(name)]
    found = samples(source, openmetrics_wanted)
    assert value(found, "ingestor_messages_received_total", **OKX, instrument=name) == 13
    assert value(found, "ingestor_fair_price", instrument=name) == 50_000


def test_half_a_surrogate_pair_does_not_cost_the_scrape():
    source = FakeSource()
    source.paths = [path("btc\ud83e")]
    assert value(samples(source), "ingestor_messages_received_total", **OKX, instrument="btc?") == 13


def test_the_table_keeps_the_naming_rules():
    for family in BY_NAME.values():
        assert family.name.startswith("ingestor_")
        assert family.name.endswith("_total") == (family.type == "counter")
        assert family.meaning.endswith((".", ")"))
    assert len(BY_NAME) == sum(len(group) for group in FAMILIES.values())


def test_the_manual_is_up_to_date():
    ran = subprocess.run([sys.executable, ROOT / "scripts" / "metrics-md", "--check"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_prices_are_the_fair_prices_and_totals_of_the_shard():
    page = Metrics(FakeSource()).prices()
    assert page["shard"] == 3
    assert [each["instrument"] for each in page["fairs"]] == ["btc-usd", "eth-usd"]
    assert page["totals"] == {
        "frames": 13, "bytes": 8192, "trades": 15, "quotes": 21, "bars": 3, "references": 0, "duplicates": 3,
        "gaps": 6, "unknown": 8, "quarantined": 2, "evaluations": 13, "connections_live": 1,
        "subscriptions_wanted": 6, "subscriptions_active": 3, "published": 107, "delivered": 80}
    assert page["providers"] == {"okx-v5": {"frames": 13}}


def test_prices_before_anything_is_built_are_none():
    page = Metrics(NothingYet()).prices()
    assert page["fairs"] == []
    assert set(page["totals"].values()) == {0}


def test_what_a_shard_records_is_counted_and_what_was_lost_to_the_log():
    found = samples(FakeSource())
    names = ("recorded_frames_total", "recorded_bytes_total", "record_waiting_bytes", "unrecorded_frames_total")
    assert [value(found, f"ingestor_{name}") for name in names] == [900, 31_000, 70_000, 6]
    source = FakeSource()
    source.the_recording = None
    assert not any("recorded" in name for name, _ in samples(source))


# Alerts and comparisons.


DISCREPANCY = {"rule": "discrepancy/0.05/30s", "severity": "critical", "provider": "kaiko"}


def test_an_alert_that_fires_is_told_with_what_it_is_about_and_a_pending_one_is_counted():
    found = samples(FakeSource())
    assert value(found, "ingestor_alerts_firing", **DISCREPANCY, venue="", instrument="btc-usd", part="") == 1
    assert value(found, "ingestor_alerts_pending", rule="stale", severity="warning", provider="kaiko") == 1
    assert value(found, "ingestor_alerts_fired_total", **DISCREPANCY) == 2
    assert len(series(found, "ingestor_alerts_firing")) == 1


def test_what_is_known_of_a_comparison_is_told_and_what_is_not_has_no_series():
    found = samples(FakeSource())
    kaiko = {"provider": "kaiko", "venue": "", "instrument": "btc-usd"}
    assert value(found, "ingestor_discrepancy_ratio", **kaiko) == 0.06
    assert value(found, "ingestor_discrepancy_peak_ratio", **kaiko) == 0.07
    assert value(found, "ingestor_discrepancy_percentile_ratio", **kaiko, percentile="99") == 0.05
    assert value(found, "ingestor_discrepancy_exceeding_ratio", **kaiko, rule="discrepancy/0.05/30s") == 0.8
    assert value(found, "ingestor_provider_weight_ratio", provider="okx-v5", instrument="btc-usd") == 0.75
    assert [each["venue"] for each in series(found, "ingestor_discrepancy_ratio")] == ["", ""]


def test_comparisons_without_data_are_counted():
    found = samples(FakeSource(), instrument_labels="off")
    assert value(found, "ingestor_comparisons", provider="kaiko") == 2
    assert value(found, "ingestor_comparisons_blank", provider="kaiko") == 1
    assert series(found, "ingestor_discrepancy_ratio") == []
    assert value(found, "ingestor_alerts_firing", **DISCREPANCY, venue="", instrument="", part="") == 1


def test_data_quality_is_told_by_provider_venue_and_data_class_and_the_worst_by_provider():
    found = samples(FakeSource())
    assert value(found, "ingestor_quality_paths_bad", **OKX, signal="stale") == 1
    assert value(found, "ingestor_quality_paths_bad", **OKX, signal="silent") == 0
    assert value(found, "ingestor_quality_paths_judged", **OKX) == 1
    assert value(found, "ingestor_quality_severity", **OKX) == 3
    assert value(found, "ingestor_provider_severity", provider="kaiko") == 0
    assert value(found, "ingestor_update_rate", **OKX) == 3.5
    assert value(found, "ingestor_latency_seconds", **OKX, percentile="99") == 0.004
    assert len(series(found, "ingestor_latency_seconds")) == 2
    assert value(found, "ingestor_clock_offset_seconds", **OKX) == -0.25
    assert value(found, "ingestor_alerts_untold") == 5


def test_of_a_market_of_several_providers_each_ones_trades_are_told():
    found = samples(FakeSource())
    outcomes = {"first": 60, "missing": 15, "absent": 5, "overdue": 2}
    for outcome, count in outcomes.items():
        assert value(found, f"ingestor_trades_{outcome}_total", **OKX, instrument="btc-usd") == count
    assert value(found, "ingestor_trade_echoes_total", **OKX, instrument="btc-usd") == 20
    assert value(found, "ingestor_trade_completeness_ratio", **OKX, instrument="btc-usd") == 0.8
    assert value(found, "ingestor_trade_completeness_ratio", **OKX, instrument="eth-usd") == 0
    assert "sol-usd" not in {each["instrument"] for each in series(found, "ingestor_trade_completeness_ratio")}
    assert value(found, "ingestor_trade_mismatches_total", **OKX, kind="size") == 6
    assert value(found, "ingestor_trade_delay_seconds_count", **OKX) == 22
    assert value(found, "ingestor_trades_forgotten_total") == 4


def test_without_instrument_labels_completeness_is_of_all_trades_together():
    found = samples(FakeSource(), instrument_labels="off")
    assert value(found, "ingestor_trade_completeness_ratio", **OKX) == 80 / 200
    assert value(found, "ingestor_trades_missing_total", **OKX) == 115
