"""RFC 8259 through every dialect's own entry: what the grammar allows changes nothing, what it forbids refuses all.

The documented leniencies (channel map, section 1): bytes that are not UTF-8, and halves of surrogate pairs, in a key or
text that nobody uses; the same key twice, where nobody uses it. Nesting beyond 512 levels is refused.
"""

from collections.abc import Iterator

import pytest
from fuzz.target import GOOD
from samples import SAMPLES
from samples.sample import Sample

from ingestor.decode import Decoder
from ingestor.records import STATUS_NAMES
from tests.scan.test_json_grammar import ACCEPTED, REFUSED, TRUNCATED

DIALECTS = [dialect for dialect, samples in SAMPLES.items()
            if any(sample.frame[:1] in (b"{", b"[") for sample in samples)]
MALFORMED = set(STATUS_NAMES) - set(GOOD)
DEPTH_MAX = 512
UTF8_EDGES = (      # RFC 3629: overlong forms, surrogates, cuts, bytes that never occur
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xe2\x82", b"\xed\xa0\x80",
    b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"a\xffb")
HALVES = (b"\\ud800", b"\\udc00", b"\\udbff\\ud800", b"\\ude00\\ud83d", b"\\ud83d x", b"\\uD83D\\u0041")


def outcome(dialect: str, sample: Sample, frame: bytes) -> tuple[str, list]:
    """Of a frame in this sample's place, after what came before it on the connection."""
    decoder = Decoder(dialect)
    for earlier in sample.before:
        decoder.decode(earlier)
    return decoder.decode(frame)


def places(dialect: str) -> Iterator[tuple[Sample, bytes]]:
    """Good samples, with a hole `%s` where a member with a stranger's key may stand; those with records first."""
    samples = sorted((each for each in SAMPLES[dialect] if each.status in GOOD), key=lambda each: not each.records)
    for sample in samples:
        before, bracket, after = sample.frame.partition(b'{"')
        if bracket:
            yield sample, before + b'{"?":%s,"' + after


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stranger_of_any_allowed_form_changes_nothing(dialect: str) -> None:
    for sample, hole in list(places(dialect))[:3]:
        for text in (*ACCEPTED, *(b'"' + part + b'"' for part in (*UTF8_EDGES, *HALVES))):
            frame = hole.replace(b"%s", text)
            assert outcome(dialect, sample, frame) == (sample.status, sample.records), frame


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stranger_of_any_forbidden_form_refuses_the_frame(dialect: str) -> None:
    for sample, hole in list(places(dialect))[:3]:
        for text in REFUSED:
            status, records = outcome(dialect, sample, hole.replace(b"%s", text))
            assert (status in ("syntax", "bad_escape", "truncated"), records) == (True, []), text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_text_gets_the_verdict_of_the_grammar(dialect: str) -> None:
    decoder = Decoder(dialect)
    grammar = ("syntax", "bad_escape", "truncated")
    for text in ACCEPTED:       # what it means is the dialect's business
        status, records = decoder.decode(text)
        assert (status in grammar, records) == (False, []), text
    for text in REFUSED:
        assert decoder.decode(text)[0] in ("syntax", "bad_escape"), text
    for text in TRUNCATED:
        assert decoder.decode(text) == ("truncated", []), text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_stands_around_a_frame_is_white_space_or_refuses_it(dialect: str) -> None:
    sample, _ = next(places(dialect))
    for space in (b" ", b"\t", b"\r", b"\n", b" \r\n\t "):
        assert outcome(dialect, sample, space + sample.frame + space) == (sample.status, sample.records)
    for other in (b"\x00", b"\x0b", b"\x0c", b"\xa0", b"\xc2\xa0", b"\xef\xbb\xbf", b"\x1e", b"/**/", b","):
        assert outcome(dialect, sample, other + sample.frame) == ("syntax", [])
        assert outcome(dialect, sample, sample.frame + other) == ("syntax", [])
    for more in (b"{}", b"[]", b"1", b'""', b"null", b"}", b"]"):
        assert outcome(dialect, sample, sample.frame + more)[0] in MALFORMED


@pytest.mark.parametrize("dialect", DIALECTS)
def test_strangers_nest_to_the_limit_and_no_deeper(dialect: str) -> None:
    sample, hole = next(places(dialect))
    open_around = hole[:hole.index(b"%s")].count(b"{") + hole[:hole.index(b"%s")].count(b"[")
    for depth, is_good in ((DEPTH_MAX - open_around, True), (DEPTH_MAX - open_around + 1, False)):
        for begins, ends in ((b"[", b"]"), (b'{"":', b"}")):
            status, records = outcome(dialect, sample, hole.replace(b"%s", begins * depth + b"0" + ends * depth))
            assert (status, records) == ((sample.status, sample.records) if is_good else ("too_deep", []))
