"""A TCP proxy that breaks the line on command: latency, stall, cut, reset, refuse. For any client and server."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 1 << 16
RESET = struct.pack("ii", 1, 0)     # SO_LINGER of 0 s: close() sends RST


class Proxy:
    """Forwards 127.0.0.1:`port` to a target on the same host; `async with` starts and stops it.

    `latency_s` delays each chunk, `cut_after` closes a connection after so many bytes towards the
    client (None: never); both may be set at any time. `accepted` counts connections.
    """

    def __init__(self, target_port: int, port: int = 0) -> None:
        self.target_port = target_port
        self.port = port
        self.latency_s = 0.0
        self.cut_after: int | None = None
        self.accepted = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        await self.cut()

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Listen no more: new connections are refused, open ones go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def stall(self) -> None:
        """Forward nothing until flow(), and keep the connections open."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def cut(self, *, reset: bool = False) -> None:
        """Close all connections, with RST if asked."""
        pairs = dict(self._pairs)
        for task, writers in pairs.items():
            for writer in writers:
                if reset:
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            task.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._pairs[task] = (writer,)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
            self._pairs[task] = (writer, back)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, back))
                group.create_task(self._forward(there, writer, self.cut_after))
        except* (OSError, asyncio.CancelledError):
            pass    # an end as any other: a cancelled handler would be reported by asyncio
        finally:
            for each in self._pairs.pop(task):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _forward(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, left: int | None = None) -> None:
        while chunk := await source.read(CHUNK_BYTES):
            await asyncio.sleep(self.latency_s)
            await self._flowing.wait()
            if left is not None:
                chunk = chunk[:left]
                left -= len(chunk)
            to.write(chunk)
            await to.drain()
            if left == 0:
                raise ConnectionAbortedError("cut here")
        to.close()      # the end of one side ends the pair: WebSocket and gRPC know no half-open lines
