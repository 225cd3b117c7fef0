"""The forms of the API of funnels, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ninja import Schema

from shuke.traffic.funnels.reads import MOST_PARTS
from shuke.traffic.http_shapes import KeptOut, ReasonOut


class TimesOut(Schema):
    """Seconds, of the nearest rank; null where nobody took the step."""

    count: int
    p25: int | None
    p50: int | None
    p75: int | None
    p90: int | None


class StepOut(Schema):
    """`visitors`: each a browser or an app on one device, not a person. `lost`: who got to the step before and no further. Of the
    first step all but `visitors` is null."""

    number: int
    type: str
    name: str
    visitors: int
    of_previous: float | None
    of_first: float | None
    lost: int | None
    from_previous: TimesOut | None
    from_first: TimesOut | None


class DayOut(Schema):
    """`visitors`: of those who started on the day, how many got to each step. `is_unfinished`: more may still get further."""

    day: date
    visitors: list[int]
    is_unfinished: bool


class PartOut(Schema):
    """`value` null: the start states none; `others` above 0: all the rest, of so many values."""

    value: str | None
    others: int
    visitors: list[int]


class FunnelOut(Schema):
    """Figures' definitions: funnel_visitors.v1, funnel_step_rate.v1, funnel_rate.v1, funnel_time.v1."""

    funnel: dict[str, Any]
    start: date
    end: date
    metrics: list[str]
    steps: list[StepOut]
    days: list[DayOut]
    split: str
    parts: list[PartOut]
    complete_until: datetime | None
    unfinished_days: int
    notes: list[ReasonOut]


class PersonOut(Schema):
    """`ref`: the visitor's name as the source wrote it. `reached_at`: when the last of their steps was."""

    subject_id: int
    ref: str | None
    day: date
    started_at: datetime
    reached_at: datetime
    depth: int


class PeopleOut(Schema):
    step: int
    is_exactly: bool
    count: int
    page: int
    size: int
    people: list[PersonOut]


class SavedOut(KeptOut):
    funnel: dict[str, Any]


class KindOut(Schema):
    type: str
    name: str


class AskIn(Schema):
    funnel: dict[str, Any]
    start: date
    end: date
    split: str = ""
    most: int = MOST_PARTS


class AskPeopleIn(Schema):
    funnel: dict[str, Any]
    start: date
    end: date
    step: int
    is_exactly: bool = True
    page: int = 1
    size: int = 50


class SaveIn(Schema):
    name: str
    funnel: dict[str, Any]


class ChangeIn(SaveIn):
    """`version`: the one that was looked at; another one since is a conflict."""

    version: int | None = None
