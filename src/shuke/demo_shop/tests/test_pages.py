"""The demo shop's pages: both languages, its policy, its basket, and that no other installation has it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from django.urls import set_urlconf
from django.utils import translation

from shuke.demo_shop import basket, catalogue
from shuke.demo_shop.front import ShopFront
from shuke_simulator import catalogue as simulated

pytestmark = [pytest.mark.row("T1"), pytest.mark.django_db]
DOOR = "http://127.0.0.1:8000"
PAGES = (
    "/",
    "/list/shirts",
    "/list/home?sort=price",
    "/search",
    "/search?q=shirt",
    "/search?q=nothing-like-it",
    "/item/1001",
    "/cart",
    "/campaign/new-season",
    "/campaign/new-season/evening",
    "/pages/privacy",
)


class Visitor:
    """Asks the front as a browser does; keeps its cookies."""

    def __init__(self, language: str = "en") -> None:
        self.front = ShopFront(door=DOOR, write_key="wk_1", shop="linen")
        self.cookies: dict[str, str] = {"shuke_language": language}

    def ask(self, address: str, form: dict[str, object] | None = None) -> tuple[int, dict[str, str], str]:
        path, _, query = address.partition("?")
        body = urlencode(form or {}).encode()
        said: list = []
        environ = {
            "REQUEST_METHOD": "GET" if form is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8001",
            "HTTP_HOST": "localhost:8001",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        content = b"".join(self.front(environ, lambda *words: said.append(words)))
        set_urlconf(None)  # in a process of its own, nobody else would ask for addresses
        status, headers = said[0]
        for name, value in headers:
            if name.lower() == "set-cookie":
                for morsel in SimpleCookie(value).values():
                    self.cookies[morsel.key] = morsel.coded_value
        return int(status[:3]), dict(headers), content.decode()


def events_of(page: str) -> list:
    found = re.search(r'<script id="events" type="application/json">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def test_items__of_the_shop__are_those_that_simulated_visitors_buy() -> None:
    theirs = {item.ref: (item.path, item.price_minor, item.title) for item in simulated.items()}
    with translation.override("zh-hans"):
        ours = {item.ref: (item.path, item.price_minor, str(item.title)) for item in catalogue.ITEMS}
    assert ours.items() <= theirs.items()
    lists = {page.path for page in simulated.LISTS}
    assert {category.path for category in catalogue.CATEGORIES} == lists


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_page__each__in_its_language_under_a_strict_policy(language) -> None:
    visitor = Visitor(language)
    for address in PAGES:
        status, headers, page = visitor.ask(address)
        assert status == 200, address
        policy = headers["Content-Security-Policy"]
        assert f"script-src 'self' {DOOR}" in policy
        assert "unsafe" not in policy
        assert f'src="{DOOR}/t.js" data-key="wk_1"' in page
        assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|\sstyle=", page), address
        is_chinese = bool(
            re.search(r"[\u4e00-\u9fff]", re.sub(r"<button class=\"plain\">.*?</button>", "", page))
        )
        assert is_chinese == (language == "zh-hans"), address
    assert visitor.ask("/item/9")[0] == 404
    assert visitor.ask("/list/hats")[0] == 404


def test_order__walked_through__is_told_with_its_amount_and_only_once_taken() -> None:
    visitor = Visitor()
    assert events_of(visitor.ask("/item/1001")[2])[0][0] == "Product Viewed"
    for _again in range(2):
        assert visitor.ask("/cart/add", {"item": 1001})[0] == 302
    visitor.ask("/cart/add", {"item": 1021})
    visitor.ask("/cart/add", {"item": 4})  # not sold: nothing is added
    visitor.ask("/cart/remove", {"item": 1021})
    assert events_of(visitor.ask("/checkout")[2])[0][0] == "Checkout Started"
    assert visitor.ask("/checkout", {})[1]["Location"] == "/checkout/thanks"
    name, told = events_of(visitor.ask("/checkout/thanks")[2])[0]
    assert (name, told["total"], told["currency"]) == ("Order Completed", 518.0, "CNY")
    assert [one["quantity"] for one in told["products"]] == [2]
    assert visitor.ask("/checkout")[1]["Location"] == "/cart"  # the basket is empty again
    visitor.cookies["shop_order"] = visitor.cookies["shop_order"][:-2] + "xx"
    assert visitor.ask("/checkout/thanks")[1]["Location"] == "/"


@pytest.mark.parametrize("text", ["", "1001", "1001-x", "9-9", "1001-99.1001-99", "." * 999, "１００１-１"])
def test_basket__whatever_its_cookie_says__holds_only_what_is_sold(text) -> None:
    found = basket.read_basket(text)
    assert all(0 < line.quantity <= basket.MOST_OF_ONE for line in found.lines)
    assert basket.read_basket(found.written()) == found


def test_language__chosen__leads_back_and_never_to_another_host() -> None:
    visitor = Visitor()
    assert visitor.ask("/language", {"language": "zh-hans", "next": "/cart"})[1]["Location"] == "/cart"
    assert visitor.cookies["shuke_language"] == "zh-hans"
    for there in ("https://elsewhere.example/", "//elsewhere.example"):
        assert visitor.ask("/language", {"language": "en", "next": there})[1]["Location"] == "/"
    assert visitor.ask("/language", {"language": "xx", "next": "/cart"})[1]["Location"] == "/cart"
    assert visitor.cookies["shuke_language"] == "en"


def test_demo_shop__in_an_installation_that_is_no_demo__is_not_there(tmp_path) -> None:
    asked = "from django.conf import settings; print(*settings.INSTALLED_APPS)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SHUKE_")}
    environment |= {"SHUKE_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "shuke.project.settings"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    for value, is_there in ((None, False), ("1", True)):
        given = environment | ({"SHUKE_DEMO": value} if value else {})
        done = subprocess.run([sys.executable, "-c", asked], env=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert ("shuke.demo_shop" in done.stdout.split()) == is_there
