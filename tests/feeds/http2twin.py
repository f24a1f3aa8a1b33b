"""The frame reader once more, in plain Python and whole strings: what the reader in C is compared with.

Written from RFC 9113, sections 4 to 6; the numbers of faults are those of Fault in http2_frames.pxd.
"""

from dataclasses import dataclass, field
from typing import Any

(NOT_HTTP2, FRAME_TOO_BIG, FRAME_SIZE, WRONG_STREAM, INVENTED_STREAM, PADDING, BLOCK_BROKEN, BLOCK_UNASKED,
 CONTINUATIONS, BLOCK_TOO_BIG, PUSH, FLOOD, SETTING, WINDOW_SETTING, ZERO_INCREMENT) = range(1, 16)
FIXED_SIZES = {2: 5, 3: 4, 6: 8, 8: 4}      # PRIORITY, RST_STREAM, PING, WINDOW_UPDATE
IDLE_MAX = 4096


class Broken(Exception):
    """A rule was broken; the argument is its number."""


@dataclass
class Twin:
    """Feed it once with all bytes; then look."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    fault: int = 0
    settings: dict[str, int] = field(default_factory=lambda: {
        "table_size": 4096, "streams_max": 0xFFFFFFFF, "window": 65535, "payload_max": 16384})
    _block: tuple[int, bool, bytes, int] | None = None      # stream, ends, so far, continuations
    _idle: int = 0
    _greeted: bool = False

    def feed(self, data: bytes) -> None:
        try:
            while len(data) >= 9:
                kind, size = data[3], int.from_bytes(data[:3], "big")
                if not self._greeted and (kind != 4 or data[4] & 1):
                    raise Broken(NOT_HTTP2)
                if size > 16384:
                    raise Broken(FRAME_TOO_BIG)
                if len(data) < 9 + size:
                    return
                stream = int.from_bytes(data[5:9], "big") & 0x7FFFFFFF
                self.frame(kind, data[4], stream, data[9:9 + size])
                data = data[9 + size:]
        except Broken as broken:
            self.fault = broken.args[0]

    def frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        before = len(self.events)
        if self._block is not None and (kind != 9 or stream != self._block[0]):
            raise Broken(BLOCK_BROKEN)
        if kind == 9:
            if self._block is None:
                raise Broken(BLOCK_UNASKED)
            return self.block(flags, stream, payload, len(payload))
        if kind in (0, 1):
            if stream == 0:
                raise Broken(WRONG_STREAM)
            if stream % 2 == 0:
                raise Broken(INVENTED_STREAM)
            content = unpadded(kind, flags, payload)
            if kind == 1:
                return self.block(flags, stream, content, len(payload), first=True)
            self.tell(0, stream, flags & 1, content, len(payload))
            if content or flags & 1:
                return None
        elif kind == 5:
            raise Broken(PUSH)
        elif kind == 4:
            self.set_all(flags, stream, payload)
            self.tell(4, 0, flags & 1, payload, len(payload))
        elif kind <= 9:
            self.small(kind, flags, stream, payload)
        self._idle += 1
        if self._idle > IDLE_MAX:
            del self.events[before:]
            raise Broken(FLOOD)
        return None

    def small(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind != 8 and (stream == 0) != (kind in (6, 7)):
            raise Broken(WRONG_STREAM)
        if len(payload) < 8 if kind == 7 else len(payload) != FIXED_SIZES[kind]:
            raise Broken(FRAME_SIZE)
        first = int.from_bytes(payload[:4], "big")
        if kind == 7:
            last, code = first & 0x7FFFFFFF, int.from_bytes(payload[4:8], "big")
            self.tell(7, 0, flags & 1, payload[8:], len(payload), code, last)
        elif kind == 8:
            if first & 0x7FFFFFFF == 0:
                raise Broken(ZERO_INCREMENT)
            self.tell(8, stream, flags & 1, payload, 4, first & 0x7FFFFFFF)
        elif kind != 2:
            self.tell(kind, stream, flags & 1, payload, len(payload), first if kind == 3 else 0)

    def set_all(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Broken(WRONG_STREAM)
        if len(payload) % 6 or (flags & 1 and payload):
            raise Broken(FRAME_SIZE)
        for at in range(0, len(payload), 6):
            name, value = int.from_bytes(payload[at:at + 2], "big"), int.from_bytes(payload[at + 2:at + 6], "big")
            if (name == 2 and value) or (name == 5 and not 16384 <= value <= 16777215):
                raise Broken(SETTING)
            if name == 4 and value > 0x7FFFFFFF:
                raise Broken(WINDOW_SETTING)
            if name in (1, 3, 4, 5):
                self.settings[{1: "table_size", 3: "streams_max", 4: "window", 5: "payload_max"}[name]] = value
        self._greeted = True

    def block(self, flags: int, stream: int, content: bytes, flow: int, *, first: bool = False) -> None:
        ends, before, count = bool(flags & 1), b"", 0
        if not first:
            assert self._block is not None
            _, ends, before, count = self._block
            count += 1
            if count > 16:
                raise Broken(CONTINUATIONS)
        if len(before) + len(content) > 16384:
            raise Broken(BLOCK_TOO_BIG)
        self._block = None if flags & 4 else (stream, ends, before + content, count)
        if flags & 4:
            self.tell(1, stream, ends, before + content, flow)

    def tell(
        self, kind: int, stream: int, ends: int, content: bytes, flow: int, number: int = 0, last: int = 0,
    ) -> None:
        self.events.append((kind, stream, bool(ends), content, flow, number, last))


def unpadded(kind: int, flags: int, payload: bytes) -> bytes:
    padding = 0
    if flags & 8:
        if not payload:
            raise Broken(FRAME_SIZE)
        padding, payload = payload[0], payload[1:]
    if kind == 1 and flags & 0x20:
        if len(payload) < 5:
            raise Broken(FRAME_SIZE)
        payload = payload[5:]
    if padding > len(payload):
        raise Broken(PADDING)
    return payload[:len(payload) - padding]
