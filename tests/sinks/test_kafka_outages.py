"""The broker dies, is not there yet, or refuses: nothing is lost, nothing stands twice, nothing is reordered.

An outage costs a start of the broker, so each scenario runs once and several claims are made of it.
"""

import itertools
import threading
import time
from types import SimpleNamespace

import pytest

from ingestor.wire.plain import write_record
from tests.sinks.kafkas import Topics, deliver, in_background, pump, sequences
from tests.wire.kept import NOW, trade, writer_into

pytestmark = pytest.mark.kafka

INSTRUMENTS = 8


class Stream:
    """Numbered records of several instruments in both forms, a few batches a step."""

    def __init__(self, topics: Topics) -> None:
        forms = (("block", "trades"), ("record", "quotes"))
        self.sinks = {mode: topics.sink(mode, names=(topic,)) for mode, topic in forms}
        self.writers = {mode: writer_into(sink, mode, instruments=INSTRUMENTS, records_max=20)
                        for mode, sink in self.sinks.items()}
        self.written = 0

    def step(self) -> None:
        """Ten more records of each instrument, in each form."""
        for (mode, writer), instrument in itertools.product(self.writers.items(), range(INSTRUMENTS)):
            record = trade(record_sequence=self.written + 1) if mode == "block" else {
                "kind": "quote", "ts_recv_ns": NOW, "record_sequence": self.written + 1}
            write_record(writer, 2 * instrument, record, 10)
            writer.flush_now(NOW)
        self.written += 10
        for sink in self.sinks.values():
            sink.poll()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step()
            time.sleep(0.003)

    def queued(self) -> int:
        return sum(sink.stats().queue_messages for sink in self.sinks.values())


@pytest.fixture(scope="module")
def killed(kafka):
    """The broker is killed under a stream that goes on, and started again."""
    topics = Topics(kafka)
    stream = Stream(topics)
    stream.steps(20)
    kafka.kill()
    seen = SimpleNamespace(under_way=stream.queued())
    stream.steps(50)
    pump(stream.sinks["block"], lambda: stream.sinks["block"].reason != "")
    seen.ready, seen.reason = stream.sinks["block"].ready, stream.sinks["block"].reason
    starting = in_background(kafka.start)
    while starting.is_alive():
        stream.steps(2)
        time.sleep(0.2)
    starting.join()
    for sink in stream.sinks.values():
        deliver(sink)
    seen.topics, seen.written = topics, stream.written
    seen.stats = {mode: sink.stats() for mode, sink in stream.sinks.items()}
    seen.reason_after = stream.sinks["block"].reason
    yield seen
    topics.close()


@pytest.mark.parametrize(("mode", "topic"), [("block", "trades"), ("record", "quotes")])
def test_a_broker_killed_under_the_stream_loses_nothing_doubles_nothing_and_keeps_the_order(killed, mode, topic):
    found = sequences(killed.topics.messages(topic), mode, topic)
    assert found == {f"i{i}-usd": list(range(1, killed.written + 1)) for i in range(INSTRUMENTS)}


def test_the_kill_struck_while_messages_were_under_way(killed):
    assert killed.under_way > 0


def test_in_an_outage_the_sink_stays_ready_and_says_what_is_wrong(killed):
    assert killed.ready
    assert "no broker is reachable" in killed.reason
    assert killed.reason_after == ""


def test_after_an_outage_all_is_counted_as_delivered(killed):
    for mode, topic in (("block", "trades"), ("record", "quotes")):
        counts = killed.stats[mode].topics[topic]
        assert counts.delivered == counts.produced == killed.written * INSTRUMENTS
        assert counts.failed == 0


