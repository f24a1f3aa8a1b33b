"""A swap of the reference data in a running pipeline: what stays goes on as if nothing had happened."""

import pytest

from ingestor._core import Pipeline
from ingestor.edition import Edition
from ingestor.errors import ConfigError, InternalError
from ingestor.providers.registry import load
from ingestor.wire.topics import TopicSettings
from ingestor.wire.writer import Writer
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
from tests.test_core_written import TOPICS, Kept
from tests.wire.kept import Kept as KeptMessages
from tests.wire.kept import read

BTC = [Market("btc-usd", "binance-spot", "BTCUSD"), Market("btc-usd", "coinbase-exchange", "BTC-USD"),
       Market("btc-usd", "kraken-v2", "BTC/USD")]
ETH = Market("eth-usd", "binance-spot", "ETHUSD")


class House:
    """A pipeline into a sink that keeps all, and its connections."""

    def __init__(self, instruments=None, *, topics=TOPICS, sink=None, **more):
        self.sink, self.topics, self.more = Kept() if sink is None else sink, topics, more
        self.pipeline = self.built(instruments or btc(), 1)
        self.binance = self.pipeline.open(load("binance-spot"), "", "c0")
        self.coinbase = self.pipeline.open(load("coinbase-exchange"), "", "c0")
        self.kraken = self.pipeline.open(load("kraken-v2"), "", "c0")

    def built(self, instruments, version, **more):
        return Pipeline(instruments, Writer(self.sink, self.topics, 3, 11, version), **self.more, **more)

    def swap(self, instruments, version=2, now_ns=NOW, **more):
        edition = Edition(self.pipeline, self.built(instruments, version, **more))
        edition.swap(now_ns)
        return edition

    def trades(self, *ids, now_ns=NOW, **more):
        for id in ids:
            self.binance.feed_bytes(binance_trade(id, **more), now_ns)
        self.binance.drained_now(now_ns)

    def quotes(self, now_ns=NOW, update=1):
        self.binance.feed_bytes(binance_quote(update, "100", "100.02"), now_ns)
        self.coinbase.feed_bytes(coinbase_ticker(update, "100.01", "100.03"), now_ns)
        self.kraken.feed_bytes(kraken_ticker("100.02", "100.04"), now_ns)
        self.kraken.drained_now(now_ns)

    def records(self, topic):
        self.pipeline.flush(NOW)
        return self.sink.records(topic)

    def fair(self, instrument="btc-usd"):
        return next(fair for fair in self.pipeline.fairs() if fair["instrument"] == instrument)

    def path(self, symbol="BTCUSD"):
        return next(path for path in self.pipeline.counters()["paths"] if path["symbol"] == symbol)


def more_before(*markets):
    """The three venues of btc-usd, behind instruments that shift every number."""
    extra = [Market(f"x{number}-usd", "binance-spot", f"X{number}") for number in range(5)]
    return build([*(each.instrument for each in extra), "btc-usd"], [*extra, *BTC, *markets])


def test_a_sequence_goes_on_without_a_gap_and_each_record_says_its_version():
    house = House()
    house.trades(1, 2, 3)
    house.swap(more_before(), version=7)
    house.trades(3, 4, 5)
    assert [(each["id"], each["record_sequence"], each["reference_version"]) for each in house.records("trades")] == [
        ("1", 1, 1), ("2", 2, 1), ("3", 3, 1), ("4", 4, 7), ("5", 5, 7)]
    path = house.path()
    assert (path["trades"], path["duplicates"], path["gaps"], path["missing"]) == (5, 1, 0, 0)
    assert house.pipeline.tables.drain_gaps() == []


def test_a_block_has_one_version_though_nothing_was_due():
    sink = KeptMessages()
    house = House(sink=sink, topics={"trades": TopicSettings("block", 60_000, 1000, 262_144)})
    house.trades(1, 2)
    house.swap(btc(), version=9)
    house.trades(3)
    house.pipeline.flush(NOW)
    blocks = [read("trades", "block", payload) for payload in sink.payloads("trades")]
    assert [(block["reference_version"], [each["id"] for each in block["records"]]) for block in blocks] == [
        (1, ["1", "2"]), (9, ["3"])]


def test_a_hole_that_was_noted_and_not_yet_fetched_is_told_under_its_new_number():
    house = House()
    house.trades(1, 5)
    house.swap(more_before())
    [missed] = house.pipeline.tables.drain_gaps()
    path, channel = house.pipeline.tables.subscriptions_named[missed.subscription]
    assert (missed.first, missed.last, channel) == (2, 4, "trade")
    assert house.pipeline.tables.instruments.paths[path].symbol == "BTCUSD"
    house.trades(3)
    assert house.pipeline.tables.drain_gaps()[0].kind == "arrived"


def test_a_hole_of_a_market_that_is_gone_is_told_no_more():
    house = House()
    house.trades(1, 5)
    house.swap(build(["btc-usd"], BTC[1:]))
    assert house.pipeline.tables.drain_gaps() == []


