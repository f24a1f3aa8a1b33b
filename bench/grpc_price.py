"""How many Kaiko trades a second does one process take from a gRPC stream to the fair price?

A server in another process (http2_blast.py) sends ready frames, one message each; the product's gRPC door, a real
Feed and Pipeline take them. The clock runs from the first sight of data to the last message priced. The peer is
grpcio's asyncio client on the same server and messages, with the generated class as its deserialiser, which prices
nothing; it gets fewer of them, since it takes so much longer.
"""

import asyncio
import time
from typing import Any

from bench.consumer import Task, consume
from bench.http2_blast import blast
from bench.markets import kaiko as kaiko_tables
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent
from bench.websocket_price import report
from ingestor.providers.session import Subscription

COUNT = 600_000
COUNT_PEER = 30_000
COUNT_SMOKE = 2_000
RATE_SMOKE = 10_000.0   # paced: so few messages, flat out, would all be there at first sight
TURNS = 5
METHOD = "/kaikosdk.StreamTradesServiceV1/Subscribe"


def peer(parent: Parent, port: int, count: int) -> None:
    """grpcio's own asyncio client."""
    import grpc.aio
    from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1
    from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

    async def main() -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            subscribe = channel.unary_stream(METHOD, None, StreamTradesResponseV1.FromString)
            call = subscribe(StreamTradesRequestV1().SerializeToString())
            await call.read()
            begun_ns, cpu_s = time.monotonic_ns(), time.process_time()
            for _ in range(count - 1):
                await call.read()
            parent.send({"counted": count - 1, "seconds": (time.monotonic_ns() - begun_ns) / 1e9,
                         "cpu_s": time.process_time() - cpu_s})
            call.cancel()

    asyncio.run(main())


def one(port: int, count: int, ours: bool) -> dict[str, Any]:
    """One run; fails unless every message became a record."""
    task = Task("kaiko", f"grpc://127.0.0.1:{port}", count,
                (Subscription("trades", "btc-usd", "spot", "cbse", "btc-usd"),), kaiko_tables)
    with Child(consume, task) if ours else Child(peer, port, count) as consumer:
        found: dict[str, Any] = consumer.answer()
    if ours and (found["records"], found["refused"], found["gaps"]) != (count, 0, 0):
        raise AssertionError(f"{count} messages were sent, the consumer counted {found}")
    return found


def run(smoke: bool = False) -> Outcome:
    """grpc_price_msgs_per_s, the consumer's CPU a message, and grpc_price_vs_grpcio."""
    count, peer_count, rate, turns = (
        (COUNT_SMOKE, COUNT_SMOKE, RATE_SMOKE, 1) if smoke else (COUNT, COUNT_PEER, 0.0, TURNS))
    with Child(blast, count, rate) as provider:
        port = provider.answer()
        pairs = [(one(port, count, ours=True), one(port, peer_count, ours=False)) for _ in range(turns)]
    outcome = Outcome()
    name = f"{versioned('grpcio')} asyncio client + {versioned('protobuf')}, no price"
    report(outcome, "grpc_price", pairs, name)
    price = outcome.results[0]
    outcome.ratio("grpc_price_vs_grpcio", price.value, name, price.peer_value)
    return outcome
