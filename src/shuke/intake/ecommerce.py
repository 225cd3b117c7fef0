"""E-commerce events by the names of Segment's spec (v2), their older names, and what they say of order and amount.

The amount of an order event is what was paid: `total`; else subtotal + shipping + tax; else revenue - discount +
shipping + tax. `revenue` is before the discount: the spec's own example has revenue 25.00, discount 2.50, subtotal
22.50, shipping 3, tax 2, total 27.50. A refund may name products instead (a part), or the order alone (the whole).

The units of an order event are the quantities of its products; a product without a quantity is one unit. Where no
products stand, or one has a quantity that is no plain number from 0 upwards, the units are not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, DecimalException

import msgspec

from shuke.intake.reasons import Refusal
from shuke.intake.segment_spec import Commerce, Product, decoder
from shuke.kernel.money import to_minor

ORDER = frozenset({"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"})
PRODUCT = frozenset(
    {
        "Product Clicked",
        "Product Viewed",
        "Product Added",
        "Product Removed",
        "Product Added to Wishlist",
        "Product Removed from Wishlist",
        "Wishlist Product Added to Cart",
        "Product Shared",
        "Product Reviewed",
    }
)
OTHERS = frozenset(
    {
        "Products Searched",
        "Product List Viewed",
        "Product List Filtered",
        "Promotion Viewed",
        "Promotion Clicked",
        "Cart Viewed",
        "Cart Shared",
        "Checkout Started",
        "Checkout Step Viewed",
        "Checkout Step Completed",
        "Payment Info Entered",
        "Coupon Entered",
        "Coupon Applied",
        "Coupon Denied",
        "Coupon Removed",
    }
)
# What the page tracker tells besides (intake/README.md): a click with its place on the page, and how long a page was
# seen. The second tells of a time that was, and is no deed: as a fact it has a type of its own, so it opens no visit and
# prolongs none.
ELEMENT_CLICKED = "Element Clicked"
PAGE_STAYED = "Page Stayed"
STAY_TYPE = "stay"
# Names that an order may stand beside: the order is kept, no amount is read.
_MAY_NAME_ORDER = frozenset({"Checkout Started", "Payment Info Entered", "Coupon Entered", "Coupon Applied"})
ALIASES = {
    "Viewed Product Category": "Product List Viewed",
    "Viewed Promotion": "Promotion Viewed",
    "Clicked Promotion": "Promotion Clicked",
    "Clicked Product": "Product Clicked",
    "Updated Order": "Order Updated",
    # The first version of the spec, which older plug-ins still send.
    "Viewed Product": "Product Viewed",
    "Added Product": "Product Added",
    "Removed Product": "Product Removed",
    "Completed Order": "Order Completed",
    "Viewed Cart": "Cart Viewed",
    "Started Checkout": "Checkout Started",
    "Viewed Checkout Step": "Checkout Step Viewed",
    "Completed Checkout Step": "Checkout Step Completed",
    "Searched Products": "Products Searched",
    "Refunded Order": "Order Refunded",
    "Cancelled Order": "Order Cancelled",
}
_LARGEST = 2**62
_NOT_LETTERS = re.compile(r"[^a-z]")
_CURRENCY = re.compile(r"[A-Za-z]{3}\Z")
_COMMERCE = decoder(Commerce)
_QUANTITY = decoder(Decimal | None)  # type: ignore[arg-type]
_MOST_UNITS = Decimal(10) ** 14  # of one product; the column holds 15 digits before the point
_THOUSANDTH = Decimal("0.001")


def _folded(name: str) -> str:
    return _NOT_LETTERS.sub("", name.lower())


_CANONICAL = {_folded(name): name for name in ORDER | PRODUCT | OTHERS | {ELEMENT_CLICKED, PAGE_STAYED}} | {
    _folded(old): new for old, new in ALIASES.items()
}


def canonical_name(name: str) -> str:
    """The spec's name of an event, however its words are joined ("order_completed"); other names stay as they are."""
    if not name.isascii():
        return name
    return _CANONICAL.get(_folded(name), name)


def has_commerce(name: str) -> bool:
    """Whether columns are read from the properties of an event of this (canonical) name."""
    return name in ORDER or name in PRODUCT or name in _MAY_NAME_ORDER


@dataclass(frozen=True, slots=True)
class CommerceColumns:
    order_ref: str | None = None
    product_ref: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    quantity: Decimal | None = None


