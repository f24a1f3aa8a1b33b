"""The gRPC door against two foreign servers, and against grpcio's client on the same: same messages, same end."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import grpc
import grpc.aio
import pytest

from ingestor.feeds.door import Reason
from ingestor.feeds.grpc import Call, MessageStream
from tests.feeds.certificates import Authority
from tests.feeds.doors import fault_of
from tests.feeds.grpcdoors import open_on
from tests.feeds.grpcservers import Wanted, grpcio_server, java_is_missing, java_server
from tests.feeds.peer import Intake

METHOD = "/some.Service/Subscribe"
CASES = {
    "many small messages": Wanted(3000, 100), "none": Wanted(0, 0), "empty ones": Wanted(1, 0),
    "messages of several frames": Wanted(40, 70_000), "more than a window": Wanted(20, 2_000_000),
    "the largest": Wanted(1, (16 << 20) - 1),
    **{f"code {code}": Wanted(2, 10, code, "50% of “it” went wrong\nhere") for code in range(1, 17)},
    "a failure without a word": Wanted(0, 0, 13),
}


@pytest.fixture(scope="module", params=["grpcio", "java"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with server(request.param) as found:
        yield found


def server(name: str, *certificate: Any) -> AbstractContextManager[int]:
    if name == "grpcio":
        return grpcio_server(*certificate)
    if missing := java_is_missing():
        pytest.skip(f"no {missing}: a JDK and Maven run the server of another implementation")
    return java_server(*certificate)


async def ours(port: int, request: bytes) -> tuple[list[bytes], int, str]:
    """What the door's stream brings, and its status."""
    intake = Intake()
    door = await open_on(f"http://127.0.0.1:{port}", intake)
    stream = MessageStream(door, b"T", asyncio.Event())
    door.start_call(stream, METHOD, request)
    status = await stream.ended
    await door.close()
    assert all(message[:1] == b"T" for message in intake.messages)
    return [message[1:] for message in intake.messages], int(status.code), status.message


async def theirs(port: int, request: bytes) -> tuple[list[bytes], int, str]:
    """The same by grpcio's client."""
    options = (("grpc.max_receive_message_length", -1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        call = channel.unary_stream(METHOD)(request)
        messages: list[bytes] = []
        try:
            async for message in call:
                messages.append(message)    # noqa: PERF401 - what came before a failure counts
        except grpc.aio.AioRpcError:
            pass
        return messages, (await call.code()).value[0], await call.details() or ""


@pytest.mark.parametrize("name", CASES)
async def test_the_door_and_grpcio_hear_the_same_of_every_server(port, name):
    wanted = CASES[name]
    heard = await ours(port, wanted.request)
    assert heard == (wanted.messages, wanted.code, wanted.words)
    assert heard == await theirs(port, wanted.request)


async def test_many_calls_share_a_connection(port):
    door = await open_on(f"http://127.0.0.1:{port}", intake := Intake())
    wanted = Wanted(50, 30_000)
    streams = [MessageStream(door, bytes([65 + i]), asyncio.Event()) for i in range(20)]
    for stream in streams:
        door.start_call(stream, METHOD, wanted.request)
    assert {(await stream.ended).code for stream in streams} == {0}
    for i in range(20):
        assert [each[1:] for each in intake.messages if each[0] == 65 + i] == wanted.messages
    await door.close()


async def test_a_server_is_held_back_while_reading_is_paused(port):
    door = await open_on(f"http://127.0.0.1:{port}", intake := Intake())
    wanted = Wanted(60, 1_000_000)
    stream = MessageStream(door, b"", asyncio.Event())
    door.pause_reading()
    door.start_call(stream, METHOD, wanted.request)
    await asyncio.sleep(0.1)
    assert intake.messages == []
    door.resume_reading()
    assert (await stream.ended).code == 0
    assert intake.messages == wanted.messages
    await door.close()


@pytest.mark.parametrize("name", ["grpcio", "java"])
async def test_tls_with_alpn(name, tmp_path):
    authority = Authority(tmp_path)
    with server(name, *authority.issue("127.0.0.1")) as port:
        door = await open_on(
            f"https://127.0.0.1:{port}", intake := Intake(), tls=ssl.create_default_context(cafile=authority.file))
        door.set_calls([Call(METHOD, b"", Wanted(300, 1000, 14, "enough").request)])
        fault = await fault_of(door)
        assert (fault.reason, str(fault)) == (Reason.CONNECTION_LOST, "UNAVAILABLE: enough")
        assert intake.messages == Wanted(300, 1000).messages
        await door.close()
