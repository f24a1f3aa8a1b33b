"""A whole feed over real sockets into the real pipeline: each dialect, limits, restarts, changes, the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ingestor._core import Pipeline
from ingestor.errors import ConfigError
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.timing import Timing
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from tests.feeds.certificates import Authority
from tests.feeds.doors import until
from tests.feeds.exchange import ANSWERS, Exchange
from tests.feeds.peer import CONTINUATION, PING, frame
from tests.feeds.test_deflate import Deflater
from tests.markets import Market, binance_trade, build
from tests.proxy import Proxy

#: Real time, but no pauses: what is drawn is the low end.
AT_ONCE = Timing(uniform=lambda low, high: low)


def trades(*symbols: str) -> list[Subscription]:
    return [Subscription("trade", symbol) for symbol in symbols]


@asynccontextmanager
async def feeding(
    at: Exchange | Proxy, subscriptions: list[Subscription], dialect: str = "binance-spot", **settings: Any,
) -> AsyncIterator[tuple[Feed, Pipeline]]:
    """A running feed of BTCUSD to this server; stopped, and its run() awaited, at the end."""
    pipeline = Pipeline(build(["btc-usd"], [Market("btc-usd", dialect, "BTCUSD")]), None)
    provider = load(dialect)
    settings.setdefault("url", f"ws://127.0.0.1:{at.port}")
    feed = Feed(
        provider, FeedSettings(**settings), lambda section, name: pipeline.open(provider, section, name),
        timing=AT_ONCE)
    feed.set_subscriptions(subscriptions)
    running = asyncio.create_task(feed.run())
    try:
        yield feed, pipeline
    finally:
        await feed.stop()
        await running
    assert {link.state.name for link in feed.stats()} <= {"CLOSED"}


def states(feed: Feed) -> set[str]:
    return {link.state.name for link in feed.stats()}


def taken(pipeline: Pipeline) -> int:
    return sum(path["trades"] for path in pipeline.counters()["paths"])


def symbols(texts: list[bytes], method: str = "SUBSCRIBE") -> list[list[str]]:
    """The streams of each of Binance's requests."""
    return [message["params"] for message in map(json.loads, texts) if message["method"] == method]


@pytest.mark.parametrize("dialect", sorted(ANSWERS))
async def test_a_feed_of_each_dialect_goes_live_and_its_heartbeats_are_sent_and_answered(dialect):
    provider = load(dialect)
    subscriptions = [
        Subscription(channel.name, symbol, provider.session.endpoint_section(channel.name, ""))
        for channel in provider.channels if channel.default for symbol in ("BTC-USD", "ETH-USD")]
    beats = {"okx-v5", "bybit-v5", "kraken-v2"}
    async with Exchange(dialect) as exchange:
        limits = {"heartbeat_every_s": 0.02 if dialect in beats else 0, "messages_per_second_max": 0}
        async with feeding(exchange, subscriptions, dialect, limits=limits) as (feed, pipeline):
            await until(lambda: states(feed) == {"LIVE"})
            before = len(exchange.texts[0])
            if dialect in beats:
                await until(lambda: len(exchange.texts[0]) >= before + 3)
            stats = feed.stats()
            assert sum(link.active for link in stats) == len(subscriptions)
            assert [link.controls_misread for link in stats] == [0] * len(stats)
            assert [link.acks_missing for link in stats] == [0] * len(stats)
            statuses = [each["statuses"] for each in pipeline.counters()["connections"]]
            assert all(sum(each.values()) == each["control"] + each["ignored"] for each in statuses)


async def test_trades_flow_into_the_pipeline():
    async with Exchange("binance-spot") as exchange, feeding(exchange, trades("BTCUSD")) as (feed, pipeline):
        await until(lambda: states(feed) == {"LIVE"})
        await exchange.say(*(binance_trade(id) for id in range(1, 1001)))
        await until(lambda: taken(pipeline) == 1000)
        assert pipeline.fairs()[0]["price"] == 100.5


async def test_fragments_and_compressed_messages_flow_into_the_pipeline_too():
    answer = "Sec-WebSocket-Extensions: permessage-deflate"
    async with Exchange("binance-spot", headers=(answer,)) as exchange, feeding(
            exchange, trades("BTCUSD"), deflate=True) as (feed, pipeline):
        await until(lambda: states(feed) == {"LIVE"})
        deflate = Deflater()
        first, second, ack = deflate(binance_trade(1)), deflate(binance_trade(2)), deflate(b'{"result":null,"id":9}')
        plain = binance_trade(3)
        await exchange.send(
            frame(first, rsv=4), frame(second[:9], fin=False, rsv=4), frame(b"?", PING),
            frame(second[9:], CONTINUATION), frame(ack, rsv=4), frame(plain[:50], fin=False),
            frame(plain[50:], CONTINUATION), frame(binance_trade(4)))
        await until(lambda: taken(pipeline) == 4)
        counted = pipeline.counters()["connections"][0]
        assert (counted["statuses"]["decoded"], counted["statuses"]["control"]) == (4, 2)
        assert feed.stats()[0].connects == 1


