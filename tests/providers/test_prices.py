"""A price in every dialect: exact where it can be held, refused by name where it is none."""

import pytest
from samples.amberdata import TRADE as AMBERDATA
from samples.amberdata import frame as amberdata_frame
from samples.binance import TRADE as BINANCE
from samples.bitfinex import TRADES as BITFINEX
from samples.bitmex import TRADE as BITMEX
from samples.bitmex import frame as bitmex_frame
from samples.bitstamp import TRADE as BITSTAMP
from samples.bybit_v5 import LINEAR as BYBIT
from samples.bybit_v5 import trades as bybit_trades
from samples.coinapi import TRADE as COINAPI
from samples.coinbase_advanced import ROW as ADVANCED
from samples.coinbase_advanced import event as advanced_event
from samples.coinbase_advanced import frame as advanced_frame
from samples.coinbase_exchange import MATCH as COINBASE
from samples.cryptocompare import TRADE as CRYPTOCOMPARE
from samples.deribit import TRADE as DERIBIT
from samples.deribit import frame as deribit_frame
from samples.gemini import FAST as GEMINI
from samples.hyperliquid import TRADE as HYPERLIQUID
from samples.hyperliquid import frame as hyperliquid_frame
from samples.kraken_futures import TRADE as KRAKEN_FUTURES
from samples.kraken_v1 import ROW as KRAKEN_V1
from samples.kraken_v1 import trades as kraken_v1_trades
from samples.kraken_v2 import ROW as KRAKEN
from samples.kraken_v2 import frame as kraken_frame
from samples.okx_v5 import TRADE as OKX
from samples.okx_v5 import frame as okx_frame
from samples.tardis import TRADE as TARDIS

from ingestor.decode import Decoder

# A trade of each dialect with %s where its price stands, as number or as text.
FRAMES = {
    "binance-spot": f'{{"stream":"x","data":{BINANCE}}}'.replace('"64012.37000000"', "%s"),
    "binance-usdm": BINANCE.replace('"64012.37000000"', "%s"),
    "binance-coinm": BINANCE.replace('"64012.37000000"', "%s"),
    "binance-us": BINANCE.replace('"64012.37000000"', "%s"),
    "coinbase-exchange": COINBASE.replace('"64012.37"', "%s"),
    "coinbase-advanced": advanced_frame("market_trades", advanced_event("market_trades", ADVANCED)).replace(
        '"64012.38"', "%s"),
    "kraken-v2": kraken_frame("trade", KRAKEN).replace("63297.7", "%s"),
    "kraken-v1": kraken_v1_trades(KRAKEN_V1).replace('"58721.20000"', "%s"),
    "kraken-futures": KRAKEN_FUTURES.replace("64012.50", "%s"),
    "okx-v5": okx_frame("trades", OKX).replace('"64012.30"', "%s"),
    "bybit-v5": bybit_trades(BYBIT).replace('"64012.30"', "%s"),
    "coinapi": COINAPI.replace("64012.37", "%s"),
    "cryptocompare": CRYPTOCOMPARE.replace("64012.37", "%s"),
    "amberdata": amberdata_frame(AMBERDATA).replace("64012.37", "%s"),
    "tardis": TARDIS.replace("64012.5", "%s"),
    "bitstamp": BITSTAMP.replace('3805.44,"price_str":"3805.44"', "%s"),
    "deribit": deribit_frame("trades.X.100ms", f"[{DERIBIT}]").replace("63344.5", "%s"),
    "bitmex": bitmex_frame("trade", BITMEX).replace("64012.5", "%s"),
    "gemini": GEMINI.replace('"64012.38000"', "%s"),
    "hyperliquid": hyperliquid_frame("trades", f"[{HYPERLIQUID}]").replace('"64096.0"', "%s"),
    "bitfinex": '[1,"te",[7,1786562940921,-0.0042,%s]]',
}
# What a connection must have been told before.
BEFORE = {"bitfinex": BITFINEX}


def connection(dialect: str) -> Decoder:
    decoder = Decoder(dialect)
    if dialect in BEFORE:
        decoder.decode(BEFORE[dialect].encode())
    return decoder


@pytest.mark.parametrize("dialect", FRAMES)
@pytest.mark.parametrize(("text", "status"), [
    ('"NaN"', "bad_number"), ("true", "bad_type"), ('"+1"', "bad_number"), ('" 1"', "bad_number"),
    ('"1 "', "bad_number"), ('"abc"', "bad_number"), ('"1e"', "bad_number"), ('"-"', "bad_number"),
    ('".5"', "bad_number"), ('"1."', "bad_number"), ('"0x1"', "bad_number"), ('"\\u00e9"', "bad_number"),
    ("{}", "bad_type"), ("[]", "bad_type"), ("false", "bad_type"), ('""', "missing_field"),
    ("null", "missing_field"), ('"1e200"', "number_range"), ("1e-200", "number_range"), ("01", "syntax"),
    ("NaN", "syntax"), ("Infinity", "syntax"), (".5", "syntax"), ("1.", "syntax"), ("-", "syntax"),
    ("1e", "syntax"), ("+1", "syntax"), ("[1,]", "syntax"), ("1 2", "syntax"), ('"\n"', "syntax"),
    ('"\\x"', "bad_escape"),
])
def test_a_bad_price_refuses_the_frame_and_names_the_reason(dialect: str, text: str, status: str) -> None:
    decoder = connection(dialect)
    assert decoder.decode((FRAMES[dialect] % text).encode()) == (status, [])
    assert decoder.decode((FRAMES[dialect] % "1.5").encode())[1][0]["price"] == "1.5"


@pytest.mark.parametrize("dialect", FRAMES)
@pytest.mark.parametrize(("text", "price"), [
    ("6E-8", "0.00000006"), ("-8.477e-05", "-0.00008477"), ('"007.50"', "7.5"), ("-0", "0"), ("0.0", "0"),
    ("1e3", "1000"), ('"\\u0031\\u002e\\u0035"', "1.5"), ('"123456789012345678"', "123456789012345678"),
    ('"1234567890123456785"', "1234567890123456780"), ('"1234567890123456775"', "1234567890123456780"),
    ("12345678901234567.851", "12345678901234567.9"), ('"0.10000000000000000000000"', "0.1"),
    ('"999999999999999999.9"', "1000000000000000000"), ("1e127", "1" + "0" * 127), ("1e144", "1" + "0" * 144),
])
def test_a_price_is_exact_to_eighteen_digits_and_rounded_half_even_beyond(dialect: str, text: str, price: str) -> None:
    assert connection(dialect).decode((FRAMES[dialect] % text).encode())[1][0]["price"] == price
