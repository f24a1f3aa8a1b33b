"""The two lines of a redundant connection: opened apart, never replaced together, alike in what they carry."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from ingestor.errors import ConfigError
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.link import (
    COVER_LOOKS_EVERY_S,
    LEAVE_COVERED_WITHIN_S,
    LEAVE_WITHIN_S,
    OLD_COVERED_SHARE,
    OPEN_APART_WITHIN_S,
)
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from tests.feeds.fakedoor import FakeDoor
from tests.feeds.faketime import FakeTime, settle
from tests.feeds.peer import Intake

DAY_S = 86_400.0
LOOK_S = COVER_LOOKS_EVERY_S


def trades(*symbols: str) -> list[Subscription]:
    return [Subscription("trade", symbol) for symbol in symbols]


class Fake:
    """A feed on fake doors. `doors` are told by the name of their connection."""

    def __init__(self, **settings: Any) -> None:
        self.time = FakeTime()
        self.doors: dict[str, list[FakeDoor]] = {}
        self.away = False
        self.feed = Feed(
            load("binance-spot"), FeedSettings(**{"redundant": True, **settings}), self.open_connection,
            timing=self.time.timing, open_door=self.open_door)

    def open_connection(self, section: str, name: str) -> Intake:
        intake = Intake()
        intake.name = name      # type: ignore[attr-defined]
        return intake

    async def open_door(self, url: str, intake: Any, on_control: Any, **options: Any) -> FakeDoor:
        if self.away:
            raise ConnectionFault(Reason.CONNECT_TIMEOUT, "away")
        door = FakeDoor(intake, on_control, options, url, self.time)
        self.doors.setdefault(intake.name, []).append(door)
        return door

    async def acknowledge(self, *names: str) -> None:
        """Answer every request of the newest connections of these names."""
        for name in names:
            door = self.doors[name][-1]
            for text in door.taken():
                door.hear(b'{"result":null,"id":%s}' % text.rpartition(b'"id":')[2].rstrip(b"}"))
        await settle()

    def states(self) -> dict[str, str]:
        return {link.name: link.state.name for link in self.feed.stats()}

    def connects(self) -> dict[str, int]:
        return {name: len(doors) for name, doors in self.doors.items()}


@asynccontextmanager
async def feeding(*symbols: str, live: bool = True, **settings: Any) -> AsyncIterator[Fake]:
    settings.setdefault("limits", {"silence_max_s": 0, "connection_age_max_s": 0})
    fake = Fake(**settings)
    fake.feed.set_subscriptions(trades(*symbols))
    running = asyncio.create_task(fake.feed.run())
    try:
        await settle()
        if live:
            await fake.acknowledge("c0/a")
            await fake.time.advance(2 * LOOK_S)
            await fake.acknowledge("c0/b")
            assert fake.states() == {"c0/a": "LIVE", "c0/b": "LIVE"}
        yield fake
    finally:
        await fake.feed.stop()
        await running


async def test_the_second_line_opens_when_the_first_is_live():
    async with feeding("a", live=False) as fake:
        await fake.time.advance(OPEN_APART_WITHIN_S / 2)
        assert fake.connects() == {"c0/a": 1}
        await fake.acknowledge("c0/a")
        await fake.time.advance(2 * LOOK_S)
        assert fake.connects() == {"c0/a": 1, "c0/b": 1}
        assert fake.doors["c0/a"][0].sent_at[0] < fake.doors["c0/b"][0].sent_at[0]


async def test_a_first_line_that_does_not_come_holds_up_the_second_once_and_not_for_long():
    async with feeding("a", live=False) as fake:
        await fake.time.advance(OPEN_APART_WITHIN_S + 2 * LOOK_S)
        assert fake.connects() == {"c0/a": 1, "c0/b": 1}


async def test_both_lines_carry_the_same_and_follow_each_change():
    async with feeding("a", "b") as fake:
        fake.feed.set_subscriptions(trades("b", "c"))
        await fake.time.advance(2)
        for name in ("c0/a", "c0/b"):
            [asked, left] = sorted(text.partition(b',"id"')[0] for text in fake.doors[name][0].taken())
            assert (asked, left) == (b'{"method":"SUBSCRIBE","params":["c@trade"]',
                                     b'{"method":"UNSUBSCRIBE","params":["a@trade"]')
        assert fake.connects() == {"c0/a": 1, "c0/b": 1}


async def test_a_lost_line_comes_back_by_itself_and_the_other_stays():
    async with feeding("a") as fake:
        fake.doors["c0/a"][0].fail(Reason.CONNECTION_LOST)
        await settle()
        assert fake.states()["c0/b"] == "LIVE"
        await fake.time.advance(60)
        assert fake.connects() == {"c0/a": 2, "c0/b": 1}


async def test_over_ten_days_no_two_lines_are_ever_away_together_and_each_is_replaced_in_time():
    async with feeding("a", limits={"silence_max_s": 0, "connection_age_max_s": DAY_S}) as fake:
        opened: dict[str, list[float]] = {"c0/a": [fake.time.now], "c0/b": [fake.time.now]}
        for _ in range(int(10 * DAY_S / 300)):
            await fake.time.advance(300)
            assert "LIVE" in fake.states().values()
            for name, doors in fake.doors.items():
                if len(doors) > len(opened[name]):
                    opened[name].append(fake.time.now)
                    await fake.acknowledge(name)
        ages = {name: [later - earlier for earlier, later in pairwise(times)]
                for name, times in opened.items()}
        assert all(0.4 * DAY_S < age < DAY_S for each in ages.values() for age in each)
        assert 0.4 * DAY_S < ages["c0/b"][0] < 0.5 * DAY_S < min(ages["c0/a"])
        apart = [abs(one - other) for one in opened["c0/a"][1:] for other in opened["c0/b"][1:]]
        assert min(apart) > 0.3 * DAY_S


async def test_an_old_line_waits_for_the_other_to_be_back_but_is_not_late_for_it():
    limits = {"silence_max_s": 0, "connection_age_max_s": DAY_S}
    async with feeding("a", limits=limits) as fake:
        await fake.time.advance(0.47 * DAY_S)
        fake.away = True        # the second line never comes back
        fake.doors["c0/b"][0].fail(Reason.CONNECTION_LOST)
        await fake.time.advance(0.48 * DAY_S)
        assert fake.states()["c0/a"] == "LIVE"
        await fake.time.advance(OLD_COVERED_SHARE * DAY_S + LOOK_S)
        assert fake.states()["c0/a"] != "LIVE"
        assert fake.feed.stats()[0].disconnects["age"] == 1
        assert fake.time.now - fake.doors["c0/a"][0].sent_at[0] < DAY_S


async def test_two_lines_that_are_asked_to_leave_at_once_leave_one_after_the_other():
    async with feeding("a") as fake:
        await fake.time.advance(3600)
        for name in ("c0/a", "c0/b"):
            fake.doors[name][0].hear(b'{"e":"serverShutdown","E":1}')
        await fake.time.advance(LEAVE_WITHIN_S + LOOK_S)
        assert sorted(fake.connects().values()) == [1, 2]
        [back] = [name for name, count in fake.connects().items() if count == 2]
        assert fake.states()[({"c0/a", "c0/b"} - {back}).pop()] == "LIVE"
        await fake.acknowledge(back)
        await fake.time.advance(2 * LOOK_S)
        assert fake.connects() == {"c0/a": 2, "c0/b": 2}


async def test_a_line_that_is_asked_to_leave_goes_even_if_the_other_never_comes():
    async with feeding("a") as fake:
        fake.away = True
        fake.doors["c0/b"][0].fail(Reason.CONNECTION_LOST)
        await settle()
        fake.doors["c0/a"][0].hear(b'{"e":"serverShutdown","E":1}')
        await fake.time.advance(LEAVE_WITHIN_S + LEAVE_COVERED_WITHIN_S + 2 * LOOK_S)
        assert fake.states()["c0/a"] != "LIVE"


async def test_a_full_connection_is_split_on_both_lines_alike():
    limits = {"silence_max_s": 0, "connection_age_max_s": 0, "subscriptions_per_connection_max": 2}
    async with feeding("a", "b", "c", live=False, limits=limits) as fake:
        assert [(link.name, link.wanted) for link in fake.feed.stats()] == [
            ("c0/a", 2), ("c0/b", 2), ("c1/a", 1), ("c1/b", 1)]


@pytest.mark.parametrize(("most", "places", "left"), [(0, 3, 0), (6, 3, 0), (5, 2, 1), (2, 1, 2)])
async def test_two_lines_take_two_of_the_connections_that_a_provider_allows(most: int, places: int, left: int):
    limits = {"silence_max_s": 0, "connections_max": most, "subscriptions_per_connection_max": 1}
    async with feeding("a", "b", "c", live=False, limits=limits) as fake:
        assert len(fake.feed.stats()) == 2 * places
        assert len(fake.feed.unplaced) == left


def test_a_provider_that_allows_one_connection_has_no_second_line() -> None:
    with pytest.raises(ConfigError, match=r"providers\.binance-spot\.redundant takes 2 connections"):
        Fake(limits={"connections_max": 1})


async def test_a_pause_of_reading_holds_both_lines():
    async with feeding("a") as fake:
        moves: list[tuple[Callable[[], None], bool]] = [
            (fake.feed.pause_reading, True), (fake.feed.resume_reading, False)]
        for move, paused in moves:
            move()
            assert [doors[0].paused for doors in fake.doors.values()] == [paused, paused]
