"""From facts to measures: which rows a question is about, and their sums.

A question has two halves. What depends on the shop, the period and the filter makes its inputs (`visits`, `now`, …), each
a short expression. The long half, from inputs to sums, depends on the measures and groups alone; its translation for the
engine takes far longer than its answer and is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any, TypeVar

import ibis
import pyarrow as pa

from shuke.conditions.reads import Node, to_ibis
from shuke.kernel.periods import ONE_DAY, Period, day_start, local_day
from shuke.shops.reads import ShopView
from shuke.traffic import measures as m
from shuke.warehouse import reads as warehouse
from shuke.warehouse.refunds import WHOLE, refunds_resolved

VISIT_KEYS = ("channel", "is_paid", "source", "medium", "campaign")
T = TypeVar("T")
Group = tuple[Any, ...]
Sums = dict[str, "int | Decimal | Fraction"]
Tables = Mapping[str, ibis.Table]
Build = Callable[[Tables], ibis.Table]


@dataclass(frozen=True)
class Scene:
    """Which facts a question is about: a shop's period, cut at `until`, of the visits that meet `condition`.

    `counts_by_visit`: orders are those that visits completed, also where nothing is filtered or grouped.
    """

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


@dataclass(frozen=True)
class Request:
    """Measures (`names`) of a scene, by group."""

    scene: Scene
    names: tuple[str, ...]
    keys: tuple[str, ...] = ()

    @property
    def used(self) -> list[m.Measure]:
        return self.scene.used(self.names, self.keys)

    @property
    def of_visits(self) -> list[m.Measure]:
        return [one for one in self.used if one.entity in m.VISIT_ENTITIES]

    @property
    def of_orders(self) -> list[m.Measure]:
        return [one for one in self.used if one.entity not in m.VISIT_ENTITIES]


def resolved_order_sums(requests: Sequence[Request]) -> list[list[dict[str, Any]]]:
    """Rows of `united` of each request's orders, refunds of a whole order resolved against the shop's whole life."""

    def question(asks: Sequence[Ask]) -> list[list[dict[str, Any]]]:
        return [_ask_order_sums(one, ask).to_pylist() for one, ask in zip(requests, asks, strict=True)]

    return ask_orders(
        [(one.scene, one.keys) for one in requests],
        question,
        reaches_back=any(one.name == "old_buyers" for request in requests for one in request.of_orders),
        is_open=None,
    )


def _ask_order_sums(request: Request, ask: Ask) -> pa.Table:
    measures = [*request.of_orders, *HIDDEN_MEASURES]

    def build(tables: Tables) -> ibis.Table:
        entities = m.order_entities(tables, [one.entity for one in measures], request.keys)
        return united(entities, measures, request.keys)

    return ask(("sums", tuple(one.name for one in measures), request.keys), build)


HIDDEN_MEASURES = (
    m.Measure("foreign_orders", "movement", lambda t: t.is_foreign),
    m.Measure("whole_refunds", "movement", lambda t: t.is_whole_refund),
    m.Measure("unresolved_refunds", "movement", lambda t: t.is_unresolved),
)
HIDDEN = tuple(one.name for one in HIDDEN_MEASURES)


# --- inputs

Ask = Callable[[Hashable, Build], pa.Table]


@dataclass(frozen=True)
class Step:
    """An input made of those before it; `key` tells apart what its expression depends on.

    `is_held`: computed at once, since it is costly and looked at several times.
    """

    name: str
    key: Hashable
    build: Build
    is_held: bool = False


def visit_steps(scene: Scene, keys: Sequence[str] = ()) -> list[Step]:
    """From `all_visits` to `visits`: those that meet the condition, with `hour` where it is a key."""

    def visits(tables: Tables) -> ibis.Table:
        found = tables["all_visits"]
        if scene.condition is not None:
            found = found.filter(to_ibis(scene.condition, found, {"is_one_page": found.views == 1}))
        return with_hour(found, "started_at", scene) if "hour" in keys else found

    return [Step("visits", ("visits", scene.condition, _hour_key(scene, keys)), visits)]


def order_steps(scene: Scene, keys: Sequence[str] = (), *, is_resolved: bool) -> list[Step]:
    """From `facts` to `now`, the period's movements, and `before`, those of the days in which an old buyer had paid."""
    currency, period = scene.shop.currency, scene.period

    def movements(tables: Tables) -> ibis.Table:
        marked = with_whole_refunds(tables["facts"])
        return m.movements(refunds_resolved(marked) if is_resolved else marked, currency)

    def now(tables: Tables) -> ibis.Table:
        found = _between(tables["movements"], period)
        return with_hour(found, "at", scene) if "hour" in keys else found

    def before(tables: Tables) -> ibis.Table:
        return _between(tables["movements"], Period(period.start - ONE_DAY * m.LOOK_BACK_DAYS, period.start))

    return [
        Step("movements", ("movements", currency, is_resolved), movements, is_held=is_resolved),
        Step("now", ("now", period, _hour_key(scene, keys)), now),
        Step("before", ("before", period.start), before),
    ]


