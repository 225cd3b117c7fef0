"""How far visits went on a planned route: portable expressions over their trails.

The meaning, per visit. Its trail is its views and orders in order (`traffic.trails`). A visit *entered* step k when its trail
holds rows r1 before r2 before … before rk, of which each fits its step: in order, other pages may lie between them, and one
view stands for one step only. Taking for each step the first row that fits after the one before decides the same, since an
earlier row leaves more behind it; that row is where the visit stood at the step.

The *leak* of a visit that entered step k and not the next: the first page after the row at which it stood at step k that is
another page than that (a reload goes nowhere); none: it left. So a visit that looked around before it came on is no leak.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

import ibis
from ibis import _

from shuke.traffic.routes.shapes import Step

VISIT = ["shop_id", "visit_id"]
_IN_CLASS = frozenset(".+?(){}|$")


def fits(rows: ibis.Table, step: Step) -> ibis.BooleanValue:
    """Whether a row of a trail fits a step."""
    if step.kind == "order":
        return rows.is_view == 0
    if step.kind == "type":
        told = rows.page_type == step.value
    elif step.kind == "page":
        told = rows.page_path == step.value
    elif step.value.index("*") == len(step.value) - 1:
        told = rows.page_path.startswith(step.value[:-1])
    else:
        told = rows.page_path.re_search(expression(step.value))
    return (rows.is_view == 1) & told


def expression(pattern: str) -> str:
    """A pattern as a regular expression that engines read alike: no backslash, special characters each in a class."""
    told = ("[^\n]*" if c == "*" else f"[{c}]" if c in _IN_CLASS else c for c in re.sub(r"\*+", "*", pattern))
    return f"^{''.join(told)}$"


def stood(rows: ibis.Table, steps: Sequence[Step]) -> ibis.Table:
    """One row per visit and step that it entered: VISIT, step (from 1), position."""
    parts = []
    before: ibis.Table | None = None
    for number, step in enumerate(steps, start=1):
        found = rows.filter(fits(rows, step))
        if before is not None:
            joined = found.join(before, VISIT).select(found, after="position_before")
            found = joined.filter(joined.position > joined.after)
        reached = found.group_by(VISIT).aggregate(position=_.position.min())
        parts.append(reached.mutate(step=ibis.literal(number, "int64")))
        before = reached.select(*VISIT, position_before="position")
    return reduce(lambda a, b: a.union(b, distinct=False), parts)


def ends(rows: ibis.Table, steps: Sequence[Step]) -> ibis.Table:
    """One row per visit that entered the first step: VISIT, depth (the last step entered), to_path and to_type (where it
    went instead; null: it left, or it came through)."""
    last = stood(rows, steps).group_by(VISIT).aggregate(depth=_.step.max(), position=_.position.max())
    paths = rows.select(*VISIT, "position", stood_at="page_path")
    placed = last.join(paths, [*VISIT, "position"]).select(last, "stood_at")
    leaking = placed.filter(placed.depth < len(steps)).select(*VISIT, after="position", stood_at="stood_at")
    views = rows.filter(rows.is_view == 1)
    later = views.join(leaking, VISIT).select(views, "after", "stood_at")
    later = later.filter((later.position > later.after) & (later.page_path != later.stood_at))
    went = later.group_by(VISIT).aggregate(
        to_path=later.page_path.argmin(later.position), to_type=later.page_type.argmin(later.position)
    )
    return placed.left_join(went, VISIT).select(*VISIT, "depth", "to_path", "to_type")


def leaks(rows: ibis.Table, steps: Sequence[Step]) -> ibis.Table:
    """Visits by the last step that they entered and where they went instead: depth, to_path, to_type, visits."""
    told = ends(rows, steps)
    return told.group_by(["depth", "to_path"]).aggregate(to_type=told.to_type.max(), visits=told.count())


def pages(rows: ibis.Table, steps: Sequence[Step]) -> ibis.Table:
    """By step and the page at which visits entered it: step, page_path, page_type, entered, went_on."""
    at = stood(rows, steps)
    depth = at.group_by(VISIT).aggregate(depth=_.step.max())
    placed = at.join(depth, VISIT).select(at, "depth")
    named = placed.join(rows, [*VISIT, "position"]).select(placed, "page_path", "page_type")
    return named.group_by(["step", "page_path"]).aggregate(
        page_type=named.page_type.max(),
        entered=named.count(),
        went_on=ibis.ifelse(named.depth > named.step, 1, 0).sum(),
    )


def behind(
    rows: ibis.Table,
    steps: Sequence[Step],
    step: int,
    *,
    only_left: bool = False,
    to_path: str | None = None,
    to_exit: bool = False,
) -> ibis.Table:
    """VISIT of those that entered a step; `only_left`: and not the next, `to_path` ('': a page that states none) says
    where to, `to_exit`: nowhere, they left."""
    told = ends(rows, steps)
    if not only_left:
        return told.filter(told.depth >= step).select(*VISIT)
    told = told.filter(told.depth == step)
    if to_exit:
        told = told.filter(told.to_path.isnull())
    elif to_path is not None:
        told = told.filter(told.to_path == to_path)
    return told.select(*VISIT)
