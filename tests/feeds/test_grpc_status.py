"""What the end of a call means: gRPC's 17 codes, and what stands in for them."""

import pytest

from ingestor.feeds.door import Reason
from ingestor.feeds.grpc_status import (
    CALL_FAILURES,
    CALL_REFUSALS,
    Code,
    Status,
    from_reset,
    from_trailers,
    refused_at_once,
)

GOOD = [(":status", "200"), ("content-type", "application/grpc")]
#: code: None where it refuses the one call for good; else the connection's reason, and whether to try again
MEANINGS = {
    "CANCELLED": (Reason.PROVIDER_ERROR, True), "UNKNOWN": (Reason.PROVIDER_ERROR, True), "INVALID_ARGUMENT": None,
    "DEADLINE_EXCEEDED": (Reason.PROVIDER_ERROR, True), "NOT_FOUND": None, "ALREADY_EXISTS": None,
    "PERMISSION_DENIED": None, "RESOURCE_EXHAUSTED": (Reason.PROVIDER_ERROR, True), "FAILED_PRECONDITION": None,
    "ABORTED": (Reason.PROVIDER_ERROR, True), "OUT_OF_RANGE": None, "UNIMPLEMENTED": None,
    "INTERNAL": (Reason.PROVIDER_ERROR, True), "UNAVAILABLE": (Reason.CONNECTION_LOST, True),
    "DATA_LOSS": (Reason.PROVIDER_ERROR, True), "UNAUTHENTICATED": (Reason.UNAUTHENTICATED, False),
}


def test_the_codes_are_those_of_grpcio():
    import grpc

    assert {code.name: code.value[0] for code in grpc.StatusCode} == {code.name: code.value for code in Code}


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK], ids=lambda code: code.name)
def test_each_code_ends_its_call_or_the_connection(code):
    meaning = MEANINGS[code.name]
    assert (code in CALL_REFUSALS) == (meaning is None)
    assert (code in CALL_FAILURES) == (meaning == (Reason.PROVIDER_ERROR, True))
    if meaning is not None:
        fault = Status(code, "why").fault()
        assert (fault.reason, fault.retryable, str(fault)) == (*meaning, f"{code.name}: why")


@pytest.mark.parametrize(("trailers", "wanted"), [
    ([("grpc-status", "0")], Status(Code.OK)),
    ([("grpc-status", "14"), ("grpc-message", "50%25 %E2%82%AC")], Status(Code.UNAVAILABLE, "50% €")),
    ([("grpc-status", "5"), ("grpc-message", "%zz%E2")], Status(Code.NOT_FOUND, "%zz\ufffd")),
    ([("grpc-status", "8"), ("grpc-retry-pushback-ms", "1500")], Status(Code.RESOURCE_EXHAUSTED, "", 1.5)),
    ([("grpc-status", "8"), ("grpc-retry-pushback-ms", "-1")], Status(Code.RESOURCE_EXHAUSTED)),
    ([], Status(Code.UNKNOWN, "the stream ended without a grpc-status")),
    ([("grpc-status", "17")], Status(Code.UNKNOWN, "the stream ended with the grpc-status '17', which does not exist")),
    ([("grpc-status", "x")], Status(Code.UNKNOWN, "the stream ended with the grpc-status 'x', which does not exist")),
    ([("grpc-status", "3"), ("grpc-message", "x" * 501)], Status(Code.INVALID_ARGUMENT, "x" * 500)),
])
def test_trailers_tell_the_status(trailers, wanted):
    assert from_trailers(trailers) == wanted


@pytest.mark.parametrize(("headers", "wanted"), [
    (GOOD, None),
    ([(":status", "200"), ("content-type", "application/grpc+proto; x=y")], None),
    ([*GOOD, ("grpc-encoding", "identity")], None),
    ([*GOOD, ("grpc-encoding", "gzip")], Code.INTERNAL),
    ([(":status", "200"), ("content-type", "text/html")], Code.UNKNOWN),
    ([(":status", "200")], Code.UNKNOWN),
    ([(":status", "400")], Code.INTERNAL), ([(":status", "401")], Code.UNAUTHENTICATED),
    ([(":status", "403")], Code.PERMISSION_DENIED), ([(":status", "404")], Code.UNIMPLEMENTED),
    ([(":status", "429")], Code.UNAVAILABLE), ([(":status", "502")], Code.UNAVAILABLE),
    ([(":status", "503")], Code.UNAVAILABLE), ([(":status", "504")], Code.UNAVAILABLE),
    ([(":status", "418")], Code.UNKNOWN), ([(":status", "x")], Code.UNKNOWN), ([], Code.UNKNOWN),
])
def test_first_headers_that_are_no_grpc_refuse_the_call(headers, wanted):
    status = refused_at_once(headers, ends=False)
    assert (None if status is None else status.code) == wanted


def test_headers_that_end_the_stream_are_trailers_whatever_the_http_status():
    assert refused_at_once([*GOOD, ("grpc-status", "16")], ends=True) == Status(Code.UNAUTHENTICATED)
    assert refused_at_once([(":status", "503"), ("grpc-status", "8")], ends=True) == Status(Code.RESOURCE_EXHAUSTED)
    assert refused_at_once(GOOD, ends=True).code is Code.UNKNOWN


def test_a_busy_proxy_names_its_pause():
    status = refused_at_once([(":status", "503"), ("retry-after", "7")], ends=False)
    assert status.fault().retry_after_s == 7.0


@pytest.mark.parametrize(("code", "wanted"), [
    (0, Code.INTERNAL), (1, Code.INTERNAL), (2, Code.INTERNAL), (3, Code.INTERNAL), (6, Code.INTERNAL),
    (7, Code.UNAVAILABLE), (8, Code.CANCELLED), (9, Code.INTERNAL), (10, Code.INTERNAL), (11, Code.RESOURCE_EXHAUSTED),
    (12, Code.PERMISSION_DENIED), (99, Code.INTERNAL),
])
def test_a_reset_stands_for_a_status(code, wanted):
    assert from_reset(code).code is wanted
