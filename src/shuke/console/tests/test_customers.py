"""The pages of customers: the list, many tagged at once, one of them with what is said of him; files are masked."""

from __future__ import annotations

import pytest
from django.urls import reverse

from shuke.audience.customers import reads
from shuke.audience.customers.tests.conftest import life
from shuke.kernel import clock
from shuke.shops.roles import Role

__all__ = ["life"]
pytestmark = [pytest.mark.row("A1"), pytest.mark.row("A2"), pytest.mark.row("A3")]


def test_customers__pages_and_deeds__say_what_the_reads_say_and_files_are_masked(
    client, shop, member_of, life
):
    client.force_login(member_of(shop, Role.OWNER))
    client.cookies["shuke_language"] = "en"
    found = reads.list_customers(shop, at=clock.now(), sort="-visits")
    row = found.rows[0]

    def address(name: str, *more: object) -> str:
        return reverse(f"console:{name}", args=[shop.slug, *more])

    page = client.get(address("customers_table"), {"sort": "-visits", "cols": ["visits", "tags"]})
    text = page.content.decode()
    assert text.index(row.ref) < text.index(found.rows[1].ref)
    assert page.cookies["shuke_customer_columns"].value == "visits.tags"
    lines = b"".join(client.get(address("customers"), {"format": "csv"}).streaming_content).decode()
    assert lines.count("\n") == found.count + 1
    assert f",{row.ref}," not in lines
    asked = {"chosen": [str(one.customer_id) for one in found.rows[:3]], "tag": "linen"}
    assert "3 customers get it" in client.post(address("tag_customers"), asked).content.decode()
    assert not reads.tag_names(shop, clock.now())
    client.post(address("tag_customers"), asked | {"sure": "1"})
    client.post(address("take_customer_tag", found.rows[1].customer_id), {"tag": "linen"})
    client.post(
        address("set_customer_attribute", row.customer_id), {"name": "birthday", "value": "lunar 1990-8-15"}
    )
    refused = client.post(
        address("set_customer_attribute", row.customer_id), {"name": "age", "value": "old"}, follow=True
    )
    assert "does not suit the attribute" in refused.content.decode()
    shown = client.get(address("customer_answer", row.customer_id)).content.decode()
    assert "lunar 1990-8-15" in shown
    assert "Got the tag “linen”" in shown
    tagged = reads.list_customers(shop, at=clock.now(), sort="-visits").rows[:3]
    assert [one.tags for one in tagged] == [("linen",), (), ("linen",)]
    client.force_login(member_of(shop, Role.SUPPORT))
    assert client.get(address("customers_table")).status_code == 200
    assert client.post(address("tag_customers"), asked).status_code == 403
    assert client.post(address("give_customer_tag", 12), {"tag": "x"}).status_code == 403
