"""How long from the start of `ingestor --shard 0` to the first fair price in a file?

The clock runs from the creation of the process to the moment a `fair` record can be read in the file of the NDJSON
sink: Python's start, the imports, the configuration, the connection and its subscription, the first quote, the price,
the writer's linger (5 ms) and the sink are in it. The provider runs already and sends 500 messages a second of one
market from the subscription on. The file is looked at each 2 ms.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

from bench.measure import Outcome
from bench.processes import Child
from bench.provider import NARROW, Flood, flood
from bench.shard import Shard

RATE = 500.0
TURNS, TURNS_SMOKE = 7, 1
LOOK_EVERY_S = 0.002
PRICED_WITHIN_S = 60.0
MARK = b'"kind":"fair"'


def one() -> float:
    """Seconds of one start."""
    live = Flood(0, RATE, NARROW, live=True)
    with tempfile.TemporaryDirectory(prefix="bench-start-") as folder, Child(flood, live) as provider:
        addresses, markets = provider.answer()
        written = Path(folder) / "records.ndjson"
        sink = {"kind": "ndjson", "ndjson": {"path": str(written)}}
        with Shard(Path(folder), addresses, markets, sink) as shard:
            while shard.process.poll() is None and time.monotonic() - shard.started_s < PRICED_WITHIN_S:
                if written.exists() and MARK in written.read_bytes().replace(b" ", b""):
                    return time.monotonic() - shard.started_s
                time.sleep(LOOK_EVERY_S)
            raise shard.failed(f"published no price, or ended, within {PRICED_WITHIN_S} s")


def run(smoke: bool = False) -> Outcome:
    """start_to_first_price_s: the best of the starts; a first one, which warms the disk's cache, is not counted."""
    one()
    turns = [one() for _ in range(TURNS_SMOKE if smoke else TURNS)]
    outcome = Outcome()
    outcome.cost("start_to_first_price_s", min(turns), "s")
    outcome.details |= {"turns_s": [round(turn, 3) for turn in turns], "median_s": round(median(turns), 3)}
    return outcome
