"""The gRPC door's side of the conversation, against a server that says what a test wants, byte for byte."""

import asyncio
import ssl
from typing import Any

import pytest
from hpack import Decoder, NeverIndexedHeaderTuple

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.grpc import Call
from ingestor.feeds.timing import Timing
from tests.feeds.certificates import Authority
from tests.feeds.doors import fault_of, until
from tests.feeds.faketime import FakeTime, settle
from tests.feeds.grpcdoors import CALL, open_on, opened
from tests.feeds.http2peer import (
    ACK,
    ANSWER,
    CONTINUATION,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
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
    setting,
    trailers,
)
from tests.feeds.peer import Intake


def calls(count: int) -> list[Call]:
    return [Call("/service/Method", b"T", b"%d" % i) for i in range(count)]


# What we say.


async def test_a_request_has_the_headers_of_grpc_and_a_key_that_no_table_remembers():
    heard: list[Any] = []

    async def script(peer: Http2Peer) -> None:
        heard.append(await peer.hear())
        heard.append(await peer.hear_kind(HEADERS))
        heard.append(await peer.hear_kind(DATA))

    async with Http2Server(script) as server:
        door = await open_on(server.url, Intake(), metadata={"Authorization": "Bearer k3y"})
        door.set_calls([CALL])
        await until(lambda: len(heard) == 3)
        await door.close()
    settings, request, body = heard
    assert settings.payload == setting(2, 0) + setting(4, 16 << 20) + setting(6, 16 << 10), "no push, a wide window"
    fields = Decoder().decode(request.payload)
    assert dict(fields) == {
        ":method": "POST", ":scheme": "http", ":path": "/service/Method", ":authority": server.url.split("/")[-1],
        "te": "trailers", "content-type": "application/grpc", "user-agent": "ingestor",
        "grpc-accept-encoding": "identity", "authorization": "Bearer k3y"}
    assert [type(field) for field in fields if field[0] == "authorization"] == [NeverIndexedHeaderTuple]
    assert (body.payload, body.flags) == (message(b"please"), END_STREAM)


async def test_a_key_that_no_header_may_hold_is_refused_and_not_shown():
    async def script(peer: Http2Peer) -> None:
        await peer.reader.read()

    async with Http2Server(script) as server:
        door = await open_on(server.url, Intake(), metadata={"authorization": "Bearer k3y\n"})
        door.set_calls([CALL])
        fault = await fault_of(door)
        assert (fault.retryable, "k3y" in str(fault), "authorization" in str(fault)) == (False, False, True)
        await door.close()


async def test_a_long_request_waits_for_the_windows_and_keeps_the_frames_short():
    body, sizes = bytes(100_000), []

    async def script(peer: Http2Peer) -> None:
        left = len(body) + 5
        for room in (65_535, 30_000, left - 95_535):    # the RFC's initial window, then what we give
            while room:
                heard = await peer.hear_kind(DATA)
                sizes.append(len(heard.payload))
                room -= len(heard.payload)
            await peer.send(frame(WINDOW_UPDATE, 0, number(30_000)), frame(WINDOW_UPDATE, 1, number(30_000)))
        assert heard.flags == END_STREAM
        await peer.send(headers(1), data(1, b"heard"))
        await peer.reader.read()

    intake = Intake()
    async with Http2Server(script) as server:
        door = await open_on(server.url, intake)
        door.set_calls([Call("/service/Method", b"T", body)])
        assert await intake.until(1) == [b"Theard"]
        assert (sum(sizes), max(sizes)) == (100_005, 16384)
        await door.close()


async def test_a_window_opened_by_a_later_setting_is_used():
    async def script(peer: Http2Peer) -> None:
        await peer.hear_kind(HEADERS)
        await peer.send(frame(SETTINGS, 0, setting(4, 3)))
        pieces.append((await peer.hear_kind(DATA)).payload)
        await peer.send(frame(WINDOW_UPDATE, 1, number(100)))
        pieces.append((await peer.hear_kind(DATA)).payload)

    pieces: list[bytes] = []
    async with opened(script, settings=setting(4, 0)):
        await until(lambda: len(pieces) == 2)
        assert (b"".join(pieces), len(pieces[0])) == (message(b"please"), 3)


