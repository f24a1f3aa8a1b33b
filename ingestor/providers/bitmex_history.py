"""The history of BitMEX: trades between two times, oldest first, a thousand a request.

    GET /api/v1/trade?symbol=XBTUSD&startTime=2026-08-12T19:29:00.921Z&endTime=2026-08-12T19:30:00.000Z&count=1000
        &start=0
    [{"timestamp":"2026-08-12T19:29:00.921Z","symbol":"XBTUSD","side":"Buy","size":100,"price":64012.5,
      "tickDirection":"PlusTick","trdMatchID":"1c6ca2a5-...","grossValue":156220,"homeNotional":0.001,...}]

Rows are those of the table `trade`; both times are inclusive, `start` skips rows. The row at the end of the hole
was received: where it is missing the history lags behind. 30 requests a minute without a key.
Source: www.bitmex.com/api/explorer (Trade) and app/restAPI#Limits, read November 2026.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingestor.providers.history import MILLISECOND, History, HistoryLimits, Missing, Page, Request, parsed, times
from ingestor.providers.session import as_text

PAGE_MAX = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BitmexHistory(History):
    """Trades of a stretch of time."""

    url = "https://www.bitmex.com"
    limits = HistoryLimits(0.4, burst=2.0)

    def request(self, missing: Missing, key: str) -> Request:
        return self._from(missing, 0)

    def _from(self, missing: Missing, start: int) -> Request:
        from_ns, to_ns = times(missing)
        return Request("/api/v1/trade", (
            ("symbol", missing.subscription.symbol), ("startTime", _iso(from_ns)), ("endTime", _iso(to_ns)),
            ("count", str(PAGE_MAX)), ("start", str(start))))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        rows = parsed(answer)
        if not rows:
            return Page((), None)
        from_ns, to_ns = times(missing)
        frame = as_text({"table": "trade", "action": "insert", "data": rows})
        reached = _ns(rows[-1]["timestamp"])
        if len(rows) < PAGE_MAX:
            return Page((frame,), (from_ns, to_ns if reached >= to_ns else reached - 1))
        # The page may end within a millisecond.
        start = int(dict(request.query)["start"]) + PAGE_MAX
        return Page((frame,), (from_ns, reached - 1) if reached > from_ns else None, self._from(missing, start))


def _iso(ns: int) -> str:
    at = EPOCH + timedelta(milliseconds=ns // MILLISECOND)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _ns(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) * 1000
