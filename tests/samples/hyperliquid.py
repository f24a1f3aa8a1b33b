"""Frames of hyperliquid, each on a connection of its own: no acknowledgement has been seen."""

from samples.sample import Samples, ms

TRADE = ('{"coin":"BTC","side":"A","px":"64096.0","sz":"0.06683","time":1786562940782,'
         '"hash":"0x4e9fef919a58c0235019044201cf1502019c0077355bdef5f2689ae4595c9a0d","tid":237378239638384,'
         '"users":["0xea0e878d5da1f786c035355cd7a8d381a6276766","0x459a26d40a9969b4532adf3375efb985fcd4c23b"]}')
BBO = ('{"coin":"BTC","time":1786562940838,"bbo":[{"px":"64095.0","sz":"3.87947","n":17},'
       '{"px":"64096.0","sz":"0.5","n":2}]}')
CONTEXT = ('{"coin":"BTC","ctx":{"funding":"0.0000125","openInterest":"38485.06546","prevDayPx":"64299.0",'
           '"dayNtlVlm":"1692146864.1761949062","premium":"-0.0003293628","oraclePx":"64063.1","markPx":"64040.0",'
           '"midPx":null,"impactPxs":["64041.0","64042.0"],"dayBaseVlm":"26501.0297399999"}}')
CANDLE = ('{"t":1786562940000,"T":1786562999999,"s":"BTC","i":"1m","o":"64012.0","c":"64013.5","h":"64020.0",'
          '"l":"64000.0","v":"1.50","n":12}')


def frame(channel: str, data: str) -> str:
    return f'{{"channel":"{channel}","data":{data}}}'


hyperliquid = Samples("hyperliquid", "hyperliquid")
trade = hyperliquid.trade("BTC", "237378239638384", "sell", "64096", "0.06683", ms(1786562940782))
quote = hyperliquid.quote("BTC", "64095", "3.87947", "64096", "0.5", ms(1786562940838))
bar = hyperliquid.bar("BTC", "64012 64020 64000 64013.5 1.5", ms(1786562940000), ms(1786563000000), None, count=12)

hyperliquid.yields("trades", frame("trades", f"[{TRADE}]"), trade)
hyperliquid.yields("trades, of two coins", frame("trades", f'[{TRADE},{TRADE.replace("BTC", "kPEPE")}]'), trade,
                   {**trade, "symbol": "kPEPE"})
hyperliquid.yields("the taker bought", frame("trades", f'[{TRADE.replace("A", "B", 1)}]'), {**trade, "side": "buy"})
hyperliquid.yields("a side of no meaning", frame("trades", f'[{TRADE.replace("A", "C", 1)}]'),
                   {**trade, "side": "unknown"})
hyperliquid.yields("an id as text, keys in order of the alphabet", frame(
    "trades", '[{"coin":"xyz:SP500","px":1,"side":"b","sz":"2","tid":"7","time":"1786562940782"}]'),
    hyperliquid.trade("xyz:SP500", "7", "buy", "1", "2", ms(1786562940782)))
hyperliquid.yields("data before channel", f'{{"data":[{TRADE}],"channel":"trades"}}', trade)
hyperliquid.yields("escapes", frame("\\u0074rades", f"[{TRADE}]").replace('"px"', '"p\\u0078"').replace(
    '"A"', '"\\u0041"'), trade)
hyperliquid.yields("bbo", frame("bbo", BBO), quote)
hyperliquid.yields("bbo without bids", frame("bbo", '{"coin":"X","time":1,"bbo":[null,{"px":"2","sz":"3","n":1}]}'),
                   hyperliquid.quote("X", None, None, "2", "3", ms(1)))
hyperliquid.yields("bbo of one element", frame("bbo", '{"coin":"X","time":1,"bbo":[{"px":"2","sz":"3","n":1}]}'),
                   hyperliquid.quote("X", "2", "3", None, None, ms(1)))
