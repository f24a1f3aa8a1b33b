"""The properties that the specification claims of consensus_v1 (pricing.md part 6), of one evaluation."""

from math import inf, isclose, nan

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingestor.pricing import evaluate

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

CENTS = st.integers(9_800, 10_200).map(lambda cents: cents / 100)
WIDE = st.integers(5_000, 20_000).map(lambda cents: cents / 100)
HALF = st.integers(0, 40).map(lambda cents: cents / 100)
WEIGHT = st.integers(1, 12)
WILD = st.sampled_from([1.0, 5_000.0, 1e6, 106.0])


def source(name, x, half, weight=1, age=0, **more):
    return {"name": name, "x": x, "half": half, "age": age, "base_weight": weight, **more}


def market(prices=CENTS, least=3, most=9, unique=False):
    """Sources with prices around 100."""
    rows = st.lists(st.tuples(prices, HALF, WEIGHT), min_size=least, max_size=most,
                    unique_by=(lambda row: row[0]) if unique else None)
    return rows.map(lambda rows: [source(f"s{i}", *row) for i, row in enumerate(rows)])


def price(sources, params=None, **more):
    return evaluate("consensus_v1", {"sigma": 0, "c_floor": 0, **(params or {})}, {"sources": sources, **more})


def with_corrupt(sources, corrupt):
    return sources + [source(f"bad{i}", x, 0.01, weight) for i, (x, weight) in enumerate(corrupt)]


def honest_hull(sources):
    return min(row["x"] - row["half"] for row in sources), max(row["x"] + row["half"] for row in sources)


CORRUPT = st.lists(st.tuples(WILD, WEIGHT), min_size=1, max_size=4)


@bounded
@given(market(), CORRUPT)
def test_p1_less_than_half_of_the_weight_moves_neither_the_ungated_price_nor_the_anchor_out_of_the_honest(
        sources, corrupt):
    got = price(with_corrupt(sources, corrupt), {"gate_price": "off"})
    assume(sum(weight for name, weight in got["weights"].items() if name.startswith("bad")) < 0.5 - 1e-9)
    low, high = honest_hull(sources)
    assert low - 1e-9 <= got["price"] <= high + 1e-9
    assert min(row["x"] for row in sources) <= got["M0"] <= max(row["x"] for row in sources)


@bounded
@given(market(st.integers(9_990, 10_010).map(lambda cents: cents / 100)), CORRUPT)
def test_p2_the_gated_price_stays_in_the_honest_hull_when_honest_prices_agree_within_the_gate(sources, corrupt):
    got = price(with_corrupt(sources, corrupt))
    assume(sum(weight for name, weight in got["weights"].items() if name.startswith("bad")) < 0.5 - 1e-9)
    low, high = honest_hull(sources)
    assert not [name for name in got["flagged"] if name.startswith("s")]
    assert low - 1e-9 <= got["price"] <= high + 1e-9


@bounded
@given(market(WIDE, unique=True), st.randoms(use_true_random=False))
def test_p3_the_order_of_sources_has_no_say_to_the_last_bit(sources, random):
    shuffled = random.sample(sources, len(sources))
    first, second = price(sources), price(shuffled)
    assert set(first.pop("flagged")) == set(second.pop("flagged"))
    assert first == second


@bounded
@given(market(WIDE), st.integers(-12, 12).map(lambda power: 2.0 ** power))
def test_p4_prices_times_a_power_of_two_give_the_price_times_it_and_nothing_else_to_the_last_bit(sources, factor):
    params = {"sigma": 1e-3, "c_floor": 1e-5}
    aged = [{**row, "age": i} for i, row in enumerate(sources)]
    first = price(aged, params)
    second = price([{**row, "x": row["x"] * factor, "half": row["half"] * factor} for row in aged], params)
    for key in ("price", "conf", "M0"):
        assert second.pop(key) == first.pop(key) * factor
    assert first == second


