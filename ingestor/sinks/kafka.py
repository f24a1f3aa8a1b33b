"""The Kafka sink: an idempotent producer behind an ordered outbox. Nothing given to it is lost or reordered.

A batch stays in the outbox until the broker has acknowledged it. When a delivery fails for good, or the
producer turns fatal, the producer is replaced and all that was not acknowledged is produced again, in
order; after a longer and longer wait if it fails again. What the old producer had under way may then
stand twice in the log: records carry shard, epoch and a sequence by which a reader can tell.

The partition is the slot modulo the topic's partitions. Topics are found by kafka_topics.py; until they
are, and while no broker answers, batches wait.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping

import structlog

from ingestor.errors import ConfigError
from ingestor.settings import KafkaSettings
from ingestor.sinks.kafka_conf import producer_conf
from ingestor.sinks.kafka_topics import TopicFinder
from ingestor.sinks.outbox import Outbox
from ingestor.sinks.producer import Happening, Producer, ProducerRefused
from ingestor.sinks.sink import BrokerStats, SinkStats

WINDOW_BYTES = 64 << 20         # under way in librdkafka, which copies what it is given: bounds that copy
WINDOW_MESSAGES = 500_000
STEP_BYTES = 4 << 20            # produced in one step, so that a backlog does not hold the loop for long
STEP_MESSAGES = 5_000
LAST_WORDS_S = 2.0              # a failed producer may still get acknowledgements for what is under way
AGAIN_S = 1.0                   # before a second replacement; it doubles
AGAIN_MAX_S = 30.0
SAY_AGAIN_S = 30.0              # one kind of trouble is logged so often
CLOSE_POLL_MS = 20
GAPLESS = "enable.gapless.guarantee is experimental"    # librdkafka says so of it at each start

log = structlog.get_logger()


class KafkaSink:
    """Produces batches to `topics` (name without prefix -> mode).

    `prefixes` are what the messages start with when a schema registry is used. `clock_ns` is UTC epoch ns,
    `monotonic_s` any rising clock.

    Raises:
        ConfigError: a property that librdkafka does not know, or that is not to be changed.
    """

    modes: Mapping[str, str] = {}

    def __init__(self, settings: KafkaSettings, topics: Mapping[str, str], prefix: str = "", *,
                 prefixes: Mapping[str, bytes] | None = None, clock_ns: Callable[[], int] = time.time_ns,
                 monotonic_s: Callable[[], float] = time.monotonic) -> None:
        if wrong := [name for name, mode in topics.items() if mode == "container"]:
            raise ConfigError([f"topics.{name}.mode: container is for files: use block or record" for name in wrong])
        self.prefixes: Mapping[str, bytes] = prefixes or {}
        self._names = {name: prefix + name for name in topics}
        self._clock_ns, self._monotonic_s = clock_ns, monotonic_s
        self._outbox = Outbox(settings.queue_bytes_max, settings.queue_messages_max, WINDOW_BYTES, WINDOW_MESSAGES)
        self._conf = producer_conf(settings)
        self._producer: Producer | None = self._new_producer()
        self._placed = False            # the producer knows how many partitions each topic has
        self._broken = ""               # why this producer is to be replaced
        self._broken_s = 0.0
        self._again_s = 0.0             # wait before the next replacement
        self._outage = ""
        self._outage_delivered = 0      # records that were delivered when it was told
        self._said_s: dict[str, float] = {}
        self._brokers: dict[str, BrokerStats] = {}
        self._finder = TopicFinder(settings, self._names)

    # What the worker asks.

    @property
    def outlet(self) -> Outbox:
        """Takes parcels in place of write()."""
        return self._outbox

    @property
    def full(self) -> bool:
        """At the bound of the queue, until half of it has left."""
        return self._outbox.full

    @property
    def ready(self) -> bool:
        """The topics were found. An outage later does not change it: batches wait for the broker."""
        return self._finder.partitions is not None

    @property
    def reason(self) -> str:
        """What is missing or wrong now."""
        return self._finder.reason or self._broken or self._outage

    def stats(self) -> SinkStats:
        """The counters now."""
        outbox = self._outbox
        return SinkStats(outbox.topics(), outbox.messages, outbox.bytes, outbox.receive_to_ack.as_dict(),
                         outbox.receive_to_ack_newest.as_dict(), self._brokers)

    # Producing.

    def write(self, topic: str, key: bytes, slot: int, payload: bytes | list[bytes], records: int, oldest_recv_ns: int,
              newest_recv_ns: int) -> None:
        """Keep the batch, to be produced with others of its partition."""
        self._outbox.put(topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns)

    def poll(self) -> None:
        """Go on; and say it if the topics can't be used as they are."""
        if self._finder.error is not None:
            raise self._finder.error
        self.boundary()

    def boundary(self) -> None:
        """Take acknowledgements, replace a failed producer, produce what waits."""
        self._serve()
        if self._broken:
            self._replace()
        self._produce()

    def _serve(self, timeout_ms: int = 0) -> None:
        """Take the producer's reports."""
        if self._producer is None:
            return
        happenings = self._producer.serve(self._clock_ns(), timeout_ms)
        if happenings is not None:
            for happening in happenings:
                self._on_happening(happening)
        if self._outage and self._outbox.delivered > self._outage_delivered:
            self._outage = ""
            log.info("kafka_reachable_again", queued_messages=self._outbox.messages)

    def _produce(self) -> None:
        """One step of what waits."""
        if self._producer is None or self._broken:
            return
        if not self._placed:
            if self._finder.partitions is None:
                return
            self._producer.set_partitions(self._finder.partitions)
            self._placed = True
        refused = self._producer.produce(STEP_BYTES, STEP_MESSAGES)
        if refused is not None:
            self._on_happening(refused)

    # Trouble.

    def _on_happening(self, happened: Happening) -> None:
        if happened.kind == "stats":
            self._on_stats(happened.text)
        elif happened.kind == "log":
            if GAPLESS not in happened.text and self._may_say(happened.code):
                log.warning("kafka_client_said", facility=happened.code, message=happened.text)
        elif happened.kind == "refused":
            self._outbox.note_failure(happened.topic, happened.code, happened.messages)
            self._fail(f"topic {self._names[happened.topic]}: {happened.code}: {happened.text}")
        elif happened.kind == "fatal":
            self._fail(f"{happened.code}: {happened.text}")
        elif happened.code == "_ALL_BROKERS_DOWN":
            if not self._outage:
                log.warning("kafka_unreachable", why=happened.text, queued_messages=self._outbox.messages)
                self._outage_delivered = self._outbox.delivered
            self._outage = f"no broker is reachable, {self._outbox.messages} messages wait: {happened.text}"
        elif self._may_say(happened.code):
            log.warning("kafka_trouble", code=happened.code, why=happened.text)

    def _fail(self, why: str) -> None:
        """This producer can't go on without a loss: it is to be replaced."""
        if not self._broken:
            self._broken = f"Kafka refuses what is produced: {why}"
            self._broken_s = self._monotonic_s()
            log.error("kafka_producer_failed", why=self._broken, queued_messages=self._outbox.messages)

    def _replace(self) -> None:
        """Make a new producer, once the old one has told all it knows and the wait is over."""
        waited_s, old = self._monotonic_s() - self._broken_s, self._producer
        if old is not None:
            if len(old) and waited_s < LAST_WORDS_S:
                return
            self._retire(old)
            log.warning("kafka_producing_again", batches=self._outbox.take_back(), after_s=self._again_s)
        if waited_s < self._again_s:
            return
        self._again_s = min(max(2 * self._again_s, AGAIN_S), AGAIN_MAX_S)
        self._broken = ""
        self._producer = self._new_producer()

    def _retire(self, old: Producer) -> None:
        """Drop what the producer holds; its end, which waits for its threads, is not ours to wait for.

        Its reports are taken a last time: afterwards its batches are no longer under way, or no longer there.
        """
        old.purge()
        self._serve()
        self._producer, self._placed = None, False
        threading.Thread(target=old.close, name="kafka-retire", daemon=True).start()

    def _new_producer(self) -> Producer:
        try:
            return Producer(self._conf, self._outbox, self._names)
        except ProducerRefused as error:
            raise ConfigError(f"sink.kafka.properties: {error}") from error

    def _may_say(self, kind: str) -> bool:
        now_s = self._monotonic_s()
        if now_s - self._said_s.get(kind, -SAY_AGAIN_S) < SAY_AGAIN_S:
            return False
        self._said_s[kind] = now_s
        return True

    def _on_stats(self, text: str) -> None:
        brokers = json.loads(text)["brokers"].values()
        self._brokers = {
            broker["nodename"]: BrokerStats(
                broker["state"] == "UP", broker["rtt"]["p50"] / 1e6, broker["rtt"]["p99"] / 1e6, broker["txretries"])
            for broker in brokers if broker["nodeid"] >= 0}
        if not self._broken and not self._outage:
            self._again_s = 0.0

    def close(self, timeout_s: float) -> int:
        """Deliver what is there, for at most so long; return how many records were left."""
        end_s = self._monotonic_s() + timeout_s
        while self._outbox.records and self._monotonic_s() < end_s and self._finder.error is None:
            self.boundary()
            self._serve(CLOSE_POLL_MS)
            if self._producer is None or self._broken:
                time.sleep(CLOSE_POLL_MS / 1000)
        if self._producer is not None:
            self._retire(self._producer)
        left = self._outbox.give_up()
        if left:
            log.error("kafka_records_left", records=left, why=self.reason)
        self._finder.close()
        return left
