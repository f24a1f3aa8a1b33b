"""The Kafka sink on a real broker: what arrives, where, in what order, and what is told of it."""

import pytest
from pydantic import SecretStr

from ingestor.errors import ConfigError
from ingestor.settings import KafkaSettings, SinkSettings
from ingestor.sinks import open_sink
from ingestor.sinks.kafka import KafkaSink
from ingestor.sinks.kafka_conf import client_conf
from ingestor.wire.plain import write_fair, write_record
from ingestor.wire.quality import About, Event, QualityRecord, QualityTopic, Status
from ingestor.wire.topics import TopicSettings
from tests.sinks.kafkas import PARTITIONS, deliver, pump, sequences
from tests.wire.kept import NOW, quote, read, trade, writer_into

pytestmark = pytest.mark.kafka


def test_blocks_arrive_whole_in_order_under_their_key_in_the_partition_of_their_slot(topics):
    sink = topics.sink("block")
    writer = writer_into(sink, "block", instruments=6, records_max=10)
    for start in range(1, 101, 20):
        for instrument in range(6):
            write_record(writer, 2 * instrument, trade(record_sequence=start, id="a"), 20)
        writer.flush_now(NOW)
    deliver(sink)
    messages = topics.messages()
    assert len(messages) == 60
    assert sequences(messages, "block") == {f"i{i}-usd": list(range(1, 101)) for i in range(6)}
    for message in messages:
        block = read("trades", "block", message.value())
        assert message.key().decode() == block["instrument"]
        assert message.partition() == block["slot"] % PARTITIONS


def test_records_arrive_each_as_a_message_in_order(topics):
    sink = topics.sink("record")
    writer = writer_into(sink, "record", instruments=6, records_max=100)
    for instrument in range(6):
        write_record(writer, 2 * instrument, trade(record_sequence=1), 1000)
    writer.flush_now(NOW)
    deliver(sink)
    messages = topics.messages()
    assert len(messages) == 6000
    assert sequences(messages, "record") == {f"i{i}-usd": list(range(1, 1001)) for i in range(6)}
    assert {(message.key().decode(), message.partition()) for message in messages} == {
        (f"i{i}-usd", (100 + i) % PARTITIONS) for i in range(6)}


def test_every_topic_gets_its_own_records(topics):
    names = ("trades", "quotes", "bars", "reference", "fair")
    sink = topics.sink("record", names=names)
    writer = writer_into(sink, "record")
    write_record(writer, 0, trade())
    write_record(writer, 0, quote())
    write_record(writer, 0, {"kind": "bar", "ts_recv_ns": NOW, "close": (5, 0)})
    write_record(writer, 0, {"kind": "reference", "ts_recv_ns": NOW, "mark": (5, 0)})
    write_fair(writer, 0, {"price": 1.5, "ts_emit_ns": NOW})
    writer.flush_now(NOW)
    deliver(sink)
    for name in names:
        [message] = topics.messages(name)
        assert read(name, "record", message.value())["instrument"] == "i0-usd"


def test_quality_records_arrive_one_by_one_where_their_instruments_records_do(topics):
    sink = topics.sink("record", names=("quality",))
    quality = QualityTopic(sink, 3, 11, lambda: NOW)
    about = About(101, "i1-usd", "kraken-v2", "kraken", "I1/USD", "trade")
    for status in (Status.OPEN, Status.LOST):
        quality.write(QualityRecord(about, Event.GAP_CLOSED, status, 1, NOW, 5, 9, records=5))
    deliver(sink)
    messages = topics.messages("quality")
    assert [read("quality", "record", message.value())["status"] for message in messages] == ["OPEN", "LOST"]
    assert {(message.key(), message.partition()) for message in messages} == {(b"i1-usd", 101 % PARTITIONS)}


@pytest.mark.parametrize("mode", ["block", "record"])
def test_acknowledgements_are_counted_in_records_and_timed(topics, mode):
    sink = topics.sink(mode)
    writer = writer_into(sink, mode, records_max=10)
    write_record(writer, 0, trade(), 25)
    writer.flush_now(NOW)
    assert (sink.stats().topics["trades"].produced, sink.stats().queue_messages) == (25, 3 if mode == "block" else 25)
    deliver(sink)
    stats = sink.stats()
    counts = stats.topics["trades"]
    assert (counts.delivered, counts.failed, counts.retries, counts.failures) == (25, 0, 0, {})
    assert (stats.queue_messages, stats.queue_bytes) == (0, 0)
    assert sum(stats.receive_to_ack["counts"]) == sum(stats.receive_to_ack_newest["counts"]) == 25


def test_missing_topics_are_created_with_the_partitions_of_the_settings(topics):
    topics.sink(partitions=8)
    metadata = topics.kafka.admin().list_topics(timeout=10)
    assert len(metadata.topics[topics.prefix + "trades"].partitions) == 8


