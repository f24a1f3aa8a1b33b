"""What becomes of alerts: the topic, the log, the counts and the page."""

import io
import json
import math
from types import SimpleNamespace

import fastavro
import pytest

from ingestor.alerting import LOGGED_MAX, TOLD_MAX, Alerting
from ingestor.watch.alerts import Alert, Change, Key, Severity, State, Transition
from ingestor.wire.quality import QualityTopic
from ingestor.wire.schemas import schema
from tests.markets import NOW, SECOND
from tests.watching.providers import BINANCE, COINBASE, KRAKEN, Desk
from tests.wire.kept import Kept

KEY = Key("discrepancy/0.05/30s", "kraken-v2", "", "btc-usd")


def alert(key=KEY, state=State.FIRING, severity=Severity.CRITICAL, first_seen_ns=NOW - 24 * SECOND, **evidence):
    return Alert(key, severity, state, first_seen_ns, NOW, 0.06, 0.05, 30.0, evidence)


class FakeWatch:
    """Transitions by second, and what is not quiet."""

    def __init__(self, *seconds):
        self.seconds = list(seconds)
        self.calls = []
        self.current = []

    def second(self, now_ns, part, parts):
        self.calls.append((now_ns, part, parts))
        return self.seconds.pop(0)

    def alerts(self):
        return self.current


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, event, **facts):
        self.lines.append(("warning", event, facts))

    def info(self, event, **facts):
        self.lines.append(("info", event, facts))


def alerting(watch, log=None):
    sink = Kept()
    pipeline = SimpleNamespace(tables=SimpleNamespace(instruments=SimpleNamespace(
        index={"btc-usd": 0}, rows=[SimpleNamespace(slot=7)])))
    return Alerting(watch, pipeline, QualityTopic(sink, 3, 11, lambda: NOW), log), sink, pipeline


def read(message):
    return fastavro.schemaless_reader(
        io.BytesIO(message.payload[0][10:]), fastavro.parse_schema(schema("quality", "record")), None)


def test_what_fires_and_what_clears_leave_in_the_topic_under_one_number():
    watch = FakeWatch([Transition(Change.FIRED, alert(price=106.0, conf=math.nan))],
                      [Transition(Change.CLEARED, alert(state=State.QUIET))])
    told, sink, _ = alerting(watch)
    told.second(NOW)
    told.second(NOW + SECOND)
    fired, cleared = map(read, sink.written)
    assert [(each["event"], each["status"], each["subject"]) for each in (fired, cleared)] == [
        ("ALERT_FIRED", "FIRING", 1), ("ALERT_CLEARED", "CLEARED", 1)]
    assert (fired["slot"], fired["ts_opened_ns"], fired["severity"]) == (7, NOW - 24 * SECOND, "critical")
    assert json.loads(fired["evidence"]) == {"price": 106.0, "conf": None}


def test_what_only_is_pending_stays_inside():
    watch = FakeWatch([Transition(change, alert()) for change in (
        Change.BEGAN, Change.EASED, Change.RESUMED, Change.DROPPED)])
    log = Log()
    told, sink, _ = alerting(watch, log)
    told.second(NOW)
    assert (sink.written, log.lines, told.fired) == ([], [], {})


def test_an_alert_is_cleared_in_the_slot_where_it_fired_though_its_instrument_is_gone():
    watch = FakeWatch([Transition(Change.FIRED, alert())], [Transition(Change.CLEARED, alert())])
    told, sink, pipeline = alerting(watch)
    told.second(NOW)
    pipeline.tables.instruments.index.clear()
    told.second(NOW)
    assert [message.slot for message in sink.written] == [7, 7]


def test_each_is_one_line_of_the_log():
    watch = FakeWatch([Transition(Change.FIRED, alert(price=106.0)), Transition(Change.CLEARED, alert())])
    log = Log()
    alerting(watch, log)[0].second(NOW)
    [(level, event, facts), (other_level, other, _)] = log.lines
    assert [(level, event), (other_level, other)] == [("warning", "alert_fired"), ("info", "alert_cleared")]
    assert (facts["rule"], facts["provider"], facts["instrument"], facts["value"]) == (
        "discrepancy/0.05/30s", "kraken-v2", "btc-usd", 0.06)
    assert "venue" not in facts


@pytest.mark.parametrize("count", [TOLD_MAX, TOLD_MAX + 1])
def test_many_at_once_are_told_in_turn_and_the_log_names_a_few(count):
    keys = [Key("stale", "kaiko", "okx", f"a{number}-usd") for number in range(count)]
    watch = FakeWatch([Transition(Change.FIRED, alert(key)) for key in keys], [])
    log = Log()
    told, sink, _ = alerting(watch, log)
    told.second(NOW)
    assert len(sink.written) == TOLD_MAX
    assert [event for _, event, _ in log.lines] == ["alert_fired"] * LOGGED_MAX + ["alerts_not_logged"]
    assert log.lines[-1][2]["alerts"] == TOLD_MAX - LOGGED_MAX
    told.second(NOW)
    assert [read(message)["instrument"] for message in sink.written] == [key.instrument for key in keys]


def test_at_the_end_all_that_waits_is_told():
    keys = [Key("stale", "kaiko", "okx", f"a{number}-usd") for number in range(3 * TOLD_MAX)]
    told, sink, _ = alerting(FakeWatch([Transition(Change.FIRED, alert(key)) for key in keys]))
    told.second(NOW)
    told.finish()
    assert len(sink.written) == 3 * TOLD_MAX


def test_what_has_fired_is_counted_by_rule_severity_and_provider():
    watch = FakeWatch([Transition(Change.FIRED, alert())] * 2 + [Transition(Change.CLEARED, alert())])
    told, _, _ = alerting(watch)
    told.second(NOW)
    assert told.fired == {("discrepancy/0.05/30s", "critical", "kraken-v2"): 2}


def test_a_second_can_be_taken_in_parts():
    watch = FakeWatch([], [])
    told, _, _ = alerting(watch)
    told.second(NOW, 0, 2)
    told.second(NOW + 1, 1, 2)
    assert watch.calls == [(NOW, 0, 2), (NOW + 1, 1, 2)]


def test_the_page_has_the_worst_and_oldest_first():
    watch = FakeWatch()
    other = Key("stale", "kraken-v2", "kraken", "btc-usd")
    watch.current = [
        alert(other, State.PENDING), alert(other, severity=Severity.WARNING), alert(KEY, first_seen_ns=NOW),
        alert(KEY, State.CLEARING)]
    page = alerting(watch)[0].page()
    assert page["counts"] == {"firing": 2, "clearing": 1, "pending": 1}
    assert [(each["severity"], each["state"], each["first_seen_ns"]) for each in page["alerts"]] == [
        ("critical", "clearing", NOW - 24 * SECOND), ("critical", "firing", NOW),
        ("critical", "pending", NOW - 24 * SECOND), ("warning", "firing", NOW - 24 * SECOND)]


def test_a_real_watch_is_told_without_a_topic():
    desk = Desk(BINANCE, COINBASE, KRAKEN)
    told = Alerting(SimpleNamespace(second=lambda now_ns, part, parts: desk.part.second(now_ns),
                                    alerts=desk.part.alerts), desk.pipeline, None)
    desk.run(29, 0, 0, 0.06)
    assert told.page()["counts"]["firing"] == 1
    assert told.page()["alerts"][0]["evidence"]["against"] == ["binance-spot", "coinbase-exchange"]
