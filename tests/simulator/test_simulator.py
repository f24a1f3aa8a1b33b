"""Real sockets: what is sent is what is accounted for, and what goes wrong goes wrong as asked."""

import asyncio
import json
import ssl

import pytest
from conversing import bounded, decode, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ingestor.decode import Decoder
from ingestor.errors import ConfigError
from ingestor.simulator import Fault, Simulator, SimulatorSpec, run
from ingestor.simulator.faults import Faults
from tests.feeds.certificates import Authority

SUBSCRIBE = json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1})
SPOT = {"dialects": ("binance-spot",), "rate": 2000.0, "bursts": False}


def simulated(spec, talk):
    """Run `talk(simulator, addresses)` against a simulator; its result and the summary."""
    async def within():
        simulator = Simulator(spec)
        addresses = await simulator.start()
        try:
            result = await talk(simulator, addresses)
        finally:
            await simulator.stop()
        return result, simulator.summary()

    return bounded(within())


async def subscribed(addresses, *, bytes_max=1 << 20):
    socket = await connect(f"{addresses['binance-spot']}/stream", max_size=bytes_max, compression=None,
                           close_timeout=1, max_queue=None)
    await socket.send(SUBSCRIBE)
    assert json.loads(await socket.recv()) == {"result": None, "id": 1}
    return socket


async def received(socket, count):
    return [await socket.recv(decode=False) for _ in range(count)]


def test_every_trade_that_was_accounted_for_arrives_once_and_in_order():
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as socket:
            frames = await received(socket, 300)
            await simulator.stop()      # what is on the line still arrives
            return frames + [frame.encode() async for frame in socket]

    frames, summary = simulated(SimulatorSpec(**SPOT), talk)
    for channel in summary["dialects"]["binance-spot"]["channels"]:
        ids = [record["id"] for frame in frames for record in decode("binance-spot", frame)
               if record["symbol"] == channel["symbol"]]
        assert ids == [str(number) for number in range(int(channel["first_id"]), int(channel["last_id"]) + 1)]
        assert channel["records"] == len(ids)


def test_the_summary_counts_frames_and_connections_and_is_json():
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as first, await subscribed(addresses) as second:
            await received(first, 20)
            await received(second, 20)

    _, summary = simulated(SimulatorSpec(**SPOT), talk)
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["mode"], summary["connections"]) == ("live", 2)
    assert summary["frames"] >= 40


def test_only_what_was_subscribed_is_sent_and_an_unsubscribed_stream_ends():
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as socket:
            before = await received(socket, 60)
            await socket.send('{"method":"UNSUBSCRIBE","params":["ethusdt@trade"],"id":2}')
            while b'"id":2' not in await socket.recv(decode=False):
                pass
            return before, await received(socket, 60)

    (before, after), _ = simulated(SimulatorSpec(**SPOT), talk)
    streams = [{json.loads(frame)["stream"] for frame in frames} for frames in (before, after)]
    assert streams == [{"btcusdt@trade", "ethusdt@trade"}, {"btcusdt@trade"}]


def test_a_path_that_is_not_there_is_answered_with_404():
    async def talk(simulator, addresses):
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{addresses['binance-spot']}/nowhere")
        return caught.value.response.status_code

    assert simulated(SimulatorSpec(**SPOT), talk)[0] == 404


def test_a_port_in_use_is_one_clear_line():
    async def talk(simulator, addresses):
        port = int(addresses["binance-spot"].rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"can't listen on 127.0.0.1:{port}: .*choose another port"):
            await Simulator(SimulatorSpec(**SPOT, ports={"binance-spot": port})).start()

    simulated(SimulatorSpec(**SPOT), talk)


