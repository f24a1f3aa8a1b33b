"""Holes and their ends: each number is received, filled, never issued or lost, exactly once."""

import asyncio
import io
import random
from collections import Counter

import fastavro
import pytest

from ingestor._core import Pipeline
from ingestor.feeds.backfill import TRIES_MAX, Backfill
from ingestor.feeds.backoff import RETRY_AFTER_MAX_S
from ingestor.feeds.fetch import FetchFault, HistorySettings
from ingestor.providers.registry import load
from ingestor.wire.quality import QualityTopic
from ingestor.wire.schemas import schema
from tests.feeds.faketime import FakeTime
from tests.feeds.histories import SYMBOLS, FakeFetch, journey, past_of
from tests.markets import NOW, SECOND, Market, build
from tests.wire.kept import Kept

QUALITY = fastavro.parse_schema(schema("quality", "record"))
DIALECTS = list(SYMBOLS)


class House:
    """One market of one dialect: its pipeline, its backfill, and what it published about quality."""

    def __init__(self, dialect, past, **settings):
        self.dialect, self.past, self.time, self.sink = dialect, past, FakeTime(), Kept()
        self.pipeline = Pipeline(build(["btc-usd"], [Market("btc-usd", dialect, SYMBOLS[dialect])]), None)
        self.backfill = Backfill(
            self.pipeline, QualityTopic(self.sink, 0, 1, lambda: NOW), {dialect: HistorySettings(**settings)},
            timing=self.time.timing, clock_ns=lambda: NOW, poll_every_s=1.0,
            fetch=lambda transport, url, given: FakeFetch(dialect, past, lambda: self.time.now))
        self.connection = self.connect()

    def connect(self):
        opened = self.pipeline.open(load(self.dialect), "", "c0")
        if self.dialect == "bitfinex":      # it names its channels by number
            opened.feed_bytes(b'{"event":"subscribed","channel":"trades","chanId":7,"symbol":"tBTCUSD"}', NOW)
        return opened

    def hear(self, *numbers):
        for number in numbers:
            status = self.connection.feed_bytes(self.past.frame(self.dialect, number), NOW + number)
            assert status == 0

    async def passes(self, seconds):
        task = asyncio.create_task(self.backfill.run())
        until = self.time.now + seconds
        await self.time.advance(min(seconds, 2.0))
        while self.time.now < until and any(self.backfill.ledger) and not task.done():
            await self.time.advance(5.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            await task

    def run(self, seconds=200.0):
        asyncio.run(self.passes(seconds))

    def quality(self):
        return [fastavro.schemaless_reader(io.BytesIO(payload[10:]), QUALITY, None)
                for payload in self.sink.payloads("quality")]

    def ends(self):
        """number -> how it ended, from the quality topic alone; no number may end twice."""
        found = {}
        for record in self.quality():
            if record["event"] == "GAP_CLOSED":
                for number in range(record["first_missing"], record["last_missing"] + 1):
                    assert number not in found
                    found[number] = record["status"]
        return found

    @property
    def trades(self):
        return self.pipeline.tables.path_counters()[0]["trades"]

    @property
    def counts(self):
        [counts] = self.backfill.ledger.counts.values()
        return counts


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_skipped_range_is_filled_from_the_history(dialect):
    house = House(dialect, past_of(range(1, 300)))
    house.hear(*range(1, 100), *range(200, 300))
    house.run()
    assert Counter(house.ends().values()) == {"FILLED": 100}
    assert house.trades == 299
    opened, closed = house.quality()
    assert (opened["event"], opened["status"], opened["reason"]) == ("GAP_OPENED", "OPEN", "skipped")
    assert (opened["first_missing"], opened["last_missing"], opened["records"]) == (100, 199, 100)
    assert (closed["subject"], closed["reason"], closed["records"]) == (opened["subject"], "history", 100)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_numbers_that_the_history_lacks_between_its_own_were_never_issued(dialect):
    missing = {105, 106, 130, 199}
    house = House(dialect, past_of(range(1, 300), missing))
    house.hear(*range(1, 100), *range(200, 300))
    house.run()
    assert {number for number, status in house.ends().items() if status == "NEVER_ISSUED"} == missing
    assert Counter(house.ends().values()) == {"FILLED": 96, "NEVER_ISSUED": 4}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_hole_of_which_nothing_was_issued_is_told_so(dialect):
    house = House(dialect, past_of(range(1, 300), range(100, 200)))
    house.hear(*range(1, 100), *range(200, 300))
    house.run()
    assert Counter(house.ends().values()) == {"NEVER_ISSUED": 100}
    assert house.trades == 199


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_that_lags_proves_nothing_until_it_has_caught_up(dialect):
    house = House(dialect, past_of(range(1, 202)))
    house.past.lag = 20
    house.hear(*range(1, 100), 200, 201)

    async def story():
        task = asyncio.create_task(house.backfill.run())
        await house.time.advance(1.5)
        assert not any(record["status"] == "NEVER_ISSUED" for record in house.quality())
        house.past.lag = 0
        await house.time.advance(60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert Counter(house.ends().values()) == {"FILLED": 100}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_history_that_never_catches_up_ends_as_lost(dialect):
    house = House(dialect, past_of(range(1, 202)))
    house.past.lag = 21
    house.hear(*range(1, 100), 200, 201)
    house.run()
    assert Counter(house.ends().values())["LOST"] >= 19
    assert set(house.ends().values()) <= {"LOST", "FILLED"}
    assert set(house.ends()) == set(range(100, 200))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_history_has_forgotten_is_lost(dialect):
    house = House(dialect, past_of(range(1, 300)))
    house.past.oldest = 150
    house.hear(*range(1, 100), *range(200, 300))
    house.run()
    ends = house.ends()
    assert all(ends[number] == "FILLED" for number in range(150, 200))
    assert all(ends[number] == "LOST" for number in range(100, 150))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_pages_are_followed_to_the_end_of_the_hole(dialect):
    house = House(dialect, past_of(range(1, 2000)))
    house.past.page_max = 1000
    house.hear(*range(1, 100), *range(1900, 2000))
    house.run()
    assert Counter(house.ends().values()) == {"FILLED": 1800}
    assert len(house.past.asked) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("seed", range(6))
def test_every_number_ends_exactly_once(dialect, seed):
    chance = random.Random(seed)
    never = {number for number in range(2, 599) if chance.random() < 0.03}
    past = past_of(range(1, 600), never)
    past.page_max = chance.choice((7, 100, 1000))
    past.lag = chance.choice((0, 0, 3))
    past.oldest = chance.choice((0, 0, 200))
    past.faults = [FetchFault("503: busy", status=503) for _ in range(chance.randrange(4))]
    order, unheard = journey(chance, past)
    house = House(dialect, past)
    house.hear(*order)
    house.run(600)
    ends, heard = house.ends(), set(order)
    late = {number for number in heard if ends.get(number) == "FILLED"}
    filled = {number for number, status in ends.items() if status == "FILLED"} - late
    lost = {number for number, status in ends.items() if status == "LOST"}
    issued_nowhere = {number for number, status in ends.items() if status == "NEVER_ISSUED"}
    span = set(range(min(order), max(order) + 1))
    assert span == heard | filled | lost | issued_nowhere
    assert not heard & (filled | lost | issued_nowhere)
    assert filled <= unheard
    assert issued_nowhere <= never
    assert house.trades == len(heard) + len(filled)
    counts = house.counts
    assert counts.missing == sum(counts.ended.values()) == len(ends)
    assert counts.open == 0
    assert counts.holes == sum(counts.closed.values())


def test_requests_keep_the_providers_rate():
    house = House("kraken-v2", past_of(range(1, 2000)))
    for start in range(1, 1000, 100):
        house.hear(*range(start, start + 50))
    house.past.page_max = 60    # each hole needs a request of its own
    house.run()
    assert set(house.ends().values()) == {"FILLED"}
    gaps = [later - earlier for earlier, later in zip(house.past.at_s, house.past.at_s[1:], strict=False)]
    assert len(gaps) >= 5
    assert min(gaps) >= 1 / load("kraken-v2").session.history.limits.requests_per_second - 1e-6


def test_a_hole_that_closes_by_itself_is_not_asked_for():
    house = House("binance-spot", past_of(range(1, 100)))
    house.hear(1, 2, 5, 3, 4, 6)
    house.run()
    assert house.past.asked == []
    assert house.ends() == {3: "FILLED", 4: "FILLED"}
    assert {record["reason"] for record in house.quality()} == {"skipped", "late"}


def test_a_retry_after_is_obeyed_for_all_holes_of_the_provider():
    house = House("binance-spot", past_of(range(1, 100)))
    house.past.faults = [FetchFault("429: slow down", status=429, retry_after_s=120)]
    house.hear(1, 5, 9, 13)
    house.run()
    assert set(house.ends().values()) == {"FILLED"}
    assert house.past.at_s[1] - house.past.at_s[0] >= 120
    assert house.backfill.requests == {("binance-spot", "limited"): 1, ("binance-spot", "answered"): 3}


def test_an_endless_pause_costs_the_holes_of_an_hour_and_not_all_that_follow():
    house = House("binance-spot", past_of(range(1, 100)))
    house.past.faults = [FetchFault("429: go away", status=429, retry_after_s=1e12)]
    house.hear(1, 5)
    house.run(RETRY_AFTER_MAX_S + 100)
    house.hear(9)
    house.run(100)
    ends = house.ends()
    assert {ends[number] for number in (2, 3, 4)} == {"LOST"}
    assert {ends[number] for number in (6, 7, 8)} == {"FILLED"}


def test_a_refusal_is_not_repeated():
    house = House("binance-spot", past_of(range(1, 100)))
    house.past.faults = [FetchFault("400: Invalid symbol.", retryable=False, status=400)]
    house.hear(1, 5)
    house.run()
    assert len(house.past.asked) == 1
    assert [(record["status"], record["reason"], record["detail"]) for record in house.quality()[1:]] == [
        ("LOST", "refused", "400: Invalid symbol.")]


def test_errors_end_after_so_many_tries():
    house = House("binance-spot", past_of(range(1, 100)))
    house.past.faults = [FetchFault("503: busy", status=503)] * 100
    house.hear(1, 5)
    house.run(600)
    assert len(house.past.asked) == TRIES_MAX
    assert house.quality()[-1]["reason"] == "tries"


@pytest.mark.parametrize("answer", [
    b"<html>", b"[]", b"null", b'{"error":["EService:Busy"]}', b'{"error":[],"result":{"last":"1"}}',
    b'{"error":[],"result":{"X":[["1","1",1688669597.8,"b","l","",4,5]],"last":"1"}}',
    b'{"error":[],"result":{"X":[["1","z",1688669597.8,"b","l","",4]],"last":"1"}}'])
def test_an_answer_that_nobody_understands_is_lost_after_so_many_tries_and_the_shard_lives(answer):
    house = House("kraken-v2", past_of(range(1, 100)))
    house.hear(1, 5)
    house.past.instead = answer
    house.run(600)
    assert house.quality()[-1]["status"] == "LOST"
    assert house.backfill.requests["kraken-v2", "misread"] == TRIES_MAX


def test_more_pages_than_the_budget_are_lost():
    house = House("binance-spot", past_of(range(1, 1000)))
    house.past.page_max = 5     # a page that is not full ends there, and makes progress
    house.hear(1, 999)
    house.run(1000)
    ends = Counter(house.ends().values())
    assert ends["FILLED"] == 400
    assert ends["LOST"] == 597
    assert house.quality()[-1]["reason"] == "budget"


def test_without_a_history_a_hole_is_lost_at_once():
    house = House("binance-spot", past_of(range(1, 100)), enabled=False)
    house.hear(1, 5)
    house.run()
    assert house.past.asked == []
    assert (house.quality()[-1]["reason"], house.ends()) == ("no_history", {2: "LOST", 3: "LOST", 4: "LOST"})


def test_what_is_open_when_the_shard_stops_is_named_as_lost():
    house = House("binance-spot", past_of(range(1, 100)))
    house.hear(1, 5)
    house.run(0.5)
    assert house.quality()[-1]["reason"] == "stopped"
    assert house.ends() == {2: "LOST", 3: "LOST", 4: "LOST"}


def test_a_secret_in_an_answer_is_masked():
    house = House("binance-spot", past_of(range(1, 100)), key="s3cret-s3cret")
    house.past.faults = [FetchFault("401: bad key s3cret-s3cret", retryable=False, status=401)]
    house.hear(1, 5)
    house.run()
    assert "s3cret" not in house.quality()[-1]["detail"]


def test_a_trade_of_the_history_moves_no_price():
    house = House("binance-spot", past_of(range(1, 100)))
    house.hear(1, 2, 50, 51)
    house.pipeline.tick(NOW + SECOND)
    before = house.pipeline.fairs()
    house.run()
    house.pipeline.tick(NOW + SECOND)
    assert house.trades == 51
    assert [(fair["price"], fair["version"]) for fair in house.pipeline.fairs()] == [
        (fair["price"], fair["version"]) for fair in before]


def test_a_trade_of_the_history_that_comes_live_afterwards_is_a_duplicate():
    house = House("binance-spot", past_of(range(1, 100)))
    house.hear(1, 5)
    house.run()
    house.hear(2, 3, 4)
    assert house.trades == 5
    assert house.pipeline.tables.path_counters()[0]["duplicates"] == 3


def test_a_reconnect_of_a_gapless_channel_shows_its_hole_by_number():
    house = House("kraken-v2", past_of(range(1, 100)))
    house.hear(*range(1, 20))
    house.connection.close()
    house.connection = house.connect()
    house.hear(*range(40, 60))
    house.run()
    assert house.ends() == dict.fromkeys(range(20, 40), "FILLED")


def test_a_fault_of_our_own_costs_the_hole_and_not_the_shard(monkeypatch):
    house = House("binance-spot", past_of(range(1, 100)))
    monkeypatch.setattr(FakeFetch, "__call__", lambda self, request: 1 / 0)
    house.hear(1, 5)
    house.run()
    assert (house.quality()[-1]["reason"], house.quality()[-1]["detail"]) == (
        "fault", "ZeroDivisionError: division by zero")
