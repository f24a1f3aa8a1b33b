"""binance-us: trades, aggregated trades, book tickers, tickers and candles of Binance.US.

Payloads and their sources: binance.pxd; captured frames of 2021 are spot's, but for prices padded to four
places on dollar markets. A connection is valid for 24 hours, with 5 messages a second from us and 1024 streams;
the server pings each 3 minutes. Source: docs.binance.us, WebSocket information (November 2026).
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


PROVIDER = provider(decode, NULL, NULL, {
    "name": "binance-us",
    "venue": "binance-us",
    "url": "wss://stream.binance.us:9443",
    "channels": channels(futures=False),
    "limits": Limits(
        subscriptions_per_connection_max=1024, subscriptions_per_message_max=200, messages_per_second_max=4,
        connects_per_minute_max=60, connection_age_max_s=86_000, silence_max_s=240,
    ),
    "session": BinanceSession(BinanceHistory("https://api.binance.us", "/api/v3", 1000, 2.0, keyed=True)),
})
