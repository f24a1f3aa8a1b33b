"""The history endpoints: what was sent live, as the real ones answer, and refused when it is asked for too often."""

import asyncio
import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest
from conversing import bounded, by_symbol, decode, dialect_of, engine, happenings, plain
from websockets.asyncio.client import connect

from ingestor.simulator import Fault, Simulator, SimulatorSpec, presets
from ingestor.simulator.dialects.registry import DIALECTS
from ingestor.simulator.engine import TRADES

DERIBIT = "/api/v2/public/get_last_trades_by_instrument"


def every(name):
    """(dialect, market, trades that happened) with the markets of the preset that has them all."""
    running = engine(rate=3000, markets=[each for each in presets.PRESETS["every"] if each.dialect == name])
    dialect = dialect_of(name, running)
    happenings(running, 1.0)
    market = next(iter(by_symbol(running, name).values()))
    return dialect, market, list(market.history)


def rows(dialect, path, **query):
    answer = dialect.history(path, {key: str(value) for key, value in query.items()})
    assert answer.status == 200
    return json.loads(answer.body), answer.headers


def told(market, trade):
    digits, sizes = market.spec.price_digits, market.spec.size_digits
    return trade.id, plain(trade.price, digits), plain(trade.size, sizes), trade.side


def bare(text):
    return text.rstrip("0").rstrip(".") if "." in text else text


@pytest.mark.parametrize(("name", "api"), [
    ("binance-spot", "/api/v3"), ("binance-us", "/api/v3"), ("binance-usdm", "/fapi/v1"),
    ("binance-coinm", "/dapi/v1")])
@pytest.mark.parametrize("kind", ["historicalTrades", "aggTrades"])
def test_binance_gives_trades_from_an_id_on(name, api, kind):
    dialect, market, trades = every(name)
    found, _ = rows(dialect, f"{api}/{kind}", symbol=market.spec.symbol, fromId=trades[5].id, limit=7)
    number, price, size, maker = ("id", "price", "qty", "isBuyerMaker") if kind[0] == "h" else ("a", "p", "q", "m")
    assert [(row[number], bare(row[price]), bare(row[size]), "sell" if row[maker] else "buy") for row in found] == [
        told(market, trade) for trade in trades[5:12]]


