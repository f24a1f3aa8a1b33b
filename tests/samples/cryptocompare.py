"""Frames of cryptocompare."""

from samples.sample import Samples

TRADE = ('{"TYPE":"0","M":"Coinbase","FSYM":"BTC","TSYM":"USD","F":"1","ID":"871203344","TS":1786562940,'
         '"TSNS":921195000,"Q":0.0042,"P":64012.37,"TOTAL":268.851954,"RTS":1786562940,"RTSNS":934000000,'
         '"CCSEQ":987654321}')
BID = '"BID":[{"P":64012.3,"Q":5.45,"REPORTEDNS":"1786562940921195000"}]'
ASK = '"ASK":[{"P":64012.40,"Q":0.5,"REPORTEDNS":1786562940921196000}]'
BOOK = f'{{"TYPE":"30","M":"Kraken","FSYM":"BTC","TSYM":"USD","CCSEQ":5550002,{BID},{ASK}}}'
HEAD = '"MARKET":"CCCAGG","FROMSYMBOL":"BTC","TOSYMBOL":"USD"'
TICKER = f'{{"TYPE":"2",{HEAD},"FLAGS":1028,"BID":64012.36,"ASK":64012.37,"LASTUPDATE":1786562940}}'
INDEX = (f'{{"TYPE":"5",{HEAD},"FLAGS":2,"MEDIAN":64012.1,"LASTTRADEID":"217093517","PRICE":64012.2467,'
         '"LASTUPDATE":1786562940,"LASTMARKET":"Coinbase","VOLUMEDAY":1}')
CANDLE = (f'{{"TYPE":"24",{HEAD},"TS":1786562940,"UNIT":"m","ACTION":"ADD","OPEN":64000.10,"HIGH":64013,"LOW":63999.9,'
          '"CLOSE":64012.4,"VOLUMEFROM":9.25,"VOLUMETO":592047.5}')
SUB = "0~Coinbase~BTC~USD"
SUBSCRIBED = f'{{"TYPE":"16","MESSAGE":"SUBSCRIBECOMPLETE","SUB":"{SUB}"}}'
UNSUBSCRIBED = f'{{"TYPE":"17","MESSAGE":"UNSUBSCRIBECOMPLETE","SUB":"{SUB}"}}'
LOADED = '{"TYPE":"3","MESSAGE":"LOADCOMPLETE","INFO":"All your valid subs have been loaded."}'

SECOND, NS = 1786562940 * 10**9, 1786562940921195000
cryptocompare = Samples("cryptocompare", "CCCAGG")
trade = cryptocompare.trade("BTC~USD", "871203344", "sell", "64012.37", "0.0042", NS, 987654321, venue="Coinbase")
book = cryptocompare.quote("BTC~USD", "64012.3", "5.45", "64012.4", "0.5", NS + 1000, 5550002, venue="Kraken")
ticker = cryptocompare.quote("BTC~USD", "64012.36", None, "64012.37", None, SECOND)
index = cryptocompare.reference("BTC~USD", SECOND, index="64012.2467")
candle = cryptocompare.bar("BTC~USD", "64000.1 64013 63999.9 64012.4 9.25", SECOND, SECOND + 60 * 10**9, None)

cryptocompare.yields("trade", TRADE, trade)
for flags, side in (("2", "buy"), ("4", "unknown"), ("9", "sell"), ("10", "buy"), ("3", "unknown"), ("0", "unknown")):
    cryptocompare.yields(f"trade F {flags}", TRADE.replace('"F":"1"', f'"F":"{flags}"'), {**trade, "side": side})
cryptocompare.yields("trade F as a number", TRADE.replace('"F":"1"', '"F":2'), {**trade, "side": "buy"})
cryptocompare.yields("trade without F", TRADE.replace('"F"', '"G"'), {**trade, "side": "unknown"})
cryptocompare.yields("trade without nanoseconds", TRADE.replace('"TSNS"', '"T"'), {**trade, "ts_event_ns": SECOND})
cryptocompare.yields("trade without time", TRADE.replace('"TS"', '"T"'), {**trade, "ts_event_ns": None})
cryptocompare.yields("trade without number and id", TRADE.replace('"CCSEQ"', '"C"').replace('"ID"', '"I"'),
                     {**trade, "seq": None, "id": None})
