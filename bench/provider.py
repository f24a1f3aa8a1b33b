"""The provider's process: the product's simulator, flooding one market with ready frames, flat out or paced.

Frames are rendered beforehand; ids rise without holes and times are those of sending, so that every frame is
news and a count proves completeness. The flood begins when the consumer has subscribed and SETTLE_S have passed.
"""

import asyncio
from typing import NamedTuple

from bench.processes import Parent
from ingestor.simulator import BlastSpec, MarketSpec, Simulator, SimulatorSpec

SETTLE_S = 0.5


class Flood(NamedTuple):
    """What to send; `rate` in frames a second, 0 for flat out."""

    dialect: str
    count: int
    rate: float = 0.0


def flood(parent: Parent, asked: Flood) -> None:
    """Answer the URL; flood the first subscriber; answer what was sent; stay until the driver goes."""
    asyncio.run(_flood(parent, asked))


async def _flood(parent: Parent, asked: Flood) -> None:
    market = MarketSpec(asked.dialect, "BTCUSDT", "btc-usdt", "binance", "btc", "usdt")
    simulator = Simulator(SimulatorSpec(
        markets=(market,), blast=BlastSpec(frames=asked.count, rate=asked.rate), settle_s=SETTLE_S))
    addresses = await simulator.start()
    try:
        parent.send(addresses[asked.dialect])
        await simulator.wait_done()
        parent.send(simulator.summary()["dialects"][asked.dialect])
        await asyncio.to_thread(parent.wait_gone)
    finally:
        await simulator.stop()
