"""The HTTP/2 frame reader beside its twin. An input's first byte says in which pieces the rest arrives."""

import random
from pathlib import Path
from typing import Any

from fuzz.mutations import by_bytes
from fuzz.target import Place, Target, Wrong

from ingestor.feeds.http2_reader import FrameReader
from tests.feeds.http2peer import frame, number, setting
from tests.feeds.http2twin import Twin

HEAD_BYTES = 9
HELLO = frame(4, 0, setting(3, 100) + setting(4, 1 << 20) + setting(5, 1 << 20))
SEEDS = (
    frame(4, flags=1), frame(1, 1, b"\x88", 4), frame(0, 1, b"\0\0\0\0\x02hi"), frame(0, 1, b"\x03yo\0\0\0", 8),
    frame(2, 1, bytes(5)), frame(6, 0, bytes(8)), frame(8, 0, number(5)), frame(8, 3, number(6)),
    frame(3, 5, number(8)), frame(7, 0, number(7) + number(2) + b"bye"), frame(0xFA, 5, b"what?"),
    frame(1, 3, b"\x02" + bytes(5) + b"\x88\0\0", 0x29) + frame(9, 3, b"\x89") + frame(9, 3, b"", 4),
)


def frames_of(stream: bytes) -> list[bytes]:
    """The frames as their lengths cut them; what is left is the last."""
    frames = []
    while stream:
        size = HEAD_BYTES + int.from_bytes(stream[:3], "big")
        frames.append(stream[:size])
        stream = stream[size:]
    return frames


def by_http2_frames(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """One to three whole frames left out, doubled, damaged, borrowed or put elsewhere."""
    frames, others = frames_of(data[1:]), frames_of(other[1:])
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not frames:
            break
        place = chance.randrange(len(frames))
        match chance.randrange(5):
            case 0:
                del frames[place]
            case 1:
                frames.insert(place, frames[place])
            case 2 if others:
                frames.insert(place, chance.choice(others))
            case 3:
                frames[place] = by_bytes(frames[place][:HEAD_BYTES], b"", chance) + frames[place][HEAD_BYTES:]
            case 4:
                frames.append(frames.pop(place))
    return bytes([chance.randrange(256)]) + b"".join(frames)


class Http2Frames(Target):
    """What the gRPC door reads frames with."""

    name = "http2-frames"
    structure = staticmethod(by_http2_frames)

    def seeds(self, captures: Path | None) -> list[bytes]:
        return [b"\0", *(b"\0" + HELLO + seed for seed in SEEDS), b"\x05" + HELLO + b"".join(SEEDS)]

    def run(self, data: bytes, place: Place) -> tuple[Any, ...]:
        reader, stream = FrameReader(), data[1:]
        step = data[0] if data[:1] > b"\0" else len(data) or 1
        events = [event for at in range(0, len(stream), step) for event in reader.feed(stream[at:at + step])]
        return events, reader.fault, reader.settings

    def is_worth_judging(self, found: tuple[Any, ...]) -> bool:
        return True

    def judge(self, data: bytes, found: tuple[Any, ...]) -> str:
        twin = Twin()
        twin.feed(data[1:])
        if found != (wanted := (twin.events, twin.fault, twin.settings)):
            raise Wrong(f"{self.name}: {data!r}\n  read   {found!r}\n  wanted {wanted!r}")
        return f"fault {found[1]}" if found[1] else "decoded"
