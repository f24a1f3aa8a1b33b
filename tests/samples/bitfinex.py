"""Frames of bitfinex. Those of data stand behind the acknowledgement of their channel, on one connection."""

from samples.sample import Samples, ms


def subscribed(id: int, channel: str, **said: str) -> str:
    more = "".join(f',"{key}":"{value}"' for key, value in said.items())
    return f'{{"event":"subscribed","channel":"{channel}","chanId":{id}{more}}}'


NUMBERED = '{"event":"conf","status":"OK","flags":65536}'
TRADES = subscribed(1, "trades", symbol="tBTCUSD", pair="BTCUSD")
TICKER = subscribed(2, "ticker", symbol="tBTCUSD", pair="BTCUSD")
BOOK = subscribed(3, "book", symbol="tBTCUSD", prec="P0", freq="F0", len="1", pair="BTCUSD")
STATUS = subscribed(4, "status", key="deriv:tBTCF0:USTF0")
CANDLES = subscribed(5, "candles", key="trade:1m:tBTCUSD")
TRADE = "[401597395,1786562940921,-0.0042,64012.0]"
DERIVATIVE = ("[1786562940921,null,64012,64010.50,null,1000000.5,null,1786579200000,0.0001,480,null,0.00002,null,null,"
              "64011.5,null,null,7160.25,null]")
CANDLE = "[1786562940000,64012,64013.5,64020.0,64000,1.50]"

bitfinex = Samples("bitfinex", "bitfinex")
trade = bitfinex.trade("tBTCUSD", "401597395", "sell", "64012", "0.0042", ms(1786562940921))
quote = bitfinex.quote("tBTCUSD", "64012", "12.45", "64013", "9.1", None)
ticker = bitfinex.quote("tBTCUSD", "64012", None, "64013", None, None)
reference = bitfinex.reference("tBTCF0:USTF0", ms(1786562940921), index="64010.5", funding="0.00002", mark="64011.5",
                               open_interest="7160.25", next_funding_ns=ms(1786579200000))
bar = bitfinex.bar("tBTCUSD", "64012 64020 64000 64013.5 1.5", ms(1786562940000), ms(1786563000000), None)

bitfinex.yields("trade executed", f'[1,"te",{TRADE}]', trade, before=[TRADES])
bitfinex.yields("trade executed, numbered", f'[1,"te",{TRADE},18,1786562940999]', {**trade, "seq": 18},
                before=[TRADES, NUMBERED])
bitfinex.yields("numbered, but not asked to be", f'[1,"te",{TRADE},18]', trade, before=[TRADES])
bitfinex.yields("asked to be numbered, but not", f'[1,"te",{TRADE}]', trade, before=[NUMBERED, TRADES])
bitfinex.yields("the numbering refused", f'[1,"te",{TRADE},18]', trade,
                before=[TRADES, NUMBERED.replace("OK", "FAILED")])
bitfinex.yields("the numbering taken back", f'[1,"te",{TRADE},18]', trade,
                before=[TRADES, NUMBERED, NUMBERED.replace("65536", "32768")])
bitfinex.yields("both flags", f'[1,"te",{TRADE},18,1786562940999]', {**trade, "seq": 18},
                before=[TRADES, NUMBERED.replace("65536", "98304")])
bitfinex.yields("the taker bought", '[1,"te",[7,1786562940921,"0.1","1.1e-7"]]',
                bitfinex.trade("tBTCUSD", "7", "buy", "0.00000011", "0.1", ms(1786562940921)), before=[TRADES])
bitfinex.yields("an amount of zero", '[1,"te",[7,0,-0.0,1]]',
                bitfinex.trade("tBTCUSD", "7", "unknown", "1", "0", None), before=[TRADES])
bitfinex.yields("a longer row", f'[1,"te",{TRADE[:-1]},null,"x",{{}}]]', trade, before=[TRADES])
bitfinex.yields("trades before us", f"[1,[{TRADE},{TRADE.replace('-', '')}],3]",
                {**trade, "snapshot": True, "seq": 3}, {**trade, "snapshot": True, "side": "buy", "seq": 3},
                before=[TRADES, NUMBERED])
