"""From a provider's symbol to an instrument: base, quote, class, expiry. Simple rules, one a dialect.

For runs over captured frames, whose symbols nobody has listed. A symbol that no rule reads becomes a
stable slug of itself, so that its records still have a home.
"""

import re
from calendar import FRIDAY, monthrange
from dataclasses import dataclass
from datetime import date, timedelta

#: Quote currencies that end a symbol without separator, the longer before those they end with.
QUOTES = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "DAI", "BIDR", "IDRT", "BVND", "NGN", "UAH", "AUD", "BRL", "EUR",
    "GBP", "RUB", "TRY", "ZAR", "USD", "BTC", "ETH", "BNB", "TRX", "XRP", "DOT", "DOGE",
)
#: Where no pair is quoted in TUSD, so that `DOTUSD` is DOT; Gemini has more of its own.
US_QUOTES = tuple(quote for quote in QUOTES if quote != "TUSD")
GEMINI_QUOTES = ("GUSD", *US_QUOTES, "LTC", "BCH")
#: Futures month codes in the order of the months, and the months as Deribit writes them.
MONTHS = "FGHJKMNQUVXZ"
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Naming:
    """An instrument as a symbol names it."""

    id: str
    data_class: str
    base: str
    quote: str
    expiry: str = ""        # ISO date
    inverse: bool = False   # settled in the base


def instrument_of(dialect: str, section: str, symbol: str) -> Naming:
    """The instrument that the dialect means by this symbol, in this section."""
    return READERS.get(dialect, _spot)(section, symbol.upper()) or _slug(symbol)


def _spot(section: str, symbol: str) -> Naming | None:
    pair = _pair(symbol)
    return None if pair is None else Naming(f"{pair[0]}-{pair[1]}", "spot", *pair)


def _american(section: str, symbol: str) -> Naming | None:
    pair = _pair(symbol, US_QUOTES)
    return None if pair is None else Naming(f"{pair[0]}-{pair[1]}", "spot", *pair)


def _usdm(section: str, symbol: str) -> Naming | None:
    head, _, day = symbol.partition("_")
    pair = _pair(head)
    return None if pair is None else _derivative(pair, _day(day) if day else None, bool(day), inverse=False)


def _okx(section: str, symbol: str) -> Naming | None:
    parts = symbol.split("-")
    if len(parts) == 2:
        return _spot(section, symbol)
    if len(parts) not in (3, 5):
        return None
    pair, inverse = (parts[0].lower(), parts[1].lower()), parts[1] == "USD"
    if len(parts) == 3:
        return _derivative(pair, _day(parts[2]), parts[2] != "SWAP", inverse=inverse)
    return _option(pair, _day(parts[2]), parts[3], parts[4], inverse=inverse)


def _bybit(section: str, symbol: str) -> Naming | None:
    if section == "spot":
        return _spot(section, symbol)
    if symbol.endswith("PERP"):
        return _derivative((symbol.removesuffix("PERP").lower(), "usdc"), None, False, inverse=False)
    dated = re.fullmatch(rf"(\w+USD)([{MONTHS}])(\d\d)", symbol)
    pair = _pair(dated[1] if dated else symbol)
    if pair is None:
        return None
    expiry = _last_friday(2000 + int(dated[3]), MONTHS.index(dated[2]) + 1) if dated else None
    return _derivative(pair, expiry, dated is not None, inverse=pair[1] == "usd")


def _coinm(section: str, symbol: str) -> Naming | None:
    """`BTCUSD_PERP`, `BTCUSD_210924`; an index has no tail."""
    head, _, tail = symbol.partition("_")
    pair = _pair(head, US_QUOTES)
    if pair is None or not tail:
        return _american(section, symbol)
    return _derivative(pair, _day(tail), tail != "PERP", inverse=True)


def _deribit(section: str, symbol: str) -> Naming | None:
    """`BTC-PERPETUAL` and `BTC-25MAR22` are inverse, `SOL_USDC-PERPETUAL` is not; an index is `btc_usd`."""
    head, *rest = symbol.split("-")
    if not rest:
        return _spot(section, symbol)
    pair = _pair(head) if "_" in head else (head.lower(), "usd")
    if pair is None or len(rest) not in (1, 3):
        return None
    expiry, inverse = _named_day(rest[0]), pair[1] == "usd"
    if len(rest) == 1:
        return _derivative(pair, expiry, rest[0] != "PERPETUAL", inverse=inverse)
    return _option(pair, expiry, rest[1], rest[2], inverse=inverse)


