"""Python in the sanitized build: `python tests/fuzz/sanitized.py ARGUMENTS` is `python ARGUMENTS` there.

The build lies in build/debug (INGESTOR_DEBUG=1 python setup.py build). The sanitizers must be loaded before Python, and
with them the counters that the build calls.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEBUG = ROOT / "build" / "debug"
COVERAGE = DEBUG / "coverage.so"


def compiler() -> str:
    return str(sysconfig.get_config_var("CC").split()[0])


def compile_coverage() -> None:
    source = Path(__file__).with_name("coverage.c")
    if not COVERAGE.exists() or COVERAGE.stat().st_mtime < source.stat().st_mtime:
        COVERAGE.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler(), "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", str(source), "-o",
                        str(COVERAGE)], check=True)


def environment() -> dict[str, str]:
    """Of a process in the sanitized build: a finding ends it with a signal, and says where."""
    found = [subprocess.run([compiler(), f"-print-file-name=lib{name}.so"], check=True, capture_output=True,
                            text=True).stdout.strip() for name in ("asan", "ubsan")]
    return {
        **os.environ,
        "LD_PRELOAD": ":".join([*(str(Path(each).resolve()) for each in found), str(COVERAGE)]),
        "PYTHONPATH": os.pathsep.join(map(str, (DEBUG / "lib", ROOT / "tests", ROOT))), "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
    }


if __name__ == "__main__":
    compile_coverage()
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *sys.argv[1:]], environment())