def test_missing_topics_are_named_when_they_are_not_to_be_created_and_found_once_they_are(topics):
    sink = topics.sink(wait=False, create_topics=False)
    pump(sink, lambda: "has no topic" in sink.reason)
    assert not sink.ready
    assert f"Kafka has no topic {topics.prefix}trades: create them with 4 partitions" in sink.reason
    sink.write("trades", b"k", 5, b"x", 1, NOW, NOW)
    topics.kafka.create(topics.prefix + "trades", 2)
    deliver(sink)
    assert (sink.ready, sink.reason) == (True, "")
    assert [message.partition() for message in topics.messages()] == [1]


def test_the_partitions_are_those_that_the_topic_has(topics):
    topics.kafka.create(topics.prefix + "trades", 16)
    sink = topics.sink(partitions=2)
    sink.write("trades", b"k", 1023, b"x", 1, NOW, NOW)
    deliver(sink)
    assert [message.partition() for message in topics.messages()] == [15]


def test_a_batch_of_a_topic_that_the_sink_was_not_given_is_an_error_that_names_it(topics):
    sink = topics.sink(names=("trades",))
    sink.write("bars", b"k", 5, b"x", 1, NOW, NOW)
    with pytest.raises(KeyError, match="topic bars, which is none of this producer's"):
        sink.poll()


def test_a_number_of_partitions_that_does_not_divide_the_slots_is_refused(topics):
    topics.kafka.create(topics.prefix + "trades", 3)
    sink = topics.sink(wait=False)
    with pytest.raises(ConfigError, match=rf"must divide 1024.*: {topics.prefix}trades has 3: recreate it with 1, 2"):
        pump(sink, lambda: sink.ready)
    assert (sink.ready, "must divide 1024" in sink.reason) == (False, True)


def test_statistics_tell_of_the_broker(topics):
    sink = topics.sink(properties={"statistics.interval.ms": 100})
    sink.write("trades", b"k", 0, b"x", 1, NOW, NOW)
    pump(sink, lambda: any(broker.up and broker.rtt_p99_s > 0 for broker in sink.stats().brokers.values()))
    assert list(sink.stats().brokers) == [topics.kafka.address]


def test_a_message_may_be_as_large_as_the_writer_makes_it(topics):
    sink = topics.sink(compression="none")
    writer = writer_into(sink, "block", bytes_max=900_000, records_max=1_000_000)
    write_record(writer, 0, trade(record_sequence=1, id="x" * 200), 5000)
    writer.flush_now(NOW)
    deliver(sink)
    messages = topics.messages()
    assert 890_000 < max(len(message.value()) for message in messages) <= 900_000
    assert sequences(messages, "block") == {"i0-usd": list(range(1, 5001))}


def test_what_could_not_be_delivered_before_the_end_is_counted(topics):
    sink = topics.sink(wait=False, create_topics=False)
    sink.write("trades", b"k", 0, b"x", 5, NOW, NOW)
    assert sink.close(0.1) == 5
    assert sink.stats().topics["trades"].failed == 5


def test_closing_delivers_what_is_there(topics):
    sink = topics.sink()
    for _ in range(100):
        sink.write("trades", b"k", 0, b"x" * 1000, 1, NOW, NOW)
    assert sink.close(60) == 0
    assert len(topics.messages()) == 100


@pytest.mark.parametrize(("name", "said"), [
    ("acks", "delivery without loss or disorder relies on it"),
    ("message.timeout.ms", "delivery without loss or disorder relies on it"),
    ("enable.idempotence", "delivery without loss or disorder relies on it"),
    ("compression.type", r"use sink\.kafka\.compression"),
    ("sasl.password", r"use sink\.kafka\.password_env"),
    ("no.such.property", "No such configuration property"),
])
def test_a_property_that_is_unknown_or_not_to_be_set_is_refused(name, said):
    with pytest.raises(ConfigError, match=said):
        KafkaSink(KafkaSettings(bootstrap_servers="127.0.0.1:1", properties={name: "1"}), {"trades": "block"})


def test_the_form_of_files_is_refused():
    with pytest.raises(ConfigError, match=r"topics\.trades\.mode: container is for files"):
        KafkaSink(KafkaSettings(bootstrap_servers="127.0.0.1:1"), {"trades": "container"})


def test_the_settings_choose_the_kafka_sink(topics):
    settings = SinkSettings(kind="kafka", kafka=KafkaSettings(bootstrap_servers=topics.kafka.address, partitions=1))
    sink = open_sink(settings, {"trades": TopicSettings("record")}, topics.prefix, 0, 0)
    pump(sink, lambda: sink.ready)
    assert sink.close(0) == 0


def test_how_to_speak_to_the_brokers_comes_from_the_settings():
    settings = KafkaSettings(
        bootstrap_servers="a:1,b:2", security_protocol="sasl_ssl", sasl_mechanism="SCRAM-SHA-512", username="u",
        tls_ca_file="ca.pem")
    settings._password = SecretStr("secret")
    assert client_conf(settings) == {
        "bootstrap.servers": "a:1,b:2", "security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u", "sasl.password": "secret", "ssl.ca.location": "ca.pem"}


def test_without_sasl_no_password_is_given_away():
    settings = KafkaSettings(bootstrap_servers="a:1", username="u")
    settings._password = SecretStr("secret")
    assert client_conf(settings) == {"bootstrap.servers": "a:1", "security.protocol": "plaintext"}
