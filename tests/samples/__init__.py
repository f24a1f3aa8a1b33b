"""Small frames written from the format reference: every row of the channel map, dialect by dialect."""

from samples.amberdata import amberdata
from samples.binance import coinm, spot, us, usdm
from samples.bitfinex import bitfinex
from samples.bitmex import bitmex
from samples.bitstamp import bitstamp
from samples.bybit_v5 import bybit
from samples.coinapi import coinapi
from samples.coinbase_advanced import advanced
from samples.coinbase_exchange import coinbase
from samples.coindesk import coindesk
from samples.cryptocompare import cryptocompare
from samples.deribit import deribit
from samples.gemini import gemini
from samples.hyperliquid import hyperliquid
from samples.kaiko import kaiko
from samples.kraken_futures import futures
from samples.kraken_v1 import v1
from samples.kraken_v2 import kraken
from samples.okx_v5 import okx
from samples.sample import Sample, Samples
from samples.tardis import tardis

SAMPLES: dict[str, Samples] = {
    each.dialect: each
    for each in (
        spot,
        usdm,
        coinm,
        us,
        coinbase,
        advanced,
        v1,
        kraken,
        futures,
        okx,
        bybit,
        bitstamp,
        deribit,
        bitmex,
        hyperliquid,
        gemini,
        bitfinex,
        coinapi,
        kaiko,
        cryptocompare,
        coindesk,
        amberdata,
        tardis,
    )
}

__all__ = ["SAMPLES", "Sample", "Samples"]
