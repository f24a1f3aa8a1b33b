"""The flag of replayed trades: the first data frame of a stream after its acknowledgement."""

import itertools
import random

from reference.okx_v5 import OkxV5

from ingestor.decode import Decoder


def event(name: str, channel: str = "trades", symbol: str = "BTC-USDT") -> bytes:
    return f'{{"event":"{name}","arg":{{"channel":"{channel}","instId":"{symbol}"}}}}'.encode()


def data(channel: str = "trades", symbol: str = "BTC-USDT", *, rows: int = 1, price: str = "1") -> bytes:
    row = f'{{"instId":"{symbol}","tradeId":"1","px":"{price}","sz":"2","side":"buy","ts":"1786562940921"}}'
    return f'{{"arg":{{"channel":"{channel}","instId":"{symbol}"}},"data":[{",".join([row] * rows)}]}}'.encode()


def flags(decoder: Decoder, frame: bytes) -> list[bool]:
    return [record["snapshot"] for record in decoder.decode(frame)[1]]


def test_without_an_acknowledgement_nothing_is_a_replay() -> None:
    assert flags(Decoder("okx-v5"), data()) == [False]


def test_the_first_frame_after_the_acknowledgement_is_the_replay_with_all_its_rows_and_the_next_is_news() -> None:
    decoder = Decoder("okx-v5")
    assert decoder.decode(event("subscribe")) == ("control", [])
    assert flags(decoder, data(rows=3)) == [True, True, True]
    assert flags(decoder, data()) == [False]


def test_a_second_acknowledgement_sets_nothing_again() -> None:
    decoder = Decoder("okx-v5")
    for _ in range(2):
        decoder.decode(event("subscribe"))
    assert flags(decoder, data()) == [True]
    decoder.decode(event("subscribe"))
    assert flags(decoder, data()) == [False]


def test_after_an_unsubscribe_the_next_acknowledgement_brings_a_replay_again() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe"))
    assert flags(decoder, data()) == [True]
    decoder.decode(event("unsubscribe"))
    assert flags(decoder, data()) == [False]
    decoder.decode(event("subscribe"))
    assert flags(decoder, data()) == [True]


def test_an_unsubscribe_before_the_replay_came_forgets_it() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe"))
    decoder.decode(event("unsubscribe"))
    assert flags(decoder, data()) == [False]


def test_streams_are_told_apart_by_channel_and_symbol() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe"))
    assert flags(decoder, data(symbol="ETH-USDT")) == [False]
    assert flags(decoder, data("trades-all")) == [False]
    assert flags(decoder, data()) == [True]


def test_other_channels_are_never_replays_and_other_events_set_nothing() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe", "tickers"))
    decoder.decode(event("error"))
    decoder.decode(b'{"event":"subscribe"}')
    decoder.decode(b'{"event":"subscribe","arg":{"channel":"trades"}}')
    tickers = data("tickers").replace(b'"px"', b'"bidPx"')
    assert flags(decoder, tickers) == [False]
    assert flags(decoder, data()) == [False]


def test_a_frame_that_is_malformed_is_not_the_replay() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe"))
    assert decoder.decode(data(price="x")) == ("bad_number", [])
    assert flags(decoder, data()) == [True]


def test_escapes_and_key_order_name_the_same_stream() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(b'{"arg":{"instId":"BTC\\u002dUSDT","channel":"\\u0074rades"},"event":"subscrib\\u0065"}')
    assert flags(decoder, data()) == [True]


def test_a_new_connection_knows_nothing_of_the_last() -> None:
    decoder = Decoder("okx-v5")
    decoder.decode(event("subscribe"))
    decoder.reset()
    assert flags(decoder, data()) == [False]


def test_any_order_of_events_and_data_flags_what_the_slow_twin_flags() -> None:
    chance = random.Random(3)
    decoder, twin = Decoder("okx-v5"), OkxV5()
    steps = [each for channel, symbol in itertools.product(("trades", "trades-all"), ("A", "B", "C"))
             for each in (event("subscribe", channel, symbol), event("unsubscribe", channel, symbol),
                          data(channel, symbol), data(channel, symbol, rows=0), data(channel, symbol, price="x"))]
    for _ in range(5000):
        frame = chance.choice(steps)
        assert decoder.decode(frame)[1] == twin.decode(frame)[1]


def test_beyond_the_most_streams_of_a_connection_a_flag_is_lost_and_no_record() -> None:
    decoder = Decoder("okx-v5")
    streams = 65_536
    for number in range(streams + 10):
        decoder.decode(event("subscribe", symbol=f"S{number}"))
    assert all(flags(decoder, data(symbol=f"S{number}")) == [True] for number in range(0, streams, 997))
    assert flags(decoder, data(symbol=f"S{streams - 1}")) == [True]
    assert flags(decoder, data(symbol=f"S{streams + 5}")) == [False]
