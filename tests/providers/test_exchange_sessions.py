"""What six exchanges are told, and what is made of their answers. Texts as in the format reference."""

import json

import pytest
from spoken import answer, session, texts

from ingestor.providers.registry import load
from ingestor.providers.session import Control, Subscription


def test_bitstamp_asks_one_channel_a_message_and_is_answered_by_its_name() -> None:
    bitstamp = session("bitstamp")
    wanted = [Subscription("live_trades", "btcusd"), Subscription("live_trades", "ethusd")]
    for event, messages in (("bts:subscribe", bitstamp.subscribe(wanted, 1)),
                            ("bts:unsubscribe", bitstamp.unsubscribe(wanted, 1))):
        assert texts(messages) == [{"event": event, "data": {"channel": "live_trades_btcusd"}},
                                   {"event": event, "data": {"channel": "live_trades_ethusd"}}]
    for event in ("bts:subscription_succeeded", "bts:unsubscription_succeeded"):
        assert answer("bitstamp", f'{{"event":"{event}","channel":"live_trades_btcusd","data":{{}}}}') == (
            Control("ack", request="live_trades:btcusd"))
    assert answer("bitstamp", '{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad channel"}}') == (
        Control("error", message="Bad channel", retryable=False))


def test_bitstamp_beats_and_asks_for_a_new_connection() -> None:
    assert texts([session("bitstamp").heartbeat(1)]) == [{"event": "bts:heartbeat"}]
    assert answer("bitstamp", '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}') == Control("alive")
    control = answer("bitstamp", '{"event":"bts:request_reconnect","channel":"","data":""}')
    assert control is not None
    assert control.kind == "reconnect"
    assert answer("bitstamp", '{"event":"bts:other"}') is None


def test_deribit_asks_in_one_call_with_the_interval_that_needs_no_login() -> None:
    deribit = session("deribit")
    wanted = [Subscription("trades", "BTC-PERPETUAL"), Subscription("quote", "BTC-PERPETUAL"),
              Subscription("ticker", "BTC-PERPETUAL"), Subscription("deribit_price_index", "btc_usd"),
              Subscription("chart.trades", "BTC-PERPETUAL")]
    channels = ["trades.BTC-PERPETUAL.100ms", "quote.BTC-PERPETUAL", "ticker.BTC-PERPETUAL.100ms",
                "deribit_price_index.btc_usd", "chart.trades.BTC-PERPETUAL.1"]
    for method in ("subscribe", "unsubscribe"):
        assert texts(getattr(deribit, method)(wanted, 7)) == [
            {"jsonrpc": "2.0", "id": 7, "method": f"public/{method}", "params": {"channels": channels}}]
    assert answer("deribit", '{"jsonrpc":"2.0","id":8,"result":["quote.X"],"usIn":1}') == Control("ack", request="8")


def test_what_deribit_leaves_out_of_its_answer_is_refused() -> None:
    deribit, other = session("deribit").opened(""), session("deribit").opened("")
    deribit.subscribe([Subscription("trades", "BTC-PERPETUAL"), Subscription("quote", "NO")], 7)
    frame = '{"jsonrpc":"2.0","id":7,"result":["trades.BTC-PERPETUAL.100ms"]}'
    assert answer("deribit", frame, other) == Control("ack", request="7")
    assert answer("deribit", frame, deribit) == Control("ack", request="7", missing=("quote:NO",))
    assert answer("deribit", frame, deribit) == Control("ack", request="7")


def test_deribit_wants_its_test_request_answered_at_once() -> None:
    [hello] = texts(session("deribit").hello((), ""))
    assert (hello["method"], hello["params"]) == ("public/set_heartbeat", {"interval": 30})
    control = answer("deribit", '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}')
    assert control is not None
    assert control.kind == "reply"
    assert json.loads(control.reply or b"")["method"] == "public/test"
    for frame in ('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}',
                  '{"jsonrpc":"2.0","id":0,"result":"ok"}', '{"jsonrpc":"2.0","id":0,"result":{"version":"1.2.26"}}'):
        assert answer("deribit", frame) == Control("alive")


@pytest.mark.parametrize(("code", "retryable"), [(-32602, False), (10028, True)])
def test_deribit_refuses_by_id_and_for_now_where_it_was_asked_too_often(code: int, retryable: bool) -> None:
    assert answer("deribit", f'{{"jsonrpc":"2.0","id":7,"error":{{"code":{code},"message":"no"}}}}') == (
        Control("error", request="7", message=f"{code}: no", retryable=retryable))


