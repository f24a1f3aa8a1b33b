"""The frame reader: every cutting, every rule of RFC 9113 that a server can break, and its twin."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.feeds.http2_faults import READER_FAULTS, ErrorCode, reader_fault
from ingestor.feeds.http2_reader import FrameReader
from tests.feeds import http2twin as twin
from tests.feeds.http2peer import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITISED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    number,
    setting,
)

HELLO = frame(SETTINGS)
UNKNOWN = 0xFA
#: One of each that is allowed, padded, prioritised, continued, empty.
SPEECH = b"".join((
    frame(SETTINGS, 0, setting(3, 100) + setting(4, 1 << 20) + setting(5, 1 << 20) + setting(1, 0) + setting(0x99, 7)),
    frame(SETTINGS, flags=ACK),
    frame(HEADERS, 1, b"\x88", END_HEADERS), frame(DATA, 1, b"\0\0\0\0\x02hi"), frame(DATA, 1, b"\x03yo\0\0\0", PADDED),
    frame(UNKNOWN, 5, b"what?"), frame(PRIORITY, 1, bytes(5)), frame(DATA, 1), frame(PING, 0, b"12345678"),
    frame(WINDOW_UPDATE, 0, number(5)), frame(WINDOW_UPDATE, 3, number(6)),
    frame(HEADERS, 3, b"\x02" + bytes(5) + b"\x88\0\0", PADDED | PRIORITISED | END_STREAM),
    frame(CONTINUATION, 3, b"\x89"), frame(CONTINUATION, 3, b"", END_HEADERS),
    frame(RST_STREAM, 5, number(8)), frame(GOAWAY, 0, number(7) + number(2) + b"bye"), frame(DATA, 1, b"", END_STREAM),
))


def read(*pieces: bytes) -> tuple[list, int, FrameReader]:
    reader = FrameReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events, reader.fault, reader


def test_frames_become_events_without_padding_priority_or_continuations():
    events, fault, reader = read(SPEECH)
    assert fault == 0
    assert [event[:4] for event in events] == [
        (SETTINGS, 0, False, SPEECH[9:39]), (SETTINGS, 0, True, b""), (HEADERS, 1, False, b"\x88"),
        (DATA, 1, False, b"\0\0\0\0\x02hi"), (DATA, 1, False, b"yo"), (DATA, 1, False, b""),
        (PING, 0, False, b"12345678"),
        (WINDOW_UPDATE, 0, False, number(5)), (WINDOW_UPDATE, 3, False, number(6)), (HEADERS, 3, True, b"\x88\x89"),
        (RST_STREAM, 5, False, number(8)), (GOAWAY, 0, False, b"bye"), (DATA, 1, True, b"")]
    assert events[4][4] == 6, "flow control counts the padding"
    assert [event[5:] for event in events if event[0] in (WINDOW_UPDATE, RST_STREAM, GOAWAY)] == [
        (5, 0), (6, 0), (8, 0), (2, 7)]
    assert reader.settings == {"table_size": 0, "streams_max": 100, "window": 1 << 20, "payload_max": 1 << 20}


def test_every_cutting_in_two_gives_the_same_events():
    whole = read(SPEECH)[0]
    for at in range(len(SPEECH) + 1):
        assert read(SPEECH[:at], SPEECH[at:])[:2] == (whole, 0)


def test_byte_by_byte_gives_the_same_events_and_keeps_less_than_a_frame():
    reader, events = FrameReader(), []
    for at in range(len(SPEECH)):
        events += reader.feed(SPEECH[at:at + 1])
        assert reader.waiting < 64
    assert events == read(SPEECH)[0]


BLOCK = frame(HEADERS, 1, b"\x88")
BROKEN = {
    "an answer of HTTP/1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", twin.NOT_HTTP2),
    "an acknowledgement first": (frame(SETTINGS, flags=ACK), twin.NOT_HTTP2),
    "a frame of 16385 bytes, told by its head": (HELLO + frame(DATA, 1, bytes(16385))[:9], twin.FRAME_TOO_BIG),
    "a frame of 2^24-1 bytes": (HELLO + b"\xff\xff\xff" + bytes(6), twin.FRAME_TOO_BIG),
    "settings of 5 bytes": (frame(SETTINGS, 0, bytes(5)), twin.FRAME_SIZE),
    "an acknowledgement with settings": (HELLO + frame(SETTINGS, 0, bytes(6), ACK), twin.FRAME_SIZE),
    "settings on a stream": (frame(SETTINGS, 1), twin.WRONG_STREAM),
    "a push allowed": (frame(SETTINGS, 0, setting(2, 1)), twin.SETTING),
    "frames of 16383 bytes at most": (frame(SETTINGS, 0, setting(5, 16383)), twin.SETTING),
    "frames of 2^24 bytes": (frame(SETTINGS, 0, setting(5, 1 << 24)), twin.SETTING),
    "a window of 2^31": (frame(SETTINGS, 0, setting(4, 1 << 31)), twin.WINDOW_SETTING),
    "data of stream 0": (HELLO + frame(DATA, 0, b"x"), twin.WRONG_STREAM),
    "headers of stream 0": (HELLO + frame(HEADERS, 0, b"\x88", END_HEADERS), twin.WRONG_STREAM),
    "data of an even stream": (HELLO + frame(DATA, 2, b"x"), twin.INVENTED_STREAM),
    "padding and nothing": (HELLO + frame(DATA, 1, b"", PADDED), twin.FRAME_SIZE),
    "padding longer than its frame": (HELLO + frame(DATA, 1, b"\x02x", PADDED), twin.PADDING),
    "headers shorter than their priority": (HELLO + frame(HEADERS, 1, bytes(4), PRIORITISED | 4), twin.FRAME_SIZE),
    "data inside a header block": (HELLO + BLOCK + frame(DATA, 1, b"x"), twin.BLOCK_BROKEN),
    "a block continued elsewhere": (HELLO + BLOCK + frame(CONTINUATION, 3, b"", END_HEADERS), twin.BLOCK_BROKEN),
    "an unknown frame inside a block": (HELLO + BLOCK + frame(UNKNOWN, 1), twin.BLOCK_BROKEN),
    "a continuation of nothing": (HELLO + frame(CONTINUATION, 1, b"", END_HEADERS), twin.BLOCK_UNASKED),
    "a continuation on stream 0": (HELLO + frame(CONTINUATION, 0), twin.BLOCK_UNASKED),
    "17 continuations": (HELLO + BLOCK + frame(CONTINUATION, 1) * 17, twin.CONTINUATIONS),
    "a block of 16385 bytes": (
        HELLO + frame(HEADERS, 1, bytes(16384)) + frame(CONTINUATION, 1, b"x"), twin.BLOCK_TOO_BIG),
    "a push": (HELLO + frame(PUSH_PROMISE, 1, bytes(8), END_HEADERS), twin.PUSH),
    "a priority of 4 bytes": (HELLO + frame(PRIORITY, 1, bytes(4)), twin.FRAME_SIZE),
    "a priority of the connection": (HELLO + frame(PRIORITY, 0, bytes(5)), twin.WRONG_STREAM),
    "a reset of 3 bytes": (HELLO + frame(RST_STREAM, 1, bytes(3)), twin.FRAME_SIZE),
    "a reset of the connection": (HELLO + frame(RST_STREAM, 0, bytes(4)), twin.WRONG_STREAM),
    "a ping of 7 bytes": (HELLO + frame(PING, 0, bytes(7)), twin.FRAME_SIZE),
    "a ping on a stream": (HELLO + frame(PING, 1, bytes(8)), twin.WRONG_STREAM),
    "a goodbye of 7 bytes": (HELLO + frame(GOAWAY, 0, bytes(7)), twin.FRAME_SIZE),
    "a goodbye to a stream": (HELLO + frame(GOAWAY, 1, bytes(8)), twin.WRONG_STREAM),
    "a window update of 5 bytes": (HELLO + frame(WINDOW_UPDATE, 1, bytes(5)), twin.FRAME_SIZE),
    "a window update of nothing": (HELLO + frame(WINDOW_UPDATE, 0, number(0)), twin.ZERO_INCREMENT),
    "a window update of the reserved bit": (HELLO + frame(WINDOW_UPDATE, 1, number(1 << 31)), twin.ZERO_INCREMENT),
    "pings": (HELLO + frame(PING, 0, bytes(8)) * 4096, twin.FLOOD),
    "settings": (HELLO * 4097, twin.FLOOD),
    "data of nothing": (HELLO + frame(DATA, 1) * 4096, twin.FLOOD),
    "padding of nothing": (HELLO + frame(DATA, 1, b"\0", PADDED) * 4096, twin.FLOOD),
    "frames of unknown types": (HELLO + frame(UNKNOWN) * 4096, twin.FLOOD),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_has_its_name_and_ends_the_reading(name):
    said, wanted = BROKEN[name]
    _, fault, reader = read(said)
    assert fault == wanted
    assert reader.feed(frame(PING, 0, bytes(8))) == []
    assert str(reader_fault(fault)) == READER_FAULTS[wanted][0]


def test_the_words_cover_every_fault_and_tell_the_peer_a_code():
    assert set(READER_FAULTS) == set(range(1, 16))
    assert all(isinstance(code, ErrorCode) and code for _, code in READER_FAULTS.values())
    assert {fault for _, fault in BROKEN.values()} == set(READER_FAULTS)


def test_what_is_at_a_limit_is_allowed():
    blocks = frame(HEADERS, 1, bytes(16368)) + frame(CONTINUATION, 1, b"x") * 15 + frame(CONTINUATION, 1, b"x", 4)
    said = HELLO + frame(DATA, 1, bytes(16384)) + blocks + frame(PING, 0, bytes(8)) * 4095
    events, fault, _ = read(said)
    assert (fault, len(events), len(events[2][3])) == (0, 2 + 1 + 4095, 16384)


def test_a_second_later_as_many_idle_frames_are_allowed_again():
    _, fault, reader = read(HELLO + frame(PING, 0, bytes(8)) * 4095)
    reader.calm()
    assert len(reader.feed(frame(PING, 0, bytes(8)) * 4096)) == 4096
    assert (fault, reader.fault) == (0, 0)
    assert (reader.feed(frame(PING, 0, bytes(8))), reader.fault) == ([], twin.FLOOD)


FRAMES = st.builds(
    frame, st.one_of(st.sampled_from((0, 1, 3, 4, 6, 8, 9)), st.integers(0, 12)),
    st.one_of(st.sampled_from((0, 1, 1, 3)), st.integers(0, 0xFFFFFFFF)),
    st.one_of(st.sampled_from((bytes(4), number(9), bytes(8), setting(3, 2), setting(4, 9))), st.binary(max_size=24)),
    st.one_of(st.sampled_from((0, 4, 5)), st.integers(0, 255)))


@given(st.lists(FRAMES, max_size=12), st.binary(max_size=12), st.lists(st.integers(0, 300), max_size=5), st.booleans())
def test_any_frames_in_any_cutting_read_as_the_twin_reads_them(frames, tail, cuts, greets):
    said = (HELLO if greets else b"") + b"".join(frames) + tail
    plain = twin.Twin()
    plain.feed(said)
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    events, fault, reader = read(*(said[a:b] for a, b in pairwise(places)))
    assert (events, fault, reader.settings) == (plain.events, plain.fault, plain.settings)
