"""docs/PROVIDERS.md."""

from pathlib import Path

from ingestor.providers.manual import manual
from ingestor.providers.registry import MODULES

ROOT = Path(__file__).resolve().parents[2]


def test_the_providers_page_is_not_stale():
    assert (ROOT / "docs" / "PROVIDERS.md").read_text() == manual(), (
        "run python -m ingestor.providers.manual > docs/PROVIDERS.md")


def test_the_page_has_every_provider_in_channels_and_limits():
    for name in MODULES:
        assert manual().count(f"\n| `{name}` |") >= 2
