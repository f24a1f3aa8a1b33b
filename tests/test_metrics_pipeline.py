"""The metrics of a real pipeline: what was fed is what a scrape tells."""

import threading

import pytest

from ingestor._core import Pipeline
from ingestor.metrics import Metrics
from ingestor.providers.registry import load
from tests.markets import NOW, SECOND, binance_quote, binance_trade, btc, coinbase_ticker, kraken_ticker
from tests.metered import NothingYet, samples, series, value

BINANCE = {"provider": "binance-spot", "venue": "binance", "data_class": "spot"}


class OfPipeline(NothingYet):
    """A worker that has a pipeline, and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline = Pipeline(btc(), None)
        self.binance, self.coinbase, self.kraken = (
            self.pipeline.open(load(name), "", "c0") for name in ("binance-spot", "coinbase-exchange", "kraken-v2"))

    def counters(self):
        return self.pipeline.counters()

    def fairs(self):
        return self.pipeline.fairs()

    def feed_three_quotes(self) -> None:
        self.binance.feed_bytes(binance_quote(bid="100", ask="102"), NOW)
        self.coinbase.feed_bytes(coinbase_ticker(bid="100", ask="102"), NOW)
        self.kraken.feed_bytes(kraken_ticker(bid="100", ask="102"), NOW)
        self.kraken.drained_now()


@pytest.fixture
def worker() -> OfPipeline:
    return OfPipeline()


def test_a_pipeline_that_has_seen_nothing_has_a_silent_source_path_each(worker):
    found = samples(worker)
    assert value(found, "ingestor_source_paths_unheard", **BINANCE) == 1
    assert value(found, "ingestor_fair_instruments", data_class="spot", status="UNAVAILABLE") == 1
    assert series(found, "ingestor_fair_price") == []


def test_a_fair_price_is_told_as_it_was_computed(worker):
    worker.feed_three_quotes()
    found = samples(worker)
    assert value(found, "ingestor_fair_price", instrument="btc-usd") == pytest.approx(101)
    assert value(found, "ingestor_fair_venues_used", instrument="btc-usd") == 3
    assert value(found, "ingestor_fair_update_timestamp_seconds", instrument="btc-usd") == NOW / SECOND


def test_records_frames_and_what_was_rejected_are_told_as_they_came(worker):
    for id in (1, 2, 2, 6):
        worker.binance.feed_bytes(binance_trade(id), NOW)
    worker.binance.feed_bytes(binance_quote(), NOW)
    worker.binance.feed_bytes(binance_trade(7, symbol="DOGEUSD"), NOW)
    worker.binance.feed_bytes(binance_trade(8)[:-2], NOW)
    found = samples(worker)
    assert value(found, "ingestor_ticks_total", **BINANCE, kind="trade") == 3
    assert value(found, "ingestor_ticks_total", **BINANCE, kind="quote") == 1
    assert value(found, "ingestor_messages_received_total", **BINANCE, instrument="btc-usd") == 4
    assert value(found, "ingestor_duplicates_total", **BINANCE) == 1
    assert value(found, "ingestor_sequence_gaps_total", **BINANCE, instrument="btc-usd") == 1
    assert value(found, "ingestor_sequence_missing_total", **BINANCE) == 3
    rejected = {each["reason"]: value(found, "ingestor_messages_rejected_total", **each)
                for each in series(found, "ingestor_messages_rejected_total") if each["provider"] == "binance-spot"}
    assert {reason: count for reason, count in rejected.items() if count} == {"truncated": 1, "unknown_instrument": 1}
    assert value(found, "ingestor_quarantined_frames_total") == 1


def test_latencies_are_told_by_market_and_for_the_whole(worker):
    worker.binance.feed_bytes(binance_trade(), NOW + SECOND)
    worker.binance.drained_now(NOW + SECOND + 50_000)
    found = samples(worker)
    assert value(found, "ingestor_exchange_to_receive_seconds_count", **BINANCE) == 1
    assert value(found, "ingestor_exchange_to_receive_seconds_sum", **BINANCE) == 1
    assert value(found, "ingestor_receive_to_enqueue_seconds_sum") == pytest.approx(50e-6)


def test_counters_of_a_closed_connection_stay(worker):
    worker.binance.feed_bytes(binance_trade(), NOW)
    worker.binance.close()
    assert value(samples(worker), "ingestor_frames_total", provider="binance-spot", status="decoded") == 1


def test_the_prices_page_tells_what_was_fed(worker):
    worker.feed_three_quotes()
    page = Metrics(worker).prices()
    assert (page["totals"]["frames"], page["totals"]["quotes"]) == (3, 3)
    assert page["fairs"][0]["price"] == pytest.approx(101)


def test_scrapes_beside_the_feeding_thread_neither_fail_nor_change_a_count(worker):
    metrics, stop, faults = Metrics(worker), threading.Event(), []

    def scrape() -> None:
        while not stop.is_set():
            try:
                metrics.render()
                metrics.prices()
            except Exception as error:
                faults.append(error)

    scrapers = [threading.Thread(target=scrape) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    for id in range(1, 20_001):
        worker.binance.feed_bytes(binance_trade(id), NOW)
        if id % 1000 == 0:
            worker.binance.drained_now()
            worker.kraken.close()
            worker.kraken = worker.pipeline.open(load("kraken-v2"), "", f"c{id % 3000}")
    stop.set()
    for scraper in scrapers:
        scraper.join()
    assert faults == []
    assert value(samples(worker), "ingestor_ticks_total", **BINANCE, kind="trade") == 20_000
