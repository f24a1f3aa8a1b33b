"""Frames of kraken-v1."""

from samples.sample import Samples

ROW = '["58721.20000","0.02798644","1617666461.465618","s","m",""]'
TICKER = ('{"a":["0.000023630",7289,"7289.86759215"],"b":["0.000023610",1173,"1173.00000000"],'
          '"c":["0.000023620","25.10303887"],"v":["1124742.64341766","1125291.62001353"],'
          '"p":["0.000023449","0.000023449"],"t":[1283,1292],"l":["0.000022220","0.000022220"],'
          '"h":["0.000025000","0.000025000"],"o":["0.000022580","0.000022500"]}')
SPREAD = '["58717.50000","58721.20000","1617666461.465618","0.18630000","0.04300000"]'
CANDLE = ('["1617666461.465618","1617666600.000000","58700.10000","58721.20000","58699.00000","58720.00000",'
          '"58710.55","0.03373000",2]')
TIME = 1617666461465618000


def frame(name: str, payload: str, pair: str = "XBT/USD") -> str:
    return f'[321,{payload},"{name}","{pair}"]'


def trades(*rows: str) -> str:
    return frame("trade", f"[{','.join(rows)}]")


v1 = Samples("kraken-v1", "kraken")
trade = v1.trade("XBT/USD", None, "sell", "58721.2", "0.02798644", TIME)
quote = v1.quote("ALGO/XBT", "0.00002361", "1173", "0.00002363", "7289.86759215", None)
spread = v1.quote("XBT/USD", "58717.5", "0.1863", "58721.2", "0.043", TIME)
bar = v1.bar("XBT/USD", "58700.1 58721.2 58699 58720 0.03373", 1617666300 * 10**9, 1617666600 * 10**9, TIME,
             vwap="58710.55", count=2)

v1.yields("trade", trades(ROW), trade)
v1.yields("trades, in the order sent", trades(ROW, ROW.replace('"s"', '"b"')), trade, {**trade, "side": "buy"})
v1.yields("a side in capitals", trades(ROW.replace('"s"', '"B"')), {**trade, "side": "buy"})
v1.yields("a word that is no side", trades(ROW.replace('"s"', '"sell"')), {**trade, "side": "unknown"})
v1.yields("a trade with nothing but what it needs", trades("[1,2]"),
          v1.trade("XBT/USD", None, "unknown", "1", "2", None))
v1.yields("a time without a fraction", trades(ROW.replace("1617666461.465618", "1617666461")),
          {**trade, "ts_event_ns": 1617666461 * 10**9})
v1.yields("a time that is a number", trades(ROW.replace('"1617666461.465618"', "1617666461.5")),
          {**trade, "ts_event_ns": 1617666461500000000})
v1.yields("digits beyond nanoseconds are cut", trades(ROW.replace("465618", "4656187891999")),
          {**trade, "ts_event_ns": 1617666461465618789})
v1.yields("a time before 1970", trades(ROW.replace("1617666461.465618", "-1617666461.465618")),
          {**trade, "ts_event_ns": None})
v1.yields("leading zeros of a time", trades(ROW.replace("1617666461", "001617666461")), trade)
v1.yields("the last time that there is", trades(ROW.replace("1617666461.465618", "9223372036.854775807")),
          {**trade, "ts_event_ns": 2**63 - 1})
v1.yields("spread", frame("spread", SPREAD), spread)
v1.yields("spread of an empty book", frame("spread", '["0.000000000","0.000000000","0.000000","0.00000000",'
          '"0.00000000"]', "LINK/ETH"), v1.quote("LINK/ETH", None, None, None, None, None))
v1.yields("ticker", frame("ticker", TICKER, "ALGO/XBT"), quote)
v1.yields("ticker with an empty side", frame("ticker", '{"b":["0.00000",0,"0.00000000"],"a":["2",1,"1.50"]}'),
          v1.quote("XBT/USD", None, None, "2", "1.5", None))
