"""An alert as people and topics see it: plain values, made when one is asked for or changes. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple


class Severity(IntEnum):
    """How much it matters; the number that C keeps."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


class State(IntEnum):
    """AlertState of life.pxd."""

    QUIET = 0
    PENDING = 1
    FIRING = 2
    CLEARING = 3


class Change(IntEnum):
    """AlertTransition of life.pxd."""

    NOTHING = 0
    BEGAN = 1
    FIRED = 2
    EASED = 3
    RESUMED = 4
    CLEARED = 5
    DROPPED = 6


class Key(NamedTuple):
    """What an alert is about; no two alerts have one. "": of all of them."""

    rule: str
    provider: str
    venue: str = ""
    instrument: str = ""
    part: str = ""      # of them: one channel, one connection, one data class


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that is not quiet, or was until now. Times are UTC epoch ns."""

    key: Key
    severity: Severity
    state: State
    first_seen_ns: int
    changed_ns: int
    value: float            # the last one seen while it was bad
    threshold: float        # that it was held against
    window_s: float         # that the rule looks at, or waits for
    evidence: Mapping[str, Any] = field(default_factory=dict)   # plain JSON: the last values of both sides


class Transition(NamedTuple):
    """What has just happened to an alert."""

    change: Change
    alert: Alert