bitfinex.yields("a channel's id as text", f'["1","te",{TRADE}]', trade, before=[TRADES.replace(":1,", ':"1",')])
bitfinex.yields("escapes", f'[1,"\\u0074e",{TRADE}]', trade, before=[TRADES.replace("tBTC", "\\u0074BTC")])
bitfinex.yields("an id given again", f'[1,"te",{TRADE}]', {**trade, "symbol": "tX"},
                before=[TICKER.replace(":2", ":1"), TRADES.replace("tBTCUSD", "tX")])
bitfinex.yields("many channels", f'[1033,"te",{TRADE}]', {**trade, "symbol": "t33"},
                before=[subscribed(1000 + i, "trades", symbol=f"t{i}") for i in range(100)])
bitfinex.yields("ticker", "[2,[64012,12.45,64013,9.1,-285,-0.0044,64012,2867.5,65253,63162,null],7]",
                {**ticker, "seq": 7}, before=[TICKER, NUMBERED])
bitfinex.yields("a ticker without asks", "[2,[64012,1,null,null]]", {**ticker, "ask": None}, before=[TICKER])
bitfinex.yields("a ticker of zeros", "[2,[0,1,0.0]]", {**ticker, "bid": None, "ask": None}, before=[TICKER])
bitfinex.yields("the state of the book", "[3,[[64012,1,12.45],[64013,2,-9.10]],5]",
                {**quote, "snapshot": True, "seq": 5}, before=[NUMBERED, BOOK])
bitfinex.yields("a bid", "[3,[64012,1,12.45]]", {**quote, "ask": None, "ask_size": None}, before=[BOOK])
bitfinex.yields("an ask", "[3,[64013,1,-9.1,null]]", {**quote, "bid": None, "bid_size": None},
                before=[BOOK.replace('"1"', "1")])
bitfinex.yields("an empty book", "[3,[]]", {**bitfinex.quote("tBTCUSD", None, None, None, None, None),
                                           "snapshot": True}, before=[BOOK])
bitfinex.yields("a book of more rows than asked for",
                "[3,[[9,0,1],[64012,1,12.45],[1,1,0],[64011,1,3],[64013,1,-9.1]]]", {**quote, "snapshot": True},
                before=[BOOK])
bitfinex.yields("status", f"[4,{DERIVATIVE},8]", {**reference, "seq": 8}, before=[STATUS, NUMBERED])
bitfinex.yields("a short status", "[4,[1786562940921,null,1,64010.5]]",
                bitfinex.reference("tBTCF0:USTF0", ms(1786562940921), index="64010.5"), before=[STATUS])
bitfinex.yields("candle", f"[5,{CANDLE},9]", {**bar, "seq": 9}, before=[CANDLES, NUMBERED])
bitfinex.yields("candles before us", f"[5,[{CANDLE},{CANDLE}]]", *[{**bar, "snapshot": True}] * 2, before=[CANDLES])
for length, minutes in (("15m", 15), ("1h", 60), ("12h", 720), ("1D", 1440), ("1W", 10080)):
    bitfinex.yields(f"candle of {length}", f"[5,{CANDLE}]",
                    {**bar, "end_ns": bar["start_ns"] + minutes * 60 * 10**9, "symbol": "tBTCF0:USTF0"},
                    before=[CANDLES.replace("1m:tBTCUSD", f"{length}:tBTCF0:USTF0")])
bitfinex.yields("candle of a month", f"[5,{CANDLE}]", {**bar, "end_ns": None}, before=[CANDLES.replace("1m", "1M")])
bitfinex.yields("a short candle", "[5,[1786562940000,1]]", {
    **bitfinex.bar("tBTCUSD", "1 - - - -", ms(1786562940000), ms(1786563000000), None)}, before=[CANDLES])

