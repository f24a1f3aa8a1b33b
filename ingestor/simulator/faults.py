"""What goes wrong on the line, on demand or by schedule: bad frames, duplicates, silence, cut lines.

Bad frames are sent beside the good ones, never instead of them, so that nothing is lost by them and the
next good frame proves the client unharmed. A fault of duration 0 hits each connection once; a longer one
hits every EVERY-th message while it lasts. Silence withholds data and heartbeats; pings are answered.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence

from ingestor.simulator.spec import LINE_FAULTS, Fault

EVERY = 20
OVERSIZE_BYTES = (16 << 20) + 1     # one byte more than a door hands on (FRAME_BYTES_MAX)
ONCE_LASTS_S = 1.0                  # a fault of duration 0 waits so long for each connection's next message

Broken = Callable[["Faults", bytes], bytes]


class Active:
    """A fault that is on. `hit` holds the connections that have had it, for those that strike once."""

    def __init__(self, fault: Fault, until_s: float) -> None:
        self.fault = fault
        self.until_s = until_s
        self.hit: set[int] = set()
        self.messages = 0


class Faults:
    """The line faults of one simulator. `symbols` are those a message may name. Times in seconds since the start."""

    def __init__(self, schedule: Sequence[Fault], symbols: Sequence[str], seed: int) -> None:
        self._due = sorted((fault for fault in schedule if fault.kind in LINE_FAULTS), key=lambda fault: fault.at_s)
        self._symbols = sorted((symbol.encode() for symbol in symbols), key=len, reverse=True)
        self._rng = random.Random(seed)
        self.active: list[Active] = []
        self.counts: Counter[str] = Counter()

    def begin(self, now_s: float) -> list[Fault]:
        """Start what is due and end what is over; returns what has just started."""
        self.active = [active for active in self.active if active.until_s > now_s]
        started = []
        while self._due and self._due[0].at_s <= now_s:
            started.append(self._due.pop(0))
            self.inject(started[-1], now_s)
        return started

    def inject(self, fault: Fault, now_s: float) -> None:
        """Start a fault now, whatever its `at_s`."""
        self.active.append(Active(fault, now_s + (fault.duration_s or ONCE_LASTS_S)))

    def is_on(self, kind: str, dialect: str) -> bool:
        return any(each.fault.kind == kind and each.fault.target in ("", dialect) for each in self.active)

    def shape(self, dialect: str, connection: int, payloads: list[bytes]) -> list[bytes]:
        """The messages of one connection as they really go out."""
        for active in self.active:
            kind = active.fault.kind
            if active.fault.target not in ("", dialect) or kind not in SHAPES or not payloads:
                continue
            if active.fault.duration_s == 0:
                if connection in active.hit or (kind == "reorder" and len(payloads) < 2):
                    continue
                active.hit.add(connection)
                places = {0}
            else:
                places = {place for place in range(len(payloads)) if (active.messages + place) % EVERY == 0}
                active.messages += len(payloads)
            payloads = self._shaped(kind, payloads, places)
        return payloads

    def _shaped(self, kind: str, payloads: list[bytes], places: set[int]) -> list[bytes]:
        if kind == "reorder":
            if len(payloads) > 1 and places:
                self.counts[kind] += 1
                payloads = [payloads[1], payloads[0], *payloads[2:]]
            return payloads
        shaped = []
        for place, payload in enumerate(payloads):
            if place in places:
                self.counts[kind] += 1
                shaped.append(SHAPES[kind](self, payload))
            shaped.append(payload)
        return shaped

    def _same(self, payload: bytes) -> bytes:
        return payload

    def _truncated(self, payload: bytes) -> bytes:
        return payload[:self._rng.randrange(1, max(2, len(payload)))]

    def _corrupted(self, payload: bytes) -> bytes:
        """A bracket turned, so that it can't be taken for a good message; gRPC messages lose their tags."""
        return payload[:-1] + b"]" if payload.endswith(b"}") and payload.startswith(b"{") else bytes(len(payload))

    def _oversized(self, payload: bytes) -> bytes:
        return b'{"padding":"' + b"x" * (OVERSIZE_BYTES - 14) + b'"}'

    def _renamed(self, payload: bytes) -> bytes:
        """A symbol nobody has, as long as the one it replaces."""
        for symbol in self._symbols:
            if symbol in payload:
                return payload.replace(symbol, b"Z" * len(symbol))
        return payload

    def _garbage(self, payload: bytes) -> bytes:
        """No JSON, no UTF-8, no protobuf message."""
        return b"\xff\xfe" + self._rng.randbytes(62)


#: faults that act on messages; close and cut act on connections, silence on delivery
SHAPES: dict[str, Broken] = {
    "duplicate": Faults._same, "reorder": Faults._same, "truncate": Faults._truncated, "corrupt": Faults._corrupted,
    "oversize": Faults._oversized, "wrong_symbol": Faults._renamed, "garbage": Faults._garbage,
}
