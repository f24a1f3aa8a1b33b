"""Repeated trade ids: what is remembered, for how long, and at the limit. Driven through the pipeline."""

import random
from collections import OrderedDict

import pytest

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from tests.markets import NOW, SECOND, Market, build

IDS_START = 64
IDS_MAX = 4096
WINDOW = 600 * SECOND


class Twin:
    """The rule in plain Python: a ring that doubles when it turns within ten minutes."""

    def __init__(self, start):
        self.size, self.used, self.turned, self.seen = IDS_START, 0, start, OrderedDict()

    def repeats(self, id, now):
        if id in self.seen:
            return True
        if self.used == self.size:
            if self.size < IDS_MAX and now - self.turned < WINDOW:
                self.size *= 2
            else:
                self.used = 0
            self.turned = now
        if len(self.seen) == self.size:
            self.seen.popitem(last=False)
        self.seen[id] = None
        self.used += 1
        return False


def drive(ids, step_ns):
    """Duplicates counted after each id, by the pipeline and by the twin."""
    pipeline = Pipeline(build(["btc-usd"], [Market("btc-usd", "coinbase-exchange", "BTC-USD")]), None)
    connection = pipeline.open(load("coinbase-exchange"), "", "c0")
    twin, expected, counted = Twin(NOW), 0, []
    for number, id in enumerate(ids):
        now = NOW + number * step_ns
        connection.feed_bytes((f'{{"type":"match","trade_id":{id},"side":"buy","size":"1","price":"2",'
                               f'"product_id":"BTC-USD","time":"2026-08-12T19:29:00Z"}}').encode(), now)
        expected += twin.repeats(id, now)
        counted.append((pipeline.tables.path_counters()[0]["duplicates"], expected))
    return counted


@pytest.mark.parametrize("step_ns", [0, SECOND, 20 * SECOND])
@pytest.mark.parametrize("seed", range(4))
def test_repeats_are_known_as_long_as_the_ring_holds_them(seed, step_ns):
    chance = random.Random(seed)
    ids = [chance.choice((number, max(0, number - chance.randrange(200)), chance.randrange(10**20)))
           for number in range(6000)]
    assert all(counted == expected for counted, expected in drive(ids, step_ns))


def test_a_busy_market_remembers_exactly_its_last_4096_ids():
    ids = [*range(20_000), 20_000 - IDS_MAX, 20_000 - IDS_MAX - 1]
    counted = drive(ids, 0)
    assert [count for count, _ in counted[-2:]] == [1, 1]


@pytest.mark.parametrize("disorder_each", [1, 50, 700, 5000, 9000])
@pytest.mark.parametrize("jump", [1, 3])
def test_ids_that_nearly_always_rise_are_remembered_as_long_as_any_others(disorder_each, jump):
    chance = random.Random(disorder_each + jump)
    ids, number = [], 10_000
    while len(ids) < 20_000:
        number += chance.randint(1, jump)
        ids.append(number)
        if chance.random() * disorder_each < 1:
            ids.append(number - chance.randrange(6000))
    assert all(counted == expected for counted, expected in drive(ids, 0))


def test_a_ring_that_turns_without_growing_goes_on_in_order():
    ids = [*range(3 * IDS_START), *range(3 * IDS_START), 5, 4 * IDS_START, *range(4 * IDS_START, 8 * IDS_START), 7]
    counted = drive(ids, 20 * SECOND)
    assert all(count == expected for count, expected in counted)


def test_an_id_of_letters_and_one_beyond_64_bits_are_told_apart_from_their_neighbours():
    ids = ['"a"', '"b"', '"a"', '"7bf02dbc-1b5d-58f4-a2af-fbfc0531b6f3"', '"7bf02dbc-1b5d-58f4-a2af-fbfc0531b6f4"',
           100182534526255757567432481, 100182534526255757567432482, 100182534526255757567432481, '"01"', 1]
    assert drive(ids, 0)[-1] == (2, 2)


@pytest.mark.parametrize("size", range(1, 41))
def test_ids_that_differ_in_one_character_wherever_it_stands_are_told_apart(size):
    ids = [f'"{"-" * place}{letter}{"-" * (size - place - 1)}"' for place in range(size) for letter in "abz"]
    assert drive(ids, 0)[-1] == (0, 0)
