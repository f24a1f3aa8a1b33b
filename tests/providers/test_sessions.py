"""What each dialect says to its provider, and what it makes of the answers. Texts as in the format reference."""

import json
import string
from typing import Any
from urllib.parse import unquote

import pytest

from ingestor.decode import Decoder
from ingestor.providers.registry import MODULES, load
from ingestor.providers.session import Control, Subscription

BTC, ETH = "BTC-USD", "ETH-USD"


def session(dialect: str) -> Any:
    return load(dialect).session


def texts(messages: Any) -> list[Any]:
    return [json.loads(text) for text in messages]


def answer(dialect: str, frame: str | bytes) -> Control | None:
    """What a control frame means; it must be one to the decoder too, or the feed would never see it."""
    raw = frame.encode() if isinstance(frame, str) else frame
    assert Decoder(dialect).decode(raw) == ("control", [])
    control: Control | None = session(dialect).control(raw)
    return control


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


def test_coinapi_says_hello_with_its_key_first_and_names_symbols_exactly() -> None:
    coinapi = session("coinapi")
    wanted = [Subscription("trade", "COINBASE_SPOT_BTC_USD"), Subscription("quote", "KRAKEN_SPOT_BTC_USD")]
    [hello, more] = texts(coinapi.hello(wanted, "key"))
    assert hello == {"type": "hello", "apikey": "key", "heartbeat": True, "subscribe_data_type": ["trade"],
                     "subscribe_filter_symbol_id": ["COINBASE_SPOT_BTC_USD$"]}
    assert more == {"type": "subscribe", "heartbeat": True, "subscribe_data_type": ["quote"],
                    "subscribe_filter_symbol_id": ["KRAKEN_SPOT_BTC_USD$"]}
    [removed] = texts(coinapi.unsubscribe(wanted[:1], 1))
    assert (removed["type"], removed["subscribe_filter_symbol_id"]) == ("unsubscribe", ["COINBASE_SPOT_BTC_USD$"])
    assert "apikey" not in removed
    assert not coinapi.acknowledges
    assert coinapi.hello_subscribes


def test_coinapi_ends_a_connection_by_error_or_announcement() -> None:
    assert answer("coinapi", '{"type":"error","message":"Invalid API key"}') == Control(
        "error", message="Invalid API key", retryable=False, fatal=True)
    assert answer("coinapi", '{"type":"error","message":"Internal error"}') == Control(
        "error", message="Internal error", retryable=True, fatal=True)
    control = answer("coinapi", '{"type":"reconnect","within_seconds":10}')
    assert control == Control("reconnect", message="planned restart in 10 s")


def test_kaiko_asks_one_stream_for_each_channel_class_and_exchange() -> None:
    from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1
    from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1

    kaiko = session("kaiko")
    wanted = [Subscription("trades", "btc-usd", "spot", "cbse"), Subscription("trades", "eth-usd", "spot", "cbse"),
              Subscription("top_of_book", "btc-usd", "spot", "krkn"), Subscription("trades", "btc-usd")]
    streams = {(method, members): (path, request) for path, method, request, members in kaiko.requests(wanted)}
    assert set(streams) == {(b"T", tuple(wanted[:2])), (b"M", (wanted[2],)), (b"T", (wanted[3],))}
    path, request = streams[b"T", tuple(wanted[:2])]
    criteria = StreamTradesRequestV1.FromString(request).instrument_criteria
    assert path == "/kaikosdk.StreamTradesServiceV1/Subscribe"
    assert (criteria.exchange, criteria.instrument_class, criteria.code) == ("cbse", "spot", "btc-usd,eth-usd")
    path, request = streams[b"M", (wanted[2],)]
    update = StreamMarketUpdateRequestV1.FromString(request)
    assert path == "/kaikosdk.StreamMarketUpdateServiceV1/Subscribe"
    assert (update.instrument_criteria.exchange, list(update.commodities)) == ("krkn", [2])
    everywhere = StreamTradesRequestV1.FromString(streams[b"T", (wanted[3],)][1]).instrument_criteria
    assert (everywhere.exchange, everywhere.instrument_class) == ("*", "*")
    assert kaiko.headers("secret") == {"authorization": "Bearer secret"}
    assert kaiko.headers("") == {}


