"""The history of OKX: trades before a time, then before an id, newest first, a hundred a request.

    GET /api/v5/market/history-trades?instId=BTC-USDT&type=2&after=1630048897898&limit=100
    {"code":"0","msg":"","data":[{"instId":"BTC-USDT","side":"sell","sz":"0.00001","px":"29963.2",
      "tradeId":"242720720","ts":"1654161646974"}]}

`type` 2 pages by time (ms), 1 by trade id; `after` asks for what is earlier. The row at the end of the hole was
received: where it is missing the history lags behind. Rows are single fills. The channel `trades` sends those
of one taker order at one price as one record under the last fill's id, so that the fills of the two
milliseconds at the edges of a hole, part of which may have come, are left out there; `trades-all` has no such
doubt. Three months; 20 requests per 2 seconds an address, of which a fifth is used.
Source: www.okx.com/docs-v5 market-data get-trades-history, read November 2026.
"""

from collections.abc import Sequence

from ingestor.providers.history import MILLISECOND, History, HistoryLimits, Missing, Page, Request, parsed, times
from ingestor.providers.session import as_text

PAGE_MAX = 100


class OkxHistory(History):
    """Trades from the end of the hole backwards."""

    url = "https://www.okx.com"
    limits = HistoryLimits(2.0, burst=4.0)

    def request(self, missing: Missing, key: str) -> Request:
        return self._before(missing, "2", times(missing)[1] // MILLISECOND + 1)

    def _before(self, missing: Missing, kind: str, after: int | str) -> Request:
        return Request("/api/v5/market/history-trades", (
            ("instId", missing.subscription.symbol), ("type", kind), ("after", str(after)), ("limit", str(PAGE_MAX))))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        message = parsed(answer)
        if message["code"] != "0":
            raise ValueError(f"{message['code']}: {message['msg']}")
        rows = message["data"]
        if not rows:
            return Page((), None)
        from_ms, to_ms = (at // MILLISECOND for at in times(missing))
        newest, oldest = int(rows[0]["ts"]), int(rows[-1]["ts"])
        wanted = rows
        if missing.subscription.channel == "trades":
            wanted = [row for row in rows if from_ms < int(row["ts"]) < to_ms]
        frame = as_text({"arg": {"channel": missing.subscription.channel, "instId": missing.subscription.symbol},
                         "data": wanted})
        frames = (frame,) if wanted else ()
        # A page may end within a millisecond, and so may what the history knows.
        first_page = dict(request.query)["type"] == "2"
        top = newest * MILLISECOND - 1 if first_page and newest < to_ms else (newest + 1) * MILLISECOND - 1
        if oldest < from_ms:
            return Page(frames, (times(missing)[0], top))
        more = self._before(missing, "1", rows[-1]["tradeId"]) if len(rows) >= PAGE_MAX else None
        low = (oldest + 1) * MILLISECOND
        return Page(frames, (low, top) if low <= top else None, more)
