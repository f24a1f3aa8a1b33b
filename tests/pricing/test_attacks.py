"""The attack table: the default stays where the honest sources are, and the documentation shows what is computed."""

from pathlib import Path

import pytest

from bench.attacks import ATTACKS, CONFIDENCES, HONEST, METHODS, TRUE, error_bp, table

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "PRICING.md"


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_moves_consensus_out_of_the_honest_range(attack):
    offsets = [(venue.price / TRUE - 1) * 1e4 for venue in HONEST]
    assert min(offsets) <= error_bp("consensus_v1", attack) <= max(offsets)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_confidence_of_consensus_covers_its_error(attack):
    assert abs(error_bp("consensus_v1", attack)) <= CONFIDENCES["consensus_v1"](ATTACKS[attack]) / TRUE * 1e4


@pytest.mark.parametrize("method", [name for name in METHODS if name != "consensus_v1"])
def test_every_alternative_is_moved_by_some_attack_more_than_consensus_by_any(method):
    worst = max(abs(error_bp("consensus_v1", attack)) for attack in ATTACKS)
    assert max(abs(error_bp(method, attack)) for attack in ATTACKS) > 10 * worst


def test_the_documentation_shows_the_table_that_is_computed():
    assert table() in PAGE.read_text(encoding="utf-8")
