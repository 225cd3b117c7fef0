"""Money: minor units, half-up rounding per line, and shares that add up exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuke.kernel.money import Money, exponent, line_minor, parse_decimal, split_minor, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1.005", "CNY", 101),
        ("-1.005", "CNY", -101),
        ("0.004", "GBP", 0),
        ("12", "JPY", 12),
        ("1.2345", "KWD", 1235),
    ],
)
def test_to_minor__any_currency__rounds_half_up_away_from_zero(amount, currency, minor):
    assert to_minor(Decimal(amount), currency) == minor


def test_line_minor__fractional_unit_price__rounds_the_product_once():
    assert line_minor(Decimal(3), Decimal("0.335"), "GBP") == 101


def test_exponent__unknown_currency__is_two():
    assert exponent("ZZZ") == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", "1234.50"),
        ("-1,234,567", "-1234567"),
        ("12.30元", "12.30"),
        ("¥12", "12"),
        ("-¥12.5", "-12.5"),
        (" -3 ", "-3"),
        ("1e3", "1000"),
    ],
)
def test_parse_decimal__as_exports_write_it__is_exact(text, value):
    assert parse_decimal(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "Infinity", "1.2.3", "2,50", "1,2345", ",5", "1,234,5", "12,34.5", "-"]
)
def test_parse_decimal__no_number__is_refused(text):
    with pytest.raises(ValueError):
        parse_decimal(text)


def test_add__two_currencies__is_refused():
    with pytest.raises(ValueError, match="cannot add"):
        Money(1, "CNY") + Money(1, "GBP")


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6), st.data())
def test_split_minor__any_shares__add_up_exactly(wholes, data):
    fractions = [data.draw(st.floats(0, 0.999)) for _ in wholes]
    shares = [w + f for w, f in zip(wholes, fractions, strict=True)]
    total = round(sum(shares))
    parts = split_minor(total, shares)
    assert sum(parts) == total
    assert all(abs(p - s) <= 1.01 for p, s in zip(parts, shares, strict=True))
