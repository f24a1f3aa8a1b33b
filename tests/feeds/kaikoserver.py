"""A real grpcio server that speaks Kaiko's two streams, on threads of its own."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from kaikosdk.core.wrappers_pb2 import TimestampValue
from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1
from kaikosdk.stream.market_update_v1.response_pb2 import StreamMarketUpdateResponseV1
from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1
from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

NOW = Timestamp(seconds=1_786_562_940)
TRADES, UPDATES = "StreamTradesServiceV1", "StreamMarketUpdateServiceV1"
REQUESTS = {TRADES: StreamTradesRequestV1, UPDATES: StreamMarketUpdateRequestV1}


def trade(id: int, code: str = "btc-usd", price: float = 100.5) -> bytes:
    return StreamTradesResponseV1(**{
        "amount": 0.25, "class": "spot", "code": code, "exchange": "cbse", "id": str(id), "price": price, "side": 1,
        "ts_exchange": TimestampValue(value=NOW), "ts_event": NOW}).SerializeToString()


def best(code: str = "btc-usd", price: float = 100.0, *, ask: bool = False) -> bytes:
    return StreamMarketUpdateResponseV1(**{
        "amount": 1.0, "class": "spot", "code": code, "exchange": "cbse", "price": price, "commodity": 2,
        "update_type": 3 if ask else 4, "ts_exchange": TimestampValue(value=NOW), "ts_event": NOW}).SerializeToString()


class CallHeard:
    """One call of the client: what it asked, and a way to send to it until it ends."""

    def __init__(self, service: str, request: Any, context: grpc.ServicerContext) -> None:
        self.service = service
        self.codes = request.instrument_criteria.code.split(",")
        self.metadata = dict(context.invocation_metadata())
        self.is_over = threading.Event()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        context.add_callback(self.end)

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self._outbox.put(message)

    def end(self) -> None:
        """End the stream with status OK."""
        self.is_over.set()
        self._outbox.put(None)

    def messages(self) -> Iterator[bytes]:
        yield from iter(self._outbox.get, None)


#: Called for each call; may abort through the context.
OnCall = Callable[[CallHeard, grpc.ServicerContext], None]


class KaikoServer(grpc.GenericRpcHandler):
    """Listens on 127.0.0.1; `calls` are all that were ever heard. `with` starts and stops it."""

    def __init__(
        self, on_call: OnCall = lambda call, context: None, *, port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self.calls: list[CallHeard] = []
        self.port = port
        self._on_call = on_call
        self._credentials = credentials

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(16)
        self._server = grpc.server(self._threads, (self,), options=(
            ("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)))
        address = f"127.0.0.1:{self.port}"
        if self._credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self._credentials)
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for call in self.calls:
            call.end()
        self._server.stop(0).wait()
        self._threads.shutdown()

    def kill(self) -> None:
        """Cut all calls, as a server that restarts does."""
        self._server.stop(0).wait()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        name = details.method.split(".")[-1].removesuffix("/Subscribe")

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            call = CallHeard(name, request, context)
            self.calls.append(call)
            self._on_call(call, context)
            yield from call.messages()

        return grpc.unary_stream_rpc_method_handler(stream, request_deserializer=REQUESTS[name].FromString)
