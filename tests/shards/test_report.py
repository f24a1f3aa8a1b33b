"""`ingestor replay --report`: the folder it makes, what its tables say, and what it refuses."""

import csv
import json
import math
import sys
from pathlib import Path

import pytest
from PIL import Image

from ingestor.records import FAIR_STATUS_NAMES
from shards.report_samples import COLUMN_NS, COLUMNS_MAX, Extremes, InstrumentSamples, SourceSamples
from shards.report_scores import _quantile_ms, markdown
from tests.markets import NOW, SECOND, binance_quote, binance_trade
from tests.rawlog.logs import block, write
from tests.shards.test_replay import config, log, tree  # noqa: F401


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_log_gives_the_same_report(tmp_path, config, command):  # noqa: F811
    raw = str(log(tmp_path / "log"))
    for name in ("one", "two"):
        outcome = command("replay", raw, "--config", config, "--report", str(tmp_path / name))
        assert outcome.status == 0
        assert f"report {tmp_path / name / 'report.md'}, 5 files\n" in outcome.err
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert set(tree(tmp_path / "one")) == {
        "btc-usd.png", "providers.csv", "sources.csv", "statuses.csv", "report.md"}


def test_the_tables_count_what_came_and_how_long_it_was_good(tmp_path, config, command):  # noqa: F811
    frames = [(NOW + second * SECOND, frame) for second in range(11) for frame in (
        binance_quote(second + 1, bid="100", ask="100.02"),
        binance_trade(second + 1, price="130" if second == 5 else "100"))]
    write(tmp_path / "log", block(*frames))
    assert command("replay", str(tmp_path / "log"), "--config", config, "--report", str(tmp_path / "r")).status == 0
    provider, = rows(tmp_path / "r" / "providers.csv")
    assert (provider["provider"], provider["trades"], provider["quotes"], provider["outliers"]) == (
        "binance-spot", "11", "11", "1")
    assert (provider["completeness"], provider["ratio_mean_bp"]) == ("", "")        # nobody to compare with
    source, = rows(tmp_path / "r" / "sources.csv")
    assert source["source"] == "binance-spot/binance/BTCUSD"
    assert float(source["candidate_s"]) == pytest.approx(10, abs=0.1)
    assert (float(source["weight"]), float(source["deviation_bp"])) == (1.0, pytest.approx(0))
    status, = rows(tmp_path / "r" / "statuses.csv")
    assert float(status["SINGLE"]) == pytest.approx(10, abs=0.1)


def test_two_providers_of_a_venue_are_told_how_much_they_brought_and_how_far_they_are_apart(tmp_path, command):
    (tmp_path / "instruments.yaml").write_text("""\
instruments:
  btc-usd:
    markets:
      - {provider: coinbase-exchange, symbol: BTC-USD}
      - {provider: coinbase-advanced, symbol: BTC-USD}
""")
    (tmp_path / "ingestor.yaml").write_text("sink: {kind: \"null\"}\n")
    for name, dear in (("coinbase-exchange", 1.0), ("coinbase-advanced", 1.002)):
        lines = [{"ts_ns": NOW + second * SECOND, "dir": "in", "conn": "c0", "raw": match(name, second, dear)}
                 for second in range(120) if name == "coinbase-exchange" or second % 4]
        (tmp_path / f"{name}.a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = command("replay", *(str(path) for path in sorted(tmp_path.glob("*.jsonl"))),
                      "--config", str(tmp_path / "ingestor.yaml"), "--report", str(tmp_path / "r"))
    assert outcome.status == 0
    advanced, exchange = rows(tmp_path / "r" / "providers.csv")
    assert (advanced["trades"], exchange["trades"]) == ("90", "120")
    assert float(exchange["completeness"]) == 1.0
    assert float(advanced["completeness"]) == pytest.approx(0.75, abs=0.03)     # the newest are not settled yet
    assert float(advanced["ratio_mean_bp"]) == pytest.approx(20, abs=0.1)
    assert float(exchange["ratio_mean_bp"]) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize(("most", "left_out"), [(1, 1), (2, 0)])
def test_instruments_beyond_the_limit_are_counted(tmp_path, config, command, monkeypatch, most, left_out):  # noqa: F811
    monkeypatch.setattr("shards.price_report.INSTRUMENTS_MAX", most)
    write(tmp_path / "log", block((NOW, binance_quote()), (NOW, binance_quote(symbol="ETHUSD")),
                                  (NOW + SECOND, binance_quote(2))))
    assert command("replay", str(tmp_path / "log"), "--config", config, "--report", str(tmp_path / "r")).status == 0
    assert len(list((tmp_path / "r").glob("*.png"))) == most
    text = (tmp_path / "r" / "report.md").read_text()
    assert ("1 more instruments were priced; the first 1 are shown." in text) == bool(left_out)


def match(provider: str, second: int, dear: float) -> str:
    """A trade as either of Coinbase's two feeds tells it."""
    price, at = f"{100 * dear:.2f}", f"2026-08-12T19:{29 + second // 60}:{second % 60:02}.000000Z"
    if provider == "coinbase-exchange":
        return (f'{{"type":"match","trade_id":{second + 1},"maker_order_id":"a","taker_order_id":"b","side":"buy",'
                f'"size":"1","price":"{price}","product_id":"BTC-USD","sequence":{second + 1},"time":"{at}"}}')
    return (f'{{"channel":"market_trades","client_id":"","timestamp":"{at}","sequence_num":{second},"events":['
            f'{{"type":"update","trades":[{{"trade_id":"{second + 1}","product_id":"BTC-USD","price":"{price}",'
            f'"size":"1","side":"SELL","time":"{at}"}}]}}]}}')


