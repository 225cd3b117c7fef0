"""What people and programs read of the demo shop: pages, tables to download and API answers, each as text."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow.parquet as pq
from django.conf import settings
from django.test import Client
from django_scopes import scope

from shuke.shops.reads import ShopView
from shuke.warehouse import remembering, schemas, sealed_tier
from shuke.warehouse.models import SealedDay

_ALL = "start=2026-03-02&end=2026-03-07"
_CHOSEN = "range=custom&from=2026-03-02&to=2026-03-06"
# Of a page that loads its numbers after it stands, what it loads.
PAGES = {
    "overview": f"/s/{{shop}}/overview/answer/?{_CHOSEN}",
    "sources": f"/s/{{shop}}/sources/table/?{_CHOSEN}",
    "cohorts": "/s/{shop}/cohorts/table/?start=visit&who=visitor&grain=week",
    "rows behind a number": f"/s/{{shop}}/evidence/uv_period/?{_CHOSEN}",
    "overview by API": f"/api/v1/shops/{{shop}}/traffic/overview?{_ALL}",
    "orders by API": f"/api/v1/shops/{{shop}}/orders?{_ALL}",
    "totals by API": f"/api/v1/shops/{{shop}}/orders/totals?{_ALL}",
}
_CHANGING = (r'name="csrfmiddlewaretoken" value="[^"]*"', r'"X-CSRFToken": "[^"]*"', r'nonce="[^"]*"')


def derived_versions(shop: ShopView) -> dict[str, int]:
    """Derived kind → the version of its table that the ledger names."""
    with scope(shop=shop.id):
        rows = list(SealedDay.objects.all())
    return {kind: max(row.versions.get(kind, -1) for row in rows) for kind in schemas.DERIVED}


def derived_rows(shop: ShopView) -> dict[str, list[str]]:
    """Derived kind → the rows of its sealed days, in an order that does not depend on files."""
    found = {}
    for kind, version in derived_versions(shop).items():
        if version < 0:  # nothing was ever derived of this kind, so that it has no table
            found[kind] = []
            continue
        files = sealed_tier.files_by_day(shop.id, kind, version, str(settings.LAKE)).values()
        read = [pq.read_table(file, partitioning=None) for names in files for file in names]
        found[kind] = sorted(
            repr(row) for table in read for row in table.select(schemas.ALL[kind].names).to_pylist()
        )
    return found


def read(client: Client, shop: ShopView, pages: Mapping[str, str] = PAGES) -> dict[str, str]:
    """Page → its text without what differs at every request. Nothing is remembered from before."""
    found = {}
    remembering.forget()  # what another engine answered must not stand in for this one
    for name, address in pages.items():
        answer = client.get(address.format(shop=shop.slug), headers={"accept-language": "en"})
        assert answer.status_code == 200, (name, answer.status_code, answer.content[:2000])
        text = answer.content.decode()
        for pattern in _CHANGING:
            text = re.sub(pattern, "", text)
        found[name] = text
    return found
