"""The price report of a replay: a folder with report.md, its tables as CSV, and one picture an instrument.

Fed by the replay at its own pace, 20 times a second of the log; one log and one configuration give the same bytes.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from ingestor._core import Pipeline
from ingestor.errors import ConfigError
from ingestor.watching.watch import Watch
from shards import report_scores
from shards.report_samples import InstrumentSamples, SourceSamples

#: Pictures in one report, the first instruments that had a price: more is not looked at, and each takes a second.
INSTRUMENTS_MAX = 64
SECOND_NS = 1_000_000_000


class PriceReport:
    """Takes samples, then writes. Raises ConfigError for a folder that has anything in it, or without matplotlib."""

    def __init__(self, folder: Path, pipeline: Pipeline, begin_ns: int) -> None:
        try:
            from shards.report_picture import draw
        except ImportError as error:
            raise ConfigError(
                f"--report draws with matplotlib, which can't be imported ({error}): pip install 'ingestor[report]'"
            ) from error
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder} is not an empty folder: give a new one with --report")
        self._draw, self._folder, self._pipeline = draw, folder, pipeline
        self._begin_ns = self._last_ns = begin_ns
        self._counted_s = 0
        self._instruments: dict[int, InstrumentSamples] = {}
        self._outliers: dict[int, int] = {}
        self._left_out = 0              # instruments beyond INSTRUMENTS_MAX

    def take(self, now_ns: int) -> None:
        """Look at every price."""
        lasted_s = max(0, now_ns - self._last_ns) / 1e9
        self._last_ns = now_ns
        self._left_out = 0
        for number, said in self._pipeline.books.votes():
            if number not in self._instruments:
                if len(self._instruments) >= INSTRUMENTS_MAX:
                    self._left_out += 1
                    continue
                self._instruments[number] = self._sampled(number)
            self._instruments[number].note(now_ns, lasted_s, said)
        if now_ns // SECOND_NS != self._counted_s:
            self._counted_s = now_ns // SECOND_NS
            self._mark_outliers(now_ns)

    def write(self, watch: Watch, alerts: dict[str, int]) -> list[Path]:
        """The files, in the order of their making; `alerts` are those that fired, by provider."""
        self._mark_outliers(self._last_ns)
        counters = self._pipeline.counters()
        instruments = list(self._instruments.values())
        tables = {
            "providers": report_scores.providers(
                counters, watch.comparisons.deviations(), instruments, alerts, watch.rollups()),
            "sources": report_scores.sources(counters, instruments),
            "statuses": report_scores.statuses(instruments),
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        made = [self._draw(instrument, self._folder / f"{instrument.id}.png") for instrument in instruments]
        for name, rows in tables.items():
            made.append(self._folder / f"{name}.csv")
            with made[-1].open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([list(row) for row in rows[:1]])
                writer.writerows(map(report_scores.cell, row.values()) for row in rows)
        made.append(self._folder / "report.md")
        made[-1].write_text("\n".join(self._text(instruments, tables)), encoding="utf-8")
        return made

    def _text(self, instruments: list[InstrumentSamples], tables: dict[str, list[report_scores.Row]]) -> Iterable[str]:
        yield "# Price report\n"
        yield from (f"## {name.capitalize()}\n\n{report_scores.markdown(rows)}" for name, rows in tables.items())
        if self._left_out:
            yield f"{self._left_out} more instruments were priced; the first {INSTRUMENTS_MAX} are shown.\n"
        yield from (f"## {instrument.id}\n\n![{instrument.id}]({instrument.id}.png)\n" for instrument in instruments)

    def _sampled(self, number: int) -> InstrumentSamples:
        books = self._pipeline.books
        row = books.rows[number]
        paths = [(source.path, books.paths[source.path]) for source in row.sources]
        return InstrumentSamples(
            row.id, (SourceSamples(path.provider, path.venue, path.symbol, at) for at, path in paths), self._begin_ns)

    def _mark_outliers(self, now_ns: int) -> None:
        """A path's prints that were rejected since the last second, where it is a source."""
        counts = [path["outliers"] for path in self._pipeline.tables.path_counters()]
        for instrument in self._instruments.values():
            for source in instrument.sources:
                if counts[source.path] > self._outliers.get(source.path, 0):
                    source.rejected[instrument.column(now_ns)] = 1
        self._outliers = {path: count for path, count in enumerate(counts) if count}
