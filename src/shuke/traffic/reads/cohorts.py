"""Cohorts: who began together, and how many of them came back week by week or month by month; and who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import ibis
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.figures import Figure
from shuke.traffic.reads import cohort_questions as questions
from shuke.traffic.reads.cohort_asking import Asker, Reach
from shuke.traffic.reads.cohort_shapes import (
    GRAINS,
    MOST_COHORTS,
    MOST_OFFSETS,
    RETENTION,
    SIZE,
    USUAL_COHORTS,
    WHO,
    Average,
    Behaviour,
    CohortCell,
    CohortPeople,
    CohortRow,
    Cohorts,
    Grain,
    TooManyCohorts,
    Who,
    between,
    period_of,
    shifted,
)
from shuke.traffic.reads.properties import check_conditions
from shuke.warehouse import reads as warehouse

ORDER = Behaviour("order")
LARGEST_PAGE = 1000
NOBODY = Reason("nobody_started", _("Nobody started in this period."))
Counts = dict[tuple[int, int], int]


def cohorts(
    *,
    shop: ShopView,
    starting: Behaviour = ORDER,
    returning: Behaviour | None = None,
    who: Who = "person",
    grain: Grain = "month",
    period: Period | None = None,
    most: int = MOST_COHORTS,
    with_customers: bool = False,
    at: datetime,
) -> Cohorts:
    """The cohorts whose periods hold a day of `period` (None: the last thirteen that have begun), oldest first.

    `returning` None: the same behaviour. Who shows it for the first time is decided over all facts of the shop. A period is
    unfinished while the facts do not reach its end: until the day after the last one with any fact of that kind, at most
    until today. `with_customers`: the asker may see customers. Raises Invalid for unknown words, NotAllowed for a search within
    a property without that, TooManyCohorts for more than `most`.
    """
    check_conditions(
        (one.condition for one in (starting, returning) if one is not None), with_customers=with_customers
    )
    if grain not in GRAINS:
        raise Invalid(field="grain", value=grain)
    if who not in WHO:
        raise Invalid(field="who", value=who)
    back = starting if returning is None else returning
    today = local_day(at, shop.zone)
    life = warehouse.whole_life(shop.id)
    nothing = Cohorts(shop.id, starting, back, who, grain, (), (), 0, 0, None, None, 0, 0, ())
    if life is None or life.start > today:
        return nothing

    def question(snapshot: warehouse.Snapshot) -> Cohorts:
        ask = Asker(snapshot, who, starting, back)
        return _answer(ask, nothing, period, min(most, MOST_COHORTS), life, today)

    return warehouse.ask(shop, life, question)


def _answer(
    ask: Asker,
    asked: Cohorts,
    period: Period | None,
    most: int,
    life: Period,
    today: date,
) -> Cohorts:
    reaches = {kind: ask.reach(kind, today) for kind in ask.tables}
    starts = reaches[questions.kind_of(asked.starting, asked.who)]
    returns = reaches[questions.kind_of(asked.returning, asked.who)]
    if starts is None:
        return replace(asked, facts_from=life.start)
    range_ = _range(asked.grain, period, most, life, starts)
    until = today + ONE_DAY
    said = ask(
        ("known", asked.starting, asked.who, until),
        lambda tables: questions.known(tables, asked.starting, asked.who, until),
    )[0]
    found = _counts(ask, asked, range_, starts, returns, today) if range_ else {}
    rows = (
        tuple(
            _row(asked.grain, shifted(range_[0], asked.grain, i), i, found, starts, returns)
            for i in range(range_[1])
        )
        if range_
        else ()
    )
    first = next((i for i, row in enumerate(rows) if row.size.value), len(rows))
    rows = rows if period else rows[first:]
    offsets = max((len(row.cells) for row in rows), default=0)
    return Cohorts(
        shop_id=asked.shop_id,
        starting=asked.starting,
        returning=asked.returning,
        who=asked.who,
        grain=asked.grain,
        rows=rows,
        averages=_averages(rows, offsets),
        offsets=offsets,
        size=sum(row.size.cases for row in rows),
        complete_until=min(starts.complete, returns.complete) if returns else starts.complete,
        facts_from=life.start,
        named=int(said["named"]),
        unnamed=int(said["unnamed"]),
        notes=_notes(rows, life, returns),
    )


def _range(
    grain: Grain, period: Period | None, most: int, life: Period, starts: Reach
) -> tuple[Period, int] | None:
    """The first cohort's period and how many there are; None when the range holds none that can have any member."""
    newest = period_of(starts.last, grain)
    oldest = period_of(life.start, grain)
    if period is None:
        first = max(oldest, shifted(newest, grain, 1 - USUAL_COHORTS))
        return first, between(first.start, newest.start, grain) + 1
    first = max(oldest, period_of(period.start, grain))
    last = min(newest, period_of(period.last, grain))
    if last < first:
        return None
    count = between(first.start, last.start, grain) + 1
    if count > most:
        raise TooManyCohorts(field="period", value=count, most=most)
    return first, count


