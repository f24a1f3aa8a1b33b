"""The WebSocket door over a real socket: messages, control frames, faults, closing."""

import asyncio
import time

import pytest

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.records import DecodeStatus
from tests.feeds.doors import fault_of, open_door, opened
from tests.feeds.peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Intake,
    Peer,
    Server,
    closing,
    frame,
)

FRAME_BYTES_MAX = 16 << 20


async def hold(peer: Peer) -> None:
    """Stay until the client closes, and answer that."""
    await peer.hear_close()
    await peer.send(closing(1000))


def saying(*frames: bytes):
    async def script(peer: Peer) -> None:
        await peer.send(*frames)
        await hold(peer)
    return script


async def test_text_and_binary_messages_arrive_whole_and_in_order():
    async with opened(saying(frame(b"one"), frame(b"\x00\xff", BINARY), frame(b""))) as (door, intake):
        assert await intake.until(3) == [b"one", b"\x00\xff", b""]
        assert (door.frames, door.bytes_in) == (3, 5)


async def test_text_that_is_not_utf8_reaches_the_decoder_and_the_connection_stays():
    async with opened(saying(frame(b"\xff\xfe{"), frame(b"{}"))) as (_, intake):
        assert await intake.until(2) == [b"\xff\xfe{", b"{}"]


async def test_what_comes_with_the_upgrade_answer_is_not_lost():
    async def script(peer: Peer) -> None:
        await peer.send(peer.upgrade(), frame(b"early"))
        await hold(peer)

    intake = Intake()
    async with Server(script, upgrade=False) as server:
        door = await open_door(server.url, intake)
        assert await intake.until(1) == [b"early"]
        await door.close()


async def test_frames_of_one_read_share_their_receive_time_and_one_batch_boundary():
    async with opened(saying(b"".join(frame(b"%d" % i) for i in range(40)))) as (door, intake):
        before = time.time_ns()
        await intake.until(40)
        assert len(set(intake.times)) == 1
        assert abs(intake.times[0] - before) < 60e9
        assert intake.boundaries == 1
        assert door.last_frame_ns == intake.times[0]


async def test_each_read_has_its_own_receive_time():
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"one"))
        await more.wait()
        await peer.send(frame(b"two"))
        await hold(peer)

    async with opened(script) as (_, intake):
        await intake.until(1)
        more.set()
        await intake.until(2)
        assert intake.times[0] < intake.times[1] < time.time_ns() + 60e9


async def test_a_long_burst_has_a_batch_boundary_each_64_frames():
    async with opened(saying(b"".join(frame(b"%d" % i) for i in range(1000)))) as (_, intake):
        await intake.until(1000)
        assert intake.boundaries >= 1000 // 64
        assert len(set(intake.times)) <= 3


async def test_the_pipelines_control_messages_go_to_the_link_too():
    told: list[bytes] = []
    intake = Intake(lambda message: message == b"ack")
    async with opened(saying(frame(b"ack"), frame(b"data")), intake=intake, on_control=told.append):
        await intake.until(2)
        assert told == [b"ack"]


async def test_a_message_is_joined_from_fragments_with_control_frames_between_them():
    heard = []

    async def script(peer: Peer) -> None:
        await peer.send(
            frame(b"ab", TEXT, fin=False), frame(b"?", PING), frame(b"", PONG), frame(b"cd", CONTINUATION, fin=False))
        heard.append(await peer.hear())
        await peer.send(frame(b"", CONTINUATION, fin=False), frame(b"ef", CONTINUATION), frame(b"next"))
        await hold(peer)

    async with opened(script) as (door, intake):
        assert await intake.until(2) == [b"abcdef", b"next"]
        assert heard == [(PONG, b"?")]
        assert door.frames == 7


async def test_an_empty_fragmented_message_is_an_empty_message():
    async with opened(saying(frame(b"", TEXT, fin=False), frame(b"", CONTINUATION), frame(b"x"))) as (_, intake):
        assert await intake.until(2) == [b"", b"x"]


