"""The gRPC door against servers that break rules or try to hurt: each ends with a named error, in bounded memory."""

import asyncio
from typing import Any

import pytest

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.feeds.grpc import Call
from ingestor.feeds.http2_faults import ErrorCode, Http2Fault
from ingestor.feeds.timing import Timing
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from tests.feeds.doors import fault_of, until
from tests.feeds.grpcdoors import CALL, open_on, opened
from tests.feeds.http2peer import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Peer,
    Http2Server,
    data,
    frame,
    headers,
    message,
    number,
    packed,
    setting,
    trailers,
)
from tests.feeds.peer import Intake

HALF_MAX = (1 << 31) - 1
PROTOCOL, FLOW, CALM = ErrorCode.PROTOCOL_ERROR, ErrorCode.FLOW_CONTROL_ERROR, ErrorCode.ENHANCE_YOUR_CALM
#: 4 KB in the table, then named 5 times by one byte each: 20 KB of headers from 4 KB.
BOMB = packed(("x", "y" * 4000)) + bytes([0x80 | 62]) * 4


def after_the_call(said: bytes, told: list[int]) -> Any:
    """A script: answer the call, say it, and note the code of the client's goodbye."""
    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1), said)
        told.append(await peer.hear_goodbye())
    return script


ATTACKS = {
    "a frame of 2^24-1 bytes": (b"\xff\xff\xff" + bytes(6), "longer than the 16384", ErrorCode.FRAME_SIZE_ERROR),
    "endless continuations": (
        frame(HEADERS, 1, b"\x88") + frame(CONTINUATION, 1) * 1000, "more than 16 continuations", CALM),
    "endless headers": (
        frame(HEADERS, 1, bytes(16000)) + frame(CONTINUATION, 1, bytes(16000)) * 16, "more than 16384 bytes", CALM),
    "headers that unpack to more": (
        frame(HEADERS, 1, BOMB, END_HEADERS | 1), "don't unpack within 16384", ErrorCode.COMPRESSION_ERROR),
    "headers that are no headers": (
        frame(HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff", END_HEADERS), "don't unpack", ErrorCode.COMPRESSION_ERROR),
    "a number of 16 KB in the headers": (
        frame(HEADERS, 1, b"\xff" * 16384, END_HEADERS), "don't unpack", ErrorCode.COMPRESSION_ERROR),
    "a ping flood": (frame(PING, 0, bytes(8)) * 5000, "a flood", CALM),
    "a settings flood": (frame(SETTINGS) * 5000, "a flood", CALM),
    "a flood of empty data": (frame(DATA, 1) * 5000, "a flood", CALM),
    "a flood of informational answers": (b"", "more than 8 informational", CALM),
    "the connection's window beyond 2^31-1": (frame(WINDOW_UPDATE, 0, number(HALF_MAX)), "beyond 2^31-1", FLOW),
    "a stream's window beyond 2^31-1": (frame(WINDOW_UPDATE, 1, number(HALF_MAX)), "stream 1 widened beyond", FLOW),
    "all windows beyond 2^31-1 by a setting": (
        frame(WINDOW_UPDATE, 1, number(HALF_MAX - 65600)) + frame(SETTINGS, 0, setting(4, HALF_MAX)),
        "beyond 2^31-1", FLOW),
    "a window of 2^31 by a setting": (frame(SETTINGS, 0, setting(4, 1 << 31)), "beyond 2^31-1", FLOW),
    "a window update of zero": (frame(WINDOW_UPDATE, 1, number(0)), "of zero", PROTOCOL),
    "data of a stream of its own": (data(2, b"x"), "did not open", PROTOCOL),
    "data of a stream to come": (data(3, b"x"), "stream 3, which we did not open", PROTOCOL),
    "headers of a stream to come": (headers(5), "stream 5, which we did not open", PROTOCOL),
    "a reset of a stream to come": (frame(RST_STREAM, 7, number(8)), "stream 7, which we did not open", PROTOCOL),
    "a reset of a stream of its own": (frame(RST_STREAM, 2, number(8)), "stream 2, which we did not open", PROTOCOL),
    "a window of a stream to come": (frame(WINDOW_UPDATE, 9, number(1)), "stream 9, which we did not open", PROTOCOL),
    "a push": (frame(PUSH_PROMISE, 1, number(2) + b"\x88", END_HEADERS), "pushed", PROTOCOL),
    "headers that end nothing": (headers(1), "does not end it", PROTOCOL),
    "data after the end": (trailers(1) + data(1, b"x"), "stream 1 beyond its end", ErrorCode.STREAM_CLOSED),
    "headers after the end": (trailers(1) + headers(1) * 65, "headers for streams that are over", CALM),
    "an end inside a message": (frame(DATA, 1, message(b"cut")[:7]) + trailers(1), "in the middle", PROTOCOL),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_each_attack_ends_with_its_name_and_the_code_for_the_server(name):
    said, words, code = ATTACKS[name]
    told: list[int] = []
    script = after_the_call(said, told)
    if not said:
        async def script(peer: Http2Peer) -> None:
            await peer.hear_request()
            await peer.send(headers(1, (":status", "103")) * 9)
            told.append(await peer.hear_goodbye())
    async with opened(script) as (door, _):
        fault = await fault_of(door)
        assert isinstance(fault, Http2Fault)
        assert (words in str(fault), fault.code, fault.retryable) == (True, code, True), str(fault)
        await until(lambda: told)
        assert told == [code]


async def test_data_before_the_headers_ends_the_connection():
    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(data(1, b"x"))
        await peer.hear_goodbye()

    async with opened(script) as (door, intake):
        assert "data before the headers of stream 1" in str(await fault_of(door))
        assert intake.messages == []


@pytest.mark.parametrize("length", [16 << 20, 1 << 31, 0xFFFFFFFF])
async def test_a_length_beyond_the_limit_is_refused_before_its_bytes_come(length):
    async with opened(after_the_call(frame(DATA, 1, b"\0" + number(length) + b"x"), [])) as (door, _):
        fault = await fault_of(door)
        assert (fault.reason, str(length) in str(fault)) == (Reason.MESSAGE_TOO_BIG, True)


async def test_a_promised_length_takes_no_memory_before_its_bytes_come():
    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1), frame(DATA, 1, b"\0" + number((16 << 20) - 1) + b"x"), frame(PING, 0, bytes(8)))
        heard.append(await peer.hear_kind(PING))
        await peer.reader.read()

    heard: list[Any] = []
    async with opened(script) as (door, _):
        await until(lambda: heard)
        assert (door.joining, door.ended.done()) == (4096, False)


async def test_a_compressed_message_is_refused_since_none_was_agreed_on():
    async with opened(after_the_call(frame(DATA, 1, b"\1" + number(1) + b"x"), [])) as (door, _):
        fault = await fault_of(door)
        assert (fault.reason, "only identity" in str(fault)) == (Reason.PROTOCOL_ERROR, True)


async def test_unfinished_messages_of_many_streams_share_one_limit():
    piece = frame(DATA, 0, bytes(16384))

    async def script(peer: Http2Peer) -> None:
        streams = [(await peer.hear_request())[0] for _ in range(6)]
        for stream in streams:
            begin = frame(DATA, stream, b"\0" + number((16 << 20) - 1))
            await peer.send(headers(stream), begin, (piece[:5] + number(stream) + piece[9:]) * 870)
        await peer.hear_goodbye()

    async with Http2Server(script) as server:
        door = await open_on(server.url, Intake())
        door.set_calls(Call("/service/Method", b"T", bytes([i])) for i in range(6))
        fault = await fault_of(door)
        assert (fault.reason, "together" in str(fault)) == (Reason.MESSAGE_TOO_BIG, True)
        await door.close()


async def test_a_server_that_goes_on_with_a_stream_we_ended_is_cut_at_its_window():
    piece = frame(DATA, 1, bytes(16384))
    told: list[int] = []

    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1))
        await peer.hear_kind(RST_STREAM)
        await peer.send(piece * 1024)
        await peer.send(frame(PING, 0, b"still on"))
        told.append((await peer.hear_kind(PING)).flags)
        await peer.send(piece)
        told.append(await peer.hear_goodbye())

    async with opened(script) as (door, _):
        door.set_calls([])
        fault = await fault_of(door)
        assert "beyond its end or its window" in str(fault)
        await until(lambda: len(told) == 2)
        assert told == [1, ErrorCode.STREAM_CLOSED]


