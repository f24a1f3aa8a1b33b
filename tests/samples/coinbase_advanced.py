"""Frames of coinbase-advanced."""

from samples.sample import Samples

ROW = ('{"product_id":"BTC-USD","trade_id":"1068572096","price":"64012.38","size":"0.0038028",'
       '"time":"2026-08-12T19:29:00.926861Z","side":"SELL"}')
TICKER = ('{"type":"ticker","product_id":"BTC-USD","price":"64012.38","volume_24_h":"2867.54532609",'
          '"low_24_h":"64675.22","high_24_h":"65252.99","low_52_w":"57717.55","high_52_w":"126296",'
          '"price_percent_chg_24_h":"0.09601107287722","best_bid":"64012.37","best_ask":"64012.38",'
          '"best_bid_quantity":"0.20371215","best_ask_quantity":"0.155563340"}')
CANDLE = ('{"start":"1786562700","high":"64020.1","low":"64001.00","open":"64010.02","close":"64012.38",'
          '"volume":"36.36630914","product_id":"BTC-USD"}')
ROWS = {"market_trades": "trades", "ticker": "tickers", "ticker_batch": "tickers", "candles": "candles"}
TIME, ENVELOPE = 1786562940926861000, 1786562940951701797


def event(channel: str, *rows: str, kind: str = "update") -> str:
    return f'{{"type":"{kind}","{ROWS[channel]}":[{",".join(rows)}]}}'


def frame(channel: str, *events: str) -> str:
    return (f'{{"channel":"{channel}","timestamp":"2026-08-12T19:29:00.951701797Z","sequence_num":697,'
            f'"events":[{",".join(events)}]}}')


def one(channel: str, *rows: str, kind: str = "update") -> str:
    return frame(channel, event(channel, *rows, kind=kind))


advanced = Samples("coinbase-advanced", "coinbase")
trade = advanced.trade("BTC-USD", "1068572096", "buy", "64012.38", "0.0038028", TIME, 697)
quote = advanced.quote("BTC-USD", "64012.37", "0.20371215", "64012.38", "0.15556334", ENVELOPE, 697)
bar = advanced.bar("BTC-USD", "64010.02 64020.1 64001 64012.38 36.36630914", 1786562700 * 10**9, 1786563000 * 10**9,
                   ENVELOPE, seq=697)

advanced.yields("trade: the maker sold, so the taker bought", one("market_trades", ROW), trade)
advanced.yields("trade: the maker bought", one("market_trades", ROW.replace("SELL", "BUY")),
                {**trade, "side": "sell"})
advanced.yields("trades, newest first as sent, products mixed", one(
    "market_trades", ROW, ROW.replace("BTC-USD", "ETH-USD").replace("72096", "72095")),
    trade, {**trade, "symbol": "ETH-USD", "id": "1068572095"})
advanced.yields("the replay on subscribing", one("market_trades", ROW, kind="snapshot"),
                {**trade, "snapshot": True})
advanced.yields("only the event that is a replay is flagged", frame(
    "market_trades", event("market_trades", ROW), event("market_trades", ROW, kind="snapshot"),
    event("market_trades", ROW)), trade, {**trade, "snapshot": True}, trade)
advanced.yields("events before the channel, rows before their type",
                f'{{"events":[{{"trades":[{ROW}],"type":"snapshot"}}],"sequence_num":"697","channel":"market_trades"}}',
                {**trade, "snapshot": True})
advanced.yields("a trade with nothing but what it needs", '{"channel":"market_trades","timestamp":7,"events":['
                '{"trades":[{"product_id":"X","price":1,"size":2}]}]}',
                advanced.trade("X", None, "unknown", "1", "2", None))
advanced.yields("ticker", one("ticker", TICKER), quote)
advanced.yields("tickers of two events", frame("ticker", event("ticker", TICKER), event("ticker", TICKER)), quote,
                quote)
advanced.yields("ticker, first", one("ticker", TICKER, kind="snapshot"), {**quote, "snapshot": True})
advanced.yields("ticker_batch with bid and ask", one("ticker_batch", TICKER), quote)
advanced.yields("ticker with one side, and an empty one", one(
    "ticker", '{"product_id":"X","best_bid":"0","best_bid_quantity":"0","best_ask":"2"}'),
    advanced.quote("X", None, None, "2", None, ENVELOPE, 697))
advanced.yields("candles", one("candles", CANDLE), bar)
advanced.yields("candles, first", one("candles", CANDLE, kind="snapshot"), {**bar, "snapshot": True})
advanced.yields("a candle with gaps", one("candles", '{"product_id":"X","start":"0","open":"1"}'),
                advanced.bar("X", "1 - - - -", None, None, ENVELOPE, seq=697))

advanced.nothing("ticker_batch without bid and ask", one("ticker_batch", '{"product_id":"X"}'))
advanced.nothing("a ticker with sizes alone", one("ticker", '{"best_bid_quantity":"1"}'))
advanced.nothing("rows of another channel", frame("market_trades", event("ticker", TICKER)))
advanced.nothing("no events", '{"channel":"ticker","sequence_num":1}')
advanced.nothing("l2_data", '{"channel":"l2_data","timestamp":"x","sequence_num":1,"events":[{"type":"update",'
                 '"product_id":"BTC-USD","updates":[{"side":"bid","price_level":"1","new_quantity":"2"}]}]}')
advanced.nothing("heartbeats", '{"channel":"heartbeats","timestamp":"2026-08-09T21:06:04.856364007Z","sequence_num":35,'
                 '"events":[{"current_time":"2026-08-09 21:06:04.85479301 +0000 UTC m=+41707.26",'
                 '"heartbeat_counter":41707}]}')
advanced.nothing("status", '{"channel":"status","events":[{"type":"snapshot","products":[]}]}')
advanced.nothing("user", '{"channel":"user","events":[{"type":"snapshot","orders":[]}]}')
advanced.nothing("a channel that is no text", one("ticker", TICKER).replace('"ticker","time', '7,"time'))
advanced.nothing("an array", f"[{ROW}]")
advanced.nothing("subscriptions", '{"channel":"subscriptions","timestamp":"x","sequence_num":2,"events":[{'
                 '"subscriptions":{"market_trades":["BTC-USD"]}}]}', "control")
advanced.nothing("error", '{"type":"error","message":"channel field is required"}', "control")

advanced.nothing("one bad row of two", one("market_trades", ROW, ROW.replace("64012", "x")),
                 "bad_number")
advanced.nothing("a row without a product", one("ticker", '{"best_bid":"1"}'), "missing_field")
advanced.nothing("events that are no array", '{"channel":"ticker","events":{}}', "bad_type")
advanced.nothing("an event that is no object", frame("ticker", "7"), "bad_type")
advanced.nothing("rows that are no array", frame("ticker", '{"tickers":7}'), "bad_type")
advanced.nothing("a row that is no object", one("ticker", "[]"), "bad_type")
advanced.nothing("a sequence that is none", one("market_trades", ROW).replace("697", '"x"'),
                 "bad_number")
advanced.nothing("a sequence that is none, where nothing is yielded", '{"channel":"heartbeats","sequence_num":1.5}',
                 "bad_number")
advanced.nothing("a time of the envelope that is none", one("ticker", TICKER).replace("12T19", "12 19"),
                 "bad_time")
advanced.nothing("a candle's end beyond 64 bits", one("candles", CANDLE.replace(
    "1786562700", "9223372036")), "bad_time")
