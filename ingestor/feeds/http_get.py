"""GET over HTTP/1.1, for histories. The one file that knows aiohttp.

aiohttp and not another client: it runs on the shard's own loop, is maintained by the aio-libs project with
a release a month, and is what exchanges' own Python clients use.
"""

import asyncio
from collections.abc import Sequence

import aiohttp

from ingestor.feeds import tls
from ingestor.feeds.backoff import named_pause_s
from ingestor.feeds.fetch import ANSWER_BYTES_MAX, ANSWER_WITHIN_S, FetchFault
from ingestor.providers.history import Request

#: Asked too often (418: Binance's ban), or asked too early.
LATER = (408, 418, 425, 429)
SHOWN_BYTES_MAX = 200       # of an error's body


class HttpFetch:
    """One provider's REST base; keeps its connection between requests."""

    def __init__(self, url: str, tls_ca_file: str | None) -> None:
        self._url = url.rstrip("/")
        self._tls = tls.context(tls_ca_file) if tls.is_wanted(url) else False
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, request: Request) -> Sequence[bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S), auto_decompress=True,
                connector=aiohttp.TCPConnector(limit=2, ssl=self._tls), cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.get(
                    self._url + request.path, params=list(request.query), headers=dict(request.headers),
                    allow_redirects=False) as answer:
                body = await _read(answer)
                if answer.status == 200:
                    return (body,)
                raise _fault(answer, body)
        except TimeoutError as error:
            raise FetchFault(f"no answer within {ANSWER_WITHIN_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FetchFault(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let the connections go; their transports end with the next turns of the loop."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            answer.close()
            raise FetchFault(f"an answer beyond {ANSWER_BYTES_MAX} bytes", retryable=False)
        parts.append(part)
    return b"".join(parts)


def _fault(answer: aiohttp.ClientResponse, body: bytes) -> FetchFault:
    words = body[:SHOWN_BYTES_MAX].decode(errors="replace")
    pause_s = named_pause_s(answer.headers.get("Retry-After", ""))
    later = answer.status in LATER or answer.status >= 500
    return FetchFault(f"{answer.status}: {words}", retryable=later, retry_after_s=pause_s, status=answer.status)
