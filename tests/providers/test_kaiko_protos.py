"""The field numbers that the kaiko dialect tells, and reads, are those of Kaiko's own package."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kaikosdk import sdk_pb2

from ingestor.providers.registry import load

ROOM = Path(__file__).resolve().parents[2] / "ingestor" / "providers"
SERVICE = re.compile(r"Stream\w+Service\w*")
FIELD = re.compile(r"(?P<name>[a-z_]+)=(?P<number>\d+)(?P<opens>\{)?|(?P<closes>\})")


def told() -> Iterator[tuple[str, str]]:
    """(service, what stands in braces after it) of each service in the dialect's docstrings."""
    for file in ("kaiko.pyx", "kaiko_aggregates.pxd"):
        text = (ROOM / file).read_text().split('"""')[1]
        for part in re.findall(r"(?:/kaikosdk\.)?(Stream\w+Service\w*[^{]*)\{(.*?)\}\s*(?=\n)", text, re.DOTALL):
            for service in SERVICE.findall(part[0]):
                yield service, part[1] + "}"


def fields(message: Any, text: str) -> Iterator[tuple[Any, str, int]]:
    """(descriptor, field's name, its number) of each field told, those of messages within included."""
    within = [message]
    for found in FIELD.finditer(text):
        if found["closes"]:
            within.pop()
        else:
            yield within[-1], found["name"], int(found["number"])
            if found["opens"]:
                within.append(within[-1].fields_by_name[found["name"]].message_type)


@pytest.mark.parametrize(("service", "text"), [pytest.param(*each, id=each[0]) for each in told()])
def test_each_field_that_is_told_has_its_number(service: str, text: str) -> None:
    message = sdk_pb2.DESCRIPTOR.services_by_name[service].methods_by_name["Subscribe"].output_type
    numbers = list(fields(message, text))
    assert len(numbers) >= 5
    for descriptor, name, number in numbers:
        assert descriptor.fields_by_name[name].number == number, name


def test_every_service_that_is_asked_is_told() -> None:
    from ingestor.providers.kaiko_session import SERVICES

    assert {service for service, _ in told()} == {service.name for service in SERVICES.values()}
    assert list(SERVICES) == [channel.name for channel in load("kaiko").channels]
    assert len({service.method for service in SERVICES.values()}) == len(SERVICES)
