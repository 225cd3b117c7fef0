"""The API of alerts: the list, one with its course, seen and put off; rules made, changed, removed; what is watched."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.alerts import actions, reads, wording

router = Router(tags=["alerts"])
Format = Literal["json", "csv"]
_LONGEST_CONDITION = 8000


class RuleOut(Schema):
    """`limit` in the metric's own unit: minor units of money, a share from 0 to 1."""

    id: int
    kind: str
    metric: str
    version: int
    condition: dict[str, Any] | None
    direction: str
    limit: Decimal | None
    is_on: bool
    snoozed_until: datetime | None
    readers: list[int]
    words: str


class SegmentOut(Schema):
    series: str
    part: float
    whole: float | None
    expected: float
    loss: float
    share: float
    z: float


class PointOut(Schema):
    day: date
    actual: float | None
    expected: float | None
    low: float | None
    high: float | None
    is_off: bool


class AlertOut(Schema):
    """`lead`: the series that stands first, as `step.order|terminal=mobile`; `z` standard deviations off where `needed` were
    asked: in `days` up to `day`, `part` of `whole` where `usual` was expected (of a rate its share)."""

    id: int
    rule_id: int
    lead: str
    state: str
    since: date
    raised_on: date
    last_day: date
    ended_on: date | None
    day: date
    days: int
    part: float | None
    whole: float | None
    usual: float | None
    z: float | None
    needed: float | None
    limit: float | None
    members: dict[str, date]
    segments: list[SegmentOut]
    definitions: dict[str, str]
    seen_at: datetime | None
    seen_by: str
    snoozed_until: datetime | None
    words: str


class AlertWithCourse(AlertOut):
    course: list[PointOut]


class SeriesOut(Schema):
    series: str
    verdict: str
    actual: float | None
    cases: int | None
    expected: float | None
    low: float | None
    high: float | None
    z: float
    days_to_see: int | None


class WatchOut(Schema):
    """`is_too_few`: of most series there is too little a day to judge within days. `days_to_see`: at how many days a move of
    the promised size would show; none: not within the promised days."""

    judged_until: date | None
    days_counted: int
    is_too_few: bool
    is_too_short: bool
    missing_steps: list[str]
    series: list[SeriesOut]


class RuleIn(Schema):
    kind: Literal["limit", "unusual"]
    metric: str
    version: int | None = None
    condition: dict[str, Any] | None = None
    direction: Literal["below", "above", "fall", "rise"]
    limit: Decimal | None = None
    readers: list[int] = []


class RuleChange(Schema):
    is_on: bool | None = None
    direction: Literal["below", "above", "fall", "rise"] | None = None
    limit: Decimal | None = None
    readers: list[int] | None = None


class Until(Schema):
    """None: not put off any more."""

    until: datetime | None = None


@router.get("/shops/{shop}/traffic/alerts", response=list[AlertOut], operation_id="list_alerts")
@api(Deed.VIEW_TRAFFIC)
def list_alerts(
    request: ShopRequest,
    shop: str,
    state: Literal["", "open", "ended"] = "",
    most: int = Query(100, ge=1, le=reads.MOST_ALERTS),
    format: Format = "json",
) -> Any:
    """Alerts, the newest first."""
    access = request.access
    found = reads.list_alerts(access.shop, state=state, most=most)
    if format == "csv":
        names = ["id", "lead", "state", "since", "last_day", "raised_on", "ended_on", "words"]
        lines = [told(one, access.shop) for one in found]
        return csv_response(access, "alerts", names, ([one[name] for name in names] for one in lines))
    return [told(one, access.shop) for one in found]


@router.get("/shops/{shop}/traffic/alerts/watch", response=WatchOut, operation_id="get_alert_watch")
@api(Deed.VIEW_TRAFFIC)
def get_watch(request: ShopRequest, shop: str) -> Any:
    """What is watched, as it was last judged."""
    found = reads.standing(request.access.shop)
    return {
        "judged_until": found.judged_until,
        "days_counted": found.days_counted,
        "is_too_few": found.is_too_few,
        "is_too_short": found.is_too_short,
        "missing_steps": list(found.missing_steps),
        "series": [{**vars(one), "series": str(one.name)} for one in found.series],
    }


@router.get("/shops/{shop}/traffic/alerts/rules", response=list[RuleOut], operation_id="list_alert_rules")
@api(Deed.VIEW_TRAFFIC)
def list_rules(request: ShopRequest, shop: str) -> Any:
    """The shipped watch and the shop's own rules."""
    return [_rule(one, request.access.shop) for one in reads.list_rules(request.access.shop)]


