"""Frames of tardis."""

from samples.sample import Samples

HEAD = '"symbol":"XBTUSD","exchange":"bitmex"'
TIME = '"timestamp":"2026-08-12T19:29:00.921Z","localTimestamp":"2026-08-12T19:29:00.940Z"'
NS = 1786562940921000000
TRADE = (f'{{"type":"trade",{HEAD},"id":"282a0445-0e3a-abeb-f403-11003204ea1b","price":64012.5,"amount":50,'
         f'"side":"sell",{TIME}}}')
TICKER = (f'{{"type":"book_ticker",{HEAD},"askPrice":64012.5,"askAmount":420,"bidPrice":64012,"bidAmount":1906,'
          f'{TIME}}}')
SNAPSHOT = (f'{{"type":"book_snapshot",{HEAD},"name":"quote","depth":1,"interval":0,"bids":[{{"price":64012,'
            f'"amount":1906}}],"asks":[{{"price":64012.5,"amount":420}}],{TIME}}}')
DERIVATIVE = (f'{{"type":"derivative_ticker",{HEAD},"lastPrice":63344,"openInterest":716004750,'
              '"fundingRate":0.00002081,"fundingTimestamp":"2026-08-12T20:00:00.000Z","predictedFundingRate":1e-4,'
              f'"indexPrice":63329.18,"markPrice":63346.33,{TIME}}}')
OPTION = (f'{{"type":"option_summary",{HEAD},"optionType":"put","strikePrice":25000,"expirationDate":'
          '"2024-09-27T08:00:00.000Z","bestBidPrice":3000,"bestBidAmount":2.55,"bestBidIV":0.38,"bestAskPrice":3950,'
          '"bestAskAmount":5.8,"openInterest":7,"markPrice":3475,"underlyingPrice":26960.9,"underlyingIndex":"BTCUSDT",'
          f'{TIME}}}')
BAR = (f'{{"type":"trade_bar",{HEAD},"name":"trade_bar_1m","interval":60000,"kind":"time","open":64000.1,"high":64013,'
       '"low":63999.90,"close":64012.4,"volume":9.25,"buyVolume":4,"sellVolume":5.25,"trades":8,"vwap":64005.125,'
       '"openTimestamp":"2026-08-12T19:29:00.000Z","closeTimestamp":"2026-08-12T19:30:00.000Z",'
       '"timestamp":"2026-08-12T19:30:00.001Z"}')

tardis = Samples("tardis", "bitmex")
trade = tardis.trade("XBTUSD", "282a0445-0e3a-abeb-f403-11003204ea1b", "sell", "64012.5", "50", NS)
quote = tardis.quote("XBTUSD", "64012", "1906", "64012.5", "420", NS)
summary = tardis.reference("XBTUSD", NS, mark="3475", open_interest="7")

tardis.yields("trade", TRADE, trade)
tardis.yields("trade of an unknown side", TRADE.replace("sell", "unknown"), {**trade, "side": "unknown"})
tardis.yields("trade without an id", TRADE.replace('"id"', '"ID"'), {**trade, "id": None})
tardis.yields("trade without an exchange", TRADE.replace('"exchange"', '"venue"'), {**trade, "venue": ""})
tardis.yields("trade with microseconds", TRADE.replace("00.921Z", "00.921195Z"), {**trade, "ts_event_ns": NS + 195000})
tardis.yields("trade, keys escaped", TRADE.replace('"amount"', '"\\u0061mount"').replace("bitmex", "bit\\u006dex"),
              trade)
tardis.yields("book_ticker", TICKER, quote)
tardis.yields("book_ticker of one side", TICKER.replace('"askPrice":64012.5,"askAmount":420,', ""),
              {**quote, "ask": None, "ask_size": None})
tardis.yields("book_ticker of an empty book", f'{{"type":"book_ticker",{HEAD},{TIME}}}',
              tardis.quote("XBTUSD", None, None, None, None, NS))
