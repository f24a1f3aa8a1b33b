"""Watch: everything that is judged of one pipeline, once a second.

Its parts each read the tables and books for themselves, keep their own state, and say what has changed.
They know neither a clock nor what becomes of an alert.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.watch.alerts import Alert, State, Transition
from ingestor.watching.comparisons import Comparisons
from ingestor.watching.paths import PathWatch
from ingestor.watching.sockets import SocketWatch


class Watch:
    """The parts, as one: the comparisons of providers, the connections, and the source paths.

    A part has second(now_ns), which says what has changed, and alerts(), which another thread may ask for. Without
    connections, as in a replay, there are no `sockets`; what is dead there lies before the paths that it carries.
    """

    def __init__(self, comparisons: Comparisons, paths: PathWatch, sockets: SocketWatch | None = None) -> None:
        self.comparisons, self.paths, self.sockets = comparisons, paths, sockets
        self._others = (paths,) if sockets is None else (sockets, paths)

    def second(self, now_ns: int, part: int = 0, parts: int = 1) -> list[Transition]:
        """Look once a second, or `parts` times a second at a part of what there is; what has changed."""
        found: list[Transition] = self.comparisons.second(now_ns, part, parts)
        if part == 0:
            for other in self._others:
                found += other.second(now_ns)
        return found

    def prepare(self, aside: Any) -> None:
        """Make ready for the books of a pipeline that is still aside, in any thread."""
        self.comparisons.prepare(aside)

    def alerts(self) -> list[Alert]:
        """All that is pending, firing or clearing, with its evidence."""
        return [alert for part in (self.comparisons, *self._others) for alert in part.alerts()]

    def rollups(self) -> list[dict[str, Any]]:
        """PathWatch.rollups(), each with `worst`: the severity of the worst that fires about it, -1 for nothing."""
        firing = [alert for alert in self.alerts() if alert.state in (State.FIRING, State.CLEARING)]
        rows: list[dict[str, Any]] = self.paths.rollups()
        for row in rows:
            row["worst"] = max((int(alert.severity) for alert in firing if self._concerns(alert, row)), default=-1)
        return rows

    def worst(self) -> Mapping[str, int]:
        """By provider, the severity of the worst that fires about anything of it, -1 for nothing."""
        found = dict.fromkeys((row["provider"] for row in self.paths.rollups()), -1)
        for alert in self.alerts():
            if alert.state in (State.FIRING, State.CLEARING):
                for provider in alert.key.provider.split(","):
                    found[provider] = max(found.get(provider, -1), int(alert.severity))
        return found

    def untold(self) -> int:
        """Alerts that the last second had no room for."""
        return sum(int(part.untold) for part in self._others)

    def _concerns(self, alert: Alert, row: Mapping[str, Any]) -> bool:
        """Whether the alert is about the row's (provider, venue, data class), or about all of the provider."""
        key = alert.key
        if row["provider"] not in key.provider.split(",") or key.venue not in ("", row["venue"]):
            return False
        if key.instrument:
            return bool(self.paths.data_class(key.instrument) == row["data_class"])
        return not key.part or not key.venue or key.part == row["data_class"]