def test_bitmex_asks_in_one_list_and_is_answered_each() -> None:
    bitmex = session("bitmex")
    wanted = [Subscription("trade", "XBTUSD"), Subscription("instrument", ".BXBT")]
    for operation in ("subscribe", "unsubscribe"):
        assert texts(getattr(bitmex, operation)(wanted, 1)) == [
            {"op": operation, "args": ["trade:XBTUSD", "instrument:.BXBT"]}]
        assert answer("bitmex", f'{{"success":true,"{operation}":"trade:XBTUSD","request":{{}}}}') == (
            Control("ack", request="trade:XBTUSD"))
    assert bitmex.heartbeat(1) == b"ping"
    assert answer("bitmex", "pong") == Control("alive")
    assert answer("bitmex", "ping") == Control("reply", reply=b"pong")
    assert answer("bitmex", '{"info":"Welcome to the BitMEX Realtime API.","limit":{"remaining":39}}') is None


def test_bitmex_refuses_by_status_and_names_what_stood_alone() -> None:
    refused = '{"status":%d,"error":"no","meta":{},"request":{"op":"subscribe","args":%s}}'
    assert answer("bitmex", refused % (400, '["trade:X"]')) == (
        Control("error", request="trade:X", message="400: no", retryable=False))
    assert answer("bitmex", refused % (400, '"trade:X"')) == (
        Control("error", request="trade:X", message="400: no", retryable=False))
    assert answer("bitmex", refused % (429, '["trade:X","trade:Y"]')) == (
        Control("error", message="429: no", retryable=True))


def test_hyperliquid_asks_one_coin_a_message_and_is_answered_by_its_own_words() -> None:
    hyperliquid = session("hyperliquid")
    wanted = [Subscription("trades", "BTC"), Subscription("candle", "@107")]
    for method in ("subscribe", "unsubscribe"):
        assert texts(getattr(hyperliquid, method)(wanted, 1)) == [
            {"method": method, "subscription": {"type": "trades", "coin": "BTC"}},
            {"method": method, "subscription": {"type": "candle", "coin": "@107", "interval": "1m"}}]
    assert answer("hyperliquid", '{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":'
                  '{"type":"trades","coin":"BTC"}}}') == Control("ack", request="trades:BTC")
    assert texts([hyperliquid.heartbeat(1)]) == [{"method": "ping"}]
    assert answer("hyperliquid", '{"channel":"pong"}') == Control("alive")


def test_hyperliquid_refuses_in_a_text_that_ends_with_the_subscription() -> None:
    said = '{\\"type\\":\\"trades\\",\\"coin\\":\\"X\\"}'
    assert answer("hyperliquid", f'{{"channel":"error","data":"Already subscribed: {said}"}}') == (
        Control("ack", request="trades:X"))
    text = 'Invalid subscription {"type":"trades","coin":"X"}'
    assert answer("hyperliquid", f'{{"channel":"error","data":"Invalid subscription {said}"}}') == (
        Control("error", request="trades:X", message=text, retryable=False))
    assert answer("hyperliquid", '{"channel":"error","data":"Error parsing JSON into valid websocket request"}') == (
        Control("error", message="Error parsing JSON into valid websocket request", retryable=False))


def test_the_two_apis_of_gemini_are_two_endpoints_told_by_the_channel() -> None:
    gemini = session("gemini")
    assert [gemini.endpoint_section(channel, "") for channel in ("trade", "bookTicker", "l2", "candles_1m")] == [
        "", "", "v2", "v2"]
    assert gemini.market_section("v2") == gemini.market_section("") == ""
    assert gemini.endpoint("wss://ws.gemini.com", "", (), "") == "wss://ws.gemini.com"
    assert gemini.endpoint("wss://ws.gemini.com", "v2", (), "") == "wss://api.gemini.com/v2/marketdata"
    assert gemini.endpoint("ws://127.0.0.1:7/", "v2", (), "") == "ws://127.0.0.1:7/v2/marketdata"


def test_the_fast_api_of_gemini_is_asked_by_stream_and_answers_by_id() -> None:
    gemini = session("gemini").opened("")
    wanted = [Subscription("trade", "btcusd"), Subscription("bookTicker", "ethusd")]
    for method in ("subscribe", "unsubscribe"):
        assert texts(getattr(gemini, method)(wanted, 3)) == [
            {"id": "3", "method": method.upper(), "params": ["btcusd@trade", "ethusd@bookTicker"]}]
    assert texts([gemini.heartbeat(4)]) == [{"id": "4", "method": "ping"}]
    assert gemini.acknowledges
    assert answer("gemini", '{"id":"3","status":200,"result":{}}', gemini) == Control("ack", request="3")
    for status, retryable in ((401, False), (429, True)):
        assert answer("gemini", f'{{"id":"3","status":{status},"error":{{"code":-1002,"msg":"no"}}}}', gemini) == (
            Control("error", request="3", message="-1002: no", retryable=retryable))


