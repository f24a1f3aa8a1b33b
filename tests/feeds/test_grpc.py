"""The gRPC door and link against a real grpcio server with Kaiko's own protos."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from ingestor._core import Pipeline
from ingestor.feeds import tls
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.grpc import MESSAGE_BYTES_MAX, Call, GrpcDoor, open_grpc
from ingestor.feeds.timing import Timing
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from tests.feeds.certificates import Authority
from tests.feeds.doors import fault_of, until
from tests.feeds.http2peer import GOAWAY, Http2Peer, Http2Server, data, frame, headers, number
from tests.feeds.kaikoserver import TRADES, UPDATES, KaikoServer, best, trade
from tests.feeds.peer import Intake
from tests.markets import Market, build
from tests.proxy import Proxy

KEY = "k3y-0123456789abcdef"


FASTER = 100


async def short(seconds: float) -> None:
    await asyncio.sleep(seconds / FASTER)


#: Real time, a hundred times faster, and without pauses: what is drawn is the low end.
FAST = Timing(lambda: time.monotonic() * FASTER, short, lambda low, high: low)


def wanted(channel: str, *codes: str) -> list[Subscription]:
    return [Subscription(channel, code, "spot", "cbse") for code in codes]


BOTH = [*wanted("trades", "btc-usd"), *wanted("top_of_book", "btc-usd")]


@asynccontextmanager
async def feeding(
    port: int, subscriptions: list[Subscription], **settings: Any,
) -> AsyncIterator[tuple[Feed, Pipeline]]:
    """A running feed of btc-usd and eth-usd; stopped at the end."""
    pipeline = Pipeline(build(["btc-usd", "eth-usd"], [
        Market(code, "kaiko", code, venue="coinbase", section="spot", venue_code="cbse")
        for code in ("btc-usd", "eth-usd")]), None)
    provider = load("kaiko")
    settings.setdefault("url", f"grpc://127.0.0.1:{port}")
    settings.setdefault("limits", {"connects_per_minute_max": 0, "silence_max_s": 0})
    feed = Feed(
        provider, FeedSettings(**settings), lambda section, name: pipeline.open(provider, section, name),
        timing=FAST)
    feed.set_subscriptions(subscriptions)
    running = asyncio.create_task(feed.run())
    try:
        yield feed, pipeline
    finally:
        await feed.stop()
        await running
    assert {link.state.name for link in feed.stats()} == {"CLOSED"}


def count(pipeline: Pipeline, kind: str = "trades") -> int:
    return sum(path[kind] for path in pipeline.counters()["paths"])


def of(server: KaikoServer, service: str) -> list:
    return [call for call in server.calls if call.service == service]


async def test_trades_and_both_sides_of_the_book_flow_into_the_pipeline():
    with KaikoServer() as server:
        async with feeding(server.port, BOTH, key=KEY) as (feed, pipeline):
            await until(lambda: len(server.calls) == 2)
            of(server, TRADES)[0].send(*(trade(id) for id in range(200)))
            of(server, UPDATES)[0].send(best(price=100.0), best(price=101.0, ask=True))
            await until(lambda: count(pipeline) == 200 and count(pipeline, "quotes") == 2)
            stats = feed.stats()[0]
            assert (stats.state.name, stats.active, stats.refused) == ("LIVE", 2, 0)
            assert stats.frames >= 202, "the server's pings count, too"
            assert pipeline.fairs()[0]["n"] == 1
            assert {call.metadata["authorization"] for call in server.calls} == {f"Bearer {KEY}"}


async def test_a_refused_key_is_not_hammered_and_not_shown(capsys):
    def refuse(call, context) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, f"no such key: {KEY}")

    with KaikoServer(refuse) as server:
        async with feeding(server.port, wanted("trades", "btc-usd"), key=KEY) as (feed, _):
            await until(lambda: feed.stats()[0].state.name == "WAITING")
            stats = feed.stats()[0]
            assert stats.disconnects == {"unauthenticated": 1}
            assert stats.last_error == "UNAUTHENTICATED: no such key: ***"
            await short(60)
            assert len(server.calls) == 1
    assert KEY not in capsys.readouterr().out


async def test_one_call_that_is_not_ours_is_refused_and_the_other_flows():
    def refuse(call, context) -> None:
        if call.service == UPDATES:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not in your plan")

    with KaikoServer(refuse) as server:
        async with feeding(server.port, BOTH) as (feed, pipeline):
            await until(lambda: feed.stats()[0].refused == 1 and of(server, TRADES))
            of(server, TRADES)[0].send(trade(1))
            await until(lambda: count(pipeline) == 1)
            stats = feed.stats()[0]
            assert (stats.state.name, stats.active, stats.last_error) == (
                "LIVE", 1, "PERMISSION_DENIED: not in your plan")
            feed.set_subscriptions([*BOTH, *wanted("trades", "eth-usd")])
            await until(lambda: len(of(server, TRADES)) == 2)
            assert len(of(server, UPDATES)) == 1


async def test_when_every_call_is_refused_the_connection_waits():
    def refuse(call, context) -> None:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not in your plan")

    with KaikoServer(refuse) as server:
        async with feeding(server.port, BOTH) as (feed, _):
            await until(lambda: feed.stats()[0].state.name == "WAITING")
            assert feed.stats()[0].disconnects == {"provider_error": 1}
            await short(60)
            assert len(server.calls) == 2


async def test_a_stream_that_ends_well_is_asked_for_again_on_the_same_connection():
    with KaikoServer() as server:
        async with feeding(server.port, wanted("trades", "btc-usd")) as (feed, pipeline):
            await until(lambda: len(server.calls) == 1)
            server.calls[0].send(trade(1))
            server.calls[0].end()
            await until(lambda: len(server.calls) == 2)
            server.calls[1].send(trade(2))
            await until(lambda: count(pipeline) == 2)
            assert feed.stats()[0].connects == 1


async def test_a_server_that_restarts_is_found_again_with_everything_subscribed():
    with KaikoServer() as server:
        async with feeding(server.port, BOTH) as (feed, pipeline):
            await until(lambda: len(server.calls) == 2)
            server.kill()
            await until(lambda: feed.stats()[0].disconnects)    # goodbye came first, or the end of the line
            with KaikoServer(port=server.port) as again:
                await until(lambda: len(again.calls) == 2)
                of(again, TRADES)[0].send(trade(1))
                await until(lambda: count(pipeline) == 1)
                assert feed.stats()[0].connects == 2


async def test_a_server_that_goes_away_is_left_as_planned_and_loses_nothing():
    scripts: list[Http2Peer] = []

    async def script(peer: Http2Peer) -> None:
        scripts.append(peer)
        await peer.hear_request()
        begin, id = headers(1), len(scripts)
        await peer.send(begin, data(1, trade(id)))
        if id == 1:
            await peer.send(frame(GOAWAY, 0, number(1) + number(0)), data(1, trade(100)))
        await peer.reader.read()

    async with Http2Server(script) as server, feeding(server.port, wanted("trades", "btc-usd")) as (feed, pipeline):
        await until(lambda: count(pipeline) == 3)
        assert (feed.stats()[0].disconnects, feed.stats()[0].connects) == ({"reconnect_requested": 1}, 2)


async def test_a_cut_line_is_replaced():
    with KaikoServer() as server:
        async with Proxy(server.port) as proxy, feeding(proxy.port, wanted("trades", "btc-usd")) as (feed, pipeline):
            await until(lambda: len(server.calls) == 1)
            await proxy.cut(reset=True)
            await until(lambda: len(server.calls) == 2)
            server.calls[1].send(trade(1))
            await until(lambda: count(pipeline) == 1)
            assert feed.stats()[0].disconnects == {"connection_lost": 1}


async def test_a_stalled_line_is_noticed_by_its_silence():
    with KaikoServer() as server:
        limits = {"connects_per_minute_max": 0, "silence_max_s": 20}
        async with Proxy(server.port) as proxy, feeding(
                proxy.port, wanted("trades", "btc-usd"), limits=limits) as (feed, _):
            await until(lambda: len(server.calls) == 1)
            proxy.stall()
            await until(lambda: feed.stats()[0].disconnects["silence"] >= 1)
            proxy.flow()


async def test_a_call_that_is_replaced_goes_on_until_its_successor_brought_something():
    with KaikoServer() as server:
        async with feeding(server.port, BOTH) as (feed, pipeline):
            await until(lambda: len(server.calls) == 2)
            old = of(server, TRADES)[0]
            feed.set_subscriptions([*BOTH, *wanted("trades", "eth-usd")])
            await until(lambda: len(of(server, TRADES)) == 2)
            old.send(trade(1))
            await until(lambda: count(pipeline) == 1)
            assert not old.is_over.is_set()
            new = of(server, TRADES)[1]
            assert new.codes == ["btc-usd", "eth-usd"]
            new.send(trade(1), trade(2), trade(3, "eth-usd"))
            await until(old.is_over.is_set)
            await until(lambda: count(pipeline) == 3)
            assert len(of(server, UPDATES)) == 1
            assert feed.stats()[0].connects == 1


async def test_a_subscription_that_goes_ends_its_call():
    with KaikoServer() as server:
        async with feeding(server.port, BOTH) as (feed, _):
            await until(lambda: len(server.calls) == 2)
            feed.set_subscriptions(BOTH[:1])
            await until(of(server, UPDATES)[0].is_over.is_set)
            assert not of(server, TRADES)[0].is_over.is_set()


# The door alone.


async def open_door(url: str, intake: Intake, *, tls_ca_file: str | None = None, within_s: float = 5.0,
                    on_refused: Callable[[Call, str, bool], None] = lambda call, message, retryable: None) -> GrpcDoor:
    return await open_grpc(
        url, intake, lambda message: None, on_refused, lambda words: None, metadata={},
        tls=tls.context(tls_ca_file) if tls.is_wanted(url) else None, connect_within_s=within_s, timing=Timing())


def trades_call(code: str = "btc-usd") -> Call:
    path, prefix, request, _ = load("kaiko").session.requests(wanted("trades", code))[0]
    return Call(path, prefix, request)


async def test_messages_reach_the_intake_with_their_methods_byte_and_a_boundary_follows():
    with KaikoServer() as server:
        intake = Intake()
        door = await open_door(f"grpc://127.0.0.1:{server.port}", intake)
        door.set_calls([trades_call()])
        await until(lambda: server.calls)
        server.calls[0].send(trade(1), trade(2))
        assert await intake.until(2) == [b"T" + trade(1), b"T" + trade(2)]
        await until(lambda: intake.boundaries)
        assert (door.frames >= 2, door.bytes_in) == (True, 2 + len(trade(1) + trade(2)))
        assert door.last_frame_ns == intake.times[-1]
        await door.close()


async def test_a_message_of_the_limit_arrives_and_one_byte_more_ends_the_connection():
    with KaikoServer() as server:
        intake = Intake()
        door = await open_door(f"grpc://127.0.0.1:{server.port}", intake)
        door.set_calls([trades_call()])
        await until(lambda: server.calls)
        server.calls[0].send(b"x" * MESSAGE_BYTES_MAX)
        assert [len(message) for message in await intake.until(1)] == [16 << 20]
        server.calls[0].send(b"x" * (MESSAGE_BYTES_MAX + 1))
        assert (await fault_of(door)).reason is Reason.MESSAGE_TOO_BIG
        await door.close()


async def test_a_paused_door_holds_the_server_back_and_loses_nothing():
    with KaikoServer() as server:
        intake = Intake()
        door = await open_door(f"grpc://127.0.0.1:{server.port}", intake)
        door.set_calls([trades_call()])
        await until(lambda: server.calls)
        door.pause_reading()
        server.calls[0].send(*(trade(id) for id in range(100)))
        await asyncio.sleep(0.05)
        assert len(intake.messages) <= 1
        door.resume_reading()
        assert len(await intake.until(100)) == 100
        await door.close()


@pytest.mark.parametrize("where", ["feed_bytes", "drained_now"])
async def test_our_own_bug_ends_the_connection_and_is_named(where):
    def broken(*_: object) -> None:
        raise RuntimeError("bug of ours")

    with KaikoServer() as server:
        intake = Intake()
        setattr(intake, where, broken)
        door = await open_door(f"grpc://127.0.0.1:{server.port}", intake)
        door.set_calls([trades_call()])
        await until(lambda: server.calls)
        server.calls[0].send(trade(1))
        fault = await fault_of(door)
        assert (fault.reason, "bug of ours" in str(fault)) == (Reason.INTERNAL_ERROR, True)
        await door.close()


async def refused(url: str, **more: Any) -> ConnectionFault:
    with pytest.raises(ConnectionFault) as caught:
        await open_door(url, Intake(), **more)
    return caught.value


async def test_nobody_listening_is_told():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert (await refused(f"grpc://127.0.0.1:{unused.getsockname()[1]}")).reason is Reason.CONNECT_FAILED


async def test_a_server_that_speaks_nothing_times_out():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        fault = await refused(f"grpc://127.0.0.1:{mute.getsockname()[1]}", within_s=0.1)
        assert fault.reason is Reason.CONNECT_TIMEOUT


async def test_tls_is_verified(tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other authority")

    def credentials(host: str) -> grpc.ServerCredentials:
        chain, key = authority.issue(host)
        return grpc.ssl_server_credentials([(key.read_bytes(), chain.read_bytes())])

    with KaikoServer(credentials=credentials("127.0.0.1")) as server:
        url = f"127.0.0.1:{server.port}"
        door = await open_door(url, Intake(), tls_ca_file=str(authority.file))
        await door.close()
        assert (await refused(url, tls_ca_file=str(other.file))).reason is Reason.TLS_REFUSED
        assert (await refused(url)).reason is Reason.TLS_REFUSED
    with KaikoServer(credentials=credentials("elsewhere.example")) as server:
        fault = await refused(f"127.0.0.1:{server.port}", tls_ca_file=str(authority.file))
        assert fault.reason is Reason.TLS_REFUSED