def test_an_unchanged_book_is_carried_to_the_last_bit():
    swapped, left_alone = House(), House()
    for house in (swapped, left_alone):
        house.quotes()
        house.trades(1, 2, price="100.01")
    before = swapped.fair()
    swapped.swap(more_before())
    assert swapped.fair() == before
    for second in range(1, 20):
        for house in (swapped, left_alone):
            house.quotes(NOW + second * SECOND, second + 1)
            house.trades(second + 2, price="100.03", now_ns=NOW + second * SECOND)
        assert swapped.fair() == left_alone.fair()


def test_nothing_is_evaluated_again_for_a_swap_that_changes_nothing():
    house = House()
    house.quotes()
    evaluations = house.pipeline.counters()["evaluations"]
    house.swap(btc())
    house.pipeline.tick(NOW)
    house.pipeline.tick(NOW)
    assert house.pipeline.counters()["evaluations"] == evaluations + 1      # the sweep of that second


def test_a_venue_that_joins_leaves_the_memory_of_the_others():
    house = House(build(["btc-usd"], BTC[:2]))
    house.quotes()
    assert house.fair()["n"] == 2
    house.swap(btc())
    house.kraken.feed_bytes(kraken_ticker("100.02", "100.04"), NOW)
    house.kraken.drained_now(NOW)
    assert (house.fair()["n"], house.fair()["status"]) == (3, "OK")


def test_a_halted_market_loses_its_vote_at_once_and_gets_it_back():
    house = House()
    house.quotes()
    halted = Market("btc-usd", "kraken-v2", "BTC/USD", state="halted")
    house.swap(build(["btc-usd"], [*BTC[:2], halted]))
    house.kraken.drained_now(NOW)
    assert (house.fair()["n"], house.fair()["status"]) == (2, "DEGRADED")
    house.swap(btc())
    house.kraken.drained_now(NOW)
    assert (house.fair()["n"], house.fair()["status"]) == (3, "OK")


def test_a_market_that_is_gone_is_unknown_and_has_no_vote():
    house = House()
    house.quotes()
    house.swap(build(["btc-usd"], BTC[1:]))
    house.binance.feed_bytes(binance_quote(2, "1", "2"), NOW)
    house.binance.drained_now(NOW)
    assert house.fair()["n"] == 2
    assert house.pipeline.counters()["unknown"]["binance-spot"] == 1


def test_a_market_that_comes_back_goes_on_counting_its_records():
    house = House()
    house.trades(1, 2)
    house.swap(build(["btc-usd"], BTC[1:]), version=2)
    house.swap(btc(), version=3)
    house.trades(9)
    assert [each["record_sequence"] for each in house.records("trades")] == [1, 2, 3]
    assert house.pipeline.tables.drain_gaps() == []


def test_an_instrument_that_is_gone_is_told_unavailable_once():
    house = House(build(["btc-usd", "eth-usd"], [*BTC, ETH]))
    house.quotes()
    house.swap(build(["eth-usd"], [ETH]))
    house.pipeline.tick(NOW + SECOND)
    told = [(each["instrument"], each["status"], each["reference_version"]) for each in house.records("fair")]
    assert told[-1] == ("btc-usd", "UNAVAILABLE", 1)
    assert len(told) == 2
    assert [each["record_sequence"] for each in house.records("fair")] == [1, 2]


def test_fair_prices_of_an_instrument_that_comes_back_are_numbered_on():
    house = House(build(["btc-usd", "eth-usd"], [*BTC, ETH]))
    house.quotes()
    house.swap(build(["eth-usd"], [ETH]), version=2)
    house.swap(build(["btc-usd", "eth-usd"], [*BTC, ETH]), version=3)
    house.quotes(NOW + SECOND, 2)
    assert [(each["record_sequence"], each["reference_version"]) for each in house.records("fair")] == [
        (1, 1), (2, 1), (3, 3)]


def test_an_instrument_that_has_ended_has_no_price_that_is_held():
    house = House()
    house.quotes()
    house.swap(build(["btc-usd"], [], ended=["btc-usd"]))
    house.binance.drained_now(NOW)
    house.pipeline.tick(NOW + SECOND)
    assert [each["status"] for each in house.records("fair")] == ["OK", "UNAVAILABLE"]


def test_volumes_of_another_contract_do_not_go_on():
    inverse = Market("btc-usd", "binance-spot", "BTCUSD", contract_size=100, inverse=True)
    same, other = House(), House()
    for house in (same, other):
        house.quotes()
        house.trades(1, price="100.01", size="1000")
    same.swap(btc())
    other.swap(build(["btc-usd"], [inverse, *BTC[1:]]))
    for house in (same, other):
        house.quotes(NOW + SECOND, 2)
    assert other.fair()["n_eff"] > same.fair()["n_eff"]     # nobody has traded but binance, by other counts


def three_venues(**more):
    """btc-usd at three venues that one connection brings: A, B and C."""
    return build(["btc-usd"], [Market("btc-usd", "binance-spot", name, venue=name.lower()) for name in "ABC"], **more)