def test_kaiko_asks_each_service_for_what_its_channel_means() -> None:
    from kaikosdk import sdk_pb2

    services = sdk_pb2.DESCRIPTOR.services_by_name
    kaiko, wanted = session("kaiko"), []
    for channel in load("kaiko").channels:
        wanted += [Subscription(channel.name, symbol, "spot", "kaiko") for symbol in ("btc-usd", "eth-eur")]
    found: dict[str, list[Any]] = {}
    for path, _, request, members in kaiko.requests(wanted):
        service, method = path.removeprefix("/kaikosdk.").split("/")
        message = services[service].methods_by_name[method].input_type._concrete_class.FromString(request)
        found.setdefault(members[0].channel, []).append((message, [member.symbol for member in members]))
    assert set(found) == {channel.name for channel in load("kaiko").channels}
    for channel in ("trades", "top_of_book", "vwap", "ohlcv"):
        [(message, symbols)] = found[channel]
        assert (message.instrument_criteria.code, symbols) == ("btc-usd,eth-eur", ["btc-usd", "eth-eur"])
    assert {found[channel][0][0].aggregate for channel in ("vwap", "ohlcv")} == {"1m"}
    for channel in ("exchange_rate", "direct_exchange_rate"):
        assert [(message.assets.base, message.assets.quote, message.window.seconds, message.update_frequency.seconds)
                for message, _ in found[channel]] == [("btc", "usd", 15, 1), ("eth", "eur", 15, 1)]
    assert [(message.instrument_class, message.code) for message, _ in found["aggregated_quote"]] == [
        ("spot", "btc-usd"), ("spot", "eth-eur")]
    [(message, symbols)] = found["derivatives_metrics"]
    assert (message.instrument_criteria.exchange, message.instrument_criteria.code) == ("kaiko", "*")
    assert (len(symbols), list(message.commodities)) == (2, [])
    [(message, symbols)] = found["index"]
    assert (message.index_code, list(message.commodities)) == ("btc-usd,eth-eur", [1])


def test_tardis_puts_exchanges_symbols_and_types_into_the_url_and_says_nothing() -> None:
    tardis = session("tardis")
    wanted = [Subscription("trade", "XBTUSD", venue="bitmex"), Subscription("quote", "XBTUSD", venue="bitmex"),
              Subscription("trade", "BTC-PERPETUAL", venue="deribit"), Subscription("trade", "ETHUSD", venue="bitmex"),
              Subscription("quote", "ETHUSD", venue="bitmex")]
    url, _, options = tardis.endpoint("ws://h:8001/", "", wanted, "").partition("?options=")
    assert url == "ws://h:8001/ws-stream-normalized"
    assert json.loads(unquote(options)) == [
        {"exchange": "bitmex", "symbols": ["XBTUSD", "ETHUSD"], "dataTypes": ["quote", "trade"],
         "withErrorMessages": True},
        {"exchange": "deribit", "symbols": ["BTC-PERPETUAL"], "dataTypes": ["trade"], "withErrorMessages": True}]
    assert set(options) <= set(string.ascii_letters + string.digits + "%-_.~/")
    assert tuple(tardis.subscribe(wanted, 1)) == tuple(tardis.unsubscribe(wanted, 1)) == ()
    assert tardis.endpoint_subscribes
    assert not tardis.acknowledges
    assert answer("tardis", '{"type":"error","exchange":"deribit","details":"no route"}') == (
        Control("error", message="deribit: no route"))


