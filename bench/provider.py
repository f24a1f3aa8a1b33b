"""The provider's process: the product's simulator, flooding with ready frames, flat out or paced.

Frames are rendered beforehand; ids rise without holes and times are those of sending, so that every frame is
news and a count proves completeness. The flood begins when the consumer has subscribed and SETTLE_S have passed.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from bench.processes import Parent
from ingestor.simulator import BlastSpec, MarketSpec, Simulator, SimulatorSpec

SETTLE_S = 0.5
RATE_UNUSED = 1.0       # of a flood, which has its own
#: One market of one venue, as each of the benches of throughput uses it.
NARROW = (MarketSpec("binance-spot", "BTCUSDT", "btc-usdt", "binance", "btc", "usdt"),)
#: Ten assets on four venues over a connection each: 51 markets, 31 instruments of the simulator's preset.
WIDE = ("binance-spot", "okx-v5", "coinbase-exchange", "kraken-v2")


class Flood(NamedTuple):
    """What to send over each connection; `rate` in frames a second, 0 for flat out, `frames` 0 for no end.

    `live` is no flood: markets that begin with the first subscription, at `rate` over all of them, without end.
    """

    frames: int
    rate: float = 0.0
    markets: str | Sequence[MarketSpec] = NARROW
    dialects: Sequence[str] = ()
    live: bool = False


def flood(parent: Parent, asked: Flood) -> None:
    """Answer (URLs by dialect, markets); when told, or when all is sent, answer what was sent; stay until the end."""
    asyncio.run(_flood(parent, asked))


async def _flood(parent: Parent, asked: Flood) -> None:
    blast = None if asked.live else BlastSpec(frames=asked.frames, rate=asked.rate)
    simulator = Simulator(SimulatorSpec(
        markets=asked.markets, dialects=asked.dialects, settle_s=SETTLE_S, blast=blast, rate=asked.rate or RATE_UNUSED))
    addresses = await simulator.start()
    try:
        parent.send((addresses, simulator.markets))
        if asked.frames:
            await simulator.wait_done()
        else:
            await asyncio.to_thread(parent.receive)
        parent.send(simulator.summary()["dialects"])
        await asyncio.to_thread(parent.wait_gone)
    finally:
        await simulator.stop()
