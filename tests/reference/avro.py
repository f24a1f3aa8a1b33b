"""Avro the slow way: from the schemas alone, with Python's integers. The twin of ingestor/wire.

Written after the Avro 1.12 specification and not after the product; it shares no code with it.
"""

import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "ingestor" / "wire"


def load(name: str) -> dict[str, Any]:
    """The schema of one .avsc, by base name."""
    return json.loads((SCHEMAS / f"{name}.avsc").read_text())


def long(value: int) -> bytes:
    """Zigzag, seven bits a byte, least first."""
    assert -2**63 <= value < 2**63
    rest = 2 * value if value >= 0 else -2 * value - 1
    out = []
    while True:
        rest, low = divmod(rest, 128)
        out.append(low + (128 if rest else 0))
        if not rest:
            return bytes(out)


def half_even(value: Fraction) -> int:
    """The nearest integer, the even one of two."""
    floor = value.numerator // value.denominator
    rest = value - floor
    return floor + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2 == 1))


def unscaled(mantissa: int, exponent: int) -> tuple[int, bool] | None:
    """The integer of decimal(38, 18) and whether it was rounded; None beyond 38 digits."""
    exact = Fraction(mantissa) * Fraction(10) ** (exponent + 18)
    rounded = half_even(exact)
    return None if abs(rounded) >= 10**38 else (rounded, rounded != exact)


def decimal(value: tuple[int, int]) -> bytes:
    """(mantissa, exponent) as decimal(38, 18)."""
    integer, _ = unscaled(*value)
    size = next(size for size in range(1, 17) if -(1 << 8 * size - 1) <= integer < 1 << 8 * size - 1)
    return long(size) + integer.to_bytes(size, "big", signed=True)


def encode(schema: Any, value: Any) -> bytes:
    """One datum; decimals are (mantissa, exponent)."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        branch = 0 if value is None else 1
        return long(branch) + encode(schema[branch], value)
    if kind == "null":
        return b""
    if kind in ("int", "long"):
        return long(value)
    if kind == "double":
        return struct.pack("<d", value)
    if kind == "string":
        return long(len(value.encode())) + value.encode()
    if kind == "bytes":
        return decimal(value)
    if kind == "enum":
        return long(schema["symbols"].index(value))
    if kind == "array":
        items = b"".join(encode(schema["items"], item) for item in value)
        return (long(len(value)) + items if value else b"") + b"\0"
    assert kind == "record"
    return b"".join(encode(field["type"], value.get(field["name"])) for field in schema["fields"])
