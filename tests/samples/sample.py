"""A frame written from the format reference, and the records it must yield, digit for digit."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Record = dict[str, Any]


class Sample(NamedTuple):
    name: str
    frame: bytes
    status: str             # of the decoder: "decoded", "ignored", "control" or the reason it is malformed
    records: list[Record]
    before: tuple[bytes, ...] = ()      # what came earlier on the connection


class Samples(list[Sample]):
    """The samples of one dialect, with short words for its records."""

    def __init__(self, dialect: str, venue: str) -> None:
        super().__init__()
        self.dialect, self.venue = dialect, venue

    def yields(self, name: str, frame: str | bytes, *records: Record, before: Sequence[str] = ()) -> None:
        self.append(Sample(name, as_bytes(frame), "decoded", list(records), tuple(map(as_bytes, before))))

    def nothing(self, name: str, frame: str | bytes, status: str = "ignored", before: Sequence[str] = ()) -> None:
        self.append(Sample(name, as_bytes(frame), status, [], tuple(map(as_bytes, before))))

    def record(self, kind: str, symbol: str, ts: int | None, seq: int | None, snapshot: bool, venue: str | None,
               **values: Any) -> Record:
        return {"kind": kind, "provider": self.dialect, "venue": self.venue if venue is None else venue,
                "symbol": symbol, "instrument": None, "ts_event_ns": ts, "ts_recv_ns": 0, "seq": seq,
                "snapshot": snapshot, **values}

    def trade(self, symbol: str, id: str | None, side: str, price: str, size: str, ts: int | None,
              seq: int | None = None, *, snapshot: bool = False, venue: str | None = None) -> Record:
        return self.record("trade", symbol, ts, seq, snapshot, venue, id=id, side=side, price=price, size=size)

    def quote(self, symbol: str, bid: str | None, bid_size: str | None, ask: str | None, ask_size: str | None,
              ts: int | None, seq: int | None = None, *, snapshot: bool = False, venue: str | None = None) -> Record:
        return self.record("quote", symbol, ts, seq, snapshot, venue, bid=bid, bid_size=bid_size, ask=ask,
                           ask_size=ask_size)

    def reference(self, symbol: str, ts: int | None, seq: int | None = None, *, snapshot: bool = False,
                  **values: str | int) -> Record:
        return self.record("reference", symbol, ts, seq, snapshot, None, **values)

    def bar(self, symbol: str, ohlcv: str, start: int | None, end: int | None, ts: int | None, *,
            vwap: str | None = None, count: int | None = None, seq: int | None = None, snapshot: bool = False,
            venue: str | None = None) -> Record:
        values = dict(zip(("open", "high", "low", "close", "volume"), ohlcv.split(), strict=True))
        absent = {key: None if value == "-" else value for key, value in values.items()}
        return self.record("bar", symbol, ts, seq, snapshot, venue, **absent, vwap=vwap, count=count, start_ns=start,
                           end_ns=end)


def as_bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def ms(milliseconds: int) -> int:
    return milliseconds * 10**6
