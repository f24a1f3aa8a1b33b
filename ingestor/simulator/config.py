"""The configuration that fits a running simulator: providers' URLs, instruments and their markets.

Plain values in the shape of the configuration files (docs/CONFIGURATION.md), so that they can be written
as YAML and read by `ingestor --shard N --config FILE`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingestor.providers.registry import load
from ingestor.settings.documents import write
from ingestor.simulator.captures import CapturedMarket
from ingestor.simulator.presets import PRESETS
from ingestor.simulator.spec import MarketSpec

#: A price of these converts others; stablecoins move less than the default gate would notice.
CONVERSION_PRICING = {"gate_min": 0.001, "age_max_s": 120, "venues_min": 2}
STABLECOINS = ("usdt", "usdc")
#: The channels of Gemini's older API, which a level does not mean; it has no quotes.
GEMINI_V2 = {"trades": "l2", "bars": "candles_1m"}


def demo_config(addresses: Mapping[str, str], markets: Iterable[MarketSpec] | None = None) -> dict[str, Any]:
    """{"providers", "instruments"} for synthetic markets; without `markets` those of the demo.

    `addresses` are what Simulator.start() returned: markets of other dialects are left out.
    """
    instruments: dict[str, dict[str, Any]] = {}
    for market in PRESETS["demo"] if markets is None else markets:
        if market.dialect not in addresses:
            continue
        row: dict[str, Any] = {"provider": market.dialect, "symbol": market.symbol}
        if market.section:
            row["section"] = market.section
        if market.venue_code:
            row |= {"venue": market.venue, "venue_code": market.venue_code}
        entry = instruments.setdefault(market.instrument, {"inverse": True} if market.inverse else {})
        entry.setdefault("markets", []).append(row)
        if market.base in STABLECOINS and market.quote == "usd":
            entry["pricing"] = dict(CONVERSION_PRICING)
    for name, entry in instruments.items():
        others = _priced_with(name, instruments)
        if others:
            entry["priced_with"] = others
    return {"providers": providers(addresses), "instruments": instruments}


def captured_config(addresses: Mapping[str, str], markets: Iterable[CapturedMarket]) -> dict[str, Any]:
    """The same for captured frames: each symbol that yields records, with the levels it yields."""
    instruments: dict[str, dict[str, Any]] = {}
    for market in markets:
        row: dict[str, Any] = {"provider": market.dialect, "symbol": market.symbol}
        if market.dialect == "gemini" and market.symbol.isupper():
            row["channels"] = [GEMINI_V2[level] for level in market.levels]
        else:
            row["levels"] = list(market.levels)
        if market.section:
            row["section"] = market.section
        entry = instruments.setdefault(market.naming.id, {"inverse": True} if market.naming.inverse else {})
        entry.setdefault("markets", []).append(row)
    # What was captured has expired since, and comes as if it were of today.
    return {"providers": providers(addresses), "instruments": instruments, "reference": {"expired": "keep"}}


def providers(addresses: Mapping[str, str]) -> dict[str, Any]:
    """The providers' sections: no limit on how often a simulator is connected to, and its own history."""
    found: dict[str, Any] = {}
    for name, url in addresses.items():
        found[name] = {"enabled": True, "url": url, "limits": {"connects_per_minute_max": 0}}
        history = load(name).session.history
        if history is not None and history.transport == "http":
            parts = urlsplit(url)
            scheme = "https" if parts.scheme == "wss" else "http"
            found[name]["history_url"] = f"{scheme}://{parts.netloc}"
    return found


def write_config(path: Path, document: Mapping[str, Any], **settings: Any) -> None:
    """Write FILE, and its instruments to `FILE`'s stem + `.instruments.yaml` beside it.

    `settings` are further sections, such as sink={"kind": "null"}, beside those of the document. Raises OSError.
    """
    rows = path.with_name(f"{path.stem}.instruments.yaml")
    write(rows, {"instruments": document["instruments"]}, "The markets of a running simulator.")
    write(path, {**document, "instruments": rows.name, **settings},
          "Made by `ingestor simulate` for the simulator that runs now: its ports are in here.")


def _priced_with(name: str, instruments: Mapping[str, Any]) -> list[str]:
    """btc-usd is priced with btc-usdt where there is a price of usdt-usd."""
    base, _, quote = name.partition("-")
    if quote != "usd" or base in STABLECOINS:
        return []
    return [f"{base}-{coin}" for coin in STABLECOINS
            if f"{base}-{coin}" in instruments and f"{coin}-usd" in instruments]
