"""Frames of bybit-v5."""

from samples.sample import Samples, ms

LINEAR = ('{"T":1786562940921,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"64012.30","L":"MinusTick",'
          '"i":"7bf02dbc-1b5d-58f4-a2af-fbfc0531b6f3","BT":false,"RPI":false,"seq":272903656199}')
SPOT = ('{"i":"2290000000967812345","T":1786562940921,"p":"64012.3","v":"0.004000","S":"Buy","seq":110134765432,'
        '"s":"BTCUSDT","BT":true,"RPI":true}')
BOOK = ('{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1786562940924,"data":{"s":"BTCUSDT",'
        '"b":[["64012.2","5.954"]],"a":[["64012.3","10.470"]],"u":24042997,"seq":209972815373},"cts":1786562940920}')
TICKER = ('{"symbol":"BTCUSDT","tickDirection":"PlusTick","lastPrice":"64012.3","bid1Price":"64012.20",'
          '"bid1Size":"5.9","ask1Price":"64012.30","ask1Size":"3.1","markPrice":"64011.90","indexPrice":"64040.07",'
          '"openInterest":"53211.862","fundingRate":"0.0001","nextFundingTime":"1786579200000","preOpenPrice":""}')


def trades(*rows: str) -> str:
    return f'{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786562940923,"data":[{",".join(rows)}]}}'


def tickers(data: str, kind: str = "delta") -> str:
    return f'{{"topic":"tickers.BTCUSDT","type":"{kind}","data":{data},"cs":24987956059,"ts":1786562940923}}'


bybit = Samples("bybit-v5", "bybit")
sold = bybit.trade("BTCUSDT", "7bf02dbc-1b5d-58f4-a2af-fbfc0531b6f3", "sell", "64012.3", "0.004", ms(1786562940921),
                   272903656199)
bought = bybit.trade("BTCUSDT", "2290000000967812345", "buy", "64012.3", "0.004", ms(1786562940921), 110134765432)
book = bybit.quote("BTCUSDT", "64012.2", "5.954", "64012.3", "10.47", ms(1786562940920), 24042997)
quote = bybit.quote("BTCUSDT", "64012.2", "5.9", "64012.3", "3.1", ms(1786562940923), 24987956059)
reference = bybit.reference("BTCUSDT", ms(1786562940923), 24987956059, mark="64011.9", index="64040.07",
                            funding="0.0001", open_interest="53211.862", next_funding_ns=ms(1786579200000))

bybit.yields("publicTrade", trades(LINEAR), sold)
bybit.yields("publicTrade, spot, block and RPI", trades(LINEAR, SPOT), sold, bought)
bybit.yields("publicTrade without a sequence", trades(LINEAR.replace(',"seq":272903656199', "")), {**sold, "seq": None})
bybit.yields("data before topic", f'{{"data":[{LINEAR}],"type":"snapshot","topic":"publicTrade.BTCUSDT"}}', sold)
bybit.yields("orderbook.1", BOOK, book)
bybit.yields("orderbook.1 with data first", BOOK.replace('"topic":"orderbook.1.BTCUSDT",', "")[:-1] +
             ',"topic":"orderbook.1.BTCUSDT"}', book)
bybit.yields("orderbook.1 without cts", BOOK.replace(',"cts":1786562940920', ""),
             {**book, "ts_event_ns": ms(1786562940924)})
bybit.yields("orderbook.1 with deletions first", BOOK.replace('"b":[', '"b":[["64012.9","0"],["64012.8","0.0"],'),
             book)
bybit.yields("orderbook.1, one side deleted", BOOK.replace("10.470", "0").replace("snapshot", "delta"),
             {**book, "ask": None, "ask_size": None})
bybit.yields("orderbook.1, an empty book", BOOK.replace('[["64012.2","5.954"]]', "[]").replace(
    '[["64012.3","10.470"]]', "[]"), {**book, "bid": None, "bid_size": None, "ask": None, "ask_size": None})
bybit.yields("tickers, first", tickers(TICKER, "snapshot"), {**quote, "snapshot": True},
             {**reference, "snapshot": True})
