"""The price reports of docs/PRICING.md, made again of the captured frames that they are of."""

import csv
from pathlib import Path

import pytest
from PIL import Image

INSTRUMENTS = """\
instruments:
  btc-usdt:
    markets:
      - {{provider: binance-spot, symbol: BTCUSDT}}
  btc-usdt-perp:
    pricing: {{method: {method}}}
    markets:
      - {{provider: binance-usdm, symbol: BTCUSDT}}
"""


@pytest.fixture
def report(tmp_path, captures, command):
    """A function that reports a day's frames of Binance spot and USD-M by a method; gives the folder."""
    def run(day: str, method: str) -> Path:
        (tmp_path / "ingestor.yaml").write_text("shards: 1\n")
        (tmp_path / "instruments.yaml").write_text(INSTRUMENTS.format(method=method))
        files = [str(captures / f"binance-{kind}.hft-btcusdt-{day}.jsonl") for kind in ("spot", "usdm")]
        outcome = command("replay", *files, "--config", str(tmp_path / "ingestor.yaml"),
                          "--report", str(tmp_path / "report"))
        assert outcome.status == 0, outcome.err
        return tmp_path / "report"
    return run


def rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a table by their first column."""
    with path.open(newline="", encoding="utf-8") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def test_a_print_off_the_market_is_refused_and_what_ends_is_held_for_five_minutes_and_then_nothing(report):
    folder = report("2023-04-05", "consensus_v1")
    providers = rows(folder / "providers.csv")
    assert (providers["binance-usdm"]["outliers"], providers["binance-spot"]["outliers"]) == ("1", "0")
    assert providers["binance-usdm"]["trades"] == "2891"
    ended = {name: float(value) for name, value in list(rows(folder / "statuses.csv")["btc-usdt-perp"].items())[1:]}
    assert ended["HELD"] == pytest.approx(300, abs=2)
    assert ended["UNAVAILABLE"] > 0 < ended["SINGLE"]
    assert ended["OK"] == ended["DEGRADED"] == ended["DISPERSED"] == 0
    with Image.open(folder / "btc-usdt-perp.png") as picture:
        assert picture.size == (1000, 660)


def test_a_mark_outlives_its_contracts_frames_by_its_index_and_a_clock_behind_is_told_as_that(report):
    folder = report("2024-08-08", "mark_default")
    lasted = {name: float(value) for name, value in list(rows(folder / "statuses.csv")["btc-usdt-perp"].items())[1:]}
    assert lasted["SINGLE"] == pytest.approx(127, abs=2)
    assert lasted["HELD"] == 0
    assert float(rows(folder / "providers.csv")["binance-spot"]["clock_ms"]) == pytest.approx(-1273, abs=10)
