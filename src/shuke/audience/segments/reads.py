"""Questions about segments: which there are, whom they choose at a moment, and why one customer is in or out.

Answers are computed from facts as of the moment asked for; nothing is remembered of who was in a segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import ibis
from django_scopes import scope

from shuke.audience import purchases
from shuke.audience.identities import reads as identities
from shuke.audience.purchases import Purchases
from shuke.audience.segments import worlds
from shuke.audience.segments.errors import NoSuchSegment, SegmentInItself, TooDeep
from shuke.audience.segments.fields import COMPUTED, CUSTOMER
from shuke.audience.segments.models import Segment
from shuke.audience.segments.shapes import MemberRow, NamedFact, SegmentCount, SegmentView, Why
from shuke.audience.segments.shipped import condition_of, shipped
from shuke.audience.segments.worlds import KEY
from shuke.conditions.reads import (
    All,
    AsOf,
    Known,
    Node,
    Removal,
    World,
    decisive,
    field_names,
    fields_of,
    get_series,
    matches,
    next_change,
    parse,
    select,
)
from shuke.kernel.errors import NotFound
from shuke.kernel.periods import ONE_DAY, day_start, local_day
from shuke.shops.reads import ShopView
from shuke.traffic.saved.shapes import Kept, kept

__all__ = [
    "LARGEST_PAGE",
    "MemberRow",
    "SegmentCount",
    "SegmentView",
    "Why",
    "chosen",
    "counts",
    "get_segment",
    "list_segments",
    "why",
]

LARGEST_PAGE = 1_000
DEEPEST = 5
T = TypeVar("T")


def list_segments(shop: ShopView, *, at: datetime, is_archived: bool = False) -> tuple[SegmentView, ...]:
    """The shipped segments and the shop's own, these by name; of archived ones the shop's own alone."""
    with scope(shop=shop.id):
        rows = Segment.objects.filter(archived_at__isnull=not is_archived).order_by("name")
        own = tuple(view(row) for row in rows)
    return own if is_archived else (*(_shipped(shop, key, at) for key in shipped()), *own)


def get_segment(shop: ShopView, key: str, *, at: datetime) -> SegmentView:
    """One, archived or not. Raises NoSuchSegment."""
    if key in shipped():
        return _shipped(shop, key, at)
    with scope(shop=shop.id):
        row = Segment.objects.filter(pk=number_of(key)).first()
    if row is not None:
        return view(row)
    raise NoSuchSegment(field="segment", value=key)


def number_of(key: str) -> int:
    """The number of a saved segment; a number has one spelling only, so that no two keys name one segment. Raises NoSuchSegment."""
    if not (key.isascii() and key.isdecimal() and len(key) <= 18 and str(int(key)) == key):
        raise NoSuchSegment(field="segment", value=key)
    return int(key)


def view(row: Segment) -> SegmentView:
    return SegmentView(str(row.pk), parse(row.condition, CUSTOMER), Kept(**kept(row)), {}, {})


def _shipped(shop: ShopView, key: str, at: datetime) -> SegmentView:
    one = shipped()[key]
    return SegmentView(
        key, condition_of(one, shop, local_day(at, shop.zone)), None, one.title, one.words, one.source
    )


def conditions_needed(shop: ShopView, node: Node, *, at: datetime, own: str | None = None) -> dict[str, Node]:
    """The conditions of all segments that a condition names, and that those name; those that are named come first.

    `own`: the key of the segment that the condition is for. Raises NoSuchSegment, SegmentInItself, TooDeep.
    """
    found: dict[str, Node] = {}

    def visit(part: Node, above: tuple[str, ...]) -> None:
        for group in worlds.groups_asked(part):
            if group in above:
                raise SegmentInItself(field="segment", value=group)
            if len(above) > DEEPEST:
                raise TooDeep(field="segment", value=group, most=DEEPEST)
            if group not in found:
                condition = get_segment(shop, group, at=at).condition
                visit(condition, (*above, group))
                found[group] = condition

    visit(node, (own,) if own else ())
    return found


def counts(shop: ShopView, segments: Sequence[SegmentView], *, at: datetime) -> tuple[Mapping[str, int], int]:
    """How many customers each of these segments has (by key), and how many customers there are, in one look at the facts."""
    others = [conditions_needed(shop, one.condition, at=at) for one in segments]
    needed = {name: node for some in others for name, node in some.items()}

    def question(asked: Purchases) -> tuple[Mapping[str, int], int]:
        world = _world(asked, All(tuple(one.condition for one in segments)), needed)
        tables = {"": world.subjects}
        tables |= {one.key: select(one.condition, world, AsOf(at, shop.zone)) for one in segments}
        parts = [
            table.aggregate(n=table.count()).mutate(key=ibis.literal(key)) for key, table in tables.items()
        ]
        found = {
            row["key"]: int(row["n"]) for row in asked.run(ibis.union(*parts, distinct=False)).to_pylist()
        }
        return found, found.pop("")

    return purchases.ask(shop, at, question) or ({one.key: 0 for one in segments}, 0)


def chosen(
    shop: ShopView,
    node: Node,
    *,
    at: datetime,
    page: int = 1,
    size: int = 50,
    with_names: bool = False,
) -> SegmentCount:
    """Whom a condition chooses at a moment: how many, and a page of them, those seen last first; `with_names` costs a question
    more. Raises NoSuchSegment, SegmentInItself."""
    page, size = max(1, page), max(1, min(size, LARGEST_PAGE))
    others = conditions_needed(shop, node, at=at)

    def question(asked: Purchases) -> SegmentCount:
        world = _world(asked, node, others)
        members = select(node, world, AsOf(at, shop.zone))
        both = world.subjects.left_join(members.mutate(is_in=ibis.literal(1, "int64")), KEY)
        rows = both.select(world.subjects, "is_in")
        sums = asked.run(
            rows.aggregate(everyone=rows.count(), count=rows.is_in.sum().coalesce(0))
        ).to_pylist()[0]
        inside = rows.filter(rows.is_in.notnull()).order_by([ibis.desc("last_seen_on"), KEY])
        shown = asked.run(inside.limit(size, offset=(page - 1) * size)).to_pylist()
        names = purchases.names_of(asked, [row[KEY] for row in shown]) if with_names else {}
        told = tuple(_row(row, names.get(row[KEY])) for row in shown)
        return SegmentCount(at, int(sums["count"]), int(sums["everyone"]), told, page, size)

    return purchases.ask(shop, at, question) or SegmentCount(at, 0, 0, (), page, size)


def why(shop: ShopView, node: Node, customer_id: int, *, at: datetime) -> Why:
    """Why one customer is in or out at a moment, from the facts that decided. Raises NotFound, NoSuchSegment."""
    of = identities.customer_of(shop, customer_id)
    others = conditions_needed(shop, node, at=at)
    as_of = AsOf(at, shop.zone)

    nodes = (node, *others.values())

    def question(asked: Purchases) -> Why | None:
        world = _world(asked, node, others)
        subject = asked.run(world.subjects.filter(world.subjects[KEY] == of)).to_pylist()
        if not subject:
            return None
        series = {
            name: [_aware(row) for row in asked.run(facts.filter(facts[KEY] == of)).to_pylist()]
            for name, facts in world.series.items()
        }
        groups = frozenset(
            name
            for name in worlds.groups_asked(node)
            if asked.run(world.groups[name].filter(world.groups[name][KEY] == of)).num_rows
        )
        known = Known({name: fact for name, fact in subject[0].items() if name != KEY}, series, groups)
        named = tuple(_named(one, known) for one in decisive(node, known, as_of))
        # What it names may change too, and what rules make of facts is made anew with each day.
        moments = [next_change(one, known, as_of) for one in nodes]
        if any(COMPUTED & field_names(one) for one in nodes):
            moments.append(day_start(as_of.today + ONE_DAY, shop.zone))
        soonest = min((moment for moment in moments if moment is not None), default=None)
        return Why(of, at, matches(node, known, as_of), named, soonest)

    found = purchases.ask(shop, at, question)
    if found is None:
        raise NotFound(field="customer", value=customer_id)
    return found


def _world(asked: Purchases, node: Node, others: Mapping[str, Node]) -> World:
    """The world of a condition and of those that it names; each of these is a group, asked once."""
    as_of = AsOf(asked.at, asked.shop.zone)
    world = worlds.world(asked, (*others.values(), node))
    groups: dict[str, ibis.Table] = {}
    for name, condition in others.items():
        groups[name] = select(condition, _with_groups(world, groups), as_of)
    return _with_groups(world, groups)


def _with_groups(world: World, groups: Mapping[str, ibis.Table]) -> World:
    return replace(world, groups=dict(groups))


def _aware(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _named(removal: Removal, known: Known) -> NamedFact:
    if removal.kind != "fact":
        return NamedFact(removal, None, {"value": known.fields.get(removal.name)})
    fact = next(one for one in known.series[removal.name] if one["fact_id"] == removal.fact_id)
    names = fields_of(get_series(removal.name).subject)
    return NamedFact(removal, fact["at"], {name: fact.get(name) for name in names})


def _row(row: Mapping[str, Any], name: str | None) -> MemberRow:
    seen: tuple[date, date] = (row["first_seen_on"], row["last_seen_on"])
    return MemberRow(row[KEY], name, *seen, row["visits_ever"], row["orders_ever"], row["net_amount"])
