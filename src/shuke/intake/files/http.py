"""The API of files: give one, look at it through a mapping, load it, watch it; keep mappings."""

from __future__ import annotations

from datetime import date, datetime
from typing import IO, Annotated, Any, Literal, cast

from ninja import Field, File, Path, Query, Router, Schema
from ninja.files import UploadedFile

from shuke.intake.files import actions, problems, reads, report_reads, spec
from shuke.intake.files.preview import Preview
from shuke.kernel import clock
from shuke.shops.access import ShopRequest, api
from shuke.shops.roles import Deed

router = Router()
ImportId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class UploadOut(Schema):
    sha256: str
    name: str
    size: int
    created_at: datetime


class Choices(Schema):
    """How the main file is laid out, where it should not be as the mapping says. `auto` detects.

    `columns`: a name that the mapping wants -> the file's column that holds it. `name`: what stands for the file's name,
    where the mapping reads a month from it.
    """

    separator: str | None = Field(default=None, max_length=4)
    encoding: str | None = Field(default=None, max_length=40)
    header: bool | None = None
    columns: dict[str, str] | None = Field(default=None, max_length=200)
    name: str | None = Field(default=None, max_length=200)


class PreviewIn(Schema):
    """`files`: part ("" is the main file) -> sha256 of an upload. A draft of a mapping may be tried as `spec`."""

    files: dict[str, str] = Field(max_length=10)
    mapping: str | None = Field(None, max_length=80)
    spec: dict[str, Any] | None = None
    choices: Choices = Choices()


class DetectedOut(Schema):
    kind: str
    is_packed: bool
    encoding: str
    separator: str
    has_header: bool
    sheet: str
    sheets: list[str]


class CellMendedOut(Schema):
    """A cell that kept rules change before the row is read; `rules` in words."""

    column: str
    before: str
    after: str
    rules: str


class MappedRowOut(Schema):
    """`fields` null: the row would wait in quarantine. `cells` as the load reads them; `mended`: what kept rules change."""

    line: int
    cells: list[str]
    fields: dict[str, str | int | None] | None
    mended: list[CellMendedOut]


class RowProblemOut(Schema):
    line: int
    column: str
    code: str
    words: str
    remedy: str


class NoticeOut(Schema):
    code: str
    words: str


class RecognisedOut(Schema):
    """A mapping whose known header the file's columns are like (0 to 1), and what it needs that the file lacks."""

    mapping: str
    likeness: float
    lacks: list[str]


class PreviewOut(Schema):
    file: str
    detected: DetectedOut
    columns: list[str]
    rows: list[MappedRowOut]
    problems: list[RowProblemOut]
    rows_looked_at: int
    rows_bad: int
    rows_mended: int
    notices: list[NoticeOut]
    refusal: dict[str, str] | None
    fitting: list[str]
    recognised: list[RecognisedOut]


class ImportIn(Schema):
    files: dict[str, str] = Field(max_length=10)
    mapping: str = Field(max_length=80)
    choices: Choices = Choices()


class ImportOut(Schema):
    """rows_read = rows_new + rows_changed + rows_known + rows_bad."""

    id: int
    mapping_name: str
    kind: str
    source: str
    file_name: str
    job_id: int | None
    state: Literal["waiting", "running", "stopping", "stopped", "done", "failed"]
    share: float | None
    error: str
    rows_read: int
    rows_new: int
    rows_changed: int
    rows_known: int
    rows_bad: int
    first_day: date | None
    last_day: date | None
    created_at: datetime
    created_by: str
    ended_at: datetime | None


class ImportPageOut(Schema):
    rows: list[ImportOut]
    count: int
    page: int
    size: int


class MappingOut(Schema):
    """`version` null: comes with the project."""

    name: str
    title: str
    kind: str
    source: str
    version: int | None
    changed_at: datetime | None
    columns: list[str]


class MappingWhole(MappingOut):
    spec: dict[str, Any]


class MappingIn(Schema):
    """`version`: the one that was edited; absent for a new mapping."""

    spec: dict[str, Any]
    version: int | None = Field(None, ge=1, le=2**31 - 1)


