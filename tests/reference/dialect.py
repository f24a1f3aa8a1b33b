"""What the twins share: a connection's state, and the shape of a record (the FIXED NDJSON form)."""

from typing import Any

from reference.rules import (
    MILLISECOND,
    Malformed,
    Record,
    decimal,
    epoch_time,
    identity,
    integer,
    name,
    needed_decimal,
    side_of,
)

CONTROL = "control"


class Dialect:
    """One connection. `decode` gives a status class (decoded, ignored, control, malformed) and the records."""

    dialect = ""
    venue = ""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the connection's state."""

    def decode(self, frame: bytes, recv_ns: int = 0) -> tuple[str, list[Record]]:
        try:
            found = self.read(frame)
        except Malformed:
            return "malformed", []
        if isinstance(found, str):
            return found, []
        for record in found:
            record["ts_recv_ns"] = recv_ns
        return ("decoded" if found else "ignored"), found

    def read(self, frame: bytes) -> list[Record] | str:
        """The records, or CONTROL. Raises Malformed."""
        raise NotImplementedError

    def record(self, kind: str, symbol: Any, ts: int | None, seq: int | None, snapshot: bool, **values: Any) -> Record:
        return {"kind": kind, "provider": self.dialect, "venue": self.venue, "symbol": name(symbol), "instrument": None,
                "ts_event_ns": ts, "ts_recv_ns": 0, "seq": seq, "snapshot": snapshot, **values}

    def trade(self, symbol: Any, id: Any, side: str, price: Any, size: Any, ts: int | None, seq: Any = None,
              snapshot: bool = False) -> Record:
        return self.record("trade", symbol, ts, integer(seq), snapshot, id=identity(id), side=side,
                           price=needed_decimal(price), size=needed_decimal(size))

    def quote(self, symbol: Any, bid: tuple[Any, Any], ask: tuple[Any, Any], ts: int | None, seq: Any = None,
              snapshot: bool = False) -> Record:
        bid, ask = side_of(*bid), side_of(*ask)
        return self.record("quote", symbol, ts, integer(seq), snapshot, bid=bid[0], bid_size=bid[1], ask=ask[0],
                           ask_size=ask[1])

    def reference(self, symbol: Any, ts: int | None, seq: Any = None, snapshot: bool = False,
                  next_funding: Any = None, **values: Any) -> list[Record]:
        """One record, or none when it would say nothing."""
        present = {key: number for key, value in values.items() if (number := decimal(value)) is not None}
        if (at := epoch_time(next_funding, MILLISECOND)) is not None:
            present["next_funding_ns"] = at
        number = integer(seq)
        return [self.record("reference", symbol, ts, number, snapshot, **present)] if present else []

    def bar(self, symbol: Any, ohlcv: tuple[Any, ...], start: int | None, end: int | None, ts: int | None,
            vwap: Any = None, count: Any = None, seq: Any = None, snapshot: bool = False) -> Record:
        values = {key: decimal(value) for key, value in
                  zip(("open", "high", "low", "close", "volume"), ohlcv, strict=True)}
        return self.record("bar", symbol, ts, integer(seq), snapshot, **values, vwap=decimal(vwap),
                           count=integer(count), start_ns=start, end_ns=end)
