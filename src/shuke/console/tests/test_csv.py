"""A table as a file: no cell that a spreadsheet would run, no file for a role that may not export, people masked."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import example, given
from hypothesis import strategies as st

from shuke.shops.csv_out import safe_cell
from shuke.shops.roles import TABLE, Deed, Role

CSV_PAGES = {
    "console:overview": Deed.VIEW_TRAFFIC,
    "console:sources": Deed.VIEW_TRAFFIC,
    "console:rulebook": Deed.VIEW_RULEBOOK,
    "console:members": Deed.MANAGE_MEMBERS,
    "console:audit": Deed.VIEW_AUDIT,
    "console:jobs": Deed.VIEW_JOBS,
    "console:keys": Deed.MANAGE_KEYS,
    "intake:imports": Deed.IMPORT_FILES,
    "intake:quarantine": Deed.VIEW_QUARANTINE,
    "intake:mends": Deed.VIEW_QUARANTINE,
}


@given(st.text(max_size=40))
@example('=HYPERLINK("http://evil.example","x")')
@example(" \t=1+1")
@example("＝1+1")
@example("-2+3")
@example("@SUM(1)")
def test_safe_cell__any_text__starts_no_formula(text: str) -> None:
    cell = str(safe_cell(text))
    begins = cell.lstrip(" \u3000\xa0\ufeff")[:1]
    assert begins not in set("=+-@\t\r\n＝＋－＠|%")
    assert cell in (text, f"'{text}")


@given(st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False)))
def test_safe_cell__numbers__stay_numbers(number: int | Decimal) -> None:
    assert safe_cell(number) == number


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_csv__each_role__is_given_as_the_table_says(client, shop, member_of, warehouse_home, role) -> None:
    client.force_login(member_of(shop, role))
    for name, deed in CSV_PAGES.items():
        answer = client.get(reverse(name, args=[shop.slug]) + "?format=csv")
        is_allowed = role in TABLE[deed] and role in TABLE[Deed.EXPORT_TABLES]
        assert (name, answer.status_code) == (name, 200 if is_allowed else 403)
        assert ("attachment" in answer.get("Content-Disposition", "")) == is_allowed


@pytest.mark.django_db
def test_csv__overview__holds_each_metric_with_id_and_version(
    client, shop, member_of, warehouse_home
) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    answer = client.get(reverse("console:overview", args=[shop.slug]) + "?format=csv")
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert {row["metric"] for row in rows} >= {"pv", "uv_period", "amount_paid", "value_per_buyer"}
    assert all(row["version"] for row in rows)


@pytest.mark.django_db
def test_csv__keys__holds_both_kinds_and_no_secret(client, shop, member_of) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    page = reverse("console:keys", args=[shop.slug])
    made = client.post(
        reverse("console:create_api_key", args=[shop.slug]), {"api-name": "ERP", "api-role": "analyst"}
    )
    secret = made.context["secret"]
    assert f'href="{page}?format=csv"' in made.content.decode()
    client.post(reverse("console:create_write_key", args=[shop.slug]), {"write-name": "pages"})
    files = {}
    for table in ("api", "write"):
        answer = client.get(page, {"format": "csv", "table": table})
        files[table] = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert secret not in "".join(files.values())
    (api_key,) = csv.DictReader(io.StringIO(files["api"]))
    assert (api_key["name"], api_key["role"], api_key["is_live"]) == ("ERP", "analyst", "1")
    assert [row["name"] for row in csv.DictReader(io.StringIO(files["write"]))] == ["pages"]
