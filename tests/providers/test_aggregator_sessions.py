"""What each aggregator's dialect says to its provider, and what it makes of the answers. Texts as in the format
reference."""

import json
import string
from typing import Any
from urllib.parse import unquote

from spoken import answer, session, texts

from ingestor.providers.registry import load
from ingestor.providers.session import Control, Subscription


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


def test_coinapi_asks_for_candles_by_period_and_for_rates_and_indices_on_connections_of_their_own() -> None:
    coinapi = session("coinapi")
    [candles] = texts(coinapi.subscribe([Subscription("ohlcv", "KRAKEN_SPOT_BTC_USD")], 1))
    assert candles == {"type": "subscribe", "heartbeat": True, "subscribe_data_type": ["ohlcv"],
                       "subscribe_filter_period_id": ["1MIN"],
                       "subscribe_filter_symbol_id": ["KRAKEN_SPOT_BTC_USD$"]}
    [rates] = texts(coinapi.hello([Subscription("exrate", "BTC/USD"), Subscription("exrate", "ETH/USD")], "key"))
    assert rates == {"type": "hello", "apikey": "key", "heartbeat": True, "subscribe_data_type": ["exrate"],
                     "subscribe_filter_asset_id": ["BTC/USD", "ETH/USD"]}
    [index] = texts(coinapi.subscribe([Subscription("index", "IDX_REFRATE_PRIMKT_BTC_USD")], 1))
    assert index == {"type": "subscribe", "heartbeat": True,
                     "subscribe_filter_index_id": ["IDX_REFRATE_PRIMKT_BTC_USD"]}
    channels = [channel.name for channel in load("coinapi").channels]
    assert [coinapi.endpoint_section(channel, "") for channel in channels] == ["", "", "", "exrate", "index"]
    assert {coinapi.market_section(section) for section in ("", "exrate", "index")} == {""}


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
