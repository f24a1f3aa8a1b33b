"""The ledger of what was missed: each number of each hole ends as filled, never issued or lost, once.

A hole is opened when something was missed and closed when all of it has found its end; both are told in the
quality topic, the end part by part. Where a provider's numbers are gapless a hole is a set of numbers, else
a stretch of the venue's time, of which only the records that came can be counted. Nothing here asks anybody
or reads a clock.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestor.unify.holes import Numbers
from ingestor.wire.quality import About, Event, QualityRecord, QualityTopic, Status

#: Open holes of one subscription; more are given up at once. A provider that drops every other trade opens
#: hundreds a second, which no history could fill.
SUBSCRIPTION_HOLES_MAX = 256
#: Open holes of a shard: all its subscriptions after a reconnect, a few times over. About 1 KB each.
HOLES_MAX = 20_000


@dataclass(slots=True)
class Hole:
    """Something that is missing. `open` holds what has found no end yet: numbers, or ns of the venue's time."""

    number: int                 # the `subject` of its quality records
    subscription: int
    by_time: bool
    from_ns: int | None         # venue's times of the records around it
    to_ns: int | None
    opened_ns: int              # when the record was received that showed it
    open: Numbers
    ended: dict[tuple[Status, str], Numbers] = field(default_factory=dict)     # by how, and why
    records: int = 0            # that came for a hole of time
    detail: str = ""            # of what is lost
    worst: Status = Status.FILLED
    gone: bool = False          # its subscription is wanted no more: its number is another's now


@dataclass(slots=True)
class Counts:
    """What became of what was missed, of one provider, venue and data class. All but `open` only rise."""

    holes: int = 0
    open: int = 0
    missing: int = 0                                        # numbers
    ended: Counter[Status] = field(default_factory=Counter)    # numbers, and the records that filled holes of time
    closed: Counter[Status] = field(default_factory=Counter)   # holes, by the worst of their parts


