"""Frames of okx-v5, each on a connection of its own: no acknowledgement has been seen."""

from samples.sample import Samples, ms

TRADE = ('{"instId":"BTC-USDT","tradeId":"130639474","px":"64012.30","sz":"0.0042","side":"sell","ts":"1786562940921",'
         '"count":"1","source":"0","seqId":1234567}')
TICKER = ('{"instType":"SWAP","instId":"BTC-USDT-SWAP","last":"63921","lastSz":"0.4","askPx":"63921.1",'
          '"askSz":"1871.75","bidPx":"63921","bidSz":"779.3","open24h":"64297.6","ts":"1786540471710"}')
BOOK = ('{"asks":[["64012.4","727","0","22"],["64012.5","1","0","1"]],"bids":[["64012.3","990","0","22"]],'
        '"ts":"1786562940924","seqId":9876543}')


def frame(channel: str, *rows: str, inst_id: str = "BTC-USDT") -> str:
    return f'{{"arg":{{"channel":"{channel}","instId":"{inst_id}"}},"data":[{",".join(rows)}]}}'


okx = Samples("okx-v5", "okx")
trade = okx.trade("BTC-USDT", "130639474", "sell", "64012.3", "0.0042", ms(1786562940921), 1234567)
quote = okx.quote("BTC-USDT-SWAP", "63921", "779.3", "63921.1", "1871.75", ms(1786540471710))
book = okx.quote("BTC-USDT", "64012.3", "990", "64012.4", "727", ms(1786562940924), 9876543)

for channel in ("trades", "trades-all"):
    okx.yields(channel, frame(channel, TRADE), trade)
okx.yields("two trades", frame("trades", TRADE, TRADE.replace("sell", "buy")), trade, {**trade, "side": "buy"})
okx.yields("data before arg", f'{{"data":[{TRADE}],"arg":{{"instId":"BTC-USDT","channel":"trades"}}}}', trade)
okx.yields("the instrument in arg only", frame("trades", TRADE.replace('"instId":"BTC-USDT",', ""), inst_id="A-B"),
           {**trade, "symbol": "A-B"})
okx.yields("the row's instrument before arg's", frame("trades", TRADE, inst_id="A-B"), trade)
okx.yields("a number that was acknowledged is no stream", frame("trades", TRADE).replace(',"instId":"BTC-USDT"', "", 1),
           trade, before=['{"event":"subscribe","arg":{"channel":"trades","instId":9}}'])
okx.yields("a trade of 2021, without a sequence", frame("trades", TRADE.replace(',"seqId":1234567', "")),
           {**trade, "seq": None})
okx.yields("a sequence as text", frame("trades", TRADE.replace("1234567}", '"1234567"}')), trade)
okx.yields("tickers", frame("tickers", TICKER, inst_id="BTC-USDT-SWAP"), quote)
okx.yields("tickers without a bid", frame("tickers", TICKER.replace('"63921"', '""').replace('"779.3"', '""')),
           {**quote, "bid": None, "bid_size": None})
okx.yields("tickers with one key left", frame("tickers", '{"instId":"X","askSz":null}'),
           okx.quote("X", None, None, None, None, None))
okx.yields("bbo-tbt", frame("bbo-tbt", BOOK), book)
okx.yields("bbo-tbt with empty asks", frame("bbo-tbt", BOOK.replace(
    '[["64012.4","727","0","22"],["64012.5","1","0","1"]]', "[]")), {**book, "ask": None, "ask_size": None})
okx.yields("bbo-tbt with no sides", frame("bbo-tbt", '{"ts":"1786562940924"}'),
           okx.quote("BTC-USDT", None, None, None, None, ms(1786562940924)))
okx.yields("bbo-tbt gives the first level, whatever its size", frame("bbo-tbt", BOOK.replace('"727"', '"0"')),
           {**book, "ask_size": "0"})
okx.yields("mark-price", frame("mark-price", '{"instId":"BTC-USDT-SWAP","instType":"SWAP","markPx":"64005.1",'
                               '"ts":"1786562940910"}'),
           okx.reference("BTC-USDT-SWAP", ms(1786562940910), mark="64005.1"))
okx.yields("index-tickers", frame("index-tickers", '{"instId":"BTC-USDT","idxPx":"64015.583","high24h":"1",'
                                  '"ts":"1786562940910"}'),
           okx.reference("BTC-USDT", ms(1786562940910), index="64015.583"))
