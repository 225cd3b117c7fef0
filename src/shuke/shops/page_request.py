"""The request as a page of a shop sees it, after `access.page` let it in: for type checkers; nothing is made here."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from shuke.shops.access import Access


class PageRequest(HttpRequest):
    """`access`: who, in which shop, with which role. `htmx`: true when a fragment is asked for."""

    access: Access
    htmx: HtmxDetails
