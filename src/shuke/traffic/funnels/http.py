"""The API of funnels: ask one, keep and change saved ones, and the visitors at a step; the answer and the people also as CSV.

A funnel is given in its stored form: {"v": 1, "steps": [{"type": "track", "name": "Product Viewed", "condition": …}, …],
"window": seconds}. Days are the shop's; `start` (included) and `end` (not included) are those of the first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from ninja import Query, Router

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.funnels import actions, reads
from shuke.traffic.funnels.http_shapes import (
    AskIn,
    AskPeopleIn,
    ChangeIn,
    FunnelOut,
    KindOut,
    PeopleOut,
    SavedOut,
    SaveIn,
)
from shuke.traffic.http_shared import PAGE, PAGE_SIZE, Format, kept_told, period_asked, reason_told

router = Router()
LONGEST = timedelta(days=400)


@router.post("/shops/{shop}/traffic/funnels/ask", response=FunnelOut, operation_id="ask_funnel")
@api(Deed.VIEW_TRAFFIC)
def ask_funnel(request: ShopRequest, shop: str, asked: AskIn) -> Any:
    """How many of those who took the first step got how far. A split by a property is for those who may see customers."""
    funnel = reads.parse_funnel(asked.funnel)
    return as_json(
        reads.funnel(
            shop=request.access.shop,
            funnel=funnel,
            period=_period(asked.start, asked.end),
            split=asked.split,
            most=asked.most,
            with_customers=request.access.may(Deed.VIEW_CUSTOMERS),
            at=clock.now(),
        )
    )


@router.post("/shops/{shop}/traffic/funnels/people", response=PeopleOut, operation_id="ask_funnel_people")
@api(Deed.VIEW_CUSTOMERS)
def ask_people(request: ShopRequest, shop: str, asked: AskPeopleIn) -> Any:
    """The visitors at a step of a funnel."""
    return _people(
        reads.funnel_people(
            shop=request.access.shop,
            funnel=reads.parse_funnel(asked.funnel),
            period=_period(asked.start, asked.end),
            step=asked.step,
            is_exactly=asked.is_exactly,
            page=asked.page,
            size=asked.size,
            at=clock.now(),
        )
    )


@router.get("/shops/{shop}/traffic/funnels/events", response=list[KindOut], operation_id="list_funnel_events")
@api(Deed.VIEW_TRAFFIC)
def list_events(request: ShopRequest, shop: str) -> Any:
    """What steps can be made of: the events of the last thirty days with facts, the most frequent first."""
    found = reads.event_kinds(shop=request.access.shop, at=clock.now())
    return [{"type": kind, "name": name} for kind, name in found]


@router.get("/shops/{shop}/traffic/funnels", response=list[SavedOut], operation_id="list_funnels")
@api(Deed.VIEW_TRAFFIC)
def list_funnels(request: ShopRequest, shop: str, with_archived: bool = False) -> Any:
    """The saved funnels by name."""
    return [_saved(one) for one in reads.saved_funnels(request.access.shop, with_archived=with_archived)]


@router.post("/shops/{shop}/traffic/funnels", response={201: SavedOut}, operation_id="save_funnel")
@api(Deed.MANAGE_TRAFFIC)
def save_funnel(request: ShopRequest, shop: str, given: SaveIn) -> Any:
    """Keep a funnel under a name."""
    funnel = reads.parse_funnel(given.funnel)
    return 201, _saved(request.access.do(actions.save_funnel, name=given.name, funnel=funnel))


@router.get("/shops/{shop}/traffic/funnels/{funnel_id}", response=SavedOut, operation_id="get_funnel")
@api(Deed.VIEW_TRAFFIC)
def get_funnel(request: ShopRequest, shop: str, funnel_id: int) -> Any:
    """One saved funnel, archived or not."""
    return _saved(reads.saved_funnel(request.access.shop, funnel_id))


@router.put("/shops/{shop}/traffic/funnels/{funnel_id}", response=SavedOut, operation_id="change_funnel")
@api(Deed.MANAGE_TRAFFIC)
def change_funnel(request: ShopRequest, shop: str, funnel_id: int, given: ChangeIn) -> Any:
    """Give it another name or definition."""
    funnel = reads.parse_funnel(given.funnel)
    values = {"funnel_id": funnel_id, "name": given.name, "funnel": funnel, "version": given.version}
    return _saved(request.access.do(actions.change_funnel, **values))


@router.post(
    "/shops/{shop}/traffic/funnels/{funnel_id}/archive", response=SavedOut, operation_id="archive_funnel"
)
@api(Deed.MANAGE_TRAFFIC)
def archive_funnel(request: ShopRequest, shop: str, funnel_id: int) -> Any:
    """Take it from the list; it can still be asked."""
    return _saved(request.access.do(actions.archive_funnel, funnel_id=funnel_id))


@router.post(
    "/shops/{shop}/traffic/funnels/{funnel_id}/restore", response=SavedOut, operation_id="restore_funnel"
)
@api(Deed.MANAGE_TRAFFIC)
def restore_funnel(request: ShopRequest, shop: str, funnel_id: int) -> Any:
    """Put it back into the list."""
    return _saved(request.access.do(actions.restore_funnel, funnel_id=funnel_id))


@router.get(
    "/shops/{shop}/traffic/funnels/{funnel_id}/answer", response=FunnelOut, operation_id="get_funnel_answer"
)
@api(Deed.VIEW_TRAFFIC)
def get_answer(
    request: ShopRequest,
    shop: str,
    funnel_id: int,
    start: date,
    end: date,
    split: str = "",
    most: int = Query(reads.MOST_PARTS, ge=1, le=1000),
    format: Format = "json",
) -> Any:
    """How far those got who took the first step of a saved funnel; split by a property for those who may see customers."""
    found = reads.funnel(
        shop=request.access.shop,
        funnel=reads.saved_funnel(request.access.shop, funnel_id).funnel,
        period=_period(start, end),
        split=split,
        most=most,
        with_customers=request.access.may(Deed.VIEW_CUSTOMERS),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"funnel-{funnel_id}", *steps_table(found))
    return as_json(found)


@router.get(
    "/shops/{shop}/traffic/funnels/{funnel_id}/people", response=PeopleOut, operation_id="get_funnel_people"
)
@api(Deed.VIEW_CUSTOMERS)
def get_people(
    request: ShopRequest,
    shop: str,
    funnel_id: int,
    start: date,
    end: date,
    step: int,
    is_exactly: bool = True,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The visitors at a step of a saved funnel: those who took it and no further one, or all who took it."""
    asked: dict[str, Any] = {
        "shop": request.access.shop,
        "funnel": reads.saved_funnel(request.access.shop, funnel_id).funnel,
        "period": _period(start, end),
        "step": step,
        "is_exactly": is_exactly,
        "at": clock.now(),
    }
    if format == "csv":
        rows = people_rows(reads.every_person(**asked))
        return csv_response(request.access, "funnel-people", PEOPLE_COLUMNS, rows)
    return _people(reads.funnel_people(**asked, page=page, size=size))