async def test_bad_frames_are_counted_and_cost_neither_the_connection_nor_the_next_good_frame():
    good = binance_trade(1)
    bad = [b"", b"{", good[:60], b"\xff\xfe\x00", good.replace(b"100.5", b"1e5e"), good.replace(b"BTC", b"\xc3\x28C"),
           b"[" * 600 + b"]" * 600, good + b"x"]
    async with Exchange("binance-spot") as exchange, feeding(exchange, trades("BTCUSD")) as (feed, pipeline):
        await until(lambda: states(feed) == {"LIVE"})
        for number, frame_of_nobody in enumerate(bad):
            await exchange.say(frame_of_nobody, binance_trade(number + 10))
        await until(lambda: taken(pipeline) == len(bad))
        statuses = pipeline.counters()["connections"][0]["statuses"]
        refused = sum(statuses.values()) - statuses["decoded"] - statuses["control"] - statuses["ignored"]
        assert refused == len(pipeline.quarantine()) == len(bad)
        assert (feed.stats()[0].connects, states(feed)) == (1, {"LIVE"})


async def test_a_cut_line_is_replaced_and_everything_is_subscribed_again():
    async with Exchange("binance-spot") as exchange, Proxy(exchange.port) as proxy, feeding(
            proxy, trades("BTCUSD", "ETHUSD")) as (feed, pipeline):
        await until(lambda: states(feed) == {"LIVE"})
        await exchange.say(binance_trade(1))
        await until(lambda: taken(pipeline) == 1)
        for connections, reset in ((2, True), (3, False)):
            await proxy.cut(reset=reset)
            await exchange.until(connections, 1)
            await until(lambda: states(feed) == {"LIVE"})
        await exchange.say(binance_trade(2))
        await until(lambda: taken(pipeline) == 2)
        assert [symbols(texts) for texts in exchange.texts] == [[["btcusd@trade", "ethusd@trade"]]] * 3
        assert feed.stats()[0].disconnects == {"connection_lost": 2}
        assert [each["name"] for each in pipeline.counters()["connections"]] == ["c0"]


async def test_a_provider_that_is_away_is_tried_until_it_is_back():
    async with Exchange("binance-spot") as exchange, Proxy(exchange.port) as proxy:
        await proxy.refuse()
        async with feeding(proxy, trades("BTCUSD"), limits={"connects_per_minute_max": 0}) as (
                feed, _):
            await until(lambda: feed.stats()[0].disconnects["connect_failed"] >= 3)
            await proxy.accept()
            await until(lambda: states(feed) == {"LIVE"})


async def test_a_stalled_line_is_noticed_by_its_silence():
    async with Exchange("binance-spot") as exchange, Proxy(exchange.port) as proxy, feeding(
            proxy, trades("BTCUSD"), limits={"silence_max_s": 0.2}) as (feed, _):
        await until(lambda: states(feed) == {"LIVE"})
        proxy.stall()
        await until(lambda: feed.stats()[0].disconnects["silence"] == 1)
        proxy.flow()
        await until(lambda: states(feed) == {"LIVE"})


async def test_subscriptions_change_on_the_open_connection_and_the_rest_is_not_touched():
    async with Exchange("binance-spot") as exchange, feeding(exchange, trades("BTCUSD", "ETHUSD")) as (feed, _):
        await until(lambda: states(feed) == {"LIVE"})
        feed.set_subscriptions(trades("BTCUSD", "SOLUSD"))
        await exchange.until(1, 3)
        feed.set_subscriptions(trades("BTCUSD", "SOLUSD"))
        await until(lambda: feed.stats()[0].active == 2)
        assert symbols(exchange.texts[0]) == [["btcusd@trade", "ethusd@trade"], ["solusd@trade"]]
        assert symbols(exchange.texts[0], "UNSUBSCRIBE") == [["ethusd@trade"]]
        assert len(exchange.texts) == 1


async def test_subscriptions_spread_over_connections_and_connections_come_and_go():
    limits = {"subscriptions_per_connection_max": 2, "connects_per_minute_max": 0}
    async with Exchange("binance-spot") as exchange, feeding(
            exchange, trades("A", "B", "C", "D", "E"), limits=limits) as (feed, _):
        await until(lambda: states(feed) == {"LIVE"})
        assert [(link.name, link.wanted) for link in feed.stats()] == [("c0", 2), ("c1", 2), ("c2", 1)]
        feed.set_subscriptions(trades("A", "B", "E"))
        await until(lambda: [link.state.name for link in feed.stats()] == ["LIVE", "IDLE", "LIVE"])
        frames = feed.stats()[1].frames
        feed.set_subscriptions(trades("A", "B", "E", "F", "G", "H"))
        await until(lambda: states(feed) == {"LIVE"})
        assert [(link.name, link.wanted) for link in feed.stats()] == [("c0", 2), ("c1", 2), ("c2", 2)]
        assert feed.stats()[1].frames > frames > 0
        assert feed.stats()[1].disconnects == {"repacked": 1}


