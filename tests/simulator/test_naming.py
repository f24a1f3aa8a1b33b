"""Instruments named from providers' symbols."""

import pytest

from ingestor.simulator.naming import instrument_of


@pytest.mark.parametrize(("dialect", "section", "symbol", "name", "data_class", "inverse"), [
    ("binance-spot", "", "BTCUSDT", "btc-usdt", "spot", False),
    ("binance-spot", "", "RENBTCETH", "renbtc-eth", "spot", False),
    ("binance-spot", "", "AAVEUPUSDT", "aaveup-usdt", "spot", False),
    ("binance-spot", "", "BTCFDUSD", "btc-fdusd", "spot", False),
    ("binance-usdm", "", "BTCUSDT", "btc-usdt-perp", "perp", False),
    ("binance-usdm", "", "BTCBUSD_210129", "btc-busd-20210129", "future", False),
    ("coinbase-exchange", "", "SKL-GBP", "skl-gbp", "spot", False),
    ("kraken-v2", "", "BTC/USD", "btc-usd", "spot", False),
    ("okx-v5", "", "ELON-USDT", "elon-usdt", "spot", False),
    ("okx-v5", "", "XMR-USDT-SWAP", "xmr-usdt-perp", "perp", False),
    ("okx-v5", "", "UNI-USD-SWAP", "uni-usd-perp", "perp", True),
    ("okx-v5", "", "FIL-USDT-220325", "fil-usdt-20220325", "future", False),
    ("okx-v5", "", "BTC-USD-210924-66000-C", "btc-usd-20210924-66000-c", "option", True),
    ("bybit-v5", "spot", "ARBUSDC", "arb-usdc", "spot", False),
    ("bybit-v5", "linear", "SOLUSDT", "sol-usdt-perp", "perp", False),
    ("bybit-v5", "linear", "BTCPERP", "btc-usdc-perp", "perp", False),
    ("bybit-v5", "inverse", "BTCUSD", "btc-usd-perp", "perp", True),
    ("bybit-v5", "inverse", "BTCUSDU23", "btc-usd-20230929", "future", True),
    ("binance-us", "", "HNTUSD", "hnt-usd", "spot", False),
    ("bitstamp", "", "dotusd", "dot-usd", "spot", False),
    ("binance-coinm", "", "BTCUSD_PERP", "btc-usd-perp", "perp", True),
    ("binance-coinm", "", "DOTUSD_210625", "dot-usd-20210625", "future", True),
    ("binance-coinm", "", "BTCUSD", "btc-usd", "spot", False),
    ("deribit", "", "BTC-PERPETUAL", "btc-usd-perp", "perp", True),
    ("deribit", "", "SOL_USDC-PERPETUAL", "sol-usdc-perp", "perp", False),
    ("deribit", "", "ETH-5JUN20", "eth-usd-20200605", "future", True),
    ("deribit", "", "BTC-25MAR22-400000-C", "btc-usd-20220325-400000-c", "option", True),
    ("deribit", "", "btc_usd", "btc-usd", "spot", False),
    ("kraken-futures", "", "PI_XBTUSD", "btc-usd-perp", "perp", True),
    ("kraken-futures", "", "FI_XBTUSD_210430", "btc-usd-20210430", "future", True),
    ("bitmex", "", "XBTUSD", "btc-usd-perp", "perp", True),
    ("bitmex", "", "XBTM21", "btc-usd-20210625", "future", True),
    ("bitmex", "", "ADAM21", "ada-btc-20210625", "future", False),
    ("bitmex", "", "DOGEUSDT", "doge-usdt-perp", "perp", False),
    ("bitmex", "", "XBT_USDT", "btc-usdt", "spot", False),
    ("gemini", "", "BATUSD", "bat-usd", "spot", False),
    ("gemini", "", "BTCGUSDPERP", "btc-gusd-perp", "perp", False),
    ("gemini", "", "ZECLTC", "zec-ltc", "spot", False),
    ("hyperliquid", "", "BTC", "btc-usdc-perp", "perp", False),
    ("hyperliquid", "", "PURR/USDC", "purr-usdc", "spot", False),
])
def test_a_symbol_names_its_instrument(dialect, section, symbol, name, data_class, inverse):
    named = instrument_of(dialect, section, symbol)
    assert (named.id, named.data_class, named.inverse) == (name, data_class, inverse)


@pytest.mark.parametrize(("dialect", "symbol"), [
    ("okx-v5", "A-B-C-D"), ("okx-v5", "BTC-USD-999999"), ("binance-spot", "USDT"), ("binance-spot", "币安人生"),
    ("binance-usdm", "BTCUSDT_999999"), ("kraken-v2", "///"), ("binance-coinm", "BTCUSD_999999"),
    ("deribit", "BTC-FS-30SEP22_PERP"), ("deribit", "BTC-31FEB22"), ("kraken-futures", "PF_SUIUSD"),
    ("bitmex", "ETHUSD"), ("bitmex", "ETHUSDM21"), ("bitmex", ".BXBT"), ("gemini", "PERP"), ("hyperliquid", "@107")])
def test_a_symbol_that_no_rule_reads_gets_a_stable_id_of_its_own(dialect, symbol):
    named = instrument_of(dialect, "", symbol)
    assert named == instrument_of(dialect, "", symbol)
    assert named.id.endswith("-unknown")
    assert named.id.isascii()
