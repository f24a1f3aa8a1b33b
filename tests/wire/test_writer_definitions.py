"""What the Writer is told before the first record, and what it counts."""

import pytest

from ingestor.errors import ConfigError
from ingestor.wire.plain import write_record
from ingestor.wire.topics import TOPICS, TopicSettings
from ingestor.wire.writer import Writer
from tests.wire.kept import NOW, Kept, trade, writer_into


@pytest.fixture
def sink():
    return Kept()


def test_the_counters_add_up(sink):
    writer = writer_into(sink, records_max=10)
    write_record(writer, 0, trade(), 25)
    write_record(writer, 0, trade(price=(1, -19)))
    write_record(writer, 0, trade(price=(1, 100)))
    writer.flush_now(NOW)
    counts = writer.stats()["trades"]
    assert (counts.records, counts.batches, counts.rounded, counts.unwritable) == (26, 3, 1, 1)
    assert counts.bytes == sum(map(len, sink.payloads("trades")))


@pytest.mark.parametrize(("settings", "said"), [
    ({"mode": "conflate"}, "topics.trades.mode"),
    ({"bytes_max": 4095}, "topics.trades.bytes_max: 4095: use 4096 to 900000"),
    ({"bytes_max": 900_001}, "topics.trades.bytes_max: 900001"),
    ({"records_max": 0}, "topics.trades.records_max"),
    ({"records_max": 1_000_001}, "topics.trades.records_max"),
    ({"linger_ms": -1}, "topics.trades.linger_ms"),
    ({"linger_ms": float("nan")}, "topics.trades.linger_ms"),
])
def test_a_wrong_setting_is_named(sink, settings, said):
    with pytest.raises(ConfigError, match=said):
        Writer(sink, {"trades": TopicSettings(**settings)}, 0, 1)


def test_the_limits_themselves_are_allowed(sink):
    allowed = {
        "trades": TopicSettings("block", 0, 1, 4096), "quotes": TopicSettings("record", 60_000, 1_000_000, 900_000),
        "bars": TopicSettings("container", 5, 10, 16_000_000)}
    assert list(Writer(sink, allowed, 0, 1).stats()) == list(allowed)


def test_an_unknown_topic_is_named(sink):
    with pytest.raises(ConfigError, match="no topic trade: use trades, quotes"):
        Writer(sink, {"trade": TopicSettings()}, 0, 1)


def test_all_topics_are_known(sink):
    assert list(writer_into(sink).stats()) == list(TOPICS)


def define_until_refused(writer):
    for number in range(1000):
        writer.define_subscription(number, 0, "provider", "venue", "s" * 60, "channel")


def test_subscriptions_that_a_blocks_header_cannot_hold_are_refused_when_defined(sink):
    writer = Writer(sink, {"trades": TopicSettings(bytes_max=4096)}, 0, 1)
    writer.define_instrument(0, "btc-usd", b"btc-usd", 0)
    with pytest.raises(ConfigError, match=r"topics\.trades\.bytes_max: 4096: the subscriptions of btc-usd alone take"):
        define_until_refused(writer)


def test_a_block_with_as_many_subscriptions_as_its_header_can_hold_keeps_its_limit(sink):
    writer = Writer(sink, {"trades": TopicSettings(bytes_max=4096)}, 0, 1)
    writer.define_instrument(0, "btc-usd", b"btc-usd", 0)
    with pytest.raises(ConfigError):
        define_until_refused(writer)
    count = writer.defined()[1]
    for number in range(count):
        write_record(writer, number, trade(id="x" * 256))
    writer.flush_now(NOW)
    assert max(len(each.payload) for each in sink.written) <= 4096
    assert sum(each.records for each in sink.written) == count


def test_names_beyond_their_limit_are_refused(sink):
    writer = Writer(sink, {}, 0, 1)
    with pytest.raises(ConfigError, match="shorten them"):
        writer.define_instrument(0, "x" * 1100, b"x", 0)
    writer.define_instrument(0, "x", b"x", 0)
    with pytest.raises(ConfigError, match="shorten them"):
        writer.define_subscription(0, 0, "p", "v", "x" * 1100, "c")


def test_definitions_come_in_order(sink):
    writer = writer_into(sink, instruments=1, subscriptions=1)
    with pytest.raises(IndexError, match="the next is 1"):
        writer.define_instrument(2, "x", b"x", 0)
    with pytest.raises(IndexError, match="the next is 1"):
        writer.define_subscription(0, 0, "p", "v", "s", "c")
    with pytest.raises(IndexError, match="instrument 7, which is not defined"):
        writer.define_subscription(1, 7, "p", "v", "s", "c")


def test_instruments_may_be_added_while_batches_are_open(sink):
    writer = writer_into(sink, instruments=1, subscriptions=1)
    write_record(writer, 0, trade(record_sequence=1))
    for number in range(1, 40):
        writer.define_instrument(number, f"n{number}", b"n%d" % number, number)
        writer.define_subscription(number, number, "p", "v", "s", "c")
        write_record(writer, number, trade())
    write_record(writer, 0, trade(record_sequence=2))
    writer.flush_now(NOW)
    assert [each.records for each in sink.written] == [2] + [1] * 39