def _kraken_futures(section: str, symbol: str) -> Naming | None:
    """`PI_XBTUSD`, `FI_XBTUSD_210430`: the inverse ones. The others' dollar pairs are not, under the same names."""
    kind, _, rest = symbol.partition("_")
    head, _, day = rest.partition("_")
    pair = _pair(head, US_QUOTES)
    if pair is None or kind not in ("PI", "FI"):
        return None
    return _derivative(_bitcoin(pair), _day(day), kind == "FI", inverse=True)


def _bitmex(section: str, symbol: str) -> Naming | None:
    """`XBTUSD` and `XBTM21` are inverse, `ADAM21` is priced in bitcoin, `ADAUSDT` in tether; the rest are quantos."""
    if "_" in symbol:
        pair = _pair(symbol)
        return None if pair is None else _spot(section, "-".join(_bitcoin(pair)))
    found = re.fullmatch(rf"([A-Z]+?)(USDT|USD|EUR|)(?:([{MONTHS}])(\d\d))?", symbol)
    if found is None or not (found[2] or found[3]):
        return None
    base = found[1].replace("XBT", "BTC").lower()
    quote = found[2].lower() or ("usd" if base == "btc" else "btc")
    if quote in ("usd", "eur") and base != "btc":
        return None
    expiry = _last_friday(2000 + int(found[4]), MONTHS.index(found[3]) + 1) if found[3] else None
    return _derivative((base, quote), expiry, expiry is not None, inverse=quote in ("usd", "eur"))


def _gemini(section: str, symbol: str) -> Naming | None:
    pair = _pair(symbol.removesuffix("PERP"), GEMINI_QUOTES)
    if pair is None:
        return None
    perpetual = symbol.endswith("PERP")
    return _derivative(pair, None, False, inverse=False) if perpetual else _spot(section, "-".join(pair))


def _hyperliquid(section: str, symbol: str) -> Naming | None:
    """Perpetuals are named by their coin, spot markets by a pair or a number."""
    return _derivative((symbol.lower(), "usdc"), None, False, inverse=False) if symbol.isalnum() else _spot("", symbol)


READERS = {
    "okx-v5": _okx, "binance-usdm": _usdm, "bybit-v5": _bybit, "binance-coinm": _coinm, "deribit": _deribit,
    "kraken-futures": _kraken_futures, "bitmex": _bitmex, "gemini": _gemini, "hyperliquid": _hyperliquid,
    "binance-us": _american, "bitstamp": _american,
}


def _bitcoin(pair: tuple[str, str]) -> tuple[str, str]:
    """The pair with bitcoin's usual code."""
    base, quote = ("btc" if each == "xbt" else each for each in pair)
    return base, quote


def _option(pair: tuple[str, str], expiry: date | None, strike: str, side: str, *, inverse: bool) -> Naming | None:
    if expiry is None:
        return None
    name = f"{pair[0]}-{pair[1]}-{expiry:%Y%m%d}-{strike.lower()}-{side.lower()}"
    return Naming(name, "option", *pair, expiry.isoformat(), inverse)


def _derivative(pair: tuple[str, str], expiry: date | None, dated: bool, *, inverse: bool) -> Naming | None:
    """A perpetual, or a future if `dated`; None when its date could not be read."""
    if not dated:
        return Naming(f"{pair[0]}-{pair[1]}-perp", "perp", *pair, "", inverse)
    if expiry is None:
        return None
    return Naming(f"{pair[0]}-{pair[1]}-{expiry:%Y%m%d}", "future", *pair, expiry.isoformat(), inverse)


def _pair(symbol: str, quotes: tuple[str, ...] = QUOTES) -> tuple[str, str] | None:
    parts = re.split(r"[-/_]", symbol)
    if len(parts) == 2 and all(parts):
        return parts[0].lower(), parts[1].lower()
    for quote in quotes:
        if symbol.endswith(quote) and len(symbol) > len(quote) and symbol.isalnum():
            return symbol.removesuffix(quote).lower(), quote.lower()
    return None


def _day(text: str) -> date | None:
    """`220325` or `20220325`."""
    found = re.fullmatch(r"(?:20)?(\d\d)(\d\d)(\d\d)", text)
    try:
        return date(2000 + int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _named_day(text: str) -> date | None:
    """`25MAR22` or `5MAR22`."""
    found = re.fullmatch(r"(\d\d?)([A-Z]{3})(\d\d)", text)
    try:
        return date(2000 + int(found[3]), MONTH_NAMES.index(found[2]) + 1, int(found[1])) if found else None
    except ValueError:
        return None


def _last_friday(year: int, month: int) -> date:
    """When quarterly contracts expire."""
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - FRIDAY) % 7)


def _slug(symbol: str) -> Naming:
    word = "".join(re.findall(r"[a-z0-9]+", symbol.lower())) or "unnamed"
    return Naming(f"{word}-unknown", "spot", word, "unknown")
