"""The Avro schemas (*.avsc): loading, Parsing Canonical Form, fingerprint, and what names them on the wire.

Schemas are FIXED once landed: they evolve by adding fields with defaults. Sources: Apache Avro 1.12
specification, "Parsing Canonical Form for Schemas", "Schema Fingerprints" and "Single-object encoding
specification" (https://avro.apache.org/docs/1.12.0/specification/, read November 2026).
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ingestor.wire.topics import ALL_TOPICS

NAMES = dict(zip(ALL_TOPICS, ("trade", "quote", "bar", "reference", "fair", "quality"), strict=True))

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
KEY_ORDER = ("name", "type", "fields", "symbols", "items", "values", "size")
FINGERPRINT_EMPTY = 0xC15D213AA4D7A795
FINGERPRINT_MASK = 0xFFFFFFFFFFFFFFFF
SINGLE_OBJECT_MARK = b"\xc3\x01"
CONFLUENT_MARK = b"\x00"


def schema_name(topic: str, mode: str) -> str:
    """Base name of the .avsc of a topic's messages: a block's in block mode, else a full record's."""
    return NAMES[topic] + ("_block" if mode == "block" else "")


@cache
def schema_text(name: str) -> str:
    """The text of one .avsc, as it stands in the package."""
    return (Path(__file__).parent / f"{name}.avsc").read_text(encoding="utf-8")


def schema(topic: str, mode: str) -> dict[str, Any]:
    """The schema of a topic's messages in this mode, as plain values."""
    parsed: dict[str, Any] = json.loads(schema_text(schema_name(topic, mode)))
    return parsed


def canonical_form(of: object) -> str:
    """Parsing Canonical Form: full names, only what matters for reading, in one order, without spaces."""
    return json.dumps(_canonical(of, ""), separators=(",", ":"), ensure_ascii=False)


def _canonical(of: Any, namespace: str) -> Any:
    if isinstance(of, list):
        return [_canonical(branch, namespace) for branch in of]
    if isinstance(of, str):
        return of if of in PRIMITIVES else _full_name(of, namespace)
    if of["type"] in PRIMITIVES:
        return of["type"]
    kept = dict(of)
    if "name" in kept:
        kept["name"] = _full_name(of["name"], of.get("namespace", namespace))
        namespace = kept["name"].rpartition(".")[0]
    if "fields" in kept:
        kept["fields"] = [{"name": field["name"], "type": _canonical(field["type"], namespace)}
                          for field in of["fields"]]
    for part in ("items", "values"):
        if part in kept:
            kept[part] = _canonical(of[part], namespace)
    return {key: kept[key] for key in KEY_ORDER if key in kept}


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


@cache
def _fingerprint_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (FINGERPRINT_EMPTY & -(value & 1))
        table.append(value)
    return tuple(table)


def fingerprint(of: object) -> int:
    """CRC-64-AVRO of the Parsing Canonical Form."""
    table, value = _fingerprint_table(), FINGERPRINT_EMPTY
    for byte in canonical_form(of).encode():
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value & FINGERPRINT_MASK


@cache
def single_object_prefix(topic: str, mode: str) -> bytes:
    """C3 01 and the fingerprint, least significant byte first: ten bytes."""
    return SINGLE_OBJECT_MARK + fingerprint(schema(topic, mode)).to_bytes(8, "little")


def confluent_prefix(schema_id: int) -> bytes:
    """0 and the registry's id, most significant byte first: five bytes."""
    return CONFLUENT_MARK + schema_id.to_bytes(4, "big")


def avro_long(value: int) -> bytes:
    """A long in Avro: zigzag, then seven bits a byte, least first."""
    zigzag = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while zigzag >= 0x80:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def avro_text(text: str) -> bytes:
    """A string in Avro: the count of its UTF-8 bytes, then they."""
    encoded = text.encode()
    return avro_long(len(encoded)) + encoded
