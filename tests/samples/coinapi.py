"""Frames of coinapi."""

from samples.sample import Samples

TRADE = ('{"type":"trade","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":2323346,'
         '"time_exchange":"2026-08-12T19:29:00.9211950Z","time_coinapi":"2026-08-12T19:29:00.9344101Z",'
         '"uuid":"3b6c2c0a-54c5-4c0e-8d7b-9f3c2f6a1e55","price":64012.37,"size":0.0042,"taker_side":"SELL"}')
QUOTE = ('{"type":"quote","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":11543,'
         '"time_exchange":"2026-08-12T19:29:00.9301200Z","time_coinapi":"2026-08-12T19:29:00.9412008Z",'
         '"ask_price":64012.38,"ask_size":0.37,"bid_price":64012.37,"bid_size":1.2}')
CANDLE = ('{"type":"ohlcv","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":5,"period_id":"1MIN",'
          '"time_period_start":"2026-08-12T19:29:00.0000000Z","time_period_end":"2026-08-12T19:30:00.0000000Z",'
          '"price_open":64000.1,"price_high":64013,"price_low":63999.90,"price_close":64012.4,"volume_traded":9.25,'
          '"trades_count":8}')

EXRATE = ('{"type":"exrate","asset_id_base":"BTC","asset_id_quote":"USD","time":"2026-08-12T19:29:00.9211950Z",'
          '"rate":64012.3751,"rate_type":"BASE_QUOTE_ISOLATED"}')
INDEX = ('{"type":"index","index_id":"IDX_REFRATE_PRIMKT_BTC_USD","sequence":2323346,'
         '"time_coinapi":"2026-08-12T19:29:00.9211950Z","value":64012.3751}')

coinapi = Samples("coinapi", "")
trade = coinapi.trade("COINBASE_SPOT_BTC_USD", "3b6c2c0a-54c5-4c0e-8d7b-9f3c2f6a1e55", "sell", "64012.37", "0.0042",
                      1786562940921195000, 2323346, venue="COINBASE")
quote = coinapi.quote("COINBASE_SPOT_BTC_USD", "64012.37", "1.2", "64012.38", "0.37", 1786562940930120000, 11543,
                      venue="COINBASE")

coinapi.yields("trade", TRADE, trade)
for word, side in (("BUY", "buy"), ("BUY_ESTIMATED", "buy"), ("SELL_ESTIMATED", "sell"), ("UNKNOWN", "unknown")):
    coinapi.yields(f"trade {word}", TRADE.replace("SELL", word), {**trade, "side": side})
coinapi.yields("a trade of no venue", TRADE.replace("COINBASE_SPOT_BTC_USD", "BTCUSD"),
               {**trade, "symbol": "BTCUSD", "venue": ""})
coinapi.yields("a symbol that begins with the mark", TRADE.replace("COINBASE_SPOT_BTC_USD", "_SPOT"),
               {**trade, "symbol": "_SPOT", "venue": ""})
coinapi.yields("quote", QUOTE, quote)
coinapi.yields("quote of unknown sizes", QUOTE.replace("0.37,", "0,").replace("1.2", "0.0"),
               {**quote, "bid_size": None, "ask_size": None})
coinapi.yields("quote with an empty side", QUOTE.replace("64012.38", "0").replace("0.37,", "0,"),
               {**quote, "ask": None, "ask_size": None})
coinapi.yields("quote with a side missing", QUOTE.replace('"bid_price":64012.37,"bid_size":1.2', '"last_trade":{}'),
               {**quote, "bid": None, "bid_size": None})
coinapi.yields("ohlcv", CANDLE, coinapi.bar(
    "COINBASE_SPOT_BTC_USD", "64000.1 64013 63999.9 64012.4 9.25", 1786562940000000000, 1786563000000000000, None,
    count=8, seq=5, venue="COINBASE"))

coinapi.yields("exrate", EXRATE, {
    **coinapi.reference("BTC/USD", 1786562940921195000, index="64012.3751"), "venue": "COINAPI"})
coinapi.yields("index", INDEX, {
    **coinapi.reference("IDX_REFRATE_PRIMKT_BTC_USD", 1786562940921195000, 2323346, index="64012.3751"),
    "venue": "COINAPI"})
coinapi.yields("index without time", INDEX.replace("time_coinapi", "time"), {
    **coinapi.reference("IDX_REFRATE_PRIMKT_BTC_USD", None, 2323346, index="64012.3751"), "venue": "COINAPI"})

coinapi.nothing("a data point that is no trade", TRADE.replace("0.0042", "0"))
for kind in ("hearbeat", "heartbeat", "book5", "volume", "asset"):
    coinapi.nothing(kind, f'{{"type":"{kind}","price":1,"size":2,"bid_price":3}}')
coinapi.nothing("no type", TRADE.replace('"type"', '"kind"'))
coinapi.nothing("an array", f"[{TRADE}]")
coinapi.nothing("reconnect", '{"type":"reconnect","within_seconds":10,"before_time":"2026-08-12T19:30:00.0000000Z"}',
                "control")
coinapi.nothing("error", '{"type":"error","message":"Invalid API key"}', "control")

coinapi.nothing("a trade without a price", TRADE.replace('"price"', '"cost"'), "missing_field")
coinapi.nothing("a rate of half a pair", EXRATE.replace("asset_id_base", "asset_id"), "missing_field")
coinapi.nothing("a rate of nothing", EXRATE.replace('"rate"', '"r"'), "missing_field")
coinapi.nothing("an index without its name", INDEX.replace("index_id", "id"), "missing_field")
coinapi.nothing("a provider's time that is none", TRADE.replace("T19:29:00.9344101Z", ""), "bad_time")
coinapi.nothing("an id that is an object", TRADE.replace('"3b6c2c0a-54c5-4c0e-8d7b-9f3c2f6a1e55"', "{}"), "bad_type")
