"""Frames of coinbase-exchange."""

from samples.sample import Samples

MATCH = ('{"type":"match","trade_id":871203344,"maker_order_id":"67f40214-8c2a-4049-88c2-7b71cea8e4e4",'
         '"taker_order_id":"741a1fea-cb9a-48f5-a6a4-65cbba50dcb4","side":"buy","size":"0.0042","price":"64012.37",'
         '"product_id":"BTC-USD","sequence":80139250412,"time":"2026-08-12T19:29:00.921195Z"}')
TICKER = ('{"type":"ticker","sequence":80139250413,"product_id":"BTC-USD","price":"64012.37","open_24h":"64097.14",'
          '"volume_24h":"3142.70640811","low_24h":"63077.01","high_24h":"65103.0","volume_30d":"183219.7",'
          '"best_bid":"64012.36","best_bid_size":"0.50000000","best_ask":"64012.37","best_ask_size":"1.2",'
          '"side":"sell","time":"2026-08-12T19:29:00.921195Z","trade_id":871203344,"last_size":"0.0042"}')
TIME = 1786562940921195000

coinbase = Samples("coinbase-exchange", "coinbase")
trade = coinbase.trade("BTC-USD", "871203344", "sell", "64012.37", "0.0042", TIME, 80139250412)
quote = coinbase.quote("BTC-USD", "64012.36", "0.5", "64012.37", "1.2", TIME, 80139250413)

coinbase.yields("match: the maker bought, so the taker sold", MATCH, trade)
coinbase.yields("match: the maker sold", MATCH.replace('"buy"', '"sell"'), {**trade, "side": "buy"})
coinbase.yields("match in capitals", MATCH.replace('"buy"', '"BUY"'), trade)
coinbase.yields("match with a word that is no side", MATCH.replace('"buy"', '"none"'), {**trade, "side": "unknown"})
coinbase.yields("last_match", MATCH.replace('"match"', '"last_match"'), {**trade, "snapshot": True})
coinbase.yields("match without id, side, time and sequence",
                '{"type":"match","size":"1","price":"2","product_id":"BTC-USD"}',
                coinbase.trade("BTC-USD", None, "unknown", "2", "1", None))
coinbase.yields("an id beyond 64 bits", MATCH.replace("871203344", "17843232920108168701"),
                {**trade, "id": "17843232920108168701"})
coinbase.yields("a time of year one", MATCH.replace("2026-08-12T19:29:00.921195Z", "0001-01-01T00:00:00.000000Z"),
                {**trade, "ts_event_ns": None})
coinbase.yields("ticker", TICKER, quote)
coinbase.yields("ticker before 2022, without sizes", TICKER.replace('"best_bid_size":"0.50000000",', "").replace(
    '"best_ask_size":"1.2",', ""), {**quote, "bid_size": None, "ask_size": None})
coinbase.yields("ticker with one side", '{"type":"ticker","product_id":"BTC-USD","best_bid":"1"}',
                coinbase.quote("BTC-USD", "1", None, None, None, None))
coinbase.yields("ticker with an empty book", '{"type":"ticker","product_id":"BTC-USD","best_bid":"0","best_ask":null}',
                coinbase.quote("BTC-USD", None, None, None, None, None))
coinbase.yields("ticker with a negative price", TICKER.replace('"64012.36"', '"-0.05"'), {**quote, "bid": "-0.05"})

coinbase.nothing("ticker without bid and ask", '{"type":"ticker","product_id":"BTC-USD","price":"64012.37"}')
coinbase.nothing("snapshot", '{"type":"snapshot","product_id":"BTC-USD","bids":[["1","2"]],"asks":[]}')
coinbase.nothing("l2update", '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]],"time":"x"}')
coinbase.nothing("heartbeat", '{"type":"heartbeat","last_trade_id":1,"product_id":"BTC-USD","sequence":2,"time":"x"}')
coinbase.nothing("status", '{"type":"status","products":[{"id":"BTC-USD"}],"currencies":[]}')
for kind in ("received", "open", "done", "change", "activate"):
    coinbase.nothing(kind, f'{{"type":"{kind}","product_id":"BTC-USD","price":"1","size":"2","side":"buy"}}')
coinbase.nothing("no type", '{"product_id":"BTC-USD","price":"1","size":"2"}')
coinbase.nothing("an array", f"[{MATCH}]")
coinbase.nothing("subscriptions", '{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}',
                 "control")
coinbase.nothing("error", '{"type":"error","message":"Failed to subscribe","reason":"X is not a valid product"}',
                 "control")

coinbase.nothing("a match without a size", MATCH.replace('"0.0042"', "null"), "missing_field")
coinbase.nothing("a time that is none", MATCH.replace("2026-08-12T19", "2026-08-12 19"), "bad_time")
coinbase.nothing("a time that is a number", MATCH.replace('"2026-08-12T19:29:00.921195Z"', "1786562940"), "bad_type")
coinbase.nothing("a sequence with a fraction", MATCH.replace("80139250412", "1.5"), "bad_number")
