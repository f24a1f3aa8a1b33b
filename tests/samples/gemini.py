"""Frames of gemini, of both its APIs."""

from samples.sample import Samples, ms

FAST = ('{"E":1786562940085684200,"s":"btcusd","t":2840141014190422,"p":"64012.38000","q":"0.0162522200","m":true}')
TICKER = ('{"u":1764549594389676,"E":1786562940085684200,"s":"btcusd","b":"64012.37000","B":"0.5000000000",'
          '"a":"64012.38000","A":"1.2000000000","c":"64012.375","C":"0.1"}')
DEPTH = ('{"e":"depthUpdate","E":1786562940085684200,"s":"btcusd","U":1764549594389289,"u":1764549594389676,'
         '"b":[["64012.37","0.5"]],"a":[]}')
TRADE = ('{"type":"trade","symbol":"BTCUSD","event_id":1764551741926942,"timestamp":1786562940672,"price":"64012.290",'
         '"quantity":"0.00007667","side":"buy","tid":2840141017904555}')
OLD = TRADE.replace(',"tid":2840141017904555', "")
CANDLES = "[[1786562940000,64012,64013.0,64000.5,64010,1.50],[1786562880000,1,2,3,4,5,6]]"


def book(trades: str, changes: str = '[["buy","64012.29","0.5"],["sell","64013","0"]]') -> str:
    return f'{{"type":"l2_updates","symbol":"BTCUSD","changes":{changes},"trades":{trades},"auction_events":[]}}'


def candles(length: str, rows: str = CANDLES) -> str:
    return f'{{"type":"candles_{length}_updates","symbol":"BTCUSD","changes":{rows}}}'


gemini = Samples("gemini", "gemini")
fast = gemini.trade("btcusd", "2840141014190422", "sell", "64012.38", "0.01625222", 1786562940085684200)
quote = gemini.quote("btcusd", "64012.37", "0.5", "64012.38", "1.2", 1786562940085684200, 1764549594389676)
trade = gemini.trade("BTCUSD", "2840141017904555", "buy", "64012.29", "0.00007667", ms(1786562940672))
replayed = {**trade, "snapshot": True}

gemini.yields("fast trade", FAST, fast)
gemini.yields("fast trade, the buyer was the taker", FAST.replace("true", "false"), {**fast, "side": "buy"})
for side in ("null", '"true"', "1"):
    gemini.yields(f"fast trade, maker {side}", FAST.replace("true", side), {**fast, "side": "unknown"})
gemini.yields("fast trade without a time and a maker", '{"s":"x","t":null,"p":1,"q":2}',
              gemini.trade("x", None, "unknown", "1", "2", None))
gemini.yields("fast trade, escapes and an id as text", FAST.replace('"p"', '"\\u0070"').replace(
    "2840141014190422", '"2840141014190422"'), fast)
gemini.yields("fast trade beside nulls", FAST[:-1] + ',"type":null,"e":null}', fast)
gemini.yields("fast bookTicker", TICKER, quote)
gemini.yields("fast bookTicker, as documented", TICKER.replace(',"c":"64012.375","C":"0.1"', ""), quote)
gemini.yields("fast bookTicker without bids", TICKER.replace('"64012.37000"', "null").replace(
    '"0.5000000000"', '""'), {**quote, "bid": None, "bid_size": None})
gemini.yields("trade", TRADE, trade)
gemini.yields("trade of 2021", OLD, {**trade, "id": "1764551741926942"})
gemini.yields("trade, type last", '{"symbol"' + TRADE[len('{"type":"trade","symbol"'):-1] + ',"type":"trade"}', trade)
for side in ("block", "auction", ""):
    gemini.yields(f"trade, side {side}", TRADE.replace('"buy"', f'"{side}"'), {**trade, "side": "unknown"})
gemini.yields("replayed trades, in the order sent", book(f'[{TRADE},{OLD.replace("buy", "Sell")}]'), replayed,
              {**replayed, "id": "1764551741926942", "side": "sell"})
