"""How Kaiko Stream is asked: which service brings a channel, and its request.

Pure Python beside the decoder (kaiko.pyx, which tells what the messages mean). One request is one server
stream; it ends with its call. Criteria hold comma lists and multiply (each exchange with each code), so a stream
is a (channel, class, exchange); what Kaiko computes over all venues is asked for by pair or by index. A trade's id is
documented to be the exchange's, or empty.
Source: kaikosdk 1.40.0 descriptors; docs.kaiko.com stream and kaiko-indices, read November 2026.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ingestor.providers.kaiko_history import KaikoHistory
from ingestor.providers.session import Channel, Session, Subscription

CHANNELS = (
    Channel("trades", "trades", trade_ids="exchange"),
    Channel("top_of_book", "quotes", partial=True),
    Channel("vwap", "bars", default=False),
    Channel("ohlcv", "bars"),
    Channel("exchange_rate", "reference", default=False),
    Channel("direct_exchange_rate", "reference", default=False),
    Channel("aggregated_quote", "quotes", default=False, partial=True),
    Channel("derivatives_metrics", "reference", default=False),
    Channel("index", "reference", default=False),
)
#: Bars are of this length: 1s, 1m and 1h are offered.
AGGREGATE = "1m"
#: A rate is of the trades of the last RATE_WINDOW_S, and comes each RATE_EVERY_S; 1, 5, 15, 30, 60 and 300, and 1, 5,
#: 10, 30 and 60 are offered.
RATE_WINDOW_S, RATE_EVERY_S = 15, 1


class Stream(NamedTuple):
    """One call: as grpc_link.py takes it."""

    path: str           # method path
    method: bytes       # the byte before each message, which tells the decoder what it is
    request: bytes      # serialised
    members: tuple[Subscription, ...]


class Service(NamedTuple):
    """What a channel is asked of, and how its subscriptions share a stream."""

    name: str
    method: bytes
    request: Any        # (subscriptions of one stream) -> protobuf message
    by_symbol: bool = False     # True: a stream each


class KaikoSession(Session):
    """A bearer key as metadata, and the streams that bring the subscriptions."""

    history = KaikoHistory()

    def headers(self, key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"} if key else {}

    def requests(self, subscriptions: Iterable[Subscription]) -> list[Stream]:
        """The streams that bring exactly these."""
        groups: dict[tuple[str, str, str, str], list[Subscription]] = {}
        for wanted in subscriptions:
            symbol = wanted.symbol if SERVICES[wanted.channel].by_symbol else ""
            groups.setdefault((wanted.channel, wanted.section, wanted.venue, symbol), []).append(wanted)
        streams = []
        for (channel, *_), members in sorted(groups.items()):
            service = SERVICES[channel]
            request = service.request(members).SerializeToString()
            streams.append(Stream(f"/kaikosdk.{service.name}/Subscribe", service.method, request, tuple(members)))
        return streams


def _criteria(members: Sequence[Subscription], code: str = "") -> Any:
    from kaikosdk.core.instrument_criteria_pb2 import InstrumentCriteria

    return InstrumentCriteria(
        exchange=members[0].venue or "*", instrument_class=members[0].section or "*",
        code=code or ",".join(member.symbol for member in members))


def _trades(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.trades_v1.request_pb2 import StreamTradesRequestV1

    return StreamTradesRequestV1(instrument_criteria=_criteria(members))


def _top_of_book(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.market_update_v1.commodity_pb2 import SMUC_TOP_OF_BOOK
    from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1

    return StreamMarketUpdateRequestV1(instrument_criteria=_criteria(members), commodities=[SMUC_TOP_OF_BOOK])


def _vwap(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.aggregates_vwap_v1.request_pb2 import StreamAggregatesVWAPRequestV1

    return StreamAggregatesVWAPRequestV1(instrument_criteria=_criteria(members), aggregate=AGGREGATE)


def _ohlcv(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.aggregates_ohlcv_v1.request_pb2 import StreamAggregatesOHLCVRequestV1

    return StreamAggregatesOHLCVRequestV1(instrument_criteria=_criteria(members), aggregate=AGGREGATE)


def _rate(request: Any, members: Sequence[Subscription]) -> Any:
    base, _, quote = members[0].symbol.partition("-")
    request.assets.base, request.assets.quote = base, quote
    request.window.seconds, request.update_frequency.seconds = RATE_WINDOW_S, RATE_EVERY_S
    return request


def _exchange_rate(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.aggregates_spot_exchange_rate_v2.request_pb2 import StreamAggregatesSpotExchangeRateV2RequestV1

    return _rate(StreamAggregatesSpotExchangeRateV2RequestV1(), members)


def _direct_exchange_rate(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.aggregates_direct_exchange_rate_v2.request_pb2 import (
        StreamAggregatesDirectExchangeRateV2RequestV1,
    )

    return _rate(StreamAggregatesDirectExchangeRateV2RequestV1(), members)


def _aggregated_quote(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.aggregated_quote_v2.request_pb2 import StreamAggregatedQuoteRequestV2

    return StreamAggregatedQuoteRequestV2(instrument_class=members[0].section, code=members[0].symbol)


def _derivatives_metrics(members: Sequence[Subscription]) -> Any:
    """All codes of the exchange: its messages name the venue's own symbol, of which no code can be made."""
    from kaikosdk.stream.derivatives_instrument_metrics_v1.request_pb2 import (
        StreamDerivativesInstrumentMetricsRequestV1,
    )

    return StreamDerivativesInstrumentMetricsRequestV1(instrument_criteria=_criteria(members, "*"))


def _index(members: Sequence[Subscription]) -> Any:
    from kaikosdk.stream.index_v1.commodity_pb2 import SIC_REAL_TIME
    from kaikosdk.stream.index_v1.request_pb2 import StreamIndexServiceRequestV1

    return StreamIndexServiceRequestV1(
        index_code=",".join(member.symbol for member in members), commodities=[SIC_REAL_TIME])


SERVICES = {
    "trades": Service("StreamTradesServiceV1", b"T", _trades),
    "top_of_book": Service("StreamMarketUpdateServiceV1", b"M", _top_of_book),
    "vwap": Service("StreamAggregatesVWAPServiceV1", b"V", _vwap),
    "ohlcv": Service("StreamAggregatesOHLCVServiceV1", b"O", _ohlcv),
    "exchange_rate": Service(
        "StreamAggregatesSpotExchangeRateV2ServiceV1", b"X", _exchange_rate, by_symbol=True),
    "direct_exchange_rate": Service(
        "StreamAggregatesSpotDirectExchangeRateV2ServiceV1", b"D", _direct_exchange_rate, by_symbol=True),
    "aggregated_quote": Service("StreamAggregatedQuoteServiceV2", b"Q", _aggregated_quote, by_symbol=True),
    "derivatives_metrics": Service("StreamDerivativesInstrumentMetricsServiceV1", b"R", _derivatives_metrics),
    "index": Service("StreamIndexServiceV1", b"I", _index),
}
