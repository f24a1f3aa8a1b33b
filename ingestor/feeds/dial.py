"""A socket of our own for a door, so that an attempt given up leaves nothing behind.

The one file that knows aiofastnet, whose transports are asyncio's in C: TLS costs half with them.
"""

import asyncio
import socket
import ssl
from typing import Any

import aiofastnet

from ingestor.feeds.door import ConnectionFault, Reason

LET_GO_TURNS = 10   # of the loop, for a transport to find its end and close


async def dialled(host: str, port: int) -> socket.socket:
    """A socket connected to the first address of the host that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    failed = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        line = socket.socket(family, kind, protocol)
        try:
            line.setblocking(False)
            await loop.sock_connect(line, address)
            return line
        except OSError as error:
            line.close()
            failed = error
        except BaseException:
            line.close()
            raise
    raise failed


async def manned(line: socket.socket, protocol: Any, host: str, tls: ssl.SSLContext | None) -> str | None:
    """Run a protocol on the socket, TLS first where wanted; return the protocol that TLS agreed on, if any.

    Raises OSError and ssl.SSLError.
    """
    transport, _ = await aiofastnet.create_connection(
        asyncio.get_running_loop(), lambda: protocol, sock=line, ssl=tls, server_hostname=host if tls else None)
    if tls is None:
        return None
    agreed: str | None = transport.get_extra_info("ssl_object").selected_alpn_protocol()
    return agreed


async def let_go(line: socket.socket | None) -> None:
    """End the line of an attempt given up: shut down, so that its transport finds the end and closes it."""
    if line is None:
        return
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return      # it ended before
    for _ in range(LET_GO_TURNS):
        if line.fileno() != -1:
            await asyncio.sleep(0)


def dial_fault(error: Exception, within_s: float) -> ConnectionFault:
    """The fault behind an exception while connecting, whatever is spoken then."""
    if isinstance(error, ConnectionFault):
        return error
    if isinstance(error, TimeoutError):
        return ConnectionFault(Reason.CONNECT_TIMEOUT, f"no connection within {within_s} s")
    if isinstance(error, ssl.SSLError):
        return ConnectionFault(Reason.TLS_REFUSED, f"TLS failed: {error}; check the clock and tls_ca_file")
    return ConnectionFault(Reason.CONNECT_FAILED, f"no connection: {error or type(error).__name__}")
