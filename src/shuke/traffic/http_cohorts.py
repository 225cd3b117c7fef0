"""The API of cohorts: the table of who came back, and the people behind each of its numbers; both also as CSV.

A behaviour is a kind (order, movement, visit, sign_up, event), of an event its name, and a condition in the versioned JSON
of the condition language. Days are the shop's; a range means the cohorts whose week or month holds one of its days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.conditions.reads import dump, parse
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response, every_row
from shuke.shops.roles import Deed
from shuke.traffic import reads
from shuke.traffic.http_shapes import ReasonOut
from shuke.traffic.http_shared import (
    FIRST_DAY,
    LAST_DAY,
    PAGE,
    PAGE_SIZE,
    BadPeriod,
    Format,
    reason_told,
)
from shuke.traffic.reads.cohort_shapes import SUBJECTS

router = Router()
Kind = Literal["order", "movement", "visit", "sign_up", "event"]


class BehaviourOut(Schema):
    kind: str
    name: str
    condition: dict[str, Any] | None


class CellOut(Schema):
    """`start` and `end` (not included) are the period's days; `share` of the cohort, null where nobody started.

    `is_unfinished`: the period still runs, or the facts do not reach its end, so that the number may still rise.
    """

    offset: int
    start: date
    end: date
    people: int
    share: float | None
    is_unfinished: bool


class CohortOut(Schema):
    start: date
    end: date
    people: int
    is_unfinished: bool
    cells: list[CellOut]


class AverageOut(Schema):
    """All cohorts whose period at this offset is finished, by their size; `cohorts` is how many these are."""

    offset: int
    share: float | None
    cohorts: int


class CohortsOut(Schema):
    """`size_metric` and `retention_metric` name the definitions of `people` and `share`.

    Facts are complete before the day `complete_until`. `named` starting behaviours are somebody's; `unnamed` are nobody's
    that is known and make no one a member.
    """

    size_metric: str
    retention_metric: str
    starting: BehaviourOut
    returning: BehaviourOut
    who: str
    grain: str
    complete_until: date | None
    facts_from: date | None
    named: int
    unnamed: int
    offsets: int
    cohorts: list[CohortOut]
    averages: list[AverageOut]
    notes: list[ReasonOut]


class PersonOut(Schema):
    """`ref` is a name as the source wrote it; null where none did. Of a whole cohort `times` and `last_day` are null.
    `subject_id` is a text, since it exceeds what a browser's numbers hold."""

    subject_id: str
    ref: str | None
    first_day: date
    times: int | None
    last_day: date | None


class CohortPeopleOut(Schema):
    start: date
    end: date
    offset: int | None
    count: int
    page: int
    size: int
    people: list[PersonOut]


class AskedBehaviours(Schema):
    """What starts a cohort and what counts as coming back; without `returning` it is the same."""

    starting: Kind = "order"
    starting_name: str = ""
    starting_condition: str | None = None
    returning: Kind | None = None
    returning_name: str = ""
    returning_condition: str | None = None
    who: Literal["person", "visitor"] = "person"
    grain: Literal["week", "month"] = "month"

    def pair(self) -> tuple[reads.Behaviour, reads.Behaviour | None]:
        """Both behaviours. Raises Invalid, naming the parameter."""
        first = _behaviour("starting", self.starting, self.starting_name, self.starting_condition)
        if self.returning is None:
            for name in ("returning_name", "returning_condition"):
                if getattr(self, name):
                    raise Invalid(field=name, value=getattr(self, name))
            return first, None
        return first, _behaviour("returning", self.returning, self.returning_name, self.returning_condition)


@router.get("/shops/{shop}/traffic/cohorts", response=CohortsOut, operation_id="get_cohorts")
@api(Deed.VIEW_TRAFFIC)
def get_cohorts(
    request: ShopRequest,
    shop: str,
    asked: Query[AskedBehaviours],
    start: date | None = None,
    end: date | None = None,
    format: Format = "json",
) -> Any:
    """Who began together, and how many of them came back in each week or month after it.

    `start` (included) and `end` (not included) choose the cohorts; without them the last thirteen. Who begins is decided
    over all facts of the shop.
    """
    starting, returning = asked.pair()
    found = reads.cohorts(
        shop=request.access.shop,
        starting=starting,
        returning=returning,
        who=asked.who,
        grain=asked.grain,
        period=_period(start, end),
        with_customers=request.access.may(Deed.VIEW_CUSTOMERS),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, "cohorts", *cohorts_table(found))
    return as_json(found)


