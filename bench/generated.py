"""Frames of each dialect's documented form with plausible values, for what nobody has captured.

A seeded random walk, one frame in four a trade, rising ids and times: the same frames every time.
"""

import random
from collections.abc import Callable

SECOND = 1_000_000_000
BEGIN_NS = 1_786_562_940 * SECOND   # 2026-08-12T19:29:00Z

# Every template gets: id, price, ask, size, ask_size (decimals as text), ms (epoch), s (epoch, with microseconds),
# ns (within the second), ms_ns (within the millisecond), iso (UTC, microseconds, no zone).
TRADES = {
    "binance-spot":
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":%(ms)d,"s":"BTCUSDT","t":%(id)d,"p":"%(price)s000000",'
        '"q":"%(size)s000","T":%(ms)d,"m":true,"M":true}}',
    "binance-usdm":
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":%(ms)d,"T":%(ms)d,"s":"BTCUSDT","t":%(id)d,"p":"%(price)s",'
        '"q":"%(size)s","X":"MARKET","m":true}}',
    "coinbase-exchange":
        '{"type":"match","trade_id":%(id)d,"maker_order_id":"27fff20b-af29-4f45-8744-%(id)012d",'
        '"taker_order_id":"1da6ce16-c8da-4732-9f71-%(id)012d","side":"sell","size":"%(size)s","price":"%(price)s",'
        '"product_id":"BTC-USD","sequence":%(id)d,"time":"%(iso)sZ"}',
    "kraken-v1":
        '[321,[["%(price)s000","%(size)s000","%(s)s","s","l",""]],"trade","XBT/USD"]',
    "kraken-v2":
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":%(price)s,"qty":%(size)s,'
        '"ord_type":"market","trade_id":%(id)d,"timestamp":"%(iso)sZ"}]}',
    "okx-v5":
        '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"%(id)d",'
        '"px":"%(price)s","sz":"%(size)s","side":"sell","ts":"%(ms)d","count":"1","seqId":%(id)d}]}',
    "bybit-v5":
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":%(ms)d,"data":[{"T":%(ms)d,"s":"BTCUSDT","S":"Sell",'
        '"v":"%(size)s","p":"%(price)s","L":"MinusTick","i":"7bf02dbc-1c6d-4b5e-9f2a-%(id)012d","BT":false,"RPI":false,'
        '"seq":%(id)d}]}',
    "coinapi":
        '{"type":"trade","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":%(id)d,"time_exchange":"%(iso)s0Z",'
        '"time_coinapi":"%(iso)s1Z","uuid":"3b6c2c0a-77aa-4a3c-9d4e-%(id)012d","price":%(price)s,"size":%(size)s,'
        '"taker_side":"SELL"}',
    "cryptocompare":
        '{"TYPE":"0","M":"Coinbase","FSYM":"BTC","TSYM":"USD","F":"1","ID":"%(id)d","TS":1786562940,"TSNS":%(ns)d,'
        '"Q":%(size)s,"P":%(price)s,"TOTAL":268.851954,"RTS":1786562940,"RTSNS":%(ns)d,"CCSEQ":%(id)d}',
    "amberdata":
        '{"jsonrpc":"2.0","method":"subscription","params":{"subscription":"a04c6fe3-0000-4000-8000-d17627b48576",'
        '"result":[["binance","btc_usdt",%(ms)d,%(ms_ns)d,"%(id)d",%(price)s,%(size)s,true]]}}',
    "coindesk":
        '{"TYPE":"1101","INSTRUMENT":"BTC-USD","CCSEQ":%(id)d,"MARKET":"cadli","VALUE":%(price)s,"VALUE_FLAG":"DOWN",'
        '"VALUE_LAST_UPDATE_TS":1786562940,"VALUE_LAST_UPDATE_TS_NS":%(ns)d}',
    "tardis":
        '{"type":"trade","symbol":"BTCUSDT","exchange":"binance","id":"%(id)d","price":%(price)s,"amount":%(size)s,'
        '"side":"sell","timestamp":"%(iso)sZ","localTimestamp":"%(iso)sZ"}',
    "bitstamp":
        '{"data":{"id":%(id)d,"timestamp":"1786562940","amount":%(size)s,"amount_str":"%(size)s000","price":%(price)s,'
        '"price_str":"%(price)s","type":1,"microtimestamp":"%(ms)d000","buy_order_id":1443875737346049,'
        '"sell_order_id":1443875731320832},"channel":"live_trades_btcusd","event":"trade"}',
    "deribit":
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":['
        '{"timestamp":%(ms)d,"price":%(price)s,"direction":"sell","index_price":%(ask)s,"trade_id":"%(id)d",'
        '"instrument_name":"BTC-PERPETUAL","trade_seq":%(id)d,"amount":20,"mark_price":%(price)s,"tick_direction":1,'
        '"contracts":2}]}}',
    "bitmex":
        '{"table":"trade","action":"insert","data":[{"timestamp":"%(iso)sZ","symbol":"XBTUSD","side":"Sell","size":100,'
        '"price":%(price)s,"tickDirection":"MinusTick","trdMatchID":"7e4a4dbd-abfb-aa1f-e57b-%(id)012d",'
        '"grossValue":156220,"homeNotional":0.0015622,"foreignNotional":100}]}',
    "gemini": '{"E":%(ms)d684200,"s":"btcusd","t":%(id)d,"p":"%(price)s000","q":"%(size)s00000","m":true}',
    "hyperliquid":
        '{"channel":"trades","data":[{"coin":"BTC","side":"A","px":"%(price)s","sz":"%(size)s","time":%(ms)d,'
        '"hash":"0x4e9fef919a58c0235019044201cf1502019c0077355bdef5f2689ae4595c9a0d","tid":%(id)d,'
        '"users":["0xea0e878d5da1f786c035355cd7a8d381a6276766","0x459a26d40a9969b4532adf3375efb985fcd4c23b"]}]}',
    "bitfinex": '[1,"te",[%(id)d,%(ms)d,-%(size)s,%(price)s],%(id)d]',
}
QUOTES = {
    "binance-spot":
        '{"stream":"btcusdt@bookTicker","data":{"u":%(id)d,"s":"BTCUSDT","b":"%(price)s000000","B":"%(size)s000",'
        '"a":"%(ask)s000000","A":"%(ask_size)s000"}}',
    "binance-usdm":
        '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":%(id)d,"s":"BTCUSDT","b":"%(price)s","B":"%(size)s",'
        '"a":"%(ask)s","A":"%(ask_size)s","T":%(ms)d,"E":%(ms)d}}',
    "coinbase-exchange":
        '{"type":"ticker","sequence":%(id)d,"product_id":"BTC-USD","price":"%(price)s","open_24h":"63664.67",'
        '"volume_24h":"94381.28000000","low_24h":"63369.1","high_24h":"65016.55","volume_30d":"2295579.57000000",'
        '"best_bid":"%(price)s","best_bid_size":"%(size)s","best_ask":"%(ask)s","best_ask_size":"%(ask_size)s",'
        '"side":"buy","time":"%(iso)sZ","trade_id":%(id)d,"last_size":"0.04"}',
    "kraken-v1":
        '[321,["%(price)s000","%(ask)s000","%(s)s","%(size)s000","%(ask_size)s000"],"spread","XBT/USD"]',
    "kraken-v2":
        '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":%(price)s,"bid_qty":%(size)s,'
        '"ask":%(ask)s,"ask_qty":%(ask_size)s,"last":%(price)s,"volume":1020.88387727,"vwap":63685.7,"low":63250,'
        '"high":64409.2,"change":0.7,"change_pct":0,"trades":47535,"timestamp":"%(iso)sZ"}]}',
    "okx-v5":
        '{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["%(ask)s","%(ask_size)s","0","22"]],'
        '"bids":[["%(price)s","%(size)s","0","22"]],"ts":"%(ms)d","seqId":%(id)d}]}',
    "bybit-v5":
        '{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":%(ms)d,"data":{"s":"BTCUSDT","b":[["%(price)s",'
        '"%(size)s"]],"a":[["%(ask)s","%(ask_size)s"]],"u":%(id)d,"seq":%(id)d},"cts":%(ms)d}',
    "coinapi":
        '{"type":"quote","symbol_id":"COINBASE_SPOT_BTC_USD","sequence":%(id)d,"time_exchange":"%(iso)s0Z",'
        '"time_coinapi":"%(iso)s1Z","ask_price":%(ask)s,"ask_size":%(ask_size)s,"bid_price":%(price)s,'
        '"bid_size":%(size)s}',
    "cryptocompare":
        '{"TYPE":"30","M":"Kraken","FSYM":"BTC","TSYM":"USD","CCSEQ":%(id)d,"BID":[{"P":%(price)s,"Q":%(size)s,'
        '"REPORTEDNS":"1786562940%(ns)09d"}]}',
    "amberdata":
        '{"jsonrpc":"2.0","method":"subscription","params":{"subscription":"ac936208-0000-4000-8000-63188a61eb7e",'
        '"result":{"exchange":"binance","pair":"btc_usdt","exchangeTimestamp":%(ms)d,"exchangeTimestampNanoseconds":0,'
        '"timestamp":%(ms)d,"bid":%(price)s,"ask":%(ask)s,"mid":%(price)s,"last":null,"sequence":%(id)d,'
        '"lastVolume":null,"bidVolume":%(size)s,"askVolume":%(ask_size)s,"open24H":null,"low24H":null,"high24H":null}}}',
    "tardis":
        '{"type":"book_ticker","symbol":"BTCUSDT","exchange":"binance","askAmount":%(ask_size)s,"askPrice":%(ask)s,'
        '"bidPrice":%(price)s,"bidAmount":%(size)s,"timestamp":"%(iso)sZ","localTimestamp":"%(iso)sZ"}',
    "deribit":
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL","data":{"timestamp":%(ms)d,'
        '"instrument_name":"BTC-PERPETUAL","best_bid_price":%(price)s,"best_bid_amount":162800,"best_ask_price":%(ask)s,'
        '"best_ask_amount":49710}}}',
    "bitmex":
        '{"table":"quote","action":"insert","data":[{"timestamp":"%(iso)sZ","symbol":"XBTUSD","bidSize":1000,'
        '"bidPrice":%(price)s,"askPrice":%(ask)s,"askSize":420}]}',
    "gemini":
        '{"u":%(id)d,"E":%(ms)d684200,"s":"btcusd","b":"%(price)s000","B":"%(size)s00000","a":"%(ask)s000",'
        '"A":"%(ask_size)s00000","c":"%(price)s","C":"0.1"}',
    "hyperliquid":
        '{"channel":"bbo","data":{"coin":"BTC","time":%(ms)d,"bbo":[{"px":"%(price)s","sz":"%(size)s","n":17},'
        '{"px":"%(ask)s","sz":"%(ask_size)s","n":2}]}}',
    "bitfinex": '[2,[%(price)s,1,%(size)s],%(id)d]',
}
# What a connection hears before its data, where the data can't be read without it.
ACKNOWLEDGED: dict[str, list[str]] = {
    "amberdata": [(
        '{"jsonrpc":"2.0","id":1,"result":"a04c6fe3-0000-4000-8000-d17627b48576","metadata":["exchange","pair",'
        '"timestamp","timestampNanoseconds","tradeId","price","volume","isBuy"]}')],
    "bitfinex": [
        '{"event":"conf","status":"OK","flags":65536}',
        '{"event":"subscribed","channel":"trades","chanId":1,"symbol":"tBTCUSD","pair":"BTCUSD"}',
        '{"event":"subscribed","channel":"book","chanId":2,"symbol":"tBTCUSD","prec":"P0","freq":"F0","len":"1"}'],
}
ID_BEGIN = 5_154_882_831


