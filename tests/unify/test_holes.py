"""The arithmetic of holes: intervals of missing numbers against a plain set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.unify.holes import Numbers, size

SPANS = st.tuples(st.integers(-40, 40), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
STEPS = st.lists(st.tuples(st.booleans(), SPANS), max_size=30)


def plain(spans):
    return {number for first, last in spans for number in range(first, last + 1)}


@given(STEPS)
def test_it_holds_what_a_plain_set_holds(steps):
    numbers, twin = Numbers(), set()
    for adding, (first, last) in steps:
        if adding:
            numbers.add(first, last)
            twin |= plain([(first, last)])
        else:
            gone = numbers.remove(first, last)
            assert plain(gone) == twin & plain([(first, last)])
            assert len(plain(gone)) == size(gone)
            twin -= plain([(first, last)])
        assert plain(numbers) == twin
        assert numbers.count == len(twin)
        assert all((number in numbers) == (number in twin) for number in range(-45, 60))


@given(STEPS)
def test_its_intervals_are_in_order_and_apart(steps):
    numbers = Numbers()
    for adding, (first, last) in steps:
        (numbers.add if adding else numbers.remove)(first, last)
        spans = list(numbers)
        assert all(low <= high for low, high in spans)
        assert all(spans[i][1] + 1 < spans[i + 1][0] for i in range(len(spans) - 1))
        if spans:
            assert (numbers.first, numbers.last) == (spans[0][0], spans[-1][1])


def test_a_hole_of_a_million_million_numbers_is_one_interval():
    numbers = Numbers((1, 10**12))
    assert numbers.remove(5, 6) == [(5, 6)]
    assert list(numbers) == [(1, 4), (7, 10**12)]
    assert numbers.count == 10**12 - 2


def test_an_interval_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match=r"3\.\.2"):
        Numbers((3, 2))
