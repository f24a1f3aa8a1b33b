"""Holes over a swap of the tables: they follow their subscriptions, and those of what is gone are told lost."""

import asyncio
from collections import Counter

from ingestor._core import Pipeline
from ingestor.edition import Edition
from tests.feeds.histories import SYMBOLS, FakeFetch, past_of
from tests.feeds.test_backfill import House
from tests.markets import NOW, Market, build

DIALECT = "binance-spot"
OTHERS = [Market(f"x{number}-usd", DIALECT, f"X{number}") for number in range(3)]


def swap(house, *, stays=True):
    """Other tables, in which every number is another one."""
    own = [Market("btc-usd", DIALECT, SYMBOLS[DIALECT])] if stays else []
    instruments = build([*(each.instrument for each in OTHERS), "btc-usd"], [*OTHERS, *own])
    edition = Edition(house.pipeline, Pipeline(instruments, None))
    house.backfill.poll()
    edition.swap(NOW)
    house.backfill.follow(edition.succession.subscriptions_to)


def test_a_hole_is_filled_under_its_new_number():
    house = House(DIALECT, past_of(range(1, 300)))
    house.hear(*range(1, 100), *range(200, 300))
    swap(house)
    house.run()
    assert Counter(house.ends().values()) == {"FILLED": 100}
    assert {record["symbol"] for record in house.quality()} == {SYMBOLS[DIALECT]}


def test_a_late_number_ends_its_hole_after_a_swap():
    house = House(DIALECT, past_of(range(1, 20)))
    house.hear(1, 2, 5)
    swap(house)
    house.hear(3, 4)
    house.backfill.poll()
    assert house.ends() == {3: "FILLED", 4: "FILLED"}


def test_a_hole_of_a_market_that_is_gone_is_lost_by_name_and_not_asked_for():
    house = House(DIALECT, past_of(range(1, 300)))
    house.hear(*range(1, 100), *range(200, 300))
    swap(house, stays=False)
    house.run()
    assert Counter(house.ends().values()) == {"LOST": 100}
    closed = house.quality()[-1]
    assert (closed["reason"], closed["symbol"], closed["instrument"]) == ("unsubscribed", SYMBOLS[DIALECT], "btc-usd")
    assert house.past.asked == []
    assert house.counts.open == 0


def test_an_answer_for_a_market_that_is_gone_meanwhile_is_dropped():
    house = House(DIALECT, past_of(range(1, 300)))
    house.hear(*range(1, 100), *range(200, 300))

    async def story():
        answered = asyncio.Event()

        class Slow(FakeFetch):
            async def __call__(self, request):
                answer = await super().__call__(request)
                await answered.wait()
                return answer

        house.backfill._open_fetch = lambda *_: Slow(DIALECT, house.past, lambda: house.time.now)
        task = asyncio.create_task(house.backfill.run())
        await house.time.advance(20.0)
        assert house.past.asked
        swap(house, stays=False)
        answered.set()
        await house.time.advance(20.0)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert Counter(house.ends().values()) == {"LOST": 100}
    assert sum(house.backfill.requests.values()) == 0
