"""What each dialect says to its provider, and what it makes of the answers. Texts as in the format reference."""

import json

import pytest
from spoken import answer, session, texts

from ingestor.providers.registry import MODULES, load
from ingestor.providers.session import Control, Subscription

BTC, ETH = "BTC-USD", "ETH-USD"


def test_binance_names_streams_by_lower_case_symbol_and_channel() -> None:
    wanted = [Subscription("trade", "BTCUSDT"), Subscription("bookTicker", "ETHUSDT")]
    for method, messages in (("SUBSCRIBE", session("binance-spot").subscribe(wanted, 7)),
                             ("UNSUBSCRIBE", session("binance-spot").unsubscribe(wanted, 7))):
        assert texts(messages) == [{"method": method, "params": ["btcusdt@trade", "ethusdt@bookTicker"], "id": 7}]
    assert session("binance-spot").endpoint("wss://h:9443/", "", wanted, "") == "wss://h:9443/stream"
    assert session("binance-spot").heartbeat(1) is None


def test_binance_answers_by_id_and_announces_its_shutdown() -> None:
    assert answer("binance-spot", '{"result":null,"id":1}') == Control("ack", request="1")
    assert answer("binance-spot", '{"result":null,"id":null}') == Control("ack", request="")
    refused = Control("error", request="1", message="2: Invalid request", retryable=False)
    assert answer("binance-spot", '{"error":{"code":2,"msg":"Invalid request"},"id":1}') == refused
    assert answer("binance-spot", '{"code":2,"msg":"Invalid request","id":1}') == refused
    assert answer("binance-spot", '{"code":2,"msg":"x"}') == Control("error", message="2: x", retryable=False)
    assert answer("binance-spot", '{"id":1}') is None
    for frame in ('{"e":"serverShutdown","E":1}', '{"stream":"x","data":{"e":"serverShutdown","E":1}}'):
        control = answer("binance-spot", frame)
        assert control is not None
        assert control.kind == "reconnect"


def test_binance_futures_split_their_channels_over_two_bases() -> None:
    usdm = session("binance-usdm")
    assert [usdm.endpoint_section(channel, "") for channel in ("trade", "bookTicker", "aggTrade", "markPrice@1s")] == [
        "public", "public", "market", "market"]
    assert usdm.endpoint("wss://fstream.binance.com", "public", (), "") == "wss://fstream.binance.com/public/stream"
    assert usdm.endpoint("wss://fstream.binance.com", "market", (), "") == "wss://fstream.binance.com/market/stream"
    assert usdm.market_section("public") == usdm.market_section("market") == ""


@pytest.mark.parametrize("dialect", ["binance-coinm", "binance-us"])
def test_the_rest_of_binance_is_spoken_to_like_spot(dialect: str) -> None:
    other, wanted = session(dialect), [Subscription("trade", "BTCUSD_PERP"), Subscription("markPrice@1s", "X")]
    assert texts(other.subscribe(wanted, 7)) == [
        {"method": "SUBSCRIBE", "params": ["btcusd_perp@trade", "x@markPrice@1s"], "id": 7}]
    assert other.endpoint("wss://h", "", wanted, "") == "wss://h/stream"
    assert answer(dialect, '{"result":null,"id":1}') == Control("ack", request="1")
    defaults = {channel.name for channel in load(dialect).channels if channel.default}
    assert ("markPrice@1s" in defaults) == (dialect == "binance-coinm")


def test_coinbase_asks_by_channel_and_is_answered_without_a_name() -> None:
    coinbase = session("coinbase-exchange")
    wanted = [Subscription("matches", BTC), Subscription("ticker", BTC), Subscription("matches", ETH)]
    assert texts(coinbase.subscribe(wanted, 1)) == [
        {"type": "subscribe", "product_ids": [BTC, ETH], "channels": ["matches"]},
        {"type": "subscribe", "product_ids": [BTC], "channels": ["ticker"]}]
    assert texts(coinbase.unsubscribe(wanted[:1], 1)) == [
        {"type": "unsubscribe", "product_ids": [BTC], "channels": ["matches"]}]
    assert answer("coinbase-exchange", '{"type":"subscriptions","channels":[]}') == Control("ack")
    assert answer("coinbase-exchange", '{"type":"error","message":"Failed to subscribe","reason":"no X"}') == (
        Control("error", message="Failed to subscribe: no X", retryable=False))
    assert answer("coinbase-exchange", '{"type":"error","message":"Malformed JSON"}') == (
        Control("error", message="Malformed JSON", retryable=False))


