"""Volumes of a running pipeline: what a venue counts its sizes in has no say in its weight."""

import pytest

from tests.markets import NOW, Market, build
from tests.test_edition import House


def perpetuals(*contracts):
    """btc-usd on a venue for each (contract size, inverse)."""
    return build(["btc-usd"], [
        Market("btc-usd", "binance-spot", f"BTC{number}", f"venue{number}", contract_size=size, inverse=inverse)
        for number, (size, inverse) in enumerate(contracts)])


def weights(house):
    ((_, (_, _, _, sources)),) = house.pipeline.books.votes()
    return [weight for _, weight, _ in sources]


SAME = ((1.0, False), (0.01, False), (10.0, True))


def test_the_same_volume_in_coins_in_contracts_and_in_dollars_weighs_the_same():
    house = House(perpetuals(*SAME), pricing=lambda _: {"cap": 1})
    for number, size in enumerate(("50", "5000", "500")):
        house.trades(1, symbol=f"BTC{number}", price="100", size=size)
    assert weights(house) == pytest.approx([1 / 3] * 3)


def test_a_market_whose_contract_is_corrected_counts_by_the_new_one_from_then_on():
    house = House(perpetuals(*SAME), pricing=lambda _: {"cap": 1})
    for number, size in enumerate(("50", "5000", "500")):
        house.trades(1, symbol=f"BTC{number}", price="100", size=size)
    house.swap(perpetuals(SAME[0], (0.02, False), SAME[2]))
    for number, size in enumerate(("50", "5000", "500")):
        house.trades(2, symbol=f"BTC{number}", price="100", size=size, now_ns=NOW + 1)
    assert weights(house) == pytest.approx([1 / 3] * 3)
