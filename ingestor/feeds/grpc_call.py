"""One server-streaming call of a history, to its end, through our own gRPC door."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestor.feeds import tls
from ingestor.feeds.door import ConnectionFault
from ingestor.feeds.fetch import ANSWER_BYTES_MAX, ANSWER_WITHIN_S, FetchFault
from ingestor.feeds.grpc import Call, open_grpc
from ingestor.feeds.grpc_status import CALL_REFUSALS, Code
from ingestor.feeds.timing import Timing
from ingestor.providers.history import Request


@dataclass(slots=True)
class Answer:
    """Keeps the messages of the call. An Intake (feeds/door.py)."""

    messages: list[bytes] = field(default_factory=list)
    size: int = 0

    def feed_bytes(self, frame: bytes, recv_ns: int) -> int:
        """Keep one message, while there is room."""
        self.size += len(frame)
        if self.size <= ANSWER_BYTES_MAX:
            self.messages.append(frame)
        return 0

    def drained_now(self) -> None:
        """Nothing waits for it."""

    def close(self) -> None:
        """Nothing is open."""


class GrpcFetch:
    """One provider's gRPC gateway. Each call has a connection of its own: holes are rare."""

    def __init__(self, url: str, tls_ca_file: str | None) -> None:
        self._url = url
        self._tls = tls.context(tls_ca_file) if tls.is_wanted(url) else None

    async def __call__(self, request: Request) -> Sequence[bytes]:
        answer = Answer()
        leaving: list[str] = []
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                door = await open_grpc(
                    self._url, answer, None, None, leaving.append, metadata=dict(request.headers), tls=self._tls,
                    connect_within_s=ANSWER_WITHIN_S, timing=Timing())
                try:
                    # The connection may end before the call does.
                    asking = asyncio.ensure_future(door.ask(Call(request.path, b"", request.body)))
                    await asyncio.wait((asking, door.ended), return_when=asyncio.FIRST_COMPLETED)
                    if not asking.done():
                        asking.cancel()
                        raise door.ended.result()
                    status = asking.result()
                finally:
                    await door.close()
        except TimeoutError as error:
            raise FetchFault(f"no answer within {ANSWER_WITHIN_S:g} s") from error
        except ConnectionFault as fault:
            raise FetchFault(str(fault), retryable=fault.retryable, retry_after_s=fault.retry_after_s) from fault
        if status.code is not Code.OK:
            retryable = status.code not in CALL_REFUSALS and status.code is not Code.UNAUTHENTICATED
            raise FetchFault(status.words, retryable=retryable, retry_after_s=status.retry_after_s)
        if answer.size > ANSWER_BYTES_MAX:
            raise FetchFault(f"an answer beyond {ANSWER_BYTES_MAX} bytes", retryable=False)
        return answer.messages

    async def close(self) -> None:
        """No connection is kept."""
