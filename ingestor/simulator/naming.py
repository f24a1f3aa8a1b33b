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
#: Futures month codes in the order of the months.
MONTHS = "FGHJKMNQUVXZ"


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
    reader = {"okx-v5": _okx, "binance-usdm": _usdm, "bybit-v5": _bybit}.get(dialect, _spot)
    return reader(section, symbol.upper()) or _slug(symbol)


def _spot(section: str, symbol: str) -> Naming | None:
    pair = _pair(symbol)
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
    expiry = _day(parts[2])
    if expiry is None:
        return None
    name = f"{pair[0]}-{pair[1]}-{expiry:%Y%m%d}-{parts[3].lower()}-{parts[4].lower()}"
    return Naming(name, "option", *pair, expiry.isoformat(), inverse)


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


def _derivative(pair: tuple[str, str], expiry: date | None, dated: bool, *, inverse: bool) -> Naming | None:
    """A perpetual, or a future if `dated`; None when its date could not be read."""
    if not dated:
        return Naming(f"{pair[0]}-{pair[1]}-perp", "perp", *pair, "", inverse)
    if expiry is None:
        return None
    return Naming(f"{pair[0]}-{pair[1]}-{expiry:%Y%m%d}", "future", *pair, expiry.isoformat(), inverse)


def _pair(symbol: str) -> tuple[str, str] | None:
    parts = re.split(r"[-/_]", symbol)
    if len(parts) == 2 and all(parts):
        return parts[0].lower(), parts[1].lower()
    for quote in QUOTES:
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


def _last_friday(year: int, month: int) -> date:
    """When quarterly contracts expire."""
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - FRIDAY) % 7)


def _slug(symbol: str) -> Naming:
    word = "".join(re.findall(r"[a-z0-9]+", symbol.lower())) or "unnamed"
    return Naming(f"{word}-unknown", "spot", word, "unknown")
