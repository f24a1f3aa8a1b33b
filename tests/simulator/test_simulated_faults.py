"""Each fault of the vocabulary, as a client sees it; whom it concerns; and how it is asked for."""

import asyncio
import json
import time
import urllib.error
import urllib.request

import pytest
from conversing import bounded, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ingestor.decode import Decoder
from ingestor.errors import ConfigError
from ingestor.simulator import Fault, Simulator, SimulatorSpec
from ingestor.simulator.faults import ACTIVE_MAX, Faults
from ingestor.simulator.vocabulary import FAULTS

SPOT, KRAKEN = "binance-spot", "kraken-v2"
SUBSCRIBE = {
    SPOT: {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 1},
    KRAKEN: {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": False}},
}


class Client:
    """One connection to one simulated provider."""

    def __init__(self, simulator, dialect, socket):
        self.simulator, self.dialect, self.socket = simulator, dialect, socket

    async def ask(self, message=None):
        await self.socket.send(json.dumps(message or SUBSCRIBE[self.dialect]))

    async def frames(self, count):
        return [await self.socket.recv(decode=False) for _ in range(count)]

    async def records(self, count, kind=None):
        found = []
        while len(found) < count:
            _, records = Decoder(self.dialect).decode(await self.socket.recv(decode=False))
            found += [record for record in records if kind in (None, record["kind"])]
        return found[:count]

    async def inject(self, fault):
        """Read on until what comes is from after the fault's beginning."""
        self.simulator.inject(fault)
        await self.ask({"method": "LIST_SUBSCRIPTIONS", "id": 99})
        while b'"id":99' not in await self.socket.recv(decode=False):
            pass

    async def silent(self):
        """Read what is on its way; whether it ends."""
        for _ in range(10_000):
            try:
                await asyncio.wait_for(self.socket.recv(), 0.3)
            except TimeoutError:
                return True
        return False

    async def until_closed(self):
        with pytest.raises(ConnectionClosed) as caught:
            await self.frames(100_000)
        return caught.value


def seen(look, dialect=SPOT, subscribe=True, **spec):
    """What `look(client)` returns, of a client to whom some messages have come."""
    async def within():
        simulator = Simulator(SimulatorSpec(dialects=(dialect,), rate=2000.0, bursts=False, **spec))
        url = (await simulator.start())[dialect] + ("/stream" if dialect == SPOT else "")
        try:
            async with connect(url, compression=None, max_size=32 << 20, max_queue=None, close_timeout=1) as socket:
                client = Client(simulator, dialect, socket)
                if subscribe:
                    await client.ask()
                    await client.records(10)
                return await look(client)
        finally:
            await simulator.stop()

    return bounded(within())


async def stuck(client):
    await client.inject(Fault("stuck", target="binance"))
    sums = [float(quote["bid"]) + float(quote["ask"]) for quote in await client.records(60, "quote")]
    return max(sums) - min(sums) < 0.03     # rounding to a cent


async def off(client):
    [before] = await client.records(1, "quote")
    await client.inject(Fault("off", target="binance", value=-10))
    [after] = await client.records(1, "quote")
    return -0.11 < float(after["bid"]) / float(before["bid"]) - 1 < -0.09


async def quiet(client):
    client.simulator.inject(Fault("quiet", target="binance"))
    return await client.silent()


async def wide(client):
    await client.inject(Fault("wide", target=SPOT))
    return all(float(each["ask"]) / float(each["bid"]) > 1.02 for each in await client.records(20, "quote"))


async def crossed(client):
    await client.inject(Fault("crossed", target=f"{SPOT}:BTCUSDT"))
    return all(float(each["bid"]) > float(each["ask"]) for each in await client.records(20, "quote"))


async def clock(client):
    await client.inject(Fault("clock", target=SPOT, value=3600))
    return all(each["ts_event_ns"] > time.time_ns() + 3_000 * 10**9 for each in await client.records(10, "trade"))


async def reset(client):
    client.simulator.inject(Fault("reset", target=SPOT))
    while (await client.records(1, "trade"))[0]["id"] != "1":
        pass
    return [each["id"] for each in await client.records(3, "trade")] == ["2", "3", "4"]


async def silence(client):
    client.simulator.inject(Fault("silence", duration_s=60))
    silent = await client.silent()
    await asyncio.wait_for(await client.socket.ping(), 5)
    return silent


async def drop(client):
    [first] = await client.records(1, "trade")
    client.simulator.inject(Fault("drop", target=SPOT, value=30))
    last = (await client.records(80, "trade"))[-1]
    return last["seq"] - first["seq"] > 80 and client.simulator.summary()["faults"]["drop"] == 30


async def duplicate(client):
    client.simulator.inject(Fault("duplicate"))
    frames = await client.frames(60)
    return len(frames) - len(set(frames)) == 1


async def reorder(client):
    client.simulator.inject(Fault("reorder", duration_s=20))
    sequences = [each["seq"] for each in await client.records(600, "quote")]
    return sequences != sorted(sequences) and len(set(sequences)) == 600


def refused(kind, status):
    """The decoder takes one frame less than came, and for this reason."""
    async def look(client):
        client.simulator.inject(Fault(kind))
        statuses = [Decoder(SPOT).decode(frame)[0] for frame in await client.frames(60)]
        return [each for each in statuses if each != "decoded"] == [status] if status else (
            len([each for each in statuses if each != "decoded"]) == 1)

    return look


async def oversize(client):
    client.simulator.inject(Fault("oversize"))
    return max(map(len, await client.frames(20))) == FAULTS["oversize"].value


async def wrong_symbol(client):
    client.simulator.inject(Fault("wrong_symbol"))
    return [each["symbol"] for each in await client.records(60)].count("ZZZZZZZ") == 1


async def bad_deflate(client):
    client.simulator.inject(Fault("bad_deflate"))
    return (await client.until_closed()).sent.code == 1002     # what the client says to it


async def close(client):
    client.simulator.inject(Fault("close", duration_s=60, value=1013))
    code = (await client.until_closed()).rcvd.code
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{client.simulator.addresses[SPOT]}/stream")
    return (code, caught.value.response.status_code) == (1013, 503)


async def cut(client):
    client.simulator.inject(Fault("cut"))
    return (await client.until_closed()).rcvd is None


async def drip(client):
    """What arrives comes in crumbs."""
    sizes = []
    taken = client.socket.data_received
    client.socket.data_received = lambda data: (sizes.append(len(data)), taken(data))
    client.socket.transport.set_protocol(client.socket)
    await client.frames(5)
    client.simulator.inject(Fault("drip", duration_s=60, value=1000))
    await until(lambda: len(sizes) > 20 and max(sizes[-10:]) <= 80)
    client.simulator.heal()
    await client.records(50)
    return True


async def refuse(client):
    client.simulator.inject(Fault("refuse"))
    await client.ask()
    told = json.loads((await client.frames(1))[0])
    client.simulator.heal()
    await until(lambda: not client.simulator.active_faults())
    await client.ask()
    return told["error"].startswith("Currency pair not supported") and len(await client.records(3)) == 3


async def no_ack(client):
    client.simulator.inject(Fault("no_ack"))
    await client.ask()
    return all(b'"channel":"trade"' in frame for frame in await client.frames(5))


async def slow_ack(client):
    client.simulator.inject(Fault("slow_ack", value=0.3))
    await client.ask()
    client.simulator.heal()
    await until(lambda: not client.simulator.active_faults())
    await client.ask({"method": "ping"})
    methods = [json.loads(frame).get("method") for frame in await client.frames(2)]
    return methods == ["pong", "subscribe"]


async def no_heartbeat(client):
    client.simulator.inject(Fault("quiet", duration_s=60, target="kraken"))
    client.simulator.inject(Fault("no_heartbeat", duration_s=60))
    await client.silent()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.socket.recv(), 2.2)      # one is due each second of silence
    client.simulator.heal()
    client.simulator.hold()
    while await client.socket.recv(decode=False) != b'{"channel":"heartbeat"}':
        pass
    return True


