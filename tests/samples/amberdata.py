"""Frames of amberdata."""

from samples.sample import Record, Samples

ID = "a04c6fe3-0000-4000-8000-d17627b48576"
TRADE_COLUMNS = '["exchange","pair","timestamp","timestampNanoseconds","tradeId","price","volume","isBuy"]'
ACK = f'{{"jsonrpc":"2.0","id":1,"result":"{ID}","metadata":{TRADE_COLUMNS}}}'
ROW = '["binance","btc_usdt",1786562940921,195000,"5154882831",64012.37,0.00041,true]'
TICKER = ('{"exchange":"binance","pair":"btc_usdt","exchangeTimestamp":1786562940921,'
          '"exchangeTimestampNanoseconds":747408,"timestamp":1786562940930,"bid":64012.37,"ask":64012.38,"mid":64012.375,"last":null,"sequence":45375530797,'
          '"lastVolume":null,"bidVolume":3.25905,"askVolume":2.17779,"open24H":null}')
TRADE = ('{"exchange":"binance","pair":"btc_usdt","timestamp":1786562940921,"timestampNanoseconds":195000,'
         '"tradeId":"5154882831","price":64012.37,"volume":0.00041,"isBuy":true}')
CANDLE = ('{"exchange":"gdax","pair":"btc_usd","timestamp":1711570440000,"open":68892.28,"high":68925.50,'
          '"low":68878.72,"close":68904.59,"volume":6.97651585}')
FUNDING = ('{"exchange":"binance","instrument":"GASUSDT","timestamp":1711571101000,"insertionTimestamp":1711571101000,'
           '"fundingInterval":null,"fundingRate":0.00019676,"nextFundingRate":null,"nextFundingTime":1711584000000,'
           '"isActualFundingRate":false}')
INTEREST = ('{"exchange":"binance","instrument":"BTCUSDT","timestamp":1711582494214,"value":"82862.305","type":null}')


def frame(result: str, id: str = ID) -> str:
    return (f'{{"jsonrpc":"2.0","method":"subscription","params":{{"subscription":"{id}","result":{result}}}}}')


def reference(symbol: str, ts: int | None, seq: int | None = None, **values: str | int) -> Record:
    return amberdata.reference(symbol, ts, seq, **values)


NS = 1786562940921195000
amberdata = Samples("amberdata", "binance")
trade = amberdata.trade("btc_usdt", "5154882831", "buy", "64012.37", "0.00041", NS)
ticker = amberdata.quote("btc_usdt", "64012.37", "3.25905", "64012.38", "2.17779", 1786562940921747408, 45375530797)

amberdata.yields("trade as an object", frame(TRADE), trade)
amberdata.yields("trades as objects", frame(f"[{TRADE},{TRADE}]"), trade, trade)
amberdata.yields("trade sold", frame(TRADE.replace("true", "false")), {**trade, "side": "sell"})
for word in ("null", '"true"', "1", "{}"):
    amberdata.yields(f"trade of side {word}", frame(TRADE.replace("true", word)), {**trade, "side": "unknown"})
amberdata.yields("trade without an id", frame(TRADE.replace('"tradeId":"5154882831",', "")), {**trade, "id": None})
amberdata.yields("trade of an instrument", frame(TRADE.replace('"pair"', '"instrument"')), trade)
amberdata.yields("trade of a pair and an instrument", frame(TRADE.replace('"pair"', '"instrument":"X","pair"')), trade)
amberdata.yields("trade without nanoseconds", frame(TRADE.replace('"timestampNanoseconds":195000,', "")),
                 {**trade, "ts_event_ns": 1786562940921000000})
amberdata.yields("trade without an exchange", frame(TRADE.replace('"exchange":"binance",', "")), {**trade, "venue": ""})
amberdata.yields("trade, result first",
                 f'{{"params":{{"result":{TRADE},"subscription":"{ID}"}},"method":"subscription"}}', trade)
amberdata.yields("ticker", frame(TICKER), ticker)
amberdata.yields("ticker of an empty side", frame(TICKER.replace("64012.37,", "null,").replace("3.25905", "null")),
                 {**ticker, "bid": None, "bid_size": None})
amberdata.yields("ticker without numbers and times",
                 frame('{"exchange":"binance","pair":"btc_usdt","bid":1,"ask":2,"sequence":null}'),
                 amberdata.quote("btc_usdt", "1", None, "2", None, None))
amberdata.yields("ticker of a future", frame(TICKER.replace('"pair"', '"instrument"').replace(
    '"mid"', '"markPrice":64010.10,"mid"')), ticker, reference(
    "btc_usdt", 1786562940921747408, 45375530797, mark="64010.1"))
amberdata.yields("ohlcv", frame(CANDLE), amberdata.bar(
    "btc_usd", "68892.28 68925.5 68878.72 68904.59 6.97651585", 1711570440000 * 10**6, 1711570500000 * 10**6, None,
    venue="gdax"))
amberdata.yields("funding rate", frame(FUNDING), reference(
    "GASUSDT", 1711571101000 * 10**6, funding="0.00019676", next_funding_ns=1711584000000 * 10**6))
amberdata.yields("open interest", frame(INTEREST), reference("BTCUSDT", None, open_interest="82862.305"))

amberdata.nothing("acknowledgement", ACK, "control")
amberdata.nothing("acknowledgement without columns", f'{{"jsonrpc":"2.0","id":1,"result":"{ID}"}}', "control")
amberdata.nothing("unsubscribed", '{"jsonrpc":"2.0","id":2,"result":true}', "control")
amberdata.nothing("error", '{"jsonrpc":"2.0","id":1,"error":{"code":400,"description":"no wildcards"}}', "control")
amberdata.nothing("rows of columns that nobody named", frame(f"[{ROW}]"))
amberdata.nothing("no rows", frame("[]"))
amberdata.nothing("a funding rate without values", frame(FUNDING.replace("0.00019676", "null").replace(
    "1711584000000", "null")))
amberdata.nothing("open interest without a value", frame(INTEREST.replace('"82862.305"', "null")))
amberdata.nothing("liquidation", frame('{"exchange":"binance","instrument":"X","price":1,"volume":2,"side":"sell"}'))
amberdata.nothing("insurance fund", frame('{"exchange":"huobi","instrument":"EOS","timestamp":1613289600,"fund":1}'))
amberdata.nothing("another method", '{"jsonrpc":"2.0","method":"ping","params":[1]}')
amberdata.nothing("an array", f"[{frame(TRADE)}]")

amberdata.nothing("trade without a price", frame(TRADE.replace('"price"', '"cost"')), "missing_field")
amberdata.nothing("trade without a symbol", frame(TRADE.replace('"pair"', '"par"')), "missing_field")
amberdata.nothing("one bad row of two", frame(f"[{TRADE},{TRADE.replace('64012.37', 'true')}]"), "bad_type")
amberdata.nothing("a row that is a text", frame(f'[{TRADE},"x"]'), "bad_type")
amberdata.nothing("a row alone, as an array", frame(ROW), "bad_type")
amberdata.nothing("a result that is a text", frame('"x"'), "bad_type")
amberdata.nothing("nanoseconds beyond a millisecond", frame(TRADE.replace("195000", "1000000")), "bad_time")
amberdata.nothing("a subscription that is not UTF-8", frame(TRADE).encode().replace(b"a04c", b"\xff04c"), "bad_utf8")
