"""How providers write: JSON, decimals of whole units, times, UUIDs; and what is read of what they hear."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

MILLISECOND, MICROSECOND = 1_000_000, 1_000


def in_words(message: object) -> bytes:
    """One JSON text without white space, as providers send it."""
    return json.dumps(message, separators=(",", ":")).encode()


def request_of(path: str) -> tuple[str, dict[str, str]]:
    """The path and the query of a URL; of a doubled name the last."""
    parts = urlsplit(path)
    return parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()}


def as_object(text: bytes) -> dict[str, Any] | None:
    """The request, or None when it is no JSON object."""
    try:
        message = json.loads(text)
    except ValueError:      # also what is no UTF-8
        return None
    return message if isinstance(message, dict) else None


def strings(value: object) -> list[str]:
    """The strings of a JSON array; nothing else counts."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def fixed(units: int, digits: int) -> str:
    """units / 10^digits with exactly so many decimal places."""
    if digits == 0:
        return str(units)
    text = str(abs(units)).rjust(digits + 1, "0")
    return f"{'-' if units < 0 else ''}{text[:-digits]}.{text[-digits:]}"


def trimmed(units: int, digits: int) -> str:
    """The same without trailing zeros, as a JSON number is written."""
    text = fixed(units, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso(ts_ns: int, digits: int) -> str:
    """`2026-08-12T19:29:00.921195Z` with so many digits after the point."""
    seconds, rest = divmod(ts_ns, 10**9)
    return f"{_second(seconds)}.{rest:09d}"[:20 + digits] + "Z"


_SECONDS: dict[int, str] = {}
_SECONDS_MAX = 64   # frames of one moment name one or two seconds


def _second(seconds: int) -> str:
    text = _SECONDS.get(seconds)
    if text is None:
        if len(_SECONDS) >= _SECONDS_MAX:
            _SECONDS.clear()
        text = _SECONDS[seconds] = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text


def padded(units: int, digits: int, places: int) -> str:
    """`fixed`, filled with zeros to so many decimal places."""
    text = fixed(units, digits)
    return text + ("." if digits == 0 and places else "") + "0" * (places - digits)


def uuid_of(number: int, version: int) -> str:
    """A UUID whose last twelve digits are the number, so that it can be counted."""
    return f"3b6c2c0a-54c5-{version}c0e-8d7b-{number:012d}"
