"""A WebSocket server that says exactly what a test wants, byte for byte, right or wrong."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, Self

from ingestor.records import DecodeStatus

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload: bytes, kind: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = False) -> bytes:
    """One frame as a server sends it; `rsv` is the three bits 0 to 7, rsv1 the highest."""
    size, mask = len(payload), 0x80 if masked else 0
    head = bytes([fin << 7 | rsv << 4 | kind])
    if size < 126:
        head += bytes([mask | size])
    elif size < 1 << 16:
        head += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def closing(code: int, words: bytes = b"") -> bytes:
    return frame(struct.pack("!H", code) + words, CLOSE)


class Heard(NamedTuple):
    """One frame of the client, unmasked."""

    kind: int
    payload: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.path = ""
        self.headers: dict[str, str] = {}

    async def send(self, *frames: bytes) -> None:
        """Frames or any other bytes, in one write."""
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def hear(self) -> Heard:
        """The client's next frame; raises IncompleteReadError at its end."""
        head = await self.reader.readexactly(2)
        assert head[0] & 0x70 == 0
        assert head[1] & 0x80, "a client masks"
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", await self.reader.readexactly(2))[0]
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(size)
        return Heard(head[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    async def hear_text(self) -> bytes:
        heard = await self.hear()
        assert heard.kind == TEXT, heard
        return heard.payload

    async def hear_close(self) -> int:
        """Skip to the client's close frame; its code."""
        while (heard := await self.hear()).kind != CLOSE:
            pass
        return struct.unpack("!H", heard.payload[:2])[0]

    async def read_request(self) -> None:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.path = lines[0].split()[1]
        self.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def upgrade(self, *headers: str) -> bytes:
        """The answer that accepts the request."""
        accept = base64.b64encode(hashlib.sha1(self.headers["sec-websocket-key"].encode() + GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Accept: {accept}", *headers]
        return "\r\n".join([*lines, "", ""]).encode()


Script = Callable[[Peer], Awaitable[object]]


class Server:
    """Runs `script(peer)` for each connection; `async with` starts and stops it.

    `upgrade=False` leaves the answer to the request to the script, too. An AssertionError of a script fails the test.
    """

    def __init__(
        self, script: Script, *, headers: tuple[str, ...] = (), upgrade: bool = True, tls: object = None,
    ) -> None:
        self._script = script
        self._headers = headers
        self._upgrade = upgrade
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        self.peers: list[Peer] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self._failed:
            raise self._failed[0]

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Peer:
        return Peer(reader, writer)

    async def _greet(self, peer: Peer) -> None:
        await peer.read_request()
        if self._upgrade:
            await peer.send(peer.upgrade(*self._headers))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = self._met(reader, writer)
        self.peers.append(peer)
        try:
            await self._greet(peer)
            await self._script(peer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass    # the client went, or the test is over
        except Exception as error:
            self._failed.append(error)
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class Intake:
    """Records what a door feeds; `is_control` says which messages are for the link."""

    def __init__(self, is_control: Callable[[bytes], bool] = lambda frame: False) -> None:
        self.messages: list[bytes] = []
        self.times: list[int] = []
        self.boundaries = 0
        self.closed = 0
        self._is_control = is_control
        self._arrived = asyncio.Event()

    def feed_bytes(self, message: bytes, recv_ns: int) -> int:
        self.messages.append(message)
        self.times.append(recv_ns)
        self._arrived.set()
        return DecodeStatus.CONTROL if self._is_control(message) else DecodeStatus.IGNORED

    def drained_now(self) -> None:
        self.boundaries += 1

    def close(self) -> None:
        self.closed += 1

    async def until(self, count: int) -> list[bytes]:
        """Wait for so many messages."""
        while len(self.messages) < count:
            self._arrived.clear()
            await self._arrived.wait()
        return self.messages
