"""coindesk: the twin. What the channel map leaves open is decided in the dialect's docstring."""

from reference.dialect import CONTROL, Dialect
from reference.rules import (
    SECOND,
    Malformed,
    Record,
    bounded,
    epoch_time,
    identity,
    integer,
    is_absent,
    read_json,
    word,
)

INDICES = ("1101", "266", "985", "987")
OF_CONCERN = ("4001", "4002", "4003", "4004", "4005", "4006", "4008", "4011", "4012")


class Coindesk(Dialect):
    dialect = "coindesk"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        kind = word(m.get("TYPE")) if isinstance(m, dict) else ""
        if kind not in INDICES:
            return CONTROL if kind in OF_CONCERN else []
        if is_absent(m.get("VALUE")):
            return []
        whole, rest = epoch_time(m.get("VALUE_LAST_UPDATE_TS"), SECOND), integer(m.get("VALUE_LAST_UPDATE_TS_NS")) or 0
        if not 0 <= rest < SECOND:
            raise Malformed("no such nanoseconds")
        ts = None if whole is None else bounded(whole + rest)
        [record] = self.reference(m.get("INSTRUMENT"), ts, m.get("CCSEQ"), index=m["VALUE"])
        return [{**record, "venue": identity(m.get("MARKET")) or ""}]