class Ledger:
    """The holes of one pipeline. `topic` None: nobody is told."""

    def __init__(self, tables: Any, topic: QualityTopic | None) -> None:
        self.counts: dict[tuple[str, str, str], Counts] = {}
        self._tables = tables
        self._topic = topic
        self._holes: dict[int, list[Hole]] = {}     # by subscription, in order of their opening
        self._open = 0
        self._numbers = 0

    def __iter__(self) -> Iterator[Hole]:
        """All open holes."""
        return iter([hole for holes in self._holes.values() for hole in holes])

    def of(self, subscription: int) -> list[Hole]:
        """The open holes of a subscription."""
        return list(self._holes.get(subscription, ()))

    # What is missed.

    def take(self, missed: Any) -> Hole | None:
        """Note one event of the pipeline (unify.tables.Missed); the hole that it opened, if it stays open."""
        path, _ = self._tables.subscriptions_named[missed.subscription]
        if not self._tables.instruments.rows[self._tables.instruments.paths[path].instrument].published:
            return None     # for our own conversions: whoever publishes it keeps its books
        if missed.kind == "arrived":
            self.arrived(missed.subscription, missed.first)
            return None
        return self._opened(missed)

    def _opened(self, missed: Any) -> Hole | None:
        self._numbers += 1
        by_time = missed.kind == "times"
        hole = Hole(
            self._numbers, missed.subscription, by_time, missed.from_ns, missed.to_ns, missed.recv_ns, Numbers())
        if not by_time:
            hole.open.add(missed.first, missed.last)
        elif missed.from_ns is not None and missed.to_ns is not None and missed.from_ns <= missed.to_ns:
            hole.open.add(missed.from_ns, missed.to_ns)
        counts = self._counts(hole)
        counts.holes += 1
        counts.open += 1
        counts.missing += missed.missing
        self._open += 1
        self._holes.setdefault(hole.subscription, []).append(hole)
        reason = {"numbers": "skipped", "times": "connection"}.get(missed.kind, missed.kind)
        self._tell(hole, Event.GAP_OPENED, Status.OPEN, reason, None if by_time else (missed.first, missed.last),
                   None if by_time else missed.missing)
        if missed.kind == "crowded":    # some numbers within it came: which, nobody noted
            self._give_up_crowded(hole, missed.missing)
        elif not hole.open:
            self.lose(hole, "no_history", "the records around it have no times, or not in order")
        elif len(self._holes[hole.subscription]) > SUBSCRIPTION_HOLES_MAX or self._open > HOLES_MAX:
            self.lose(hole, "many", "more open holes than are kept")
        return hole if hole.open else None

    def _give_up_crowded(self, hole: Hole, missing: int) -> None:
        span = (hole.open.first, hole.open.last)
        hole.open.remove(*span)
        hole.worst = Status.LOST
        self._counts(hole).ended[Status.LOST] += missing
        self._tell(hole, Event.GAP_CLOSED, Status.LOST, "crowded", span, missing,
                   "more was missed at once than is noted one by one")
        self._close(hole)

    # How it ends.

    def arrived(self, subscription: int, number: int) -> bool:
        """A number came, live or from history; whether it was missed."""
        return self._end_number(subscription, number, "late")

    def filled(self, subscription: int, number: int | None, event_ns: int | None) -> None:
        """A record of the history was admitted."""
        if number is not None and self._end_number(subscription, number, "history"):
            return
        for hole in self._holes.get(subscription, ()):
            if hole.by_time and event_ns is not None and event_ns in hole.open:
                hole.records += 1
                self._counts(hole).ended[Status.FILLED] += 1
                return

    def wants(self, subscription: int, number: int | None, event_ns: int | None) -> bool:
        """Whether a record of the history is one that was missed."""
        holes = self._holes.get(subscription, ())
        return any(place is not None and place in hole.open
                   for hole in holes for place in [event_ns if hole.by_time else number])

    def proved(self, subscription: int, span: tuple[int, int], *, by_time: bool) -> None:
        """The history is complete there: what has not come of it was never issued."""
        for hole in self.of(subscription):
            if hole.by_time == by_time:
                self._end(hole, span, Status.NEVER_ISSUED, "history")

    def lose(self, hole: Hole, reason: str, detail: str) -> None:
        """All that is open of the hole will not come."""
        hole.detail = detail
        if hole.open:
            self._end(hole, (hole.open.first, hole.open.last), Status.LOST, reason)
        elif hole in self._holes.get(hole.subscription, ()):
            hole.ended[Status.LOST, reason] = Numbers()
            self._close(hole)

    def _end_number(self, subscription: int, number: int, reason: str) -> bool:
        for hole in self.of(subscription):
            if not hole.by_time and number in hole.open:
                self._end(hole, (number, number), Status.FILLED, reason)
                return True
        return False

    def _end(self, hole: Hole, span: tuple[int, int], status: Status, reason: str) -> None:
        for first, last in hole.open.remove(*span):
            hole.ended.setdefault((status, reason), Numbers()).add(first, last)
            if not hole.by_time:
                self._counts(hole).ended[status] += last - first + 1
        if not hole.open:
            self._close(hole)
        elif not hole.by_time:
            self._tables.missed_from(hole.subscription, self._lowest(hole.subscription))

    def _close(self, hole: Hole) -> None:
        self._holes[hole.subscription].remove(hole)
        if not self._holes[hole.subscription]:
            del self._holes[hole.subscription]
        self._open -= 1
        self._tables.missed_from(hole.subscription, self._lowest(hole.subscription))
        for (status, reason), numbers in hole.ended.items():
            hole.worst = max(hole.worst, status)
            self._tell_end(hole, status, reason, numbers)
        if hole.by_time and hole.records and hole.worst is Status.NEVER_ISSUED:
            hole.worst = Status.FILLED
        counts = self._counts(hole)
        counts.open -= 1
        counts.closed[hole.worst] += 1

    def _lowest(self, subscription: int) -> int | None:
        return min((hole.open.first for hole in self._holes.get(subscription, ()) if not hole.by_time and hole.open),
                   default=None)

    # The tables change.

    def follow(self, tables: Any, subscriptions_to: Sequence[int]) -> None:
        """Other tables are in force: each subscription has the number that is named, or is gone (-1).

        The holes of one that is gone are lost, told by the tables that still know it.
        """
        for hole in list(self):
            if subscriptions_to[hole.subscription] < 0:
                hole.gone = True
                self.lose(hole, "unsubscribed", "its market is wanted no more")
        self._tables = tables
        self._holes = {subscriptions_to[number]: holes for number, holes in self._holes.items()}
        for number, holes in self._holes.items():
            for hole in holes:
                hole.subscription = number

    # Telling.

    def _tell_end(self, hole: Hole, status: Status, reason: str, numbers: Numbers) -> None:
        detail = hole.detail if status is Status.LOST else ""
        if not hole.by_time:
            for first, last in numbers:
                self._tell(hole, Event.GAP_CLOSED, status, reason, (first, last), last - first + 1, detail)
        elif status is Status.LOST:
            spans: list[tuple[int | None, int | None]] = [*numbers] or [(hole.from_ns, hole.to_ns)]
            for span in spans:
                self._tell(hole, Event.GAP_CLOSED, status, reason, None, None, detail, span)
        else:
            self._tell(hole, Event.GAP_CLOSED, Status.FILLED if hole.records else status, reason, None, hole.records,
                       times=(numbers.first, numbers.last))

    def _tell(self, hole: Hole, event: Event, status: Status, reason: str, span: tuple[int, int] | None,
              records: int | None, detail: str = "", times: tuple[int | None, int | None] | None = None) -> None:
        if self._topic is None:
            return
        path, channel = self._tables.subscriptions_named[hole.subscription]
        row = self._tables.instruments.paths[path]
        instrument = self._tables.instruments.rows[row.instrument]
        from_ns, to_ns = times or (hole.from_ns, hole.to_ns)
        first, last = span or (None, None)
        self._topic.write(QualityRecord(
            About(instrument.slot, instrument.id, row.provider, row.venue, row.symbol, channel), event, status,
            hole.number, hole.opened_ns, first, last, from_ns, to_ns, records, reason, detail))

    def _counts(self, hole: Hole) -> Counts:
        path, _ = self._tables.subscriptions_named[hole.subscription]
        row = self._tables.instruments.paths[path]
        label = (row.provider, row.venue, self._tables.instruments.rows[row.instrument].data_class)
        return self.counts.setdefault(label, Counts())