@bounded
@given(market(WIDE), st.data())
def test_p6_raising_one_price_never_lowers_the_ungated_one(sources, data):
    which = data.draw(st.integers(0, len(sources) - 1))
    raised = [dict(row) for row in sources]
    raised[which]["x"] += data.draw(st.integers(1, 5_000)) / 100
    params = {"gate_price": "off"}
    assert price(raised, params)["price"] >= price(sources, params)["price"] * (1 - 1e-15)


@bounded
@given(market(WIDE, least=1), st.booleans())
def test_p8_the_price_lies_in_the_hull_of_the_votes_and_its_confidence_is_no_less_than_0(sources, gated):
    got = price(sources, {"gate_price": gated})
    low, high = honest_hull(sources)
    assert low - 1e-9 <= got["price"] <= high + 1e-9
    assert got["conf"] >= 0


@bounded
@given(market(WIDE, least=1), st.sampled_from([0.05, 0.25, 0.4, 0.9]),
       st.lists(st.sampled_from(["", "v", "w"]), min_size=9, max_size=9))
def test_p9_weights_sum_to_1_and_no_venue_has_more_than_the_cap_or_its_equal_share(sources, cap, venues):
    rows = [{**row, "venue": venue or row["name"]} for row, venue in zip(sources, venues, strict=False)]
    got = price(rows, {"cap": cap})["weights"]
    shares = {}
    for row in rows:
        shares[row["venue"]] = shares.get(row["venue"], 0) + got[row["name"]]
    assert isclose(sum(shares.values()), 1, rel_tol=1e-12)
    assert max(shares.values()) <= max(cap, 1 / len(shares)) * (1 + 1e-11)


@bounded
@given(st.lists(st.tuples(st.integers(1_000, 90_000), st.integers(1, 900)), min_size=1, max_size=30))
def test_p10_with_equal_weights_and_no_gate_the_price_and_confidence_are_pyths(quotes):
    ours = price([source(str(i), x, half) for i, (x, half) in enumerate(quotes)],
                 {"gate_price": "off", "g_min": 1e9, "g_max": 1e9, "max_spread": 2, "conf_max": 1e9})
    theirs = evaluate("pyth_median", {"rounding": "none"},
                      {"quotes": [{"price": x, "conf": half} for x, half in quotes]})
    assert (ours["price"], ours["conf"]) == (theirs["price"], theirs["conf"])


@bounded
@given(st.lists(st.floats(0, 50), min_size=2, max_size=20), st.floats(0.5, 600))
def test_p11_the_staleness_factor_never_rises_with_age_and_is_1_in_the_grace_and_0_past_a(ages, oldest):
    factors = evaluate("staleness", {}, {"ages": sorted(ages), "A": oldest})["phi"]
    assert factors == sorted(factors, reverse=True)
    assert all((factor == 1) == (age <= oldest / 10) and (factor == 0) == (age > oldest)
               for age, factor in zip(sorted(ages), factors, strict=True))


@bounded
@given(market(WIDE), st.sampled_from([0.0, 0.5, 1.0, 2.9]))
def test_p11_ages_that_shift_together_within_the_grace_change_nothing(sources, shift):
    assert price([{**row, "age": shift} for row in sources]) == price(sources)


NOTHING = st.sampled_from([
    {"base_weight": 0}, {"base_weight": nan}, {"base_weight": inf}, {"base_weight": -3}, {"bid": 0}, {"bid": -1},
    {"bid": nan}, {"ask": nan}, {"ask": inf}, {"bid": -inf}, {"bid": inf, "ask": inf}, {"bid": 101, "ask": 99},
    {"bid": 80, "ask": 120}, {"bid": 1e-300, "ask": 1e-300}, {"bid": 1e300, "ask": 1e300}, {"bid": None},
    {"q_age": 31}, {"q_age": inf}, {"conv": None}, {"conv": {"rate": nan, "conf": 0}}, {"conv": {"rate": 0, "conf": 0}},
    {"conv": {"rate": 1, "conf": 0.006}}, {"conv": {"rate": 1, "conf": nan}},
    {"conv": {"rate": 1, "conf": 0, "age": 61}}, {"conv": {"rate": 1, "conf": 0, "status": "HELD"}},
    {"conv": {"rate": 1, "conf": 0, "status": "SINGLE"}}, {"conv": {"rate": 1, "conf": 0, "status": "DISPERSED"}},
    {"bid": nan, "last": nan, "t_age": 0}, {"bid": nan, "last": -5, "t_age": 0}, {"bid": nan, "last": 101, "t_age": 31},
])


