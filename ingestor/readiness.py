"""What counts as ready: the conditions that /readyz names.

Readiness steers rollouts, so it must not fall when a thing outside breaks that every shard shares: a
broker that is away would freeze the rollout that repairs it. The sink therefore decides until it was
ready once; later outages are shown, and decide nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

#: Of the wanted subscriptions, so many must flow: one provider away of two is still worth serving.
ACTIVE_SHARE_MIN = 0.5


class State(Protocol):
    """feeds.link.ConnectionState."""

    @property
    def name(self) -> str: ...


class Link(Protocol):
    """What readiness reads of feeds.link.LinkStats."""

    @property
    def state(self) -> State: ...
    @property
    def wanted(self) -> int: ...
    @property
    def active(self) -> int: ...


class Readiness:
    """Call it for (is ready, conditions by name); each condition has ok, decides, reason.

    pipeline() says whether it is built and the feeds know what to subscribe to; sink() whether it is
    ready, and what is wrong; links() are the connections of all feeds by provider; reference() says whether
    what the source of the reference data says is in force. Any thread may call.
    """

    def __init__(
        self, *, pipeline: Callable[[], bool], sink: Callable[[], tuple[bool, str]],
        links: Callable[[], Mapping[str, Iterable[Link]]],
        reference: Callable[[], tuple[bool, str]] = lambda: (True, ""), active_share_min: float = ACTIVE_SHARE_MIN,
    ) -> None:
        self._pipeline = pipeline
        self._sink = sink
        self._links = links
        self._reference = reference
        self._active_share_min = active_share_min
        self._sink_was_ready = False

    def __call__(self) -> tuple[bool, dict[str, dict[str, Any]]]:
        built = self._pipeline()
        sink_ready, why_not = self._sink()
        flowing, how_many = self._feeds()
        current, why_old = self._reference()
        conditions: dict[str, dict[str, Any]] = {
            "pipeline": {"ok": built, "decides": True, "reason": "" if built else "not built yet"},
            "sink": {
                "ok": sink_ready, "decides": not self._sink_was_ready,
                "reason": why_not or ("" if sink_ready else "not ready")},
            "feeds": {"ok": flowing, "decides": True, "reason": how_many},
            "reference": {"ok": current, "decides": False, "reason": why_old},
        }
        self._sink_was_ready = self._sink_was_ready or sink_ready
        return all(each["ok"] for each in conditions.values() if each["decides"]), conditions

    def _feeds(self) -> tuple[bool, str]:
        links = [link for links in self._links().values() for link in links]
        wanted = sum(link.wanted for link in links)
        active = sum(link.active for link in links)
        live = sum(link.state.name == "LIVE" for link in links)
        if wanted == 0:
            return True, "no subscriptions are wanted"
        return live > 0 and active >= self._active_share_min * wanted, (
            f"{live} of {len(links)} connections live, {active} of {wanted} subscriptions active, "
            f"at least {self._active_share_min:.0%} must be")
