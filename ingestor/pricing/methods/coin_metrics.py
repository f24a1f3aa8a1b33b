"""Coin Metrics: the mean interval between trades, and the hourly rate of 61 one-minute medians.

Source: github:coinmetrics/product-docs, docs/market-data/methodologies/coin-metrics-prices-methodology.md (v1.24,
read 2026-11), with Appendix B for the weights. The published weights sum to 0.999986: the rate is normalised.
The real-time rate runs in the stream: cm_realtime.pxd.
"""

from collections.abc import Mapping
from itertools import pairwise

from ingestor.errors import ConfigError
from ingestor.pricing import inputs

MINUTES = 61
SLOPE = 0.000526        # weight of minute i is i times this, but for the last two
LAST_TWO = 0.05
INACTIVE_INTERVALS = 100    # a market without a trade for so many mean intervals is inactive

RAMP = "interval i has price 100+i"
RULE = "w_i=0.000526*i for i=0..58; w_59=w_60=0.05"


def mean_interval(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`mean_s` between the trades at `times_s`, which rise, and the silence after which a market is inactive."""
    where = "mean_interval: input"
    inputs.allowed(params, (), "mean_interval: params")
    times = inputs.several(given, "times_s", where, inputs.finite)
    if len(times) < 2:
        raise ConfigError(f"{where}.times_s has one time: give at least two")
    for before, after in pairwise(times):
        if after < before:
            raise ConfigError(f"{where}.times_s has {after:g} after {before:g}: sort it")
    mean = (times[-1] - times[0]) / (len(times) - 1)
    return {"mean_s": mean, "cutoff_100x_s": INACTIVE_INTERVALS * mean}


def weights() -> list[float]:
    """Of the 61 minutes, the oldest first, as published."""
    return [SLOPE * minute for minute in range(MINUTES - 2)] + [LAST_TWO, LAST_TWO]


def cm_hourly(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """The rate from each minute's volume-weighted median: `raw`, and `normalised` by the sum of the weights.

    `input.vwm` is the list of the 61, the oldest first, null for a minute without trades, which then takes the next
    one's value (the last the one before); or the text of the published example. `input.rule` is that of the weights.
    """
    where = "cm_hourly: input"
    inputs.allowed(params, (), "cm_hourly: params")
    if given.get("rule", RULE) != RULE:
        raise ConfigError(f"{where}.rule is {given['rule']!r}: it can only be {RULE!r}")
    medians = _medians(given, where)
    published = weights()
    raw = sum(weight * median for weight, median in zip(published, medians, strict=True))
    return {"weight_sum": sum(published), "raw": raw, "normalised": raw / sum(published)}


def _medians(given: Mapping[str, object], where: str) -> list[float]:
    if given.get("vwm") == RAMP:
        return [100.0 + minute for minute in range(MINUTES)]
    rows = inputs.items(given, "vwm", where)
    if len(rows) != MINUTES:
        raise ConfigError(f"{where}.vwm has {len(rows)} minutes: give {MINUTES}, null for one without trades")
    found = [None if row is None else inputs.positive(row, f"{where}.vwm[{i}]") for i, row in enumerate(rows)]
    if found[-1] is None:
        found[-1] = next((each for each in reversed(found) if each is not None), None)
    if found[-1] is None:
        raise ConfigError(f"{where}.vwm has no minute with trades: an empty hour repeats the rate before it")
    filled = [found[-1]]
    for each in reversed(found[:-1]):
        filled.append(filled[-1] if each is None else each)
    return filled[::-1]
