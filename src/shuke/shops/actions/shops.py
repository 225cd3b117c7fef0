"""Shops: made by command; name, category and platforms can change, zone and currency can not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from babel.core import get_global
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.kernel.errors import Conflict, Invalid, NotAllowed
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops import access, events
from shuke.shops.models import Shop
from shuke.shops.reads import ShopNotFound, ShopView, shop_view
from shuke.shops.roles import Deed
from shuke.shops.words import clean_text, is_slug

PLATFORMS = {
    "taobao": pgettext_lazy("platform", "Taobao"),
    "tmall": pgettext_lazy("platform", "Tmall"),
    "douyin": pgettext_lazy("platform", "Douyin"),
    "jd": pgettext_lazy("platform", "JD"),
    "pinduoduo": pgettext_lazy("platform", "Pinduoduo"),
    "kuaishou": pgettext_lazy("platform", "Kuaishou"),
    "xiaohongshu": pgettext_lazy("platform", "Xiaohongshu"),
    "wechat": pgettext_lazy("platform", "WeChat shop"),
    "youzan": pgettext_lazy("platform", "Youzan"),
    "amazon": pgettext_lazy("platform", "Amazon"),
    "shopify": pgettext_lazy("platform", "Shopify"),
    "own": pgettext_lazy("platform", "Own shop"),
}


class BadSlug(Invalid):
    code = "bad_slug"
    words = _("“%(value)s” can not be a shop's short name.")
    remedy = _("Use 1 to 40 letters a-z, digits and hyphens, not at an end.")


class SlugTaken(Conflict):
    code = "slug_taken"
    words = _("There is a shop called “%(value)s” already.")
    remedy = _("Choose another short name.")


class UnknownZone(Invalid):
    code = "unknown_zone"
    words = _("“%(value)s” is no time zone.")
    remedy = _("Use a name of the IANA list, like Asia/Shanghai.")


class UnknownCurrency(Invalid):
    code = "unknown_currency"
    words = _("“%(value)s” is no currency.")
    remedy = _("Use a code of ISO 4217, like CNY.")


def create_shop(
    *,
    slug: str,
    name: str,
    platforms: Iterable[str],
    category: str,
    currency: str,
    zone: str,
    actor: Actor,
    at: datetime,
) -> ShopView:
    """Make a shop; only the system may. Raises BadSlug, SlugTaken, UnknownZone, UnknownCurrency, Invalid."""
    if not actor.is_system:
        raise NotAllowed(field="create_shop")
    if not is_slug(slug):
        raise BadSlug(field="slug", value=slug)
    if zone not in available_timezones():
        raise UnknownZone(field="zone", value=zone)
    if currency not in get_global("all_currencies"):
        raise UnknownCurrency(field="currency", value=currency)
    values = _checked({"name": name, "platforms": platforms, "category": category})
    try:
        with transaction.atomic():
            row = Shop.objects.create(slug=slug, currency=currency, zone=zone, created_at=at, **values)
            _record(
                row,
                "create_shop",
                actor,
                at,
                None,
                {"slug": slug, "currency": currency, "zone": zone} | values,
            )
            announce(shop_id=row.pk, name=events.SHOP_CREATED, payload={"shop": row.pk}, at=at)
    except IntegrityError:
        raise SlugTaken(field="slug", value=slug) from None
    return shop_view(row)


def update_shop(
    *,
    shop: ShopView,
    actor: Actor,
    at: datetime,
    name: str | None = None,
    platforms: Iterable[str] | None = None,
    category: str | None = None,
) -> ShopView:
    """Change what is given. Zone and currency stay: stored days and amounts were made with them."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_SHOP)
    given = {"name": name, "platforms": platforms, "category": category}
    values = _checked({field: value for field, value in given.items() if value is not None})
    with transaction.atomic():
        row = Shop.objects.filter(id=shop.id).first()
        if row is None:
            raise ShopNotFound(field="shop", value=shop.slug)
        before = {field: getattr(row, field) for field in values}
        if before == values:
            return shop_view(row)
        for field, value in values.items():
            setattr(row, field, value)
        row.save(update_fields=list(values))
        _record(row, "update_shop", actor, at, before, values)
        announce(
            shop_id=row.pk,
            name=events.SHOP_UPDATED,
            payload={"shop": row.pk, "fields": sorted(values)},
            at=at,
        )
    return shop_view(row)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """Clean values of the fields that are there. Raises Invalid."""
    clean = dict(values)
    if "name" in clean:
        clean["name"] = clean_text("name", clean["name"], 120)
    if "category" in clean:
        clean["category"] = clean_text("category", clean["category"], 60, may_be_empty=True)
    if "platforms" in clean:
        clean["platforms"] = list(dict.fromkeys(clean["platforms"]))
        for platform in clean["platforms"]:
            if platform not in PLATFORMS:
                raise Invalid(field="platforms", value=platform)
    return clean


def _record(
    row: Shop, deed: str, actor: Actor, at: datetime, before: dict | None, after: dict | None
) -> None:
    record_audit(
        shop_id=row.pk,
        actor=actor,
        deed=deed,
        subject_kind="shop",
        subject_id=row.pk,
        before=before,
        after=after,
        at=at,
    )
