"""One market through several providers: each trade is told once, and it is known who lacks, delays or changes it."""

import pytest

from ingestor.errors import ConfigError
from ingestor.pricing.consensus import PriceBook
from ingestor.providers.registry import MODULES, load
from ingestor.unify.arbitration_table import Arbitration
from tests.markets import NOW, SECOND, Market, binance_trade, build
from tests.unify.arbitrated import COINAPI, KAIKO, MARKETS, MS, V1, V2, Scene, Trade

SETTLED = 10_000        # ms
ARRIVALS_MAX = 16384
TOLD_ALONE, TOLD_FIRST, TOLD_AGAIN = 0, 1, 2        # Telling of pricing/updates.pxd


def test_what_another_provider_has_brought_is_published_as_an_echo():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("1"), 3)
    scene.bring(KAIKO, Trade("2"), 5)
    scene.bring(V2, Trade("2"), 6)
    assert scene.echoes() == [(V2, False), (KAIKO, True), (KAIKO, False), (V2, True)]
    assert scene.counts(V2) == scene.counts(KAIKO) == {"first": 1, "echoes": 1}


def test_the_delay_is_that_of_the_echo_behind_the_first():
    scene = Scene(V2, KAIKO)
    for id, ms in (("1", 40), ("2", 250)):
        scene.bring(V2, Trade(id), 0)
        scene.bring(KAIKO, Trade(id), ms)
    assert scene.delays(KAIKO) == (2, pytest.approx(0.29))
    assert scene.delays(V2) == (0, 0)


def test_an_id_is_told_as_number_and_as_text():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade("98765432"))          # a JSON number there, a text here
    scene.bring(KAIKO, Trade("98765432"))
    assert scene.counts(KAIKO) == {"echoes": 1}


def test_one_id_with_another_price_size_or_side_is_an_echo_and_a_mismatch():
    scene = Scene(V2, KAIKO)
    for id, other in (("1", {"price": "100.6"}), ("2", {"size": "0.26"}), ("3", {"side": "sell"}), ("4", {}),
                      ("5", {"side": "unknown"})):
        scene.bring(V2, Trade(id))
        scene.bring(KAIKO, Trade(id, **other))
    assert scene.counts(KAIKO) == {"echoes": 5, "price": 1, "size": 1, "side": 1}


def test_the_double_of_a_decimal_is_no_mismatch():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade("1", price="64012.370000", size="0.123456789012345678"))
    scene.bring(KAIKO, Trade("1", price="64012.37", size="0.12345678901234568"))
    assert scene.counts(KAIKO) == {"echoes": 1}


def test_without_an_id_of_the_exchange_price_size_and_time_tell():
    scene = Scene(V2, COINAPI)
    scene.bring(V2, Trade("1", price="100.50", size="0.123456789012345678"))
    scene.bring(COINAPI, Trade(price="100.5", size="0.12345678901234568"), 5)
    scene.bring(COINAPI, Trade(price="100.6"), 6)
    assert scene.counts(COINAPI) == {"echoes": 1, "first": 1}


@pytest.mark.parametrize(("apart_ns", "echoes"), [(SECOND, 1), (-SECOND, 1), (SECOND + 1000, 0), (-SECOND - 1000, 0)])
def test_times_may_be_a_second_apart_and_no_more(apart_ns, echoes):
    scene = Scene(V2, COINAPI)
    scene.bring(V2, Trade("1"))
    scene.bring(COINAPI, Trade(at_ns=NOW + apart_ns))
    assert scene.counts(COINAPI).get("echoes", 0) == echoes


def test_trades_alike_to_the_digit_meet_one_to_one():
    scene = Scene(V2, COINAPI)
    for id in ("1", "2", "3"):
        scene.bring(V2, Trade(id))
    for _ in range(4):
        scene.bring(COINAPI, Trade())
    assert scene.counts(COINAPI) == {"echoes": 3, "first": 1}


def test_an_id_that_comes_later_makes_a_trade_known_by_it():
    scene = Scene(COINAPI, V2, KAIKO)
    scene.bring(COINAPI, Trade())
    scene.bring(V2, Trade("7"))
    scene.bring(KAIKO, Trade("7", price="99"))      # told by the id alone now
    assert scene.counts(KAIKO) == {"echoes": 1, "price": 1}


def test_another_id_is_another_trade_though_all_else_is_alike():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("2"))
    assert scene.counts(KAIKO) == {"first": 1}


def test_a_trade_without_an_id_or_a_time_is_told_by_its_values_and_its_receipt():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade(None, at_ns=None), 500)
    scene.bring(KAIKO, Trade(None, at_ns=None), 1500)
    scene.bring(KAIKO, Trade(None, at_ns=None), 1501)
    assert scene.counts(KAIKO) == {"echoes": 1, "first": 1}


@pytest.mark.parametrize("at_ns", [SECOND, NOW - 10**18, 9 * 10**18])
def test_an_absurd_time_hides_no_id_and_matches_no_values(at_ns):
    scene = Scene(V2, KAIKO, COINAPI)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("1", at_ns=at_ns))
    scene.bring(COINAPI, Trade(at_ns=at_ns))
    assert scene.counts(KAIKO) == {"echoes": 1}
    assert scene.counts(COINAPI) == {"first": 1}


