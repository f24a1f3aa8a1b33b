"""Who is wrong for long, in the running book: a provider on all venues, or venues of less than half of the weight."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.pricing.consensus import PriceBook
from tests.pricing.books import START, at, bounded

CENTS = st.integers(-10, 10)
# What a corrupt source says of a price of 100, moment by moment.
LIE = st.sampled_from([0.0, -1.0, nan, inf, 1e-18, 1.0, 94.0, 99.4, 100.6, 106.0, 5_000.0, 1e20])
# A venue's clock against ours, in seconds: none, exact, decades behind, ahead of ours.
CLOCK = st.sampled_from([None, 0, 1_500_000_000, -1_500_000_000])


def tell(book, source, price, now, clock, traded):
    """One message of a source: a quote a basis point wide, or a trade."""
    event = {} if clock is None else {"event_ns": now - clock * 1_000_000_000}
    if traded:
        book.trade(source, price, 1.0, now, **event)
    else:
        book.quote(source, price * 0.99995, price * 1.00005, now, **event)


ROUND = st.tuples(st.lists(CENTS, min_size=6, max_size=6), st.lists(LIE, min_size=6, max_size=6), st.booleans(), CLOCK,
                  st.sampled_from([0.0, 0.5, 2.0, 40.0]))


@bounded
@given(st.integers(3, 6), st.integers(3, 5), st.lists(ROUND, min_size=1, max_size=12))
def test_p20_one_provider_of_three_or_more_that_is_wrong_on_all_venues_never_moves_the_price(venues, providers, rounds):
    """Provider 0 is the wrong one. Honest prices agree within the gate."""
    book = PriceBook({}, [(venue, 1, None) for venue in range(venues) for _ in range(providers)])
    now = 0.0
    for cents, lies, traded, clock, pause in rounds:
        now += pause
        for venue in range(venues):
            for provider in range(providers):
                price = 100 + cents[venue] / 100 if provider else lies[venue]
                tell(book, venue * providers + provider, price, at(now), clock if not provider else None, traded)
        got = book.evaluate(at(now))
        honest = [i for i in range(venues * providers) if i % providers]
        assert got["status"] == "OK"
        assert not set(got["flagged"]) & set(honest)
        assert 99.88 <= got["q25"] <= got["price"] <= got["q75"] <= 100.12


@bounded
@given(st.integers(2, 4), st.integers(1, 3), st.lists(ROUND, min_size=1, max_size=12))
def test_venues_of_less_than_half_of_the_weight_never_move_the_price_out_of_the_honest(honest, corrupt, rounds):
    """Both the gated price and the ungated one, whatever the corrupt say and whenever they say it was."""
    books = [PriceBook(chosen, [(venue, 1, None) for venue in range(honest + corrupt)])
             for chosen in ({}, {"gate_price": False})]
    now = 0.0
    for cents, lies, traded, clock, pause in rounds:
        now += pause
        for book in books:
            for venue in range(honest + corrupt):
                price = 100 + cents[venue] / 100 if venue < honest else lies[venue - honest]
                tell(book, venue, price, at(now), None if venue < honest else clock, traded)
            got = book.evaluate(at(now))
            if sum(got["weights"][honest:]) < 0.5 - 1e-9:
                assert 99.84 <= got["price"] <= 100.16
                assert 99.89 <= got["anchor"] <= 100.11


@pytest.mark.parametrize("venues", [3, 4, 7])
def test_an_aggregator_of_every_venue_beside_their_own_feeds_must_be_trusted_less_to_be_outvoted(venues):
    """With equal trust it holds half of the weight: the price then says DISPERSED, and never OK."""
    for trust, status in ((1.0, "DISPERSED"), (0.9, "OK")):
        book = PriceBook({}, [(venue, 1, None) for venue in range(venues)] + [(venue, trust, None)
                                                                              for venue in range(venues)])
        for second in range(30):
            for venue in range(venues):
                tell(book, venue, 100 + venue / 100, at(second), None, traded=False)
                tell(book, venues + venue, 106, at(second), None, traded=False)
            got = book.evaluate(at(second))
            assert got["status"] == status
        if status == "OK":
            assert 99.99 <= got["price"] <= 100.08
            assert got["flagged"] == list(range(venues, 2 * venues))


@pytest.mark.parametrize("clock", [1_500_000_000, -1_500_000_000])
def test_a_single_venue_with_a_clock_decades_off_is_priced_and_all_silent_is_held_then_given_up(clock):
    book = PriceBook({}, [("v", 1, None)])
    tell(book, 0, 100, START, clock, traded=False)
    assert (book.evaluate(START)["status"], book.evaluate(START)["price"]) == ("SINGLE", pytest.approx(100))
    assert [book.evaluate(at(second))["status"] for second in (30, 31, 329, 331)] == [
        "SINGLE", "HELD", "HELD", "UNAVAILABLE"]
