"""The corridor: a frame's journey through decode, unify and price, and the batch boundary."""

import json
import math

import pytest

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from tests.markets import (
    NOW,
    SECOND,
    Instrument,
    Market,
    With,
    binance_quote,
    binance_trade,
    btc,
    build,
    coinbase_ticker,
    kraken_ticker,
)


def open_all(pipeline):
    return [pipeline.open(load(name), "", "c0") for name in ("binance-spot", "coinbase-exchange", "kraken-v2")]


def path_of(pipeline, symbol="BTCUSD"):
    return next(path for path in pipeline.counters()["paths"] if path["symbol"] == symbol)


def fair_of(pipeline, instrument="btc-usd"):
    return next(fair for fair in pipeline.fairs() if fair["instrument"] == instrument)


def test_three_venues_make_a_fair_price_between_them():
    pipeline = Pipeline(btc(), None)
    binance, coinbase, kraken = open_all(pipeline)
    binance.feed_bytes(binance_quote(bid="100", ask="102"), NOW)
    coinbase.feed_bytes(coinbase_ticker(bid="100.2", ask="102.2"), NOW)
    kraken.feed_bytes(kraken_ticker(bid="100.1", ask="102.1"), NOW)
    kraken.drained_now()
    fair = fair_of(pipeline)
    assert (fair["status"], fair["n_used"]) == ("OK", 3)
    assert fair["price"] == pytest.approx(101.1)


def test_nothing_is_evaluated_before_the_boundary_and_each_dirty_instrument_once_at_it():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    for update in range(1, 11):
        binance.feed_bytes(binance_quote(update), NOW)
    assert pipeline.counters()["evaluations"] == 0
    binance.drained_now()
    assert pipeline.counters()["evaluations"] == 1


def test_a_long_burst_is_evaluated_every_64_ticks():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    for update in range(1, 130):
        binance.feed_bytes(binance_quote(update), NOW)
    assert pipeline.counters()["evaluations"] == 2


def test_a_repeated_trade_id_is_counted_and_neither_priced_nor_numbered():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    for id in (1, 2, 2, 1, 3):
        binance.feed_bytes(binance_trade(id), NOW)
    path = path_of(pipeline)
    assert (path["trades"], path["duplicates"], path["gaps"]) == (3, 2, 0)


def test_a_hole_in_gapless_ids_is_one_gap_with_its_missing_count():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    for id in (1, 2, 6, 7):
        binance.feed_bytes(binance_trade(id), NOW)
    path = path_of(pipeline)
    assert (path["gaps"], path["missing"]) == (1, 3)


def test_ids_stay_known_over_a_reconnect():
    pipeline = Pipeline(btc(), None)
    first = pipeline.open(load("binance-spot"), "", "c0")
    first.feed_bytes(binance_trade(1), NOW)
    first.close()
    second = pipeline.open(load("binance-spot"), "", "c0")
    second.feed_bytes(binance_trade(1), NOW)
    second.feed_bytes(binance_trade(3), NOW)
    path = path_of(pipeline)
    assert (path["trades"], path["duplicates"], path["missing"]) == (2, 1, 1)


def test_a_rising_sequence_may_start_anew_with_a_connection_but_not_within_it():
    pipeline = Pipeline(btc(), None)
    for _ in range(2):
        connection = pipeline.open(load("binance-spot"), "", "c0")
        for update in (5, 6, 6, 4):
            connection.feed_bytes(binance_quote(update), NOW)
        connection.close()
    path = path_of(pipeline)
    assert (path["quotes"], path["duplicates"], path["late"]) == (6, 2, 2)


def test_an_older_quote_never_moves_the_price():
    pipeline = Pipeline(btc(), None)
    coinbase = open_all(pipeline)[1]
    coinbase.feed_bytes(coinbase_ticker(2, "100", "102", second=30), NOW)
    coinbase.feed_bytes(coinbase_ticker(3, "200", "202", second=29), NOW)
    coinbase.drained_now()
    assert fair_of(pipeline)["price"] == pytest.approx(101)
    assert path_of(pipeline, "BTC-USD")["late"] == 1


def test_a_snapshot_is_a_record_but_no_price():
    pipeline = Pipeline(btc(), None)
    kraken = open_all(pipeline)[2]
    kraken.feed_bytes(kraken_ticker(kind="snapshot"), NOW)
    kraken.drained_now()
    assert path_of(pipeline, "BTC/USD")["quotes"] == 1
    assert fair_of(pipeline)["status"] == "UNAVAILABLE"
    assert math.isnan(fair_of(pipeline)["price"])


