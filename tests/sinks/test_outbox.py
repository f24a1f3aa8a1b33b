"""The order and the bounds of what a sink holds, without a sink."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.sinks.histogram import Histogram
from ingestor.sinks.outbox import BATCH_BYTES, MESSAGE_BYTES, Outbox

S = 1_000_000_000
SIZE = BATCH_BYTES + 10      # of one batch of put()


def outbox(bytes_max=1000 * SIZE, messages_max=1000, **window) -> Outbox:
    return Outbox(bytes_max, messages_max, **window)


def put(box: Outbox, payload: bytes | list[bytes] = b"x" * 10, topic="trades", records=1, oldest=0, newest=0) -> None:
    box.put(topic, b"k", 7, payload, records, oldest, newest)


def numbers(batches) -> list[int]:
    return [batch.number for batch in batches]


def test_batches_come_out_in_the_order_they_went_in_as_they_went_in():
    box = outbox()
    for payload in (b"a", [b"b", b"c"]):
        box.put("fair", b"key", 1023, payload, 2, 3, 4)
    taken = box.take()
    assert numbers(taken) == [1, 2]
    assert [(each.topic, each.key, each.slot, each.payload, each.records, each.oldest_recv_ns, each.newest_recv_ns)
            for each in taken] == [("fair", b"key", 1023, b"a", 2, 3, 4), ("fair", b"key", 1023, [b"b", b"c"], 2, 3, 4)]


def test_it_is_full_at_its_bound_of_bytes_and_not_one_byte_before():
    for less, full in ((1, False), (0, True)):
        box = outbox(bytes_max=2 * SIZE)
        put(box)
        put(box, b"x" * (10 - less))
        assert (box.bytes, box.full) == (2 * SIZE - less, full)


def test_it_is_full_at_its_bound_of_messages():
    box = outbox(messages_max=3)
    put(box, [b"", b""])
    assert not box.full
    put(box, b"")
    assert box.full


def test_it_stays_full_until_half_has_left():
    box = outbox(bytes_max=4 * SIZE)
    for _ in range(4):
        put(box)
    taken = box.take()
    box.acknowledge(taken[:1], 0)
    assert (box.bytes, box.full) == (3 * SIZE, True)
    box.acknowledge(taken[1:2], 0)
    assert (box.bytes, box.full) == (2 * SIZE, False)


def test_it_keeps_what_it_is_given_beyond_its_bound():
    box = outbox(bytes_max=SIZE)
    for _ in range(100):
        put(box)
    assert (box.bytes, box.messages, box.records) == (100 * SIZE, 100, 100)


@pytest.mark.parametrize("window", [{"window_bytes": 2 * SIZE}, {"window_messages": 2}])
def test_the_window_bounds_what_is_under_way(window):
    box = outbox(**window)
    for _ in range(3):
        put(box)
    taken = box.take()
    assert (numbers(taken), box.take()) == ([1, 2], [])
    box.acknowledge(taken[:1], 0)
    assert numbers(box.take()) == [3]


def test_a_batch_larger_than_the_window_goes_alone():
    box = outbox(window_bytes=2 * SIZE)
    put(box, b"x" * 3 * SIZE)
    put(box)
    taken = box.take()
    assert numbers(taken) == [1]
    box.acknowledge(taken, 0)
    assert numbers(box.take()) == [2]


def test_a_step_takes_about_as_much_as_it_is_asked_for():
    box = outbox()
    for _ in range(10):
        put(box)
    assert numbers(box.take(2 * SIZE)) == [1, 2]
    assert numbers(box.take(messages_max=3)) == [3, 4, 5]
    assert numbers(box.take(1)) == [6]


def test_what_is_taken_back_goes_out_again_first_in_order():
    box = outbox()
    for _ in range(3):
        put(box)
    box.acknowledge(box.take()[1:2], 0)
    put(box)
    assert box.take_back() == 2
    assert numbers(box.take()) == [1, 3, 4]
    assert box.topics()["trades"].retries == 2


def test_a_second_acknowledgement_changes_nothing():
    box = outbox()
    put(box)
    taken = box.take()
    box.acknowledge(taken, 0)
    box.acknowledge(taken, 0)
    assert (box.topics()["trades"].delivered, box.bytes, box.messages, box.records) == (1, 0, 0, 0)


def test_a_late_acknowledgement_of_what_was_taken_back_does_not_remove_it():
    box = outbox()
    put(box)
    taken = box.take()
    box.take_back()
    box.acknowledge(taken, 0)
    assert numbers(box.take()) == [1]


def test_a_list_counts_each_message_and_what_holding_it_costs():
    box = outbox()
    put(box, [b"abc", b"de"], records=2)
    assert (box.messages, box.bytes, box.records) == (2, 5 + 2 * MESSAGE_BYTES + BATCH_BYTES, 2)


@pytest.mark.parametrize("payload", ["text", ["text"], None])
def test_only_bytes_are_taken(payload):
    with pytest.raises(TypeError):
        put(outbox(), payload)


def test_a_batch_without_a_message_is_refused():
    with pytest.raises(ValueError, match="without a message to topic trades"):
        put(outbox(), [])


def test_what_is_given_up_is_counted_as_failed():
    box = outbox()
    put(box, records=5)
    box.take()
    put(box, records=3, topic="fair")
    assert box.give_up() == 8
    assert (box.topics()["trades"].failed, box.topics()["fair"].failed, box.bytes) == (5, 3, 0)


def test_latency_is_counted_for_the_oldest_and_the_newest_record():
    box = outbox()
    put(box, records=10, oldest=1 * S, newest=2 * S)
    box.acknowledge(box.take(), 3 * S)
    assert box.receive_to_ack.as_dict()["sum"] == pytest.approx(20)
    assert box.receive_to_ack_newest.as_dict()["sum"] == pytest.approx(10)


@given(st.lists(st.sampled_from(("put", "take", "acknowledge", "take back"))))
def test_nothing_is_lost_and_nothing_overtakes(steps):
    box = outbox(window_messages=4)
    puts, delivered, under_way = 0, [], []
    for step in [*steps, *["take", *["acknowledge"] * 4] * len(steps)]:
        if step == "put":
            put(box)
            puts += 1
        elif step == "take":
            under_way += box.take(messages_max=2)
            assert numbers(under_way) == sorted(numbers(under_way))
        elif step == "acknowledge" and under_way:
            delivered.append(under_way[0].number)
            box.acknowledge([under_way.pop(0)], 0)
        elif step == "take back":
            box.take_back()
            under_way = []
    assert delivered == list(range(1, puts + 1))
    assert (box.records, box.messages, box.bytes) == (0, 0, 0)


def test_a_duration_is_counted_below_its_bound_and_an_equal_one_too():
    histogram = Histogram((0.001, 0.01))
    for seconds in (0.0005, 0.001, 0.0011, 0.5, -1.0):
        histogram.observe(seconds)
    assert histogram.as_dict() == {"bounds": [0.001, 0.01], "counts": [3, 1, 1], "sum": pytest.approx(0.5026)}


@pytest.mark.parametrize("bounds", [(), (2.0, 1.0), tuple(float(i) for i in range(33))])
def test_bounds_that_a_histogram_cannot_have_are_refused(bounds):
    with pytest.raises(ValueError, match="ascending"):
        Histogram(bounds)
