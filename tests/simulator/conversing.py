"""What the simulator's tests share: an engine of every dialect, a client, and a bound on their time."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from ingestor.decode import Decoder
from ingestor.simulator import presets
from ingestor.simulator.dialects.registry import DIALECTS, traits
from ingestor.simulator.engine import STEP_NS, Engine
from ingestor.simulator.market import Market
from ingestor.simulator.spec import MarketSpec, SimulatorSpec

START_NS = 1_786_562_940_000_000_000
BOUND_S = 30.0
WS = tuple(DIALECTS)
DEMO = tuple(name for name in WS if any(market.dialect == name for market in presets.PRESETS["demo"]))

Result = TypeVar("Result")


def bounded(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end, or fail."""
    async def within() -> Result:
        return await asyncio.wait_for(work, BOUND_S)

    return asyncio.run(within())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come true soon."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def engine(
    seed: int = 1, rate: float = 5000.0, markets: list[MarketSpec] | None = None, *, bursts: bool = True,
) -> Engine:
    """An engine at a fixed moment; the demo's markets unless others are given."""
    spec = SimulatorSpec()
    return Engine(markets or presets.markets(spec), presets.assets(spec), traits, seed=seed, rate=rate,
                  start_ns=START_NS, bursts=bursts)


def happenings(running: Engine, seconds: float) -> list[Any]:
    """All happenings of so much virtual time."""
    found = []
    end_ns = running.now_ns + int(seconds * 1e9)
    while running.now_ns + STEP_NS <= end_ns:
        running.step(found)
    return found


def trouble(running: Engine, venue: str, kind: str) -> None:
    """Let a venue go wrong, or right again (empty)."""
    for market in running.markets:
        if market.spec.venue == venue:
            market.trouble, market.off_by = kind, 1.06


def plain(units: int, digits: int) -> str:
    """A decimal as records hold it: no trailing zeros, no exponent."""
    text = f"{Decimal(units).scaleb(-digits):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dialect_of(name: str, running: Engine, key: str = "") -> Any:
    """A simulated dialect over the engine's markets."""
    return DIALECTS[name](by_symbol(running, name), lambda: START_NS, key)


def by_symbol(running: Engine, name: str) -> dict[tuple[str, str], Market]:
    return {(DIALECTS[name].place(market.spec), market.spec.symbol): market for market in running.markets
            if market.spec.dialect == name}


def decode(name: str, frame: bytes) -> list[dict[str, Any]]:
    """The records of one frame, which must be good."""
    status, records = Decoder(name).decode(frame)
    assert status == "decoded", (status, frame)
    return records


def control(name: str, frame: bytes) -> Any:
    """What our session makes of a frame that the decoder calls control."""
    decoder = Decoder(name)
    status, _ = decoder.decode(frame)
    assert status == "control", (status, frame)
    return decoder.provider.session.control(frame)