@router.post("/shops/{shop}/traffic/alerts/rules", response=RuleOut, operation_id="create_alert_rule")
@api(Deed.MANAGE_TRAFFIC)
def create_rule(request: ShopRequest, shop: str, body: RuleIn) -> Any:
    """A limit on a day's metric, or an unusual fall or rise of it, on all visits or those of a condition."""
    given = body.dict()
    if given["condition"] is not None:
        if len(str(given["condition"])) > _LONGEST_CONDITION:
            raise Invalid(field="condition", value=given["condition"])
        given["condition"] = parse(given["condition"], "visit")
    return _rule(request.access.do(actions.create_rule, **given), request.access.shop)


@router.patch(
    "/shops/{shop}/traffic/alerts/rules/{rule_id}", response=RuleOut, operation_id="change_alert_rule"
)
@api(Deed.MANAGE_TRAFFIC)
def change_rule(request: ShopRequest, shop: str, rule_id: int, body: RuleChange) -> Any:
    """What is given changes."""
    found = request.access.do(actions.change_rule, rule_id=rule_id, **body.dict(exclude_unset=True))
    return _rule(found, request.access.shop)


@router.delete(
    "/shops/{shop}/traffic/alerts/rules/{rule_id}", response={204: None}, operation_id="remove_alert_rule"
)
@api(Deed.MANAGE_TRAFFIC)
def remove_rule(request: ShopRequest, shop: str, rule_id: int) -> Any:
    """It raises nothing any more; its alerts stay."""
    request.access.do(actions.remove_rule, rule_id=rule_id)
    return 204, None


@router.post(
    "/shops/{shop}/traffic/alerts/rules/{rule_id}/snooze", response=RuleOut, operation_id="snooze_alert_rule"
)
@api(Deed.MANAGE_TRAFFIC)
def snooze_rule(request: ShopRequest, shop: str, rule_id: int, body: Until) -> Any:
    """No letters and no lines on Today until then."""
    return _rule(
        request.access.do(actions.snooze_rule, rule_id=rule_id, until=body.until), request.access.shop
    )


@router.get("/shops/{shop}/traffic/alerts/{alert_id}", response=AlertWithCourse, operation_id="get_alert")
@api(Deed.VIEW_TRAFFIC)
def get_alert(request: ShopRequest, shop: str, alert_id: int) -> Any:
    """One alert with its course and the band in which each day was expected."""
    found = reads.get_alert(request.access.shop, alert_id)
    course = [vars(point) for point in reads.course_of(request.access.shop, found)]
    return {**told(found, request.access.shop), "course": course}


@router.post("/shops/{shop}/traffic/alerts/{alert_id}/seen", response=AlertOut, operation_id="see_alert")
@api(Deed.MANAGE_TRAFFIC)
def see_alert(request: ShopRequest, shop: str, alert_id: int) -> Any:
    """Somebody has it in hand."""
    return told(request.access.do(actions.mark_seen, alert_id=alert_id), request.access.shop)


@router.post("/shops/{shop}/traffic/alerts/{alert_id}/snooze", response=AlertOut, operation_id="snooze_alert")
@api(Deed.MANAGE_TRAFFIC)
def snooze_alert(request: ShopRequest, shop: str, alert_id: int, body: Until) -> Any:
    """Off Today until then."""
    found = request.access.do(actions.snooze_alert, alert_id=alert_id, until=body.until)
    return told(found, request.access.shop)


def _rule(one: reads.RuleView, shop: Any) -> dict[str, Any]:
    return {**vars(one), "readers": list(one.readers), "words": wording.rule_words(one, shop)}


def told(one: reads.AlertView, shop: Any) -> dict[str, Any]:
    """An alert as values of JSON; the command gives the same."""
    found = one.evidence
    return {
        **{name: value for name, value in vars(one).items() if name not in ("rule", "evidence", "segments")},
        "rule_id": one.rule.id,
        "lead": str(one.lead),
        "day": found.day,
        "days": found.days,
        "part": None if found.part is None else float(found.part),
        "whole": found.whole,
        "usual": found.usual,
        "z": found.z,
        "needed": found.needed,
        "limit": None if found.limit is None else float(found.limit),
        "segments": [{**vars(segment), "series": segment.name} for segment in one.segments],
        "words": wording.sentence(one, shop),
    }
