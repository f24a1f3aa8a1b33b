"""ISO times and epoch counts to nanoseconds, exactly; at or before 1970 they are absent."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.rules import Malformed
from reference.rules import iso_time as slow_time

from ingestor.scan import leaves

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = EPOCH.replace(second=1, tzinfo=None), EPOCH.replace(2262, 4, 11, tzinfo=None)


def parsed(text: str) -> int | str | None:
    status, time_ns = leaves.iso_time(text.encode())
    return time_ns if status == "decoded" else status


@given(st.datetimes(FIRST, LAST), st.text("0123456789", max_size=14),
       st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_a_time_is_read_to_the_nanosecond_in_any_zone(moment: datetime, fraction: str, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    local = moment.replace(microsecond=0, tzinfo=UTC).astimezone(zone)
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "")
    seconds = (moment.replace(microsecond=0, tzinfo=UTC) - EPOCH) // timedelta(seconds=1)
    expected = seconds * 10**9 + int(fraction[:9].ljust(9, "0") if fraction else 0)
    hours, minutes = divmod(abs(offset), 60)
    assert parsed(f"{text}{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}") == expected
    if offset == 0:
        assert parsed(f"{text}Z") == expected


@pytest.mark.parametrize(("text", "time_ns"), [
    ("2026-08-12T19:29:00.9211950Z", 1786562940921195000), ("2026-08-12T19:29:00Z", 1786562940000000000),
    ("2026-08-12T21:29:00+02:00", 1786562940000000000), ("2026-08-12T13:59:00-05:30", 1786562940000000000),
    ("2026-08-12T19:29:00.123456789999Z", 1786562940123456789), ("2024-02-29T00:00:00Z", 1709164800000000000),
    ("1970-01-01T00:00:00Z", None), ("1970-01-01T00:00:00.000000001Z", 1), ("0001-01-01T00:00:00.000000Z", None),
    ("1970-01-01T01:00:00+02:00", None), ("1969-12-31T23:59:59-00:01", 59 * 10**9),
    ("2262-04-11T23:47:16.854775807Z", 2**63 - 1), ("2262-04-11T23:47:16.854775808Z", "bad_time"),
    ("2262-04-11T23:47:17Z", "bad_time"), ("9999-12-31T23:59:59Z", "bad_time"),
])
def test_a_time_at_an_edge(text: str, time_ns: int | str | None) -> None:
    assert parsed(text) == time_ns


@pytest.mark.parametrize("text", [
    "", "2026", "2026-08-12", "2026-08-12 19:29:00Z", "2026-08-12T19:29:00", "2026-08-12T19:29:00z",
    "2026-08-12t19:29:00Z", "2026-08-12T19:29Z", "2026-08-12T19:29:00.Z", "2026-08-12T19:29:00,5Z",
    "2026-08-12T19:29:00.5", "2026-08-12T19:29:00+02", "2026-08-12T19:29:00+0200", "2026-08-12T19:29:00+24:00",
    "2026-08-12T19:29:00+00:60", "2026-08-12T19:29:00ZZ", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-08-00T00:00:00Z",
    "2026-08-12T24:00:00Z", "2026-08-12T19:60:00Z", "2026-08-12T19:29:60Z", "0000-01-01T00:00:00Z",
    "26-08-12T19:29:00.000Z", "+2026-08-12T19:29:00Z", "2026-8-12T19:29:000Z", "2026-08-12T-1:29:00Z",
    "٢٠٢٦-08-12T19:29:00Z",
])
def test_a_time_that_can_not_be_read_is_refused(text: str) -> None:
    assert parsed(text) == "bad_time"


TIME = "2026-08-12T19:29:00.9211950+00:00"


@given(st.integers(0, len(TIME)), st.text("0123456789TZ:+-. ", max_size=3), st.integers(0, 3))
def test_a_damaged_time_is_read_as_the_slow_reader_reads_it(place: int, more: str, gone: int) -> None:
    text = TIME[:place] + more + TIME[place + gone:]
    try:
        expected: int | str | None = slow_time(text)
    except Malformed:
        expected = "bad_time"
    assert parsed(text) == ("bad_time" if not text else expected)
