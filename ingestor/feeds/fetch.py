"""How a history is asked: one request, one answer, or the fault that says whether to ask again.

Chooses the transport; its library is imported when the first hole needs it, as most shards never do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingestor.errors import ProviderError
from ingestor.providers.history import Request

#: An answer that takes longer will not come.
ANSWER_WITHIN_S = 20.0
#: A thousand trades of any provider are below a megabyte.
ANSWER_BYTES_MAX = 16 << 20


class FetchFault(ProviderError):
    """No answer. `retry_after_s`: the provider named a pause; `status`: of HTTP, 0 without one."""

    def __init__(self, message: str, *, retryable: bool = True, retry_after_s: float = 0.0, status: int = 0) -> None:
        super().__init__(message, retryable=retryable)
        self.retry_after_s = retry_after_s
        self.status = status


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The provider's section of the configuration, as far as its history needs it."""

    url: str = field(default="", repr=False)    # empty: the dialect's own
    key: str = field(default="", repr=False)
    tls_ca_file: str | None = None
    enabled: bool = True


class Fetch(Protocol):
    """One provider's way to its history."""

    async def __call__(self, request: Request) -> Sequence[bytes]:
        """The body of a GET, or the messages of a call that ended well. Raises FetchFault."""

    async def close(self) -> None:
        """Let its connections go."""


def open_fetch(transport: str, url: str, settings: HistorySettings) -> Fetch:
    """The transport of a history. `url`: scheme and host, or host:port."""
    found: Any
    if transport == "grpc":
        from ingestor.feeds.grpc_call import GrpcFetch
        found = GrpcFetch(url, settings.tls_ca_file)
    else:
        from ingestor.feeds.http_get import HttpFetch
        found = HttpFetch(url, settings.tls_ca_file)
    fetch: Fetch = found
    return fetch
