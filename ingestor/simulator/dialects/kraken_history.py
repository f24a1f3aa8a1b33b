"""Kraken's /0/public/Trades, the history of both its WebSocket versions.

`pair` as altname (`XBTUSD`), or as it is written with `assetVersion=1` (`BTC/USD`), `since` in ns
(exclusive), up to `count` rows `[price, volume, seconds, b|s, m|l, "", trade id]`, and `last`, the `since` of
the next page. Source: docs.kraken.com/api get-recent-trades.
"""

from collections.abc import Mapping

from ingestor.simulator.dialects import past
from ingestor.simulator.dialects.dialect import Dialect
from ingestor.simulator.dialects.text import fixed, in_words
from ingestor.simulator.market import Market, Trade
from ingestor.simulator.server import Answer

PATH = "/0/public/Trades"
COUNT_MAX = 1000


def altname(symbol: str) -> str:
    """`BTC/USD` and `XBT/USD` are `XBTUSD`."""
    return symbol.replace("/", "").replace("BTC", "XBT").replace("DOGE", "XDG")


def answer(dialect: Dialect, path: str, query: Mapping[str, str]) -> Answer | None:
    """The page that is asked for; None for another path."""
    if path != PATH:
        return None
    pair = query.get("pair", "")
    market = next((market for (_, symbol), market in (dialect.markets or {}).items()
                   if pair in (symbol, altname(symbol), symbol.replace("/", ""))), None)
    if market is None:
        return Answer(200, b'{"error":["EQuery:Unknown asset pair"]}')
    try:
        since_ns = past.number(query, "since", 0)
        count = min(past.number(query, "count", COUNT_MAX), COUNT_MAX)
    except past.BadQuery:
        return Answer(200, b'{"error":["EGeneral:Invalid arguments"]}')
    found = past.trades(market, count, start_ns=since_ns + 1 if since_ns else 0)
    last = found[-1].ts_ns if found else since_ns
    rows = [_row(market, trade) for trade in found]
    name = market.spec.symbol if query.get("assetVersion") == "1" else altname(market.spec.symbol)
    return Answer(200, in_words({"error": [], "result": {name: rows, "last": str(last)}}))


def _row(market: Market, trade: Trade) -> list[object]:
    return [fixed(trade.price, market.spec.price_digits), fixed(trade.size, market.spec.size_digits),
            trade.ts_ns / 1e9, trade.side[0], "m", "", trade.id]
