"""What single providers do in a conversation as no other does, and what none does with nonsense."""

import json

import pytest
from conversing import WS, control, decode, dialect_of, engine

from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.simulator.dialects.dialect import Conversation


def ask(name, subscriptions):
    """(conversation, replies) to our session's messages."""
    dialect, talk = dialect_of(name, engine()), Conversation("linear" if name == "bybit-v5" else "")
    replies = []
    for text in load(name).session.subscribe([Subscription(*each) for each in subscriptions], 7):
        replies += dialect.hear(talk, text)
    return talk, replies


def test_the_futures_market_endpoint_carries_no_trades():
    dialect, talk = dialect_of("binance-usdm", engine()), Conversation("", "market")
    dialect.hear(talk, b'{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@markPrice@1s"],"id":1}')
    assert list(talk.streams) == [("", "markPrice@1s", "BTCUSDT")]


@pytest.mark.parametrize(("name", "channel", "symbol", "replayed"), [
    ("kraken-v2", "trade", "BTC/USD", 20), ("coinbase-exchange", "matches", "BTC-USD", 1)])
def test_a_replay_on_subscribing_is_marked_as_snapshot(name, channel, symbol, replayed):
    _, [_, replay] = ask(name, [(channel, symbol)])
    records = decode(name, replay)
    assert [record["snapshot"] for record in records] == [True] * replayed


def test_okx_pushes_the_last_trade_after_the_acknowledgement_so_that_a_decoder_flags_it():
    from ingestor.decode import Decoder

    _, replies = ask("okx-v5", [("trades", "BTC-USDT")])
    decoder = Decoder("okx-v5")
    (acked, _), (_, [record]) = [decoder.decode(reply) for reply in replies]
    assert (acked, record["snapshot"]) == ("control", True)


def test_okx_and_bybit_push_the_present_book_on_subscribing():
    for name, wanted in (("okx-v5", ("bbo-tbt", "BTC-USDT")), ("bybit-v5", ("orderbook.1", "BTCUSDT"))):
        _, [_, book] = ask(name, [wanted])
        assert decode(name, book)[0]["bid"] is not None


def test_kraken_acknowledges_each_symbol_by_itself_and_refuses_one_alone():
    _, replies = ask("kraken-v2", [("ticker", "BTC/USD"), ("ticker", "NO/USD"), ("ticker", "ETH/USD")])
    assert [control("kraken-v2", reply).kind for reply in replies[:3]] == ["ack", "error", "ack"]


def test_kraken_states_its_status_unasked_and_fills_silence_once_there_are_subscriptions():
    dialect, talk = dialect_of("kraken-v2", engine()), Conversation("")
    [status] = dialect.greet(talk)
    assert json.loads(status)["channel"] == "status"
    assert dialect.heartbeat(talk) == []
    talk, _ = ask("kraken-v2", [("ticker", "BTC/USD")])
    assert dialect.heartbeat(talk) == [b'{"channel":"heartbeat"}']


def test_bybit_refuses_more_than_ten_arguments_on_spot_only():
    args = json.dumps(["tickers.BTCUSDT"] * 11)
    for section, success in (("spot", False), ("linear", True)):
        dialect = dialect_of("bybit-v5", engine())
        reply = dialect.hear(Conversation(section), f'{{"req_id":"1","op":"subscribe","args":{args}}}'.encode())[0]
        assert json.loads(reply)["success"] is success


def test_coinbase_answers_with_the_whole_list_each_time():
    dialect, talk = dialect_of("coinbase-exchange", engine()), Conversation("")
    for channel in ("matches", "ticker"):
        [text] = load("coinbase-exchange").session.subscribe([Subscription(channel, "BTC-USD")], 1)
        reply = dialect.hear(talk, text)[0]
    assert json.loads(reply)["channels"] == [
        {"name": "matches", "product_ids": ["BTC-USD"]}, {"name": "ticker", "product_ids": ["BTC-USD"]}]


def test_coinbases_heartbeat_names_the_last_trade():
    dialect, talk = dialect_of("coinbase-exchange", engine()), Conversation("")
    dialect.hear(talk, b'{"type":"subscribe","product_ids":["BTC-USD"],"channels":["heartbeat","matches"]}')
    [beat] = map(json.loads, dialect.each_second(talk))
    assert beat["last_trade_id"] == dialect.markets["", "BTC-USD"].history[-1].id


COINAPI = [Subscription("trade", "BITSTAMP_SPOT_BTC_USD"), Subscription("quote", "GEMINI_SPOT_BTC_USD")]


def test_coinapi_acknowledges_nothing_and_takes_what_our_hello_asks_for():
    dialect, talk = dialect_of("coinapi", engine(), key="good"), Conversation("")
    replies = [reply for text in load("coinapi").session.hello(COINAPI, "good") for reply in dialect.hear(talk, text)]
    assert replies == []
    assert list(talk.streams) == [("", each.channel, each.symbol) for each in COINAPI]


def test_coinapi_refuses_a_bad_key_and_hangs_up():
    dialect, talk = dialect_of("coinapi", engine(), key="good"), Conversation("")
    [error] = dialect.hear(talk, load("coinapi").session.hello(COINAPI, "bad")[0])
    assert control("coinapi", error).fatal
    assert talk.farewell == "Invalid API key"


def test_coinapi_wants_hello_first():
    dialect, talk = dialect_of("coinapi", engine()), Conversation("")
    dialect.hear(talk, load("coinapi").session.subscribe(COINAPI, 1)[0])
    assert talk.farewell == "Hello message was not received"


def test_coinapis_hello_replaces_and_its_filter_is_a_prefix_without_the_dollar():
    dialect, talk = dialect_of("coinapi", engine()), Conversation("")
    for symbols in ('["GEMINI_SPOT_BTC_USD$"]', '["BITSTAMP_SPOT_"]'):
        dialect.hear(talk, f'{{"type":"hello","subscribe_data_type":["trade"],"subscribe_filter_symbol_id":{symbols}}}'
                     .encode())
    symbols = {symbol for _, _, symbol in talk.streams}
    assert len(symbols) == 5
    assert all(symbol.startswith("BITSTAMP_SPOT_") for symbol in symbols)


@pytest.mark.parametrize("name", WS)
@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"op":5}', b'{"method":"subscribe","params":7}', b'{"type":"subscribe"}',
    b'{"op":"subscribe","args":[{}, 1, null]}', b'{"method":"SUBSCRIBE","params":{"a":1},"id":[]}',
    b'{"type":"subscribe","channels":[7,{"name":[]}],"product_ids":{}}', b'{"type":"hello","apikey":{}}',
    b'{"method":"subscribe","params":{"channel":["trade"],"symbol":"BTC/USD"}}'])
def test_nonsense_is_answered_or_ignored_and_subscribes_to_nothing(name, text):
    talk = Conversation("linear" if name == "bybit-v5" else "")
    for reply in dialect_of(name, engine()).hear(talk, text):
        assert isinstance(reply, bytes)
    assert not talk.streams


@pytest.mark.parametrize(("name", "path"), [
    ("binance-spot", "/nothing"), ("binance-usdm", "/stream"), ("bybit-v5", "/v5/public/nothing"),
    ("bybit-v5", "/spot")])
def test_a_path_that_a_provider_does_not_have_is_refused(name, path):
    assert dialect_of(name, engine()).open(path, {}) is None


def test_binance_takes_streams_from_the_url_too():
    talk = dialect_of("binance-spot", engine()).open("/stream?streams=btcusdt@trade/nousdt@trade", {})
    assert list(talk.streams) == [("", "trade", "BTCUSDT")]
