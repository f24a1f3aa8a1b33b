"""Reading what is given to evaluate(): plain mappings to checked values.

Every fault raises ConfigError saying where, with which value, and what to give. Only shapes are checked:
a price may be NaN, infinite or negative, as a feed could send it, and then just isn't used.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ingestor.errors import ConfigError
from ingestor.pricing.parameters import number

AGE_MAX_S = 9e9         # 285 years of ns fit an int64: older is as old
OWN = "own"             # in place of a conversion: already in the book's currency
VALUES_MAX = 100_000    # of one list: seconds of work, not minutes
EXACT_MAX = 2 ** 51     # doubles hold every half below it


@dataclass(frozen=True, slots=True)
class Conversion:
    """The price of a source's quote currency as its own consensus last said it."""

    rate: float
    conf: float
    age_s: float
    status: str


@dataclass(frozen=True, slots=True)
class SourceInput:
    """One source path at the moment of evaluation.

    NaN: no such price. `conversion` is OWN where none is needed, None where none is to be had.
    """

    name: str
    venue: object
    bid: float
    ask: float
    quote_age_s: float
    last: float
    trade_age_s: float
    weight: float
    conversion: Conversion | str | None


@dataclass(frozen=True, slots=True)
class LastInput:
    """The last fair price from fresh sources."""

    price: float
    conf: float
    age_s: float


