"""Damaged frames: what comes out is what the slow twin yields, or nothing with a named reason.

Stricter than that: what the twin gives records for is decoded too. Only where both give none may the decoder call
malformed what the twin ignores (a bad value in a frame that would yield nothing anyway).
"""

import random
from pathlib import Path

import pytest
from fuzz.mutations import mutated
from fuzz.target import GOOD
from fuzz.targets import DialectTarget, captured_frames
from guarded import Guarded
from samples import SAMPLES

INPUTS = 10_000         # a dialect and a source of frames; each takes about a second
SEED = 20260812


@pytest.mark.parametrize("dialect", SAMPLES)
def test_a_damaged_frame_yields_what_the_twin_yields_or_nothing(dialect: str) -> None:
    outcomes = compare(dialect, None)
    assert outcomes.get("decoded", 0) > INPUTS // 20
    assert sum(count for name, count in outcomes.items() if name not in GOOD) > INPUTS // 5


@pytest.mark.parametrize("dialect", SAMPLES)
def test_a_damaged_captured_frame_yields_what_the_twin_yields_or_nothing(dialect: str, captures: Path) -> None:
    if not captured_frames(dialect, captures):
        pytest.skip("no captured frames of this dialect")
    outcomes = compare(dialect, captures)
    assert sum(count for name, count in outcomes.items() if name not in GOOD) > INPUTS // 5


def compare(dialect: str, captures: Path | None) -> dict[str, int]:
    """Damage the frames INPUTS times and judge each; return how often each outcome came out."""
    chance = random.Random(f"{dialect} {SEED}")
    target = DialectTarget(dialect)
    seeds = target.seeds(captures)
    outcomes: dict[str, int] = {}
    with Guarded(1 << 13) as memory:
        for number in range(INPUTS):
            data = mutated(chance.choice(seeds), chance.choice(seeds), chance, target.structure)
            outcome = target.judge(data, target.run(data, memory.at_the_end if number % 2 else memory.at_the_beginning))
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes
