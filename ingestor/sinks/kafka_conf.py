"""From the settings to librdkafka's properties, and which properties are not for the settings to change."""

from typing import Any

from ingestor.errors import ConfigError
from ingestor.settings import KafkaSettings

# What the sink's promises stand on. Ordered, once, acknowledged by all replicas, and never given up:
# - a time-out of 0 is infinite; so are the retries of an idempotent producer;
# - gapless: a message that fails for good stops the producer at once, so that nothing behind it in the
#   partition overtakes it, and the acknowledgement of one message is that of all before it in its partition;
# - the queue's bounds are ours (outbox.pyx), with one order over all topics: librdkafka's own are off.
FIXED: dict[str, Any] = {
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "acks": "all",
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 0,
    "queue.buffering.max.kbytes": 2_097_151,
    "allow.auto.create.topics": False,
}

# Better than librdkafka's defaults for a stream that must be back soon after an outage.
DEFAULTS: dict[str, Any] = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "socket.keepalive.enable": True,
    "statistics.interval.ms": 5000,
    "log_level": 4,
    "client.id": "ingestor",
}

OWN_KEYS = {
    "bootstrap.servers": "bootstrap_servers", "metadata.broker.list": "bootstrap_servers",
    "compression.type": "compression", "compression.codec": "compression",
    "linger.ms": "linger_ms", "queue.buffering.max.ms": "linger_ms",
    "security.protocol": "security_protocol", "sasl.mechanism": "sasl_mechanism", "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "username", "sasl.password": "password_env", "ssl.ca.location": "tls_ca_file",
}
REFUSED = {
    *FIXED, "request.required.acks", "delivery.timeout.ms", "retries", "message.send.max.retries", "transactional.id",
    "partitioner", "delivery.report.only.error", "queuing.strategy", "log.queue",
}


def client_conf(settings: KafkaSettings) -> dict[str, Any]:
    """What any client of this cluster needs: where it is and how to speak to it."""
    conf: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "security.protocol": settings.security_protocol,
    }
    if settings.security_protocol.startswith("sasl"):
        conf["sasl.mechanism"] = settings.sasl_mechanism
        conf["sasl.username"] = settings.username
        conf["sasl.password"] = settings.password.get_secret_value()
    if settings.tls_ca_file is not None:
        conf["ssl.ca.location"] = str(settings.tls_ca_file)
    return conf


def producer_conf(settings: KafkaSettings) -> dict[str, Any]:
    """All properties of the producer.

    Raises:
        ConfigError: `properties` names one that has a key of its own, or that the sink relies on.
    """
    faults = [
        f"sink.kafka.properties.{name}: has a key of its own: use sink.kafka.{OWN_KEYS[name]}"
        for name in settings.properties if name in OWN_KEYS]
    faults += [
        f"sink.kafka.properties.{name}: delivery without loss or disorder relies on it: leave it out"
        for name in settings.properties if name in REFUSED]
    if faults:
        raise ConfigError(faults)
    return {
        **DEFAULTS, **client_conf(settings), "compression.type": settings.compression, "linger.ms": settings.linger_ms,
        **settings.properties, **FIXED}
