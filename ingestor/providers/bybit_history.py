"""The history of Bybit: its most recent trades, and no more.

    GET /v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000
    {"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"execId":"2100000000007764263","symbol":
      "BTCUSDT","price":"16618.49","size":"0.00012","side":"Buy","time":"1672052955758","isBlockTrade":false,
      "isRPITrade":false,"seq":"123456"}]},"time":1672053054358}

Newest first; at most 1000, of spot 60. `side` is the taker's, `execId` the channel's `i`. A hole that lies further
back is lost, or that part of it. 600 requests per 5 seconds an address; few are used.
Source: bybit-exchange.github.io/docs/v5/market/recent-trade and rate-limit, read November 2026.
"""

from collections.abc import Sequence

from ingestor.providers.history import MILLISECOND, History, HistoryLimits, Missing, Page, Request, parsed, times
from ingestor.providers.session import as_text

PAGE_MAX, SPOT_PAGE_MAX = 1000, 60


class BybitHistory(History):
    """The last trades of a market."""

    url = "https://api.bybit.com"
    limits = HistoryLimits(5.0, burst=10.0, delay_s=0.5)

    def request(self, missing: Missing, key: str) -> Request:
        times(missing)
        category = missing.subscription.section or "spot"
        limit = SPOT_PAGE_MAX if category == "spot" else PAGE_MAX
        return Request("/v5/market/recent-trade", (
            ("category", category), ("symbol", missing.subscription.symbol), ("limit", str(limit))))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        message = parsed(answer)
        if message["retCode"] != 0:
            raise ValueError(f"{message['retCode']}: {message['retMsg']}")
        rows = message["result"]["list"]
        if not rows:
            return Page((), None)
        data = [{"T": int(row["time"]), "s": row["symbol"], "S": row["side"], "v": row["size"], "p": row["price"],
                 "i": row["execId"], "BT": row["isBlockTrade"]} for row in rows]
        frame = as_text({"topic": f"publicTrade.{missing.subscription.symbol}", "type": "snapshot",
                         "ts": data[0]["T"], "data": data})
        # The list may begin and end within a millisecond.
        low, newest = (data[-1]["T"] + 1) * MILLISECOND, data[0]["T"]
        top = newest * MILLISECOND - (1 if newest * MILLISECOND < times(missing)[1] else 0)
        return Page((frame,), (low, top) if low <= top else None)
