"""The dialects by their FIXED names. Adding one is one line here."""

from importlib import import_module
from typing import TYPE_CHECKING

from ingestor.errors import ConfigError

if TYPE_CHECKING:
    from ingestor.providers.provider import Provider

MODULES = {
    "binance-spot": "binance_spot",
    "binance-usdm": "binance_usdm",
    "binance-coinm": "binance_coinm",
    "binance-us": "binance_us",
    "coinbase-exchange": "coinbase_exchange",
    "coinbase-advanced": "coinbase_advanced",
    "kraken-v1": "kraken_v1",
    "kraken-v2": "kraken_v2",
    "kraken-futures": "kraken_futures",
    "okx-v5": "okx_v5",
    "bybit-v5": "bybit_v5",
    "bitstamp": "bitstamp",
    "deribit": "deribit",
    "bitmex": "bitmex",
    "hyperliquid": "hyperliquid",
    "gemini": "gemini",
    "bitfinex": "bitfinex",
    "coinapi": "coinapi",
    "kaiko": "kaiko",
    "cryptocompare": "cryptocompare",
    "coindesk": "coindesk",
    "amberdata": "amberdata",
    "tardis": "tardis",
}


def load(name: str) -> "Provider":
    """The handle of one dialect. ConfigError names the known ones."""
    if name not in MODULES:
        raise ConfigError(f"unknown provider {name!r}: use one of {', '.join(sorted(MODULES))}")
    handle: Provider = import_module(f"ingestor.providers.{MODULES[name]}").PROVIDER
    return handle