def test_cryptocompare_asks_by_number_market_and_pair() -> None:
    cryptocompare = session("cryptocompare")
    markets = (("trade", "Coinbase"), ("top_of_book", "Kraken"), ("index", "CCCAGG"), ("ohlc", "CCCAGG"),
               ("ticker", "Binance"))
    wanted = [Subscription(channel, "BTC~USD", venue=venue) for channel, venue in markets]
    subs = ["0~Coinbase~BTC~USD", "30~Kraken~BTC~USD", "5~CCCAGG~BTC~USD", "24~CCCAGG~BTC~USD~m", "2~Binance~BTC~USD"]
    assert texts(cryptocompare.subscribe(wanted, 1)) == [{"action": "SubAdd", "subs": subs}]
    assert texts(cryptocompare.unsubscribe(wanted, 1)) == [{"action": "SubRemove", "subs": subs}]
    assert cryptocompare.headers("secret") == {"authorization": "Apikey secret"}
    assert cryptocompare.headers("") == {}
    for sub, each in zip(subs, wanted, strict=True):
        for kind in ("16", "17"):
            assert answer("cryptocompare", f'{{"TYPE":"{kind}","MESSAGE":"COMPLETE","SUB":"{sub}"}}') == (
                Control("ack", request=f"{each.channel}:{each.venue}:{each.symbol}"))


def test_cryptocompare_tells_what_it_refuses_and_why() -> None:
    def error(kind: int, message: str, parameter: str = "0~Coinbase~BTC~USD") -> Control | None:
        return answer("cryptocompare", json.dumps(
            {"TYPE": str(kind), "MESSAGE": message, "PARAMETER": parameter, "INFO": "why"}))

    request = "trade:Coinbase:BTC~USD"
    assert error(500, "INVALID_SUB") == Control(
        "error", request=request, message="INVALID_SUB: why", retryable=False)
    assert error(500, "INVALID_JSON", "x") == Control("error", message="INVALID_JSON: why", retryable=False)
    assert error(500, "SUBSCRIPTION_ALREADY_ACTIVE") == Control("ack", request=request)
    assert error(429, "TOO_MANY_SUBSCRIPTIONS_MAX_1_PER_SOCKET") == Control(
        "error", request=request, message="TOO_MANY_SUBSCRIPTIONS_MAX_1_PER_SOCKET: why", retryable=True)
    for kind, message in ((429, "TOO_MANY_SOCKETS_MAX_1_PER_CLIENT"), (429, "RATE_LIMIT_OPENING_SOCKETS_TOO_FAST"),
                          (500, "FORCE_DISCONNECT")):
        assert error(kind, message) == Control("error", message=f"{message}: why", retryable=True, fatal=True)
    assert error(401, "UNAUTHORIZED", "") == Control(
        "error", message="UNAUTHORIZED: why", retryable=False, fatal=True)
    assert answer("cryptocompare", '{"TYPE":"500","MESSAGE":"x"}') == Control("error", message="x", retryable=False)


def test_amberdata_asks_for_one_market_a_request_at_the_endpoint_of_its_section() -> None:
    amberdata = session("amberdata").opened("")
    spot = Subscription("trades", "btc_usdt", venue="binance")
    future = Subscription("funding_rates", "BTCUSDT", "futures", "binance")
    assert texts(amberdata.subscribe([spot], 1)) == [
        {"jsonrpc": "2.0", "id": 1, "method": "subscribe",
         "params": ["market:spot:trades", {"exchange": "binance", "pair": "btc_usdt"}]}]
    assert texts(amberdata.subscribe([future], 2)) == [
        {"jsonrpc": "2.0", "id": 2, "method": "subscribe",
         "params": ["market:futures:funding_rates", {"exchange": "binance", "instrument": "BTCUSDT"}]}]
    assert amberdata.endpoint("wss://h/", "", [spot], "") == "wss://h/spot"
    assert amberdata.endpoint("wss://h", "futures", [future], "") == "wss://h/futures"
    assert amberdata.headers("secret") == {"x-api-key": "secret"}
    assert amberdata.headers("") == {}
    assert load("amberdata").limits.subscriptions_per_message_max == 1


