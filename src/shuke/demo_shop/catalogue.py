"""What the demo shop sells: some of the items that the simulated visitors buy, under the same numbers, paths and prices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

CURRENCY = "CNY"


@dataclass(frozen=True)
class Category:
    """A list of items; `slug` stands in its address and names its drawing."""

    slug: str
    title: str | Promise

    @property
    def path(self) -> str:
        return f"/list/{self.slug}"

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for item in ITEMS if item.category is self)


@dataclass(frozen=True)
class Item:
    """`price_minor` in fen."""

    number: int
    title: str | Promise
    category: Category
    price_minor: int

    @property
    def ref(self) -> str:
        """What events call it."""
        return f"LL{self.number}"

    @property
    def path(self) -> str:
        return f"/item/{self.number}"

    def properties(self, quantity: int = 1) -> dict[str, object]:
        """The item by the names of Segment's e-commerce events."""
        return {
            "product_id": self.ref,
            "category": self.category.slug,
            "price": self.price_minor / 100,
            "quantity": quantity,
            "currency": CURRENCY,
        }


@dataclass(frozen=True)
class Look:
    """One view of the campaign page, which changes its address without loading."""

    slug: str
    title: str | Promise
    item_number: int

    @property
    def item(self) -> Item:
        return BY_NUMBER[self.item_number]


SHIRTS = Category("shirts", pgettext_lazy("demo shop", "Shirts"))
DRESSES = Category("dresses", pgettext_lazy("demo shop", "Dresses"))
TROUSERS = Category("trousers", pgettext_lazy("demo shop", "Trousers"))
BEDDING = Category("bedding", pgettext_lazy("demo shop", "Bedding"))
HOME = Category("home", pgettext_lazy("demo shop", "For the home"))
CATEGORIES = (SHIRTS, DRESSES, TROUSERS, BEDDING, HOME)

ITEMS = (
    Item(1001, pgettext_lazy("demo shop", "Linen shirt with a band collar"), SHIRTS, 25900),
    Item(1002, pgettext_lazy("demo shop", "Washed linen shirt"), SHIRTS, 27800),
    Item(1003, pgettext_lazy("demo shop", "Short-sleeved linen shirt"), SHIRTS, 29900),
    Item(1007, pgettext_lazy("demo shop", "Linen slip dress"), DRESSES, 36900),
    Item(1008, pgettext_lazy("demo shop", "Linen shirt dress"), DRESSES, 38800),
    Item(1009, pgettext_lazy("demo shop", "Long linen skirt"), DRESSES, 40900),
    Item(1012, pgettext_lazy("demo shop", "Wide linen trousers"), TROUSERS, 28900),
    Item(1013, pgettext_lazy("demo shop", "Cropped linen trousers"), TROUSERS, 30800),
    Item(1016, pgettext_lazy("demo shop", "Linen bed set of four"), BEDDING, 79900),
    Item(1017, pgettext_lazy("demo shop", "Linen duvet cover"), BEDDING, 81800),
    Item(1021, pgettext_lazy("demo shop", "Linen tablecloth"), HOME, 8900),
    Item(1022, pgettext_lazy("demo shop", "Linen apron"), HOME, 10800),
)
BY_NUMBER = {item.number: item for item in ITEMS}
BY_SLUG = {category.slug: category for category in CATEGORIES}
BEST_SELLERS = tuple(BY_NUMBER[number] for number in (1001, 1007, 1012, 1016))

LOOKS = (
    Look("morning", pgettext_lazy("demo shop", "Morning by the sea"), 1002),
    Look("market", pgettext_lazy("demo shop", "A day at the market"), 1012),
    Look("evening", pgettext_lazy("demo shop", "Evening on the roof"), 1007),
    Look("at-home", pgettext_lazy("demo shop", "Sunday at home"), 1016),
)
LOOK_BY_SLUG = {look.slug: look for look in LOOKS}


def search(words: str) -> tuple[Item, ...]:
    """Items whose title or category, in the reader's language, holds all the words."""
    wanted = words.lower().split()
    if not wanted:
        return ()
    return tuple(
        item
        for item in ITEMS
        if all(word in f"{item.title} {item.category.title} {item.ref}".lower() for word in wanted)
    )
