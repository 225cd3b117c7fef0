"""The demo shop's door, for the process that `shuke demo` starts: SHUKE_DOOR, SHUKE_WRITE_KEY and SHUKE_SHOP say whose."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
django.setup(set_prefix=False)

from shuke.demo_shop.front import ShopFront  # noqa: E402  (Django must be set up first)

application = ShopFront(
    door=os.environ["SHUKE_DOOR"],
    write_key=os.environ["SHUKE_WRITE_KEY"],
    shop=os.environ.get("SHUKE_SHOP", ""),
)
