"""The flood: good frames, numbers without holes, as many as were asked for."""

import json
from array import array
from collections import defaultdict

import pytest
from conversing import START_NS, bounded, decode, dialect_of, engine
from websockets.asyncio.client import connect

from ingestor.errors import ConfigError, InternalError
from ingestor.simulator import BlastSpec, Simulator, SimulatorSpec, presets
from ingestor.simulator.blast import BlastPort, Flood
from ingestor.simulator.dialects.registry import NAMES
from ingestor.simulator.server import framed
from ingestor.simulator.stamp import Sheet

STREAMS = {
    "binance-spot": [("", "trade", "BTCUSDT"), ("", "bookTicker", "ETHUSDT")],
    "binance-usdm": [("", "trade", "BTCUSDT"), ("", "bookTicker", "BTCUSDT")],
    "coinbase-exchange": [("", "matches", "BTC-USD"), ("", "ticker", "BTC-USD")],
    "kraken-v2": [("", "trade", "BTC/USD"), ("", "ticker", "ETH/USD")],
    "okx-v5": [("", "trades", "BTC-USDT"), ("", "bbo-tbt", "BTC-USDT-SWAP")],
    "bybit-v5": [("linear", "publicTrade", "BTCUSDT"), ("linear", "orderbook.1", "ETHUSDT")],
}
UNSTAMPED = ["amberdata", "bitfinex", "coinapi", "coinbase-advanced", "cryptocompare", "kaiko"]
NEVER = {"price", "size", "bid", "ask", "bid_size", "ask_size", "side", "symbol", "kind", "venue", "snapshot"}


@pytest.fixture(autouse=True)
def _small_sheets(monkeypatch):
    """Half a second of rendering less a test."""
    monkeypatch.setattr("ingestor.simulator.blast.CHUNK_BYTES", 32 << 10)
    monkeypatch.setattr("ingestor.simulator.blast.SHEETS", 3)


def flooded(name):
    """(dialect, flood) over an engine of that dialect's markets alone, as a port has it."""
    running = engine(rate=20_000, markets=[each for each in presets.PRESETS["demo"] if each.dialect == name])
    dialect = dialect_of(name, running)
    return dialect, Flood(dialect, running, STREAMS[name], (), trades_only=False)


def payloads(data):
    """The messages of unmasked text frames shorter than 64 KiB."""
    found, at = [], 0
    while at < len(data):
        assert data[at] == 0x81
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = int.from_bytes(data[at + 2:at + 4], "big"), at + 4
        found.append(bytes(data[begin:begin + size]))
        at = begin + size
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_a_stamped_frame_differs_from_the_rendered_one_in_ids_sequence_and_time_only(name):
    dialect, flood = flooded(name)
    sheet = flood.sheets[0]
    count = min(sheet.count, 300)
    before = [decode(name, frame) for frame in payloads(sheet.view(0, count))]
    later_ns = START_NS + 123_456_789_000
    flood.numbers = array("Q", (number + 987_654 for number in flood.numbers))
    sheet.stamp(0, count, flood.numbers, dialect.time_text(later_ns))
    after = [decode(name, frame) for frame in payloads(sheet.view(0, count))]
    resolution_ns = dialect.traits.resolution_ns
    for [was], [now] in zip(before, after, strict=True):
        assert {key: was[key] for key in was if key in NEVER} == {key: now[key] for key in now if key in NEVER}
        assert now["ts_event_ns"] in (None, later_ns - later_ns % resolution_ns)
        if was["kind"] == "trade":
            assert int(now["id"][-10:]) >= int(was["id"][-10:]) + 900_000


@pytest.mark.parametrize("name", STREAMS)
def test_trade_ids_of_a_flood_rise_by_one_over_all_its_sheets_again_and_again(name):
    dialect, flood = flooded(name)
    ids, sequences = defaultdict(list), defaultdict(list)
    for sheet in (*flood.sheets[:2], flood.sheets[0]):
        sheet.stamp(0, sheet.count, flood.numbers, dialect.time_text(START_NS))
        for frame in payloads(sheet.view(0, sheet.count)):
            [record] = decode(name, frame)
            if record["kind"] == "trade":
                ids[record["symbol"]].append(int(record["id"].rpartition("-")[2]))
            if record["seq"] is not None:
                sequences[record["symbol"], record["kind"]].append(record["seq"])
    for found in ids.values():
        assert found == list(range(found[0], found[0] + len(found)))
    assert all(found == sorted(set(found)) for found in sequences.values())
    assert {row["symbol"]: (row["trades"], row["last_id"]) for row in flood.sent()} == {
        symbol: (len(found), found[-1]) for symbol, found in ids.items()}


def test_a_market_goes_on_where_an_earlier_connection_left_it():
    running = engine(rate=20_000, markets=[each for each in presets.PRESETS["demo"] if each.dialect == "binance-spot"])
    dialect = dialect_of("binance-spot", running)
    streams = [("", "trade", "BTCUSDT")]
    first = Flood(dialect, running, streams, (), trades_only=True)
    for _ in range(50):
        first.sheets[0].stamp(0, first.sheets[0].count, first.numbers, dialect.time_text(START_NS))
    second = Flood(dialect, running, streams, [first], trades_only=True)
    assert second.sent()[0]["first_id"] == first.sent()[0]["last_id"] + 1


