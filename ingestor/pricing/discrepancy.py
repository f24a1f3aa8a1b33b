"""`provider_discrepancy` of evaluate(): when a course of ratios would have fired and cleared (pricing.md 7.2).

The rules run in ingestor.watch; here the vector's words are read.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ingestor.errors import ConfigError
from ingestor.pricing import inputs
from ingestor.watch.alerts import Change
from ingestor.watch.face import RULES_MAX, WINDOW_MAX, RulePlayer

NAME = "provider_discrepancy"
#: Of one call: eleven days of seconds.
TICKS_MAX = 1_000_000
SECOND_NS = 1_000_000_000
TOLD = {Change.FIRED: "fired", Change.CLEARED: "cleared"}


def discrepancy(params: Mapping[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """Seconds at which each rule ("threshold/window") fires and clears, for one comparison.

    `params.rules`: threshold and window_s each. `input.segments`: ratio_minus_1 (null: no data) for so many seconds
    each; 0 after them, until total_s. Ticks are a second apart.
    """
    rules = list(_rules(params))
    ratios = _ratios(given)
    found: dict[str, dict[str, list[int]]] = {"fired": {}, "cleared": {}}
    for name, rule in rules:
        for second, ratio in enumerate(ratios, 1):
            change = rule.tick(ratio, second * SECOND_NS)
            if change in TOLD:
                found[TOLD[change]].setdefault(name, []).append(second)
    return found


def _rules(params: Mapping[str, object]) -> Iterator[tuple[str, RulePlayer]]:
    rows = inputs.items(params, "rules", f"{NAME}: params")
    if not 1 <= len(rows) <= RULES_MAX:
        raise ConfigError(f"{NAME}: params.rules has {len(rows)} rules: give 1 to {RULES_MAX}")
    for number, row in enumerate(rows):
        where = f"{NAME}: params.rules[{number}]"
        rule = inputs.mapping(row, where)
        threshold, window = (inputs.needed(rule, key, where) for key in ("threshold", "window_s"))
        limit, ticks = inputs.real(threshold, f"{where}.threshold"), inputs.real(window, f"{where}.window_s")
        if not 0 < limit < math.inf:
            raise ConfigError(f"{where}.threshold is {threshold!r}: give a positive number")
        if not (ticks == math.floor(ticks) and 1 <= ticks <= WINDOW_MAX):
            raise ConfigError(f"{where}.window_s is {window!r}: give whole seconds, 1 to {WINDOW_MAX}")
        yield f"{threshold}/{window}s", RulePlayer(limit, int(ticks))


def _ratios(given: Mapping[str, object]) -> list[float]:
    """The ratio less 1 at each second; NaN where there is no data."""
    where = f"{NAME}: input"
    if inputs.real(given.get("tick_s", 1), f"{where}.tick_s") != 1:
        raise ConfigError(f"{where}.tick_s is {given['tick_s']!r}: give 1, the rules count seconds")
    found: list[float] = []
    for number, row in enumerate(inputs.items(given, "segments", where)):
        place = f"{where}.segments[{number}]"
        segment = inputs.mapping(row, place)
        ratio = inputs.needed(segment, "ratio_minus_1", place)
        seconds = _seconds(inputs.needed(segment, "seconds", place), f"{place}.seconds")
        found += [math.nan if ratio is None else inputs.real(ratio, f"{place}.ratio_minus_1")] * seconds
        _seconds(len(found), f"{where}.segments together")
    total = _seconds(given.get("total_s", len(found)), f"{where}.total_s")
    return (found + [0.0] * (total - len(found)))[:total]


def _seconds(value: object, where: str) -> int:
    seconds = inputs.real(value, where)
    if not (0 <= seconds <= TICKS_MAX and seconds == math.floor(seconds)):
        raise ConfigError(f"{where} is {value!r}: give whole seconds, at most {TICKS_MAX}")
    return int(seconds)