cryptocompare.yields("trade without market", TRADE.replace('"M"', '"N"'), {**trade, "venue": ""})
cryptocompare.yields("trade, its pair escaped", TRADE.replace('"BTC"', '"\\u0042TC"'), trade)
cryptocompare.yields("top of book", BOOK, book)
cryptocompare.yields("top of book, bid alone", BOOK.replace(f",{ASK}", ""),
                     {**book, "ask": None, "ask_size": None, "ts_event_ns": NS})
cryptocompare.yields("top of book, ask alone", BOOK.replace(f"{BID},", ""), {**book, "bid": None, "bid_size": None})
cryptocompare.yields("top of book, an empty side", BOOK.replace(ASK, '"ASK":[]'),
                     {**book, "ask": None, "ask_size": None, "ts_event_ns": NS})
cryptocompare.yields("top of book of zeros", BOOK.replace(ASK, '"ASK":[{"P":0,"Q":0}]'),
                     {**book, "ask": None, "ask_size": None, "ts_event_ns": NS})
cryptocompare.yields("ticker", TICKER, ticker)
cryptocompare.yields("ticker of what changed", TICKER.replace('"BID":64012.36,', ""), {**ticker, "bid": None})
cryptocompare.yields("index", INDEX, index)
cryptocompare.yields("index without time", INDEX.replace("LASTUPDATE", "LAST"), {**index, "ts_event_ns": None})
cryptocompare.yields("candle", CANDLE, candle)
for unit, seconds in (("H", 3600), ("D", 86400)):
    cryptocompare.yields(f"candle of {unit}", CANDLE.replace('"UNIT":"m"', f'"UNIT":"{unit}"'),
                         {**candle, "end_ns": SECOND + seconds * 10**9})
cryptocompare.yields("candle of no unit", CANDLE.replace('"UNIT":"m"', '"UNIT":"M"'), {**candle, "end_ns": None})

cryptocompare.nothing("ticker without quotes", TICKER.replace("BID", "B").replace("ASK", "A"))
cryptocompare.nothing("index without price", INDEX.replace('"PRICE"', '"P"'))
cryptocompare.nothing("subscribed", SUBSCRIBED, "control")
cryptocompare.nothing("unsubscribed", UNSUBSCRIBED, "control")
cryptocompare.nothing("loaded", LOADED)
cryptocompare.nothing("welcome", '{"TYPE":"20","MESSAGE":"STREAMERWELCOME","SERVER_UPTIME_SECONDS":1}')
cryptocompare.nothing("heartbeat", '{"TYPE":"999","MESSAGE":"HEARTBEAT","TIMEMS":1786562940000}')
for number in ("8", "9", "11", "21", "18"):
    cryptocompare.nothing(f"type {number}", TRADE.replace('"TYPE":"0"', f'"TYPE":"{number}"'))
cryptocompare.nothing("a type that is a number", TRADE.replace('"TYPE":"0"', '"TYPE":0'))
cryptocompare.nothing("an array", f"[{TRADE}]")
for number, text in (("401", "UNAUTHORIZED"), ("429", "TOO_MANY_SOCKETS_MAX_1_PER_CLIENT"), ("500", "INVALID_SUB")):
    cryptocompare.nothing(f"error {number}", f'{{"TYPE":"{number}","MESSAGE":"{text}","PARAMETER":"{SUB}"}}', "control")

cryptocompare.nothing("trade without a price", TRADE.replace('"P"', '"p"'), "missing_field")
cryptocompare.nothing("trade without half its pair", TRADE.replace('"TSYM"', '"T"'), "missing_field")
cryptocompare.nothing("trade of a flag that is none", TRADE.replace('"F":"1"', '"F":"x"'), "bad_number")
cryptocompare.nothing("nanoseconds beyond a second", TRADE.replace("921195000", "1000000000"), "bad_time")
cryptocompare.nothing("negative nanoseconds", TRADE.replace("934000000", "-1"), "bad_time")
cryptocompare.nothing("seconds beyond 64 bits", TRADE.replace('"TS":1786562940', '"TS":9223372036'), "bad_time")
cryptocompare.nothing("a level that is an array", BOOK.replace('{"P":64012.3,', '[1],{"P":1,'), "bad_type")
cryptocompare.nothing("levels that are an object", BOOK.replace(BID, '"BID":{}'), "bad_type")
cryptocompare.nothing("text that is not UTF-8", TRADE.encode().replace(b"BTC", b"B\xffC"), "bad_utf8")