def mapping(value: object, where: str) -> Mapping[str, object]:
    """The value, which must be a mapping."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {value!r}: give a mapping")
    return value


def items(given: Mapping[str, object], key: str, where: str) -> Sequence[object]:
    """A list under a key that must be there."""
    value = needed(given, key, where)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ConfigError(f"{where}.{key} is {value!r}: give a list")
    return value


def needed(given: Mapping[str, object], key: str, where: str) -> object:
    """What stands under a key that must be there."""
    if key not in given:
        raise ConfigError(f"{where} has no {key!r}: it has {', '.join(map(repr, given)) or 'nothing'}; add it")
    return given[key]


def real(value: object, where: str) -> float:
    """A number or decimal text; NaN and infinities too."""
    found = number(value)
    if found is None:
        raise ConfigError(f"{where} is {value!r}: give a number")
    return found


def reals(given: Mapping[str, object], key: str, where: str) -> list[float]:
    """A list of numbers under a key that must be there."""
    return [real(value, f"{where}.{key}[{i}]") for i, value in enumerate(items(given, key, where))]


def finite(value: object, where: str) -> float:
    """A number that is one: neither NaN nor infinite."""
    found = real(value, where)
    if not math.isfinite(found):
        raise ConfigError(f"{where} is {value!r}: give a finite number")
    return found


def positive(value: object, where: str) -> float:
    """A finite number above 0."""
    found = real(value, where)
    if not 0 < found < math.inf:
        raise ConfigError(f"{where} is {value!r}: give a positive number")
    return found


def share(value: object, where: str) -> float:
    """A finite number that is not negative."""
    found = real(value, where)
    if not 0 <= found < math.inf:
        raise ConfigError(f"{where} is {value!r}: give a number that is not negative")
    return found


def several(given: Mapping[str, object], key: str, where: str, check: Callable[[object, str], float],
            most: int = VALUES_MAX) -> list[float]:
    """A list of 1 to `most` numbers under a key that must be there, each checked."""
    values = items(given, key, where)
    if not 1 <= len(values) <= most:
        raise ConfigError(f"{where}.{key} has {len(values)} values: give 1 to {most}")
    return [check(value, f"{where}.{key}[{i}]") for i, value in enumerate(values)]


def allowed(given: Mapping[str, object], names: Sequence[str], where: str) -> None:
    """Only these names."""
    for name in given:
        if name not in names:
            raise ConfigError(f"{where} has the parameter {name!r}: it knows {', '.join(names) or 'none'}")


def field(given: Mapping[str, object], key: str, where: str, check: Callable[[object, str], float]) -> float:
    """A checked number under a key that must be there."""
    return check(needed(given, key, where), f"{where}.{key}")


def age(value: object, where: str) -> float:
    """Seconds; a future time (negative) counts as now."""
    found = real(value, where)
    if math.isnan(found):
        raise ConfigError(f"{where} is {value!r}: give an age in seconds")
    return min(max(found, 0.0), AGE_MAX_S)


def sources(given: Mapping[str, object], where: str) -> list[SourceInput]:
    """The source paths: names must differ."""
    found = [_source(mapping(row, f"{where}.sources[{i}]"), f"{where}.sources[{i}]")
             for i, row in enumerate(items(given, "sources", where))]
    seen: set[str] = set()
    for row in found:
        if row.name in seen:
            raise ConfigError(f"{where}.sources has two of name {row.name!r}: rename one")
        seen.add(row.name)
    return found


def last_price(given: Mapping[str, object], where: str) -> LastInput | None:
    """What is held when no source is fresh; None when nothing is."""
    if given.get("last") is None:
        return None
    row, where = mapping(given["last"], f"{where}.last"), f"{where}.last"
    found = LastInput(real(needed(row, "price", where), f"{where}.price"),
                      real(needed(row, "conf", where), f"{where}.conf"),
                      age(needed(row, "age", where), f"{where}.age"))
    if not (0 < found.price < math.inf and 0 <= found.conf < math.inf):
        raise ConfigError(f"{where} is {dict(row)!r}: give a positive price and a conf that is not negative")
    return found


def names(given: Mapping[str, object], key: str, known: Sequence[str], where: str) -> list[int]:
    """Indexes of the named sources; a missing key is an empty list."""
    if given.get(key) is None:
        return []
    found = items(given, key, where)
    for name in found:
        if name not in known:
            raise ConfigError(f"{where}.{key} names {name!r}, which is no source: use one of {', '.join(known)}")
    return [known.index(str(name)) for name in found]


def exact_scales(given: Mapping[str, object]) -> tuple[float, float]:
    """Powers of ten that make all prices, and all rates, integers that doubles hold: decimal text is exact.

    1 and 1 where that can't be: a price given as a float says no more than the float.
    """
    rows = [*_rows(given.get("sources")), *_rows([given.get("last")])]
    rates = [conversion.get(key) for row in rows for conversion in _rows([row.get("conv")]) for key in ("rate", "conf")]
    prices = [row.get(key) for row in rows for key in ("bid", "ask", "x", "half", "last", "price", "conf")]
    price_digits, rate_digits = _digits(prices), _digits(rates)
    if price_digits is None or rate_digits is None:
        return 1.0, 1.0
    (price_places, price_top), (rate_places, rate_top) = price_digits, rate_digits
    if price_top * max(rate_top, Decimal(1)) * 10 ** (price_places + rate_places) > EXACT_MAX:
        return 1.0, 1.0
    return float(10 ** price_places), float(10 ** rate_places)


def _rows(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Sequence):
        yield from (row for row in value if isinstance(row, Mapping))


def _digits(values: Iterable[object]) -> tuple[int, Decimal] | None:
    """The most places after the point, and the largest absolute value; None unless all are exact decimals."""
    places, top = 0, Decimal(0)
    for value in values:
        if value is None:
            continue
        if not isinstance(value, str | int | Decimal):
            return None
        try:
            exact = Decimal(value)
        except InvalidOperation:
            return None
        exponent = exact.as_tuple().exponent
        if not isinstance(exponent, int) or abs(exponent) > 18:
            return None
        places, top = max(places, -exponent), max(top, abs(exact))
    return places, top


def _source(row: Mapping[str, object], where: str) -> SourceInput:
    name = needed(row, "name", where)
    if not isinstance(name, str):
        raise ConfigError(f"{where}.name is {name!r}: give a text")
    venue = row.get("venue", name)
    if not isinstance(venue, str):
        raise ConfigError(f"{where}.venue is {venue!r}: give a text")
    last, trade_age_s = math.nan, 0.0
    if row.get("last") is not None:
        last, trade_age_s = real(row["last"], f"{where}.last"), age(needed(row, "t_age", where), f"{where}.t_age")
    return SourceInput(name, venue, *_quote(row, where), last, trade_age_s,
                       real(row.get("base_weight", 1), f"{where}.base_weight"), _conversion(row, where))


def _quote(row: Mapping[str, object], where: str) -> tuple[float, float, float]:
    """Bid, ask and age; from x and half where these are given instead."""
    if "x" in row:
        x, half = real(row["x"], f"{where}.x"), real(needed(row, "half", where), f"{where}.half")
        return x - half, x + half, age(needed(row, "age", where), f"{where}.age")
    sides = [math.nan if row.get(key) is None else real(row[key], f"{where}.{key}") for key in ("bid", "ask")]
    if row.get("bid") is None and row.get("ask") is None:
        if row.get("last") is None:
            raise ConfigError(f"{where} has no price: give bid, ask and q_age, or x, half and age, or last and t_age")
        return sides[0], sides[1], 0.0
    return sides[0], sides[1], age(needed(row, "q_age", where), f"{where}.q_age")


def _conversion(row: Mapping[str, object], where: str) -> Conversion | str | None:
    if "conv" not in row:
        return OWN
    if row["conv"] is None:
        return None
    given, where = mapping(row["conv"], f"{where}.conv"), f"{where}.conv"
    status = given.get("status", "OK")
    if not isinstance(status, str):
        raise ConfigError(f"{where}.status is {status!r}: give a status name")
    return Conversion(real(needed(given, "rate", where), f"{where}.rate"),
                      real(needed(given, "conf", where), f"{where}.conf"),
                      age(given.get("age", 0), f"{where}.age"), status)
