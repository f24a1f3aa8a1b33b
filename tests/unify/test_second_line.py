"""Two lines of one connection: each record once, whichever brings it, in whatever order, with whatever losses."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from ingestor._core import Connection, Pipeline
from ingestor.providers.registry import load
from tests.markets import NOW, SECOND, Market, binance_quote, binance_trade, build, kraken_ticker

MS = 1_000_000
WAITING_MAX = 4096
UNDATED_S, WAITING_S = 2, 60

KRAKEN_V1 = '[321,[["%s","0.5","%s","s","m",""]],"trade","XBT/USD"]'
KRAKEN_V1_TICKER = '[321,{"b":["%s",1,"1.0"],"a":["%s",1,"1.0"]},"ticker","XBT/USD"]'


def pair(dialect: str = "binance-spot", symbol: str = "BTCUSD", section: str = "") -> tuple[
        Pipeline, Connection, Connection]:
    """A pipeline of one market, and its provider's two lines."""
    pipeline = Pipeline(build(["btc-usd"], [Market("btc-usd", dialect, symbol, section=section)]), None)
    provider = load(dialect)
    return pipeline, pipeline.open(provider, section, "c0/a"), pipeline.open(provider, section, "c0/b")


def counts(pipeline: Pipeline) -> tuple[int, int]:
    """Records admitted, and duplicates."""
    [path] = pipeline.tables.path_counters()
    return path["trades"] + path["quotes"] + path["bars"] + path["references"], path["duplicates"]


