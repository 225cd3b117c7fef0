"""The visitor's basket and last order, in two cookies of the shop's own: the demo shop keeps nothing on its side."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing

from shuke.demo_shop.catalogue import BY_NUMBER, CURRENCY, Item

BASKET, ORDER = "shop_basket", "shop_order"
MOST_OF_ONE = 9
_SALT = "shuke.demo_shop.order"


@dataclass(frozen=True)
class Line:
    """Some of one item."""

    item: Item
    quantity: int

    @property
    def amount_minor(self) -> int:
        return self.item.price_minor * self.quantity


@dataclass(frozen=True)
class Basket:
    """What a visitor wants to buy, in the order in which it was put in."""

    lines: tuple[Line, ...]

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    def properties(self) -> dict[str, object]:
        """The basket by the names of Segment's e-commerce events."""
        return {
            "total": self.total_minor / 100,
            "currency": CURRENCY,
            "products": [line.item.properties(line.quantity) for line in self.lines],
        }

    def written(self) -> str:
        return ".".join(f"{line.item.number}-{line.quantity}" for line in self.lines)

    def with_more(self, number: int) -> Basket:
        """One more of an item; an item that is not sold adds nothing."""
        item = BY_NUMBER.get(number)
        if item is None:
            return self
        before = {line.item.number: line.quantity for line in self.lines}
        before[number] = min(MOST_OF_ONE, before.get(number, 0) + 1)
        return Basket(tuple(Line(BY_NUMBER[n], quantity) for n, quantity in before.items()))

    def without(self, number: int) -> Basket:
        return Basket(tuple(line for line in self.lines if line.item.number != number))


@dataclass(frozen=True)
class Order:
    """A basket that was ordered."""

    ref: str
    basket: Basket


def read_basket(text: str) -> Basket:
    """The basket as its cookie has it; what can not be read is not in it."""
    basket = Basket(())
    for part in text.split(".")[: len(BY_NUMBER)]:
        number, _, quantity = part.partition("-")
        if number.isascii() and number.isdigit() and quantity.isascii() and quantity.isdigit():
            for _again in range(min(int(quantity[:2]), MOST_OF_ONE)):
                basket = basket.with_more(int(number[:6]))
    return basket


def basket_of(cookies: Mapping[str, str]) -> Basket:
    return read_basket(cookies.get(BASKET, ""))


def place_order(basket: Basket) -> tuple[Order, str]:
    """The order, and its cookie: signed, so that nobody tells the shop of an order that it did not take."""
    order = Order("D" + secrets.token_hex(5).upper(), basket)
    return order, signing.dumps([order.ref, basket.written()], salt=_SALT)


def order_of(cookies: Mapping[str, str]) -> Order | None:
    """The visitor's last order; None without one."""
    try:
        ref, written = signing.loads(cookies.get(ORDER, ""), salt=_SALT, max_age=24 * 3600)
    except (signing.BadSignature, ValueError):
        return None
    return Order(ref, read_basket(written))
