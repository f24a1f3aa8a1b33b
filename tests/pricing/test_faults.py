"""Wrong calls of evaluate() and wrong parameters: one line each, what, where and with which value."""

from decimal import Decimal

import pytest

from ingestor.errors import ConfigError
from ingestor.pricing import evaluate
from ingestor.pricing.consensus import effective_parameters, parameters_hash
from ingestor.pricing.parameters import PARAMETERS, parameters

QUOTE = {"name": "a", "bid": "99", "ask": "101", "q_age": 0}
FAULTS = [
    ("consensus_v2", {}, {}, "'consensus_v2' is unknown: use one of consensus_v1, weighted_median"),
    (None, {}, {}, "None is unknown"),
    ("consensus_v1", [], {}, "params is []: give a mapping"),
    ("consensus_v1", {}, None, "input is None: give a mapping"),
    ("consensus_v1", {}, {}, "input has no 'sources'"),
    ("consensus_v1", {}, {"sources": "abc"}, "sources is 'abc': give a list"),
    ("consensus_v1", {}, {"sources": [7]}, "sources[0] is 7: give a mapping"),
    ("consensus_v1", {}, {"sources": [{"bid": 1}]}, "sources[0] has no 'name'"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "name": 3}]}, "name is 3: give a text"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "venue": 3}]}, "venue is 3: give a text"),
    ("consensus_v1", {}, {"sources": [QUOTE, QUOTE]}, "two of name 'a'"),
    ("consensus_v1", {}, {"sources": [{"name": "a"}]}, "sources[0] has no price"),
    ("consensus_v1", {}, {"sources": [{"name": "a", "bid": 1, "ask": 2}]}, "sources[0] has no 'q_age'"),
    ("consensus_v1", {}, {"sources": [{"name": "a", "x": 1, "age": 2}]}, "sources[0] has no 'half'"),
    ("consensus_v1", {}, {"sources": [{"name": "a", "last": 1}]}, "sources[0] has no 't_age'"),
    ("consensus_v1", {}, {"sources": [QUOTE, {**QUOTE, "name": "b", "bid": "9,5"}]},
     "sources[1].bid is '9,5': give a number"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "bid": True}]}, "bid is True: give a number"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "ask": [1]}]}, "ask is [1]: give a number"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "q_age": "nan"}]}, "q_age is 'nan': give an age"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "conv": 2}]}, "conv is 2: give a mapping"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "conv": {"rate": 2}}]}, "conv has no 'conf'"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "conv": {"rate": 2, "conf": 0, "status": "FINE"}}]},
     "'FINE': use one of OK"),
    ("consensus_v1", {}, {"sources": [QUOTE], "previously_flagged": ["z"]},
     "names 'z', which is no source: use one of a"),
    ("consensus_v1", {}, {"sources": [], "last": {"price": 1, "conf": 0}}, "last has no 'age'"),
    ("consensus_v1", {}, {"sources": [], "last": {"price": 0, "conf": 0, "age": 1}}, "give a positive price"),
    ("consensus_v1", {}, {"sources": [{**QUOTE, "name": str(i)} for i in range(257)]},
     "257 sources: give at most 256"),
    ("consensus_v1", {"cap": 1.5}, {"sources": []}, "cap is 1.5: give a number from 1e-06 to 1"),
    ("weighted_median", {}, {"prices": [1, 2], "weights": [1]}, "2 prices and 1 weights"),
    ("weighted_median", {}, {"prices": [1], "weights": [0]}, "weights of sum 0"),
    ("weighted_median", {}, {"prices": ["inf"], "weights": [1]}, "price inf of weight 1"),
    ("weighted_median", {"cap": 1}, {"prices": [1], "weights": [1]}, "has the parameter 'cap': it knows none"),
    ("pyth_median", {}, {"quotes": [{"price": 1}]}, "quotes[0] has no 'conf'"),
    ("pyth_median", {}, {"quotes": [{"price": 2 ** 53, "conf": 1}]}, "doubles hold exactly"),
    ("pyth_median", {"rounding": "up"}, {"quotes": []}, "rounding is 'up': use floor or none"),
    ("staleness", {}, {"ages": [1]}, "input has no 'A'"),
    ("staleness", {}, {"ages": ["x"], "A": 30}, "ages[0] is 'x'"),
    ("decayed_vwap", {}, {"a": [[0, 1]]}, "a[0] is [0, 1]: give [time"),
    ("decayed_vwap", {}, {"a": []}, "a is empty"),
    ("decayed_vwap", {"half_life_s": 0}, {"a": [[0, 1, 1]]}, "H_V is 0"),
    ("convert", {}, {"price": 1}, "input has no 'rate'"),
    ("convert", {}, {"price": 1, "rate": -1}, "rate -1.0: give positive"),
    ("convert", {}, {"price": 1, "rate": 2, "pair": "ETH/BTC", "rate_pair": "ETH/USDT"},
     "of the currency it is quoted in"),
]