async def test_long_metadata_goes_on_in_continuations():
    kinds: list[int] = []

    async def script(peer: Http2Peer) -> None:
        while len(kinds) < 3:
            heard = await peer.hear()
            if heard.kind in (HEADERS, CONTINUATION, DATA):
                kinds.append(heard.kind)

    async with Http2Server(script) as server:
        door = await open_on(server.url, Intake(), metadata={"x-note": "~" * 20_000})
        door.set_calls([CALL])
        await until(lambda: len(kinds) == 3)
        assert kinds == [HEADERS, CONTINUATION, DATA]
        await door.close()


async def test_no_more_streams_are_open_than_the_server_allows():
    asked: list[bytes] = []

    async def script(peer: Http2Peer) -> None:
        for _ in range(2):
            stream, _, body = await peer.hear_request()
            asked.append(body)
        await peer.send(frame(PING, 0, bytes(8)))
        await peer.hear_kind(PING)      # a third request would have come before
        assert len(asked) == 2
        await peer.send(headers(stream), trailers(stream, 3, "no"))
        asked.append((await peer.hear_request())[2])
        await peer.send(frame(SETTINGS, 0, setting(3, 100)))
        asked.append((await peer.hear_request())[2])

    async with Http2Server(script, settings=setting(3, 2)) as server:
        door = await open_on(server.url, Intake())
        door.set_calls(calls(4))
        await until(lambda: len(asked) == 4)
        assert [body[5:] for body in asked] == [b"0", b"1", b"2", b"3"]
        await door.close()


async def test_a_server_without_a_header_table_is_obeyed():
    async def script(peer: Http2Peer) -> None:
        fields.extend([(await peer.hear_request())[1] for _ in range(3)])

    fields: list[dict[str, str]] = []
    async with Http2Server(script, settings=setting(1, 0)) as server:
        door = await open_on(server.url, Intake())
        door.set_calls(calls(3))
        await until(lambda: len(fields) == 3)
        assert fields[0] == fields[1] == fields[2]
        await door.close()


async def test_settings_and_pings_are_answered():
    async def script(peer: Http2Peer) -> None:
        answers.append(await peer.hear_kind(SETTINGS))
        answers.append(await peer.hear_kind(SETTINGS))
        await peer.send(frame(PING, 0, b"are you?"))
        answers.append(await peer.hear_kind(PING))

    answers: list[Any] = []
    async with opened(script) as (door, _):
        await until(lambda: len(answers) == 3)
        assert [(each.flags, each.payload) for each in answers[1:]] == [(ACK, b""), (ACK, b"are you?")]
        assert door.frames == 1, "a ping proves the server alive"


# What we hear.


async def test_messages_cut_anywhere_by_frames_and_reads_arrive_whole():
    contents = [b"", b"a", b"bcdef", b"g" * 300, b"", b"h" * 5000]
    stream = b"".join(map(message, contents))

    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1))
        for size in (1, 2, 3, 5, 6, 7, 64, 4096, len(stream)):
            for at in range(0, len(stream), size):
                await peer.send(frame(DATA, 1, stream[at:at + size]))
        await peer.reader.read()

    async with opened(script) as (door, intake):
        wanted = [b"T" + content for content in contents] * 9
        assert await intake.until(len(wanted)) == wanted
        assert (door.frames, door.bytes_in) == (len(wanted), sum(map(len, wanted)))


async def test_two_streams_interleave_in_the_middle_of_their_messages():
    one, two = message(b"one" * 50), message(b"two" * 50)

    async def script(peer: Http2Peer) -> None:
        for _ in range(2):
            await peer.hear_request()
        await peer.send(
            headers(1), headers(3), frame(DATA, 1, one[:9]), frame(DATA, 3, two[:3]), frame(DATA, 1, one[9:] + one[:2]),
            frame(DATA, 3, two[3:]), frame(DATA, 1, one[2:]))
        await peer.reader.read()

    intake = Intake()
    async with Http2Server(script) as server:
        door = await open_on(server.url, intake)
        door.set_calls([CALL, Call("/service/Other", b"prefx", b"")])
        assert await intake.until(3) == [b"T" + b"one" * 50, b"prefx" + b"two" * 50, b"T" + b"one" * 50]
        await door.close()


