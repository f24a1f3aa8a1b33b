"""Frames of the Binance family: binance-spot, binance-usdm, binance-coinm, binance-us."""

from samples.sample import Samples, ms


def combined(stream: str, message: str) -> str:
    return f'{{"stream":"{stream}","data":{message}}}'


TRADE = ('{"e":"trade","E":1786562940922,"s":"BTCUSDT","t":5154882831,"p":"64012.37000000","q":"0.00420000",'
         '"T":1786562940921,"m":true,"M":true}')
TICKER = ('{"u":50093421613,"s":"BTCUSDT","b":"64012.37000000","B":"1.25869000","a":"64012.38000000",'
          '"A":"2.44816000"}')
MARK = ('{"e":"markPriceUpdate","E":1786562940010,"s":"BTCUSDT","p":"64005.10000000","P":"63991.47600845",'
        '"i":"64015.04857143","r":"0.00002760","T":1786579200000}')
KLINE = ('{"e":"kline","E":1786562940010,"s":"BTCUSDT","k":{"t":1786562880000,"T":1786562939999,"s":"BTCUSDT",'
         '"i":"1m","f":1,"L":9,"o":"64000.1","c":"64012.4","h":"64013","l":"63999.90","v":"9.250","n":8,"x":true,'
         '"q":"1","V":"2","Q":"3","B":"0"}}')

spot = Samples("binance-spot", "binance")
usdm = Samples("binance-usdm", "binance")
coinm = Samples("binance-coinm", "binance")
us = Samples("binance-us", "binance-us")

