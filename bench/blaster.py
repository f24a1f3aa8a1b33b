"""A provider that only sends: Binance's combined stream over a loopback WebSocket, framed beforehand.

So that the sender is never what limits: one sendall of ready bytes, flat out, or a paced slice each
millisecond. Ids rise and times are now, so that every frame is news; the rest of a frame is as captured.
"""

import base64
import hashlib
import json
import re
import socket
import time
from typing import NamedTuple

from bench.frames import Frames, binance
from bench.processes import Parent

ACCEPT_WITHIN_S = 60.0
SLICE_S = 0.001
_ID_OR_TIME = re.compile(rb'"([tuET])":\d+')
_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"   # RFC 6455 section 1.3


class Blast(NamedTuple):
    """What to send; `rate` in frames a second, 0 for flat out."""

    dialect: str
    count: int
    rate: float = 0.0


def renumbered(found: Frames, count: int, now_ms: int) -> list[bytes]:
    """`count` frames in captured order, begun again as often as needed, with rising ids and the given time."""
    made: list[bytes] = []
    values = {b"t": 5_000_000_000, b"u": 50_000_000_000, b"E": now_ms, b"T": now_ms}

    def news(key: re.Match[bytes]) -> bytes:
        """Trade ids without a hole, as the venue numbers them; update ids rise anyhow."""
        if key[1] in b"tu":
            values[key[1]] += 1
        return b'"%b":%d' % (key[1], values[key[1]])

    while len(made) < count:
        made += [_ID_OR_TIME.sub(news, frame) for frame in found.frames[:count - len(made)]]
    return made


def framed(frame: bytes) -> bytes:
    """One unmasked text frame, as servers send it."""
    if len(frame) < 126:
        return bytes((0x81, len(frame))) + frame
    return b"\x81\x7e" + len(frame).to_bytes(2, "big") + frame


def serve(parent: Parent, blast: Blast) -> None:
    """Answer the port; wait for the subscriber and the word to begin; send; answer when and how many."""
    frames = [framed(frame) for frame in renumbered(binance(blast.dialect), blast.count, time.time_ns() // 1_000_000)]
    ends, end = [], 0
    for frame in frames:
        end += len(frame)
        ends.append(end)
    stream = memoryview(b"".join(frames))
    del frames
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ACCEPT_WITHIN_S)
        parent.send(listener.getsockname()[1])
        client, _ = listener.accept()
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(ACCEPT_WITHIN_S)
        _greet(client)
        parent.receive()
        begun_ns = time.monotonic_ns()
        if blast.rate:
            _send_paced(client, stream, ends, blast.rate)
        else:
            client.sendall(stream)
        parent.send({"begun_ns": begun_ns, "ended_ns": time.monotonic_ns(), "sent": blast.count, "bytes": len(stream)})
        parent.wait_gone()


def _send_paced(client: socket.socket, stream: memoryview, ends: list[int], rate: float) -> None:
    """What is due, each millisecond: never ahead of the rate, and never behind by more than a late wake-up."""
    begun, sent = time.monotonic(), 0
    while sent < len(ends):
        due = min(len(ends), int((time.monotonic() - begun) * rate))
        if due > sent:
            client.sendall(stream[ends[sent - 1] if sent else 0:ends[due - 1]])
            sent = due
        time.sleep(SLICE_S)


def _greet(client: socket.socket) -> None:
    """The upgrade, and the acknowledgement of the one request."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += _some(client)
    head, _, rest = asked.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1)[:1] + line.split(b": ", 1)[1:] for line in head.split(b"\r\n")[1:])
    key = fields[b"sec-websocket-key"].strip()
    accept = base64.b64encode(hashlib.sha1(key + _KEY, usedforsecurity=False).digest())
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while len(rest) < 2 or len(rest) < _whole(rest):
        rest += _some(client)
    request = json.loads(_unmasked(rest))
    client.sendall(framed(b'{"result":null,"id":%d}' % request["id"]))


def _some(client: socket.socket) -> bytes:
    received = client.recv(65536)
    if not received:
        raise ConnectionError("the subscriber went away")
    return received


def _whole(head: bytes) -> int:
    """Bytes of the masked frame that begins with `head`; its length field may still be on its way."""
    size = head[1] & 0x7F
    if size == 126:
        return 8 + int.from_bytes(head[2:4], "big") if len(head) >= 4 else 8
    return 6 + size


def _unmasked(frame: bytes) -> bytes:
    begin = 4 if frame[1] & 0x7F == 126 else 2
    mask = frame[begin:begin + 4]
    return bytes(byte ^ mask[at & 3] for at, byte in enumerate(frame[begin + 4:_whole(frame)]))
