"""Logs: structlog to one stream, JSON for machines or pretty for people, without secrets.

A command configures it once, before anything logs. What is logged by whom is not known here: every
event passes the same processors, the last of which masks each text of it.
"""

import logging
import math
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ingestor.masking import masked

#: A value nested deeper is told by its type: nobody reads further, and a circle ends.
DEPTH_MAX = 4

_hidden: list[str] = []     # the longest first, so that none is masked in part


def configure(
    level: str = "info", form: Literal["auto", "json", "pretty"] = "auto", stream: TextIO | None = None, *,
    secrets: Iterable[str] = (), **bound: object,
) -> None:
    """Send all events of `level` and above to `stream` (standard output unless given).

    `secrets` are masked wherever they appear; `bound` (shard, epoch) stands on every event. Calling
    it again replaces all of it, but for loggers that were bound before: configure first.
    """
    target = stream or sys.stdout
    pretty = form == "pretty" or (form == "auto" and target.isatty())
    _hidden.clear()
    hide(secrets)
    render: list[Processor] = [structlog.processors.format_exc_info, _mask]
    if pretty:
        render.append(structlog.dev.ConsoleRenderer(colors=target.isatty()))
    else:
        render.append(structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            _binding(bound),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stream(target))),
        cache_logger_on_first_use=False,
    )


def hide(secrets: Iterable[str]) -> None:
    """Mask these, too, from now on."""
    _hidden[:] = sorted({secret for secret in (*_hidden, *secrets) if secret}, key=len, reverse=True)


class _Stream:
    """A stream whose reader may go away: the product must outlive its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _binding(bound: dict[str, object]) -> Processor:
    def bind(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {**bound, **event}

    return bind


def _mask(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {name: _plain(value, tuple(_hidden)) for name, value in event.items()}


def _plain(value: Any, secrets: tuple[str, ...], depth: int = 0) -> Any:
    """The value as JSON knows it, its texts masked."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)    # JSON has no word for NaN
    if isinstance(value, (dict, list, tuple)) and depth >= DEPTH_MAX:
        return type(value).__name__
    if isinstance(value, dict):
        return {masked(str(key), *secrets): _plain(each, secrets, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, secrets, depth + 1) for each in value]
    return masked(str(value), *secrets)