def test_coinbase_advanced_asks_one_channel_a_message_and_wants_heartbeats_first() -> None:
    advanced = session("coinbase-advanced")
    wanted = [Subscription("market_trades", BTC), Subscription("ticker", BTC), Subscription("market_trades", ETH)]
    assert texts(advanced.hello(wanted, "")) == [{"type": "subscribe", "channel": "heartbeats"}]
    for kind in ("subscribe", "unsubscribe"):
        assert texts(getattr(advanced, kind)(wanted, 1)) == [
            {"type": kind, "product_ids": [BTC, ETH], "channel": "market_trades"},
            {"type": kind, "product_ids": [BTC], "channel": "ticker"}]


def test_coinbase_advanced_answers_with_all_that_is_held_and_the_answer_to_hello_is_no_requests() -> None:
    held = '{"channel":"subscriptions","sequence_num":2,"events":[{"subscriptions":{%s}}]}'
    assert answer("coinbase-advanced", held % '"heartbeats":["heartbeats"]') is None
    assert answer("coinbase-advanced", held % '"heartbeats":["heartbeats"],"ticker":["BTC-USD"]') == Control("ack")
    assert answer("coinbase-advanced", held % '"ticker":["BTC-USD"]') == Control("ack")
    assert answer("coinbase-advanced", '{"type":"error","message":"ticker is not a valid channel"}') == Control(
        "error", message="ticker is not a valid channel", retryable=False)


