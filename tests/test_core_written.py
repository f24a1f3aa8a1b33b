"""What the corridor writes: every record of a frame in its topic, numbered, flagged, digit for digit."""

import io

import fastavro
import pytest

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from ingestor.sinks.outbox import Outbox
from ingestor.wire.topics import TopicSettings
from ingestor.wire.writer import Writer
from tests.markets import NOW, Market, binance_quote, binance_trade, btc, build, coinbase_ticker

TOPICS = {name: TopicSettings(mode="container") for name in ("trades", "quotes", "bars", "reference", "fair")}
SCHEMAS = {"trades": "trade", "quotes": "quote", "reference": "reference", "fair": "fair"}


class Kept:
    """A sink that keeps what it is given, read back by a stock reader."""

    full = False

    def __init__(self):
        self.modes = dict.fromkeys(TOPICS, "container")
        self.prefixes = {}
        self.written = []

    def write(self, topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns):
        self.written.append((topic, key, slot, bytes(payload), records))

    def boundary(self):
        pass

    def records(self, topic):
        schema = fastavro.schema.load_schema(f"ingestor/wire/{SCHEMAS[topic]}.avsc")
        found = []
        for name, _, _, payload, count in self.written:
            if name == topic:
                stream = io.BytesIO(payload)
                found += [fastavro.schemaless_reader(stream, schema) for _ in range(count)]
                assert stream.read() == b""
        return found


@pytest.fixture
def sink():
    return Kept()


def pipeline_into(sink, instruments=None, **more):
    return Pipeline(instruments or btc(), Writer(sink, TOPICS, 3, 11), **more)


def test_each_trade_is_written_with_its_digits_and_its_number(sink):
    pipeline = pipeline_into(sink)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    for id, price in ((1, "64012.370"), (2, "0.00000001"), (2, "7"), (4, "123456789012345678")):
        binance.feed_bytes(binance_trade(id, price), NOW)
    pipeline.flush(NOW)
    records = sink.records("trades")
    assert [(each["id"], f"{each['price'].normalize():f}", each["record_sequence"], each["flags"])
            for each in records] == [
        ("1", "64012.37", 1, 0), ("2", "0.00000001", 2, 16), ("4", "123456789012345678", 3, 8 | 16)]
    assert {(each["shard"], each["epoch"], each["slot"], each["instrument"], each["symbol"], each["channel"])
            for each in records} == {(3, 11, 7, "btc-usd", "BTCUSD", "trade")}


def test_a_fair_price_is_written_when_it_changes_and_not_when_it_does_not(sink):
    pipeline = pipeline_into(sink)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    for update, bid in ((1, "100"), (2, "100"), (3, "102")):
        binance.feed_bytes(binance_quote(update, bid, "102"), NOW)
        binance.drained_now()
    pipeline.flush(NOW)
    assert [(each["price"], each["status"]) for each in sink.records("fair")] == [(101.0, "SINGLE"), (102.0, "SINGLE")]


def test_a_conflated_fair_price_keeps_the_last_of_each_interval(sink):
    pipeline = pipeline_into(sink, fair_every_ms=100)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    for number in range(30):
        at = NOW + number * 10_000_000
        binance.feed_bytes(binance_quote(number + 1, str(100 + number), str(102 + number)), at)
        binance.drained_now(at)
    pipeline.tick(NOW + 400_000_000)
    pipeline.flush(NOW + 400_000_000)
    assert [each["price"] for each in sink.records("fair")] == [101, 111, 121, 130]


def test_an_instrument_that_only_converts_is_priced_and_not_written(sink):
    instruments = build(["btc-usd"], [Market("btc-usd", "binance-spot", "BTCUSD")])
    instruments.rows[0].published = False
    pipeline = pipeline_into(sink, instruments)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    binance.feed_bytes(binance_quote(), NOW)
    pipeline.flush(NOW)
    assert pipeline.fairs()[0]["status"] == "SINGLE"
    assert sink.written == []


def test_a_value_beyond_the_schema_is_counted_and_the_rest_of_the_frame_is_written(sink):
    pipeline = pipeline_into(sink)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    binance.feed_bytes(binance_trade(1, "1e30"), NOW)
    binance.feed_bytes(binance_trade(2, "5"), NOW)
    pipeline.flush(NOW)
    assert [each["id"] for each in sink.records("trades")] == ["2"]
    assert pipeline.counters()["unwritten"] == 1


def test_what_one_venue_says_against_the_others_is_named_in_the_fair_record(sink):
    pipeline = pipeline_into(sink)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    coinbase = pipeline.open(load("coinbase-exchange"), "", "c0")
    kraken = pipeline.open(load("kraken-v2"), "", "c0")
    binance.feed_bytes(binance_quote(1, "100", "100.02"), NOW)
    coinbase.feed_bytes(coinbase_ticker(1, "100", "100.02"), NOW)
    kraken.feed_bytes(b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":107,"bid_qty":1,'
                      b'"ask":107.02,"ask_qty":1}]}', NOW)
    kraken.drained_now()
    pipeline.flush(NOW)
    assert sink.records("fair")[-1]["flagged"] == ["kraken-v2/kraken/BTC/USD"]


class Listening(Kept):
    """A sink that takes parcels and counts how often it is asked what arrived."""

    def __init__(self):
        super().__init__()
        self.outlet = Outbox(1 << 20, 1000)
        self.asked = 0

    def boundary(self):
        self.asked += 1


def test_a_sink_of_parcels_is_asked_with_each_wake_up_though_nothing_is_due():
    sink = Listening()
    binance = pipeline_into(sink).open(load("binance-spot"), "", "c0")
    for now_ns in (NOW, NOW + 999_999, NOW + 1_000_000, NOW + 5_000_000):
        binance.drained_now(now_ns)
    assert sink.asked == 3      # connections that are read within a millisecond ask it once


def test_a_sink_of_objects_is_asked_only_when_something_has_left():
    sink = Listening()
    sink.outlet = None
    pipeline = pipeline_into(sink)
    binance = pipeline.open(load("binance-spot"), "", "c0")
    binance.drained_now(NOW)
    assert sink.asked == 0
    binance.feed_bytes(binance_trade(1, "1"), NOW)
    pipeline.flush(NOW)
    assert sink.asked == 1