@router.post("/shops/{shop}/files", response={201: UploadOut}, operation_id="upload_file")
@api(Deed.IMPORT_FILES)
def upload_file(request: ShopRequest, shop: str, file: UploadedFile = File(...)) -> Any:  # noqa: B008 - ninja's way
    """Give a file; the same content again gives the same file."""
    access = request.access
    view = actions.upload_file(
        shop=access.shop,
        content=cast(IO[bytes], file.file),
        name=file.name or "file",
        actor=access.actor,
        at=clock.now(),
    )
    return 201, view


@router.post("/shops/{shop}/files/preview", response=PreviewOut, operation_id="preview_file")
@api(Deed.IMPORT_FILES)
def preview_file(request: ShopRequest, shop: str, asked: PreviewIn) -> Any:
    """The first rows as they would be read, what is wrong with them, what the file was found to be."""
    access = request.access
    draft = spec.parse(asked.spec) if asked.spec is not None else None
    seen = actions.preview(
        shop=access.shop,
        files=asked.files,
        mapping=None if draft else asked.mapping,
        spec=draft,
        choices=asked.choices.dict(exclude_none=True),
        actor=access.actor,
        at=clock.now(),
    )
    try:
        like = actions.recognise(
            shop=access.shop,
            file=asked.files[actions.MAIN],
            choices=asked.choices.dict(exclude_none=True),
            actor=access.actor,
        )
    except problems.FileProblem:
        like = ()  # some other sheet can not be read; the one that was asked for could
    return {
        **_preview_out(seen, [m.name for m in reads.fitting_mappings(access.shop, seen.columns)]),
        "recognised": [
            {"mapping": r.mapping.name, "likeness": round(r.likeness, 3), "lacks": list(r.lacks)}
            for r in like
        ],
    }


@router.post("/shops/{shop}/imports", response={201: ImportOut}, operation_id="start_import")
@api(Deed.IMPORT_FILES)
def start_import(request: ShopRequest, shop: str, asked: ImportIn) -> Any:
    """Start loading given files through a mapping; one import of a source at a time."""
    access = request.access
    view = actions.start_import(
        shop=access.shop,
        files=asked.files,
        mapping=asked.mapping,
        choices=asked.choices.dict(exclude_none=True),
        actor=access.actor,
        at=clock.now(),
    )
    return 201, view


@router.get("/shops/{shop}/imports", response=ImportPageOut, operation_id="list_imports")
@api(Deed.IMPORT_FILES)
def list_imports(
    request: ShopRequest,
    shop: str,
    page: int = Query(1, ge=1, le=100_000),
    size: int = Query(50, ge=1, le=500),
) -> Any:
    """Imports, newest first."""
    return reads.list_imports(request.access.shop, page=page, size=size)


@router.get("/shops/{shop}/imports/{import_id}", response=ImportOut, operation_id="get_import")
@api(Deed.IMPORT_FILES)
def get_import(request: ShopRequest, shop: str, import_id: ImportId) -> Any:
    """One import: its state, how far it is, what became of its rows."""
    return reads.get_import(request.access.shop, import_id)


@router.post("/shops/{shop}/imports/{import_id}/stop", response=ImportOut, operation_id="stop_import")
@api(Deed.IMPORT_FILES)
def stop_import(request: ShopRequest, shop: str, import_id: ImportId) -> Any:
    """Stop after the running chunk; what is loaded stays, and the import may go on later."""
    access = request.access
    actions.stop_import(shop=access.shop, import_id=import_id, actor=access.actor, at=clock.now())
    return reads.get_import(access.shop, import_id)


@router.post("/shops/{shop}/imports/{import_id}/resume", response=ImportOut, operation_id="resume_import")
@api(Deed.IMPORT_FILES)
def resume_import(request: ShopRequest, shop: str, import_id: ImportId) -> Any:
    """Go on where a stopped or failed import stood."""
    access = request.access
    actions.resume_import(shop=access.shop, import_id=import_id, actor=access.actor, at=clock.now())
    return reads.get_import(access.shop, import_id)


