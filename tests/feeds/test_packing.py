"""Which subscription goes on which connection, and in which message."""

from hypothesis import given
from hypothesis import strategies as st

from ingestor.feeds.packing import messages, pack
from ingestor.providers.session import Limits, Subscription, as_text


def subscriptions(count: int, section: str = "", start: int = 0) -> list[Subscription]:
    return [Subscription("trade", f"S{number}", section) for number in range(start, start + count)]


def sizes(packing) -> dict[tuple[str, int], int]:
    return {place: len(sitting) for place, sitting in packing.places.items()}


def test_without_limits_a_section_is_one_connection():
    packing = pack(subscriptions(500, "spot") + subscriptions(3, "linear"), Limits())
    assert sizes(packing) == {("spot", 0): 500, ("linear", 0): 3}


def test_connections_are_filled_in_order():
    assert sizes(pack(subscriptions(25), Limits(subscriptions_per_connection_max=10))) == {
        ("", 0): 10, ("", 1): 10, ("", 2): 5}


def test_repeats_count_once():
    assert sizes(pack(subscriptions(5) * 3, Limits())) == {("", 0): 5}


def test_what_has_a_place_keeps_it_and_news_fill_the_holes():
    limits = Limits(subscriptions_per_connection_max=3)
    old = subscriptions(6)
    before = pack(old, limits).places
    left = [each for each in old if each.symbol != "S1"]
    packing = pack(left + subscriptions(2, start=10), limits, before)
    assert [each.symbol for each in packing.places["", 0]] == ["S0", "S2", "S10"]
    assert [each.symbol for each in packing.places["", 1]] == ["S3", "S4", "S5"]
    assert [each.symbol for each in packing.places["", 2]] == ["S11"]


def test_a_connection_that_lost_everything_is_gone_and_its_number_comes_back():
    limits = Limits(subscriptions_per_connection_max=1)
    before = pack(subscriptions(3), limits).places
    packing = pack(subscriptions(1, start=2), limits, before)
    assert sizes(packing) == {("", 2): 1}
    again = pack(subscriptions(1, start=2) + subscriptions(1, start=9), limits, packing.places)
    assert sizes(again) == {("", 0): 1, ("", 2): 1}


def test_beyond_the_connections_allowed_the_rest_is_unplaced():
    packing = pack(subscriptions(7), Limits(subscriptions_per_connection_max=2, connections_max=3))
    assert sizes(packing) == {("", 0): 2, ("", 1): 2, ("", 2): 2}
    assert [each.symbol for each in packing.unplaced] == ["S6"]


def test_free_seats_are_filled_before_anybody_stays_unplaced():
    limits = Limits(subscriptions_per_connection_max=2, connections_max=1)
    packing = pack(subscriptions(3), limits, {("", 5): subscriptions(1)})
    assert sizes(packing) == {("", 5): 2}
    assert [each.symbol for each in packing.unplaced] == ["S2"]


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.integers(0, 40)), max_size=60),
    st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.integers(0, 40)), max_size=60),
    st.integers(0, 5), st.integers(0, 6))
def test_nobody_is_lost_doubled_or_moved_and_limits_hold(first, then, seats, connections):
    limits = Limits(subscriptions_per_connection_max=seats, connections_max=connections)
    before = pack([Subscription("t", str(number), section) for section, number in first], limits).places
    wanted = [Subscription("t", str(number), section) for section, number in then]
    packing = pack(wanted, limits, before)
    seated = [each for sitting in packing.places.values() for each in sitting]
    assert sorted(seated + packing.unplaced) == sorted(set(wanted))
    assert all(each.section == section for (section, _), sitting in packing.places.items() for each in sitting)
    assert all(packing.places.values())
    if seats:
        assert all(len(sitting) <= seats for sitting in packing.places.values())
    if connections:
        assert len(packing.places) <= connections
    for place, sitting in before.items():
        for each in sitting:
            assert each not in seated or each in packing.places[place]


def test_ten_thousand_subscriptions_on_as_many_connections_are_packed():
    assert len(pack(subscriptions(10_000), Limits(subscriptions_per_connection_max=1)).places) == 10_000


def compose(batch) -> tuple[bytes, ...]:
    return (as_text([each.symbol for each in batch]),)


def cut(count: int, limits: Limits) -> list[tuple[int, bytes]]:
    return [(len(batch), text) for batch, (text,) in messages(subscriptions(count), limits, compose)]


def test_no_subscriptions_make_no_message():
    assert cut(0, Limits()) == []
    assert cut(0, Limits(subscriptions_per_message_max=5)) == []


def test_a_message_holds_as_many_as_allowed():
    assert [count for count, _ in cut(25, Limits(subscriptions_per_message_max=10))] == [10, 10, 5]
    assert [count for count, _ in cut(25, Limits())] == [25]


def test_a_message_that_is_too_long_is_halved():
    pieces = cut(64, Limits(message_bytes_max=100))
    assert sum(count for count, _ in pieces) == 64
    assert all(len(text) <= 100 for _, text in pieces)
    assert len(pieces) <= 8


def test_one_subscription_too_long_alone_goes_out_as_it_is():
    assert [count for count, _ in cut(2, Limits(message_bytes_max=3))] == [1, 1]
