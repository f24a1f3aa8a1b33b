"""How well each provider and each source path did in a replay: the rows of a report's tables, from the counters.

Empty where there is nothing to say: a completeness needs a market that several providers bring, a ratio a second
provider of the instrument. Nothing here reads a clock or draws.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ingestor.watching.comparisons import Deviation
from shards.report_samples import BASIS_POINTS, InstrumentSamples

Row = dict[str, str | int | float | None]
#: With more records from the future, the clocks differ by more than the way takes: their difference says nothing.
NEGATIVE_SHARE_MAX = 0.01
SUMMED = ("trades", "quotes", "outliers", "gaps", "missing", "duplicates", "late", "crossed")


def providers(
    counters: Mapping[str, Any], deviations: Iterable[Deviation], instruments: Iterable[InstrumentSamples],
    alerts: Mapping[str, int], rollups: Iterable[Mapping[str, Any]],
) -> list[Row]:
    """One row a provider that brought anything, by name. `alerts`: those that fired, by provider.

    completeness: of the trades that several were to bring, the share that it brought. ratio: the instrument whose
    price without it is furthest from its own price, mean and 99th percentile of the last hour. latency: exchange to
    receive, both ends' clocks as they are, the bound of a bucket that doubles; empty where more than a hundredth
    came before it was sent. clock: the least of the last ten minutes, of any venue, which is taken for the clocks
    and the way; above_p99: of the worst venue, over that, in the last whole minute. `rollups` are Watch.rollups().
    """
    rollups = list(rollups)
    found: dict[str, Row] = {}
    for path in counters["paths"]:
        row = found.setdefault(path["provider"], {"provider": path["provider"], **dict.fromkeys(SUMMED, 0)})
        for name in SUMMED:
            row[name] = int(row[name] or 0) + path[name]
    compared = [each for each in deviations if not each.venue]
    sampled = [source for instrument in instruments for source in instrument.sources]
    for name, row in found.items():
        members = [each for each in counters["arbitration"]["members"] if each["provider"] == name]
        brought = sum(each["first"] + each["echoes"] for each in members)
        wanted = brought + sum(each["missing"] + each["absent"] for each in members)
        row["completeness"] = brought / wanted if wanted else None
        row["mismatches"] = sum(sum(each["mismatches"].values()) for each in members)
        own = [each for each in compared if each.provider == name]
        row["ratio_mean_bp"] = _furthest(each.mean for each in own)
        row["ratio_p99_bp"] = _furthest(each.p99 for each in own)
        histograms = [each for each in counters["exchange_to_receive"] if each["provider"] == name]
        row["latency_p50_ms"], row["latency_p99_ms"] = (_quantile_ms(histograms, share) for share in (0.5, 0.99))
        clocks = [each for each in rollups if each["provider"] == name]
        row["clock_ms"] = _worst_ms(clocks, "offset_s", min)
        row["above_p99_ms"] = _worst_ms(clocks, "p99_s", max)
        row["flagged_s"] = sum(source.flagged_s for source in sampled if source.provider == name)
        row["alerts"] = alerts.get(name, 0)
    return [row for _, row in sorted(found.items()) if any(row[name] for name in SUMMED)]


def sources(counters: Mapping[str, Any], instruments: Iterable[InstrumentSamples]) -> list[Row]:
    """One row a source of a sampled instrument that was ever a candidate."""
    return [
        {"instrument": instrument.id, "source": source.name, "candidate_s": source.seconds,
         "flagged_s": source.flagged_s, "weight": _mean(source.weight_s, source.seconds),
         "deviation_bp": _mean(source.deviation_s, source.seconds),
         **{name: counters["paths"][source.path][name] for name in SUMMED}}
        for instrument in instruments for source in instrument.sources if source.seconds]


def statuses(instruments: Iterable[InstrumentSamples]) -> list[Row]:
    """One row an instrument: seconds in each status."""
    return [{"instrument": instrument.id, **instrument.status_s} for instrument in instruments]


def cell(value: str | float | None) -> str:
    """A value as the tables write it: empty for none, six digits for a number that is no count."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def markdown(rows: list[Row]) -> str:
    """The rows as a table; a sentence where there are none."""
    if not rows:
        return "Nothing to tell.\n"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([cell(value) for value in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _mean(total: float, seconds: float) -> float | None:
    return total / seconds if seconds else None


def _furthest(ratios: Iterable[float]) -> float | None:
    known = [ratio * BASIS_POINTS for ratio in ratios if not math.isnan(ratio)]
    return max(known, key=abs, default=None)


def _worst_ms(rows: Iterable[Mapping[str, Any]], name: str, worst: Callable[..., float]) -> float | None:
    known = [float(row[name]) * 1e3 for row in rows if row[name] is not None]
    return worst(known) if known else None


def _quantile_ms(histograms: list[dict[str, Any]], share: float) -> float | None:
    """Upper bound of the bucket of the quantile; infinite in the last one. None: nothing was, or can be, timed."""
    if not histograms:
        return None
    counts = [sum(column) for column in zip(*(each["counts"] for each in histograms), strict=True)]
    if sum(each["negative"] for each in histograms) > NEGATIVE_SHARE_MAX * sum(counts):
        return None
    below, wanted = 0, share * sum(counts)
    for count, bound_s in zip(counts, [*histograms[0]["bounds"], math.inf], strict=True):
        below += count
        if count and below >= wanted:
            return float(bound_s * 1e3)
    return None
