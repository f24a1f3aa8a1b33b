"""Which connections are dead: not live and not back, or without frames against their own law.

Frames of any kind count, pings and heartbeats too: a connection that still hears those is alive, whatever its
markets do. One dead connection is one alert, and all of a provider are one together; what lies below (channels,
venues, instruments) is not told beside it. A connection whose other line carries the same is a warning.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from ingestor.settings.quality import QualitySettings
from ingestor.watch.alerts import Alert, Key, Severity, Transition
from ingestor.watch.stream import Stream
from ingestor.watching.tracker import Tracker

#: States of an open connection; one that subscribes for minutes within its provider's limits brings data already.
OPEN = ("SUBSCRIBING", "LIVE")
#: Ends that we chose (feeds.door.Reason): coming back may take so long.
PLANNED = ("age", "reconnect_requested", "repacked")
PLANNED_BACK_WITHIN_S = 5.0
#: Any other end is an alert at the next look but one, a second later.
BACK_WITHIN_S = 0.9

RULE = "socket"
UNSUBSCRIBED = "unsubscribed"
#: A subscription that is wanted and neither asked for nor refused for so long was forgotten; a big list within a
#: provider's limits takes less.
UNSUBSCRIBED_FOR_S = 60.0
#: How the lines of a redundant connection's name end.
LINES = {"/a": "/b", "/b": "/a"}
#: Looks further apart than this judge nothing: it was we who stood still.
LOOKS_APART_MAX_S = 1.5


class State(Protocol):
    """feeds.link.ConnectionState."""

    @property
    def name(self) -> str: ...


class Link(Protocol):
    """What is read of feeds.link.LinkStats."""

    @property
    def name(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def frames(self) -> int: ...
    @property
    def disconnects(self) -> Mapping[str, int]: ...
    @property
    def last_frame_ns(self) -> int: ...
    @property
    def last_error(self) -> str: ...
    @property
    def wanted(self) -> int: ...
    @property
    def active(self) -> int: ...


class Socket:
    """What is remembered of one connection."""

    def __init__(self, limits: QualitySettings) -> None:
        self.frames = Stream(
            p=limits.silence_p, times=1.0, shortest_s=limits.socket_min_s, longest_s=limits.silence_max_s,
            half_life_s=limits.norm_half_life_s)
        self.was_open = False
        self.since_ns = 0           # open, or away, since
        self.planned = 0            # ends that we chose
        self.dead_s = 0.0           # how long it has been without what it should have; 0: it is well
        self.limit_s = limits.socket_first_s    # what is allowed now
        self.dead_frames = 0        # that it had brought when it was last dead


class SocketWatch:
    """`links()` are the connections of all feeds by provider, taken anew each second; `paused()`: we read nothing.

    After second(), `down` names the dead connections as (provider, section, name), and `dead` the providers of
    which none is left.
    """

    def __init__(
        self, links: Callable[[], Mapping[str, Iterable[Link]]], limits: QualitySettings,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._links, self._limits, self._paused = links, limits, paused
        self._sockets: dict[tuple[str, str, str], Socket] = {}
        self._tracker = Tracker(alerts_max=limits.alerts_max, clear_after_s=limits.clear_after_s)
        self._looked_ns: int | None = None
        self.down: set[tuple[str, str, str]] = set()
        self.dead: set[str] = set()

    @property
    def untold(self) -> int:
        """Alerts that the last second had no room for."""
        return int(self._tracker.untold)

    def second(self, now_ns: int) -> list[Transition]:
        """Look once. What has changed."""
        apart_s = 0.0 if self._looked_ns is None else (now_ns - self._looked_ns) / 1e9
        self._looked_ns = now_ns
        self._tracker.begin(now_ns)
        known, self._sockets = self._sockets, {}
        self.down.clear()
        self.dead.clear()
        for provider, links in self._links().items():
            carrying = [link for link in links if link.wanted]
            for link in carrying:
                key = provider, link.section, link.name
                socket = self._sockets[key] = known.get(key) or Socket(self._limits)
                self._look(socket, link, apart_s, now_ns)
                if socket.dead_s:
                    self.down.add(key)
            self._tell(provider, carrying)
        changes: list[Transition] = self._tracker.end()
        return changes

    def alerts(self) -> list[Alert]:
        """All that is not quiet."""
        found: list[Alert] = self._tracker.alerts()
        return found

    def _look(self, socket: Socket, link: Link, apart_s: float, now_ns: int) -> None:
        is_open = link.state.name in OPEN
        judged = 0 < apart_s <= LOOKS_APART_MAX_S and not self._paused()
        if is_open != socket.was_open or not socket.since_ns:
            socket.since_ns = now_ns
        planned = sum(link.disconnects.get(reason, 0) for reason in PLANNED)
        if not is_open and (socket.was_open or planned > socket.planned):
            socket.limit_s = PLANNED_BACK_WITHIN_S if planned > socket.planned else BACK_WITHIN_S
        socket.was_open, socket.planned = is_open, planned
        socket.frames.second(link.frames, apart_s if judged and is_open else 0.0)
        if not judged:
            return      # what was dead stays it
        since_ns = socket.since_ns
        if is_open:
            socket.limit_s = socket.frames.limit_s()
            if socket.dead_s and link.frames == socket.dead_frames:
                since_ns, socket.limit_s = now_ns - int((socket.dead_s + apart_s) * 1e9), 0.0     # open, and still mute
            else:
                since_ns = max(since_ns, link.last_frame_ns)
        silent_s = (now_ns - since_ns) / 1e9
        socket.dead_s = silent_s if silent_s > socket.limit_s else 0.0
        socket.dead_frames = link.frames

    def _tell(self, provider: str, links: Collection[Link]) -> None:
        dead = [link for link in links if (provider, link.section, link.name) in self.down]
        if dead and len(dead) == len(links):
            self.dead.add(provider)
            self._find(Key(RULE, provider), Severity.CRITICAL, dead)
            return
        for link in dead:
            other = provider, link.section, link.name[:-2] + LINES.get(link.name[-2:], "")
            covered = other in self._sockets and other not in self.down and other[2] != link.name[:-2]
            self._find(Key(RULE, provider, part=link.name), Severity.WARNING if covered else Severity.CRITICAL, [link])
        for link in links:
            if link not in dead and link.active < link.wanted:
                self._tracker.find(
                    Key(UNSUBSCRIBED, provider, part=link.name), Severity.WARNING, float(link.active),
                    float(link.wanted), UNSUBSCRIBED_FOR_S,
                    lambda link=link: {"wanted": link.wanted, "active": link.active, "last_error": link.last_error})

    def _find(self, key: Key, severity: Severity, dead: Collection[Link]) -> None:
        """`dead` are connections of key.provider."""
        sockets = [self._sockets[key.provider, link.section, link.name] for link in dead]
        worst = max(sockets, key=lambda each: each.dead_s)

        def evidence() -> dict[str, Any]:
            return {"connections": {
                link.name: {
                    "state": link.state.name.lower(), "frames": link.frames, "last_frame_ns": link.last_frame_ns,
                    "wanted": link.wanted, "last_error": link.last_error}
                for link in dead}}

        self._tracker.find(key, severity, worst.dead_s, worst.limit_s, 0.0, evidence)
