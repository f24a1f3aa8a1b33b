"""The history of Coinbase Exchange: trades below an id, newest first, a page a request.

    GET /products/BTC-USD/trades?after=74&limit=1000
    [{"trade_id":73,"side":"sell","size":"0.01000000","price":"100.00000000","time":"2014-11-07T01:08:43.642366Z"}]

`side` is the maker's, as in `match`. The page begins with the record after the hole, which was received:
where that is missing, the history lags behind and proves nothing. Public endpoints: 10 requests a second
an address, bursts of 15; a third is used.
Sources: docs.cdp.coinbase.com/exchange rest-api/pagination, products/get-product-trades and rate-limits,
read November 2026.
"""

from collections.abc import Sequence
from typing import Any

from ingestor.providers.history import History, HistoryLimits, Missing, Page, Request, numbers, parsed
from ingestor.providers.session import as_text

PAGE_MAX = 1000


class CoinbaseHistory(History):
    """Trades by id, backwards from the one after the hole."""

    url = "https://api.exchange.coinbase.com"
    limits = HistoryLimits(3.0, burst=3.0)

    def request(self, missing: Missing, key: str) -> Request:
        first, last = numbers(missing)
        return self._before(missing, last + 2, last - first + 2)

    def _before(self, missing: Missing, after: int, wanted: int) -> Request:
        query = (("after", str(after)), ("limit", str(min(PAGE_MAX, wanted))))
        return Request(f"/products/{missing.subscription.symbol}/trades", query)

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        rows: list[dict[str, Any]] = parsed(answer)
        first, last = numbers(missing)
        after = int(dict(request.query)["after"])
        frames = tuple(
            as_text({"type": "match", "trade_id": row["trade_id"], "side": row["side"], "size": row["size"],
                     "price": row["price"], "product_id": missing.subscription.symbol, "time": row["time"]})
            for row in rows)
        if not rows:
            return Page((), None)
        newest, oldest = rows[0]["trade_id"], rows[-1]["trade_id"]
        top = newest if after == last + 2 and newest <= last else after - 1     # what it knows at most
        full = len(rows) >= int(dict(request.query)["limit"])
        if oldest > first and full:
            return Page(frames, (oldest, top), self._before(missing, oldest, oldest - first))
        return Page(frames, (oldest, top))
