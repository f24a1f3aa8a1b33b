"""Provider servers for tests, demos and benches, over real WebSocket and gRPC.

Synthetic markets, captured frames, or a flood: see simulator.py, playback.py and blast.py.
"""

from ingestor.simulator.config import captured_config, demo_config, write_config
from ingestor.simulator.simulator import Simulator, run
from ingestor.simulator.spec import AssetSpec, BlastSpec, Fault, MarketSpec, SimulatorSpec

__all__ = [
    "AssetSpec", "BlastSpec", "Fault", "MarketSpec", "Simulator", "SimulatorSpec", "captured_config", "demo_config",
    "run", "write_config",
]
