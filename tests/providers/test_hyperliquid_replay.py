"""The flag of replayed trades: each coin's rows in the first frame after its acknowledgement."""

import itertools
import random

from reference.hyperliquid import Hyperliquid

from ingestor.decode import Decoder


def answer(method: str, coin: str = "BTC", kind: str = "trades") -> bytes:
    return (f'{{"channel":"subscriptionResponse","data":{{"method":"{method}","subscription":'
            f'{{"type":"{kind}","coin":"{coin}"}}}}}}').encode()


def data(*coins: str, price: str = "1") -> bytes:
    rows = ",".join(f'{{"coin":"{coin}","side":"A","px":"{price}","sz":"2","time":1,"tid":1}}' for coin in coins)
    return f'{{"channel":"trades","data":[{rows}]}}'.encode()


def flags(decoder: Decoder, frame: bytes) -> list[bool]:
    return [record["snapshot"] for record in decoder.decode(frame)[1]]


def test_without_an_acknowledgement_nothing_is_a_replay() -> None:
    assert flags(Decoder("hyperliquid"), data("BTC")) == [False]


def test_all_rows_of_the_first_frame_after_the_acknowledgement_are_the_replay_and_the_next_is_news() -> None:
    decoder = Decoder("hyperliquid")
    assert decoder.decode(answer("subscribe")) == ("control", [])
    assert flags(decoder, data("BTC", "BTC", "BTC")) == [True, True, True]
    assert flags(decoder, data("BTC")) == [False]


def test_a_second_acknowledgement_sets_nothing_again_but_after_an_unsubscribe_it_does() -> None:
    decoder = Decoder("hyperliquid")
    decoder.decode(answer("subscribe"))
    assert flags(decoder, data("BTC")) == [True]
    decoder.decode(answer("subscribe"))
    assert flags(decoder, data("BTC")) == [False]
    decoder.decode(answer("unsubscribe"))
    assert flags(decoder, data("BTC")) == [False]
    decoder.decode(answer("subscribe"))
    assert flags(decoder, data("BTC")) == [True]


def test_a_frame_of_several_coins_is_the_replay_of_those_that_owe_one() -> None:
    decoder = Decoder("hyperliquid")
    decoder.decode(answer("subscribe", "BTC"))
    decoder.decode(answer("subscribe", "SOL"))
    assert flags(decoder, data("BTC", "ETH", "BTC", "SOL", "SOL", "ETH")) == [True, False, True, True, True, False]
    assert flags(decoder, data("SOL", "BTC")) == [False, False]


def test_a_frame_without_rows_or_one_that_is_malformed_is_not_the_replay() -> None:
    decoder = Decoder("hyperliquid")
    decoder.decode(answer("subscribe"))
    assert flags(decoder, data()) == []
    assert decoder.decode(data("BTC", price="x")) == ("bad_number", [])
    assert flags(decoder, data("BTC")) == [True]


def test_other_subscriptions_set_nothing_and_a_new_connection_knows_nothing_of_the_last() -> None:
    decoder = Decoder("hyperliquid")
    decoder.decode(answer("subscribe", kind="bbo"))
    assert flags(decoder, data("BTC")) == [False]
    decoder.decode(answer("subscribe"))
    decoder.reset()
    assert flags(decoder, data("BTC")) == [False]


def test_any_order_of_answers_and_data_flags_what_the_slow_twin_flags() -> None:
    chance = random.Random(3)
    decoder, twin = Decoder("hyperliquid"), Hyperliquid()
    coins = ("A", "B", "C")
    steps = [answer(method, coin) for method in ("subscribe", "unsubscribe") for coin in coins]
    steps += [data(*rows) for count in range(4) for rows in itertools.product(coins, repeat=count)]
    steps += [data("A", "B", price="x")]
    for _ in range(5000):
        frame = chance.choice(steps)
        assert decoder.decode(frame)[1] == twin.decode(frame)[1]
