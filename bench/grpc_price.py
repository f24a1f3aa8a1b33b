"""How many Kaiko trades a second does one process take from a gRPC stream to the fair price?

A grpcio server in another process streams serialised StreamTradesResponseV1 messages; the product's gRPC door, a
real Feed and Pipeline take them. The clock runs from the first sight of data to the last message priced. The peer is
grpcio's asyncio client with the generated class as its deserialiser, which prices nothing. The server is grpcio in
Python too and may be what limits both: its own CPU is in the details.
"""

import asyncio
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import grpc.aio

from bench.consumer import Task, consume
from bench.generated import walk
from bench.markets import kaiko as kaiko_tables
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent
from bench.websocket_price import report
from ingestor.providers.session import Subscription

COUNT = 40_000
COUNT_SMOKE = 300
TURNS = 3
METHOD = "/kaikosdk.StreamTradesServiceV1/Subscribe"


class Trades(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Kaiko's trade stream: all messages at once, to each call."""

    def __init__(self, messages: list[bytes]) -> None:
        self.messages = messages
        self.cpu_s = 0.0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method != METHOD:
            return None
        return grpc.unary_stream_rpc_method_handler(self.stream)

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        begun_s = time.process_time()
        yield from self.messages
        self.cpu_s = time.process_time() - begun_s
        while context.is_active():      # a stream that ended would be asked for again
            time.sleep(0.01)


def serve(parent: Parent, count: int) -> None:
    """Answer the port; when asked, answer the CPU seconds that sending took."""
    frames, _ = walk("kaiko", count)
    trades = Trades([frame[1:] for frame in frames])    # without the byte that names the method
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((trades,))
    parent.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    try:
        parent.receive()
        parent.send(trades.cpu_s)
        parent.wait_gone()
    finally:
        server.stop(None).wait()


def peer(parent: Parent, port: int, count: int) -> None:
    """grpcio's own asyncio client."""
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


def one(count: int, ours: bool) -> dict[str, Any]:
    """One run; fails unless every message became a record."""
    with Child(serve, count) as provider:
        port = provider.answer()
        task = Task("kaiko", f"grpc://127.0.0.1:{port}", count,
                    (Subscription("trades", "btc-usd", "spot", "cbse", "btc-usd"),), kaiko_tables)
        with Child(consume, task) if ours else Child(peer, port, count) as consumer:
            found: dict[str, Any] = consumer.answer()
            provider.tell("how much")
            found["server_cpu_us_per_msg"] = round(provider.answer() / count * 1e6, 2)
    if ours and (found["records"], found["refused"]) != (count, 0):
        raise AssertionError(f"{count} messages were sent, the consumer counted {found}")
    return found


def run(smoke: bool = False) -> Outcome:
    """grpc_price_msgs_per_s, and the consumer's CPU a message."""
    count, turns = (COUNT_SMOKE, 1) if smoke else (COUNT, TURNS)
    pairs = [(one(count, ours=True), one(count, ours=False)) for _ in range(turns)]
    outcome = Outcome()
    report(outcome, "grpc_price", pairs,
           f"{versioned('grpcio')} asyncio client + {versioned('protobuf')}, no price")
    outcome.details["server_cpu_us_per_msg"] = [each["server_cpu_us_per_msg"] for pair in pairs for each in pair]
    return outcome
