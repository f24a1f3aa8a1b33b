"""Every captured frame against the slow twins, and what each file holds."""

import json
from collections import Counter
from pathlib import Path

import pytest
from reference.dialect import Dialect
from reference.twins import TWINS

from ingestor.decode import Decoder

GOOD = ("decoded", "ignored", "control")

# Records a file: trades (of them replayed), quotes, references, bars. Trades and quotes agree with the captures' own
# README, but for what section 4 of the channel map says it counted otherwise: spot tickers (the binance-spot fixture),
# tickers without bid and ask (bybit-v5), `trades-all` (the okx-v5 fixture), `tu` (bitfinex), `instrument` (bitmex).
COUNTS = {
    "binance-coinm.cf-ws7": (131, 0, 7082, 0, 0),
    "binance-coinm.hft-btcusd_perp-2024-08-08": (295, 0, 4824, 0, 0),
    "binance-spot.cf-2021-04-05": (1240, 0, 5408, 0, 0),
    "binance-spot.cf-2021-04-17": (24, 0, 570, 0, 20),
    "binance-spot.hft-btcusdt-2023-04-05": (3144, 0, 8015, 0, 0),
    "binance-spot.hft-btcusdt-2024-08-08": (2675, 0, 10593, 0, 0),
    "binance-us.cf-2021-04": (188, 0, 2624, 0, 0),
    "binance-us.cf-ws3": (18, 0, 458, 0, 0),
    "binance-usdm.cf-2021-04": (574, 0, 3424, 0, 0),
    "binance-usdm.cf-ws5": (185, 0, 1959, 0, 99),
    "binance-usdm.hft-btcusdt-2023-04-05": (2891, 0, 8113, 78, 0),
    "binance-usdm.hft-btcusdt-2024-08-08": (1966, 0, 9572, 0, 0),
    "bitfinex.cf-2021-04-05": (248, 240, 58, 0, 0),
    "bitmex.cf-2021-04-05": (122, 10, 1836, 0, 0),
    "bitmex.cf-ws17": (18, 10, 429, 0, 0),
    "bitstamp.cf-2021-04-05": (32, 0, 0, 0, 0),
    "bitstamp.cf-ws19": (16, 0, 0, 0, 0),
    "bybit-v5.cf-2026-08-09.part1": (176, 0, 429, 105, 68),
    "bybit-v5.cf-ws1": (0, 0, 198, 0, 0),
    "bybit-v5.cf-ws2": (0, 0, 139, 0, 0),
    "coinbase-advanced.cf-2026-08-09.part1": (259, 200, 106, 0, 202),
    "coinbase-exchange.cf-2021-04-17.part1": (47, 10, 47, 0, 0),
    "deribit.cf-2021-04-05": (0, 0, 273, 273, 0),
    "deribit.cf-ws30": (0, 0, 92, 92, 0),
    "gemini.cf-2021-04-05": (522, 500, 0, 0, 0),
    "gemini.cf-2026-08-09": (812, 810, 0, 0, 0),
    "gemini.cf-ws36": (551, 500, 0, 0, 0),
    "hyperliquid.hft-2025-01-26.part1": (34, 0, 0, 0, 0),
    "kraken-futures.cf-ws46": (1003, 1000, 541, 0, 0),
    "kraken-v1.cf-2021-04-05-book": (0, 0, 0, 0, 0),
    "kraken-v1.cf-2021-04-05-ticker": (0, 0, 22, 0, 0),
    "kraken-v1.cf-2021-04-05-trade": (28, 0, 0, 0, 0),
    "okx-v5.cf-okx-ws1": (19, 6, 19, 0, 0),
    "okx-v5.cf-ws1": (36, 9, 46, 0, 0),
    "okx-v5.cf-ws2-dupconn": (36, 9, 47, 0, 0),
    "fixtures/binance-coinm.tardis-node": (1, 0, 0, 2, 0),
    "fixtures/binance-spot.tardis-node": (2, 0, 1, 0, 0),
    "fixtures/binance-usdm.tardis-node": (3, 0, 0, 2, 0),
    "fixtures/bitfinex.tardis-node": (1, 0, 0, 3, 0),
    "fixtures/bitmex.tardis-node": (1, 0, 5, 3, 0),
    "fixtures/bitstamp.tardis-node": (2, 0, 0, 0, 0),
    "fixtures/bybit-v5.tardis-node": (1, 0, 5, 3, 0),
    "fixtures/coinbase-exchange.tardis-node": (1, 0, 2, 0, 0),
    "fixtures/deribit.ccxt-2026-08": (2, 0, 1, 1, 0),
    "fixtures/deribit.tardis-node": (3, 0, 7, 6, 0),
    "fixtures/gemini-v3.tardis-node": (1, 0, 0, 0, 0),
    "fixtures/gemini.tardis-node": (2, 0, 0, 0, 0),
    "fixtures/hyperliquid.ccxt-2026-08": (1, 1, 0, 1, 0),
    "fixtures/hyperliquid.tardis-node": (3, 0, 1, 2, 0),
    "fixtures/kraken-futures.tardis-node": (4, 0, 3, 3, 0),
    "fixtures/kraken-v1.tardis-node": (3, 0, 1, 0, 0),
    "fixtures/kraken-v2.ccxt-2026-08": (0, 0, 2, 0, 0),
    "fixtures/kraken-v2.tardis-node": (2, 1, 1, 0, 0),
    "fixtures/okx-v5.ccxt-2026-08": (0, 0, 1, 0, 0),
    "fixtures/okx-v5.tardis-node": (2, 0, 3, 7, 0),
    "fixtures/tardis-normalized.tardis-node": (88, 0, 58, 71, 0),
}


def dialect_of(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0].removesuffix("-normalized").removesuffix("-v3")


@pytest.mark.parametrize("file", COUNTS)
def test_every_captured_frame_yields_what_the_slow_twin_yields(captures: Path, file: str) -> None:
    dialect = dialect_of(file)
    connections: dict[str, tuple[Decoder, Dialect]] = {}
    kinds: Counter[str] = Counter()
    with (captures / f"{file}.jsonl").open() as lines:
        for number, line in enumerate(map(json.loads, lines), 1):
            connection = line.get("conn", "")
            if line["dir"] == "open" or connection not in connections:
                connections[connection] = Decoder(dialect), TWINS[dialect]()
            if line["dir"] != "in":
                continue
            decoder, twin = connections[connection]
            frame, recv_ns = line["raw"].encode(), line["ts_ns"] or 0
            status, records = decoder.decode(frame, recv_ns)
            assert (status, records) == twin.decode(frame, recv_ns), f"line {number}: {frame[:200]!r}"
            assert status in GOOD
            kinds.update(record["kind"] for record in records)
            kinds["replayed"] += sum(record["kind"] == "trade" and record["snapshot"] for record in records)
    assert tuple(kinds[kind] for kind in ("trade", "replayed", "quote", "reference", "bar")) == COUNTS[file]


def test_no_captured_file_of_these_dialects_is_left_out(captures: Path) -> None:
    files = [*captures.glob("*.jsonl"), *captures.glob("fixtures/*.jsonl")]
    names = {file.relative_to(captures).with_suffix("").as_posix() for file in files}
    assert {name for name in names if dialect_of(name) in TWINS} == set(COUNTS)
