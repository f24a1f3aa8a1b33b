"""kaiko, simulated over real gRPC: trades and top of book of several venues. Formats: reference A1.

grpcio's server with the real messages of `kaikosdk`. One server stream a subscription; the criteria hold
comma lists and `*`, and multiply. A top of book comes one side a message, and only the side that moved.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from kaikosdk.core.wrappers_pb2 import TimestampValue
from kaikosdk.stream.market_update_v1.commodity_pb2 import SMUC_TOP_OF_BOOK, SMUC_TRADE
from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1
from kaikosdk.stream.market_update_v1.response_pb2 import StreamMarketUpdateResponseV1
from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1
from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

from ingestor.errors import ConfigError
from ingestor.simulator.dialects.registry import KAIKO
from ingestor.simulator.engine import QUOTE, TRADES, Happening
from ingestor.simulator.faults import Faults
from ingestor.simulator.market import Market, Quote, Trade
from ingestor.simulator.service import Sent, note

TRADES_SERVICE = "kaikosdk.StreamTradesServiceV1"
UPDATES_SERVICE = "kaikosdk.StreamMarketUpdateServiceV1"
COLLECTED_NS, SEEN_NS = 13_200_000, 13_900_000  # after the venue: collected, and available in Kaiko
WAITING_MAX = 4000          # flushes a stream may lag behind, 20 s: a slower client is cut off
CLOSE_WITHIN_S = 0.5
SIDES = {"buy": StreamTradesResponseV1.BUY, "sell": StreamTradesResponseV1.SELL}


class Stream:
    """One open call: what it wants, and what waits for it. None ends it."""

    def __init__(self, channel: str, markets: frozenset[Market]) -> None:
        self.channel = channel
        self.markets = markets
        self.waiting: asyncio.Queue[list[bytes] | None] = asyncio.Queue(WAITING_MAX)
        self.batch: list[bytes] = []
        self.sides: dict[Market, tuple[tuple[int, int], tuple[int, int]]] = {}     # the last bid and ask sent

    def put(self, batch: list[bytes] | None) -> None:
        """Let a batch wait; None ends the stream. A client that lags too far behind loses what waits, and is ended."""
        if self.waiting.full():
            self.waiting, batch = asyncio.Queue(), None
        self.waiting.put_nowait(batch)


class KaikoServer:
    """The gateway. `markets` are the engine's of this dialect; `key` the API key to insist on, if any."""

    def __init__(self, markets: list[Market], faults: Faults, key: str = "") -> None:
        self.url = ""
        self._markets = markets
        self._faults = faults
        self._key = key
        self._streams: list[Stream] = []
        self._sent: dict[tuple[str, Market], Sent] = {}
        self._server: grpc.aio.Server | None = None
        self._calls = 0
        self._frames = 0
        self._outage_until_s = 0.0
        self._is_silent = False

    async def start(self, host: str, port: int, tls: tuple[bytes, bytes] | None) -> int:
        """Listen; `tls` is (private key, certificate chain) in PEM. Returns the port. Raises ConfigError."""
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler(TRADES_SERVICE, {"Subscribe": grpc.unary_stream_rpc_method_handler(
                self._trades, request_deserializer=StreamTradesRequestV1.FromString, response_serializer=None)}),
            grpc.method_handlers_generic_handler(UPDATES_SERVICE, {"Subscribe": grpc.unary_stream_rpc_method_handler(
                self._updates, request_deserializer=StreamMarketUpdateRequestV1.FromString,
                response_serializer=None)}),
        ))
        try:
            if tls is None:
                bound = server.add_insecure_port(f"{host}:{port}")
            else:
                bound = server.add_secure_port(f"{host}:{port}", grpc.ssl_server_credentials([tls]))
        except RuntimeError as error:
            raise ConfigError(f"simulator: can't listen on {host}:{port}: {error}; choose another port") from error
        await server.start()
        self._server = server
        return int(bound)

    async def stop(self) -> None:
        self.close_peers()
        if self._server is not None:
            await self._server.stop(CLOSE_WITHIN_S)

    def deliver(self, happening: Happening) -> None:
        """Serialise for the streams that want it, and queue until flush()."""
        market, kind = happening.market, happening.kind
        payload: Any = happening.payload
        for stream in self._streams:
            if market not in stream.markets or (stream.channel == "trades") != (kind == TRADES):
                continue
            sent = self._sent.setdefault((stream.channel, market), Sent())
            if self._is_silent:
                sent.unsent += len(payload) if kind == TRADES else 1
                continue
            if kind == TRADES:
                stream.batch += [trade_message(market, trade) for trade in payload]
            elif kind == QUOTE:
                stream.batch += self._moved_sides(stream, market, payload)
            note(sent, self.trade_id, market, kind, payload)

    def flush(self) -> None:
        for stream in self._streams:
            batch, stream.batch = stream.batch, []
            if batch and self._faults.active:
                batch = self._faults.shape(KAIKO, id(stream), batch)
            if not batch:
                continue
            stream.put(batch)
            self._frames += len(batch)
        self._is_silent = self._faults.is_on("silence", KAIKO)

    def each_second(self) -> None:
        """HTTP/2 has its own pings."""

    def close_peers(self, outage_s: float = 0.0) -> None:
        """End every stream, as a gateway's restart does, and take none for `outage_s`."""
        self._outage_until_s = asyncio.get_running_loop().time() + outage_s
        for stream in self._streams:
            stream.put(None)

    def cut_peers(self) -> None:
        """gRPC shows no half frames: the streams end."""
        self.close_peers()

    def trade_id(self, market: Market, trade: Trade) -> str:
        return str(trade.id)

    def summary(self) -> dict[str, Any]:
        channels = [
            {"section": kaiko_class(market), "venue": market.spec.venue_code, "channel": channel,
             "symbol": market.spec.symbol, "records": sent.records, "first_id": sent.first_id,
             "last_id": sent.last_id, "unsent": sent.unsent}
            for (channel, market), sent in self._sent.items() if sent.records]
        return {"url": self.url, "connections": self._calls, "refused": 0, "frames": self._frames,
                "channels": channels}

    def _moved_sides(self, stream: Stream, market: Market, quote: Quote) -> list[bytes]:
        bid, ask = (quote.bid, quote.bid_size), (quote.ask, quote.ask_size)
        before = stream.sides.get(market)
        stream.sides[market] = (bid, ask)
        messages = []
        if before is None or before[0] != bid:
            messages.append(side_message(market, quote, is_bid=True))
        if before is None or before[1] != ask:
            messages.append(side_message(market, quote, is_bid=False))
        return messages

    async def _trades(self, request: StreamTradesRequestV1, context: Any) -> AsyncIterator[bytes]:
        async for message in self._serve("trades", request.instrument_criteria, context):
            yield message

    async def _updates(self, request: StreamMarketUpdateRequestV1, context: Any) -> AsyncIterator[bytes]:
        if SMUC_TOP_OF_BOOK not in request.commodities:
            wanted = "SMUC_TRADE" if SMUC_TRADE in request.commodities else "nothing"
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"only SMUC_TOP_OF_BOOK is simulated, not {wanted}")
        async for message in self._serve("top_of_book", request.instrument_criteria, context):
            yield message

    async def _serve(self, channel: str, criteria: Any, context: Any) -> AsyncIterator[bytes]:
        metadata: Mapping[str, Any] = dict(context.invocation_metadata() or ())
        if self._key and metadata.get("authorization") != f"Bearer {self._key}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "invalid API key")
        if asyncio.get_running_loop().time() < self._outage_until_s:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the gateway is restarting")
        markets = frozenset(market for market in self._markets if _matches(criteria, market))
        if not markets:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no instrument matches {str(criteria).split()}")
        stream = Stream(channel, markets)
        self._streams.append(stream)
        self._calls += 1
        try:
            while (batch := await stream.waiting.get()) is not None:
                for message in batch:
                    yield message
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the gateway is restarting")
        finally:
            self._streams.remove(stream)