@router.get(
    "/shops/{shop}/traffic/cohorts/people", response=CohortPeopleOut, operation_id="get_cohort_people"
)
@api(Deed.VIEW_CUSTOMERS)
def get_cohort_people(
    request: ShopRequest,
    shop: str,
    asked: Query[AskedBehaviours],
    cohort: date = Query(..., description="any day of the cohort's week or month"),  # noqa: B008
    offset: int | None = Query(None, ge=0, lt=160, description="periods later; none: the whole cohort"),
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The people of a cohort, or those of it who came back in one period; their count equals the number."""
    starting, returning = asked.pair()
    _day("cohort", cohort)
    at = clock.now()

    def ask(number: int, rows: int) -> reads.CohortPeople:
        return reads.cohort_people(
            shop=request.access.shop,
            starting=starting,
            returning=returning,
            who=asked.who,
            grain=asked.grain,
            cohort=cohort,
            offset=offset,
            page=number,
            size=rows,
            at=at,
        )

    if format == "csv":
        return csv_response(request.access, "cohort-people", PEOPLE_COLUMNS, people_rows(ask))
    found = ask(page, size)
    return {
        "start": found.period.start,
        "end": found.period.end,
        "offset": found.offset,
        "count": found.count,
        "page": found.page,
        "size": found.size,
        "people": [_person(row) for row in found.rows],
    }


# --- what comes in


def _behaviour(field: str, kind: str, name: str, condition: str | None) -> reads.Behaviour:
    if len(condition or "") > 8000:
        raise Invalid(field=f"{field}_condition", value=condition)
    try:
        return reads.Behaviour(kind, name, parse(condition, SUBJECTS[kind]) if condition else None)
    except Invalid as error:
        if error.field == "name":
            raise Invalid(field=f"{field}_name", value=name) from None
        raise


def _period(start: date | None, end: date | None) -> Period | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise BadPeriod(field="start" if start is None else "end", value="")
    for field, day in (("start", start), ("end", end - ONE_DAY if end > FIRST_DAY else end)):
        _day(field, day)
    if end <= start:
        raise BadPeriod(field="end", value=end)
    return Period(start, end)


def _day(field: str, day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadPeriod(field=field, value=day)


# --- what goes out


def as_json(found: reads.Cohorts) -> dict[str, Any]:
    """The answer as JSON values but for its days; the command gives the same."""
    size, retention = found.metrics
    return {
        "size_metric": f"{size.id}.v{size.version}",
        "retention_metric": f"{retention.id}.v{retention.version}",
        "starting": _told(found.starting),
        "returning": _told(found.returning),
        "who": found.who,
        "grain": found.grain,
        "complete_until": found.complete_until,
        "facts_from": found.facts_from,
        "named": found.named,
        "unnamed": found.unnamed,
        "offsets": found.offsets,
        "cohorts": [
            {
                "start": row.period.start,
                "end": row.period.end,
                "people": row.size.value,
                "is_unfinished": row.is_unfinished,
                "cells": [
                    {
                        "offset": cell.offset,
                        "start": cell.period.start,
                        "end": cell.period.end,
                        "people": cell.figure.numerator,
                        "share": _share(cell.figure),
                        "is_unfinished": cell.is_unfinished,
                    }
                    for cell in row.cells
                ],
            }
            for row in found.rows
        ],
        "averages": [
            {"offset": one.offset, "share": _share(one.figure), "cohorts": one.cohorts}
            for one in found.averages
        ],
        "notes": [reason_told(note) for note in found.notes],
    }


def _told(one: reads.Behaviour) -> dict[str, Any]:
    condition = dump(one.condition) if one.condition is not None else None
    return {"kind": one.kind, "name": one.name, "condition": condition}


def _share(figure: reads.Figure) -> float | None:
    return None if figure.value is None else float(figure.value)


def cohorts_table(found: reads.Cohorts) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """Header and rows of the file: size first, then people and share at each offset; `finished` says how many offsets of
    the row are finished, the ones after it may still rise."""
    header = ["cohort", "last_day", "people", "is_unfinished", "finished"]
    header += [f"people_{n}" for n in range(found.offsets)] + [f"share_{n}" for n in range(found.offsets)]

    def rows() -> Iterator[Sequence[Any]]:
        for row in found.rows:
            empty = [""] * (found.offsets - len(row.cells))
            finished = sum(not cell.is_unfinished for cell in row.cells)
            yield [
                row.period.start,
                row.period.last,
                row.size.value,
                row.is_unfinished,
                finished,
                *(cell.figure.numerator for cell in row.cells),
                *empty,
                *(cell.figure.value for cell in row.cells),
                *empty,
            ]

    return header, rows()


PEOPLE_COLUMNS = ("subject_id", "ref", "first_day", "times", "last_day")


def people_rows(ask: Any) -> Iterator[Sequence[Any]]:
    """Every row of the people behind a number, asked in pieces: `ask(page, size)`."""
    for row in every_row(ask):
        yield [row.get(name) for name in PEOPLE_COLUMNS]


def _person(row: Any) -> dict[str, Any]:
    return {name: row.get(name) for name in PEOPLE_COLUMNS} | {"subject_id": str(row["subject_id"])}
