"""The history of Kraken spot: trades from a time on, ascending, a thousand a request.

    GET /0/public/Trades?pair=BTC/USD&since=1688669597000000000&count=1000&assetVersion=1
    {"error":[],"result":{"BTC/USD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]],
     "last":"1688671969993150842"}}

A row is price, size, time in seconds, side (b or s, the taker's), order type (m or l), nothing, trade id. Ids rise by
one a trade of a pair, so that rows from before the hole to behind it prove what is not among them. `last` is the
`since` of the next page. Errors come with status 200 and words. About a request a second an address and pair.
Sources: docs.kraken.com/api-reference/market-data/get-recent-trades; support.kraken.com articles 218198197
(since, ns) and 206548367 (limits), read November 2026.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ingestor.providers.history import History, HistoryLimits, Missing, NoHistory, Page, Request, numbers, parsed
from ingestor.providers.session import as_text

PAGE_MAX = 1000
#: The live stream cuts times to a microsecond: the record before the hole may be so much later than it said.
MARGIN_NS = 1000
SIDES = {"b": "buy", "s": "sell"}


class KrakenHistory(History):
    """Trades since the last one before the hole."""

    url = "https://api.kraken.com"
    limits = HistoryLimits(0.8)

    def request(self, missing: Missing, key: str) -> Request:
        if missing.from_ns is None:
            raise NoHistory("the history is asked by time, and the record before the hole has none")
        return self._since(missing, str(missing.from_ns - MARGIN_NS))

    def _since(self, missing: Missing, since: str) -> Request:
        return Request("/0/public/Trades", (
            ("pair", missing.subscription.symbol), ("since", since), ("count", str(PAGE_MAX)), ("assetVersion", "1")))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        message = parsed(answer)
        if message["error"]:
            raise ValueError("; ".join(message["error"]))
        [rows] = [rows for name, rows in message["result"].items() if name != "last"]
        if not rows:
            return Page((), None)
        data = [self._row(missing.subscription.symbol, *row) for row in rows]
        frame = as_text({"channel": "trade", "type": "update", "data": data})
        proven = (rows[0][6], rows[-1][6])
        more = len(rows) >= PAGE_MAX and proven[1] < numbers(missing)[1]
        return Page((frame,), proven, self._since(missing, str(message["result"]["last"])) if more else None)

    def _row(self, symbol: str, price: str, size: str, seconds: str | int, side: str, kind: str, _misc: str,
             number: int) -> dict[str, Any]:
        whole, _, fraction = str(seconds).partition(".")
        stamp = datetime.fromtimestamp(int(whole), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return {"symbol": symbol, "side": SIDES[side], "qty": size, "price": price,
                "ord_type": "market" if kind == "m" else "limit", "trade_id": number,
                "timestamp": f"{stamp}.{fraction[:9] or '0'}Z"}
