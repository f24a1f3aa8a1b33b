"""The writers and sinks that the benches write to, with the product's default settings."""

from typing import Any

from ingestor.settings.models import KafkaSettings, Mode, Settings, SinkSettings, TopicOverrides, TopicsSettings
from ingestor.sinks import open_sink
from ingestor.wire.writer import Writer

EPOCH = 1


def null_sink() -> tuple[Writer, Any]:
    """Block mode, to a sink that counts and drops."""
    return _open(Settings(sink=SinkSettings(kind="null"), topics=_topics("block")), "")


def kafka_sink(address: str, mode: Mode, prefix: str) -> tuple[Writer, Any]:
    """An idempotent producer; trades and quotes in `mode`."""
    kafka = KafkaSettings(bootstrap_servers=address)
    return _open(Settings(sink=SinkSettings(kind="kafka", kafka=kafka), topics=_topics(mode)), prefix)


def _topics(mode: Mode) -> TopicsSettings:
    return TopicsSettings(trades=TopicOverrides(mode=mode), quotes=TopicOverrides(mode=mode))


def _open(settings: Settings, prefix: str) -> tuple[Writer, Any]:
    topics = settings.topic_settings()
    sink = open_sink(settings.sink, topics, prefix, 0, EPOCH)
    return Writer(sink, topics, 0, EPOCH), sink