gemini.yields("replayed trades, the book after them", '{"auction_events":[],"changes":[["x"]],"symbol":"BTCUSD",'
              f'"trades":[{TRADE}],"type":"l2_updates"}}', replayed)
gemini.yields("a replayed trade without a symbol", book(f'[{TRADE.replace("symbol", "name")}]'), replayed)
first = gemini.bar("BTCUSD", "64012 64013 64000.5 64010 1.5", ms(1786562940000), None, None)
second = gemini.bar("BTCUSD", "1 2 3 4 5", ms(1786562880000), None, None)
for length, minutes in (("1m", 1), ("5m", 5), ("30m", 30), ("1hr", 60), ("6hr", 360), ("1day", 1440)):
    gemini.yields(f"candles of {length}", candles(length),
                  *({**bar, "end_ns": bar["start_ns"] + minutes * 60 * 10**9} for bar in (first, second)))
gemini.yields("candles of no fixed length", candles("1M"), first, second)
gemini.yields("a candle with gaps", candles("1m", '[[1786562940000,"1"]]'),
              gemini.bar("BTCUSD", "1 - - - -", ms(1786562940000), ms(1786563000000), None))

gemini.nothing("an update of the book", '{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","2"]]}')
gemini.nothing("no trades", book("[]"))
gemini.nothing("no candles", candles("1m", "[]"))
gemini.nothing("candles without changes", '{"type":"candles_1m_updates","symbol":"BTCUSD"}')
gemini.nothing("heartbeat", '{"type":"heartbeat","timestamp":1786562940672}')
gemini.nothing("depth", DEPTH)
gemini.nothing("depth without its name", DEPTH.replace('"e":"depthUpdate",', "").replace(
    '"a":[]', '"a":[],"A":1,"B":1'))
gemini.nothing("partial depth", '{"lastUpdateId":12345678,"bids":[["45000.50","1.25"]],"asks":[]}')
for kind in ("candles__updates", "candles_updates", "candles_1m", "Trade", "mark_price_updates", ""):
    gemini.nothing(f"type {kind}", TRADE.replace('"type":"trade"', f'"type":"{kind}"'))
gemini.nothing("a type that is no text", FAST[:-1] + ',"type":1}')
gemini.nothing("another event with a trade's keys", FAST[:-1] + ',"e":"x"}')
for key in "stpq":
    gemini.nothing(f"a fast trade without {key}", FAST.replace(f'"{key}":', '"x":'))
for key in "usbBaA":
    gemini.nothing(f"a bookTicker without {key}", TICKER.replace(f'"{key}":', '"x":'))
gemini.nothing("an array", f"[{TRADE}]")
gemini.nothing("answered", '{"id":"1","status":200,"result":{}}', "control")
gemini.nothing("refused", '{"id":"1","status":401,"error":{"code":-1002,"msg":"Authentication required"}}', "control")
gemini.nothing("refused by v2", '{"result":"error","reason":"InvalidJson"}', "control")

gemini.nothing("a trade without a price", TRADE.replace("price", "cost"), "missing_field")
gemini.nothing("a fast trade without a price", FAST.replace('"64012.38000"', "null"), "missing_field")
gemini.nothing("a fast time beyond 64 bits", FAST.replace("1786562940085684200", "9223372036854775808"),
               "number_range")
gemini.nothing("trades that are no array", book("{}"), "bad_type")
gemini.nothing("one bad trade of two", book(f'[{TRADE},{TRADE.replace("64012.290", "x")}]'), "bad_number")
gemini.nothing("a candle that is no array", candles("1m", "[{}]"), "bad_type")
gemini.nothing("candles that are no array", candles("1m", '"x"'), "bad_type")
gemini.nothing("a candle's end beyond 64 bits", candles("1day", "[[9223372036854]]"), "bad_time")
