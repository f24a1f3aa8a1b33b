"""Every captured frame is decoded; what it yields agrees with an independent count."""

import json
from collections import Counter
from pathlib import Path

import pytest

from ingestor.decode import Decoder

# Trades and quotes a file, as counted by the captures' own README.
COUNTS = {
    "binance-spot.cf-2021-04-05.jsonl": (1240, 5408),
    "binance-spot.hft-btcusdt-2023-04-05.jsonl": (3144, 8015),
    "binance-spot.hft-btcusdt-2024-08-08.jsonl": (2675, 10593),
    "binance-usdm.cf-2021-04.jsonl": (574, 3424),
    "binance-usdm.hft-btcusdt-2023-04-05.jsonl": (2891, 8113),
    "binance-usdm.hft-btcusdt-2024-08-08.jsonl": (1966, 9572),
    "coinbase-exchange.cf-2021-04-17.part1.jsonl": (47, 47),
}


@pytest.mark.parametrize("file", COUNTS)
def test_a_captured_file_yields_as_many_trades_and_quotes_as_were_counted_elsewhere(captures: Path, file: str) -> None:
    decoder = Decoder(file.split(".")[0])
    kinds: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    with (captures / file).open() as lines:
        for line in map(json.loads, lines):
            if line["dir"] == "open":
                decoder.reset()
            elif line["dir"] == "in":
                status, records = decoder.decode(line["raw"].encode())
                statuses[status] += 1
                kinds.update(record["kind"] for record in records)
    assert (kinds["trade"], kinds["quote"]) == COUNTS[file]
    assert set(statuses) <= {"decoded", "ignored", "control"}
