"""The demo shop: only installed in a demo (project/settings.py)."""

from __future__ import annotations

from django.apps import AppConfig


class DemoShop(AppConfig):
    """A shop's own pages, for people who try Shuke."""

    name = "shuke.demo_shop"
    label = "demo_shop"
