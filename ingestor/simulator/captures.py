"""Captured frames from files: in recorded order, cut into groups, and what they must yield.

File layout: one JSON object a line with `ts_ns`, `dir`, `conn` and `raw`; see the captures' README. A group is
what one connection of one file received of one market section; groups of a section follow each other in
file order, long files first and fixtures last. Only `in` lines are frames.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestor.decode import Decoder
from ingestor.errors import ConfigError
from ingestor.providers.registry import load
from ingestor.simulator.naming import Naming, instrument_of

DIALECTS = (
    "binance-spot", "binance-usdm", "binance-coinm", "binance-us", "coinbase-exchange", "kraken-v2", "kraken-futures",
    "bitstamp", "okx-v5", "bybit-v5", "deribit", "bitmex", "gemini", "hyperliquid")
BYBIT = "bybit-v5"
LEVELS = {"trade": "trades", "quote": "quotes", "bar": "bars", "reference": "reference"}
BYBIT_SYMBOL = re.compile(r'"topic"\s*:\s*"[\w.]*\.(\w+)"')


@dataclass(slots=True)
class Group:
    """The frames of one connection. `times_ns` are receive times, None where the file has none."""

    file: str
    connection: str
    section: str
    frames: list[bytes] = field(default_factory=list)
    times_ns: list[int | None] = field(default_factory=list)


@dataclass(slots=True)
class Yield:
    """What frames decode to. `distinct_trades` counts (section, symbol, id) once; trades without id count each."""

    frames: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    snapshot_trades: int = 0
    distinct_trades: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {"frames": self.frames, "statuses": dict(sorted(self.statuses.items())),
                "kinds": dict(sorted(self.kinds.items())), "snapshot_trades": self.snapshot_trades,
                "distinct_trades": self.distinct_trades}


@dataclass(frozen=True, slots=True)
class CapturedMarket:
    """A market that the captures hold records of, with the levels seen."""

    dialect: str
    section: str
    symbol: str
    venue: str
    naming: Naming
    levels: tuple[str, ...]


def files(folder: Path, dialect: str) -> list[Path]:
    """The captured files of a dialect, in serving order."""
    return sorted(folder.glob(f"{dialect}.*.jsonl")) + sorted((folder / "fixtures").glob(f"{dialect}.*.jsonl"))


def groups(folder: Path, dialect: str) -> list[Group]:
    """All groups of a dialect, in serving order. Raises ConfigError for a file that can't be read."""
    found: list[Group] = []
    for path in files(folder, dialect):
        found += _groups_of(path, dialect)
    return found


def dialects(folder: Path) -> list[str]:
    """The dialects that the folder has frames of. Raises ConfigError when there are none."""
    found = [dialect for dialect in DIALECTS if files(folder, dialect)]
    if not found:
        raise ConfigError(
            f"captures: no captured frames of {', '.join(DIALECTS)} in {folder}: give the folder that holds "
            "DIALECT.*.jsonl, with --captures or INGESTOR_CAPTURES")
    return found


def decoded(dialect: str, connections: Iterable[tuple[str, Sequence[bytes]]]) -> Yield:
    """What the frames of these connections, each (section, frames), yield with the state of its connection."""
    total, seen = Yield(), set()
    decoder = Decoder(dialect)
    for section, frames in connections:
        decoder.reset()
        for frame in frames:
            status, records = decoder.decode(frame)
            total.frames += 1
            total.statuses[status] += 1
            for record in records:
                total.kinds[record["kind"]] += 1
                if record["kind"] == "trade":
                    total.snapshot_trades += record["snapshot"]
                    if record["id"] is None:
                        total.distinct_trades += 1
                    else:
                        seen.add((section, record["symbol"], record["id"]))
    total.distinct_trades += len(seen)
    return total


def markets(folder: Path, wanted: Sequence[str] = ()) -> list[CapturedMarket]:
    """Every market that yields records; `wanted` dialects only, if any are named.

    Its levels are those that its provider has channels for: some send references in a channel of quotes.
    """
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for dialect in dialects(folder):
        if wanted and dialect not in wanted:
            continue
        decoder = Decoder(dialect)
        for group in groups(folder, dialect):
            decoder.reset()
            for frame in group.frames:
                for record in decoder.decode(frame)[1]:
                    levels = found.setdefault((dialect, group.section, record["symbol"]), {})
                    levels[LEVELS[record["kind"]]] = None
    return [
        CapturedMarket(dialect, section, symbol, load(dialect).venue, instrument_of(dialect, section, symbol),
                       tuple(level for level in LEVELS.values() if level in levels and level in _levels(dialect)))
        for (dialect, section, symbol), levels in sorted(found.items())]


def _levels(dialect: str) -> set[str]:
    return {channel.level for channel in load(dialect).channels}


def _groups_of(path: Path, dialect: str) -> Iterator[Group]:
    addresses: dict[str, str] = {}
    found: dict[tuple[str, str], Group] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            entry = json.loads(line)
            connection, direction = entry.get("conn", ""), entry["dir"]
            if direction == "open":
                addresses[connection] = entry.get("addr", "")
            if direction != "in":
                continue
            frame, ts_ns = entry["raw"], entry["ts_ns"]
        except (ValueError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path}: line {number} is no captured frame ({error!r}): remove the line") from error
        section = section_of(dialect, addresses.get(connection), frame)
        group = found.setdefault((connection, section), Group(path.name, connection, section))
        group.frames.append(frame.encode())
        group.times_ns.append(ts_ns)
    yield from found.values()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}: give a readable file of captured frames") from error


def section_of(dialect: str, address: str | None, frame: str) -> str:
    """The market section of a frame, by the address its connection was opened at; None: the file does not say.

    Only Bybit's URL names one. Without it: settled in a stablecoin, or in the coin itself.
    """
    if dialect != BYBIT:
        return ""
    if address is not None:
        return address.rstrip("/").rpartition("/")[2]
    found = BYBIT_SYMBOL.search(frame)
    return "inverse" if found and not re.search(r"USDT$|USDC$|PERP$", found[1]) else "linear"
