"""Captured frames: each exactly once, in recorded order, acknowledgements before them."""

import asyncio
import json

import pytest
from conversing import bounded, until
from websockets.asyncio.client import connect

from ingestor.errors import ConfigError
from ingestor.simulator import Simulator, SimulatorSpec, captures
from ingestor.simulator.captures import Group
from ingestor.simulator.playback import Reel

OKX_ACK = '{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}'


def okx_trade(number):
    return json.dumps({"arg": {"channel": "trades", "instId": "BTC-USDT"}, "data": [
        {"instId": "BTC-USDT", "tradeId": str(number), "px": "1.50", "sz": "2", "side": "buy", "ts": "1626995753000"}]})


def bybit_book(symbol, number):
    return json.dumps({"topic": f"orderbook.1.{symbol}", "type": "snapshot", "ts": 1786562940924, "data": {
        "s": symbol, "b": [["1", "2"]], "a": [["3", "4"]], "u": number}})


def write(path, rows):
    """A captured file of (dir, conn, raw or address, seconds or None)."""
    lines = []
    for direction, connection, text, at_s in rows:
        entry = {"ts_ns": None if at_s is None else int(at_s * 1e9), "dir": direction}
        entry |= {"conn": connection} if connection else {}
        entry |= {"addr": text, "raw": ""} if direction == "open" else {"raw": text}
        lines.append(json.dumps(entry))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    """Two files and a fixture of OKX; Bybit's spot and linear interleaved in one file."""
    write(tmp_path / "okx-v5.b.jsonl", [("in", "c0", okx_trade(4), 9), ("in", "c0", okx_trade(3), 10)])
    write(tmp_path / "okx-v5.a.jsonl", [
        ("open", "c0", "wss://ws.okx.com:8443/ws/v5/public", 1), ("out", "c0", '{"op":"subscribe"}', 2),
        ("in", "c0", OKX_ACK, 3), ("in", "c0", okx_trade(1), 3.5), ("in", "c0", okx_trade(2), 4)])
    write(tmp_path / "fixtures" / "okx-v5.z.jsonl", [("in", "", okx_trade(4), None)])
    write(tmp_path / "bybit-v5.a.jsonl", [
        ("open", "l", "wss://stream.bybit.com/v5/public/linear", 1),
        ("open", "s", "wss://stream.bybit.com/v5/public/spot", 1),
        ("in", "l", bybit_book("BTCUSDT", 1), 2), ("in", "s", bybit_book("BTCUSDT", 2), 2),
        ("in", "l", bybit_book("BTCUSDT", 3), 3)])
    write(tmp_path / "fixtures" / "bybit-v5.z.jsonl", [
        ("in", "", bybit_book("BTCUSD", 4), None), ("in", "", bybit_book("ETHPERP", 5), None)])
    return tmp_path


def served(folder, talk, *, speed="flat", dialects=(), settle_s=0.02):
    async def within():
        simulator = Simulator(SimulatorSpec(captures=str(folder), speed=speed, dialects=dialects, settle_s=settle_s))
        addresses = await simulator.start()
        try:
            result = await talk(simulator, addresses)
        finally:
            await simulator.stop()
        return result, simulator.summary()

    return bounded(within())


async def ask_okx(socket, *symbols):
    arguments = [{"channel": "trades", "instId": symbol} for symbol in symbols]
    await socket.send(json.dumps({"op": "subscribe", "args": arguments}))


async def read(socket, count):
    return [(await socket.recv(decode=False)).decode() for _ in range(count)]


def test_every_frame_arrives_once_in_file_order_after_every_acknowledgement(folder):
    async def talk(simulator, addresses):
        async with connect(addresses["okx-v5"]) as socket:
            await ask_okx(socket, "BTC-USDT")
            await ask_okx(socket, "ETH-USDT")
            frames = await read(socket, 8)
            await simulator._ports["okx-v5"].done.wait()
            with pytest.raises(TimeoutError):       # the connection stays, and nothing comes twice
                await asyncio.wait_for(socket.recv(), 0.1)
            return frames

    frames, summary = served(folder, talk)
    assert [json.loads(frame)["arg"]["instId"] for frame in frames[:2]] == ["BTC-USDT", "ETH-USDT"]
    assert frames[2:] == [OKX_ACK, *map(okx_trade, (1, 2, 4, 3, 4))]
    account = summary["dialects"]["okx-v5"]
    assert (account["captured_frames"], account["sent"]) == (6, 6)


def test_the_expected_yield_counts_replies_too_flags_replays_and_counts_a_trade_once(folder):
    async def talk(simulator, addresses):
        async with connect(addresses["okx-v5"]) as socket:
            await ask_okx(socket, "BTC-USDT")
            await read(socket, 7)

    _, summary = served(folder, talk)
    assert summary["dialects"]["okx-v5"]["expected"] == {
        "frames": 7, "statuses": {"control": 2, "decoded": 5}, "kinds": {"trade": 5}, "snapshot_trades": 1,
        "distinct_trades": 4}


def test_each_section_of_bybit_gets_its_own_frames(folder):
    async def talk(simulator, addresses):
        found = {}
        for section, count in (("linear", 3), ("spot", 1), ("inverse", 1)):
            async with connect(f"{addresses['bybit-v5']}/{section}") as socket:
                await socket.send('{"req_id":"1","op":"subscribe","args":["orderbook.1.BTCUSDT"]}')
                found[section] = [json.loads(frame)["data"]["u"] for frame in (await read(socket, count + 1))[1:]]
        await simulator.wait_done()
        return found

    found, _ = served(folder, talk, dialects=("bybit-v5",))
    assert found == {"linear": [1, 3, 5], "spot": [2], "inverse": [4]}


