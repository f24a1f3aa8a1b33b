"""How many messages a second go from a WebSocket to an acknowledged record in a real Kafka, and is any lost?

As in websocket_price.py, with a Writer and the Kafka sink behind the pipeline: idempotent, acks=all, the product's
default settings, trades and quotes in block mode and then in record mode, the fair price too. The clock runs from
the first sight of data to the last delivery report. Afterwards a stock consumer reads everything back, and every
record must stand there once, in order. The peer is confluent-kafka's own produce() of as many messages of a
record's size from memory, one delivery report each: no socket, no decoding, nothing to encode. Provider, consumer and
broker share the machine.
"""

import time
import uuid
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from bench.broker import broker, records_in
from bench.consumer import binance_task, consume
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent
from bench.provider import Flood, flood
from bench.sinks import kafka_sink
from ingestor.settings.models import Mode

DIALECT = "binance-spot"
COUNT = 400_000
COUNT_SMOKE = 2_000
RATE_SMOKE = 10_000.0
TURNS = 3
RECORD_BYTES = 110      # about what a quote takes in record mode
MODES: tuple[Mode, ...] = ("block", "record")


def one(address: str, count: int, rate: float, mode: Mode) -> dict[str, Any]:
    """One run; fails unless what the broker holds is what was sent."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}."
    with Child(flood, Flood(count, rate)) as provider:
        url = provider.answer()[0][DIALECT]
        with Child(consume, binance_task(DIALECT, url, count, partial(kafka_sink, address, mode, prefix))) as consumer:
            found: dict[str, Any] = consumer.answer()
            sent = provider.answer()[DIALECT]
    stored = {name: records_in(address, prefix + name, name, mode) for name in ("trades", "quotes")}
    trades = sum(each["trades"] for each in sent["floods"][0])
    held = (stored["trades"][0], stored["quotes"][0])
    if held != (trades, count - trades) or found["unwritten"]:
        raise AssertionError(f"{mode}: {trades} trades of {count} frames were sent, the broker holds {stored}: {found}")
    return {**found, "messages": sum(messages for _, messages in stored.values())}


def peer(parent: Parent, address: str, count: int) -> None:
    """confluent-kafka alone: produce() with a delivery report, as its documentation does."""
    topic = f"bench-peer-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 16, 1)])[topic].result(30)
    producer = Producer({
        "bootstrap.servers": address, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 1,
        "queue.buffering.max.messages": count + 1})
    payloads = [number.to_bytes(8, "big") * (RECORD_BYTES // 8) for number in range(count)]
    delivered = 0

    def report(error: KafkaError | None, message: Message) -> None:
        nonlocal delivered
        delivered += error is None

    begun_ns, cpu_s = time.monotonic_ns(), time.process_time()
    for number, payload in enumerate(payloads):
        producer.produce(topic, payload, b"btc-usdt", on_delivery=report)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush()
    if delivered != count:
        raise AssertionError(f"{delivered} of {count} messages were delivered")
    parent.send({"seconds": (time.monotonic_ns() - begun_ns) / 1e9, "cpu_s": time.process_time() - cpu_s})


def run(smoke: bool = False) -> Outcome:
    """websocket_kafka_block_msgs_per_s and websocket_kafka_record_msgs_per_s."""
    # Paced in smoke: so few frames, flat out, would all be there at first sight.
    count, rate, turns = (COUNT_SMOKE, RATE_SMOKE, 1) if smoke else (COUNT, 0.0, TURNS)
    found: dict[str, list[dict[str, Any]]] = {"block": [], "record": [], "peer": []}
    with broker() as address:
        for _ in range(turns):
            for mode in MODES:
                found[mode].append(one(address, count, rate, mode))
            with Child(peer, address, count) as child:
                found["peer"].append(child.answer())
    peer_rate = max(count / each["seconds"] for each in found["peer"])
    outcome = Outcome()
    for mode in MODES:
        rates = [each["counted"] / each["delivered_s"] for each in found[mode]]
        outcome.rate(f"websocket_kafka_{mode}_msgs_per_s", max(rates), "msgs/s",
                     f"{versioned('confluent_kafka')} produce() alone, messages/s", peer_rate)
        outcome.details[mode] = {
            "msgs_per_s": [round(rate) for rate in rates],
            "priced_msgs_per_s": [round(each["counted"] / each["seconds"]) for each in found[mode]],
            "cpu_us_per_msg": [round(each["delivered_cpu_s"] / each["counted"] * 1e6, 3) for each in found[mode]],
            "kafka_messages": [each["messages"] for each in found[mode]], "delivered": found[mode][-1]["delivered"]}
    outcome.details["peer"] = {
        "msgs_per_s": [round(count / each["seconds"]) for each in found["peer"]], "bytes": RECORD_BYTES,
        "cpu_us_per_msg": [round(each["cpu_s"] / count * 1e6, 3) for each in found["peer"]]}
    outcome.details["count"] = count
    return outcome