def test_with_a_certificate_every_port_speaks_tls(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")

    async def talk(simulator, addresses):
        context = ssl.create_default_context(cafile=authority.file)
        async with connect(f"{addresses['binance-spot']}/stream", ssl=context, server_hostname="localhost",
                           close_timeout=1, max_queue=None) as socket:
            await socket.send(SUBSCRIBE)
            return await received(socket, 3)

    spec = SimulatorSpec(**SPOT, tls_cert_file=str(certificate), tls_key_file=str(key))
    frames, summary = simulated(spec, talk)
    assert len(frames) == 3
    assert summary["dialects"]["binance-spot"]["url"].startswith("wss://")


def test_an_unreadable_certificate_is_one_clear_line(tmp_path):
    spec = SimulatorSpec(**SPOT, tls_cert_file=str(tmp_path / "no.pem"), tls_key_file=str(tmp_path / "no.key"))
    with pytest.raises(ConfigError, match=r"no\.pem"):
        bounded(Simulator(spec).start())


def test_a_bad_coinapi_key_ends_the_connection_with_the_providers_words():
    async def talk(simulator, addresses):
        async with connect(addresses["coinapi"]) as socket:
            await socket.send('{"type":"hello","apikey":"bad"}')
            error = json.loads(await socket.recv())
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
        return error, caught.value.rcvd.reason

    (error, reason), _ = simulated(SimulatorSpec(dialects=("coinapi",), keys={"coinapi": "good"}), talk)
    assert error == {"type": "error", "message": "Invalid API key"}
    assert reason == "Invalid API key"


def test_run_ends_after_its_duration_with_the_summary():
    seen = []
    summary = bounded(run(SimulatorSpec(**SPOT, duration_s=0.05), lambda simulator: seen.append(simulator.addresses)))
    assert list(seen[0]) == list(summary["dialects"]) == ["binance-spot"]


def test_run_ends_when_it_is_told_to():
    async def told():
        stop = asyncio.Event()
        return await run(SimulatorSpec(**SPOT), lambda simulator: stop.set(), stop)

    assert bounded(told())["connections"] == 0


# Faults.

BAD = {"truncate": "truncated", "garbage": "syntax", "corrupt": "syntax"}


@pytest.mark.parametrize("kind", [*BAD, "wrong_symbol", "duplicate"])
def test_a_bad_message_stands_beside_the_good_ones_which_all_arrive(kind):
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as socket:
            await received(socket, 5)
            simulator.inject(Fault(kind, 0.0))
            return await received(socket, 200)

    frames, summary = simulated(SimulatorSpec(**SPOT), talk)
    decoder = Decoder("binance-spot")
    outcomes = [decoder.decode(frame) for frame in frames]
    bad = [status for status, _ in outcomes if status != "decoded"]
    assert bad == ([BAD[kind]] if kind in BAD else [])
    known = [record for _, records in outcomes for record in records if record["symbol"] in ("BTCUSDT", "ETHUSDT")]
    doubles = len(known) - len({(record["symbol"], record["id"]) for record in known})
    assert (doubles, len(frames) - len(known)) == {"wrong_symbol": (0, 1), "duplicate": (1, 0)}.get(kind, (0, 1))
    for symbol in ("BTCUSDT", "ETHUSDT"):
        ids = sorted({int(record["id"]) for record in known if record["symbol"] == symbol})
        assert ids == list(range(ids[0], ids[-1] + 1))
    assert summary["faults"] == {kind: 1}


def test_a_fault_with_a_duration_strikes_again_and_again():
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as socket:
            simulator.inject(Fault("garbage", 0.0, 20.0))
            return await received(socket, 500)

    frames, _ = simulated(SimulatorSpec(**SPOT), talk)
    assert 10 <= sum(frame.startswith(b"\xff") for frame in frames) <= 40


def test_reordered_messages_are_the_same_messages():
    async def talk(simulator, addresses):
        async with await subscribed(addresses) as socket:
            simulator.inject(Fault("reorder", 0.0, 20.0))
            return await received(socket, 600)

    frames, summary = simulated(SimulatorSpec(**SPOT), talk)
    ids = [int(record["id"]) for frame in frames for record in decode("binance-spot", frame)
           if record["symbol"] == "BTCUSDT"]
    assert summary["faults"]["reorder"] > 0
    assert len(set(ids)) == len(ids)


def test_a_line_that_never_asks_for_anything_does_not_hold_up_the_end():
    async def talk(simulator, addresses):
        host, port = addresses["binance-spot"].removeprefix("ws://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        await until(lambda: bool(simulator._ports["binance-spot"].lines))
        await simulator.stop()
        writer.close()

    assert simulated(SimulatorSpec(**SPOT), talk)[1]["connections"] == 0


def test_a_single_message_waits_for_another_to_be_reordered_with():
    faults = Faults([Fault("reorder", 0.0)], [], 1)
    faults.begin(0.0)
    assert faults.shape("x", 1, [("s", b"1")]) == [b"1"]
    assert faults.shape("x", 1, [("s", b"2"), ("s", b"3")]) == [b"3", b"2"]
    assert faults.shape("x", 1, [("s", b"4"), ("s", b"5")]) == [b"4", b"5"]


def test_a_fault_by_schedule_begins_and_a_venue_recovers():
    async def talk(simulator, addresses):
        [market] = [market for market in simulator.engine.markets if market.spec.symbol == "BTCUSDT"]
        await until(lambda: market.trouble == "off")
        await until(lambda: market.trouble == "")

    spec = SimulatorSpec(**SPOT, faults=(Fault("off", 0.02, 0.05, "binance"),))
    assert simulated(spec, talk)[1]["faults"] == {"off": 1}


@pytest.mark.parametrize("fault", [Fault("off", 0, 0, "nowhere"), Fault("cut", 0, 0, "kraken-v2")])
def test_a_fault_whose_target_is_not_there_is_refused_at_once(fault):
    with pytest.raises(ConfigError, match="no such target"):
        Simulator(SimulatorSpec(**SPOT, faults=(fault,)))


def test_who_reads_nothing_is_cut_off_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("ingestor.simulator.server.UNSENT_BYTES_MAX", 1)

    async def talk(simulator, addresses):
        async with await subscribed(addresses) as idle:
            idle.transport.pause_reading()
            port = simulator._ports["binance-spot"]
            [peer] = port.talks
            while peer in port.talks and peer.is_open:
                peer.write(bytes(4 << 20), 0)
            async with await subscribed(addresses) as other:
                return len(await received(other, 5))

    assert simulated(SimulatorSpec(**SPOT), talk)[0] == 5
