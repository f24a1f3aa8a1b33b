"""Finding the topics, and creating those that are missing, in a thread of its own.

The client's metadata calls block; a broker may be away for long at the start. The sink asks this thread's
findings instead. It ends when all is found, or found wrong.
"""

import threading
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from ingestor.errors import ConfigError
from ingestor.settings import KafkaSettings
from ingestor.sinks.kafka_conf import client_conf

SLOTS = 1024            # control plane's number; a slot's records stay in one partition when P divides it
ASK_TIMEOUT_S = 1.0     # of one metadata request; close() waits for so long at most
ASK_AGAIN_S = 0.5
CREATE_TIMEOUT_S = 10.0

log = structlog.get_logger()


class TopicFinder:
    """Looks for topics (name without prefix -> name) until each is there with a number of partitions that fits.

    `partitions` (by name without prefix) is None until then; `reason` says what is missing; `error` what only
    a person can mend.
    """

    def __init__(self, settings: KafkaSettings, names: Mapping[str, str]) -> None:
        self.partitions: Mapping[str, int] | None = None
        self.error: ConfigError | None = None
        self.reason = f"no broker has answered yet at {settings.bootstrap_servers}"
        self._settings = settings
        self._names = names
        self._said = ""
        self._stop = threading.Event()
        try:
            conf: dict[str, Any] = {
                **client_conf(settings), "log_level": 0, "error_cb": self._on_error,
                "allow.auto.create.topics": False, "reconnect.backoff.max.ms": 1000}
            self._admin = AdminClient(conf)
        except KafkaException as error:
            raise ConfigError(f"sink.kafka: {error.args[0].str()}") from error
        self._thread = threading.Thread(target=self._look, name="kafka-topics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(ASK_TIMEOUT_S + CREATE_TIMEOUT_S)

    def _on_error(self, error: KafkaError) -> None:
        self._said = error.str()

    def _look(self) -> None:
        while not self._stop.is_set():
            try:
                found = self._ask()
                if missing := [name for name in self._names.values() if name not in found]:
                    self._want(missing)
                elif self._fit(found):
                    self.reason = ""
                    log.info("kafka_topics_found", partitions={name: found[name] for name in self._names.values()})
                    self.partitions = {topic: found[name] for topic, name in self._names.items()}
                    return
            except ConfigError as error:
                self.reason, self.error = str(error), error
                return
            except KafkaException as error:
                self._admin.poll(0)
                said = self._said or error.args[0].str()
                self.reason = f"no broker answers at {self._settings.bootstrap_servers}: {said}"
            self._stop.wait(ASK_AGAIN_S)

    def _ask(self) -> dict[str, int]:
        """Partitions by topic, of the topics that are whole."""
        metadata = self._admin.list_topics(timeout=ASK_TIMEOUT_S)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()
                if topic.error is None and topic.partitions}

    def _want(self, missing: list[str]) -> None:
        settings = self._settings
        if not settings.create_topics:
            self.reason = (f"Kafka has no topic {', '.join(missing)}: create them with {settings.partitions} "
                           "partitions, or set sink.kafka.create_topics")
            return
        self.reason = f"creating the topics {', '.join(missing)}"
        wanted = [NewTopic(name, settings.partitions, settings.replication_factor) for name in missing]
        for name, future in self._admin.create_topics(wanted, request_timeout=CREATE_TIMEOUT_S).items():
            try:
                future.result(CREATE_TIMEOUT_S)
                log.info("kafka_topic_created", topic=name, partitions=settings.partitions)
            except KafkaException as error:
                code = error.args[0].code()
                if code == KafkaError.TOPIC_ALREADY_EXISTS:     # another shard was faster
                    continue
                self.reason = f"Kafka refused to create the topic {name}: {error.args[0].str()}"
                if code in (KafkaError.INVALID_PARTITIONS, KafkaError.INVALID_REPLICATION_FACTOR,
                            KafkaError.TOPIC_EXCEPTION, KafkaError.POLICY_VIOLATION):
                    raise ConfigError(f"sink.kafka: {self.reason}") from error
                log.warning("kafka_topic_refused", topic=name, why=error.args[0].str())

    def _fit(self, found: Mapping[str, Any]) -> bool:
        wrong = [f"{name} has {found[name]}" for name in self._names.values() if SLOTS % found[name]]
        if wrong:
            raise ConfigError(
                f"Kafka: the number of partitions must divide {SLOTS}, so that a slot's records stay in one: "
                f"{', '.join(wrong)}: recreate it with 1, 2, 4 ... {SLOTS} partitions")
        return True