async def test_a_ping_is_answered_with_its_own_payload():
    heard = asyncio.Queue()

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"p" * 125, PING), frame(b"", PING))
        heard.put_nowait(await peer.hear())
        heard.put_nowait(await peer.hear())
        await hold(peer)

    async with opened(script) as (door, _):
        assert await heard.get() == (PONG, b"p" * 125)
        assert await heard.get() == (PONG, b"")
        assert door.frames == 2


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, FRAME_BYTES_MAX])
async def test_a_message_of_each_length_form_arrives(size):
    async with opened(saying(frame(b"x" * size))) as (_, intake):
        assert [len(message) for message in await intake.until(1)] == [size]


async def test_a_frame_one_byte_above_the_limit_ends_the_connection():
    async with opened(saying(frame(b"good"), frame(b"x" * (FRAME_BYTES_MAX + 1)))) as (door, intake):
        assert (await fault_of(door)).reason is Reason.MESSAGE_TOO_BIG
        assert intake.messages[0] == b"good"


async def test_fragments_may_join_to_the_limit_and_not_beyond():
    half = b"x" * (FRAME_BYTES_MAX // 2)
    script = saying(
        frame(half, TEXT, fin=False), frame(half, CONTINUATION),
        frame(half, TEXT, fin=False), frame(half, CONTINUATION, fin=False), frame(b"!", CONTINUATION))
    async with opened(script) as (door, intake):
        assert [len(message) for message in await intake.until(1)] == [FRAME_BYTES_MAX]
        assert (await fault_of(door)).reason is Reason.MESSAGE_TOO_BIG
        assert len(intake.messages) == 1


async def test_a_violation_is_told_also_when_the_server_answers_it_with_its_own_goodbye():
    async def script(peer: Peer) -> None:
        await peer.send(closing(1005))
        await peer.hear_close()
        await peer.send(closing(1000))
        await peer.reader.read()

    async with opened(script) as (door, _):
        assert (await fault_of(door)).reason is Reason.PROTOCOL_ERROR


VIOLATIONS = {
    "a reserved bit": frame(b"x", rsv=2),
    "the other reserved bit": frame(b"x", rsv=1),
    "compression that was not agreed on": frame(b"x", rsv=4),
    "a compressed ping": frame(b"", PING, rsv=4),
    "a reserved bit on a ping": frame(b"", PING, rsv=1),
    "a masked frame": frame(b"x", masked=True),
    "an unknown kind": frame(b"x", 3),
    "an unknown control kind": frame(b"", 11),
    "a fragmented ping": frame(b"", PING, fin=False),
    "a ping of 126 bytes": frame(b"x" * 126, PING),
    "a length of 8 bytes for 5": b"\x81\x7f" + bytes([0, 0, 0, 0, 0, 0, 0, 5]) + b"hello",
    "a length of 2^63": b"\x81\x7f\x80" + bytes(7),
    "a continuation of nothing": frame(b"x", CONTINUATION),
    "a message inside a message": frame(b"x", TEXT, fin=False) + frame(b"y", TEXT),
    "a close frame of 1 byte": frame(b"x", CLOSE),
    "a close code that is nobody's": closing(1005),
    "a close reason that is not UTF-8": closing(1000, b"\xff"),
}


@pytest.mark.parametrize("wrong", VIOLATIONS.values(), ids=VIOLATIONS)
async def test_a_protocol_violation_ends_the_connection_with_1002_or_1007_after_what_came_before_it(wrong):
    codes = []

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"before"), wrong, frame(b"after"))
        codes.append(await peer.hear_close())
        await peer.reader.read()

    async with opened(script) as (door, intake):
        assert (await fault_of(door)).reason is Reason.PROTOCOL_ERROR
        await door.close()
        assert intake.messages == [b"before"]
        assert codes[0] in (1002, 1007)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4001])
async def test_a_servers_goodbye_is_answered_with_its_code_and_told_with_its_words(code):
    answered = []

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"last"), closing(code, "adiós".encode()), frame(b"after"))
        answered.append(await peer.hear_close())

    async with opened(script) as (door, intake):
        fault = await fault_of(door)
        await door.close()
    assert (fault.reason, fault.retryable) == (Reason.SERVER_CLOSED, True)
    assert f"{code} adiós" in str(fault)
    assert answered == [code]
    assert intake.messages == [b"last"]


