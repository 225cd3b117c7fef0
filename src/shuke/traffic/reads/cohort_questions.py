"""Questions about cohorts as portable Ibis expressions.

Three steps, each grouped by integers and bounded by the number of people, never by the number of facts:

1. `acts`: a behaviour's facts as rows (subject_id, local_day), of whom they know.
2. `first_days`: one row a person, with the first day of all and, in few integers, in how many days of each period they
   acted. A digit of base 8 (a week has at most 7 days) or 32 (a month has at most 31) counts the days of one period, so
   one grouped sum tells every period at once and needs neither a distinct count nor an OR over bits.
3. Counts by first day; days become cohorts in Python, since there are few of them.

Where starting and returning differ, the periods in which somebody returned are grouped for themselves and joined with the
first days (`returns_of_others`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis

from shuke.conditions.reads import to_ibis
from shuke.traffic.reads.cohort_fields import columns_of
from shuke.traffic.reads.cohort_shapes import Behaviour, Grain, Who

Tables = Mapping[str, ibis.Table]
_COLUMNS = {
    ("order", "person"): "buyer_id",
    ("order", "visitor"): "visitor_id",
    ("visit", "person"): "person_id",
    ("visit", "visitor"): "visitor_id",
    ("event", "person"): "person_id",
    ("event", "visitor"): "visitor_id",
}
BITS = {"week": 3, "month": 5}
_WORD = 60  # bits of an int64 that are used
SIZE_OF_ALL = -1  # the period of the rows that tell how many started


def kind_of(behaviour: Behaviour, who: Who) -> str:
    """The warehouse's table that tells of a behaviour: the smallest that knows enough."""
    if behaviour.kind in ("order", "movement"):
        return "order_facts"
    if behaviour.kind != "visit":
        return "events"
    return "visitor_days" if who == "visitor" and behaviour.condition is None else "visits"


def column_of(behaviour: Behaviour, who: Who) -> str:
    """The column that tells whose a fact is."""
    family = {"movement": "order", "sign_up": "event"}.get(behaviour.kind, behaviour.kind)
    return _COLUMNS[family, who]


def facts_of(tables: Tables, behaviour: Behaviour, who: Who) -> ibis.Table:
    """The facts that are this behaviour, of anybody, known or not."""
    facts = tables[kind_of(behaviour, who)]
    if behaviour.kind == "order":
        facts = facts.filter(facts.kind == "sale")
    elif behaviour.kind in ("sign_up", "event"):
        facts = facts.filter((facts["type"] == "track") & (facts["name"] == behaviour.event))
    if behaviour.condition is not None:
        facts = facts.filter(to_ibis(behaviour.condition, facts, columns_of(facts)))
    return facts


def acts(tables: Tables, behaviour: Behaviour, who: Who, until: date) -> ibis.Table:
    """(subject_id, local_day) of a behaviour before the day `until`; a row a fact."""
    facts = facts_of(tables, behaviour, who)
    owner = facts[column_of(behaviour, who)]
    return facts.filter(owner.notnull() & (facts.local_day < ibis.date(until))).select(
        subject_id=owner, local_day=facts.local_day
    )


def days_of(tables: Tables, behaviour: Behaviour, who: Who, until: date) -> ibis.Table:
    """(subject_id, local_day) of a behaviour, each pair once."""
    found = acts(tables, behaviour, who, until)
    if kind_of(behaviour, who) == "visitor_days":  # one row a visitor and day already
        return found
    return found.group_by("subject_id", "local_day").aggregate().select("subject_id", "local_day")


def known(tables: Tables, behaviour: Behaviour, who: Who, until: date) -> ibis.Table:
    """One row: `named` and `unnamed` facts of a behaviour before `until`."""
    facts = facts_of(tables, behaviour, who)
    facts = facts.filter(facts.local_day < ibis.date(until))
    owner = facts[column_of(behaviour, who)]
    return facts.aggregate(
        named=ibis.ifelse(owner.notnull(), 1, 0).sum().coalesce(0),
        unnamed=ibis.ifelse(owner.isnull(), 1, 0).sum().coalesce(0),
    )


def last_day(table: ibis.Table, until: date) -> ibis.Table:
    """One row: the last day before `until` on which a table has any fact."""
    table = table.filter(table.local_day < ibis.date(until))
    return table.aggregate(last_day=table.local_day.max())


# --- the same behaviour starts and returns


def first_days(days: ibis.Table, edges: Sequence[date], grain: Grain) -> ibis.Table:
    """One row a person: `first_day`, and `word_0`, … : on how many days of each period they acted, as digits.

    `edges` are the first days of the periods to tell of, one after the other, and the end of the last.
    """
    per_word = _WORD // BITS[grain]
    sums = {}
    for begin in range(0, len(edges) - 1, per_word):
        ends = edges[begin + 1 : begin + per_word + 1]
        branches = [(days.local_day < ibis.date(edges[begin]), ibis.literal(0, "int64"))]
        branches += [
            (days.local_day < ibis.date(end), ibis.literal(1 << (BITS[grain] * place), "int64"))
            for place, end in enumerate(ends)
        ]
        digit = ibis.cases(*branches, else_=ibis.literal(0, "int64"))
        sums[f"word_{begin // per_word}"] = digit.sum().cast("int64")
    return days.group_by("subject_id").aggregate(first_day=days.local_day.min(), **sums)


def returns_of_the_same(days: ibis.Table, edges: Sequence[date], last: date, grain: Grain) -> ibis.Table:
    """A row per first day from `edges[0]` until before `last`: `members`, and `p0`, `p1`, … : who acted in the period."""
    firsts = first_days(days, edges, grain)
    firsts = firsts.filter(firsts.first_day >= ibis.date(edges[0]), firsts.first_day < ibis.date(last))
    bits, per_word = BITS[grain], _WORD // BITS[grain]
    counts = {}
    for place in range(len(edges) - 1):
        word = firsts[f"word_{place // per_word}"]
        digit = ((1 << bits) - 1) << (bits * (place % per_word))
        counts[f"p{place}"] = ibis.ifelse((word & ibis.literal(digit, "int64")) != 0, 1, 0).sum()
    return firsts.group_by("first_day").aggregate(members=firsts.count(), **counts)


# --- starting and returning differ


def returns_of_others(
    starting: ibis.Table, returning: ibis.Table, edges: Sequence[date], last: date
) -> ibis.Table:
    """Rows (first_day, period, people): the period is its place in `edges`, or SIZE_OF_ALL for all who started.

    `starting` and `returning` are `acts`. Who returned in a period did so on the day of the start or after it: the last day
    of the period on which they did decides.
    """
    firsts = starting.group_by("subject_id").aggregate(first_day=starting.local_day.min())
    firsts = firsts.filter(firsts.first_day >= ibis.date(edges[0]), firsts.first_day < ibis.date(last))
    inside = returning.filter(
        returning.local_day >= ibis.date(edges[0]), returning.local_day < ibis.date(edges[-1])
    )
    ends = [
        (inside.local_day < ibis.date(end), ibis.literal(place, "int64"))
        for place, end in enumerate(edges[1:])
    ]
    inside = inside.mutate(period=ibis.cases(*ends, else_=ibis.literal(len(edges), "int64")))
    by_period = inside.group_by("subject_id", "period").aggregate(last_day=inside.local_day.max())
    met = firsts.join(by_period, "subject_id").select("first_day", "period", "last_day")
    met = met.filter(met.last_day >= met.first_day)
    returned = met.group_by("first_day", "period").aggregate(people=met.count())
    sizes = firsts.group_by("first_day").aggregate(people=firsts.count())
    sizes = sizes.select("first_day", period=ibis.literal(SIZE_OF_ALL, "int64"), people="people")
    return returned.select("first_day", "period", "people").union(sizes, distinct=False)


# --- the people behind a number


def people(
    starting: ibis.Table,
    returning: ibis.Table | None,
    cohort: tuple[date, date],
    returned_in: tuple[date, date] | None,
) -> ibis.Table:
    """Who is in a cohort, and with `returning` who of them came back in a period (both half-open): subject_id, first_day,
    and of those who came back `times` (facts) and `last_day`."""
    firsts = starting.group_by("subject_id").aggregate(first_day=starting.local_day.min())
    firsts = firsts.filter(firsts.first_day >= ibis.date(cohort[0]), firsts.first_day < ibis.date(cohort[1]))
    if returning is None or returned_in is None:
        return firsts.select("subject_id", "first_day")
    inside = returning.filter(
        returning.local_day >= ibis.date(returned_in[0]), returning.local_day < ibis.date(returned_in[1])
    )
    met = firsts.join(inside, "subject_id").select("subject_id", "first_day", "local_day")
    met = met.filter(met.local_day >= met.first_day)
    return met.group_by("subject_id", "first_day").aggregate(times=met.count(), last_day=met.local_day.max())
