"""The history of the Binance family: trades by id, ascending, at most a page a request.

    GET <root>/historicalTrades?symbol=BTCUSDT&fromId=28457&limit=500
    [{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
      "isBuyerMaker":true,"isBestMatch":true}]
    GET <root>/aggTrades?symbol=BTCUSDT&fromId=26129&limit=1000
    [{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]

Spot asks for no key since 2024; the futures' and Binance.US' historicalTrades want X-MBX-APIKEY, their
aggTrades nothing. Spot: weights 25 and 4 of 6000 a minute. USD-M and COIN-M: 20 and 20 of 2400, at most
500 trades; aggTrades with fromId. A share of the budget is used, as others may share the address.
Ids of futures trades that are none (`X` = `NA`) are not in it: never issued as trades. The page begins with the
record before the hole, which was received: where that is missing, the history has forgotten, and what it lacks
before its first row is no proof.
Sources: developers.binance.com binance-spot-api-docs rest-api/market-data-endpoints and derivatives
usds-margined-futures market-data rest-api Old-Trades-Lookup, read November 2026.
"""

from collections.abc import Sequence
from decimal import Decimal

from ingestor.providers.history import History, HistoryLimits, Missing, NoHistory, Page, Request, numbers, parsed
from ingestor.providers.session import as_text

AGGREGATES_MAX = 1000


class BinanceHistory(History):
    """`root` is the path of the API, `trades_max` the largest page of single trades, `keyed` whether they need one."""

    def __init__(self, url: str, root: str, trades_max: int, requests_per_second: float, *, keyed: bool) -> None:
        self.url = url
        self.limits = HistoryLimits(requests_per_second, burst=4.0)
        self._root = root
        self._trades_max = trades_max
        self._keyed = keyed

    def request(self, missing: Missing, key: str) -> Request:
        first, last = numbers(missing)
        single = missing.subscription.channel == "trade"
        if single and self._keyed and not key:
            raise NoHistory("historicalTrades needs an API key: set key_env of the provider")
        headers = (("X-MBX-APIKEY", key),) if single and key else ()
        return self._from(missing, first, last, headers)

    def _from(self, missing: Missing, first: int, last: int, headers: tuple[tuple[str, str], ...]) -> Request:
        single = missing.subscription.channel == "trade"
        limit = min(last - first + 2, self._trades_max if single else AGGREGATES_MAX)
        query = (("symbol", missing.subscription.symbol), ("fromId", str(first - 1)), ("limit", str(limit)))
        return Request(f"{self._root}/{'historicalTrades' if single else 'aggTrades'}", query, headers)

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        rows, asked, last = parsed(answer), dict(request.query), numbers(missing)[1]
        single, symbol = missing.subscription.channel == "trade", missing.subscription.symbol
        if not rows:
            return Page((), None)       # it does not know the record after the hole yet
        if single:
            frames = [as_text({"e": "trade", "s": symbol, "t": row["id"], "p": row["price"], "q": row["qty"],
                               "T": row["time"], "m": row["isBuyerMaker"]})
                      for row in rows if Decimal(row["qty"])]
            proven = (rows[0]["id"], rows[-1]["id"])
        else:
            frames = [as_text({"e": "aggTrade", "s": symbol, "a": row["a"], "p": row["p"], "q": row["q"], "f": row["f"],
                               "l": row["l"], "T": row["T"], "m": row["m"]}) for row in rows]
            proven = (rows[0]["a"], rows[-1]["a"])
        full = len(rows) >= int(asked["limit"])
        more = self._from(missing, proven[1] + 1, last, request.headers) if full and proven[1] < last else None
        return Page(tuple(frames), proven, more)
