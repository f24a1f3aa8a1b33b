"""The history of Bitfinex: trades between two times, oldest first.

    GET /v2/trades/tBTCUSD/hist?start=1574694475000&end=1574694480000&limit=10000&sort=1
    [[401597395,1574694478808,0.005,7245.3],[401597396,1574694478990,-0.25,7245.2]]

A row is id, time (ms), amount (sold when negative), price: the payload of `te`, which the decoder reads once
the channel's id has been given to it. Both times are inclusive. The row at the end of the hole was received: where
it is missing the history lags behind. 15 requests a minute an address.
Source: docs.bitfinex.com/reference/rest-public-trades, read November 2026.
"""

from collections.abc import Sequence

from ingestor.providers.history import MILLISECOND, History, HistoryLimits, Missing, Page, Request, parsed, times
from ingestor.providers.session import as_text

PAGE_MAX = 10_000
CHANNEL_ID = 1      # of a connection that has one channel


class BitfinexHistory(History):
    """Trades of a stretch of time."""

    url = "https://api-pub.bitfinex.com"
    limits = HistoryLimits(0.2)

    def request(self, missing: Missing, key: str) -> Request:
        return self._from(missing, times(missing)[0] // MILLISECOND)

    def _from(self, missing: Missing, start_ms: int) -> Request:
        return Request(f"/v2/trades/{missing.subscription.symbol}/hist", (
            ("start", str(start_ms)), ("end", str(times(missing)[1] // MILLISECOND)), ("limit", str(PAGE_MAX)),
            ("sort", "1")))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        rows = parsed(answer)
        if not rows:
            return Page((), None)
        from_ns, to_ns = times(missing)
        named = as_text({"event": "subscribed", "channel": "trades", "chanId": CHANNEL_ID,
                         "symbol": missing.subscription.symbol})
        frames = (named, *(as_text([CHANNEL_ID, "te", row]) for row in rows))
        reached_ms = rows[-1][1]
        low = max(from_ns, int(dict(request.query)["start"]) * MILLISECOND)
        if len(rows) < PAGE_MAX:
            top = to_ns if reached_ms >= to_ns // MILLISECOND else reached_ms * MILLISECOND - 1
            return Page(frames, (low, top) if low <= top else None)
        # The page may end within a millisecond: the next one begins with it.
        top, onwards = reached_ms * MILLISECOND - 1, reached_ms > rows[0][1]
        return Page(frames, (low, top) if low <= top else None, self._from(missing, reached_ms) if onwards else None)
