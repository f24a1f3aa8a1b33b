"""What a provider's own history offers: how to ask it for what was missed, and what its answer proves.

Hooks are pure, as those of a session: they return requests and facts, touch no socket and read no clock.
The rows of an answer come back as the frames that the live connection would have sent, so that the
dialect's decoder reads them and no decimal passes through a double.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ingestor.providers.session import Subscription

MILLISECOND = 1_000_000     # ns


class NoHistory(Exception):
    """There is nothing to ask: the message says why, for the quality topic."""


class Missing(NamedTuple):
    """What is asked for: numbers where the channel has them, else a stretch of time. Inclusive."""

    subscription: Subscription
    first: int | None       # numbers: the record after `last` was received
    last: int | None
    from_ns: int | None     # venue's times of the records around it; None: not sent
    to_ns: int | None


class Request(NamedTuple):
    """One GET below the history's URL, or one gRPC call."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""       # gRPC: the serialised request


class Page(NamedTuple):
    """One answer, understood."""

    frames: tuple[bytes, ...]
    #: the history is complete from here to there: numbers in it that no frame brings were never issued.
    #: Times (ns) where the hole is one of time. None: it proves nothing, or knows less than we do yet.
    proven: tuple[int, int] | None
    next: Request | None = None     # where the rest is


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """A history's limits, as data. Sources stand in the dialect's docstring."""

    requests_per_second: float
    burst: float = 1.0
    delay_s: float = 1.0        # it lags behind the live stream: ask so long after a hole was found
    pages_max: int = 100        # of one hole: the rest is given up


class History:
    """The hooks. A subclass says what its provider wants."""

    transport: Literal["http", "grpc"] = "http"
    url = ""                    # production; the configuration may replace it
    limits = HistoryLimits(1.0)

    def request(self, missing: Missing, key: str) -> Request:
        """The first request for this hole. Raises NoHistory."""
        raise NotImplementedError

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        """What an answer says: the body of a GET, or the messages of a call that ended well.

        Raises ValueError, LookupError or TypeError for an answer that is not what the dialect thought.
        """
        raise NotImplementedError


def parsed(answer: Sequence[bytes]) -> Any:
    """The JSON of a body; numbers with a point stay the text that was sent."""
    return json.loads(answer[0], parse_float=str)


def numbers(missing: Missing) -> tuple[int, int]:
    """First and last. Raises NoHistory for a hole that has none."""
    if missing.first is None or missing.last is None:
        raise NoHistory("the history is asked by number, and the hole has none")
    return missing.first, missing.last


def times(missing: Missing) -> tuple[int, int]:
    """From and to, ns. Raises NoHistory where the provider sends no times."""
    if missing.from_ns is None or missing.to_ns is None:
        raise NoHistory("the history is asked by time, and the records around the hole have none")
    if missing.to_ns < missing.from_ns:
        raise NoHistory("the records around the hole are not in order of time")
    return missing.from_ns, missing.to_ns