def test_kraken_asks_by_channel_wants_tickers_on_quotes_and_pings() -> None:
    kraken = session("kraken-v2")
    wanted = [Subscription("trade", "BTC/USD"), Subscription("trade", "ETH/USD"), Subscription("ticker", "BTC/USD")]
    assert texts(kraken.subscribe(wanted, 3)) == [
        {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": True},
         "req_id": 3},
        {"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo",
                                           "snapshot": True}, "req_id": 3}]
    assert texts(kraken.unsubscribe(wanted[:1], 4)) == [
        {"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}, "req_id": 4}]
    assert json.loads(kraken.heartbeat(9)) == {"method": "ping", "req_id": 9}


def test_kraken_answers_each_symbol_of_a_channel() -> None:
    assert answer("kraken-v2", '{"method":"subscribe","req_id":1,"result":{"channel":"trade","snapshot":true,'
                  '"symbol":"BTC/USD"},"success":true}') == Control("ack", request="trade:BTC/USD")
    assert answer("kraken-v2", '{"method":"unsubscribe","req_id":1,"success":true}') == Control("ack", request="1")
    assert answer("kraken-v2", '{"method":"subscribe","success":true}') == Control("ack", request="")
    assert answer("kraken-v2", '{"error":"Currency pair not supported NOT/USD","method":"subscribe","req_id":1,'
                  '"success":false,"symbol":"NOT/USD"}') == Control(
        "error", request="NOT/USD", message="Currency pair not supported NOT/USD", retryable=False)
    assert answer("kraken-v2", '{"error":"Exceeded msg rate","method":"subscribe","req_id":4,"success":false}') == (
        Control("error", request="4", message="Exceeded msg rate", retryable=False))
    assert answer("kraken-v2", '{"method":"pong","req_id":9}') == Control("alive")
    assert answer("kraken-v2", '{"method":"other","success":true}') is None


def test_kraken_v1_asks_by_channel_with_a_candles_interval_apart() -> None:
    v1 = session("kraken-v1")
    wanted = [Subscription("trade", "XBT/USD"), Subscription("trade", "ETH/USD"), Subscription("ohlc-5", "XBT/USD")]
    for event in ("subscribe", "unsubscribe"):
        assert texts(getattr(v1, event)(wanted, 3)) == [
            {"event": event, "reqid": 3, "pair": ["XBT/USD", "ETH/USD"], "subscription": {"name": "trade"}},
            {"event": event, "reqid": 3, "pair": ["XBT/USD"], "subscription": {"name": "ohlc", "interval": 5}}]
    assert json.loads(v1.heartbeat(9)) == {"event": "ping", "reqid": 9}


def test_kraken_v1_answers_each_pair_of_a_channel() -> None:
    status = '{"event":"subscriptionStatus","pair":"XBT/USD",%s}'
    ohlc = Control("ack", request="ohlc-5:XBT/USD")
    assert answer("kraken-v1", status % '"channelName":"ohlc-5","status":"subscribed"') == ohlc
    assert answer("kraken-v1", status % '"status":"unsubscribed","subscription":{"name":"ohlc","interval":5}') == ohlc
    assert answer("kraken-v1", status % ('"status":"error","errorMessage":"Currency pair not supported XBT/USD",'
                                         '"reqid":3,"subscription":{"name":"trade"}')) == Control(
        "error", request="trade:XBT/USD", message="Currency pair not supported XBT/USD", retryable=False)
    assert answer("kraken-v1", status % '"status":"error","errorMessage":"Exceeded msg rate"') == Control(
        "error", request=":XBT/USD", message="Exceeded msg rate", retryable=True)
    assert answer("kraken-v1", '{"event":"error","errorMessage":"Malformed request","reqid":3}') == Control(
        "error", request="3", message="Malformed request", retryable=False)
    assert answer("kraken-v1", '{"event":"pong","reqid":9}') == Control("alive")


def test_kraken_futures_asks_by_feed_and_keeps_awake_with_the_heartbeat_feed() -> None:
    futures = session("kraken-futures")
    wanted = [Subscription(channel, symbol) for channel, symbol in (
        ("trade", "PF_XBTUSD"), ("ticker", "PF_XBTUSD"), ("trade", "PI_XBTUSD"))]
    for event in ("subscribe", "unsubscribe"):
        assert texts(getattr(futures, event)(wanted, 3)) == [
            {"event": event, "feed": "trade", "product_ids": ["PF_XBTUSD", "PI_XBTUSD"]},
            {"event": event, "feed": "ticker", "product_ids": ["PF_XBTUSD"]}]
    beat = {"event": "subscribe", "feed": "heartbeat"}
    assert texts(futures.hello(wanted, "")) == [beat]
    assert json.loads(futures.heartbeat(1)) == beat


def test_kraken_futures_answers_each_product_of_a_feed() -> None:
    assert answer("kraken-futures", '{"event":"subscribed","feed":"trade","product_ids":["PI_XBTUSD"]}') == (
        Control("ack", request="trade:PI_XBTUSD"))
    failed = '{"event":"subscribed_failed","feed":"trade","product_ids":["X"],"message":"no such product"}'
    assert answer("kraken-futures", failed) == Control(
        "error", request="trade:X", message="no such product", retryable=False)
    assert answer("kraken-futures", '{"event":"error","message":"Invalid product id"}') == Control(
        "error", message="Invalid product id", retryable=False)
    assert answer("kraken-futures", '{"event":"alert","message":"rate_limited"}') == Control(
        "error", message="rate_limited", retryable=True)
    for frame in ('{"event":"subscribed","feed":"heartbeat"}', '{"event":"info","version":1}',
                  '{"event":"alert","message":"Already subscribed to feed, re-requesting"}',
                  '{"event":"alert","message":"Not subscribed to feed"}'):
        assert answer("kraken-futures", frame) is None


def test_okx_asks_in_one_list_and_pings_in_plain_text() -> None:
    okx = session("okx-v5")
    wanted = [Subscription("trades", "BTC-USDT"), Subscription("bbo-tbt", "BTC-USDT-SWAP")]
    for operation, messages in (("subscribe", okx.subscribe(wanted, 1)), ("unsubscribe", okx.unsubscribe(wanted, 1))):
        assert texts(messages) == [{"op": operation, "args": [{"channel": "trades", "instId": "BTC-USDT"},
                                                              {"channel": "bbo-tbt", "instId": "BTC-USDT-SWAP"}]}]
    assert okx.heartbeat(1) == b"ping"
    assert answer("okx-v5", b"pong") == Control("alive")
    assert answer("okx-v5", b"ping") == Control("reply", reply=b"pong")


def test_okx_takes_candles_and_all_trades_from_another_endpoint() -> None:
    okx, url = session("okx-v5"), "wss://ws.okx.com:8443/ws/v5/public"
    assert [okx.endpoint_section(channel, "") for channel in ("trades", "bbo-tbt", "candle1m", "trades-all")] == [
        "", "", "business", "business"]
    assert okx.endpoint(url, "", (), "") == url
    assert okx.endpoint(url, "business", (), "") == "wss://ws.okx.com:8443/ws/v5/business"
    assert okx.market_section("business") == okx.market_section("") == ""


def test_okx_answers_each_arg() -> None:
    assert answer("okx-v5", '{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"x"}') == (
        Control("ack", request="trades:BTC-USDT"))
    text = "Wrong URL or channel:trades,instId:X-Y doesn't exist."
    assert answer("okx-v5", f'{{"event":"error","code":"60018","msg":"{text}"}}') == Control(
        "error", request="trades:X-Y", message=f"60018: {text}", retryable=False)
    assert answer("okx-v5", '{"event":"error","code":"60012","msg":"Invalid request: {}","connId":"x"}') == (
        Control("error", message="60012: Invalid request: {}", retryable=False))
    too_frequent = answer("okx-v5", '{"event":"error","code":"60014","msg":"Requests too frequent."}')
    assert too_frequent is not None
    assert too_frequent.retryable
    assert answer("okx-v5", '{"event":"notice","code":"64008","msg":"soon closed"}') == (
        Control("reconnect", message="soon closed"))
    assert answer("okx-v5", '{"event":"channel-conn-count","channel":"trades","connCount":"2"}') is None


def test_bybit_asks_by_topic_at_the_endpoint_of_the_section() -> None:
    bybit = session("bybit-v5")
    wanted = [Subscription("publicTrade", "BTCUSDT", "linear"), Subscription("orderbook.1", "BTCUSDT", "linear")]
    for operation in ("subscribe", "unsubscribe"):
        assert texts(getattr(bybit, operation)(wanted, 5)) == [{"req_id": "5", "op": operation,
                                    "args": ["publicTrade.BTCUSDT", "orderbook.1.BTCUSDT"]}]
    assert bybit.endpoint("wss://stream.bybit.com/v5/public", "linear", wanted, "") == (
        "wss://stream.bybit.com/v5/public/linear")
    assert bybit.endpoint("wss://stream.bybit.com/v5/public/", "", wanted, "").endswith("/public/spot")
    assert json.loads(bybit.heartbeat(8)) == {"req_id": "8", "op": "ping"}


def test_bybit_answers_by_request_or_without_a_name() -> None:
    assert answer("bybit-v5", '{"success":true,"ret_msg":"","req_id":"","op":"subscribe"}') == Control("ack")
    assert answer("bybit-v5", '{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}') == Control("ack")
    assert answer("bybit-v5", '{"success":true,"req_id":"5","op":"unsubscribe"}') == Control("ack", request="5")
    text = "error:handler not found,topic:publicTrade.X"
    assert answer("bybit-v5", f'{{"success":false,"ret_msg":"{text}","req_id":"5","op":"subscribe"}}') == Control(
        "error", request="5", message=text, retryable=False)
    text = "error:already subscribed,topic:publicTrade.X"
    assert answer("bybit-v5", f'{{"success":false,"ret_msg":"{text}","req_id":"5","op":"subscribe"}}') == (
        Control("ack", request="5"))
    assert answer("bybit-v5", '{"success":true,"ret_msg":"pong","req_id":"x","op":"ping"}') == Control("alive")
    assert answer("bybit-v5", '{"op":"pong","args":["1786562940123"]}') == Control("alive")


@pytest.mark.parametrize("dialect", MODULES)
def test_each_channel_of_a_level_that_is_asked_for_by_default_is_declared_once(dialect: str) -> None:
    provider = load(dialect)
    names = [channel.name for channel in provider.channels]
    assert len(set(names)) == len(names)
    # bitstamp has no best bid and ask; of coindesk only the indices are known.
    levels = {"bitstamp": {"trades"}, "coindesk": {"reference"}}.get(dialect, {"trades", "quotes"})
    assert levels <= {channel.level for channel in provider.channels if channel.default}


def test_only_delta_tickers_and_one_sided_books_leave_a_missing_side_as_it_was() -> None:
    partial = {(dialect, channel.name) for dialect in MODULES for channel in load(dialect).channels if channel.partial}
    assert partial == {
        ("bitfinex", "book"), ("bitmex", "instrument"), ("bybit-v5", "tickers"), ("deribit", "incremental_ticker"),
        ("kaiko", "top_of_book"), ("kaiko", "aggregated_quote"), ("cryptocompare", "top_of_book"),
        ("cryptocompare", "ticker")}
