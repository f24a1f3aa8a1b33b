"""What a sink holds: batches that wait and batches that are under way, in the order they came.

The bound is soft: what is given is kept, and `full` says when to stop giving; it stays so until half of
it has left, so that the doors do not flutter. Nothing here knows a broker or a clock.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ingestor.sinks.sink import Histogram, TopicStats

UNBOUNDED = 1 << 62
# What holding a batch costs beside its bytes: objects, their headers, places in a deque and a mapping. A
# quiet market's blocks are smaller than that, and the bound is one of memory.
BATCH_BYTES = 400
MESSAGE_BYTES = 50      # of each further message in a list


@dataclass(slots=True)
class Batch:
    """The arguments of one write(), with what is counted of them."""

    number: int
    topic: str
    key: bytes
    slot: int
    payload: bytes | list[bytes]
    records: int
    oldest_recv_ns: int
    newest_recv_ns: int
    messages: int
    size: int               # bytes of memory
    attempts: int = 0


class Outbox:
    """Batches until they are acknowledged, and the counters of a sink.

    `bytes_max` and `messages_max` say when it is full; `window_bytes` and `window_messages` how much may be
    under way at once (default: all).
    """

    def __init__(self, bytes_max: int, messages_max: int, window_bytes: int = UNBOUNDED,
                 window_messages: int = UNBOUNDED) -> None:
        self._bytes_max, self._messages_max = bytes_max, messages_max
        self._window_bytes, self._window_messages = window_bytes, window_messages
        self._waiting: deque[Batch] = deque()
        self._sent: dict[int, Batch] = {}       # under way, in order
        self._sent_bytes = self._sent_messages = 0
        self._numbers = 0
        self._full = False
        self.bytes = 0
        self.messages = 0
        self.records = 0
        self.topics: dict[str, TopicStats] = {}
        self.receive_to_ack = Histogram()
        self.receive_to_ack_newest = Histogram()

    def put(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
            newest_recv_ns: int) -> None:
        """Keep what write() was given."""
        if isinstance(payload, list):
            messages = len(payload)
            size = sum(map(len, payload)) + messages * MESSAGE_BYTES + BATCH_BYTES
        else:
            messages, size = 1, len(payload) + BATCH_BYTES
        self._numbers += 1
        self._waiting.append(Batch(
            self._numbers, topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns, messages, size))
        self.bytes += size
        self.messages += messages
        self.records += records
        self.topic(topic).produced += records
        if self.bytes >= self._bytes_max or self.messages >= self._messages_max:
            self._full = True

    def topic(self, name: str) -> TopicStats:
        """The counters of one topic."""
        stats = self.topics.get(name)
        if stats is None:
            # A new mapping: whoever reads the old one in another thread goes on undisturbed.
            stats = TopicStats()
            self.topics = {**self.topics, name: stats}
        return stats

    @property
    def full(self) -> bool:
        """At a bound, and not yet half empty again."""
        if self._full and 2 * self.bytes <= self._bytes_max and 2 * self.messages <= self._messages_max:
            self._full = False
        return self._full

    def next(self) -> Batch | None:
        """The oldest batch that waits, when the window has room for it."""
        if not self._waiting:
            return None
        batch = self._waiting[0]
        if self._sent and (self._sent_bytes + batch.size > self._window_bytes
                           or self._sent_messages + batch.messages > self._window_messages):
            return None
        return batch

    def sent(self) -> None:
        """The batch that next() gave is under way."""
        batch = self._waiting.popleft()
        batch.attempts += 1
        if batch.attempts > 1:
            self.topic(batch.topic).retries += batch.messages
        self._sent[batch.number] = batch
        self._sent_bytes += batch.size
        self._sent_messages += batch.messages

    def acknowledge(self, number: int, now_ns: int) -> None:
        """The batch arrived; a second acknowledgement of one batch changes nothing."""
        batch = self._sent.pop(number, None)
        if batch is None:
            return
        self._sent_bytes -= batch.size
        self._sent_messages -= batch.messages
        self._leave(batch)
        self.topic(batch.topic).delivered += batch.records
        self.receive_to_ack.observe((now_ns - batch.oldest_recv_ns) / 1e9, batch.records)
        self.receive_to_ack_newest.observe((now_ns - batch.newest_recv_ns) / 1e9, batch.records)

    def take_back(self) -> int:
        """All that is under way waits again, before what waits, in order; how many batches."""
        count = len(self._sent)
        self._waiting.extendleft(reversed(self._sent.values()))
        self._sent.clear()
        self._sent_bytes = self._sent_messages = 0
        return count

    def give_up(self) -> int:
        """Count all that is left as failed; how many records."""
        left = self.records
        self.take_back()
        while self._waiting:
            batch = self._waiting.popleft()
            self._leave(batch)
            self.topic(batch.topic).failed += batch.records
        return left

    def _leave(self, batch: Batch) -> None:
        self.bytes -= batch.size
        self.messages -= batch.messages
        self.records -= batch.records

    def __iter__(self) -> Iterator[Batch]:
        """All batches, the oldest first."""
        yield from self._sent.values()
        yield from self._waiting
