"""A real Kafka broker for a bench, and a stock consumer that proves what is in it."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from fastavro import parse_schema, schemaless_reader

from bench.measure import ROOT
from ingestor.errors import SinkError
from ingestor.settings.models import Mode
from ingestor.wire.schemas import schema

PREFIX_BYTES = 10       # of Avro's single-object encoding: its mark and the schema's fingerprint
READ_MESSAGES, READ_EVERY_S = 10_000, 0.2
READ_WITHIN_S = 20.0    # nothing for so long: the broker is gone


@contextmanager
def broker() -> Iterator[str]:
    """host:port of a broker: the one that BENCH_KAFKA names, else one started for the bench and ended with it."""
    if address := os.environ.get("BENCH_KAFKA"):
        yield address
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder:
        command = [str(ROOT / "scripts" / "kafka")]
        started = subprocess.run(
            [*command, "start", "--port", str(port), "--dir", folder], capture_output=True, text=True, check=False)
        if started.returncode:
            raise SinkError(f"no broker for the bench: {started.stderr.strip()}")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            subprocess.run([*command, "stop", "--dir", folder], capture_output=True, check=False)


def records_in(address: str, topic: str, name: str, mode: Mode) -> tuple[int, int]:
    """(records, messages) of a topic, read by a stock consumer and decoded by fastavro.

    Fails unless the sequence of every subscription runs from 1 without a hole and without a repeat.
    """
    reading = parse_schema(schema(name, mode))
    sequences: dict[tuple[str, ...], list[int]] = {}
    messages = 0
    for value in _values(address, topic):
        messages += 1
        found: Any = schemaless_reader(BytesIO(value[PREFIX_BYTES:]), reading, None)
        if mode == "record":
            sequences.setdefault(_subscription(found), []).append(found["record_sequence"])
            continue
        names = [_subscription(each) for each in found["subscriptions"]]
        for record in found["records"]:
            sequences.setdefault(names[record["subscription"]], []).append(record["record_sequence"])
    for who, seen in sequences.items():
        if seen != list(range(1, len(seen) + 1)):
            raise AssertionError(f"{topic}: the {len(seen)} records of {who} are not 1 to {len(seen)} in order")
    return sum(map(len, sequences.values())), messages


def _subscription(of: dict[str, Any]) -> tuple[str, ...]:
    return of["provider"], of["venue"], of["symbol"], of["channel"]


def _values(address: str, topic: str) -> Iterator[bytes]:
    """The values of all messages that stand in the topic now."""
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": "bench", "enable.auto.commit": False, "enable.partition.eof": True,
        "auto.offset.reset": "earliest"})
    try:
        partitions = consumer.list_topics(topic, READ_WITHIN_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        open_partitions = len(partitions)
        heard_s = time.monotonic()
        while open_partitions:
            batch = consumer.consume(READ_MESSAGES, READ_EVERY_S)     # waits for all of either
            if batch:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > READ_WITHIN_S:
                raise SinkError(f"{topic}: nothing came within {READ_WITHIN_S} s")
            for message in batch:
                error = message.error()
                if error is None:
                    yield message.value() or b""
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_partitions -= 1
                else:
                    raise SinkError(f"{topic}: {error.str()}")
    finally:
        consumer.close()
