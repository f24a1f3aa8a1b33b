"""Frames of kraken-futures."""

from samples.sample import Samples, ms

TRADE = ('{"feed":"trade","product_id":"PF_XBTUSD","uid":"d7cae895-ca24-4a67-aa7e-ad9a2ea2b656","side":"sell",'
         '"type":"fill","seq":74724,"time":1786562940921,"qty":0.0042,"price":64012.50}')
TICKER = ('{"feed":"ticker","product_id":"PF_XBTUSD","bid":64012.0,"ask":64013,"bid_size":2.5,"ask_size":0.31,'
          '"volume":66428.0,"dtm":0,"leverage":"50x","index":64011.36,"premium":0.5,"last":64012.5,'
          '"time":1786562940921,"change":0.4,"funding_rate":0.39,"funding_rate_prediction":0.1,"suspended":false,'
          '"tag":"perpetual","pair":"XBT:USD","openInterest":1692.330,"markPrice":64012.4,"maturityTime":0,'
          '"relative_funding_rate":6.1e-06,"relative_funding_rate_prediction":0.1,'
          '"next_funding_rate_time":1786564800000}')
LITE = ('{"feed":"ticker_lite","product_id":"PI_BCHUSD","bid":1060.4,"ask":1062.6,"change":-2.406318883174141,'
        '"premium":-0.0,"volume":15907386.0,"tag":"perpetual","pair":"BCH:USD","dtm":0,"maturityTime":0}')
UID = "d7cae895-ca24-4a67-aa7e-ad9a2ea2b656"


def snapshot(*rows: str) -> str:
    return f'{{"feed":"trade_snapshot","product_id":"PF_XBTUSD","trades":[{",".join(rows)}]}}'


futures = Samples("kraken-futures", "kraken")
trade = futures.trade("PF_XBTUSD", UID, "sell", "64012.5", "0.0042", ms(1786562940921), 74724)
quote = futures.quote("PF_XBTUSD", "64012", "2.5", "64013", "0.31", ms(1786562940921))
reference = futures.reference("PF_XBTUSD", ms(1786562940921), mark="64012.4", index="64011.36", funding="0.0000061",
                              next_funding_ns=ms(1786564800000), open_interest="1692.33")

futures.yields("trade", TRADE, trade)
futures.yields("a liquidation is a trade", TRADE.replace('"fill"', '"liquidation"').replace("sell", "BUY"),
               {**trade, "side": "buy"})
futures.yields("trade of 2019, without a uid", TRADE.replace(f'"uid":"{UID}",', ""), {**trade, "id": None})
futures.yields("a trade with nothing but what it needs", '{"feed":"trade","product_id":"X","qty":"2","price":"1"}',
               futures.trade("X", None, "unknown", "1", "2", None))
futures.yields("the replay on subscribing, newest first", snapshot(TRADE, TRADE.replace("74724", "74723")),
               {**trade, "snapshot": True}, {**trade, "seq": 74723, "snapshot": True})
futures.yields("ticker: a quote, then a reference", TICKER, quote, reference)
futures.yields("ticker of a delivery contract, without funding", TICKER.replace("relative", "absolute").replace(
    "next_", "last_"), quote, {key: value for key, value in reference.items() if key not in (
        "funding", "next_funding_ns")})
futures.yields("ticker without bid and ask", '{"feed":"ticker","product_id":"X","markPrice":1}',
               futures.reference("X", None, mark="1"))
futures.yields("ticker without reference values", '{"feed":"ticker","product_id":"X","bid":0,"ask":2,"index":null}',
               futures.quote("X", None, None, "2", None, None))
futures.yields("ticker with a size alone", '{"feed":"ticker","product_id":"X","bid_size":1}',
               futures.quote("X", None, "1", None, None, None))
futures.yields("ticker_lite", LITE, futures.quote("PI_BCHUSD", "1060.4", None, "1062.6", None, None))
futures.yields("ticker_lite with what it has not", LITE.replace('"dtm"', '"time":"x","bid_size":"x","index":"x","dtm"'),
               futures.quote("PI_BCHUSD", "1060.4", None, "1062.6", None, None))

futures.nothing("no rows", snapshot())
futures.nothing("a snapshot without rows", '{"feed":"trade_snapshot","product_id":"X"}')
futures.nothing("ticker that says nothing", '{"feed":"ticker","product_id":"X","markPrice":"","last":1}')
futures.nothing("ticker_lite without prices", '{"feed":"ticker_lite","product_id":"X","bid_size":1}')
futures.nothing("book", '{"feed":"book","product_id":"X","side":"sell","seq":1,"price":60.58,"qty":0.0}')
futures.nothing("book_snapshot", '{"feed":"book_snapshot","product_id":"X","seq":1,"bids":[{"price":1,"qty":2}],'
                '"asks":[],"tickSize":null}')
futures.nothing("heartbeat", '{"feed":"heartbeat","time":1786562940921}')
futures.nothing("no feed", '{"product_id":"X","price":1,"qty":2}')
futures.nothing("a feed that is no text", TRADE.replace('"feed":"trade"', '"feed":7'))
futures.nothing("an array", f"[{TRADE}]")
futures.nothing("info", '{"event":"info","version":1}', "control")
futures.nothing("an acknowledgement that names the feed", '{"event":"subscribed","feed":"trade","product_ids":["X"]}',
                "control")
futures.nothing("an event, even with a trade", TRADE.replace("}", ',"event":"subscribed"}'), "control")
futures.nothing("alert", '{"event":"alert","message":"rate_limited"}', "control")
futures.nothing("error", '{"event":"error","message":"Invalid product id"}', "control")

futures.nothing("one bad row of two", snapshot(TRADE, TRADE.replace("64012.50", '"x"')), "bad_number")
futures.nothing("a trade without a price", TRADE.replace("64012.50", "null"), "missing_field")
futures.nothing("rows that are no array", '{"feed":"trade_snapshot","trades":{}}', "bad_type")
futures.nothing("a row that is no object", snapshot("[]"), "bad_type")
futures.nothing("a reference without a product", '{"feed":"ticker","markPrice":1}', "missing_field")
futures.nothing("a time that is none", TRADE.replace("1786562940921", '"now"'), "bad_number")
futures.nothing("a sequence beyond 64 bits", TRADE.replace("74724", "9223372036854775808"), "number_range")
futures.nothing("a mark that is none", TICKER.replace("64012.4,", '"x",'), "bad_number")
