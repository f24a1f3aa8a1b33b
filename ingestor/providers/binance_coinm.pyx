"""binance-coinm: trades, book tickers, mark prices and candles of Binance coin-margined futures.

Payloads and their sources: binance.pxd. Sizes are whole contracts, passed on as sent. A mark price of a delivery
contract has no funding (`r` empty, `T` zero). The base is not split, unlike that of the USD-margined futures. The
server pings each 3 minutes; a connection is valid for 24 hours; 10 messages a second from us, 1024 streams
a connection. Source: developers.binance.com derivatives coin-margined-futures websocket-market-streams
(November 2026), and frames captured in 2021 and 2024.
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
    "name": "binance-coinm",
    "venue": "binance",
    "url": "wss://dstream.binance.com",
    "channels": channels(futures=True),
    "limits": Limits(
        subscriptions_per_connection_max=1024, subscriptions_per_message_max=200, messages_per_second_max=8,
        connects_per_minute_max=60, connection_age_max_s=86_000, silence_max_s=240,
    ),
    "session": BinanceSession(BinanceHistory("https://dapi.binance.com", "/dapi/v1", 500, 1.0, keyed=True)),
})
