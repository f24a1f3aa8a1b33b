"""The `fair` topic, whole: frames in, records out through a stock reader, every field against the slow twin.

The twin (tests/reference/consensus.py) is asked at the same times with the same quotes and trades.
"""

from math import nan

import pytest

from ingestor.pricing.consensus import parameters_hash
from ingestor.providers.registry import load
from tests.markets import (
    NOW,
    SECOND,
    Instrument,
    Market,
    With,
    binance_quote,
    binance_trade,
    build,
    coinbase_ticker,
    kraken_ticker,
)
from tests.reference.consensus import Reference
from tests.test_core_written import Kept, pipeline_into

NUMBERS = ("price", "conf", "q25", "q75", "anchor", "gate", "n_eff", "score", "age_freshest_s", "age_oldest_s")
EXACT = ("status", "n", "n_used", "venues_used", "ts_event_ns", "ts_emit_ns", "version")
WHOLE = {
    "shard", "epoch", "slot", "instrument", "reference_version", "method", "parameters_hash", "conversions",
    "record_sequence", "flagged", *NUMBERS, *EXACT}


def instruments():
    """btc-usd on three venues in dollars and on one in USDT, which two venues price in dollars."""
    return build(
        [Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")]), "btc-usdt", "usdt-usd"],
        [Market("btc-usd", "binance-spot", "BTCUSD"), Market("btc-usd", "coinbase-exchange", "BTC-USD"),
         Market("btc-usd", "kraken-v2", "BTC/USD"), Market("btc-usdt", "binance-spot", "BTCUSDT", venue="other"),
         Market("usdt-usd", "coinbase-exchange", "USDT-USD"), Market("usdt-usd", "kraken-v2", "USDT/USD")])


class Both:
    """The pipeline and its twin, given the same."""

    def __init__(self, **more):
        self.sink, self.now, self.updates = Kept(), NOW, 0
        tables = instruments()
        self.pipeline = pipeline_into(self.sink, tables, **more)
        self.links = {name: self.pipeline.open(load(name), "", "c0")
                      for name in ("binance-spot", "coinbase-exchange", "kraken-v2")}
        self.twins: dict[str, Reference] = {}
        self.votes: dict[str, list[tuple[str, int]]] = {}       # of a symbol: instruments and their sources
        self.names: dict[str, list[str]] = {}
        self.said: dict[tuple[str, int], dict] = {}
        for row in tables.rows:
            paths = [tables.paths[source.path] for source in row.sources]
            self.names[row.id] = [f"{path.provider}/{path.venue}/{path.symbol}" for path in paths]
            for number, path in enumerate(paths):
                self.votes.setdefault(path.symbol, []).append((row.id, number))
            self.twins[row.id] = Reference({}, [
                (source.venue, source.trust, None if source.conversion < 0 else
                 self.twins[tables.rows[source.conversion].id]) for source in row.sources])

    def quote(self, symbol, bid, ask):
        self.updates += 1
        second = (self.now - NOW) // SECOND
        provider, frame, event, sizes = {
            "BTCUSD": ("binance-spot", binance_quote(self.updates, bid, ask), None, (1.0, 2.0)),
            "BTCUSDT": ("binance-spot", binance_quote(self.updates, bid, ask, "BTCUSDT"), None, (1.0, 2.0)),
            "BTC-USD": ("coinbase-exchange", coinbase_ticker(self.updates, bid, ask, second), second, (1.0, 1.0)),
            "USDT-USD": ("coinbase-exchange", coinbase_ticker(self.updates, bid, ask, second).replace(
                b"BTC-USD", b"USDT-USD"), second, (1.0, 1.0)),
            "BTC/USD": ("kraken-v2", kraken_ticker(bid, ask), None, (1.0, 1.0)),
            "USDT/USD": ("kraken-v2", kraken_ticker(bid, ask).replace(b"BTC/USD", b"USDT/USD"), None, (1.0, 1.0)),
        }[symbol]
        for instrument, source in self.votes[symbol]:
            self.twins[instrument].quote(
                source, float(bid), float(ask), self.now, *sizes, None if event is None else NOW + event * SECOND)
        self.feed(provider, frame, symbol)

    def trade(self, price, size):
        self.updates += 1
        for instrument, source in self.votes["BTCUSD"]:
            self.twins[instrument].trade(source, float(price), float(size), self.now, NOW)
        self.feed("binance-spot", binance_trade(self.updates, price, size), "BTCUSD")

    def feed(self, provider, frame, symbol):
        self.links[provider].feed_bytes(frame, self.now)
        self.links[provider].drained_now(self.now)
        self.evaluated(instrument for instrument, _ in self.votes[symbol])

    def tick(self):
        """A sweep: all that was ever priced, conversions first."""
        self.pipeline.tick(self.now)
        self.evaluated(name for name, twin in self.twins.items() if twin.version)

    def evaluated(self, names):
        for name in list(names):
            found = self.twins[name].evaluate(self.now)
            self.said[name, found["version"]] = dict(found)

    def records(self):
        self.pipeline.flush(self.now)
        return self.sink.records("fair")


@pytest.fixture
def played():
    """A market that agrees, a venue that goes wrong, then silence until the price is held, and ends."""
    both = Both()
    for second in range(12):
        both.now = NOW + second * SECOND
        wrong = second >= 6
        both.quote("USDT-USD", "0.9989", f"0.999{second % 3}")
        both.quote("USDT/USD", "0.9988", "0.9991")
        both.quote("BTCUSD", f"{64000 + second}", f"{64001 + second}")
        both.quote("BTC-USD", f"{63999 + second}", f"{64002 + second}")
        both.quote("BTC/USD", *(("67840", "67842") if wrong else ("64000", "64003")))
        both.quote("BTCUSDT", f"{64065 + second}", f"{64066 + second}")
        both.trade(f"{64000 + second}.5", "0.5")
    for second in (*range(12, 46), 300, 341, 342, 343):
        both.now = NOW + second * SECOND
        both.tick()
    return both, both.records()


def test_every_field_of_every_record_is_the_twins(played):
    both, records = played
    assert {each["status"] for each in records} == {"SINGLE", "DEGRADED", "OK", "HELD", "UNAVAILABLE"}
    for record in records:
        assert set(record) == WHOLE
        said = both.said[record["instrument"], record["version"]]
        for name in EXACT:
            assert record[name] == said[name], (record, name)
        for name in NUMBERS:
            wanted = said.get(name)
            if wanted is None:
                assert record[name] is None, (record, name)
            else:
                assert record[name] == pytest.approx(wanted, rel=1e-9), (record, name)
        assert record["flagged"] == [both.names[record["instrument"]][i] for i in said["flagged"]]


def test_each_change_of_price_status_or_confidence_is_a_record_and_nothing_else_is(played):
    both, records = played
    for instrument in both.twins:
        last, wanted = ("UNAVAILABLE", nan, nan), []
        for (name, version), said in both.said.items():
            now = (said["status"], said["price"], said["conf"])
            if name == instrument and (said["status"] == "HELD" or now != last) and not (
                    now[0] == last[0] == "UNAVAILABLE"):
                wanted.append(version)
                last = now
        assert [each["version"] for each in records if each["instrument"] == instrument] == wanted


def test_a_record_says_how_it_was_made(played):
    _, records = played
    for record in records:
        assert (record["shard"], record["epoch"], record["slot"]) == (3, 11, 7)
        assert (record["method"], record["parameters_hash"]) == ("consensus_v1", parameters_hash({}))
        assert record["conversions"] == (["usdt-usd"] if record["instrument"] == "btc-usd" else [])
    for instrument in ("btc-usd", "btc-usdt", "usdt-usd"):
        numbers = [each["record_sequence"] for each in records if each["instrument"] == instrument]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_venue_that_is_six_percent_off_is_named_and_moves_nothing(played):
    _, records = played
    flagged = [each for each in records if each["flagged"]]
    assert {tuple(each["flagged"]) for each in flagged} == {("kraken-v2/kraken/BTC/USD",)}
    assert all(63_990 < each["price"] < 64_030 for each in records if each["instrument"] == "btc-usd" and each["price"])


def test_a_source_in_usdt_has_no_vote_while_usdt_has_no_price():
    both = Both()
    both.quote("BTCUSDT", "64065", "64066")
    assert [each["instrument"] for each in both.records()] == ["btc-usdt"]


@pytest.mark.parametrize(("every_ms", "expected"), [(0, 40), (100, 4), (1000, 1)])
def test_a_price_that_changes_each_ten_milliseconds_is_published_as_often_as_is_set(every_ms, expected):
    both = Both(fair_every_ms=every_ms)
    for step in range(40):
        both.now = NOW + step * SECOND // 100
        both.quote("BTCUSD", f"{64000 + step}", f"{64001 + step}")
    records = both.records()
    conflated = records if every_ms == 0 else records[:-1]      # the flush at the end brings the last change
    assert len(conflated) == expected
    assert records[-1]["price"] == 64039.5
