"""Opening a WebSocket door on a scripted server, for the tests of the door."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ingestor.feeds.door import ConnectionFault
from ingestor.feeds.websocket import open_websocket
from tests.feeds.peer import Intake, Script, Server


async def open_door(
    url: str, intake: Any, on_control: Callable[[bytes], None] = lambda frame: None, *,
    headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None, deflate: bool = False,
    connect_within_s: float = 5.0,
) -> Any:
    return await open_websocket(
        url, intake, on_control, headers=headers or {}, tls=tls, deflate=deflate, connect_within_s=connect_within_s)


@asynccontextmanager
async def opened(script: Script, *, answer: tuple[str, ...] = (), **options: Any) -> AsyncIterator[tuple[Any, Intake]]:
    """A door on a server that runs `script`, and its intake; `answer` are headers of the upgrade's answer."""
    intake = options.pop("intake", None) or Intake()
    async with Server(script, headers=answer) as server:
        door = await open_door(server.url, intake, **options)
        try:
            yield door, intake
        finally:
            await door.close()


async def fault_of(door: Any) -> ConnectionFault:
    """How the connection ends, within seconds."""
    try:
        async with asyncio.timeout(5):
            await door.wait_closed()
    except ConnectionFault as fault:
        return fault
    raise AssertionError("wait_closed() returned")


async def until(claim: Callable[[], Any]) -> None:
    """Wait until it holds; the test's own time limit ends it."""
    while not claim():      # noqa: ASYNC110 - stats and counters have no event to wait for
        await asyncio.sleep(0.005)