def _counts(
    ask: Asker,
    asked: Cohorts,
    range_: tuple[Period, int],
    starts: Reach,
    returns: Reach | None,
    today: date,
) -> Counts:
    """(cohort, period) → people, both by their place from the first cohort on; the size stands at SIZE_OF_ALL."""
    first, count = range_
    grain, who, until = asked.grain, asked.who, today + ONE_DAY
    reached = max(count, between(first.start, (returns or starts).last, grain) + 1)
    width = min(reached, count + MOST_OFFSETS)
    edges = tuple(shifted(first, grain, i).start for i in range(width + 1))
    end = edges[count]

    def of_the_same(tables: questions.Tables) -> ibis.Table:
        days = questions.days_of(tables, asked.starting, who, until)
        return questions.returns_of_the_same(days, edges, end, grain)

    def of_others(tables: questions.Tables) -> ibis.Table:
        starting = questions.acts(tables, asked.starting, who, until)
        return questions.returns_of_others(
            starting, questions.acts(tables, asked.returning, who, until), edges, end
        )

    key = (asked.starting, asked.returning, who, grain, until, edges, end)
    if asked.starting == asked.returning:
        return counts_of_the_same(ask(key, of_the_same), first.start, grain)
    return counts_of_others(ask(key, of_others), first.start, grain)


def counts_of_the_same(rows: Sequence[Mapping[str, Any]], first: date, grain: Grain) -> Counts:
    """The rows of `returns_of_the_same` by cohort and period."""
    found: Counts = {}
    for row in rows:
        cohort = between(first, row["first_day"], grain)
        told = {questions.SIZE_OF_ALL: row["members"]}
        told |= {int(name[1:]): people for name, people in row.items() if name[0] == "p"}
        for place, people in told.items():
            found[cohort, place] = found.get((cohort, place), 0) + int(people)
    return found


def counts_of_others(rows: Sequence[Mapping[str, Any]], first: date, grain: Grain) -> Counts:
    """The rows of `returns_of_others` by cohort and period."""
    found: Counts = {}
    for row in rows:
        key = between(first, row["first_day"], grain), int(row["period"])
        found[key] = found.get(key, 0) + int(row["people"])
    return found


def _row(
    grain: Grain, period: Period, place: int, found: Counts, starts: Reach, returns: Reach | None
) -> CohortRow:
    members = found.get((place, questions.SIZE_OF_ALL), 0)
    begun = between(period.start, returns.last, grain) + 1 if returns else 0
    cells = []
    for offset in range(min(max(begun, 0), MOST_OFFSETS)):
        there = shifted(period, grain, offset)
        # While the cohort itself still grows, so may everything that is said of it.
        is_unfinished = returns is None or there.end > returns.complete or period.end > starts.complete
        figure = _retention(found.get((place, place + offset), 0), members)
        cells.append(CohortCell(offset, there, figure, is_unfinished))
    size = decisions.figure(SIZE, {"members": members})
    return CohortRow(period, size, tuple(cells), period.end > starts.complete)


def _retention(returned: int, members: int) -> Figure:
    if not members:
        return Figure(RETENTION, None, NOBODY, 0, numerator=0, denominator=0)
    return decisions.figure(RETENTION, {"returned": returned, "members": members})


def _averages(rows: Sequence[CohortRow], offsets: int) -> tuple[Average, ...]:
    found = []
    for offset in range(offsets):
        done = [row.cells[offset] for row in rows if len(row.cells) > offset]
        done = [cell for cell in done if not cell.is_unfinished and cell.figure.cases]
        returned = sum(int(cell.figure.numerator or 0) for cell in done)
        members = sum(cell.figure.cases for cell in done)
        found.append(Average(offset, _retention(returned, members), len(done)))
    return tuple(found)


_FIRST_FACTS = _(
    "The shop's facts begin on %(day)s: whoever had started before that day counts in the first cohort that has their facts."
)
_NO_RETURNS = _(
    "There is no fact of the returning behaviour's kind yet, so there is nothing to come back to."
)


