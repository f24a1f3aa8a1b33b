"""Opening a gRPC door on a scripted HTTP/2 server, for the tests of the door."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ingestor.feeds.grpc import Call, GrpcDoor, open_grpc
from ingestor.feeds.timing import Timing
from tests.feeds.http2peer import Http2Server
from tests.feeds.peer import Intake

CALL = Call("/service/Method", b"T", b"please")
NO_METADATA: Mapping[str, str] = {}


async def open_on(
    url: str, intake: Intake, *, timing: Timing | None = None, within_s: float = 5.0,
    on_refused: Callable[[Call, str, bool], None] = lambda call, words, retryable: None,
    on_leaving: Callable[[str], None] = lambda words: None, metadata: Mapping[str, str] = NO_METADATA,
    tls: ssl.SSLContext | None = None,
) -> GrpcDoor:
    return await open_grpc(
        url, intake, lambda frame: None, on_refused, on_leaving, metadata=metadata, tls=tls, connect_within_s=within_s,
        timing=timing or Timing())


@asynccontextmanager
async def opened(script: Any, *, settings: bytes | None = b"", **more: Any) -> AsyncIterator[tuple[GrpcDoor, Intake]]:
    """A door on a server that runs `script`, with one call under way."""
    intake = more.pop("intake", None) or Intake()
    async with Http2Server(script, settings=settings) as server:
        door = await open_on(server.url, intake, **more)
        try:
            door.set_calls([CALL])
            yield door, intake
        finally:
            await door.close()
