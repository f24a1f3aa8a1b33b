"""Each selectable method against its slow twin, over random lives of a market: every field, at every evaluation."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor.pricing.consensus import PriceBook
from tests.pricing.books import SECOND, START, bounded
from tests.pricing.test_against_reference import agree
from tests.reference.consensus import Reference
from tests.reference.methods import Selectable

CHOICES = {
    "A": [5.0, 120.0], "n_min": [1, 2], "conf_max": [0.0005, 0.05], "hold": [0.0, 900.0], "cap": [0.2, 0.5, 1.0],
    "sigma": [0.0, 1e-3], "h_trade": [0.01], "c_floor": [1e-3], "H_V": [20.0], "publishers_min": [3],
    "band": [0.0, 1e-4],
    "partitions": [1, 3, 128], "partition_s": [1.0, 10.0, 60.0], "orderly_trades": [2, 3], "orderly_sigmas": [0.5, 1.0],
    "switch_share": [0.0, 1.0], "switch_s": [0.0, 30.0], "mark_tau_s": [2.0, 30.0], "mark_bound": [1e-3, 1e-4],
}
METHODS = ["pyth_median", "weighted_median", "capped_mean", "decayed_vwap", "vwm_partitions", "principal_market",
           "cm_realtime", "mark_default"]
SETTINGS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()})
SOURCE = st.tuples(st.integers(0, 3), st.sampled_from([1, 1, 1, 2, 0.5, 0]), st.booleans())
LAG = st.sampled_from([None, None, 0.0, 0.1, 2.0, 100.0])
TICKS = st.one_of(st.integers(-20, 20), st.integers(-20, 20), st.integers(-200, 9000))
PRICE = TICKS.map(lambda ticks: 100 + ticks / 100)
NUMBER = st.integers(0, 99)
QUOTE = st.tuples(st.just("quote"), NUMBER, PRICE, st.sampled_from([0, 1, 2, 8, 600, -3]), LAG)
TRADE = st.tuples(st.just("trade"), NUMBER, PRICE, st.sampled_from([1.0, 0.25, 250.0, 0.0]), LAG)
STEP = st.one_of(
    QUOTE, TRADE, TRADE,
    st.tuples(st.just("burst"), NUMBER, st.lists(st.integers(-20, 20), min_size=2, max_size=6)),
    st.tuples(st.just("pause"), st.sampled_from([0.0, 0.25, 1.0, 1.5, 7.0, 61.0, 61.0, 700.0, 3700.0])),
    st.tuples(st.just("evaluate")),
)


class Life:
    """Both books of a contract, of its index, and of the currency that some of its sources are quoted in."""

    def __init__(self, method, chosen, sources, dated):
        if method == "decayed_vwap":        # one path a venue: how the volume of several is joined is the consensus's
            sources = [(i, trust, other) for i, (_, trust, other) in enumerate(sources)]
        chosen = {"method": method, **chosen}
        plain = [(0, 1, None), (1, 1, None)]
        self.rates = PriceBook({"n_min": 2}, plain), Reference({"n_min": 2}, plain)
        self.index = PriceBook({}, plain), Reference({}, plain)
        self.books = [
            kind(chosen, [(venue, trust, rate if other else None) for venue, trust, other in sources],
                 index=index, dated=dated)
            for kind, rate, index in zip((PriceBook, Selectable), self.rates, self.index, strict=True)]
        self.count, self.now = len(sources), START

    def target(self, number):
        """Which pair a number speaks to, and as which of its sources."""
        number %= self.count + 4
        if number < self.count:
            return self.books, number, 1.0
        pair = self.rates if number < self.count + 2 else self.index
        return pair, (number - self.count) % 2, 0.0095 if pair is self.rates else 1.0

    def take(self, kind, *values):
        if kind == "pause":
            self.now += int(values[0] * SECOND)
        elif kind == "evaluate":
            for pair in (self.rates, self.index, self.books):
                agree(pair[0].evaluate(self.now), pair[1].evaluate(self.now))
            assert isclose(self.books[0].sigma, self.books[1].before["variance"] ** 0.5, rel_tol=1e-9)
        elif kind == "burst":
            for ticks in values[1]:
                self.take("trade", values[0], 100 + ticks / 100, 1.0, None)
                self.now += SECOND // 4
        else:
            pair, number, scale = self.target(values[0])
            price, lag = values[1] * scale, values[3]
            event = None if lag is None else self.now - int(lag * SECOND)
            if kind == "quote":
                ask = price * (1 + values[2] / 10_000)
                pair[0].quote(number, price, ask, self.now, event_ns=event)
                pair[1].quote(number, price, ask, self.now, event=event)
            else:
                said = pair[0].trade(number, price, values[2], self.now, event_ns=event)
                assert said == pair[1].trade(number, price, values[2], self.now, event)


@pytest.mark.parametrize("method", METHODS)
@settings(bounded, max_examples=50)
@given(chosen=SETTINGS, sources=st.lists(SOURCE, min_size=1, max_size=5), dated=st.booleans(),
       steps=st.lists(STEP, min_size=10, max_size=40))
def test_every_field_agrees_with_the_slow_twin_at_every_evaluation(method, chosen, sources, dated, steps):
    life = Life(method, chosen, sources, dated)
    for number in range(len(sources) + 4):
        life.take("quote", number, 100.0, 2, None)
    for step in steps:
        life.take(*step)
    life.take("evaluate")
    life.take("evaluate")
