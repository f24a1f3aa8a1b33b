"""An HTTP/2 server that says exactly what a test wants, byte for byte, right or wrong."""

import asyncio
from typing import Any, NamedTuple

from hpack import Decoder, Encoder

from tests.feeds.peer import Peer, Server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITISED = 0x4, 0x8, 0x20
ANSWER = ((":status", "200"), ("content-type", "application/grpc"))


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def packed(*fields: tuple[str, str]) -> bytes:
    """A header block that refers to none before it."""
    return bytes(Encoder().encode(fields))


def headers(stream: int, *fields: tuple[str, str], ends: bool = False) -> bytes:
    return frame(HEADERS, stream, packed(*(fields or ANSWER)), END_HEADERS | (END_STREAM if ends else 0))


def trailers(stream: int, code: int = 0, words: str = "") -> bytes:
    return headers(stream, ("grpc-status", str(code)), ("grpc-message", words), ends=True)


def message(content: bytes) -> bytes:
    return b"\0" + number(len(content)) + content


def data(stream: int, *contents: bytes, ends: bool = False) -> bytes:
    """Whole messages in one frame."""
    return frame(DATA, stream, b"".join(map(message, contents)), END_STREAM if ends else 0)


class Frame(NamedTuple):
    """What the client sent."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Http2Peer(Peer):
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._decoder = Decoder()

    async def greet(self, settings: bytes = b"") -> None:
        assert await self.reader.readexactly(len(PREFACE)) == PREFACE
        await self.send(frame(SETTINGS, 0, settings))

    async def hear(self) -> Frame:  # type: ignore[override]
        head = await self.reader.readexactly(9)
        size = int.from_bytes(head[:3], "big")
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big"), await self.reader.readexactly(size))

    async def hear_kind(self, kind: int) -> Frame:
        """Skip to the client's next frame of this kind."""
        while (heard := await self.hear()).kind != kind:
            pass
        return heard

    async def hear_request(self) -> tuple[int, dict[str, str], bytes]:
        """The next request: its stream, headers and body."""
        block, body = b"", b""
        while True:
            heard = await self.hear()
            if heard.kind in (HEADERS, CONTINUATION):
                block += heard.payload
                if heard.flags & END_HEADERS:
                    fields = dict(self._decoder.decode(block))
            elif heard.kind == DATA:
                body += heard.payload
                if heard.flags & END_STREAM:
                    return heard.stream, fields, body

    async def hear_goodbye(self) -> int:
        """Skip to the client's GOAWAY; its code."""
        return int.from_bytes((await self.hear_kind(GOAWAY)).payload[4:8], "big")


class Http2Server(Server):
    """Runs `script(peer)` for each connection, greeted first unless `settings` is None."""

    def __init__(self, script: Any, *, settings: bytes | None = b"", tls: object = None) -> None:
        super().__init__(script, tls=tls)
        self._settings = settings

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Http2Peer:
        return Http2Peer(reader, writer)

    async def _greet(self, peer: Any) -> None:
        if self._settings is not None:
            await peer.greet(self._settings)