def walk(dialect: str, count: int) -> tuple[list[bytes], list[int]]:
    """`count` frames of the dialect, and their receive times."""
    chance = random.Random(dialect)
    write: Callable[..., bytes] = kaiko if dialect == "kaiko" else text
    frames, recv_ns = [], []
    cents, now_ns = 6_401_237, BEGIN_NS
    for number in range(count):
        cents += chance.randint(-40, 40)
        now_ns += chance.randint(1_000, 2_000_000)
        frames.append(write(dialect, number % 4 == 0, ID_BEGIN + number, cents, chance.randint(1, 900_000), now_ns))
        recv_ns.append(now_ns)
    return frames, recv_ns


def text(dialect: str, trade: bool, id: int, cents: int, units: int, ns: int) -> bytes:
    """One frame of a dialect that speaks JSON. `cents` of the price, `units` of 0.00001 of the size."""
    minutes, rest = divmod(ns - BEGIN_NS, 60 * SECOND)
    template = TRADES[dialect] if trade else QUOTES.get(dialect, TRADES[dialect])
    return (template % {
        "id": id, "price": f"{cents // 100}.{cents % 100:02}", "ask": f"{(cents + 10) // 100}.{(cents + 10) % 100:02}",
        "size": f"{units / 100_000:.5f}", "ask_size": f"{(900_001 - units) / 100_000:.5f}", "ms": ns // 1_000_000,
        "ns": ns % SECOND, "ms_ns": ns % 1_000_000,
        "s": f"{ns // SECOND}.{ns % SECOND // 1000:06}",
        "iso": f"2026-08-12T19:{29 + minutes % 31:02}:{rest // SECOND:02}.{rest % SECOND // 1000:06}",
    }).encode()


def kaiko(dialect: str, trade: bool, id: int, cents: int, units: int, ns: int) -> bytes:
    """One trade as the decoder gets it: the byte that names the method, then a StreamTradesResponseV1."""
    from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

    message = StreamTradesResponseV1(
        amount=units / 100_000, price=cents / 100, code="btc-usd", exchange="cbse", sequence_id=f"c{id:012}",
        id=str(id), side=1 + id % 2, **{"class": "spot"})
    for stamp in (message.ts_exchange.value, message.ts_collection.value, message.ts_event):
        stamp.FromNanoseconds(ns)
    return b"T" + bytes(message.SerializeToString())