tardis.yields("book_snapshot of depth 1", SNAPSHOT, quote)
tardis.yields("book_snapshot, an empty level", SNAPSHOT.replace('{"price":64012.5,"amount":420}', "{}"),
              {**quote, "ask": None, "ask_size": None})
tardis.yields("book_snapshot, no level", SNAPSHOT.replace('[{"price":64012,"amount":1906}]', "[]"),
              {**quote, "bid": None, "bid_size": None})
tardis.yields("book_snapshot, keys of a level escaped",
              SNAPSHOT.replace('{"price":64012,', '{"more":[],"\\u0070rice":64012,'), quote)
tardis.yields("book_snapshot, a second level", SNAPSHOT.replace('1906}]', '1906},{"price":1}]'), quote)
tardis.yields("derivative_ticker", DERIVATIVE, tardis.reference(
    "XBTUSD", NS, mark="63346.33", index="63329.18", funding="0.00002081", open_interest="716004750",
    next_funding_ns=1786564800000000000))
tardis.yields("derivative_ticker of the next funding alone",
              f'{{"type":"derivative_ticker",{HEAD},"fundingTimestamp":"2026-08-12T20:00:00.000Z",{TIME}}}',
              tardis.reference("XBTUSD", NS, next_funding_ns=1786564800000000000))
tardis.yields("option_summary", OPTION, tardis.quote("XBTUSD", "3000", "2.55", "3950", "5.8", NS), summary)
tardis.yields("option_summary without a quote, but with the keys of a book_ticker",
              f'{{"type":"option_summary",{HEAD},"bidPrice":1,"markPrice":3475,"openInterest":7,{TIME}}}', summary)
tardis.yields("option_summary without a reference", OPTION.replace('"openInterest":7,"markPrice":3475,', ""),
              tardis.quote("XBTUSD", "3000", "2.55", "3950", "5.8", NS))
tardis.yields("trade_bar", BAR, tardis.bar(
    "XBTUSD", "64000.1 64013 63999.9 64012.4 9.25", 1786562940000000000, 1786563000000000000, 1786563000001000000,
    vwap="64005.125", count=8))

tardis.nothing("derivative_ticker of a last price alone", f'{{"type":"derivative_ticker",{HEAD},"lastPrice":1,{TIME}}}')
tardis.nothing("book_snapshot of depth 10", SNAPSHOT.replace('"depth":1', '"depth":10'))
tardis.nothing("book_snapshot of no depth", SNAPSHOT.replace('"depth"', '"levels"'))
for kind in ("book_change", "liquidation", "disconnect", "quote", "Trade"):
    tardis.nothing(kind, TRADE.replace('"trade"', f'"{kind}"'))
tardis.nothing("no type", TRADE.replace('"type"', '"kind"'))
tardis.nothing("an array", f"[{TRADE}]")
tardis.nothing("error", '{"type":"error","exchange":"deribit","localTimestamp":"2026-08-12T19:29:00.940Z",'
               '"details":"no route","subSequentErrorsCount":2}', "control")

tardis.nothing("trade without a price", TRADE.replace('"price"', '"cost"'), "missing_field")
tardis.nothing("trade without a symbol", TRADE.replace('"symbol"', '"name"'), "missing_field")
tardis.nothing("an exchange that is a list", TRADE.replace('"bitmex"', "[]"), "bad_type")
tardis.nothing("a time that is none", TRADE.replace("T19:29:00.921Z", ""), "bad_time")
tardis.nothing("a level that is an array", SNAPSHOT.replace('{"price":64012,"amount":1906}', "[64012,1906]"),
               "bad_type")
tardis.nothing("levels that are an object", SNAPSHOT.replace('[{"price":64012,"amount":1906}]', "{}"), "bad_type")
tardis.nothing("levels that are a number", SNAPSHOT.replace('[{"price":64012,"amount":1906}]', "1"), "bad_type")
tardis.nothing("a depth that is none", SNAPSHOT.replace('"depth":1', '"depth":true'), "bad_type")
