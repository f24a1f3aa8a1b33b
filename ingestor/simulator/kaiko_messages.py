"""kaiko, simulated: its services, whom their requests mean, and their messages. Formats: reference A1.

The one file of the simulator that knows `kaikosdk` and protobuf. Criteria hold comma lists and `*`, and
multiply; what is aggregated over venues asks for a pair and gets it once. Ticks, VWAP and rates are doubles
as Kaiko sends them, the rest are decimal texts. A top of book comes one side a message, and only the side
that moved. A market update request with an interval replays its trades and ends.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from kaikosdk.core.assets_pb2 import Assets
from kaikosdk.core.wrappers_pb2 import TimestampValue
from kaikosdk.stream.aggregated_quote_v2.request_pb2 import StreamAggregatedQuoteRequestV2
from kaikosdk.stream.aggregated_quote_v2.response_pb2 import StreamAggregatedQuoteResponseV2, StreamAggregatedQuoteValue
from kaikosdk.stream.aggregates_direct_exchange_rate_v2.request_pb2 import StreamAggregatesDirectExchangeRateV2RequestV1
from kaikosdk.stream.aggregates_direct_exchange_rate_v2.response_pb2 import (
    StreamAggregatesDirectExchangeRateV2ResponseV1,
)
from kaikosdk.stream.aggregates_ohlcv_v1.request_pb2 import StreamAggregatesOHLCVRequestV1
from kaikosdk.stream.aggregates_ohlcv_v1.response_pb2 import StreamAggregatesOHLCVResponseV1
from kaikosdk.stream.aggregates_spot_exchange_rate_v2.request_pb2 import StreamAggregatesSpotExchangeRateV2RequestV1
from kaikosdk.stream.aggregates_spot_exchange_rate_v2.response_pb2 import StreamAggregatesSpotExchangeRateV2ResponseV1
from kaikosdk.stream.aggregates_vwap_v1.request_pb2 import StreamAggregatesVWAPRequestV1
from kaikosdk.stream.aggregates_vwap_v1.response_pb2 import StreamAggregatesVWAPResponseV1
from kaikosdk.stream.derivatives_instrument_metrics_v1.request_pb2 import StreamDerivativesInstrumentMetricsRequestV1
from kaikosdk.stream.derivatives_instrument_metrics_v1.response_pb2 import StreamDerivativesInstrumentMetricsResponseV1
from kaikosdk.stream.index_v1.commodity_pb2 import SIC_REAL_TIME
from kaikosdk.stream.index_v1.request_pb2 import StreamIndexServiceRequestV1
from kaikosdk.stream.index_v1.response_pb2 import StreamIndexServiceResponsePercentage, StreamIndexServiceResponseV1
from kaikosdk.stream.market_update_v1.commodity_pb2 import SMUC_TOP_OF_BOOK, SMUC_TRADE
from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1
from kaikosdk.stream.market_update_v1.response_pb2 import StreamMarketUpdateResponseV1
from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1
from kaikosdk.stream.trades_v1.response_pb2 import StreamTradesResponseV1

from ingestor.simulator.dialects.text import fixed
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES
from ingestor.simulator.market import REFERENCE_DIGITS, Bar, Market, Quote, Reference, Trade

COLLECTED_NS, SEEN_NS = 13_200_000, 13_900_000  # after the venue: collected, and available in Kaiko
SIDES = {"buy": StreamTradesResponseV1.BUY, "sell": StreamTradesResponseV1.SELL}
UPDATES = {"buy": StreamMarketUpdateResponseV1.TRADE_BUY, "sell": StreamMarketUpdateResponseV1.TRADE_SELL}
DERIVED = ("perp", "future", "option")
INDEX_PREFIX = "KK_RFR_"

#: what one call has sent last of each market: (bid, size), (ask, size)
Sides = dict[Market, tuple[tuple[int, int], tuple[int, int]]]
Render = Callable[[Market, Any, Sides], list[bytes]]


class Service(NamedTuple):
    """One of Kaiko's services. `wanted` picks markets for a request, `renders` says what of them it gets."""

    channel: str
    request: Any
    wanted: Callable[[Any, Iterable[Market]], Iterable[Market]]
    renders: Callable[[Any], Mapping[str, Render]]


def section_of(market: Market) -> str:
    """The instrument class as Kaiko writes it."""
    return market.spec.section or "spot"


def past_trades(request: Any, markets: Iterable[Market]) -> list[bytes] | None:
    """The trades of a request's interval, in order of time; None when it has none, or asks for no trades."""
    if SMUC_TRADE not in getattr(request, "commodities", ()) or not request.HasField("interval"):
        return None
    start_ns, end_ns = _ns(request.interval.start_time), _ns(request.interval.end_time)
    found = [(trade.ts_ns, trade.id, market, trade) for market in markets for trade in market.history
             if start_ns <= trade.ts_ns < (end_ns or 1 << 63)]
    return [_update_trade(market, trade) for _, _, market, trade in sorted(found, key=lambda each: each[:2])]


