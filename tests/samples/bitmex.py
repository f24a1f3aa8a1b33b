"""Frames of bitmex."""

from samples.sample import Samples, ms

TRADE = ('{"timestamp":"2026-08-12T19:29:00.921Z","symbol":"XBTUSD","side":"Sell","size":100,"price":64012.5,'
         '"tickDirection":"MinusTick","trdMatchID":"7e4a4dbd-abfb-aa1f-e57b-8307af9a98d6","grossValue":156220,'
         '"homeNotional":0.0015622,"foreignNotional":100}')
QUOTE = ('{"timestamp":"2026-08-12T19:29:00.924Z","symbol":"XBTUSD","bidSize":1000,"bidPrice":64012,'
         '"askPrice":64012.5,"askSize":420}')
INSTRUMENT = ('{"symbol":"XBTUSD","rootSymbol":"XBT","state":"Open","inverseLeg":"","optionStrikePrice":null,'
              '"fundingTimestamp":"2026-08-12T20:00:00.000Z","fundingRate":0.0001,"indicativeFundingRate":0.0002,'
              '"bidPrice":64012,"midPrice":64012.25,"askPrice":64012.5,"impactBidPrice":64011,"openInterest":716004750,'
              '"markMethod":"FairPrice","markPrice":64005.1,"indicativeSettlePrice":64010.20,'
              '"timestamp":"2026-08-12T19:29:00.000Z"}')
FUNDING = ('{"timestamp":"2026-08-12T20:00:00.000Z","symbol":"XBTUSD","fundingInterval":"2000-01-01T08:00:00.000Z",'
           '"fundingRate":0.0001,"fundingRateDaily":0.0003}')
BIN = ('{"timestamp":"2026-08-12T19:29:00.000Z","symbol":"XBTUSD","open":64012,"high":64013.0,"low":64000.5,'
       '"close":64010,"trades":17,"volume":9000,"vwap":64005.55,"lastSize":1,"turnover":14061,"homeNotional":0.1}')
MINUTE = 1786562940000


def frame(table: str, *rows: str, action: str = "insert") -> str:
    return f'{{"table":"{table}","action":"{action}","data":[{",".join(rows)}]}}'


bitmex = Samples("bitmex", "bitmex")
trade = bitmex.trade("XBTUSD", "7e4a4dbd-abfb-aa1f-e57b-8307af9a98d6", "sell", "64012.5", "100", ms(1786562940921))
quote = bitmex.quote("XBTUSD", "64012", "1000", "64012.5", "420", ms(1786562940924))
best = bitmex.quote("XBTUSD", "64012", None, "64012.5", None, ms(MINUTE))
reference = bitmex.reference("XBTUSD", ms(MINUTE), mark="64005.1", index="64010.2", funding="0.0001",
                             open_interest="716004750", next_funding_ns=ms(1786564800000))

bitmex.yields("trade", frame("trade", TRADE), trade)
bitmex.yields("trades", frame("trade", TRADE, TRADE.replace("Sell", "Buy")), trade, {**trade, "side": "buy"})
bitmex.yields("a settlement without a side", frame("trade", TRADE.replace('"Sell"', '""')),
              {**trade, "side": "unknown"})
bitmex.yields("the state of trades on subscribing",
              '{"table":"trade","action":"partial","keys":[],"types":{"size":"long"},"foreignKeys":{},'
              f'"attributes":{{"timestamp":"sorted"}},"filter":{{"symbol":"XBTUSD"}},"data":[{TRADE}]}}',
              {**trade, "snapshot": True})
bitmex.yields("data first", f'{{"data":[{TRADE}],"action":"partial","table":"trade"}}', {**trade, "snapshot": True})
bitmex.yields("escapes", frame("\\u0074rade", TRADE.replace('"price"', '"pric\\u0065"'), action="inser\\u0074"), trade)
bitmex.yields("a price below a satoshi's hundredth", frame("trade", TRADE.replace("64012.5", "0.00000216")),
              {**trade, "price": "0.00000216"})
bitmex.yields("quotes", frame("quote", QUOTE, QUOTE.replace("420", "0")), quote, {**quote, "ask_size": "0"})
bitmex.yields("the state of quotes", frame("quote", QUOTE, action="partial"), {**quote, "snapshot": True})
bitmex.yields("a quote with one side", frame("quote", '{"symbol":"X","bidPrice":1,"askPrice":null}'),
              bitmex.quote("X", "1", None, None, None, None))
bitmex.yields("instrument", frame("instrument", INSTRUMENT, action="update"), best, reference)
bitmex.yields("instruments", frame("instrument", INSTRUMENT, INSTRUMENT, action="partial"),
              *[{**each, "snapshot": True} for each in (best, reference)] * 2)
