"""The Writer's batches: what leaves when, in what order, within which limits."""

import pytest

from ingestor.wire.plain import write_fair, write_record
from ingestor.wire.schemas import avro_long
from ingestor.wire.topics import TopicSettings
from ingestor.wire.writer import Writer
from tests.wire.kept import MS, NOW, Kept, quote, read, trade, writer_into

INT64_MAX = 2**63 - 1
BATCH_BYTES_MAX = 1 << 26


@pytest.fixture
def sink():
    return Kept()


def sequences(sink, topic="trades", mode="block"):
    """record_sequence of each record of each message."""
    if mode == "block":
        return [[each["record_sequence"] for each in read(topic, mode, payload)["records"]]
                for payload in sink.payloads(topic)]
    return [read(topic, mode, payload)["record_sequence"] for payload in sink.payloads(topic)]


# What leaves when.

def test_a_batch_waits_for_its_linger_and_leaves_at_it(sink):
    writer = writer_into(sink, linger_ms=5)
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    writer.flush_now(NOW + 5 * MS - 1, False)
    assert sink.written == []
    writer.flush_now(NOW + 5 * MS, False)
    assert len(sink.written) == 1


def test_the_linger_counts_from_the_first_record(sink):
    writer = writer_into(sink, linger_ms=5)
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    write_record(writer, 0, trade(ts_recv_ns=NOW + 4 * MS))
    assert writer.next_due_ns() == NOW + 5 * MS


def test_nothing_is_due_without_an_open_batch(sink):
    writer = writer_into(sink)
    assert writer.next_due_ns() == INT64_MAX
    write_record(writer, 0, trade())
    writer.flush_now(NOW)
    assert (writer.next_due_ns(), writer.next_due, writer.due) == (INT64_MAX, INT64_MAX, False)


def test_the_next_due_is_that_of_the_oldest_batch_that_stays(sink):
    writer = writer_into(sink, linger_ms=5)
    for instrument in (0, 1):
        write_record(writer, 2 * instrument, trade(ts_recv_ns=NOW + instrument * MS))
    writer.flush_now(NOW + 4 * MS, False)
    assert (sink.written, writer.next_due_ns()) == ([], NOW + 5 * MS)


def test_the_batches_of_a_topic_leave_together_when_the_oldest_is_due(sink):
    writer = writer_into(sink, linger_ms=4, instruments=3)
    for instrument, opened_ns in enumerate((NOW, NOW + 2 * MS, NOW + 4 * MS)):
        write_record(writer, 2 * instrument, trade(ts_recv_ns=opened_ns))
    writer.flush_now(NOW + 4 * MS, False)
    assert [each.key for each in sink.written] == [b"i0-usd", b"i1-usd", b"i2-usd"]


@pytest.mark.parametrize(("opened_ns", "taken"), [(NOW + 2 * MS, True), (NOW + 2 * MS + 1, False)])
def test_a_topic_that_leaves_takes_along_another_that_has_waited_half_as_long(sink, opened_ns, taken):
    writer = Writer(sink, dict.fromkeys(("trades", "quotes"), TopicSettings(linger_ms=4)), 0, 1)
    writer.define_instrument(0, "i", b"i", 0)
    writer.define_subscription(0, 0, "p", "v", "s", "c")
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    write_record(writer, 0, quote(ts_recv_ns=opened_ns))
    writer.flush_now(NOW + 4 * MS, False)
    assert [each.topic for each in sink.written] == ["trades", *(["quotes"] if taken else [])]


def test_a_full_batch_takes_no_other_along(sink):
    writer = writer_into(sink, linger_ms=4, records_max=2)
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    write_record(writer, 2, trade(ts_recv_ns=NOW + 3 * MS), 2)
    writer.flush_now(NOW + 3 * MS, False)
    assert [each.key for each in sink.written] == [b"i1-usd"]


def test_each_topic_has_its_own_linger(sink):
    topics = {"trades": TopicSettings(linger_ms=5), "quotes": TopicSettings(linger_ms=50)}
    writer = Writer(sink, topics, 0, 1)
    writer.define_instrument(0, "i", b"i", 0)
    writer.define_subscription(0, 0, "p", "v", "s", "c")
    write_record(writer, 0, quote())
    write_record(writer, 0, trade())
    writer.flush_now(NOW + 5 * MS, False)
    assert [each.topic for each in sink.written] == ["trades"]
    assert writer.next_due_ns() == NOW + 50 * MS


