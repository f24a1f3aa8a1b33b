"""Schemas into a Confluent schema registry, and the prefix by which a message names its schema there."""

from collections.abc import Mapping

from ingestor.errors import ConfigError, SinkError
from ingestor.wire.schemas import confluent_prefix, schema_name, schema_text


def register(url: str, topics: Mapping[str, str], prefix: str) -> dict[str, bytes]:
    """Register the schema of each topic (name -> mode) under `<prefix><name>-value`; its messages' prefix by name.

    Raises:
        SinkError: the registry can't be reached, or refuses a schema.
        ConfigError: the client library's extra is not installed.
    """
    try:
        from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
        from confluent_kafka.schema_registry.error import SchemaRegistryError
    except ImportError as error:
        raise ConfigError(
            f"sink.kafka.schema_registry_url: the client needs {error.name}: pip install 'ingestor[registry]'"
        ) from error
    prefixes = {}
    with SchemaRegistryClient({"url": url}) as client:
        for name, mode in topics.items():
            subject = f"{prefix}{name}-value"
            try:
                schema_id = client.register_schema(subject, Schema(schema_text(schema_name(name, mode)), "AVRO"))
            except SchemaRegistryError as error:
                raise SinkError(
                    f"schema registry {url} refused {subject}: {error.error_message}", retryable=False) from error
            except Exception as error:      # the HTTP library's own errors, which differ by its version
                raise SinkError(f"schema registry {url} can't be reached: {error}: is it running?") from error
            prefixes[name] = confluent_prefix(schema_id)
    return prefixes
