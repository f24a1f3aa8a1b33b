"""Frames of deribit."""

from samples.sample import Samples, ms

TRADE = ('{"timestamp":1786562940921,"price":63344.5,"direction":"buy","index_price":63325.19,"trade_id":"440192723",'
         '"instrument_name":"BTC-PERPETUAL","trade_seq":296152987,"amount":20,"mark_price":63341.87,"tick_direction":1,'
         '"starbase_match_id":"213378943477100544","contracts":2,"starbase_timestamp":1786562940921208300}')
QUOTE = ('{"timestamp":1786562940923,"instrument_name":"BTC-PERPETUAL","best_bid_price":63344.0,'
         '"best_bid_amount":162800.0,"best_ask_price":63344.5,"best_ask_amount":49710.0}')
TICKER = ('{"timestamp":1786562940494,"state":"open","stats":{"high":64422,"low":null,"price_change":-0.0095},'
          '"index_price":63329.18,"instrument_name":"BTC-PERPETUAL","last_price":63344,"settlement_price":63799.96,'
          '"min_price":62396.58,"max_price":64296.53,"open_interest":716004750,"mark_price":63346.33,'
          '"interest_value":-0.00042,"best_ask_price":63344.5,"best_bid_price":63344,"current_funding":2.081e-05,'
          '"estimated_delivery_price":"expired","best_ask_amount":49710,"best_bid_amount":162800,"funding_8h":0.0003}')
CHART = ('{"volume":0.25,"tick":1786562940000,"open":63344.5,"low":63340,"high":63350.0,"cost":15836,"close":63346}')


def frame(channel: str, data: str) -> str:
    return (f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{data}}}}}')


deribit = Samples("deribit", "deribit")
trade = deribit.trade("BTC-PERPETUAL", "440192723", "buy", "63344.5", "20", ms(1786562940921), 296152987)
quote = deribit.quote("BTC-PERPETUAL", "63344", "162800", "63344.5", "49710", ms(1786562940923))
best = {**quote, "ts_event_ns": ms(1786562940494)}
reference = deribit.reference("BTC-PERPETUAL", ms(1786562940494), mark="63346.33", index="63329.18",
                              funding="0.00002081", open_interest="716004750")

deribit.yields("trades", frame("trades.BTC-PERPETUAL.100ms", f"[{TRADE}]"), trade)
deribit.yields("two trades", frame("trades.BTC-PERPETUAL.raw", f'[{TRADE},{TRADE.replace("buy", "SELL")}]'), trade,
               {**trade, "side": "sell"})
deribit.yields("trades of a whole class", frame("trades.future.BTC.100ms", f"[{TRADE}]"), trade)
deribit.yields("a negative price of a combo", frame("trades.X.100ms", f'[{TRADE.replace("63344.5", "-8.477e-05")}]'),
               {**trade, "price": "-0.00008477"})
deribit.yields("data before channel, params before method",
               f'{{"params":{{"data":[{TRADE}],"channel":"trades.x.y"}},"method":"subscription"}}', trade)
deribit.yields("escapes", frame("trades.x", f"[{TRADE}]").replace('"trades', '"\\u0074rades').replace(
    '"direction"', '"directio\\u006e"').replace('"subscription"', '"subscri\\u0070tion"'), trade)
deribit.yields("quote", frame("quote.BTC-PERPETUAL", QUOTE), quote)
deribit.yields("a quote with an empty side", frame("quote.X", QUOTE.replace("63344.0", "0.0").replace(
    "162800.0", "0.0")), {**quote, "bid": None, "bid_size": None})
deribit.yields("an empty book", frame("quote.X", QUOTE.replace("63344.0", "null").replace("162800.0", "0.0").replace(
    "63344.5", "null").replace("49710.0", "null")), {**quote, "bid": None, "bid_size": None, "ask": None,
                                                     "ask_size": None})
deribit.yields("a price left out is no empty side", frame("quote.X", '{"instrument_name":"X","best_bid_amount":0}'),
               deribit.quote("X", None, "0", None, None, None))
deribit.yields("ticker", frame("ticker.BTC-PERPETUAL.100ms", TICKER), best, reference)
deribit.yields("a ticker is no snapshot whatever its type", frame("ticker.X.100ms", '{"type":"snapshot",' + TICKER[1:]),
               best, reference)
deribit.yields("incremental_ticker, first", frame("incremental_ticker.X", '{"type":"snapshot",' + TICKER[1:]),
               {**best, "snapshot": True}, {**reference, "snapshot": True})