v1.yields("ticker with one side", frame("ticker", '{"a":["2"],"b":null}'),
          v1.quote("XBT/USD", None, None, "2", None, None))
v1.yields("a second payload before the name", f'[321,{TICKER},{{"c":"1"}},"ticker","ALGO/XBT"]', quote)
v1.yields("ohlc", frame("ohlc-5", CANDLE), bar)
v1.yields("ohlc of a day", frame("ohlc-1440", CANDLE), {**bar, "start_ns": (1617666600 - 86400) * 10**9})
v1.yields("ohlc with gaps", frame("ohlc-1", '[null,"",1]'), v1.bar("XBT/USD", "1 - - - -", None, None, None))
v1.yields("a candle that would begin before 1970", frame("ohlc-5", '["1","299.5"]'),
          v1.bar("XBT/USD", "- - - - -", None, 299500000000, 10**9))

v1.nothing("no rows", trades())
v1.nothing("ticker without bid and ask", frame("ticker", '{"c":["1","2"]}'))
v1.nothing("book", frame("book-1000", '{"a":[["1","2","1617666461.465618"]]}'))
v1.nothing("book of two payloads", '[741,{"a":[["413.9","27.7","1561939258.527125"]]},{"b":[["400","3.3",'
           '"1561939258.526326"]],"c":"1768150633"},"book-1000","BCH/USD"]')
v1.nothing("three elements", f'[{ROW},"trade","XBT/USD"]')
v1.nothing("a name that is no text", '[321,[],7,"XBT/USD"]')
for name in ("ohlc", "ohlc-", "ohlc-0", "ohlc-x", "ohlc-123456", "ohlx-5"):
    v1.nothing(f"no candle: {name}", frame(name, CANDLE))
v1.nothing("heartbeat", '{"event":"heartbeat"}')
v1.nothing("systemStatus", '{"connectionID":17413893361151983591,"event":"systemStatus","status":"online"}')
v1.nothing("an object that is nothing", '{"trade":1}')
v1.nothing("subscribed", '{"channelID":2496,"channelName":"trade","event":"subscriptionStatus","pair":"XBT/USD",'
           '"status":"subscribed","subscription":{"name":"trade"}}', "control")
v1.nothing("refused", '{"errorMessage":"Currency pair not supported X/USD","event":"subscriptionStatus","pair":"X/USD",'
           '"status":"error","subscription":{"name":"trade"}}', "control")
v1.nothing("error", '{"errorMessage":"Malformed request","event":"error"}', "control")
v1.nothing("pong", '{"event":"pong","reqid":42}', "control")

v1.nothing("one bad row of two", trades(ROW, ROW.replace("58721", "x")), "bad_number")
v1.nothing("a row without a size", trades('["58721.20000"]'), "missing_field")
v1.nothing("a row that is no array", trades("{}"), "bad_type")
v1.nothing("trades that are no array", frame("trade", "{}"), "bad_type")
v1.nothing("a spread that is no array", frame("spread", '"x"'), "bad_type")
v1.nothing("a ticker that is no object", frame("ticker", "[]"), "bad_type")
v1.nothing("a side of a ticker that is no array", frame("ticker", '{"a":"1"}'), "bad_type")
v1.nothing("a pair that is no text", '[321,[["1","2"]],"trade",7]', "bad_type")
for text in ("now", "1.", ".5", "1e9", "+1", "-", "1.5x"):
    v1.nothing(f"no time: {text}", trades(ROW.replace("1617666461.465618", text)), "bad_number")
v1.nothing("a time beyond 64 bits", trades(ROW.replace("1617666461.465618", "9223372036.854775808")), "bad_time")
v1.nothing("a time of many digits", trades(ROW.replace("1617666461", "1" * 30)), "bad_time")
v1.nothing("a time that is true", trades(ROW.replace('"1617666461.465618"', "true")), "bad_type")
