"""The small markets that the benches price."""

from collections.abc import Sequence

from ingestor.settings import Instrument, Market
from ingestor.unify.instruments import Instruments

SPOT = Instrument("btc-usdt", base="btc", quote="usdt")
PERPETUAL = Instrument("btc-usdt-perp", "perp", base="btc", quote="usdt")
BINANCE_MARKETS = {
    "binance-spot": Market("btc-usdt", "binance-spot", "binance", "BTCUSDT"),
    "binance-usdm": Market("btc-usdt-perp", "binance-usdm", "binance", "BTCUSDT"),
}


def tables(instruments: Sequence[Instrument], markets: Sequence[Market]) -> Instruments:
    """The tables of a shard that owns everything."""
    return Instruments(instruments, markets, lambda _: 0)


def binance() -> Instruments:
    """BTCUSDT, spot and perpetual, each with its own fair price."""
    return tables((SPOT, PERPETUAL), tuple(BINANCE_MARKETS.values()))


def kaiko() -> Instruments:
    """btc-usd on one venue, through Kaiko."""
    return tables(
        (Instrument("btc-usd", base="btc", quote="usd"),),
        (Market("btc-usd", "kaiko", "coinbase", "btc-usd", "spot", "cbse"),))