okx.yields("funding-rate", frame("funding-rate", '{"fundingRate":"-0.00048105","fundingTime":"1786579200000",'
                                 '"instId":"BTC-USDT-SWAP","instType":"SWAP","nextFundingRate":"",'
                                 '"nextFundingTime":"1786608000000"}'),
           okx.reference("BTC-USDT-SWAP", None, funding="-0.00048105", next_funding_ns=ms(1786579200000)))
okx.yields("funding-rate without a rate", frame("funding-rate", '{"fundingTime":"1640851200000","instId":"SOS"}'),
           okx.reference("SOS", None, next_funding_ns=ms(1640851200000)))
okx.yields("open-interest", frame("open-interest", '{"instId":"X","oi":"236870","oiCcy":"23687","ts":"1640131202886"}'),
           okx.reference("X", ms(1640131202886), open_interest="236870"))
CANDLE = '["1786562940000","64000.1","64013","63999.90","64012.4","9.250","8","7","0"]'
for name, seconds in (("1s", 1), ("1m", 60), ("3m", 180), ("4H", 14400), ("1h", 3600), ("1D", 86400),
                      ("1d", 86400), ("1Dutc", 86400), ("1W", 604800)):
    okx.yields(f"candle{name}", frame(f"candle{name}", CANDLE),
               okx.bar("BTC-USDT", "64000.1 64013 63999.9 64012.4 9.25", ms(1786562940000),
                       ms(1786562940000 + seconds * 1000), None))
for name in ("1M", "3Mutc", "x", "12345m", "0m"):
    okx.yields(f"candle{name}, of no fixed length", frame(f"candle{name}", '["1786562940000","1"]'),
               okx.bar("BTC-USDT", "1 - - - -", ms(1786562940000), None, None))

okx.nothing("tickers without bid and ask", frame("tickers", '{"instId":"X","last":"1"}'))
okx.nothing("a reference without a value", frame("mark-price", '{"instType":"SWAP","markPx":"","ts":"1786562940910"}'))
okx.nothing("no rows", frame("trades"))
okx.nothing("no data", '{"arg":{"channel":"trades","instId":"BTC-USDT"}}')
okx.nothing("no arg", f'{{"data":[{TRADE}]}}')
okx.nothing("arg that is no object", f'{{"arg":"trades","data":[{TRADE}]}}')
for channel in ("books", "books5", "books-l2-tbt", "price-limit", "liquidation-orders", "mark-price-candle1m",
                "index-candle1m", "candle", "estimated-price"):
    okx.nothing(channel, frame(channel, '{"asks":[["1","2","0","1"]],"bids":[],"ts":"1","checksum":-855196043}'))
okx.nothing("version 3", '{"table":"spot/trade","data":[{"instrument_id":"BCH-USDT","price":"328.74","side":"sell"}]}')
okx.nothing("an array", f"[{TRADE}]")
okx.nothing("ping", "ping", "control")
okx.nothing("pong", "pong", "control")
okx.nothing("subscribed", '{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"d604ccd0"}',
            "control")
okx.nothing("an event beside data", f'{{"event":"x","arg":{{"channel":"trades","instId":"X"}},"data":[{TRADE}]}}',
            "control")
okx.nothing("an event after data", f'{{"arg":{{"channel":"trades","instId":"X"}},"data":[{TRADE}],"event":"x"}}',
            "control")
okx.nothing("refused", '{"event":"error","code":"60012","msg":"Invalid request: {}","connId":"a4d3ae55"}', "control")
okx.nothing("notice", '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}', "control")

okx.nothing("a trade without a symbol", '{"arg":{"channel":"trades"},"data":[{"px":"1","sz":"2"}]}', "missing_field")
okx.nothing("one bad row of two", frame("trades", TRADE, TRADE.replace("0.0042", "")), "missing_field")
okx.nothing("a level that is no array", frame("bbo-tbt", '{"asks":[{}],"ts":"1"}'), "bad_type")
okx.nothing("levels that are no array", frame("bbo-tbt", '{"bids":{},"ts":"1"}'), "bad_type")
okx.nothing("a candle that is no array", frame("candle1m", "{}"), "bad_type")
okx.nothing("a candle's end beyond 64 bits", frame("candle9999W", '["9223372036853"]'), "bad_time")
okx.nothing("a channel of two bytes each that never ends", '{"arg":{"channel":"tr\u00e9', "truncated")
