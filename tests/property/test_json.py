"""JSON as Python's own reader reads it: generated values in any spelling, and texts a little wrong."""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from reference.rules import Malformed, read_json

from ingestor.scan import leaves

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
CHARACTERS = st.sampled_from('"\\/\b\f\n\r\t\x00\x1f\x7f\x80\u2028\ud7ff\ue000😀az')
TEXTS = st.text(max_size=20) | st.text(CHARACTERS, max_size=40)


DAMAGE = st.sampled_from([b"", b",", b":", b'"', b"{", b"}", b"[", b"]", b"0", b"-", b"+", b".", b"e", b"\\", b"\x00",
                          b"\n", b"\xef\xbb\xbf", b"\xff", b"t", b"//", b"1"])


class Spelled(str):
    """A number as it is to be written."""

    __slots__ = ()


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS.map(Spelled) | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6), max_leaves=25)


def spelled(value: Any, chance: random.Random) -> str:
    """One of the many texts that mean this value."""
    space = "".join(chance.choices(" \t\r\n", k=chance.choice((0, 0, 0, 1, 3, 20))))
    match value:
        case Spelled():
            return f"{space}{value}{space}"
        case str():
            return f'{space}"{"".join(character(each, chance) for each in value)}"{space}'
        case dict():
            return "{" + space + ",".join(
                f"{spelled(key, chance)}:{spelled(item, chance)}" for key, item in value.items()) + "}" + space
        case list():
            return f"[{space}{','.join(spelled(item, chance) for item in value)}]{space}"
        case _:
            return space + json.dumps(value)


def character(each: str, chance: random.Random) -> str:
    """Itself where it may be, else one of its escapes."""
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if each >= " " and each not in '"\\' and chance.random() < 0.7:
        return each
    if each in short and chance.random() < 0.7:
        return short[each]
    units = each.encode("utf-16-be")
    digits = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return digits if chance.random() < 0.5 else digits.upper().replace("U", "u")


def as_read(value: Any) -> Any:
    """The value in the shape of leaves.json(): strings are bytes, numbers their spelling."""
    match value:
        case Spelled():
            return str(value)
        case str():
            return value.encode()
        case dict():
            return {key.encode(): as_read(item) for key, item in value.items()}
        case list():
            return [as_read(item) for item in value]
        case _:
            return value


@settings(max_examples=250)
@given(VALUES, st.randoms(use_true_random=False))
def test_a_value_is_read_whatever_its_spelling(value: Any, chance: random.Random) -> None:
    text = spelled(value, chance).encode()
    assert leaves.json(text) == ("decoded", as_read(value))
    assert leaves.json_status(text) == "decoded"


@settings(max_examples=250)
@given(VALUES, st.data())
def test_a_damaged_text_gets_the_verdict_of_the_strict_reader(value: Any, data: st.DataObject) -> None:
    text = bytearray(spelled(value, random.Random(0)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        text[place:place + data.draw(st.integers(0, 2))] = data.draw(DAMAGE)
    frame = bytes(text)
    try:
        read_json(frame)
    except Malformed:
        assert leaves.json(frame)[0] == leaves.json_status(frame) != "decoded"
    else:
        assert leaves.json(frame)[0] == leaves.json_status(frame) == "decoded"


@given(VALUES, st.randoms(use_true_random=False))
def test_a_text_cut_anywhere_is_truncated_or_a_shorter_number(value: Any, chance: random.Random) -> None:
    text = spelled(value, chance).encode().strip(b" \t\r\n")
    for size in range(min(len(text), 300)):
        status = leaves.json_status(text[:size])
        assert status == "truncated" or (isinstance(value, Spelled) and status == "decoded")
