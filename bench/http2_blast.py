"""A gRPC server that does nothing but send: ready DATA frames over a plain socket, as fast as the client takes them.

grpcio's server sends some ten thousand messages a second, too few for a bench of the client. This one speaks just
enough HTTP/2: settings, pings, and the client's windows, which it keeps. Each message has a frame of its own, as
servers send them. One call a connection; all messages answer it, and then the stream stays open.
"""

import select
import socket
import time
from array import array
from bisect import bisect_right
from typing import NamedTuple

from bench.generated import walk
from bench.processes import Parent

CHUNK_BYTES = 256 << 10
STREAM = 1              # the first of every client
PREFACE_BYTES = 24
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
INITIAL_WINDOW_SIZE = 4
TICK_S = 0.001
#: HPACK: `:status: 200`, and `content-type: application/grpc` by the static table's name, not indexed.
ANSWER = bytes((0x88, 0x0F, 0x10, 16)) + b"application/grpc"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Sheet(NamedTuple):
    """All frames in a row. `ends` are where each ends, `flows` what the windows count up to there."""

    content: memoryview
    ends: "array[int]"
    flows: "array[int]"


def kaiko_trades(count: int) -> Sheet:
    """The messages of Kaiko's trade stream, a frame each."""
    content, ends, flows = bytearray(), array("Q"), array("Q")
    for each in walk("kaiko", count)[0]:
        message = each[1:]      # without the byte that names the method
        content += frame(DATA, 0, STREAM, b"\0" + len(message).to_bytes(4, "big") + message)
        ends.append(len(content))
        flows.append(len(content) - 9 * len(ends))
    return Sheet(memoryview(content), ends, flows)


class Gone(Exception):
    """The client hung up."""


class Client:
    """One connection: what it sent, and what its windows allow."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.asked = False
        self._kept = b""
        self._preface = PREFACE_BYTES
        self._initial = 65535
        self._room = {0: 65535, STREAM: 0}
        line.sendall(frame(SETTINGS, 0, 0, b""))

    @property
    def room(self) -> int:
        return min(self._room[0], self._initial + self._room[STREAM])

    def spend(self, size: int) -> None:
        for stream in self._room:
            self._room[stream] -= size

    def hear(self, *, wait: bool) -> None:
        """Read what came; `wait` for something. Raises Gone."""
        while select.select((self.line,), (), (), None if wait else 0)[0]:
            wait = False
            try:
                read = self.line.recv(1 << 16)
            except OSError:
                read = b""
            if not read:
                raise Gone
            self._kept += read
            if self._preface:
                if len(self._kept) < PREFACE_BYTES:
                    continue
                self._kept, self._preface = self._kept[PREFACE_BYTES:], 0
            while len(self._kept) >= 9 and len(self._kept) >= 9 + int.from_bytes(self._kept[:3], "big"):
                size = int.from_bytes(self._kept[:3], "big")
                self._take(self._kept[3], self._kept[4], int.from_bytes(self._kept[5:9], "big"), self._kept[9:9 + size])
                self._kept = self._kept[9 + size:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE and stream in self._room:
            self._room[stream] += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & 1:
            for at in range(0, len(payload), 6):
                if int.from_bytes(payload[at:at + 2], "big") == INITIAL_WINDOW_SIZE:
                    self._initial = int.from_bytes(payload[at + 2:at + 6], "big")
            self.line.sendall(frame(SETTINGS, 1, 0, b""))
        elif kind == PING and not flags & 1:
            self.line.sendall(frame(PING, 1, 0, payload))
        elif kind == DATA and flags & 1:
            self.asked = True


def pour(client: Client, sheet: Sheet, count: int, rate: float) -> None:
    """Send the first `count` messages; `rate` a second, 0 for flat out."""
    burst = max(1, int(rate * TICK_S)) if rate else count
    while not client.asked:
        client.hear(wait=True)
    client.line.sendall(frame(HEADERS, 4, STREAM, ANSWER))
    sent = 0
    while sent < count:
        client.hear(wait=False)
        done = sheet.flows[sent - 1] if sent else 0
        begin = sheet.ends[sent - 1] if sent else 0
        upto = min(bisect_right(sheet.flows, done + client.room), bisect_right(sheet.ends, begin + CHUNK_BYTES),
                   sent + burst, count)
        if upto == sent:
            client.hear(wait=True)
            continue
        client.spend(sheet.flows[upto - 1] - done)
        client.line.sendall(sheet.content[begin:sheet.ends[upto - 1]])
        sent = upto
        if rate:
            time.sleep(TICK_S)
    while True:     # a stream that ended would be asked for again
        client.hear(wait=True)


def blast(parent: Parent, count: int, rate: float) -> None:
    """Answer the port; serve one client after the other until the driver goes, `count` messages each."""
    sheet = kaiko_trades(count)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        parent.send(listener.getsockname()[1])
        while True:
            ready = select.select((listener, parent), (), ())[0]
            if parent in ready:
                parent.wait_gone()
                return
            line, _ = listener.accept()
            with line:
                try:
                    pour(Client(line), sheet, count, rate)
                except (Gone, OSError):
                    continue
