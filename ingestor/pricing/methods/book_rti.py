"""CME CF real-time index: mid prices at rising volume of one joined book, weighted exponentially.

Of each volume v = s, 2s, ... the marginal ask and bid, their middle and the relative half spread; up to the largest v
whose half spread stays within D (at least s), the middles are averaged with weights lambda e^(-lambda v).
Two readings of lambda are public: 1/(0.3 v_T) (guide of 2017) and 1/0.37 (re-implementations of guide v16.x); both
are given. Source: https://www.cmegroup.com/education/cme-cf-cryptocurrency-real-time-index-methodology.html
(read 2026-11). Needs depth, which our records do not have: only evaluate() serves it.
"""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from ingestor.errors import ConfigError
from ingestor.pricing import inputs

LEVELS_MAX = 10_000
GRID_MAX = 100_000      # volumes looked at
RELATIVE_DEPTH = 0.3    # lambda is 1 / (this x v_T)
ABSOLUTE_DEPTH = 0.37   # lambda is 1 / this
#: A half spread is within D, and a level is deep enough, but for rounding.
SLACK = 1e-12


def book_rti(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """`utilized_depth` v_T, `mid_curve` [volume, mid] up to it, and the index for both readings of lambda.

    `bids` fall, `asks` rise: [price, size], sizes at most `order_size_cap` when that is given.
    """
    where = "book_rti: input"
    inputs.allowed(params, ("spacing", "deviation"), "book_rti: params")
    spacing = inputs.positive(params.get("spacing", 1), "book_rti: params.spacing")
    deviation = inputs.positive(params.get("deviation", 0.005), "book_rti: params.deviation")
    cap = given.get("order_size_cap")
    most = None if cap is None else inputs.positive(cap, f"{where}.order_size_cap")
    bids, asks = _side(given, "bids", most, -1, where), _side(given, "asks", most, 1, where)
    if bids[0][0] > asks[0][0]:
        raise ConfigError(f"{where} has bid {bids[0][0]:g} above ask {asks[0][0]:g}: a crossed book has no index")
    curve = _curve(bids, asks, spacing, deviation)
    if not curve:
        raise ConfigError(f"{where} is thinner than the spacing of {spacing:g}: give more depth, or a smaller spacing")
    depth = curve[-1][0]
    return {"utilized_depth": depth, "mid_curve": [list(point) for point in curve],
            "rti_lambda_rel_0p3": _weighted(curve, 1 / (RELATIVE_DEPTH * depth)),
            "rti_lambda_abs_1_over_0p37": _weighted(curve, 1 / ABSOLUTE_DEPTH)}


def _side(given: Mapping[str, object], key: str, most: float | None, direction: int,
          where: str) -> list[tuple[float, float]]:
    """(price, cumulative size), the best first."""
    found: list[tuple[float, float]] = []
    rows = inputs.items(given, key, where)
    if not 1 <= len(rows) <= LEVELS_MAX:
        raise ConfigError(f"{where}.{key} has {len(rows)} levels: give 1 to {LEVELS_MAX}")
    total = 0.0
    for i, row in enumerate(rows):
        level = inputs.several({"level": row}, "level", f"{where}.{key}[{i}]", inputs.positive)
        if len(level) != 2:
            raise ConfigError(f"{where}.{key}[{i}] is {row!r}: give [price, size]")
        if found and (level[0] - found[-1][0]) * direction < 0:
            raise ConfigError(f"{where}.{key}[{i}] has {level[0]:g} after {found[-1][0]:g}: give the best price first")
        total += level[1] if most is None else min(level[1], most)
        found.append((level[0], total))
    return found


def _curve(bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]], spacing: float,
           deviation: float) -> list[tuple[float, float]]:
    """(volume, mid) up to the utilised depth; the first whatever its spread."""
    curve: list[tuple[float, float]] = []
    bid = ask = 0
    for step in range(1, GRID_MAX + 1):
        volume = step * spacing
        while bid < len(bids) and bids[bid][1] < volume * (1 - SLACK):
            bid += 1
        while ask < len(asks) and asks[ask][1] < volume * (1 - SLACK):
            ask += 1
        if bid == len(bids) or ask == len(asks):
            break
        mid = (bids[bid][0] + asks[ask][0]) / 2
        if curve and asks[ask][0] / mid - 1 > deviation + SLACK:
            break
        curve.append((volume, mid))
    return curve


def _weighted(curve: Sequence[tuple[float, float]], decay: float) -> float:
    weights = [exp(-decay * (volume - curve[0][0])) for volume, _ in curve]
    return sum(weight * mid for weight, (_, mid) in zip(weights, curve, strict=True)) / sum(weights)
