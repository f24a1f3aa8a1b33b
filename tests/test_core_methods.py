"""Instruments that a running pipeline prices by other methods than the default, also through a swap."""

import pytest

from ingestor.errors import ConfigError
from tests.markets import NOW, SECOND, Instrument, Market, With, binance_quote, build
from tests.test_edition import BTC, ETH, House, more_before, three_venues

PERP = Market("btc-usd-perp", "binance-spot", "BTCPERP", venue="own")
PEER = Market("btc-usd-perp", "binance-spot", "BTCSWAP", venue="peer")


def marked(extra=()):
    """btc-usd on three venues, and a perpetual of it on two; before them what shifts every number."""
    perp = Instrument("btc-usd-perp", "perp", index=With("btc-usd", ""))
    return build([*(each.instrument for each in extra), "btc-usd", perp], [*extra, *BTC, PERP, PEER])


def pricing(method, **params):
    """Parameters of one instrument; the others have the default."""
    def of(instrument):
        return {"method": method, **params} if instrument in ("btc-usd-perp", "btc-usd") else {}
    return of


def mark(instrument):
    return {"method": "mark_default"} if instrument == "btc-usd-perp" else {}


def perp_quote(house, symbol, bid, ask, now_ns=NOW, update=1):
    house.binance.feed_bytes(binance_quote(update, bid, ask, symbol), now_ns)
    house.binance.drained_now(now_ns)


def test_a_fair_record_names_its_method_and_its_parameters():
    house = House(marked(), pricing=mark)
    house.quotes()
    perp_quote(house, "BTCPERP", "100.1", "100.3")
    told = {record["instrument"]: record for record in house.records("fair")}
    assert told["btc-usd"]["method"] == "consensus_v1"
    assert told["btc-usd-perp"]["method"] == "mark_default"
    assert told["btc-usd-perp"]["parameters_hash"] != told["btc-usd"]["parameters_hash"]


def test_a_perpetual_is_marked_by_its_index_and_its_peers():
    house = House(marked(), pricing=mark)
    house.quotes()
    index = house.fair()["price"]
    perp_quote(house, "BTCPERP", "100.1", "100.3")
    perp_quote(house, "BTCSWAP", "100.4", "100.6")
    found = house.fair("btc-usd-perp")
    assert (found["anchor"], found["status"]) == (index, "OK")
    assert found["price"] == pytest.approx(100.2)       # basis and own book 100.2, peers 100.5


def test_a_mark_ages_with_the_sweep_when_its_index_falls_silent():
    house = House(marked(), pricing=mark)
    house.quotes()
    perp_quote(house, "BTCPERP", "100.1", "100.3")
    assert house.fair("btc-usd-perp")["status"] == "DEGRADED"       # no peers
    for second in range(1, 35):
        perp_quote(house, "BTCPERP", "100.1", "100.3", NOW + second * SECOND, 1 + second)
        house.pipeline.tick(NOW + second * SECOND)
    assert house.fair()["status"] == "HELD"
    assert house.fair("btc-usd-perp")["status"] == "HELD"


def test_a_basis_goes_on_through_a_swap():
    kept, other = House(marked(), pricing=mark), House(marked(), pricing=mark)
    for house in (kept, other):
        house.quotes()
        perp_quote(house, "BTCPERP", "101", "101")
        if house is kept:
            house.swap(marked([ETH]))
        later = NOW + 10 * SECOND
        house.quotes(later, 2)
        perp_quote(house, "BTCPERP", "100", "100", later, 2)
    first, second = kept.fair("btc-usd-perp"), other.fair("btc-usd-perp")
    assert (first["price"], first["conf"]) == (second["price"], second["conf"])
    assert first["conf"] > 0.2      # it remembers the basis of 1


@pytest.mark.parametrize("method", ["principal_market", "cm_realtime"])
def test_the_hour_of_trades_goes_on_through_a_swap_that_shifts_every_number(method):
    house = House(pricing=pricing(method))
    house.trades(1, 2, 3, price="100", size="3")
    before = house.fair()
    assert before["price"] == 100
    house.swap(more_before())
    house.pipeline.tick(NOW + 2 * SECOND)
    after = house.fair()
    assert [after[key] for key in ("price", "status", "n")] == [before[key] for key in ("price", "status", "n")]
    house.swap(build(["btc-usd"], BTC[1:]), version=3)      # the venue that traded is gone
    house.pipeline.tick(NOW + 4 * SECOND)
    assert house.fair()["status"] == "HELD"


def test_the_trades_of_a_partition_go_on_through_a_swap():
    house = House(pricing=pricing("vwm_partitions", partition_s=60.0))
    house.trades(1, price="100", size="3")
    house.swap(more_before())
    house.trades(2, price="101", size="4")
    house.pipeline.tick(NOW + 60 * SECOND)
    assert house.fair()["price"] == 101


def test_what_could_not_be_counted_is_counted_once_through_swaps():
    house = House(pricing=pricing("vwm_partitions", partition_s=60.0))
    house.trades(1)
    house.trades(2, ms=NOW // 1_000_000 - 60_000)
    for version, instruments in ((2, more_before()), (3, build(["eth-usd"], [ETH]))):
        assert house.pipeline.counters()["uncounted"] == {"late": 1, "overflowed": 0, "unconverted": 0}
        house.swap(instruments, version)
    assert house.pipeline.counters()["uncounted"]["late"] == 1


@pytest.mark.parametrize("to", ["consensus_v1", "mark_default", "principal_market", "vwm_partitions"])
def test_another_method_after_a_swap_begins_with_nothing_but_the_held_price(to):
    house = House(three_venues(), pricing=pricing("cm_realtime"))
    house.trades(1, symbol="A", price="100", size="3")
    house.more = {"pricing": pricing(to)}
    house.swap(three_venues())
    house.pipeline.tick(NOW + 2 * SECOND)
    assert house.fair()["status"] == ("SINGLE" if to == "consensus_v1" else "HELD")
    assert house.fair()["price"] == 100


def test_what_a_contract_is_a_derivative_of_must_be_there():
    perp = Instrument("btc-usd-perp", "perp", index=With("btc-usd", ""))
    with pytest.raises(ConfigError, match="index of btc-usd-perp names 'btc-usd', which is no instrument"):
        build([perp], [PERP])


def test_the_index_of_a_wanted_contract_is_kept_and_comes_before_it():
    perp = Instrument("btc-usd-perp", "perp", index=With("btc-usdt", "usdt-usd"))
    rows = build([perp, "btc-usdt", "usdt-usd"], [PERP], wanted=lambda name: name == "btc-usd-perp").rows
    assert [row.id for row in rows] == ["btc-usdt", "usdt-usd", "btc-usd-perp"]
    assert (rows[2].index, rows[2].index_conversion, rows[0].index) == (0, 1, -1)