bitmex.yields("an index, without bid and ask", frame("instrument", '{"symbol":".BXBT","markPrice":64010.2}'),
              bitmex.reference(".BXBT", None, mark="64010.2"))
bitmex.yields("an instrument's bid", frame("instrument", '{"symbol":"X","bidPrice":7.50}', action="update"),
              bitmex.quote("X", "7.5", None, None, None, None))
bitmex.yields("an instrument's bid that has gone", frame("instrument", '{"symbol":"X","bidPrice":null}'),
              bitmex.quote("X", None, None, None, None, None))
bitmex.yields("an instrument's next funding", frame("instrument", '{"symbol":"X","fundingTimestamp":'
              '"2026-08-12T20:00:00.000Z"}', action="update"),
              bitmex.reference("X", None, next_funding_ns=ms(1786564800000)))
bitmex.yields("funding", frame("funding", FUNDING), bitmex.reference("XBTUSD", ms(1786564800000), funding="0.0001"))
bitmex.yields("the state of funding", frame("funding", FUNDING, action="partial"),
              bitmex.reference("XBTUSD", ms(1786564800000), funding="0.0001", snapshot=True))
for name, minutes in (("1m", 1), ("5m", 5), ("1h", 60), ("1d", 1440)):
    bitmex.yields(f"tradeBin{name}", frame(f"tradeBin{name}", BIN),
                  bitmex.bar("XBTUSD", "64012 64013 64000.5 64010 9000", ms(MINUTE - minutes * 60_000), ms(MINUTE),
                             ms(MINUTE), vwap="64005.55", count=17))
bitmex.yields("a candle that begins before 1970", frame("tradeBin1d", '{"symbol":"X","timestamp":'
              '"1970-01-01T12:00:00Z"}'), bitmex.bar("X", "- - - - -", None, ms(43200000), ms(43200000)))
bitmex.yields("a candle without a time", frame("tradeBin1m", '{"symbol":"X","open":1}', action="partial"),
              bitmex.bar("X", "1 - - - -", None, None, None, snapshot=True))

for table in ("trade", "quote", "funding", "tradeBin1m"):
    bitmex.nothing(f"{table}, update", frame(table, TRADE, action="update"))
for table in ("trade", "instrument", "orderBookL2"):
    bitmex.nothing(f"{table}, delete", frame(table, INSTRUMENT, action="delete"))
for table in ("orderBookL2", "orderBookL2_25", "orderBook10", "quoteBin1m", "liquidation", "settlement", "tradeBin2m"):
    bitmex.nothing(table, frame(table, '{"symbol":"XBTUSD","id":8799,"side":"Sell","size":7,"price":"not read"}'))
bitmex.nothing("no action", f'{{"table":"trade","data":[{TRADE}]}}')
bitmex.nothing("no data", '{"table":"trade","action":"insert"}')
bitmex.nothing("no rows", frame("trade"))
bitmex.nothing("a quote that says nothing", frame("quote", '{"symbol":"X","timestamp":"2026-08-12T19:29:00.924Z"}'))
bitmex.nothing("an instrument that says nothing", frame("instrument", '{"symbol":"X","lastPrice":1,"bidSize":2}'))
bitmex.nothing("an array", f"[{TRADE}]")
bitmex.nothing("no table", f'{{"action":"insert","data":[{TRADE}]}}')
bitmex.nothing("welcome", '{"info":"Welcome to the BitMEX Realtime API.","version":"1","timestamp":'
               '"2021-04-05T18:41:13.652Z","docs":"x","limit":{"remaining":39}}', "control")
bitmex.nothing("subscribed", '{"success":true,"subscribe":"trade:XBTUSD","request":{"op":"subscribe","args":'
               '["trade:XBTUSD"]}}', "control")
bitmex.nothing("refused", '{"status":400,"error":"Unknown table: x","meta":{},"request":{"op":"subscribe","args":'
               '["x"]}}', "control")
bitmex.nothing("ping", "ping", "control")
bitmex.nothing("pong", "pong", "control")

bitmex.nothing("one bad row of two", frame("trade", TRADE, TRADE.replace("64012.5", "null")), "missing_field")
bitmex.nothing("a row that is no object", frame("quote", "[]"), "bad_type")
bitmex.nothing("data that is no array", '{"table":"trade","action":"insert","data":{}}', "bad_type")
bitmex.nothing("a time that is none", frame("trade", TRADE.replace("2026-08-12T", "2026-08-12 ")), "bad_time")
bitmex.nothing("a count that is no whole number", frame("tradeBin1m", BIN.replace('"trades":17', '"trades":1.5')),
               "bad_number")
