"""The specification's own vectors (vectors.json, each with its source) against evaluate()."""

import json
from pathlib import Path

import pytest

from ingestor.pricing import evaluate
from ingestor.pricing.face import METHODS

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]
BY_ID = {vector["id"]: vector for vector in VECTORS}


def differences(got, expected, rel_tol, where=""):
    """Where they differ: numbers by relative tolerance, everything else exactly, keys too."""
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            return [f"{where}: keys {sorted(got)} for {sorted(expected)}"]
        return [fault for key in expected for fault in differences(got[key], expected[key], rel_tol, f"{where}.{key}")]
    if isinstance(expected, list):
        if len(got) != len(expected):
            return [f"{where}: {got} for {expected}"]
        return [fault for i, pair in enumerate(zip(got, expected, strict=True))
                for fault in differences(*pair, rel_tol, f"{where}[{i}]")]
    try:
        number = float(expected)
    except (TypeError, ValueError):
        return [] if got == expected and type(got) is type(expected) else [f"{where}: {got!r} for {expected!r}"]
    close = not isinstance(got, str) and got is not None and abs(got - number) <= rel_tol * abs(number)
    return [] if close else [f"{where}: {got!r} for {expected}"]


@pytest.mark.parametrize("id", BY_ID)
def test_a_vector_is_met_within_its_tolerance(id):
    vector = BY_ID[id]
    got = evaluate(vector["method"], vector["params"], vector["input"])
    assert differences(got, vector["expected"], float(vector["rel_tol"])) == []


def test_the_vectors_are_those_of_every_method_served():
    assert {vector["method"] for vector in VECTORS} == set(METHODS)
    assert len(BY_ID) == len(VECTORS) == 47


def test_the_comparison_sees_a_missing_key_a_wrong_text_and_a_number_off_by_twice_the_tolerance():
    expected = {"status": "OK", "price": "100", "flagged": []}
    assert differences({"status": "OK", "price": 100.0, "flagged": []}, expected, 1e-12) == []
    assert differences({"status": "OK", "price": 100.0}, expected, 1e-12)
    assert differences({"status": "SINGLE", "price": 100.0, "flagged": []}, expected, 1e-12)
    assert differences({"status": "OK", "price": 100 + 2e-10, "flagged": []}, expected, 1e-12)
    assert differences({"status": "OK", "price": 100.0, "flagged": ["a"]}, expected, 1e-12)


def gate_off(quotes, **more):
    """consensus_v1 with equal weights and no gate over (price, conf) quotes."""
    params = {"gate_price": "off", "g_min": 1e9, "g_max": 1e9, "c_floor": 0, "sigma": 0, "max_spread": 2,
              "conf_max": 1e9, "cap": 1, **more}
    sources = [{"name": str(i), "x": quote["price"], "half": quote["conf"], "age": 0, "base_weight": 1}
               for i, quote in enumerate(quotes)]
    return evaluate("consensus_v1", params, {"sources": sources})


@pytest.mark.parametrize("id", [id for id in BY_ID if id.startswith("pub-pyth") and id != "pub-pyth-32"])
def test_at_equal_weights_without_gate_the_consensus_is_pyths(id):
    # pub-pyth-32 holds a publisher at price 0, which pyth counts and the consensus does not.
    vector = BY_ID[id]
    got, expected = gate_off(vector["input"]["quotes"]), vector["expected"]
    assert int(got["price"]) == expected["price"]
    assert abs(got["conf"] - expected["conf"]) <= got["price"] - expected["price"] < 1