def _by_criteria(request: Any, markets: Iterable[Market]) -> list[Market]:
    criteria = request.instrument_criteria
    return [market for market in markets if all(
        have in text.split(",") or "*" in text.split(",") for text, have in (
            (criteria.exchange, market.spec.venue_code), (criteria.instrument_class, section_of(market)),
            (criteria.code, market.spec.symbol)))]


def _derivatives(request: Any, markets: Iterable[Market]) -> list[Market]:
    return _by_criteria(request, [market for market in markets if market.spec.data_class in DERIVED])


def _by_assets(request: Any, markets: Iterable[Market]) -> list[Market]:
    return _first(market for market in markets if (market.spec.base, market.spec.quote) == (
        request.assets.base, request.assets.quote))


def _by_code(request: Any, markets: Iterable[Market]) -> list[Market]:
    return _first(market for market in markets if (section_of(market), market.spec.symbol) == (
        request.instrument_class, request.code))


def _by_index(request: Any, markets: Iterable[Market]) -> list[Market]:
    return _first(market for market in markets if index_code(market) == request.index_code)


def _first(markets: Iterable[Market]) -> list[Market]:
    return list(markets)[:1]


def index_code(market: Market) -> str:
    """The reference rate of a market's pair."""
    return f"{INDEX_PREFIX}{market.spec.base}{market.spec.quote}".upper()


