"""How a call ended, and what that means to the connection: the 17 codes of gRPC, and what stands in for them.

Sources: grpc.github.io/grpc/core/md_doc_statuscodes.html, github.com/grpc/grpc doc/PROTOCOL-HTTP2.md and
doc/http-grpc-status-mapping.md (November 2026).
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import unquote

from ingestor.feeds.backoff import named_pause_s
from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.http2_faults import ErrorCode, code_name

MESSAGE_SHOWN_MAX = 500     # of the server's own words, for the log


class Code(IntEnum):
    """gRPC's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


#: These concern the one call, for good: what it asks for is not ours, not possible, or does not exist.
CALL_REFUSALS = frozenset((
    Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.PERMISSION_DENIED, Code.FAILED_PRECONDITION,
    Code.OUT_OF_RANGE, Code.UNIMPLEMENTED,
))
#: These concern the one call, for now: it is made again on the same connection, and no other call is disturbed.
#: What is left concerns the connection: UNAVAILABLE, and UNAUTHENTICATED, which trying again does not mend.
CALL_FAILURES = frozenset((
    Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.INTERNAL,
    Code.DATA_LOSS,
))

_HTTP = {
    400: Code.INTERNAL, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED, 404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE, 502: Code.UNAVAILABLE, 503: Code.UNAVAILABLE, 504: Code.UNAVAILABLE,
}
_RESETS = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE, ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED, ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}


class Status(NamedTuple):
    """The end of a call. `retry_after_s`: the server named a pause."""

    code: Code
    message: str = ""
    retry_after_s: float = 0.0

    @property
    def words(self) -> str:
        return f"{self.code.name}: {self.message or 'no details'}"

    def fault(self) -> ConnectionFault:
        """What it means to the connection; not for OK."""
        if self.code is Code.UNAUTHENTICATED:
            return ConnectionFault(Reason.UNAUTHENTICATED, self.words, retryable=False)
        reason = Reason.CONNECTION_LOST if self.code is Code.UNAVAILABLE else Reason.PROVIDER_ERROR
        return ConnectionFault(reason, self.words, retry_after_s=self.retry_after_s)


def refused_at_once(headers: Sequence[tuple[str, str]], *, ends: bool) -> Status | None:
    """What a call's first headers refuse; None: messages follow. `ends`: nothing follows, so these are the trailers."""
    fields = dict(headers)
    http = fields.get(":status", "")
    if ends and "grpc-status" in fields:
        return from_trailers(headers)
    if http != "200":
        return Status(
            _HTTP.get(int(http) if _is_number(http) else 0, Code.UNKNOWN), f"the server answered HTTP {http[:20]!r}",
            named_pause_s(fields.get("retry-after", "")))
    kind = fields.get("content-type", "")
    if kind.partition(";")[0].partition("+")[0].strip().lower() != "application/grpc":
        return Status(Code.UNKNOWN, f"the server answered with content-type {kind[:100]!r}, not application/grpc")
    if (encoding := fields.get("grpc-encoding", "identity")) != "identity":
        return Status(
            Code.INTERNAL, f"the server packs its messages by {encoding[:100]!r}, though only identity was accepted")
    return from_trailers(headers) if ends else None


def from_trailers(headers: Sequence[tuple[str, str]]) -> Status:
    """The status that the trailers tell. Without one it is UNKNOWN, as is a number that no code has."""
    fields = dict(headers)
    number = fields.get("grpc-status", "")
    if not number:
        return Status(Code.UNKNOWN, "the stream ended without a grpc-status")
    if not _is_number(number) or int(number) > Code.UNAUTHENTICATED:
        return Status(Code.UNKNOWN, f"the stream ended with the grpc-status {number[:20]!r}, which does not exist")
    return Status(
        Code(int(number)), unquote(fields.get("grpc-message", ""))[:MESSAGE_SHOWN_MAX],
        named_pause_s(fields.get("grpc-retry-pushback-ms", ""), 0.001))


def from_reset(code: int) -> Status:
    """RST_STREAM instead of trailers."""
    known = ErrorCode(code) if code in ErrorCode._value2member_map_ else ErrorCode.INTERNAL_ERROR
    return Status(_RESETS.get(known, Code.INTERNAL), f"the server reset the stream: {code_name(code)}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
