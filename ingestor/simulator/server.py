"""A WebSocket server: handshake and control frames by `websockets`, data written as it is given.

The one file that knows `websockets`, a library independent of the one our client door is built on. Data
frames go out preframed, past the library: a server's frames are unmasked, so that a frame is its length
and its payload. Nothing here knows a provider.
"""

import asyncio
import logging
import socket
import ssl
import zlib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol, cast

from websockets.datastructures import Headers
from websockets.exceptions import InvalidState
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from ingestor.errors import ConfigError

REQUEST_BYTES_MAX = 1 << 20     # a client's message: the longest real limit is 64 KiB
UNSENT_BYTES_MAX = 64 << 20     # two seconds at 28,000 messages a second and a stopped reader, many times over
GREETING, TOO_SLOW = 101, 1008
DRIP_EVERY_S = 0.02             # how often a drop leaves

TEXT, TEXT_COMPRESSED = b"\x81", b"\xc1"      # final text frames, RFC 6455 and 7692

_SILENT = logging.getLogger("ingestor.simulator.websockets")
_SILENT.setLevel(logging.CRITICAL + 1)


class Answer(NamedTuple):
    """What a plain HTTP request gets."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class Compressed(bytes):
    """A payload that is sent as it is and marked as compressed."""


class Service(Protocol):
    """What answers on a port."""

    def connected(self, peer: "Peer") -> None:
        """A line is there; it has asked for nothing yet."""

    def opened(self, peer: "Peer", path: str, headers: Mapping[str, str]) -> int:
        """A client asks for this path: the HTTP status, 101 to go on."""

    def asked(self, path: str, headers: Mapping[str, str]) -> Answer:
        """A plain GET, on a connection that ends with its answer."""

    def greeted(self, peer: "Peer") -> None:
        """The upgrade is done: frames may be sent."""

    def heard(self, peer: "Peer", text: bytes) -> None:
        """One message of the client."""

    def closed(self, peer: "Peer") -> None:
        """The connection is gone."""


def framed(payloads: Iterable[bytes]) -> bytes:
    """Text frames, one a payload, as a server writes them (RFC 6455, 5.2)."""
    parts = []
    for payload in payloads:
        size, first = len(payload), TEXT if type(payload) is bytes else TEXT_COMPRESSED
        if size < 126:
            parts.append(first + size.to_bytes(1, "big"))
        elif size < 1 << 16:
            parts.append(first + b"\x7e" + size.to_bytes(2, "big"))
        else:
            parts.append(first + b"\x7f" + size.to_bytes(8, "big"))
        parts.append(payload)
    return b"".join(parts)


def deflated(payload: bytes, window_bits: int) -> bytes:
    """The payload compressed by itself (RFC 7692, 7.2.1)."""
    if type(payload) is not bytes:
        return payload
    squeeze = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -window_bits)
    return Compressed((squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4])


class Peer(asyncio.Protocol):
    """One client's connection, on the loop's thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._protocol = ServerProtocol(
            max_size=REQUEST_BYTES_MAX, logger=_SILENT, extensions=[DEFLATE])     # if the client offers it
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._message = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self.frames = 0             # data frames sent
        self.bytes_out = 0
        self.last_sent_s = self._loop.time()
        self.last_heard_s = self.last_sent_s
        self.pinged_s = 0.0         # when the ping was sent that is not answered yet; 0: there is none
        self.number = 0             # of its port's connections, for who counts them
        self._drip_rate = 0.0       # bytes a second; 0: no drip
        self._unsent = bytearray()  # what waits to drip
        self._drop: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._protocol.state is State.OPEN and self._transport is not None and not self._transport.is_closing()

    def send(self, payloads: list[bytes]) -> None:
        """Text messages. Dropped when the connection is closing; a client that reads nothing is cut off."""
        for extension in self._protocol.extensions:
            bits = cast(PerMessageDeflate, extension).local_max_window_bits
            payloads = [deflated(payload, bits) for payload in payloads]
        self.write(framed(payloads), len(payloads))

    def write(self, data: bytes | bytearray | memoryview, frames: int) -> None:
        """Frames as they are."""
        if not self.is_open or self._transport is None:
            return
        if self._transport.get_write_buffer_size() + len(self._unsent) > UNSENT_BYTES_MAX:
            self.close(TOO_SLOW, "slow consumer")
            return
        self._put(data)
        self.frames += frames
        self.bytes_out += len(data)
        self.last_sent_s = self._loop.time()

    async def drained(self) -> None:
        """Wait until everything written is in the socket, or the connection is gone."""
        await self._writable.wait()

    def ping(self) -> None:
        if self.is_open:
            self._protocol.send_ping(b"")
            self.pinged_s = self.pinged_s or self._loop.time()
            self._flush()

    def drip(self, bytes_per_s: float) -> None:
        """From now on everything leaves at this rate; 0: what waits leaves at once, and the rest as usual."""
        self._drip_rate = bytes_per_s
        if self._drop is None and bytes_per_s:
            self._drop = self._loop.call_later(DRIP_EVERY_S, self._let_drop)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the client answers and the line goes."""
        try:
            self._protocol.send_close(code, reason)
        except InvalidState:
            self.abort()
            return
        self._flush()

    def abort(self) -> None:
        """Cut the line without goodbye."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)     # pause_writing(): something is left unsent
        self._service.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._drop is not None:
            self._drop.cancel()
        self._writable.set()
        self._service.closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.last_heard_s = self._loop.time()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._upgrade(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._flush()
        return False

    def _upgrade(self, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        if "upgrade" not in headers:
            self._protocol.send_response(_response(self._service.asked(request.path, headers)))
            return
        status = self._service.opened(self, request.path, headers)
        if status == GREETING:
            response = self._protocol.accept(request)
        else:
            response = self._protocol.reject(status, "refused by the simulator\n")
        self._protocol.send_response(response)
        self._flush()
        if self.is_open:
            self._service.greeted(self)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self.pinged_s = 0.0
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._message += bytes(frame.data)
            if frame.fin:
                message, self._message = self._message, b""
                self._service.heard(self, message)

    def _flush(self) -> None:
        if self._transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                self._put(data)
            elif not self._transport.is_closing():
                self._pour()
                self._transport.close()     # the library says: end of stream
        if self._protocol.state is State.CLOSED and not self._transport.is_closing():
            self._transport.close()


    def _put(self, data: bytes | bytearray | memoryview) -> None:
        """To the socket, or to what drips."""
        if self._drop is not None:
            self._unsent += data
        elif self._transport is not None:
            self._transport.write(data)

    def _let_drop(self) -> None:
        self._drop = None
        if not self._drip_rate:
            self._pour()
            return
        count = max(1, int(self._drip_rate * DRIP_EVERY_S))
        drop, self._unsent = self._unsent[:count], self._unsent[count:]
        if drop and self._transport is not None:
            self._transport.write(drop)
        self._drop = self._loop.call_later(DRIP_EVERY_S, self._let_drop)

    def _pour(self) -> None:
        rest, self._unsent = self._unsent, bytearray()
        if rest and self._transport is not None:
            self._transport.write(rest)


DEFLATE = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)


def _response(answer: Answer) -> Response:
    headers = Headers([
        *answer.headers.items(), ("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))),
        ("Connection", "close")])
    return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)


def server_context(cert_file: str | None, key_file: str | None) -> ssl.SSLContext | None:
    """TLS for a server, or None. Raises ConfigError when a file can't be used."""
    if cert_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"TLS certificate {cert_file!r}, key {key_file!r}: {error}; give readable PEM files") from error
    return context


async def listen(service: Service, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[asyncio.Server, int]:
    """Serve on host and port (0: a free one); the server and its port. Raises ConfigError."""
    try:
        server = await asyncio.get_running_loop().create_server(lambda: Peer(service), host, port, ssl=tls)
    except OSError as error:
        raise ConfigError(
            f"simulator: can't listen on {host}:{port}: {error.strerror or error}; choose another port") from error
    sockets: list[socket.socket] = list(server.sockets)
    return server, int(sockets[0].getsockname()[1])