class ReportLineOut(Schema):
    """`state` as the platform reports it; `findings`: where the line contradicts itself.

    `order_ref`: the order that a message tells of; blank for readers who may not see customers.
    """

    report: str
    metric: str
    item: str
    marketplace: str
    begins: datetime
    ends: datetime | None
    day: date
    state: str
    reported: str
    counted: str
    target: str
    findings: list[str]
    amount_minor: int | None
    currency: str
    quantity: str
    order_ref: str


@router.get("/shops/{shop}/reports", response=list[ReportLineOut], operation_id="list_report_lines")
@api(Deed.VIEW_TRAFFIC)
def list_report_lines(request: ShopRequest, shop: str, report: str = Query("", max_length=80)) -> Any:
    """Lines of the platforms' reports, contradictions first, at most 2,000."""
    access = request.access
    return report_reads.list_report_lines(
        access.shop, report=report, with_orders=access.may(Deed.VIEW_CUSTOMERS)
    )


@router.get("/shops/{shop}/mappings", response=list[MappingOut], operation_id="list_mappings")
@api(Deed.IMPORT_FILES)
def list_mappings(request: ShopRequest, shop: str) -> Any:
    """The shop's own mappings, then those that come with the project."""
    return [_mapping_out(m) for m in reads.list_mappings(request.access.shop)]


@router.get("/shops/{shop}/mappings/{name}", response=MappingWhole, operation_id="get_mapping")
@api(Deed.IMPORT_FILES)
def get_mapping(request: ShopRequest, shop: str, name: str) -> Any:
    """One mapping with its whole text."""
    view = reads.get_mapping(request.access.shop, name)
    return {**_mapping_out(view), "spec": dict(view.spec.raw)}


@router.put("/shops/{shop}/mappings", response=MappingWhole, operation_id="save_mapping")
@api(Deed.MANAGE_MAPPINGS)
def save_mapping(request: ShopRequest, shop: str, asked: MappingIn) -> Any:
    """Make a mapping, or change the one of its name."""
    access = request.access
    view = actions.save_mapping(
        shop=access.shop, spec=asked.spec, version=asked.version, actor=access.actor, at=clock.now()
    )
    return {**_mapping_out(view), "spec": dict(view.spec.raw)}


@router.delete("/shops/{shop}/mappings/{name}", response={204: None}, operation_id="remove_mapping")
@api(Deed.MANAGE_MAPPINGS)
def remove_mapping(request: ShopRequest, shop: str, name: str) -> Any:
    """Remove a mapping of the shop; imports that used it keep their own copy."""
    access = request.access
    actions.remove_mapping(shop=access.shop, name=name, actor=access.actor, at=clock.now())
    return 204, None


def _mapping_out(view: reads.MappingView) -> dict[str, Any]:
    return {
        "name": view.name,
        "title": view.spec.title_in(),
        "kind": view.spec.kind,
        "source": view.spec.source,
        "version": view.version,
        "changed_at": view.changed_at,
        "columns": list(view.spec.named_columns()),
    }


def _preview_out(seen: Preview, fitting: list[str]) -> dict[str, Any]:
    return {
        "file": seen.file,
        "detected": seen.detected,
        "columns": list(seen.columns),
        "rows": [
            {
                "line": row.line,
                "cells": list(row.cells),
                "fields": None if row.fields is None else {k: _plain(v) for k, v in row.fields.items()},
                "mended": list(row.mended),
            }
            for row in seen.rows
        ],
        "problems": list(seen.problems),
        "rows_looked_at": seen.rows_looked_at,
        "rows_bad": seen.rows_bad,
        "rows_mended": seen.rows_mended,
        "notices": [{"code": n.code, "words": n.text()} for n in seen.notices],
        "refusal": None if seen.refusal is None else {k: str(v) for k, v in seen.refusal.as_dict().items()},
        "fitting": fitting,
    }


def _plain(value: Any) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