def commerce_columns(name: str, properties: bytes, shop_currency: str) -> CommerceColumns:
    """Columns of an event that `has_commerce`. Raises Refusal, and msgspec's errors for wrong types."""
    if not properties or properties == b"[]":  # some languages write an empty object as an empty list
        given = Commerce()
    else:
        given = _COMMERCE.decode(properties)
    order_ref = _text(given.order_id) or _text(given.orderId)
    if name in PRODUCT:
        product_ref = _text(given.product_id) or _text(given.productId) or _text(given.sku)
        return CommerceColumns(order_ref=order_ref, product_ref=product_ref)
    if name not in ORDER:
        return CommerceColumns(order_ref=order_ref)
    if order_ref is None:
        raise Refusal("missing_field", "properties.order_id", type=name)
    currency = _currency(given.currency, shop_currency)
    amount = paid_amount(given, is_refund=name == "Order Refunded")
    return CommerceColumns(
        order_ref=order_ref,
        amount_minor=_minor(amount, currency),
        currency=currency,
        quantity=units(given),
    )


def units(given: Commerce) -> Decimal | None:
    """Units of the products, to three decimals; None where they are not stated or not readable. Raises nothing."""
    if not given.products:
        return None
    total = Decimal(0)
    for product in given.products:
        quantity = _quantity(product)
        if quantity is None or not quantity.is_finite() or not 0 <= quantity < _MOST_UNITS:
            return None
        # Rounded one by one: 1E-999999 would be added digit by digit.
        total += quantity.quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)
    return total if total < _MOST_UNITS * 10 else None


def _quantity(product: Product) -> Decimal | None:
    """As stated; 1 where it is not; None where it is no number."""
    if not product.quantity:
        return Decimal(1)
    try:
        stated = _QUANTITY.decode(product.quantity)
    except (msgspec.MsgspecError, ValueError):
        return None
    return Decimal(1) if stated is None else stated


def paid_amount(given: Commerce, *, is_refund: bool = False) -> Decimal | None:
    """What was paid, in the main unit; None when the event states nothing of it. Raises Refusal."""
    for field in ("total", "subtotal", "revenue", "shipping", "tax", "discount"):
        value = getattr(given, field)
        if value is not None and not value.is_finite():
            raise Refusal("bad_amount", f"properties.{field}", value=value)
    extra = (given.shipping or Decimal(0), given.tax or Decimal(0))
    try:
        if given.total is not None:
            return given.total
        if given.subtotal is not None:
            return given.subtotal + extra[0] + extra[1]
        if given.revenue is not None:
            return given.revenue - (given.discount or Decimal(0)) + extra[0] + extra[1]
        if is_refund and given.products:
            return _of_products(given)
    except DecimalException as error:
        raise Refusal("amount_out_of_range", "properties", value=type(error).__name__) from None
    return None


def _of_products(given: Commerce) -> Decimal:
    total = Decimal(0)
    for product in given.products or ():
        if product.price is None or not product.price.is_finite():
            raise Refusal("refund_without_amount", "properties.products")
        quantity = _quantity(product)
        if quantity is None or not quantity.is_finite():
            raise Refusal("bad_amount", "properties.products[].quantity", value=_shown(product))
        total += product.price * quantity
    return total


def _shown(product: Product) -> str:
    return bytes(product.quantity)[:40].decode("utf-8", "replace")


def _minor(amount: Decimal | None, currency: str) -> int | None:
    if amount is None:
        return None
    # Looked at before rounding: 1E+999999 would be written out in full.
    if amount and amount.adjusted() > 17:
        raise Refusal("amount_out_of_range", "properties.total", value=amount)
    try:
        minor = to_minor(amount, currency)
    except DecimalException:
        raise Refusal("bad_amount", "properties.total", value=amount) from None
    if not -_LARGEST < minor < _LARGEST:
        raise Refusal("amount_out_of_range", "properties.total", value=amount)
    return minor


def _currency(given: str | None, shop_currency: str) -> str:
    if given is None or not given.strip():
        return shop_currency
    if not _CURRENCY.match(given.strip()):
        raise Refusal("bad_currency", "properties.currency", value=given)
    return given.strip().upper()


def _text(ref: str | int | None) -> str | None:
    return None if ref is None or ref == "" else str(ref)
