"""The simulated dialects over WebSocket by their FIXED names. Adding one is one line here."""

from ingestor.simulator.dialects.binance import BinanceSpot, BinanceUsdm
from ingestor.simulator.dialects.bybit_v5 import BybitV5
from ingestor.simulator.dialects.coinapi import Coinapi
from ingestor.simulator.dialects.coinbase_exchange import CoinbaseExchange
from ingestor.simulator.dialects.dialect import Dialect
from ingestor.simulator.dialects.kraken_v2 import KrakenV2
from ingestor.simulator.dialects.okx_v5 import OkxV5
from ingestor.simulator.engine import Traits

DIALECTS: dict[str, type[Dialect]] = {
    dialect.name: dialect
    for dialect in (BinanceSpot, BinanceUsdm, CoinbaseExchange, KrakenV2, OkxV5, BybitV5, Coinapi)
}
KAIKO = "kaiko"     # over gRPC: grpc_server.py
NAMES = (*DIALECTS, KAIKO)


def traits(name: str) -> Traits:
    """What the engine must know of the dialect. Kaiko writes nanoseconds, and one side of a quote a message."""
    return Traits(1, quote_messages=2, rates=True) if name == KAIKO else DIALECTS[name].traits
