"""amberdata: the twin. What the channel map leaves open is decided in the dialect's docstring."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    MILLISECOND,
    SECOND,
    Malformed,
    Record,
    an_array,
    bounded,
    epoch_time,
    first,
    identity,
    integer,
    is_any,
    later,
    read_json,
    valid,
)

COLUMNS_MAX = 32


class Amberdata(Dialect):
    dialect = "amberdata"

    def reset(self) -> None:
        self.columns: dict[str, list[Any]] = {}     # by subscription

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        if "result" in m or "error" in m:
            return self.acknowledged(m)
        params = m.get("params")
        if not isinstance(params, dict) or "result" not in params:
            return []
        id, result = params.get("subscription"), params["result"]
        columns = self.columns.get(valid(id)) if type(id) is str else None
        if isinstance(result, dict):
            return self.row(result)
        found = []
        for row in an_array(result):
            if isinstance(row, list):
                found += [] if columns is None else self.row(self.by_name(columns, row))
            elif isinstance(row, dict):
                found += self.row(row)
            else:
                raise Malformed("a row is an array or an object")
        return found

    def acknowledged(self, m: dict[str, Any]) -> str:
        id, metadata = m.get("result"), m.get("metadata")
        if type(id) is str and isinstance(metadata, list):
            self.columns[valid(id)] = [valid(name) if type(name) is str else None for name in metadata][:COLUMNS_MAX]
        elif type(id) is str:
            valid(id)
        return CONTROL

    def by_name(self, columns: list[Any], row: list[Any]) -> dict[str, Any]:
        return {name: value for name, value in zip(columns, row, strict=False) if name is not None}

    def row(self, m: dict[str, Any]) -> list[Record]:
        if is_any(m, "tradeId isBuy"):
            found = [self.one_trade(m)]
        elif is_any(m, "bid bidVolume ask askVolume"):
            found = self.ticker(m)
        elif is_any(m, "open high low close"):
            ohlcv = tuple(m.get(key) for key in ["open", "high", "low", "close", "volume"])
            start = epoch_time(m.get("timestamp"), MILLISECOND)
            found = [self.bar(self.symbol(m), ohlcv, start, later(start, 60 * SECOND), None)]
        elif is_any(m, "fundingRate nextFundingTime"):
            found = self.reference(self.symbol(m), epoch_time(m.get("timestamp"), MILLISECOND),
                                   funding=m.get("fundingRate"), next_funding=m.get("nextFundingTime"))
        elif "value" in m:
            epoch_time(m.get("timestamp"), MILLISECOND)
            found = self.reference(self.symbol(m), None, open_interest=m["value"])
        else:
            return []
        return [{**record, "venue": identity(m.get("exchange")) or ""} for record in found]

    def symbol(self, m: dict[str, Any]) -> Any:
        return first(m.get("pair"), m.get("instrument"))

    def one_trade(self, m: dict[str, Any]) -> Record:
        side = "buy" if m.get("isBuy") is True else "sell" if m.get("isBuy") is False else "unknown"
        return self.trade(self.symbol(m), m.get("tradeId"), side, m.get("price"), m.get("volume"),
                          self.time(m, "timestamp"))

    def ticker(self, m: dict[str, Any]) -> list[Record]:
        ts, seq = self.time(m, "exchangeTimestamp"), m.get("sequence")
        epoch_time(m.get("timestamp"), MILLISECOND)
        bid, ask = ((m.get(key), m.get(f"{key}Volume")) for key in ("bid", "ask"))
        quote = self.quote(self.symbol(m), bid, ask, ts, seq)
        return [quote, *self.reference(self.symbol(m), ts, seq, mark=m.get("markPrice"))]

    def time(self, m: dict[str, Any], key: str) -> int | None:
        """Milliseconds, and the nanoseconds within the millisecond."""
        whole, rest = epoch_time(m.get(key), MILLISECOND), integer(m.get(f"{key}Nanoseconds")) or 0
        if not 0 <= rest < MILLISECOND:
            raise Malformed("no such nanoseconds")
        return None if whole is None else bounded(whole + rest)
