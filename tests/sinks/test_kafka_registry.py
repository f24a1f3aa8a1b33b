"""With a schema registry: what the sink produces is read by a stock consumer and Confluent's AvroDeserializer."""

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from ingestor.errors import SinkError
from ingestor.settings import KafkaSettings, SinkSettings
from ingestor.sinks import open_sink
from ingestor.sinks.registry import register
from ingestor.wire.plain import write_fair, write_record
from ingestor.wire.topics import TOPICS, TopicSettings
from ingestor.wire.writer import Writer
from tests.services import free_port
from tests.sinks.kafkas import deliver
from tests.wire.kept import NOW, quote, trade

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("mode", ["block", "record"])
def test_a_stock_consumer_with_a_registry_reads_every_topic(topics, schema_registry, mode):
    kafka = KafkaSettings(bootstrap_servers=topics.kafka.address, partitions=1, schema_registry_url=schema_registry)
    chosen = {name: TopicSettings(mode) for name in TOPICS}
    sink = open_sink(SinkSettings(kind="kafka", kafka=kafka), chosen, topics.prefix, 3, 11)
    topics.sinks.append(sink)
    writer = Writer(sink, chosen, 3, 11)
    writer.define_instrument(0, "btc-usd", b"btc-usd", 7)
    writer.define_subscription(0, 0, "kaiko", "cbse", "btc-usd", "trades")
    for record in (trade(price=(6401237, -2), side="buy"), quote(bid=None),
                   {"kind": "bar", "close": (5, 0)}, {"kind": "reference", "mark": (-5, -18)}):
        write_record(writer, 0, record)
    write_fair(writer, 0, {"price": 1.5, "status": "SINGLE"}, [0])
    writer.flush_now(NOW)
    deliver(sink)
    found = {}
    with SchemaRegistryClient({"url": schema_registry}) as client:
        deserialize = AvroDeserializer(client)
        for name in TOPICS:
            [message] = topics.messages(name)
            record = deserialize(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
            assert (record["shard"], record["epoch"], record["slot"], record["instrument"]) == (3, 11, 7, "btc-usd")
            found[name] = record["records"][0] if mode == "block" else record
    assert f"{found['trades']['price']:f}" == "64012.370000000000000000"
    assert (found["trades"]["side"], found["quotes"]["bid"], found["bars"]["open"]) == ("buy", None, None)
    assert f"{found['reference']['mark']:f}" == "-0.000000000000000005"
    assert (found["fair"]["status"], found["fair"]["flagged"]) == ("SINGLE", ["kaiko/cbse/btc-usd"])


def test_a_schema_is_registered_once_under_its_topics_subject(schema_registry):
    first = register(schema_registry, {"trades": "block", "fair": "record"}, "once.")
    assert register(schema_registry, {"trades": "block", "fair": "record"}, "once.") == first
    assert first["trades"] != first["fair"]
    with SchemaRegistryClient({"url": schema_registry}) as client:
        assert {"once.trades-value", "once.fair-value"} <= set(client.get_subjects())
        assert client.get_latest_version("once.trades-value").schema_id == int.from_bytes(first["trades"][1:], "big")


def test_a_schema_that_the_registry_refuses_is_named(schema_registry):
    register(schema_registry, {"trades": "block"}, "refused.")
    with SchemaRegistryClient({"url": schema_registry}) as client:
        client.set_compatibility("refused.trades-value", "BACKWARD")
    with pytest.raises(SinkError, match=r"refused refused\.trades-value"):
        register(schema_registry, {"trades": "record"}, "refused.")


def test_a_registry_that_is_away_is_named():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SinkError, match=rf"schema registry {url} can't be reached: .*is it running\?"):
        register(url, {"trades": "block"}, "")
