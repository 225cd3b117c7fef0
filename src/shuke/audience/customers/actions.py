"""Saying something of customers: attributes, tags, an attribute of the shop's own. On record; values stay out of the record."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django_scopes import scope

from shuke.audience.customers import definitions, described, events, reads
from shuke.audience.customers.definitions import Definition
from shuke.audience.customers.errors import (
    AttributeTaken,
    BadDefinition,
    BadEnd,
    BadTag,
    BadValue,
    TooManyChosen,
)
from shuke.audience.customers.models import AttributeValue, OwnAttribute, TagGiven
from shuke.audience.identities import reads as identities
from shuke.kernel.errors import Invalid
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import Event, announce
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

MOST_CHOSEN = 1_000
MOST_ATTRIBUTES = 200
LONGEST_TAG = 60
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


@dataclass(frozen=True)
class Tagged:
    """How many customers a tag was (or would be) given to, or taken from, and how many already had it (or had it not)."""

    changed: int
    unchanged: int


def set_attribute(
    *,
    shop: ShopView,
    customer_id: int,
    name: str,
    value: Any,
    told_at: datetime | None = None,
    source: str = "hand",
    actor: Actor,
    at: datetime,
) -> None:
    """Say what an attribute of a customer is, since `told_at` (None: now); `value` None: it is unknown from then on.

    Kept under an identity of each side of a merge. Raises NotAllowed, NoSuchAttribute, BadValue, Invalid,
    NotFound.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    definition = described.attribute(shop, name)
    told = told_at or at
    if told > at or told.year < 1900:
        raise Invalid(field="told_at", value=told.isoformat())
    kept = None if value is None else _read(definition, value, shop)
    reads.require_known(shop, [identities.customer_of(shop, customer_id)])
    anchors = anchors_of(shop, customer_id)
    statement = secrets.token_hex(16)
    with transaction.atomic(), scope(shop=shop.id):
        AttributeValue.objects.bulk_create(
            AttributeValue(
                shop_id=shop.id,
                identity_id=one,
                name=name,
                value=kept,
                at=told,
                source=source,
                made_by=actor.name[:200],
                made_at=at,
                statement=statement,
            )
            for one in anchors
        )
        _record(
            shop, actor, "set_attribute", customer_id, {"attribute": name, "is_known": kept is not None}, at
        )
        payload = {"identities": list(anchors), "name": name}
        announce(shop_id=shop.id, name=events.CUSTOMER_DESCRIBED, payload=payload, at=at)


def _read(definition: Definition, value: Any, shop: ShopView) -> Any:
    try:
        return definitions.read_value(definition, value, shop.currency)
    except ValueError:
        expected = definitions.EXPECTED[definition.type]
        raise BadValue(field=definition.title, value=value, expected=expected) from None


def define_attribute(
    *,
    shop: ShopView,
    name: str,
    type: str,
    title: Mapping[str, str],
    traits: Sequence[str] = (),
    choices: Mapping[str, Mapping[str, str]] | None = None,
    actor: Actor,
    at: datetime,
) -> Definition:
    """An attribute of the shop's own. Raises NotAllowed, BadDefinition, AttributeTaken."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    _check(name, type, title, traits, choices)
    told = {"type": type, "title": dict(title), "traits": list(traits)}
    told |= {"choices": {key: dict(one) for key, one in choices.items()}} if choices else {}
    with scope(shop=shop.id):
        if any(one.name == name for one in described.attributes_offered(shop)):
            raise AttributeTaken(field="name", value=name)
        if OwnAttribute.objects.filter(shop_id=shop.id).count() >= MOST_ATTRIBUTES:
            raise BadDefinition(field="number", value=MOST_ATTRIBUTES + 1)
        try:
            with transaction.atomic():
                OwnAttribute.objects.create(
                    shop_id=shop.id, name=name, definition=told, made_by=actor.name[:200], made_at=at
                )
                record_audit(
                    shop_id=shop.id,
                    actor=actor,
                    deed="define_attribute",
                    subject_kind="attribute",
                    subject_id=name,
                    before=None,
                    after={"type": type, "titles": dict(title)},
                    at=at,
                )
        except IntegrityError:
            raise AttributeTaken(field="name", value=name) from None
    return described.attribute(shop, name)


def _check(
    name: str,
    type: str,
    title: Mapping[str, str],
    traits: Sequence[str],
    choices: Mapping[str, Mapping[str, str]] | None,
) -> None:
    def is_text(value: Any) -> bool:
        return isinstance(value, str) and 0 < len(value.strip()) <= 60 and value.isprintable()

    if not _NAME.fullmatch(name):
        raise BadDefinition(field="name", value=name)
    if type not in definitions.TYPES:
        raise BadDefinition(field="type", value=type)
    if set(title) != {"zh", "en"} or not all(is_text(one) for one in title.values()):
        raise BadDefinition(field="title", value=title)
    if len(traits) > 10 or not all(is_text(one) for one in traits):
        raise BadDefinition(field="traits", value=list(traits))
    if (type == "choice") != bool(choices) or len(choices or {}) > 50:
        raise BadDefinition(field="choices", value=sorted(choices or {}))
    for key, titles in (choices or {}).items():
        if (
            not is_text(key)
            or set(titles) != {"zh", "en"}
            or not all(is_text(one) for one in titles.values())
        ):
            raise BadDefinition(field="choices", value=key)


# --- tags


def give_tag(
    *,
    shop: ShopView,
    customer_ids: Collection[int],
    tag: str,
    until: datetime | None = None,
    origin: str = "hand",
    rule: str = "",
    is_trial: bool = False,
    actor: Actor,
    at: datetime,
) -> Tagged:
    """Give a tag to customers until a moment (at which it is gone; None: for good). Who has it already keeps it as it is.

    `is_trial`: only say how many. Raises NotAllowed, BadTag, BadEnd, TooManyChosen, NotFound.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    tag = read_tag(tag)
    if until is not None and until <= at:
        raise BadEnd(field="until", value=until.isoformat())
    chosen = _chosen(shop, customer_ids)
    with transaction.atomic(), scope(shop=shop.id):
        have = _who_have(shop, chosen, tag, at)
        lacking = [customer for customer in chosen if customer not in have]
        if not is_trial and lacking:
            anchors = {customer: anchors_of(shop, customer) for customer in lacking}
            TagGiven.objects.bulk_create(
                (
                    TagGiven(
                        shop_id=shop.id,
                        identity_id=one,
                        tag=tag,
                        origin=origin,
                        rule=rule,
                        given_by=actor.name[:200],
                        given_at=at,
                        until=until,
                        statement=statement,
                    )
                    for customer in lacking
                    for statement in [secrets.token_hex(16)]
                    for one in anchors[customer]
                ),
                batch_size=500,
            )
            _tagged(shop, actor, "give_tag", tag, anchors, until, at)
    return Tagged(len(lacking), len(have))