def test_a_full_batch_is_due_at_once_and_leaves_before_its_linger(sink):
    writer = writer_into(sink, records_max=3, linger_ms=1000)
    write_record(writer, 2, trade())
    write_record(writer, 0, trade(), 2)
    assert not writer.due
    write_record(writer, 0, trade())
    assert writer.due
    writer.flush_now(NOW, False)
    assert [(each.key, each.records) for each in sink.written] == [(b"i0-usd", 3)]
    assert not writer.due


def test_a_batch_full_by_bytes_is_due(sink):
    writer = writer_into(sink, bytes_max=4096, linger_ms=1000)
    write_record(writer, 0, trade(), 20)
    assert not writer.due
    write_record(writer, 0, trade(), 100)
    assert writer.due


def test_a_clock_that_stepped_back_lets_the_open_batches_leave(sink):
    writer = writer_into(sink, linger_ms=5)
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    hour_ago = NOW - 3600 * 1000 * MS
    write_record(writer, 0, trade(ts_recv_ns=hour_ago))
    assert writer.next_due_ns() <= hour_ago
    writer.flush_now(hour_ago, False)
    assert [each.records for each in sink.written] == [2]


def test_records_that_were_received_before_the_last_flush_linger_from_it(sink):
    writer = writer_into(sink, linger_ms=5)
    writer.flush_now(NOW + 20 * MS, False)
    write_record(writer, 0, trade(ts_recv_ns=NOW))
    assert writer.next_due_ns() == NOW + 25 * MS
    writer.flush_now(NOW + 24 * MS, False)
    assert sink.written == []
    writer.flush_now(NOW + 25 * MS, False)
    assert [each.oldest_recv_ns for each in sink.written] == [NOW]


def test_after_a_clock_that_stepped_back_the_linger_counts_from_the_record(sink):
    writer = writer_into(sink, linger_ms=5)
    writer.flush_now(NOW, False)
    write_record(writer, 0, trade(ts_recv_ns=NOW - 3600 * 1000 * MS))
    assert writer.next_due_ns() == NOW - 3600 * 1000 * MS + 5 * MS


def test_a_flush_of_everything_leaves_nothing(sink):
    writer = writer_into(sink, linger_ms=1000, instruments=5)
    for number in range(10):
        write_record(writer, number, trade())
        write_record(writer, number, quote())
    write_fair(writer, 3, {"price": 1.0, "ts_emit_ns": NOW})
    writer.flush_now(NOW)
    assert sum(each.records for each in sink.written) == 21
    assert {(each.topic, each.key) for each in sink.written} == {
        *((topic, b"i%d-usd" % i) for topic in ("trades", "quotes") for i in range(5)), ("fair", b"i3-usd")}


def test_batches_that_opened_first_leave_first(sink):
    writer = writer_into(sink, instruments=4, linger_ms=1)
    for instrument in (2, 0, 3, 1):
        write_record(writer, 2 * instrument, trade(ts_recv_ns=NOW))
    write_record(writer, 2, trade(ts_recv_ns=NOW + MS))
    writer.flush_now(NOW + 2 * MS, False)
    assert [each.key for each in sink.written] == [b"i2-usd", b"i0-usd", b"i3-usd", b"i1-usd"]


# Blocks.

def test_a_block_names_only_the_subscriptions_whose_records_it_holds(sink):
    writer = writer_into(sink, subscriptions=5)
    for number in (3, 1, 3):
        write_record(writer, number, trade())
    writer.flush_now(NOW)
    block = read("trades", "block", sink.payloads("trades")[0])
    assert [each["provider"] for each in block["subscriptions"]] == ["provider3", "provider1"]
    assert [each["subscription"] for each in block["records"]] == [0, 1, 0]


def test_subscriptions_take_new_places_in_the_next_block(sink):
    writer = writer_into(sink, subscriptions=3)
    for numbers in ((2, 0), (0, 1)):
        for number in numbers:
            write_record(writer, number, trade())
        writer.flush_now(NOW)
    second = read("trades", "block", sink.payloads("trades")[1])
    assert [each["provider"] for each in second["subscriptions"]] == ["provider0", "provider1"]
    assert [each["subscription"] for each in second["records"]] == [0, 1]


def test_one_subscription_has_a_place_in_each_topic_that_it_sends_to(sink):
    writer = writer_into(sink)
    write_record(writer, 1, trade())
    write_record(writer, 0, quote())
    write_record(writer, 1, quote())
    writer.flush_now(NOW)
    quotes = read("quotes", "block", sink.payloads("quotes")[0])
    assert [each["provider"] for each in quotes["subscriptions"]] == ["provider0", "provider1"]
    assert [each["subscription"] for each in quotes["records"]] == [0, 1]


