"""The twins by dialect."""

from reference.amberdata import Amberdata
from reference.binance import Binance, BinanceCoinm, BinanceUs, BinanceUsdm
from reference.bitfinex import Bitfinex
from reference.bitmex import Bitmex
from reference.bitstamp import Bitstamp
from reference.bybit_v5 import BybitV5
from reference.coinapi import Coinapi
from reference.coinbase_advanced import CoinbaseAdvanced
from reference.coinbase_exchange import CoinbaseExchange
from reference.coindesk import Coindesk
from reference.cryptocompare import Cryptocompare
from reference.deribit import Deribit
from reference.dialect import Dialect
from reference.gemini import Gemini
from reference.hyperliquid import Hyperliquid
from reference.kaiko import Kaiko
from reference.kraken_futures import KrakenFutures
from reference.kraken_v1 import KrakenV1
from reference.kraken_v2 import KrakenV2
from reference.okx_v5 import OkxV5
from reference.tardis import Tardis

TWINS: dict[str, type[Dialect]] = {
    twin.dialect: twin
    for twin in (
        Binance,
        BinanceUsdm,
        BinanceCoinm,
        BinanceUs,
        CoinbaseExchange,
        CoinbaseAdvanced,
        KrakenV1,
        KrakenV2,
        KrakenFutures,
        OkxV5,
        BybitV5,
        Bitstamp,
        Deribit,
        Bitmex,
        Hyperliquid,
        Gemini,
        Bitfinex,
        Coinapi,
        Kaiko,
        Cryptocompare,
        Coindesk,
        Amberdata,
        Tardis,
    )
}
