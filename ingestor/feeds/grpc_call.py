"""One server-streaming call of a history, to its end, with grpcio: rare, so that its cost is no matter.

The doors of live data are not used: they keep a call going for ever, and this one is to end.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc
import grpc.aio

from ingestor.feeds import tls
from ingestor.feeds.fetch import ANSWER_BYTES_MAX, ANSWER_WITHIN_S, FetchFault
from ingestor.providers.history import Request

#: What is asked for is not ours, or does not exist: asking again would not help.
REFUSALS = (
    grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAUTHENTICATED,
)


class GrpcFetch:
    """One provider's gRPC gateway; keeps its channel between calls."""

    def __init__(self, url: str, tls_ca_file: str | None) -> None:
        self._target = url.split("://")[-1].rstrip("/")
        self._secure = tls.is_wanted(url)
        if self._secure:
            tls.context(tls_ca_file)    # a bad file is told in the words of all doors
        self._authorities = None if tls_ca_file is None else Path(tls_ca_file).read_bytes()
        self._channel: grpc.aio.Channel | None = None

    async def __call__(self, request: Request) -> Sequence[bytes]:
        if self._channel is None:
            self._channel = self._open()
        method = self._channel.unary_stream(request.path, request_serializer=None, response_deserializer=None)
        call = method(request.body, metadata=request.headers, timeout=ANSWER_WITHIN_S, wait_for_ready=False)
        messages, size = [], 0
        try:
            async for message in call:
                messages.append(message)
                size += len(message)
                if size > ANSWER_BYTES_MAX:
                    raise FetchFault(f"an answer beyond {ANSWER_BYTES_MAX} bytes", retryable=False)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            raise FetchFault(
                f"{code.name}: {error.details() or 'no details'}", retryable=code not in REFUSALS) from error
        finally:
            call.cancel()
        return messages

    def _open(self) -> grpc.aio.Channel:
        if self._secure:
            return grpc.aio.secure_channel(
                self._target, grpc.ssl_channel_credentials(root_certificates=self._authorities))
        return grpc.aio.insecure_channel(self._target)

    async def close(self) -> None:
        """Let the channel go."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
            await asyncio.sleep(0)