@pytest.mark.parametrize("rate", [0.0, 20_000.0])
def test_a_connection_gets_exactly_the_frames_that_were_asked_for(rate):
    count = 20_000 if rate == 0 else 3000

    async def within():
        simulator = Simulator(SimulatorSpec(
            dialects=("binance-spot",), settle_s=0.02, blast=BlastSpec(frames=count, rate=rate)))
        addresses = await simulator.start()
        try:
            async with connect(f"{addresses['binance-spot']}/stream", compression=None) as socket:
                await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker"],"id":1}')
                assert json.loads(await socket.recv())["id"] == 1
                frames = [await socket.recv(decode=False) for _ in range(count)]
                await simulator.wait_done()
        finally:
            await simulator.stop()
        return frames, simulator.summary()

    frames, summary = bounded(within())
    account = summary["dialects"]["binance-spot"]
    records = [record for frame in frames for record in decode("binance-spot", frame)]
    ids = [int(record["id"]) for record in records if record["kind"] == "trade"]
    [[row]] = account["floods"]
    assert ids == list(range(row["first_id"], row["last_id"] + 1))
    assert account["sent"] + account["skipped"] == count
    assert len(records) == count


def test_a_flood_of_two_trade_channels_counts_each_by_itself():
    running = engine(rate=20_000, markets=[each for each in presets.PRESETS["demo"] if each.dialect == "binance-spot"])
    streams = [("", "trade", "BTCUSDT"), ("", "aggTrade", "BTCUSDT")]
    flood = Flood(dialect_of("binance-spot", running), running, streams, (), trades_only=True)
    for sheet in flood.sheets:
        sheet.stamp(0, sheet.count, flood.numbers, b"1786562940000")
    first, second = flood.sent()
    assert {first["channel"], second["channel"]} == {"trade", "aggTrade"}
    assert first["trades"] == second["trades"] == sum(sheet.count for sheet in flood.sheets) // 2


def test_a_blast_of_less_than_nothing_is_refused():
    with pytest.raises(ConfigError):
        BlastSpec(frames=-1)


def test_what_counts_by_connection_can_not_be_stamped():
    running = engine()

    async def within():
        BlastPort(dialect_of("coinapi", running), running, BlastSpec(), 1.0)

    with pytest.raises(ConfigError, match="coinapi"):
        bounded(within())


async def opened(spec):
    """The summary of a simulator that was only started."""
    simulator = Simulator(spec)
    await simulator.start()
    await simulator.stop()
    return simulator.summary()


@pytest.mark.parametrize("markets", [presets.PRESETS["every"], "every"])
@pytest.mark.parametrize("name", UNSTAMPED)
def test_a_dialect_that_can_not_be_stamped_is_refused_by_name_also_beside_others(name, markets):
    dialects = ("binance-spot", name)
    if markets != "every":
        markets, dialects = [each for each in markets if each.dialect in dialects], ()
    with pytest.raises(ConfigError, match=rf"^blast: {name} can't be stamped.*: choose other dialects") as refusal:
        bounded(opened(SimulatorSpec(markets=markets, dialects=dialects, blast=BlastSpec())))
    assert "\n" not in str(refusal.value)


def test_a_preset_under_blast_tells_what_it_leaves_out_and_serves_the_rest():
    summary = bounded(opened(SimulatorSpec(markets="every", blast=BlastSpec())))
    assert sorted(summary["left_out"]) == UNSTAMPED
    assert sorted(summary["dialects"]) == sorted(set(NAMES) - set(UNSTAMPED))


def test_without_blast_nothing_is_left_out():
    summary = bounded(opened(SimulatorSpec(markets="every", dialects=("binance-spot", "coinapi"))))
    assert summary["left_out"] == []


@pytest.mark.parametrize("mark", [
    (5, 6, 0, True), (0, 64, 0, True), (0, 0, 0, True), (-1, 2, 0, True), (0, 1, -2, True)])
def test_a_mark_outside_of_its_frame_is_refused(mark):
    with pytest.raises(InternalError):
        Sheet([b"0123456789"], [[mark]])


def test_a_range_a_number_or_a_time_that_does_not_fit_is_refused_and_writes_nothing():
    sheet = Sheet([b"id=00000 t=0000"], [[(3, 5, 0, True), (11, 4, -1, True)]])
    for arguments in ((0, 2, array("Q", [7]), b"1234"), (0, 1, array("Q"), b"1234"), (0, 1, array("Q", [7]), b"123")):
        with pytest.raises(InternalError):
            sheet.stamp(*arguments)
    assert bytes(sheet.view(0, 1)) == b"id=00000 t=0000"
    sheet.stamp(0, 1, array("Q", [7]), b"1234")
    assert bytes(sheet.view(0, 1)) == b"id=00007 t=1234"


def test_frames_have_the_length_field_that_their_size_wants():
    assert [framed([b"x" * size])[:2 + extra] for size, extra in ((125, 0), (126, 2), (65_536, 8))] == [
        b"\x81\x7d", b"\x81\x7e\x00\x7e", b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"]
