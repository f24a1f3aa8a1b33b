"""scripts/kafka, where it can be tested without a broker: what it says when something is missing."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "kafka"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment})


@pytest.fixture
def fake_java(tmp_path):
    """A folder with a java that tells the version it is made with."""
    def make(version: str) -> str:
        home = tmp_path / "java"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        (home / "bin" / "java").chmod(0o755)
        return str(home)
    return make


def test_a_folder_without_a_broker_is_told_apart(tmp_path):
    status = run("status", "--dir", str(tmp_path))
    assert (status.returncode, status.stdout) == (1, "not running\n")
    stop = run("stop", "--dir", str(tmp_path))
    assert (stop.returncode, stop.stdout) == (0, "not running\n")


def test_a_missing_java_is_named(tmp_path):
    missing = run("start", "--dir", str(tmp_path), "--port", "0", PATH="", JAVA_HOME="")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "no Java: install JDK 17 or later" in missing.stderr


def test_an_old_java_is_named(tmp_path, fake_java):
    old = run("start", "--dir", str(tmp_path), "--port", "0", JAVA_HOME=fake_java("11.0.2"))
    assert old.returncode == 1
    assert "is too old for Kafka" in old.stderr


def test_a_missing_maven_is_named(tmp_path, fake_java):
    missing = run("start", "--dir", str(tmp_path), "--port", "0", JAVA_HOME=fake_java("17.0.1"), PATH="",
                  KAFKA_JARS=str(tmp_path / "jars"))
    assert missing.returncode == 1
    assert "no Maven to fetch them: install maven" in missing.stderr


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = run("start", "--dir", str(tmp_path), "--port", str(listener.getsockname()[1]))
    assert taken.returncode == 1
    assert "is taken" in taken.stderr
