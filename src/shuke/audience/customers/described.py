"""What is said of customers: attributes with source and date, tags with origin and end; now, and as it was at a moment."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django_scopes import scope

from shuke.audience.customers import definitions, questions
from shuke.audience.customers.decisions import Statement, in_order, stands
from shuke.audience.customers.definitions import Definition
from shuke.audience.customers.errors import NoSuchAttribute
from shuke.audience.customers.models import AttributeValue, OwnAttribute, TagGiven
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

_CHUNK = 500


@dataclass(frozen=True)
class Known:
    """What is known of an attribute: the statement that holds (None: unknown), and all that were made, that one first."""

    definition: Definition
    statement: Statement | None
    history: tuple[Statement, ...]

    @property
    def value(self) -> Any:
        return None if self.statement is None else self.statement.value


@dataclass(frozen=True)
class Tag:
    """A tag that was given. `until` and `taken_at` end it, at that moment it is gone."""

    tag: str
    origin: str
    rule: str
    given_by: str
    given_at: datetime
    until: datetime | None
    taken_at: datetime | None
    taken_by: str
    identity_id: int
    key: str

    def stands(self, at: datetime) -> bool:
        return stands(self.given_at, self.until, self.taken_at, at)


# --- definitions


def attributes_offered(shop: ShopView) -> tuple[Definition, ...]:
    """The attributes of a shop: those that are shipped for its category, and its own."""
    with scope(shop=shop.id):
        own = [_own(row) for row in OwnAttribute.objects.filter(shop_id=shop.id).order_by("name")]
    return definitions.offered(shop.category, own)


def attribute(shop: ShopView, name: str) -> Definition:
    """Raises NoSuchAttribute."""
    for one in attributes_offered(shop):
        if one.name == name:
            return one
    raise NoSuchAttribute(field="attribute", value=name)


def _own(row: OwnAttribute) -> Definition:
    told = row.definition
    return Definition(
        row.name,
        told["type"],
        told["title"],
        tuple(told.get("traits", ())),
        told.get("choices"),
        is_own=True,
    )


# --- attributes


def attributes_of(shop: ShopView, identity_ids: Collection[int], *, at: datetime) -> tuple[Known, ...]:
    """Every attribute of the shop, with what these identities' pages, files and operators said of it until a moment."""
    offered = attributes_offered(shop)
    told: dict[str, list[Statement]] = {one.name: [] for one in offered}
    seen: set[str] = set()
    with scope(shop=shop.id):
        for row in _rows(AttributeValue, shop.id, identity_ids, at):
            # Of what was typed on a merged customer one copy counts.
            if row.name in told and row.statement not in seen:
                seen.add(row.statement)
                told[row.name].append(
                    Statement(
                        row.value, row.at, row.source, row.made_by, row.identity_id, row.pk, row.statement
                    )
                )
    for name, statements in _told_by_pages(shop, offered, identity_ids, at).items():
        told[name] += statements
    found = []
    for one in offered:
        ordered = in_order(told[one.name], shop.zone)
        holds = ordered[0] if ordered and ordered[0].value is not None else None
        found.append(Known(one, holds, tuple(ordered)))
    return tuple(found)


def _rows(
    model: type[AttributeValue], shop_id: int, identity_ids: Collection[int], at: datetime
) -> Iterable[AttributeValue]:
    wanted = sorted(identity_ids)
    for place in range(0, len(wanted), _CHUNK):
        part = wanted[place : place + _CHUNK]
        yield from model.objects.filter(shop_id=shop_id, identity_id__in=part, at__lte=at).order_by("pk")