async def test_windows_are_given_back_by_halves():
    piece = frame(DATA, 1, message(bytes(16379)))

    async def script(peer: Http2Peer) -> None:
        await peer.hear_kind(WINDOW_UPDATE)     # the connection's, at the begin
        await peer.hear_request()
        await peer.send(headers(1), piece * 512)
        updates.extend([await peer.hear_kind(WINDOW_UPDATE) for _ in range(2)])
        await peer.send(piece * 512)
        updates.extend([await peer.hear_kind(WINDOW_UPDATE) for _ in range(2)])

    updates: list[Any] = []
    async with opened(script):
        await until(lambda: len(updates) == 4)
        assert [(each.stream, each.payload) for each in updates] == [(0, number(8 << 20)), (1, number(8 << 20))] * 2


HASTY = Timing(uniform=lambda low, high: low)   # no pauses


@pytest.mark.parametrize(("fields", "words"), [
    ([(":status", "503"), ("content-type", "text/plain"), ("retry-after", "7")], "UNAVAILABLE: the server answered"),
    ([(":status", "200"), ("content-type", "text/html")], "UNKNOWN: the server answered with content-type 'text/html'"),
    ([*ANSWER, ("grpc-encoding", "gzip")], "INTERNAL: the server packs its messages by 'gzip'"),
])
async def test_an_answer_that_is_no_grpc_is_told_and_its_page_is_not_read(fields, words):
    async def script(peer: Http2Peer) -> None:
        while True:
            stream = (await peer.hear_request())[0]
            page = frame(DATA, stream, b"<html>not available</html>")
            await peer.send(headers(stream, *fields), page, frame(DATA, stream, b"", END_STREAM))

    async with opened(script, timing=HASTY) as (door, intake):
        fault = await fault_of(door)
        assert (str(fault).startswith(words), fault.retryable, intake.messages) == (True, True, []), str(fault)
        assert fault.retry_after_s == (7.0 if "503" in str(fault) else 0.0)


async def test_a_call_that_fails_for_now_is_made_again_and_disturbs_no_other():
    told: list[Any] = []

    async def script(peer: Http2Peer) -> None:
        good, bad = [(await peer.hear_request())[0] for _ in range(2)]
        await peer.send(headers(good))
        for code in (13, 13, 13, 13, 13, 0, 8, 3):      # a message begins the count anew
            await peer.send(headers(bad), *([data(bad, b"bad")] if code == 8 else []), trailers(bad, code, "why"))
            await peer.send(data(good, b"good"))
            if code != 3:
                bad = (await peer.hear_request())[0]
        await peer.reader.read()

    time = FakeTime()
    intake = Intake()
    async with Http2Server(script) as server:
        door = await open_on(
            server.url, intake, timing=time.timing, on_refused=lambda call, *words: told.append((call.request, *words)))
        door.set_calls(calls(2))
        while len(told) < 7:
            await time.advance(1)
            await asyncio.sleep(0.001)
        assert told == [*[(b"1", "INTERNAL: why", True)] * 5, (b"1", "RESOURCE_EXHAUSTED: why", True),
                        (b"1", "INVALID_ARGUMENT: why", False)]
        assert await intake.until(9) == [*[b"Tgood"] * 6, b"Tbad", b"Tgood", b"Tgood"]
        assert not door.ended.done()
        await door.close()
    assert [pause for pause in time.slept if pause != 310] == [0.5, 1.0, 2.0, 4.0, 8.0, 2.0, 0.5]


async def test_a_call_that_fails_too_often_takes_the_connection_with_it():
    asked: list[int] = []

    async def script(peer: Http2Peer) -> None:
        while True:
            asked.append((await peer.hear_request())[0])
            await peer.send(frame(RST_STREAM, asked[-1], number(2)))

    async with opened(script, timing=HASTY) as (door, _):
        fault = await fault_of(door)
        assert (fault.reason, fault.retryable) == (Reason.PROVIDER_ERROR, True)
        assert str(fault) == "INTERNAL: the server reset the stream: INTERNAL_ERROR"
        assert len(asked) == 6


