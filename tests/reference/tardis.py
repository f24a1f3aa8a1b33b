"""tardis: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    Malformed,
    Record,
    an_array,
    an_object,
    decimal,
    identity,
    integer,
    is_any,
    iso_time,
    read_json,
    taker,
    word,
)

SIDES = (("bestBidPrice", "bestBidAmount"), ("bestAskPrice", "bestAskAmount"))


class Tardis(Dialect):
    dialect = "tardis"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        match word(m.get("type")):
            case "trade":
                found = [self.trade(m.get("symbol"), m.get("id"), taker(m.get("side")), m.get("price"),
                                    m.get("amount"), iso_time(m.get("timestamp")))]
            case "book_ticker":
                found = [self.two_sided(m, (("bidPrice", "bidAmount"), ("askPrice", "askAmount")))]
            case "book_snapshot":
                found = self.snapshot(m)
            case "derivative_ticker":
                found = self.mark(m, index=m.get("indexPrice"), funding=m.get("fundingRate"))
                if (at := iso_time(m.get("fundingTimestamp"))) is not None:
                    empty = self.record("reference", m.get("symbol"), iso_time(m.get("timestamp")), None, False)
                    found = [{**(found or [empty])[0], "next_funding_ns": at}]
            case "option_summary":
                found = [self.two_sided(m, SIDES)] if is_any(m, " ".join(map(" ".join, SIDES))) else []
                found += self.mark(m)
            case "trade_bar":
                ohlcv = tuple(m.get(key) for key in ["open", "high", "low", "close", "volume"])
                found = [self.bar(m.get("symbol"), ohlcv, iso_time(m.get("openTimestamp")),
                                  iso_time(m.get("closeTimestamp")), iso_time(m.get("timestamp")), m.get("vwap"),
                                  m.get("trades"))]
            case "error":
                return CONTROL
            case _:
                return []
        for record in found:
            record["venue"] = identity(m.get("exchange")) or ""
        return found

    def two_sided(self, m: dict[str, Any], keys: tuple[tuple[str, str], tuple[str, str]]) -> Record:
        bid, ask = ((m.get(price), m.get(size)) for price, size in keys)
        return self.quote(m.get("symbol"), bid, ask, iso_time(m.get("timestamp")))

    def snapshot(self, m: dict[str, Any]) -> list[Record]:
        if (integer(m.get("depth")) or 0) != 1:
            return []
        bid, ask = (self.best(m.get(side)) for side in ("bids", "asks"))
        return [self.quote(m.get("symbol"), bid, ask, iso_time(m.get("timestamp")))]

    def best(self, levels: Any) -> tuple[Any, Any]:
        if isinstance(levels, dict):
            raise Malformed("no array of levels")
        for level in [] if levels is None else an_array(levels):
            return an_object(level).get("price"), an_object(level).get("amount")
        return None, None

    def mark(self, m: dict[str, Any], **values: Any) -> list[Record]:
        decimal(m.get("openInterest"))
        return self.reference(m.get("symbol"), iso_time(m.get("timestamp")), mark=m.get("markPrice"), **values,
                              open_interest=m.get("openInterest"))
