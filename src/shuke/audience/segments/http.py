"""The API of segments: what can be asked, a live count with a sample, saved segments, their customers, and why one is in or out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any, Literal

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema

from shuke.audience.segments import actions, reads
from shuke.audience.segments.fields import CUSTOMER
from shuke.audience.segments.worlds import groups_asked
from shuke.conditions.reads import Field as Asked
from shuke.conditions.reads import (
    Measure,
    Node,
    as_the_shop_says,
    dump,
    fields_of,
    measured_field,
    series_of,
    words,
)
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

router = Router()
Format = Literal["json", "csv"]
PAGE = Query(1, ge=1, le=100_000)
PAGE_SIZE = Query(50, ge=1, le=reads.LARGEST_PAGE)
EARLIEST = 1990
COLUMNS = ("customer", "first_seen_on", "last_seen_on", "visits", "orders", "net_minor")


class BadMoment(Invalid):
    code = "bad_moment_of_segment"
    words = _("%(field)s can not be %(value)s.")
    remedy = _("Name a moment that was, with its zone, such as 2026-06-01T12:00:00+08:00.")


class ConditionIn(Schema):
    """`condition`: as `get_segment_language` describes it, e.g. {"v": 2, "tally": "orders", "measure": "count", "op": "ge",
    "value": 1}."""

    condition: dict[str, Any]


class PreviewIn(ConditionIn):
    at: datetime | None = None
    sample: int = Field(10, ge=0, le=100)


class SegmentIn(ConditionIn):
    name: str = Field(max_length=200)


class SegmentChange(SegmentIn):
    """`version` is the one that was read: a change in between is refused (409)."""

    version: int


class SegmentOut(Schema):
    """`sentence`: the condition as it reads. `is_shipped`: it comes with Shuke, and `version` and `changed_by` are empty."""

    key: str
    name: str
    words: str
    sentence: str
    condition: dict[str, Any]
    is_shipped: bool
    source: str
    version: int | None
    changed_by: str
    changed_at: datetime | None
    is_archived: bool


class MemberOut(Schema):
    customer_id: int
    first_seen_on: date
    last_seen_on: date
    visits: int
    orders: int
    net_minor: int


class CountOut(Schema):
    """`everyone`: the shop's customers at that moment."""

    at: datetime
    sentence: str
    count: int
    everyone: int
    page: int
    size: int
    customers: list[MemberOut]


class FieldOut(Schema):
    name: str
    title: str
    kind: str
    unit: str
    ops: list[str]
    choices: dict[str, str]


class SeriesOut(Schema):
    name: str
    title: str
    fields: list[FieldOut]
    measures: dict[str, list[str]]


class LanguageOut(Schema):
    """Everything that a condition on customers may ask. `measures`: of each the operators; sum and distinct are of a field."""

    fields: list[FieldOut]
    series: list[SeriesOut]
    segments: dict[str, str]


class PartOut(Schema):
    """`code`: condition_met, condition_not_met or fact_unknown; `facts`: names of dated facts that counted, the newest first."""

    code: str
    words: str
    facts: list[str]


class DecisiveOut(Schema):
    """Taken away, the verdict flips. `kind`: field, fact or group; `told`: what the fact says."""

    kind: str
    name: str
    at: datetime | None
    told: dict[str, str]


class WhyOut(Schema):
    customer_id: int
    at: datetime
    is_in: bool
    sentence: str
    parts: list[PartOut]
    decisive: list[DecisiveOut]
    next_change: datetime | None


@router.get("/shops/{shop}/segments/language", response=LanguageOut, operation_id="get_segment_language")
@api(Deed.VIEW_TRAFFIC)
def get_segment_language(request: ShopRequest, shop: str) -> Any:
    """The fields, series and segments that a condition on customers may name."""
    view, language = request.access.shop, get_language() or "zh-hans"
    return {
        "fields": [_field(one) for one in fields_of(CUSTOMER).values()],
        "series": [
            {
                "name": one.name,
                "title": str(one.label),
                "fields": [_field(field) for field in fields_of(one.subject).values()],
                "measures": {
                    measure.value: [
                        op.value for op in measured_field(one, measure, _any_field(one.subject, measure)).ops
                    ]
                    for measure in Measure
                    if measure is not Measure.SUM or _any_field(one.subject, measure)
                },
            }
            for one in series_of(CUSTOMER).values()
        ],
        "segments": {one.key: one.name(language) for one in reads.list_segments(view, at=clock.now())},
    }


