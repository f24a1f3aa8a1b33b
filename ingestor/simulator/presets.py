"""Ready sets of markets: `demo`, which looks like the real thing, `bench`, wide and even, and `every` dialect.

The demo holds several venues around each price, two stablecoins off parity, perpetuals of both kinds, two
aggregators, and one market (bitstamp's btc-usd) that comes through both of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ingestor.errors import ConfigError
from ingestor.simulator.dialects.registry import KAIKO, NAMES
from ingestor.simulator.spec import AssetSpec, Fault, MarketSpec, SimulatorSpec

#: Levels of August 2026, roughly; the digits of price and size that venues quote them with.
ASSETS = (
    AssetSpec("btc", 64_000.0, 0.55), AssetSpec("eth", 3_350.0, 0.7), AssetSpec("sol", 182.0, 0.9),
    AssetSpec("xrp", 2.41, 0.9), AssetSpec("ada", 0.81, 1.0), AssetSpec("doge", 0.215, 1.1),
    AssetSpec("link", 21.4, 0.9), AssetSpec("ltc", 118.0, 0.8), AssetSpec("avax", 31.2, 1.0),
    AssetSpec("dot", 5.62, 0.9),
    AssetSpec("usdt", 0.9985, 0.01, anchor=0.9985), AssetSpec("usdc", 0.9999, 0.005, anchor=0.9999),
)
DIGITS = {"btc": (2, 6), "eth": (2, 5), "sol": (3, 3), "xrp": (4, 1), "usdt": (5, 1), "usdc": (5, 1), "ada": (4, 1),
          "doge": (5, 0), "link": (3, 2), "ltc": (2, 4), "avax": (3, 2), "dot": (3, 2)}
BENCH_BASES = ("btc", "eth", "sol", "xrp", "ada", "doge", "link", "ltc", "avax", "dot")
#: The venue that goes wrong where a fault names none.
BAD_VENUE = "bitfinex"
#: The demo's own schedule: what a viewer sees go wrong in the first minutes.
DEMO_FAULTS = (
    Fault("off", 30.0, 12.0), Fault("stuck", 60.0, 15.0), Fault("quiet", 90.0, 15.0), Fault("crossed", 120.0, 10.0))


def markets(spec: SimulatorSpec) -> list[MarketSpec]:
    """The markets of a simulator, by preset or its own, of the dialects it serves. Raises ConfigError."""
    if isinstance(spec.markets, str):
        if spec.markets not in PRESETS:
            raise ConfigError(f"no preset {spec.markets!r} of markets: use one of {', '.join(sorted(PRESETS))}")
        found: Sequence[MarketSpec] = PRESETS[spec.markets]
    else:
        found = spec.markets
    for dialect in (*spec.dialects, *(market.dialect for market in found)):
        if dialect not in NAMES:
            raise ConfigError(f"no simulated dialect {dialect!r}: use one of {', '.join(sorted(NAMES))}")
    chosen = [market for market in found if not spec.dialects or market.dialect in spec.dialects]
    if not chosen:
        raise ConfigError(f"no markets of {', '.join(spec.dialects) or 'any dialect'}: name another dialect or preset")
    served = {market.dialect for market in chosen}
    return [market if market.told_by in served else replace(market, told_by="") for market in chosen]


def assets(spec: SimulatorSpec) -> list[AssetSpec]:
    """The presets' assets with the spec's own, which win."""
    return list({asset.name: asset for asset in (*ASSETS, *spec.assets)}.values())


def _market(dialect: str, symbol: str, venue: str, base: str, quote: str, **more: Any) -> MarketSpec:
    price_digits, size_digits = DIGITS[base]
    data_class = more.pop("data_class", "spot")
    name = f"{base}-{quote}-perp" if data_class == "perp" else f"{base}-{quote}"
    return MarketSpec(dialect, symbol, name, venue, base, quote, data_class=data_class, price_digits=price_digits,
                      size_digits=size_digits, **more)


def _exchanges(base: str, weight: float) -> Iterable[MarketSpec]:
    """One base on every exchange: spot against usd and usdt, and the usdt perpetual."""
    name = base.upper()
    yield _market("binance-spot", f"{name}USDT", "binance", base, "usdt", weight=weight * 2, spread_bps=0.3, lag_s=0.01)
    yield _market("coinbase-exchange", f"{name}-USD", "coinbase", base, "usd", weight=weight, spread_bps=0.8)
    yield _market("kraken-v2", f"{name}/USD", "kraken", base, "usd", weight=weight * 0.6, spread_bps=1.5, lag_s=0.1)
    yield _market("okx-v5", f"{name}-USDT", "okx", base, "usdt", weight=weight, spread_bps=0.5, lag_s=0.03)
    yield _market("bybit-v5", f"{name}USDT", "bybit", base, "usdt", section="spot", weight=weight, spread_bps=0.6,
                  lag_s=0.04)
    perp = {"data_class": "perp", "basis_bps": 3.0}
    yield _market("binance-usdm", f"{name}USDT", "binance", base, "usdt", weight=weight * 2, spread_bps=0.2,
                  lag_s=0.005, **perp)
    yield _market("okx-v5", f"{name}-USDT-SWAP", "okx", base, "usdt", weight=weight, spread_bps=0.3, **perp)
    yield _market("bybit-v5", f"{name}USDT", "bybit", base, "usdt", section="linear", weight=weight, spread_bps=0.3,
                  **perp)


def _demo() -> list[MarketSpec]:
    found: list[MarketSpec] = []
    for base, weight in (("btc", 3.0), ("eth", 2.0), ("sol", 1.0), ("xrp", 0.6)):
        found += _exchanges(base, weight)
    for base in ("usdt", "usdc"):
        name = base.upper()
        found.append(_market("kraken-v2", f"{name}/USD", "kraken", base, "usd", weight=0.4, noise_bps=0.2))
        found.append(_market("coinapi", f"BITSTAMP_SPOT_{name}_USD", "bitstamp", base, "usd", venue_code="BITSTAMP",
                             weight=0.3, noise_bps=0.2))
        found.append(_market(KAIKO, f"{base}-usd", "gemini", base, "usd", section="spot", venue_code="gmni", weight=0.2,
                             noise_bps=0.2))
    found.append(_market("coinbase-exchange", "USDT-USD", "coinbase", "usdt", "usd", weight=0.4, noise_bps=0.2))
    for base, weight in (("btc", 0.5), ("eth", 0.4), ("sol", 0.2)):
        name = base.upper()
        slow = {"spread_bps": 3.0, "lag_s": 0.25, "noise_bps": 1.0}
        found.append(_market("coinapi", f"BITSTAMP_SPOT_{name}_USD", "bitstamp", base, "usd", venue_code="BITSTAMP",
                             weight=weight, **slow))
        found.append(_market("coinapi", f"GEMINI_SPOT_{name}_USD", "gemini", base, "usd", venue_code="GEMINI",
                             weight=weight, **slow))
        found.append(_market(KAIKO, f"{base}-usd", "bitfinex", base, "usd", section="spot", venue_code="bfnx",
                             weight=weight, **slow))
    found.append(_market(KAIKO, "btc-usd", "bitstamp", "btc", "usd", section="spot", venue_code="stmp", weight=0.3,
                         spread_bps=3.0, lag_s=0.25, noise_bps=1.0, told_by="coinapi"))
    for base, weight in (("btc", 0.8), ("eth", 0.5)):
        found += _inverse_perpetuals(base, weight)
    return found


def _inverse_perpetuals(base: str, weight: float) -> Iterable[MarketSpec]:
    """Margined in the coin, sized in dollars."""
    name = base.upper()
    for dialect, symbol, venue in (
            ("binance-coinm", f"{name}USD_PERP", "binance"), ("deribit", f"{name}-PERPETUAL", "deribit"),
            ("bitmex", f"{name.replace('BTC', 'XBT')}USD", "bitmex"),
            ("kraken-futures", f"PI_{name.replace('BTC', 'XBT')}USD", "kraken")):
        market = _market(dialect, symbol, venue, base, "usd", data_class="perp", basis_bps=2.0, weight=weight)
        yield replace(market, price_digits=1, size_digits=0, inverse=True)


def _bench() -> list[MarketSpec]:
    """Ten bases, each on the exchanges alike; the aggregators carry a tenth."""
    found = [replace(market, weight=1.0) for base in BENCH_BASES for market in _exchanges(base, 1.0)]
    for base in BENCH_BASES:
        found.append(_market("coinapi", f"BITSTAMP_SPOT_{base.upper()}_USD", "bitstamp", base, "usd",
                             venue_code="BITSTAMP", weight=0.5))
        found.append(_market(KAIKO, f"{base}-usd", "bitfinex", base, "usd", section="spot", venue_code="bfnx",
                             weight=0.3))
    found.append(_market("kraken-v2", "USDT/USD", "kraken", "usdt", "usd"))
    return found


def _every() -> list[MarketSpec]:
    """Every dialect with a market or two of each kind that it has: for tests and to look at."""
    spot = [("binance-spot", "BTCUSDT", "binance", "usdt"), ("binance-us", "BTCUSDT", "binance-us", "usdt"),
            ("coinbase-exchange", "BTC-USD", "coinbase", "usd"), ("coinbase-advanced", "BTC-USD", "coinbase", "usd"),
            ("kraken-v1", "XBT/USD", "kraken", "usd"), ("kraken-v2", "BTC/USD", "kraken", "usd"),
            ("bitstamp", "btcusd", "bitstamp", "usd"), ("okx-v5", "BTC-USDT", "okx", "usdt"),
            ("bitfinex", "tBTCUSD", "bitfinex", "usd"), ("gemini", "btcusd", "gemini", "usd"),
            ("gemini", "BTCUSD", "gemini", "usd")]
    found = [_market(dialect, symbol, venue, "btc", quote) for dialect, symbol, venue, quote in spot]
    perp = {"data_class": "perp", "basis_bps": 3.0}
    found += [_market(dialect, symbol, venue, "btc", quote, **perp) for dialect, symbol, venue, quote in (
        ("binance-usdm", "BTCUSDT", "binance", "usdt"), ("okx-v5", "BTC-USDT-SWAP", "okx", "usdt"),
        ("hyperliquid", "BTC", "hyperliquid", "usdc"), ("bitfinex", "tBTCF0:USTF0", "bitfinex", "usdt"))]
    found += _inverse_perpetuals("btc", 1.0)
    found += [_market("bybit-v5", "BTCUSDT", "bybit", "btc", "usdt", section="spot"),
              _market("bybit-v5", "BTCUSDT", "bybit", "btc", "usdt", section="linear", **perp)]
    found += [_market(dialect, symbol, venue, "btc", quote, venue_code=code, section=section)
              for dialect, symbol, venue, quote, code, section in (
                  ("coinapi", "BITSTAMP_SPOT_BTC_USD", "bitstamp", "usd", "BITSTAMP", ""),
                  ("coindesk", "BTC-USD", "cadli", "usd", "cadli", ""),
                  ("cryptocompare", "BTC~USD", "coinbase", "usd", "Coinbase", ""),
                  ("amberdata", "btc_usdt", "binance", "usdt", "binance", "spot"),
                  ("tardis", "btcusdt", "binance", "usdt", "binance", ""),
                  (KAIKO, "btc-usd", "coinbase", "usd", "cbse", "spot"))]
    found.append(_market("tardis", "btcusdt", "bybit", "btc", "usdt", venue_code="bybit", **perp))
    found.append(_market("amberdata", "BTCUSDT", "bybit", "btc", "usdt", venue_code="bybit", section="futures", **perp))
    found.append(_market("gemini", "btcusd", "gemini", "btc", "usd", section="fast"))
    return found


PRESETS = {"demo": _demo(), "bench": _bench(), "every": _every()}
