"""How many messages a second does one process take from a WebSocket to the fair price?

The simulator in another process floods a loopback socket with ready frames (provider.py); a real Feed and Pipeline
take them. The clock runs from the first sight of data to the last frame priced, what was seen by then not counted;
CPU is the consumer's own. The peer is the fastest thing that plain Python can do with the same socket: picows with
a Python listener that gives each payload to orjson.loads, and prices nothing. The machine's other core is the
provider's.
"""

import asyncio
import time
from statistics import median
from typing import Any

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.consumer import binance_task, consume
from bench.measure import Outcome, versioned
from bench.processes import Child, Parent
from bench.provider import Flood, flood

DIALECT = "binance-spot"
COUNT = 600_000
COUNT_SMOKE = 2_000
RATE_SMOKE = 10_000.0
TURNS = 5
SUBSCRIBE = b'{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker"],"id":1}'


class Listener(WSListener):
    """The peer: parse, count, forget."""

    def __init__(self, count: int, done: asyncio.Event) -> None:
        self.left = count + 1   # and the acknowledgement
        self.done = done
        self.begun_ns = 0
        self.cpu_s = 0.0

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, SUBSCRIBE)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        orjson.loads(frame.get_payload_as_memoryview())
        self.left -= 1
        if self.begun_ns == 0:
            self.begun_ns, self.cpu_s = -1, 0.0     # the acknowledgement
        elif self.begun_ns < 0:
            self.begun_ns, self.cpu_s = time.monotonic_ns(), time.process_time()
        elif self.left == 0:
            self.done.set()


def peer(parent: Parent, url: str, count: int) -> None:
    """picows and orjson.loads, on asyncio's own loop."""

    async def main() -> None:
        done = asyncio.Event()
        listener = Listener(count, done)
        transport, _ = await ws_connect(lambda: listener, f"{url}/stream")
        await done.wait()
        parent.send({"counted": count, "seconds": (time.monotonic_ns() - listener.begun_ns) / 1e9,
                     "cpu_s": time.process_time() - listener.cpu_s})
        transport.disconnect()
        await transport.wait_disconnected()

    asyncio.run(main())


def one(count: int, rate: float, ours: bool) -> dict[str, Any]:
    """One run: seconds, CPU seconds, and what the consumer counted. Fails unless all frames became records."""
    with Child(flood, Flood(count, rate)) as provider:
        url = provider.answer()[0][DIALECT]
        with Child(consume, binance_task(DIALECT, url, count)) if ours else Child(peer, url, count) as consumer:
            found: dict[str, Any] = consumer.answer()
            sent = provider.answer()[DIALECT]["sent"]
    if sent != count or (ours and (found["records"], found["refused"], found["gaps"]) != (count, 0, 0)):
        raise AssertionError(f"{sent} frames were sent, the consumer counted {found}")
    return found


def run(smoke: bool = False) -> Outcome:
    """websocket_price_msgs_per_s, and the consumer's CPU a message."""
    # Paced in smoke: so few frames, flat out, would all be there at first sight.
    count, rate, turns = (COUNT_SMOKE, RATE_SMOKE, 1) if smoke else (COUNT, 0.0, TURNS)
    pairs = [(one(count, rate, ours=True), one(count, rate, ours=False)) for _ in range(turns)]
    name = f"{versioned('picows')} listener in Python + {versioned('orjson')}, no price"
    outcome = Outcome()
    report(outcome, "websocket_price", pairs, name)
    return outcome


def report(outcome: Outcome, name: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]], peer_name: str) -> None:
    """<name>_msgs_per_s and <name>_cpu_us of the best turns of both sides, all turns in the details."""
    rates = [[each["counted"] / each["seconds"] for each in side] for side in zip(*pairs, strict=True)]
    costs = [[each["cpu_s"] / each["counted"] * 1e6 for each in side] for side in zip(*pairs, strict=True)]
    outcome.rate(f"{name}_msgs_per_s", max(rates[0]), "msgs/s", peer_name, max(rates[1]))
    outcome.cost(f"{name}_cpu_us", min(costs[0]), "us/msg", peer_name, min(costs[1]))
    for side, who in enumerate(("ours", "peer")):
        outcome.details[who] = {
            "msgs_per_s": [round(rate) for rate in rates[side]], "median_msgs_per_s": round(median(rates[side])),
            "cpu_us_per_msg": [round(cost, 3) for cost in costs[side]]}
    last = pairs[-1][0]
    outcome.details |= {
        "count": last["records"], "evaluations": last["evaluations"], "fairs": last["fairs"],
        "evaluations_per_s": round(last["evaluations"] / last["seconds"])}
