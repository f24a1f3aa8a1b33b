"""A redundant feed over real sockets: lines that lag and are killed, and every trade published once."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from ingestor._core import Pipeline
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.timing import Timing
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.wire.writer import Writer
from tests.feeds.doors import until
from tests.feeds.peer import Peer, Server, frame
from tests.markets import Market, binance_trade, build
from tests.test_core_written import TOPICS, Kept

TRADES = 1200
SYMBOLS = {"binance-spot": "BTCUSD", "kraken-v1": "XBT/USD"}
ANSWERS = {
    "binance-spot": b'{"result":null,"id":1}',
    "kraken-v1": b'{"channelName":"trade","event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed"}'}


def v1_trade(id: int) -> bytes:
    """Two at a time are alike to the digit, and none has an id."""
    return f'[321,[["{id // 2 + 1}","1","1786562940.5","s","m",""]],"trade","XBT/USD"]'.encode()


def name_of(message: Any) -> Any:
    """The id of a trade, or its price where it has none."""
    return message["data"]["t"] if isinstance(message, dict) else message[1][0][0]


class Tape(Server):
    """Plays the same trades to each line, from where they are when it subscribes; each line lags as it likes."""

    def __init__(self, dialect: str, trades: list[bytes]) -> None:
        super().__init__(self._play)
        self.answer = ANSWERS[dialect]
        self.trades = trades
        self.position = 0
        self.playing: list[Peer] = []

    async def move_on(self, trades: int, published: Callable[[], int], lines: int = 1) -> None:
        """Let so many trades happen, once so many lines listen and have all that was before one of them came."""
        await until(lambda: len(self.playing) >= lines and published() == self.position)
        for _ in range(trades):
            self.position += 1
            await asyncio.sleep(0)

    async def _play(self, peer: Peer) -> None:
        chance = random.Random(len(self.peers))
        await peer.hear_text()
        await peer.send(frame(self.answer))
        at = self.position
        self.playing.append(peer)
        hearing = asyncio.create_task(peer.hear_close())
        try:
            while not hearing.done():
                lag = chance.choice((0, 0, 0, 1, 5, 40))
                while at < self.position - lag or (at < self.position == len(self.trades)):
                    await peer.send(frame(self.trades[at]))
                    at += 1
                await asyncio.sleep(0.001)
        finally:
            self.playing.remove(peer)
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)


@pytest.mark.parametrize(("dialect", "trade"), [("binance-spot", binance_trade), ("kraken-v1", v1_trade)])
async def test_a_line_is_killed_and_then_the_other_and_not_a_trade_is_lost_or_doubled(
        dialect: str, trade: Callable[[int], bytes]) -> None:
    sink, provider = Kept(), load(dialect)
    pipeline = Pipeline(
        build(["btc-usd"], [Market("btc-usd", dialect, SYMBOLS[dialect])]), Writer(sink, TOPICS, 3, 11))
    trades = [trade(id) for id in range(TRADES)]

    def published() -> int:
        return int(pipeline.tables.path_counters()[0]["trades"])

    async with Tape(dialect, trades) as tape:
        feed = Feed(
            provider, FeedSettings(url=tape.url, redundant=True, limits={"connects_per_minute_max": 0}),
            lambda section, name: pipeline.open(provider, section, name),
            timing=Timing(uniform=lambda low, high: low))
        feed.set_subscriptions([Subscription("trade", SYMBOLS[dialect])])
        running = asyncio.create_task(feed.run())
        try:
            for victim in (0, 0, 1, 0):
                await tape.move_on(TRADES // 6, published, lines=2)
                tape.playing[victim].writer.transport.abort()
                await tape.move_on(TRADES // 12, published)
            await tape.move_on(TRADES - tape.position, published, lines=2)
            await until(lambda: published() == TRADES)
        finally:
            await feed.stop()
            await running
    pipeline.flush(2 * 10**18)
    found = sorted(float(record["id"] or record["price"]) for record in sink.records("trades"))
    assert found == sorted(float(name_of(json.loads(each))) for each in trades)
    lines = {each["name"]: each for each in pipeline.counters()["connections"]}
    assert set(lines) == {"c0/a", "c0/b"}
    assert all(each["first"] > 0 and each["copies"] > 0 for each in lines.values())
    assert sum(each["first"] for each in lines.values()) == TRADES
    assert [link.connects for link in feed.stats()] == [3, 3]