@pytest.mark.parametrize(("method", "params", "given", "message"), FAULTS)
def test_a_wrong_call_says_what_is_wrong_where(method, params, given, message):
    with pytest.raises(ConfigError) as caught:
        evaluate(method, params, given)
    assert message in str(caught.value)


def test_every_wrong_parameter_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        parameters({"A": -1, "capp": 1, "n_min": 2.5, "sigma": "nan", "k": True, "gate_price": "maybe", "hold": 3})
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [
        "pricing parameter A is -1", "pricing parameter 'capp' is unknown", "pricing parameter n_min is 2.5",
        "pricing parameter sigma is 'nan'", "pricing parameter k is True", "pricing parameter gate_price is 'maybe'"]


@pytest.mark.parametrize("given", [
    {"A": 30, "age_max_s": 30}, {"g_min": 0.1, "g_max": 0.05}, {"g_min": 0.1}, {"g_max": 0.001}])
def test_parameters_that_contradict_each_other_are_refused(given):
    with pytest.raises(ConfigError, match=r"given twice|above gate_max"):
        evaluate("consensus_v1", given, {"sources": []})


def test_parameters_are_taken_as_numbers_or_text_by_name_or_symbol_and_none_is_not_given():
    given = {"A": "30", "weight_max": Decimal("0.4"), "n_min": 3.0, "thin": "Off", "gate_price": True, "hold": None}
    assert parameters(given) == {"age_max_s": 30, "weight_max": 0.4, "venues_min": 3, "thin": 0, "gate_price": 1}


def test_every_parameter_has_a_default_within_its_own_bounds():
    defaults = effective_parameters({})
    assert defaults.keys() == {parameter.name for parameter in PARAMETERS}
    assert all(parameter.low <= defaults[parameter.name] <= parameter.high for parameter in PARAMETERS)


def test_the_hash_of_parameters_is_that_of_what_holds_however_it_was_given():
    plain = parameters_hash({})
    assert len(plain) == 12
    assert parameters_hash({"A": 30, "cap": "0.40", "thin": "no", "hold": None}) == plain
    assert parameters_hash({"weight_max": 0.41}) != plain


def test_a_pyth_aggregate_of_too_few_publishers_has_no_price():
    quotes = [{"price": 10, "conf": 1}, {"price": 10, "conf": 0}, {"price": 10, "conf": 1, "age_slots": 26}]
    assert evaluate("pyth_median", {}, {"quotes": quotes})["status"] == "OK"
    assert evaluate("pyth_median", {"min_publishers": 2}, {"quotes": quotes}) == {
        "status": "UNKNOWN", "price": None, "conf": None}


def test_a_converted_price_comes_with_its_confidence_when_one_is_given():
    got = evaluate("convert", {}, {"price": "100", "rate": "0.5", "conf": "0.6", "rate_conf": "0.004"})
    assert got == {"price": 50, "conf": pytest.approx(0.5)}
