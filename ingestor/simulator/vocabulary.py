"""The faults a simulator knows: one name each, what it does, and what its value means.

Everything that takes or prints a fault reads this table: the command, the control endpoint, the tests.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple


class FaultKind(NamedTuple):
    """`acts` on a market's data, on messages, on the line or on the talk; see simulator.py and faults.py."""

    acts: Literal["market", "message", "line", "talk"]
    what: str
    value: float = 0.0      # the default; 0 and no unit: it takes none
    unit: str = ""


FAULTS = {
    "stuck": FaultKind("market", "goes on quoting the price it has"),
    "off": FaultKind("market", "quotes and trades away from the others", 6.0, "percent"),
    "quiet": FaultKind("market", "says nothing"),
    "wide": FaultKind("market", "a spread of 2.5 percent"),
    "crossed": FaultKind("market", "bids more than it asks"),
    "clock": FaultKind("market", "its times are ahead, or behind", 30.0, "seconds"),
    "reset": FaultKind("market", "ids and sequences begin again at 1"),
    "silence": FaultKind("message", "no data and no heartbeat; pings and requests are answered"),
    "drop": FaultKind("message", "messages get lost; the history has them", 5.0, "messages"),
    "duplicate": FaultKind("message", "a message comes twice"),
    "reorder": FaultKind("message", "two messages change places"),
    "truncate": FaultKind("message", "a message is cut, its frame is whole"),
    "corrupt": FaultKind("message", "a wrong bracket"),
    "oversize": FaultKind("message", "16 MiB and a byte", float((16 << 20) + 1), "bytes"),
    "wrong_symbol": FaultKind("message", "a symbol nobody asked for"),
    "garbage": FaultKind("message", "neither JSON nor UTF-8"),
    "bad_deflate": FaultKind("message", "marked as compressed, and is not"),
    "close": FaultKind("line", "goodbye to all at once; a duration is an outage", 1001.0, "close code"),
    "cut": FaultKind("line", "the line breaks in the middle of a frame"),
    "drip": FaultKind("line", "everything leaves slowly, byte by byte", 200.0, "bytes a second"),
    "refuse": FaultKind("talk", "what is asked for is unknown"),
    "no_ack": FaultKind("talk", "requests are heeded, and not answered"),
    "slow_ack": FaultKind("talk", "requests are heeded and answered late", 2.0, "seconds"),
    "no_heartbeat": FaultKind("talk", "neither heartbeats nor pings"),
    "rate_limit": FaultKind("talk", "upgrades, requests and history are refused as too many", 429.0, "status"),
}


def lines() -> Iterator[str]:
    """The table as text; the command's help has it."""
    for name, kind in FAULTS.items():
        value = f" [{kind.value:.0f} {kind.unit}]" if kind.unit else ""
        yield f"{name:13} {kind.what}{value}"
