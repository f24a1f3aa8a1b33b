"""What every door offers to the life cycle, whatever the transport: the words they share.

A door is one open connection. It hands what it receives to an intake (the pipeline's Connection)
and knows nothing of subscriptions, limits or back-off; those live in link.py and feed.py.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from ingestor.errors import ProviderError


class Reason(StrEnum):
    """Why a connection ended: the values of the metrics label, so their number stays small."""

    STOPPED = "stopped"                          # we wanted it
    REPACKED = "repacked"                        # no subscription left on it
    SERVER_CLOSED = "server_closed"              # the provider said goodbye
    CONNECTION_LOST = "connection_lost"          # the line broke without goodbye
    CONNECT_FAILED = "connect_failed"            # no route, name or listener
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_REFUSED = "tls_refused"                  # the certificate did not verify
    HANDSHAKE_REFUSED = "handshake_refused"      # the upgrade was answered with something else
    PROTOCOL_ERROR = "protocol_error"            # a frame against RFC 6455 or 9113
    MESSAGE_TOO_BIG = "message_too_big"          # beyond FRAME_BYTES_MAX
    DEFLATE_ERROR = "deflate_error"              # compressed data that does not inflate
    PING_FLOOD = "ping_flood"                    # more control frames than anybody needs
    PEER_NOT_READING = "peer_not_reading"        # what we sent piles up
    INTERNAL_ERROR = "internal_error"            # our bug, contained to this connection
    SILENCE = "silence"                          # nothing received for Limits.silence_max_s
    AGE = "age"                                  # reconnected before the provider would close
    RECONNECT_REQUESTED = "reconnect_requested"  # the provider announced maintenance
    PROVIDER_ERROR = "provider_error"            # a fatal error in the provider's own words
    UNAUTHENTICATED = "unauthenticated"          # the key was refused


class ConnectionFault(ProviderError):
    """One connection ended, or could not begin. `retry_after_s`: the provider named a pause."""

    def __init__(self, reason: Reason, message: str, *, retryable: bool = True, retry_after_s: float = 0.0) -> None:
        super().__init__(message, retryable=retryable)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Intake(Protocol):
    """The Python face of `_core.Connection`. A door takes any object that has it."""

    def feed_bytes(self, frame: bytes, recv_ns: int) -> int:
        """Take one message received at `recv_ns` (UTC epoch ns); return its DecodeStatus."""

    def drained_now(self) -> object:
        """The batch boundary: nothing more was received for now, or much was since the last one."""

    def close(self) -> object:
        """The connection ended; its decoder state can go."""


#: Called with a copy of every message whose DecodeStatus is CONTROL.
OnControl = Callable[[bytes], None]


class Door(Protocol):
    """One open connection. Counters only rise; `frames` proves the peer alive, pings included."""

    @property
    def frames(self) -> int: ...
    @property
    def bytes_in(self) -> int:
        """Payload, as it came over the line."""
    @property
    def bytes_out(self) -> int: ...
    @property
    def last_frame_ns(self) -> int:
        """UTC epoch ns, 0 before the first."""

    async def wait_closed(self) -> None:
        """Wait for the end of the connection; raise the ConnectionFault that says why."""

    async def close(self) -> None:
        """End the connection with a goodbye; returns when it is gone. Never raises."""

    def pause_reading(self) -> None:
        """Read no more, so that the peer is held back by flow control."""

    def resume_reading(self) -> None:
        """Undo pause_reading()."""
