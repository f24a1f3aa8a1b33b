"""Where alerts go: what fires and what clears leaves in the topic `quality` and the log, and is counted.

What is pending stays inside, for the page /alerts. Times are given.
"""

import json
from collections import Counter, deque
from typing import Any, Protocol

from ingestor._core import Pipeline
from ingestor.plain import plain
from ingestor.watch.alerts import Alert, Change, Key, State, Transition
from ingestor.watching.watch import Watch
from ingestor.wire.quality import About, AlertFields, Event, QualityRecord, QualityTopic, Status

#: At once. A provider that is wrong in ten thousand instruments takes some seconds to be told, at 0.1 ms each, while
#: frames go on.
TOLD_MAX = 100
#: Of them, so many have a line in the log.
LOGGED_MAX = 10
TOLD = {Change.FIRED: (Event.ALERT_FIRED, Status.FIRING), Change.CLEARED: (Event.ALERT_CLEARED, Status.CLEARED)}


class Log(Protocol):
    """What is needed of structlog's."""

    def warning(self, event: str, **facts: Any) -> object: ...
    def info(self, event: str, **facts: Any) -> object: ...


class Alerting:
    """Takes the transitions of the pipeline's watch once a second. All but second() may be asked from other threads."""

    def __init__(
        self, watch: Watch, pipeline: Pipeline, topic: QualityTopic | None, log: Log | None = None,
    ) -> None:
        self.watch = watch
        self.fired: Counter[tuple[str, str, str]] = Counter()      # by rule, severity, provider
        self._topic = topic
        self._pipeline = pipeline
        self._log = log
        self._firing: dict[Key, tuple[int, int]] = {}      # its number, and the slot of its instrument
        self._numbered = 0
        self._waiting: deque[Transition] = deque()      # at most a change of each rule of each comparison and path

    def second(self, now_ns: int, part: int = 0, parts: int = 1) -> None:
        """Look once a second, or `parts` times a second at a part. What there is no time to tell waits its turn."""
        self._waiting.extend(each for each in self.watch.second(now_ns, part, parts) if each.change in TOLD)
        self._tell(TOLD_MAX)

    def finish(self) -> None:
        """Tell all that waits: nothing comes any more."""
        self._tell(len(self._waiting))

    def _tell(self, most: int) -> None:
        """The next ones, at most so many; of them the log names a few."""
        count = min(most, len(self._waiting))
        for number in range(count):
            self._leave(*self._waiting.popleft(), number < LOGGED_MAX)
        if self._log is not None and count > LOGGED_MAX:
            self._log.warning("alerts_not_logged", alerts=count - LOGGED_MAX, see="/alerts")

    def _leave(self, change: Change, alert: Alert, logged: bool) -> None:
        key = alert.key
        if change == Change.FIRED:
            self.fired[key.rule, alert.severity.name.lower(), key.provider] += 1
            self._numbered += 1
            self._firing[key] = self._numbered, self._slot(key.instrument)
        subject, slot = self._firing[key] if change == Change.FIRED else self._firing.pop(key, (0, 0))
        facts = told(alert)
        if self._topic is not None:
            event, status = TOLD[change]
            evidence = json.dumps(plain(facts["evidence"]), separators=(",", ":"))
            self._topic.write(QualityRecord(
                About(slot, key.instrument, key.provider, key.venue, "", ""), event, status, subject,
                alert.first_seen_ns, reason="alert", alert=AlertFields(
                    key.rule, alert.severity.name.lower(), key.part, alert.value, alert.threshold, alert.window_s,
                    evidence)))
        if self._log is not None and logged:
            tell = self._log.warning if change == Change.FIRED else self._log.info
            tell("alert_fired" if change == Change.FIRED else "alert_cleared",
                 **{name: value for name, value in facts.items() if value != "" and name != "state"})

    def _slot(self, instrument: str) -> int:
        """0 for what is about all instruments."""
        instruments = self._pipeline.tables.instruments
        return instruments.rows[instruments.index[instrument]].slot if instrument in instruments.index else 0

    def page(self) -> dict[str, Any]:
        """The page /alerts: how many there are in each state, and all of them, the worst and oldest first."""
        alerts = sorted(self.watch.alerts(), key=lambda alert: (
            -alert.severity, alert.state == State.PENDING, alert.first_seen_ns, alert.key))
        counts = Counter(alert.state for alert in alerts)
        return {
            "counts": {state.name.lower(): counts[state] for state in (State.FIRING, State.CLEARING, State.PENDING)},
            "alerts": [told(alert) for alert in alerts]}


def told(alert: Alert) -> dict[str, Any]:
    """An alert as plain values."""
    key = alert.key
    return {
        "rule": key.rule, "severity": alert.severity.name.lower(), "state": alert.state.name.lower(),
        "provider": key.provider, "venue": key.venue, "instrument": key.instrument, "part": key.part,
        "value": alert.value, "threshold": alert.threshold, "window_s": alert.window_s,
        "first_seen_ns": alert.first_seen_ns, "changed_ns": alert.changed_ns, "evidence": dict(alert.evidence)}