def _between(table: ibis.Table, period: Period) -> ibis.Table:
    return table.filter(table.local_day >= ibis.date(period.start), table.local_day < ibis.date(period.end))


def _first_midnight(scene: Scene) -> int:
    return int(day_start(scene.period.start, scene.shop.zone).timestamp())


def _hour_key(scene: Scene, keys: Sequence[str]) -> int | None:
    return _first_midnight(scene) if "hour" in keys else None


def with_hour(table: ibis.Table, moment: str, scene: Scene) -> ibis.Table:
    """`hour`: whole hours since the period's first midnight, by elapsed time, so that no zone is needed."""
    elapsed = table[moment].truncate("s").epoch_seconds() - _first_midnight(scene)
    return table.mutate(hour=(elapsed // 3600).cast("int64"))


def with_whole_refunds(facts: ibis.Table) -> ibis.Table:
    """`is_whole_refund`: 1 for a cancellation or refund whose amount nobody stated, before it is resolved."""
    is_whole = facts.kind.isin(list(WHOLE)) & facts.amount_minor.isnull()
    return facts.mutate(is_whole_refund=ibis.ifelse(is_whole, 1, 0))


def ask_visits(scene: Scene, keys: Sequence[str], question: Callable[[Ask], T]) -> T:
    """Ask of the scene's visits; `question` gets a function that answers a kept translation over its inputs.

    `visitor_days` are among the inputs where they are those of all visits, grouped by nothing but the day.
    """
    is_plain = scene.condition is None and set(keys) <= {"local_day"}

    def asked(snapshot: warehouse.Snapshot) -> T:
        scoped = _cut(scene, snapshot)
        facts = {"all_visits": scoped.derived("visits")}
        if is_plain:
            facts["visitor_days"] = scoped.derived("visitor_days")
        return question(asker(scoped, facts, visit_steps(scene, keys)))

    return warehouse.ask(scene.shop, scene.period, asked)


def ask_orders(
    scenes: Sequence[tuple[Scene, Sequence[str]]],
    question: Callable[[Sequence[Ask]], T],
    *,
    reaches_back: bool,
    is_open: Callable[[T], bool] | None,
) -> T:
    """Ask of order facts of several scenes (each with its keys) of one shop, read from the files once.

    When the answer says that it met refunds of a whole order (`is_open`), it is asked again with those resolved against
    the shop's whole life, where their sales stand; None: they are resolved at once.
    """
    shop = scenes[0][0].shop
    start = min(scene.period.start for scene, _keys in scenes)
    end = max(scene.period.end for scene, _keys in scenes)
    if reaches_back:
        start -= ONE_DAY * m.LOOK_BACK_DAYS

    def asked(snapshot: warehouse.Snapshot, is_resolved: bool) -> T:
        facts = _held(snapshot, "facts", snapshot.derived("order_facts").select(*m.ORDER_COLUMNS))
        asks = []
        for number, (scene, keys) in enumerate(scenes):
            steps = order_steps(scene, keys, is_resolved=is_resolved)
            own = {"facts": facts if scene.until is None else _facts_until(snapshot, facts, scene.until)}
            asks.append(asker(snapshot, own, steps, number))
        return question(asks)

    if is_open is not None:
        answer = warehouse.ask(shop, Period(start, end), lambda s: asked(s, False))
        if not is_open(answer):
            return answer
    life = warehouse.whole_life(shop.id)
    return warehouse.ask(
        shop, Period(min(life.start, start) if life else start, end), lambda s: asked(s, True)
    )


def _facts_until(snapshot: warehouse.Snapshot, facts: ibis.Table, until: datetime) -> ibis.Table:
    """Order facts as they stood at a moment: only those of its own day have to be computed anew."""
    day = local_day(until, snapshot.shop.zone)
    earlier = facts.filter(facts.local_day < ibis.date(day))
    if day not in snapshot.period:
        return earlier if day < snapshot.period.start else facts
    own = snapshot.of_days([day]).cut(until).derived("order_facts").select(*m.ORDER_COLUMNS)
    return earlier.union(own, distinct=False)


def _held(snapshot: warehouse.Snapshot, name: str, table: ibis.Table) -> ibis.Table:
    """The rows of a table at hand, for questions that look at them several times."""
    engine = snapshot.engine
    rows = engine.answer(engine.sql_of(table)).cast(table.schema().to_pyarrow())
    return engine.hold(f"s{snapshot.slot}_traffic_{name}", rows)


def _cut(scene: Scene, snapshot: warehouse.Snapshot) -> warehouse.Snapshot:
    return snapshot if scene.until is None else snapshot.cut(scene.until)


_translated: dict[Hashable, tuple[str, pa.Schema]] = {}
_MOST_TRANSLATED = 5000


def asker(snapshot: warehouse.Snapshot, facts: Tables, steps: Sequence[Step], number: int = 0) -> Ask:
    """Gives facts and steps names that stay the same from question to question, so that translations can be kept.

    `number` tells scenes of one snapshot apart.
    """
    engine = snapshot.engine
    prefix = f"s{snapshot.slot}_traffic{number}"
    named: dict[str, ibis.Table] = {}

    def translated(key: Hashable, build: Build) -> tuple[str, pa.Schema]:
        known = (engine.name, prefix, tuple(named), key)
        if known not in _translated:
            if len(_translated) >= _MOST_TRANSLATED:
                _translated.clear()
            made = build(named)
            _translated[known] = engine.sql_of(made), made.schema().to_pyarrow()
        return _translated[known]

    def define(name: str, schema: pa.Schema, question: ibis.Table | str) -> None:
        named[name] = engine.define(f"{prefix}_{name}", schema, question)

    for name, table in facts.items():
        define(name, table.schema().to_pyarrow(), table)
    for step in steps:
        sql, schema = translated(step.key, step.build)
        if step.is_held:
            named[step.name] = engine.hold(f"{prefix}_{step.name}", engine.answer(sql).cast(schema))
        else:
            define(step.name, schema, sql)

    def ask(key: Hashable, build: Build) -> pa.Table:
        sql, schema = translated(key, build)
        # An engine widens a sum (to 128 bits); the expression says what it is.
        return engine.answer(sql).cast(schema)

    return ask


# --- sums

_OF_DAY = ("of_day", "day_views", "day_visitors")


def united(entities: Tables, used: Sequence[m.Measure], keys: Sequence[str]) -> ibis.Table:
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
        columns = {
            one.name: (part[one.name] if one.entity == entity else ibis.null()).cast(_type(one.name))
            for one in plain
        }
        if has_days:
            columns |= {name: _day_column(part, name, entity) for name in _OF_DAY}
        parts.append(part.select(*keys, **columns))
    return reduce(lambda a, b: a.union(b, distinct=False), parts)


def _type(name: str) -> str:
    return "decimal(38, 3)" if name == "units" else "int64"


def _day_column(part: ibis.Table, name: str, entity: str) -> ibis.Value:
    wanted = "date" if name == "of_day" else "int64"
    return (part[name] if entity == "day" else ibis.null()).cast(wanted)


def folded(answers: Iterable[list[dict[str, Any]]], keys: Sequence[str]) -> dict[Group, Sums]:
    """The rows of `united` tables, one per entity and group, as one set of sums per group."""
    found: dict[Group, Sums] = {}
    for rows in answers:
        for row in rows:
            _fold(found.setdefault(tuple(row[key] for key in keys), {}), row, keys)
    return found


def _fold(into: Sums, row: Mapping[str, Any], keys: Sequence[str]) -> None:
    if row.get("of_day") is not None:
        share = Fraction(row["day_views"], row["day_visitors"])
        into["daily_views_per_visitor"] = Fraction(into.get("daily_views_per_visitor", 0)) + share
        into["days_with_visitors"] = int(into.get("days_with_visitors", 0)) + 1
        return
    for name, value in row.items():
        if name not in keys and name not in _OF_DAY and value is not None:
            into[name] = value