def test_what_has_not_come_within_ten_seconds_is_missing():
    scene = Scene(V2, KAIKO)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("1"))
    scene.bring(V2, Trade("2"), 100)
    scene.hear(KAIKO, 200)
    scene.pass_time(100 + SETTLED - 1)
    assert scene.counts(KAIKO) == {"echoes": 1}
    scene.pass_time(100 + SETTLED + 1000)
    assert scene.counts(KAIKO) == {"echoes": 1, "missing": 1}
    assert scene.counts(V2) == {"first": 2}


def test_who_was_disconnected_is_absent_and_not_said_to_miss():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    scene.connections[KAIKO].close()
    scene.bring(V2, Trade("2"), 100)
    scene.connections[KAIKO] = scene.open(KAIKO)
    scene.bring(KAIKO, Trade("3"), 200)
    scene.pass_time(SETTLED + 200)
    assert scene.counts(KAIKO) == {"echoes": 1, "first": 1, "absent": 1}
    assert scene.counts(V2) == {"first": 2, "absent": 1}    # nothing came from it after the third


def test_who_was_mute_is_absent_too():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    scene.bring(V2, Trade("2"), 100)
    scene.pass_time(SETTLED + 100)
    assert scene.counts(KAIKO) == {"echoes": 1, "absent": 1}


def test_who_has_brought_no_trade_yet_lacks_none():
    scene = Scene(V2, KAIKO)
    scene.hear(KAIKO, 0)
    scene.bring(V2, Trade("1"))
    scene.hear(KAIKO, 5000)
    scene.pass_time(SETTLED)
    scene.bring(V2, Trade("2"), SETTLED + 1)
    scene.bring(KAIKO, Trade("3"), SETTLED + 5000)
    scene.pass_time(3 * SETTLED)
    assert scene.counts(KAIKO) == {"first": 1}


def test_what_comes_after_it_was_settled_is_an_echo_and_overdue():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    scene.bring(V2, Trade("2"))
    scene.hear(KAIKO, 1)
    scene.bring(KAIKO, Trade("2"), SETTLED)
    assert scene.counts(KAIKO) == {"echoes": 1, "overdue": 1, "missing": 1}
    assert scene.echoes()[-1] == (KAIKO, True)


def test_a_snapshot_counts_as_brought_and_has_no_delay():
    scene = Scene(KAIKO, V2)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("1"))
    scene.bring(KAIKO, Trade("2"), 100)
    scene.bring(V2, Trade("2"), 7000, snapshot=True)
    scene.pass_time(2 * SETTLED)
    assert scene.counts(V2) == {"first": 1}
    assert scene.delays(V2) == (0, 0)
    assert scene.echoes()[-1] == (V2, True)


def test_a_replayed_trade_that_another_had_brought_is_an_echo_without_a_delay():
    scene = Scene(KAIKO, V2)
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("2"), 100)
    scene.replay(V2, Trade("2"), 900)
    scene.replay(V2, Trade("3"), 901)
    assert scene.echoes() == [(V2, False), (KAIKO, False), (V2, True), (V2, False)]
    assert (scene.counts(V2), scene.delays(V2)) == ({"first": 1}, (0, 0))


def test_a_trade_that_comes_live_after_it_was_replayed_is_the_first_and_told_as_an_echo():
    scene = Scene(KAIKO, V2)
    scene.bring(V2, Trade("1"))
    scene.replay(V2, Trade("2"), 100)
    scene.bring(KAIKO, Trade("2"), 200)
    assert scene.counts(KAIKO) == {"first": 1}
    assert scene.echoes()[-1] == (KAIKO, True)


def test_replays_take_no_room_from_what_is_open():
    scene = Scene(V2, KAIKO)
    for id in range(1, 16):
        scene.bring(V2, Trade(str(id), size=f"0.{id:02}"))
    scene.bring(KAIKO, Trade("1", size="0.01"))
    for id in range(100, 140):      # one finds room, the others don't: 16 are known
        scene.replay(V2, Trade(str(id), size=f"1.{id}"), 5)
    for id in range(2, 16):
        scene.bring(KAIKO, Trade(str(id), size=f"0.{id:02}"), 10)
    assert scene.counts(KAIKO) == {"echoes": 15}
    assert scene.pipeline.counters()["arbitration"]["forgotten"] == 0


@pytest.mark.parametrize(("more", "forgotten"), [(0, 0), (1, 1)])
def test_beyond_its_limit_of_open_trades_a_market_forgets_the_oldest_and_says_so(more, forgotten):
    scene = Scene(V1, V2)
    scene.bring(V1, Trade(size="7"))
    scene.bring(V2, Trade("1", size="7"))
    for id in range(2, ARRIVALS_MAX + more + 1):
        scene.bring(V2, Trade(str(id), size=f"{id}"), 1)
    assert scene.pipeline.counters()["arbitration"]["forgotten"] == forgotten
    scene.bring(V1, Trade(size="2"), 2)
    scene.pass_time(2 * SETTLED)
    assert scene.counts(V1) == {"first": 1, "echoes": 1, "missing": ARRIVALS_MAX + more - 2}


