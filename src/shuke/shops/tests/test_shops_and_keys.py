"""Shops, keys and accounts: what is accepted, what is refused, what the audit keeps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django_scopes import scope, scopes_disabled
from django_scopes.exceptions import ScopeError

from shuke.kernel.errors import Invalid, NotAllowed, NotFound
from shuke.records import reads as records
from shuke.records.actor import Actor
from shuke.shops import actions, reads
from shuke.shops.actions import people, shops
from shuke.shops.actions.members import RoleRefused
from shuke.shops.models import ApiKey, Shop, User, WriteKey
from shuke.shops.words import clean_text, is_slug

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SYSTEM = Actor.system("tests")
GOOD = {
    "slug": "linen-2",
    "name": "亚麻",
    "platforms": ["taobao", "douyin", "taobao"],
    "category": "apparel",
    "currency": "CNY",
    "zone": "Asia/Shanghai",
}


def _create(**changes):
    return actions.create_shop(**(GOOD | changes), actor=changes.pop("actor", SYSTEM), at=AT)


def _actor(user, role):
    return Actor("member", user.pk, user.name, role)


def test_create_shop__good__is_read_back_and_audited():
    view = _create()
    assert reads.get_shop("linen-2") == view == reads.get_shop_by_id(view.id)
    assert (view.zone.key, view.platforms, view.currency) == ("Asia/Shanghai", ("taobao", "douyin"), "CNY")
    (entry,) = records.list_audit(view.id).rows
    assert (entry.deed, entry.before, entry.after["zone"]) == ("create_shop", None, "Asia/Shanghai")
    assert [shop.slug for shop in reads.list_shops()] == ["linen-2"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"slug": "Linen"}, shops.BadSlug),
        ({"slug": "-a"}, shops.BadSlug),
        ({"slug": ""}, shops.BadSlug),
        ({"slug": "a" * 41}, shops.BadSlug),
        ({"slug": "a/b"}, shops.BadSlug),
        ({"zone": "Mars/Base"}, shops.UnknownZone),
        ({"currency": "cny"}, shops.UnknownCurrency),
        ({"currency": "QQQ"}, shops.UnknownCurrency),
        ({"name": "  "}, Invalid),
        ({"name": "a\x00"}, Invalid),
        ({"category": "x" * 61}, Invalid),
        ({"platforms": ["myspace"]}, Invalid),
    ],
)
def test_create_shop__bad_value__is_refused_and_nothing_is_there(changes, error):
    with pytest.raises(error):
        _create(**changes)
    assert not Shop.objects.exists()


def test_create_shop__taken_or_not_the_system__is_refused(shop):
    with pytest.raises(shops.SlugTaken):
        _create(slug=shop.slug)
    with pytest.raises(NotAllowed):
        actions.create_shop(**GOOD, actor=Actor("member", 1, "Li", "owner"), at=AT)
    assert Shop.objects.count() == 1


def test_update_shop__by_owner__changes_only_what_is_given(shop, member_of):
    owner = _actor(member_of(shop, "owner"), "owner")
    view = actions.update_shop(shop=shop, name="Flax", actor=owner, at=AT)
    assert (view.name, view.category, view.platforms) == ("Flax", "apparel", ("taobao",))
    actions.update_shop(shop=shop, name="Flax", actor=owner, at=AT)
    (entry,) = records.list_audit(shop.id, deed="update_shop").rows
    assert (entry.before, entry.after) == ({"name": "linen"}, {"name": "Flax"})
    manager = _actor(member_of(shop, "manager"), "manager")
    with pytest.raises(NotAllowed):
        actions.update_shop(shop=shop, name="Hemp", actor=manager, at=AT)
    assert reads.get_shop(shop.slug).name == "Flax"


def test_api_key__its_secret__is_kept_nowhere(shop, member_of):
    owner = _actor(member_of(shop, "owner"), "owner")
    row, secret = actions.create_api_key(shop=shop, name="till", role="analyst", actor=owner, at=AT)
    with scope(shop=shop.id):
        stored = ApiKey.objects.filter(pk=row.pk).values().get()
    assert secret not in str(stored)
    assert secret.startswith(row.prefix)
    (entry,) = records.list_audit(shop.id, deed="create_api_key").rows
    assert entry.after == {"name": "till", "role": "analyst", "prefix": row.prefix}
    (view,) = reads.list_api_keys(shop)
    assert (view.id, view.role, view.is_live, view.created_at) == (row.pk, "analyst", True, AT)


def test_api_key__above_the_makers_role__is_refused(shop, member_of):
    manager = _actor(member_of(shop, "manager"), "manager")
    with pytest.raises(RoleRefused):
        actions.create_api_key(shop=shop, name="k", role="owner", actor=manager, at=AT)
    with pytest.raises(Invalid):
        actions.create_api_key(shop=shop, name="k", role="root", actor=manager, at=AT)
    operator = _actor(member_of(shop, "operator"), "operator")
    with pytest.raises(NotAllowed):
        actions.create_api_key(shop=shop, name="k", role="read_only", actor=operator, at=AT)
    assert reads.list_api_keys(shop) == ()
    row, _secret = actions.create_api_key(shop=shop, name="k", role="owner", actor=SYSTEM, at=AT)
    with pytest.raises(RoleRefused):
        actions.revoke_api_key(shop=shop, key_id=row.pk, actor=manager, at=AT)
    assert reads.list_api_keys(shop)[0].is_live


def test_keys__revoked_twice_or_by_another_shop__change_once_or_never(shop, other_shop):
    write = actions.create_write_key(shop=shop, name="page", actor=SYSTEM, at=AT)
    api, _secret = actions.create_api_key(shop=shop, name="till", role="support", actor=SYSTEM, at=AT)
    for revoke, row, deed in (
        (actions.revoke_write_key, write, "revoke_write_key"),
        (actions.revoke_api_key, api, "revoke_api_key"),
    ):
        with pytest.raises(NotFound):
            revoke(shop=other_shop, key_id=row.pk, actor=SYSTEM, at=AT)
        assert records.list_audit(shop.id, deed=deed).count == 0
        revoke(shop=shop, key_id=row.pk, actor=SYSTEM, at=AT)
        revoke(shop=shop, key_id=row.pk, actor=SYSTEM, at=AT)
        (entry,) = records.list_audit(shop.id, deed=deed).rows
        assert entry.changes == {"revoked_at": (None, AT.isoformat())}
    assert not reads.list_write_keys(shop)[0].is_live
    assert not reads.list_api_keys(shop)[0].is_live


def test_keys__outside_a_scope__fail_closed(shop):
    actions.create_write_key(shop=shop, name="page", actor=SYSTEM, at=AT)
    with pytest.raises(ScopeError):
        WriteKey.objects.count()
    with scope(shop=shop.id + 1):
        assert WriteKey.objects.count() == 0


def test_create_user__refused_ones__leave_nothing():
    good = {"email": "li@example.com", "name": "Li", "password": "correct horse 7 staple", "at": AT}
    for changes, error in (
        ({"password": "short"}, people.WeakPassword),
        ({"password": "li@example.com"}, people.WeakPassword),
        ({"email": "li"}, Invalid),
        ({"name": ""}, Invalid),
        ({"actor": Actor("member", 1, "X", "owner")}, NotAllowed),
    ):
        with pytest.raises(error):
            actions.create_user(**({"actor": SYSTEM} | good | changes))
    assert not User.objects.exists()
    actions.create_user(**good, actor=SYSTEM)
    with pytest.raises(people.EmailTaken):
        actions.create_user(**(good | {"email": "LI@example.com"}), actor=SYSTEM)
    (entry,) = records.list_audit(None, deed="create_user").rows
    assert entry.after == {"email": "l•••", "name": "Li"}


def test_change_preferences__own_only__audited_once(member_of, shop):
    user, other = member_of(shop, "analyst"), member_of(shop, "owner")
    actor = _actor(user, "analyst")
    actions.change_preferences(user=user, language="en", theme="dark", name="Li Si", actor=actor, at=AT)
    actions.change_preferences(user=user, language="en", actor=actor, at=AT)
    assert (User.objects.get(pk=user.pk).language, User.objects.get(pk=user.pk).name) == ("en", "Li Si")
    (entry,) = records.list_audit(None, deed="change_preferences").rows
    assert entry.changes["language"] == ("zh-hans", "en")
    with pytest.raises(NotAllowed):
        actions.change_preferences(user=other, theme="dark", actor=actor, at=AT)
    with pytest.raises(Invalid):
        actions.change_preferences(user=user, language="fr", actor=actor, at=AT)


def test_set_password__audit__holds_no_password(member_of, shop):
    user = member_of(shop, "analyst")
    actions.set_password(user=user, password="another long 9 phrase", actor=_actor(user, "analyst"), at=AT)
    assert user.check_password("another long 9 phrase")
    (entry,) = records.list_audit(None, deed="set_password").rows
    assert (entry.before, entry.after) == ({"password": "•••"}, {"password": "•••"})
    with pytest.raises(people.WeakPassword):
        actions.set_password(user=user, password="1234567890", actor=SYSTEM, at=AT)


@pytest.mark.parametrize("text", ["a", "a-b", "0", "a" * 40])
def test_is_slug__good(text):
    assert is_slug(text)


def test_clean_text__spaces_go_and_han_stays():
    assert clean_text("name", "  熟客 店 ", 10) == "熟客 店"
    assert clean_text("note", " ", 10, may_be_empty=True) == ""
    with pytest.raises(Invalid):
        clean_text("name", "a\ud800", 10)


def test_get_shop__unknown__is_not_found():
    for slug in ("nowhere", "", "\x00", "A B"):
        with pytest.raises(NotFound):
            reads.get_shop(slug)
    with scopes_disabled(), pytest.raises(NotFound):
        reads.get_shop_by_id(999)
