"""The parameters of the methods by name: bounds and meaning. The defaults stand in book.pxd.

Each has a name, for configuration, and the symbol of the specification (pricing.md 3.1), which vectors
use; both are understood. Numbers may be given as text, so that a decimal needs no detour.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ingestor.errors import ConfigError

#: In the order of Method in book.pxd.
METHOD_NAMES = (
    "consensus_v1", "pyth_median", "weighted_median", "capped_mean", "decayed_vwap", "vwm_partitions",
    "principal_market", "cm_realtime", "mark_default")
DECAYED_HALF_LIFE_S = 60.0          # volume_half_life_s of decayed_vwap unless given
TIME_MAX_S = 1e6        # eleven days: beyond, nothing here is a market's time scale, and ns could overflow
RATIO_MAX = 1e30        # "no limit", with room for a double's square


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `low` and `high` are inclusive; `kind` is "real", "count", "switch" or "method"."""

    name: str
    symbol: str
    low: float
    high: float
    meaning: str
    kind: str = "real"


PARAMETERS = (
    Parameter("age_max_s", "A", 1e-3, TIME_MAX_S, "maximum age of a quote or trade, seconds"),
    Parameter("grace_s", "grace", 0, TIME_MAX_S, "age without loss of weight, seconds; A/10 unless given"),
    Parameter("half_life_s", "h", 1e-6, TIME_MAX_S, "half-life of the weight beyond the grace; A/5 unless given"),
    Parameter("thin", "thin", 0, 1, "A follows each source: 100 mean intervals, within 10 s and 600 s", "switch"),
    Parameter("volume_half_life_s", "H_V", 1e-3, TIME_MAX_S, "half-life of volume, seconds"),
    Parameter("deviation_half_life_s", "H_s", 1e-3, TIME_MAX_S, "half-life of squared deviations and returns"),
    Parameter("weight_max", "cap", 1e-6, 1, "a venue's largest share; in effect at least 1/venues"),
    Parameter("gate_scale", "k", 0, RATIO_MAX, "width of the gate in robust standard deviations"),
    Parameter("gate_min", "g_min", 0, RATIO_MAX, "narrowest gate, relative; 0.001 for stable/stable pairs"),
    Parameter("gate_max", "g_max", 0, RATIO_MAX, "widest gate, relative; not below gate_min"),
    Parameter("readmit", "readmit", 0, 1, "a flagged source returns below this share of the gate"),
    Parameter("venues_min", "n_min", 1, 256, "venues for status OK", "count"),
    Parameter("sigma", "sigma", 0, 1, "first volatility, relative per square root of a second; 0 stays 0"),
    Parameter("half_width_min", "c_floor", 0, 1, "smallest relative half-width"),
    Parameter("trade_half_width", "h_trade", 0, 1, "relative half-width of a source known by trades only"),
    Parameter("spread_max", "max_spread", 0, 2, "quotes wider than this share of their mid are not used"),
    Parameter("conf_max", "conf_max", 0, RATIO_MAX, "relative confidence beyond which a price is DISPERSED"),
    Parameter("hold_s", "hold", 0, TIME_MAX_S, "how long the last price is repeated, seconds"),
    Parameter("conversion_age_max_s", "fx_age_max", 0, TIME_MAX_S, "maximum age of a conversion rate, seconds"),
    Parameter("conversion_conf_max", "fx_conf_max", 0, RATIO_MAX, "largest relative confidence of a conversion rate"),
    Parameter("gate_price", "gate_price", 0, 1, "off: the price counts flagged sources too", "switch"),
    Parameter("fixed_weights", "fixed_weights", 0, 1, "a source weighs its trust, whatever it trades", "switch"),
    Parameter("method", "method", 0, len(METHOD_NAMES) - 1, "the method, by name", "method"),
    Parameter("publishers_min", "min_publishers", 1, 256, "pyth_median: sources needed for a price", "count"),
    Parameter("band", "band", 0, 1, "capped_mean: values are brought so near the median, relative"),
    Parameter("partitions", "K", 1, 128, "vwm_partitions: how many, those that have ended", "count"),
    Parameter("partition_s", "partition_s", 1, 86400, "vwm_partitions: length of one, seconds"),
    Parameter("orderly_trades", "orderly_trades", 2, 1000, "principal_market: fewer a minute judge no trade", "count"),
    Parameter("orderly_sigmas", "orderly_sigmas", 0, 1000, "principal_market: how far from its minute's mean"),
    Parameter("switch_share", "switch_share", 0, 1000, "principal_market: a rival has so much more volume"),
    Parameter("switch_s", "switch_s", 0, TIME_MAX_S, "principal_market: for so long, seconds"),
    Parameter("mark_tau_s", "tau_s", 1, TIME_MAX_S, "mark_default: time constant of the basis, seconds"),
    Parameter("mark_bound", "bound", 1e-6, 1, "mark_default: the mark stays so near the index, relative"),
)

KNOWN = {key: parameter for parameter in PARAMETERS for key in (parameter.name, parameter.symbol)}
SWITCHES: dict[object, float] = {
    True: 1.0, False: 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def number(value: object) -> float | None:
    """A number given as one or as decimal text, NaN and infinities included; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)     # type: ignore[arg-type]  # whatever float() takes is a number here
    except (TypeError, ValueError, OverflowError):
        return None


def parameters(settings: Mapping[str, object]) -> dict[str, float]:
    """Check a mapping of parameters; return the given ones by name. None counts as not given.

    Raises ConfigError with every fault.
    """
    if not isinstance(settings, Mapping):
        raise ConfigError(f"pricing parameters are {settings!r}: give a mapping of names to values")
    faults: list[str] = []
    found: dict[str, float] = {}
    for key, given in settings.items():
        parameter = KNOWN.get(key)
        if parameter is None:
            names = ", ".join(known.name for known in PARAMETERS)
            faults.append(f"pricing parameter {key!r} is unknown: use one of {names}")
        elif given is not None:
            if parameter.name in found:
                faults.append(f"pricing parameter {parameter.name} is given twice, also as {parameter.symbol}")
            value = _value(parameter, given)
            if value is None:
                faults.append(f"pricing parameter {key} is {given!r}: give {_wanted(parameter)}")
            else:
                found[parameter.name] = value
    if found.get("gate_min", 0) > found.get("gate_max", math.inf):
        faults.append(f"pricing parameter gate_min is {found['gate_min']}, above gate_max {found['gate_max']}: "
                      "lower it, or raise gate_max")
    if faults:
        raise ConfigError(faults)
    return found


def _value(parameter: Parameter, given: object) -> float | None:
    """The value as a number, None when it is none or out of bounds."""
    if parameter.kind == "method":
        return float(METHOD_NAMES.index(given)) if isinstance(given, str) and given in METHOD_NAMES else None
    if parameter.kind == "switch":
        key = given.lower() if isinstance(given, str) else given
        return SWITCHES.get(key) if isinstance(key, str | bool) else None
    value = number(given)
    if value is None or not parameter.low <= value <= parameter.high:
        return None
    return None if parameter.kind == "count" and value != int(value) else value


def _wanted(parameter: Parameter) -> str:
    if parameter.kind == "method":
        return (f"one of {', '.join(METHOD_NAMES)}; book_rti is none of them: it needs depth, which no record has: "
                "only evaluate() serves it")
    if parameter.kind == "switch":
        return "on or off"
    what = "a whole number" if parameter.kind == "count" else "a number"
    return f"{what} from {parameter.low:g} to {parameter.high:g}"
