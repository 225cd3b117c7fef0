"""The products that an event names in its properties: who reads JSON here reads it as the collection does, and forgives.

An event of the spec names one product in its properties, or several in `products`. A product is named by `product_id`, else
`productId`, else `sku`; its title is `name`, else `title`. A quantity that is not stated is one unit; one that is no plain
number from 0 upwards makes the line's units unknown. The amount of a line is price x quantity, rounded once (half up), in
the line's currency, else the event's; without a price it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Any

import msgspec

from shuke.kernel.money import line_minor

_NAMES = ("product_id", "productId", "sku")
_TITLES = ("name", "title")
_MOST_UNITS = Decimal(10) ** 12
_MOST_MINOR = 2**62
_THOUSANDTH = Decimal("0.001")
# Numbers with a fraction as the text has them; binary fractions would lose cents.
_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Line:
    """One product of an event. `quantity` in units of three decimals; `amount_minor` of `currency`; None: not known."""

    product_ref: str
    title: str | None
    quantity: Decimal | None
    amount_minor: int | None
    currency: str | None


def lines_of(properties: str | None, currency: str | None, shop_currency: str) -> list[Line]:
    """The products of an event that can be named, in the order in which they stand. Raises nothing."""
    given = read(properties)
    products = given.get("products")
    if not isinstance(products, list):
        products = [given]
    event_currency = currency or _currency(given.get("currency")) or shop_currency
    return list(_lines(products, event_currency))


def title_of(properties: str | None) -> str | None:
    """The title of the one product that an event names. Raises nothing."""
    return _title(read(properties))


def read(properties: str | None) -> dict[str, Any]:
    """Properties as a dictionary; what is none, or can not be read, is empty."""
    if not properties:
        return {}
    try:
        found = _decoder.decode(properties)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(products: list[Any], currency: str) -> Iterator[Line]:
    for product in products:
        if not isinstance(product, dict):
            continue
        ref = next((text for name in _NAMES if (text := _text(product.get(name)))), None)
        if ref is None:
            continue
        own = _currency(product.get("currency")) or currency
        quantity = _quantity(product.get("quantity"))
        amount = _amount(_number(product.get("price")), quantity, own)
        yield Line(ref, _title(product), quantity, amount, own)


def _text(value: Any) -> str | None:
    is_name = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_name and value != "" else None


def _title(product: dict[str, Any]) -> str | None:
    return next((text for name in _TITLES if (text := _text(product.get(name)))), None)


def _currency(value: Any) -> str | None:
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(text) == 3 and text.isascii() and text.isalpha() else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except DecimalException:
        return None
    return number if number.is_finite() and abs(number) < _MOST_UNITS else None


def _quantity(value: Any) -> Decimal | None:
    if value is None:
        return Decimal("1.000")
    number = _number(value)
    if number is None or number < 0:
        return None
    return number.quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)


def _amount(price: Decimal | None, quantity: Decimal | None, currency: str) -> int | None:
    if price is None or quantity is None or price < 0:
        return None
    try:
        minor = line_minor(quantity, price, currency)
    except DecimalException:
        return None
    return minor if minor < _MOST_MINOR else None
