"""The NDJSON sink: one JSON object a line, in the FIXED form of `ingestor decode`, for people.

It reads back the Avro that the Writer made, so that people see what machines get. Fair prices and quality
records come as kind `fair` and `quality`, with the fields of their schema.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import structlog

from ingestor.errors import SinkError
from ingestor.records import TickFlag
from ingestor.sinks.outbox import Batch, Outbox
from ingestor.sinks.sink import SinkStats
from ingestor.wire.schemas import NAMES, schema
from ingestor.wire.topics import ALL_TOPICS

HELD_BYTES_MAX = 64 << 20       # while the file takes nothing
HELD_BATCHES_MAX = 100_000
AGAIN_S = 1.0

# The fields that each kind adds to the common ones. Those of a reference are there only when sent.
FIELDS = {
    "trade": ("id", "side", "price", "size"),
    "quote": ("bid", "bid_size", "ask", "ask_size"),
    "bar": ("open", "high", "low", "close", "volume", "vwap", "count", "start_ns", "end_ns"),
    "reference": ("mark", "index", "funding", "open_interest", "next_funding_ns"),
}

log = structlog.get_logger()


@cache
def _parsed(topic: str) -> Any:
    return fastavro.parse_schema(schema(topic, "container"))


def _plain(value: Any) -> Any:
    """Decimals in plain notation, without trailing zeros; all else as it is."""
    if not isinstance(value, Decimal):
        return value
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def line(topic: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A full record as the plain values of its line."""
    kind = NAMES[topic]
    if kind not in FIELDS:
        return {"kind": kind, **record}
    values = {
        "kind": kind, "provider": record["provider"], "venue": record["venue"], "symbol": record["symbol"],
        "instrument": record["instrument"], "ts_event_ns": record["ts_event_ns"], "ts_recv_ns": record["ts_recv_ns"],
        "seq": record["sequence"], "snapshot": bool(record["flags"] & TickFlag.SNAPSHOT)}
    for name in FIELDS[kind]:
        if kind != "reference" or record[name] is not None:
            values[name] = _plain(record[name])
    return values


def lines(topic: str, payload: bytes, records: int) -> bytes:
    """The lines of `records` bare datums in a row."""
    stream, parsed = io.BytesIO(payload), _parsed(topic)
    read: list[Any] = [fastavro.schemaless_reader(stream, parsed, None) for _ in range(records)]
    return "".join(
        json.dumps(line(topic, record), separators=(",", ":"), ensure_ascii=False) + "\n" for record in read).encode()


class NdjsonSink:
    """Appends to the file `path`, or writes to standard output.

    Raises:
        SinkError: the file can't be opened.
    """

    modes: Mapping[str, str] = dict.fromkeys(ALL_TOPICS, "container")
    prefixes: Mapping[str, bytes] = {}

    def __init__(self, path: Path | None = None, *, clock_ns: Callable[[], int] = time.time_ns,
                 monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._name = "standard output" if path is None else str(path)
        self._clock_ns, self._monotonic_s = clock_ns, monotonic_s
        self._outbox = Outbox(HELD_BYTES_MAX, HELD_BATCHES_MAX)
        self._writing: list[Batch] = []     # one batch, or none
        self._unwritten = b""               # its lines, or the rest of them that the file did not take yet
        self._trouble = ""
        self._again_s = 0.0
        try:
            if path is None:
                sys.stdout.flush()
                self._file = os.dup(sys.stdout.fileno())
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise SinkError(
                f"sink.ndjson.path: can't write to {self._name}: {error.strerror}: choose another file",
                retryable=False) from error

    @property
    def full(self) -> bool:
        """Memory holds as much as it may, and the file takes nothing."""
        return self._outbox.full

    @property
    def ready(self) -> bool:
        """The file takes what it is given."""
        return not self._trouble

    @property
    def reason(self) -> str:
        """What the file said."""
        return self._trouble

    def stats(self) -> SinkStats:
        """The counters now."""
        outbox = self._outbox
        return SinkStats(outbox.topics(), outbox.messages, outbox.bytes, outbox.receive_to_ack.as_dict(),
                         outbox.receive_to_ack_newest.as_dict())

    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None:
        """Keep the batch; poll() writes its lines."""
        self._outbox.put(topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns)

    def boundary(self) -> None:
        """Lines are written by poll(), which may raise."""

    def poll(self) -> None:
        """Go on with what waits.

        Raises:
            SinkError: nobody reads the other end of the pipe any more.
        """
        if self._trouble and self._monotonic_s() < self._again_s:
            return
        while self._writing or (taken := self._outbox.take(messages_max=1)):
            if not self._writing:
                self._writing, payload = taken, taken[0].payload
                assert isinstance(payload, bytes)
                self._unwritten = lines(taken[0].topic, payload, taken[0].records)
            if not self._flush():
                return
            self._outbox.acknowledge(self._writing, self._clock_ns())
            self._writing = []

    def _flush(self) -> bool:
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._file, self._unwritten):]
        except BrokenPipeError as error:
            raise SinkError(f"{self._name} was closed by its reader", retryable=False) from error
        except OSError as error:
            if not self._trouble:
                log.error("ndjson_not_writable", path=self._name, why=error.strerror)
            self._trouble = f"can't write to {self._name}: {error.strerror}: records wait in memory"
            self._again_s = self._monotonic_s() + AGAIN_S
            return False
        self._trouble = ""
        return True

    def close(self, timeout_s: float) -> int:
        """Write what waits, trying for at most so long; return the records left."""
        end_s = self._monotonic_s() + timeout_s
        try:
            self.poll()
            while self._outbox.records and self._monotonic_s() + AGAIN_S <= end_s:
                time.sleep(AGAIN_S)
                self.poll()
        except SinkError as error:
            log.error("ndjson_records_left", records=self._outbox.records, why=str(error))
        os.close(self._file)
        return self._outbox.give_up()