def test_market_data_v2_of_gemini_is_asked_by_name_and_acknowledges_nothing() -> None:
    gemini = session("gemini").opened("v2")
    wanted = [Subscription("l2", "BTCUSD"), Subscription("candles_1m", "BTCUSD"), Subscription("l2", "ETHUSD")]
    for kind in ("subscribe", "unsubscribe"):
        assert texts(getattr(gemini, kind)(wanted, 1)) == [{"type": kind, "subscriptions": [
            {"name": "l2", "symbols": ["BTCUSD", "ETHUSD"]}, {"name": "candles_1m", "symbols": ["BTCUSD"]}]}]
    assert gemini.heartbeat(1) is None
    assert not gemini.acknowledges
    assert answer("gemini", '{"result":"error","reason":"InvalidJson"}', gemini) == (
        Control("error", message="InvalidJson", retryable=False))
    assert answer("gemini", '{"result":"ok"}', gemini) is None


def test_bitfinex_asks_one_channel_a_message_and_has_its_frames_numbered() -> None:
    bitfinex = session("bitfinex").opened("")
    assert texts(bitfinex.hello((), "")) == [{"event": "conf", "flags": 65536}]
    wanted = [Subscription("trades", "tBTCUSD"), Subscription("book", "tBTCUSD"), Subscription("ticker", "tBTCUSD"),
              Subscription("status", "tBTCF0:USTF0"), Subscription("candles", "tBTCUSD")]
    assert texts(bitfinex.subscribe(wanted, 1)) == [
        {"event": "subscribe", "channel": "trades", "symbol": "tBTCUSD"},
        {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "1"},
        {"event": "subscribe", "channel": "ticker", "symbol": "tBTCUSD"},
        {"event": "subscribe", "channel": "status", "key": "deriv:tBTCF0:USTF0"},
        {"event": "subscribe", "channel": "candles", "key": "trade:1m:tBTCUSD"}]
    assert load("bitfinex").limits.subscriptions_per_message_max == 1


@pytest.mark.parametrize(("said", "name"), [
    ('"channel":"trades","chanId":7,"symbol":"tBTCUSD"', "trades:tBTCUSD"),
    ('"channel":"book","chanId":7,"symbol":"tBTCUSD","prec":"P0","len":"1"', "book:tBTCUSD"),
    ('"channel":"status","chanId":7,"key":"deriv:tBTCF0:USTF0"', "status:tBTCF0:USTF0"),
    ('"channel":"candles","chanId":7,"key":"trade:1m:tBTCF0:USTF0"', "candles:tBTCF0:USTF0")])
def test_bitfinex_is_unsubscribed_by_the_id_that_its_answer_gave(said: str, name: str) -> None:
    bitfinex, other = session("bitfinex").opened(""), session("bitfinex").opened("")
    wanted = [Subscription(*name.split(":", 1))]
    assert texts(bitfinex.unsubscribe(wanted, 1)) == []
    assert answer("bitfinex", f'{{"event":"subscribed",{said}}}', bitfinex) == Control("ack", request=name)
    assert texts(other.unsubscribe(wanted, 2)) == []
    assert texts(bitfinex.unsubscribe(wanted, 2)) == [{"event": "unsubscribe", "chanId": 7}]
    assert answer("bitfinex", '{"event":"unsubscribed","status":"OK","chanId":7}', bitfinex) == (
        Control("ack", request=name))
    assert answer("bitfinex", '{"event":"unsubscribed","status":"OK","chanId":7}', bitfinex) is None
    assert texts(bitfinex.unsubscribe(wanted, 3)) == []


def test_bitfinex_refuses_by_name_and_announces_its_maintenance() -> None:
    refused = '{"event":"error","channel":"trades","symbol":"tX","code":%d,"msg":"no"}'
    for code, retryable in ((10300, False), (10305, True)):
        assert answer("bitfinex", refused % code) == (
            Control("error", request="trades:tX", message=f"{code}: no", retryable=retryable))
    assert answer("bitfinex", refused % 10301) == Control("ack", request="trades:tX")
    assert answer("bitfinex", '{"event":"error","code":10000,"msg":"unknown event"}') == (
        Control("error", message="10000: unknown event", retryable=False))
    for code in (20051, 20061):
        assert answer("bitfinex", f'{{"event":"info","code":{code},"msg":"soon"}}') == (
            Control("reconnect", message="soon"))
    for frame in ('{"event":"info","version":2,"platform":{"status":1}}', '{"event":"info","code":20060,"msg":"x"}',
                  '{"event":"conf","status":"OK","flags":65536}'):
        assert answer("bitfinex", frame) is None
    assert answer("bitfinex", '{"event":"pong","ts":1,"cid":1}') == Control("alive")
