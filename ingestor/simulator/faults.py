"""What goes wrong, on demand or by schedule: when each fault is on, and what it does to messages.

Bad frames are sent beside the good ones, never instead of them, so that nothing is lost by them and the
next good frame proves the client unharmed; only `drop` loses any. A message fault of duration 0 hits each
connection once; a longer one hits every EVERY-th message while it lasts. The vocabulary is FAULTS.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence

from ingestor.simulator.server import Compressed
from ingestor.simulator.spec import Fault
from ingestor.simulator.vocabulary import FAULTS

EVERY = 20
ONCE_LASTS_S = 1.0          # a message fault of duration 0 waits so long for each connection's next message
MARKET_LASTS_S = 10.0       # what goes wrong with a market, the line or the talk, without a duration
ACTIVE_MAX = 256            # at once: more than there are kinds and dialects

#: one message of a connection: the symbol it concerns, and its text
Message = tuple[str, bytes]


class Active:
    """A fault that is on. `struck` counts the messages of each connection, for those without a duration."""

    def __init__(self, fault: Fault, until_s: float) -> None:
        self.fault = fault
        self.target = fault.aim()
        self.until_s = until_s
        self.struck: Counter[int] = Counter()
        self.messages = 0


class Faults:
    """The faults of one simulator. `symbols` are those a message may name. Times in seconds since the start."""

    def __init__(self, schedule: Sequence[Fault], symbols: Sequence[str], seed: int) -> None:
        self._due = sorted(schedule, key=lambda fault: fault.at_s)
        self._symbols = sorted((symbol.encode() for symbol in symbols), key=len, reverse=True)
        self._rng = random.Random(seed)
        self.active: list[Active] = []
        self.counts: Counter[str] = Counter()

    def begin(self, now_s: float) -> tuple[list[Fault], bool]:
        """Start what is due and end what is over; what has just started, and whether one about a market is over."""
        over = [active for active in self.active if active.until_s <= now_s]
        if over:
            self.active = [active for active in self.active if active.until_s > now_s]
        started = []
        while self._due and self._due[0].at_s <= now_s:
            started.append(self._due.pop(0))
            self.inject(started[-1], now_s)
        return started, any(FAULTS[active.fault.kind].acts == "market" for active in over)

    def inject(self, fault: Fault, now_s: float) -> None:
        """Start a fault now, whatever its `at_s`. Beyond ACTIVE_MAX the oldest ends."""
        acts = FAULTS[fault.kind].acts
        lasts_s = fault.duration_s or (ONCE_LASTS_S if acts == "message" else MARKET_LASTS_S)
        self.active = [*self.active[-ACTIVE_MAX + 1:], Active(fault, now_s + lasts_s)]
        if acts != "message" or fault.kind == "silence":
            self.counts[fault.kind] += 1

    def clear(self) -> None:
        """End everything at the next begin(), and forget what was to come."""
        self._due.clear()
        for active in self.active:
            active.until_s = 0.0

    def find(self, kind: str, name: str, connection: int = 0, symbol: str = "") -> Fault | None:
        """The last fault of this kind that is on and concerns them all."""
        for active in reversed(self.active):
            if active.fault.kind == kind and active.target.concerns(name, connection, symbol):
                return active.fault
        return None

    def silences(self, name: str, connection: int = 0, symbol: str = "") -> bool:
        """Whether data of this symbol is withheld; without a symbol: everything that is said unasked."""
        return any(active.fault.kind == "silence" and active.target.concerns(name, connection, symbol)
                   and (symbol or not active.target.symbol) for active in self.active)

    def shape(self, name: str, connection: int, messages: list[Message]) -> list[bytes]:
        """The messages of one connection as they really go out."""
        for active in self.active:
            kind = active.fault.kind
            if FAULTS[kind].acts != "message" or kind == "silence" or not active.target.concerns(name, connection):
                continue
            symbol = active.target.symbol
            places = [place for place, message in enumerate(messages) if symbol in ("", message[0])]
            if active.fault.duration_s:
                active.messages, before = active.messages + len(places), active.messages
                places = [place for order, place in enumerate(places, before) if order % EVERY == 0]
            else:
                once = int(active.fault.amount) if kind == "drop" else 1
                places = places[:max(0, once - active.struck[connection])]
                if not places or (kind == "reorder" and places[0] + 1 == len(messages)):
                    continue
                active.struck[connection] += len(places)
            messages = self._shaped(active.fault, messages, set(places))
        return [payload for _, payload in messages]

    def _shaped(self, fault: Fault, messages: list[Message], places: set[int]) -> list[Message]:
        kind = fault.kind
        if kind == "reorder":
            place = min(places, default=len(messages))
            if place + 1 < len(messages):
                self.counts[kind] += 1
                messages = [*messages]
                messages[place], messages[place + 1] = messages[place + 1], messages[place]
            return messages
        self.counts[kind] += len(places)
        if kind == "drop":
            return [message for place, message in enumerate(messages) if place not in places]
        shaped = []
        for place, message in enumerate(messages):
            if place in places:
                shaped.append((message[0], SHAPES[kind](self, fault, message[1])))
            shaped.append(message)
        return shaped

    def _same(self, fault: Fault, payload: bytes) -> bytes:
        return payload

    def _truncated(self, fault: Fault, payload: bytes) -> bytes:
        return payload[:self._rng.randrange(1, max(2, len(payload)))]

    def _corrupted(self, fault: Fault, payload: bytes) -> bytes:
        """A bracket turned, so that it can't be taken for a good message; gRPC messages lose their tags."""
        turned = {b"}": b"]", b"]": b"}"}.get(payload[-1:])
        return payload[:-1] + turned if turned and payload[:1] in b"[{" else bytes(len(payload))

    def _oversized(self, fault: Fault, payload: bytes) -> bytes:
        return b'{"padding":"' + b"x" * max(0, int(fault.amount) - 14) + b'"}'

    def _renamed(self, fault: Fault, payload: bytes) -> bytes:
        """A symbol nobody has, as long as the one it replaces."""
        for symbol in self._symbols:
            if symbol in payload:
                return payload.replace(symbol, b"Z" * len(symbol))
        return payload

    def _garbage(self, fault: Fault, payload: bytes) -> bytes:
        """No JSON, no UTF-8, no protobuf message."""
        return b"\xff\xfe" + self._rng.randbytes(62)

    def _undeflatable(self, fault: Fault, payload: bytes) -> bytes:
        return Compressed(b"\xff" + payload)    # block type 3 is reserved (RFC 1951, 3.2.3)


SHAPES: dict[str, Callable[[Faults, Fault, bytes], bytes]] = {
    "duplicate": Faults._same, "truncate": Faults._truncated, "corrupt": Faults._corrupted,
    "oversize": Faults._oversized, "wrong_symbol": Faults._renamed, "garbage": Faults._garbage,
    "bad_deflate": Faults._undeflatable,
}
