"""Watch: everything that is judged of one pipeline, once a second.

Its parts each read the tables and books for themselves, keep their own state, and say what has changed.
They know neither a clock nor what becomes of an alert.
"""

from collections.abc import Sequence
from typing import Protocol

from ingestor.watch.alerts import Alert, Transition
from ingestor.watching.comparisons import Comparisons


class Part(Protocol):
    """What judges one kind of thing."""

    def second(self, now_ns: int) -> Sequence[Transition]:
        """Look once; call it each second. What has changed."""

    def alerts(self) -> Sequence[Alert]:
        """All that is not quiet. May be asked from another thread."""


class Watch:
    """The parts, as one: the comparisons of providers, and the others."""

    def __init__(self, comparisons: Comparisons, *others: Part) -> None:
        self.comparisons = comparisons
        self._others = others

    def second(self, now_ns: int, part: int = 0, parts: int = 1) -> list[Transition]:
        """Look once a second, or `parts` times a second at a part of what there is; what has changed."""
        found: list[Transition] = self.comparisons.second(now_ns, part, parts)
        if part == 0:
            for other in self._others:
                found += other.second(now_ns)
        return found

    def alerts(self) -> list[Alert]:
        """All that is pending, firing or clearing, with its evidence."""
        return [alert for part in (self.comparisons, *self._others) for alert in part.alerts()]
