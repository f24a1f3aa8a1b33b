"""Every row of the channel map, dialect by dialect, in frames written from the format reference."""

import json
from typing import Any

import pytest
from guarded import Guarded
from reference.twins import TWINS
from samples import SAMPLES, Sample

from ingestor.decode import Decoder
from ingestor.records import STATUS_NAMES

GOOD = ("decoded", "ignored", "control")
MALFORMED = set(STATUS_NAMES) - set(GOOD)
ALL = [pytest.param(dialect, sample, id=f"{dialect}: {sample.name}")
       for dialect, samples in SAMPLES.items() for sample in samples]
JSON = [each for each in ALL if isinstance(each.values[1], Sample) and each.values[1].frame[:1] in (b"{", b"[")
        and each.values[1].status in GOOD]


def connection(dialect: str, sample: Sample) -> Decoder:
    """A connection on which all has come that goes before the sample."""
    decoder = Decoder(dialect)
    again(decoder, sample)
    return decoder


def again(decoder: Decoder, sample: Sample) -> None:
    decoder.reset()
    for frame in sample.before:
        assert decoder.decode(frame)[0] in GOOD


@pytest.mark.parametrize("dialect", SAMPLES)
def test_each_sample_has_its_own_name(dialect: str) -> None:
    names = [sample.name for sample in SAMPLES[dialect]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("dialect", "sample"), ALL)
def test_a_frame_yields_exactly_its_records(dialect: str, sample: Sample) -> None:
    assert connection(dialect, sample).decode(sample.frame) == (sample.status, sample.records)


@pytest.mark.parametrize(("dialect", "sample"), ALL)
def test_the_slow_twin_yields_the_same(dialect: str, sample: Sample) -> None:
    status = sample.status if sample.status in GOOD else "malformed"
    twin = TWINS[dialect]()
    for frame in sample.before:
        twin.decode(frame)
    assert twin.decode(sample.frame) == (status, sample.records)


def turned(value: Any) -> Any:
    """The same value with every object's keys in reverse order, and a stranger in each object."""
    if isinstance(value, dict):
        return {"stranger": [{"": [True, {"e": "trade", "data": -1.5e-7}]}, "\u00e9\\\"\n"],
                **{key: turned(value[key]) for key in reversed(value)}}
    return [turned(item) for item in value] if isinstance(value, list) else value


class Raw(float):
    """A number that is written as it was read."""

    def __new__(cls, text: str) -> "Raw":
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        return self.text


@pytest.mark.parametrize(("dialect", "sample"), JSON)
def test_key_order_white_space_and_stranger_keys_mean_nothing(dialect: str, sample: Sample) -> None:
    value = turned(json.loads(sample.frame, parse_float=Raw, parse_int=Raw))
    text = " \r\n\t" + written(value, ascii_only=False) + "\n "
    assert connection(dialect, sample).decode(text.encode()) == (sample.status, sample.records)


@pytest.mark.parametrize(("dialect", "sample"), JSON)
def test_escapes_mean_nothing(dialect: str, sample: Sample) -> None:
    value = json.loads(sample.frame, parse_float=Raw, parse_int=Raw)
    text = written(value, ascii_only=True)
    assert connection(dialect, sample).decode(text.encode()) == (sample.status, sample.records)


def written(value: Any, *, ascii_only: bool) -> str:
    """JSON with much white space, or with every character of every string escaped."""
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(each):04x}" for each in value) + '"' if ascii_only else json.dumps(
            value, ensure_ascii=False)
    space = "" if ascii_only else " \n\t"
    if isinstance(value, dict):
        members = (f"{space}{written(key, ascii_only=ascii_only)}{space}:{space}{written(item, ascii_only=ascii_only)}"
                   for key, item in value.items())
        return "{" + f"{space},".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + ",".join(space + written(item, ascii_only=ascii_only) for item in value) + space + "]"
    return repr(value) if isinstance(value, Raw) else json.dumps(value)


@pytest.mark.parametrize(("dialect", "sample"), JSON)
def test_a_frame_cut_at_any_byte_yields_nothing_and_says_truncated(dialect: str, sample: Sample) -> None:
    decoder = connection(dialect, sample)
    for size in range(len(sample.frame)):
        assert decoder.decode(sample.frame[:size]) == ("truncated", [])


@pytest.mark.parametrize(("dialect", "sample"), JSON)
def test_bytes_after_a_frame_refuse_it(dialect: str, sample: Sample) -> None:
    for more in (b"x", b"}", b"]", b",", b"{}", b"\x00", b"\x0b"):
        assert connection(dialect, sample).decode(sample.frame + more) == ("syntax", [])


@pytest.mark.parametrize("dialect", SAMPLES)
def test_no_byte_outside_of_a_frame_is_read_wherever_it_is_cut(dialect: str) -> None:
    decoder = Decoder(dialect)
    with Guarded(max(len(sample.frame) for sample in SAMPLES[dialect])) as memory:
        for sample in SAMPLES[dialect]:
            for size in range(len(sample.frame) + 1):
                frame = sample.frame[:size]
                again(decoder, sample)
                expected = decoder.decode(frame)
                again(decoder, sample)
                assert decoder.decode_at(memory.at_the_end(frame), size) == expected
                again(decoder, sample)
                assert decoder.decode_at(memory.at_the_beginning(frame), size) == expected
                assert expected[0] in (MALFORMED if size < len(sample.frame) and frame[:1] == b"{" else STATUS_NAMES)