def kaiko_class(market: Market) -> str:
    """The instrument class as Kaiko writes it."""
    return market.spec.section or "spot"


def _matches(criteria: Any, market: Market) -> bool:
    wanted = ((criteria.exchange, market.spec.venue_code), (criteria.instrument_class, kaiko_class(market)),
              (criteria.code, market.spec.symbol))
    return all(have in text.split(",") or "*" in text.split(",") for text, have in wanted)


def _time(ts_ns: int) -> Timestamp:
    return Timestamp(seconds=ts_ns // 10**9, nanos=ts_ns % 10**9)


def _head(market: Market, sequence: int, ts_ns: int) -> dict[str, Any]:
    """What both messages share. sequence_id is opaque, of one width, and sorts."""
    return {
        "class": kaiko_class(market), "code": market.spec.symbol, "exchange": market.spec.venue_code,
        "sequence_id": f"0001{sequence:014d}", "ts_exchange": TimestampValue(value=_time(ts_ns)),
        "ts_collection": TimestampValue(value=_time(ts_ns + COLLECTED_NS)), "ts_event": _time(ts_ns + SEEN_NS),
    }


def trade_message(market: Market, trade: Trade) -> bytes:
    """A StreamTradesResponseV1. Prices and sizes are doubles, as Kaiko sends them."""
    message = StreamTradesResponseV1(
        amount=trade.size / 10**market.spec.size_digits, id=str(trade.id),
        price=trade.price / 10**market.spec.price_digits, side=SIDES[trade.side],
        **_head(market, trade.sequence, trade.ts_ns))
    return bytes(message.SerializeToString())


def side_message(market: Market, quote: Quote, *, is_bid: bool) -> bytes:
    """A StreamMarketUpdateResponseV1 with one side of the book."""
    price, size = (quote.bid, quote.bid_size) if is_bid else (quote.ask, quote.ask_size)
    message = StreamMarketUpdateResponseV1(
        commodity=SMUC_TOP_OF_BOOK, amount=size / 10**market.spec.size_digits,
        price=price / 10**market.spec.price_digits,
        update_type=StreamMarketUpdateResponseV1.BEST_BID if is_bid else StreamMarketUpdateResponseV1.BEST_ASK,
        **_head(market, quote.sequence, quote.ts_ns))
    return bytes(message.SerializeToString())
