"""A person's erasure from a shop, as a deed of a member, a key or the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.records import personal
from shuke.records.actor import Actor
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed


class NobodyNamed(Invalid):
    """An erasure without a reference, or with one that is empty."""

    code = "nobody_named"
    words = _("Say whom to erase: a person's reference or a device's, and none of them empty.")
    remedy = _("Give at least one reference, as the shop's data writes it.")


@dataclass(frozen=True)
class StoreCount:
    """How many things of a person lie in one store, or went from it."""

    name: str
    title: str | Promise
    count: int


def what_lies(
    *, shop: ShopView, person_refs: Iterable[str], anonymous_refs: Iterable[str], actor: Actor
) -> tuple[StoreCount, ...]:
    """What an erasure would take, as StoreCount by store. Raises NotAllowed, NotFound, NobodyNamed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.ERASE_PERSON)
    person = _person(shop, person_refs, anonymous_refs)
    return tuple(
        StoreCount(store.name, store.title, _things(store.export(shop.id, person)))
        for store in personal.all_stores()
    )


def erase_person(
    *,
    shop: ShopView,
    person_refs: Iterable[str],
    anonymous_refs: Iterable[str],
    actor: Actor,
    at: datetime,
) -> tuple[StoreCount, ...]:
    """Erase a person from every store, and say in the audit who did it. Raises NotAllowed, NotFound, NobodyNamed.

    May be done again after a crash; what has gone stays gone after a restore.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.ERASE_PERSON)
    gone = personal.erase_person(person=_person(shop, person_refs, anonymous_refs), actor=actor, at=at)
    return tuple(StoreCount(store.name, store.title, gone[store.name]) for store in personal.all_stores())


def _person(shop: ShopView, person_refs: Iterable[str], anonymous_refs: Iterable[str]) -> personal.PersonRef:
    persons, strangers = tuple(person_refs), tuple(anonymous_refs)
    if (not persons and not strangers) or not all(ref.strip() for ref in persons + strangers):
        raise NobodyNamed(field="person", value="")
    return personal.PersonRef(shop.id, persons, strangers)


def _things(told: Any) -> int:
    """How many things a store tells of: the lengths of its lists."""
    if isinstance(told, list | tuple):
        return len(told)
    return sum(_things(part) for part in told.values()) if isinstance(told, dict) else 0