def test_binance_gives_aggregates_between_times_and_the_last_trades_without_an_id():
    dialect, _, trades = every("binance-spot")
    start, end = trades[10].ts_ns // 10**6, trades[20].ts_ns // 10**6
    found, _ = rows(dialect, "/api/v3/aggTrades", symbol="BTCUSDT", startTime=start, endTime=end)
    assert [row["a"] for row in found] == [trade.id for trade in trades if start <= trade.ts_ns // 10**6 <= end]
    found, _ = rows(dialect, "/api/v3/historicalTrades", symbol="BTCUSDT", limit=3)
    assert [row["id"] for row in found] == [trade.id for trade in trades[-3:]]


def test_coinbase_goes_to_older_trades_by_its_cursor():
    dialect, market, trades = every("coinbase-exchange")
    found, cursors = rows(dialect, "/products/BTC-USD/trades", limit=5)
    older, _ = rows(dialect, "/products/BTC-USD/trades", limit=5, after=cursors["CB-AFTER"])
    assert [(row["trade_id"], row["price"], row["size"], {"buy": "sell", "sell": "buy"}[row["side"]])
            for row in (*found, *older)] == [
        (trade.id, dialect.price(market, trade.price), dialect.size(market, trade.size), trade.side)
        for trade in reversed(trades[-10:])]


@pytest.mark.parametrize(("name", "pair"), [("kraken-v2", "BTC/USD"), ("kraken-v2", "XBTUSD"), ("kraken-v1", "XBTUSD")])
def test_kraken_gives_trades_since_a_time_and_the_next_pages_begin(name, pair):
    dialect, market, trades = every(name)
    found, since = [], trades[0].ts_ns - 1
    while True:
        page, _ = rows(dialect, "/0/public/Trades", pair=pair, since=since, count=20)
        [listed] = [listed for key, listed in page["result"].items() if key != "last"]
        found += listed
        if len(listed) < 20:
            break
        since = page["result"]["last"]
    distinct = [told(market, trade) for trade in trades]
    assert {(row[6], bare(row[0]), bare(row[1]), {"b": "buy", "s": "sell"}[row[3]]) for row in found} <= set(distinct)
    assert [round(row[2] * 1e6) for row in found] == [
        trade.ts_ns // 1000 for trade in trades if trade.id in {row[6] for row in found}]


def test_deribit_gives_trades_by_their_sequence_in_the_words_of_its_stream():
    dialect, market, trades = every("deribit")
    query = {"instrument_name": "BTC-PERPETUAL", "start_seq": str(trades[3].id), "end_seq": str(trades[30].id)}
    body = dialect.history(DERIBIT, {**query, "count": "10", "sorting": "asc"}).body
    answer = json.loads(body)
    assert ([row["trade_seq"] for row in answer["result"]["trades"]], answer["result"]["has_more"]) == (
        [trade.id for trade in trades[3:13]], True)
    live = dialect.renderers[TRADES]["trades"](market, trades[3:13], None)[0]
    assert json.loads(live)["params"]["data"] == answer["result"]["trades"]
    newest = json.loads(dialect.history(DERIBIT, {**query, "count": "1000"}).body)["result"]
    assert ([row["trade_seq"] for row in newest["trades"]], newest["has_more"]) == (
        [trade.id for trade in reversed(trades[3:31])], False)


def test_okx_gives_trades_before_an_id_or_a_time_newest_first():
    dialect, _, trades = every("okx-v5")
    path, at = "/api/v5/market/history-trades", trades[30]
    by_id, _ = rows(dialect, path, instId="BTC-USDT", after=at.id, limit=5)
    assert [row["tradeId"] for row in by_id["data"]] == [str(trade.id) for trade in reversed(trades[25:30])]
    by_time, _ = rows(dialect, path, instId="BTC-USDT", after=at.ts_ns // 10**6, type=2, limit=3)
    assert [row["tradeId"] for row in by_time["data"]] == [
        str(trade.id) for trade in reversed(trades) if trade.ts_ns // 10**6 < at.ts_ns // 10**6][:3]


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_bybit_gives_the_last_trades_of_a_category(category):
    dialect, _, _ = every("bybit-v5")
    market = dialect.markets[category, "BTCUSDT"]
    found, _ = rows(dialect, "/v5/market/recent-trade", category=category, symbol="BTCUSDT", limit=4)
    assert [row["execId"] for row in found["result"]["list"]] == [
        dialect.trade_id(market, trade) for trade in reversed(list(market.history)[-4:])]


@pytest.mark.parametrize(("name", "path", "query", "status"), [
    ("binance-spot", "/api/v3/historicalTrades", {"symbol": "NO"}, 400),
    ("binance-spot", "/api/v3/aggTrades", {"symbol": "BTCUSDT", "fromId": "x"}, 400),
    ("coinbase-exchange", "/products/NO-USD/trades", {}, 404),
    ("coinbase-exchange", "/products/BTC-USD/trades", {"after": "x"}, 400),
    ("kraken-v2", "/0/public/Trades", {"pair": "NO"}, 200),
    ("kraken-v2", "/0/public/Trades", {"pair": "BTC/USD", "since": "x"}, 200),
    ("deribit", DERIBIT, {"instrument_name": "NO"}, 400),
    ("deribit", DERIBIT, {"instrument_name": "BTC-PERPETUAL", "count": "x"}, 400),
    ("okx-v5", "/api/v5/market/history-trades", {"instId": "NO"}, 200),
    ("okx-v5", "/api/v5/market/history-trades", {"instId": "BTC-USDT", "after": "x"}, 200),
    ("bybit-v5", "/v5/market/recent-trade", {"category": "spot", "symbol": "NO"}, 200),
    ("bybit-v5", "/v5/market/recent-trade", {"category": "spot", "symbol": "BTCUSDT", "limit": "x"}, 200)])
def test_a_wrong_question_is_answered_with_the_providers_own_error(name, path, query, status):
    dialect, _, _ = every(name)
    answer = dialect.history(path, query)
    assert answer.status == status
    assert any(word in answer.body for word in (
        b'"code"', b'"message"', b'"error":["E', b'"error":{', b'"retCode":10001'))


@pytest.mark.parametrize("name", DIALECTS)
def test_another_path_is_no_history(name):
    assert every(name)[0].history("/nowhere", {}) is None


def test_what_a_fault_dropped_is_in_the_history_under_the_same_ids_at_the_same_port():
    async def within():
        simulator = Simulator(SimulatorSpec(dialects=("binance-spot",), rate=2000.0, bursts=False))
        url = (await simulator.start())["binance-spot"]
        try:
            async with connect(f"{url}/stream", compression=None, max_queue=None) as socket:
                await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
                await socket.recv()
                before = [decode("binance-spot", await socket.recv(decode=False))[0] for _ in range(5)]
                simulator.inject(Fault("drop"))
                after = [decode("binance-spot", await socket.recv(decode=False))[0] for _ in range(40)]
            ids = [int(record["id"]) for record in (*before, *after)]
            missing = sorted(set(range(ids[0], ids[-1])) - set(ids))
            status, body, _ = await get(url, "/api/v3/historicalTrades", symbol="BTCUSDT", fromId=missing[0])
            simulator.inject(Fault("rate_limit", value=418))
            return missing, status, json.loads(body), await get(url, "/api/v3/aggTrades", symbol="BTCUSDT"), (
                await get(url, "/nowhere"))
        finally:
            await simulator.stop()

    missing, status, found, limited, nowhere = bounded(within())
    assert 1 <= len(missing) <= 5
    assert status == 200
    assert {row["id"] for row in found} >= set(missing)
    assert (limited[0], limited[2]["Retry-After"]) == (418, "1")
    assert nowhere[0] == 418


async def get(url, path, **query):
    """(status, body, headers) of a GET at a simulated provider's port."""
    def ask():
        request = urllib.request.Request(f"{url.replace('ws://', 'http://')}{path}?{urlencode(query)}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    return await asyncio.to_thread(ask)
