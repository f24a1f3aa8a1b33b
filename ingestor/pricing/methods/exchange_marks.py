"""Marks as two exchanges make them; ours is mark_default.

`mark_binance`: median of the index with the funding due, the index with the mean basis, and the contract's last price.
Source: https://binance.com/ko/support/faq/fff6ec1b3f5845d19f1fb924644a0877 (read 2026-11).
`mark_bitmex`: the index with the funding due. Source: https://www.bitmex.com/app/fairPriceMarking (read 2026-11).
Prices are quoted ones, funding rates of one interval, positive when longs pay.
"""

from collections.abc import Mapping
from statistics import median

from ingestor.errors import ConfigError
from ingestor.pricing import inputs


def mark_binance(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`price1`, `price2` and their median with `last_price`.

    `basis_samples` are those of `n_samples` (30, one each `sample_s` 5 s): a list, or {first_29, last}.
    """
    where = "mark_binance: input"
    inputs.allowed(params, ("n_samples", "sample_s"), "mark_binance: params")
    count = inputs.positive(params.get("n_samples", 30), "mark_binance: params.n_samples")
    inputs.positive(params.get("sample_s", 5), "mark_binance: params.sample_s")
    index = inputs.field(given, "index", where, inputs.positive)
    samples = _samples(inputs.needed(given, "basis_samples", where), count, where)
    price1 = index * (1 + _funding(given, "hours_to_funding", "funding_interval_h", where))
    price2 = index + sum(samples) / count
    last = inputs.field(given, "last_price", where, inputs.positive)
    return {"price1": price1, "price2": price2, "mark": median((price1, price2, last))}


def mark_bitmex(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`fair` of a perpetual: index x (1 + funding rate x the share of its interval that is still to come)."""
    where = "mark_bitmex: input"
    inputs.allowed(params, (), "mark_bitmex: params")
    index = inputs.field(given, "index", where, inputs.positive)
    return {"fair": index * (1 + _funding(given, "minutes_to_funding", "interval_min", where))}


def _funding(given: Mapping[str, object], left: str, interval: str, where: str) -> float:
    """The funding still due, relative to the index."""
    due = inputs.field(given, left, where, inputs.share)
    whole = inputs.field(given, interval, where, inputs.positive)
    if due > whole:
        raise ConfigError(f"{where}.{left} is {due:g}, but {interval} is {whole:g}: give at most one interval")
    return inputs.field(given, "funding_rate", where, inputs.finite) * due / whole


def _samples(value: object, count: float, where: str) -> list[float]:
    if isinstance(value, Mapping):
        first = inputs.field(value, "first_29", f"{where}.basis_samples", inputs.finite)
        value = [first] * 29 + [inputs.field(value, "last", f"{where}.basis_samples", inputs.finite)]
    found = inputs.several({"basis_samples": value}, "basis_samples", where, inputs.finite)
    if len(found) != count:
        raise ConfigError(f"{where}.basis_samples has {len(found)} values, but n_samples is {count:g}: give as many")
    return found
