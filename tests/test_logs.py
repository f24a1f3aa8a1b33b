"""Logs: one object a line, to the given stream, without secrets, whoever logs."""

import io
import json

import pytest
import structlog

from ingestor import logs
from ingestor.masking import masked


def told(*events: tuple[str, dict], **configuration) -> list[dict]:
    """What a configured logger writes of the events."""
    stream = io.StringIO()
    logs.configure(stream=stream, **configuration)
    logger = structlog.get_logger().bind(provider="kraken-v2")
    for level, facts in events:
        getattr(logger, level)("feed_connected", **facts)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_what_is_bound():
    event, = told(("info", {"url": "wss://a/b", "count": 2}), shard=3)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "feed_connected", "level": "info", "provider": "kraken-v2", "shard": 3, "url": "wss://a/b", "count": 2}


def test_events_below_the_level_are_left_out():
    assert [event["level"] for event in told(("info", {}), ("warning", {}), ("error", {}), level="warning")] == [
        "warning", "error"]


def test_secrets_are_masked_in_every_text_of_an_event_and_its_key():
    event, = told(
        ("error", {"a": "key s3cret", "b": ["s3cret", {"s3cret": ("s3cret",)}], "c": ValueError("s3cret")}),
        secrets=["s3cret", ""])
    assert "s3cret" not in json.dumps(event)
    assert event["a"] == "key ***"


def test_a_longer_secret_is_masked_whole_when_a_shorter_one_is_part_of_it():
    event, = told(("info", {"a": "abcdef"}), secrets=["abc", "abcdef"])
    assert event["a"] == "***"


def test_the_trace_of_an_exception_is_masked_and_stays_on_its_line():
    stream = io.StringIO()
    logs.configure(stream=stream, secrets=["s3cret"])
    try:
        raise ValueError("s3cret")
    except ValueError:
        structlog.get_logger().exception("shard_failed")
    line, = stream.getvalue().splitlines()
    assert "ValueError: ***" in json.loads(line)["exception"]


def test_numbers_that_json_has_no_word_for_are_texts():
    event, = told(("info", {"a": float("nan"), "b": [float("inf")]}))
    assert (event["a"], event["b"]) == ("nan", ["inf"])


def test_values_that_hold_themselves_end_somewhere():
    endless: list = []
    endless.append(endless)
    event, = told(("info", {"a": endless}))
    assert "list" in json.dumps(event["a"])


def test_pretty_is_for_people():
    stream = io.StringIO()
    logs.configure(form="pretty", stream=stream, secrets=["s3cret"])
    structlog.get_logger().info("feed_connected", key="s3cret")
    assert "feed_connected" in stream.getvalue()
    assert "s3cret" not in stream.getvalue()


def test_a_reader_that_went_away_does_not_hurt_who_logs():
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    logs.configure(stream=Gone())
    structlog.get_logger().info("feed_connected")


@pytest.mark.parametrize(("text", "shown"), [
    ("wss://a/?apikey=abc&x=1", "wss://a/?apikey=***&x=1"),
    ("wss://a/?x=1&access_token=abc", "wss://a/?x=1&access_token=***"),
    ("https://user:pass@host/path", "https://***@host/path"),
    ("the key K1 twice K1", "the key *** twice ***"),
    ("nothing to hide", "nothing to hide"),
])
def test_what_is_masked(text, shown):
    assert masked(text, "K1", "") == shown
