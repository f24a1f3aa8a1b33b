"""Quality records: what stock readers read of them, and where they go."""

import io
import json
import math
from types import SimpleNamespace

import fastavro
import pytest

from ingestor.sinks.ndjson import NdjsonSink
from ingestor.wire.quality import RECORDS_MAX, About, AlertFields, Event, QualityRecord, QualityTopic, Status
from ingestor.wire.schemas import schema, single_object_prefix
from tests.wire.kept import NOW, Kept

ABOUT = About(7, "btc-usd", "kraken-v2", "kraken", "BTC/USD", "trade")
OPENED = QualityRecord(ABOUT, Event.GAP_OPENED, Status.OPEN, 12, NOW - 5, 100, 199, NOW - 9, NOW - 6, 100, "skipped")
CLOSED = QualityRecord(ABOUT, Event.GAP_CLOSED, Status.LOST, 12, NOW - 5, reason="tries", detail="503: busy, later")


def read(payload):
    return fastavro.schemaless_reader(io.BytesIO(payload), fastavro.parse_schema(schema("quality", "record")), None)


def written(*records, **sink_attributes):
    sink = Kept()
    for name, value in sink_attributes.items():
        setattr(sink, name, value)
    topic = QualityTopic(sink, 3, 11, lambda: NOW, reference_version=5)
    for record in records:
        topic.write(record)
    return sink.written


def test_a_stock_reader_reads_every_field():
    [message] = written(OPENED)
    [payload] = message.payload
    prefix = single_object_prefix("quality", "record")
    assert payload.startswith(prefix)
    assert read(payload[len(prefix):]) == {
        "shard": 3, "epoch": 11, "slot": 7, "instrument": "btc-usd", "reference_version": 5,
        "provider": "kraken-v2", "venue": "kraken", "symbol": "BTC/USD", "channel": "trade",
        "event": "GAP_OPENED", "status": "OPEN", "subject": 12,
        "ts_emit_ns": NOW, "ts_opened_ns": NOW - 5, "record_sequence": 1, "first_missing": 100, "last_missing": 199,
        "ts_from_ns": NOW - 9, "ts_to_ns": NOW - 6, "records": 100, "reason": "skipped", "detail": "",
        "rule": "", "severity": "", "part": "", "value": None, "threshold": None, "window_s": None, "evidence": ""}


def test_an_alert_is_read_with_its_rule_and_evidence():
    alert = AlertFields("discrepancy/0.05/30s", "critical", "trade", 0.06, 0.05, 30.0, '{"price":106.0}')
    [message] = written(QualityRecord(
        About(7, "btc-usd", "kaiko", "", "", ""), Event.ALERT_FIRED, Status.FIRING, 3, NOW - 5, reason="alert",
        alert=alert))
    record = read(message.payload[0][10:])
    assert (record["event"], record["status"], record["subject"]) == ("ALERT_FIRED", "FIRING", 3)
    assert [record[name] for name in ("rule", "severity", "part", "value", "threshold", "window_s", "evidence")] == [
        "discrepancy/0.05/30s", "critical", "trade", 0.06, 0.05, 30.0, '{"price":106.0}']


def test_an_alert_of_no_instrument_goes_under_its_provider_and_what_is_no_number_is_null():
    alert = AlertFields("silent", "critical", "", math.nan, 5.0, 5.0, "{}")
    [message] = written(QualityRecord(
        About(0, "", "kaiko", "", "", ""), Event.ALERT_FIRED, Status.FIRING, 3, NOW - 5, alert=alert))
    assert (message.key, message.slot) == (b"kaiko", 0)
    assert (read(message.payload[0][10:])["value"], read(message.payload[0][10:])["threshold"]) == (None, 5.0)


def test_a_reader_of_the_old_schema_reads_what_it_knows():
    old = json.loads(json.dumps(schema("quality", "record")))
    old["fields"] = [field for field in old["fields"] if field["name"] not in (
        "rule", "severity", "part", "value", "threshold", "window_s", "evidence")]
    for field, known in (("event", 3), ("status", 5)):
        [each] = [each for each in old["fields"] if each["name"] == field]
        each["type"]["symbols"] = each["type"]["symbols"][:known]
    [message] = written(QualityRecord(ABOUT, Event.ALERT_FIRED, Status.FIRING, 3, NOW - 5))
    record = fastavro.schemaless_reader(
        io.BytesIO(message.payload[0][10:]), fastavro.parse_schema(schema("quality", "record")),
        fastavro.parse_schema(old))
    assert (record["event"], record["status"], record["instrument"]) == ("OTHER", "OTHER", "btc-usd")


def test_what_nobody_knows_is_null():
    [message] = written(CLOSED)
    record = read(message.payload[0][10:])
    assert [name for name, value in record.items() if value is None] == [
        "first_missing", "last_missing", "ts_from_ns", "ts_to_ns", "records", "value", "threshold", "window_s"]
    assert (record["status"], record["reason"], record["detail"]) == ("LOST", "tries", "503: busy, later")


def test_records_of_an_instrument_are_numbered_without_a_hole():
    other = QualityRecord(About(8, "eth-usd", "k", "k", "E", "trade"), Event.GAP_OPENED, Status.OPEN, 13, NOW)
    numbers = [(read(each.payload[0][10:])["instrument"], read(each.payload[0][10:])["record_sequence"])
               for each in written(OPENED, other, CLOSED)]
    assert numbers == [("btc-usd", 1), ("eth-usd", 1), ("btc-usd", 2)]


@pytest.mark.parametrize(("missing", "told"), [(RECORDS_MAX, RECORDS_MAX), (RECORDS_MAX + 1, RECORDS_MAX),
                                               (1 << 64, RECORDS_MAX)])
def test_a_count_beyond_a_long_is_told_as_the_largest(missing, told):
    [one] = written(QualityRecord(ABOUT, Event.GAP_OPENED, Status.OPEN, 12, NOW, records=missing, reason="skipped"))
    record = read(one.payload[0][len(single_object_prefix("quality", "record")):])
    assert (record["records"], record["reason"]) == (told, "skipped")


def test_they_go_under_the_key_and_slot_of_their_instrument():
    [message] = written(OPENED)
    assert (message.topic, message.key, message.slot, message.records) == ("quality", b"btc-usd", 7, 1)


def test_a_registrys_prefix_is_used_where_there_is_one():
    [message] = written(OPENED, prefixes={"quality": b"\0\0\0\0\5"})
    assert message.payload[0].startswith(b"\0\0\0\0\5")


def test_a_container_gets_the_bare_datum():
    [message] = written(OPENED, modes={"quality": "container"})
    assert read(message.payload)["subject"] == 12


@pytest.mark.parametrize("enum", [Event, Status])
def test_the_enums_are_the_schemas(enum):
    [field] = [field for field in schema("quality", "record")["fields"] if field["name"] == enum.__name__.lower()]
    assert field["type"]["symbols"] == [member.name for member in enum]
    assert [member.value for member in enum] == list(range(len(enum)))


def test_people_read_a_line_with_the_same_fields(tmp_path):
    sink = NdjsonSink(tmp_path / "out.ndjson")
    QualityTopic(sink, 3, 11, lambda: NOW).write(OPENED)
    assert sink.close(0) == 0
    line = SimpleNamespace(**json.loads((tmp_path / "out.ndjson").read_text()))
    assert (line.kind, line.event, line.status, line.first_missing, line.records) == (
        "quality", "GAP_OPENED", "OPEN", 100, 100)
