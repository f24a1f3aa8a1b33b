"""Textbook estimators: size-weighted mid, Hampel filter, one step of Huber's location, local-level Kalman filter.

Sources (pricing.md 1.8, read 2026-11): weighted mid, https://papers.ssrn.com/sol3/papers.cfm?abstract_id=2970694;
Hampel, https://rdrr.io/cran/pracma/man/hampel.html; Huber's psi clipped at b = 1.5 scaled MAD; Kalman with the noise
of each observation given. None of them runs in the stream: the first trusts sizes that are easily spoofed, the last
has breakdown point 0.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from ingestor.errors import ConfigError
from ingestor.pricing import inputs
from ingestor.pricing.methods.clamps import clamp

MAD_TO_SIGMA = 1.4826       # median absolute deviation to standard deviation, normal values
HUBER_SCALES = 1.5
HAMPEL_SCALES = 3.0
#: An outlier is beyond the limit by more than rounding, relative to the values.
SLACK = 1e-12


def mad_of(values: Sequence[float], centre: float) -> float:
    """Median absolute deviation from `centre`."""
    return median(abs(value - centre) for value in values)


def weighted_mid(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`mid`, the bid's share of the sizes (`imbalance`), and the mid drawn to the thinner side."""
    where = "weighted_mid: input"
    inputs.allowed(params, (), "weighted_mid: params")
    bid, ask = (inputs.field(given, key, where, inputs.positive) for key in ("bid", "ask"))
    bid_size, ask_size = (inputs.field(given, key, where, inputs.share) for key in ("bid_size", "ask_size"))
    if bid > ask or not bid_size + ask_size > 0:
        raise ConfigError(f"{where} is {bid_size:g} at {bid:g} under {ask_size:g} at {ask:g}: give a book that is not "
                          "crossed, with a size on at least one side")
    imbalance = bid_size / (bid_size + ask_size)
    return {"mid": (bid + ask) / 2, "imbalance": imbalance, "weighted_mid": bid + (ask - bid) * imbalance}


def hampel(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """`outliers`: places in `window` that are further from its median than k x 1.4826 MAD, and than `floor`."""
    where = "hampel: input"
    inputs.allowed(params, (), "hampel: params")
    values = inputs.several(given, "window", where, inputs.finite)
    scales = inputs.positive(given.get("k", HAMPEL_SCALES), f"{where}.k")
    floor = inputs.share(given.get("floor", 0), f"{where}.floor")
    centre = median(values)
    mad = mad_of(values, centre)
    limit = max(scales * MAD_TO_SIGMA * mad, floor)
    slack = SLACK * max(abs(value) for value in values)
    return {"median": centre, "mad": mad, "limit": limit,
            "outliers": [i for i, value in enumerate(values) if abs(value - centre) > limit + slack]}


def huber_one_step(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, float]:
    """`price`: the median, moved by the mean of the deviations from it, each at most 1.5 scaled MAD."""
    where = "huber_one_step: input"
    inputs.allowed(params, (), "huber_one_step: params")
    if given.get("weights", "equal") != "equal":
        raise ConfigError(f"{where}.weights is {given['weights']!r}: it can only be equal")
    values = inputs.several(given, "x", where, inputs.finite)
    centre = median(values)
    scale = MAD_TO_SIGMA * mad_of(values, centre)
    bound = HUBER_SCALES * scale
    step = sum(clamp(value - centre, -bound, bound) for value in values) / len(values)
    return {"median": centre, "scale": scale, "bound": bound, "price": centre + step}


def kalman_level(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, list[dict[str, float]]]:
    """`steps`: level x, its variance P and the gain, after each of the observations z of variance R, dt seconds apart.

    The level's own variance grows by q_per_s each second.
    """
    where = "kalman_level: input"
    inputs.allowed(params, (), "kalman_level: params")
    level = inputs.field(given, "x0", where, inputs.finite)
    variance, growth = (inputs.field(given, key, where, inputs.share) for key in ("P0", "q_per_s"))
    steps = []
    for i, row in enumerate(inputs.items(given, "obs", where)):
        place = f"{where}.obs[{i}]"
        seen = inputs.mapping(row, place)
        variance += growth * inputs.field(seen, "dt", place, inputs.share)
        gain = variance / (variance + inputs.field(seen, "R", place, inputs.positive))
        level += gain * (inputs.field(seen, "z", place, inputs.finite) - level)
        variance *= 1 - gain
        steps.append({"x": level, "P": variance, "gain": gain})
    return {"steps": steps}