def test_amberdata_ends_a_subscription_by_the_name_that_its_answer_gave_it() -> None:
    shared = session("amberdata")
    first, second = shared.opened("spot"), shared.opened("spot")
    wanted, other = Subscription("trades", "btc_usdt", venue="binance"), Subscription("trades", "x", venue="binance")
    first.subscribe([wanted], 1)
    first.subscribe([other], 2)
    assert tuple(first.unsubscribe([other], 3)) == ()
    assert first.control(b'{"jsonrpc":"2.0","id":1,"result":"a04c-1","metadata":["exchange"]}') == (
        Control("ack", request="1"))
    assert texts(first.unsubscribe([wanted, other], 4)) == [
        {"jsonrpc": "2.0", "id": 4, "method": "unsubscribe", "params": ["a04c-1"]}]
    assert first.control(b'{"jsonrpc":"2.0","id":4,"result":true}') == Control("ack", request="4")
    assert tuple(first.unsubscribe([wanted], 5)) == tuple(second.unsubscribe([wanted], 5)) == ()


def test_amberdata_refuses_by_request() -> None:
    assert answer("amberdata", '{"jsonrpc":"2.0","id":1,"error":{"code":400,"description":"No wildcards"}}') == (
        Control("error", request="1", message="400: No wildcards", retryable=False))
    assert answer("amberdata", '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}') == (
        Control("error", message="-32700: Parse error", retryable=False))
    assert answer("amberdata", '{"jsonrpc":"2.0","id":9,"result":"x"}') == Control("ack", request="9")


def test_coindesk_asks_for_values_by_market_and_instrument() -> None:
    coindesk = session("coindesk")
    wanted = [Subscription("index", "BTC-USD", venue="cadli"), Subscription("index", "ETH-USD", venue="ccix")]
    for action, hook in (("SUB_ADD", coindesk.subscribe), ("SUB_REMOVE", coindesk.unsubscribe)):
        assert texts(hook(wanted, 1)) == [{"action": action, "type": "1101", "groups": ["VALUE"], "subscriptions": [
            {"market": "cadli", "instrument": "BTC-USD"}, {"market": "ccix", "instrument": "ETH-USD"}]}]
    assert coindesk.headers("secret") == {"authorization": "Apikey secret"}
    assert coindesk.headers("") == {}


def test_coindesk_answers_by_type_market_and_instrument() -> None:
    def said(kind: int, id: str = "") -> Control | None:
        return answer("coindesk", json.dumps(
            {"TYPE": str(kind), "MESSAGE": "WORD", "INFO": "why", **({"SUBSCRIPTION_ID": id} if id else {})}))

    for id in ("1101~{cadli~BTC-USD}", "1101~cadli~BTC-USD"):
        assert said(4005, id) == said(4008, id) == Control("ack", request="index:cadli:BTC-USD")
        assert said(4006, id) == Control(
            "error", request="index:cadli:BTC-USD", message="WORD: why", retryable=False)
    for kind in (4003, 4004, 4006, 4012):
        assert said(kind) == Control("error", message="WORD: why", retryable=False)
    assert said(4002) == Control("error", message="WORD: why", retryable=True, fatal=True)
    for kind in (4001, 4011):       # of the connection, which goes on: no subscription is blamed
        assert said(kind) == Control("error", request="the connection", message="WORD: why")
    assert answer("coindesk", '{"TYPE":"4003"}') == Control("error", message="", retryable=False)


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
        ("bitmex", "instrument"), ("bybit-v5", "tickers"), ("deribit", "incremental_ticker"), ("kaiko", "top_of_book"),
        ("kaiko", "aggregated_quote"), ("cryptocompare", "top_of_book"), ("cryptocompare", "ticker")}
