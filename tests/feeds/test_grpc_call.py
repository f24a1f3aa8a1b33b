"""One call of a history over gRPC, to its end: against a real grpcio server."""

import asyncio

import grpc
import pytest

from ingestor.feeds import grpc_call
from ingestor.feeds.fetch import FetchFault
from ingestor.feeds.grpc_call import GrpcFetch
from ingestor.providers.history import Request
from tests.feeds.kaikoserver import KaikoServer, trade

PATH = "/kaikosdk.StreamMarketUpdateServiceV1/Subscribe"


def fetched(on_call, port=None):
    """The messages of one call to a server that does this with it."""
    async def story(url):
        fetch = GrpcFetch(url, None)
        try:
            return await fetch(Request(PATH, headers=(("authorization", "Bearer k"),), body=b""))
        finally:
            await fetch.close()

    with KaikoServer(on_call) as server:
        return asyncio.run(story(f"http://127.0.0.1:{port or server.port}")), server.calls


def fault_of(on_call, port=None):
    with pytest.raises(FetchFault) as caught:
        fetched(on_call, port)
    return caught.value


def sends(*messages):
    def on_call(call, context):
        call.send(*messages)
        call.end()
    return on_call


def refuses(code, words="no"):
    def on_call(call, context):
        context.abort(code, words)
    return on_call


def test_all_messages_of_a_call_that_ends_well_are_the_answer():
    messages, [call] = fetched(sends(trade(1), trade(2), trade(3)))
    assert messages == [trade(1), trade(2), trade(3)]
    assert call.metadata["authorization"] == "Bearer k"


def test_an_interval_without_trades_is_an_empty_answer():
    assert fetched(sends())[0] == []


@pytest.mark.parametrize(("code", "retryable"), [
    (grpc.StatusCode.INVALID_ARGUMENT, False), (grpc.StatusCode.PERMISSION_DENIED, False),
    (grpc.StatusCode.UNAUTHENTICATED, False), (grpc.StatusCode.NOT_FOUND, False),
    (grpc.StatusCode.UNAVAILABLE, True), (grpc.StatusCode.RESOURCE_EXHAUSTED, True), (grpc.StatusCode.INTERNAL, True)])
def test_a_status_says_whether_asking_again_helps(code, retryable):
    fault = fault_of(refuses(code, "these words"))
    assert fault.retryable is retryable
    assert str(fault) == f"{code.name}: these words"


def test_a_server_that_is_not_there_may_be_asked_again():
    assert fault_of(sends(), port=1).retryable


def test_a_call_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(grpc_call, "ANSWER_WITHIN_S", 0.5)
    fault = fault_of(lambda call, context: call.send(trade(1)))
    assert fault.retryable
    assert "no answer within 0.5 s" in str(fault)


def test_an_endless_answer_is_no_answer(monkeypatch):
    monkeypatch.setattr(grpc_call, "ANSWER_BYTES_MAX", 5 * len(trade(1)))
    assert len(fetched(sends(*[trade(1)] * 5))[0]) == 5
    fault = fault_of(sends(*[trade(1)] * 6))
    assert (fault.retryable, "beyond" in str(fault)) == (False, True)
