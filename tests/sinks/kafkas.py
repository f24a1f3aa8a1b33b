"""Sinks on a real broker, for the tests of this folder."""

import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from confluent_kafka import Message

from ingestor.settings import KafkaSettings
from ingestor.sinks.kafka import KafkaSink
from tests.services import Kafka
from tests.wire.kept import read

WITHIN_S = 90.0
PARTITIONS = 4
numbers = count()


class Topics:
    """Sinks with topics of their own on one broker; all are closed at the end of the test."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.prefix = f"t{next(numbers)}."
        self.sinks: list[KafkaSink] = []

    def sink(self, mode: str = "block", *, names: tuple[str, ...] = ("trades",), wait: bool = True,
             prefixes: dict[str, bytes] | None = None, **settings: Any) -> KafkaSink:
        """A sink of these topics; it is waited for until it is ready unless `wait` is False."""
        settings = {"bootstrap_servers": self.kafka.address, "partitions": PARTITIONS, "compression": "lz4", **settings}
        sink = KafkaSink(KafkaSettings(**settings), dict.fromkeys(names, mode), self.prefix, prefixes=prefixes)
        self.sinks.append(sink)
        if wait:
            pump(sink, lambda: sink.ready)
        return sink

    def messages(self, topic: str = "trades", least: int = 0) -> list[Message]:
        return self.kafka.read(self.prefix + topic, least)

    def close(self) -> None:
        for sink in self.sinks:
            sink.close(0)


def pump(sink: KafkaSink, until: Callable[[], bool]) -> None:
    """Poll as the worker does, until so."""
    end = time.monotonic() + WITHIN_S
    while not until():
        assert time.monotonic() < end, f"not within {WITHIN_S} s: {sink.reason}, {sink.stats()}"
        sink.poll()
        time.sleep(0.002)


def deliver(sink: KafkaSink) -> None:
    pump(sink, lambda: sink.stats().queue_messages == 0)


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def sequences(messages: list[Message], mode: str, topic: str = "trades") -> dict[str, list[int]]:
    """record_sequence of all records of each instrument, in the order of the log."""
    found: dict[str, list[int]] = {}
    for message in messages:
        record = read(topic, mode, message.value())
        rows = record["records"] if mode == "block" else [record]
        found.setdefault(record["instrument"], []).extend(row["record_sequence"] for row in rows)
    return found