@router.post("/shops/{shop}/segments/preview", response=CountOut, operation_id="preview_segment")
@api(Deed.VIEW_CUSTOMERS)
def preview_segment(request: ShopRequest, shop: str, body: PreviewIn) -> Any:
    """How many customers a condition chooses, and some of them; nothing is kept."""
    view, at = request.access.shop, moment_asked(body.at)
    node = actions.read_condition(view, body.condition, at=at)
    # Whoever may ask anything may single out one person: counts of conditions of one's own are for those who may see him.
    found = reads.chosen(view, node, at=at, size=max(1, body.sample))
    return count_told(found, node, view, body.sample)


@router.get("/shops/{shop}/segments", response=list[SegmentOut], operation_id="list_segments")
@api(Deed.VIEW_TRAFFIC)
def list_segments(request: ShopRequest, shop: str, archived: bool = False) -> Any:
    """The segments that come with Shuke and the shop's own, or those that are archived."""
    found = reads.list_segments(request.access.shop, at=clock.now(), is_archived=archived)
    return [segment_told(one, request.access.shop) for one in found]


@router.post("/shops/{shop}/segments", response={201: SegmentOut}, operation_id="save_segment")
@api(Deed.MANAGE_CUSTOMERS)
def save_segment(request: ShopRequest, shop: str, body: SegmentIn) -> Any:
    """Keep a condition under a name."""
    access = request.access
    found = actions.save_segment(
        shop=access.shop, name=body.name, condition=body.condition, actor=access.actor, at=clock.now()
    )
    return 201, segment_told(found, access.shop)


@router.get("/shops/{shop}/segments/{key}", response=SegmentOut, operation_id="get_segment")
@api(Deed.VIEW_TRAFFIC)
def get_segment(request: ShopRequest, shop: str, key: str) -> Any:
    """One segment with its condition."""
    view = request.access.shop
    return segment_told(reads.get_segment(view, key, at=clock.now()), view)


@router.put("/shops/{shop}/segments/{key}", response=SegmentOut, operation_id="change_segment")
@api(Deed.MANAGE_CUSTOMERS)
def change_segment(request: ShopRequest, shop: str, key: str, body: SegmentChange) -> Any:
    """Change a saved segment."""
    access = request.access
    found = actions.change_segment(
        shop=access.shop,
        key=key,
        name=body.name,
        condition=body.condition,
        version=body.version,
        actor=access.actor,
        at=clock.now(),
    )
    return segment_told(found, access.shop)


@router.post("/shops/{shop}/segments/{key}/archive", response=SegmentOut, operation_id="archive_segment")
@api(Deed.MANAGE_CUSTOMERS)
def archive_segment(request: ShopRequest, shop: str, key: str) -> Any:
    """Take a segment out of use; it stays, and can be restored."""
    access = request.access
    found = actions.archive_segment(shop=access.shop, key=key, actor=access.actor, at=clock.now())
    return segment_told(found, access.shop)


@router.post("/shops/{shop}/segments/{key}/restore", response=SegmentOut, operation_id="restore_segment")
@api(Deed.MANAGE_CUSTOMERS)
def restore_segment(request: ShopRequest, shop: str, key: str) -> Any:
    """Take an archived segment into use again."""
    access = request.access
    found = actions.restore_segment(shop=access.shop, key=key, actor=access.actor, at=clock.now())
    return segment_told(found, access.shop)


