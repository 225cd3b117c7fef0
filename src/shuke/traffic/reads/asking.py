"""From facts to measures: which rows a question is about, and their sums, in one question to the warehouse per dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any, TypeVar

import ibis

from shuke.conditions.reads import Node, to_ibis
from shuke.kernel.periods import ONE_DAY, Period, day_start
from shuke.shops.reads import ShopView
from shuke.traffic import measures as m
from shuke.warehouse import reads as warehouse
from shuke.warehouse.refunds import WHOLE, refunds_resolved

LOOK_BACK_DAYS = 365  # B-213: the days before the period in which an old buyer had paid
VISIT_KEYS = ("channel", "is_paid", "source", "medium", "campaign")
TIME_KEYS = ("local_day", "hour")
T = TypeVar("T")
Group = tuple[Any, ...]
Sums = dict[str, "int | Decimal | Fraction"]


@dataclass(frozen=True)
class Scene:
    """Which facts a question is about: a shop's period, cut at `until`, of the visits that meet `condition`."""

    shop: ShopView
    period: Period
    until: datetime | None = None
    condition: Node | None = None
    counts_by_visit: bool = False

    def is_by_visit(self, keys: Sequence[str] = ()) -> bool:
        """Whether orders are those that visits completed: under a condition on visits, or grouped by their fields."""
        return self.counts_by_visit or self.condition is not None or any(key in VISIT_KEYS for key in keys)

    def used(self, names: Iterable[str], keys: Sequence[str] = ()) -> list[m.Measure]:
        """The measures to use; those that visits do not tell are left out."""
        found = (m.measure(name, is_by_visit=self.is_by_visit(keys)) for name in dict.fromkeys(names))
        return [one for one in found if one is not None]


def sums(scene: Scene, names: Iterable[str], keys: Sequence[str] = ()) -> dict[Group, Sums]:
    """Measures by group; without keys the one group `()`, also where there are no facts."""
    used = scene.used(names, keys)
    of_visits = [one for one in used if one.entity in ("visit", "visitor_day", "visitor", "day")]
    of_orders = [one for one in used if one.entity in ("movement", "order", "buyer")]
    found: dict[Group, Sums] = {}
    for rows in (
        _visit_sums(scene, of_visits, keys) if of_visits else [],
        _order_sums(scene, of_orders, keys) if of_orders else [],
    ):
        for row in rows:
            _fold(found.setdefault(tuple(row[key] for key in keys), {}), row, keys)
    if not keys:
        found.setdefault((), {})
    names_used = [one.name for one in used]
    hidden = HIDDEN if of_orders else ()
    return {
        group: {name: got.get(name, 0) for name in (*names_used, *hidden)} for group, got in found.items()
    }


_OF_DAY = ("of_day", "day_views", "day_visitors")


def _fold(into: Sums, row: Mapping[str, Any], keys: Sequence[str]) -> None:
    if row.get("of_day") is not None:
        share = Fraction(row["day_views"], row["day_visitors"])
        into["daily_views_per_visitor"] = Fraction(into.get("daily_views_per_visitor", 0)) + share
        into["days_with_visitors"] = int(into.get("days_with_visitors", 0)) + 1
        return
    for name, value in row.items():
        if name not in keys and name not in _OF_DAY and value is not None:
            into[name] = value


# --- visits


def visits_of(scene: Scene, snapshot: warehouse.Snapshot) -> ibis.Table:
    """The visits of a scene, with their hour."""
    visits = snapshot.derived("visits")
    if scene.condition is not None:
        visits = visits.filter(to_ibis(scene.condition, visits, {"is_one_page": visits.views == 1}))
    return visits