async def test_what_the_allowed_connections_cannot_carry_is_unplaced():
    limits = {"subscriptions_per_connection_max": 1, "connections_max": 1}
    async with Exchange("binance-spot") as exchange, feeding(exchange, trades("A", "B"), limits=limits) as (feed, _):
        await until(lambda: states(feed) == {"LIVE"})
        assert feed.unplaced == trades("B")


async def test_sections_have_their_own_connections_and_paths():
    subscriptions = [Subscription("publicTrade", "BTCUSDT", section) for section in ("spot", "linear")]
    async with Exchange("bybit-v5") as exchange, feeding(exchange, subscriptions, "bybit-v5") as (feed, _):
        await until(lambda: states(feed) == {"LIVE"})
        assert sorted(link.name for link in feed.stats()) == ["linear0", "spot0"]
        assert sorted(peer.path for peer in exchange.peers) == ["/linear", "/spot"]


async def test_a_feed_with_nothing_to_do_waits_for_its_first_subscription():
    async with Exchange("binance-spot") as exchange, feeding(exchange, []) as (feed, _):
        assert feed.stats() == []
        feed.set_subscriptions(trades("BTCUSD"))
        await until(lambda: states(feed) == {"LIVE"})


async def test_a_paused_feed_reads_nothing_and_then_everything():
    async with Exchange("binance-spot") as exchange, feeding(exchange, trades("BTCUSD")) as (feed, pipeline):
        await until(lambda: states(feed) == {"LIVE"})
        feed.pause_reading()
        await exchange.say(*(binance_trade(id) for id in range(1, 101)))
        await asyncio.sleep(0.05)
        assert taken(pipeline) == 0
        feed.resume_reading()
        await until(lambda: taken(pipeline) == 100)


async def test_stopping_says_goodbye_on_every_connection():
    limits = {"subscriptions_per_connection_max": 1, "connects_per_minute_max": 0}
    async with Exchange("binance-spot") as exchange:
        async with feeding(exchange, trades("A", "B", "C"), limits=limits) as (feed, _):
            await until(lambda: states(feed) == {"LIVE"})
        assert exchange.goodbyes == [b"\x03\xe8"] * 3
        feed.set_subscriptions(trades("Z"))     # after the end: taken down, and nothing more
        await feed.stop()


async def test_a_feed_stopped_before_it_ran_ends_at_once():
    feed = Feed(load("binance-spot"), FeedSettings(url="ws://127.0.0.1:1"), lambda section, name: None)
    feed.set_subscriptions(trades("BTCUSD"))
    await feed.stop()
    await feed.run()
    assert states(feed) == {"CLOSED"}


async def test_a_cancelled_feed_closes_its_connections():
    async with Exchange("binance-spot") as exchange:
        pipeline = Pipeline(build([], []), None)
        provider = load("binance-spot")
        feed = Feed(
            provider, FeedSettings(url=exchange.url), lambda section, name: pipeline.open(provider, section, name))
        feed.set_subscriptions(trades("BTCUSD"))
        running = asyncio.create_task(feed.run())
        await until(lambda: states(feed) == {"LIVE"})
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert exchange.goodbyes == [b"\x03\xe8"]


async def test_our_own_bug_ends_the_feed_and_is_raised():
    def broken(section: str, name: str) -> None:
        raise RuntimeError("no pipeline")

    feed = Feed(load("binance-spot"), FeedSettings(url="ws://127.0.0.1:1"), broken)
    feed.set_subscriptions(trades("BTCUSD"))
    with pytest.raises(ExceptionGroup) as caught:
        await feed.run()
    assert str(caught.value.exceptions[0]) == "no pipeline"
    await feed.stop()


async def test_a_feed_over_tls_trusts_the_given_authority_only(tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other authority")
    async with Exchange("binance-spot", tls=authority.server_context("127.0.0.1")) as exchange:
        right = {"url": exchange.url, "tls_ca_file": str(authority.file)}
        async with feeding(exchange, trades("BTCUSD"), **right) as (feed, _):
            await until(lambda: states(feed) == {"LIVE"})
        wrong = {"url": exchange.url, "tls_ca_file": str(other.file)}
        async with feeding(exchange, trades("BTCUSD"), **wrong) as (feed, _):
            await until(lambda: feed.stats()[0].disconnects["tls_refused"] >= 1)
            assert feed.stats()[0].connects == 0


def refused(dialect: str = "binance-spot", **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Feed(load(dialect), FeedSettings(**settings), lambda section, name: None)
    return str(caught.value)


def test_a_wrong_setting_is_told_before_anything_runs(tmp_path):
    assert "tls_ca_file" in refused(tls_ca_file=str(tmp_path / "missing.pem"))
    assert "tls_ca_file" in refused("kaiko", tls_ca_file=str(tmp_path / "missing.pem"))
    assert "connections_min" in refused(limits={"connections_min": 3})


def test_limits_replace_the_dialects_one_by_one():
    own = load("binance-spot").limits
    feed = Feed(
        load("binance-spot"), FeedSettings(limits={"connections_max": 7, "silence_max_s": 1.5}),
        lambda section, name: None)
    assert (feed.limits.connections_max, feed.limits.silence_max_s) == (7, 1.5)
    assert feed.limits.subscriptions_per_connection_max == own.subscriptions_per_connection_max