def _notes(rows: Sequence[CohortRow], life: Period, returns: Reach | None) -> tuple[Reason, ...]:
    notes = []
    if rows and life.start in rows[0].period:
        notes.append(Reason("first_facts", _FIRST_FACTS, {"day": life.start.isoformat()}))
    if rows and returns is None:
        notes.append(Reason("no_returning_facts", _NO_RETURNS))
    return tuple(notes)


def cohort_people(
    *,
    shop: ShopView,
    starting: Behaviour = ORDER,
    returning: Behaviour | None = None,
    who: Who = "person",
    grain: Grain = "month",
    cohort: date,
    offset: int | None = None,
    page: int = 1,
    size: int = 50,
    at: datetime,
) -> CohortPeople:
    """The people behind a number of `cohorts`: of the cohort that holds the day `cohort`, or of its cell at `offset`.

    Raises Invalid.
    """
    if grain not in GRAINS:
        raise Invalid(field="grain", value=grain)
    if who not in WHO:
        raise Invalid(field="who", value=who)
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    if offset is not None and not 0 <= offset < MOST_OFFSETS:
        raise Invalid(field="offset", value=offset)
    back = starting if returning is None else returning
    period = period_of(cohort, grain)
    there = None if offset is None else shifted(period, grain, offset)
    until = local_day(at, shop.zone) + ONE_DAY
    life = warehouse.whole_life(shop.id)
    if life is None:
        return CohortPeople(period, offset, there, (), 0, page, size)

    def question(snapshot: warehouse.Snapshot) -> CohortPeople:
        ask = Asker(snapshot, who, *([starting] if there is None else [starting, back]))

        def found(tables: questions.Tables) -> ibis.Table:
            return questions.people(
                questions.acts(tables, starting, who, until),
                questions.acts(tables, back, who, until) if there else None,
                (period.start, period.end),
                (there.start, there.end) if there else None,
            )

        def counted(tables: questions.Tables) -> ibis.Table:
            people = found(tables)
            return people.aggregate(n=people.count())

        def shown(tables: questions.Tables) -> ibis.Table:
            ordered = found(tables).order_by(["first_day", "subject_id"])
            return ordered.limit(size, offset=(page - 1) * size)

        key = ("people", starting, back, who, until, period, there)
        count = ask((*key, "count"), counted)[0]["n"]
        rows = ask((*key, page, size), shown)
        refs = _refs(snapshot, who, [row["subject_id"] for row in rows])
        named = tuple({**row, "ref": refs.get(row["subject_id"])} for row in rows)
        return CohortPeople(period, offset, there, named, count, page, size)

    return warehouse.ask(shop, life, question)


def event_names(*, shop: ShopView, at: datetime, most: int = 50) -> tuple[str, ...]:
    """The names of events (track) of the last thirty days that have facts, the most frequent first."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        return ()
    last = min(life.last, local_day(at, shop.zone))
    recent = Period.inclusive(max(life.start, last - ONE_DAY * 29), max(last, life.start))

    def question(snapshot: warehouse.Snapshot) -> tuple[str, ...]:
        events = snapshot.raw("events")
        told = events.filter((events["type"] == "track") & events["name"].notnull())
        counted = told.group_by(event=told["name"]).aggregate(n=told.count())
        found = warehouse.run(counted.order_by([ibis.desc("n"), "event"]).limit(most)).to_pylist()
        return tuple(row["event"] for row in found)

    return warehouse.ask(shop, recent, question)


_REFS = {
    "person": (("order_lines", "buyer_id", "buyer_ref"), ("events", "person_id", "person_ref")),
    "visitor": (("events", "visitor_id", "anonymous_ref"),),
}


def _refs(snapshot: warehouse.Snapshot, who: Who, ids: Sequence[int]) -> dict[int, str]:
    """Names as the sources wrote them, of few people."""
    found: dict[int, str] = {}
    for kind, id_column, ref_column in _REFS[who]:
        missing = [one for one in ids if one not in found]
        if not missing:
            break
        facts = snapshot.raw(kind)
        facts = facts.filter(facts[id_column].isin(missing) & facts[ref_column].notnull())
        told = facts.group_by(subject_id=facts[id_column]).aggregate(ref=facts[ref_column].min())
        found |= {row["subject_id"]: row["ref"] for row in warehouse.run(told).to_pylist()}
    return found
