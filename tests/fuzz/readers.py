"""Readers that are no dialect's: the scan leaves, each beside a slow reader of plain Python."""

import ctypes
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.mutations import Mutation, by_bytes, by_fields, by_tokens
from fuzz.target import Place, Target, Wrong
from reference.kaiko import read as read_fields
from reference.rules import Malformed, Number, decimal, integer, iso_time, read_json
from samples import SAMPLES

from ingestor.scan import leaves
from ingestor.wire.text import plain_decimal

MALFORMED = "malformed"
FLOAT_SEEDS = (0.0, 0.1, 64012.37, 1e15, 2.0**53, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e22, 123456789.125)


def view(data: bytes, place: Place) -> Any:
    """The placed copy, as an object with a buffer."""
    return (ctypes.c_uint8 * len(data)).from_address(place(data))


def as_read(value: Any) -> Any:
    """What the slow JSON reader gives, in the shape of leaves.json()."""
    if isinstance(value, dict):
        return {key.encode("utf-8", "surrogatepass"): as_read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_read(item) for item in value]
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass")
    return str(value) if isinstance(value, Number) else value


def slow_json(data: bytes) -> Any:
    """Its value, or MALFORMED. Bytes that are not UTF-8 have no one meaning: then only the verdict counts."""
    try:
        value = read_json(data)
    except Malformed:
        return MALFORMED
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return as_read(value)


class Reader(Target):
    """The common part: which statuses are compared, and how."""

    name = ""
    structure: Mutation = staticmethod(by_bytes)
    texts: tuple[bytes, ...] = ()

    def seeds(self, captures: Path | None) -> list[bytes]:
        return list(self.texts)

    def is_worth_judging(self, found: Any) -> bool:
        return True

    def expect(self, data: bytes, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise Wrong(f"{self.name}: {data!r}\n  read   {found!r}\n  wanted {wanted!r}")


class Json(Reader):
    """The cursor, member by member and whole."""

    name = "scan-json"
    structure = staticmethod(by_tokens)

    def seeds(self, captures: Path | None) -> list[bytes]:
        frames = [sample.frame for samples in SAMPLES.values() for sample in samples[:8]]
        frames.append(b'["\\u00e9\\ud83d\\ude00\\n",1.5e-7,true,null]')
        return [frame for frame in frames if frame[:1] in (b"{", b"[")]

    def run(self, data: bytes, place: Place) -> tuple[str, str, Any]:
        copy = view(data, place)
        return (leaves.json_status(copy), *leaves.json(copy))

    def judge(self, data: bytes, found: tuple[str, str, Any]) -> str:
        whole, walked, value = found
        self.expect(data, whole, walked)
        wanted = slow_json(data)
        if wanted is not None:
            self.expect(data, value if walked == "decoded" else MALFORMED, wanted)
        return walked


class Protobuf(Reader):
    """Tags, varints and lengths."""

    name = "scan-protobuf"
    structure = staticmethod(by_fields)

    def seeds(self, captures: Path | None) -> list[bytes]:
        return [sample.frame for sample in SAMPLES["kaiko"]]

    def run(self, data: bytes, place: Place) -> tuple[str, Any]:
        return leaves.protobuf(view(data, place))

    def judge(self, data: bytes, found: tuple[str, Any]) -> str:
        status, fields = found
        wanted: dict[int, list[Any]] | str
        try:
            wanted = read_fields(data)
        except Malformed:
            wanted = MALFORMED
        by_number: dict[int, list[Any]] = {}
        for number, wire, value in fields or ():
            by_number.setdefault(number, []).append((wire, value))
        self.expect(data, by_number if status == "decoded" else MALFORMED, wanted)
        return status


class Text(Reader):
    """A leaf that reads one value from a text, and its slow reader of the same."""

    def __init__(self, name: str, fast: Callable[[bytes], tuple[Any, ...]], slow: Callable[[str], Any],
                 texts: tuple[bytes, ...], shown: Callable[..., Any] = lambda value: value) -> None:
        self.name, self.fast, self.slow, self.texts, self.shown = name, fast, slow, texts, shown

    def run(self, data: bytes, place: Place) -> tuple[Any, ...]:
        return self.fast(view(data, place))

    def judge(self, data: bytes, found: tuple[Any, ...]) -> str:
        status, *value = found
        try:        # an empty text is absent to the rules, and no number to a leaf
            wanted = self.slow(data.decode("latin-1")) if data else MALFORMED
        except Malformed:
            wanted = MALFORMED
        self.expect(data, self.shown(*value) if status == "decoded" else MALFORMED, wanted)
        return str(status)


class Shortest(Reader):
    """Eight bytes as a double."""

    name = "scan-shortest"
    texts = tuple(struct.pack("<d", value) for value in FLOAT_SEEDS)

    def run(self, data: bytes, place: Place) -> tuple[str, int, int]:
        return leaves.shortest(struct.unpack("<d", data[:8].ljust(8, b"\x3f"))[0])

    def judge(self, data: bytes, found: tuple[str, int, int]) -> str:
        value = struct.unpack("<d", data[:8].ljust(8, b"\x3f"))[0]
        status, mantissa, exponent = found
        try:
            wanted = decimal(Number(repr(value)))
        except Malformed:
            wanted = MALFORMED
        self.expect(data, plain_decimal(mantissa, exponent) if status == "decoded" else MALFORMED, wanted)
        return status


READERS: dict[str, Callable[[], Target]] = {
    "scan-json": Json,
    "scan-protobuf": Protobuf,
    "scan-decimal": lambda: Text(
        "scan-decimal", leaves.decimal, lambda text: decimal(Number(text)),
        (b"0", b"-1.50", b"1e-128", b"9" * 19 + b".5", b"15e126", b"0.000000000000000000012345678901234565"),
        lambda mantissa, exponent, rounded: plain_decimal(mantissa, exponent)),
    "scan-integer": lambda: Text("scan-integer", leaves.integer, lambda text: integer(Number(text)),
                                 (b"0", b"-5", b"9223372036854775807", b"000000000000000000001")),
    "scan-time": lambda: Text("scan-time", leaves.iso_time, iso_time,
                              (b"2026-08-12T19:29:00.921195Z", b"1970-01-01T00:00:00+00:00",
                               b"2024-02-29T23:59:59-05:30", b"2262-04-11T23:47:16.854775807Z")),
    "scan-shortest": Shortest,
}

