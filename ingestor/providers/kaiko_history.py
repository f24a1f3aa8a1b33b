"""The history of Kaiko Stream: the same market updates for an interval, then the call ends.

    /kaikosdk.StreamMarketUpdateServiceV1/Subscribe  StreamMarketUpdateRequestV1
      {instrument_criteria, commodities=[SMUC_TRADE], interval={start_time (inclusive), end_time (exclusive)}}

StreamTradesRequestV1 has no interval in kaikosdk 1.40, so that missed trades are asked for as market
updates, which carry the same ids. A call that ended well has sent all there is of the interval.
Source: kaikosdk 1.40.0 descriptors; docs.kaiko.com stream, read November 2026.
"""

from collections.abc import Sequence

from ingestor.providers.history import History, HistoryLimits, Missing, NoHistory, Page, Request, times

PATH = "/kaikosdk.StreamMarketUpdateServiceV1/Subscribe"
METHOD = b"M"       # the byte that tells the decoder: a market update


class KaikoHistory(History):
    """Trades of an interval."""

    transport = "grpc"
    url = "gateway-v0-grpc.kaiko.ovh:443"
    limits = HistoryLimits(1.0, burst=2.0, delay_s=2.0)

    def request(self, missing: Missing, key: str) -> Request:
        from kaikosdk.core.instrument_criteria_pb2 import InstrumentCriteria
        from kaikosdk.stream.market_update_v1.commodity_pb2 import SMUC_TRADE
        from kaikosdk.stream.market_update_v1.request_pb2 import StreamMarketUpdateRequestV1

        wanted = missing.subscription
        if wanted.channel != "trades":
            raise NoHistory("Kaiko's history of an interval is one of trades")
        from_ns, to_ns = times(missing)
        request = StreamMarketUpdateRequestV1(
            instrument_criteria=InstrumentCriteria(
                exchange=wanted.venue or "*", instrument_class=wanted.section or "*", code=wanted.symbol),
            commodities=[SMUC_TRADE])
        request.interval.start_time.FromNanoseconds(from_ns)
        request.interval.end_time.FromNanoseconds(to_ns + 1)
        headers = (("authorization", f"Bearer {key}"),) if key else ()
        return Request(PATH, headers=headers, body=request.SerializeToString())

    def page(self, missing: Missing, request: Request, answer: Sequence[bytes]) -> Page:
        return Page(tuple(METHOD + message for message in answer), times(missing))