bitfinex.nothing("a channel unknown", f'[7,"te",{TRADE}]', before=[TRADES])
bitfinex.nothing("a channel left", f'[1,"te",{TRADE}]', before=[TRADES, '{"event":"unsubscribed","chanId":1}'])
bitfinex.nothing("a trade again", f'[1,"tu",{TRADE},19]', before=[TRADES, NUMBERED])
bitfinex.nothing("heartbeat", '[1,"hb",20]', before=[TRADES, NUMBERED])
bitfinex.nothing("checksum", '[3,"cs",-1184017461,21]', before=[BOOK, NUMBERED])
bitfinex.nothing("a lender's trade", f'[1,"fte",{TRADE}]', before=[TRADES])
bitfinex.nothing("te without a trade", '[1,"te"]', before=[TRADES])
bitfinex.nothing("te of a ticker", f'[2,"te",{TRADE}]', before=[TICKER])
bitfinex.nothing("no payload", "[1]", before=[TRADES])
bitfinex.nothing("no trades", "[1,[]]", before=[TRADES])
bitfinex.nothing("an empty ticker", "[2,[]]", before=[TICKER])
bitfinex.nothing("a level taken away", "[3,[64012,0,1]]", before=[BOOK])
bitfinex.nothing("a level of no amount", "[3,[64012,1,0]]", before=[BOOK])
bitfinex.nothing("a status that says nothing", "[4,[1786562940921]]", before=[STATUS])
for name, said in (("lending", TRADES.replace("tBTCUSD", "fUSD")), ("no symbol", subscribed(1, "trades", pair="X")),
                   ("a finer book", BOOK.replace(":3", ":1").replace("P0", "P1")),
                   ("no id", TRADES.replace("chanId", "x")),
                   ("a longer book", BOOK.replace(":3", ":1").replace('"1"', '"25"')),
                   ("another status", STATUS.replace(":4", ":1").replace("deriv:", "liq:")),
                   ("a symbol of 257 letters", TRADES.replace("tBTCUSD", "t" * 257)),
                   ("candles of other making", CANDLES.replace(":5", ":1").replace("trade:", "agg:")),
                   ("candles without a symbol", subscribed(1, "candles", key="trade:1m:"))):
    bitfinex.nothing(f"data of a channel of {name}", f"[1,[{TRADE}]]", before=[said])
for frame in ("[]", "[null]", '[{"a":1},2]', "[1.5,[]]", '["x","te",[]]', f"[{'9' * 20},[]]", "1", '"te"', "{}"):
    bitfinex.nothing(f"frame {frame}", frame, before=[TRADES, NUMBERED])
bitfinex.nothing("an object without event", '{"chanId":1}')
for frame in (NUMBERED, TRADES, '{"event":"unsubscribed","status":"OK","chanId":7}', '{"event":"pong","cid":1,"ts":1}',
              '{"event":"info","version":2,"serverId":"x","platform":{"status":1}}',
              '{"event":"error","msg":"symbol: invalid","code":10300}'):
    bitfinex.nothing(frame[:24] + frame[-8:], frame, "control")

bitfinex.nothing("a trade without a price", '[1,"te",[7,1,1]]', "missing_field", before=[TRADES])
bitfinex.nothing("a trade that is no array", '[1,"te",{}]', "bad_type", before=[TRADES])
bitfinex.nothing("a payload that is no array", "[1,5]", "bad_type", before=[TRADES])
bitfinex.nothing("a row that is no array", f"[1,[{TRADE},5]]", "bad_type", before=[TRADES])
bitfinex.nothing("one bad trade of two", f"[1,[{TRADE},[7,1,1,true]]]", "bad_type", before=[TRADES])
bitfinex.nothing("a number that is none", f'[1,"te",{TRADE},1.5]', "bad_number", before=[TRADES, NUMBERED])
bitfinex.nothing("a channel's id that is none", TRADES.replace(":1", ":1.5"), "bad_number")
bitfinex.nothing("a candle's end beyond 64 bits", "[5,[9223372036854]]", "bad_time",
                 before=[CANDLES.replace("1m", "1D")])
bitfinex.nothing("a tag of two bytes each that never ends", '[1,"h\u00e9,20]', "truncated", before=[TRADES])
