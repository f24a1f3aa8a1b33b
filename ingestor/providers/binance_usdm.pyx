"""binance-usdm: trades, book tickers, mark prices and candles of Binance USD-margined futures.

Payloads and their sources: binance.pxd. Since 2026-03-06 the base is split: book tickers, depth and
raw trades under /public, the rest under /market; a subscription's section says which. The server
pings each 3 minutes; a connection is valid for 24 hours; 10 messages a second from us, 1024 streams
a connection (older text: 200). Source: developers.binance.com derivatives change notice (November 2026).
"""
from libc.stdint cimport uint8_t

from ingestor.providers.binance cimport decode_binance
from ingestor.providers.provider cimport provider
from ingestor.records cimport TickBatch

from ingestor.providers.binance_history import BinanceHistory
from ingestor.providers.binance_session import BinanceSession, channels
from ingestor.providers.session import Limits


cdef int decode(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil:
    return decode_binance(at, size, out)


PUBLIC_CHANNELS = ("trade", "bookTicker")


class UsdmSession(BinanceSession):
    """The same requests, on the base that carries the channel."""

    def endpoint_section(self, channel, market_section):
        return "public" if channel in PUBLIC_CHANNELS else "market"

    def market_section(self, section):
        return ""       # a symbol means one market, whichever base brings it

    def endpoint(self, url, section, subscriptions, key):
        return f"{url.rstrip('/')}/{section}/stream" if section else f"{url.rstrip('/')}/stream"


PROVIDER = provider(decode, NULL, NULL, {
    "name": "binance-usdm",
    "venue": "binance",
    "url": "wss://fstream.binance.com",
    "channels": channels(futures=True),
    "limits": Limits(
        subscriptions_per_connection_max=200, subscriptions_per_message_max=200, messages_per_second_max=8,
        connects_per_minute_max=60, connection_age_max_s=86_000, silence_max_s=240,
    ),
    "session": UsdmSession(BinanceHistory("https://fapi.binance.com", "/fapi/v1", 500, 1.0, keyed=True)),
})
