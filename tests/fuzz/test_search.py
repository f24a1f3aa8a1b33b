"""The fuzzer finds what it is there for, and a short search of the real decoders under the sanitizers finds nothing."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.engine import FINDINGS_MAX, Coverage, Running, Search
from fuzz.mutations import by_bytes
from fuzz.sanitized import COVERAGE, ROOT, compile_coverage, compiler, environment
from fuzz.target import Place, Target, Wrong

# Reads one byte too far, but only behind four bytes: by chance alone one input in a hundred million gets there.
PLANTED = """
#include <stddef.h>
#include <stdint.h>
int planted(const uint8_t *at, size_t size)
{
    if (size < 4 || at[0] != 'n')
        return 0;
    if (at[1] != 'u')
        return 1;
    if (at[2] != '{')
        return 2;
    if (at[3] != '7')
        return 3;
    return at[size];
}
"""
SEARCH = """
import ctypes, random, sys
from pathlib import Path
from fuzz.engine import Coverage, Search
from fuzz.mutations import by_bytes
from fuzz.target import Target

class Planted(Target):
    name = "planted"
    structure = staticmethod(by_bytes)
    c = ctypes.CDLL(sys.argv[1])
    def seeds(self, captures):
        return [b"____"]
    def run(self, data, place):
        return self.c.planted(ctypes.c_void_p(place(data)), ctypes.c_size_t(len(data)))
    def is_worth_judging(self, found):
        return False
    def judge(self, data, found):
        return "ignored"

Search(Planted(), Coverage(Path(sys.argv[2])), Path(sys.argv[3]), random.Random(1)).go(None, 120, 2_000_000)
"""
#: Enough for a reader of JSON with rows, those of protobuf and HTTP/2, and the leaves; `make fuzz` builds and runs all.
BRIEFLY = ("ingestor/decode.pyx ingestor/records.pyx ingestor/scan/*.pyx ingestor/providers/provider.pyx"
           " ingestor/providers/kraken_v2.pyx ingestor/providers/kaiko.pyx ingestor/wire/text.pyx"
           " ingestor/feeds/http2_reader.pyx")


def sanitized(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          env=environment())


def test_a_read_beyond_an_input_is_found_where_only_guidance_leads(tmp_path: Path) -> None:
    compile_coverage()
    source, library = tmp_path / "planted.c", tmp_path / "planted.so"
    source.write_text(PLANTED)
    subprocess.run([compiler(), "-O0", "-g", "-shared", "-fPIC", "-fsanitize=address", "-fsanitize-coverage=trace-pc",
                    str(source), "-o", str(library)], check=True)
    ended = sanitized(["-c", SEARCH, str(library), str(COVERAGE), str(tmp_path / "planted")])
    assert ended.returncode != 0
    assert "heap-buffer-overflow" in ended.stderr
    assert Running.read(tmp_path / "planted.running").startswith(b"nu{7")


class Sevens(Target):
    """Wrong about every input with two sevens."""

    name = "sevens"
    structure = staticmethod(by_bytes)

    def seeds(self, captures: Path | None) -> list[bytes]:
        return [b"0123456789" * 4]

    def run(self, data: bytes, place: Place) -> int:
        return data.count(b"7")

    def is_worth_judging(self, found: int) -> bool:
        return found > 1

    def judge(self, data: bytes, found: int) -> str:
        if found > 1:
            raise Wrong(f"{data!r}")
        return "ignored"


def test_a_wrong_outcome_is_told_with_the_shortest_input_and_left_as_a_file(tmp_path: Path) -> None:
    compile_coverage()
    report = Search(Sevens(), Coverage(COVERAGE), tmp_path / "sevens", random.Random(1)).go(None, 60, 100_000)
    assert report.findings == ["b'77'"] * FINDINGS_MAX
    assert [file.read_bytes() for file in tmp_path.glob("wrong-sevens-*")] == [b"77"]


@pytest.mark.slow
def test_a_brief_search_under_the_sanitizers_finds_nothing(tmp_path: Path) -> None:
    briefly = {**os.environ, "INGESTOR_DEBUG": "1", "INGESTOR_ONLY": BRIEFLY}
    subprocess.run([sys.executable, "setup.py", "-q", "build"], cwd=ROOT, env=briefly, check=True,
                   capture_output=True)
    targets = ["kraken-v2", "kaiko", "scan-json", "scan-decimal", "http2-frames"]
    ended = subprocess.run(
        [sys.executable, "tests/fuzz/run.py", "--seconds", "8", "--folder", str(tmp_path), *targets], cwd=ROOT,
        capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == targets
    assert all(int(line.split()[1].replace(",", "")) > 100 for line in lines)


def test_a_sanitized_build_is_never_made_in_place() -> None:
    ended = subprocess.run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=ROOT, capture_output=True,
                           text=True, check=False, env={**os.environ, "INGESTOR_DEBUG": "1"})
    assert ended.returncode == 1
    assert "not made in place" in ended.stderr