def test_a_block_never_holds_more_records_than_its_limit(sink):
    writer = writer_into(sink, records_max=100)
    write_record(writer, 0, trade(record_sequence=1), 100)
    writer.flush_now(NOW)
    assert [each.records for each in sink.written] == [100]
    write_record(writer, 0, trade(record_sequence=101), 250)
    writer.flush_now(NOW)
    assert [each.records for each in sink.written] == [100, 100, 100, 50]
    assert [each for block in sequences(sink) for each in block] == list(range(1, 351))


def test_no_message_is_larger_than_its_limit_and_each_is_nearly_as_large(sink):
    writer = writer_into(sink, records_max=100_000, bytes_max=8192)
    write_record(writer, 0, trade(record_sequence=1), 1000)
    write_record(writer, 1, trade(record_sequence=1001), 1000)
    writer.flush_now(NOW)
    sizes = [len(payload) for payload in sink.payloads("trades")]
    assert max(sizes) <= 8192
    assert min(sizes[:-1]) > 8192 - 200
    assert [each for block in sequences(sink) for each in block] == list(range(1, 2001))


def test_a_piece_names_the_subscriptions_that_it_needs_and_no_later_ones(sink):
    writer = writer_into(sink, records_max=2, subscriptions=3)
    for number in (0, 0, 1, 2):
        write_record(writer, number, trade())
    writer.flush_now(NOW)
    first, second = (read("trades", "block", payload) for payload in sink.payloads("trades"))
    assert [each["provider"] for each in first["subscriptions"]] == ["provider0"]
    assert [second["subscriptions"][each["subscription"]]["provider"] for each in second["records"]] == [
        "provider1", "provider2"]


def test_a_frame_of_a_quarter_of_a_million_records_of_one_instrument_is_taken_whole(sink):
    writer = writer_into(sink)
    assert write_record(writer, 0, trade(record_sequence=1, id="x" * 40), 1 << 18) == 0
    writer.flush_now(NOW)
    assert sum(each.records for each in sink.written) == 1 << 18
    assert writer.stats()["trades"].no_room == 0


