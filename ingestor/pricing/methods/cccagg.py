"""CryptoCompare's old index: the 24 h share of volume times the last trade, a venue losing weight while it is silent.

Source: CryptoCompare's guide "how does our cryptocurrency index work" (stored copy, read 2026-11): after 5 minutes a
share counts 0.8, after 10 0.6, after 15 0.4, after 20 0.2, after 25 0.01. A mean of last trades: one bad venue
moves it (pricing.md 1.4).
"""

from collections.abc import Mapping

from ingestor.errors import ConfigError
from ingestor.pricing import inputs

PENALTY: Mapping[str, object] = {">5": 0.8, ">10": 0.6, ">15": 0.4, ">20": 0.2, ">25": 0.01}


def cccagg_legacy(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`price` from `exchanges` of volume_share, last and age_min; `penalty` maps ">minutes" to a factor."""
    where = "cccagg_legacy: input"
    inputs.allowed(params, (), "cccagg_legacy: params")
    steps = _steps(inputs.mapping(given.get("penalty", PENALTY), f"{where}.penalty"), f"{where}.penalty")
    weighted = total = 0.0
    for i, row in enumerate(inputs.items(given, "exchanges", where)):
        place = f"{where}.exchanges[{i}]"
        exchange = inputs.mapping(row, place)
        age = inputs.field(exchange, "age_min", place, inputs.share)
        weight = inputs.field(exchange, "volume_share", place, inputs.share)
        weight *= next((factor for minutes, factor in steps if age > minutes), 1.0)
        weighted += weight * inputs.field(exchange, "last", place, inputs.positive)
        total += weight
    if not total > 0:
        raise ConfigError(f"{where}.exchanges have no volume: give at least one with a volume_share above 0")
    return {"price": weighted / total}


def _steps(penalty: Mapping[str, object], where: str) -> list[tuple[float, float]]:
    """(minutes, factor), the longest first."""
    found = []
    for key, factor in penalty.items():
        if not isinstance(key, str) or not key.startswith(">"):
            raise ConfigError(f"{where} has the key {key!r}: write > and minutes")
        found.append((inputs.share(key[1:], f"{where}: {key}"), inputs.share(factor, f"{where}[{key!r}]")))
    return sorted(found, reverse=True)
