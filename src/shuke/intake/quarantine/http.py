"""The API of the quarantine: what waits by reason, the entries, one of them; mend it, send it again, drop it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Path, Query, Router, Schema

from shuke.intake.quarantine import actions, reads
from shuke.intake.quarantine.groups import waiting_groups
from shuke.intake.quarantine.said import is_masked
from shuke.kernel import clock
from shuke.shops.access import Access, ShopRequest, api
from shuke.shops.roles import Deed

router = Router()
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
EntryId = Annotated[int, Path(ge=1, le=2**63 - 1)]
ImportId = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Origin = Literal["api", "import"]
State = Literal["waiting", "replayed", "dropped"]
_REFUSED = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
# An event that is sent again needs room in the journal; a row may need its file once more.
_MAY_BE_FULL = {"responses": {503: {"description": "Nothing can be taken now", "content": _REFUSED}}}
_MAY_BE_GONE = {"responses": {410: {"description": "Its file is gone", "content": _REFUSED}}}
_MEND = {"responses": _MAY_BE_FULL["responses"] | _MAY_BE_GONE["responses"]}


class ReasonCountOut(Schema):
    """How much waits for one reason; `example` is the newest case in words."""

    reason: str
    origin: Origin
    count: int
    since: datetime
    example: str


class GroupOut(Schema):
    """What waits for one reason in one column of one mapping; `example` is the newest case in words."""

    origin: Origin
    reason: str
    mapping: str
    column: str
    count: int
    since: datetime
    example: str
    remedy: str
    file: str
    import_id: int | None


class QuarantinedOut(Schema):
    """One event or row. `payload` is null for a role that may not see customers: the text names people."""

    id: int
    origin: Origin
    import_id: int | None
    mapping: str
    line: int | None
    column: str
    reason: str
    words: str
    remedy: str
    payload: str | None
    received_at: datetime
    state: State
    settled_at: datetime | None
    settled_by: str


class QuarantinePageOut(Schema):
    rows: list[QuarantinedOut]
    count: int
    page: int
    size: int


class MendIn(Schema):
    """`payload` absent: send it again as it came."""

    payload: str | None = Field(None, max_length=1_000_000)


class ChosenIn(Schema):
    ids: list[Id] = Field(min_length=1, max_length=actions.AT_ONCE)


class DropIn(ChosenIn):
    """`note`: why, in words."""

    note: str = Field("", max_length=300)


class StillRefusedOut(Schema):
    id: int
    words: str


class ReplayedOut(Schema):
    """`count` were sent again; `refused` still can not become facts and wait on."""

    count: int
    refused: list[StillRefusedOut]


class DroppedOut(Schema):
    count: int


@router.get(
    "/shops/{shop}/quarantine/reasons", response=list[ReasonCountOut], operation_id="list_quarantine_reasons"
)
@api(Deed.VIEW_QUARANTINE)
def list_reasons(request: ShopRequest, shop: str, import_id: ImportId = None) -> Any:
    """What waits, by reason and origin, the most frequent first."""
    access = request.access
    return list(reads.waiting_by_reason(access.shop, import_id=import_id, is_masked=is_masked(access)))


@router.get("/shops/{shop}/quarantine/groups", response=list[GroupOut], operation_id="list_quarantine_groups")
@api(Deed.VIEW_QUARANTINE)
def list_groups(request: ShopRequest, shop: str, import_id: ImportId = None) -> Any:
    """What waits, by reason, origin, mapping and column, the largest group first."""
    return [
        {
            **{name: getattr(one.group, name) for name in ("origin", "reason", "mapping", "column")},
            **{
                name: getattr(one, name)
                for name in ("count", "since", "example", "remedy", "file", "import_id")
            },
        }
        for one in waiting_groups(
            request.access.shop, import_id=import_id, is_masked=is_masked(request.access)
        )
    ]


@router.get("/shops/{shop}/quarantine", response=QuarantinePageOut, operation_id="list_quarantined")
@api(Deed.VIEW_QUARANTINE)
def list_quarantined(
    request: ShopRequest,
    shop: str,
    state: Literal["waiting", "replayed", "dropped", "any"] = "waiting",
    reason: str | None = Query(None, max_length=40),
    origin: Origin | None = None,
    import_id: ImportId = None,
    mapping: str | None = Query(None, max_length=80),
    column: str | None = Query(None, max_length=200),
    before: int | None = Query(None, ge=1, le=2**63 - 1),
    page: int = Query(1, ge=1, le=100_000),
    size: int = Query(50, ge=1, le=500),
) -> Any:
    """Entries, newest first. Very many are read by key: `before` the last id of the page before, instead of `page`."""
    found = reads.list_quarantined(
        request.access.shop,
        state=None if state == "any" else state,
        reason=reason,
        origin=origin,
        import_id=import_id,
        mapping=mapping,
        column=column,
        before=before,
        page=page,
        size=size,
        is_masked=is_masked(request.access),
    )
    return {
        "rows": [_entry(request.access, row) for row in found.rows],
        "count": found.count,
        "page": found.page,
        "size": found.size,
    }


@router.post(
    "/shops/{shop}/quarantine/replay",
    response=ReplayedOut,
    operation_id="replay_quarantined",
    openapi_extra=_MAY_BE_FULL,
)
@api(Deed.MEND_QUARANTINE)
def replay(request: ShopRequest, shop: str, asked: ChosenIn) -> Any:
    """Send entries again as they came: a rule, mapping or clock has changed. Settled ones are passed over."""
    access = request.access
    done = actions.replay(shop=access.shop, ids=asked.ids, actor=access.actor, at=clock.now())
    return {
        "count": done.count,
        "refused": [{"id": quarantined_id, "words": words} for quarantined_id, words in done.refused],
    }


@router.post("/shops/{shop}/quarantine/drop", response=DroppedOut, operation_id="drop_quarantined")
@api(Deed.MEND_QUARANTINE)
def drop(request: ShopRequest, shop: str, asked: DropIn) -> Any:
    """Settle entries that are worth nothing; they stay readable. Settled ones are passed over."""
    access = request.access
    count = actions.drop(shop=access.shop, ids=asked.ids, note=asked.note, actor=access.actor, at=clock.now())
    return {"count": count}


@router.get(
    "/shops/{shop}/quarantine/{quarantined_id}", response=QuarantinedOut, operation_id="get_quarantined"
)
@api(Deed.VIEW_QUARANTINE)
def get_quarantined(request: ShopRequest, shop: str, quarantined_id: EntryId) -> Any:
    """One entry with its text."""
    access = request.access
    return _entry(access, reads.get_quarantined(access.shop, quarantined_id, is_masked=is_masked(access)))


@router.post(
    "/shops/{shop}/quarantine/{quarantined_id}/replay",
    response=QuarantinedOut,
    operation_id="mend_quarantined",
    openapi_extra=_MEND,
)
@api(Deed.MEND_QUARANTINE)
def mend(request: ShopRequest, shop: str, quarantined_id: EntryId, asked: MendIn) -> Any:
    """Send one entry again, mended; it counts at the moment when it came first. Still refused (422): nothing changed."""
    access = request.access
    found = actions.mend_and_replay(
        shop=access.shop,
        quarantined_id=quarantined_id,
        payload=asked.payload,
        actor=access.actor,
        at=clock.now(),
    )
    return _entry(access, found)


def _entry(access: Access, row: reads.QuarantinedView) -> dict[str, Any]:
    entry = {name: getattr(row, name) for name in row.__dataclass_fields__}
    if is_masked(access):
        entry["payload"] = None
    return entry
