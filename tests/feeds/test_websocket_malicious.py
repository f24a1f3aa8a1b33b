"""Servers that mean harm: each costs bounded memory, ends with a named error and a pause, and harms nobody else."""

import asyncio
import ctypes
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from ingestor._core import Pipeline
from ingestor.feeds.door import Reason
from ingestor.feeds.feed import Feed, FeedSettings, LinkStats
from ingestor.feeds.timing import Timing
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from tests.feeds.doors import until
from tests.feeds.exchange import Exchange
from tests.feeds.peer import CONTINUATION, PING, TEXT, Peer, Server, closing, frame
from tests.feeds.test_deflate import Deflater
from tests.markets import Market, binance_trade, build

#: A message of 16 MB, the buffer it is joined in (at most twice that), and the socket's buffer for such a frame.
MEMORY_BYTES_MAX = 80 << 20
#: Real time; pauses are the longest that may be drawn, so that a test sees the link wait.
PATIENT = Timing(uniform=lambda low, high: high)
DEFLATE = ("Sec-WebSocket-Extensions: permessage-deflate",)

Script = Callable[[Peer], Awaitable[object]]


@cache
def bomb() -> bytes:
    """128 MB of zeros, deflated a thousandfold."""
    return Deflater()(bytes(128 << 20))


def fragments(message: bytes, size: int = 100) -> list[bytes]:
    pieces = [message[i:i + size] for i in range(0, len(message), size)]
    return [*(frame(piece, CONTINUATION, fin=False) for piece in pieces), frame(b"", CONTINUATION)]


def endlessly(what: bytes, first: bytes = b"") -> Script:
    async def script(peer: Peer) -> None:
        await peer.send(first)
        while True:
            await peer.send(what)
    return script


def dripping(what: bytes, every_s: float) -> Script:
    async def script(peer: Peer) -> None:
        for byte in what:
            await peer.send(bytes([byte]))
            await asyncio.sleep(every_s)
        await peer.reader.read()
    return script


