"""Run the benches and write bench/results/latest.json: `python -m bench.run [--smoke] [names...]`.

A name is a bench (a file here), or a result of one. latest.json holds the rows in the FIXED shape;
details.json beside it what each bench says about its figures; pytest-benchmark.json the distributions
of what fits in a process.
"""

import argparse
import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.measure import RESULTS, ROOT, Outcome, commit, machine

#: In this order: what fits in a process first, what needs servers last.
BENCHES = (
    "decode", "pipeline_memory", "lines", "arbitration", "consensus", "replay", "websocket_price", "grpc_price",
    "websocket_kafka", "latency", "start")


def run_all(names: Sequence[str], smoke: bool, folder: Path) -> list[str]:
    """Run the named benches and write the files into `folder`. Returns the names of the benches that failed."""
    found = Outcome()
    failed: list[str] = []
    for name in names:
        begun = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        command = shlex.join(["python", "-m", "bench.run", *(["--smoke"] if smoke else []), name])
        try:
            outcome: Outcome = importlib.import_module(f"bench.{name}").run(smoke)
        except Exception as error:  # the other benches shall still run; the exit status tells
            print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            found.details[name] = {"failed": f"{type(error).__name__}: {error}"}
            failed.append(name)
            continue
        found.results += [replace(result, command=command) for result in outcome.results]
        found.details[name] = {**outcome.details, "took_s": round(time.monotonic() - begun, 1)}
        for result in outcome.results:
            peer = f"   {result.ratio:.2f} x {result.peer}" if result.ratio else ""
            print(f"  {result.name:<44}{result.value:>16,.3f} {result.unit}{peer}")
    folder.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "commit": commit()}
    _write(folder / "latest.json", {**about, "results": [asdict(result) for result in found.results]})
    _write(folder / "details.json", {**about, "details": found.details})
    return failed


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def distributions(smoke: bool, folder: Path) -> int:
    """The same variants under pytest-benchmark, to its own JSON. Returns the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run([
        # The suite's configuration needs plugins that benches do not install.
        sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={ROOT}", "-p", "no:cacheprovider",
        "bench/test_in_process.py", f"--benchmark-storage=file://{folder}",
        f"--benchmark-json={folder / 'pytest-benchmark.json'}", f"--benchmark-min-rounds={3 if smoke else 10}",
        f"--benchmark-max-time={0.01 if smoke else 0.5}", "--benchmark-columns=min,median"],
        cwd=ROOT, check=False, stdout=sys.stderr, env={**os.environ, "BENCH_SMOKE": str(int(smoke))}).returncode


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit 1 when a bench failed, 2 for a wrong call."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.run", description=__doc__.splitlines()[0], epilog="Example: python -m bench.run decode")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which benches: {', '.join(BENCHES)}; all by default")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: shows that everything works, not how fast")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR",
                        help="where to write; bench/results by default")
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.names if name not in BENCHES]:
        parser.error(f"no bench {', '.join(unknown)}: use {', '.join(BENCHES)}")
    # Ended from outside, the servers and shards that a bench has started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    failed = run_all([name for name in BENCHES if name in asked.names or not asked.names], asked.smoke, asked.out)
    if not asked.names and distributions(asked.smoke, asked.out):
        failed.append("pytest-benchmark")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
