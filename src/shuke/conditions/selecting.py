"""The subjects that a condition chooses, as a portable Ibis expression: what looks beyond a row is added up by subject first.

Asked as of a moment, and written to the portability rules of the warehouse: days and moments of the window are literals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any as Anything

import ibis
import ibis.expr.types as ir

from . import windows
from .expression import compared, folded_fact, grouped, to_ibis
from .fields import Field, Kind, get_field
from .nodes import Measure, Member, Node, Step, Tally, Then, iter_nodes
from .series import get_series, measured_field
from .windows import AsOf, Window


@dataclass(frozen=True)
class World:
    """What a condition is asked of. `subjects`: one row each, with the column `key` and the fields. `series`: by name, a row a
    fact: `key`, `at` (naive UTC), `local_day`, `fact_id`, `until` where the series has ends, and its fields. `groups`: by name,
    a table that holds `key` of those who belong to it (once or more)."""

    subjects: ir.Table
    key: str
    series: Mapping[str, ir.Table] = field(default_factory=dict)
    groups: Mapping[str, ir.Table] = field(default_factory=dict)


def select(node: Node, world: World, as_of: AsOf) -> ir.Table:
    """The `key` of every subject for which the condition holds, once each. Raises UnknownField, UnknownSeries."""
    found = judged(node, world, as_of)
    return found.filter(found.is_met).select(world.key)


def judged(node: Node, world: World, as_of: AsOf) -> ir.Table:
    """Every subject with `is_met`, never null."""
    beyond = list(dict.fromkeys(one for one in iter_nodes(node) if isinstance(one, (Tally, Then, Member))))
    columns = {one: f"part_{number}" for number, one in enumerate(beyond)}
    table = world.subjects
    for one, name in columns.items():
        told = _told(one, name, world, as_of)
        table = table.left_join(told, world.key).select(table, told[name])

    def leaf(one: Node) -> ir.BooleanValue:
        if not isinstance(one, (Tally, Then, Member)):
            return to_ibis(one, table, as_of=as_of)
        fact: Anything = table[columns[one]]
        if not isinstance(one, Tally):
            return fact.notnull()
        asked = measured_field(get_series(one.series), one.measure, one.field)
        if asked.kind is not Kind.DAY:
            fact = fact.fill_null(0)
        return compared(asked, one.op, one.value, fact, as_of)

    return table.select(world.key, is_met=grouped(node, leaf))


def _told(node: Node, name: str, world: World, as_of: AsOf) -> ir.Table:
    """What is known beyond the row, by subject: a row for those of whom there is something."""
    if isinstance(node, Member):
        return (
            world.groups[node.group].select(world.key).distinct().mutate(**{name: ibis.literal(1, "int64")})
        )
    if isinstance(node, Then):
        return _followed(node, name, world, as_of)
    assert isinstance(node, Tally)
    facts = _standing(Step(node.series, node.where), node.window, world, as_of)
    return _measured(facts, node, name, world.key)


def _measured(facts: ir.Table, node: Tally, name: str, key: str) -> ir.Table:
    by = facts.group_by(key)
    if node.measure is Measure.COUNT:
        return by.aggregate(**{name: facts.count()})
    if node.measure is Measure.FIRST:
        return by.aggregate(**{name: facts.local_day.min()})
    if node.measure is Measure.LAST:
        return by.aggregate(**{name: facts.local_day.max()})
    if node.measure is Measure.DAYS:
        days = facts.select(key, "local_day").distinct()
        return days.group_by(key).aggregate(**{name: days.count()})
    assert node.field is not None
    of = get_field(node.field, get_series(node.series).subject)
    value: Anything = facts[node.field]
    if node.measure is Measure.SUM:
        added = value.coalesce(0).sum()
        # An engine widens a sum of whole numbers (to 128 bits), and compares it as what it is not.
        return by.aggregate(**{name: added.cast("int64") if value.type().is_integer() else added})
    seen = facts.filter(value.notnull()).select(key, value=_comparable(of, value)).distinct()
    return seen.group_by(key).aggregate(**{name: seen.count()})


def _comparable(field: Field, value: Anything) -> Anything:
    return folded_fact(value) if field.folds_case else value


def _followed(node: Then, name: str, world: World, as_of: AsOf) -> ir.Table:
    """Who has a fact of the second step after one of the first: the last one before it is the nearest."""
    firsts, thens = (_standing(step, node.window, world, as_of) for step in (node.first, node.then))
    key = world.key
    both = firsts.select(key, "at", is_first=ibis.literal(1, "int64")).union(
        thens.select(key, "at", is_first=ibis.literal(0, "int64")), distinct=False
    )
    # At one moment the second step comes first in this order: it does not follow what happens at the same time.
    order = ibis.window(group_by=key, order_by=["at", "is_first"], preceding=None, following=0)
    seen = both.mutate(before=ibis.ifelse(both.is_first == 1, both["at"], None).max().over(order))
    fit = (seen.is_first == 0) & seen.before.notnull()
    if node.within is not None:
        fit &= (seen["at"] - ibis.interval(seconds=node.within * 3_600)) <= seen.before
    return seen.filter(fit).select(key).distinct().mutate(**{name: ibis.literal(1, "int64")})


def _standing(step: Step, window: Window | None, world: World, as_of: AsOf) -> ir.Table:
    """The facts of a series that fit and count now."""
    facts = world.series[step.series]
    now = _moment(as_of.at)
    counts = facts["at"] <= now
    if window is not None:
        start, end = windows.days_of(window, as_of)
        if start is not None:
            counts &= facts.local_day >= _day(start)
        if end is not None:
            counts &= facts.local_day < _day(end)
        after = windows.moments_of(window, as_of)
        if after is not None:
            counts &= facts["at"] > _moment(after)
    if get_series(step.series).ends:
        counts &= facts["until"].isnull() | (facts["until"] > now)
    return facts.filter(counts & to_ibis(step.where, facts, as_of=as_of))


def _moment(at: datetime) -> ir.Value:
    return ibis.literal(at.astimezone(UTC).replace(tzinfo=None), type="timestamp(6)")


def _day(day: date) -> ir.Value:
    return ibis.literal(day, type="date")
