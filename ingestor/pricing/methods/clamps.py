"""Clamps: a value is kept, brought to the nearer end of what is believed.

`clamp_to_median`: a lone source at most `band` from the median. Source: Binance P2P price-index FAQ (3 %; 1 % of
BTC and ETH), read 2026-11. `clamp_last`: the last trade brought into the touch. Source:
https://www.deribit.com/docs/mark-price/, read 2026-11.
"""

from collections.abc import Mapping

from ingestor.errors import ConfigError
from ingestor.pricing import inputs


def clamp(value: float, low: float, high: float) -> float:
    """The value, not below `low` and not above `high`."""
    return min(max(value, low), high)


def clamp_to_median(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, list[float]]:
    """`capped`: each of the `deviations` from `median`, relative, at most `band`."""
    where = "clamp_to_median: input"
    inputs.allowed(params, ("band",), "clamp_to_median: params")
    band = inputs.field(params, "band", "clamp_to_median: params", inputs.share)
    median = inputs.field(given, "median", where, inputs.positive)
    deviations = inputs.several(given, "deviations", where, inputs.finite)
    return {"capped": [median * (1 + clamp(deviation, -band, band)) for deviation in deviations]}


def clamp_last(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, list[float]]:
    """`values`: the last trade of each of the `cases`, within its bid and ask."""
    inputs.allowed(params, (), "clamp_last: params")
    found = []
    for i, row in enumerate(inputs.items(given, "cases", "clamp_last: input")):
        where = f"clamp_last: input.cases[{i}]"
        case = inputs.mapping(row, where)
        bid, ask, last = (inputs.field(case, key, where, inputs.positive) for key in ("bid", "ask", "last"))
        if bid > ask:
            raise ConfigError(f"{where} has bid {bid} above ask {ask}: give a book that is not crossed")
        found.append(clamp(last, bid, ask))
    return {"values": found}
