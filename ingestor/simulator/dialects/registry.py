"""The simulated dialects over WebSocket by their FIXED names. Adding one is one line here."""

from ingestor.simulator.dialects.amberdata import Amberdata
from ingestor.simulator.dialects.binance import BinanceCoinm, BinanceSpot, BinanceUs, BinanceUsdm
from ingestor.simulator.dialects.bitfinex import Bitfinex
from ingestor.simulator.dialects.bitmex import Bitmex
from ingestor.simulator.dialects.bitstamp import Bitstamp
from ingestor.simulator.dialects.bybit_v5 import BybitV5
from ingestor.simulator.dialects.coinapi import Coinapi
from ingestor.simulator.dialects.coinbase_advanced import CoinbaseAdvanced
from ingestor.simulator.dialects.coinbase_exchange import CoinbaseExchange
from ingestor.simulator.dialects.coindesk import Coindesk
from ingestor.simulator.dialects.cryptocompare import Cryptocompare
from ingestor.simulator.dialects.deribit import Deribit
from ingestor.simulator.dialects.dialect import Dialect
from ingestor.simulator.dialects.gemini import Gemini
from ingestor.simulator.dialects.hyperliquid import Hyperliquid
from ingestor.simulator.dialects.kraken_futures import KrakenFutures
from ingestor.simulator.dialects.kraken_v1 import KrakenV1
from ingestor.simulator.dialects.kraken_v2 import KrakenV2
from ingestor.simulator.dialects.okx_v5 import OkxV5
from ingestor.simulator.dialects.tardis import Tardis
from ingestor.simulator.engine import Traits

DIALECTS: dict[str, type[Dialect]] = {
    dialect.name: dialect
    for dialect in (
        BinanceSpot, BinanceUsdm, BinanceCoinm, BinanceUs, CoinbaseExchange, CoinbaseAdvanced, KrakenV1, KrakenV2,
        KrakenFutures, Bitstamp, OkxV5, BybitV5, Deribit, Bitfinex, Bitmex, Gemini, Hyperliquid, Coinapi, Coindesk,
        Cryptocompare, Amberdata, Tardis,
    )
}
KAIKO = "kaiko"     # over gRPC: grpc_server.py
NAMES = (*DIALECTS, KAIKO)


def traits(name: str) -> Traits:
    """What the engine must know of the dialect. Kaiko writes nanoseconds, and one side of a quote a message."""
    return Traits(1, quote_messages=2, rates=True) if name == KAIKO else DIALECTS[name].traits
