"""The compiled book against the slow one, over random lives of a market: every field, at every evaluation."""

from math import isclose, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor.pricing.consensus import PriceBook
from tests.reference.consensus import Reference

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
PAUSES = (0.0, 0.001, 0.25, 0.25, 1.0, 1.0, 1.5, 1.5, 4.0, 4.0, 12.0, 31.0, 61.0, 200.0, 310.0, -2.0)
EXACT = ("status", "n", "n_used", "venues_used", "flagged", "ts_event_ns", "ts_emit_ns", "version")
CLOSE = ("price", "conf", "q25", "q75", "anchor", "gate", "n_eff", "score", "age_freshest_s", "age_oldest_s")

CHOICES = {
    "A": [5.0, 30.0, 120.0], "cap": [0.2, 0.34, 0.5, 1.0], "k": [0.0, 1.0, 9.0], "g_min": [0.0, 0.001, 0.02],
    "sigma": [0.0, 1e-3], "n_min": [1, 2, 4], "conf_max": [0.001, 0.05], "hold": [0.0, 60.0], "thin": [True],
    "gate_price": [False], "fixed_weights": [True], "H_s": [7.0], "H_V": [20.0], "readmit": [0.0, 1.0],
    "fx_age_max": [3.0], "fx_conf_max": [1e-4, 0.1], "h_trade": [0.02], "c_floor": [1e-3], "grace": [0.5], "h": [2.0],
}
SETTINGS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()})
# (venue, trust, whether it is quoted in the other currency, contract size, whether inverse)
SOURCE = st.tuples(st.integers(0, 5), st.sampled_from([1, 1, 1, 1, 2, 0.5, 0, nan]), st.booleans(),
                   st.sampled_from([1.0, 1.0, 0.001, 100.0]), st.booleans())
# In ticks of a hundredth around 100: near, off by a gate or so, or wild.
TICKS = st.one_of(st.integers(-20, 20), st.integers(-20, 20), st.integers(-300, 300), st.integers(-9000, 90000))
BAD = st.sampled_from([0.0, -1.0, nan, float("inf"), 1e300, 5e-324])
PRICE = st.one_of(TICKS.map(lambda ticks: 100 + ticks / 100), TICKS.map(lambda ticks: 100 + ticks / 100), BAD)
# The venue's clock against ours, in seconds; None: not sent.
LAG = st.sampled_from([None, None, 0.0, 0.0, 0.1, 0.1, 0.1, 2.0, 4000.0, -1.0, 1e9, -1e9])
NUMBER = st.integers(0, 99)
ROUND = st.tuples(st.just("round"), st.lists(st.integers(-15, 15), min_size=10, max_size=10), LAG)
STEP = st.one_of(
    ROUND, ROUND,
    st.tuples(st.just("quote"), NUMBER, PRICE, st.sampled_from([0, 1, 2, 8, 500, 600, -3]), LAG),
    st.tuples(st.just("trade"), NUMBER, PRICE, st.sampled_from([1.0, 0.01, 250.0, 0.0, nan]), LAG),
    st.tuples(st.just("alive"), NUMBER),
    st.tuples(st.just("pause"), st.sampled_from(PAUSES)),
    st.tuples(st.just("evaluate")), st.tuples(st.just("evaluate")),
)


def agree(compiled, slow):
    """Every field; prices to 1e-11 of the price, shares and scores to 1e-9."""
    scale = slow["price"] or 1.0
    for key in EXACT:
        assert compiled[key] == slow[key], key
    for key in CLOSE:
        assert (compiled[key] is None) == (slow[key] is None), key
        assert slow[key] is None or isclose(compiled[key], slow[key], rel_tol=1e-9, abs_tol=1e-11 * scale), key
    for key in ("prices", "weights"):
        for a, b in zip(compiled[key], slow[key], strict=True):
            assert (a is None) == (b is None), key
            assert a is None or isclose(a, b, rel_tol=1e-9, abs_tol=1e-12), key


class Life:
    """Both books of an instrument and of the currency that some of its sources are quoted in."""

    def __init__(self, chosen, sources):
        rate_sources = [(0, 1, None), (1, 1, None), (2, 1, None)]
        self.rates = PriceBook({}, rate_sources), Reference({}, rate_sources)
        contracts = [(size, inverse) for *_, size, inverse in sources]
        self.books = [kind(chosen, [(venue, trust, rate if other else None) for venue, trust, other, *_ in sources],
                           contracts=contracts)
                      for kind, rate in zip((PriceBook, Reference), self.rates, strict=True)]
        self.count, self.now = len(sources), START

    def event(self, lag):
        return {} if lag is None else {"event_ns": self.now - int(lag * SECOND)}

    def take(self, kind, *values):
        if kind == "pause":
            self.now += int(values[0] * SECOND)
        elif kind == "round":
            for i in range(self.count + 3):
                self.take("quote", i, 100 + values[0][i] / 100, 1 + i % 3, values[1])
        elif kind == "evaluate":
            for pair in (self.rates, self.books):
                agree(pair[0].evaluate(self.now), pair[1].evaluate(self.now))
            assert isclose(self.books[0].sigma, self.books[1].before["variance"] ** 0.5, rel_tol=1e-9)
        else:
            # Source numbers beyond the instrument's own speak of the rate, near 0.95.
            number = values[0] % (self.count + 3)
            pair, number = (self.books, number) if number < self.count else (self.rates, number - self.count)
            getattr(self, kind)(pair, number, *values[1:])

    def quote(self, pair, number, price, spread, lag):
        bid = price if pair is self.books else price * 0.0095
        ask = bid * (1 + spread / 10_000)
        event = self.event(lag)
        pair[0].quote(number, bid, ask, self.now, **event)
        pair[1].quote(number, bid, ask, self.now, event=event.get("event_ns"))

    def trade(self, pair, number, price, size, lag):
        price = price if pair is self.books else price * 0.0095
        event = self.event(lag)
        said = pair[0].trade(number, price, size, self.now, **event)
        assert said == pair[1].trade(number, price, size, self.now, event=event.get("event_ns"))

    def alive(self, pair, number):
        for book in pair:
            book.alive(number, self.now)


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(SETTINGS, st.lists(SOURCE, max_size=7), st.lists(STEP, min_size=10, max_size=80))
def test_every_field_agrees_with_the_slow_twin_at_every_evaluation(chosen, sources, steps):
    life = Life(chosen, sources)
    for step in steps:
        life.take(*step)
    life.take("evaluate")
