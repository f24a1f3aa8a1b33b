"""Faults while the simulator runs, over HTTP on loopback.

    GET    /faults   {"vocabulary": {name: {"acts", "what", "value", "unit"}}, "active": [...], "counts": {...}}
    POST   /faults   {"kind": "close", "target": "kraken-v2", "duration_s": 5, "value": 1013} begins one now
    DELETE /faults   ends all of them
    GET    /summary  what was sent so far

One request a connection, small and quick, or the connection is closed.
"""

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ingestor.errors import ConfigError
from ingestor.simulator.spec import Fault
from ingestor.simulator.vocabulary import FAULTS

if TYPE_CHECKING:
    from ingestor.simulator.simulator import Simulator

HOST = "127.0.0.1"
HEAD_BYTES_MAX = 16 << 10       # the stream's limit
BODY_BYTES_MAX = 64 << 10       # a fault takes a hundred
REQUEST_WITHIN_S = 5.0
FIELDS: dict[str, tuple[type, ...]] = {
    "kind": (str,), "target": (str,), "duration_s": (int, float), "value": (int, float)}


async def listen(simulator: "Simulator", port: int) -> tuple[asyncio.Server, int]:
    """Serve on loopback; the server and its port. Raises ConfigError."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(REQUEST_WITHIN_S):
                status, body = await _answer(simulator, reader)
                text = json.dumps(body).encode() + b"\n"
                head = (f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n")
                writer.write(head.encode() + text)
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(serve, HOST, port, limit=HEAD_BYTES_MAX)
    except OSError as error:
        raise ConfigError(
            f"simulator: no control endpoint on {HOST}:{port}: {error.strerror or error}; choose another port"
        ) from error
    return server, int(server.sockets[0].getsockname()[1])


async def _answer(simulator: "Simulator", reader: asyncio.StreamReader) -> tuple[HTTPStatus, Any]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
        size = _length(head)
    except (asyncio.LimitOverrunError, ValueError):
        return HTTPStatus.BAD_REQUEST, {"error": "no HTTP request of this endpoint's size"}
    if size > BODY_BYTES_MAX:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"more than {BODY_BYTES_MAX} bytes"}
    match method, path:
        case "GET", "/faults":
            pass
        case "GET", "/summary":
            return HTTPStatus.OK, simulator.summary()
        case "POST", "/faults":
            try:
                simulator.inject(_fault(await reader.readexactly(size)))
            except ConfigError as error:
                return HTTPStatus.BAD_REQUEST, {"error": str(error)}
        case "DELETE", "/faults":
            simulator.heal()
        case _:
            return HTTPStatus.NOT_FOUND, {"error": "use GET, POST or DELETE /faults, or GET /summary"}
    return HTTPStatus.OK, {
        "vocabulary": {name: kind._asdict() for name, kind in FAULTS.items()}, "active": simulator.active_faults(),
        "counts": simulator.summary()["faults"]}


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return abs(int(value))
    return 0


def _fault(body: bytes) -> Fault:
    """The fault that a JSON object asks for, at once. Raises ConfigError."""
    try:
        wanted = json.loads(body)
    except ValueError as error:
        raise ConfigError(f"no JSON: {error}") from error
    if not isinstance(wanted, dict) or "kind" not in wanted or not all(
            isinstance(value, FIELDS.get(name, ())) and not isinstance(value, bool) for name, value in wanted.items()):
        raise ConfigError(f"a fault is an object of {', '.join(FIELDS)}; texts and numbers as in --fault")
    return Fault(**wanted)
