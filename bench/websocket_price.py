"""How many messages a second does one process take from a WebSocket to the fair price?

A provider in another process sends framed bytes flat out over a loopback socket (blaster.py); a real Feed and
Pipeline take them. The clock runs from the provider's first byte to the last frame priced, CPU is the consumer's
own. The peer is the fastest thing that plain Python can do with the same socket: picows with a Python listener
that gives each payload to orjson.loads, and prices nothing. The machine's other core is the provider's.
"""

import asyncio
import time
from statistics import median
from typing import Any

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.blaster import Blast, serve
from bench.consumer import WATCH_EVERY_S, binance_task, consume
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent

DIALECT = "binance-spot"
COUNT = 600_000
COUNT_SMOKE = 2_000
TURNS = 5


class Counter(WSListener):
    """The peer: parse, count, forget."""

    def __init__(self) -> None:
        self.count = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, b'{"method":"SUBSCRIBE","params":[],"id":1}')

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        orjson.loads(frame.get_payload_as_memoryview())
        self.count += 1


def peer(parent: Parent, port: int, count: int) -> None:
    """picows and orjson.loads, on asyncio's own loop."""

    async def main() -> None:
        transport, listener = await ws_connect(Counter, f"ws://127.0.0.1:{port}/stream")
        while not listener.count:
            await asyncio.sleep(WATCH_EVERY_S)
        parent.send("live")
        controls, cpu_s = listener.count, time.process_time()
        while listener.count - controls < count:
            await asyncio.sleep(WATCH_EVERY_S)
        parent.send({"frames": listener.count - controls, "priced_ns": time.monotonic_ns(),
                     "cpu_s": time.process_time() - cpu_s})
        transport.disconnect()
        await transport.wait_disconnected()

    asyncio.run(main())


def one(count: int, ours: bool) -> dict[str, Any]:
    """One run: seconds, CPU seconds, and what the consumer counted. Fails unless all frames became records."""
    with Child(serve, Blast(DIALECT, count)) as provider:
        port = provider.answer()
        with Child(consume, binance_task(DIALECT, port, count)) if ours else Child(peer, port, count) as consumer:
            consumer.answer()   # live
            provider.tell("begin")
            sent = provider.answer()
            found: dict[str, Any] = consumer.answer()
    if found["frames"] != count or (ours and (found["records"], found["refused"], found["gaps"]) != (count, 0, 0)):
        raise AssertionError(f"{count} frames were sent, the consumer counted {found}")
    return {**found, "seconds": (found["priced_ns"] - sent["begun_ns"]) / 1e9, "bytes": sent["bytes"]}


def run(smoke: bool = False) -> Outcome:
    """websocket_price_msgs_per_s, and the consumer's CPU a message."""
    count, turns = (COUNT_SMOKE, 1) if smoke else (COUNT, TURNS)
    pairs = [(one(count, ours=True), one(count, ours=False)) for _ in range(turns)]
    ours, theirs = (min((pair[side] for pair in pairs), key=lambda each: each["seconds"]) for side in (0, 1))
    name = f"{versioned('picows')} listener in Python + {versioned('orjson')}, no price"
    outcome = Outcome()
    outcome.rate("websocket_price_msgs_per_s", count / ours["seconds"], "msgs/s", name, count / theirs["seconds"])
    outcome.cost("websocket_price_cpu_us", ours["cpu_s"] / count * 1e6, "us/msg", name, theirs["cpu_s"] / count * 1e6)
    for side, each in enumerate(("ours", "peer")):
        outcome.details[each] = {
            "msgs_per_s": [round(count / pair[side]["seconds"]) for pair in pairs],
            "median_msgs_per_s": round(count / median(pair[side]["seconds"] for pair in pairs)),
            "cpu_us_per_msg": [round(pair[side]["cpu_s"] / count * 1e6, 3) for pair in pairs]}
    outcome.details |= {
        "count": count, "bytes_per_msg": round(ours["bytes"] / count, 1), "evaluations": ours["evaluations"],
        "evaluations_per_s": round(ours["evaluations"] / ours["seconds"]), "fairs": ours["fairs"]}
    return outcome