def test_a_delta_ticker_keeps_the_side_that_it_does_not_name():
    pipeline = Pipeline(build(["btc-usdt-perp"], [
        Market("btc-usdt-perp", "bybit-v5", "BTCUSDT", section="linear")]), None)
    bybit = pipeline.open(load("bybit-v5"), "linear", "c0")

    def ticker(kind, cs, **values):
        return json.dumps({"topic": "tickers.BTCUSDT", "type": kind, "data": {"symbol": "BTCUSDT", **values}, "cs": cs,
                           "ts": NOW // 1_000_000}).encode()

    bybit.feed_bytes(ticker("snapshot", 1, bid1Price="100", bid1Size="1", ask1Price="102", ask1Size="1"), NOW)
    bybit.feed_bytes(ticker("delta", 2, ask1Price="104", ask1Size="3"), NOW)
    bybit.drained_now()
    assert fair_of(pipeline, "btc-usdt-perp")["price"] == pytest.approx(102)


def test_a_crossed_quote_is_counted_and_gives_no_price():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    binance.feed_bytes(binance_quote(1, bid="101", ask="100"), NOW)
    binance.drained_now()
    assert path_of(pipeline)["crossed"] == 1
    assert fair_of(pipeline)["status"] == "UNAVAILABLE"


def test_a_price_in_another_currency_is_converted_and_never_taken_at_parity():
    pipeline = Pipeline(build(
        [Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")]), "btc-usdt", "usdt-usd"],
        [Market("btc-usdt", "binance-spot", "BTCUSDT"), Market("usdt-usd", "binance-spot", "USDTUSD"),
         Market("usdt-usd", "coinbase-exchange", "BTC-USD")]), None)
    binance, coinbase, _ = open_all(pipeline)
    binance.feed_bytes(binance_quote(1, "100000", "100000", symbol="BTCUSDT"), NOW)
    binance.drained_now()
    assert fair_of(pipeline)["status"] == "UNAVAILABLE"
    binance.feed_bytes(binance_quote(1, "0.998", "0.998", symbol="USDTUSD"), NOW)
    coinbase.feed_bytes(coinbase_ticker(1, "0.998", "0.998"), NOW)
    coinbase.drained_now()
    binance.feed_bytes(binance_quote(2, "100000", "100000", symbol="BTCUSDT"), NOW)
    binance.drained_now()
    assert fair_of(pipeline)["price"] == pytest.approx(99800)
    assert fair_of(pipeline, "btc-usdt")["price"] == pytest.approx(100000)


def test_a_quiet_price_appears_within_a_second_of_its_conversion():
    pipeline = Pipeline(build(
        [Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")]), "btc-usdt", "usdt-usd"],
        [Market("btc-usdt", "binance-spot", "BTCUSDT"), Market("usdt-usd", "binance-spot", "USDTUSD"),
         Market("usdt-usd", "coinbase-exchange", "BTC-USD")]), None)
    binance, coinbase, _ = open_all(pipeline)
    binance.feed_bytes(binance_quote(1, "100000", "100000", symbol="BTCUSDT"), NOW)
    binance.drained_now()
    binance.feed_bytes(binance_quote(1, "0.998", "0.998", symbol="USDTUSD"), NOW)
    coinbase.feed_bytes(coinbase_ticker(1, "0.998", "0.998"), NOW)
    coinbase.drained_now()
    assert fair_of(pipeline)["status"] == "UNAVAILABLE"
    pipeline.tick(NOW + SECOND)
    assert fair_of(pipeline)["price"] == pytest.approx(99800)


def test_a_silent_instrument_is_held_and_then_unavailable_by_timer():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    binance.feed_bytes(binance_quote(), NOW)
    binance.drained_now()
    assert fair_of(pipeline)["status"] == "SINGLE"
    pipeline.tick(NOW + 60 * SECOND)
    assert fair_of(pipeline)["status"] == "HELD"
    pipeline.tick(NOW + 600 * SECOND)
    assert fair_of(pipeline)["status"] == "UNAVAILABLE"


def test_an_unknown_symbol_is_counted_named_and_harmless():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    assert binance.feed_bytes(binance_trade(symbol="NEWUSD"), NOW) == 0
    binance.feed_bytes(binance_trade(symbol="NEWUSD"), NOW)
    assert pipeline.counters()["unknown"]["binance-spot"] == 2
    [unknown] = pipeline.unknown()
    assert (unknown["symbol"], unknown["records"], unknown["provider"]) == ("NEWUSD", 2, "binance-spot")


def test_a_bad_frame_is_counted_by_reason_and_kept_and_the_next_good_one_decodes():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    good = binance_trade(1)
    binance.feed_bytes(good[:-4], NOW)
    binance.feed_bytes(good.replace(b'"100.5"', b'"1O0"'), NOW)
    binance.feed_bytes(good, NOW)
    [counted] = [each for each in pipeline.counters()["connections"] if each["provider"] == "binance-spot"]
    assert counted["statuses"]["truncated"] == counted["statuses"]["bad_number"] == counted["statuses"]["decoded"] == 1
    assert sum(counted["statuses"].values()) == counted["frames"] == 3
    assert [(each["status"], each["frame"]) for each in pipeline.quarantine()] == [
        ("truncated", good[:-4]), ("bad_number", good.replace(b'"100.5"', b'"1O0"'))]


def test_the_quarantine_keeps_the_newest_frames_and_counts_all():
    pipeline = Pipeline(btc(), None, quarantine_max=3)
    binance, *_ = open_all(pipeline)
    for number in range(5):
        binance.feed_bytes(b"{" + str(number).encode(), NOW)
    assert [each["frame"] for each in pipeline.quarantine()] == [b"{2", b"{3", b"{4"]
    assert pipeline.counters()["quarantined"] == 5


def test_only_the_head_of_a_large_bad_frame_is_kept():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    binance.feed_bytes(b"[" + b" " * 100_000, NOW)
    [kept] = pipeline.quarantine()
    assert (len(kept["frame"]), kept["size"]) == (4096, 100_001)


def test_a_frame_beyond_the_limit_is_refused_unread():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    limit = 16 << 20
    padded = binance_trade(1).ljust(limit)
    assert binance.feed_bytes(padded, NOW) == 0
    binance.feed_bytes(padded + b" ", NOW)
    assert path_of(pipeline)["trades"] == 1
    assert pipeline.counters()["connections"][0]["statuses"]["too_large"] == 1


def test_counters_of_a_closed_connection_stay_with_its_name():
    pipeline = Pipeline(btc(), None)
    for _ in range(2):
        connection = pipeline.open(load("binance-spot"), "", "c0")
        connection.feed_bytes(b"{}", NOW)
        connection.close()
        connection.close()
        connection.feed_bytes(b"{}", NOW)
    [counted] = pipeline.counters()["connections"]
    assert counted["frames"] == 2


def test_latency_is_observed_per_provider_and_a_clock_ahead_of_ours_is_counted():
    pipeline = Pipeline(btc(), None)
    binance, *_ = open_all(pipeline)
    binance.feed_bytes(binance_trade(1), NOW + 3_000_000)
    binance.feed_bytes(binance_trade(2), NOW - 5_000_000)
    [observed] = [each for each in pipeline.counters()["exchange_to_receive"] if each["provider"] == "binance-spot"]
    assert (sum(observed["counts"]), observed["negative"]) == (2, 1)
    assert observed["counts"][observed["bounds"].index(0.004096)] == 1
    assert observed["sum"] == pytest.approx(0.003)


def test_two_markets_of_one_symbol_are_refused():
    markets = [Market("btc-usd", "kraken-v2", "BTC/USD"), Market("btc-eur", "kraken-v2", "BTC/USD")]
    with pytest.raises(Exception, match="two markets for symbol 'BTC/USD' of kraken-v2"):
        Pipeline(build(["btc-usd", "btc-eur"], markets), None)


def test_a_symbol_of_one_section_is_not_that_of_another():
    pipeline = Pipeline(build(["btc-usdt", "btc-usdt-perp"], [
        Market("btc-usdt", "bybit-v5", "BTCUSDT", section="spot"),
        Market("btc-usdt-perp", "bybit-v5", "BTCUSDT", section="linear")]), None)
    frame = (b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1,"s":"BTCUSDT","S":"Buy",'
             b'"v":"1","p":"5","i":"a"}]}')
    pipeline.open(load("bybit-v5"), "linear", "l0").feed_bytes(frame, NOW)
    assert [path["trades"] for path in pipeline.counters()["paths"]] == [0, 1]
