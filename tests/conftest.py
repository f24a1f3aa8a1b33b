"""What the whole suite shares: where the captured frames are, and a log that nobody has configured."""

import os
from pathlib import Path

import pytest
import structlog

pytest_plugins = ["tests.services"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of captured frames; tests that read it are skipped, with this reason, without it."""
    folder = Path(os.environ.get("INGESTOR_CAPTURES", ROOT / ".." / "shared" / "captures"))
    if not folder.is_dir():
        pytest.skip(f"no captured frames at {folder}: set INGESTOR_CAPTURES")
    return folder


@pytest.fixture(autouse=True)
def _unconfigured_log() -> None:
    """No test inherits the log's level from another."""
    structlog.reset_defaults()