def test_beyond_the_hard_limit_records_are_refused_and_counted_and_the_rest_leaves(sink):
    writer = writer_into(sink, "container", bytes_max=1_000_000, records_max=100_000, subscriptions=1, instruments=1)
    record = trade(id="x" * 256)
    assert write_record(writer, 0, record, BATCH_BYTES_MAX // 300) == 2
    writer.flush_now(NOW)
    counts = writer.stats()["trades"]
    assert counts.no_room > 0
    assert counts.records + counts.no_room == BATCH_BYTES_MAX // 300
    assert counts.records == sum(each.records for each in sink.written)
    assert BATCH_BYTES_MAX - 2048 < counts.bytes <= BATCH_BYTES_MAX
    assert write_record(writer, 0, record) == 0


def test_a_blocks_receive_times_are_those_of_its_own_records(sink):
    writer = writer_into(sink, records_max=2)
    for ms in (5, 3, 9, 8):
        write_record(writer, 0, trade(ts_recv_ns=NOW + ms * MS))
    writer.flush_now(NOW)
    assert [(each.oldest_recv_ns - NOW, each.newest_recv_ns - NOW) for each in sink.written] == [
        (3 * MS, 5 * MS), (8 * MS, 9 * MS)]


# Records, containers, fair prices.

def test_in_record_mode_each_record_is_a_message_in_order(sink):
    writer = writer_into(sink, "record")
    for number in (1, 0, 1):
        write_record(writer, number, trade(record_sequence=10 + number))
    writer.flush_now(NOW)
    assert sequences(sink, mode="record") == [11, 10, 11]
    assert [(each.records, type(each.payload)) for each in sink.written] == [(3, list)]


def test_in_record_mode_a_list_holds_no_more_records_than_the_limit(sink):
    writer = writer_into(sink, "record", records_max=10)
    for ms in range(25):
        write_record(writer, 0, trade(record_sequence=ms, ts_recv_ns=NOW + ms * MS))
    assert writer.due
    writer.flush_now(NOW)
    assert [each.records for each in sink.written] == [10, 10, 5]
    assert sequences(sink, mode="record") == list(range(25))
    assert [(each.oldest_recv_ns - NOW) // MS for each in sink.written] == [0, 10, 20]
    assert [(each.newest_recv_ns - NOW) // MS for each in sink.written] == [9, 19, 24]


def test_a_container_piece_keeps_the_limits(sink):
    writer = writer_into(sink, "container", bytes_max=4096, records_max=1000)
    write_record(writer, 0, trade(), 100)
    writer.flush_now(NOW)
    assert max(len(each.payload) for each in sink.written) <= 4096
    assert sum(each.records for each in sink.written) == 100


def test_fair_records_of_an_instrument_are_numbered_without_holes(sink):
    writer = writer_into(sink)
    for instrument in (0, 1, 0):
        write_fair(writer, instrument, {"price": 1.0, "ts_emit_ns": NOW, "version": 50})
        writer.flush_now(NOW)
    assert sequences(sink, "fair") == [[1], [1], [2]]


def test_a_sink_may_dictate_the_form_of_a_topic(sink):
    sink.modes = {"trades": "container"}
    writer = writer_into(sink, "block")
    write_record(writer, 0, trade())
    write_record(writer, 0, quote())
    writer.flush_now(NOW)
    read("trades", "container", sink.payloads("trades")[0])
    read("quotes", "block", sink.payloads("quotes")[0])


def test_messages_start_with_the_prefix_that_the_sink_has_for_their_topic(sink):
    sink.prefixes = {"trades": b"\x00\x00\x00\x00\x07"}
    writer = writer_into(sink, "record")
    write_record(writer, 0, trade())
    write_record(writer, 0, quote())
    writer.flush_now(NOW)
    assert sink.payloads("trades")[0].startswith(b"\x00\x00\x00\x00\x07" + avro_long(3))
    assert sink.payloads("quotes")[0].startswith(b"\xc3\x01")


def test_a_topic_that_was_not_asked_for_is_not_written(sink):
    writer = Writer(sink, {"trades": TopicSettings()}, 0, 1)
    writer.define_instrument(0, "i", b"i", 0)
    writer.define_subscription(0, 0, "p", "v", "s", "c")
    assert write_record(writer, 0, quote()) == 0
    assert write_fair(writer, 0, {}) == 0
    writer.flush_now(NOW)
    assert sink.written == []
    assert list(writer.stats()) == ["trades"]


# What cannot be written.

def test_an_id_is_written_up_to_its_limit_and_refused_beyond(sink):
    writer = writer_into(sink)
    assert write_record(writer, 0, trade(id="x" * 256)) == 0
    assert write_record(writer, 0, trade(id="x" * 257)) == 1
    assert writer.stats()["trades"].unwritable == 1


@pytest.mark.parametrize("missing", ["price", "size"])
def test_a_trade_without_price_or_size_is_refused(sink, missing):
    writer = writer_into(sink)
    assert write_record(writer, 0, trade(**{missing: None})) == 1


def test_a_refused_record_leaves_no_trace_in_the_batch(sink):
    writer = writer_into(sink)
    write_record(writer, 0, trade(record_sequence=1))
    write_record(writer, 1, trade(price=(1, 100)))
    write_record(writer, 0, trade(record_sequence=2))
    writer.flush_now(NOW)
    block = read("trades", "block", sink.payloads("trades")[0])
    assert (len(block["subscriptions"]), len(block["records"])) == (1, 2)


def test_names_of_flagged_sources_that_no_message_can_hold_are_refused(sink):
    writer = Writer(sink, {"fair": TopicSettings(bytes_max=4096)}, 0, 1)
    writer.define_instrument(0, "i", b"i", 0)
    for number in range(4):
        writer.define_subscription(number, 0, f"p{number}", "v", "s" * 900, "c")
    assert write_fair(writer, 0, {}, [0, 1, 2]) == 0
    assert write_fair(writer, 0, {}, [0, 1, 2, 3]) == 1
    assert writer.stats()["fair"].unwritable == 1


def test_what_a_failing_sink_did_not_take_goes_out_later_once(sink):
    writer = writer_into(sink, records_max=2)
    write_record(writer, 0, trade(record_sequence=1), 5)
    sink.failing = True
    with pytest.raises(RuntimeError, match="broken"):
        writer.flush_now(NOW)
    sink.failing = False
    write_record(writer, 0, trade(record_sequence=6))
    writer.flush_now(NOW)
    assert sequences(sink) == [[1, 2], [3, 4], [5], [6]]
