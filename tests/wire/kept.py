"""A sink that keeps what it is given, and a writer into it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro

from ingestor.wire.schemas import schema, single_object_prefix
from ingestor.wire.topics import TOPICS, TopicSettings
from ingestor.wire.writer import Writer

MS = 1_000_000
NOW = 1_763_000_000_000_000_000


@dataclass
class Written:
    """The arguments of one write()."""

    topic: str
    key: bytes
    slot: int
    payload: Any
    records: int
    oldest_recv_ns: int
    newest_recv_ns: int


class Kept:
    """Keeps all, until it is told to fail."""

    modes: Mapping[str, str] = {}
    prefixes: Mapping[str, bytes] = {}

    def __init__(self) -> None:
        self.written: list[Written] = []
        self.failing = False

    def write(self, *arguments: Any) -> None:
        if self.failing:
            raise RuntimeError("the sink is broken")
        self.written.append(Written(*arguments))

    def boundary(self) -> None:
        """Nothing is open."""

    def payloads(self, topic: str) -> list[bytes]:
        """All messages of a topic, those in lists too."""
        found: list[bytes] = []
        for each in self.written:
            if each.topic == topic:
                found += each.payload if isinstance(each.payload, list) else [each.payload]
        return found


def writer_into(sink: Any, mode: str = "block", *, subscriptions: int = 2, instruments: int = 2,
                **settings: Any) -> Writer:
    """Instruments i0, i1 ... and so many subscriptions of each: number i * subscriptions + s."""
    topics = {name: TopicSettings(mode=mode, **settings) for name in TOPICS}
    writer = Writer(sink, topics, 3, 11)
    for i in range(instruments):
        writer.define_instrument(i, f"i{i}-usd", b"i%d-usd" % i, 100 + i)
    for i in range(instruments):
        for s in range(subscriptions):
            writer.define_subscription(i * subscriptions + s, i, f"provider{s}", f"venue{s}", f"I{i}USD", "trade")
    return writer


@cache
def parsed_schema(topic: str, mode: str) -> Any:
    return fastavro.parse_schema(schema(topic, mode))


def read(topic: str, mode: str, payload: bytes) -> dict[str, Any]:
    """One message by a stock reader, which must use it up; its prefix is checked."""
    prefix = b"" if mode == "container" else single_object_prefix(topic, mode)
    assert payload.startswith(prefix)
    stream = io.BytesIO(payload[len(prefix):])
    record = fastavro.schemaless_reader(stream, parsed_schema(topic, mode), None)
    assert stream.read() == b""
    return record


def trade(**more: Any) -> dict[str, Any]:
    return {"kind": "trade", "price": (12345, -2), "size": (5, -1), "ts_recv_ns": NOW, **more}


def quote(**more: Any) -> dict[str, Any]:
    return {"kind": "quote", "bid": (1, 0), "bid_size": (2, 0), "ask": (3, 0), "ask_size": (4, 0), "ts_recv_ns": NOW,
            **more}
