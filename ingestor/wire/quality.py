"""Quality records: from plain values to Avro, one message each, straight to the sink.

They are rare, so that they are encoded in Python and never batched. Field by field in the order of
quality.avsc; a test reads them back with the schema.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ingestor.wire.schemas import avro_long, avro_text, single_object_prefix
from ingestor.wire.topics import QUALITY

#: The largest count that Avro's long holds. Numbers from both ends of int64 can be further apart: then one of them was
#: wrong, and first and last say which.
RECORDS_MAX = (1 << 63) - 1


class Event(IntEnum):
    """Index into the symbols of QualityEvent."""

    OTHER = 0
    GAP_OPENED = 1
    GAP_CLOSED = 2
    ALERT_FIRED = 3
    ALERT_CLEARED = 4


class Status(IntEnum):
    """Index into the symbols of QualityStatus."""

    OTHER = 0
    OPEN = 1
    FILLED = 2
    NEVER_ISSUED = 3
    LOST = 4
    FIRING = 5
    CLEARED = 6


class QualitySink(Protocol):
    """What this file needs of a sink."""

    @property
    def modes(self) -> Mapping[str, str]: ...
    @property
    def prefixes(self) -> Mapping[str, bytes]: ...
    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None: ...
    def boundary(self) -> None: ...


@dataclass(frozen=True, slots=True)
class About:
    """Whom a record concerns."""

    slot: int
    instrument: str
    provider: str
    venue: str
    symbol: str
    channel: str


@dataclass(frozen=True, slots=True)
class AlertFields:
    """What only the record of an alert says. `evidence` is one JSON object."""

    rule: str
    severity: str
    part: str
    value: float
    threshold: float
    window_s: float
    evidence: str


@dataclass(frozen=True, slots=True)
class QualityRecord:
    """One record; the fields are those of the schema, times in UTC epoch ns."""

    about: About
    event: Event
    status: Status
    subject: int
    ts_opened_ns: int
    first_missing: int | None = None
    last_missing: int | None = None
    ts_from_ns: int | None = None
    ts_to_ns: int | None = None
    records: int | None = None      # beyond RECORDS_MAX it is written as that
    reason: str = ""
    detail: str = ""
    alert: AlertFields | None = None


class QualityTopic:
    """Writes quality records of one shard to its sink, each with the reference version of that moment."""

    def __init__(
        self, sink: QualitySink, shard: int, epoch: int, clock_ns: Callable[[], int], reference_version: int = 0,
    ) -> None:
        self.written = 0
        self.reference_version = reference_version
        self._sink = sink
        self._head = avro_long(shard) + avro_long(epoch)
        self._clock_ns = clock_ns
        self._container = sink.modes.get(QUALITY) == "container"
        self._prefix = sink.prefixes.get(QUALITY) or single_object_prefix(QUALITY, "record")
        self._sequences: dict[str, int] = {}

    def write(self, record: QualityRecord) -> None:
        """Hand one record to the sink, under the key and slot of its instrument; its provider's where it has none."""
        about, now_ns = record.about, self._clock_ns()
        sequence = self._sequences[about.instrument] = self._sequences.get(about.instrument, 0) + 1
        records = None if record.records is None else min(record.records, RECORDS_MAX)
        datum = self._head + b"".join((
            avro_long(about.slot), avro_text(about.instrument), avro_long(self.reference_version),
            avro_text(about.provider), avro_text(about.venue), avro_text(about.symbol), avro_text(about.channel),
            avro_long(record.event), avro_long(record.status), avro_long(record.subject), avro_long(now_ns),
            avro_long(record.ts_opened_ns), avro_long(sequence),
            optional(record.first_missing), optional(record.last_missing), optional(record.ts_from_ns),
            optional(record.ts_to_ns), optional(records), avro_text(record.reason), avro_text(record.detail),
            *alert_fields(record.alert)))
        payload = datum if self._container else [self._prefix + datum]
        self._sink.write(QUALITY, (about.instrument or about.provider).encode(), about.slot, payload, 1, now_ns, now_ns)
        self._sink.boundary()
        self.written += 1


def optional(value: int | None) -> bytes:
    """A union of null and long."""
    return b"\0" if value is None else b"\2" + avro_long(value)


def optional_real(value: float) -> bytes:
    """A union of null and double; NaN is null."""
    return b"\0" if math.isnan(value) else b"\2" + struct.pack("<d", value)


def alert_fields(alert: AlertFields | None) -> Iterator[bytes]:
    """The last fields of the schema, which are empty in other records."""
    if alert is None:
        alert = AlertFields("", "", "", math.nan, math.nan, math.nan, "")
    yield from map(avro_text, (alert.rule, alert.severity, alert.part))
    yield from map(optional_real, (alert.value, alert.threshold, alert.window_s))
    yield avro_text(alert.evidence)