hyperliquid.yields("bbo of more than two elements", frame("bbo", BBO.replace("]}", ',"not read",{}]}')), quote)
for nothing in ("[]", "null", "[null,null]", '[{"px":"0.0","sz":"0"},{}]'):
    hyperliquid.yields(f"bbo {nothing}", frame("bbo", f'{{"coin":"X","bbo":{nothing}}}'),
                       hyperliquid.quote("X", None, None, None, None, None))
hyperliquid.yields("bbo without bbo", frame("bbo", '{"coin":"X"}'),
                   hyperliquid.quote("X", None, None, None, None, None))
for channel in ("activeAssetCtx", "activeSpotAssetCtx"):
    hyperliquid.yields(channel, frame(channel, CONTEXT), hyperliquid.reference(
        "BTC", None, mark="64040", index="64063.1", funding="0.0000125", open_interest="38485.06546"))
hyperliquid.yields("the context of a spot coin", frame(
    "activeSpotAssetCtx", '{"coin":"@107","ctx":{"prevDayPx":"0.0","markPx":"0.50","circulatingSupply":"1"}}'),
    hyperliquid.reference("@107", None, mark="0.5"))
hyperliquid.yields("candle", frame("candle", CANDLE), bar)
hyperliquid.yields("candles as the documentation shows them", frame("candle", f"[{CANDLE},{CANDLE}]"), bar, bar)
hyperliquid.yields("a candle with gaps", frame("candle", '{"s":"X","o":1}'),
                   hyperliquid.bar("X", "1 - - - -", None, None, None))

for channel in ("l2Book", "fastBook", "allMids", "user", "trade", ""):
    hyperliquid.nothing(f"channel {channel}", frame(channel, '{"coin":"BTC","px":"not read","levels":[[],[]]}'))
hyperliquid.nothing("no trades", frame("trades", "[]"))
hyperliquid.nothing("no data", '{"channel":"trades"}')
hyperliquid.nothing("no channel", f'{{"data":[{TRADE}]}}')
hyperliquid.nothing("a context that says nothing", frame("activeAssetCtx", '{"ctx":{"midPx":"1","markPx":null}}'))
hyperliquid.nothing("no context", frame("activeAssetCtx", '{"coin":"X","ctx":null}'))
hyperliquid.nothing("an array", f"[{TRADE}]")
for method in ("subscribe", "unsubscribe"):
    hyperliquid.nothing(f"answer to {method}", frame("subscriptionResponse", f'{{"method":"{method}","subscription":'
                        '{"type":"trades","coin":"BTC"}}'), "control")
hyperliquid.nothing("answers of other forms", frame("subscriptionResponse", '["trades"]'), "control")
hyperliquid.nothing("an answer without a subscription", frame("subscriptionResponse", '{"method":"subscribe"}'),
                    "control")
hyperliquid.nothing("pong", '{"channel":"pong"}', "control")
hyperliquid.nothing("refused", frame("error", '"Invalid subscription {\\"type\\":\\"trades\\",\\"coin\\":\\"X\\"}"'),
                    "control")

hyperliquid.nothing("trades that are no array", frame("trades", TRADE), "bad_type")
hyperliquid.nothing("one bad trade of two", frame("trades", f'[{TRADE},{TRADE.replace("0.06683", "")}]'),
                    "missing_field")
hyperliquid.nothing("a trade without a coin", frame("trades", '[{"px":"1","sz":"2"}]'), "missing_field")
hyperliquid.nothing("a side of bbo that is no object", frame("bbo", '{"coin":"X","bbo":[["1","2"]]}'), "bad_type")
hyperliquid.nothing("bbo that is no array", frame("bbo", '{"coin":"X","bbo":{}}'), "bad_type")
hyperliquid.nothing("a context that is no object", frame("activeAssetCtx", '{"coin":"X","ctx":[]}'), "bad_type")
hyperliquid.nothing("a candle's end beyond 64 bits", frame("candle", '{"s":"X","T":9223372036854775807}'), "bad_time")
