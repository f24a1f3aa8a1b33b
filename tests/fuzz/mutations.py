"""Damage: how a frame becomes one that no provider would send, by bytes, by JSON's tokens, by protobuf's fields."""

import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

#: What damage is made of: the bytes that mean something to a reader of JSON or protobuf, and a few that don't.
BYTES = b'{}[]:,"\\/ \t\n\r0123456789.-+eEunltrfasbx\x00\x01\x08\x0a\x12\x1f\x40\x42\x52\x7f\x80\xbf\xc3\xed\xf4\xff'
TEXTS = (b"null", b"true", b"false", b'""', b"{}", b"[]", b"0", b"-0", b"1e400", b"1E-7", b"00", b"9" * 20,
         b"9223372036854775807", b"\\u0065", b"\\ud83d\\ude00", b"\\ud800", b"\\x", b"\xc3\xa9", b"\xff", b" ", b'"',
         b",")
#: What may stand in a value's place, all of it valid JSON.
VALUES = (b"null", b"true", b"false", b'""', b"{}", b"[]", b"[[]]", b"0", b"-0", b'"0"', b'"-0.00"', b"-1", b'"-1"',
          b"1e400", b'"1E-7"', b"123456789012345678.5", b"1234567890123456785e-1", b'"9223372036854775807"',
          b"9223372036854775808", b"1e127", b"1e-128", b"1e-129", b'"0001-01-01T00:00:00Z"', b'"00012"',
          b'"1970-01-01T00:00:00Z"', b'"2262-04-11T23:47:17Z"', b'"\\u0042\\u0055\\u0079"', b'"\\ud800"', b'"\xff"',
          b'"NaN"', b'" 1"', b'"+1"', b'"1."', b"1.0", b'"' + b"x" * 40 + b'"', b'"' + b"\\u0031" * 20 + b'"')
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|[a-zA-Z]+|[^"]', re.DOTALL)
#: What may follow a protobuf tag: varints at their limit and beyond it, a short text, a double.
FIELD_VALUES = (b"\0", b"\x80" * 9 + b"\x01", b"\x80" * 10 + b"\x01", b"\xff" * 9 + b"\x02", b"\x02\xc3\xa9", bytes(8))
STRUCTURE = (b"{", b"}", b"[", b"]", b",", b":")
INPUT_BYTES_MAX = 4096      # what grows beyond is cut: long inputs teach little that short ones don't, and cost more
JOIN = b"\x1e"              # between the frames of a conversation, as in RFC 7464: no JSON text holds it

Mutation = Callable[[bytes, bytes, random.Random], bytes]


def by_bytes(frame: bytes, other: bytes, chance: random.Random) -> bytes:
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


def member(tokens: Sequence[bytes], place: int) -> slice:
    """The tokens from `place` to the end of the value that stands or begins there, its key and comma included."""
    depth, at = 0, place
    while at < len(tokens):
        if tokens[at] in (b"{", b"["):
            depth += 1
        elif tokens[at] in (b"}", b"]"):
            if depth == 0:
                break
            depth -= 1
        elif tokens[at] == b"," and depth == 0:
            return slice(place, at + 1)
        at += 1
    return slice(place, at)


@lru_cache(4096)        # a corpus holds a thousand frames, each mutated often
def tokens_of(frame: bytes) -> tuple[bytes, ...]:
    return tuple(TOKEN.findall(frame))


def by_tokens(frame: bytes, other: bytes, chance: random.Random) -> bytes:
    """One to three edits of JSON's values, keys and members: mostly still JSON."""
    tokens, others = list(tokens_of(frame)), tokens_of(other)
    for _ in range(chance.choice((1, 1, 2, 3))):
        values = [place for place, token in enumerate(tokens) if token not in STRUCTURE and not token.isspace()]
        if not values:
            break
        place = chance.choice(values)
        match chance.randrange(8):
            case 0 | 1:
                tokens[place] = chance.choice(VALUES)
            case 2:
                tokens[place] = chance.choice(tokens)
            case 3 if others:
                tokens[place] = chance.choice(others)
            case 4:
                del tokens[member(tokens, place)]
            case 5:
                tokens[place:place] = tokens[member(tokens, place)]
            case 6 if tokens[place][:1] in b'"-0123456789' and len(tokens[place]) > 2:
                tokens[place] = by_bytes(tokens[place], b"", chance)
            case 7:
                spot = chance.randrange(len(tokens) + 1)
                tokens[spot:spot] = others[member(others, chance.randrange(len(others)))] if others else [b" "]
    return b"".join(tokens)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def fields_of(message: bytes) -> list[bytes]:
    """A protobuf message cut into its fields, as far as it goes; what is left is the last piece."""
    pieces, at = [], 0
    while at < len(message):
        start, numbers = at, []
        for _ in range(2):      # the tag, then a varint that is the value or its length
            number = shift = 0
            while at < len(message) and shift < 70:
                number |= (message[at] & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if message[at - 1] < 0x80:
                    break
            numbers.append(number)
            if numbers[0] & 7 in (1, 5):
                break
        wire = numbers[0] & 7
        at += {1: 8, 5: 4, 2: numbers[-1] if len(numbers) > 1 else 0}.get(wire, 0)
        if at > len(message):
            pieces.append(message[start:])
            break
        pieces.append(message[start:at])
    return pieces


def by_fields(frame: bytes, other: bytes, chance: random.Random) -> bytes:
    """One to three edits of whole protobuf fields; the first byte names the method and stays."""
    pieces, others = fields_of(frame[1:]), fields_of(other[1:])
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not pieces:
            break
        place = chance.randrange(len(pieces))
        match chance.randrange(7):
            case 0:
                del pieces[place]
            case 1:
                pieces.append(pieces[place])
            case 2 if others:
                pieces[place] = chance.choice(others)
            case 3:
                pieces[place] = by_bytes(pieces[place], b"", chance)
            case 4:
                chance.shuffle(pieces)
            case 5:
                tag = varint(chance.choice((*range(16), 2**29 - 1, 2**29)) << 3 | chance.randrange(8))
                pieces.insert(place, tag + chance.choice(FIELD_VALUES))
            case 6:
                inner = b"".join(pieces)
                pieces[place] = pieces[place][:1] + varint(len(inner)) + inner
    return frame[:1] + b"".join(pieces)


def mutated(frame: bytes, other: bytes, chance: random.Random, structure: Mutation) -> bytes:
    """One frame of a conversation damaged, by its structure or by bytes; at times the conversation itself."""
    frames = frame.split(JOIN)
    place = chance.randrange(len(frames))
    match chance.randrange(16):
        case 0 if len(frames) > 1:
            chance.shuffle(frames)
        case 1:
            frames[place:place] = other.split(JOIN)
        case 2:
            frames[place:place] = [frames[place]]
        case way:
            damage = structure if way % 2 else by_bytes
            frames[place] = damage(frames[place], chance.choice(other.split(JOIN)), chance)
    return JOIN.join(frames)[:INPUT_BYTES_MAX]