async def rate_limit(client):
    client.simulator.inject(Fault("rate_limit"))
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{client.simulator.addresses[SPOT]}/stream")
    await client.ask()
    return (caught.value.response.status_code, (await client.until_closed()).rcvd.code) == (429, 1008)


EFFECTS = {
    "stuck": stuck, "off": off, "quiet": quiet, "wide": wide, "crossed": crossed, "clock": clock, "reset": reset,
    "silence": silence, "drop": drop, "duplicate": duplicate, "reorder": reorder, "truncate": refused("truncate", None),
    "corrupt": refused("corrupt", "syntax"), "oversize": oversize, "wrong_symbol": wrong_symbol,
    "garbage": refused("garbage", "syntax"), "bad_deflate": bad_deflate, "close": close, "cut": cut, "drip": drip,
    "refuse": refuse, "no_ack": no_ack, "slow_ack": slow_ack, "no_heartbeat": no_heartbeat, "rate_limit": rate_limit,
}
TALKS = ("refuse", "no_ack", "slow_ack")


def test_every_fault_of_the_vocabulary_is_shown_here():
    assert set(EFFECTS) == set(FAULTS)


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_shows_at_a_client(kind):
    dialect = KRAKEN if kind in (*TALKS, "no_heartbeat") else SPOT
    if kind in TALKS:
        async def look(client):
            assert b'"channel":"status"' in (await client.frames(1))[0]
            return await EFFECTS[kind](client)

        assert seen(look, dialect, subscribe=False)
    else:
        assert seen(EFFECTS[kind], dialect)


