"""Kaiko over real gRPC: criteria, keys, ends, and every trade that was accounted for."""

import grpc
import pytest
from conversing import bounded, engine, until

from ingestor.decode import Decoder
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.simulator import Fault, Simulator, SimulatorSpec
from ingestor.simulator.engine import TRADES, Happening
from ingestor.simulator.faults import Faults
from ingestor.simulator.grpc_server import KaikoServer, Stream
from ingestor.simulator.kaiko_messages import SERVICES

SPEC = {"dialects": ("kaiko",), "rate": 600.0, "bursts": False}
BTC = Subscription("trades", "btc-usd", "spot", "bfnx")


def talked(talk, **more):
    async def within():
        simulator = Simulator(SimulatorSpec(**SPEC, **more))
        addresses = await simulator.start()
        try:
            async with grpc.aio.insecure_channel(addresses["kaiko"].removeprefix("http://")) as channel:
                result = await talk(simulator, channel)
        finally:
            await simulator.stop()
        return result, simulator.summary()["dialects"]["kaiko"]

    return bounded(within())


def call(channel, subscription, key=""):
    """One stream as our session asks for it, and the byte that names its method."""
    session = load("kaiko").session
    [(path, prefix, request, _)] = session.requests([subscription])
    method = channel.unary_stream(path, request_serializer=None, response_deserializer=None)
    return method(request, metadata=tuple(session.headers(key).items())), prefix


async def records(stream, prefix, count):
    decoder, found = Decoder("kaiko"), []
    async for message in stream:
        status, rows = decoder.decode(prefix + message)
        assert status == "decoded"
        found += rows
        if len(found) >= count:
            break
    return found


def test_trades_of_the_wanted_market_arrive_numbered_without_holes():
    async def talk(simulator, channel):
        return await records(*call(channel, BTC), 60)

    found, summary = talked(talk)
    ids = [int(record["id"]) for record in found]
    assert {(record["symbol"], record["venue"]) for record in found} == {("btc-usd", "bfnx")}
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    [account] = summary["channels"]
    assert ids[0] == int(account["first_id"])
    assert ids[-1] <= int(account["last_id"])


def test_a_top_of_book_comes_one_side_a_message_and_only_when_it_moved():
    async def talk(simulator, channel):
        return await records(*call(channel, BTC._replace(channel="top_of_book")), 60)

    last = {}
    for record in talked(talk)[0]:
        [side] = [side for side in ("bid", "ask") if record[side] is not None]
        assert last.get(side) != (record[side], record[f"{side}_size"])
        last[side] = record[side], record[f"{side}_size"]
    assert set(last) == {"bid", "ask"}


def test_a_star_means_every_exchange():
    async def talk(simulator, channel):
        return await records(*call(channel, BTC._replace(venue="")), 120)

    assert {record["venue"] for record in talked(talk)[0]} == {"bfnx", "stmp"}


@pytest.mark.parametrize(("subscription", "key", "code"), [
    (BTC, "bad", grpc.StatusCode.UNAUTHENTICATED),
    (BTC._replace(symbol="no-usd"), "good", grpc.StatusCode.INVALID_ARGUMENT)])
def test_a_bad_key_or_an_unknown_market_is_refused_with_grpcs_own_code(subscription, key, code):
    async def talk(simulator, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await records(*call(channel, subscription, key), 1)
        return caught.value.code()

    assert talked(talk, keys={"kaiko": "good"})[0] is code


def test_close_ends_the_stream_as_a_restart_does_and_a_new_one_is_refused_during_the_outage():
    async def talk(simulator, channel):
        stream, prefix = call(channel, BTC)
        await records(stream, prefix, 1)
        simulator.inject(Fault("close", 0.0, 60.0))
        codes = []
        for following in (stream, call(channel, BTC)[0]):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in following:
                    pass
            codes.append(caught.value.code())
        return codes

    assert talked(talk)[0] == [grpc.StatusCode.UNAVAILABLE] * 2


def test_a_garbage_message_does_not_cost_the_next_good_one():
    async def talk(simulator, channel):
        stream, prefix = call(channel, BTC)
        decoder, statuses = Decoder("kaiko"), []
        async for message in stream:
            if not statuses:
                simulator.inject(Fault("garbage", 0.0))
            statuses.append(decoder.decode(prefix + message)[0])
            if len(statuses) == 40:
                break
        return statuses

    statuses = talked(talk)[0]
    assert len([status for status in statuses if status != "decoded"]) == 1


def test_a_stream_that_lags_too_far_behind_is_ended(monkeypatch):
    monkeypatch.setattr("ingestor.simulator.grpc_server.WAITING_MAX", 2)
    running = engine()
    markets = [market for market in running.markets if market.spec.dialect == "kaiko"]

    async def within():
        server = KaikoServer(markets, Faults((), (), 1))
        stream = Stream("trades", frozenset(markets), SERVICES["StreamTradesServiceV1"].renders(None))
        server._streams.append(stream)
        for _ in range(3):
            server.deliver(Happening(markets[0], TRADES, markets[0].trade(running.now_ns)))
            server.flush()
        server.close_peers()        # also where a queue is full
        return stream.waiting.get_nowait()

    assert bounded(within()) is None


def test_streams_that_nobody_reads_any_more_are_forgotten():
    async def talk(simulator, channel):
        stream, prefix = call(channel, BTC)
        await records(stream, prefix, 1)
        stream.cancel()
        await until(lambda: not simulator._ports["kaiko"]._streams)

    talked(talk)
