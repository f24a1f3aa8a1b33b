"""kaiko, simulated over real gRPC: grpcio's server, one stream a subscription.

What is served, and its bytes, stand in kaiko_messages.py; here are the calls, their queues and what goes
wrong with them. A fault that gRPC can't show (drip, no_ack, bad_deflate as a frame) does nothing here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import grpc
import grpc.aio

from ingestor.errors import ConfigError
from ingestor.simulator.dialects.registry import KAIKO
from ingestor.simulator.engine import TRADES, Happening
from ingestor.simulator.faults import Faults, Message
from ingestor.simulator.kaiko_messages import SERVICES, Render, Service, Sides, past_trades, section_of
from ingestor.simulator.market import Market, Trade
from ingestor.simulator.service import Listener, Sent, note

PACKAGE = "kaikosdk"
WAITING_MAX = 4000          # flushes a stream may lag behind, 20 s: a slower client is cut off
CLOSE_WITHIN_S = 0.5


class Stream:
    """One open call: what it wants, and what waits for it. None ends it."""

    def __init__(
        self, channel: str, markets: frozenset[Market], renders: Mapping[str, Render], number: int = 0,
    ) -> None:
        self.channel = channel
        self.markets = markets
        self.renders = renders
        self.number = number        # of the server's calls, from 1
        self.waiting: asyncio.Queue[list[bytes] | None] = asyncio.Queue(WAITING_MAX)
        self.batch: list[Message] = []
        self.sides: Sides = {}

    def put(self, batch: list[bytes] | None) -> None:
        """Let a batch wait; None ends the stream. A client that lags too far behind loses what waits, and is ended."""
        if self.waiting.full():
            self.waiting, batch = asyncio.Queue(), None
        self.waiting.put_nowait(batch)


class KaikoServer:
    """The gateway. `markets` are the engine's of this dialect; `key` the API key to insist on, if any."""

    def __init__(
        self, markets: list[Market], faults: Faults, key: str = "", listeners: Sequence[Listener] = (),
    ) -> None:
        self.url = ""
        self._listeners = listeners
        self._markets = markets
        self._faults = faults
        self._key = key
        self._streams: list[Stream] = []
        self._sent: dict[tuple[str, Market], Sent] = {}
        self._server: grpc.aio.Server | None = None
        self._calls = 0
        self._frames = 0
        self._outage_until_s = 0.0

    async def start(self, host: str, port: int, tls: tuple[bytes, bytes] | None) -> int:
        """Listen; `tls` is (private key, certificate chain) in PEM. Returns the port. Raises ConfigError."""
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        for name, service in SERVICES.items():
            handler = grpc.unary_stream_rpc_method_handler(
                partial(self._serve, service), request_deserializer=service.request.FromString,
                response_serializer=None)
            server.add_generic_rpc_handlers((
                grpc.method_handlers_generic_handler(f"{PACKAGE}.{name}", {"Subscribe": handler}),))
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
        symbol = market.spec.symbol
        for stream in self._streams:
            render = stream.renders.get(kind) if market in stream.markets else None
            if render is None:
                continue
            sent = self._sent.setdefault((f"{stream.channel}:{kind}", market), Sent())
            if self._faults.active and self._faults.silences(KAIKO, stream.number, symbol):
                sent.unsent += len(payload) if kind == TRADES else 1
                continue
            stream.batch += [(symbol, message) for message in render(market, payload, stream.sides)]
            note(sent, self.trade_id, market, kind, payload)
            for listener in self._listeners:
                listener(KAIKO, stream.channel, happening)

    def flush(self) -> None:
        for stream in self._streams:
            if not stream.batch:
                continue
            batch = self._faults.shape(KAIKO, stream.number, stream.batch) if self._faults.active else [
                payload for _, payload in stream.batch]
            stream.batch = []
            if batch:
                stream.put(batch)
                self._frames += len(batch)

    def each_second(self) -> None:
        """HTTP/2 has its own pings."""

    def close_peers(self, outage_s: float = 0.0, code: int = 0, connection: int = 0) -> None:
        """End every stream, or one, as a gateway's restart does, and take none for `outage_s`."""
        self._outage_until_s = asyncio.get_running_loop().time() + outage_s
        for stream in self._streams:
            if connection in (0, stream.number):
                stream.put(None)

    def cut_peers(self, connection: int = 0) -> None:
        """gRPC shows no half frames: the streams end."""
        self.close_peers(connection=connection)

    def trade_id(self, market: Market, trade: Trade) -> str:
        return str(trade.id)

    def summary(self) -> dict[str, Any]:
        channels = [
            {"section": section_of(market), "venue": market.spec.venue_code, "channel": channel.partition(":")[0],
             "symbol": market.spec.symbol, "records": sent.records, "first_id": sent.first_id,
             "last_id": sent.last_id, "unsent": sent.unsent}
            for (channel, market), sent in self._sent.items() if sent.records]
        return {"url": self.url, "connections": self._calls, "refused": 0, "frames": self._frames,
                "channels": channels}

    async def _serve(self, service: Service, request: Any, context: Any) -> AsyncIterator[bytes]:
        self._calls += 1
        await self._admit(context, self._calls)
        renders = service.renders(request)
        if not renders:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "only SMUC_TRADE and SMUC_TOP_OF_BOOK are simulated")
        markets = frozenset(service.wanted(request, self._markets))
        if not markets or self._faults.find("refuse", KAIKO, self._calls):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no instrument matches {str(request).split()}")
        past = past_trades(request, markets)
        if past is not None:
            for message in past:
                yield message
            return
        stream = Stream(service.channel, markets, renders, self._calls)
        self._streams.append(stream)
        try:
            while (batch := await stream.waiting.get()) is not None:
                for message in batch:
                    yield message
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the gateway is restarting")
        finally:
            self._streams.remove(stream)

    async def _admit(self, context: Any, number: int) -> None:
        """Abort the call of a client who may not come."""
        metadata: Mapping[str, Any] = dict(context.invocation_metadata() or ())
        if self._key and metadata.get("authorization") != f"Bearer {self._key}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "invalid API key")
        if asyncio.get_running_loop().time() < self._outage_until_s:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the gateway is restarting")
        if self._faults.find("rate_limit", KAIKO, number):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams")
