"""What evaluate() refuses, for each method: one line that says where, what and what to do."""

import pytest

from ingestor.errors import ConfigError
from ingestor.pricing import evaluate
from ingestor.pricing.parameters import parameters

NAN, INF = float("nan"), float("inf")
BOOK = {"bids": [[99, 1]], "asks": [[101, 1]]}
MARK = {"index": 100, "bid": 99, "ask": 101, "last": 100}
FAULTS = [
    ("capped_mean", {}, {"items": []}, "has 0 items"),
    ("capped_mean", {"band": NAN}, {"items": [{"price": 1, "weight": 1}]}, "band is nan: give a number"),
    ("capped_mean", {}, {"items": [{"price": -1, "weight": 1}]}, "items[0].price is -1: give a positive number"),
    ("capped_mean", {}, {"items": [{"price": 1, "weight": 1}] * 257}, "has 257 items and a band of 0.005: give 1 to"),
    ("clamp_to_median", {}, {"median": 1, "deviations": [0]}, "params has no 'band'"),
    ("clamp_to_median", {"band": 0.1}, {"median": 0, "deviations": [0]}, "median is 0: give a positive number"),
    ("clamp_last", {}, {"cases": [{"bid": 2, "ask": 1, "last": 1}]}, "has bid 2.0 above ask 1.0"),
    ("mean_interval", {}, {"times_s": [1]}, "has one time: give at least two"),
    ("mean_interval", {}, {"times_s": [2, 1]}, "has 1 after 2: sort it"),
    ("mean_interval", {}, {"times_s": [NAN, 1]}, "times_s[0] is nan: give a finite number"),
    ("cm_hourly", {}, {"vwm": [1] * 60}, "has 60 minutes: give 61"),
    ("cm_hourly", {}, {"vwm": [None] * 61}, "has no minute with trades"),
    ("cm_hourly", {}, {"rule": "equal", "vwm": [1] * 61}, "rule is 'equal': it can only be"),
    ("cccagg_legacy", {}, {"exchanges": []}, "have no volume"),
    ("cccagg_legacy", {}, {"exchanges": [], "penalty": {"5": 1}}, "has the key '5': write > and minutes"),
    ("ema_duration", {"tau_s": 0}, {"samples": []}, "tau_s is 0: give a positive number"),
    ("ema_duration", {}, {"samples": [{"basis": INF, "dt": 1}]}, "samples[0].basis is inf: give a finite number"),
    ("ema_duration", {}, {"samples": [{"basis": 1, "dt": -1}]}, "samples[0].dt is -1: give a positive number"),
    ("mark_default", {}, {**MARK, "index": NAN}, "index is nan: give a positive number"),
    ("mark_default", {}, {**MARK, "bid": 102}, "has bid 102 above ask 101"),
    ("mark_default", {}, {**MARK, "peer_mids": [0]}, "peer_mids[0] is 0: give a positive number"),
    ("mark_default", {}, {**MARK, "dated": 1}, "dated is 1: give true or false"),
    ("mark_binance", {}, {"index": 1, "funding_rate": 0, "hours_to_funding": 9, "funding_interval_h": 8,
                          "last_price": 1, "basis_samples": [0] * 30}, "hours_to_funding is 9, but funding_interval"),
    ("mark_binance", {}, {"index": 1, "basis_samples": [0] * 3}, "has 3 values, but n_samples is 30"),
    ("mark_bitmex", {}, {"index": -5}, "index is -5: give a positive number"),
    ("vwm_partitions", {"partitions": 129}, {}, "partitions is 129: give a whole number to 128"),
    ("vwm_partitions", {}, {"t0": 1, "t1": 1, "trades": []}, "has 0 trades from 1 to 1"),
    ("vwm_partitions", {}, {"t0": 0, "t1": 1, "trades": [{"t": 0, "price": 1, "size": 0}]}, "[0].size is 0"),
    ("book_rti", {"spacing": 2}, BOOK, "is thinner than the spacing of 2"),
    ("book_rti", {}, {**BOOK, "bids": [[102, 1]]}, "has bid 102 above ask 101: a crossed book has no index"),
    ("book_rti", {}, {**BOOK, "asks": [[101, 1], [100.5, 1]]}, "asks[1] has 100.5 after 101: give the best"),
    ("book_rti", {}, {**BOOK, "bids": []}, "bids has 0 levels"),
    ("weighted_mid", {}, {"bid": 1, "ask": 2, "bid_size": 0, "ask_size": 0}, "give a book that is not"),
    ("hampel", {}, {"window": []}, "window has 0 values: give 1 to 100000"),
    ("hampel", {"k": 3}, {"window": [1]}, "has the parameter 'k': it knows none"),
    ("huber_one_step", {}, {"x": [NAN]}, "x[0] is nan: give a finite number"),
    ("kalman_level", {}, {"x0": 1, "P0": 1, "q_per_s": 0, "obs": [{"dt": 1, "z": 1, "R": 0}]}, "obs[0].R is 0"),
    ("info_share", {}, {"alpha": [1, 1], "omega": [[1, 0], [0, 1]]}, "give two that differ"),
    ("info_share", {}, {"alpha": [1, 2], "omega": [[1, 2], [2, 1]]}, "give a symmetric positive definite covariance"),
]


@pytest.mark.parametrize(("method", "params", "given", "told"), FAULTS, ids=lambda each: str(each)[:40])
def test_what_a_method_can_not_use_is_refused_by_name(method, params, given, told):
    with pytest.raises(ConfigError) as raised:
        evaluate(method, params, given)
    (fault,) = raised.value.faults
    assert told in fault
    assert fault.startswith(method)


def test_an_unknown_method_of_the_settings_names_the_known_ones_and_why_depth_is_none():
    for method in ("book_rti", "vwap", 3, True):
        with pytest.raises(ConfigError) as raised:
            parameters({"method": method})
        assert "consensus_v1, pyth_median" in str(raised.value)
        assert "book_rti is none of them: it needs depth" in str(raised.value)


@pytest.mark.parametrize(("key", "low", "high"), [
    ("publishers_min", 0, 257), ("band", -0.1, 1.1), ("partitions", 0, 129), ("partition_s", 0.5, 86401),
    ("orderly_trades", 1, 1001), ("orderly_sigmas", -1, 1001), ("switch_share", -1, 1001), ("switch_s", -1, 1e7),
    ("mark_tau_s", 0.5, 1e7), ("mark_bound", 0, 1.1)])
def test_a_parameter_of_a_method_is_refused_beyond_its_bounds(key, low, high):
    for value in (low, high, NAN):
        with pytest.raises(ConfigError, match=f"pricing parameter {key} is"):
            parameters({key: value})
