"""The order and the bounds of what a sink holds, without a sink."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.sinks.outbox import BATCH_BYTES, MESSAGE_BYTES, Outbox
from ingestor.sinks.sink import Histogram

S = 1_000_000_000


SIZE = BATCH_BYTES + 10      # of one batch of put()


def outbox(bytes_max=1000 * SIZE, messages_max=100, window_bytes=1000 * SIZE, window_messages=1000) -> Outbox:
    return Outbox(bytes_max, messages_max, window_bytes, window_messages)


def put(box: Outbox, payload: bytes | list[bytes] = b"x" * 10, topic="trades", records=1, oldest=0, newest=0) -> None:
    box.put(topic, b"k", 7, payload, records, oldest, newest)


def send_all(box: Outbox) -> list[int]:
    numbers = []
    while (batch := box.next()) is not None:
        numbers.append(batch.number)
        box.sent()
    return numbers


def test_batches_come_out_in_the_order_they_went_in():
    box = outbox()
    for _ in range(5):
        put(box)
    assert send_all(box) == [1, 2, 3, 4, 5]


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
    send_all(box)
    box.acknowledge(1, 0)
    assert (box.bytes, box.full) == (3 * SIZE, True)
    box.acknowledge(2, 0)
    assert (box.bytes, box.full) == (2 * SIZE, False)


def test_it_keeps_what_it_is_given_beyond_its_bound():
    box = outbox(bytes_max=SIZE)
    for _ in range(100):
        put(box)
    assert (box.bytes, box.messages, box.records) == (100 * SIZE, 100, 100)


def test_the_window_bounds_what_is_under_way():
    box = outbox(window_bytes=2 * SIZE)
    for _ in range(3):
        put(box)
    assert send_all(box) == [1, 2]
    box.acknowledge(1, 0)
    assert send_all(box) == [3]


def test_a_batch_larger_than_the_window_goes_alone():
    box = outbox(window_bytes=2 * SIZE)
    put(box, b"x" * 3 * SIZE)
    put(box)
    assert send_all(box) == [1]
    box.acknowledge(1, 0)
    assert send_all(box) == [2]


def test_what_is_taken_back_goes_out_again_first_in_order():
    box = outbox()
    for _ in range(3):
        put(box)
    send_all(box)
    box.acknowledge(2, 0)
    put(box)
    assert box.take_back() == 2
    assert send_all(box) == [1, 3, 4]
    assert box.topics["trades"].retries == 2


def test_a_second_acknowledgement_changes_nothing():
    box = outbox()
    put(box)
    send_all(box)
    box.acknowledge(1, 0)
    box.acknowledge(1, 0)
    assert (box.topics["trades"].delivered, box.bytes, box.messages, box.records) == (1, 0, 0, 0)


def test_a_list_counts_each_message_and_what_holding_it_costs():
    box = outbox()
    put(box, [b"abc", b"de"], records=2)
    assert (box.messages, box.bytes, box.records) == (2, 5 + 2 * MESSAGE_BYTES + BATCH_BYTES, 2)


def test_what_is_given_up_is_counted_as_failed():
    box = outbox()
    put(box, records=5)
    put(box, records=3, topic="fair")
    box.next()
    box.sent()
    assert box.give_up() == 8
    assert (box.topics["trades"].failed, box.topics["fair"].failed, box.bytes) == (5, 3, 0)


def test_latency_is_counted_for_the_oldest_and_the_newest_record():
    box = outbox()
    put(box, records=10, oldest=1 * S, newest=2 * S)
    send_all(box)
    box.acknowledge(1, 3 * S)
    assert box.receive_to_ack.sum_s == pytest.approx(20)
    assert box.receive_to_ack_newest.sum_s == pytest.approx(10)


@given(st.lists(st.sampled_from(("put", "send", "acknowledge", "take back"))))
def test_nothing_is_lost_and_nothing_overtakes(steps):
    box = outbox(window_messages=4)
    put_count, delivered, under_way = 0, [], []
    for step in steps:
        if step == "put":
            put(box)
            put_count += 1
        elif step == "send" and (batch := box.next()):
            box.sent()
            assert not under_way or batch.number > under_way[-1]
            under_way.append(batch.number)
        elif step == "acknowledge" and under_way:
            delivered.append(under_way.pop(0))
            box.acknowledge(delivered[-1], 0)
        elif step == "take back":
            box.take_back()
            under_way = []
    while (rest := send_all(box)) or under_way:
        for number in under_way + rest:
            delivered.append(number)
            box.acknowledge(number, 0)
        under_way = []
    assert delivered == list(range(1, put_count + 1))
    assert (box.records, box.messages, box.bytes) == (0, 0, 0)


def test_a_duration_is_counted_below_its_bound_and_an_equal_one_too():
    histogram = Histogram((0.001, 0.01))
    for seconds in (0.0005, 0.001, 0.0011, 0.5, -1.0):
        histogram.observe(seconds)
    assert histogram.as_dict() == {"bounds": [0.001, 0.01], "counts": [3, 1, 1], "sum": pytest.approx(0.5026)}
