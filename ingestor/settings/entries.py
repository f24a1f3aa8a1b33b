"""Read instruments and markets out of a document, whole: all that is wrong with them, or what they resolve to."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ingestor.settings.checks import conversion_faults, double_markets
from ingestor.settings.documents import Document, Keys
from ingestor.settings.faults import faults_of, nearest, told
from ingestor.settings.markets import Dialect, Instrument, InstrumentEntry, Market
from ingestor.settings.models import ProviderSettings

#: Of a version that is made here: what a double, hence Prometheus and JSON, holds exactly.
CONTENT_VERSION_MAX = (1 << 53) - 1


@dataclass
class Entries:
    """What a document says, and what is wrong with it. `markets` are those of enabled providers."""

    instruments: list[Instrument] = field(default_factory=list)
    markets: list[Market] = field(default_factory=list)
    providers: set[str] = field(default_factory=set)    # that any market names
    faults: list[str] = field(default_factory=list)


def read_entries(
    document: Document, dialects: Mapping[str, Dialect], providers: Mapping[str, ProviderSettings], *,
    readable: bool = True,
) -> Entries:
    """The entries below the key `instruments`. Not `readable`: its faults are told already."""
    found = Entries(faults=list(document.faults))
    for key in document.value:
        if key != "instruments":
            found.faults.append(told(document, (key,), f"is no known key: {nearest(key, ['instruments'])}"))
    written = document.value.get("instruments")
    if not isinstance(written, dict) or not written:
        if readable:
            what = "must be a mapping from instrument to its markets, `btc-usd: {...}`"
            found.faults.append(told(document, ("instruments",), what))
        return found
    entries: dict[str, tuple[Instrument, InstrumentEntry]] = {}
    for name, value in written.items():
        keys = ("instruments", name)
        try:
            entry = InstrumentEntry.model_validate({} if value is None else value)
        except ValidationError as error:
            found.faults += faults_of(error, document, InstrumentEntry, keys)
            continue
        try:
            entries[name] = (entry.instrument(name), entry)
        except ValueError as error:
            found.faults.append(told(document, keys, str(error)))
    found.instruments = [instrument for instrument, _ in entries.values()]
    found.faults += conversion_faults(found.instruments, list(written), document)
    _read_markets(document, entries, dialects, providers, found)
    return found


def _read_markets(
    document: Document, entries: Mapping[str, tuple[Instrument, InstrumentEntry]], dialects: Mapping[str, Dialect],
    providers: Mapping[str, ProviderSettings], found: Entries,
) -> None:
    placed: list[tuple[Keys, Market]] = []
    for name, (instrument, entry) in entries.items():
        for index, market in enumerate(entry.markets):
            keys = ("instruments", name, "markets", index)
            found.providers.add(market.provider)
            if market.provider not in dialects:
                what = f"is {market.provider!r}, no known provider: {nearest(market.provider, dialects)}"
                found.faults.append(told(document, (*keys, "provider"), what))
                continue
            dialect = dialects[market.provider]
            if fault := market.fault(dialect):
                found.faults.append(told(document, keys, fault))
            else:
                placed.append((keys, market.market(instrument, dialect)))
    found.faults += double_markets(placed, document)
    default = ProviderSettings()
    found.markets = [market for _, market in placed if providers.get(market.provider, default).enabled]


def content_version(written: Mapping[str, Any]) -> int:
    """A version for what has none of its own: the same content, in any layout, gives all shards the same one."""
    digest = hashlib.blake2b(digest_size=8)
    for name, value in sorted(written.items()):
        digest.update(json.dumps([name, value], sort_keys=True, separators=(",", ":"), default=str).encode())
    return int.from_bytes(digest.digest(), "big") & CONTENT_VERSION_MAX
