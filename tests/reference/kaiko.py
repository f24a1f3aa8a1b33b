"""kaiko: the twin, over a small protobuf reader of its own."""

import re
import struct
from typing import Any

from reference.dialect import Dialect
from reference.rules import SECOND, Malformed, Record, bounded, decimal, later

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
        readers = {b"T": self.trade_message, b"M": self.market_update, b"V": self.vwap, b"O": self.ohlcv,
                   b"X": self.rate, b"D": self.rate, b"Q": self.aggregated_quote, b"R": self.metric, b"I": self.index}
        if frame[:1] not in readers:
            raise Malformed("no such method")
        return readers[frame[:1]](read(frame[1:]))

    def trade_message(self, fields: Fields) -> list[Record]:
        kind = whole(fields, 9, 32)
        return self.tick(fields, 10, {1: "buy", 2: "sell"}.get(kind, "unknown"))

    def market_update(self, fields: Fields) -> list[Record]:
        kind = whole(fields, 12, 32)
        return self.tick(fields, 9, {1: "buy", 2: "sell", 9: "unknown", 3: "ask", 4: "bid"}.get(kind, ""))

    def tick(self, fields: Fields, exchange_time: int, side: str) -> list[Record]:
        text(fields, 3)     # the class: used, though no record of this form names it
        code, venue, id = (text(fields, number) for number in (4, 5, 7))
        amount, price = double(fields, 2), double(fields, 8)
        if not side:
            return []
        wrapped = merged(fields, exchange_time)
        ts = timestamp(merged(wrapped, 1)) if wrapped is not None else None
        timestamp(merged(fields, exchange_time + 2))
        if not code or price == 0:
            raise Malformed("no symbol or price")
        sent = self.number(price), self.number(amount)
        if side in ("bid", "ask"):
            return [self.one_sided(code, venue, side, sent, ts)]
        record = self.record("trade", code, ts, None, False, id=id or None, side=side, price=sent[0], size=sent[1])
        return [{**record, "venue": venue}]

    def one_sided(self, code: str, venue: str, side: str, sent: tuple[Any, Any], ts: int | None) -> Record:
        bid, ask = (sent, (None, None)) if side == "bid" else ((None, None), sent)
        record = self.record("quote", code, ts, None, False, bid=bid[0], bid_size=bid[1], ask=ask[0], ask_size=ask[1])
        return {**record, "venue": venue}

    def vwap(self, fields: Fields) -> list[Record]:
        texts, price, start = [text(fields, number) for number in (1, 2, 3, 4)], double(fields, 6), merged(fields, 7)
        if price == 0:
            return []
        values = dict.fromkeys(("open", "high", "low", "close", "volume"))
        return [self.interval(texts[2], texts[3], texts[0], start, {**values, "vwap": self.number(price)})]

    def ohlcv(self, fields: Fields) -> list[Record]:
        texts = {number: text(fields, number) for number in (1, 2, 3, 4, 5, 6, 7, 9, 12)}
        sent = {name: decimal(texts[number]) for name, number in (
            ("open", 7), ("high", 5), ("low", 6), ("close", 3), ("volume", 12))}
        return [self.interval(texts[9], texts[4], texts[1], merged(fields, 10), {**sent, "vwap": None})]

    def interval(self, code: str, venue: str, length: str, at: Fields | None, values: dict[str, Any]) -> Record:
        start = timestamp(at)
        found = re.match(r"([0-9]{1,4})([smhHdDW])", length)
        by = int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[
            found[2] if found[2] in "sm" else found[2].lower()] * SECOND if found else 0
        record = self.record("bar", code, None, None, False, **values, count=None, start_ns=start,
                             end_ns=later(start, by or None))
        return {**record, "venue": venue}

    def rate(self, fields: Fields) -> list[Record]:
        assets, price, at = merged(fields, 1) or {}, double(fields, 2), merged(fields, 3)
        base, quote, no_trade = text(assets, 1), text(assets, 2), whole(fields, 5, 32)
        if price == 0 or no_trade:
            return []
        if not base or not quote:
            raise Malformed("no pair")
        return [self.indexed(f"{base}-{quote}", price, at)]

    def indexed(self, symbol: str, price: float, at: Fields | None) -> Record:
        return {**self.record("reference", symbol, timestamp(at), None, False, index=self.number(price)),
                "venue": "kaiko"}

    def aggregated_quote(self, fields: Fields) -> list[Record]:
        code, _, kind, at = text(fields, 3), text(fields, 2), whole(fields, 4, 32), merged(fields, 5)
        vetted = merged(fields, 6) or {}
        price, volume = text(vetted, 1), text(vetted, 2)
        if not price or kind not in (1, 2):
            return []
        return [self.one_sided(code, "kaiko", "ask" if kind == 1 else "bid", (decimal(price), decimal(volume)),
                               timestamp(at))]

    def metric(self, fields: Fields) -> list[Record]:
        value, symbol, venue, name = (text(fields, number) for number in (1, 2, 3, 4))
        at = merged(fields, 7)
        key = {"mark_price": "mark", "index_price": "index", "funding_rate": "funding", "funding rate": "funding",
               "open_interest": "open_interest"}.get(name)
        if not value or key is None:
            return []
        timestamp(at)
        return [{**self.record("reference", symbol, None, None, False, **{key: decimal(value)}), "venue": venue}]

    def index(self, fields: Fields) -> list[Record]:
        code, kind, at = text(fields, 1), whole(fields, 2, 32), merged(fields, 8)
        levels = [read(level) for level in values(fields, 7, 2)]
        prices = [(double(level, 1), double(level, 2))[1] for level in levels]
        if kind != 1 or len(prices) != 1 or prices[0] == 0:
            return []
        return [self.indexed(code, prices[0], at)]

    def number(self, value: float) -> str:
        """The shortest decimal that reads back as the double: what repr() prints."""
        if value != value or value in (float("inf"), float("-inf")):
            raise Malformed("no number")
        found = decimal(repr(value))
        assert found is not None
        return found
