"""Which markets vote for which price, and what can't be built."""

import pytest

from ingestor.errors import ConfigError
from tests.markets import Instrument, Market, With, build


def names(instruments):
    return [row.id for row in instruments.rows]


def test_a_market_votes_for_its_own_instrument_without_conversion():
    tables = build(["btc-usd"], [Market("btc-usd", "binance-spot", "BTCUSD")])
    [source] = tables.rows[0].sources
    assert (source.path, source.venue, source.conversion) == (0, 0, -1)


def test_markets_of_another_quote_currency_vote_through_their_conversion():
    tables = build(
        [Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")]), "btc-usdt", "usdt-usd"],
        [Market("btc-usd", "kraken-v2", "BTC/USD"), Market("btc-usdt", "binance-spot", "BTCUSDT"),
         Market("usdt-usd", "kraken-v2", "USDT/USD")])
    row = tables.rows[tables.index["btc-usd"]]
    assert [(tables.paths[each.path].symbol, each.conversion) for each in row.sources] == [
        ("BTC/USD", -1), ("BTCUSDT", tables.index["usdt-usd"])]
    assert names(tables).index("usdt-usd") < names(tables).index("btc-usd")


def test_two_providers_of_one_venue_share_that_venue():
    tables = build(["btc-usd"], [Market("btc-usd", "kraken-v2", "BTC/USD"), Market(
        "btc-usd", "kaiko", "btc-usd", venue="kraken", venue_code="krkn", section="spot")])
    assert tables.rows[0].venues == ["kraken"]
    assert [each.venue for each in tables.rows[0].sources] == [0, 0]


def test_a_shard_keeps_an_unwanted_instrument_only_for_conversion_and_unpublished():
    tables = build(
        [Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")]), "btc-usdt", "usdt-usd", "eth-usd"],
        [Market("eth-usd", "kraken-v2", "ETH/USD"), Market("usdt-usd", "kraken-v2", "USDT/USD")],
        wanted=lambda name: name.startswith("btc"))
    assert {row.id: row.published for row in tables.rows} == {"btc-usd": True, "btc-usdt": True, "usdt-usd": False}
    assert [path.symbol for path in tables.paths] == ["USDT/USD"]


def test_a_cycle_of_conversions_is_refused():
    with pytest.raises(ConfigError, match="break the cycle"):
        build([Instrument("a-b", priced_with=[With("a-b", "c-d")]),
               Instrument("c-d", priced_with=[With("c-d", "a-b")])], [])


def test_an_unknown_conversion_is_refused_by_name():
    with pytest.raises(ConfigError, match="usdt-usd"):
        build([Instrument("btc-usd", priced_with=[With("btc-usd", "usdt-usd")])], [])


def test_a_price_of_256_markets_is_built_and_one_of_more_is_refused():
    markets = [Market("btc-usd", "kaiko", f"btc-usd-{number}", venue="v", section="spot") for number in range(257)]
    build(["btc-usd"], markets[:256])
    with pytest.raises(ConfigError, match="btc-usd has 257 markets"):
        build(["btc-usd"], markets)


def test_a_market_that_votes_too_often_is_refused():
    instruments = [Instrument(f"x{i}-usd", priced_with=[With("btc-usd", "c-d")]) for i in range(4)]
    with pytest.raises(ConfigError, match="votes for 5 instruments"):
        build([*instruments, "btc-usd", "c-d"], [Market("btc-usd", "kraken-v2", "BTC/USD")])
