"""Damaged frames: what comes out is what the slow twin yields, or nothing with a named reason.

Stricter than that: what the twin gives records for is decoded too. Only where both give none may the decoder call
malformed what the twin ignores (a bad value in a frame that would yield nothing anyway).
"""

import json
import random
from pathlib import Path

import pytest
from guarded import Guarded
from reference.twins import TWINS
from samples import SAMPLES

from ingestor.decode import Decoder
from ingestor.records import STATUS_NAMES

FRAMES = 20_000         # a dialect and a source of frames; each takes about two seconds
SEED = 20260812
GOOD = ("decoded", "ignored", "control")
#: What damage is made of: the bytes that mean something to a reader of JSON or protobuf, and a few that don't.
BYTES = b'{}[]:,"\\/ \t\n\r0123456789.-+eEunltrfasbx\x00\x01\x08\x0a\x12\x1f\x40\x42\x52\x7f\x80\xbf\xc3\xed\xf4\xff'
TEXTS = (b"null", b"true", b"false", b'""', b"{}", b"[]", b"0", b"-0", b"1e400", b"1E-7", b"00", b"9" * 20,
         b"9223372036854775807", b"\\u0065", b"\\ud83d\\ude00", b"\\ud800", b"\\x", b"\xc3\xa9", b"\xff", b" ", b'"',
         b",")


def damaged(frame: bytes, other: bytes, chance: random.Random) -> bytes:
    """One to four wounds, each a small edit somewhere."""
    damage = bytearray(frame)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        place = chance.randrange(len(damage) + 1)
        span = slice(place, place + chance.choice((1, 1, 2, 5, 20)))
        match chance.randrange(8):
            case 0:
                damage[place:place] = bytes([chance.choice(BYTES)])
            case 1:
                damage[place:place + 1] = bytes([chance.choice(BYTES)])
            case 2 if place < len(damage):
                damage[place] ^= 1 << chance.randrange(8)
            case 3:
                del damage[span]
            case 4:
                damage[span] = damage[span] * 2
            case 5:
                damage[span] = chance.choice(TEXTS)
            case 6:
                damage[place:] = other[chance.randrange(len(other) + 1):] if other else b""
            case 7:
                damage[place:place] = damage[span]
    return bytes(damage)


class DoubledKeyError(Exception):
    """What a frame with the same key twice means is not defined."""


def refuse_doubled(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise DoubledKeyError


def has_doubled_keys(frame: bytes) -> bool:
    try:
        json.loads(frame.decode("utf-8", "surrogateescape"), object_pairs_hook=refuse_doubled)
    except DoubledKeyError:
        return True
    except (ValueError, RecursionError):
        pass
    return False


def captured_frames(dialect: str, captures: Path) -> list[bytes]:
    """Of each captured file some frames from its beginning and its middle."""
    frames = []
    for file in sorted([*captures.glob(f"{dialect}.*.jsonl"), *captures.glob(f"fixtures/{dialect}.*.jsonl")]):
        with file.open() as lines:
            raws = [line["raw"].encode() for line in map(json.loads, lines) if line["dir"] == "in"]
        frames += [raw for raw in raws[:20] + raws[len(raws) // 2:len(raws) // 2 + 20] if 0 < len(raw) < 1000]
    return frames


@pytest.mark.parametrize("dialect", SAMPLES)
def test_a_damaged_frame_yields_what_the_twin_yields_or_nothing(dialect: str) -> None:
    outcomes = compare(dialect, [sample.frame for sample in SAMPLES[dialect] if sample.frame])
    assert outcomes["decoded"] > FRAMES // 20
    assert sum(count for name, count in outcomes.items() if name not in GOOD) > FRAMES // 4


@pytest.mark.parametrize("dialect", [each for each in SAMPLES if each not in ("coinapi", "kaiko")])
def test_a_damaged_captured_frame_yields_what_the_twin_yields_or_nothing(dialect: str, captures: Path) -> None:
    outcomes = compare(dialect, captured_frames(dialect, captures))
    assert sum(count for name, count in outcomes.items() if name not in GOOD) > FRAMES // 4


def compare(dialect: str, frames: list[bytes]) -> dict[str, int]:
    """Damage the frames FRAMES times; return how often each status came out."""
    chance = random.Random(f"{dialect} {SEED}")
    decoder, twin = Decoder(dialect), TWINS[dialect]()
    good = next(sample for sample in SAMPLES[dialect] if sample.status == "decoded")
    outcomes = dict.fromkeys(STATUS_NAMES, 0)
    with Guarded(1 << 14) as memory:
        for number in range(FRAMES):
            frame = damaged(chance.choice(frames), chance.choice(frames), chance)
            address = memory.at_the_end(frame) if number % 2 else memory.at_the_beginning(frame)
            status, records = decoder.decode_at(address, len(frame))
            outcomes[status] += 1
            twins_status, twins_records = twin.decode(frame)
            if has_doubled_keys(frame):
                decoder.reset()
                twin.reset()
            elif status in GOOD or twins_records:
                assert (status, records) == (twins_status, twins_records), frame
            if number % 100 == 0:
                decoder.reset()
                twin.reset()
                assert decoder.decode(good.frame) == (good.status, good.records)
                twin.decode(good.frame)
    return outcomes
