"""kaiko: the twin, over a small protobuf reader of its own."""

import struct
from typing import Any

from reference.dialect import Dialect
from reference.rules import SECOND, Malformed, Record, bounded, decimal

Fields = dict[int, list[tuple[int, Any]]]   # field number: (wire type, value) in the order sent


def varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data):
            raise Malformed("cut")
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            break
        if shift == 70:
            raise Malformed("a varint of eleven bytes")
    if number >= 2**64:
        raise Malformed("a varint of more than 64 bits")
    return number, at


def read(data: bytes) -> Fields:
    """The message's fields. Groups are refused, as no proto3 message has them."""
    fields: Fields = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise Malformed("no such field number")
        value: Any
        if wire == 0:
            value, at = varint(data, at)
        elif wire in (1, 2, 5):
            size, at = varint(data, at) if wire == 2 else (8 if wire == 1 else 4, at)
            value, at = data[at:at + size], at + size
            if at > len(data):
                raise Malformed("cut")
        else:
            raise Malformed("no such wire type")
        fields.setdefault(number, []).append((wire, value))
    return fields


def values(fields: Fields, number: int, wire: int) -> list[Any]:
    """All values of a used field; a wire type that is not the field's own is refused."""
    if any(sent != wire for sent, _ in fields.get(number, [])):
        raise Malformed("wrong wire type")
    return [value for _, value in fields.get(number, [])]


def text(fields: Fields, number: int) -> str:
    try:
        texts = [value.decode() for value in values(fields, number, 2)]
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    return texts[-1] if texts else ""


def double(fields: Fields, number: int) -> float:
    return struct.unpack("<d", values(fields, number, 1)[-1])[0] if number in fields else 0.0


def merged(fields: Fields, number: int) -> Fields | None:
    """An embedded message; parts of one that was sent in several pieces are one message."""
    pieces = [read(piece) for piece in values(fields, number, 2)]
    if not pieces:
        return None
    message: Fields = {}
    for piece in pieces:
        for inner, sent in piece.items():
            message.setdefault(inner, []).extend(sent)
    return message


def whole(fields: Fields, number: int, bits: int) -> int:
    """An integer or enum of 32 or 64 bits, signed: of a longer varint the low bits count."""
    value = (values(fields, number, 0) or [0])[-1] % 2**bits
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def timestamp(fields: Fields | None) -> int | None:
    if fields is None:
        return None
    seconds, nanos = whole(fields, 1, 64), whole(fields, 2, 32)
    if not 0 <= nanos <= 999_999_999:
        raise Malformed("no such time")
    return bounded(seconds * SECOND + nanos) if seconds >= 0 else None


class Kaiko(Dialect):
    dialect = "kaiko"

    def read(self, frame: bytes) -> list[Record]:
        if frame[:1] not in (b"T", b"M"):
            raise Malformed("no such method")
        trades = frame[:1] == b"T"
        fields = read(frame[1:])
        exchange_time, kind_field = (10, 9) if trades else (9, 12)
        kind = whole(fields, kind_field, 32)
        wrapped = merged(fields, exchange_time)
        ts = timestamp(merged(wrapped, 1)) if wrapped is not None else None
        timestamp(merged(fields, exchange_time + 2))
        text(fields, 3)     # the class: used, though no record of this form names it
        code, venue, id = (text(fields, number) for number in (4, 5, 7))
        amount, price = double(fields, 2), double(fields, 8)
        if trades or kind in (1, 2, 9):
            side = {1: "buy", 2: "sell"}.get(kind, "unknown")
        elif kind in (3, 4):
            side = ""
        else:
            return []
        if not code or price == 0:
            raise Malformed("no symbol or price")
        sent = self.number(price), self.number(amount)
        if side:
            record = self.record("trade", code, ts, None, False, id=id or None, side=side, price=sent[0], size=sent[1])
        else:
            bid, ask = (sent, (None, None)) if kind == 4 else ((None, None), sent)
            record = self.record("quote", code, ts, None, False, bid=bid[0], bid_size=bid[1], ask=ask[0],
                                 ask_size=ask[1])
        record["venue"] = venue
        return [record]

    def number(self, value: float) -> str:
        """The shortest decimal that reads back as the double: what repr() prints."""
        if value != value or value in (float("inf"), float("-inf")):
            raise Malformed("no number")
        found = decimal(repr(value))
        assert found is not None
        return found
