"""What others do with the same frames, each at its best: orjson, msgspec, protobuf, cryptofeed.

None of these prices anything; each says below what it leaves out.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import msgspec
import orjson

from bench.measure import timed, versioned

ORJSON = "orjson.loads alone"
MSGSPEC = "msgspec typed decode"
PROTOBUF = "protobuf FromString"


def orjson_loads(frames: Sequence[bytes]) -> float:
    """Seconds to parse every frame into Python objects; no field is looked at."""
    loads = orjson.loads

    def work() -> None:
        for frame in frames:
            loads(frame)

    return timed(work)


def msgspec_decode(dialect: str, frames: Sequence[bytes]) -> float:
    """Seconds to decode every frame into structs of the fields that we use; numbers written as text stay text."""
    decode = msgspec.json.Decoder(TYPED[dialect]).decode

    def work() -> None:
        for frame in frames:
            decode(frame)

    return timed(work)


def protobuf_parse(frames: Sequence[bytes]) -> float:
    """Seconds to parse every Kaiko trade into the generated class; `frames` as the decoder gets them."""
    from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

    parse = StreamTradesResponseV1.FromString
    messages = [frame[1:] for frame in frames]  # without the byte that names the method

    def work() -> None:
        for message in messages:
            parse(message)

    return timed(work)


class BinanceData(msgspec.Struct):
    """A trade or a bookTicker."""

    s: str
    e: str = ""
    t: int = 0
    u: int = 0
    p: str = ""
    q: str = ""
    b: str | int = ""   # a bid, or in old trades an order id
    B: str = ""
    a: str | int = ""
    A: str = ""
    T: int = 0
    m: bool = False


class Binance(msgspec.Struct):
    """One frame of the combined stream."""

    stream: str
    data: BinanceData


class Coinbase(msgspec.Struct):
    """A match or a ticker."""

    type: str
    product_id: str
    time: str
    sequence: int
    trade_id: int = 0
    side: str = ""
    price: str = ""
    size: str = ""
    best_bid: str = ""
    best_bid_size: str = ""
    best_ask: str = ""
    best_ask_size: str = ""


class KrakenRow(msgspec.Struct):
    """A trade or a ticker."""

    symbol: str
    timestamp: str = ""
    trade_id: int = 0
    side: str = ""
    price: float = 0
    qty: float = 0
    bid: float = 0
    bid_qty: float = 0
    ask: float = 0
    ask_qty: float = 0


class Kraken(msgspec.Struct):
    """One frame."""

    channel: str
    type: str
    data: list[KrakenRow]


class OkxArgument(msgspec.Struct):
    """Which stream a frame is of."""

    channel: str
    instId: str  # noqa: N815


class OkxRow(msgspec.Struct):
    """A trade, a ticker or the best levels."""

    ts: str
    tradeId: str = ""  # noqa: N815
    px: str = ""
    sz: str = ""
    side: str = ""
    bidPx: str = ""  # noqa: N815
    bidSz: str = ""  # noqa: N815
    askPx: str = ""  # noqa: N815
    askSz: str = ""  # noqa: N815
    bids: list[list[str]] = []
    asks: list[list[str]] = []


class Okx(msgspec.Struct):
    """One frame."""

    arg: OkxArgument
    data: list[OkxRow]


class BybitRow(msgspec.Struct, rename={"trade_time": "T", "side": "S", "start_ms": "start"}):
    """A trade, the best levels, a ticker or a candle."""

    trade_time: int = 0
    s: str = ""
    side: str = ""
    v: str = ""
    p: str = ""
    i: str = ""
    b: list[list[str]] = []
    a: list[list[str]] = []
    u: int = 0
    symbol: str = ""
    bid1Price: str = ""  # noqa: N815
    bid1Size: str = ""  # noqa: N815
    ask1Price: str = ""  # noqa: N815
    ask1Size: str = ""  # noqa: N815
    markPrice: str = ""  # noqa: N815
    indexPrice: str = ""  # noqa: N815
    fundingRate: str = ""  # noqa: N815
    openInterest: str = ""  # noqa: N815
    start_ms: int = 0
    open: str = ""
    high: str = ""
    low: str = ""
    close: str = ""
    volume: str = ""


class Bybit(msgspec.Struct):
    """One frame."""

    topic: str
    ts: int
    data: list[BybitRow] | BybitRow


class CoinApi(msgspec.Struct):
    """A trade or a quote."""

    type: str
    symbol_id: str
    time_exchange: str
    time_coinapi: str
    sequence: int = 0
    uuid: str = ""
    taker_side: str = ""
    price: float = 0
    size: float = 0
    bid_price: float = 0
    bid_size: float = 0
    ask_price: float = 0
    ask_size: float = 0


#: What msgspec decodes a dialect's frames into; a dialect without structs here has orjson alone as its peer.
TYPED: dict[str, Any] = {
    "binance-spot": Binance, "binance-usdm": Binance, "binance-coinm": Binance, "binance-us": Binance,
    "coinbase-exchange": Coinbase, "kraken-v2": Kraken, "okx-v5": Okx, "bybit-v5": Bybit, "coinapi": CoinApi,
}


class Cryptofeed:
    """cryptofeed's own Binance parse path: `message_handler`, driven from memory as its connection does.

    It yields Trade and Ticker objects with Decimals to an empty coroutine of the user; no price, no
    duplicates, no sequence. It knows Binance's aggregated trades and not single ones, so that a trade
    frame is told it is an `aggTrade` (which has the same fields) beforehand. It gets text, as the
    `websockets` library hands it over.
    """

    def __init__(self) -> None:
        from cryptofeed.defines import BINANCE, BINANCE_FUTURES, PERPETUAL, SPOT, TICKER, TRADES  # type: ignore[import-untyped]
        from cryptofeed.exchanges import Binance as Spot  # type: ignore[import-untyped]
        from cryptofeed.exchanges import BinanceFutures as Futures
        from cryptofeed.symbols import Symbol, Symbols  # type: ignore[import-untyped]

        logging.getLogger("feedhandler").setLevel(logging.CRITICAL)
        self.name = f"{versioned('cryptofeed')} message_handler"
        self.records = 0
        self._loop = asyncio.new_event_loop()
        self._handlers: dict[str, Callable[..., Any]] = {}
        for dialect, exchange, id, kind in (
                ("binance-spot", Spot, BINANCE, SPOT), ("binance-usdm", Futures, BINANCE_FUTURES, PERPETUAL)):
            symbol = Symbol("BTC", "USDT", type=kind)
            # The symbols it would ask the exchange for.
            Symbols.set(id, {symbol.normalized: "BTCUSDT"}, {"instrument_type": {symbol.normalized: kind}})
            handler = exchange(
                symbols=[symbol.normalized], channels=[TRADES, TICKER],
                callbacks={TRADES: self._note, TICKER: self._note}, config={"log": {"disabled": True}})
            self._handlers[dialect] = handler.message_handler

    async def _note(self, record: object, receipt_timestamp: float) -> None:
        self.records += 1

    @staticmethod
    def texts(frames: Sequence[bytes]) -> list[str]:
        """The frames in the form it takes."""
        found = []
        for frame in frames:
            if b'"e":"trade"' in frame:
                frame = frame.replace(b'"e":"trade"', b'"e":"aggTrade"')
                if b'"a":' not in frame:
                    frame = frame.replace(b'"t":', b'"a":')
            found.append(frame.decode())
        return found

    def parse(self, dialect: str, texts: Sequence[str]) -> float:
        """Seconds for all of them."""
        handler = self._handlers[dialect]

        async def work() -> float:
            begun = process_time()
            for text in texts:
                await handler(text, None, 1_786_562_940.0)
            return process_time() - begun

        return self._loop.run_until_complete(work())

    def close(self) -> None:
        self._loop.close()