@bounded
@given(market(WIDE), st.lists(NOTHING, min_size=1, max_size=4), st.integers(0, 3))
def test_p12_a_source_without_weight_or_without_a_usable_price_is_as_if_absent(sources, nothings, at):
    useless = [{"name": f"useless{i}", "bid": 101.0, "ask": 101.1, "q_age": 0, **nothing}
               for i, nothing in enumerate(nothings)]
    assert price(sources[:at] + useless + sources[at:]) == price(sources)


@bounded
@given(market(WIDE), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_p15_converting_each_source_is_pricing_abroad_and_converting_the_price(sources, rate):
    conversion = {"rate": rate, "conf": 0.0}
    each = price([{**row, "conv": conversion} for row in sources])
    whole = price(sources)
    for key in ("price", "conf", "M0"):
        assert each.pop(key) == whole.pop(key) * rate
    assert each == whole


@bounded
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(9_000, 11_000), WEIGHT), min_size=1, max_size=20),
       st.randoms(use_true_random=False), st.integers(-10_000, 10_000))
def test_p13_a_decayed_average_depends_on_what_was_traded_not_on_when_it_arrived(trades, random, shift):
    rows = [[at, price / 100, size] for at, price, size in trades]
    shifted = [[at + shift, *rest] for at, *rest in rows]
    got = evaluate("decayed_vwap", {}, {"a": rows, "b": random.sample(rows, len(rows)), "c": shifted})
    for other in ("b", "c"):
        assert all(isclose(got["a"][key], got[other][key], rel_tol=1e-11) for key in ("N", "V", "price"))
    assert min(row[1] for row in rows) * (1 - 1e-12) <= got["a"]["price"] <= max(row[1] for row in rows) * (1 + 1e-12)


def test_the_gated_price_is_not_monotone_as_the_specification_shows():
    around = [source("a", 100, 0), source("b", 100.1, 0), source("c", 100.2, 0)]
    assert isclose(price([*around, source("d", 100.3, 0)])["price"], 100.15)
    assert isclose(price([*around, source("d", 106, 0)])["price"], 100.1)


def test_one_venue_at_the_cap_can_gate_an_honest_one_and_the_ungated_price_stays_in_the_hull():
    rows = [source("a", 100, 0, 3), source("b", 101, 0, 3), source("bad", 99.9, 0, 4)]
    assert isclose(price(rows)["price"], 99.9)
    assert price(rows, {"gate_price": "off"})["price"] == 100


def test_too_few_venues_are_said_and_two_far_apart_are_dispersed():
    one, two = [source("a", 100, 0.02)], [source("a", 100, 0.02), source("b", 100.2, 0.02)]
    assert price(one)["status"] == "SINGLE"
    assert isclose(price(one)["conf"], 0.02, rel_tol=1e-9)
    assert (price(two)["status"], price(two)["price"]) == ("DEGRADED", 100.1)
    assert price([two[0], source("b", 104, 0.02)])["status"] == "DISPERSED"


def test_when_the_unflagged_hold_less_than_half_of_the_weight_the_price_is_of_all_and_says_dispersed():
    got = price([source("a", 100, 0), source("b", 100, 0), source("c", 112, 0), source("d", 112, 0)])
    assert (got["status"], got["n_used"], got["flagged"]) == ("DISPERSED", 4, ["a", "b", "c", "d"])
    assert got["price"] == 106


def test_status_ok_takes_as_many_venues_as_asked_and_paths_of_one_venue_are_one():
    rows = [source("a", 100, 0), source("b", 100, 0), source("c", 100, 0)]
    assert price(rows)["status"] == "OK"
    assert price(rows, {"n_min": 4})["status"] == "DEGRADED"
    assert price(rows[:1], {"n_min": 1})["status"] == "OK"
    assert price([{**row, "venue": "v"} for row in rows])["status"] == "SINGLE"