def test_another_half_life_counts_what_was_traded_before_by_the_old_one():
    house = House(three_venues())
    late = NOW + 7200 * SECOND
    for id, symbol, at in ((1, "A", NOW), (2, "A", late)):
        house.trades(id, symbol=symbol, size="5", price="100", now_ns=at, ms=at // 1_000_000)
    house.swap(three_venues(), pricing=lambda _: {"volume_half_life_s": 60.0}, now_ns=late)
    for symbol in "BC":
        house.trades(1, symbol=symbol, size="5", price="100", now_ns=late, ms=late // 1_000_000)
    assert house.fair()["n_eff"] == pytest.approx(3, abs=0.01)     # as much each: what is hours old hardly counts


def test_a_conversion_that_is_new_is_read_where_it_lies():
    rates = [Market("usdt-usd", "binance-spot", name, venue=name.lower()) for name in ("USDTUSD", "TUSD")]
    tether = Market("btc-usdt", "binance-spot", "BTCUSDT")
    house = House()
    house.quotes()
    house.swap(build(["usdt-usd", "btc-usdt", Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")])],
                     [*rates, tether, *BTC]))
    for rate in rates:
        house.binance.feed_bytes(binance_quote(1, "0.9999", "1.0001", rate.symbol), NOW)
    house.binance.drained_now(NOW)
    house.binance.feed_bytes(binance_quote(1, "100.1", "100.2", "BTCUSDT"), NOW)
    house.binance.drained_now(NOW)
    assert house.fair()["n"] == 4
    house.swap(btc())
    house.binance.drained_now(NOW)
    assert house.fair()["n"] == 3


def test_a_market_that_was_there_gets_the_votes_that_are_new_and_loses_those_that_go():
    rates = [Market("usdt-usd", "binance-spot", name, venue=name.lower()) for name in ("USDTUSD", "TUSD")]
    markets = [*rates, Market("btc-usdt", "binance-spot", "BTCUSDT"), BTC[1]]
    apart = build(["usdt-usd", "btc-usdt", "btc-usd"], markets)
    converted = Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")])
    together = build(["usdt-usd", "btc-usdt", converted], markets)
    house = House(apart)
    counts = []
    for update, tables in ((1, None), (2, together), (3, build(["usdt-usd", "btc-usdt", "btc-usd"], markets))):
        if tables is not None:
            house.swap(tables, update)
        for rate in rates:
            house.binance.feed_bytes(binance_quote(update, "0.9999", "1.0001", rate.symbol), NOW)
        house.coinbase.feed_bytes(coinbase_ticker(update, "100.01", "100.03"), NOW)
        house.binance.drained_now(NOW)
        house.binance.feed_bytes(binance_quote(update, "100.0", "100.1", "BTCUSDT"), NOW)
        house.binance.drained_now(NOW)
        counts.append((house.fair("btc-usd")["n"], house.fair("btc-usdt")["n"]))
    assert counts == [(1, 1), (2, 1), (1, 1)]


def test_counters_never_fall():
    house = House()
    house.quotes()
    house.trades(1, 2)
    house.pipeline.flush(NOW)
    before = house.pipeline.writer.stats()["trades"]
    latency = house.pipeline.counters()["exchange_to_receive"]
    house.swap(more_before())
    after = house.pipeline.writer.stats()["trades"]
    assert (after.records, after.bytes, after.batches) == (before.records, before.bytes, before.batches)
    assert [row for row in house.pipeline.counters()["exchange_to_receive"] if row["provider"] == "coinbase-exchange"] \
        == [row for row in latency if row["provider"] == "coinbase-exchange"]


def test_a_provider_that_is_new_is_understood_by_connections_opened_before():
    house = House(build(["btc-usd"], BTC[:1]))
    house.swap(btc())
    house.quotes()
    assert house.fair()["n"] == 3


def test_an_edition_made_for_other_tables_is_refused():
    house = House()
    stale = Edition(house.pipeline, house.built(btc(), 2))
    house.swap(btc(), version=3)
    with pytest.raises(InternalError, match="other tables"):
        stale.swap(NOW)
    assert house.pipeline.writer.reference_version == 3


def test_an_edition_is_swapped_once():
    house = House()
    edition = house.swap(btc())
    with pytest.raises(InternalError, match="other tables"):
        edition.swap(NOW)


def test_what_the_schema_has_no_room_for_is_refused_before_anything_has_changed():
    house = House()
    with pytest.raises(ConfigError, match="shorten"):
        house.swap(build(["btc-usd"], [Market("btc-usd", "binance-spot", "B" * 2000)]))
    house.trades(1)
    assert [each["reference_version"] for each in house.records("trades")] == [1]


def test_a_sink_that_fails_leaves_the_old_edition_in_force():
    sink = KeptMessages()
    house = House(sink=sink, topics={"trades": TopicSettings("block", 60_000, 1000, 262_144)})
    house.trades(1)
    sink.failing = True
    with pytest.raises(RuntimeError, match="broken"):
        house.swap(more_before())
    sink.failing = False
    house.trades(2)
    house.pipeline.flush(NOW)
    assert house.pipeline.writer.reference_version == 1
    assert sum(each.records for each in sink.written) == 2