def _told_by_pages(
    shop: ShopView, offered: Sequence[Definition], identity_ids: Collection[int], at: datetime
) -> Mapping[str, list[Statement]]:
    """Traits of `identify`, read as the attributes that they say; what can not be read as the type says is left out."""
    life = warehouse.whole_life(shop.id)
    if life is None or not identity_ids:
        return {}
    until = at.astimezone(UTC).replace(tzinfo=None)

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        events = snapshot.raw("events")
        told = events.filter((events["type"] == "identify") & (events["at"] <= until))
        mine = questions.mine(told, "person_id", "visitor_id", identity_ids)
        columns = mine.select("event_id", "person_id", "visitor_id", "at", "ord", "properties")
        return snapshot.engine.run(columns.order_by(["at", "ord", "event_id"])).to_pylist()

    found: dict[str, list[Statement]] = {}
    for row in warehouse.ask(shop, life, question):
        traits = _traits(row["properties"])
        own = row["visitor_id"] if row["person_id"] is None else row["person_id"]
        moment = row["at"].replace(tzinfo=UTC)
        for one in offered:
            given = next((traits[name] for name in one.traits if traits.get(name) not in (None, "")), None)
            try:
                value = definitions.read_value(one, given, shop.currency)
            except ValueError:
                continue
            said = Statement(value, moment, "identify", "", own, row["ord"] or 0, str(row["event_id"]))
            found.setdefault(one.name, []).append(said)
    return found


def _traits(text: str | None) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


# --- tags


def tags_of(shop: ShopView, identity_ids: Collection[int]) -> tuple[Tag, ...]:
    """Every tag that was ever given to these identities, the newest first; of one typed on a merged customer one copy."""
    found: dict[str, Tag] = {}
    wanted = sorted(identity_ids)
    with scope(shop=shop.id):
        for place in range(0, len(wanted), _CHUNK):
            part = wanted[place : place + _CHUNK]
            for row in TagGiven.objects.filter(shop_id=shop.id, identity_id__in=part).order_by("pk"):
                found.setdefault(f"{row.statement}:{row.tag}", _tag(row))
    return tuple(sorted(found.values(), key=lambda one: (one.given_at, one.key), reverse=True))


def standing_tags(
    shop: ShopView, identities: Mapping[int, Collection[int]], at: datetime
) -> dict[int, tuple[str, ...]]:
    """The tags that stand at a moment, by customer; `identities`: customer → his identities."""
    owner = {one: customer for customer, ids in identities.items() for one in ids}
    found: dict[int, set[str]] = {customer: set() for customer in identities}
    wanted = sorted(owner)
    with scope(shop=shop.id):
        for place in range(0, len(wanted), _CHUNK):
            part = wanted[place : place + _CHUNK]
            rows = TagGiven.objects.filter(_standing(at), shop_id=shop.id, identity_id__in=part)
            for identity_id, tag in rows.values_list("identity_id", "tag"):
                found[owner[identity_id]].add(tag)
    return {customer: tuple(sorted(tags)) for customer, tags in found.items()}


def tag_names(shop: ShopView, at: datetime, most: int = 100) -> tuple[str, ...]:
    """The tags that stand on anybody, by name."""
    with scope(shop=shop.id):
        rows = TagGiven.objects.filter(_standing(at), shop_id=shop.id)
        return tuple(rows.values_list("tag", flat=True).distinct().order_by("tag")[:most])


def identities_tagged(shop: ShopView, tag: str, at: datetime) -> tuple[int, ...]:
    """The identities on which a tag stands at a moment, sorted: what a segment asks."""
    with scope(shop=shop.id):
        rows = TagGiven.objects.filter(_standing(at), shop_id=shop.id, tag=tag)
        return tuple(rows.values_list("identity_id", flat=True).distinct().order_by("identity_id"))


def _standing(at: datetime) -> Q:
    return Q(given_at__lte=at) & (Q(until=None) | Q(until__gt=at)) & (Q(taken_at=None) | Q(taken_at__gt=at))


def _tag(row: TagGiven) -> Tag:
    return Tag(
        row.tag,
        row.origin,
        row.rule,
        row.given_by,
        row.given_at,
        row.until,
        row.taken_at,
        row.taken_by,
        row.identity_id,
        f"{row.pk:020d}",
    )