bybit.yields("tickers", tickers(TICKER), quote, reference)
bybit.yields("tickers, a bid alone", tickers('{"symbol":"BTCUSDT","bid1Price":"64012.20","bid1Size":"5.9"}'),
             {**quote, "ask": None, "ask_size": None})
bybit.yields("tickers, a size alone", tickers('{"symbol":"BTCUSDT","ask1Size":"3.1"}'),
             {**quote, "bid": None, "bid_size": None, "ask": None})
bybit.yields("tickers, a mark alone", tickers('{"symbol":"BTCUSDT","markPrice":"64011.90"}'), bybit.reference(
    "BTCUSDT", ms(1786562940923), 24987956059, mark="64011.9"))
bybit.yields("tickers of an option, always marked snapshot", tickers(
    '{"symbol":"BTC-31DEC26-80000-C","bidPrice":"0","bidSize":"0","askPrice":"5","askSize":"5.11","markPrice":"4.9"}',
    "snapshot"),
    bybit.quote("BTC-31DEC26-80000-C", None, None, "5", "5.11", ms(1786562940923), 24987956059),
    bybit.reference("BTC-31DEC26-80000-C", ms(1786562940923), 24987956059, mark="4.9"))
KLINE = ('{"topic":"kline.5.BTCUSDT","data":[{"start":1786562700000,"end":1786562999999,"interval":"5",'
         '"open":"64000.1","close":"64012.4","high":"64013","low":"63999.90","volume":"9.250","turnover":"1",'
         '"confirm":false,"timestamp":1786562940010}],"ts":1786562940012,"type":"snapshot"}')
bybit.yields("kline", KLINE, bybit.bar("BTCUSDT", "64000.1 64013 63999.9 64012.4 9.25", ms(1786562700000),
                                       ms(1786563000000), ms(1786562940010)))

bybit.nothing("orderbook.1, a delta of deletions", BOOK.replace("10.470", "0").replace("5.954", "0").replace(
    "snapshot", "delta"))
bybit.nothing("tickers of spot", tickers('{"symbol":"BTCUSDT","lastPrice":"1","usdIndexPrice":"2"}', "snapshot"))
bybit.nothing("tickers that say nothing", tickers('{"markPrice":"","fundingRate":null,"nextFundingTime":"0"}'))
for topic in ("orderbook.50.BTCUSDT", "orderbook.200.BTCUSDT", "orderbook.1.", "publicTrade.", "liquidation.BTCUSDT",
              "allLiquidation.BTCUSDT", "trade.BTCUSD", "instrument_info.100ms.BTCUSD", "orderBookL2_25.BTCUSD"):
    bybit.nothing(topic, f'{{"topic":"{topic}","type":"snapshot","data":[{{"price":1,"b":[],"a":[]}}]}}')
bybit.nothing("no data", '{"topic":"publicTrade.BTCUSDT"}')
bybit.nothing("no topic", f'{{"data":[{LINEAR}]}}')
bybit.nothing("an array", f"[{LINEAR}]")
bybit.nothing("subscribed", '{"success":true,"ret_msg":"","conn_id":"x","req_id":"1","op":"subscribe"}', "control")
bybit.nothing("refused", '{"success":false,"ret_msg":"error:handler not found,topic:x","op":"subscribe"}', "control")
bybit.nothing("pong", '{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"x","op":"ping"}', "control")

bybit.nothing("one bad row of two", trades(LINEAR, SPOT.replace("64012.3", "x")), "bad_number")
bybit.nothing("a book without a symbol", BOOK.replace('"s":"BTCUSDT",', ""), "missing_field")
bybit.nothing("a level that is no array", BOOK.replace('["64012.2","5.954"]', '"64012.2"'), "bad_type")
bybit.nothing("data that is a text", '{"topic":"tickers.X","data":"x"}', "bad_type")
bybit.nothing("a kline without a symbol", KLINE.replace("kline.5.BTCUSDT", "kline.5."), "missing_field")
bybit.nothing("a kline's end beyond 64 bits", KLINE.replace("1786562999999", "9223372036854"), "bad_time")
bybit.nothing("a time with a fraction", BOOK.replace('"cts":1786562940920', '"cts":1786562940920.5'), "bad_number")