def take_tag(
    *,
    shop: ShopView,
    customer_ids: Collection[int],
    tag: str,
    is_trial: bool = False,
    actor: Actor,
    at: datetime,
) -> Tagged:
    """Take a tag from customers, from now on; that they had it stays readable. Raises NotAllowed, BadTag,
    TooManyChosen, NotFound."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    tag = read_tag(tag)
    chosen = _chosen(shop, customer_ids)
    with transaction.atomic(), scope(shop=shop.id):
        have = _who_have(shop, chosen, tag, at)
        if not is_trial and have:
            ids = {customer: _ids(shop, customer) for customer in have}
            every = [one for found in ids.values() for one in found]
            for place in range(0, len(every), 500):
                rows = TagGiven.objects.filter(
                    described._standing(at),
                    shop_id=shop.id,
                    tag=tag,
                    identity_id__in=every[place : place + 500],
                )
                rows.update(taken_at=at, taken_by=actor.name[:200])
            _tagged(shop, actor, "take_tag", tag, ids, None, at)
    return Tagged(len(have), len(chosen) - len(have))


def read_tag(tag: str) -> str:
    """A tag's name as it is kept. Raises BadTag."""
    found = " ".join(tag.split())
    if not 1 <= len(found) <= LONGEST_TAG or not found.isprintable():
        raise BadTag(field="tag", value=tag)
    return found


def _chosen(shop: ShopView, customer_ids: Collection[int]) -> list[int]:
    if len(customer_ids) > MOST_CHOSEN:
        raise TooManyChosen(field="customers", value=len(customer_ids), most=MOST_CHOSEN)
    chosen = sorted({identities.customer_of(shop, one) for one in customer_ids})
    reads.require_known(shop, chosen)
    return chosen


def _ids(shop: ShopView, customer_id: int) -> tuple[int, ...]:
    return reads.identity_ids(shop, customer_id)


def _who_have(shop: ShopView, chosen: Collection[int], tag: str, at: datetime) -> set[int]:
    standing = described.standing_tags(shop, {one: _ids(shop, one) for one in chosen}, at)
    return {customer for customer, tags in standing.items() if tag in tags}


def anchors_of(shop: ShopView, customer_id: int) -> tuple[int, ...]:
    """Under which identities what is typed on a customer is kept (docs/decisions/0006)."""
    of = identities.customer_of(shop, customer_id)
    return identities.anchors_of(shop, of) or (of,)


def _tagged(
    shop: ShopView,
    actor: Actor,
    deed: str,
    tag: str,
    under: Mapping[int, Sequence[int]],
    until: datetime | None,
    at: datetime,
) -> None:
    told = {"tag": tag, "customers": len(under), "until": until}
    customer = next(iter(under)) if len(under) == 1 else f"{len(under)} customers"
    _record(shop, actor, deed, customer, told, at)
    payload = {
        "identities": sorted(one for ids in under.values() for one in ids),
        "tag": tag,
        "is_given": deed == "give_tag",
        "until": None if until is None else until.isoformat(),
    }
    announce(shop_id=shop.id, name=events.CUSTOMERS_TAGGED, payload=payload, at=at)


def _record(
    shop: ShopView, actor: Actor, deed: str, customer: Any, after: Mapping[str, Any], at: datetime
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="customer",
        subject_id=customer,
        before=None,
        after=after,
        at=at,
    )


# --- a customer that was split


def keep_side(event: Event) -> None:
    """What was typed on the merged customer goes to the side that the operator named, else stays on both."""
    side, sides = event.payload["side"], event.payload["sides"]
    if side is None:
        return
    kept, other = sides[side], sides[1 - side]
    for model in (AttributeValue, TagGiven):
        rows = model.objects.filter(shop_id=event.shop_id)
        on_both = rows.filter(identity_id__in=kept).values("statement")
        rows.filter(Q(identity_id__in=other) & Q(statement__in=on_both)).delete()
