"""Running the command line: as a function for what it says, as a process for what the shell sees."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import fastavro
import pytest

from shards.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def command(capfdbinary, monkeypatch):
    """A function that runs a command in this process."""
    monkeypatch.delenv("INGESTOR_CONFIG", raising=False)

    def run(*arguments: str) -> Outcome:
        capfdbinary.readouterr()
        try:
            status = main(arguments)
        except SystemExit as stop:      # argparse
            status = int(stop.code or 0)
        out, err = capfdbinary.readouterr()
        return Outcome(status, out.decode(), err.decode())
    return run


@pytest.fixture
def process():
    """A function that runs a command as a process of its own, with bytes as its standard input."""
    def run(*arguments: str, stdin: bytes = b"", **environ: str) -> Outcome:
        found = subprocess.run(
            [sys.executable, "-m", "ingestor", *arguments], cwd=ROOT, input=stdin, capture_output=True,
            env={**os.environ, **environ}, timeout=60, check=False)
        return Outcome(found.returncode, found.stdout.decode(), found.stderr.decode())
    return run


@pytest.fixture(scope="session")
def records():
    """A function that reads what stands in the finished Avro files of a topic."""
    def read(folder: Path, topic: str) -> list[dict]:
        found: list[dict] = []
        for path in sorted(folder.glob(f"{topic}/*.avro")):
            if path.stat().st_size:
                with path.open("rb") as file:
                    found += list(fastavro.reader(file))
        return found
    return read
