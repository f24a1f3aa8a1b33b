"""cryptocompare: the twin. What the channel map leaves open is decided in the dialect's docstring."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Malformed,
    Record,
    an_array,
    an_object,
    bounded,
    decimal,
    epoch_time,
    identity,
    integer,
    is_any,
    later,
    name,
    read_json,
    side_of,
    word,
)

UNITS = {"m": 60 * SECOND, "H": 3600 * SECOND, "D": 86400 * SECOND}


class Cryptocompare(Dialect):
    dialect = "cryptocompare"

    def reset(self) -> None:
        self.replays: dict[str, int] = {}       # subscriptions of trades: how many of them may still be the replay's

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        match word(m.get("TYPE")):
            case "0":
                return [self.one_trade(m)]
            case "30":
                return [self.top_of_book(m)]
            case "2":
                return self.ticker(m)
            case "5":
                return self.index(m)
            case "24":
                return [self.candle(m)]
            case "16":
                self.replays.setdefault(word(m.get("SUB")), 20)
                return CONTROL
            case "17":
                self.replays.pop(word(m.get("SUB")), None)
                return CONTROL
            case "3":
                self.replays = dict.fromkeys(self.replays, 0)
            case "401" | "429" | "500":
                return CONTROL
        return []

    def named(self, record: Record, m: dict[str, Any], keys: str) -> Record:
        """The record with its pair and its venue."""
        market, base, quote = keys.split()
        return {**record, "symbol": f"{name(m.get(base))}~{name(m.get(quote))}", "venue": identity(m.get(market)) or ""}

    def one_trade(self, m: dict[str, Any]) -> Record:
        flags = integer(m.get("F")) or 0
        record = self.trade("?", m.get("ID"), {1: "sell", 2: "buy"}.get(flags & 3, "unknown"), m.get("P"), m.get("Q"),
                            self.time(m, "TS"), m.get("CCSEQ"))
        self.time(m, "RTS")
        record = self.named(record, m, "M FSYM TSYM")
        sub = f"0~{record['venue']}~{record['symbol']}"
        left = self.replays.get(sub, 0)
        if left:
            self.replays[sub] = left - 1
        return {**record, "snapshot": left > 0}

    def time(self, m: dict[str, Any], key: str) -> int | None:
        """Seconds, and the nanoseconds within the second."""
        whole, rest = epoch_time(m.get(key), SECOND), integer(m.get(f"{key}NS")) or 0
        if not 0 <= rest < SECOND:
            raise Malformed("no such nanoseconds")
        return None if whole is None else bounded(whole + rest)

    def top_of_book(self, m: dict[str, Any]) -> Record:
        bid, bid_ns = self.side(m.get("BID"))
        ask, ask_ns = self.side(m.get("ASK"))
        record = self.quote("?", bid, ask, max(bid_ns or 0, ask_ns or 0) or None, m.get("CCSEQ"))
        return self.named(record, m, "M FSYM TSYM")

    def side(self, levels: Any) -> tuple[tuple[Any, Any], int | None]:
        if isinstance(levels, dict):
            raise Malformed("no array of levels")
        for level in [] if levels is None else an_array(levels):
            an_object(level)
            return (level.get("P"), level.get("Q")), epoch_time(level.get("REPORTEDNS"), 1)
        return (None, None), None

    def ticker(self, m: dict[str, Any]) -> list[Record]:
        if not is_any(m, "BID ASK"):
            return []
        bid, ask = ((m.get(key), None) for key in ("BID", "ASK"))
        side_of(*bid), side_of(*ask)
        return [self.named(self.quote("?", bid, ask, epoch_time(m.get("LASTUPDATE"), SECOND)), m, MARKET)]

    def index(self, m: dict[str, Any]) -> list[Record]:
        if decimal(m.get("PRICE")) is None:
            return []
        found = self.reference("?", epoch_time(m.get("LASTUPDATE"), SECOND), index=m.get("PRICE"))
        return [self.named(record, m, MARKET) for record in found]

    def candle(self, m: dict[str, Any]) -> Record:
        ohlcv = tuple(m.get(key) for key in ["OPEN", "HIGH", "LOW", "CLOSE", "VOLUMEFROM"])
        start = epoch_time(m.get("TS"), SECOND)
        record = self.bar("?", ohlcv, start, later(start, UNITS.get(word(m.get("UNIT")))), None)
        return self.named(record, m, MARKET)


MARKET = "MARKET FROMSYMBOL TOSYMBOL"
