"""How many Kaiko trades a second does one process take from a gRPC stream to the fair price?

A grpcio server in another process streams serialised StreamTradesResponseV1 messages; the product's gRPC door, a
real Feed and Pipeline take them. The clock runs from the first message sent to the last one priced. The peer is
grpcio's asyncio client with the generated class as its deserialiser, which prices nothing. The server is grpcio in
Python too and may be what limits both: its own CPU is in the details.
"""

import asyncio
import time
from collections.abc import Iterator
from concurrent import futures
from statistics import median
from threading import Event
from typing import Any

import grpc
import grpc.aio

from bench.consumer import Task, consume
from bench.generated import walk
from bench.markets import kaiko as kaiko_tables
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent
from ingestor.providers.provider import Subscription

COUNT = 40_000
COUNT_SMOKE = 300
TURNS = 3
METHOD = "/kaikosdk.StreamTradesServiceV1/Subscribe"


class Trades(grpc.GenericRpcHandler):
    """Kaiko's trade stream: all messages at once, when told."""

    def __init__(self, messages: list[bytes], begin: Event) -> None:
        self.messages = messages
        self.begin = begin
        self.begun_ns = 0
        self.cpu_s = 0.0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method != METHOD:
            return None
        return grpc.unary_stream_rpc_method_handler(self.stream)

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.send_initial_metadata(())
        self.begin.wait()
        self.begun_ns, self.cpu_s = time.monotonic_ns(), time.process_time()
        yield from self.messages
        self.cpu_s = time.process_time() - self.cpu_s
        while context.is_active():      # a stream that ended would be asked for again
            time.sleep(0.01)


def serve(parent: Parent, count: int) -> None:
    """Answer the port; begin when told; answer when that was."""
    frames, _ = walk("kaiko", count)
    begin = Event()
    trades = Trades([frame[1:] for frame in frames], begin)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((trades,))
    parent.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    try:
        parent.receive()
        begin.set()
        parent.receive()
        parent.send({"begun_ns": trades.begun_ns, "cpu_s": trades.cpu_s})
        parent.wait_gone()
    finally:
        server.stop(None).wait()


def peer(parent: Parent, port: int, count: int) -> None:
    """grpcio's own asyncio client."""
    from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1
    from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

    async def main() -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_stream(
                METHOD, StreamTradesRequestV1.SerializeToString, StreamTradesResponseV1.FromString)(StreamTradesRequestV1())
            await call.initial_metadata()
            parent.send("live")
            cpu_s = time.process_time()
            for _ in range(count):
                await call.read()
            parent.send({"frames": count, "priced_ns": time.monotonic_ns(), "cpu_s": time.process_time() - cpu_s})
            call.cancel()

    asyncio.run(main())


def one(count: int, ours: bool) -> dict[str, Any]:
    """One run; fails unless every message became a record."""
    with Child(serve, count) as provider:
        port = provider.answer()
        task = Task("kaiko", f"grpc://127.0.0.1:{port}", count,
                    (Subscription("trades", "btc-usd", "spot", "cbse", "btc-usd"),), kaiko_tables)
        with Child(consume, task) if ours else Child(peer, port, count) as consumer:
            consumer.answer()   # live
            provider.tell("begin")
            found: dict[str, Any] = consumer.answer()
            provider.tell("tell")
            sent = provider.answer()
    if found["frames"] != count or (ours and (found["records"], found["refused"]) != (count, 0)):
        raise AssertionError(f"{count} messages were sent, the consumer counted {found}")
    return {**found, "seconds": (found["priced_ns"] - sent["begun_ns"]) / 1e9, "server_cpu_s": sent["cpu_s"]}


def run(smoke: bool = False) -> Outcome:
    """grpc_price_msgs_per_s, and the consumer's CPU a message."""
    count, turns = (COUNT_SMOKE, 1) if smoke else (COUNT, TURNS)
    pairs = [(one(count, ours=True), one(count, ours=False)) for _ in range(turns)]
    ours, theirs = (min((pair[side] for pair in pairs), key=lambda each: each["seconds"]) for side in (0, 1))
    name = f"{versioned('grpcio')} asyncio client + {versioned('protobuf')}, no price"
    outcome = Outcome()
    outcome.rate("grpc_price_msgs_per_s", count / ours["seconds"], "msgs/s", name, count / theirs["seconds"])
    outcome.cost("grpc_price_cpu_us", ours["cpu_s"] / count * 1e6, "us/msg", name, theirs["cpu_s"] / count * 1e6)
    for side, each in enumerate(("ours", "peer")):
        outcome.details[each] = {
            "msgs_per_s": [round(count / pair[side]["seconds"]) for pair in pairs],
            "median_msgs_per_s": round(count / median(pair[side]["seconds"] for pair in pairs)),
            "cpu_us_per_msg": [round(pair[side]["cpu_s"] / count * 1e6, 2) for pair in pairs],
            "server_cpu_us_per_msg": [round(pair[side]["server_cpu_s"] / count * 1e6, 2) for pair in pairs]}
    outcome.details |= {"count": count, "evaluations": ours["evaluations"], "fairs": ours["fairs"]}
    return outcome
