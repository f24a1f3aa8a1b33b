"""The rules of all dialects, slowly and in plain Python: the twin that the decoders are compared with.

Written from the channel map's section 1, with the standard library only. Values stay what JSON says they are:
a `Number` is a JSON number as it was spelled, a plain str a JSON string. `None` stands for a missing key too.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NoReturn

INT64_MAX = 2**63 - 1
DEPTH_MAX = 512
DIGITS_MAX = 18
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"-?[0-9]+")
ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
SURROGATE = re.compile("[\ud800-\udfff]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDING = Context(prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN, Emin=-(10**10), Emax=10**10)
MILLISECOND, SECOND = 10**6, 10**9

Record = dict[str, Any]


class Malformed(ValueError):
    """The frame yields nothing and goes to the quarantine."""


class Number(str):
    """A JSON number, kept as spelled."""

    __slots__ = ()


def refuse(constant: str) -> NoReturn:
    raise Malformed(f"{constant} is not JSON")


def read_json(frame: bytes) -> Any:
    """One RFC 8259 text. Bytes that are not UTF-8 become lone surrogates, which no used text may hold."""
    try:
        value = json.loads(frame.decode("utf-8", "surrogateescape"), parse_float=Number, parse_int=Number,
                           parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if depth_of(value) > DEPTH_MAX:
        raise Malformed("nested too deep")
    return value


def depth_of(value: Any) -> int:
    """How many containers are open around the innermost value."""
    level = [value]
    depth = 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def is_absent(value: Any) -> bool:
    return value is None or (type(value) is str and not value)


def first(*values: Any) -> Any:
    """`a ?? b ?? c`: the first that is not absent."""
    return next((value for value in values if not is_absent(value)), None)


def is_any(message: dict[str, Any], keys: str) -> bool:
    """Whether at least one of the keys is in the message, whatever it holds."""
    return any(key in message for key in keys.split())


def an_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("no object")
    return value


def an_array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("no array")
    return value


def word(value: Any) -> str:
    """A text that is compared, such as a message type; "" for what is no text."""
    return valid(value) if type(value) is str else ""


def valid(value: str) -> str:
    if SURROGATE.search(value):
        raise Malformed("not UTF-8")
    return str(value)


def name(value: Any) -> str:
    """A needed text, such as the symbol."""
    if is_absent(value) or type(value) is not str:
        raise Malformed("no symbol")
    return valid(value)


def identity(value: Any) -> str | None:
    if is_absent(value):
        return None
    if not isinstance(value, str):
        raise Malformed("an id is text or number")
    return valid(value)


def plain(value: Decimal) -> str:
    """Plain notation: no exponent, no trailing zeros after the point, no minus before zero."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(value: Any) -> str | None:
    """Rule 7; None when absent."""
    if is_absent(value):
        return None
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise Malformed("no number")
    coefficient, _, exponent_text = value.lower().partition("e")
    if not re.search("[1-9]", coefficient):
        return "0"
    if len(exponent_text.lstrip("+-0")) > 9:
        raise Malformed("exponent out of range")
    rounded = ROUNDING.create_decimal(value)
    _, digits, exponent = rounded.as_tuple()
    assert isinstance(exponent, int)
    while digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if exponent < -128 or exponent - 127 > DIGITS_MAX - len(digits):
        raise Malformed("mantissa and exponent can't hold it")
    return plain(rounded)


def needed_decimal(value: Any) -> str:
    number = decimal(value)
    if number is None:
        raise Malformed("no price or size")
    return number


def integer(value: Any) -> int | None:
    if is_absent(value):
        return None
    if not isinstance(value, str) or not INTEGER.fullmatch(value):
        raise Malformed("no whole number")
    if len(value.lstrip("-0")) > 19 or abs(int(value)) > INT64_MAX:
        raise Malformed("beyond 64 bits")
    return int(value)


def bounded(time_ns: int) -> int | None:
    """A time at or before 1970 is absent; one beyond 64 bits is refused."""
    if time_ns > INT64_MAX:
        raise Malformed("time beyond 64 bits")
    return time_ns if time_ns > 0 else None


def epoch_time(value: Any, unit_ns: int) -> int | None:
    count = integer(value)
    return None if count is None else bounded(count * unit_ns)


def iso_time(value: Any) -> int | None:
    if is_absent(value):
        return None
    if type(value) is not str or not (parts := ISO_TIME.fullmatch(value)):
        raise Malformed("no ISO time")
    whole, fraction, zone = parts.groups()
    try:
        moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("no such time") from None
    offset = 0
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:])
        if hours > 23 or minutes > 59:
            raise Malformed("no such offset")
        offset = (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
    seconds = (moment - EPOCH) // timedelta(seconds=1) - offset
    return bounded(seconds * SECOND + int((fraction or ".0")[1:10].ljust(9, "0")))


def later(time_ns: int | None, by_ns: int | None) -> int | None:
    return None if time_ns is None or by_ns is None else bounded(time_ns + by_ns)


def taker(value: Any, buys: Iterable[str] = ("buy",), sells: Iterable[str] = ("sell",)) -> str:
    side = word(value).lower() if word(value).isascii() else ""
    return "buy" if side in buys else "sell" if side in sells else "unknown"


def opposite(side: str) -> str:
    return {"buy": "sell", "sell": "buy"}.get(side, side)


def side_of(price: Any, size: Any) -> tuple[str | None, str | None]:
    """One side of a quote; price zero with size zero or none is an empty side."""
    found = decimal(price), decimal(size)
    return (None, None) if found[0] == "0" and found[1] in (None, "0") else found


def best(levels: Any, *, deletions: bool) -> tuple[Any, Any]:
    """The first level [price, size, ...]; with `deletions`, of those whose size is not zero."""
    for level in [] if levels is None else an_array(levels):
        price, size, *_ = [*an_array(level), None, None]
        decimal(price)
        if not (decimal(size) == "0" and deletions):
            return price, size
    return None, None
