"""What the shop sells and on which pages: a small linen shop. Prices are in fen."""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = ("衬衫", "连衣裙", "裤装", "床品", "家居")
_PATHS = ("shirts", "dresses", "trousers", "bedding", "home")
_NAMES = {
    "衬衫": ("亚麻立领衬衫", "水洗亚麻衬衫", "亚麻短袖衬衫", "条纹亚麻衬衫", "亚麻罩衫", "双层纱衬衫"),
    "连衣裙": ("亚麻吊带裙", "亚麻衬衫裙", "亚麻半身长裙", "系带连衣裙", "亚麻背心裙"),
    "裤装": ("亚麻阔腿裤", "亚麻九分裤", "亚麻短裤", "亚麻背带裤"),
    "床品": ("亚麻四件套", "亚麻被套", "亚麻枕套一对", "亚麻床单", "亚麻夏凉被"),
    "家居": ("亚麻桌布", "亚麻围裙", "亚麻茶巾三条", "亚麻窗帘", "亚麻靠垫套"),
}
_PRICES = {"衬衫": 25900, "连衣裙": 36900, "裤装": 28900, "床品": 79900, "家居": 8900}


@dataclass(frozen=True)
class Item:
    """One item: `ref` is what the shop's events call it."""

    ref: str
    title: str
    category: str
    price_minor: int
    path: str


@dataclass(frozen=True)
class Page:
    """A page that is not an item's."""

    name: str
    path: str
    title: str


def items() -> list[Item]:
    """All items; the first of each category sell best."""
    made: list[Item] = []
    for category in CATEGORIES:
        for i, title in enumerate(_NAMES[category]):
            number = len(made) + 1001
            price = _PRICES[category] + 2000 * i - 100 * (i % 2)
            made.append(Item(f"LL{number}", title, category, price, f"/item/{number}"))
    return made


HOME = Page("Home", "/", "亚麻生活")
SEARCH = Page("Search", "/search", "搜索")
CART = Page("Cart", "/cart", "购物车")
CHECKOUT = Page("Checkout", "/checkout", "结算")
THANKS = Page("Thank You", "/checkout/thanks", "谢谢惠顾")
LISTS = [Page("List", f"/list/{path}", title) for path, title in zip(_PATHS, CATEGORIES, strict=True)]
CAMPAIGN = Page("Campaign", "/campaign/new-season", "新季上市")
QUERIES = ("亚麻衬衫", "四件套", "连衣裙", "夏凉被", "阔腿裤", "桌布", "短袖")
