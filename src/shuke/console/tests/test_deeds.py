"""What is done on pages: picks and versions kept per member, members invited, keys made, the shop changed."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django_scopes import scope

from shuke.console import choices
from shuke.console.models import Choice
from shuke.shops import reads
from shuke.shops.access import shop_for
from shuke.shops.roles import Deed, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client, shop, member_of):
    user = member_of(shop, Role.OWNER)
    client.force_login(user)
    client.cookies["shuke_language"] = "en"
    return user


def _access(user, shop):
    return shop_for(user, shop.slug, Deed.VIEW_TRAFFIC)


@pytest.mark.row("T2")
def test_pick__five_of_seven__are_kept_for_this_member_only(client, shop, owner, member_of) -> None:
    names = ["pv.1", "visits.1", "orders.1", "buyers.1", "carts.1", "depth.1", "nonsense.9"]
    answer = client.post(reverse("console:pick", args=[shop.slug]), {"metric": names, "query": "range=last7"})
    assert answer.url == reverse("console:overview", args=[shop.slug]) + "?range=last7"
    with scope(shop=shop.id):
        kept = choices.picked_numbers(_access(owner, shop))
        assert kept == (("pv", 1), ("visits", 1), ("orders", 1), ("buyers", 1), ("carts", 1))
        assert choices.picked_numbers(_access(member_of(shop, Role.ANALYST), shop)) == choices.DEFAULT


def test_pick__none__brings_the_default_back(client, shop, owner) -> None:
    client.post(reverse("console:pick", args=[shop.slug]), {})
    with scope(shop=shop.id):
        assert choices.picked_numbers(_access(owner, shop)) == choices.DEFAULT


@pytest.mark.row("T2")
def test_choose_version__another__is_read_everywhere_and_can_be_taken_back(client, shop, owner) -> None:
    url = reverse("console:choose_version", args=[shop.slug, "bounce_visitor"])
    client.post(url, {"v": "2"})
    with scope(shop=shop.id):
        assert ("bounce_visitor", 2) in choices.metrics_of(_access(owner, shop))
        assert ("bounce_visitor", 1) not in choices.metrics_of(_access(owner, shop))
    client.post(url, {"v": "1"})
    with scope(shop=shop.id):
        assert choices.chosen_versions(_access(owner, shop)) == {}


def test_choose_version__unknown__is_not_found_and_changes_nothing(client, shop, owner) -> None:
    url = reverse("console:choose_version", args=[shop.slug, "bounce_visitor"])
    assert client.post(url, {"v": "99"}).status_code == 404
    with scope(shop=shop.id):
        assert Choice.objects.count() == 0


@pytest.mark.row("T2")
def test_definition__beside_a_number__has_formula_source_and_other_versions(client, shop, owner) -> None:
    text = client.get(reverse("console:definition", args=[shop.slug, "bounce_visitor"])).content.decode()
    for part in ("bounce_visitor v1", "B-197", "Formula", "Definition 2", "Read this one"):
        assert part in text


def test_members__invited__gives_a_link_once(client, shop, owner) -> None:
    answer = client.post(
        reverse("console:members", args=[shop.slug]),
        {"email": "New@Example.com", "name": "Nia", "role": "analyst"},
    )
    text = answer.content.decode()
    assert re.search(r'id="invitation"[^>]*>http://testserver/accounts/password/reset/key/', text)
    assert {m.email: m.role for m in reads.list_members(shop)}["new@example.com"] is Role.ANALYST
    assert 'id="invitation"' not in client.get(reverse("console:members", args=[shop.slug])).content.decode()


def test_members__refused__keeps_what_was_typed(client, shop, owner) -> None:
    answer = client.post(
        reverse("console:members", args=[shop.slug]),
        {"email": owner.email, "name": "Again", "role": "analyst"},
    )
    assert answer.status_code == 422
    text = answer.content.decode()
    assert 'value="Again"' in text
    assert "member of the shop already" in text
    assert len(reads.list_members(shop)) == 1


def test_members__last_owner__can_not_go(client, shop, owner) -> None:
    answer = client.post(reverse("console:remove_member", args=[shop.slug, owner.pk]))
    assert answer.status_code == 409
    assert "at least one owner" in answer.content.decode()
    assert len(reads.list_members(shop)) == 1


def test_keys__api_key__is_shown_once(client, shop, owner) -> None:
    answer = client.post(
        reverse("console:create_api_key", args=[shop.slug]), {"api-name": "till", "api-role": "analyst"}
    )
    secret = re.search(r'id="api-secret"[^>]*>([^<]+)<', answer.content.decode()).group(1)
    assert answer["Cache-Control"].startswith("max-age=0")
    page = client.get(reverse("console:keys", args=[shop.slug])).content.decode()
    assert secret not in page
    assert reads.list_api_keys(shop)[0].prefix in page


def test_keys__write_key__comes_with_a_snippet(client, shop, owner) -> None:
    client.post(reverse("console:create_write_key", args=[shop.slug]), {"write-name": "pages"})
    key = reads.list_write_keys(shop)[0]
    page = client.get(reverse("console:keys", args=[shop.slug])).content.decode()
    assert f"curl -u {key.key}:" in page
    assert f'/t.js" data-key="{key.key}"' in page
    assert 'data-views="hash"' in page
    client.post(reverse("console:revoke_write_key", args=[shop.slug, key.id]))
    assert not reads.list_write_keys(shop)[0].is_live


def test_shop__saved__keeps_zone_and_currency(client, shop, owner) -> None:
    client.post(
        reverse("console:shop", args=[shop.slug]),
        {"name": "Linen Life", "category": "home", "platforms": ["own"], "zone": "UTC", "currency": "USD"},
    )
    found = reads.get_shop(shop.slug)
    assert (found.name, found.category, found.platforms) == ("Linen Life", "home", ("own",))
    assert (found.zone, found.currency) == (shop.zone, shop.currency)


def _change(client, shop, **typed):
    url = reverse("console:change_rule", args=[shop.slug, "common.visits.idle_minutes"])
    return client.post(url, {"deed": "change", **typed})


def test_rule__own_value_from_a_coming_day__is_shown_and_withdrawn(client, shop, owner) -> None:
    from shuke.rulebook import reads as rulebook

    assert _change(client, shop, value="45", since="2199-01-01").status_code == 302
    assert [one.value for one in rulebook.own_values(shop, "common.visits.idle_minutes")] == [45]
    url = reverse("console:rule", args=[shop.slug, "common.visits.idle_minutes"])
    assert "45 minutes" in client.get(url + "?day=2199-01-02").content.decode()
    _change(client, shop, value="", since="2199-02-01", deed="withdraw")
    assert "45 minutes" not in client.get(url + "?day=2199-02-02").content.decode().split("</section>")[0]


@pytest.mark.parametrize(
    "typed", [{"value": "-3"}, {"value": "soon"}, {"since": "2001-01-01"}, {"since": "x"}]
)
def test_rule__refused__keeps_what_was_typed_and_changes_nothing(client, shop, owner, typed) -> None:
    from shuke.rulebook import reads as rulebook

    given = {"value": "45", "since": "2199-01-01"} | typed
    answer = _change(client, shop, **given)
    assert answer.status_code == 422
    assert f'value="{given["value"]}"' in answer.content.decode()
    assert rulebook.own_values(shop, "common.visits.idle_minutes") == ()
