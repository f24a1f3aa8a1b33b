"""What the data says is wrong is told by the log: what is new since the last time, with names."""

import pytest
from structlog.testing import capture_logs

from ingestor.settings import load
from shards.dialects import DIALECTS
from shards.worker import NAMED_MAX, Worker


class FakePipeline:
    """Counters as a test sets them."""

    def __init__(self) -> None:
        self.unknown_records, self.refused = 0, 0

    def counters(self) -> dict:
        return {"unknown": {"kraken-v2": self.unknown_records}, "quarantined": self.refused}

    def unknown(self) -> list[dict]:
        return [{"provider": "kraken-v2", "symbol": f"S{number}"} for number in range(20)]

    def quarantine(self) -> list[dict]:
        return [{"provider": "okx-v5", "status": "syntax"}, {"provider": "kraken-v2", "status": "truncated"}]


@pytest.fixture
def worker(tmp_path):
    (tmp_path / "ingestor.yaml").write_text("")
    (tmp_path / "instruments.yaml").write_text(
        "instruments:\n  usdt-usd: {markets: [{provider: kraken-v2, symbol: USDT/USD}]}\n")
    return Worker(load(tmp_path / "ingestor.yaml", DIALECTS, {}), 0, 1)


def told(worker: Worker, pipeline: FakePipeline) -> list[dict]:
    with capture_logs() as events:
        worker._tell(pipeline)
    return events


def test_nothing_new_is_nothing_to_tell(worker):
    assert told(worker, FakePipeline()) == []


def test_records_without_an_instrument_are_told_once_with_the_newest_symbols(worker):
    pipeline = FakePipeline()
    pipeline.unknown_records = 7
    event, = told(worker, pipeline)
    assert (event["event"], event["records"], len(event["symbols"])) == ("records_without_instrument", 7, NAMED_MAX)
    assert event["symbols"][-1] == "kraken-v2:S19"
    assert told(worker, pipeline) == []
    pipeline.unknown_records = 9
    assert told(worker, pipeline)[0]["records"] == 2


def test_refused_frames_are_told_with_the_last_ones_status(worker):
    pipeline = FakePipeline()
    pipeline.refused = 3
    event, = told(worker, pipeline)
    assert (event["event"], event["frames"], event["last_provider"], event["last_status"]) == (
        "frames_refused", 3, "kraken-v2", "truncated")
