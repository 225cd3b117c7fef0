"""The API of mends: look at what rules would do to a group, do it, watch it; the rules that are kept; entries' history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Path, Query, Router, Schema

from shuke.intake.quarantine import kept, mend_reads, mends
from shuke.intake.quarantine.groups import Group
from shuke.intake.quarantine.rules import MOST
from shuke.intake.quarantine.said import is_masked
from shuke.kernel import clock
from shuke.shops.access import Access, ShopRequest, api
from shuke.shops.roles import Deed

router = Router()
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class GroupIn(Schema):
    """A group of what waits, as /quarantine/groups gives it. `mapping` is "" for events."""

    origin: Literal["api", "import"]
    reason: str = Field(max_length=40)
    mapping: str = Field("", max_length=80)
    column: str = Field("", max_length=200)
    import_id: int | None = Field(None, ge=1, le=2**63 - 1)


class MendIn(Schema):
    """`rules`: {"rule": name, ...}, in the order in which they are applied; none: send again as they came.

    zone (column, zone, ignores_offset) · time_format (column, format) · epoch (column, unit) · decimal_comma (column) ·
    cents (column) · replace (column, old, new, is_part) · default (column, value) · copy (column, source) ·
    as_text (column) · received (column) · drop (note)
    """

    group: GroupIn
    rules: list[dict[str, str | bool]] = Field(max_length=MOST)


class StartIn(MendIn):
    """`is_kept`: apply the rules also to later loads of the group's mapping, or to later events of the group."""

    is_kept: bool = False


class ChangeOut(Schema):
    """Values are null for a role that may not see customers; column "" means the whole text."""

    column: str
    before: str | None
    after: str | None


class PreviewRowOut(Schema):
    id: int
    line: int | None
    changes: list[ChangeOut]
    would_load: bool
    why: str


class RefusedOut(Schema):
    words: str
    count: int


class MendPreviewOut(Schema):
    """What rules would do to the first `looked` of `total` entries; nothing is changed."""

    words: str
    total: int
    looked: int
    would_load: int
    would_drop: int
    changed: int
    still_refused: int
    refused: list[RefusedOut]
    rows: list[PreviewRowOut]


class RefusalOut(Schema):
    code: str
    column: str
    words: str
    count: int


class MendOut(Schema):
    """looked = replayed + dropped + refused. It can not be undone: what is sent again is a fact."""

    id: int
    group: GroupIn
    rules: list[dict[str, str | bool]]
    words: str
    state: Literal["waiting", "running", "stopping", "stopped", "done", "failed"]
    share: float | None
    error: str
    total: int
    waiting: int
    looked: int
    replayed: int
    mended: int
    dropped: int
    refused: int
    refusals: list[RefusalOut]
    created_at: datetime
    created_by: str
    ended_at: datetime | None


class MendPageOut(Schema):
    rows: list[MendOut]
    count: int
    page: int
    size: int


class SettledOut(Schema):
    id: int
    entry_id: int
    line: int | None
    state: Literal["replayed", "dropped"]
    changes: list[ChangeOut]
    note: str
    rules: str
    mend_id: int | None
    kept_id: int | None
    at: datetime
    by: str


class SettledPageOut(Schema):
    """`next_after` null: there are no more."""

    rows: list[SettledOut]
    next_after: int | None


class KeptOut(Schema):
    """`origin` api: applied to events, of which `rows` were mended so; `mapping` is "" then. Values in rules are masked for

    a role that may not see customers. `failing_since`: from when on `problem`, which is not one of the events, keeps the
    rules from being applied; they are tried again at `next_try_at`.
    """

    id: int
    origin: Literal["api", "import"]
    mapping: str
    reason: str
    column: str
    rules: list[dict[str, str | bool]]
    words: str
    rows: int
    created_at: datetime
    created_by: str
    problem: str
    failing_since: datetime | None
    next_try_at: datetime | None


class DoneOut(Schema):
    id: int


@router.post("/shops/{shop}/mends/preview", response=MendPreviewOut, operation_id="preview_mend")
@api(Deed.MEND_QUARANTINE)
def preview(request: ShopRequest, shop: str, asked: MendIn) -> Any:
    """What rules would do to a group: ten entries before and after, how many would load, why the others would not."""
    access = request.access
    found = mends.preview_mend(
        shop=access.shop,
        group=_group(asked),
        rules=asked.rules,
        is_masked=is_masked(access),
        actor=access.actor,
        at=clock.now(),
    )
    return {
        **{name: getattr(found, name) for name in ("total", "looked", "would_load", "would_drop", "changed")},
        "words": mend_reads.words_of_rules(found.rules),
        "still_refused": found.still_refused,
        "refused": [{"words": words, "count": count} for words, count in found.refused],
        "rows": [
            {
                "id": row.id,
                "line": row.line,
                "changes": _changes(access, row.changes),
                "would_load": row.would_load,
                "why": row.why,
            }
            for row in found.rows
        ],
    }


@router.post("/shops/{shop}/mends", response=MendOut, operation_id="start_mend")
@api(Deed.MEND_QUARANTINE)
def start(request: ShopRequest, shop: str, asked: StartIn) -> Any:
    """Mend all that waits in a group now, as a job."""
    access = request.access
    row = mends.start_mend(
        shop=access.shop,
        group=_group(asked),
        rules=asked.rules,
        is_kept=asked.is_kept,
        actor=access.actor,
        at=clock.now(),
    )
    return _mend(access, row.pk)


