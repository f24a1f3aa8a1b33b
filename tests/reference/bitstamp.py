"""bitstamp: the twin."""

from reference.dialect import CONTROL, Dialect
from reference.rules import SECOND, Record, an_object, epoch_time, first, is_absent, read_json, valid, word

MICROSECOND = 1000
TRADES = "live_trades_"


class Bitstamp(Dialect):
    dialect = "bitstamp"
    venue = "bitstamp"

    def read(self, frame: bytes) -> list[Record] | str:
        m = read_json(frame)
        if not isinstance(m, dict):
            return []
        event, channel = word(m.get("event")), word(m.get("channel"))
        if event.startswith("bts:"):
            return CONTROL
        if event != "trade" or not channel.startswith(TRADES) or "data" not in m:
            return []
        get = an_object(m["data"]).get
        side = valid(get("type")) if isinstance(get("type"), str) else ""
        ts = (epoch_time(get("timestamp"), SECOND) if is_absent(get("microtimestamp"))
              else epoch_time(get("microtimestamp"), MICROSECOND))
        return [self.trade(channel.removeprefix(TRADES), get("id"), {"0": "buy", "1": "sell"}.get(side, "unknown"),
                           first(get("price_str"), get("price")), first(get("amount_str"), get("amount")), ts)]
