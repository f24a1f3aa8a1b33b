"""The benches work: every one runs in its smoke size, checks its own counts, and writes rows of the FIXED shape.

No time is asserted: sizes are tiny and the machine is shared.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.run import BENCHES

ROOT = Path(__file__).resolve().parent.parent
ROW = {"name", "value", "unit", "peer", "peer_value", "ratio", "command"}
NAMES = {
    "decode": {f"decode_{dialect}_ticks_per_s" for dialect in (
        "binance_spot", "binance_usdm", "coinbase_exchange", "kraken_v2", "okx_v5", "bybit_v5", "coinapi", "kaiko")},
    "pipeline_memory": {
        "pipeline_memory_ticks_per_s", "pipeline_memory_vs_orjson", "pipeline_memory_vs_cryptofeed"},
    "lines": {"lines_redundant_ticks_per_s", "lines_copies_share", "lines_sequences_share", "lines_checks_share"},
    "arbitration": {"arbitration_ids_ns", "arbitration_values_ns"},
    "consensus": {"consensus_12_sources_us"},
    "replay": {"replay_flat_frames_per_s", "replay_flat_vs_cryptofeed"},
    "websocket_price": {"websocket_price_msgs_per_s"},
    "grpc_price": {"grpc_price_msgs_per_s", "grpc_price_vs_grpcio"},
    "websocket_kafka": {"websocket_kafka_block_msgs_per_s", "websocket_kafka_record_msgs_per_s"},
    "latency": {"latency_28k_p50_ms", "latency_28k_p99_ms", "cpu_28k_core_fraction"},
    "start": {"start_to_first_price_s"},
}
KAFKA = ("websocket_kafka", "latency")


def smoke(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.run", "--smoke", "--out", str(folder), *words], cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, **environ}, timeout=240, check=False)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "latest.json").read_text())
    assert set(found) == {"machine", "commit", "results"}
    for row in found["results"]:
        assert set(row) == ROW
        assert row["value"] > 0, row
        assert row["command"].startswith("python -m bench.run ")
        assert (row["peer_value"] is None) == (row["ratio"] is None)
    return {row["name"]: row for row in found["results"]}


def test_every_bench_is_smoked_here() -> None:
    assert set(BENCHES) == set(NAMES)


@pytest.mark.parametrize("name", [name for name in BENCHES if name not in KAFKA])
def test_a_bench_runs_and_its_results_have_their_names(name: str, tmp_path: Path) -> None:
    done = smoke(tmp_path, name)
    assert done.returncode == 0, done.stderr
    assert NAMES[name] <= set(rows_of(tmp_path))


@pytest.mark.kafka
@pytest.mark.parametrize("name", KAFKA)
def test_a_bench_on_kafka_runs_and_its_results_have_their_names(name: str, tmp_path: Path, kafka: Any) -> None:
    done = smoke(tmp_path, name, BENCH_KAFKA=kafka.address)
    assert done.returncode == 0, done.stderr
    assert NAMES[name] <= set(rows_of(tmp_path))


def test_the_distributions_are_written_by_pytest_benchmark(tmp_path: Path) -> None:
    from bench.run import distributions

    assert distributions(True, tmp_path) == 0
    found = json.loads((tmp_path / "pytest-benchmark.json").read_text())
    assert {bench["name"].split("[")[0] for bench in found["benchmarks"]} >= {"test_decode", "test_pipeline_memory"}


def test_a_bench_that_fails_is_named_and_the_others_still_report(tmp_path: Path) -> None:
    done = smoke(tmp_path, "consensus", "websocket_kafka", BENCH_KAFKA="", JAVA_HOME="/nowhere")
    assert done.returncode == 1
    assert "no Java" in done.stderr
    assert "failed: websocket_kafka" in done.stderr
    assert "consensus_12_sources_us" in rows_of(tmp_path)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    done = smoke(Path("unused"), "nonsense")
    assert done.returncode == 2
    assert "no bench nonsense: use decode, " in done.stderr
