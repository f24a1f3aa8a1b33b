"""Fixtures of the sinks' tests."""

from collections.abc import Iterator

import pytest

from tests.services import Kafka
from tests.sinks.kafkas import Topics


@pytest.fixture
def topics(kafka: Kafka) -> Iterator[Topics]:
    """Topics of the test's own on the running broker."""
    made = Topics(kafka)
    yield made
    made.close()
