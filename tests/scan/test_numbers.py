"""Decimals, integers and doubles: exact, or refused, or rounded half to even and said so."""

import math
import random
import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference.rules import INT64_MAX, Malformed, Number, integer
from reference.rules import decimal as slow_decimal

from ingestor.decode import Decoder
from ingestor.scan import leaves
from ingestor.wire.text import plain_decimal

MATCH = '{{"type":"match","side":"buy","size":{},"price":{},"product_id":"BTC-USD"}}'
DIGITS = st.text("0123456789", min_size=1, max_size=40)
EXPONENTS = st.just("") | st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]),
                                    st.integers(0, 200).map(str) | st.sampled_from(["000000", "007", "9" * 30]))
FRACTIONS = st.just("") | DIGITS.map(lambda text: "." + text)
NUMBERS = st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), DIGITS, FRACTIONS, EXPONENTS)


def price_of(text: str) -> str | None:
    """What a decoder makes of a text in a price's place; None when it refuses."""
    status, records = Decoder("coinbase-exchange").decode(MATCH.format(1, text).encode())
    assert status in ("decoded", "bad_number", "number_range", "syntax", "missing_field")
    return records[0]["price"] if records else None


def slow_price(text: str) -> str | None:
    try:
        return slow_decimal(Number(text))
    except Malformed:
        return None


@given(NUMBERS)
@example("999999999999999999.9e127")
@example("9999999999999999995e126")
@example("0.0000000000000000000000000000001e31")
@example("1e-128")
@example("15e-129")
@example("150e-129")
@example("1e144")
@example("1e145")
@example("0e" + "9" * 40)
@example("-0.000")
def test_a_decimal_is_exactly_its_text_or_rounded_to_eighteen_digits_or_refused(text: str) -> None:
    assert price_of(f'"{text}"') == slow_price(text)
    status, mantissa, exponent, _ = leaves.decimal(text.encode())
    assert status in ("decoded", "number_range")
    assert (plain_decimal(mantissa, exponent) if status == "decoded" else None) == slow_price(text)


@given(NUMBERS.filter(lambda text: slow_price(text) is not None))
def test_digits_are_lost_only_when_it_is_said(text: str) -> None:
    _, mantissa, exponent, rounded = leaves.decimal(text.encode())
    coefficient, _, power = text.lower().partition("e")
    exact = Fraction(coefficient) == 0 or Fraction(mantissa) * Fraction(10) ** exponent == Fraction(
        coefficient) * Fraction(10) ** int(power or 0)
    assert rounded != exact


@given(st.text("0123456789.eE+-x ", max_size=12))
def test_a_text_that_is_no_number_is_refused(text: str) -> None:
    assert price_of(f'"{text}"') == (slow_price(text) if text else None)


def test_a_rounded_decimal_is_counted_and_an_exact_one_is_not() -> None:
    decoder = Decoder("binance-spot")
    trade = '{{"stream":"x","data":{{"e":"trade","s":"X","p":"{}","q":"1"}}}}'
    for text, counted in (("1234567890123456789", 1), ("123456789012345678.0000", 1), ("0.1234567890123456785", 2)):
        decoder.decode(trade.format(text).encode())
        assert decoder.rounded == counted


def test_a_number_is_read_alike_wherever_it_stands_in_a_frame() -> None:
    for size in range(1, 40):
        digits = ("1234567890" * 4)[:size]
        for text in (digits, f"0.{digits}", f"{digits}.{digits}"):
            for place in (f'{{"type":"match","price":{text},"size":1,"product_id":"X"}}',
                          f'{{"type":"match","size":1,"product_id":"X","price":{text}}}',
                          f'{{"price":"{text}","type":"match","size":1,"product_id":"X"}}',
                          f'{{"product_id":"X","size":1,"type":"match","price":"{text}"}}'):
                [record] = Decoder("coinbase-exchange").decode(place.encode())[1]
                assert record["price"] == slow_price(text)


@given(st.integers(-2**70, 2**70) | st.sampled_from([INT64_MAX, INT64_MAX + 1, -INT64_MAX, -INT64_MAX - 1, 10**18, 0]))
def test_an_integer_fits_in_64_bits_or_is_refused(number: int) -> None:
    expected = ("decoded", number) if abs(number) <= INT64_MAX else ("number_range", 0)
    assert leaves.integer(str(number).encode()) == expected


@given(st.text("0123456789-+.e ", max_size=25))
def test_an_integer_is_digits_with_a_minus_at_most(text: str) -> None:
    try:
        number = integer(Number(text)) if text else None
    except Malformed:
        assert leaves.integer(text.encode())[0] in ("bad_number", "number_range")
    else:
        assert leaves.integer(text.encode()) == (("bad_number", 0) if number is None else ("decoded", number))


# Doubles: what kaiko sends.

def check_shortest(value: float) -> None:
    sign, digits, power = Decimal(repr(value)).as_tuple()
    assert isinstance(power, int)
    whole = int("".join(map(str, digits)))
    while whole and whole % 10 == 0:
        whole, power = whole // 10, power + 1
    status, mantissa, exponent = leaves.shortest(value)
    if power < -128 or power - 127 > 18 - len(str(whole)):
        assert status == ("number_range" if whole else "decoded")
        return
    assert status == "decoded"
    assert plain_decimal(mantissa, exponent) == plain_decimal(-whole if sign else whole, power if whole else 0)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.1 + 0.2)
@example(5e-324)
@example(1.7976931348623157e308)
@example(2.2250738585072014e-308)
@example(-0.0)
def test_a_double_becomes_the_decimal_that_repr_prints(value: float) -> None:
    check_shortest(value)


def test_doubles_at_powers_of_two_and_beside_them_become_what_repr_prints() -> None:
    for power in range(-1074, 1024):
        value = math.ldexp(1.0, power)
        for beside in (value, -value, math.nextafter(value, 0), math.nextafter(value, math.inf)):
            if math.isfinite(beside):
                check_shortest(beside)


def test_doubles_at_the_edges_of_exact_integers_become_what_repr_prints() -> None:
    for edge in (2.0**53, 1e15, 9e15, 1e16, 1e22, 1e23, 1e7, 9999999.99999999):
        value = edge
        for _ in range(50):
            value = math.nextafter(value, 0)
        for _ in range(100):
            check_shortest(value)
            value = math.nextafter(value, math.inf)


def test_prices_and_random_doubles_become_what_repr_prints() -> None:
    chance = random.Random(7)
    for _ in range(20_000):
        check_shortest(round(chance.uniform(0, 10 ** chance.randint(-6, 9)), chance.randint(0, 12)))
        value = struct.unpack("<d", chance.randbytes(8))[0]
        if math.isfinite(value):
            check_shortest(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_decimal(value: float) -> None:
    assert leaves.shortest(value)[0] == "bad_number"


@given(st.integers(-2**53, 2**53), st.integers(-22, 22))
def test_pricing_sees_the_nearest_double_of_a_short_decimal(mantissa: int, exponent: int) -> None:
    assert leaves.nearest_double(mantissa, exponent) == float(f"{mantissa}e{exponent}")


@given(st.integers(-10**18, 10**18), st.integers(-128, 127))
def test_pricing_sees_any_decimal_to_within_a_few_ulp(mantissa: int, exponent: int) -> None:
    exact = float(f"{mantissa}e{exponent}")
    assert abs(leaves.nearest_double(mantissa, exponent) - exact) <= 4 * math.ulp(exact)