for each in (spot, usdm, coinm, us):
    trade = each.trade("BTCUSDT", "5154882831", "sell", "64012.37", "0.0042", ms(1786562940921), 5154882831)
    book = each.quote("BTCUSDT", "64012.37", "1.25869", "64012.38", "2.44816", None, 50093421613)
    mark = each.reference("BTCUSDT", ms(1786562940010), mark="64005.1", index="64015.04857143", funding="0.0000276",
                          next_funding_ns=ms(1786579200000))
    bar = each.bar("BTCUSDT", "64000.1 64013 63999.9 64012.4 9.25", ms(1786562880000), ms(1786562940000),
                   ms(1786562940010), count=8)
    each.yields("trade", combined("btcusdt@trade", TRADE), trade)
    each.yields("trade bare", TRADE, trade)
    each.yields("trade with data first", f'{{"data":{TRADE},"stream":"btcusdt@trade"}}', trade)
    each.yields("trade in an array", f"[{TRADE}]", trade)
    each.yields("trade and something else in an array", combined("x", f'[7,{TRADE},"x",{{"e":"?"}}]'), trade)
    each.yields("a stranger key beside stream and data", f'{{"stream":"x","data":{TRADE},"id":1}}', trade)
    each.yields("the buyer was the taker", TRADE.replace('"m":true', '"m":false'), {**trade, "side": "buy"})
    each.yields("no side", TRADE.replace('"m":true', '"m":null'), {**trade, "side": "unknown"})
    each.yields("trade without its own time", TRADE.replace('"T":1786562940921,', ""),
                {**trade, "ts_event_ns": ms(1786562940922)})
    each.yields("trade without an id", TRADE.replace('"t":5154882831,', ""), {**trade, "id": None, "seq": None})
    each.yields("insurance fund", TRADE.replace('"m":true', '"X":"INSURANCE_FUND","m":true'), trade)
    each.yields("liquidated by ADL", TRADE.replace('"m":true', '"X":"ADL","m":true'), trade)
    each.yields("aggTrade", combined("btcusdt@aggTrade", TRADE.replace('"trade"', '"aggTrade"').replace(
        '"t":', '"f":1,"l":2,"nq":"0.1","a":')), trade)
    each.yields("bookTicker without a type", combined("btcusdt@bookTicker", TICKER), book)
    each.yields("bookTicker", TICKER.replace("{", '{"e":"bookTicker","T":1786562940921,"E":1786562940922,"ps":"X",'),
                {**book, "ts_event_ns": ms(1786562940921)})
    each.yields("bookTicker without T", TICKER.replace("{", '{"e":"bookTicker","E":1786562940922,'),
                {**book, "ts_event_ns": ms(1786562940922)})
    each.yields("an empty bid", TICKER.replace("64012.37000000", "0.00000000").replace("1.25869000", "0.00000000"),
                {**book, "bid": None, "bid_size": None})
    each.yields("an empty book", TICKER.replace('"64012.37000000"', '""').replace('"1.25869000"', "null").replace(
        "64012.38000000", "0").replace("2.44816000", "0.0"),
        {**book, "bid": None, "bid_size": None, "ask": None, "ask_size": None})
    each.yields("numbers where strings were", TICKER.replace('"64012.37000000"', "6401237e-2").replace(
        "50093421613", '"50093421613"'), book)
    each.yields("24hrTicker", '{"e":"24hrTicker","E":1786562940922,"s":"BNBBTC","p":"0.0015","b":"0.0024","B":"10",'
                '"a":"0.0026","A":"100","c":"0.0025","T":1,"u":5}',
                each.quote("BNBBTC", "0.0024", "10", "0.0026", "100", ms(1786562940922)))
    each.yields("markPriceUpdate", combined("btcusdt@markPrice@1s", MARK), mark)
    each.yields("!markPrice@arr", combined("!markPrice@arr", f"[{MARK},{MARK}]"), mark, mark)
    each.yields("mark price of a delivery contract", MARK.replace('"0.00002760"', '""').replace("1786579200000", "0"),
                {key: value for key, value in mark.items() if key not in ("funding", "next_funding_ns")})
    each.yields("indexPriceUpdate", '{"e":"indexPriceUpdate","E":1786562940010,"i":"BTCUSD","p":"64015.50"}',
                each.reference("BTCUSD", ms(1786562940010), index="64015.5"))
    each.yields("kline", combined("btcusdt@kline_1m", KLINE), bar)
    each.yields("kline with gaps", '{"e":"kline","s":"X","k":{"t":0,"o":"1"}}',
                each.bar("X", "1 - - - -", None, None, None))

    each.nothing("a trade that is none", TRADE.replace('"m":true', '"X":"NA","m":true').replace('"p"', '"P"'))
    each.nothing("24hrTicker of futures", '{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"1","c":"64012.37"}')
    each.nothing("markPriceUpdate without a value", '{"e":"markPriceUpdate","E":1786562940010,"p":"","T":0}')
    each.nothing("depth without a type", '{"u":1,"s":"BTCUSDT","b":[["1","2"]],"B":"1","a":"2","A":"3"}')
    each.nothing("depthUpdate", combined("btcusdt@depth@100ms", '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,'
                                         '"b":[["64012.1","0.5"],["64012.0","0"]],"a":[]}'))
    each.nothing("24hrMiniTicker", '{"e":"24hrMiniTicker","E":1,"s":"BTCUSDT","c":"1","o":"1","h":"1","l":"1"}')
    each.nothing("continuous_kline", '{"e":"continuous_kline","ps":"BTCUSDT","k":{"o":"1"}}')
    each.nothing("forceOrder", '{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT","S":"SELL","p":"1","q":"1"}}')
    each.nothing("a depth snapshot", '{"lastUpdateId":1027024,"bids":[["4.0","431.0"]],"asks":[]}')
    each.nothing("openInterest of a recorder", combined("btcusdt@openInterest@1s", '{"e":"openInterest","E":1}'))
    each.nothing("stream without data", '{"stream":"btcusdt@trade"}')
    each.nothing("data without stream", f'{{"data":{TRADE}}}')
    each.nothing("data that is no message", '{"stream":"x","data":"trade"}')
    each.nothing("an empty object", "{}")
    each.nothing("an empty array", "[]")
    each.nothing("a text", '"trade"')
    each.nothing("an answer", '{"result":null,"id":1}', "control")
    each.nothing("a refusal", '{"error":{"code":2,"msg":"Invalid request"},"id":1}', "control")
    each.nothing("a refusal of old", '{"code":2,"msg":"Invalid request"}', "control")
    each.nothing("serverShutdown", '{"e":"serverShutdown","E":1786562940922}', "control")
    each.nothing("serverShutdown, combined", combined("x", '{"e":"serverShutdown","E":1786562940922}'), "control")

    each.nothing("a trade without a price", TRADE.replace('"p"', '"P"'), "missing_field")
    each.nothing("a trade without a symbol", TRADE.replace('"BTCUSDT"', '""'), "missing_field")
    each.nothing("a symbol that is a number", TRADE.replace('"BTCUSDT"', "7"), "bad_type")
    each.nothing("an id beyond 64 bits", TRADE.replace("5154882831", "9223372036854775808"), "number_range")
    each.nothing("a time beyond 64 bits", TRADE.replace("1786562940921", "9223372036855"), "bad_time")
    each.nothing("a time that is none", TRADE.replace("1786562940921", '"now"'), "bad_number")
    each.nothing("a candle's end beyond 64 bits", KLINE.replace("1786562939999", "9223372036854"), "bad_time")
    each.nothing("a kline without a candle", '{"e":"kline","s":"BTCUSDT"}', "missing_field")
    each.nothing("a candle that is none", '{"e":"kline","s":"BTCUSDT","k":[]}', "bad_type")
    each.nothing("a bad price in one of two", combined("x", f'[{MARK},{MARK.replace("64005.10000000", "x")}]'),
                 "bad_number")

coinm.yields("trade in contracts", combined("btcusd_perp@trade", '{"e":"trade","E":1723161257687,"T":1723161257679,'
             '"s":"BTCUSD_PERP","t":849714402,"p":"61804.8","q":"4","X":"MARKET","m":false}'),
             coinm.trade("BTCUSD_PERP", "849714402", "buy", "61804.8", "4", ms(1723161257679), 849714402))
coinm.yields("bookTicker with its pair", combined("btcusd_perp@bookTicker", '{"u":1007198632021,"e":"bookTicker",'
             '"s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,'
             '"E":1723161257476}'),
             coinm.quote("BTCUSD_PERP", "61804.7", "35", "61804.8", "1645", ms(1723161257465), 1007198632021))
coinm.nothing("a depth snapshot of a recorder", '{"lastUpdateId":1007198635033,"E":1723161257835,"T":1723161257823,'
              '"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[["61804.7","35"]],"asks":[["61804.8","1645"]]}')
us.yields("bookTicker of a dollar market", combined("btcusd@bookTicker", '{"u":575850089,"s":"BTCUSD",'
          '"b":"58823.1000","B":"0.00404300","a":"58830.2700","A":"0.01628400"}'),
          us.quote("BTCUSD", "58823.1", "0.004043", "58830.27", "0.016284", None, 575850089))