async def test_a_goodbye_without_a_code_is_answered_with_1000():
    answered = []

    async def script(peer: Peer) -> None:
        await peer.send(frame(b"", CLOSE))
        answered.append(await peer.hear_close())

    async with opened(script) as (door, _):
        assert "no code" in str(await fault_of(door))
        await door.close()
    assert answered == [1000]


async def test_a_line_that_ends_without_goodbye_is_a_lost_connection():
    async def script(peer: Peer) -> None:
        await peer.send(frame(b"whole"), frame(b"cut in the middle")[:7])

    async with opened(script) as (door, intake):
        assert (await fault_of(door)).reason is Reason.CONNECTION_LOST
        assert intake.messages == [b"whole"]


async def test_closing_says_goodbye_and_waits_for_the_servers():
    codes = []

    async def script(peer: Peer) -> None:
        codes.append(await peer.hear_close())
        await peer.send(frame(b"after our goodbye"), closing(1000))
        codes.append(await peer.reader.read())

    intake = Intake()
    async with Server(script) as server:
        door = await open_door(server.url, intake)
        await door.close()
        assert (await fault_of(door)).reason is Reason.STOPPED
    assert codes == [1000, b""]
    assert intake.messages == []


async def test_closing_ends_against_a_server_that_never_answers():
    async def script(peer: Peer) -> None:
        await asyncio.Event().wait()

    async with Server(script) as server:
        door = await open_door(server.url, Intake())
        await door.close()
        await door.close()
        assert (await fault_of(door)).reason is Reason.STOPPED


async def test_a_paused_door_reads_nothing_and_loses_nothing():
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await go.wait()
        await peer.send(frame(b"held back"))
        await hold(peer)

    async with opened(script) as (door, intake):
        door.pause_reading()
        go.set()
        await asyncio.sleep(0.05)
        assert intake.messages == []
        door.resume_reading()
        assert await intake.until(1) == [b"held back"]


async def test_a_paused_door_closes():
    async with opened(hold) as (door, _):
        door.pause_reading()
        await door.close()
        assert (await fault_of(door)).reason is Reason.STOPPED


async def test_sending_to_a_server_that_never_reads_is_refused_in_the_end():
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()
        await asyncio.Event().wait()

    def send_much(door) -> None:
        for _ in range(1000):
            door.send(b"x" * 100_000)

    async with opened(script) as (door, _):
        with pytest.raises(ConnectionFault, match="reads nothing"):
            send_much(door)


async def test_a_sent_text_arrives_as_text():
    heard = asyncio.Queue()

    async def script(peer: Peer) -> None:
        heard.put_nowait(await peer.hear())
        heard.put_nowait(await peer.hear())
        await hold(peer)

    async with opened(script) as (door, _):
        door.send(b'{"op":"ping"}')
        door.send(b"x" * 70)
        assert await heard.get() == (TEXT, b'{"op":"ping"}')
        assert await heard.get() == (TEXT, b"x" * 70)
        assert door.bytes_out == 83


class Broken(Intake):
    """Fails where it is told to."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def feed_bytes(self, message, recv_ns):
        if self.where == "feed":
            raise RuntimeError("bug in feed")
        super().feed_bytes(message, recv_ns)
        return DecodeStatus.CONTROL

    def drained_now(self):
        if self.where == "drain":
            raise RuntimeError("bug in drain")


@pytest.mark.parametrize("where", ["feed", "drain", "control"])
async def test_our_own_bug_ends_the_connection_and_is_named(where):
    def on_control(message: bytes) -> None:
        if where == "control":
            raise RuntimeError("bug in control")

    async with opened(saying(frame(b"x"), frame(b"y")), intake=Broken(where), on_control=on_control) as (door, _):
        fault = await fault_of(door)
        assert fault.reason is Reason.INTERNAL_ERROR
        assert f"bug in {where}" in str(fault)
