"""The history of Deribit: trades of an instrument from one sequence number to another.

    GET /api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&start_seq=5&end_seq=9&count=1000
        &sorting=asc
    {"jsonrpc":"2.0","result":{"trades":[{"trade_seq":5,"trade_id":"48079269","timestamp":1590484512188,
      "tick_direction":2,"price":8950.0,"mark_price":8948.9,"instrument_name":"BTC-PERPETUAL","index_price":8956.88,
      "direction":"sell","amount":10.0}],"has_more":false}}

Rows are those of the trades channel. The records before and after the hole, which were received, are asked
for, too: where they are missing the history has forgotten, or lags behind. Requests without a key share 20
credits a second an address; two a second are used.
Source: docs.deribit.com api-reference/market-data/public-get_last_trades_by_instrument and rate-limits, read
November 2026.
"""

from collections.abc import Sequence

from ingestor.providers.history import History, HistoryLimits, Missing, Page, Request, numbers, parsed
from ingestor.providers.session import as_text

PAGE_MAX = 1000


class DeribitHistory(History):
    """Trades by their sequence."""

    url = "https://www.deribit.com"
    limits = HistoryLimits(2.0, burst=4.0)

    def request(self, missing: Missing, key: str) -> Request:
        return self._from(missing, numbers(missing)[0])

    def _from(self, missing: Missing, first: int) -> Request:
        return Request("/api/v2/public/get_last_trades_by_instrument", (
            ("instrument_name", missing.subscription.symbol), ("start_seq", str(first - 1)),
            ("end_seq", str(numbers(missing)[1] + 1)), ("count", str(PAGE_MAX)), ("sorting", "asc")))

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        result = parsed(answer)["result"]
        rows = result["trades"]
        if not rows:
            return Page((), None)
        proven = (rows[0]["trade_seq"], rows[-1]["trade_seq"])
        frame = as_text({"jsonrpc": "2.0", "method": "subscription", "params": {
            "channel": f"trades.{missing.subscription.symbol}.100ms", "data": rows}})
        more = result["has_more"] and proven[1] < numbers(missing)[1]
        return Page((frame,), proven, self._from(missing, proven[1] + 1) if more else None)