def lines(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """By the line's name: records it brought first, and copies."""
    return {each["name"]: (each["first"], each["copies"]) for each in pipeline.counters()["connections"]}


def v1_trade(price: int, micros: int = 0) -> bytes:
    return (KRAKEN_V1 % (price, f"1786562940.{micros:06}")).encode()


def test_what_both_lines_bring_is_admitted_once():
    pipeline, a, b = pair()
    for id in range(1, 101):
        a.feed_bytes(binance_trade(id), NOW)
        b.feed_bytes(binance_trade(id), NOW + MS)
    assert counts(pipeline) == (100, 100)
    assert lines(pipeline) == {"c0/a": (100, 0), "c0/b": (0, 100)}


def test_only_lines_of_one_place_are_compared():
    pipeline, a, _ = pair("kraken-v1", "XBT/USD")
    other = pipeline.open(load("kraken-v1"), "", "c1")
    a.feed_bytes(v1_trade(1), NOW)
    other.feed_bytes(v1_trade(1), NOW)
    assert counts(pipeline) == (2, 0)
    assert "first" not in pipeline.counters()["connections"][2]


def test_trades_that_are_alike_to_the_digit_are_kept_as_often_as_one_line_brings_them():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for line in (a, a, b, b):
        line.feed_bytes(v1_trade(100), NOW)
    assert counts(pipeline) == (2, 2)
    b.feed_bytes(v1_trade(100), NOW)        # a third, that line A has not brought yet
    a.feed_bytes(v1_trade(100), NOW)
    assert counts(pipeline) == (3, 3)


def test_what_one_line_loses_the_other_brings_and_no_number_is_missed():
    pipeline, a, b = pair()
    for id in range(1, 7):
        if id not in (2, 3):
            a.feed_bytes(binance_trade(id), NOW)
    for id in range(1, 7):
        if id != 5:
            b.feed_bytes(binance_trade(id), NOW + MS)
    assert counts(pipeline) == (6, 3)
    assert lines(pipeline) == {"c0/a": (4, 0), "c0/b": (2, 3)}


def test_a_quote_whose_number_rises_is_told_by_it_though_the_lines_take_turns():
    pipeline, a, b = pair()
    for update, (first, second) in enumerate([(a, b), (b, a), (a, b)] * 10, 1):
        first.feed_bytes(binance_quote(update), NOW + update * MS)
        second.feed_bytes(binance_quote(update), NOW + update * MS + 1)
    assert counts(pipeline) == (30, 30)
    assert pipeline.tables.path_counters()[0]["late"] == 0


def test_numbers_that_each_connection_counts_for_itself_are_no_identity():
    pipeline, a, b = pair("coinapi", "COINBASE_SPOT_BTC_USD")
    quote = ('{"type":"quote","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":%d,"time_exchange":"2026-08-12T19:29:00Z",'
             '"ask_price":%d,"ask_size":1,"bid_price":1,"bid_size":1}')
    pipeline = Pipeline(build(["btc-usd"], [Market(
        "btc-usd", "coinapi", "COINBASE_SPOT_BTC_USD", venue="coinbase", venue_code="COINBASE")]), None)
    a, b = (pipeline.open(load("coinapi"), "", f"c0/{line}") for line in "ab")
    for number in range(5):
        a.feed_bytes((quote % (1000 + number, 2 + number)).encode(), NOW)
        b.feed_bytes((quote % (1 + number, 2 + number)).encode(), NOW)
    assert counts(pipeline) == (5, 5)
    assert pipeline.tables.path_counters()[0]["late"] == 0


def test_a_frame_number_of_the_connection_is_no_identity_either():
    pipeline, a, b = pair("coinbase-advanced", "BTC-USD")
    ticker = ('{"channel":"ticker","timestamp":"2026-08-12T19:29:00Z","sequence_num":%d,"events":[{"type":"update",'
              '"tickers":[{"product_id":"BTC-USD","best_bid":"%d","best_ask":"9","best_bid_quantity":"1",'
              '"best_ask_quantity":"1"}]}]}')
    for number in range(5):
        a.feed_bytes((ticker % (700 + number, 1 + number)).encode(), NOW)
        b.feed_bytes((ticker % (number, 1 + number)).encode(), NOW)
    assert counts(pipeline) == (5, 5)


def test_a_quote_without_time_and_number_is_a_copy_for_a_moment_and_news_when_it_comes_back():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")

    def quote(bid: int) -> bytes:
        return (KRAKEN_V1_TICKER % (bid, bid + 1)).encode()

    a.feed_bytes(quote(100), NOW)
    b.feed_bytes(quote(100), NOW + UNDATED_S * SECOND)
    assert counts(pipeline) == (1, 1)
    a.feed_bytes(quote(101), NOW)
    b.feed_bytes(quote(101), NOW + UNDATED_S * SECOND + 1)
    assert counts(pipeline) == (3, 1)


def test_bars_and_references_come_once_too():
    pipeline, a, b = pair("kraken-futures", "PF_XBTUSD")
    ticker = (b'{"feed":"ticker","product_id":"PF_XBTUSD","bid":1,"ask":2,"bid_size":1,"ask_size":1,'
              b'"time":1786562940921,"markPrice":1.5}')
    for line in (a, b):
        line.feed_bytes(ticker, NOW)
    assert counts(pipeline) == (2, 2)
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for line in (a, b):
        line.feed_bytes(b'[1,["1.5","60","1","2","1","1.5","1.2","10",3],"ohlc-1","XBT/USD"]', NOW)
    assert counts(pipeline) == (1, 1)


def test_a_replayed_quote_does_not_stand_for_the_live_one_that_moves_the_price():
    pipeline, a, b = pair("kraken-v2", "BTC/USD")
    b.feed_bytes(kraken_ticker(100, 101, kind="snapshot"), NOW)
    assert pipeline.fairs()[0]["status"] == "UNAVAILABLE"
    a.feed_bytes(kraken_ticker(100, 101), NOW + MS)
    a.drained_now()
    assert pipeline.fairs()[0]["price"] == 100.5


def test_how_far_the_slower_line_is_behind_is_measured():
    pipeline, a, b = pair()
    for id in range(8):
        a.feed_bytes(binance_trade(id + 1), NOW)
        b.feed_bytes(binance_trade(id + 1), NOW + 3 * MS)
    [first, second] = pipeline.counters()["connections"]
    assert sum(first["behind"]["counts"]) == 0
    assert sum(second["behind"]["counts"]) == 8
    assert second["behind"]["sum"] == pytest.approx(0.024)
    assert second["behind"]["counts"][second["behind"]["bounds"].index(0.004096)] == 8


def test_counts_of_a_line_outlive_its_connection():
    pipeline, a, b = pair()
    a.feed_bytes(binance_trade(1), NOW)
    a.close()
    again = pipeline.open(load("binance-spot"), "", "c0/a")
    again.feed_bytes(binance_trade(2), NOW)
    b.feed_bytes(binance_trade(2), NOW)
    assert lines(pipeline) == {"c0/a": (2, 0), "c0/b": (0, 1)}


def test_a_line_that_is_a_minute_behind_still_doubles_nothing_that_is_dated():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for number in range(1000):
        a.feed_bytes(v1_trade(100 + number, number), NOW + number * MS)
    for number in range(1000):
        b.feed_bytes(v1_trade(100 + number, number), NOW + (WAITING_S - 2) * SECOND)
    assert counts(pipeline) == (1000, 1000)


@pytest.mark.parametrize(("behind", "copies"), [(WAITING_MAX, WAITING_MAX), (WAITING_MAX + 1, WAITING_MAX)])
def test_beyond_the_most_that_waits_the_oldest_is_forgotten(behind: int, copies: int):
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for number in range(behind):
        a.feed_bytes(v1_trade(number + 1, number), NOW)
    for number in range(behind):
        b.feed_bytes(v1_trade(number + 1, number), NOW)
    assert lines(pipeline)["c0/b"] == (behind - copies, copies)


def test_what_waits_of_a_line_that_has_no_other_takes_no_more_room_than_a_minute_needs():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for number in range(40):
        a.feed_bytes(v1_trade(number + 1, number), NOW + number * 5 * SECOND)   # 12 a minute: the first 16 places do
    for number in range(40):
        b.feed_bytes(v1_trade(number + 1, number), NOW + 200 * SECOND)
    assert lines(pipeline)["c0/b"] == (40 - 16, 16)


def trade_of(line: Connection, second: int) -> None:
    line.feed_bytes((KRAKEN_V1 % (100, f"{1786562940 + second}.5")).encode(), NOW + second * SECOND)


def test_a_line_that_comes_back_beside_the_other_leaves_no_stretch_of_time_in_doubt():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    for second in range(3):
        trade_of(a, second)
        trade_of(b, second)
    for name in ("c0/a", "c0/b", "c0/a", "c0/b"):       # one after the other is replaced
        old, other = (a, b) if name == "c0/a" else (b, a)
        old.close()
        trade_of(other, second := second + 1)
        new = pipeline.open(load("kraken-v1"), "", name)
        for _ in range(2):
            second += 1
            trade_of(new, second)
            trade_of(other, second)
        a, b = (new, other) if name == "c0/a" else (other, new)
    assert pipeline.tables.drain_gaps() == []


def test_what_neither_line_has_seen_is_in_doubt():
    pipeline, a, b = pair("kraken-v1", "XBT/USD")
    trade_of(a, 0)
    trade_of(b, 1)
    a.close()
    b.close()
    a, b = (pipeline.open(load("kraken-v1"), "", name) for name in ("c0/a", "c0/b"))
    trade_of(b, 9)          # beside a line that is there, but has brought nothing since
    [doubt] = pipeline.tables.drain_gaps()
    assert (doubt.from_ns, doubt.to_ns) == (1786562941500000000, 1786562949500000000)


def flow(chance: random.Random, records: list[bytes], loss: float) -> list[tuple[int, bytes]]:
    """A line: (when, frame), in the order sent, each up to half a second late, some lost."""
    found, at = [], NOW
    for number, record in enumerate(records):
        at = max(at, NOW + number * MS + chance.choice((0, 1, 5, 50, 500)) * MS)
        if chance.random() >= loss:
            found.append((at, record))
    return found


@pytest.mark.parametrize("loss", [0, 0.1])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("dialect", "symbol", "frame"), [
    ("kraken-v1", "XBT/USD", lambda chance, number: v1_trade(chance.randrange(1, 4), number // 3)),
    ("binance-spot", "BTCUSD", lambda chance, number: binance_trade(number + 1)),
    ("kraken-futures", "PF_XBTUSD", lambda chance, number: (
        b'{"feed":"trade","product_id":"PF_XBTUSD","uid":"u%d","seq":%d,"time":1786562940921,"qty":1,"price":%d}'
        % (number, number, chance.randrange(1, 4))))])
def test_not_a_trade_is_lost_or_doubled_whatever_the_lines_lose_and_delay(
        dialect: str, symbol: str, frame: Callable[[random.Random, int], bytes], seed: int, loss: float):
    chance = random.Random(f"{dialect} {seed} {loss}")
    records = [frame(chance, number) for number in range(600)]
    sent = {"a": flow(chance, records, loss), "b": flow(chance, records, loss)}
    pipeline, a, b = pair(dialect, symbol)
    connections = {"a": a, "b": b}
    for at, name, record in sorted((at, which, record) for which in sent for at, record in sent[which]):
        connections[name].feed_bytes(record, at)
    # Of those alike to the digit, as many as the line that brought the most of them.
    brought = [Counter(record for _, record in flown) for flown in sent.values()]
    wanted = sum((brought[0] | brought[1]).values())
    assert counts(pipeline) == (wanted, sum(map(len, sent.values())) - wanted)
