"""One instrument of a price report as a PNG: prices and confidence, deviations, status. All of matplotlib is here.

Colours are Okabe and Ito's, which the colour-blind tell apart (https://jfly.uni-koeln.de/color/, read 2026-11);
what they leave alike differs by dashes. The axes follow what has a vote: what is flagged far away is marked at the
edge, so that one wrong source does not flatten the others.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from ingestor.records import FAIR_STATUS_NAMES
from shards.report_samples import Extremes, InstrumentSamples, SourceSamples

INCHES, DOTS_PER_INCH = (10.0, 6.6), 100
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", "--", ":")
#: As many as differ by colour or dashes; those with the most of the vote.
SOURCES_MAX = len(COLOURS) * len(DASHES)
FLAG_COLOUR, FAIR_COLOUR, BAND_COLOUR = "#D55E00", "#000000", "#BBBBBB"
#: Darker is worse; none is a source's colour.
STATUS_COLOURS = {
    "OK": "#EFEFEF", "DEGRADED": "#C6DBEF", "SINGLE": "#8FB6D9", "DISPERSED": "#F4A582", "HELD": "#777777",
    "UNAVAILABLE": "#000000"}
#: Points. A source alone is seen on both sides of the fair price that it makes; several hide less of each other.
ALONE_WIDTH, SOURCE_WIDTH, FAIR_WIDTH = 2.2, 1.2, 0.9
MARGIN = 0.08       # of an axis, beyond what has a vote

Points = tuple[list[float], list[float]]        # matplotlib's dates, days since the epoch; values
DAY_NS = 86_400e9


def draw(instrument: InstrumentSamples, path: Path) -> Path:
    """Write the picture; returns its path."""
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    prices, deviations, ribbon = figure.subplots(3, 1, sharex=True, height_ratios=(5, 3, 0.4))
    times = [(instrument.begin_ns + column * instrument.column_ns) / DAY_NS for column in range(instrument.columns + 1)]
    voters = sorted(
        (source for source in instrument.sources if source.seconds), key=lambda each: (-each.weight_s, each.name))
    drawn = voters[:SOURCES_MAX]
    width = ALONE_WIDTH if len(drawn) == 1 else SOURCE_WIDTH
    hidden = len(voters) - len(drawn)

    band = instrument.band
    prices.fill_between(
        times[:-1], band.low[:instrument.columns], band.high[:instrument.columns], step="post", color=BAND_COLOUR,
        alpha=0.6, linewidth=0, label="fair price ± confidence")
    for (dash, colour), source in zip(product(DASHES, COLOURS), drawn, strict=False):
        prices.plot(*_line(source.prices, times), dash, color=colour, linewidth=width, label=source.name)
        deviations.plot(*_line(source.deviations, times), dash, color=colour, linewidth=width)
    prices.plot(*_line(instrument.fair, times), "-", color=FAIR_COLOUR, linewidth=FAIR_WIDTH, label="fair price")
    deviations.axhline(0.0, color=FAIR_COLOUR, linewidth=FAIR_WIDTH)
    _fit(prices, [instrument.band, *(each.prices for each in drawn)], [each.flagged for each in drawn], 1)
    _fit(deviations, [each.deviations for each in drawn], [each.flagged for each in drawn], 0)
    _mark(prices, deviations, drawn, times)
    _ribbon(ribbon, instrument, times)

    begin = datetime.fromtimestamp(instrument.begin_ns // 1_000_000_000, UTC)
    more = f", {hidden} more sources not drawn" if hidden else ""
    prices.set_title(f"{instrument.id}   {begin:%Y-%m-%d %H:%M:%S} UTC, {_span(instrument)}{more}", fontsize=11)
    quote = instrument.id.split("-")[1].upper() if "-" in instrument.id else ""
    prices.set_ylabel(f"price, {quote}" if quote else "price")
    deviations.set_ylabel("from fair, bp")
    for axes in (prices, deviations):
        axes.grid(visible=True, color="#E5E5E5", linewidth=0.6)
        axes.margins(x=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    locator = AutoDateLocator(tz=UTC)   # type: ignore[no-untyped-call]
    ribbon.xaxis.set_major_locator(locator)
    ribbon.xaxis.set_major_formatter(DateFormatter("%H:%M:%S", tz=UTC))     # type: ignore[no-untyped-call]
    ribbon.set_xlabel("receive time, UTC")
    figure.legend(*_legend(prices, ribbon), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Software": None})
    return path


def _span(instrument: InstrumentSamples) -> str:
    seconds = instrument.columns * instrument.column_ns / 1e9
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def _line(series: Extremes, times: Sequence[float]) -> Points:
    """Lowest and highest of each column in turn; a column without any breaks the line."""
    at = [time for time in times[:-1] for _ in range(2)]
    values = [value for pair in zip(series.low, series.high, strict=True) for value in pair]
    return at, values[:len(at)]


def _fit(axes: Axes, all_series: Sequence[Extremes], flagged: Sequence[bytearray], unflagged: int) -> None:
    """Limits around what is not flagged; the first `unflagged` series never are."""
    marks = [bytearray(len(series.low)) for series in all_series[:unflagged]] + list(flagged)
    values = [value for series, flags in zip(all_series, marks, strict=True)
              for low, high, flag in zip(series.low, series.high, flags, strict=True) if not flag
              for value in (low, high) if math.isfinite(value)]
    if values:
        low, high = min(values), max(values)
        margin = (high - low) * MARGIN or abs(high) * 1e-5 or 1.0
        axes.set_ylim(low - margin, high + margin)


def _mark(prices: Axes, deviations: Axes, sources: Sequence[SourceSamples], times: Sequence[float]) -> None:
    """A cross where a source is flagged, at the edge if far away; below, a triangle when a print was rejected."""
    for axes, series in ((prices, "prices"), (deviations, "deviations")):
        low, high = axes.get_ylim()
        flagged = [(times[column], min(max(value, low), high)) for source in sources
                   for column, value in enumerate(getattr(source, series).high[:len(times) - 1])
                   if source.flagged[column] and math.isfinite(value)]
        if flagged:
            axes.plot(*zip(*flagged, strict=True), "x", color=FLAG_COLOUR, markersize=4, label="flagged",
                      clip_on=False, zorder=5)
    rejected = [times[column] for source in sources for column in range(len(times) - 1) if source.rejected[column]]
    if rejected:
        prices.plot(rejected, [prices.get_ylim()[0]] * len(rejected), "^", color=FLAG_COLOUR, markersize=6,
                    label="print rejected", clip_on=False, zorder=5)


def _ribbon(axes: Axes, instrument: InstrumentSamples, times: Sequence[float]) -> None:
    """The worst status of each column as a colour."""
    for begin, end, status in _runs(instrument):
        axes.axvspan(times[begin], times[end], color=STATUS_COLOURS[status], linewidth=0)
    axes.set_yticks([])
    axes.set_ylabel("status", rotation=0, ha="right", va="center")
    axes.margins(x=0)


def _runs(instrument: InstrumentSamples) -> Iterator[tuple[int, int, str]]:
    """Columns of one status in a row: begin, end, status."""
    begin, statuses = 0, instrument.statuses[:instrument.columns]
    for column in range(1, len(statuses) + 1):
        if column == len(statuses) or (statuses[column] != statuses[begin] and statuses[column]):
            if statuses[begin]:
                yield begin, column, FAIR_STATUS_NAMES[statuses[begin] - 1]
            begin = column


def _legend(prices: Axes, ribbon: Axes) -> tuple[list[Artist], list[str]]:
    """Of the lines, and of the statuses that came."""
    handles, labels = prices.get_legend_handles_labels()
    colours = {patch.get_facecolor() for patch in ribbon.patches}
    seen = [name for name, colour in STATUS_COLOURS.items() if Patch(color=colour).get_facecolor() in colours]
    return ([*handles, *(Patch(color=STATUS_COLOURS[name]) for name in seen)], [*labels, *seen])
