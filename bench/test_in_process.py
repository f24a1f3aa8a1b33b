"""The distributions behind the benches that fit in a process, by pytest-benchmark: `python -m bench.run` runs this.

The ratios are run.py's, where variants run in turns; here each stands alone, with its quartiles and outliers, in
bench/results/pytest-benchmark.json. BENCH_SMOKE=1 makes the frames few.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest

from bench import decode, pipeline_memory
from bench.consensus import ROWS, ROWS_SMOKE, SOURCES, Rows
from bench.frames import recorded
from bench.peers import msgspec_decode, orjson_loads
from ingestor.providers.registry import MODULES

SMOKE = os.environ.get("BENCH_SMOKE") == "1"
Benchmark = Callable[..., Any]


@pytest.mark.parametrize("dialect", MODULES)
def test_decode(benchmark: Benchmark, dialect: str) -> None:
    """Each dialect from bytes to records."""
    found = recorded(dialect)
    assert benchmark(decode.told(found).count_all, decode.enough(found, SMOKE))[1] == 0


@pytest.mark.parametrize("burst", [pipeline_memory.BURST, 1])
def test_pipeline_memory(benchmark: Benchmark, burst: int) -> None:
    """Decode, unify and price; the set-up of a new pipeline a round is in it."""
    assert benchmark(pipeline_memory.Ours(pipeline_memory.works(SMOKE), burst)) > 0


def test_orjson(benchmark: Benchmark) -> None:
    """The peer, on the same frames."""
    work = pipeline_memory.works(SMOKE)
    assert benchmark(lambda: [orjson_loads(each.found.frames) for each in work])


def test_msgspec(benchmark: Benchmark) -> None:
    """The other peer."""
    work = pipeline_memory.works(SMOKE)
    assert benchmark(lambda: [msgspec_decode(each.dialect, each.found.frames) for each in work])


@pytest.mark.parametrize("sources", SOURCES)
def test_consensus(benchmark: Benchmark, sources: int) -> None:
    """Quotes with an evaluation each."""
    assert benchmark(Rows(sources, ROWS_SMOKE if SMOKE else ROWS)) > 0