# --- what comes in


def _period(start: date, end: date) -> Period:
    return period_asked(start, end, longest=LONGEST)


# --- what goes out


def as_json(found: reads.FunnelAnswer) -> dict[str, Any]:
    """The answer as JSON values but for days and moments; the command gives the same."""
    return {
        "funnel": reads.dump_funnel(found.funnel),
        "start": found.period.start,
        "end": found.period.end,
        "metrics": [f"{metric.id}.v{metric.version}" for metric in reads.METRICS],
        "steps": [
            {
                "number": one.number,
                "type": step.type,
                "name": step.name,
                "visitors": one.reached.value,
                "of_previous": _share(one.of_previous),
                "of_first": _share(one.of_first),
                "lost": one.lost,
                "from_previous": _times(one.from_previous),
                "from_first": _times(one.from_first),
            }
            for one, step in zip(found.steps, found.funnel.steps, strict=True)
        ],
        "days": [
            {"day": one.day, "visitors": list(one.reached), "is_unfinished": one.is_unfinished}
            for one in found.days
        ],
        "split": found.split,
        "parts": [
            {"value": one.value, "others": one.others, "visitors": list(one.reached)} for one in found.parts
        ],
        "complete_until": found.complete_until,
        "unfinished_days": found.unfinished_days,
        "notes": [reason_told(note) for note in found.notes],
    }


def _share(figure: Any) -> float | None:
    return None if figure is None or figure.value is None else float(figure.value)


def _times(times: reads.Times | None) -> dict[str, Any] | None:
    if times is None:
        return None
    return {"count": times.count} | {f"p{p}": times.percentiles.get(p) for p in (25, 50, 75, 90)}


def steps_table(found: reads.FunnelAnswer) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """Header and rows of the file: a row a step, of all and then of each part."""
    header = ("part", "step", "type", "name", "visitors", "of_previous", "of_first", "lost", "seconds_median")

    def rows() -> Iterator[Sequence[Any]]:
        steps = found.funnel.steps
        medians = [
            one.from_previous.percentiles.get(50) if one.from_previous else None for one in found.steps
        ]
        groups = [("", tuple(int(one.reached.value or 0) for one in found.steps), medians)]
        for part in found.parts:
            name = f"+{part.others}" if part.others else part.value or "—"
            groups.append((name, part.reached, [None] * len(steps)))
        for name, counts, seconds in groups:
            for k, step in enumerate(steps):
                before = counts[k - 1] if k else 0
                shares = [round(counts[k] / of, 6) if of and k else "" for of in (before, counts[0])]
                lost = before - counts[k] if k else ""
                yield (name, k + 1, step.type, step.name, counts[k], *shares, lost, seconds[k])

    return header, rows()


PEOPLE_COLUMNS = ("subject_id", "ref", "day", "started_at", "reached_at", "depth")


def people_rows(people: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Any]]:
    """Rows of `reads.every_person` as cells of a file."""
    return ([row[name] for name in PEOPLE_COLUMNS] for row in people)


def _people(found: reads.FunnelPeople) -> dict[str, Any]:
    return {
        "step": found.step,
        "is_exactly": found.is_exactly,
        "count": found.count,
        "page": found.page,
        "size": found.size,
        "people": list(found.rows),
    }


def _saved(one: reads.FunnelView) -> dict[str, Any]:
    return kept_told(one) | {"funnel": reads.dump_funnel(one.funnel)}
