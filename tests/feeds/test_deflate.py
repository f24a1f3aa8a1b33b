"""permessage-deflate: what may be agreed on, and an inflate that stays within its bounds."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.feeds.deflate import TAIL, Agreement, Inflater, agreement
from ingestor.feeds.door import ConnectionFault, Reason


class Deflater:
    """The server's half, RFC 7692 section 7.2.1."""

    def __init__(self, *, takeover: bool = True, bits: int = 15) -> None:
        self._takeover = takeover
        self._bits = max(9, bits)
        self._stream = self._new()

    def _new(self):
        return zlib.compressobj(wbits=-self._bits)

    def __call__(self, message: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        compressed = self._stream.compress(message) + self._stream.flush(flush)
        if not self._takeover:
            self._stream = self._new()
        return compressed.removesuffix(TAIL)


@pytest.mark.parametrize("takeover", [True, False], ids=["with context takeover", "without"])
@pytest.mark.parametrize("bits", [8, 9, 12, 15])
def test_messages_come_back_with_each_window_and_context(takeover, bits):
    deflate = Deflater(takeover=takeover, bits=bits)
    inflater = Inflater(Agreement(takeover, bits), 1 << 20)
    chance = random.Random(bits)
    for size in (0, 1, 100, 5_000, 70_000):
        message = bytes(chance.choices(b"abcdef{}:,0123456789", k=size))
        assert inflater.inflate(deflate(message)) == message
        assert inflater.inflate(deflate(message)) == message


@given(st.lists(st.binary(max_size=3000), max_size=8), st.booleans())
def test_any_messages_come_back_in_order(messages, takeover):
    deflate, inflater = Deflater(takeover=takeover), Inflater(Agreement(takeover), 1 << 20)
    assert [inflater.inflate(deflate(message)) for message in messages] == messages


def test_a_message_that_needs_an_earlier_one_is_no_data_without_takeover():
    deflate = Deflater()
    message = random.Random(1).randbytes(200)
    first, second = deflate(message), deflate(message)
    inflater = Inflater(Agreement(context_takeover=False), 1 << 20)
    assert inflater.inflate(first) == message
    with pytest.raises(ConnectionFault) as caught:
        inflater.inflate(second)
    assert caught.value.reason is Reason.DEFLATE_ERROR


def test_a_message_of_exactly_the_limit_passes_and_one_byte_more_does_not():
    assert Inflater(Agreement(), 1000).inflate(Deflater()(b"x" * 1000)) == b"x" * 1000
    with pytest.raises(ConnectionFault) as caught:
        Inflater(Agreement(), 1000).inflate(Deflater()(b"x" * 1001))
    assert caught.value.reason is Reason.MESSAGE_TOO_BIG


def test_a_bomb_makes_no_more_than_the_limit():
    bomb = zlib.compressobj(9, wbits=-15)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(256)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    assert len(packed) < 300_000
    with pytest.raises(ConnectionFault) as caught:
        Inflater(Agreement(), 1 << 20).inflate(packed.removesuffix(TAIL))
    assert caught.value.reason is Reason.MESSAGE_TOO_BIG


def finished(message: bytes) -> bytes:
    """A message whose deflate stream is closed, RFC 7692 section 7.2.3.4."""
    return Deflater()(message, zlib.Z_FINISH)


def test_a_final_block_ends_a_message_and_the_next_begins_afresh():
    inflater = Inflater(Agreement(), 1 << 20)
    assert inflater.inflate(finished(b"hello") + b"\0") == b"hello"
    assert inflater.inflate(finished(b"again") + b"\0") == b"again"


def test_a_message_of_several_closed_streams_is_one_message():
    assert Inflater(Agreement(), 1 << 20).inflate(finished(b"one ") + finished(b"two") + b"\0") == b"one two"


def test_a_message_of_very_many_closed_streams_is_refused():
    with pytest.raises(ConnectionFault) as caught:
        Inflater(Agreement(), 1 << 20).inflate(finished(b"x") * 1000)
    assert caught.value.reason is Reason.DEFLATE_ERROR


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x07", random.Random(2).randbytes(100)])
def test_garbage_is_a_fault_of_the_connection(garbage):
    with pytest.raises(ConnectionFault) as caught:
        Inflater(Agreement(), 1 << 20).inflate(garbage)
    assert caught.value.reason is Reason.DEFLATE_ERROR


@pytest.mark.parametrize(("answer", "expected"), [
    ([], None),
    (["permessage-deflate"], Agreement()),
    (["Permessage-Deflate; server_no_context_takeover"], Agreement(context_takeover=False)),
    (["permessage-deflate; client_no_context_takeover; server_max_window_bits=10"], Agreement(window_bits=10)),
    (['permessage-deflate; server_max_window_bits="12"'], Agreement(window_bits=12)),
    (["", "permessage-deflate"], Agreement()),
])
def test_a_servers_answer_is_read(answer, expected):
    assert agreement(answer, offered=True) == expected


@pytest.mark.parametrize("answer", [
    ["permessage-deflate, permessage-deflate"],
    ["permessage-deflate", "permessage-bzip2"],
    ["permessage-bzip2"],
    ["permessage-deflate; server_max_window_bits"],
    ["permessage-deflate; server_max_window_bits=7"],
    ["permessage-deflate; server_max_window_bits=16"],
    ["permessage-deflate; server_max_window_bits=010"],
    ["permessage-deflate; client_max_window_bits=10"],
    ["permessage-deflate; server_no_context_takeover=1"],
    ["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
    ["permessage-deflate; surprise"],
])
def test_an_answer_that_we_did_not_offer_is_refused(answer):
    with pytest.raises(ConnectionFault) as caught:
        agreement(answer, offered=True)
    assert caught.value.reason is Reason.HANDSHAKE_REFUSED


def test_compression_that_nobody_offered_is_refused():
    with pytest.raises(ConnectionFault):
        agreement(["permessage-deflate"], offered=False)