def test_a_fault_of_one_connection_leaves_the_others_alone():
    async def look(client):
        async with connect(f"{client.simulator.addresses[SPOT]}/stream", max_queue=None) as socket:
            second = Client(client.simulator, SPOT, socket)
            await second.ask()
            await second.records(5)
            client.simulator.inject(Fault("close", target=f"{SPOT}#2", value=1012))
            code = (await second.until_closed()).rcvd.code
        return code, len(await client.records(50))

    assert seen(look) == (1012, 50)


def test_a_silence_of_one_symbol_leaves_the_others_alone():
    async def look(client):
        await client.ask({"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 2})
        await client.inject(Fault("silence", duration_s=60, target=f"{SPOT}:BTCUSDT"))
        return {each["symbol"] for each in await client.records(20)}

    assert seen(look) == {"ETHUSDT"}


def test_a_client_that_offers_compression_gets_compressed_frames_and_a_broken_one_ends_it():
    async def look(client):
        async with connect(f"{client.simulator.addresses[SPOT]}/stream", max_queue=None) as socket:
            second = Client(client.simulator, SPOT, socket)
            await second.ask()
            found = len(await second.records(50))
            client.simulator.inject(Fault("bad_deflate", target=f"{SPOT}#2"))
            return found, socket.response.headers["Sec-WebSocket-Extensions"], await second.until_closed()

    found, extensions, closed = seen(look)
    assert (found, "permessage-deflate" in extensions, closed.sent.code) == (50, True, 1002)


def test_a_fault_begins_is_listed_and_ends_over_http():
    async def look(client):
        url = client.simulator.control_url
        begun = await http("POST", url, {"kind": "silence", "target": SPOT, "duration_s": 60})
        silent = await client.silent()
        await http("DELETE", url)
        await client.records(5)
        return begun, silent, await http("GET", url), await http("GET", url.replace("faults", "summary"))

    (status, begun), silent, (_, listed), (_, summary) = seen(look, control_port=0)
    assert (status, silent) == (200, True)
    assert [(each["kind"], each["target"]) for each in begun["active"]] == [("silence", SPOT)]
    assert 0 < begun["active"][0]["left_s"] <= 60
    assert (listed["active"], listed["counts"]) == ([], {"silence": 1})
    assert set(listed["vocabulary"]) == set(FAULTS)
    assert summary["dialects"][SPOT]["connections"] == 1


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("POST", "/faults", {"kind": "warp"}, 400), ("POST", "/faults", {"kind": "cut", "target": "nowhere"}, 400),
    ("POST", "/faults", {"kind": "cut", "value": 3}, 400), ("POST", "/faults", {"kind": "cut", "duration_s": "x"}, 400),
    ("POST", "/faults", {"kind": "cut", "more": 1}, 400), ("POST", "/faults", ["cut"], 400),
    ("POST", "/faults", {"kind": "cut", "target": "x" * 70_000}, 413), ("GET", "/nowhere", None, 404),
    ("PUT", "/faults", {"kind": "cut"}, 404)])
def test_a_wrong_request_for_a_fault_is_told_so_and_changes_nothing(method, path, body, status):
    async def look(client):
        answer = await http(method, client.simulator.control_url.replace("/faults", path), body)
        return answer, client.simulator.active_faults()

    (found, told), active = seen(look, subscribe=False, control_port=0)
    assert (found, active) == (status, [])
    assert told["error"]


def test_what_is_no_http_is_answered_and_hung_up_on():
    async def look(client):
        port = int(client.simulator.control_url.split(":")[2].removesuffix("/faults"))
        answers = []
        for data in (b"\r\n\r\n", b"x" * 40_000, b"GET /faults HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            answers.append(await reader.read())
            writer.close()
        return answers

    assert all(answer.startswith(b"HTTP/1.1 400 ") for answer in seen(look, subscribe=False, control_port=0))


@pytest.mark.parametrize(("text", "fault"), [
    ("off/kraken=2@20:15", Fault("off", 20.0, 15.0, "kraken", 2.0)),
    ("close=1013@5", Fault("close", 5.0, value=1013.0)),
    ("silence/hyperliquid#2:@107@1:2", Fault("silence", 1.0, 2.0, "hyperliquid#2:@107")),
    ("quiet/kraken-v2:BTC/USD@0.5", Fault("quiet", 0.5, 0.0, "kraken-v2:BTC/USD"))])
def test_a_fault_may_name_a_value_a_connection_and_a_symbol(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["cut=3@1", "off=nan@1", "off/kraken#x@1", "off=@x", "close@inf", "warp=1@1"])
def test_a_fault_with_what_it_does_not_take_is_refused(text):
    with pytest.raises(ConfigError):
        Fault.parse(text)


def test_no_more_faults_are_on_than_there_may_be_and_the_oldest_ends():
    faults = Faults([], [], 1)
    for number in range(ACTIVE_MAX + 3):
        faults.inject(Fault("silence", target=str(number)), 0.0)
    assert len(faults.active) == ACTIVE_MAX
    assert faults.active[0].fault.target == "3"


async def http(method, url, body=None):
    """(status, JSON) of one request."""
    def ask():
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return await asyncio.to_thread(ask)
