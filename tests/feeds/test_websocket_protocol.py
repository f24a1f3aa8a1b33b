"""RFC 6455 and RFC 7692 at our door: what must be refused, what must be taken, and any stream against a slow ear."""

import asyncio
import random
import struct

import pytest

from ingestor.feeds.door import ConnectionFault, Reason
from tests.feeds.doors import fault_of, open_door, opened
from tests.feeds.peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Intake, Peer, Server, closing, frame
from tests.feeds.rfc6455 import hear
from tests.feeds.test_deflate import Deflater

STREAMS = 400
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def saying(*frames: bytes):
    """Send, and stay until the client closes."""
    async def script(peer: Peer) -> None:
        await peer.send(*frames)
        await peer.reader.read()
    return script


FORBIDDEN = {
    **{f"kind {kind}": frame(b"x", kind) for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"reserved bits {bits:03b}": frame(b"x", rsv=bits) for bits in range(1, 8)},
    "a length of 2 bytes for 125": b"\x82\x7e" + struct.pack("!H", 125) + b"x" * 125,
    "a length of 8 bytes for 65535": b"\x82\x7f" + struct.pack("!Q", 65_535) + b"x" * 65_535,
    "a length of 2^63": b"\x82\x7f" + struct.pack("!Q", 1 << 63),
    "a length of 2^64 - 1": b"\x82\x7f" + b"\xff" * 8,
    "a masked ping": frame(b"", PING, masked=True),
    "a masked goodbye": frame(struct.pack("!H", 1000), CLOSE, masked=True),
    "a fragmented goodbye": frame(struct.pack("!H", 1000), CLOSE, fin=False),
    "a fragmented pong": frame(b"", PONG, fin=False),
    "a pong of 126 bytes": frame(b"x" * 126, PONG),
    "a goodbye of 126 bytes": closing(1000, b"x" * 124),
    "a continuation after a whole message": frame(b"x") + frame(b"y", CONTINUATION),
    "a continuation after the last": frame(b"x", fin=False) + frame(b"", CONTINUATION) + frame(b"y", CONTINUATION),
    "a binary message inside a text message": frame(b"x", TEXT, fin=False) + frame(b"y", BINARY),
    "a goodbye with half a character": closing(1000, "é".encode()[:1]),
    "a goodbye with a surrogate": closing(1000, b"\xed\xa0\x80"),
    "a goodbye with an overlong slash": closing(1000, b"\xc0\xaf"),
    **{f"the close code {code}": closing(code) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)},
}