async def test_an_informational_answer_comes_before_the_real_one():
    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1, (":status", "103")), headers(1), data(1, b"x"))
        await peer.reader.read()

    async with opened(script) as (_, intake):
        assert await intake.until(1) == [b"Tx"]


# Goodbyes.


async def test_a_server_that_goes_away_is_told_and_its_streams_go_on_until_it_closes():
    told: list[str] = []
    may_close = asyncio.Event()

    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(headers(1), frame(GOAWAY, 0, number(1) + number(0) + b"maintenance"), data(1, b"last words"))
        await may_close.wait()

    async with Http2Server(script) as server:
        intake = Intake()
        door = await open_on(server.url, intake, on_leaving=told.append)
        door.set_calls([CALL])
        assert await intake.until(1) == [b"Tlast words"]
        assert told == ["the server goes away: NO_ERROR maintenance"]
        door.set_calls([CALL, *calls(1)])
        assert door.has_room() is False
        may_close.set()
        assert (await fault_of(door)).reason is Reason.RECONNECT_REQUESTED
        await door.close()


async def test_a_server_that_throws_us_out_says_why():
    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        await peer.send(frame(GOAWAY, 0, number(0) + number(11) + b"too_many_pings"))
        await peer.reader.read()

    async with opened(script) as (door, _):
        fault = await fault_of(door)
        assert (fault.reason, fault.retryable) == (Reason.SERVER_CLOSED, True)
        assert str(fault) == "the server closed the connection: ENHANCE_YOUR_CALM too_many_pings"


async def test_closing_resets_the_streams_and_says_goodbye():
    heard: list[Any] = []

    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        heard.append(await peer.hear_kind(RST_STREAM))
        heard.append(await peer.hear_kind(GOAWAY))

    async with opened(script) as (door, _):
        await settle()
        await asyncio.sleep(0.05)
        await door.close()
        assert (await fault_of(door)).reason is Reason.STOPPED
        await until(lambda: len(heard) == 2)
    assert [(each.stream, each.payload) for each in heard] == [(1, number(8)), (0, number(0) + number(0))]


# A silent line.


async def test_a_silent_line_is_pinged_and_given_up_when_nothing_answers():
    pings: list[Any] = []

    async def script(peer: Http2Peer) -> None:
        await peer.hear_request()
        pings.append(await peer.hear_kind(PING))
        await peer.send(frame(PING, 0, pings[0].payload, ACK))
        pings.append(await peer.hear_kind(PING))
        await peer.reader.read()

    time = FakeTime()
    async with opened(script, timing=time.timing) as (door, _):
        await asyncio.sleep(0.05)
        await time.advance(310)     # the call was asked in between
        await time.advance(310)
        await until(lambda: len(pings) == 1)
        await asyncio.sleep(0.05)   # the answer comes
        await time.advance(20)
        assert not door.ended.done()
        await time.advance(310)
        await until(lambda: len(pings) == 2)
        await time.advance(20)
        fault = await fault_of(door)
        assert (fault.reason, str(fault)) == (Reason.CONNECTION_LOST, "no answer to a ping within 20 s")


async def test_a_paused_line_is_not_taken_for_a_dead_one():
    async def script(peer: Http2Peer) -> None:
        await peer.reader.read()

    time = FakeTime()
    async with opened(script, timing=time.timing) as (door, _):
        door.pause_reading()
        await time.advance(10_000)
        assert not door.ended.done()


@pytest.mark.parametrize("url", ["", "grpc://", "http://:1", "host:port", "http://127.0.0.1:99999"])
async def test_what_is_no_address_is_refused_for_good(url):
    with pytest.raises(ConnectionFault, match="host:port") as caught:
        await open_on(url, Intake())
    assert not caught.value.retryable


async def test_tls_without_http2_is_refused_by_name(tmp_path):
    authority = Authority(tmp_path)
    chain, key = authority.issue("127.0.0.1")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(chain, key)

    async def script(peer: Http2Peer) -> None:
        await peer.reader.read()

    async with Http2Server(script, settings=None, tls=theirs) as server:
        with pytest.raises(ConnectionFault, match="not HTTP/2") as caught:
            await open_on(server.url, Intake(), tls=ssl.create_default_context(cafile=authority.file))
        assert caught.value.reason is Reason.HANDSHAKE_REFUSED
