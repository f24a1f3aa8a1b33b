"""The slow twin of unify/arbitration.pxd: lists instead of rings and chains, one loop instead of a hash."""

from dataclasses import dataclass, field

SECOND = 1_000_000_000
SETTLE_NS, APART_NS = 10 * SECOND, SECOND
ROOM, ROOM_MAX = 16, 16384


@dataclass
class Known:
    id: str | None
    values: tuple[float, float]
    event_ns: int
    first_ns: int
    side: str
    brought: set[str]
    live: bool
    open: bool = True           # not settled
    waiting: bool = True        # may be told by its values


@dataclass
class Line:
    """One connection: when something last came over it."""

    heard_ns: int = 0


@dataclass
class Member:
    line: Line | None = None
    since_ns: int = 0
    until_ns: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    delays_ns: list[int] = field(default_factory=list)

    def count(self, name: str, more: int = 1) -> None:
        if more:
            self.counts[name] = self.counts.get(name, 0) + more

    def was_there(self, at_ns: int) -> bool:
        if self.line is not None and at_ns >= self.since_ns:
            return self.line.heard_ns >= at_ns
        return self.until_ns is not None and at_ns <= self.until_ns


class Market:
    def __init__(self, providers: tuple[str, ...]) -> None:
        self.members = {name: Member() for name in providers}
        self.joined: set[str] = set()
        self.present: set[str] = set()
        self.known: list[Known] = []
        self.room = 0
        self.forgotten = 0

    def settle(self, now_ns: int) -> None:
        for each in self.known:
            if not each.open:
                continue
            if now_ns - each.first_ns < SETTLE_NS:
                return
            each.open = False
            for name in self.joined - each.brought if each.live else ():
                member = self.members[name]
                if member.was_there(each.first_ns):
                    member.count("missing")
                elif member.until_ns is not None or each.first_ns >= member.since_ns:
                    member.count("absent")

    def leave(self, name: str, line: Line) -> None:
        member = self.members[name]
        if member.line is line:
            member.until_ns, member.line = line.heard_ns, None
            self.present.discard(name)

    def make_room(self, live: bool) -> bool:
        compared = len(self.joined) > 1
        if len(self.known) < self.room:
            return True
        if self.room == 0 or self.known[0].open:
            if self.room == 0 or (live and compared and self.room < ROOM_MAX):
                self.room = self.room * 2 or ROOM
                return True
            if compared and not live:
                return False
            self.forgotten += compared
        self.known.pop(0)
        return True

    def find(self, name: str, id: str | None, values: tuple[float, float], event_ns: int) -> tuple[Known | None, bool]:
        for each in self.known:
            if id is not None and each.id == id:
                return each, True
        for each in self.known:
            if (each.waiting and each.values == values and name not in each.brought and (id is None or each.id is None)
                    and abs(each.event_ns - event_ns) <= APART_NS):
                return each, False
        return None, False

    def trade(self, name: str, line: Line, id: str | None, price: float, size: float, event_ns: int | None, side: str,
              now_ns: int, live: bool) -> bool:
        """Whether it is an echo."""
        member = self.members[name]
        self.settle(now_ns)
        if live:
            if member.line is not line:
                if member.line is not None:
                    member.until_ns = member.line.heard_ns
                member.line, member.since_ns = line, now_ns
            self.joined.add(name)
            self.present.add(name)
        event_ns = now_ns if event_ns is None else event_ns
        first, by_id = self.find(name, id, (price, size), event_ns)
        if first is None:
            if self.make_room(live):
                self.known.append(Known(id, (price, size), event_ns, now_ns, side, {name}, live))
            member.count("first", live)
            return False
        if name in first.brought:
            return False
        first.brought.add(name)
        first.id = first.id or id
        if self.present <= first.brought:
            first.waiting = False
        if by_id:
            member.count("price", first.values[0] != price)
            member.count("size", first.values[1] != size)
            member.count("side", side != first.side and "unknown" not in (side, first.side))
        if not live:
            return True
        if not first.live:
            first.live, first.first_ns = True, now_ns
            member.count("first")
            return True
        member.count("echoes" if first.open else "overdue")
        member.delays_ns.append(now_ns - first.first_ns)
        return True