@router.get("/shops/{shop}/mends", response=MendPageOut, operation_id="list_mends")
@api(Deed.VIEW_QUARANTINE)
def list_mends(
    request: ShopRequest,
    shop: str,
    page: int = Query(1, ge=1, le=100_000),
    size: int = Query(50, ge=1, le=500),
) -> Any:
    """Mends, newest first."""
    access = request.access
    found = mend_reads.list_mends(access.shop, page=page, size=size, is_masked=is_masked(access))
    return {
        "rows": [_mend_out(row) for row in found.rows],
        "count": found.count,
        "page": found.page,
        "size": found.size,
    }


@router.get("/shops/{shop}/mends/{mend_id}", response=MendOut, operation_id="get_mend")
@api(Deed.VIEW_QUARANTINE)
def get_mend(request: ShopRequest, shop: str, mend_id: Number) -> Any:
    """One mend: how far it is, what it did, why some still wait."""
    return _mend(request.access, mend_id)


@router.get("/shops/{shop}/mends/{mend_id}/entries", response=SettledPageOut, operation_id="list_mended")
@api(Deed.VIEW_QUARANTINE)
def list_mended(
    request: ShopRequest,
    shop: str,
    mend_id: Number,
    after: int = Query(0, ge=0, le=2**63 - 1),
    size: int = Query(50, ge=1, le=500),
) -> Any:
    """What a mend settled, entry by entry, before and after; ask on with `next_after`."""
    access = request.access
    found = mend_reads.settled_by_mend(
        access.shop, mend_id, after=after, size=size, is_masked=is_masked(access)
    )
    return {"rows": [_settled(access, row) for row in found.rows], "next_after": found.next_after}


@router.post("/shops/{shop}/mends/{mend_id}/stop", response=MendOut, operation_id="stop_mend")
@api(Deed.MEND_QUARANTINE)
def stop(request: ShopRequest, shop: str, mend_id: Number) -> Any:
    """Stop after the running chunk; what is mended stays."""
    access = request.access
    mends.stop_mend(shop=access.shop, mend_id=mend_id, actor=access.actor, at=clock.now())
    return _mend(access, mend_id)


@router.post("/shops/{shop}/mends/{mend_id}/resume", response=MendOut, operation_id="resume_mend")
@api(Deed.MEND_QUARANTINE)
def resume(request: ShopRequest, shop: str, mend_id: Number) -> Any:
    """Go on where it stood."""
    access = request.access
    mends.resume_mend(shop=access.shop, mend_id=mend_id, actor=access.actor, at=clock.now())
    return _mend(access, mend_id)


@router.get("/shops/{shop}/kept-mends", response=list[KeptOut], operation_id="list_kept_mends")
@api(Deed.VIEW_QUARANTINE)
def list_kept(request: ShopRequest, shop: str) -> Any:
    """Rules that are applied to what later loads, or collection, would leave waiting; newest first."""
    return [
        {**_fields(row), "rules": [dict(one) for one in row.rules]}
        for row in mend_reads.list_kept(request.access.shop, is_masked=is_masked(request.access))
    ]


@router.post("/shops/{shop}/kept-mends/{kept_id}/remove", response=DoneOut, operation_id="remove_kept_mend")
@api(Deed.MEND_QUARANTINE)
def remove_kept(request: ShopRequest, shop: str, kept_id: Number) -> Any:
    """Such rows and events wait again from now on; what was mended stays."""
    access = request.access
    kept.remove_kept(shop=access.shop, kept_id=kept_id, actor=access.actor, at=clock.now())
    return {"id": kept_id}


@router.get(
    "/shops/{shop}/quarantine/{quarantined_id}/history",
    response=list[SettledOut],
    operation_id="get_quarantined_history",
)
@api(Deed.VIEW_QUARANTINE)
def history(request: ShopRequest, shop: str, quarantined_id: Number) -> Any:
    """How an entry was settled: nothing while it waits, never more than once."""
    access = request.access
    found = mend_reads.history_of(access.shop, quarantined_id, is_masked=is_masked(access))
    return [_settled(access, row) for row in found]


def _group(asked: MendIn) -> Group:
    return Group(**asked.group.dict())


def _fields(view: Any) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__dataclass_fields__}


def _mend(access: Access, mend_id: int) -> dict[str, Any]:
    return _mend_out(mend_reads.get_mend(access.shop, mend_id, is_masked=is_masked(access)))


def _mend_out(view: mend_reads.MendView) -> dict[str, Any]:
    return {
        **_fields(view),
        "group": view.group.as_json(),
        "rules": [dict(one) for one in view.rules],
        "refusals": [_fields(one) for one in view.refusals],
        "waiting": view.waiting,
    }


def _settled(access: Access, view: mend_reads.SettledView) -> dict[str, Any]:
    return {**_fields(view), "changes": _changes(access, view.changes)}


def _changes(access: Access, changes: Any) -> list[dict[str, Any]]:
    """Values name people, so they are shown to those who may see customers."""
    if not is_masked(access):
        return [dict(one) for one in changes]
    return [{"column": one["column"], "before": None, "after": None} for one in changes]