@pytest.fixture(scope="module")
def absent(kafka):
    """The broker is away when the sink is opened, while its queue fills, and comes."""
    kafka.kill()
    topics = Topics(kafka)
    began = time.monotonic()
    sink = topics.sink(wait=False, queue_bytes_max=1_000_000)
    seen = SimpleNamespace(topics=topics, opened_in_s=time.monotonic() - began, ready_at_first=sink.ready)
    pump(sink, lambda: "refused" in sink.reason)
    seen.reason, seen.full_at_first = sink.reason, sink.full
    writer = writer_into(sink, records_max=20)
    while not sink.full:
        write_record(writer, 0, trade(record_sequence=writer.stats()["trades"].records + 1), 20)
        writer.flush_now(NOW)
    seen.bytes_when_full = sink.stats().queue_bytes
    write_record(writer, 0, trade(record_sequence=writer.stats()["trades"].records + 1), 20)
    writer.flush_now(NOW)
    seen.written = writer.stats()["trades"].records
    starting = in_background(kafka.start)
    pump(sink, lambda: sink.ready)
    pump(sink, lambda: not sink.full)
    seen.bytes_when_free = sink.stats().queue_bytes
    deliver(sink)
    starting.join()
    seen.reason_after = sink.reason
    yield seen
    topics.close()


def test_a_sink_opens_at_once_without_a_broker_and_says_that_none_answers(absent, kafka):
    assert not absent.ready_at_first
    assert absent.reason.startswith(f"no broker answers at {kafka.address}: ")
    assert "Connection refused" in absent.reason


def test_the_queue_is_full_at_its_bound_and_free_again_at_half_of_it(absent):
    assert not absent.full_at_first
    assert 1_000_000 <= absent.bytes_when_full < 1_003_000
    assert absent.bytes_when_free <= 500_000


def test_what_was_written_without_a_broker_arrives_once_and_in_order_when_it_comes(absent):
    assert sequences(absent.topics.messages(), "block") == {"i0-usd": list(range(1, absent.written + 1))}
    assert absent.reason_after == ""


@pytest.fixture
def strict(topics):
    """A topic that takes small messages only, and a way to make it take all."""
    name = topics.prefix + "trades"
    topics.kafka.create(name, 1, **{"max.message.bytes": "3000"})
    return SimpleNamespace(relent=lambda: topics.kafka.alter(name, "max.message.bytes", "1000000"))


def test_messages_that_the_broker_refuses_are_produced_again_in_order_until_it_takes_them(topics, strict):
    sink = topics.sink(compression="none")
    for number, size in enumerate((10, 10, 5000, 10, 10)):
        sink.write("trades", b"k", 0, b"%d" % number + b"x" * size, 1, NOW, NOW)
    pump(sink, lambda: sink.stats().topics["trades"].retries > 0)
    assert "MSG_SIZE_TOO_LARGE" in sink.stats().topics["trades"].failures
    assert sink.stats().topics["trades"].delivered < 5
    strict.relent()
    deliver(sink)
    assert sink.stats().topics["trades"].delivered == 5
    assert in_order_with_repeats([message.value()[:1] for message in topics.messages()], b"01234")


def test_the_reason_names_what_the_broker_refuses(topics, strict):
    sink = topics.sink(compression="none")
    sink.write("trades", b"k", 0, b"x" * 5000, 1, NOW, NOW)
    pump(sink, lambda: sink.reason != "")
    assert f"{topics.prefix}trades" in sink.reason
    assert "Message size too large" in sink.reason
    assert sink.ready


def test_a_refused_message_in_the_middle_of_a_list_is_not_taken_for_delivered(topics, strict):
    sink = topics.sink("record", compression="none", properties={"batch.num.messages": 1})
    sink.write("trades", b"k", 0, [b"0", b"1", b"2" + b"x" * 5000, b"3", b"4"], 5, NOW, NOW)
    pump(sink, lambda: sink.stats().topics["trades"].retries > 0)
    assert sink.stats().topics["trades"].delivered == 0
    strict.relent()
    deliver(sink)
    assert in_order_with_repeats([message.value()[:1] for message in topics.messages()], b"01234")


def in_order_with_repeats(found, wanted):
    """Each round starts anew and goes on in order; the last one is complete."""
    values = b"".join(found)
    last = values.rindex(wanted[:1])
    rounds = [bytes([value]) for value in values[:last]]
    return values[last:] == wanted and all(
        after in (wanted[:1], bytes([before[0] + 1])) for before, after in itertools.pairwise(rounds))


def test_a_sink_that_is_closed_leaves_no_thread_behind(topics):
    before = set(threading.enumerate())
    sink = topics.sink()
    sink.write("trades", b"k", 0, b"x", 1, NOW, NOW)
    sink.close(30)
    end = time.monotonic() + 10
    while set(threading.enumerate()) - before:
        assert time.monotonic() < end
        time.sleep(0.01)