async def test_a_server_that_reads_nothing_is_given_up():
    async def script(peer: Http2Peer) -> None:
        await peer.send(frame(SETTINGS, 0, setting(4, HALF_MAX)), frame(WINDOW_UPDATE, 0, number(HALF_MAX - 65535)))
        await asyncio.sleep(30)

    async with Http2Server(script) as server:
        door = await open_on(server.url, Intake())
        await asyncio.sleep(0.05)   # its window
        door.set_calls([Call("/service/Method", b"T", bytes(24 << 20)), CALL])
        assert (await fault_of(door)).reason is Reason.PEER_NOT_READING
        await door.close()


@pytest.mark.parametrize(("said", "words"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak HTTP/2"),
    (b"\x15\x03\x01\0\x02\x02\x28\0\0", "does not speak HTTP/2"),
    (frame(SETTINGS, 0, setting(5, 1)), "a setting"),
])
async def test_a_server_that_speaks_something_else_is_told_at_once(said, words):
    async def script(peer: Http2Peer) -> None:
        await peer.send(said)
        await peer.reader.read()

    async with Http2Server(script, settings=None) as server:
        with pytest.raises(ConnectionFault, match=words):
            await open_on(server.url, Intake())


async def test_a_server_that_floods_is_met_with_growing_pauses():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0 if seconds < 10 else seconds)

    provider, intakes = load("kaiko"), []

    def connect(section: str, name: str) -> Intake:
        intakes.append(Intake())
        return intakes[-1]

    async with Http2Server(after_the_call(frame(PING, 0, bytes(8)) * 5000, [])) as server:
        feed = Feed(
            provider, FeedSettings(url=server.url, limits={"connects_per_minute_max": 0, "silence_max_s": 0}), connect,
            timing=Timing(sleep=sleep, uniform=lambda low, high: high))
        feed.set_subscriptions([Subscription("trades", "btc-usd", "spot", "cbse")])
        running = asyncio.create_task(feed.run())
        await until(lambda: feed.stats()[0].disconnects["protocol_error"] >= 4)
        await feed.stop()
        await running
        assert "a flood" in feed.stats()[0].last_error
    assert [pause for pause in slept if pause in (0.5, 1.0, 2.0, 4.0)][:4] == [0.5, 1.0, 2.0, 4.0]
    assert all(intake.closed == 1 for intake in intakes)
