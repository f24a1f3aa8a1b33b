"""Frames of bitstamp."""

from samples.sample import Samples

DATA = ('{"id":216000477,"timestamp":"1786562940","amount":0.0792,"amount_str":"0.07920000","price":3805.44,'
        '"price_str":"3805.44","type":0,"microtimestamp":"1786562940596001","buy_order_id":1443875737346049,'
        '"sell_order_id":1443875731320832}')
TRADE = f'{{"data":{DATA},"channel":"live_trades_ethusd","event":"trade"}}'
BOOK = '{"data":{"timestamp":"1786562940","microtimestamp":"1786562940596001","bids":[["1.5","2"]],"asks":[]},'

bitstamp = Samples("bitstamp", "bitstamp")
trade = bitstamp.trade("ethusd", "216000477", "buy", "3805.44", "0.0792", 1786562940596001000)

bitstamp.yields("trade", TRADE, trade)
bitstamp.yields("the taker sold", TRADE.replace('"type":0', '"type":1'), {**trade, "side": "sell"})
bitstamp.yields("a side as text", TRADE.replace('"type":0', '"type":"1"'), {**trade, "side": "sell"})
for side in ("2", '"buy"', "null", "0.0", "{}"):
    bitstamp.yields(f"side {side}", TRADE.replace('"type":0', f'"type":{side}'), {**trade, "side": "unknown"})
bitstamp.yields("data last", f'{{"event":"trade","channel":"live_trades_ethusd","data":{DATA}}}', trade)
bitstamp.yields("the texts go before the numbers", TRADE.replace('"price":3805.44', '"price":3805.4400000000002'),
                trade)
bitstamp.yields("numbers only, as in 2018", TRADE.replace("price_str", "p").replace("amount_str", "a").replace(
    "microtimestamp", "m"), {**trade, "ts_event_ns": 1786562940000000000})
bitstamp.yields("empty texts", TRADE.replace('"3805.44"', '""').replace('"0.07920000"', "null").replace(
    '"1786562940596001"', '""'), {**trade, "ts_event_ns": 1786562940000000000})
bitstamp.yields("an id as text, and escapes", TRADE.replace("216000477", '"216000477"').replace(
    "live_trades", "live\\u005ftrades").replace('"trade"', '"\\u0074rade"').replace('"id"', '"\\u0069d"'), trade)
bitstamp.yields("a perpetual", TRADE.replace("ethusd", "btcusd-perp"), {**trade, "symbol": "btcusd-perp"})
bitstamp.yields("no time and no id", '{"data":{"price":1,"amount":2},"channel":"live_trades_x","event":"trade"}',
                bitstamp.trade("x", None, "unknown", "1", "2", None))

for channel, event in (("order_book_btcusd", "data"), ("diff_order_book_btcusd", "data"),
                       ("detail_order_book_btcusd", "data"), ("diff_order_book_btcusd", "snapshot")):
    bitstamp.nothing(f"{channel} {event}", f'{BOOK}"channel":"{channel}","event":"{event}"}}')
for event in ("order_created", "order_changed", "order_deleted"):
    bitstamp.nothing(event, f'{{"data":{DATA},"channel":"live_orders_btcusd","event":"{event}"}}')
bitstamp.nothing("a trade of another channel", TRADE.replace("live_trades_", "live_orders_"))
bitstamp.nothing("another event of the channel", TRADE.replace('"trade"', '"data"'))
bitstamp.nothing("no data", '{"channel":"live_trades_ethusd","event":"trade"}')
bitstamp.nothing("a channel without a pair's underscore", TRADE.replace("live_trades_ethusd", "live_trades"))
bitstamp.nothing("an array", f"[{TRADE}]")
bitstamp.nothing("subscribed", '{"event":"bts:subscription_succeeded","channel":"live_trades_btcusd","data":{}}',
                 "control")
bitstamp.nothing("unsubscribed", '{"event":"bts:unsubscription_succeeded","channel":"live_trades_btcusd","data":{}}',
                 "control")
bitstamp.nothing("refused", '{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription"}}',
                 "control")
bitstamp.nothing("asked to reconnect", '{"event":"bts:request_reconnect","channel":"","data":""}', "control")
bitstamp.nothing("heartbeat", '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}', "control")

bitstamp.nothing("a channel without a pair", TRADE.replace("live_trades_ethusd", "live_trades_"), "missing_field")
bitstamp.nothing("data that is no object", '{"data":[],"channel":"live_trades_x","event":"trade"}', "bad_type")
bitstamp.nothing("no price", TRADE.replace("price", "cost"), "missing_field")
bitstamp.nothing("a bad text is not mended by the number", TRADE.replace('"3805.44"', '"x"'), "bad_number")
bitstamp.nothing("an id that is neither text nor number", TRADE.replace("216000477", "[]"), "bad_type")
bitstamp.nothing("a time beyond 64 bits", TRADE.replace("1786562940596001", "9223372036854776"), "bad_time")