deribit.yields("incremental_ticker, one side", frame(
    "incremental_ticker.X", '{"type":"change","timestamp":1786562940494,"best_bid_price":7,"instrument_name":"X"}'),
    deribit.quote("X", "7", None, None, None, ms(1786562940494)))
deribit.yields("incremental_ticker, a mark only", frame(
    "incremental_ticker.X", '{"type":"change","mark_price":"7.0","instrument_name":"X","index_price":null}'),
    deribit.reference("X", None, mark="7"))
deribit.yields("an option's ticker with empty sides", frame(
    "ticker.X.raw", '{"instrument_name":"X","best_bid_price":0.0,"best_bid_amount":0.0,"best_ask_price":null,'
    '"best_ask_amount":0.0,"greeks":{"vega":1.5},"mark_price":0.0005}'),
    deribit.quote("X", None, None, None, None, None), deribit.reference("X", None, mark="0.0005"))
deribit.yields("deribit_price_index", frame(
    "deribit_price_index.btc_usd", '{"index_name":"btc_usd","price":63329.18,"timestamp":1786563120494}'),
    deribit.reference("btc_usd", ms(1786563120494), index="63329.18"))
for length, minutes in (("1", 1), ("60", 60), ("720", 720), ("1D", 1440)):
    deribit.yields(f"chart of {length}", frame(f"chart.trades.BTC-PERPETUAL.{length}", CHART),
                   deribit.bar("BTC-PERPETUAL", "63344.5 63350 63340 63346 0.25", ms(1786562940000),
                               ms(1786562940000 + minutes * 60_000), None))
for length in ("", "0", "1W", "123456", "x"):
    deribit.yields(f"chart of length {length}", frame(f"chart.trades.A.B.{length}", '{"tick":1786562940000}'),
                   deribit.bar("A.B", "- - - - -", ms(1786562940000), None, None))

for channel in ("book.X.100ms", "markprice.options.btc_usd", "perpetual.BTC-PERPETUAL.100ms", "trade", "tradesX.y",
                "chart.trades.X", "chart.other.X.1", "estimated_expiration_price.btc_usd", ""):
    deribit.nothing(f"channel {channel}", frame(channel, QUOTE))
deribit.nothing("no trades", frame("trades.X.raw", "[]"))
deribit.nothing("no data", '{"method":"subscription","params":{"channel":"trades.X.raw"}}')
deribit.nothing("no params", '{"jsonrpc":"2.0","method":"subscription"}')
deribit.nothing("no channel", f'{{"method":"subscription","params":{{"data":[{TRADE}]}}}}')
deribit.nothing("another method", frame("trades.X.raw", f"[{TRADE}]").replace("subscription", "other"))
deribit.nothing("a quote that says nothing", frame("quote.X", '{"timestamp":1,"instrument_name":"X"}'))
deribit.nothing("an index without a price", frame("deribit_price_index.x", '{"index_name":"x","timestamp":1}'))
deribit.nothing("a ticker that says nothing", frame("ticker.X.raw", '{"instrument_name":"X","mark_price":null}'))
deribit.nothing("an array", f"[{TRADE}]")
deribit.nothing("subscribed", '{"jsonrpc":"2.0","id":1,"result":["trades.X.100ms"],"usIn":1,"usOut":2,"usDiff":1}',
                "control")
deribit.nothing("refused", '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params"}}', "control")
for kind in ("heartbeat", "test_request"):
    deribit.nothing(kind, f'{{"jsonrpc":"2.0","method":"heartbeat","params":{{"type":"{kind}"}}}}', "control")

deribit.nothing("trades that are no array", frame("trades.X.raw", TRADE), "bad_type")
deribit.nothing("a quote that is an array", frame("quote.X", f"[{QUOTE}]"), "bad_type")
deribit.nothing("params that are no object", '{"method":"subscription","params":[]}', "bad_type")
deribit.nothing("one bad trade of two", frame("trades.X.raw", f'[{TRADE},{TRADE.replace("63344.5", "true")}]'),
                "bad_type")
deribit.nothing("a trade without an amount", frame("trades.X.raw", f'[{TRADE.replace("amount", "size")}]'),
                "missing_field")
deribit.nothing("a sequence beyond 64 bits", frame("trades.X.raw", f'[{TRADE.replace("296152987", "9" * 19)}]'),
                "number_range")
deribit.nothing("a chart without a symbol", frame("chart.trades..1", CHART), "missing_field")
deribit.nothing("a candle's end beyond 64 bits", frame("chart.trades.X.60", '{"tick":9223372036854}'), "bad_time")
