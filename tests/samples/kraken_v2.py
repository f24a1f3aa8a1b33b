"""Frames of kraken-v2."""

from samples.sample import Samples

ROW = ('{"symbol":"BTC/USD","side":"sell","price":63297.7,"qty":0.00003549,"ord_type":"market","trade_id":98765432,'
       '"timestamp":"2026-08-12T19:29:02.066592Z"}')
TICKER = ('{"symbol":"BTC/USD","bid":63297.7,"bid_qty":5.75119051,"ask":63297.8,"ask_qty":0.36977971,"last":63297.8,'
          '"volume":1020.88387727,"vwap":63685.7,"low":63250,"high":64409.2,"change":0.7,"change_pct":0,'
          '"trades":47535,"timestamp":"2026-08-12T19:29:00.921195Z"}')
CANDLE = ('{"symbol":"BTC/USD","open":63297.0,"high":63300.5,"low":63290,"close":63298.1,"trades":17,'
          '"volume":1.50000000,"vwap":63296.25,"interval_begin":"2026-08-12T19:29:00.000000000Z","interval":5,'
          '"timestamp":"2026-08-12T19:34:00.000000Z"}')
TIME = 1786562942066592000


def frame(channel: str, *rows: str, kind: str = "update", more: str = "") -> str:
    return f'{{"channel":"{channel}","type":"{kind}",{more}"data":[{",".join(rows)}]}}'


kraken = Samples("kraken-v2", "kraken")
trade = kraken.trade("BTC/USD", "98765432", "sell", "63297.7", "0.00003549", TIME, 98765432)
quote = kraken.quote("BTC/USD", "63297.7", "5.75119051", "63297.8", "0.36977971", 1786562940921195000)
bar = kraken.bar("BTC/USD", "63297 63300.5 63290 63298.1 1.5", 1786562940000000000, 1786563240000000000,
                 1786562942000000000, vwap="63296.25", count=17)

kraken.yields("trade", frame("trade", ROW), trade)
kraken.yields("trades, in the order sent", frame("trade", ROW, ROW.replace("98765432", "98765431")), trade,
              {**trade, "id": "98765431", "seq": 98765431})
kraken.yields("the replay on subscribing", frame("trade", ROW, kind="snapshot"), {**trade, "snapshot": True})
kraken.yields("data before channel and type", f'{{"data":[{ROW}],"type":"snapshot","channel":"trade"}}',
              {**trade, "snapshot": True})
kraken.yields("an exponent", frame("trade", ROW.replace("0.00003549", "5.1e-05")), {**trade, "size": "0.000051"})
kraken.yields("numbers as strings", frame("trade", ROW.replace("63297.7", '"063297.70"').replace(
    "98765432", '"98765432"')), trade)
kraken.yields("buy in capitals", frame("trade", ROW.replace('"sell"', '"Buy"')), {**trade, "side": "buy"})
kraken.yields("ticker", frame("ticker", TICKER), quote)
kraken.yields("ticker, first", frame("ticker", TICKER, kind="snapshot"), {**quote, "snapshot": True})
kraken.yields("ticker without a time", frame("ticker", TICKER.replace('"timestamp"', '"time"')),
              {**quote, "ts_event_ns": None})
kraken.yields("ticker of a halted market", frame(
    "ticker", '{"symbol":"TSLAx/USD","bid":0,"bid_qty":0,"ask":0.0,"ask_qty":0E-8,"timestamp":"1970-01-01T00:00:00Z"}'),
    kraken.quote("TSLAx/USD", None, None, None, None, None))
kraken.yields("a price of zero with a size is a price", frame("ticker", '{"symbol":"X","bid":0,"bid_qty":1,"ask":2}'),
              kraken.quote("X", "0", "1", "2", None, None))
kraken.yields("ohlc", frame("ohlc", CANDLE, more='"timestamp":"2026-08-12T19:29:02Z",'), bar)
kraken.yields("ohlc, first", frame("ohlc", CANDLE, kind="snapshot"), {**bar, "snapshot": True, "ts_event_ns": None})
kraken.yields("ohlc with gaps", frame("ohlc", '{"symbol":"X","open":1}'),
              kraken.bar("X", "1 - - - -", None, None, None))

kraken.nothing("ticker without bid and ask", frame("ticker", '{"symbol":"BTC/USD","last":63297.8}'))
kraken.nothing("no rows", frame("trade"))
kraken.nothing("no data", '{"channel":"trade","type":"update"}')
kraken.nothing("book", frame("book", '{"symbol":"BTC/USD","bids":[{"price":99.9,"qty":0.5}],"asks":[]}'))
kraken.nothing("level3", frame("level3", '{"symbol":"BTC/USD","bids":[]}'))
kraken.nothing("instrument", '{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[]}}')
kraken.nothing("status", frame("status", '{"system":"online","connection_id":17843232920108168701}'))
kraken.nothing("heartbeat", '{"channel":"heartbeat"}')
kraken.nothing("an array", f"[{ROW}]")
kraken.nothing("acknowledged", '{"method":"subscribe","req_id":1,"result":{"channel":"trade","snapshot":true,'
               '"symbol":"BTC/USD"},"success":true,"time_in":"x","time_out":"x"}', "control")
kraken.nothing("refused", '{"error":"Currency pair not supported NOT/USD","method":"subscribe","req_id":1,'
               '"success":false,"symbol":"NOT/USD"}', "control")
kraken.nothing("pong", '{"method":"pong","req_id":9,"time_in":"x","time_out":"x"}', "control")

kraken.nothing("one bad row of two", frame("trade", ROW, ROW.replace("63297.7", '"x"')), "bad_number")
kraken.nothing("data that is no array", '{"channel":"trade","data":{}}', "bad_type")
kraken.nothing("a row that is no object", frame("trade", "[]"), "bad_type")
kraken.nothing("a trade id beyond 64 bits", frame("trade", ROW.replace("98765432", "17843232920108168701")),
               "number_range")
kraken.nothing("a candle without an end", frame("ohlc", CANDLE.replace('"interval":5', f'"interval":{2**63 - 1}')),
               "number_range")
kraken.nothing("a candle's end beyond 64 bits", frame("ohlc", CANDLE.replace('"interval":5', '"interval":153722867')),
               "bad_time")