@pytest.mark.parametrize(("alike", "seen"), [(63, True), (64, False)])
def test_of_many_trades_alike_that_one_provider_lacks_only_so_many_are_looked_at(alike, seen):
    scene = Scene(V2, COINAPI, V1)
    for provider in (V2, COINAPI, V1):      # V1 then stays away, but connected: nothing is complete
        scene.bring(provider, Trade("1", size="9"))
    for id in range(2, 2 + alike):
        scene.bring(V2, Trade(str(id)), 1)
    for _ in range(alike + 1):
        scene.bring(COINAPI, Trade(), 2)
    scene.bring(V2, Trade("99"), 3)         # meets the last one, if it looks that far
    assert scene.counts(COINAPI) == {"echoes": 1 + alike, "first": 1}
    assert scene.counts(V2).get("echoes", 0) == seen


def test_an_id_that_a_provider_brings_over_two_of_its_markets_is_no_echo():
    gemini = [Market("btc-usd", "gemini", symbol, venue="gemini") for symbol in ("btcusd", "BTCUSD")]
    other = Market("btc-usd", COINAPI, "KRAKEN_SPOT_BTC_USD", venue="gemini", venue_code="KRAKEN")
    scene = Scene("gemini", instruments=build(["btc-usd"], [*gemini, other]))
    at = NOW // MS
    scene.connections["gemini"].feed_bytes(
        f'{{"E":{NOW},"s":"btcusd","t":5,"p":"100","q":"1","m":true}}'.encode(), NOW)
    scene.connections["gemini"].feed_bytes(
        f'{{"type":"trade","symbol":"BTCUSD","event_id":1,"timestamp":{at},"price":"100","quantity":"1","side":"sell",'
        f'"tid":5}}'.encode(), NOW)
    assert scene.echoes() == [("gemini", False), ("gemini", False)]
    assert scene.counts("gemini") == {"first": 1}


def test_merged_trades_are_neither_first_nor_echo():
    markets = [Market("btc-usd", "binance-spot", "BTCUSD"),
               Market("btc-usd", KAIKO, "btc-usd", venue="binance", venue_code="krkn", section="spot")]
    scene = Scene("binance-spot", KAIKO, instruments=build(["btc-usd"], markets))
    frame = binance_trade(1, "100.5", "0.25").replace(b'"e":"trade"', b'"e":"aggTrade"').replace(b'"t":1', b'"a":1')
    scene.connections["binance-spot"].feed_bytes(frame, NOW)
    scene.bring(KAIKO, Trade("1"))
    assert scene.echoes() == [("binance-spot", False), (KAIKO, False)]
    assert (scene.counts("binance-spot"), scene.counts(KAIKO)) == ({}, {"first": 1})


def test_a_market_that_one_provider_brings_is_not_arbitrated():
    scene = Scene(V2)
    for id in range(1, 100):
        scene.bring(V2, Trade(str(id)))
    assert scene.pipeline.counters()["arbitration"] == {"members": [], "delays": [], "forgotten": 0}


def test_a_provider_without_trades_makes_no_second_one():
    other = Market("btc-usd", "coindesk", "BTC-USD", venue="kraken", venue_code="cadli")
    instruments = build(["btc-usd"], [MARKETS[V2], other])
    assert Arbitration(instruments, {name: load(name).channels for name in (V2, "coindesk")}).named == []


def test_more_providers_than_a_market_holds_are_refused_and_that_is_more_than_there_are():
    markets = [Market("btc-usd", f"provider-{number}", "BTC", venue="kraken") for number in range(33)]
    channels = {each.provider: load(V2).channels for each in markets}
    assert len(Arbitration(build(["btc-usd"], markets[:32]), channels).named[0][3]) == 32
    with pytest.raises(ConfigError, match="btc-usd at kraken has trades of 33 providers, at most 32"):
        Arbitration(build(["btc-usd"], markets), channels)
    assert len(MODULES) <= 32


def venues_in_effect(tellings) -> float:
    """Of a price of two venues; the first has two paths, which tell these trades, the second has traded two units."""
    book = PriceBook({"weight_max": 1.0}, [(0, 1, None), (0, 1, None), (1, 1, None)])
    for source, told in [*tellings, (2, TOLD_ALONE), (2, TOLD_ALONE)]:
        book.trade(source, 100.0, 1.0, NOW, told=told)
    return book.evaluate(NOW)["n_eff"]


def test_a_trade_adds_to_its_venues_volume_once_whoever_is_first():
    turns = venues_in_effect([(0, TOLD_FIRST), (1, TOLD_AGAIN), (1, TOLD_FIRST), (0, TOLD_AGAIN)])
    alone = venues_in_effect([(0, TOLD_ALONE), (1, TOLD_ALONE), (1, TOLD_ALONE), (0, TOLD_ALONE)])
    four = venues_in_effect([(0, TOLD_FIRST), (1, TOLD_FIRST), (1, TOLD_FIRST), (0, TOLD_FIRST)])
    assert turns == alone != four