def once(*what: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.send(*what)
        await peer.reader.read()
    return script


def flooding(what: bytes) -> Script:
    """Endlessly, and reading all that comes back."""
    async def script(peer: Peer) -> None:
        async def read() -> None:
            while await peer.reader.read(1 << 16):
                pass
        reading = asyncio.create_task(read())
        try:
            await endlessly(what)(peer)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await reading
    return script


class Attack(NamedTuple):
    script: Script
    reason: Reason
    upgrade: bool = True            # whether the server first accepts as it should
    headers: tuple[str, ...] = ()


ACCEPTED_SO_FAR = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
ATTACKS = {
    "header lines without end": Attack(
        endlessly(b"X-More: 1\r\n" * 1000, ACCEPTED_SO_FAR), Reason.HANDSHAKE_REFUSED, upgrade=False),
    "one header line without end": Attack(
        endlessly(b"x" * 16_384, ACCEPTED_SO_FAR + b"X-Long: "), Reason.HANDSHAKE_REFUSED, upgrade=False),
    "a status line without end": Attack(endlessly(b"H" * 16_384), Reason.HANDSHAKE_REFUSED, upgrade=False),
    "an upgrade answer that drips": Attack(
        dripping(ACCEPTED_SO_FAR, 0.02), Reason.CONNECT_TIMEOUT, upgrade=False),
    "an upgrade that is never answered": Attack(dripping(b"", 0), Reason.CONNECT_TIMEOUT, upgrade=False),
    "a refusal with a body without end": Attack(
        endlessly(b"x" * 16_384, b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), Reason.HANDSHAKE_REFUSED, upgrade=False),
    "a refusal with a body of 2^63 bytes": Attack(
        endlessly(b"x" * 16_384, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9223372036854775807\r\n\r\n"),
        Reason.HANDSHAKE_REFUSED, upgrade=False),
    "a chunked refusal without end": Attack(
        endlessly(b"5\r\nxxxxx\r\n" * 1000, b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Reason.HANDSHAKE_REFUSED, upgrade=False),
    "a frame of 2^31 bytes": Attack(
        endlessly(b"x" * 65_536, b"\x82\x7f" + struct.pack("!Q", 1 << 31)), Reason.MESSAGE_TOO_BIG),
    "a frame of 2^63 - 1 bytes": Attack(
        endlessly(b"x" * 65_536, b"\x82\x7f" + struct.pack("!Q", (1 << 63) - 1)), Reason.MESSAGE_TOO_BIG),
    "a frame of 16 MB that is announced and never comes": Attack(
        once(b"\x82\x7f" + struct.pack("!Q", 16 << 20)), Reason.SILENCE),
    "a frame that drips": Attack(dripping(frame(b"x" * 1000), 0.02), Reason.SILENCE),
    "fragments without end": Attack(
        endlessly(frame(b"x" * 60_000, CONTINUATION, fin=False), frame(b"", TEXT, fin=False)), Reason.MESSAGE_TOO_BIG),
    "empty fragments without end": Attack(
        endlessly(frame(b"", CONTINUATION, fin=False) * 5000, frame(b"", TEXT, fin=False)), Reason.MESSAGE_TOO_BIG),
    "pings without end": Attack(flooding(frame(b"p" * 125, PING) * 500), Reason.PING_FLOOD),
    "pings without end, to one who reads nothing": Attack(
        endlessly(frame(b"p" * 125, PING) * 500), Reason.PING_FLOOD),
    "a zip bomb": Attack(
        lambda peer: once(frame(bomb(), rsv=4))(peer), Reason.MESSAGE_TOO_BIG, headers=DEFLATE),
    "a zip bomb in small fragments": Attack(
        lambda peer: once(frame(b"", TEXT, fin=False, rsv=4), *fragments(bomb()))(peer), Reason.MESSAGE_TOO_BIG,
        headers=DEFLATE),
    "a deflate stream that closes itself over and over": Attack(
        once(frame(b"\x03\x00" * 100_000, rsv=4)), Reason.DEFLATE_ERROR, headers=DEFLATE),
    "a goodbye, and no end of data after it": Attack(
        endlessly(frame(b"x" * 60_000), closing(1000)), Reason.SERVER_CLOSED),
}


class Memory:
    """The most this process held since this was made, beyond what it held then; the kernel keeps it."""

    def __init__(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)    # or what earlier tests gave back would hide what this one takes
        Path("/proc/self/clear_refs").write_text("5")       # proc(5): the peak begins anew
        self.first = self.kept("VmRSS")

    @staticmethod
    def kept(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

    @property
    def taken(self) -> int:
        return self.kept("VmHWM") - self.first


@asynccontextmanager
async def feeding(pipeline: Pipeline, port: int, symbol: str, **settings: object) -> AsyncIterator[Feed]:
    provider = load("binance-spot")
    feed = Feed(provider, FeedSettings(url=f"ws://127.0.0.1:{port}", **settings),
                lambda section, name: pipeline.open(provider, section, name), timing=PATIENT)
    feed.set_subscriptions([Subscription("trade", symbol)])
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        await feed.stop()
        await running


def link(feed: Feed) -> LinkStats:
    return feed.stats()[0]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_ends_by_name_in_bounded_memory_and_is_waited_out_while_others_go_on(attack: Attack) -> None:
    pipeline = Pipeline(build(["btc-usd", "eth-usd"], [
        Market("btc-usd", "binance-spot", "BTCUSD"), Market("eth-usd", "binance-spot", "ETHUSD")]), None)
    limits = {"silence_max_s": 0.4 if attack.reason is Reason.SILENCE else 60}
    bomb()      # made before the clocks run
    async with (
        Exchange("binance-spot") as honest,
        Server(attack.script, upgrade=attack.upgrade, headers=attack.headers) as evil,
        feeding(pipeline, honest.port, "BTCUSD") as healthy,
    ):
        await until(lambda: link(healthy).state.name == "LIVE")
        memory = Memory()
        async with feeding(pipeline, evil.port, "ETHUSD", limits=limits, deflate=bool(attack.headers),
                           connect_within_s=0.4 if attack.reason is Reason.CONNECT_TIMEOUT else 10) as attacked:
            await until(lambda: link(attacked).disconnects)
            await until(lambda: link(attacked).state.name == "WAITING")
            assert dict(link(attacked).disconnects) == {attack.reason.value: 1}
            assert link(attacked).last_error
            await honest.say(*(binance_trade(number) for number in range(3)))
            await until(lambda: sum(path["trades"] for path in pipeline.counters()["paths"]) == 3)
            assert link(healthy).state.name == "LIVE"
        assert memory.taken < MEMORY_BYTES_MAX


async def test_bombs_just_below_the_limit_take_no_more_memory_the_more_come() -> None:
    """Each inflates to a message that may be so large; nothing of it is kept."""
    pipeline = Pipeline(build(["btc-usd"], [Market("btc-usd", "binance-spot", "BTCUSD")]), None)
    packed = zlib.compressobj(wbits=-15)
    one = packed.compress(bytes((16 << 20) - 1)) + packed.flush(zlib.Z_FULL_FLUSH)
    async with Server(once(*[frame(one.removesuffix(b"\0\0\xff\xff"), rsv=4)] * 12), headers=DEFLATE) as server:
        memory = Memory()
        async with feeding(pipeline, server.port, "BTCUSD", deflate=True) as feed:
            await until(lambda: link(feed).frames >= 12)
        assert memory.taken < MEMORY_BYTES_MAX
