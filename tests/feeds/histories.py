"""An exchange that numbers its trades, drops some on their way, and answers for its past, as four real ones do."""

import json
import random
from dataclasses import dataclass, field

from ingestor.feeds.fetch import FetchFault
from tests.markets import NOW, SECOND

MICROSECOND = 1000


@dataclass
class Trade:
    number: int
    ts_ns: int

    @property
    def price(self) -> str:
        return f"{100 + self.number % 7}.{self.number % 100:02}"


@dataclass
class Past:
    """The trades of one market, those that were never issued left out; what a page may hold; what goes wrong."""

    trades: dict[int, Trade] = field(default_factory=dict)
    page_max: int = 1000
    lag: int = 0                # the newest trades that the history does not know yet
    oldest: int = 0             # trades below are gone
    faults: list[FetchFault] = field(default_factory=list)      # the next answers
    asked: list = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    instead: bytes = b""        # what is answered, whatever is asked
    closed: bool = False

    def known(self) -> list[Trade]:
        numbers = sorted(number for number in self.trades if number >= self.oldest)
        return [self.trades[number] for number in numbers[:len(numbers) - self.lag or None]]

    def frame(self, dialect: str, number: int) -> bytes:
        """The live frame of a trade."""
        return FRAMES[dialect](self.trades[number])


@dataclass
class FakeFetch:
    """Answers as the dialect's history does."""

    dialect: str
    past: Past
    clock: object

    async def __call__(self, request):
        self.past.asked.append(request)
        self.past.at_s.append(self.clock())
        if self.past.faults:
            raise self.past.faults.pop(0)
        if self.past.instead:
            return (self.past.instead,)
        query = dict(request.query)
        return (json.dumps(ANSWERS[self.dialect](self.past, query)).encode(),)

    async def close(self):
        self.past.closed = True


def iso(ts_ns):
    return f"2026-08-12T19:29:{(ts_ns - NOW) / SECOND:09.6f}Z" if ts_ns - NOW < 31 * SECOND else "2026-08-12T19:30:00Z"


def binance_frame(trade):
    return json.dumps({"e": "trade", "E": 1, "s": "BTCUSD", "t": trade.number, "p": trade.price, "q": "1",
                       "T": trade.ts_ns // 1_000_000, "m": True}).encode()


def binance_answer(past, query):
    found = [trade for trade in past.known() if trade.number >= int(query["fromId"])]
    return [{"id": trade.number, "price": trade.price, "qty": "1", "quoteQty": "1", "time": trade.ts_ns // 1_000_000,
             "isBuyerMaker": True, "isBestMatch": True} for trade in found[:min(past.page_max, int(query["limit"]))]]


def coinbase_frame(trade):
    return json.dumps({"type": "match", "trade_id": trade.number, "side": "buy", "size": "1", "price": trade.price,
                       "product_id": "BTC-USD", "sequence": trade.number * 3, "time": iso(trade.ts_ns)}).encode()


def coinbase_answer(past, query):
    found = [trade for trade in past.known() if trade.number < int(query["after"])]
    return [{"trade_id": trade.number, "side": "buy", "size": "1", "price": trade.price, "time": iso(trade.ts_ns)}
            for trade in reversed(found[-min(past.page_max, int(query["limit"])):])]


def kraken_frame(trade):
    return json.dumps({"channel": "trade", "type": "update", "data": [{
        "symbol": "BTC/USD", "side": "buy", "price": float(trade.price), "qty": 1.0, "ord_type": "limit",
        "trade_id": trade.number, "timestamp": iso(trade.ts_ns)}]}).encode()


def kraken_answer(past, query):
    found = [trade for trade in past.known() if trade.ts_ns > int(query["since"])][:min(past.page_max, 1000)]
    rows = [[trade.price, "1", trade.ts_ns / 1e9, "b", "l", "", trade.number] for trade in found]
    return {"error": [], "result": {"BTC/USD": rows, "last": str(found[-1].ts_ns if found else query["since"])}}


def deribit_row(trade):
    return {"trade_seq": trade.number, "trade_id": str(trade.number + 10**6), "timestamp": trade.ts_ns // 1_000_000,
            "price": float(trade.price), "instrument_name": "BTC-PERPETUAL", "direction": "sell", "amount": 1e-05}


def deribit_frame(trade):
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": {
        "channel": "trades.BTC-PERPETUAL.100ms", "data": [deribit_row(trade)]}}).encode()


def deribit_answer(past, query):
    found = [trade for trade in past.known() if int(query["start_seq"]) <= trade.number <= int(query["end_seq"])]
    page = found[:min(past.page_max, int(query["count"]))]
    return {"jsonrpc": "2.0", "result": {"trades": [deribit_row(trade) for trade in page],
                                         "has_more": len(page) < len(found)}}


FRAMES = {"binance-spot": binance_frame, "coinbase-exchange": coinbase_frame, "kraken-v2": kraken_frame,
          "deribit": deribit_frame}
ANSWERS = {"binance-spot": binance_answer, "coinbase-exchange": coinbase_answer, "kraken-v2": kraken_answer,
           "deribit": deribit_answer}
SYMBOLS = {"binance-spot": "BTCUSD", "coinbase-exchange": "BTC-USD", "kraken-v2": "BTC/USD", "deribit": "BTC-PERPETUAL"}


def past_of(numbers, never_issued=()) -> Past:
    """A trade each millisecond."""
    return Past({number: Trade(number, NOW + number * 1_000_000) for number in numbers
                 if number not in set(never_issued)})


def journey(chance: random.Random, past: Past) -> tuple[list[int], set[int]]:
    """(numbers as they arrive, numbers that never do): ranges are dropped, some arrive late, some twice."""
    numbers = sorted(past.trades)
    dropped: set[int] = set()
    for _ in range(chance.randrange(1, 6)):
        start = chance.randrange(1, len(numbers) - 1)
        dropped |= set(numbers[start:min(start + chance.randrange(1, 40), len(numbers) - 1)])
    arriving = []
    for position, number in enumerate(numbers):
        late = number in dropped and chance.random() < 0.2
        if number not in dropped:
            arriving.append((position, number))
        elif late:
            arriving.append((position + chance.randrange(1, 15), number))
        if number not in dropped and chance.random() < 0.05:
            arriving.append((position + chance.randrange(0, 5), number))
    order = [number for _, number in sorted(arriving, key=lambda pair: pair[0])]
    return order, set(numbers) - set(order)