@pytest.mark.parametrize("wrong", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_what_a_client_must_refuse_ends_the_connection_as_a_violation(wrong):
    async with opened(saying(frame(b"before"), wrong, frame(b"after"))) as (door, intake):
        assert (await fault_of(door)).reason is Reason.PROTOCOL_ERROR
        assert b"after" not in intake.messages
        assert intake.messages[0] == b"before"


@pytest.mark.parametrize("code", sorted({*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999}))
async def test_each_close_code_that_may_be_sent_is_a_goodbye(code):
    async with opened(saying(closing(code, b"x" * 123))) as (door, _):
        fault = await fault_of(door)
    assert fault.reason is Reason.SERVER_CLOSED
    assert str(code) in str(fault)


async def test_a_goodbye_inside_a_message_ends_it_unread():
    async with opened(saying(frame(b"half", TEXT, fin=False), closing(1001), frame(b"rest", CONTINUATION))) as (
            door, intake):
        assert (await fault_of(door)).reason is Reason.SERVER_CLOSED
        assert intake.messages == []


async def test_a_message_in_a_thousand_fragments_with_pings_between_them_is_whole():
    pieces = [frame(b"%03d" % i, CONTINUATION, fin=False) for i in range(1, 999)]
    pieces = [each for piece in pieces for each in (piece, frame(b"", PONG))]
    script = saying(frame(b"000", TEXT, fin=False), *pieces, frame(b"999", CONTINUATION))
    async with opened(script) as (_, intake):
        assert await intake.until(1) == [b"".join(b"%03d" % i for i in range(1000))]


# Compression.


def compressed(*frames: bytes):
    return opened(saying(*frames), answer=(DEFLATE,), deflate=True)


@pytest.mark.parametrize("wrong", [
    frame(b"x", PING, rsv=4), frame(struct.pack("!H", 1000), CLOSE, rsv=4),
    frame(Deflater()(b"xx"), fin=False, rsv=4) + frame(b"", CONTINUATION, rsv=4), frame(Deflater()(b"x"), rsv=5),
    frame(Deflater()(b"x"), rsv=6), frame(b"", CONTINUATION, rsv=4),
], ids=["a ping", "a goodbye", "a continuation", "another reserved bit", "the third one", "a continuation of nothing"])
async def test_the_compression_bit_stands_on_the_first_frame_of_a_message_only(wrong):
    async with compressed(wrong, frame(b"after")) as (door, intake):
        assert (await fault_of(door)).reason is Reason.PROTOCOL_ERROR
        assert intake.messages == []


async def test_empty_messages_may_be_compressed_in_each_way():
    async with compressed(frame(b"\x00", rsv=4), frame(b"\x02\x00", rsv=4), frame(b"x")) as (_, intake):
        assert await intake.until(3) == [b"", b"", b"x"]


@pytest.mark.parametrize(("answer", "sender"), [
    ("; server_no_context_takeover", Deflater()), ("; server_max_window_bits=9", Deflater()),
], ids=["an earlier message", "further back than agreed"])
async def test_a_sender_that_refers_to_what_was_not_agreed_on_is_found_out(answer, sender):
    text = random.Random(3).randbytes(2000)
    first, second = sender(text), sender(text)
    async with opened(saying(frame(first, rsv=4), frame(second, rsv=4)), answer=(DEFLATE + answer,), deflate=True) as (
            door, intake):
        assert (await fault_of(door)).reason is Reason.DEFLATE_ERROR
        assert intake.messages in ([], [text])


@pytest.mark.parametrize("wrong", [
    b"", b"\x07", b"\xff\xff\xff", b"\x01\x05\x00\x00\x00hello", Deflater()(b"hello " * 50)[:-3] + b"\xff\xff\xff",
], ids=["nothing", "a block of no type", "ones", "a stored block of two lengths", "a damaged end"])
async def test_what_does_not_inflate_ends_the_connection_and_is_not_read(wrong):
    async with compressed(frame(b"before"), frame(wrong, rsv=4), frame(b"after")) as (door, intake):
        assert (await fault_of(door)).reason is Reason.DEFLATE_ERROR
        assert intake.messages == [b"before"]


@pytest.mark.parametrize("parameters", [
    "; server_max_window_bits=16", "; server_max_window_bits=7", "; server_max_window_bits",
    "; client_max_window_bits=8", "; server_no_context_takeover=true", "; mystery", ", permessage-deflate",
    ", x-webkit-deflate-frame",
    "; server_no_context_takeover; server_no_context_takeover",
])
async def test_parameters_that_can_not_be_kept_refuse_the_upgrade(parameters):
    async with Server(saying(), headers=(DEFLATE + parameters,)) as server:
        with pytest.raises(ConnectionFault) as caught:
            await open_door(server.url, Intake(), deflate=True)
    assert caught.value.reason is Reason.HANDSHAKE_REFUSED


# The answer to the upgrade.


def without(name: str, *more: str):
    """The right answer without one header, with others instead."""
    async def script(peer: Peer) -> None:
        lines = [line for line in peer.upgrade(*more).decode().split("\r\n") if not line.startswith(name)]
        await peer.send("\r\n".join(lines).encode(), frame(b"data"))
        await peer.reader.read()
    return script


@pytest.mark.parametrize("script", [
    without("Upgrade:"), without("Upgrade:", "Upgrade: h2c"), without("Connection:"),
    without("Connection:", "Connection: close"), without("Sec-WebSocket-Accept:"),
    without("Sec-WebSocket-Accept:", "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="),
    without("Sec-WebSocket-Accept:", "Sec-WebSocket-Accept:"), without("nothing", "Sec-WebSocket-Protocol: mqtt"),
    without("HTTP/1.1", ""),
], ids=["no Upgrade", "another Upgrade", "no Connection", "another Connection", "no Accept", "another Accept",
        "an empty Accept", "a subprotocol nobody asked for", "no status line"])
async def test_an_answer_that_is_no_acceptance_is_refused_and_nothing_is_read(script):
    intake = Intake()
    async with Server(script, upgrade=False) as server:
        with pytest.raises(ConnectionFault) as caught:
            await open_door(server.url, intake)
    assert caught.value.reason is Reason.HANDSHAKE_REFUSED
    assert intake.messages == []


@pytest.mark.parametrize("status", [100, 204, 301, 307, 308, 400, 404, 418, 426, 500, 502, 599])
async def test_each_other_status_is_a_refusal_that_may_be_tried_again(status):
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 %d Words\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n" % status)
        await peer.reader.read()

    async with Server(script, upgrade=False) as server:
        with pytest.raises(ConnectionFault) as caught:
            await open_door(server.url, Intake())
    assert (caught.value.reason, caught.value.retryable) == (Reason.HANDSHAKE_REFUSED, True)
    assert str(status) in str(caught.value)


# Any stream.


def random_frame(chance: random.Random) -> bytes:
    """Mostly what a server may send, at times what it may not."""
    kind = chance.choice((TEXT, TEXT, TEXT, BINARY, CONTINUATION, CONTINUATION, PING, PONG, CLOSE))
    payload = chance.randbytes(chance.choice((0, 1, 2, 7, 125, 126, 200)))
    if kind == CLOSE:
        payload = struct.pack("!H", chance.choice((1000, 1001, 1005, 1014, 1015, 3000, 5000))) + payload[:20]
        payload = payload if chance.random() < 0.3 else payload[:2]
    elif kind in (PING, PONG):
        payload = payload[:125] if chance.random() < 0.95 else payload
    made = bytearray(frame(payload, kind, fin=kind >= CLOSE or chance.random() < 0.6,
                           rsv=0 if chance.random() < 0.97 else chance.randrange(8)))
    if chance.random() < 0.04:
        made[chance.randrange(min(4, len(made)))] ^= 1 << chance.randrange(8)
    return bytes(made)


def random_stream(chance: random.Random) -> bytes:
    return b"".join(random_frame(chance) for _ in range(chance.randrange(1, 12)))


async def test_any_stream_is_heard_as_the_slow_ear_hears_it():
    chance = random.Random(6455)
    streams = [random_stream(chance) for _ in range(STREAMS)]
    # What follows a goodbye is nobody's, but picows looks at it and may complain of it instead.
    streams = [stream[:hear(stream).at] if hear(stream).end == "closed" else stream for stream in streams]
    served = iter(streams)

    async def script(peer: Peer) -> None:
        stream = next(served)
        while stream:       # in pieces, so that frames are cut anywhere
            size = chance.choice((1, 2, 3, 50, 1000))
            await peer.send(stream[:size])
            stream = stream[size:]
            await asyncio.sleep(0)
        peer.writer.write_eof()
        await peer.hear_close()

    ends = {"open": Reason.CONNECTION_LOST, "closed": Reason.SERVER_CLOSED, "violation": Reason.PROTOCOL_ERROR}
    seen = set()
    async with Server(script) as server:
        for stream in streams:
            intake, wanted = Intake(), hear(stream)
            door = await open_door(server.url, intake)
            fault = await fault_of(door)
            await door.close()
            assert fault.reason is ends[wanted.end], stream
            # After a goodbye that is none, what one more read brings may be heard.
            heard = intake.messages[:len(wanted.messages)] if wanted.end == "violation" else intake.messages
            assert heard == wanted.messages, stream
            seen.add(wanted.end)
    assert seen == set(ends)
