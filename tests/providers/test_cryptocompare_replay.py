"""The replay of cryptocompare: what comes of a subscription between its acknowledgement and LOADCOMPLETE."""

from reference.cryptocompare import Cryptocompare
from samples.cryptocompare import LOADED, SUBSCRIBED, TRADE, UNSUBSCRIBED

from ingestor.decode import Decoder

OTHER = TRADE.replace("Coinbase", "Kraken")
OTHERS = SUBSCRIBED.replace("Coinbase", "Kraken")


def flags(*frames: str) -> list[bool]:
    """The snapshot flags of the trades among the frames of one connection; the twin says the same."""
    decoder, twin = Decoder("cryptocompare"), Cryptocompare()
    found = []
    for frame in frames:
        _, records = decoder.decode(frame.encode())
        assert twin.decode(frame.encode())[1] == records
        found += [record["snapshot"] for record in records]
    return found


def test_trades_are_a_replay_until_all_is_loaded() -> None:
    assert flags(SUBSCRIBED, TRADE, TRADE, LOADED, TRADE) == [True, True, False]


def test_a_replay_is_of_twenty_trades_where_nothing_says_that_all_is_loaded() -> None:
    assert flags(SUBSCRIBED, OTHERS, *[TRADE] * 25, *[OTHER] * 21) == (
        [True] * 20 + [False] * 5 + [True] * 20 + [False])
    assert flags(SUBSCRIBED, *[TRADE] * 7, LOADED, *[TRADE] * 20) == [True] * 7 + [False] * 20
    assert flags(SUBSCRIBED, TRADE.replace('"P"', '"p"'), *[TRADE] * 21) == [True] * 20 + [False]


def test_without_an_acknowledgement_nothing_is_a_replay() -> None:
    assert flags(TRADE, LOADED, TRADE) == [False, False]
    assert flags(SUBSCRIBED.replace("0~", "2~"), TRADE, SUBSCRIBED.replace("Coinbase~", ""), TRADE) == [False, False]


def test_a_subscription_that_is_added_replays_alone() -> None:
    assert flags(SUBSCRIBED, TRADE, LOADED, OTHERS, OTHER, TRADE, LOADED, OTHER) == [True, True, False, False]


def test_a_second_acknowledgement_sets_nothing_unless_it_was_unsubscribed_between() -> None:
    assert flags(SUBSCRIBED, LOADED, SUBSCRIBED, TRADE, UNSUBSCRIBED, SUBSCRIBED, TRADE) == [False, True]
    assert flags(SUBSCRIBED, UNSUBSCRIBED, TRADE) == [False]


def test_many_subscriptions_are_each_remembered() -> None:
    acknowledged = [SUBSCRIBED.replace("BTC", f"C{number}") for number in range(2000)]
    trades = [TRADE.replace("BTC", f"C{number}") for number in range(2000)]
    assert flags(*acknowledged, *trades) == [True] * 2000
    assert flags(*acknowledged, LOADED, *trades) == [False] * 2000
