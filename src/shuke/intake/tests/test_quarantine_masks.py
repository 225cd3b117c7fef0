"""What names people in the quarantine, its mends and kept rules: shown to roles that may see customers, to no other."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from shuke.intake import actions, reads
from shuke.intake.files import load as loading
from shuke.intake.tests.books import HEADER, load_book
from shuke.intake.tests.test_quarantine_mends import ACTOR, book, groups, mend, small_chunks
from shuke.kernel import clock
from shuke.shops import roles
from shuke.shops.roles import Deed, Role

__all__ = ["book", "small_chunks"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
SECRET, PUT = "secret-王小明", "put-18612345678"
SEEN = (Deed.VIEW_QUARANTINE, Deed.MEND_QUARANTINE, Deed.IMPORT_FILES, Deed.EXPORT_TABLES, Deed.VIEW_JOBS)


def names_somebody(text: str) -> bool:
    return any(one in text for one in (SECRET, PUT, json.dumps(SECRET)[1:-1]))


@pytest.fixture
def wide_roles(monkeypatch) -> None:
    """Every role may see the quarantine, as a table of another year might say; customers only who may see them now."""
    for deed in SEEN:
        monkeypatch.setitem(roles.TABLE, deed, frozenset(Role))


def test_values__in_rules_entries_and_words__are_shown_to_who_may_see_customers_alone(
    shop, book, client, member_of, wide_roles
) -> None:
    loaded = load_book(shop, HEADER + f"x,{SECRET},p,1,1\ny,{SECRET},p,1,1\n")
    group = groups(shop)["row_not_a_time", "at"].group
    rules = [
        {"rule": "replace", "column": "at", "old": SECRET, "new": "2026-03-01", "is_part": False},
        {"rule": "replace", "column": "buyer", "old": "p", "new": PUT, "is_part": False},
        {"rule": "default", "column": "buyer", "value": PUT},
    ]
    done = mend(shop, group, *rules, is_kept=True)
    replayed = reads.list_quarantined(shop, state="replayed").rows[0]
    actions.remove_kept(shop=shop, kept_id=reads.list_kept(shop)[0].id, actor=ACTOR, at=clock.now())
    waiting_load = load_book(shop, HEADER + f"z,{SECRET},p,1,1\n", name="later.csv")
    waiting = reads.list_quarantined(shop).rows[0]
    actions.start_mend(shop=shop, group=group, rules=rules, is_kept=True, actor=ACTOR, at=clock.now())

    def page(name: str, *args: object, query: str = "") -> str:
        return reverse(f"intake:{name}", args=[shop.slug, *args]) + query

    api = f"/api/v1/shops/{shop.slug}"
    chosen = f"?origin=import&reason={group.reason}&mapping={group.mapping}&column={group.column}"
    asked = {"group": group.as_json(), "rules": [{"rule": "decimal_comma", "column": "at"}]}
    looked = chosen + "&look=1&rules=" + json.dumps(asked["rules"])
    addresses = [
        *(page("quarantine", query=query) for query in ("", "?format=csv", "?state=any", chosen)),
        *(page("mends", query=query) for query in ("", "?format=csv", "?format=csv&table=kept")),
        *(page("mend", done.id, query=query) for query in ("", "?format=csv")),
        *(page("quarantined", one.id) for one in (replayed, waiting)),
        *(page("import", one.id) for one in (loaded, waiting_load)),
        page("mend_group", query=looked),
        reverse("console:today", args=[shop.slug]),
        reverse("console:jobs", args=[shop.slug]),
        *(f"{api}/{path}" for path in ("quarantine", "quarantine?state=any", "quarantine/groups")),
        *(f"{api}/{path}" for path in ("quarantine/reasons", "mends", "kept-mends", f"mends/{done.id}")),
        *(f"{api}/mends/{done.id}/entries", f"{api}/quarantine/{replayed.id}/history"),
        *(f"{api}/quarantine/{one.id}" for one in (replayed, waiting)),
    ]
    seen_by = {role: set() for role in Role}
    for role in Role:
        client.force_login(member_of(shop, role))
        for address in addresses:
            text = client.get(address).getvalue().decode()
            if names_somebody(text):
                seen_by[role].add(address)
        text = client.post(f"{api}/mends/preview", asked, content_type="application/json").content.decode()
        assert names_somebody(text) is (role in roles.TABLE[Deed.VIEW_CUSTOMERS])
    for role in Role:
        if role in roles.TABLE[Deed.VIEW_CUSTOMERS]:
            assert len(seen_by[role]) >= 18, (role, set(addresses) - seen_by[role])
        else:
            assert seen_by[role] == set(), role


def test_import__that_is_stopped__names_no_value_in_its_error(
    shop, book, client, member_of, monkeypatch
) -> None:
    """Who may see jobs reads the error, and nobody erases it there."""
    monkeypatch.setattr(loading, "FITTING", 1)
    ended = load_book(shop, HEADER + f"x,{SECRET},p,1,1\n")
    assert ended.state == "failed"
    for role in (Role.OWNER, Role.ANALYST):
        client.force_login(member_of(shop, role))
        text = client.get(reverse("console:jobs", args=[shop.slug])).content.decode()
        assert "“at”" in text
        assert SECRET not in text
