"""Protobuf as its own library reads it: generated messages of kaiko, strangers among their fields, cuts and damage."""

import math
import struct
import sys
from typing import Any

from fuzz.mutations import varint
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kaikosdk.stream.market_update_v1 import response_pb2 as market_updates
from kaikosdk.stream.trades_v1 import response_pb2 as trades
from reference.kaiko import Kaiko
from reference.kaiko import read as slow_fields
from reference.rules import Malformed, Number, decimal

from ingestor.decode import Decoder
from ingestor.scan import leaves

SECOND = 10**9
TEXTS = st.text(max_size=12)
DOUBLES = st.floats(min_value=1e-12, max_value=1e12) | st.decimals(0, 10**6, places=4).map(float)
TIMES = st.fixed_dictionaries({"seconds": st.integers(-10, 9223372035), "nanos": st.integers(0, SECOND - 1)})
COMMON = {
    "amount": DOUBLES, "code": st.text(min_size=1, max_size=12), "exchange": TEXTS, "sequence_id": TEXTS, "id": TEXTS,
    "class": TEXTS, "price": DOUBLES.filter(bool), "ts_event": TIMES, "ts_collection": st.fixed_dictionaries(
        {"value": TIMES}), "ts_exchange": st.none() | st.fixed_dictionaries({"value": TIMES}),
}
TRADES = st.fixed_dictionaries({**COMMON, "side": st.integers(0, 2)})
UPDATES = st.fixed_dictionaries({**COMMON, "update_type": st.sampled_from((1, 2, 3, 4, 9))})


def stranger(draw: st.DrawFn) -> bytes:
    """A field that no message of ours has."""
    wire = draw(st.sampled_from((0, 1, 2, 5)))
    value = {0: lambda: varint(draw(st.integers(0, 2**64 - 1))), 1: lambda: draw(st.binary(min_size=8, max_size=8)),
             5: lambda: draw(st.binary(min_size=4, max_size=4))}
    if wire == 2:
        content = draw(st.binary(max_size=20))
        return varint(draw(st.integers(20, 2**29 - 1)) << 3 | 2) + varint(len(content)) + content
    return varint(draw(st.integers(20, 2**29 - 1)) << 3 | wire) + value[wire]()


STRANGERS = st.composite(stranger)()


def plain(value: float) -> str:
    found = decimal(Number(repr(value)))
    assert found is not None
    return found


def epoch(stamp: dict[str, int] | None) -> int | None:
    """A time at or before 1970 is absent."""
    return None if stamp is None or stamp["seconds"] < 0 else stamp["seconds"] * SECOND + stamp["nanos"] or None


def expected(values: dict[str, Any]) -> dict[str, Any]:
    """What every record of these values says."""
    exchange_time = values["ts_exchange"] and values["ts_exchange"]["value"]
    return {"symbol": values["code"], "venue": values["exchange"], "ts_event_ns": epoch(exchange_time)}


@settings(max_examples=150)
@given(TRADES, STRANGERS, STRANGERS)
def test_a_trade_is_read_with_strangers_before_and_after_it(
        values: dict[str, Any], before: bytes, after: bytes) -> None:
    message = trades.StreamTradesResponseV1(**{key: value for key, value in values.items() if value is not None})
    status, [record] = Decoder("kaiko").decode(b"T" + before + message.SerializeToString() + after)
    assert status == "decoded"
    assert record.items() >= {
        **expected(values), "kind": "trade", "id": values["id"] or None,
        "side": ("unknown", "buy", "sell")[values["side"]],
        "price": plain(values["price"]), "size": plain(values["amount"])}.items()


@settings(max_examples=150)
@given(UPDATES, STRANGERS)
def test_an_update_is_read_with_strangers_in_it(values: dict[str, Any], between: bytes) -> None:
    message = market_updates.StreamMarketUpdateResponseV1(
        **{key: value for key, value in values.items() if value is not None})
    status, [record] = Decoder("kaiko").decode(b"M" + between + message.SerializeToString())
    assert status == "decoded"
    assert record.items() >= expected(values).items()
    sides = {3: "ask", 4: "bid"}
    name = sides.get(values["update_type"])
    assert (record[name or "price"], record[f"{name}_size" if name else "size"]) == (
        plain(values["price"]), plain(values["amount"]))


@settings(max_examples=150)
@given(TRADES, st.lists(st.integers(0, 200), max_size=4), st.binary(max_size=6))
def test_what_is_decoded_of_damaged_bytes_the_library_reads_the_same(
        values: dict[str, Any], places: list[int], damage: bytes) -> None:
    data = bytearray(trades.StreamTradesResponseV1(
        **{key: value for key, value in values.items() if value is not None}).SerializeToString())
    for place, byte in zip(places, damage, strict=False):
        data[place % len(data)] = byte
    status, records = Decoder("kaiko").decode(b"T" + bytes(data))
    assert (status if records else "malformed", records) == Kaiko().decode(b"T" + bytes(data))
    if not records:
        return
    try:
        message = trades.StreamTradesResponseV1.FromString(bytes(data))
    except DecodeError:     # a text of a field that nobody uses is not UTF-8: the frame is none the worse for us
        assert "UTF-8" in str(sys.exception())
        return
    assert records[0]["symbol"] == message.code
    assert records[0]["price"] == plain(message.price)
    assert records[0]["size"] == plain(message.amount)
    assert math.isfinite(message.price)


@given(TRADES)
def test_a_message_cut_anywhere_yields_what_the_library_reads_or_nothing(values: dict[str, Any]) -> None:
    data = trades.StreamTradesResponseV1(
        **{key: value for key, value in values.items() if value is not None}).SerializeToString()
    decoder = Decoder("kaiko")
    for size in range(len(data)):
        _, records = decoder.decode(b"T" + data[:size])
        try:
            message = trades.StreamTradesResponseV1.FromString(data[:size])
        except DecodeError:
            assert records == []
        else:
            assert not records or records[0]["symbol"] == message.code


@given(st.lists(STRANGERS, max_size=6).map(b"".join), st.binary(max_size=3))
@example(b"\x0b\x0c", b"")                      # an empty group: no proto3 message has them
@example(b"\x08" + b"\x80" * 9 + b"\x01", b"")  # a varint of ten bytes, the longest
@example(b"\x08" + b"\x80" * 9 + b"\x02", b"")  # beyond 64 bits
@example(b"\x08" + b"\x80" * 10 + b"\x00", b"")  # of eleven bytes
@example(b"\x88\x80\x80\x80\x80\x00\x01", b"")   # a tag longer than it needs
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"")    # a length of 2^64 - 1
@example(b"\x0a\x80\x80\x80\x80\x08", b"")       # of 2^31
def test_fields_are_those_of_a_slow_reader(fields: bytes, more: bytes) -> None:
    status, found = leaves.protobuf(fields + more)
    try:
        wanted = slow_fields(fields + more)
    except Malformed:
        assert (status in ("truncated", "syntax"), found) == (True, None)
        return
    assert status == "decoded"
    kept: dict[int, list[Any]] = {}
    for number, wire, value in found:
        kept.setdefault(number, []).append((wire, value))
    assert kept == wanted


@given(st.integers(0, 2**64 - 1))
def test_a_varint_is_read_to_its_last_bit(number: int) -> None:
    assert leaves.protobuf(b"\x08" + varint(number)) == ("decoded", [(1, 0, number)])


@given(st.floats(allow_nan=False))
def test_a_double_is_eight_bytes_as_they_stand(value: float) -> None:
    packed = struct.pack("<d", value)
    assert leaves.protobuf(b"\x09" + packed) == ("decoded", [(1, 1, packed)])