def test_a_second_connection_gets_acknowledgements_only(folder):
    async def talk(simulator, addresses):
        async with connect(addresses["okx-v5"]) as first, connect(addresses["okx-v5"]) as second:
            await ask_okx(first, "BTC-USDT")
            await read(first, 7)
            await ask_okx(second, "BTC-USDT")
            await read(second, 1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(second.recv(), 0.15)

    _, summary = served(folder, talk)
    assert summary["dialects"]["okx-v5"]["sent"] == 6


def test_who_asks_for_nothing_gets_nothing(folder):
    async def talk(simulator, addresses):
        async with connect(addresses["okx-v5"]) as socket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.15)

    assert served(folder, talk)[1]["dialects"]["okx-v5"]["sent"] == 0


def test_a_new_connection_goes_on_where_a_broken_one_stopped(folder):
    write(folder / "okx-v5.a.jsonl", [("in", "c0", okx_trade(1), 0), ("in", "c0", okx_trade(2), 50)])

    async def talk(simulator, addresses):
        async with connect(addresses["okx-v5"]) as socket:
            await ask_okx(socket, "BTC-USDT")
            first = (await read(socket, 2))[1:]
        port = simulator._ports["okx-v5"]
        await until(lambda: not port.talks)
        port._speed = "flat"
        async with connect(addresses["okx-v5"]) as socket:
            await ask_okx(socket, "BTC-USDT")
            return first + (await read(socket, 5))[1:]

    frames, summary = served(folder, talk, speed=1.0)
    assert frames == list(map(okx_trade, (1, 2, 4, 3, 4)))
    assert summary["dialects"]["okx-v5"]["expected"]["distinct_trades"] == 4


def test_at_speed_the_recorded_pauses_are_kept_in_proportion(folder):
    write(folder / "okx-v5.a.jsonl", [("in", "c0", okx_trade(number), number * 0.1) for number in range(1, 6)])

    async def talk(simulator, addresses):
        loop, at_s = asyncio.get_running_loop(), []
        async with connect(addresses["okx-v5"]) as socket:
            await ask_okx(socket, "BTC-USDT")
            await read(socket, 1)
            for _ in range(5):
                await read(socket, 1)
                at_s.append(loop.time())
        return at_s[-1] - at_s[0]

    assert served(folder, talk, speed=2.0)[0] >= 0.19     # 0.4 s of recording; only the lower bound is sure


def test_a_reels_times_keep_pauses_skip_backward_steps_and_bound_a_recorders_pause():
    group = Group("f", "c", "", [b"1", b"2", b"3", b"4", b"5"], [10**9, 2 * 10**9, 10**9, None, 9999 * 10**9])
    assert Reel("", [group]).at_s == [0.0, 1.0, 1.0, 1.0, 61.0]


def test_without_captured_frames_it_says_where_it_looked(tmp_path):
    with pytest.raises(ConfigError, match="no captured frames of binance-spot"):
        bounded(Simulator(SimulatorSpec(captures=str(tmp_path))).start())


def test_a_line_that_is_no_captured_frame_is_named(tmp_path):
    (tmp_path / "okx-v5.a.jsonl").write_text('{"dir":"in","ts_ns":1,"raw":"pong"}\n{"dir":"in"}\n')
    with pytest.raises(ConfigError, match=r"okx-v5\.a\.jsonl: line 2"):
        captures.groups(tmp_path, "okx-v5")


def test_markets_are_the_symbols_that_yield_records_with_their_levels(folder):
    found = {(market.dialect, market.section, market.symbol): (market.naming.id, market.levels)
             for market in captures.markets(folder)}
    assert found == {
        ("bybit-v5", "linear", "BTCUSDT"): ("btc-usdt-perp", ("quotes",)),
        ("bybit-v5", "linear", "ETHPERP"): ("eth-usdc-perp", ("quotes",)),
        ("bybit-v5", "inverse", "BTCUSD"): ("btc-usd-perp", ("quotes",)),
        ("bybit-v5", "spot", "BTCUSDT"): ("btc-usdt", ("quotes",)),
        ("okx-v5", "", "BTC-USDT"): ("btc-usdt", ("trades",)),
    }


# The real captures, where they are.

@pytest.mark.slow
def test_the_real_captures_arrive_exactly_once_over_a_socket(captures):
    """`captures` is the folder here."""
    async def talk(simulator, addresses):
        counts = {}
        for name, path, request in (
            ("binance-spot", "/stream", '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}'),
            ("kraken-v2", "", '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1}'),
            ("coinbase-exchange", "", '{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}'),
        ):
            total = simulator.summary()["dialects"][name]["captured_frames"]
            async with connect(addresses[name] + path, max_size=1 << 24, compression=None) as socket:
                await socket.send(request)
                extra = 2 if name == "kraken-v2" else 1    # its status
                counts[name] = len(await read(socket, total + extra)) - extra
        return counts

    counts, summary = served(captures, talk, dialects=("binance-spot", "kraken-v2", "coinbase-exchange"))
    for name, count in counts.items():
        assert count == summary["dialects"][name]["captured_frames"] == summary["dialects"][name]["sent"]
    assert summary["dialects"]["binance-spot"]["expected"]["kinds"]["trade"] == 7085
