"""The methods that evaluate() alone serves, and those of the stream on plain lists, against exact twins."""

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from ingestor.pricing import evaluate
from tests.pricing.books import bounded
from tests.reference import asked

CENTS = st.integers(9000, 11000).map(lambda cents: cents / 100)
SIZES = st.integers(1, 400).map(lambda quarters: quarters / 4)


def near(got, expected):
    return isclose(got, float(expected), rel_tol=1e-11)


@bounded
@given(st.lists(CENTS, min_size=1, max_size=15), st.sampled_from([1, 3]))
def test_hampel_flags_what_is_beyond_the_scaled_deviation(window, k):
    found = evaluate("hampel", {}, {"window": window, "k": k})
    limit, outliers = asked.hampel(window, k)
    assert isclose(found["limit"], float(limit), rel_tol=1e-9, abs_tol=1e-9)
    surely = [i for i in outliers if abs(window[i] - found["median"]) > float(limit) + 1e-9]
    assert set(surely) <= set(found["outliers"]) <= set(outliers)


@bounded
@given(st.lists(CENTS, min_size=1, max_size=15))
def test_hubers_step_is_the_winsorised_mean(x):
    assert near(evaluate("huber_one_step", {}, {"x": x, "weights": "equal"})["price"], asked.huber(x))


@bounded
@given(st.lists(st.tuples(CENTS, SIZES), min_size=1, max_size=12), st.sampled_from([0, 0.003, 0.005, 1]))
def test_the_capped_mean_clamps_around_the_weighted_median(items, band):
    rows = [{"price": price, "weight": weight} for price, weight in items]
    assert near(evaluate("capped_mean", {"band": band}, {"items": rows})["index"], asked.capped(items, band))


@bounded
@given(st.lists(st.tuples(st.integers(-5, 65), CENTS, SIZES), max_size=30), st.integers(1, 7), st.randoms())
def test_partitions_have_their_volume_weighted_medians_in_any_order_of_trades(trades, count, random):
    rows = [{"t": at, "price": price, "size": size} for at, price, size in trades]
    random.shuffle(rows)
    found = evaluate("vwm_partitions", {"partitions": count}, {"trades": rows, "t0": 0, "t1": 60 * count})
    medians, rate = asked.partitions(trades, count, 0, 60 * count)
    assert found["partitions"] == [None if each is None else float(each) for each in medians]
    assert found["rate"] is None if rate is None else near(found["rate"], rate)


@bounded
@given(st.lists(SIZES, min_size=2, max_size=8), st.lists(SIZES, min_size=2, max_size=8),
       st.sampled_from([0.0005, 0.005, 1]))
def test_the_real_time_index_weighs_the_mids_up_to_the_utilised_depth(bid_sizes, ask_sizes, deviation):
    bids = [(100 - 0.125 * (i + 1), size) for i, size in enumerate(bid_sizes)]
    asks = [(100 + 0.125 * (i + 1), size) for i, size in enumerate(ask_sizes)]
    found = evaluate("book_rti", {"spacing": 0.25, "deviation": deviation}, {"bids": bids, "asks": asks})
    for key, decay_of in (("rti_lambda_rel_0p3", lambda depth: 1 / (0.3 * depth)),
                          ("rti_lambda_abs_1_over_0p37", lambda depth: 1 / 0.37)):
        assert near(found[key], asked.rti(bids, asks, 0.25, deviation, decay_of))


@bounded
@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(1, 600)), min_size=1, max_size=12))
def test_the_basis_is_smoothed_by_duration(samples):
    rows = [{"basis": value, "dt": dt} for value, dt in samples]
    for got, expected in zip(evaluate("ema_duration", {"tau_s": 150}, {"samples": rows})["ema"],
                             asked.smoothed(samples, 150), strict=True):
        assert isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)


@bounded
@given(st.lists(st.tuples(st.integers(0, 9), CENTS, st.sampled_from([0.01, 0.25, 4])), max_size=8))
def test_the_local_level_is_a_precision_weighted_mean(observations):
    rows = [{"dt": dt, "z": z, "R": noise} for dt, z, noise in observations]
    given_ = {"x0": 100, "P0": 0.25, "q_per_s": 0.125, "obs": rows}
    for got, (level, variance) in zip(evaluate("kalman_level", {}, given_)["steps"],
                                      asked.kalman(100, 0.25, 0.125, observations), strict=True):
        assert near(got["x"], level)
        assert near(got["P"], variance)


@bounded
@given(st.lists(st.one_of(st.none(), CENTS), min_size=61, max_size=61).filter(any))
def test_an_empty_minute_of_the_hour_borrows_its_neighbour(medians):
    assert near(evaluate("cm_hourly", {}, {"vwm": medians})["normalised"], asked.hour(medians))


@bounded
@given(st.tuples(SIZES, SIZES), st.integers(-9, 9), st.tuples(st.integers(1, 9), st.integers(10, 20)))
def test_information_shares_sum_to_one_within_their_bounds(variances, covariance, alpha):
    first, second = variances
    rho = covariance / 10 * (first * second) ** 0.5
    found = evaluate("info_share", {}, {"alpha": [-alpha[0], alpha[1]], "omega": [[first, rho], [rho, second]]})
    assert near(sum(found["component_share"]), 1)
    assert near(found["is_market1_upper"] + found["is_market2_lower"], 1)
    assert near(found["is_market1_lower"] + found["is_market2_upper"], 1)


@bounded
@given(CENTS, st.integers(0, 500), SIZES, SIZES)
def test_the_weighted_mid_lies_between_bid_and_ask_nearer_the_thinner_side(bid, spread, bid_size, ask_size):
    ask = bid + spread / 100
    found = evaluate("weighted_mid", {}, {"bid": bid, "ask": ask, "bid_size": bid_size, "ask_size": ask_size})
    assert bid <= found["weighted_mid"] <= ask
    assert (found["weighted_mid"] - found["mid"]) * (bid_size - ask_size) >= 0