def _time(ts_ns: int) -> Timestamp:
    return Timestamp(seconds=ts_ns // 10**9, nanos=ts_ns % 10**9)


def _ns(time: Timestamp) -> int:
    return int(time.seconds) * 10**9 + int(time.nanos)


def _number(units: int, digits: int) -> float:
    return units / float(10**digits)


def _market(market: Market, sequence: int) -> dict[str, Any]:
    """sequence_id is opaque, of one width, and sorts."""
    return {"class": section_of(market), "code": market.spec.symbol, "exchange": market.spec.venue_code,
            "sequence_id": f"0001{sequence:014d}"}


def _head(market: Market, sequence: int, ts_ns: int) -> dict[str, Any]:
    return {**_market(market, sequence), "ts_exchange": TimestampValue(value=_time(ts_ns)),
            "ts_collection": TimestampValue(value=_time(ts_ns + COLLECTED_NS)), "ts_event": _time(ts_ns + SEEN_NS)}


def _amounts(market: Market, price: int, size: int) -> dict[str, float]:
    return {"price": _number(price, market.spec.price_digits), "amount": _number(size, market.spec.size_digits)}


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def trade_message(market: Market, trade: Trade) -> bytes:
    """A StreamTradesResponseV1."""
    return _bytes(StreamTradesResponseV1(
        id=str(trade.id), side=SIDES[trade.side], **_amounts(market, trade.price, trade.size),
        **_head(market, trade.sequence, trade.ts_ns)))


def side_message(market: Market, quote: Quote, *, is_bid: bool) -> bytes:
    """A StreamMarketUpdateResponseV1 with one side of the book."""
    price, size = (quote.bid, quote.bid_size) if is_bid else (quote.ask, quote.ask_size)
    return _bytes(StreamMarketUpdateResponseV1(
        commodity=SMUC_TOP_OF_BOOK, **_amounts(market, price, size),
        update_type=StreamMarketUpdateResponseV1.BEST_BID if is_bid else StreamMarketUpdateResponseV1.BEST_ASK,
        **_head(market, quote.sequence, quote.ts_ns)))


def _update_trade(market: Market, trade: Trade) -> bytes:
    return _bytes(StreamMarketUpdateResponseV1(
        commodity=SMUC_TRADE, id=str(trade.id), update_type=UPDATES[trade.side],
        **_amounts(market, trade.price, trade.size), **_head(market, trade.sequence, trade.ts_ns)))


def _trades(market: Market, trades: list[Trade], sides: Sides) -> list[bytes]:
    return [trade_message(market, trade) for trade in trades]


def _update_trades(market: Market, trades: list[Trade], sides: Sides) -> list[bytes]:
    return [_update_trade(market, trade) for trade in trades]


def _moved(market: Market, quote: Quote, sides: Sides) -> tuple[bool, bool]:
    """Which sides are not as they were sent last."""
    now = (quote.bid, quote.bid_size), (quote.ask, quote.ask_size)
    before, sides[market] = sides.get(market), now
    return (before is None or before[0] != now[0], before is None or before[1] != now[1])


def _sides(market: Market, quote: Quote, sides: Sides) -> list[bytes]:
    bid, ask = _moved(market, quote, sides)
    return [side_message(market, quote, is_bid=is_bid) for is_bid in (True,) * bid + (False,) * ask]


def _aggregated_sides(market: Market, quote: Quote, sides: Sides) -> list[bytes]:
    bid, ask = _moved(market, quote, sides)
    messages = []
    for moved, kind, price, size in (
            (bid, StreamAggregatedQuoteResponseV2.BEST_BID, quote.bid, quote.bid_size),
            (ask, StreamAggregatedQuoteResponseV2.BEST_ASK, quote.ask, quote.ask_size)):
        if moved:
            messages.append(_bytes(StreamAggregatedQuoteResponseV2(
                aggregate="1s", instrument_class=section_of(market), code=market.spec.symbol, event_type=kind,
                ts_event=_time(quote.ts_ns), vetted=StreamAggregatedQuoteValue(
                    price=fixed(price, market.spec.price_digits), volume=fixed(size, market.spec.size_digits)))))
    return messages


def _vwap(market: Market, bar: Bar, sides: Sides) -> list[bytes]:
    return [_bytes(StreamAggregatesVWAPResponseV1(
        aggregate="1m", price=_number(bar.vwap, market.spec.price_digits), ts_event=_time(bar.ts_ns),
        uid=f"{bar.ts_ns:x}", **_market(market, bar.ts_ns)))]


def _ohlcv(market: Market, bar: Bar, sides: Sides) -> list[bytes]:
    prices = {name: fixed(units, market.spec.price_digits) for name, units in (
        ("open", bar.open), ("high", bar.high), ("low", bar.low), ("close", bar.close))}
    return [_bytes(StreamAggregatesOHLCVResponseV1(
        aggregate="1m", volume=fixed(bar.volume, market.spec.size_digits), timestamp=_time(bar.start_ns),
        uid=f"{bar.ts_ns:x}", **prices, **_market(market, bar.ts_ns)))]


def _rate(message: Any) -> Render:
    """Of both exchange rate services, whose messages are alike."""
    def render(market: Market, reference: Reference, sides: Sides) -> list[bytes]:
        return [_bytes(message(
            assets=Assets(base=market.spec.base, quote=market.spec.quote),
            price=_number(reference.index_price, REFERENCE_DIGITS), timestamp=_time(reference.ts_ns)))]

    return render


def _index(market: Market, reference: Reference, sides: Sides) -> list[bytes]:
    price = StreamIndexServiceResponsePercentage(
        percentage=1.0, price=_number(reference.index_price, REFERENCE_DIGITS))
    return [_bytes(StreamIndexServiceResponseV1(
        index_code=index_code(market), commodity=SIC_REAL_TIME, quote=market.spec.quote, percentages=[price],
        ts_event=_time(reference.ts_ns), sequence_id=f"{reference.ts_ns:020d}"))]


def _metrics(market: Market, reference: Reference, sides: Sides) -> list[bytes]:
    """One metric a message."""
    values = {
        "mark_price": fixed(reference.mark_price, REFERENCE_DIGITS),
        "index_price": fixed(reference.index_price, REFERENCE_DIGITS),
        "funding_rate": fixed(reference.funding, REFERENCE_DIGITS),
        "open_interest": fixed(reference.open_interest, market.spec.size_digits),
    }
    return [_bytes(StreamDerivativesInstrumentMetricsResponseV1(
        value=value, legacy_symbol=market.spec.symbol, exchange=market.spec.venue_code, commodity=name,
        ts_event=_time(reference.ts_ns), ts_collection=_time(reference.ts_ns + COLLECTED_NS)))
        for name, value in values.items()]


def _updates(request: Any) -> Mapping[str, Render]:
    renders: dict[str, Render] = {}
    if SMUC_TRADE in request.commodities:
        renders[TRADES] = _update_trades
    if SMUC_TOP_OF_BOOK in request.commodities:
        renders[QUOTE] = _sides
    return renders


def _service(channel: str, request: Any, wanted: Any, kind: str, render: Render) -> Service:
    return Service(channel, request, wanted, lambda _: {kind: render})


SERVICES = {
    "StreamTradesServiceV1": _service("trades", StreamTradesRequestV1, _by_criteria, TRADES, _trades),
    "StreamMarketUpdateServiceV1": Service("market_updates", StreamMarketUpdateRequestV1, _by_criteria, _updates),
    "StreamAggregatesVWAPServiceV1": _service("vwap", StreamAggregatesVWAPRequestV1, _by_criteria, BAR, _vwap),
    "StreamAggregatesOHLCVServiceV1": _service("ohlcv", StreamAggregatesOHLCVRequestV1, _by_criteria, BAR, _ohlcv),
    "StreamAggregatesSpotExchangeRateV2ServiceV1": _service(
        "exchange_rate", StreamAggregatesSpotExchangeRateV2RequestV1, _by_assets, REFERENCE,
        _rate(StreamAggregatesSpotExchangeRateV2ResponseV1)),
    "StreamAggregatesSpotDirectExchangeRateV2ServiceV1": _service(
        "direct_exchange_rate", StreamAggregatesDirectExchangeRateV2RequestV1, _by_assets, REFERENCE,
        _rate(StreamAggregatesDirectExchangeRateV2ResponseV1)),
    "StreamAggregatedQuoteServiceV2": _service(
        "aggregated_quote", StreamAggregatedQuoteRequestV2, _by_code, QUOTE, _aggregated_sides),
    "StreamDerivativesInstrumentMetricsServiceV1": _service(
        "derivatives_metrics", StreamDerivativesInstrumentMetricsRequestV1, _derivatives, REFERENCE, _metrics),
    "StreamIndexServiceV1": _service("index", StreamIndexServiceRequestV1, _by_index, REFERENCE, _index),
}