def with_hour(table: ibis.Table, moment: str, scene: Scene) -> ibis.Table:
    """`hour`: whole hours since the period's first midnight, by elapsed time, so that no zone is needed."""
    start = int(day_start(scene.period.start, scene.shop.zone).timestamp())
    return table.mutate(hour=((table[moment].truncate("s").epoch_seconds() - start) // 3600).cast("int64"))


def visit_entities(
    scene: Scene, snapshot: warehouse.Snapshot, wanted: Iterable[str], keys: Sequence[str] = ()
) -> dict[str, ibis.Table]:
    """The entities made of visits, each with the keys as columns."""
    visits = visits_of(scene, snapshot)
    if "hour" in keys:
        visits = with_hour(visits, "started_at", scene)
    is_plain = scene.condition is None and set(keys) <= {"local_day"}
    found: dict[str, ibis.Table] = {}
    days = None
    for entity in dict.fromkeys(wanted):
        if entity in ("visitor_day", "day") and days is None:
            days = snapshot.derived("visitor_days") if is_plain else m.visitor_days(visits, keys)
        if entity == "visit":
            found[entity] = visits
        elif entity == "visitor":
            found[entity] = m.visitors(visits, keys)
        elif entity == "visitor_day":
            found[entity] = days
        else:
            found[entity] = m.days(days, keys)
    return found


def _visit_sums(scene: Scene, used: Sequence[m.Measure], keys: Sequence[str]) -> list[dict[str, Any]]:
    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        scoped = snapshot if scene.until is None else snapshot.cut(scene.until)
        entities = visit_entities(scene, scoped, [one.entity for one in used], keys)
        return warehouse.run(_united(entities, used, keys)).to_pylist()

    return warehouse.ask(scene.shop, scene.period, question)


def _united(entities: Mapping[str, ibis.Table], used: Sequence[m.Measure], keys: Sequence[str]) -> ibis.Table:
    """The sums of several entities as one table: a row per entity and group, null where it has no such measure."""
    plain = [one for one in used if one.weight is not None]
    has_days = "day" in entities
    parts = []
    for entity, table in entities.items():
        own = {one.name: one.weight(table).sum() for one in plain if one.entity == entity}  # type: ignore[misc]
        if entity == "day":
            part = table.mutate(
                of_day=table.local_day, day_views=table.views, day_visitors=table.visitor_days
            )
        elif keys:
            part = table.group_by(list(keys)).aggregate(**own)
        else:
            part = table.aggregate(**own)
        parts.append(
            part.select(
                *keys,
                **{
                    one.name: (part[one.name] if one.entity == entity else ibis.null()).cast(_type(one.name))
                    for one in plain
                },
                **({name: _day_column(part, name, entity) for name in _OF_DAY} if has_days else {}),
            )
        )
    return reduce(lambda a, b: a.union(b, distinct=False), parts)


def _type(name: str) -> str:
    return "decimal(38, 3)" if name == "units" else "int64"


def _day_column(part: ibis.Table, name: str, entity: str) -> ibis.Value:
    wanted = "date" if name == "of_day" else "int64"
    return (part[name] if entity == "day" else ibis.null()).cast(wanted)


# --- orders


def order_entities(
    scene: Scene, facts: ibis.Table, wanted: Iterable[str], keys: Sequence[str] = ()
) -> dict[str, ibis.Table]:
    """The entities made of order facts, which may reach back before the period (for old buyers)."""
    movements = m.movements(facts, scene.shop.currency)
    if "hour" in keys:
        movements = with_hour(movements, "at", scene)
    now = movements.filter(
        movements.local_day >= ibis.date(scene.period.start),
        movements.local_day < ibis.date(scene.period.end),
    )
    found: dict[str, ibis.Table] = {}
    for entity in dict.fromkeys(wanted):
        if entity == "movement":
            found[entity] = now
        elif entity == "order":
            found[entity] = m.orders(now, keys)
        else:
            found[entity] = m.buyers(now, movements, scene.period.start, LOOK_BACK_DAYS, keys)
    return found


def ask_orders(
    scene: Scene, used: Sequence[m.Measure], question: Callable[[ibis.Table], T], is_open: Callable[[T], bool]
) -> T:
    """Ask of order facts; when the answer says that it met refunds of a whole order (`is_open`), ask again with those
    resolved against the shop's whole life, where their sales stand.
    """
    reaches_back = any(one.name == "old_buyers" for one in used)
    start = scene.period.start - ONE_DAY * LOOK_BACK_DAYS if reaches_back else scene.period.start

    def asked(snapshot: warehouse.Snapshot, is_resolved: bool) -> T:
        scoped = snapshot if scene.until is None else snapshot.cut(scene.until)
        facts = scoped.derived("order_facts")
        is_whole = facts.kind.isin(list(WHOLE)) & facts.amount_minor.isnull()
        facts = facts.mutate(is_whole_refund=ibis.ifelse(is_whole, 1, 0))
        return question(refunds_resolved(facts) if is_resolved else facts)

    answer = warehouse.ask(scene.shop, Period(start, scene.period.end), lambda s: asked(s, False))
    life = warehouse.whole_life(scene.shop.id)
    if life is None or not is_open(answer):
        return answer
    whole = Period(min(life.start, start), scene.period.end)
    return warehouse.ask(scene.shop, whole, lambda s: asked(s, True))


def _order_sums(scene: Scene, used: Sequence[m.Measure], keys: Sequence[str]) -> list[dict[str, Any]]:
    measures = [*used, *HIDDEN_MEASURES]

    def question(facts: ibis.Table) -> list[dict[str, Any]]:
        entities = order_entities(scene, facts, [one.entity for one in measures], keys)
        return warehouse.run(_united(entities, measures, keys)).to_pylist()

    return ask_orders(scene, used, question, lambda rows: any(row["whole_refunds"] for row in rows))


HIDDEN_MEASURES = (
    m.Measure("foreign_orders", "movement", lambda t: t.is_foreign),
    m.Measure("whole_refunds", "movement", lambda t: t.is_whole_refund),
    m.Measure("unresolved_refunds", "movement", lambda t: t.is_unresolved),
)
HIDDEN = tuple(one.name for one in HIDDEN_MEASURES)
