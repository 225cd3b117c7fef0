"""The demo shop as a WSGI application of its own: other addresses and another host than the console, as with a real shop.

It loads the tracker from the collector's door, which its content policy therefore names.
"""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

URLS = "shuke.demo_shop.urls"


class ShopFront(WSGIHandler):
    """`door`: origin of the installation that collects (http://host:port); `write_key`: the shop's key there."""

    def __init__(self, *, door: str, write_key: str, shop: str = "") -> None:
        super().__init__()
        self._door, self._write_key, self._shop = door, write_key, shop

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        given: Any = request
        given.urlconf = URLS
        given.door, given.write_key, given.console_shop = self._door, self._write_key, self._shop
        return super().get_response(request)
