"""binance-spot, binance-usdm, binance-coinm, binance-us: the twin."""

from typing import Any

from reference.dialect import CONTROL, Dialect
from reference.rules import MILLISECOND, Record, an_object, epoch_time, first, is_any, later, read_json, word


def time_of(*values: Any) -> int | None:
    return epoch_time(first(*values), MILLISECOND)


class Binance(Dialect):
    dialect = "binance-spot"
    venue = "binance"

    def read(self, frame: bytes) -> list[Record] | str:
        message = read_json(frame)
        if isinstance(message, dict) and "stream" in message:
            message = message.get("data")
            control = False
        else:
            control = isinstance(message, dict) and is_any(message, "result error id code")
        payloads = message if isinstance(message, list) else [message]
        found = [record for payload in payloads if isinstance(payload, dict) for record in self.payload(payload)]
        if not found and (control or any(isinstance(each, dict) and each.get("e") == "serverShutdown"
                                         for each in payloads)):
            return CONTROL
        return found

    def payload(self, m: dict[str, Any]) -> list[Record]:
        get, kind = m.get, word(m.get("e"))
        if m.get("e") is None and all(key in m for key in "usbBaA") and not isinstance(m["b"], list | dict):
            kind = "bookTicker"
        if kind in ("trade", "aggTrade"):
            if word(get("X")) == "NA":
                return []
            id = get("t" if kind == "trade" else "a")
            side = {True: "sell", False: "buy"}.get(get("m"), "unknown") if isinstance(get("m"), bool) else "unknown"
            return [self.trade(get("s"), id, side, get("p"), get("q"), time_of(get("T"), get("E")), seq=id)]
        if kind == "bookTicker":
            return [self.quote(get("s"), (get("b"), get("B")), (get("a"), get("A")), time_of(get("T"), get("E")),
                               seq=get("u"))]
        if kind == "24hrTicker" and is_any(m, "b a"):
            return [self.quote(get("s"), (get("b"), get("B")), (get("a"), get("A")), time_of(get("E")))]
        if kind == "markPriceUpdate":
            return self.reference(get("s"), time_of(get("E")), mark=get("p"), index=get("i"), funding=get("r"),
                                  next_funding=get("T"))
        if kind == "indexPriceUpdate":
            return self.reference(get("i"), time_of(get("E")), index=get("p"))
        if kind == "kline":
            k = an_object(get("k")).get
            return [self.bar(get("s"), (k("o"), k("h"), k("l"), k("c"), k("v")), time_of(k("t")),
                             later(time_of(k("T")), MILLISECOND), time_of(get("E")), count=k("n"))]
        return []


class BinanceUsdm(Binance):
    dialect = "binance-usdm"


class BinanceCoinm(Binance):
    dialect = "binance-coinm"


class BinanceUs(Binance):
    dialect = "binance-us"
    venue = "binance-us"