@router.get(
    "/shops/{shop}/segments/{key}/customers", response=CountOut, operation_id="list_segment_customers"
)
@api(Deed.VIEW_CUSTOMERS)
def list_segment_customers(
    request: ShopRequest,
    shop: str,
    key: str,
    at: datetime | None = None,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The customers of a segment at a moment, those seen last first."""
    access, moment = request.access, moment_asked(at)
    node = reads.get_segment(access.shop, key, at=moment).condition
    if format == "csv":
        rows = csv_rows(access.shop, node, moment)
        return csv_response(access, f"segment-{key}", COLUMNS, rows)
    return count_told(reads.chosen(access.shop, node, at=moment, page=page, size=size), node, access.shop)


@router.get(
    "/shops/{shop}/segments/{key}/customers/{customer_id}", response=WhyOut, operation_id="explain_segment"
)
@api(Deed.VIEW_CUSTOMERS)
def explain_segment(
    request: ShopRequest, shop: str, key: str, customer_id: int, at: datetime | None = None
) -> Any:
    """Why one customer is in a segment or out of it, from the facts that decided."""
    view, moment = request.access.shop, moment_asked(at)
    node = reads.get_segment(view, key, at=moment).condition
    return why_told(reads.why(view, node, customer_id, at=moment), node, view)


def moment_asked(at: datetime | None) -> datetime:
    """A moment that was, with its zone; without one now. Raises BadMoment."""
    now = clock.now()
    if at is None:
        return now
    if at.tzinfo is None or at > now or at.year < EARLIEST:
        raise BadMoment(field="at", value=at.isoformat())
    return at


# --- what goes out


def sentence_of(shop: ShopView, node: Node) -> str:
    """A condition as it reads: amounts in the shop's currency, other segments by their names."""
    with in_words_of(shop, node):
        return words(node)


def in_words_of(shop: ShopView, node: Node) -> AbstractContextManager[None]:
    """Inside, the parts of a condition read as the shop says them."""
    language, at = get_language() or "zh-hans", clock.now()
    groups = {one: reads.get_segment(shop, one, at=at).name(language) for one in groups_asked(node)}
    return as_the_shop_says(shop.currency, groups)


def segment_told(one: reads.SegmentView, shop: ShopView) -> dict[str, Any]:
    language = get_language() or "zh-hans"
    side = "zh" if language.startswith("zh") else "en"
    return {
        "key": one.key,
        "name": one.name(language),
        "words": one.words.get(side, ""),
        "sentence": sentence_of(shop, one.condition),
        "condition": dump(one.condition),
        "is_shipped": one.kept is None,
        "source": one.source,
        "version": one.kept.version if one.kept else None,
        "changed_by": one.kept.changed_by if one.kept else "",
        "changed_at": one.kept.changed_at if one.kept else None,
        "is_archived": bool(one.kept and one.kept.is_archived),
    }


def count_told(
    found: reads.SegmentCount, node: Node, shop: ShopView, most: int | None = None
) -> dict[str, Any]:
    return {
        "at": found.at,
        "sentence": sentence_of(shop, node),
        "count": found.count,
        "everyone": found.everyone,
        "page": found.page,
        "size": found.size,
        "customers": [_member(row) for row in found.rows[:most]],
    }


def why_told(found: reads.Why, node: Node, shop: ShopView) -> dict[str, Any]:
    with in_words_of(shop, node):
        return _why_told(found, node)


def _why_told(found: reads.Why, node: Node) -> dict[str, Any]:
    return {
        "customer_id": found.customer_id,
        "at": found.at,
        "is_in": found.verdict.is_allowed,
        "sentence": words(node),
        "parts": [
            {
                "code": one.code,
                "words": one.text(),
                "facts": [str(name) for name in one.params.get("facts", ())],
            }
            for one in found.verdict.reasons
        ],
        "decisive": [
            {
                "kind": one.removal.kind,
                "name": one.removal.name,
                "at": one.at,
                "told": {name: "—" if value is None else str(value) for name, value in one.told.items()},
            }
            for one in found.decisive
        ],
        "next_change": found.next_change,
    }


def csv_rows(shop: ShopView, node: Node, at: datetime) -> Iterator[Sequence[Any]]:
    page = 1
    while True:
        found = reads.chosen(shop, node, at=at, page=page, size=reads.LARGEST_PAGE)
        for row in found.rows:
            yield [
                row.customer_id, row.first_seen_on, row.last_seen_on, row.visits, row.orders, row.net_minor
            ]  # fmt: skip
        if page * found.size >= found.count:
            return
        page += 1


def _member(row: reads.MemberRow) -> dict[str, Any]:
    """Without a name: what leaves the house names a customer by his number."""
    return {name: value for name, value in vars(row).items() if name != "ref"}


def _field(one: Asked) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": str(one.label),
        "kind": one.kind.value,
        "unit": str(one.unit),
        "ops": [op.value for op in one.ops],
        "choices": {value: str(title) for value, title in one.choice_words().items()},
    }


def _any_field(subject: str, measure: Measure) -> str | None:
    """Some field that a measure can be of."""
    if measure not in (Measure.SUM, Measure.DISTINCT):
        return None
    fits = [one.name for one in fields_of(subject).values() if measure is Measure.DISTINCT or one.adds_up]
    return fits[0] if fits else None
