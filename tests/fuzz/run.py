"""The fuzzer's command: each target in a process of its own, in the sanitized build, for a bounded time.

    make fuzz                                   all targets, FUZZ_SECONDS=300 in total
    make fuzz FUZZ_TARGETS='okx-v5 scan-json' FUZZ_SECONDS=60
    make fuzz FUZZ_TARGETS=kaiko FUZZ_RUNS=1000000 FUZZ_SECONDS=36000

The corpus grows in build/fuzz/<target>/; what went wrong is left beside it, as an input (wrong-*, crash-*) and in
words. Exit status 1 when there is a finding.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from sanitized import COVERAGE, ROOT, compile_coverage, environment

CAPTURES = Path(os.environ.get("INGESTOR_CAPTURES", ROOT / ".." / "shared" / "captures"))
SECONDS_MIN = 2.0       # a target's share of the time, however many there are


def search(name: str, seconds: float, runs: int, seed: str, folder: Path) -> None:
    """In the child: search, and print the report as a line of JSON."""
    from fuzz.engine import Coverage, Search
    from fuzz.targets import target

    found = Search(target(name), Coverage(COVERAGE), folder / name, random.Random(f"{name} {seed}"))
    report = found.go(CAPTURES if CAPTURES.is_dir() else None, seconds, runs)
    print(json.dumps([report.line(), report.findings]))


def child(name: str, options: argparse.Namespace, seconds: float) -> tuple[str, list[str]]:
    """Run one target; (what to say of it, the findings)."""
    command = [sys.executable, __file__, "--child", name, "--seconds", str(seconds), "--runs", str(options.runs),
               "--seed", options.seed, "--folder", str(options.folder)]
    # This reader keeps its bytes in a Python object: on the heap, the sanitizer sees where that ends.
    more = {"PYTHONMALLOC": "malloc"} if name == "http2-frames" else {}
    done = subprocess.run(command, env={**environment(), **more}, cwd=ROOT, check=False, capture_output=True, text=True)
    running = options.folder / f"{name}.running"
    if done.returncode == 0:
        running.unlink(missing_ok=True)
        line, findings = json.loads(done.stdout.splitlines()[-1])
        return line, findings
    crash = options.folder / f"crash-{name}"
    if running.exists():
        running.rename(crash)
    return f"{name}: ended by itself, status {done.returncode}", [f"{name}: see {crash}\n{done.stderr[-6000:]}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="all by default")
    parser.add_argument("--seconds", type=float, default=300, help="in total, shared by the targets")
    parser.add_argument("--runs", type=int, default=sys.maxsize, help="at most, a target")
    parser.add_argument("--seed", default=os.urandom(4).hex(), help="of the mutations; printed, to repeat a search")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="of the corpora and findings")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        search(options.child, options.seconds, options.runs, options.seed, options.folder)
        return 0
    compile_coverage()
    listing = subprocess.run([sys.executable, "-c", "from fuzz.targets import names; print(*names())"], check=True,
                             env=environment(), cwd=ROOT / "tests",
                             capture_output=True, text=True).stdout.split()
    if unknown := set(options.targets) - set(listing):
        parser.error(f"no target {', '.join(sorted(unknown))}: use some of {' '.join(listing)}")
    targets = options.targets or listing
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{len(targets)} targets, {options.seconds:.0f} s, seed {options.seed}", flush=True)
    findings = []
    for name in targets:
        said, found = child(name, options, max(SECONDS_MIN, options.seconds / len(targets)))
        print("\n".join([said, *found]), flush=True)
        findings += found
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
