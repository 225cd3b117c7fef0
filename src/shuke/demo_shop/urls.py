"""The demo shop's addresses, as the rulebook's page types know them."""

from __future__ import annotations

from django.urls import path

from shuke.demo_shop import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("list/<slug:slug>", pages.category, name="list"),
    path("search", pages.found, name="search"),
    path("item/<int:number>", pages.item, name="item"),
    path("cart", pages.cart, name="cart"),
    path("cart/add", pages.add, name="add"),
    path("cart/remove", pages.remove, name="remove"),
    path("checkout", pages.checkout, name="checkout"),
    path("checkout/thanks", pages.thanks, name="thanks"),
    path("campaign/new-season", pages.campaign, name="campaign"),
    path("campaign/new-season/<slug:slug>", pages.campaign, name="look"),
    path("pages/privacy", pages.privacy, name="privacy"),
    path("language", pages.language, name="language"),
]
handler404 = "shuke.demo_shop.pages.not_found"
