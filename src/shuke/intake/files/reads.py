"""Questions about files, mappings and imports of a shop, answered with frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django_scopes import scope

from shuke.intake.files.naming import likeness, normal
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.files.spec import MappingSpec, is_name, parse
from shuke.intake.models.imports import Import, Mapping, Upload
from shuke.kernel.errors import NotFound
from shuke.records import reads as records
from shuke.shops.reads import ShopView

__all__ = [
    "ImportPage",
    "ImportView",
    "MappingView",
    "Recognised",
    "UploadView",
    "get_import",
    "get_mapping",
    "list_imports",
    "list_mappings",
    "recognised",
]


@dataclass(frozen=True)
class UploadView:
    sha256: str
    name: str
    size: int
    created_at: datetime


@dataclass(frozen=True)
class MappingView:
    """`version` is None for a mapping that comes with the project."""

    name: str
    spec: MappingSpec
    version: int | None
    changed_at: datetime | None

    @property
    def is_shipped(self) -> bool:
        return self.version is None


@dataclass(frozen=True)
class ImportView:
    """One import with its job's state. rows_read = rows_new + rows_changed + rows_known + rows_bad."""

    id: int
    mapping_name: str
    kind: str
    source: str
    files: Table[str, Any]
    choices: Table[str, Any]
    job_id: int | None
    state: str
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

    @property
    def file_name(self) -> str:
        return str(self.files.get("", {}).get("name", ""))


@dataclass(frozen=True)
class ImportPage:
    """A page of imports, newest first, and how many there are in all."""

    rows: tuple[ImportView, ...]
    count: int
    page: int
    size: int


def upload_view(row: Upload) -> UploadView:
    return UploadView(row.sha256, row.name, row.size, row.created_at)


def list_mappings(shop: ShopView) -> tuple[MappingView, ...]:
    """The shop's own mappings, then the shipped ones; each by name."""
    with scope(shop=shop.id):
        own = [_own(row) for row in Mapping.objects.filter(shop_id=shop.id).order_by("name")]
    return (*own, *(MappingView(spec.name, spec, None, None) for spec in shipped_mappings().values()))


def get_mapping(shop: ShopView, name: str) -> MappingView:
    """Raises NotFound."""
    if (spec := shipped_mappings().get(name)) is not None:
        return MappingView(spec.name, spec, None, None)
    row = None
    if is_name(name):
        with scope(shop=shop.id):
            row = Mapping.objects.filter(shop_id=shop.id, name=name).first()
    if row is None:
        raise NotFound(field="mapping", value=name)
    return _own(row)


def _own(row: Mapping) -> MappingView:
    return MappingView(row.name, parse(row.spec), row.version, row.changed_at)


@dataclass(frozen=True)
class Recognised:
    """A mapping whose known header is like a file's: how like (0 to 1), and what it needs that the file has not."""

    mapping: MappingView
    likeness: float
    lacks: tuple[str, ...]


SURE = 0.6


def fitting_mappings(shop: ShopView, columns: Sequence[str]) -> tuple[MappingView, ...]:
    """Mappings whose required columns a file has: what to suggest for it."""
    return tuple(m for m in list_mappings(shop) if not m.spec.lacks(columns))


def recognised(shop: ShopView, sheets: Sequence[Sequence[str]]) -> tuple[Recognised, ...]:
    """Mappings that a file looks like, by the names of its columns, likest first. `sheets`: the columns of each sheet.

    A mapping of a workbook counts when its other sheets are there; one that lacks a column is offered all the same.
    """
    likest = likenesses(list_mappings(shop), sheets)
    return tuple(one for one in likest if one.mapping.spec.header and one.likeness >= SURE)


def likenesses(mappings: Sequence[MappingView], sheets: Sequence[Sequence[str]]) -> tuple[Recognised, ...]:
    """How like a file is to each mapping, likest first. One whose whole header nobody knows is told by what it needs."""
    found = []
    for one in mappings:
        header = one.spec.header or one.spec.required_of()
        best = max(sheets, key=lambda columns: _likeness(columns, header), default=())
        score = _likeness(best, header)
        for join in one.spec.joins:
            if join.layout.sheet and not join.is_optional:
                others = [columns for columns in sheets if columns is not best]
                score += 0.2 if any(not one.spec.lacks(c, join.part) for c in others) else -0.5
        found.append(Recognised(one, score, one.spec.lacks(best)))
    return tuple(sorted(found, key=lambda r: (-r.likeness, len(r.lacks), r.mapping.name)))


def _likeness(columns: Sequence[str], header: Sequence[str]) -> float:
    mine, theirs = {normal(c) for c in columns if c}, {normal(c) for c in header}
    if not theirs:
        return 0.0
    return 0.7 * len(mine & theirs) / len(theirs) + 0.3 * likeness(columns, header)


def get_import(shop: ShopView, import_id: int) -> ImportView:
    """Raises NotFound."""
    with scope(shop=shop.id):
        row = Import.objects.filter(shop_id=shop.id, id=import_id).first()
    if row is None:
        raise NotFound(field="import", value=import_id)
    return _view(row)


def list_imports(shop: ShopView, *, page: int = 1, size: int = 50) -> ImportPage:
    """The shop's imports, newest first."""
    size = max(1, min(size, 500))
    page = max(1, page)
    with scope(shop=shop.id):
        rows = Import.objects.filter(shop_id=shop.id).order_by("-id")
        count = rows.count()
        views = tuple(_view(row) for row in rows[(page - 1) * size : page * size])
    return ImportPage(views, count, page, size)


def is_under_way(shop: ShopView, source: str, states: Sequence[str], *, besides: int = 0) -> bool:
    """Whether another import of the source is in one of these states of its job."""
    with scope(shop=shop.id):
        recent = Import.objects.filter(shop_id=shop.id, source=source, job_id__isnull=False).exclude(
            id=besides
        )
        job_ids = list(recent.order_by("-id").values_list("job_id", flat=True)[:20])
    return any(
        records.get_job(shop_id=shop.id, job_id=job_id).state in states for job_id in job_ids if job_id
    )


def _view(row: Import) -> ImportView:
    job = records.get_job(shop_id=row.shop_id, job_id=row.job_id) if row.job_id else None
    return ImportView(
        id=row.pk,
        mapping_name=row.mapping_name,
        kind=row.kind,
        source=row.source,
        files=row.files,
        choices=row.choices,
        job_id=row.job_id,
        state=job.state if job else "waiting",
        share=job.share if job else None,
        error=job.error if job else "",
        rows_read=row.rows_read,
        rows_new=row.rows_new,
        rows_changed=row.rows_changed,
        rows_known=row.rows_known,
        rows_bad=row.rows_bad,
        first_day=row.first_day,
        last_day=row.last_day,
        created_at=row.created_at,
        created_by=row.created_by,
        ended_at=job.ended_at if job else None,
    )