def test_the_picture_is_one_and_small(tmp_path, config, command):  # noqa: F811
    raw = str(log(tmp_path / "log"))
    assert command("replay", raw, "--config", config, "--report", str(tmp_path / "r")).status == 0
    with Image.open(tmp_path / "r" / "btc-usd.png") as picture:
        assert picture.size == (1000, 660)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10
    assert (tmp_path / "r" / "btc-usd.png").stat().st_size < 200_000


def test_a_folder_with_anything_in_it_is_refused_before_the_replay(tmp_path, config, command):  # noqa: F811
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "mine").write_text("")
    outcome = command("replay", str(log(tmp_path / "log")), "--config", config, "--report", str(tmp_path / "r"))
    assert (outcome.status, outcome.err) == (
        2, f"ingestor: {tmp_path / 'r'} is not an empty folder: give a new one with --report\n")


def test_without_matplotlib_one_line_says_what_to_install(tmp_path, config, command, monkeypatch):  # noqa: F811
    monkeypatch.delitem(sys.modules, "shards.report_picture", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    outcome = command("replay", str(log(tmp_path / "log")), "--config", config, "--report", str(tmp_path / "r"))
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("pip install 'ingestor[report]'\n")


GOOD = ("OK", 100.0, 1.0, [(100.0, 1.0, False)])


def samples() -> InstrumentSamples:
    return InstrumentSamples("btc-usd", [SourceSamples("p", "v", "s", 0)], NOW)


def test_columns_double_when_they_are_used_up_and_no_peak_is_lost():
    taken = samples()
    for look in range(5 * COLUMNS_MAX):
        price = 200.0 if look == 1234 else 100.0
        taken.note(NOW + look * COLUMN_NS, 0.05, ("OK", price, 1.0, [(price, 1.0, look == 1234)]))
    assert taken.column_ns == 8 * COLUMN_NS
    assert taken.columns == math.ceil(5 * COLUMNS_MAX / 8)
    at = 1234 // 8
    assert (taken.fair.low[at], taken.fair.high[at], taken.band.high[at]) == (100.0, 200.0, 201.0)
    assert list(taken.sources[0].flagged).count(1) == 1 == taken.sources[0].flagged[at]
    assert len(taken.fair.low) == COLUMNS_MAX
    assert math.isnan(taken.fair.low[taken.columns])


@pytest.mark.parametrize(("look", "doubled"), [(COLUMNS_MAX - 1, False), (COLUMNS_MAX, True)])
def test_the_last_column_is_used_before_they_double(look, doubled):
    taken = samples()
    taken.note(NOW + look * COLUMN_NS, 0.05, GOOD)
    assert taken.column_ns == COLUMN_NS * (2 if doubled else 1)


def test_a_while_without_a_look_is_as_before_it():
    taken = samples()
    taken.note(NOW, 0.0, GOOD)
    taken.note(NOW + 5 * COLUMN_NS, 0.25, ("UNAVAILABLE", math.nan, math.nan, [(math.nan, 0.0, False)]))
    assert list(taken.fair.high[:6]) == [100.0] * 5 + [pytest.approx(math.nan, nan_ok=True)]
    assert list(taken.statuses[:6]) == [1 + FAIR_STATUS_NAMES.index("OK")] * 5 + [
        1 + FAIR_STATUS_NAMES.index("UNAVAILABLE")]
    assert taken.sources[0].seconds == 0.0


def test_the_worst_status_of_a_column_stays():
    taken = samples()
    for status in ("OK", "HELD", "SINGLE"):
        taken.note(NOW, 0.5, (status, *GOOD[1:]))
    assert taken.statuses[0] == 1 + FAIR_STATUS_NAMES.index("HELD")
    assert (taken.status_s["OK"], taken.status_s["HELD"]) == (0.5, 0.5)


def test_a_source_that_is_no_candidate_leaves_no_mark():
    taken = samples()
    taken.note(NOW, 1.0, ("HELD", 100.0, 1.0, [(math.nan, 0.0, False)]))
    assert taken.sources[0].seconds == 0
    assert math.isnan(taken.sources[0].prices.low[0])


def test_extremes_pass_over_what_is_no_number():
    series = Extremes()
    for value in (math.nan, 2.0, math.nan, 1.0, 3.0):
        series.note(0, value, value)
    assert (series.low[0], series.high[0]) == (1.0, 3.0)


def test_a_quantile_is_the_bound_of_its_bucket_over_all_histograms():
    bounds = [0.001, 0.002, 0.004]
    one, two = ({"bounds": bounds, "counts": counts, "negative": 0} for counts in ([1, 0, 0, 0], [0, 98, 0, 1]))
    assert _quantile_ms([one, two], 0.5) == 2.0
    assert _quantile_ms([one, two], 1.0) == math.inf
    assert _quantile_ms([], 0.5) is None


@pytest.mark.parametrize(("negative", "expected"), [(1, 1.0), (2, None)])
def test_a_clock_that_is_behind_times_nothing(negative, expected):
    histogram = {"bounds": [0.001], "counts": [100, 0], "negative": negative}
    assert _quantile_ms([histogram], 0.5) == expected


def test_a_table_without_rows_says_so():
    assert markdown([]) == "Nothing to tell.\n"
    assert markdown([{"a": None, "b": 0.12345678}]) == "| a | b |\n| --- | --- |\n|  | 0.123457 |\n"
