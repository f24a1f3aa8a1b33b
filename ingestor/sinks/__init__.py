"""The sinks, chosen by the settings. A sink's library is imported only when it is chosen."""

from collections.abc import Mapping

from ingestor.settings import SinkSettings
from ingestor.sinks.sink import Sink
from ingestor.wire.topics import TopicLike


def open_sink(settings: SinkSettings, topics: Mapping[str, TopicLike], prefix: str = "", shard: int = 0,
              epoch: int = 0) -> Sink:
    """The sink of these settings for these topics (name without prefix -> settings).

    Raises:
        ConfigError: a setting is wrong.
        SinkError: the files can't be written to, or the schema registry can't be reached.
    """
    if settings.kind == "kafka":
        from ingestor.sinks.kafka import KafkaSink
        modes = {name: topic.mode for name, topic in topics.items()}
        prefixes: Mapping[str, bytes] = {}
        if settings.kafka.schema_registry_url:
            from ingestor.sinks.registry import register
            prefixes = register(settings.kafka.schema_registry_url, modes, prefix)
        return KafkaSink(settings.kafka, modes, prefix, prefixes=prefixes)
    if settings.kind == "files":
        from ingestor.sinks.files import FilesSink
        return FilesSink(settings.files, prefix, shard=shard, epoch=epoch)
    if settings.kind == "ndjson":
        from ingestor.sinks.ndjson import NdjsonSink
        return NdjsonSink(settings.ndjson.path)
    from ingestor.sinks.null import NullSink
    return NullSink()
